/*
 * policy.h - how large: blocks, segments, and when a block is split
 *
 *      requested      rounded              segment
 *      1 .. 1 MiB     512 B quanta         2 MiB, shared by small ones
 *       .. 10 MiB     or 1/2, 1/4 ..       20 MiB, shared
 *       .. 1 EiB      of a power of two    its own, in quanta of 2 MiB
 *
 * Every answer depends on the rounded size alone: one predicate decides what is small, for blocks and for segments.
 */
#ifndef GAI_CACHE_POLICY_H
#define GAI_CACHE_POLICY_H

#include "ggml_alloc/cache.h"

#define POLICY_ABSURD ((uint64_t)1 << 60) /* sizes from here on are refused before anything is looked up */

/* Whether the options make sense. */
bool gai_policy_sound(const struct ga_cache_opts *opts);

/* Of a request below POLICY_ABSURD. */
uint64_t gai_policy_round(const struct ga_cache_opts *opts, uint64_t size);
uint64_t gai_policy_segment(uint64_t rounded);

static inline bool policy_is_small(uint64_t rounded)
{
    return rounded <= GA_CACHE_SMALL;
}

/* Whether a free block of `len` bytes, the best there is, may serve the request; whether it is split for it. */
bool gai_policy_accepts(const struct ga_cache_opts *opts, uint64_t rounded, uint64_t len);
bool gai_policy_splits(const struct ga_cache_opts *opts, uint64_t rounded, uint64_t len);

#endif
