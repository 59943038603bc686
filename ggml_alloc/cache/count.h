/*
 * count.h - statistics that are exact: each change is counted where it happens
 */
#ifndef GAI_CACHE_COUNT_H
#define GAI_CACHE_COUNT_H

#include "ggml_alloc/cache.h"

static inline void count_up(struct ga_count *count, uint64_t n)
{
    count->now += n;
    count->added += n;
    if (count->peak < count->now)
        count->peak = count->now;
}

static inline void count_down(struct ga_count *count, uint64_t n)
{
    count->now -= n;
    count->removed += n;
}

#endif
