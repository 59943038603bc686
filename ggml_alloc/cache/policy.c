#include "cache/policy.h"

/* Of max_split and max_rounding. */
static const uint64_t least_large = GA_CACHE_LARGE_SEGMENT;

static uint64_t or_default(uint64_t chosen, uint64_t usual)
{
    return chosen ? chosen : usual;
}

/* That each request fits the segment it is given. */
static bool segments_sound(const struct ga_cache_opts *opts)
{
    const uint64_t sizes[] = { opts->small_segment, opts->large_segment, opts->own_segment, opts->segment_quantum };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] % GA_CACHE_QUANTUM || sizes[i] >= POLICY_ABSURD)
            return false;
    uint64_t own = or_default(opts->own_segment, GA_CACHE_OWN_SEGMENT);
    return or_default(opts->small_segment, GA_CACHE_SMALL) >= GA_CACHE_SMALL && own > GA_CACHE_SMALL &&
           or_default(opts->large_segment, GA_CACHE_LARGE_SEGMENT) >= own;
}

bool gai_policy_sound(const struct ga_cache_opts *opts)
{
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        if (opts->divisions[i] != 0 && !is_pow2(opts->divisions[i]))
            return false;
    if ((opts->max_split && opts->max_split < least_large) || (opts->max_rounding && opts->max_rounding < least_large))
        return false;
    if (!(opts->fraction >= 0 && opts->fraction <= 1))
        return false;
    if (!segments_sound(opts))
        return false;
    return opts->fit <= GA_FIT_FAST && opts->wait <= GA_WAIT_NEVER && opts->collect >= 0 && opts->collect < 1;
}

struct ga_cache_opts gai_policy_close(void)
{
    return (struct ga_cache_opts){ .large_segment = 16 << 20, .own_segment = 8 << 20, .segment_quantum = 512 << 10 };
}

bool gai_policy_usual(const struct ga_cache_opts *opts)
{
    bool divides = false;
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        divides |= opts->divisions[i] > 1;
    return !divides && !opts->max_split && !opts->expandable;
}

uint64_t gai_policy_segment(const struct ga_cache_opts *opts, uint64_t rounded)
{
    if (policy_is_small(rounded))
        return or_default(opts->small_segment, GA_CACHE_SMALL_SEGMENT);
    if (rounded < or_default(opts->own_segment, GA_CACHE_OWN_SEGMENT))
        return or_default(opts->large_segment, GA_CACHE_LARGE_SEGMENT);
    uint64_t quantum = or_default(opts->segment_quantum, GA_CACHE_SEGMENT_QUANTUM);
    return (rounded + quantum - 1) / quantum * quantum;
}
