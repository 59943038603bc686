#include "cache/device.h"

void ga_cache_limit(ga_cache *cache, uint64_t bytes)
{
    bool entered = cache_enter(cache);
    cache->limit = bytes ? bytes : UINT64_MAX;
    cache_leave(cache, entered);
}

/* What the backend has; 0: it does not say. */
static uint64_t total_of(const struct ga_backend *backend)
{
    uint64_t free_bytes = 0, total_bytes = 0;
    bool known = backend->info && backend->info(backend->user, &free_bytes, &total_bytes);
    return known ? total_bytes : 0;
}

enum ga_status ga_cache_set_fraction(ga_cache *cache, double fraction)
{
    if (!(fraction >= 0 && fraction <= 1))
        return GA_INVALID;
    uint64_t total = total_of(cache->backend);
    if (total == 0)
        return GA_UNSUPPORTED;
    bool entered = cache_enter(cache);
    cache->limit = fraction < 1 ? (uint64_t)(fraction * (double)total) : UINT64_MAX;
    cache_leave(cache, entered);
    return GA_OK;
}

double ga_cache_fraction(ga_cache *cache)
{
    uint64_t total = total_of(cache->backend);
    bool entered = cache_enter(cache);
    uint64_t limit = cache->limit;
    cache_leave(cache, entered);
    return total == 0 || limit >= total ? 1 : (double)limit / (double)total;
}

bool ga_cache_oom(ga_cache *cache, struct ga_cache_oom *report)
{
    bool entered = cache_enter(cache);
    bool has = cache->has_oom;
    if (has)
        *report = cache->oom;
    cache_leave(cache, entered);
    return has;
}

void ga_cache_stats(ga_cache *cache, struct ga_cache_stats *stats)
{
    bool entered = cache_enter(cache);
    *stats = (struct ga_cache_stats){
        .all = gai_counts_all(&cache->core.counts),
        .large = gai_counts_of(&cache->core.counts, KIND_LARGE),
        .small = gai_counts_of(&cache->core.counts, KIND_SMALL),
        .retries = cache->retries,
        .ooms = cache->ooms,
        .syncs = cache->syncs,
        .backend_allocs = cache->backend_allocs,
        .backend_frees = cache->backend_frees,
        .oversize_allocations = cache->watch.oversize_allocations,
        .oversize_segments = cache->watch.oversize_segments,
    };
    cache_leave(cache, entered);
}

void ga_cache_reset_peaks(ga_cache *cache)
{
    bool entered = cache_enter(cache);
    gai_counts_reset_peaks(&cache->core.counts);
    gai_watch_reset_peaks(&cache->watch);
    cache_leave(cache, entered);
}

void ga_cache_reset_totals(ga_cache *cache)
{
    bool entered = cache_enter(cache);
    gai_counts_reset_totals(&cache->core.counts);
    gai_watch_reset_totals(&cache->watch);
    cache->retries = cache->ooms = cache->syncs = 0;
    cache->backend_allocs = cache->backend_frees = 0;
    cache_leave(cache, entered);
}
