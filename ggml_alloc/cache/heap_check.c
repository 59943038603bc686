#include "cache/heap.h"

#include "base/bits.h"

static const char *check_nodes(const ga_heaps *heaps, const struct heap *heap)
{
    uint64_t longest = 0;
    uint32_t n_buffers = 0;
    for (uint32_t node = range_next(&heap->range, RANGE_NONE); node; node = range_next(&heap->range, node)) {
        uint64_t len = range_len(&heap->range, node);
        if (range_is_free(&heap->range, node)) {
            longest = max_u64(longest, len);
            continue;
        }
        uint32_t slot = node < heap->cap_tenants ? heap->tenants[node] : 0;
        if (slot == 0 || slot > heaps->n_buffers || heaps->buffers[slot].heap != heap || heaps->buffers[slot].node != node)
            return "a used stretch of a heap is nobody's";
        if (heaps->buffers[slot].size != len || heaps->buffers[slot].pool != heap->pool)
            return "a buffer is not as large as its place, or in a heap of another pool";
        if (range_offset(&heap->range, node) % heaps->pools[heap->pool].quantum)
            return "a buffer is not aligned";
        n_buffers++;
    }
    if (heap->whole && n_buffers > 1)
        return "a heap for one buffer has two";
    if (n_buffers != heap->n_buffers)
        return "a heap's buffers are miscounted";
    return heap->available == (heap->whole && n_buffers ? 0 : longest) ? NULL
                                                                       : "what a heap has available is not its longest stretch";
}

static const char *check_heaps(const ga_heaps *heaps, uint64_t *n_placed)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++) {
        const struct heap_pool *pool = &heaps->pools[i];
        for (uint32_t h = 0; h < pool->n_heaps; h++) {
            const struct heap *heap = pool->heaps[h], *before = h ? pool->heaps[h - 1] : NULL;
            bool is_behind =
                !before || before->available < heap->available || (before->available == heap->available && before->id < heap->id);
            if (!is_behind || heap->pool != i)
                return "the heaps of a pool are not in order";
            const char *broken = gai_range_check(&heap->range);
            broken = broken ? broken : check_nodes(heaps, heap);
            if (broken)
                return broken;
            total += heap->size;
            *n_placed += heap->n_buffers;
        }
    }
    for (const struct heap *heap = heaps->leaving; heap; heap = heap->next)
        total += heap->size;
    return total <= heaps->reserved.now ? NULL : "the bytes of heaps are miscounted";
}

static const char *check_cached(const ga_heaps *heaps)
{
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++) {
        const struct heap_pool *pool = &heaps->pools[i];
        uint32_t n_roots, n_linked = 0, n = 0, last = 0;
        const char *broken = gai_bins_check(&pool->cached, heaps->nodes, &n_roots);
        for (uint32_t slot = pool->oldest; slot && !broken; last = slot, slot = heaps->nodes[slot].next) {
            const struct range_node *node = &heaps->nodes[slot];
            const struct heap_buffer *buffer = &heaps->buffers[slot];
            if (buffer->state != HEAP_CACHED || buffer->pool != i || ++n > pool->n_cached)
                return "what is not cached can be found";
            if (node->prev != last || node->len != buffer->size || node->offset != buffer->id)
                return "a cached buffer is not linked back, or not by its size and id";
            if (last && heaps->buffers[last].cached_at > buffer->cached_at)
                return "the cached buffers are not in the order of their ages";
            n_linked += gai_bins_links(&pool->cached, heaps->nodes, slot);
            broken = gai_bins_check_node(&pool->cached, heaps->nodes, slot);
        }
        if (broken)
            return broken;
        if (n != pool->n_cached || last != pool->newest || n_linked + n_roots != n)
            return "a cached buffer cannot be found";
    }
    return NULL;
}

static bool is_counted_in_pool(const struct heap_buffer *buffer)
{
    return buffer->state >= HEAP_IN_USE && buffer->state <= HEAP_CACHED;
}

static const char *check_state(const struct heap_buffer *buffer)
{
    if (buffer->state == HEAP_SPARE || buffer->state == HEAP_GONE)
        return NULL;
    if ((buffer->state == HEAP_PENDING || buffer->state == HEAP_LEFT) && buffer->refs == 0)
        return "a buffer waits for nobody";
    if (buffer->state == HEAP_FREED && buffer->refs && buffer->usage & GA_HEAP_SHARED)
        return "what the host may write to is still used by the device";
    if (buffer->aliases && buffer->state != HEAP_IN_USE && buffer->state != HEAP_PENDING)
        return "a buffer can be reused though the host has an alias of it";
    return buffer->requested <= buffer->size ? NULL : "a buffer is smaller than what was asked for";
}

static const char *check_sums(const ga_heaps *heaps, uint64_t n_placed)
{
    uint64_t allocated = 0, pending = 0, n_scalars = 0;
    uint64_t size[GA_HEAP_POOL_N] = { 0 }, cached[GA_HEAP_POOL_N] = { 0 }, n[GA_HEAP_POOL_N] = { 0 };
    for (uint32_t slot = 1; slot <= heaps->n_buffers; slot++) {
        const struct heap_buffer *buffer = &heaps->buffers[slot];
        const char *broken = check_state(buffer);
        if (broken)
            return broken;
        bool in_use = buffer->state == HEAP_IN_USE;
        allocated += in_use ? buffer->size : 0;
        n_scalars += in_use && buffer->pool == GA_HEAP_POOL_SCALAR;
        pending += buffer->state == HEAP_PENDING ? buffer->size : 0;
        cached[buffer->pool] += buffer->state == HEAP_CACHED ? buffer->size : 0;
        size[buffer->pool] += is_counted_in_pool(buffer) ? buffer->size : 0;
        n[buffer->pool] += is_counted_in_pool(buffer);
        n_placed -= is_counted_in_pool(buffer) || buffer->state == HEAP_LEFT;
    }
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++)
        if (size[i] != heaps->pools[i].size || cached[i] != heaps->pools[i].cached_size || n[i] != heaps->pools[i].n_buffers)
            return "the sums of a pool are wrong";
    if (n_placed)
        return "a buffer is in no heap, or in two";
    bool is_right = allocated == heaps->allocated.now && pending == heaps->pending && n_scalars == heaps->n_scalars;
    return is_right ? NULL : "the sums of all buffers are wrong";
}

const char *ga_heap_check(ga_heap *heap)
{
    const ga_heaps *heaps = heap->all;
    uint64_t n_placed = 0;
    lock_take(&heap->all->lock);
    const char *broken = check_heaps(heaps, &n_placed);
    broken = broken ? broken : check_cached(heaps);
    broken = broken ? broken : check_sums(heaps, n_placed);
    broken = broken ? broken : gai_heap_check_batches(heaps);
    lock_give(&heap->all->lock);
    return broken;
}
