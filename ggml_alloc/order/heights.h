/*
 * heights.h - what lives at each place of an order, and where most does
 *
 *                 [9 once]                  the most of all below, and how often it is reached;
 *          [7 once]      [9 once] +2        "+2": to be added to all below, and contained in what stands beside it
 *        [7]    [4]    [7]    [3]           heights of places 0 1 2 3: 7 4 9 5
 *
 * A segment tree.  All is O(log n) where nothing else is said.
 */
#ifndef GAI_ORDER_HEIGHTS_H
#define GAI_ORDER_HEIGHTS_H

#include "base/mem.h"

struct height {
    uint64_t most, add;
    uint32_t n_most;
};

struct heights {
    struct ga_mem mem;
    struct height *nodes; /* [1] is the root, [n] the first place */
    uint32_t n;           /* a power of two */
};

/* `n_places` of height 0.  False: no memory.  Freed with gai_heights_fini() either way. */
bool gai_heights_init(struct heights *heights, const struct ga_mem *mem, uint32_t n_places);
void gai_heights_fini(struct heights *heights);

/* O(n). */
void gai_heights_fill(struct heights *heights, const uint64_t *values, uint32_t n_places);

uint64_t gai_heights_at(const struct heights *heights, uint32_t place);
/* To the places of [first, end); modulo 2^64, so that less can be added, too. */
void gai_heights_add(struct heights *heights, uint32_t first, uint32_t end, uint64_t more);
/* The height of place `from` goes to place `to`; those between make room.  O(their number + log n). */
void gai_heights_move(struct heights *heights, uint32_t from, uint32_t to);

uint64_t gai_heights_most(const struct heights *heights);
uint32_t gai_heights_n_most(const struct heights *heights);
/* The first place of the most at `from` or behind it; UINT32_MAX: there is none. */
uint32_t gai_heights_find_most(const struct heights *heights, uint32_t from);

#endif
