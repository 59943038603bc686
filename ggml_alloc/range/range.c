/*
 * Free nodes wait in three places.  The highest one, the tail, stands apart: ggml's rule looks at it last, and in measure mode it
 * is the open end that most takes come from.  A graph has a handful of others at a time, and most are taken again soon: those lie
 * loose in a small array, where adding, growing and shrinking cost next to nothing and the best is found by looking at all.
 * When the array is full it is emptied into the bins (bins.h), which stay fast with a hundred thousand.  So one structure serves
 * a graph of ten live tensors, where bins alone took 1.6 times as long, and a pool that lived for days.
 *
 * Where thousands of blocks come and go in no order, what lies loose is hardly ever the best, and looking at it costs more than the
 * bins do: with one loose node and lists, an alloc and its free of a cache with 10,000 blocks take three quarters of the time.  With
 * few blocks it is the other way round.
 *
 * The price of a tail apart: when it is used up whole, the next one has to be found by walking down over used nodes.
 */
#include "range/range.h"

#include <assert.h>

#include "range/carve.h"

void gai_range_spill(struct range *range)
{
    range->bins.longest_list = range_has_many(range) ? BINS_LONGEST_LIST : 0;
    for (uint32_t i = 0; i < range->n_loose; i++)
        gai_bins_add(&range->bins, range->nodes, range->loose[i]);
    range->n_loose = 0;
}

void gai_range_expect_many(struct range *range, uint64_t quantum)
{
    range->most_loose = RANGE_LOOSE_OF_FEW;
    range->many = RANGE_MANY;
    if (!range->bins.fast)
        range->bins.quantum_log2 = (uint8_t)low_bit(quantum);
}

/* All are found elsewhere afterwards. */
void gai_range_expect_end(struct range *range, uint64_t end)
{
    struct bins *bins = &range->bins;
    if (end <= (uint64_t)BINS_STEPS << bins->part_log2)
        return;
    gai_bins_clear(bins);
    bins->part_log2 = (uint8_t)(high_bit(end - 1) + 1 - high_bit(BINS_STEPS));
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at))
        if (range_is_free(range, at) && !node_is_apart(&range->nodes[at]))
            gai_bins_add(bins, range->nodes, at);
}

void gai_range_find_tail(struct range *range, uint32_t node)
{
    range->tail = RANGE_NONE;
    if (range->n_loose == 0 && range->bins.rows == 0)
        return;
    while (!range_is_free(range, node))
        node = range->nodes[node].prev;
    range_unhook(range, node);
    range->nodes[node].left = RANGE_IS_LOOSE;
    range->tail = node;
}

/* All but [head, head + len) of a used node becomes free. */
static void cut(struct range *range, uint32_t node, uint64_t head, uint64_t len)
{
    struct range_node *kept = &range->nodes[node];
    uint64_t rest = kept->len - head - len;
    kept->len = len;
    if (head) {
        uint32_t low = range_insert(range, kept->prev, kept->offset, head);
        kept->offset += head;
        range_release(range, low);
    }
    if (rest)
        range_release(range, range_insert(range, node, kept->offset + len, rest));
}

bool gai_range_room(struct range *range, uint32_t n)
{
    return array_room(range->mem, &range->nodes, &range->cap_nodes, range_nodes_for((uint64_t)range->n_used + n));
}

enum ga_status gai_range_init(struct range *range, const struct ga_mem *mem, uint64_t size, enum range_fit fit, uint32_t reserve)
{
    *range = (struct range){ .mem = mem, .size = size, .most_loose = RANGE_LOOSE, .many = UINT32_MAX };
    range->bins.tie = fit == RANGE_TIE_HIGH ? UINT64_MAX : 0;
    range->bins.fast = fit == RANGE_FAST;
    if (!gai_array_exact(mem, &range->nodes, sizeof *range->nodes, &range->cap_nodes, range_nodes_for(reserve)))
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
        range_attach(range, range_insert(range, 0, 0, range->size));
}

uint32_t gai_range_best(const struct range *range, uint64_t len)
{
    assert(len);
    return range_best(range, len);
}

enum ga_status gai_range_take_from(struct range *range, uint32_t from, uint64_t len, uint32_t *node)
{
    return range_take_from(range, from, len, node);
}

enum ga_status gai_range_take(struct range *range, uint64_t len, uint32_t *node)
{
    if (len == 0)
        return GA_INVALID;
    uint32_t from = range_best(range, len);
    if (from == RANGE_NONE)
        from = range->tail;
    if (from == RANGE_NONE || range->nodes[from].len < len)
        return GA_NO_SPACE;
    if (!range_room_for_one(range))
        return GA_NO_MEMORY;
    *node = range_take_low(range, from, len);
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
    if (!range_room_for_one(range))
        return GA_NO_MEMORY;
    bool from_tail = at == range->tail;
    range_occupy(range, at);
    cut(range, at, head, len);
    range_count(range, offset, len, from_tail);
    *node = at;
    return GA_OK;
}

void gai_range_give(struct range *range, uint32_t node)
{
    range_give(range, node);
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
    const char *broken = gai_bins_check(&range->bins, range->nodes, &n_roots);
    for (uint32_t at = range_next(range, RANGE_NONE); !broken && at != RANGE_NONE; at = range_next(range, at)) {
        const struct range_node *node = &range->nodes[at];
        if (!range_is_free(range, at) || at == range->tail)
            continue;
        n_free++;
        if (node_is_apart(node)) {
            if (node->right >= range->n_loose || range->loose[node->right] != at)
                broken = "a loose node is not where it says";
        } else {
            broken = gai_bins_check_node(&range->bins, range->nodes, at);
            n_found += gai_bins_links(&range->bins, range->nodes, at);
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
    return range_nodes_for(range->n_used) <= range->cap_nodes ? NULL : "giving back could need memory";
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
    if (highest != RANGE_NONE && !node_is_apart(&range->nodes[highest]))
        return "the tail is in a bin";
    const char *broken = check_numbers(range, n_tiles);
    return broken ? broken : check_free(range);
}
