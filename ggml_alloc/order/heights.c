#include "order/heights.h"

#include <string.h>

bool gai_heights_init(struct heights *heights, const struct ga_mem *mem, uint32_t n_places)
{
    *heights = (struct heights){ .mem = *mem, .n = 1 };
    while (heights->n < n_places)
        heights->n *= 2;
    heights->nodes = mem_new(mem, struct height, 2 * (size_t)heights->n);
    return heights->nodes;
}

void gai_heights_fini(struct heights *heights)
{
    mem_free(&heights->mem, heights->nodes, 2 * (size_t)heights->n);
}

/* What is added above is left out, so that a height by itself may be below 0. */
static bool is_at_most(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) <= 0;
}

static void refresh(struct heights *heights, uint32_t node)
{
    struct height *at = &heights->nodes[node];
    const struct height *left = &heights->nodes[2 * node], *right = left + 1;
    bool is_left = is_at_most(right->most, left->most), is_right = is_at_most(left->most, right->most);
    at->most = (is_left ? left->most : right->most) + at->add;
    at->n_most = (is_left ? left->n_most : 0) + (is_right ? right->n_most : 0);
}

static void add_to(struct heights *heights, uint32_t node, uint64_t more)
{
    heights->nodes[node].most += more;
    heights->nodes[node].add += more;
}

void gai_heights_fill(struct heights *heights, const uint64_t *values, uint32_t n_places)
{
    memset(heights->nodes, 0, 2 * (size_t)heights->n * sizeof *heights->nodes);
    for (uint32_t place = 0; place < n_places; place++)
        heights->nodes[heights->n + place] = (struct height){ .most = values[place], .n_most = 1 };
    for (uint32_t node = heights->n; node-- > 1;)
        refresh(heights, node);
}

uint64_t gai_heights_at(const struct heights *heights, uint32_t place)
{
    uint32_t node = heights->n + place;
    uint64_t sum = heights->nodes[node].most;
    while (node /= 2)
        sum += heights->nodes[node].add;
    return sum;
}

static void refresh_above(struct heights *heights, uint32_t node)
{
    while (node /= 2)
        refresh(heights, node);
}

void gai_heights_add(struct heights *heights, uint32_t first, uint32_t end, uint64_t more)
{
    uint32_t left = heights->n + first, right = heights->n + end;
    if (first >= end)
        return;
    for (; left < right; left /= 2, right /= 2) {
        if (left % 2)
            add_to(heights, left++, more);
        if (right % 2)
            add_to(heights, --right, more);
    }
    refresh_above(heights, heights->n + first);
    refresh_above(heights, heights->n + end - 1);
}

/* What is to be added to all below goes one level down. */
static void hand_down(struct heights *heights, uint32_t node)
{
    add_to(heights, 2 * node, heights->nodes[node].add);
    add_to(heights, 2 * node + 1, heights->nodes[node].add);
    heights->nodes[node].add = 0;
}

void gai_heights_move(struct heights *heights, uint32_t from, uint32_t to)
{
    uint32_t first = heights->n + (from < to ? from : to), last = heights->n + (from < to ? to : from);
    for (uint32_t size = heights->n; size > 1; size /= 2)
        for (uint32_t node = first / size; node <= last / size; node++)
            hand_down(heights, node);
    struct height *leafs = &heights->nodes[heights->n], moved = leafs[from];
    if (from < to)
        memmove(&leafs[from], &leafs[from + 1], (to - from) * sizeof *leafs);
    else
        memmove(&leafs[to + 1], &leafs[to], (from - to) * sizeof *leafs);
    leafs[to] = moved;
    for (uint32_t size = 2; size <= heights->n; size *= 2)
        for (uint32_t node = first / size; node <= last / size; node++)
            refresh(heights, node);
}

uint64_t gai_heights_most(const struct heights *heights)
{
    return heights->nodes[1].most;
}

uint32_t gai_heights_n_most(const struct heights *heights)
{
    return heights->nodes[1].n_most;
}

/* Whether the most of all is below; `above` is what is added on the way from the root. */
static bool has_most(const struct heights *heights, uint32_t node, uint64_t above)
{
    return heights->nodes[node].n_most && heights->nodes[node].most + above == heights->nodes[1].most;
}

static uint64_t added_above(const struct heights *heights, uint32_t node)
{
    uint64_t sum = 0;
    while (node /= 2)
        sum += heights->nodes[node].add;
    return sum;
}

uint32_t gai_heights_find_most(const struct heights *heights, uint32_t from)
{
    uint32_t node = heights->n + from;
    if (from >= heights->n)
        return UINT32_MAX;
    uint64_t above = added_above(heights, node);
    while (!has_most(heights, node, above)) {
        for (; node % 2; above -= heights->nodes[node].add) /* a right one, or the root: on to what is right of what is above */
            node /= 2;
        if (node == 0)
            return UINT32_MAX;
        node++;
    }
    while (node < heights->n) {
        above += heights->nodes[node].add;
        node = 2 * node + !has_most(heights, 2 * node, above);
    }
    return node - heights->n;
}
