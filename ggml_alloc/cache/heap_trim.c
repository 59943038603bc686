/*
 * Heaps go back whole: those in which nothing is in use, with all that is cached in them.
 */
#include "cache/heap.h"

#include "base/bits.h"

/* The first buffer in a heap at or behind the node; 0: there is none. */
static uint32_t buffer_from(const struct heap *heap, uint32_t node)
{
    while (node && range_is_free(&heap->range, node))
        node = range_next(&heap->range, node);
    return node ? heap->tenants[node] : 0;
}

static uint32_t first_buffer(const struct heap *heap)
{
    return buffer_from(heap, range_next(&heap->range, RANGE_NONE));
}

static uint32_t next_buffer(const ga_heaps *heaps, const struct heap *heap, uint32_t slot)
{
    return buffer_from(heap, range_next(&heap->range, heaps->buffers[slot].node));
}

/* Freed, and the host has no alias: it is at most a batch that still uses it. */
static bool is_freed(const struct heap_buffer *buffer)
{
    return buffer->state != HEAP_IN_USE && buffer->aliases == 0;
}

static bool is_unused(const struct heap_buffer *buffer)
{
    return buffer->state == HEAP_CACHED && buffer->refs == 0;
}

static bool holds_only(const ga_heaps *heaps, const struct heap *heap, bool (*is)(const struct heap_buffer *buffer))
{
    for (uint32_t slot = first_buffer(heap); slot; slot = next_buffer(heaps, heap, slot))
        if (!is(&heaps->buffers[slot]))
            return false;
    return true;
}

/* The smallest that brings `bytes`, or else the largest; NULL: none may go. */
static struct heap *find_unused(const ga_heaps *heaps, uint64_t bytes)
{
    struct heap *found = NULL;
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++)
        for (uint32_t h = 0; h < heaps->pools[i].n_heaps; h++) {
            struct heap *heap = heaps->pools[i].heaps[h];
            bool is_better =
                !found || (found->size < bytes ? heap->size > found->size : heap->size >= bytes && heap->size < found->size);
            if (is_better && holds_only(heaps, heap, is_unused))
                found = heap;
        }
    return found;
}

static void empty(ga_heaps *heaps, struct heap *heap)
{
    if (heap->n_buffers == 0)
        gai_heap_leave(heaps, heap);
    for (uint32_t slot; heap->n_buffers && (slot = first_buffer(heap));)
        gai_heap_release(heaps, slot, true);
}

enum ga_status ga_heap_trim(ga_heap *face, uint64_t target)
{
    ga_heaps *heaps = face->all;
    lock_take(&heaps->lock);
    enum ga_status status = heaps->reserved.now > target ? gai_heap_wait_all(heaps) : GA_OK;
    gai_heap_settle(heaps);
    uint64_t reserved = heaps->reserved.now;
    for (struct heap *heap; status == GA_OK && reserved > target && (heap = find_unused(heaps, reserved - target));) {
        reserved -= heap->size;
        empty(heaps, heap);
    }
    gai_heap_settle(heaps);
    lock_give(&heaps->lock);
    return status;
}

static uint64_t idle(void *user)
{
    ga_heaps *heaps = user;
    uint64_t bytes = 0;
    lock_take(&heaps->lock);
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++)
        for (uint32_t h = 0; h < heaps->pools[i].n_heaps; h++) {
            const struct heap *heap = heaps->pools[i].heaps[h];
            bytes += holds_only(heaps, heap, is_freed) ? heap->size : 0;
        }
    lock_give(&heaps->lock);
    return bytes;
}

static void give_back(void *user, uint64_t bytes)
{
    ga_heaps *heaps = user;
    ga_heap *heap = ga_heaps_get(heaps, false);
    uint64_t reserved = ga_heap_get_total_allocated_memory(heap);
    ga_heap_trim(heap, reserved > bytes ? reserved - bytes : 0);
}

void ga_heap_reclaim(ga_heaps *heaps, struct ga_reclaim *reclaim)
{
    *reclaim = (struct ga_reclaim){ idle, give_back, heaps };
}
