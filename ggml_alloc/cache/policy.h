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

#include "base/bits.h"

#define POLICY_ABSURD ((uint64_t)1 << 60) /* sizes from here on are refused before anything is looked up */

/* Whether the options make sense. */
bool gai_policy_sound(const struct ga_cache_opts *opts);

/* Segments as we would choose them, where bytes matter more than calls: what is called `segments` beside the defaults, `base`. */
struct ga_cache_opts gai_policy_close(void);

/* Whether sizes are rounded to quanta, and free blocks accepted and split, as without options. */
bool gai_policy_usual(const struct ga_cache_opts *opts);

uint64_t gai_policy_segment(const struct ga_cache_opts *opts, uint64_t rounded);

static inline bool policy_is_small(uint64_t rounded)
{
    return rounded <= GA_CACHE_SMALL;
}

enum { POLICY_FIRST = 20 }; /* divisions[0] is for sizes from 2^20 */

static inline uint64_t policy_divisions(const struct ga_cache_opts *opts, uint64_t size)
{
    unsigned octave = high_bit(size);
    unsigned at = octave < POLICY_FIRST ? 0 : octave - POLICY_FIRST;
    return opts->divisions[at < GA_CACHE_DIVISIONS ? at : GA_CACHE_DIVISIONS - 1];
}

/* Of a request below POLICY_ABSURD. */
static inline uint64_t policy_round(const struct ga_cache_opts *opts, uint64_t size)
{
    if (size <= GA_CACHE_QUANTUM)
        return GA_CACHE_QUANTUM;
    uint64_t divisions = policy_divisions(opts, size);
    if (divisions > 1 && size > GA_CACHE_QUANTUM * divisions)
        return align_up(size, ((uint64_t)1 << high_bit(size)) / divisions);
    return align_up(size, GA_CACHE_QUANTUM);
}

static inline bool policy_is_oversize(const struct ga_cache_opts *opts, uint64_t len)
{
    return opts->max_split != 0 && len >= opts->max_split;
}

/* Whether a free block of `len` bytes, the best there is, may serve the request. */
static inline bool policy_accepts(const struct ga_cache_opts *opts, uint64_t rounded, uint64_t len)
{
    if (!policy_is_oversize(opts, len))
        return true;
    uint64_t slack = opts->max_rounding ? opts->max_rounding : GA_CACHE_LARGE_SEGMENT;
    return policy_is_oversize(opts, rounded) && len - rounded < slack;
}

/* Whether so much of a free block is left that it is worth something. */
static inline bool policy_leaves(uint64_t rounded, uint64_t rest)
{
    return rest >= (policy_is_small(rounded) ? GA_CACHE_QUANTUM : GA_CACHE_SMALL + 1);
}

/* Whether it is split for it. */
static inline bool policy_splits(const struct ga_cache_opts *opts, uint64_t rounded, uint64_t len)
{
    return policy_leaves(rounded, len - rounded) && (policy_is_small(rounded) || !policy_is_oversize(opts, rounded));
}

#endif
