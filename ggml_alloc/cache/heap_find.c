#include "cache/heap.h"

#include "base/bits.h"

void gai_heap_cache(ga_heaps *heaps, uint32_t slot)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    struct heap_pool *pool = &heaps->pools[buffer->pool];
    struct range_node *node = &heaps->nodes[slot];
    buffer->state = HEAP_CACHED;
    buffer->generation++;
    buffer->cached_at = pool->searches;
    gai_bins_add(&pool->cached, heaps->nodes, slot);
    node->prev = pool->newest;
    node->next = 0;
    if (pool->newest)
        heaps->nodes[pool->newest].next = slot;
    else
        pool->oldest = slot;
    pool->newest = slot;
    pool->n_cached++;
    pool->cached_size += buffer->size;
}

void gai_heap_uncache(ga_heaps *heaps, uint32_t slot)
{
    struct heap_pool *pool = &heaps->pools[heaps->buffers[slot].pool];
    const struct range_node *node = &heaps->nodes[slot];
    gai_bins_remove(&pool->cached, heaps->nodes, slot);
    if (node->prev)
        heaps->nodes[node->prev].next = node->next;
    else
        pool->oldest = node->next;
    if (node->next)
        heaps->nodes[node->next].prev = node->prev;
    else
        pool->newest = node->prev;
    pool->n_cached--;
    pool->cached_size -= heaps->buffers[slot].size;
}

uint32_t gai_heap_largest(const ga_heaps *heaps, uint32_t at)
{
    const struct heap_pool *pool = &heaps->pools[at];
    uint32_t longest = gai_bins_longest(&pool->cached, heaps->nodes);
    return longest ? gai_bins_best(&pool->cached, heaps->nodes, heaps->nodes[longest].len) : 0;
}

/*
 * Much larger than what is asked for: it is used only when that is the only way to get memory.  Given up, it leaves its heap, and
 * the request finds the gap.
 */
static bool accept_oversize(ga_heaps *heaps, struct heap_request *request, uint32_t slot)
{
    if (gai_heap_with_room(heaps, request->pool, request->size))
        return false;
    if (heaps->buffers[slot].refs == 0) {
        gai_heap_release(heaps, slot, false);
        request->pressure = false;
        return false;
    }
    if (request->pressure) {
        gai_heap_release(heaps, slot, true);
        return false;
    }
    return true;
}

/* A buffer that grows step by step leaves one behind that is just too small each time, and nobody else wants it. */
static void shed_outgrown(ga_heaps *heaps, const struct heap_request *request)
{
    uint32_t largest = gai_heap_largest(heaps, request->pool);
    if (!largest || !heap_pool_is_large(request->pool))
        return;
    const struct heap_buffer *buffer = &heaps->buffers[largest];
    if (buffer->size >= request->size - request->size / 8 && buffer->refs == 0)
        gai_heap_release(heaps, largest, true);
}

bool gai_heap_recycle(ga_heaps *heaps, struct heap_request *request)
{
    struct heap_pool *pool = &heaps->pools[request->pool];
    bool is_scalar = request->pool == GA_HEAP_POOL_SCALAR;
    if (heap_pool_is_large(request->pool) && heaps->low_ratio > 0)
        pool->searches++;
    uint32_t slot = gai_bins_best(&pool->cached, heaps->nodes, request->size);
    if (!slot) {
        shed_outgrown(heaps, request);
        return false;
    }
    bool is_oversize = heaps->buffers[slot].size - request->size > GA_HEAP_SLACK;
    if (is_oversize && !accept_oversize(heaps, request, slot))
        return false;
    if (!gai_heap_use_room(heaps, is_scalar))
        return false;
    gai_heap_uncache(heaps, slot);
    request->is_recycled = true;
    gai_heap_hand_out(heaps, slot, request);
    return true;
}

/* Searches since it was cached. */
static uint64_t age_of(const ga_heaps *heaps, uint32_t slot)
{
    const struct heap_buffer *buffer = &heaps->buffers[slot];
    return heaps->pools[buffer->pool].searches - buffer->cached_at;
}

/* Of the cached buffers that nothing uses; UINT64_MAX: there are none. */
static uint64_t mean_age(const ga_heaps *heaps, const struct heap_pool *pool)
{
    uint64_t sum = 0, n = 0;
    for (uint32_t slot = pool->oldest; slot; slot = heaps->nodes[slot].next) {
        if (heaps->buffers[slot].refs == 0) {
            sum += age_of(heaps, slot);
            n++;
        }
    }
    return n ? sum / n : UINT64_MAX;
}

/* The oldest first, those older than the mean, until `target` bytes are released.  Returns how many were. */
static uint64_t release_old(ga_heaps *heaps, const struct heap_pool *pool, uint64_t target)
{
    uint64_t mean = mean_age(heaps, pool), released = 0;
    for (uint32_t slot = pool->oldest, next; slot && released < target; slot = next) {
        struct heap_buffer *buffer = &heaps->buffers[slot];
        next = heaps->nodes[slot].next;
        if (buffer->refs || age_of(heaps, slot) < mean)
            continue;
        released += buffer->size;
        gai_heap_release(heaps, slot, buffer->heap->whole);
    }
    return released;
}

static void collect(ga_heaps *heaps, uint32_t pool, uint64_t target)
{
    uint64_t released = 1;
    for (; released && target; target -= min_u64(target, released))
        released = release_old(heaps, &heaps->pools[pool], target);
}

void gai_heap_relieve(ga_heaps *heaps, const struct heap_request *request)
{
    gai_heap_settle(heaps); /* what left counts as used as long as the backend has not got it back */
    uint64_t used = gai_heap_used(heaps);
    if (used < heaps->low)
        return;
    if (request->size < heaps->pools[request->pool].cached_size)
        collect(heaps, request->pool, used - heaps->low);
    uint64_t target = used - heaps->low;
    for (const struct heap *heap = heaps->leaving; heap; heap = heap->next)
        target -= min_u64(target, heap->size);
    gai_heap_drop_empty(heaps, request->pool, request->size, target);
}
