/*
 * rankset.h - a set of numbers below n that knows who is next to whom
 *
 *     level 1     1                  0                  1            a bit for each word below that is not empty
 *                 |                                     |
 *     level 0     0100..0001         0000..0000         0010..       a bit for each number
 *
 * What stands in a row and comes and goes (bytes in address order, as a judge sweeps over time) is asked for its neighbours only.
 * Everything is O(log n / log 64).
 */
#ifndef GAI_BASE_RANKSET_H
#define GAI_BASE_RANKSET_H

#include "base/mem.h"

#define RANKSET_LEVELS 6 /* 64^6 > 2^32 */
#define RANKSET_NONE UINT32_MAX

struct rankset {
    uint64_t *levels[RANKSET_LEVELS], *words;
    uint32_t n_words, n_levels;
};

/* Empty, for numbers below n < RANKSET_NONE.  False: no memory. */
bool gai_rankset_init(struct rankset *set, const struct ga_mem *mem, uint32_t n);
void gai_rankset_fini(struct rankset *set, const struct ga_mem *mem); /* also of what was zeroed only */

void gai_rankset_add(struct rankset *set, uint32_t rank);
void gai_rankset_drop(struct rankset *set, uint32_t rank); /* nothing when it is not in it */

/* The highest below `rank`, and the lowest above; RANKSET_NONE when there is none. */
uint32_t gai_rankset_below(const struct rankset *set, uint32_t rank);
uint32_t gai_rankset_above(const struct rankset *set, uint32_t rank);
bool gai_rankset_has(const struct rankset *set, uint32_t rank);

#endif
