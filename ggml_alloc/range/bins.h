/*
 * bins.h - free nodes by length: where many of them wait
 *
 *      rows    ...0100010        a bit per octave of lengths: has it any?
 *      steps   row 1: 0..0100    a bit per 64th of the octave
 *      roots   bin -> tree       sorted by (length, tie); with `fast` a list, newest first
 *
 * Two bitmaps lead to the lowest bin that is long enough; only within a bin is there anything to search.  The nodes are the
 * range's; a node in a bin lends `left` and `right`.
 */
#ifndef GAI_RANGE_BINS_H
#define GAI_RANGE_BINS_H

#include <stdbool.h>
#include <stdint.h>

#define RANGE_NONE 0u

struct range_node {
    uint64_t offset, len;
    uint32_t prev, next;  /* by address, node 0 closes the ring; spare nodes: next is the next spare one */
    uint32_t left, right; /* free nodes in a bin: links; others: see range.h */
};

#define BINS_ROWS 64
#define BINS_STEPS 64

struct bins {
    uint64_t tie;  /* flips offsets where the higher one goes first: 0 or UINT64_MAX */
    bool fast;     /* any node that fits will do */
    uint64_t rows; /* bit r: steps[r] is not 0 */
    uint64_t steps[BINS_ROWS];
    uint32_t roots[BINS_ROWS * BINS_STEPS];
};

/* Whether `a` is the better one of two that fit. */
static inline bool range_node_before(const struct range_node *a, const struct range_node *b, uint64_t tie)
{
    return a->len != b->len ? a->len < b->len : (a->offset ^ tie) < (b->offset ^ tie);
}

/* Zeroed bins are empty.  Clearing costs nothing when they are empty, else their 16 KiB. */
void gai_bins_clear(struct bins *bins);
void gai_bins_add(struct bins *bins, struct range_node *nodes, uint32_t node);
void gai_bins_remove(struct bins *bins, struct range_node *nodes, uint32_t node);
/* The best node of at least `len` (not 0), RANGE_NONE when there is none.  `fast`: any, and only the first of its own bin is tried. */
uint32_t gai_bins_best(const struct bins *bins, const struct range_node *nodes, uint64_t len);
/* O(log nodes), with `fast` O(nodes). */
uint32_t gai_bins_longest(const struct bins *bins, const struct range_node *nodes);

/* NULL, or what is wrong: with the place of one node; with the bitmaps, counting the roots. */
const char *gai_bins_check_node(const struct bins *bins, const struct range_node *nodes, uint32_t at);
const char *gai_bins_check(const struct bins *bins, uint32_t *n_roots);

#endif
