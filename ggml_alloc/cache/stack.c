/*
 * The cache as a backend for others.  Its streams and events are those of the device: groups bring their own user, so they are
 * passed on as they are.
 */
#include "cache/device.h"

#include "base/bits.h"

static enum ga_status stack_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    void *base;
    enum ga_status status = ga_cache_alloc(user, size, GA_STREAM_CURRENT, NULL, &base);
    if (status == GA_OK)
        *buffer = (struct ga_buffer){ .base = base, .size = size };
    return status == GA_NO_MEMORY ? GA_NO_SPACE : status;
}

static void stack_free(void *user, struct ga_buffer *buffer)
{
    ga_cache_free_ptr(user, buffer->base);
}

/* What is cached is free, too, though perhaps not in one piece. */
static bool stack_info(void *user, uint64_t *free_bytes, uint64_t *total_bytes)
{
    ga_cache *cache = user;
    const struct ga_backend *device = cache->backend;
    uint64_t device_free = UINT64_MAX, device_total = UINT64_MAX;
    bool known = device->info && device->info(device->user, &device_free, &device_total);
    bool entered = cache_enter(cache);
    uint64_t reserved = core_reserved(&cache->core), active = counts_active_bytes(&cache->core.counts), limit = cache->limit;
    cache_leave(cache, entered);
    if (!known && limit == UINT64_MAX)
        return false;
    uint64_t room = limit > reserved ? limit - reserved : 0;
    *free_bytes = min_u64(device_free, room) + (reserved - active);
    *total_bytes = min_u64(device_total, limit);
    return true;
}

void gai_cache_offer(ga_cache *cache)
{
    cache->offered = *cache->backend;
    cache->offered.name = "cache";
    cache->offered.align = (size_t)min_u64(gai_backend_align(cache->backend), GA_CACHE_QUANTUM);
    cache->offered.alloc = stack_alloc;
    cache->offered.free = stack_free;
    cache->offered.info = stack_info;
    cache->offered.vmem = NULL;
    cache->offered.user = cache;
    cache->offered.share = NULL; /* it would go past the cache */
}

const struct ga_backend *ga_cache_backend(ga_cache *cache)
{
    return &cache->offered;
}
