/*
 * carve.h - taking from a range and giving back, inlined
 *
 * For those who do it for every block that comes and goes: a call costs as much as what it does.  Everybody else has range.h.
 */
#ifndef GAI_RANGE_CARVE_H
#define GAI_RANGE_CARVE_H

#include <assert.h>

#include "range/range.h"
#include "base/array.h"
#include "base/bits.h"
#include "base/inline.h"

/* The loose nodes, as many as there may be, go to the bins. */
void gai_range_spill(struct range *range);
/* The tail was used up, all from `node` on is used: the next free one below becomes the tail. */
void gai_range_find_tail(struct range *range, uint32_t node);

/* The tail, or loose. */
static inline bool node_is_apart(const struct range_node *node)
{
    return node->left == RANGE_IS_LOOSE;
}

static inline bool range_has_many(const struct range *range)
{
    return range->n_used >= range->many;
}

static inline void range_add_loose(struct range *range, uint32_t node)
{
    if (range->n_loose >= (range_has_many(range) ? 1 : range->most_loose))
        gai_range_spill(range);
    range->nodes[node].left = RANGE_IS_LOOSE;
    range->nodes[node].right = range->n_loose;
    range->loose[range->n_loose++] = node;
}

static inline void range_remove_loose(struct range *range, uint32_t node)
{
    uint32_t at = range->nodes[node].right, last = range->loose[--range->n_loose];
    range->loose[at] = last;
    range->nodes[last].right = at;
}

/* A free node that is not the tail is no longer to be found. */
static inline void range_unhook(struct range *range, uint32_t node)
{
    if (node_is_apart(&range->nodes[node]))
        range_remove_loose(range, node);
    else
        gai_bins_remove(&range->bins, range->nodes, node);
}

/* Before a free node's length changes: loose nodes and the tail are not sorted. */
static inline void range_loosen(struct range *range, uint32_t node)
{
    if (node_is_apart(&range->nodes[node]))
        return;
    gai_bins_remove(&range->bins, range->nodes, node);
    range_add_loose(range, node);
}

/* A free node with used neighbours can be taken from now on. */
static inline void range_attach(struct range *range, uint32_t node)
{
    uint32_t tail = range->tail;
    if (tail != RANGE_NONE && range->nodes[node].offset < range->nodes[tail].offset) {
        range_add_loose(range, node);
        return;
    }
    if (tail != RANGE_NONE)
        range_add_loose(range, tail);
    range->nodes[node].left = RANGE_IS_LOOSE;
    range->tail = node;
}

/* A free node becomes used, whole. */
static inline void range_occupy(struct range *range, uint32_t node)
{
    bool was_tail = node == range->tail;
    if (!was_tail)
        range_unhook(range, node);
    range->nodes[node].left = RANGE_IS_USED;
    if (was_tail)
        gai_range_find_tail(range, node);
}

/* A new used node for [offset, offset + len), after `prev`. */
static inline uint32_t range_insert(struct range *range, uint32_t prev, uint64_t offset, uint64_t len)
{
    struct range_node *nodes = range->nodes;
    uint32_t node = range->spare;
    if (node != RANGE_NONE)
        range->spare = nodes[node].next;
    else
        node = range->n_nodes++;
    assert(node < range->cap_nodes);

    uint32_t next = nodes[prev].next;
    nodes[node] = (struct range_node){ .offset = offset, .len = len, .prev = prev, .next = next, .left = RANGE_IS_USED };
    nodes[prev].next = node;
    nodes[next].prev = node;
    return node;
}

/* Takes a node that has become part of its neighbour out of the ring. */
static inline void range_drop(struct range *range, uint32_t node)
{
    struct range_node *nodes = range->nodes;
    nodes[nodes[node].prev].next = nodes[node].next;
    nodes[nodes[node].next].prev = nodes[node].prev;
    nodes[node].next = range->spare;
    range->spare = node;
}

/* A used node becomes free, and one with the free nodes beside it. */
GAI_INLINE void range_release(struct range *range, uint32_t node)
{
    struct range_node *nodes = range->nodes, *freed = &nodes[node];
    uint32_t prev = freed->prev, next = freed->next;
    bool joins_prev = range_is_free(range, prev);
    if (range_is_free(range, next)) {
        if (joins_prev) {
            range_unhook(range, prev);
            freed->offset = nodes[prev].offset;
            freed->len += nodes[prev].len;
            range_drop(range, prev);
        }
        range_loosen(range, next);
        nodes[next].offset = freed->offset;
        nodes[next].len += freed->len;
        range_drop(range, node);
    } else if (joins_prev) {
        range_loosen(range, prev);
        nodes[prev].len += freed->len;
        range_drop(range, node);
    } else {
        range_attach(range, node);
    }
}

/*
 * The edge, `n_used` used nodes, the free ones around them, two of which never touch, and one that is about to be joined.  As
 * many as that are never exceeded, whatever is given back or trimmed.
 */
static inline uint64_t range_nodes_for(uint64_t n_used)
{
    return 1 + n_used + (n_used + 1) + 1;
}

static inline bool range_room_for_one(struct range *range)
{
    return array_room(range->mem, &range->nodes, &range->cap_nodes, range_nodes_for((uint64_t)range->n_used + 1));
}

/* Above any free node but the tail something is used: only what is taken from the tail can end above the peak. */
static inline void range_count(struct range *range, uint64_t offset, uint64_t len, bool from_tail)
{
    range->n_used++;
    range->used += len;
    if (from_tail)
        range->peak = max_u64(range->peak, offset + len);
}

/* As gai_range_best(). */
static inline uint32_t range_best(const struct range *range, uint64_t len)
{
    const struct range_node *nodes = range->nodes;
    uint32_t best = RANGE_NONE;
    for (uint32_t i = 0; i < range->n_loose; i++) {
        uint32_t node = range->loose[i];
        if (nodes[node].len < len)
            continue;
        if (best == RANGE_NONE || range_node_before(&nodes[node], &nodes[best], range->bins.tie))
            best = node;
    }
    if (range->bins.rows == 0)
        return best;
    uint32_t binned = gai_bins_best(&range->bins, nodes, len);
    bool is_better =
        binned != RANGE_NONE && (best == RANGE_NONE || range_node_before(&nodes[binned], &nodes[best], range->bins.tie));
    return is_better ? binned : best;
}

/* The low `len` bytes of `from`; there is room. */
GAI_INLINE uint32_t range_take_low(struct range *range, uint32_t from, uint64_t len)
{
    struct range_node *source = &range->nodes[from];
    uint32_t node = from;
    bool from_tail = from == range->tail;
    if (len == source->len) {
        range_occupy(range, from);
    } else {
        range_loosen(range, from);
        node = range_insert(range, source->prev, source->offset, len);
        source->offset += len;
        source->len -= len;
    }
    range_count(range, range->nodes[node].offset, len, from_tail);
    return node;
}

/* As gai_range_take_from(). */
GAI_INLINE enum ga_status range_take_from(struct range *range, uint32_t from, uint64_t len, uint32_t *node)
{
    assert(range_is_free(range, from) && len && len <= range->nodes[from].len);
    if (!range_room_for_one(range))
        return GA_NO_MEMORY;
    *node = range_take_low(range, from, len);
    return GA_OK;
}

/* As gai_range_give(). */
GAI_INLINE void range_give(struct range *range, uint32_t node)
{
    assert(!range_is_free(range, node));
    range->n_used--;
    range->used -= range->nodes[node].len;
    range_release(range, node);
}

#endif
