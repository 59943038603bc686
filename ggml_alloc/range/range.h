/*
 * range.h - which parts of [0, size) are taken
 *
 *      0        96      160            288          384 = size
 *      |  used  |  free  |     used     |    free    |
 *      node 4    node 2   node 7         node 1            every byte is in exactly one node
 *
 *      by address:  4 <-> 2 <-> 7 <-> 1                    neighbours: giving back joins at once
 *      by size:     loose { 2 }   bins { }   tail -> 1     free nodes only
 *
 * The hinge of the library: the planner's online rung replays a graph through it, the linear allocator is it, and caches carve
 * their segments with it.  Integer arithmetic only; it never sees memory.  Whoever takes gets the node's number, a handle that
 * stays valid until it is given back, so that giving back need not search.
 *
 * Invariants, all verified by gai_range_check():
 *   - nodes tile [0, size): no gap, no overlap, none empty;
 *   - two free nodes never touch: giving back joins them at once;
 *   - the tail is the free node at the highest address; each other free node is either one of the few that lie loose, or in the
 *     bin of its length, where a tree sorted by (length, tie) finds it, and the bitmaps say which bins are not empty;
 *   - `used` is the sum of the used nodes, and none of them ends above `peak`;
 *   - there is room for twice as many nodes as are used, so that giving back and trimming never ask for memory.
 */
#ifndef GAI_RANGE_RANGE_H
#define GAI_RANGE_RANGE_H

#include "base/mem.h"
#include "range/bins.h"

#define RANGE_OPEN (UINT64_MAX / 2) /* a size that no graph reaches: measure mode */

/* Which free node is taken; the first two are exact best fit, and say what is taken among equals. */
enum range_fit {
    RANGE_TIE_HIGH, /* the highest address: ggml */
    RANGE_TIE_LOW,  /* the lowest */
    RANGE_FAST,     /* not the best: the first of the right bin, or any of the next bin that is not empty; all in O(1) */
};

/* What `left` says of nodes in no bin; a loose node's `right` is its index. */
#define RANGE_IS_USED UINT32_MAX
#define RANGE_IS_LOOSE (UINT32_MAX - 1) /* or the tail */

#ifndef RANGE_LOOSE /* the proof has fewer, so that it reaches the bins */
#define RANGE_LOOSE 8
#endif
#define RANGE_LOOSE_OF_FEW (RANGE_LOOSE < 4 ? RANGE_LOOSE : 4)
#ifndef RANGE_MANY /* used nodes */
#define RANGE_MANY 1024
#endif

struct range {
    const struct ga_mem *mem;
    struct range_node *nodes; /* the slab; node 0 is the edge of the range and counts as used */
    uint32_t n_nodes;         /* numbers handed out so far, 0 included */
    uint32_t cap_nodes;
    uint32_t spare; /* first of the numbers that came back */
    uint32_t n_used;
    uint32_t tail; /* the highest free node; RANGE_NONE when full */
    uint32_t n_loose, most_loose, loose[RANGE_LOOSE];
    uint32_t many; /* with as many used nodes, one lies loose at most, and bins are lists as long as they are short */
    uint64_t size, used, peak;
    struct bins bins;
};

/*
 * An empty range.  `mem` outlives it.  GA_NO_MEMORY leaves nothing behind.  The first `reserve` takes need no further memory.
 * A zeroed range may be passed to gai_range_fini().
 */
enum ga_status gai_range_init(struct range *range, const struct ga_mem *mem, uint64_t size, enum range_fit fit, uint32_t reserve);
void gai_range_fini(struct range *range);
/*
 * Of an empty range: perhaps thousands of blocks will come and go, most of them multiples of a quantum, a power of two.  It changes
 * how long things take, not what is taken.
 */
void gai_range_expect_many(struct range *range, uint64_t quantum);
/* Most of what will be taken ends at most there; that, too, is only about time.  O(nodes) when it has doubled. */
void gai_range_expect_end(struct range *range, uint64_t end);

/* Everything free again, whatever was taken; the peak and the room stay.  O(1). */
void gai_range_reset(struct range *range);

/*
 * ggml's rule: the smallest free node of at least `len`, the highest free node only when no other fits; the tie as chosen; taken
 * from its low end.  `*node` is the handle.  O(1) plus O(log n) in the n nodes of one bin; using up the highest free node costs
 * one look at each used node between it and the next.  GA_INVALID: len 0.  GA_NO_SPACE, GA_NO_MEMORY: the range is as it was.
 * RANGE_FAST does not search its bin, so it may answer GA_NO_SPACE when only a node up to 1/64 longer than `len` is left.
 */
enum ga_status gai_range_take(struct range *range, uint64_t len, uint32_t *node);

/* The two halves of that decision, for callers with several ranges to choose from; RANGE_NONE when there is none. */
uint32_t gai_range_best(const struct range *range, uint64_t len); /* not the highest free node; len is not 0 */

static inline uint32_t gai_range_tail(const struct range *range) /* the highest free node, of whatever length */
{
    return range->tail;
}

/*
 * The low `len` bytes of the free node `from`; what is left of it is free, under whatever number.  GA_NO_MEMORY: the range is as
 * it was.
 */
enum ga_status gai_range_take_from(struct range *range, uint32_t from, uint64_t len, uint32_t *node);
/* Room for `n` more takes: they need no memory.  False: there is none, and the range is as it was. */
bool gai_range_room(struct range *range, uint32_t n);
/* Exactly [offset, offset + len), for fixed placement; GA_NO_SPACE when any byte of it is taken or outside.  O(nodes). */
enum ga_status gai_range_take_at(struct range *range, uint64_t offset, uint64_t len, uint32_t *node);

/* Gives a used node back; cannot fail. */
void gai_range_give(struct range *range, uint32_t node);
/* Gives back all but [head, head + len) of a used node, len not 0; the handle stays.  Cannot fail: taking paid for the nodes. */
void gai_range_trim(struct range *range, uint32_t node, uint64_t head, uint64_t len);

/* The longest free node but the highest one; RANGE_NONE when there is none. */
uint32_t gai_range_longest(const struct range *range);

static inline uint64_t range_offset(const struct range *range, uint32_t node)
{
    return range->nodes[node].offset;
}

static inline uint64_t range_len(const struct range *range, uint32_t node)
{
    return range->nodes[node].len;
}

static inline bool range_is_free(const struct range *range, uint32_t node)
{
    return range->nodes[node].left != RANGE_IS_USED;
}

/* By address: the next node, after RANGE_NONE the lowest one, after the highest one RANGE_NONE. */
static inline uint32_t range_next(const struct range *range, uint32_t node)
{
    return range->nodes[node].next;
}

/* The other way round: before RANGE_NONE the highest one. */
static inline uint32_t range_prev(const struct range *range, uint32_t node)
{
    return range->nodes[node].prev;
}

/* NULL, or the broken invariant in words.  O(nodes log nodes). */
const char *gai_range_check(const struct range *range);

#endif
