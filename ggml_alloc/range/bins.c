/*
 * A pool of 100,000 blocks of one size has all its free nodes in one bin, where a sorted list would make each take and give walk
 * half of them.  So a bin is a zip tree (Tarjan, Levy, Timmel 2021): a search tree by (length, tie) in which no node ranks above
 * its parent.  The rank is a hash of the node's number, so nothing is stored or rebalanced: adding unzips one path into two,
 * removing zips them up again, each in one walk down.  Depth is logarithmic whatever the lengths are.  Ranks shape the tree only;
 * what is taken depends on (length, offset) alone.
 *
 * Where thousands of blocks come and go, most bins have a handful of nodes, and walking down a tree of them costs as much as looking
 * at all does; but adding to a list and taking from it costs nothing.  So such a bin is a list until it has grown long.
 *
 * Lost to it: finer bins (equal lengths share even the finest); a digital tree over the bits of (length, offset), whose equal
 * leading bits are long chains; a red-black tree, four times the code for the same depth.
 */
#include "range/bins.h"

#include "base/bits.h"

#include <string.h>

#define NO_BIN UINT32_MAX

/*
 * Lengths of one bin agree in their highest seven bits.  A short multiple of the quantum has fewer, and leaves the others to its
 * offset; what is no multiple comes behind all of them.  So bins are in the order of (length, tie), whatever the lengths are.
 */
static inline uint32_t bin_of(const struct bins *bins, uint64_t len, uint64_t offset)
{
    uint32_t row = high_bit(len), n_bits = bins->quantum_log2 + 6u;
    uint32_t bin = row * BINS_STEPS + ((uint32_t)(len << (63 - row) >> 57) & (BINS_STEPS - 1));
    if (row >= n_bits)
        return bin;
    bool is_multiple = (len & (((uint64_t)1 << bins->quantum_log2) - 1)) == 0;
    uint64_t part = is_multiple ? min_u64(offset >> bins->part_log2, BINS_STEPS - 1) : BINS_STEPS - 1;
    uint32_t n_left = (uint32_t)min_u64(n_bits - row, 6);
    return bin | (uint32_t)part >> (6 - n_left);
}

static inline uint32_t bin_of_node(const struct bins *bins, const struct range_node *node)
{
    return bin_of(bins, node->len, node->offset ^ bins->tie);
}

/* The lowest bin above `bin` that is not empty. */
static inline uint32_t bin_above(const struct bins *bins, uint32_t bin)
{
    uint32_t row = bin / BINS_STEPS;
    uint64_t steps = bins->steps[row] & (UINT64_MAX - 1) << bin % BINS_STEPS;
    if (!steps) {
        uint64_t rows = bins->rows & (UINT64_MAX - 1) << row;
        if (!rows)
            return NO_BIN;
        row = low_bit(rows);
        steps = bins->steps[row];
    }
    return row * BINS_STEPS + low_bit(steps);
}

static inline void bin_mark(struct bins *bins, uint32_t bin)
{
    uint32_t row = bin / BINS_STEPS;
    bins->steps[row] |= (uint64_t)1 << bin % BINS_STEPS;
    bins->rows |= (uint64_t)1 << row;
}

static inline void bin_unmark(struct bins *bins, uint32_t bin)
{
    uint32_t row = bin / BINS_STEPS;
    bins->steps[row] &= ~((uint64_t)1 << bin % BINS_STEPS);
    if (!bins->steps[row])
        bins->rows &= ~((uint64_t)1 << row);
}

static inline uint32_t rank(uint32_t node)
{
    uint64_t hash = node * 0x9e3779b97f4a7c15u;
    return (uint32_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 32);
}

static void tree_add(const struct bins *bins, struct range_node *nodes, uint32_t *at, uint32_t added)
{
    struct range_node *node = &nodes[added];
    while (*at != RANGE_NONE && rank(*at) >= rank(added))
        at = range_node_before(node, &nodes[*at], bins->tie) ? &nodes[*at].left : &nodes[*at].right;

    /* What was here is unzipped into the nodes before and after the new one. */
    uint32_t rest = *at;
    *at = added;
    uint32_t *left = &node->left, *right = &node->right;
    while (rest != RANGE_NONE) {
        if (range_node_before(node, &nodes[rest], bins->tie)) {
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

static void tree_remove(const struct bins *bins, struct range_node *nodes, uint32_t *at, uint32_t removed)
{
    struct range_node *node = &nodes[removed];
    while (*at != removed)
        at = range_node_before(node, &nodes[*at], bins->tie) ? &nodes[*at].left : &nodes[*at].right;

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
static inline uint32_t tree_first(const struct range_node *nodes, uint32_t at, uint64_t len)
{
    uint32_t first = RANGE_NONE;
    while (at != RANGE_NONE) {
        const struct range_node *node = &nodes[at];
        bool fits = node->len >= len;
        first = fits ? at : first;
        at = fits ? node->left : node->right;
    }
    return first;
}

/* A list has no order: `left` is the node before, `right` the one after. */
static void list_add(struct range_node *nodes, uint32_t *head, uint32_t added)
{
    nodes[added].left = RANGE_NONE;
    nodes[added].right = *head;
    if (*head != RANGE_NONE)
        nodes[*head].left = added;
    *head = added;
}

static void list_remove(struct range_node *nodes, uint32_t *head, uint32_t removed)
{
    struct range_node *node = &nodes[removed];
    if (node->right != RANGE_NONE)
        nodes[node->right].left = node->left;
    *(node->left != RANGE_NONE ? &nodes[node->left].right : head) = node->right;
}

/* The best node of a list that is at least `len` long. */
static uint32_t list_best(const struct bins *bins, const struct range_node *nodes, uint32_t at, uint64_t len)
{
    uint32_t best = RANGE_NONE;
    for (; at != RANGE_NONE; at = nodes[at].right)
        if (nodes[at].len >= len && (best == RANGE_NONE || range_node_before(&nodes[at], &nodes[best], bins->tie)))
            best = at;
    return best;
}

static bool is_tree(const struct bins *bins, uint32_t bin)
{
    return bins->lens[bin] == BINS_TREE;
}

/* A list that has grown long becomes a tree. */
static void plant(struct bins *bins, struct range_node *nodes, uint32_t bin)
{
    uint32_t at = bins->roots[bin];
    bins->roots[bin] = RANGE_NONE;
    while (at != RANGE_NONE) {
        uint32_t next = nodes[at].right;
        tree_add(bins, nodes, &bins->roots[bin], at);
        at = next;
    }
    bins->lens[bin] = BINS_TREE;
}

void gai_bins_clear(struct bins *bins)
{
    if (bins->rows == 0)
        return;
    bins->rows = 0;
    memset(bins->steps, 0, sizeof bins->steps);
    memset(bins->roots, 0, sizeof bins->roots);
    memset(bins->lens, 0, sizeof bins->lens);
}

void gai_bins_add(struct bins *bins, struct range_node *nodes, uint32_t node)
{
    uint32_t bin = bin_of_node(bins, &nodes[node]);
    if (!bins->fast && !is_tree(bins, bin) && bins->lens[bin] >= bins->longest_list)
        plant(bins, nodes, bin);
    if (is_tree(bins, bin)) {
        tree_add(bins, nodes, &bins->roots[bin], node);
    } else {
        list_add(nodes, &bins->roots[bin], node);
        bins->lens[bin] += !bins->fast;
    }
    bin_mark(bins, bin);
}

void gai_bins_remove(struct bins *bins, struct range_node *nodes, uint32_t node)
{
    uint32_t bin = bin_of_node(bins, &nodes[node]);
    if (is_tree(bins, bin)) {
        tree_remove(bins, nodes, &bins->roots[bin], node);
    } else {
        list_remove(nodes, &bins->roots[bin], node);
        bins->lens[bin] -= !bins->fast;
    }
    if (bins->roots[bin] == RANGE_NONE) {
        bins->lens[bin] = 0;
        bin_unmark(bins, bin);
    }
}

static uint32_t best_in(const struct bins *bins, const struct range_node *nodes, uint32_t bin, uint64_t len)
{
    uint32_t root = bins->roots[bin];
    if (bins->fast)
        return nodes[root].len >= len ? root : RANGE_NONE; /* the edge, node 0, has no length */
    return is_tree(bins, bin) ? tree_first(nodes, root, len) : list_best(bins, nodes, root, len);
}

uint32_t gai_bins_best(const struct bins *bins, const struct range_node *nodes, uint64_t len)
{
    uint32_t bin = bin_of(bins, len, 0), best = best_in(bins, nodes, bin, len);
    if (best != RANGE_NONE)
        return best;
    bin = bin_above(bins, bin);
    return bin == NO_BIN ? RANGE_NONE : best_in(bins, nodes, bin, len);
}

uint32_t gai_bins_longest(const struct bins *bins, const struct range_node *nodes)
{
    if (bins->rows == 0)
        return RANGE_NONE;
    uint32_t row = high_bit(bins->rows);
    uint32_t longest = bins->roots[row * BINS_STEPS + high_bit(bins->steps[row])];
    for (uint32_t at = longest; at != RANGE_NONE; at = nodes[at].right)
        if (nodes[at].len > nodes[longest].len)
            longest = at;
    return longest;
}

static const char *check_in_list(const struct bins *bins, const struct range_node *nodes, uint32_t at)
{
    const struct range_node *node = &nodes[at];
    uint32_t seen = node->left == RANGE_NONE ? bins->roots[bin_of_node(bins, node)] : nodes[node->left].right;
    if (seen != at)
        return "a free node is not in the list of its bin";
    return node->right == RANGE_NONE || nodes[node->right].left == at ? NULL : "the list of a bin is not linked back";
}

const char *gai_bins_check_node(const struct bins *bins, const struct range_node *nodes, uint32_t at)
{
    const struct range_node *node = &nodes[at];
    uint32_t bin = bin_of_node(bins, node), seen = bins->roots[bin];
    if (!is_tree(bins, bin))
        return check_in_list(bins, nodes, at);
    while (seen != at && seen != RANGE_NONE)
        seen = range_node_before(node, &nodes[seen], bins->tie) ? nodes[seen].left : nodes[seen].right;
    if (seen != at)
        return "a free node is not found in the bin of its length";
    bool is_heap =
        (node->left == RANGE_NONE || rank(node->left) <= rank(at)) && (node->right == RANGE_NONE || rank(node->right) <= rank(at));
    return is_heap ? NULL : "a node of a bin ranks above its parent";
}

uint32_t gai_bins_links(const struct bins *bins, const struct range_node *nodes, uint32_t at)
{
    const struct range_node *node = &nodes[at];
    bool has_left = is_tree(bins, bin_of_node(bins, node)) && node->left != RANGE_NONE;
    return (uint32_t)has_left + (node->right != RANGE_NONE);
}

static bool has_length(const struct bins *bins, const struct range_node *nodes, uint32_t bin)
{
    uint32_t n = 0;
    for (uint32_t at = bins->roots[bin]; at != RANGE_NONE && n <= bins->lens[bin]; at = nodes[at].right)
        n++;
    return n == bins->lens[bin];
}

const char *gai_bins_check(const struct bins *bins, const struct range_node *nodes, uint32_t *n_roots)
{
    *n_roots = 0;
    for (uint32_t bin = 0; bin < BINS_ROWS * BINS_STEPS; bin++) {
        bool is_marked = bins->steps[bin / BINS_STEPS] >> bin % BINS_STEPS & 1;
        if (is_marked != (bins->roots[bin] != RANGE_NONE))
            return "the bitmap of steps does not say which bins are empty";
        if (!bins->fast && !is_tree(bins, bin) && !has_length(bins, nodes, bin))
            return "the list of a bin is not as long as it is said to be";
        if (!is_marked && is_tree(bins, bin))
            return "an empty bin is a tree";
        *n_roots += is_marked;
    }
    for (uint32_t row = 0; row < BINS_ROWS; row++)
        if ((bins->rows >> row & 1) != (bins->steps[row] != 0))
            return "the bitmap of rows does not say which steps are empty";
    return NULL;
}
