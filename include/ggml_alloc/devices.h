/*
 * devices.h - a cache for each device of a machine, by its number
 */
#ifndef GGML_ALLOC_DEVICES_H
#define GGML_ALLOC_DEVICES_H

#include "cache.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_devices ga_devices;

/*
 * Caches for devices 0 .. n - 1 (0 is fine: ga_devices_grow()), all with the same options.  NULL: no memory, or one of the caches
 * cannot be (ga_cache_new()).  Any thread may call anything, but ga_devices_delete(); caches do not wait for each other, so that a
 * memory hook may be called by several threads at a time.
 */
GA_API ga_devices *ga_devices_new(const struct ga_env *env, const struct ga_backend *const *backends, uint32_t n,
                                  const struct ga_cache_opts *opts);
GA_API void ga_devices_delete(ga_devices *devices); /* the caches go, too; NULL is fine */

/* Up to `n` devices; backends of those that are there already are not looked at, and fewer change nothing.  GA_NO_MEMORY or
 * GA_INVALID, a cache that cannot be: the devices are as they were. */
GA_API enum ga_status ga_devices_grow(ga_devices *devices, const struct ga_backend *const *backends, uint32_t n);

GA_API uint32_t ga_devices_count(ga_devices *devices);
GA_API ga_cache *ga_devices_get(ga_devices *devices, uint32_t device); /* NULL: no such device */

/* The cache with a live block that begins at `ptr`; NULL: none.  O(devices). */
GA_API ga_cache *ga_devices_find(ga_devices *devices, const void *ptr);
/* By address alone: GA_UNKNOWN, none of ours.  NULL is fine. */
GA_API enum ga_status ga_devices_free_ptr(ga_devices *devices, void *ptr);

/* ga_cache_trim() of each, with the same target; the first failure, after all were tried. */
GA_API enum ga_status ga_devices_trim(ga_devices *devices, uint64_t target);

#ifdef __cplusplus
}
#endif

#endif
