/*
 * test_heap_check.c - what the check of heaps tells, which every test of them trusts
 */
#include "cache/heap.h"

#include "api/heap_rig.h"
#include "unit/breaks.h"

TestSuite(heap_check, .init = start, .fini = finish);

#define BREAKS(place, other, words) BREAKS_AS(ga_heap_check(heap), place, other, words)

static uint32_t slot_of(ga_heap_buffer name)
{
    return (uint32_t)name;
}

/* Two buffers in use, one of them in an open batch; one pending for a committed one; two cached, of one size. */
static struct {
    uint32_t used, other, pending, older, newer;
} slots;

static void start_with_all(void)
{
    ga_heap_buffer used = take(100 * KIB), other = take(3 * MIB), pending = take_as(2 * MIB, GA_HEAP_SHARED),
                   older = take(64 * KIB), newer = take(64 * KIB);
    cr_assert_eq(ga_heap_use(heap, pending, 1), GA_OK);
    ga_sim_work(sim, 1, NULL, 0, 10);
    ga_heap_commit(heap, 1);
    give(pending);
    cr_assert(ga_heap_use(heap, used, 1) == GA_OK && ga_heap_use(heap, other, 1) == GA_OK);
    ga_sim_work(sim, 1, NULL, 0, 10);
    ga_heap_commit(heap, 1);
    cr_assert_eq(ga_heap_use(heap, used, 2), GA_OK);
    give(older);
    give(newer);
    slots.used = slot_of(used);
    slots.other = slot_of(other);
    slots.pending = slot_of(pending);
    slots.older = slot_of(older);
    slots.newer = slot_of(newer);
}

Test(heap_check, tells_which_buffer_is_not_as_it_should_be)
{
    start_with_all();
    struct heap_buffer *used = &heaps->buffers[slots.used], *pending = &heaps->buffers[slots.pending];
    struct heap_buffer *cached = &heaps->buffers[slots.older];
    BREAKS(used->node, used->node + 1, "a used stretch of a heap is nobody's");
    BREAKS(used->heap, heaps->buffers[slots.other].heap, "a used stretch of a heap is nobody's");
    BREAKS(used->heap->tenants[used->node], 0, "a used stretch of a heap is nobody's");
    BREAKS(used->heap->tenants[used->node], heaps->n_buffers + 1, "a used stretch of a heap is nobody's");
    BREAKS(used->heap->cap_tenants, used->node, "a used stretch of a heap is nobody's");
    BREAKS(used->size, used->size + 1, "a buffer is not as large as its place, or in a heap of another pool");
    BREAKS(used->pool, GA_HEAP_POOL_SCALAR, "a buffer is not as large as its place, or in a heap of another pool");
    BREAKS(heaps->pools[used->pool].quantum, 3, "a buffer is not aligned");
    BREAKS(pending->state, HEAP_IN_USE, "the sums of all buffers are wrong");
    BREAKS(pending->refs, 0, "a buffer waits for nobody");
    BREAKS(used->requested, used->size + 1, "a buffer is smaller than what was asked for");
    BREAKS(cached->aliases, 1, "a buffer can be reused though the host has an alias of it");
    BREAKS(used->refs, used->refs + 1, "a buffer's references are miscounted");
    BREAKS(used->aliases, 1, "a buffer's references are miscounted");
}

Test(heap_check, tells_what_of_a_heap_is_broken)
{
    start_with_all();
    struct heap *first = heaps->buffers[slots.used].heap;
    BREAKS(first->n_buffers, first->n_buffers + 1, "a heap's buffers are miscounted");
    BREAKS(first->whole, true, "a heap for one buffer has two");
    BREAKS(first->available, first->available - 1, "what a heap has available is not its longest stretch");
    BREAKS(first->pool, first->pool + 1, "the heaps of a pool are not in order");
    BREAKS(first->range.used, 0, "what is used is not what was counted");
    BREAKS(heaps->reserved.now, 0, "the bytes of heaps are miscounted");
    struct heap_pool *pool = &heaps->pools[heaps->buffers[slots.other].pool];
    cr_assert_geq(pool->n_heaps, 1);
    BREAKS(pool->n_heaps, 0, "a buffer is in no heap, or in two");
}

Test(heap_check, tells_what_of_the_cached_ones_is_broken)
{
    start_with_all();
    struct heap_buffer *older = &heaps->buffers[slots.older], *newer = &heaps->buffers[slots.newer];
    struct range_node *nodes = heaps->nodes;
    struct heap_pool *pool = &heaps->pools[older->pool];
    BREAKS(older->state, HEAP_FREED, "what is not cached can be found");
    BREAKS(pool->n_cached, 1, "what is not cached can be found");
    BREAKS(pool->n_cached, 3, "a cached buffer cannot be found");
    BREAKS(pool->newest, slots.older, "a cached buffer cannot be found");
    BREAKS(nodes[slots.newer].prev, 0, "a cached buffer is not linked back, or not by its size and id");
    BREAKS(nodes[slots.older].len, 1, "a cached buffer is not linked back, or not by its size and id");
    BREAKS(nodes[slots.older].offset, newer->id, "a cached buffer is not linked back, or not by its size and id");
    BREAKS(older->cached_at, newer->cached_at + 1, "the cached buffers are not in the order of their ages");
    BREAKS(nodes[slots.older].next, 0, "a cached buffer cannot be found");
    BREAKS(pool->cached.rows, 0, "the bitmap of rows does not say which steps are empty");
    BREAKS(pool->cached_size, 1, "the sums of a pool are wrong");
    BREAKS(pool->size, 1, "the sums of a pool are wrong");
    BREAKS(pool->n_buffers, 1, "the sums of a pool are wrong");
    BREAKS(heaps->allocated.now, 1, "the sums of all buffers are wrong");
    BREAKS(heaps->pending, 1, "the sums of all buffers are wrong");
    BREAKS(heaps->n_scalars, 1, "the sums of all buffers are wrong");
}

Test(heap_check, tells_which_batch_is_broken)
{
    start_with_all();
    struct heap_queue *queue = &heaps->queues[0];
    uint32_t first = queue->first, last = queue->last, use = heaps->batches[first].uses;
    cr_assert(first != last && heaps->batches[first].next == last && use);
    BREAKS(heaps->uses[use].batch, last, "a use is in the list of the wrong batch");
    BREAKS(heaps->uses[use].buffer, slots.older, "a buffer does not know that a batch uses it");
    BREAKS(heaps->batches[first].number, heaps->batches[last].number, "a stream's batches are not in the order of commits");
    BREAKS(queue->last, first, "a stream does not end with its last batch");
    BREAKS(heaps->batches[first].uses, 0, "a buffer is used by a batch that is gone");
    BREAKS(heaps->buffers[slots.pending].uses, 0, "a buffer's references are miscounted");
}
