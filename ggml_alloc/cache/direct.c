#include "cache/direct.h"

#include "base/array.h"
#include "cache/device.h"

static bool room(ga_cache *cache)
{
    struct direct *direct = &cache->direct;
    bool has_slot = direct->spare || array_room(&cache->mem, &direct->blocks, &direct->cap, direct->n + 2u);
    return has_slot && direct->n < DIRECT_SLOT - 2 && addrs_room(&direct->addrs, &cache->mem, (uint64_t)direct->addrs.len + 1);
}

static uint32_t slot_new(struct direct *direct)
{
    uint32_t slot = direct->spare;
    if (slot) {
        direct->spare = direct->blocks[slot].next;
        return slot;
    }
    slot = ++direct->n;
    direct->blocks[slot] = (struct direct_block){ .generation = 1 };
    return slot;
}

ga_block gai_direct_name(const struct direct *direct, uint32_t slot)
{
    return slot ? (ga_block)direct->blocks[slot].generation << 32 | DIRECT_SLOT | slot : 0;
}

enum ga_status gai_direct_slot(const struct direct *direct, ga_block name, uint32_t *slot)
{
    uint32_t at = (uint32_t)name & ~DIRECT_SLOT, generation = (uint32_t)(name >> 32);
    if (at == 0 || at > direct->n || generation == 0 || generation > direct->blocks[at].generation)
        return GA_UNKNOWN;
    if (generation != direct->blocks[at].generation || direct->blocks[at].state != DIRECT_LIVE)
        return GA_FREED;
    *slot = at;
    return GA_OK;
}

static void back_to_device(ga_cache *cache, struct ga_buffer *buffer)
{
    const struct ga_backend *backend = cache->backend;
    lock_give(&cache->lock);
    backend->free(backend->user, buffer);
    lock_take(&cache->lock);
}

enum ga_status gai_direct_alloc(ga_cache *cache, uint64_t size, uint64_t align, ga_block *block, void **ptr)
{
    struct direct *direct = &cache->direct;
    const struct ga_backend *backend = cache->backend;
    struct ga_buffer buffer = { 0 };
    uint64_t more = align ? align - 1 : 0;
    size = add_sat(size, more);
    if (size > SIZE_MAX || size == UINT64_MAX)
        return GA_NO_SPACE;
    lock_give(&cache->lock);
    enum ga_status status = backend->alloc(backend->user, (size_t)size, &buffer);
    lock_take(&cache->lock);
    if (status != GA_OK)
        return status;
    if (!room(cache)) {
        back_to_device(cache, &buffer);
        return GA_NO_MEMORY;
    }
    uint32_t slot = slot_new(direct);
    direct->blocks[slot].buffer = buffer;
    direct->blocks[slot].ptr = (char *)buffer.base + ((0 - (uint64_t)(uintptr_t)buffer.base) & more);
    direct->blocks[slot].state = DIRECT_LIVE;
    gai_addrs_add(&direct->addrs, (uintptr_t)direct->blocks[slot].ptr, slot);
    *block = gai_direct_name(direct, slot);
    *ptr = direct->blocks[slot].ptr;
    return GA_OK;
}

/* The slot is nobody's before the lock is dropped. */
static void let_go(ga_cache *cache, uint32_t slot)
{
    struct direct *direct = &cache->direct;
    struct ga_buffer buffer = direct->blocks[slot].buffer;
    direct->blocks[slot].state = DIRECT_SPARE;
    direct->blocks[slot].next = direct->spare;
    direct->spare = slot;
    back_to_device(cache, &buffer);
}

/* False: the device captures, or fails. */
static bool wait_for_device(ga_cache *cache)
{
    const struct ga_backend_order *calls = cache->backend->order;
    if (!calls)
        return true;
    if (cache->pools.n_captures)
        return false;
    lock_give(&cache->lock);
    enum ga_status status = calls->sync(calls->user);
    lock_take(&cache->lock);
    return status == GA_OK;
}

void gai_direct_free(ga_cache *cache, uint32_t slot)
{
    struct direct *direct = &cache->direct;
    gai_addrs_remove(&direct->addrs, (uintptr_t)direct->blocks[slot].ptr);
    direct->blocks[slot].generation++;
    direct->blocks[slot].state = DIRECT_LEFT;
    direct->blocks[slot].left_at = cache->core.clock;
    if (wait_for_device(cache))
        let_go(cache, slot);
    else
        direct->n_left++;
}

void gai_direct_free_left(ga_cache *cache, uint64_t before)
{
    struct direct *direct = &cache->direct;
    for (uint32_t slot = 1; direct->n_left && slot <= direct->n; slot++)
        if (direct->blocks[slot].state == DIRECT_LEFT && direct->blocks[slot].left_at <= before) {
            direct->n_left--;
            let_go(cache, slot);
        }
}

void gai_direct_fini(ga_cache *cache)
{
    struct direct *direct = &cache->direct;
    const struct ga_backend *backend = cache->backend;
    for (uint32_t slot = 1; slot <= direct->n; slot++)
        if (direct->blocks[slot].state != DIRECT_SPARE)
            backend->free(backend->user, &direct->blocks[slot].buffer);
    mem_free(&cache->mem, direct->blocks, direct->cap);
    gai_addrs_fini(&direct->addrs, &cache->mem);
    *direct = (struct direct){ 0 };
}

enum ga_status ga_cache_enable(ga_cache *cache, bool on)
{
    if (!cache_enter(cache))
        return GA_BUSY;
    cache->direct.on = !on;
    lock_give(&cache->lock);
    return GA_OK;
}
