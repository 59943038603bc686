/*
 * bins.h - free nodes by length: where many of them wait
 *
 *      rows    ...0100010        a bit per octave of lengths: has it any?
 *      steps   row 1: 0..0100    a bit per 64th of the octave
 *      roots   bin -> tree       sorted by (length, tie); a short list in no order; with `fast` any list, newest first
 *
 * Two bitmaps lead to the lowest bin that is long enough; only within a bin is there anything to search.  The nodes are the
 * range's; a node in a bin lends `left` and `right`.
 *
 * Where all lengths are multiples of a quantum, short ones need few of the 64 steps, and many nodes share one: there the others are
 * steps by offset.
 *
 *      quantum 512:  row 9   |512: 64 parts of the offsets                |
 *                    row 10  |1024: 32 parts       |1536: 32 parts        |
 *                    row 15  |32768|33280|33792|...                |65024|
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
    uint64_t tie;                    /* flips offsets where the higher one goes first: 0 or UINT64_MAX */
    bool fast;                       /* any node that fits will do */
    uint8_t quantum_log2, part_log2; /* most lengths are multiples of the one, parts of the offsets are as long as the other */
    uint8_t longest_list;            /* of more nodes a bin makes a tree; may change at any time */
    uint64_t rows;                   /* bit r: steps[r] is not 0 */
    uint64_t steps[BINS_ROWS];
    uint32_t roots[BINS_ROWS * BINS_STEPS];
    uint8_t lens[BINS_ROWS * BINS_STEPS]; /* of lists, but not with `fast`; BINS_TREE: it is a tree */
};

#define BINS_TREE UINT8_MAX
#define BINS_LONGEST_LIST 16 /* that serves well */

/* Whether `a` is the better one of two that fit. */
static inline bool range_node_before(const struct range_node *a, const struct range_node *b, uint64_t tie)
{
    return a->len != b->len ? a->len < b->len : (a->offset ^ tie) < (b->offset ^ tie);
}

/* Zeroed bins are empty, and all trees.  Clearing costs nothing when they are empty, else their 20 KiB. */
void gai_bins_clear(struct bins *bins);
void gai_bins_add(struct bins *bins, struct range_node *nodes, uint32_t node);
void gai_bins_remove(struct bins *bins, struct range_node *nodes, uint32_t node);
/* The best node of at least `len` (not 0), RANGE_NONE when there is none.  `fast`: any, and only the first of its own bin is tried. */
uint32_t gai_bins_best(const struct bins *bins, const struct range_node *nodes, uint64_t len);
/* O(log nodes), with `fast` O(nodes). */
uint32_t gai_bins_longest(const struct bins *bins, const struct range_node *nodes);

/* NULL, or what is wrong: with the place of one node; with the bitmaps and lists, counting the roots. */
const char *gai_bins_check_node(const struct bins *bins, const struct range_node *nodes, uint32_t at);
const char *gai_bins_check(const struct bins *bins, const struct range_node *nodes, uint32_t *n_roots);
/* How many nodes a node in a bin leads to. */
uint32_t gai_bins_links(const struct bins *bins, const struct range_node *nodes, uint32_t at);

#endif
