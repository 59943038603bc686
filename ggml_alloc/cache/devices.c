#include "ggml_alloc/devices.h"

#include "base/array.h"
#include "base/lock.h"
#include "cache/device.h"

struct ga_devices {
    struct ga_env env;
    struct lock lock;
    struct ga_cache_opts opts;
    ga_cache **caches;
    uint32_t n, cap;
};

ga_devices *ga_devices_new(const struct ga_env *env, const struct ga_backend *const *backends, uint32_t n,
                           const struct ga_cache_opts *opts)
{
    struct ga_env own = gai_env(env);
    ga_devices *devices = mem_new(&own.mem, ga_devices, 1);
    if (!devices)
        return NULL;
    devices->env = own;
    devices->opts = opts ? *opts : (struct ga_cache_opts){ 0 };
    lock_init(&devices->lock);
    if (ga_devices_grow(devices, backends, n) == GA_OK)
        return devices;
    ga_devices_delete(devices);
    return NULL;
}

void ga_devices_delete(ga_devices *devices)
{
    if (!devices)
        return;
    struct ga_mem mem = devices->env.mem;
    while (devices->n)
        ga_cache_delete(devices->caches[--devices->n]);
    mem_free(&mem, devices->caches, devices->cap);
    mem_free(&mem, devices, 1);
}

static enum ga_status grow(ga_devices *devices, const struct ga_backend *const *backends, uint32_t n)
{
    uint32_t before = devices->n;
    if (!array_room(&devices->env.mem, &devices->caches, &devices->cap, n))
        return GA_NO_MEMORY;
    while (devices->n < n) {
        ga_cache *cache;
        enum ga_status status = gai_cache_new(&devices->env, backends[devices->n], &devices->opts, &cache);
        if (status != GA_OK) {
            while (devices->n > before)
                ga_cache_delete(devices->caches[--devices->n]);
            return status;
        }
        devices->caches[devices->n++] = cache;
    }
    return GA_OK;
}

enum ga_status ga_devices_grow(ga_devices *devices, const struct ga_backend *const *backends, uint32_t n)
{
    lock_take(&devices->lock);
    enum ga_status status = grow(devices, backends, n);
    lock_give(&devices->lock);
    return status;
}

uint32_t ga_devices_count(ga_devices *devices)
{
    lock_take(&devices->lock);
    uint32_t n = devices->n;
    lock_give(&devices->lock);
    return n;
}

ga_cache *ga_devices_get(ga_devices *devices, uint32_t device)
{
    lock_take(&devices->lock);
    ga_cache *cache = device < devices->n ? devices->caches[device] : NULL;
    lock_give(&devices->lock);
    return cache;
}

ga_cache *ga_devices_find(ga_devices *devices, const void *ptr)
{
    uint32_t n = ga_devices_count(devices);
    for (uint32_t i = 0; i < n; i++) {
        ga_cache *cache = ga_devices_get(devices, i);
        if (ga_cache_find(cache, ptr))
            return cache;
    }
    return NULL;
}

enum ga_status ga_devices_free_ptr(ga_devices *devices, void *ptr)
{
    if (!ptr)
        return GA_OK;
    ga_cache *cache = ga_devices_find(devices, ptr);
    return cache ? ga_cache_free_ptr(cache, ptr) : GA_UNKNOWN;
}

enum ga_status ga_devices_trim(ga_devices *devices, uint64_t target)
{
    enum ga_status first = GA_OK;
    uint32_t n = ga_devices_count(devices);
    for (uint32_t i = 0; i < n; i++) {
        enum ga_status status = ga_cache_trim(ga_devices_get(devices, i), target);
        first = first == GA_OK ? status : first;
    }
    return first;
}
