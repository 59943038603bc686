#include "cache/device.h"

void ga_cache_limit(ga_cache *cache, uint64_t bytes)
{
    lock_take(&cache->lock);
    cache->limit = bytes ? bytes : UINT64_MAX;
    lock_give(&cache->lock);
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
    lock_take(&cache->lock);
    cache->limit = fraction < 1 ? (uint64_t)(fraction * (double)total) : UINT64_MAX;
    lock_give(&cache->lock);
    return GA_OK;
}

double ga_cache_fraction(ga_cache *cache)
{
    uint64_t total = total_of(cache->backend);
    lock_take(&cache->lock);
    uint64_t limit = cache->limit;
    lock_give(&cache->lock);
    return total == 0 || limit >= total ? 1 : (double)limit / (double)total;
}

bool ga_cache_oom(ga_cache *cache, struct ga_cache_oom *report)
{
    lock_take(&cache->lock);
    bool has = cache->has_oom;
    if (has)
        *report = cache->oom;
    lock_give(&cache->lock);
    return has;
}

void ga_cache_stats(ga_cache *cache, struct ga_cache_stats *stats)
{
    lock_take(&cache->lock);
    *stats = (struct ga_cache_stats){
        .all = gai_counts_all(&cache->core.counts),
        .large = gai_counts_of(&cache->core.counts, KIND_LARGE),
        .small = gai_counts_of(&cache->core.counts, KIND_SMALL),
        .retries = cache->retries,
        .ooms = cache->ooms,
        .syncs = cache->syncs,
        .backend_allocs = cache->backend_allocs,
        .backend_frees = cache->backend_frees,
    };
    lock_give(&cache->lock);
}

void ga_cache_reset_peaks(ga_cache *cache)
{
    lock_take(&cache->lock);
    gai_counts_reset_peaks(&cache->core.counts);
    lock_give(&cache->lock);
}

void ga_cache_reset_totals(ga_cache *cache)
{
    lock_take(&cache->lock);
    gai_counts_reset_totals(&cache->core.counts);
    cache->retries = cache->ooms = cache->syncs = 0;
    cache->backend_allocs = cache->backend_frees = 0;
    lock_give(&cache->lock);
}
