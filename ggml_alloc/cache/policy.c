#include "cache/policy.h"

/* Of max_split and max_rounding. */
static const uint64_t least_large = GA_CACHE_LARGE_SEGMENT;

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

uint64_t gai_policy_segment(uint64_t rounded)
{
    if (policy_is_small(rounded))
        return GA_CACHE_SMALL_SEGMENT;
    if (rounded < GA_CACHE_OWN_SEGMENT)
        return GA_CACHE_LARGE_SEGMENT;
    return align_up(rounded, GA_CACHE_SEGMENT_QUANTUM);
}
