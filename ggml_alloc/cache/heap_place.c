#include "cache/heap.h"

#include <string.h>

#include "base/bits.h"

static uint64_t longest_in(const struct heap *heap)
{
    uint32_t longest = gai_range_longest(&heap->range), tail = gai_range_tail(&heap->range);
    if (heap->whole && heap->n_buffers)
        return 0;
    return max_u64(longest ? range_len(&heap->range, longest) : 0, tail ? range_len(&heap->range, tail) : 0);
}

/* The first heap of the pool at or behind (available, id). */
static uint32_t lower_bound(const struct heap_pool *pool, uint64_t available, uint64_t id)
{
    uint32_t low = 0, high = pool->n_heaps;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct heap *heap = pool->heaps[middle];
        bool is_before = heap->available != available ? heap->available < available : heap->id < id;
        if (is_before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* There is room. */
static void insert(struct heap_pool *pool, struct heap *heap)
{
    uint32_t at = lower_bound(pool, heap->available, heap->id);
    memmove(&pool->heaps[at + 1], &pool->heaps[at], (pool->n_heaps - at) * sizeof *pool->heaps);
    pool->heaps[at] = heap;
    pool->n_heaps++;
}

static void take_out(struct heap_pool *pool, const struct heap *heap)
{
    uint32_t at = lower_bound(pool, heap->available, heap->id);
    pool->n_heaps--;
    memmove(&pool->heaps[at], &pool->heaps[at + 1], (pool->n_heaps - at) * sizeof *pool->heaps);
}

void gai_heap_sort(ga_heaps *heaps, struct heap *heap)
{
    struct heap_pool *pool = &heaps->pools[heap->pool];
    uint64_t available = longest_in(heap);
    if (available == heap->available)
        return;
    take_out(pool, heap);
    heap->available = available;
    insert(pool, heap);
}

struct heap *gai_heap_with_room(const ga_heaps *heaps, uint32_t at, uint64_t size)
{
    const struct heap_pool *pool = &heaps->pools[at];
    uint32_t first = lower_bound(pool, size, 0);
    return first < pool->n_heaps ? pool->heaps[first] : NULL;
}

void gai_heap_leave(ga_heaps *heaps, struct heap *heap)
{
    take_out(&heaps->pools[heap->pool], heap);
    heap->next = heaps->leaving;
    heaps->leaving = heap;
}

/* Without the lock. */
static void return_buffer(const ga_heaps *heaps, struct ga_buffer *buffer)
{
    const struct ga_backend_share *share = heaps->backend->share;
    if (share && share->reside)
        share->reside(share->user, buffer, false);
    heaps->backend->free(heaps->backend->user, buffer);
}

void gai_heap_give_back(ga_heaps *heaps, struct heap *heap)
{
    lock_give(&heaps->lock);
    return_buffer(heaps, &heap->buffer);
    lock_take(&heaps->lock);
    heap_count_down(&heaps->reserved, heap->size);
    gai_range_fini(&heap->range);
    mem_free(&heaps->env.mem, heap->tenants, heap->cap_tenants);
    mem_free(&heaps->env.mem, heap, 1);
}

/* Without the lock. */
static enum ga_status get_buffer(const ga_heaps *heaps, const struct heap_pool *pool, size_t size, struct ga_buffer *buffer)
{
    const struct ga_backend *backend = heaps->backend;
    const struct ga_backend_share *share = backend->share;
    if (!share)
        return backend->alloc(backend->user, size, buffer);
    unsigned shared = pool->usage & GA_HEAP_SHARED ? GA_MEMORY_SHARED : 0;
    unsigned tracked = pool->usage & GA_HEAP_HAZARD ? GA_MEMORY_TRACKED : 0;
    enum ga_status status = share->alloc(share->user, size, shared | tracked, buffer);
    if (status == GA_OK && share->reside)
        share->reside(share->user, buffer, true);
    return status;
}

/* Bytes that are asked for count against the limit before they are there. */
static bool is_allowed(const ga_heaps *heaps, uint64_t size)
{
    if (size > SIZE_MAX || size > gai_backend_max(heaps->backend))
        return false;
    uint64_t used = add_sat(gai_heap_used(heaps), heaps->ahead);
    return heaps->high == 0 || (used <= heaps->high && size <= heaps->high - used);
}

/* The heap, empty, has its memory; it becomes one of the pool's. */
static enum ga_status settle_in(ga_heaps *heaps, uint32_t at, struct heap *heap)
{
    struct heap_pool *pool = &heaps->pools[at];
    uint64_t size = heap->buffer.size / pool->quantum * pool->quantum;
    if (!array_room(&heaps->env.mem, &pool->heaps, &pool->cap_heaps, pool->n_heaps + 1u))
        return GA_NO_MEMORY;
    enum ga_status status = gai_range_init(&heap->range, &heaps->env.mem, size, RANGE_TIE_LOW, 1);
    if (status != GA_OK)
        return status;
    heap->id = ++heaps->n_heap_ids;
    heap->pool = at;
    heap->size = heap->buffer.size;
    heap->available = longest_in(heap);
    insert(pool, heap);
    heap_count_up(&heaps->reserved, heap->size);
    return GA_OK;
}

static enum ga_status add_heap(ga_heaps *heaps, uint32_t pool, struct heap_tier tier, struct heap **added)
{
    if (!is_allowed(heaps, tier.size))
        return GA_NO_SPACE;
    struct heap *heap = mem_new(&heaps->env.mem, struct heap, 1);
    if (!heap)
        return GA_NO_MEMORY;
    heap->whole = tier.whole;
    heaps->ahead += tier.size;
    lock_give(&heaps->lock);
    enum ga_status status = get_buffer(heaps, &heaps->pools[pool], (size_t)tier.size, &heap->buffer);
    lock_take(&heaps->lock);
    heaps->ahead -= tier.size;
    bool has_buffer = status == GA_OK;
    if (has_buffer)
        status = settle_in(heaps, pool, heap);
    if (status == GA_OK) {
        *added = heap;
        return GA_OK;
    }
    if (has_buffer) {
        lock_give(&heaps->lock);
        return_buffer(heaps, &heap->buffer);
        lock_take(&heaps->lock);
    }
    mem_free(&heaps->env.mem, heap, 1);
    return status;
}

/* Where the tier's heap is too much, one that is just large enough. */
static enum ga_status new_heap(ga_heaps *heaps, const struct heap_request *request, struct heap **heap)
{
    struct heap_tier tier = gai_heap_tier(heaps, request->size, request->pressure);
    struct heap_tier exact = gai_heap_exact(heaps, request->size);
    enum ga_status status = add_heap(heaps, request->pool, tier, heap);
    return status == GA_NO_SPACE && exact.size < tier.size ? add_heap(heaps, request->pool, exact, heap) : status;
}

static bool buffer_room(ga_heaps *heaps)
{
    const struct ga_mem *mem = &heaps->env.mem;
    return heaps->spare_buffer || (array_room(mem, &heaps->buffers, &heaps->cap_buffers, heaps->n_buffers + 2u) &&
                                   array_room(mem, &heaps->nodes, &heaps->cap_nodes, heaps->n_buffers + 2u));
}

/* There is room. */
static uint32_t buffer_slot(ga_heaps *heaps)
{
    uint32_t slot = heaps->spare_buffer;
    if (slot)
        heaps->spare_buffer = heaps->buffers[slot].next;
    else
        heaps->buffers[slot = ++heaps->n_buffers].generation = 0;
    return slot;
}

static void fill_buffer(ga_heaps *heaps, struct heap_request *request, struct heap *heap, uint32_t node)
{
    struct heap_pool *pool = &heaps->pools[request->pool];
    uint64_t offset = range_offset(&heap->range, node);
    uint32_t slot = buffer_slot(heaps);
    heaps->buffers[slot] = (struct heap_buffer){
        .heap = heap,
        .id = ++heaps->n_buffer_ids,
        .size = request->size,
        .ptr = (char *)heap->buffer.base + (size_t)offset,
        .node = node,
        .generation = heaps->buffers[slot].generation,
        .pool = request->pool,
    };
    heaps->nodes[slot] = (struct range_node){ .offset = heaps->n_buffer_ids, .len = request->size };
    pool->n_buffers++;
    pool->size += request->size;
    gai_heap_hand_out(heaps, slot, request);
}

void gai_heap_hand_out(ga_heaps *heaps, uint32_t slot, struct heap_request *request)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    buffer->state = HEAP_IN_USE;
    buffer->requested = request->requested;
    buffer->usage = request->usage;
    heap_count_up(&heaps->allocated, buffer->size);
    if (buffer->pool == GA_HEAP_POOL_SCALAR)
        heaps->n_scalars++;
    request->buffer = slot;
}

/* There is room for a buffer. */
static enum ga_status place(ga_heaps *heaps, struct heap_request *request, struct heap *heap)
{
    uint32_t node;
    enum ga_status status = gai_range_take(&heap->range, request->size, &node);
    if (status != GA_OK)
        return status;
    if (!array_room(&heaps->env.mem, &heap->tenants, &heap->cap_tenants, node + 1u)) {
        gai_range_give(&heap->range, node);
        return GA_NO_MEMORY;
    }
    heap->n_buffers++;
    fill_buffer(heaps, request, heap, node);
    heap->tenants[node] = request->buffer;
    gai_heap_sort(heaps, heap);
    return GA_OK;
}

enum ga_status gai_heap_create(ga_heaps *heaps, struct heap_request *request)
{
    gai_heap_settle(heaps);
    struct heap *heap = gai_heap_with_room(heaps, request->pool, request->size);
    enum ga_status status = heap ? GA_OK : new_heap(heaps, request, &heap);
    if (status != GA_OK)
        return status;
    bool is_scalar = request->pool == GA_HEAP_POOL_SCALAR;
    if (!buffer_room(heaps) || !gai_heap_use_room(heaps, is_scalar))
        return GA_NO_MEMORY;
    return place(heaps, request, heap);
}
