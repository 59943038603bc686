#include "cache/host.h"

#include "base/bits.h"

/* What the blocks add up to. */
struct sums {
    uint64_t active, active_bytes, owned, owned_bytes, backend_bytes, pending_bytes, requested_bytes;
    uint64_t reserve_pages, leaving_bytes, n_waits, n_listed;
};

static bool is_owned(const ga_host_block *block)
{
    return block->state >= HOST_LIVE && block->state <= HOST_KEPT;
}

static void add(struct sums *sums, const ga_host_block *block)
{
    uint64_t size = block->piece.size;
    bool is_active = block->state == HOST_LIVE || block->state == HOST_PENDING || block->state == HOST_KEPT;
    sums->active += is_active;
    sums->active_bytes += is_active ? size : 0;
    sums->owned++;
    sums->owned_bytes += size;
    sums->pending_bytes += is_active && block->state != HOST_LIVE ? size : 0;
    sums->requested_bytes += block->state == HOST_LIVE ? block->requested : 0;
    if (block->piece.origin == GA_HOST_RESERVE)
        sums->reserve_pages += align_up(size, GA_HOST_PAGE) / GA_HOST_PAGE;
    else
        sums->backend_bytes += size;
}

static const char *check_reserved(const ga_host *host, const ga_host_block *block)
{
    if (host->reserve_state != RESERVE_THERE)
        return "a block is of a reserve that is not there";
    uint64_t at = (uintptr_t)block->piece.ptr - (uintptr_t)host->reserve.ptr;
    uint64_t page = range_offset(&host->range, block->node), pages = range_len(&host->range, block->node);
    bool fits = page * GA_HOST_PAGE == at && block->piece.size <= pages * GA_HOST_PAGE && !range_is_free(&host->range, block->node);
    return fits ? NULL : "a block is not where the reserve's range says";
}

static const char *check_block(const ga_host *host, const ga_host_block *block)
{
    if (block->pool >= host->n_pools || !host->pools[block->pool])
        return "a block is of a pool that is gone";
    if ((uintptr_t)block->piece.ptr % GA_HOST_ALIGN || block->requested > block->piece.size)
        return "a block is not aligned, or smaller than what was asked for";
    if (block->state == HOST_CACHED && (block->uses || block->n_waits))
        return "a cached block is in use";
    if (block->state == HOST_KEPT && !block->uses)
        return "a block is kept for nothing";
    if ((block->state == HOST_PENDING) != (block->n_waits > 0))
        return "a pending block waits for nothing, or another one for something";
    return block->piece.origin == GA_HOST_RESERVE ? check_reserved(host, block) : NULL;
}

static const char *check_order(const ga_host *host)
{
    for (uint32_t i = 0; i < host->n_sorted; i++) {
        const ga_host_block *block = host->blocks[host->sorted[i]];
        if (!is_owned(block))
            return "a block that is not owned is found by its address";
        if (i == 0)
            continue;
        const struct piece *below = &host->blocks[host->sorted[i - 1]]->piece;
        uintptr_t at = (uintptr_t)block->piece.ptr, end = (uintptr_t)below->ptr;
        if (at <= end || at - end < below->size)
            return "two blocks overlap, or are not sorted";
    }
    return NULL;
}

static const char *check_list(const ga_host *host, uint32_t pool, unsigned octave, struct sums *sums)
{
    uint32_t newer = 0;
    for (uint32_t at = host->pools[pool]->newest[octave]; at; newer = at, at = host->blocks[at]->older) {
        const ga_host_block *block = host->blocks[at];
        if (block->state != HOST_CACHED || block->pool != pool || gai_host_class(block->piece.size) != octave)
            return "a block is in a list that is not its own";
        if (block->newer != newer || ++sums->n_listed > host->n_blocks)
            return "a list of cached blocks is torn";
    }
    return host->pools[pool]->oldest[octave] == newer ? NULL : "a list does not end with its oldest";
}

static const char *check_lists(const ga_host *host, struct sums *sums)
{
    const char *broken = NULL;
    uint32_t n_shared = 0, n_aged = 0, earlier = 0;
    for (uint32_t i = 0; i < host->n_pools && !broken; i++)
        for (unsigned octave = 0; octave < GA_HOST_CLASSES && host->pools[i] && !broken; octave++) {
            broken = check_list(host, i, octave, sums);
            n_shared = i == HOST_SHARED ? (uint32_t)sums->n_listed : n_shared;
        }
    for (uint32_t at = host->first_cached; at && !broken; earlier = at, at = host->blocks[at]->later) {
        const ga_host_block *block = host->blocks[at];
        bool is_sorted = !earlier || block->cached_at >= host->blocks[earlier]->cached_at;
        if (block->state != HOST_CACHED || block->earlier != earlier || !is_sorted || ++n_aged > host->n_blocks)
            broken = "the order of caching is torn";
    }
    if (!broken && (earlier != host->last_cached || n_aged != n_shared))
        broken = "a cached block is not in the order of caching";
    return broken;
}

static bool agree(const struct ga_count *count, uint64_t now)
{
    return count->now == now && count->peak >= now;
}

static const char *check_sums(const ga_host *host, const struct sums *sums)
{
    const struct ga_host_stats *stats = &host->stats;
    if (!agree(&stats->active_requests, sums->active) || !agree(&stats->active_bytes, sums->active_bytes))
        return "the active blocks are miscounted";
    if (!agree(&stats->allocations, sums->owned) || !agree(&stats->allocated_bytes, sums->owned_bytes))
        return "the owned blocks are miscounted";
    if (stats->pending_bytes != sums->pending_bytes || stats->requested_bytes != sums->requested_bytes)
        return "pending or requested bytes are miscounted";
    if (host->backend_bytes != sums->backend_bytes || host->ahead < sums->leaving_bytes)
        return "the backend's bytes are miscounted";
    if (sums->n_waits != host->defer.n_waiting + host->n_held)
        return "a use waits for no block";
    if (sums->n_listed != sums->owned - sums->active || host->n_sorted != sums->owned)
        return "an owned block is not in its list, or not found by its address";
    return host->reserve_state == RESERVE_THERE && host->range.used != sums->reserve_pages ? "pages of the reserve are lost" : NULL;
}

static const char *check(const ga_host *host)
{
    struct sums sums = { 0 };
    const char *broken = gai_defer_check(&host->defer);
    for (uint32_t slot = 1; slot <= host->n_blocks && !broken; slot++) {
        const ga_host_block *block = host->blocks[slot];
        if (block->slot != slot || host_slot(host, block) != slot)
            broken = "a token is not found";
        sums.leaving_bytes += block->state == HOST_LEAVING ? block->piece.size : 0;
        sums.n_waits += block->n_waits;
        if (!is_owned(block) || broken)
            continue;
        add(&sums, block);
        broken = check_block(host, block);
    }
    broken = broken ? broken : check_order(host);
    broken = broken ? broken : check_lists(host, &sums);
    broken = broken ? broken : check_sums(host, &sums);
    if (!broken && host->reserve_state == RESERVE_THERE)
        broken = gai_range_check(&host->range);
    return broken;
}

const char *ga_host_check(ga_host *host)
{
    lock_take(&host->lock);
    const char *broken = check(host);
    lock_give(&host->lock);
    return broken;
}
