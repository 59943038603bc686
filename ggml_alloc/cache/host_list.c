#include "cache/host.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"

/* Slots never go, so that a token stays one. */
static ga_host_block *slot_new(ga_host *host)
{
    const struct ga_mem *mem = &host->env.mem;
    uint64_t need = (uint64_t)host->n_blocks + 2;
    if (!array_room(mem, &host->blocks, &host->cap_blocks, need) || !array_room(mem, &host->sorted, &host->cap_sorted, need) ||
        !gai_hashset_room(&host->tokens, mem, (const void *const *)host->blocks, need))
        return NULL;
    ga_host_block *block = mem_new(mem, ga_host_block, 1);
    if (!block)
        return NULL;
    block->slot = ++host->n_blocks;
    host->blocks[block->slot] = block;
    hashset_insert(&host->tokens, (const void *const *)host->blocks, block->slot);
    return block;
}

ga_host_block *gai_host_block(ga_host *host)
{
    ga_host_block *block = host->spare ? host->blocks[host->spare] : slot_new(host);
    if (!block)
        return NULL;
    if (host->spare)
        host->spare = block->older;
    *block = (ga_host_block){ .host = host, .slot = block->slot, .state = HOST_COMING };
    return block;
}

void gai_host_spare(ga_host *host, ga_host_block *block)
{
    block->state = HOST_SPARE;
    block->older = host->spare;
    host->spare = block->slot;
}

/* How many owned blocks begin at `ptr` or below. */
static uint32_t rank(const ga_host *host, const void *ptr)
{
    uint32_t low = 0, high = host->n_sorted;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if ((uintptr_t)host->blocks[host->sorted[mid]]->piece.ptr <= (uintptr_t)ptr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

ga_host_block *gai_host_at(const ga_host *host, const void *ptr)
{
    uint32_t below = rank(host, ptr);
    if (below == 0)
        return NULL;
    ga_host_block *block = host->blocks[host->sorted[below - 1]];
    return (uintptr_t)ptr - (uintptr_t)block->piece.ptr < block->piece.size ? block : NULL;
}

void gai_host_own(ga_host *host, ga_host_block *block)
{
    uint32_t at = rank(host, block->piece.ptr);
    memmove(&host->sorted[at + 1], &host->sorted[at], (host->n_sorted - at) * sizeof *host->sorted);
    host->sorted[at] = block->slot;
    host->n_sorted++;
    host->pools[block->pool]->n_users++;
    host_up(&host->stats.allocations, 1);
    host_up(&host->stats.allocated_bytes, block->piece.size);
    host->stats.created[gai_host_class(block->piece.size)]++;
    if (block->piece.origin != GA_HOST_RESERVE)
        host->backend_bytes += block->piece.size;
}

static void disown(ga_host *host, const ga_host_block *block)
{
    uint32_t at = rank(host, block->piece.ptr) - 1;
    assert(host->sorted[at] == block->slot);
    memmove(&host->sorted[at], &host->sorted[at + 1], (host->n_sorted - at - 1) * sizeof *host->sorted);
    host->n_sorted--;
    host->pools[block->pool]->n_users--;
    host_down(&host->stats.allocations, 1);
    host_down(&host->stats.allocated_bytes, block->piece.size);
}

void gai_host_leave(ga_host *host, ga_host_block *block)
{
    disown(host, block);
    if (block->piece.origin == GA_HOST_RESERVE) {
        gai_range_give(&host->range, block->node);
        gai_host_spare(host, block);
        return;
    }
    host->backend_bytes -= block->piece.size;
    host->ahead += block->piece.size;
    block->state = HOST_LEAVING;
    block->older = host->leaving;
    host->leaving = block->slot;
}

static void age_add(ga_host *host, ga_host_block *block)
{
    block->cached_at = host->clock;
    block->later = 0;
    block->earlier = host->last_cached;
    if (block->earlier)
        host->blocks[block->earlier]->later = block->slot;
    else
        host->first_cached = block->slot;
    host->last_cached = block->slot;
}

static void age_remove(ga_host *host, ga_host_block *block)
{
    if (block->earlier)
        host->blocks[block->earlier]->later = block->later;
    else
        host->first_cached = block->later;
    if (block->later)
        host->blocks[block->later]->earlier = block->earlier;
    else
        host->last_cached = block->earlier;
}

void gai_host_cache(ga_host *host, ga_host_block *block)
{
    struct host_pool *pool = host->pools[block->pool];
    unsigned octave = gai_host_class(block->piece.size);
    block->state = HOST_CACHED;
    block->newer = 0;
    block->older = pool->newest[octave];
    if (block->older)
        host->blocks[block->older]->newer = block->slot;
    else
        pool->oldest[octave] = block->slot;
    pool->newest[octave] = block->slot;
    if (block->pool == HOST_SHARED)
        age_add(host, block);
}

void gai_host_uncache(ga_host *host, ga_host_block *block)
{
    struct host_pool *pool = host->pools[block->pool];
    unsigned octave = gai_host_class(block->piece.size);
    if (block->newer)
        host->blocks[block->newer]->older = block->older;
    else
        pool->newest[octave] = block->older;
    if (block->older)
        host->blocks[block->older]->newer = block->newer;
    else
        pool->oldest[octave] = block->newer;
    if (block->pool == HOST_SHARED)
        age_remove(host, block);
}
