/*
 * Free nodes wait in three places.  The highest one, the tail, stands apart: ggml's rule looks at it last, and in measure mode it
 * is the open end that most takes come from.  A graph has a handful of others at a time, and most are taken again soon: those lie
 * loose in a small array, where adding, growing and shrinking cost next to nothing and the best is found by looking at all.
 * When the array is full it is emptied into the bins (bins.h), which stay fast with a hundred thousand.  So one structure serves
 * a graph of ten live tensors, where bins alone took 1.6 times as long, and a pool that lived for days.
 *
 * The price of a tail apart: when it is used up whole, the next one has to be found by walking down over used nodes.
 */
#include "range/range.h"

#include <assert.h>

#include "base/array.h"
#include "base/bits.h"

static inline bool is_tail_or_loose(const struct range_node *node)
{
    return node->left == RANGE_IS_LOOSE;
}

static void spill(struct range *range)
{
    for (uint32_t i = 0; i < RANGE_LOOSE; i++)
        gai_bins_add(&range->bins, range->nodes, range->loose[i]);
    range->n_loose = 0;
}

static inline void loose_add(struct range *range, uint32_t node)
{
    if (range->n_loose == RANGE_LOOSE)
        spill(range);
    range->nodes[node].left = RANGE_IS_LOOSE;
    range->nodes[node].right = range->n_loose;
    range->loose[range->n_loose++] = node;
}

static inline void loose_remove(struct range *range, uint32_t node)
{
    uint32_t at = range->nodes[node].right, last = range->loose[--range->n_loose];
    range->loose[at] = last;
    range->nodes[last].right = at;
}

/* A free node that is not the tail is no longer to be found. */
static inline void unhook(struct range *range, uint32_t node)
{
    if (is_tail_or_loose(&range->nodes[node]))
        loose_remove(range, node);
    else
        gai_bins_remove(&range->bins, range->nodes, node);
}

/* Before a free node's length changes: loose nodes and the tail are not sorted. */
static inline void loosen(struct range *range, uint32_t node)
{
    if (is_tail_or_loose(&range->nodes[node]))
        return;
    gai_bins_remove(&range->bins, range->nodes, node);
    loose_add(range, node);
}

/* A free node with used neighbours can be taken from now on. */
static inline void attach(struct range *range, uint32_t node)
{
    uint32_t tail = range->tail;
    if (tail != RANGE_NONE && range->nodes[node].offset < range->nodes[tail].offset) {
        loose_add(range, node);
        return;
    }
    if (tail != RANGE_NONE)
        loose_add(range, tail);
    range->nodes[node].left = RANGE_IS_LOOSE;
    range->tail = node;
}

/* The tail was used up, all from `node` on is used: the next free one below becomes the tail. */
static void find_tail(struct range *range, uint32_t node)
{
    range->tail = RANGE_NONE;
    if (range->n_loose == 0 && range->bins.rows == 0)
        return;
    while (!range_is_free(range, node))
        node = range->nodes[node].prev;
    unhook(range, node);
    range->nodes[node].left = RANGE_IS_LOOSE;
    range->tail = node;
}

/* A free node becomes used, whole. */
static inline void occupy(struct range *range, uint32_t node)
{
    bool was_tail = node == range->tail;
    if (!was_tail)
        unhook(range, node);
    range->nodes[node].left = RANGE_IS_USED;
    if (was_tail)
        find_tail(range, node);
}

/* A new used node for [offset, offset + len), after `prev`. */
static inline uint32_t insert_after(struct range *range, uint32_t prev, uint64_t offset, uint64_t len)
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
static inline void drop(struct range *range, uint32_t node)
{
    struct range_node *nodes = range->nodes;
    nodes[nodes[node].prev].next = nodes[node].next;
    nodes[nodes[node].next].prev = nodes[node].prev;
    nodes[node].next = range->spare;
    range->spare = node;
}

/* A used node becomes free, and one with the free nodes beside it. */
static inline void release(struct range *range, uint32_t node)
{
    struct range_node *nodes = range->nodes, *freed = &nodes[node];
    uint32_t prev = freed->prev, next = freed->next;
    bool joins_prev = range_is_free(range, prev);
    if (range_is_free(range, next)) {
        if (joins_prev) {
            unhook(range, prev);
            freed->offset = nodes[prev].offset;
            freed->len += nodes[prev].len;
            drop(range, prev);
        }
        loosen(range, next);
        nodes[next].offset = freed->offset;
        nodes[next].len += freed->len;
        drop(range, node);
    } else if (joins_prev) {
        loosen(range, prev);
        nodes[prev].len += freed->len;
        drop(range, node);
    } else {
        attach(range, node);
    }
}

/* All but [head, head + len) of a used node becomes free. */
static void cut(struct range *range, uint32_t node, uint64_t head, uint64_t len)
{
    struct range_node *kept = &range->nodes[node];
    uint64_t rest = kept->len - head - len;
    kept->len = len;
    if (head) {
        uint32_t low = insert_after(range, kept->prev, kept->offset, head);
        kept->offset += head;
        release(range, low);
    }
    if (rest)
        release(range, insert_after(range, node, kept->offset + len, rest));
}

/*
 * The edge, `n_used` used nodes, the free ones around them, two of which never touch, and one that is about to be joined.  As
 * many as that are never exceeded, whatever is given back or trimmed.
 */
static inline uint64_t nodes_for(uint64_t n_used)
{
    return 1 + n_used + (n_used + 1) + 1;
}

static inline bool room_for_one(struct range *range)
{
    return array_room(range->mem, &range->nodes, &range->cap_nodes, nodes_for((uint64_t)range->n_used + 1));
}

bool gai_range_room(struct range *range, uint32_t n)
{
    return array_room(range->mem, &range->nodes, &range->cap_nodes, nodes_for((uint64_t)range->n_used + n));
}

static inline void count_taken(struct range *range, uint64_t offset, uint64_t len)
{
    range->n_used++;
    range->used += len;
    range->peak = max_u64(range->peak, offset + len);
}

enum ga_status gai_range_init(struct range *range, const struct ga_mem *mem, uint64_t size, enum range_fit fit, uint32_t reserve)
{
    *range = (struct range){ .mem = mem, .size = size };
    range->bins.tie = fit == RANGE_TIE_HIGH ? UINT64_MAX : 0;
    range->bins.fast = fit == RANGE_FAST;
    if (!gai_array_exact(mem, &range->nodes, sizeof *range->nodes, &range->cap_nodes, nodes_for(reserve)))
        return GA_NO_MEMORY;
    gai_range_reset(range);
    return GA_OK;
}

void gai_range_fini(struct range *range)
{
    mem_free(range->mem, range->nodes, range->cap_nodes);
    *range = (struct range){ 0 };
}

void gai_range_reset(struct range *range)
{
    gai_bins_clear(&range->bins);
    range->n_loose = 0;
    range->used = 0;
    range->n_used = 0;
    range->n_nodes = 1;
    range->spare = range->tail = RANGE_NONE;
    range->nodes[0] = (struct range_node){ .left = RANGE_IS_USED };
    if (range->size)
        attach(range, insert_after(range, 0, 0, range->size));
}

static inline uint32_t best(const struct range *range, uint64_t len)
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

uint32_t gai_range_best(const struct range *range, uint64_t len)
{
    assert(len);
    return best(range, len);
}

/* The low `len` bytes of `from`; there is room. */
static inline uint32_t take_low(struct range *range, uint32_t from, uint64_t len)
{
    struct range_node *source = &range->nodes[from];
    uint32_t node = from;
    if (len == source->len) {
        occupy(range, from);
    } else {
        loosen(range, from);
        node = insert_after(range, source->prev, source->offset, len);
        source->offset += len;
        source->len -= len;
    }
    count_taken(range, range->nodes[node].offset, len);
    return node;
}

enum ga_status gai_range_take_from(struct range *range, uint32_t from, uint64_t len, uint32_t *node)
{
    assert(range_is_free(range, from) && len && len <= range->nodes[from].len);
    if (!room_for_one(range))
        return GA_NO_MEMORY;
    *node = take_low(range, from, len);
    return GA_OK;
}

enum ga_status gai_range_take(struct range *range, uint64_t len, uint32_t *node)
{
    if (len == 0)
        return GA_INVALID;
    uint32_t from = best(range, len);
    if (from == RANGE_NONE)
        from = range->tail;
    if (from == RANGE_NONE || range->nodes[from].len < len)
        return GA_NO_SPACE;
    if (!room_for_one(range))
        return GA_NO_MEMORY;
    *node = take_low(range, from, len);
    return GA_OK;
}

enum ga_status gai_range_take_at(struct range *range, uint64_t offset, uint64_t len, uint32_t *node)
{
    if (len == 0)
        return GA_INVALID;
    if (len > range->size || offset > range->size - len)
        return GA_NO_SPACE;
    uint32_t at = range_next(range, RANGE_NONE);
    while (range->nodes[at].len <= offset - range->nodes[at].offset)
        at = range_next(range, at);
    uint64_t head = offset - range->nodes[at].offset;
    if (!range_is_free(range, at) || len > range->nodes[at].len - head)
        return GA_NO_SPACE;
    if (!room_for_one(range))
        return GA_NO_MEMORY;
    occupy(range, at);
    cut(range, at, head, len);
    count_taken(range, offset, len);
    *node = at;
    return GA_OK;
}

void gai_range_give(struct range *range, uint32_t node)
{
    assert(!range_is_free(range, node));
    range->n_used--;
    range->used -= range->nodes[node].len;
    release(range, node);
}

void gai_range_trim(struct range *range, uint32_t node, uint64_t head, uint64_t len)
{
    const struct range_node *kept = &range->nodes[node];
    assert(!range_is_free(range, node) && len && len <= kept->len && head <= kept->len - len);
    range->used -= kept->len - len;
    cut(range, node, head, len);
}

uint32_t gai_range_longest(const struct range *range)
{
    uint32_t longest = gai_bins_longest(&range->bins, range->nodes);
    for (uint32_t i = 0; i < range->n_loose; i++)
        if (range->nodes[range->loose[i]].len > range->nodes[longest].len) /* the edge has no length */
            longest = range->loose[i];
    return longest;
}

/*
 * Every free node is found where it belongs, and there are as many loose nodes, roots and links as free nodes: so nothing else
 * can be found.
 */
static const char *check_free(const struct range *range)
{
    uint32_t n_free = 0, n_found = range->n_loose, n_roots;
    const char *broken = gai_bins_check(&range->bins, &n_roots);
    for (uint32_t at = range_next(range, RANGE_NONE); !broken && at != RANGE_NONE; at = range_next(range, at)) {
        const struct range_node *node = &range->nodes[at];
        if (!range_is_free(range, at) || at == range->tail)
            continue;
        n_free++;
        if (is_tail_or_loose(node)) {
            if (node->right >= range->n_loose || range->loose[node->right] != at)
                broken = "a loose node is not where it says";
        } else {
            broken = gai_bins_check_node(&range->bins, range->nodes, at);
            n_found += !range->bins.fast && node->left != RANGE_NONE;
            n_found += node->right != RANGE_NONE;
        }
    }
    if (broken)
        return broken;
    return n_found + n_roots == n_free ? NULL : "something that is not free can be found";
}

static const char *check_numbers(const struct range *range, uint32_t n_tiles)
{
    uint32_t n_spare = 0;
    for (uint32_t at = range->spare; at != RANGE_NONE && n_spare <= range->n_nodes; at = range->nodes[at].next)
        n_spare++;
    if (n_tiles + n_spare + 1 != range->n_nodes || range->n_nodes > range->cap_nodes)
        return "a node's number was lost";
    return nodes_for(range->n_used) <= range->cap_nodes ? NULL : "giving back could need memory";
}

const char *gai_range_check(const struct range *range)
{
    uint64_t end = 0, used = 0;
    uint32_t prev = RANGE_NONE, highest = RANGE_NONE, n_tiles = 0, n_used = 0;
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; prev = at, at = range_next(range, at)) {
        const struct range_node *node = &range->nodes[at];
        if (node->prev != prev || node->offset != end || node->len == 0 || node->len > range->size - end)
            return "the nodes do not tile the range";
        end += node->len;
        n_tiles++;
        if (range_is_free(range, at)) {
            if (range_is_free(range, prev))
                return "two free nodes touch";
            highest = at;
        } else {
            used += node->len;
            n_used++;
            if (end > range->peak)
                return "a used node ends above the peak";
        }
    }
    if (end != range->size || range->nodes[0].prev != prev || range_is_free(range, RANGE_NONE))
        return "the nodes do not tile the range";
    if (used != range->used || n_used != range->n_used)
        return "what is used is not what was counted";
    if (highest != range->tail)
        return "the tail is not the highest free node";
    if (highest != RANGE_NONE && !is_tail_or_loose(&range->nodes[highest]))
        return "the tail is in a bin";
    const char *broken = check_numbers(range, n_tiles);
    return broken ? broken : check_free(range);
}
