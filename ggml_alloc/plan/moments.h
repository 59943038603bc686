/*
 * moments.h - births and deaths in order of time
 *
 *     interval 0   [10 ......... 40)                  moments:  10 birth 0 | 20 birth 1 | 40 death 0 | 40 death 1
 *     interval 1        [20 .... 40)                  ranks:     0           1            2            2
 *
 * Times of users are any 64-bit numbers, most of them equal in most of their bytes; so they are sorted byte by byte, and only by
 * those in which any two differ.  The cost is a few nanoseconds per moment, whatever the times are.
 */
#ifndef GAI_PLAN_MOMENTS_H
#define GAI_PLAN_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct moment {
    uint64_t time;
    uint32_t interval;
    bool is_death;
};

/* Sorts by time; equal times keep their order.  `scratch` has room for as many.  Returns the one of the two that holds the result. */
struct moment *gai_moments_sort(struct moment *moments, struct moment *scratch, size_t n);

#endif
