/*
 * What is known of one buffer, who shares it with the host, and events.
 */
#include "cache/heap.h"

#include <string.h>

static bool find_live(const ga_heaps *heaps, ga_heap_buffer name, uint32_t *slot)
{
    return gai_heap_slot(heaps, name, slot) == GA_OK;
}

static bool find_shared(const ga_heaps *heaps, ga_heap_buffer name, uint32_t *slot)
{
    return find_live(heaps, name, slot) && heap_is_shared(heaps, *slot);
}

enum ga_status ga_heap_use(ga_heap *heap, ga_heap_buffer name, ga_stream stream)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    stream = gai_heap_stream(heaps, stream);
    lock_take(&heaps->lock);
    enum ga_status status = gai_heap_slot(heaps, name, &slot);
    if (status == GA_OK)
        status = gai_heap_add_use(heaps, slot, stream);
    lock_give(&heaps->lock);
    return status;
}

uint32_t ga_heap_refs(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    gai_heap_poll(heaps);
    uint32_t refs = find_live(heaps, name, &slot) ? heaps->buffers[slot].refs + 1 : 0;
    gai_heap_settle(heaps);
    lock_give(&heaps->lock);
    return refs;
}

void *ga_heap_ptr(ga_heap *heap, ga_heap_buffer name, size_t *size)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    void *ptr = NULL;
    lock_take(&heaps->lock);
    if (find_live(heaps, name, &slot)) {
        ptr = heaps->buffers[slot].ptr;
        if (size)
            *size = (size_t)heaps->buffers[slot].size;
    }
    lock_give(&heaps->lock);
    return ptr;
}

int64_t ga_heap_get_unaligned_buffer_size(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    int64_t size = find_live(heaps, name, &slot) ? (int64_t)heaps->buffers[slot].requested : -1;
    lock_give(&heaps->lock);
    return size;
}

uint64_t ga_heap_get_buffer_id(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    uint64_t id = find_live(heaps, name, &slot) ? heaps->buffers[slot].id : 0;
    lock_give(&heaps->lock);
    return id;
}

static enum ga_status set_shape(ga_heaps *heaps, struct heap_buffer *buffer, const int64_t *shape, uint32_t n)
{
    int64_t *copy = n ? mem_new_raw(&heaps->env.mem, int64_t, n) : NULL;
    if (n && !copy)
        return GA_NO_MEMORY;
    if (n)
        memcpy(copy, shape, n * sizeof *copy);
    mem_free(&heaps->env.mem, buffer->shape, buffer->n_shape);
    buffer->shape = copy;
    buffer->n_shape = n;
    return GA_OK;
}

enum ga_status ga_heap_set_buffer_shape(ga_heap *heap, ga_heap_buffer name, const int64_t *shape, uint32_t n)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    enum ga_status status = find_live(heaps, name, &slot) ? set_shape(heaps, &heaps->buffers[slot], shape, n) : GA_INVALID;
    lock_give(&heaps->lock);
    return status;
}

uint32_t ga_heap_get_buffer_shape(ga_heap *heap, ga_heap_buffer name, int64_t *shape, uint32_t cap)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot, n = 0;
    lock_take(&heaps->lock);
    if (find_live(heaps, name, &slot)) {
        n = heaps->buffers[slot].n_shape;
        for (uint32_t i = 0; i < n && i < cap; i++)
            shape[i] = heaps->buffers[slot].shape[i];
    }
    lock_give(&heaps->lock);
    return n;
}

bool ga_heap_is_shared_storage_supported(const ga_heap *heap)
{
    return heap->all->unified;
}

bool ga_heap_is_shared_buffer(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    bool shared = find_shared(heaps, name, &slot);
    lock_give(&heaps->lock);
    return shared;
}

bool ga_heap_is_pinned(ga_heap *heap, ga_heap_buffer name)
{
    return ga_heap_is_shared_buffer(heap, name);
}

void *ga_heap_get_shared_buffer_ptr(ga_heap *heap, ga_heap_buffer name, uint32_t *refs)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    bool shared = find_shared(heaps, name, &slot);
    void *ptr = shared ? gai_heap_host(heaps, slot) : NULL;
    if (refs)
        *refs = ptr ? heaps->buffers[slot].refs + 1 : 0;
    lock_give(&heaps->lock);
    return ptr;
}

void *ga_heap_host_alias(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    lock_take(&heaps->lock);
    void *ptr = find_shared(heaps, name, &slot) ? gai_heap_host(heaps, slot) : NULL;
    if (ptr) {
        heaps->buffers[slot].aliases++;
        heaps->buffers[slot].refs++;
    }
    lock_give(&heaps->lock);
    return ptr;
}

/* Live, or freed and kept by its references: the handle is still its own. */
static bool find_kept(const ga_heaps *heaps, ga_heap_buffer name, uint32_t *slot)
{
    if (find_live(heaps, name, slot))
        return true;
    *slot = (uint32_t)name;
    return *slot && *slot <= heaps->n_buffers && heaps->buffers[*slot].state == HEAP_PENDING && heap_name(heaps, *slot) == name;
}

uint32_t ga_heap_drop_alias(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot, refs = 0;
    lock_take(&heaps->lock);
    if (find_kept(heaps, name, &slot) && heaps->buffers[slot].aliases) {
        refs = heaps->buffers[slot].refs + 1;
        heaps->buffers[slot].aliases--;
        gai_heap_unref(heaps, slot);
    }
    gai_heap_settle(heaps);
    lock_give(&heaps->lock);
    return refs;
}

bool ga_heap_record_events(ga_heap *heap, const ga_heap_buffer *names, uint32_t n)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot, n_shared = 0, batch;
    lock_take(&heaps->lock);
    for (uint32_t i = 0; i < n; i++)
        n_shared += find_shared(heaps, names[i], &slot);
    ga_stream stream = gai_heap_stream(heaps, GA_STREAM_CURRENT);
    bool recorded = n_shared && gai_heap_commit(heaps, stream, &batch) == GA_OK;
    for (uint32_t i = 0; recorded && i < n; i++) {
        if (find_shared(heaps, names[i], &slot)) {
            heaps->buffers[slot].event = heaps->batches[batch].number;
            heaps->buffers[slot].event_batch = batch;
        }
    }
    lock_give(&heaps->lock);
    return recorded;
}

/* The batch to wait for; 0: nothing was recorded, it was reached, or nobody refers to the buffer. */
static uint32_t batch_of(const ga_heaps *heaps, ga_heap_buffer name)
{
    uint32_t slot;
    if (!find_shared(heaps, name, &slot))
        return 0;
    const struct heap_buffer *buffer = &heaps->buffers[slot];
    bool is_there = buffer->refs && buffer->event && heaps->batches[buffer->event_batch].number == buffer->event;
    return is_there ? buffer->event_batch : 0;
}

bool ga_heap_wait_for_events(ga_heap *heap, const ga_heap_buffer *names, uint32_t n)
{
    ga_heaps *heaps = heap->all;
    enum ga_status status = GA_OK;
    uint32_t n_idle = 0;
    lock_take(&heaps->lock);
    for (uint32_t i = 0; i < n && status == GA_OK; i++) {
        uint32_t batch = batch_of(heaps, names[i]);
        if (batch)
            status = gai_heap_wait(heaps, batch, &n_idle);
        gai_heap_settle(heaps);
    }
    lock_give(&heaps->lock);
    return status == GA_OK && n_idle > 0;
}
