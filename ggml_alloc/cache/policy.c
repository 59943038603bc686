#include "cache/policy.h"

#include "base/bits.h"

enum { FIRST_INTERVAL = 20 }; /* divisions[0] is for sizes from 2^20 */

/* The slack of a large block that is reused whole, when the caller chose none; also the least that may be chosen. */
static const uint64_t least_large = (uint64_t)GA_CACHE_LARGE_SEGMENT;

bool gai_policy_sound(const struct ga_cache_opts *opts)
{
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        if (opts->divisions[i] != 0 && !is_pow2(opts->divisions[i]))
            return false;
    if ((opts->max_split && opts->max_split < least_large) || (opts->max_rounding && opts->max_rounding < least_large))
        return false;
    if (!(opts->fraction >= 0 && opts->fraction <= 1))
        return false;
    return opts->fit <= GA_FIT_FAST && opts->wait <= GA_WAIT_NEVER && opts->collect >= 0 && opts->collect < 1;
}

static uint64_t divisions_for(const struct ga_cache_opts *opts, uint64_t size)
{
    unsigned octave = high_bit(size);
    unsigned at = octave < FIRST_INTERVAL ? 0 : octave - FIRST_INTERVAL;
    return opts->divisions[at < GA_CACHE_DIVISIONS ? at : GA_CACHE_DIVISIONS - 1];
}

uint64_t gai_policy_round(const struct ga_cache_opts *opts, uint64_t size)
{
    if (size <= GA_CACHE_QUANTUM)
        return GA_CACHE_QUANTUM;
    uint64_t divisions = divisions_for(opts, size);
    if (divisions > 1 && size > GA_CACHE_QUANTUM * divisions)
        return align_up(size, ((uint64_t)1 << high_bit(size)) / divisions);
    return align_up(size, GA_CACHE_QUANTUM);
}

uint64_t gai_policy_segment(uint64_t rounded)
{
    if (policy_is_small(rounded))
        return GA_CACHE_SMALL_SEGMENT;
    if (rounded < GA_CACHE_OWN_SEGMENT)
        return GA_CACHE_LARGE_SEGMENT;
    return align_up(rounded, GA_CACHE_SEGMENT_QUANTUM);
}

static bool is_oversize(const struct ga_cache_opts *opts, uint64_t len)
{
    return opts->max_split != 0 && len >= opts->max_split;
}

bool gai_policy_accepts(const struct ga_cache_opts *opts, uint64_t rounded, uint64_t len)
{
    if (!is_oversize(opts, len))
        return true;
    uint64_t slack = opts->max_rounding ? opts->max_rounding : least_large;
    return is_oversize(opts, rounded) && len - rounded < slack;
}

bool gai_policy_splits(const struct ga_cache_opts *opts, uint64_t rounded, uint64_t len)
{
    uint64_t rest = len - rounded;
    if (policy_is_small(rounded))
        return rest >= GA_CACHE_QUANTUM;
    return rest > GA_CACHE_SMALL && !is_oversize(opts, rounded);
}
