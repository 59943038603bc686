/*
 * planned.h - a plan as a private pool of a cache: who allocates tensor by tensor gets the planned places
 *
 *     plan     storages  1, 2, 4, 5, ...  in the order in which they need their bytes
 *     cache    |  1  |   4    |           a pool with places (pool.h): its k-th allocation is the k-th storage's
 *              |   2   |    5   |
 *
 * For engines that cannot be told addresses, but ask for memory in the same order each time.  One that does so in another order,
 * or asks for more, is served all the same, from further segments.
 */
#ifndef GGML_ALLOC_PLANNED_H
#define GGML_ALLOC_PLANNED_H

#include "plan.h"
#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * ga_pool_new_placed() with what `plan` says of its pool `which`; the plan is no longer needed afterwards, nor what is taken from
 * `env` meanwhile.  The plan was made with ga_plan_opts.align a multiple of GA_CACHE_QUANTUM for that pool, else GA_INVALID; and for
 * what the engine does: whose node may take over the bytes of a source frees that source before it allocates.  A pool of which
 * nothing was planned has no places.
 */
GA_API enum ga_status ga_pool_new_planned(const struct ga_env *env, ga_cache *cache, const ga_plan *plan, unsigned which,
                                          ga_stream stream, const struct ga_pool_opts *opts, ga_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
