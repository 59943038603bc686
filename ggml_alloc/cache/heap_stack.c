/*
 * For those who know nothing of heaps: a face as a backend, buffers that carry how to give them back, copies.
 */
#include "cache/heap.h"

#include "base/bits.h"

struct heap_owner {
    ga_heap *heap;
    ga_heap_buffer buffer;
    struct heap_owner *prev, *next; /* of all */
};

static enum ga_status stack_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    ga_heap *heap = user;
    ga_heap_buffer name;
    enum ga_status status = ga_heap_alloc(heap, size, 0, &name);
    if (status == GA_OK) {
        void *slot = (void *)(uintptr_t)(uint32_t)name; /* a name does not fit everywhere; while it lives, its slot is enough */
        *buffer = (struct ga_buffer){ .base = ga_heap_ptr(heap, name, NULL), .size = size, .handle = slot };
    }
    return status == GA_NO_MEMORY || status == GA_INVALID ? GA_NO_SPACE : status;
}

static void stack_free(void *user, struct ga_buffer *buffer)
{
    ga_heap *heap = user;
    uint32_t slot = (uint32_t)(uintptr_t)buffer->handle;
    lock_take(&heap->all->lock);
    ga_heap_buffer name = heap_name(heap->all, slot);
    lock_give(&heap->all->lock);
    ga_heap_free(heap, name);
}

/* What is cached is free, too, though perhaps not in one piece. */
static bool stack_info(void *user, uint64_t *free_bytes, uint64_t *total_bytes)
{
    ga_heap *heap = user;
    const struct ga_backend *device = heap->all->backend;
    struct ga_heap_stats stats;
    if (!device->info || !device->info(device->user, free_bytes, total_bytes))
        return false;
    ga_heap_stats(heap, &stats);
    *free_bytes += stats.reserved.now - stats.allocated.now - stats.pending;
    return true;
}

void gai_heap_offer(ga_heap *heap)
{
    const struct ga_backend *device = heap->all->backend;
    heap->offered = *device;
    heap->offered.name = "heap";
    heap->offered.align = (size_t)min_u64(gai_backend_align(device), GA_HEAP_SMALL_QUANTUM);
    heap->offered.alloc = stack_alloc;
    heap->offered.free = stack_free;
    heap->offered.info = stack_info;
    heap->offered.user = heap;
    heap->offered.vmem = NULL;
    heap->offered.share = NULL; /* these would go past the heaps */
}

const struct ga_backend *ga_heap_backend(ga_heap *heap)
{
    return &heap->offered;
}

static struct heap_owner *owner_new(ga_heap *heap)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    struct heap_owner *owner = mem_new(&heaps->env.mem, struct heap_owner, 1);
    if (owner) {
        *owner = (struct heap_owner){ .heap = heap, .next = heaps->owners };
        if (owner->next)
            owner->next->prev = owner;
        heaps->owners = owner;
    }
    lock_give(&heaps->lock);
    return owner;
}

static void owner_delete(ga_heaps *heaps, struct heap_owner *owner)
{
    if (owner->next)
        owner->next->prev = owner->prev;
    if (owner->prev)
        owner->prev->next = owner->next;
    else
        heaps->owners = owner->next;
    mem_free(&heaps->env.mem, owner, 1);
}

void gai_heap_fini_owners(ga_heaps *heaps)
{
    while (heaps->owners)
        owner_delete(heaps, heaps->owners);
}

enum ga_status ga_heap_own(ga_heap *heap, size_t size, unsigned usage, struct ga_owned *owned)
{
    struct heap_owner *owner = size ? owner_new(heap) : NULL;
    if (size && !owner)
        return GA_NO_MEMORY;
    enum ga_status status = owner ? ga_heap_alloc(heap, size, usage, &owner->buffer) : GA_OK;
    if (status != GA_OK) {
        ga_heap_release(owner);
        return status;
    }
    *owned = (struct ga_owned){
        .ptr = owner ? ga_heap_ptr(heap, owner->buffer, NULL) : NULL,
        .owner = owner,
        .release = ga_heap_release,
        .kind = heap->all->kind,
        .device = heap->all->backend->device,
    };
    return GA_OK;
}

void ga_heap_release(void *owner)
{
    struct heap_owner *released = owner;
    if (!released)
        return;
    ga_heaps *heaps = released->heap->all;
    ga_heap_free(released->heap, released->buffer);
    lock_take(&heaps->lock);
    owner_delete(heaps, released);
    lock_give(&heaps->lock);
}

enum ga_status ga_heap_copy(ga_heap *heap, void *to, const void *from, size_t size, ga_stream stream)
{
    const struct ga_backend_copy *calls = heap->all->backend->copy;
    if (!calls)
        return GA_UNSUPPORTED;
    return size ? calls->copy(calls->user, to, from, size, gai_heap_stream(heap->all, stream)) : GA_OK;
}
