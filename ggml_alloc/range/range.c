/*
 * Free nodes by size.  A graph has a handful of them at a time, so nearly every bin holds none or one, and finding, adding and
 * removing are a few shifts and two words of bitmap.  But a pool of 100,000 blocks of one size has them all in one bin, where a
 * sorted list would make each take and give walk 50,000 nodes.  So a bin is a tree, a zip tree (Tarjan, Levy, Timmel 2021): a
 * search tree by (length, tie) in which no node ranks above its parent.  The rank is a hash of the node's number, so nothing is
 * stored or rebalanced: adding unzips one path into two, removing zips them up again, each in one walk down.  Depth is
 * logarithmic whatever the lengths are.  Ranks shape the tree only; what is taken depends on (length, offset) alone.
 *
 * Lost to it: finer bins (equal lengths share even the finest); a digital tree over the bits of (length, offset), whose equal
 * leading bits are long chains; one tree without bins, which mispredicts its way down although few nodes are there.
 *
 * The highest free node is in no bin.  ggml's rule looks at it last, in measure mode it is the open end that most takes come
 * from, and so those cost no bin at all.  The price: when it is used up, the next one has to be found by walking down.
 */
#include "range/range.h"

#include <string.h>

#include "base/array.h"
#include "base/bits.h"

#define NO_BIN UINT32_MAX

/* Lengths of one bin agree in their highest five bits. */
static inline uint32_t bin_of(uint64_t len)
{
    unsigned row = high_bit(len);
    return row * RANGE_STEPS + ((uint32_t)(len << (63 - row) >> 59) & (RANGE_STEPS - 1));
}

/* The lowest bin above `bin` that is not empty. */
static inline uint32_t bin_above(const struct range *range, uint32_t bin)
{
    uint32_t row = bin / RANGE_STEPS;
    uint32_t steps = range->steps[row] & (UINT32_MAX - 1) << bin % RANGE_STEPS;
    if (!steps) {
        uint64_t rows = range->rows & (UINT64_MAX - 1) << row;
        if (!rows)
            return NO_BIN;
        row = low_bit(rows);
        steps = range->steps[row];
    }
    return row * RANGE_STEPS + low_bit(steps);
}

static inline void bin_mark(struct range *range, uint32_t bin)
{
    uint32_t row = bin / RANGE_STEPS;
    range->steps[row] = (uint16_t)(range->steps[row] | 1u << bin % RANGE_STEPS);
    range->rows |= (uint64_t)1 << row;
}

static inline void bin_unmark(struct range *range, uint32_t bin)
{
    uint32_t row = bin / RANGE_STEPS;
    range->steps[row] = (uint16_t)(range->steps[row] & ~(1u << bin % RANGE_STEPS));
    if (!range->steps[row])
        range->rows &= ~((uint64_t)1 << row);
}

static inline uint32_t rank(uint32_t node)
{
    uint64_t hash = node * 0x9e3779b97f4a7c15u;
    return (uint32_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 32);
}

/* The order within a bin: what is taken first comes first. */
static inline bool before(const struct range *range, const struct range_node *a, const struct range_node *b)
{
    return a->len != b->len ? a->len < b->len : (a->offset ^ range->tie) < (b->offset ^ range->tie);
}

static void tree_add(struct range *range, uint32_t *at, uint32_t added)
{
    struct range_node *nodes = range->nodes, *node = &nodes[added];
    while (*at != RANGE_NONE && rank(*at) >= rank(added))
        at = before(range, node, &nodes[*at]) ? &nodes[*at].left : &nodes[*at].right;

    /* What was here is unzipped into the nodes before and after the new one. */
    uint32_t rest = *at;
    *at = added;
    uint32_t *left = &node->left, *right = &node->right;
    while (rest != RANGE_NONE) {
        if (before(range, node, &nodes[rest])) {
            *right = rest;
            right = &nodes[rest].left;
            rest = *right;
        } else {
            *left = rest;
            left = &nodes[rest].right;
            rest = *left;
        }
    }
    *left = *right = RANGE_NONE;
}

static void tree_remove(struct range *range, uint32_t *at, uint32_t removed)
{
    struct range_node *nodes = range->nodes, *node = &nodes[removed];
    while (*at != removed)
        at = before(range, node, &nodes[*at]) ? &nodes[*at].left : &nodes[*at].right;

    uint32_t left = node->left, right = node->right;
    while (left != RANGE_NONE && right != RANGE_NONE) {
        if (rank(left) >= rank(right)) {
            *at = left;
            at = &nodes[left].right;
            left = *at;
        } else {
            *at = right;
            at = &nodes[right].left;
            right = *at;
        }
    }
    *at = left != RANGE_NONE ? left : right;
}

/* The first node of a tree that is at least `len` long. */
static inline uint32_t tree_first(const struct range *range, uint32_t at, uint64_t len)
{
    uint32_t first = RANGE_NONE;
    while (at != RANGE_NONE) {
        const struct range_node *node = &range->nodes[at];
        bool fits = node->len >= len;
        first = fits ? at : first;
        at = fits ? node->left : node->right;
    }
    return first;
}

/* With RANGE_FAST a bin is a list without order: `left` is the node before, `right` the one after. */
static void list_add(struct range *range, uint32_t *head, uint32_t added)
{
    struct range_node *nodes = range->nodes;
    nodes[added].left = RANGE_NONE;
    nodes[added].right = *head;
    if (*head != RANGE_NONE)
        nodes[*head].left = added;
    *head = added;
}

static void list_remove(struct range *range, uint32_t *head, uint32_t removed)
{
    struct range_node *nodes = range->nodes, *node = &nodes[removed];
    if (node->right != RANGE_NONE)
        nodes[node->right].left = node->left;
    *(node->left != RANGE_NONE ? &nodes[node->left].right : head) = node->right;
}

static inline void bin_add(struct range *range, uint32_t node)
{
    uint32_t bin = bin_of(range->nodes[node].len);
    uint32_t *root = &range->bins[bin];
    if (range->fit == RANGE_FAST) {
        list_add(range, root, node);
    } else if (*root != RANGE_NONE) {
        tree_add(range, root, node);
        return;
    } else {
        range->nodes[node].left = range->nodes[node].right = RANGE_NONE;
        *root = node;
    }
    bin_mark(range, bin);
}

static inline void bin_remove(struct range *range, uint32_t node)
{
    uint32_t bin = bin_of(range->nodes[node].len);
    uint32_t *root = &range->bins[bin];
    if (range->fit == RANGE_FAST)
        list_remove(range, root, node);
    else
        tree_remove(range, root, node);
    if (*root == RANGE_NONE)
        bin_unmark(range, bin);
}

/* A free node joins those that can be taken: in a bin, or as the tail when it is the highest. */
static inline void attach(struct range *range, uint32_t node)
{
    uint32_t tail = range->tail;
    if (tail != RANGE_NONE && range->nodes[node].offset < range->nodes[tail].offset) {
        bin_add(range, node);
        return;
    }
    if (tail != RANGE_NONE)
        bin_add(range, tail);
    range->nodes[node].left = range->nodes[node].right = RANGE_NONE;
    range->tail = node;
}

/* Before it changes or goes.  Without a tail until attach() or find_tail(). */
static inline void detach(struct range *range, uint32_t node)
{
    if (node == range->tail)
        range->tail = RANGE_NONE;
    else
        bin_remove(range, node);
}

/* The tail was used up, all above `node` is used: the next one below becomes the tail. */
static void find_tail(struct range *range, uint32_t node)
{
    if (range->rows == 0)
        return;
    while (!range_is_free(range, node))
        node = range->nodes[node].prev;
    bin_remove(range, node);
    range->tail = node;
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
    struct range_node *nodes = range->nodes;
    uint32_t prev = nodes[node].prev, next = nodes[node].next;
    if (range_is_free(range, next)) {
        detach(range, next);
        nodes[next].offset = nodes[node].offset;
        nodes[next].len += nodes[node].len;
        drop(range, node);
        node = next;
    }
    if (range_is_free(range, prev)) {
        detach(range, prev);
        nodes[prev].len += nodes[node].len;
        drop(range, node);
        node = prev;
    }
    attach(range, node);
}

/* A free node becomes used, whole. */
static inline void occupy(struct range *range, uint32_t node)
{
    detach(range, node);
    range->nodes[node].left = RANGE_IS_USED;
    if (range->tail == RANGE_NONE)
        find_tail(range, node);
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

static inline void count_taken(struct range *range, uint32_t node)
{
    const struct range_node *taken = &range->nodes[node];
    range->n_used++;
    range->used += taken->len;
    range->peak = max_u64(range->peak, taken->offset + taken->len);
}

enum ga_status gai_range_init(struct range *range, const struct ga_mem *mem, uint64_t size, enum range_fit fit, uint32_t reserve)
{
    *range = (struct range){ .mem = mem, .size = size, .fit = fit };
    range->tie = fit == RANGE_TIE_HIGH ? UINT64_MAX : 0;
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
    memset(range->steps, 0, sizeof range->steps);
    memset(range->bins, 0, sizeof range->bins);
    range->rows = range->used = 0;
    range->n_used = 0;
    range->n_nodes = 1;
    range->spare = range->tail = RANGE_NONE;
    range->nodes[0] = (struct range_node){ .left = RANGE_IS_USED };
    if (range->size)
        attach(range, insert_after(range, 0, 0, range->size));
}

/* With RANGE_FAST: the first of its own bin if that happens to fit, or any of the next. */
static uint32_t fast_fit(const struct range *range, uint32_t bin, uint64_t len)
{
    uint32_t first = range->bins[bin];
    if (first != RANGE_NONE && range->nodes[first].len >= len)
        return first;
    uint32_t above = bin_above(range, bin);
    return above == NO_BIN ? RANGE_NONE : range->bins[above];
}

uint32_t gai_range_best(const struct range *range, uint64_t len)
{
    assert(len);
    if (range->rows == 0)
        return RANGE_NONE;
    uint32_t bin = bin_of(len);
    if (range->fit == RANGE_FAST)
        return fast_fit(range, bin, len);
    uint32_t best = tree_first(range, range->bins[bin], len);
    if (best != RANGE_NONE)
        return best;
    uint32_t above = bin_above(range, bin);
    return above == NO_BIN ? RANGE_NONE : tree_first(range, range->bins[above], 0);
}

enum ga_status gai_range_take_from(struct range *range, uint32_t from, uint64_t len, uint32_t *node)
{
    assert(range_is_free(range, from) && len && len <= range->nodes[from].len);
    if (!room_for_one(range))
        return GA_NO_MEMORY;
    struct range_node *source = &range->nodes[from];
    if (len == source->len) {
        occupy(range, from);
        *node = from;
    } else {
        detach(range, from);
        *node = insert_after(range, source->prev, source->offset, len);
        source->offset += len;
        source->len -= len;
        attach(range, from);
    }
    count_taken(range, *node);
    return GA_OK;
}

enum ga_status gai_range_take(struct range *range, uint64_t len, uint32_t *node)
{
    if (len == 0)
        return GA_INVALID;
    uint32_t from = gai_range_best(range, len);
    if (from == RANGE_NONE)
        from = range->tail;
    if (from == RANGE_NONE || range->nodes[from].len < len)
        return GA_NO_SPACE;
    return gai_range_take_from(range, from, len, node);
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
    count_taken(range, at);
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
    if (range->rows == 0)
        return RANGE_NONE;
    uint32_t row = high_bit(range->rows);
    uint32_t longest = range->bins[row * RANGE_STEPS + high_bit(range->steps[row])];
    for (uint32_t at = longest; at != RANGE_NONE; at = range->nodes[at].right)
        if (range->nodes[at].len > range->nodes[longest].len)
            longest = at;
    return longest;
}

static const char *check_tree_node(const struct range *range, uint32_t at, uint32_t bin)
{
    const struct range_node *node = &range->nodes[at];
    uint32_t seen = range->bins[bin];
    while (seen != at && seen != RANGE_NONE)
        seen = before(range, node, &range->nodes[seen]) ? range->nodes[seen].left : range->nodes[seen].right;
    if (seen != at)
        return "a free node is not found in the bin of its length";
    if ((node->left != RANGE_NONE && rank(node->left) > rank(at)) || (node->right != RANGE_NONE && rank(node->right) > rank(at)))
        return "a node of a bin ranks above its parent";
    return NULL;
}

static const char *check_list_node(const struct range *range, uint32_t at, uint32_t bin)
{
    const struct range_node *node = &range->nodes[at];
    if ((node->left == RANGE_NONE ? range->bins[bin] : range->nodes[node->left].right) != at)
        return "a free node is not in the list of its bin";
    if (node->right != RANGE_NONE && range->nodes[node->right].left != at)
        return "the list of a bin is not linked back";
    return NULL;
}

/* Every free node is found from its root, and there are as many links as free nodes: so nothing else is in the bins. */
static const char *check_bins(const struct range *range)
{
    uint32_t n_binned = 0, n_links = 0;
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at)) {
        if (!range_is_free(range, at) || at == range->tail)
            continue;
        uint32_t bin = bin_of(range->nodes[at].len);
        bool is_list = range->fit == RANGE_FAST;
        const char *broken = is_list ? check_list_node(range, at, bin) : check_tree_node(range, at, bin);
        if (broken)
            return broken;
        n_binned++;
        n_links += !is_list && range->nodes[at].left != RANGE_NONE;
        n_links += range->nodes[at].right != RANGE_NONE;
    }
    for (uint32_t bin = 0; bin < RANGE_ROWS * RANGE_STEPS; bin++) {
        bool is_marked = range->steps[bin / RANGE_STEPS] >> bin % RANGE_STEPS & 1;
        if (is_marked != (range->bins[bin] != RANGE_NONE))
            return "the bitmap of steps does not say which bins are empty";
        n_links += is_marked;
    }
    for (uint32_t row = 0; row < RANGE_ROWS; row++)
        if ((range->rows >> row & 1) != (range->steps[row] != 0))
            return "the bitmap of rows does not say which steps are empty";
    return n_links == n_binned ? NULL : "a bin holds something that is no free node";
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
    const char *broken = check_numbers(range, n_tiles);
    return broken ? broken : check_bins(range);
}
