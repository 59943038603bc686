#include "cache/heap.h"

struct walk {
    const ga_heaps *heaps;
    struct ga_heap_part *out;
    uint32_t n, cap;
};

static void walk_add(struct walk *walk, const struct ga_heap_part *part)
{
    if (walk->n < walk->cap)
        walk->out[walk->n] = *part;
    walk->n++;
}

static void walk_buffer(struct walk *walk, uint32_t slot)
{
    const struct heap_buffer *buffer = &walk->heaps->buffers[slot];
    bool is_live = buffer->state == HEAP_IN_USE;
    struct ga_heap_part part = {
        .kind = GA_HEAP_PART_BUFFER,
        .pool = (enum ga_heap_pool)buffer->pool,
        .usage = buffer->usage,
        .id = buffer->id,
        .size = buffer->size,
        .offset = range_offset(&buffer->heap->range, buffer->node),
        .refs = buffer->refs + 1,
        .is_waiting = buffer->state == HEAP_PENDING || buffer->state == HEAP_LEFT,
        .in_use = is_live,
        .buffer = is_live ? heap_name(walk->heaps, slot) : 0,
    };
    walk_add(walk, &part);
}

static void walk_heap(struct walk *walk, const struct heap *heap)
{
    uint32_t at = walk->n;
    struct ga_heap_part part = {
        .kind = GA_HEAP_PART_HEAP,
        .pool = (enum ga_heap_pool)heap->pool,
        .usage = walk->heaps->pools[heap->pool].usage,
        .id = heap->id,
        .size = heap->size,
        .available = heap->available,
        .n_buffers = heap->n_buffers,
        .refs = 1 + heap->n_buffers,
        .is_whole = heap->whole,
    };
    walk_add(walk, &part);
    for (uint32_t node = range_next(&heap->range, RANGE_NONE); node; node = range_next(&heap->range, node)) {
        if (range_is_free(&heap->range, node))
            continue;
        uint32_t slot = heap->tenants[node];
        walk_buffer(walk, slot);
        if (walk->heaps->buffers[slot].state == HEAP_LEFT && at < walk->cap)
            walk->out[at].is_waiting = true;
    }
}

uint32_t ga_heap_walk(ga_heap *heap, struct ga_heap_part *out, uint32_t cap)
{
    ga_heaps *heaps = heap->all;
    struct walk walk = { .heaps = heaps, .out = out, .cap = cap };
    lock_take(&heaps->lock);
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++) {
        const struct heap_pool *pool = &heaps->pools[i];
        struct ga_heap_part part = {
            .kind = GA_HEAP_PART_POOL,
            .pool = (enum ga_heap_pool)i,
            .usage = pool->usage,
            .size = pool->size,
            .available = pool->cached_size,
            .n_buffers = pool->n_buffers,
        };
        walk_add(&walk, &part);
        for (uint32_t h = 0; h < pool->n_heaps; h++)
            walk_heap(&walk, pool->heaps[h]);
    }
    lock_give(&heaps->lock);
    return walk.n;
}
