/*
 * How caches are trimmed on behalf of others, under a budget that they share.  What is pending counts as idle: who trims waits for
 * the device, so that nobody is refused what was freed already.
 */
#include "cache/device.h"
#include "ggml_alloc/host.h"

/* In idle segments of pools that somebody holds. */
static uint64_t kept_bytes(const ga_cache *cache)
{
    const struct core *core = &cache->core;
    uint64_t bytes = 0;
    for (uint32_t at = core->oldest; at && cache->pools.n; at = core->segments[at].next) {
        const struct core_segment *segment = &core->segments[at];
        if (core_is_idle(segment) && pools_keep(&cache->pools, core->lanes[segment->lane]->pool))
            bytes += segment->buffer.size;
    }
    return bytes;
}

static uint64_t cache_idle(void *user)
{
    ga_cache *cache = user;
    struct ga_cache_stats stats;
    bool entered = cache_enter(cache);
    uint64_t stays = kept_bytes(cache);
    bool captures = cache->pools.n_captures > 0;
    cache_leave(cache, entered);
    ga_cache_stats(cache, &stats);
    stays += stats.all.allocated_bytes.now + stats.all.split_bytes.now;
    uint64_t reserved = stats.all.reserved_bytes.now;
    return captures || reserved < stays ? 0 : reserved - stays;
}

static void cache_give_back(void *user, uint64_t bytes)
{
    struct ga_cache_stats stats;
    ga_cache_stats(user, &stats);
    uint64_t reserved = stats.all.reserved_bytes.now;
    ga_cache_trim(user, reserved > bytes ? reserved - bytes : 0);
}

void ga_cache_reclaim(ga_cache *cache, struct ga_reclaim *reclaim)
{
    *reclaim = (struct ga_reclaim){ cache_idle, cache_give_back, cache };
}

static uint64_t host_idle(void *user)
{
    struct ga_host_stats stats;
    ga_host_stats(user, &stats);
    return stats.allocated_bytes.now - stats.active_bytes.now + stats.pending_bytes;
}

static void host_give_back(void *user, uint64_t bytes)
{
    struct ga_host_stats stats;
    ga_host_stats(user, &stats);
    uint64_t owned = stats.allocated_bytes.now, target = owned > bytes ? owned - bytes : 0;
    ga_host_trim(user, target);
    ga_host_stats(user, &stats);
    if (stats.allocated_bytes.now > target && stats.pending_bytes && ga_host_sync(user) == GA_OK)
        ga_host_trim(user, target);
}

void ga_host_reclaim(ga_host *host, struct ga_reclaim *reclaim)
{
    *reclaim = (struct ga_reclaim){ host_idle, host_give_back, host };
}
