#include "cache/heap.h"

#include "base/bits.h"

void gai_heap_unplace(ga_heaps *heaps, uint32_t slot)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    struct heap *heap = buffer->heap;
    gai_range_give(&heap->range, buffer->node);
    heap->n_buffers--;
    gai_heap_sort(heaps, heap);
    if (buffer->drops_heap && heap->n_buffers == 0)
        gai_heap_leave(heaps, heap);
    buffer->state = HEAP_GONE;
    buffer->heap = NULL;
    buffer->next = heaps->gone;
    heaps->gone = slot;
}

uint32_t gai_heap_release(ga_heaps *heaps, uint32_t slot, bool drops_heap)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    struct heap_pool *pool = &heaps->pools[buffer->pool];
    uint32_t refs = buffer->refs;
    gai_heap_uncache(heaps, slot);
    pool->n_buffers--;
    pool->size -= buffer->size;
    buffer->state = HEAP_LEFT;
    buffer->drops_heap = drops_heap;
    if (refs == 0)
        gai_heap_unplace(heaps, slot);
    return refs + 1;
}

void gai_heap_release_some(ga_heaps *heaps, uint32_t at, uint64_t size)
{
    struct heap_pool *pool = &heaps->pools[at];
    uint32_t slot = gai_bins_best(&pool->cached, heaps->nodes, size);
    uint64_t released = 0;
    if (slot) {
        gai_heap_release(heaps, slot, true);
        return;
    }
    while (released < size && (slot = gai_heap_largest(heaps, at))) {
        released += heaps->buffers[slot].size;
        gai_heap_release(heaps, slot, true);
    }
}

void gai_heap_drop_empty(ga_heaps *heaps, uint32_t at, uint64_t size, uint64_t target)
{
    struct heap_pool *pool = &heaps->pools[at];
    for (uint32_t i = pool->n_heaps; i && target; i--) {
        struct heap *heap = pool->heaps[i - 1];
        if (heap->n_buffers || heap->available >= size)
            continue;
        target -= min_u64(target, heap->size);
        gai_heap_leave(heaps, heap);
    }
}

enum ga_status gai_heap_release_all(ga_heaps *heaps)
{
    enum ga_status status = gai_heap_wait_all(heaps);
    gai_heap_settle(heaps);
    if (status != GA_OK)
        return status;
    for (uint32_t pool = 0; pool < GA_HEAP_POOL_N; pool++) {
        while (heaps->pools[pool].oldest)
            gai_heap_release(heaps, heaps->pools[pool].oldest, true);
        gai_heap_drop_empty(heaps, pool, UINT64_MAX, UINT64_MAX);
    }
    gai_heap_settle(heaps);
    return GA_OK;
}

static void tell_freed(ga_heaps *heaps)
{
    uint32_t slot = heaps->freed;
    heaps->freed = heaps->buffers[slot].next;
    gai_heap_tell(heaps, GA_HEAP_FREED, slot);
    gai_heap_cache(heaps, slot);
}

static void tell_gone(ga_heaps *heaps)
{
    uint32_t slot = heaps->gone;
    heaps->gone = heaps->buffers[slot].next;
    gai_heap_tell(heaps, GA_HEAP_RELEASED, slot);
    heaps->buffers[slot].state = HEAP_SPARE;
    heaps->buffers[slot].next = heaps->spare_buffer;
    heaps->spare_buffer = slot;
}

void gai_heap_settle(ga_heaps *heaps)
{
    for (;;) {
        struct heap *heap = heaps->leaving;
        if (heaps->freed) {
            tell_freed(heaps);
        } else if (heaps->gone) {
            tell_gone(heaps);
        } else if (heap) {
            heaps->leaving = heap->next;
            gai_heap_give_back(heaps, heap);
        } else {
            return;
        }
    }
}
