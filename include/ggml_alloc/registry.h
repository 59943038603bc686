/*
 * registry.h - which allocator serves a kind of memory
 *
 * Kinds are the callers' own numbers, from 0.  Whoever registers for a kind with the priority of the one before, or a higher
 * one, replaces it, so that a plug-in can step before what a program brings along.  A registry belongs to who made it, there is no
 * global one.  Any thread may call anything, but ga_registry_delete().
 */
#ifndef GGML_ALLOC_REGISTRY_H
#define GGML_ALLOC_REGISTRY_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_registry ga_registry;

GA_API ga_registry *ga_registry_new(const struct ga_env *env); /* NULL: no memory */
GA_API void ga_registry_delete(ga_registry *registry);         /* what is registered stays its owner's; NULL is fine */

/*
 * `alloc` serves `kind` from now on: a device, a meter, a cache (ga_cache_backend()).  NULL: nobody does.  It outlives its use.
 * GA_BUSY: one of a higher priority does, and stays; GA_NO_MEMORY; GA_INVALID: the kind is negative.
 */
GA_API enum ga_status ga_registry_set(ga_registry *registry, int kind, const struct ga_backend *alloc, int priority);
GA_API const struct ga_backend *ga_registry_get(ga_registry *registry, int kind); /* NULL: nobody serves it */

#ifdef __cplusplus
}
#endif

#endif
