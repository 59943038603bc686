/*
 * skyline.h - the highest top over each section of time, raised and asked by ranges
 *
 *     level 1    [ 7           ] [ 9  floor 9  ]      top: highest below;  floor: all below is at least that high
 *     level 0    [ 3 3 7 7 ....] [ 0 2 2 ......]      stale under a floor, and never put right: whoever asks looks up too
 *
 * A range is only ever raised to at least its highest top.  That is why a block that is covered whole takes one number and no
 * push-down.  Asking and raising cost O(SKY_FAN) per level; a short life reads a few neighbours.
 */
#ifndef GAI_PLACE_SKYLINE_H
#define GAI_PLACE_SKYLINE_H

#include "base/bits.h"

#include <stddef.h>

#define SKY_SHIFT 4
#define SKY_FAN (1u << SKY_SHIFT)
#define SKY_LEVELS 8

struct skyline {
    uint64_t *top[SKY_LEVELS];
    uint64_t *floor[SKY_LEVELS]; /* none at level 0 */
    unsigned n_levels;
    size_t n_words; /* in all, from top[0] on */
};

/* Lives in `words`, gai_skyline_words(n) of them, which others may use before gai_skyline_reset(). */
size_t gai_skyline_words(uint32_t n);
void gai_skyline_init(struct skyline *sky, uint64_t *words, uint32_t n);
/* All sections at height 0. */
void gai_skyline_reset(struct skyline *sky);
/* The caller has written the `n` tops of level 0 of a skyline just reset; this lifts them up the levels. */
void gai_skyline_load(struct skyline *sky, uint32_t n);

/* The highest top in [from, to), which is not empty. */
uint64_t gai_skyline_top(const struct skyline *sky, uint32_t from, uint32_t to);
/* All of [from, to) to `height`, which is at least its highest top. */
void gai_skyline_raise(struct skyline *sky, uint32_t from, uint32_t to, uint64_t height);

#endif
