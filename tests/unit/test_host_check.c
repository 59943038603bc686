/*
 * test_host_check.c - what the check of a host allocator tells, which every test of it trusts
 */
#include "cache/host.h"

#include "api/host_rig.h"
#include "unit/breaks.h"

TestSuite(host_check, .init = start, .fini = finish);

#define BREAKS(place, other, words) BREAKS_AS(ga_host_check(host), place, other, words)

/* One that lives, one that waits for a stream, three cached ones, two of them of one class. */
static ga_host_block *live, *pending, *older, *newer, *large;

static void start_with_all(void)
{
    struct held held[5] = { take(100 * KIB), take(MIB), take(4 * KIB), take(4 * KIB), take(8 * MIB) };
    ga_host_block **const blocks[] = { &live, &pending, &older, &newer, &large };
    for (unsigned i = 0; i < 5; i++)
        *blocks[i] = host->blocks[host_slot(host, held[i].token)];
    busy(held[1], 1);
    for (unsigned i = 1; i < 5; i++)
        give(held[i]);
    cr_assert(live->state == HOST_LIVE && pending->state == HOST_PENDING && large->state == HOST_CACHED);
}

static void end_with_all(void)
{
    ga_sim_finish(sim, 1);
    sound();
}

Test(host_check, tells_which_block_is_not_as_it_should_be)
{
    start_with_all();
    BREAKS(live->slot, pending->slot, "a token is not found");
    BREAKS(live->pool, host->n_pools, "a block is of a pool that is gone");
    BREAKS(live->piece.ptr, (char *)live->piece.ptr + 1, "a block is not aligned, or smaller than what was asked for");
    BREAKS(live->requested, live->piece.size + 1, "a block is not aligned, or smaller than what was asked for");
    BREAKS(older->uses, 1, "a cached block is in use");
    BREAKS(older->n_waits, 1, "a cached block is in use");
    BREAKS(live->state, HOST_KEPT, "a block is kept for nothing");
    BREAKS(live->n_waits, 1, "a pending block waits for nothing, or another one for something");
    BREAKS(pending->n_waits, 0, "a pending block waits for nothing, or another one for something");
    BREAKS(live->piece.origin, GA_HOST_RESERVE, "a block is of a reserve that is not there");
    end_with_all();
}

Test(host_check, tells_which_list_is_broken)
{
    start_with_all();
    struct host_pool *pool = host->pools[HOST_SHARED];
    unsigned octave = gai_host_class(older->piece.size);
    BREAKS(live->state, HOST_LEAVING, "a block that is not owned is found by its address");
    BREAKS(host->sorted[0], host->sorted[1], "two blocks overlap, or are not sorted");
    BREAKS(pool->newest[octave], live->slot, "a block is in a list that is not its own");
    BREAKS(pool->newest[octave], large->slot, "a block is in a list that is not its own");
    BREAKS(older->newer, 0, "a list of cached blocks is torn");
    BREAKS(pool->oldest[octave], newer->slot, "a list does not end with its oldest");
    BREAKS(newer->earlier, 0, "the order of caching is torn");
    BREAKS(older->cached_at, newer->cached_at + 1, "the order of caching is torn");
    BREAKS(newer->later, older->slot, "the order of caching is torn");
    BREAKS(host->last_cached, newer->slot, "a cached block is not in the order of caching");
    BREAKS(newer->later, 0, "a cached block is not in the order of caching");
    BREAKS(host->n_sorted, host->n_sorted - 1, "an owned block is not in its list, or not found by its address");
    end_with_all();
}

Test(host_check, tells_which_sum_is_wrong)
{
    start_with_all();
    BREAKS(host->stats.active_requests.now, 7, "the active blocks are miscounted");
    BREAKS(host->stats.active_bytes.now, 7, "the active blocks are miscounted");
    BREAKS(host->stats.active_bytes.peak, 7, "the active blocks are miscounted");
    BREAKS(host->stats.allocations.now, 7, "the owned blocks are miscounted");
    BREAKS(host->stats.allocated_bytes.now, 7, "the owned blocks are miscounted");
    BREAKS(host->stats.pending_bytes, 7, "pending or requested bytes are miscounted");
    BREAKS(host->stats.requested_bytes, 7, "pending or requested bytes are miscounted");
    BREAKS(host->backend_bytes, 7, "the backend's bytes are miscounted");
    BREAKS(host->n_held, 1, "a use waits for no block");
    end_with_all();
}

Test(host_check, tells_which_use_is_broken)
{
    start_with_all();
    struct defer *defer = &host->defer;
    struct defer_queue *queue = &defer->queues[1];
    cr_assert(queue->first && queue->first == queue->last);
    BREAKS(defer->uses[queue->first].queue, 0, "a use is in the wrong queue");
    BREAKS(defer->uses[queue->first].next, queue->first, "a use is in the wrong queue");
    BREAKS(queue->last, 0, "a queue does not end with its last use");
    BREAKS(defer->n_waiting, 0, "the uses that wait are miscounted");
    BREAKS(defer->spare, queue->first, "a use is in two lists");
    end_with_all();
}

Test(host_check, tells_what_of_the_reserve_is_broken)
{
    restart(&(struct ga_host_opts){ .reserve = 4 * MIB });
    struct held held = take(100 * KIB);
    live = host->blocks[host_slot(host, held.token)];
    cr_assert_eq(live->piece.origin, GA_HOST_RESERVE);
    BREAKS(host->reserve_state, RESERVE_FAILED, "a block is of a reserve that is not there");
    BREAKS(host->range.nodes[live->node].offset, 1, "a block is not where the reserve's range says");
    BREAKS(host->range.nodes[live->node].len, 1, "a block is not where the reserve's range says");
    BREAKS(host->range.used, 1, "pages of the reserve are lost");
    BREAKS(host->range.peak, 1, "a used node ends above the peak");
}
