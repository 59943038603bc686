/*
 * Blocks that carry how to give them back: an owner knows its cache and its block.  Those that are not released go with the cache.
 */
#include "cache/own.h"

#include "cache/device.h"

struct owner {
    ga_cache *cache;
    ga_block block;
    struct owner *prev, *next; /* of the cache */
};

static void owner_add(ga_cache *cache, struct owner *owner)
{
    owner->next = cache->owners;
    if (owner->next)
        owner->next->prev = owner;
    cache->owners = owner;
}

static void owner_remove(ga_cache *cache, struct owner *owner)
{
    if (owner->next)
        owner->next->prev = owner->prev;
    if (owner->prev)
        owner->prev->next = owner->next;
    else
        cache->owners = owner->next;
    mem_free(&cache->mem, owner, 1);
}

void gai_own_fini(ga_cache *cache)
{
    while (cache->owners)
        owner_remove(cache, cache->owners);
}

static enum ga_status owner_new(ga_cache *cache, struct owner **made)
{
    if (!cache_enter(cache))
        return GA_BUSY;
    struct owner *owner = mem_new(&cache->mem, struct owner, 1);
    if (owner) {
        owner->cache = cache;
        owner_add(cache, owner);
    }
    lock_give(&cache->lock);
    *made = owner;
    return owner ? GA_OK : GA_NO_MEMORY;
}

enum ga_status ga_cache_own(ga_cache *cache, size_t size, ga_stream stream, struct ga_owned *owned)
{
    void *ptr = NULL;
    struct owner *owner = NULL;
    if (size != 0) {
        enum ga_status status = owner_new(cache, &owner);
        if (status != GA_OK)
            return status;
        status = ga_cache_alloc(cache, size, stream, &owner->block, &ptr);
        if (status != GA_OK) {
            ga_cache_release(owner);
            return status;
        }
    }
    *owned = (struct ga_owned){
        .ptr = ptr, .owner = owner, .release = ga_cache_release, .kind = cache->opts.kind, .device = cache->backend->device
    };
    return GA_OK;
}

void ga_cache_release(void *owner)
{
    struct owner *released = owner;
    if (!released)
        return;
    ga_cache *cache = released->cache;
    if (ga_cache_free(cache, released->block) == GA_BUSY)
        return;
    lock_take(&cache->lock);
    owner_remove(cache, released);
    lock_give(&cache->lock);
}

enum ga_status ga_cache_share_owned(ga_cache *cache, const struct ga_owned *owned, ga_stream stream)
{
    if (!owned->ptr || owned->release != ga_cache_release)
        return GA_OK;
    const struct owner *owner = owned->owner;
    return owner->cache == cache ? ga_cache_share(cache, owner->block, stream) : GA_UNKNOWN;
}

enum ga_status ga_cache_copy(ga_cache *cache, void *to, const void *from, size_t size, ga_stream stream)
{
    const struct ga_backend_copy *calls = cache->backend->copy;
    if (!calls)
        return GA_UNSUPPORTED;
    return size ? calls->copy(calls->user, to, from, size, gai_cache_stream(cache, stream)) : GA_OK;
}
