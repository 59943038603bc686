/*
 * range.h - which parts of [0, size) are taken
 *
 *      0        96      160            288          384 = size
 *      |  used  |  free  |     used     |    free    |
 *      node 4    node 2   node 7         node 1            every byte is in exactly one node
 *
 *      by address:  4 <-> 2 <-> 7 <-> 1                    neighbours: freeing joins at once
 *      by size:     bin[..] -> 2    bin[..] -> 1           free nodes only, strict within a bin
 *
 * The hinge of the library: the planner's online rung replays a graph through it, the linear allocator is it, and caches carve
 * their segments with it.  Integer arithmetic only; it never sees memory.  Whoever takes gets the node's number, a handle that
 * stays valid until it is given back, so that giving back is O(1).
 *
 * Invariants, all verified by gai_range_check():
 *   - nodes tile [0, size): no gap, no overlap, none empty;
 *   - two free nodes never touch: freeing merges them at once;
 *   - a free node is in the bin of its size, bins are sorted by (size, offset), the bitmaps say which bins are not empty;
 *   - used + free bytes == size, peak is at least the highest end of a used node;
 *   - there are spare nodes enough for every used node to be given back.
 */
#ifndef GAI_RANGE_RANGE_H
#define GAI_RANGE_RANGE_H

#include "base/mem.h"

#define RANGE_NONE UINT32_MAX
#define RANGE_OPEN (UINT64_MAX / 2) /* a size that no graph reaches: measure mode */

enum range_tie { RANGE_TIE_HIGH, RANGE_TIE_LOW }; /* which of the equally long free nodes: ggml takes the one at the highest address */

struct range_node {
    uint64_t offset, len;
    uint32_t prev, next;         /* by address; spare nodes: next is the next spare one */
    uint32_t bin_prev, bin_next; /* free nodes only */
    bool used;
};

struct range {
    const struct ga_mem *mem;
    struct range_node *nodes; /* the slab */
    uint32_t n_nodes, cap_nodes, spare, n_used, n_free;
    uint32_t first, last;     /* by address, used or free */
    uint64_t size, used, peak;
    enum range_tie tie;
    /* bins and their bitmaps follow: see range.c */
};

/*
 * An empty range.  `mem` outlives it.  GA_NO_MEMORY leaves nothing behind.  `reserve` nodes are made at once, so that as many
 * takes need no memory.
 */
enum ga_status gai_range_init(struct range *range, const struct ga_mem *mem, uint64_t size, enum range_tie tie, uint32_t reserve);
void gai_range_fini(struct range *range);
/* Everything free again; O(nodes).  The peak stays. */
void gai_range_reset(struct range *range);

/*
 * ggml's rule: the smallest free node of at least `len`, the open end (the free node at the highest address) only when no other
 * fits; the tie as chosen; taken from the low end.  `*node` is the handle.  O(1) plus the nodes of one bin.  len 0 is refused
 * (GA_INVALID).  GA_NO_SPACE, GA_NO_MEMORY: the range is as it was.
 */
enum ga_status gai_range_take(struct range *range, uint64_t len, uint32_t *node);

/* The two halves of that decision, for callers with several ranges to choose from; RANGE_NONE when there is none. */
uint32_t gai_range_best(const struct range *range, uint64_t len); /* not the highest free node */
uint32_t gai_range_tail(const struct range *range);               /* the highest free node, of whatever length */
/* `len` bytes from the low end of free node `free_node`; they keep no trace of its number. */
enum ga_status gai_range_take_from(struct range *range, uint32_t free_node, uint64_t len, uint32_t *node);
/* Exactly [offset, offset + len), for fixed placement; GA_NO_SPACE when any byte of it is taken.  O(nodes). */
enum ga_status gai_range_take_at(struct range *range, uint64_t offset, uint64_t len, uint32_t *node);

/* Gives a used node back; cannot fail. */
void gai_range_give(struct range *range, uint32_t node);
/* Gives back all but [head, head + len) of a used node; the handle stays.  Cannot fail: taking paid for the nodes. */
void gai_range_trim(struct range *range, uint32_t node, uint64_t head, uint64_t len);

uint64_t gai_range_largest(const struct range *range); /* longest free node, 0 when full */

static inline uint64_t range_offset(const struct range *range, uint32_t node)
{
    return range->nodes[node].offset;
}

static inline uint64_t range_len(const struct range *range, uint32_t node)
{
    return range->nodes[node].len;
}

/* NULL, or the broken invariant in words.  O(nodes). */
const char *gai_range_check(const struct range *range);

#endif
