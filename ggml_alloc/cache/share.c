/*
 * Who else uses a block, and when that is over without an event: streams that were joined, or go.
 */
#include "cache/device.h"

/* The slot of a live block; 0: it is no part of the cache, and its end waits for all streams anyway. */
static enum ga_status find_live(const ga_cache *cache, ga_block name, uint32_t *slot)
{
    enum ga_status status = gai_core_slot(&cache->core, name, slot);
    if (status == GA_OK || !direct_is(name))
        return status;
    status = gai_direct_slot(&cache->direct, name, slot);
    *slot = 0;
    return status;
}

static enum ga_status share_locked(ga_cache *cache, uint32_t slot, ga_stream stream)
{
    struct core_block *block = &cache->core.blocks[slot];
    if (stream == core_block_home(&cache->core, slot)->stream)
        return GA_OK;
    bool captured = cache->pools.n_captures && gai_pools_captures(&cache->pools, core_block_home(&cache->core, slot)->pool);
    return gai_defer_share(&cache->defer, &block->uses, slot, stream, captured);
}

enum ga_status ga_cache_share(ga_cache *cache, ga_block name, ga_stream stream)
{
    uint32_t slot;
    stream = gai_cache_stream(cache, stream);
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = find_live(cache, name, &slot);
    if (status == GA_OK && slot)
        status = share_locked(cache, slot, stream);
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_share_ptr(ga_cache *cache, const void *ptr, ga_stream stream)
{
    if (!ptr)
        return GA_OK;
    stream = gai_cache_stream(cache, stream);
    if (!cache_enter(cache))
        return GA_BUSY;
    uint32_t slot = gai_core_at(&cache->core, ptr);
    bool is_direct = !slot && direct_at(&cache->direct, ptr);
    enum ga_status status = slot ? share_locked(cache, slot, stream) : is_direct ? GA_OK : GA_UNKNOWN;
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_unshare(ga_cache *cache, ga_block name, ga_stream stream)
{
    uint32_t slot;
    stream = gai_cache_stream(cache, stream);
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = find_live(cache, name, &slot);
    if (status == GA_OK && slot)
        gai_defer_unshare(&cache->defer, &cache->core.blocks[slot].uses, stream);
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_share_until(ga_cache *cache, ga_block name, ga_event event)
{
    uint32_t slot;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = find_live(cache, name, &slot);
    if (status == GA_OK && slot)
        status = gai_defer_share_until(&cache->defer, &cache->core.blocks[slot].uses, slot, event);
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_joined(ga_cache *cache, ga_stream home, ga_stream stream)
{
    home = gai_cache_stream(cache, home);
    stream = gai_cache_stream(cache, stream);
    if (!cache_enter(cache))
        return GA_BUSY;
    struct defer_walk walk = gai_defer_walk_stream(&cache->defer, stream);
    for (uint32_t slot; (slot = gai_defer_next(&cache->defer, &walk));) {
        struct core_block *block = &cache->core.blocks[slot];
        bool is_over = core_block_home(&cache->core, slot)->stream == home && gai_defer_drop(&cache->defer, &walk);
        if (is_over && --block->n_waits == 0)
            gai_cache_complete(cache, slot);
    }
    lock_give(&cache->lock);
    return GA_OK;
}

/* No block waits for the stream, or is shared with it. */
static void forget(ga_cache *cache, ga_stream stream)
{
    struct core *core = &cache->core;
    struct defer_walk walk = gai_defer_walk_stream(&cache->defer, stream);
    for (uint32_t slot; (slot = gai_defer_next(&cache->defer, &walk));)
        if (gai_defer_drop(&cache->defer, &walk) && --core->blocks[slot].n_waits == 0)
            gai_cache_complete(cache, slot);
    for (uint32_t slot = 1; slot <= core->n_blocks; slot++)
        if (core->blocks[slot].state == CORE_LIVE && core->blocks[slot].uses)
            gai_defer_unshare(&cache->defer, &core->blocks[slot].uses, stream);
}

enum ga_status ga_cache_drop_stream(ga_cache *cache, ga_stream stream)
{
    struct idle idle;
    stream = gai_cache_stream(cache, stream);
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_cache_wait_all(cache, &idle);
    if (status == GA_OK) {
        forget(cache, stream);
        gai_cache_drop_idle_of(cache, idle, stream);
    }
    lock_give(&cache->lock);
    return status;
}
