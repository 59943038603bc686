#include "model/exhaust.h"

struct exhaust {
    const struct problem *problem;
    uint64_t offsets[EXHAUST_MAX];
    bool placed[EXHAUST_MAX];
    uint64_t best;
};

static uint64_t align_of(const struct problem *problem, const struct item *item)
{
    uint64_t own = (uint64_t)1 << item->align_log2, all = (uint64_t)1 << problem->pools[0].align_log2;
    return own > all ? own : all;
}

static bool meet(const struct item *a, const struct item *b)
{
    return a->birth < b->death && b->birth < a->death;
}

static bool overlap(const struct exhaust *all, uint32_t i, uint32_t j)
{
    const struct item *a = &all->problem->items[i], *b = &all->problem->items[j];
    return meet(a, b) && all->offsets[i] < all->offsets[j] + b->size && all->offsets[j] < all->offsets[i] + a->size;
}

static void place_fixed(struct exhaust *all)
{
    for (uint32_t i = 0; i < all->problem->n_items; i++) {
        const struct item *item = &all->problem->items[i];
        all->placed[i] = item->fixed != 0;
        all->offsets[i] = item->fixed ? item->fixed - 1 : 0;
    }
}

/* Who is placed and in the way of item i, or EXHAUST_MAX. */
static uint32_t find_in_way(const struct exhaust *all, uint32_t i)
{
    for (uint32_t j = 0; j < all->problem->n_items; j++)
        if (j != i && all->placed[j] && overlap(all, i, j))
            return j;
    return EXHAUST_MAX;
}

/* As low as it can go: lifted over whatever is in the way until nothing is. */
static void drop(struct exhaust *all, uint32_t i)
{
    const struct item *items = all->problem->items;
    uint64_t align = align_of(all->problem, &items[i]);
    all->offsets[i] = 0;
    for (uint32_t j; (j = find_in_way(all, i)) != EXHAUST_MAX;)
        all->offsets[i] = (all->offsets[j] + items[j].size + align - 1) / align * align;
}

static void try_orders(struct exhaust *all, uint64_t peak)
{
    bool complete = true;
    if (peak >= all->best)
        return; /* it only rises */
    for (uint32_t i = 0; i < all->problem->n_items; i++) {
        if (all->placed[i])
            continue;
        complete = false;
        drop(all, i);
        all->placed[i] = true;
        uint64_t end = all->offsets[i] + all->problem->items[i].size;
        try_orders(all, end > peak ? end : peak);
        all->placed[i] = false;
    }
    if (complete)
        all->best = peak;
}

uint64_t exhaust_orders(const struct problem *problem)
{
    struct exhaust all = { .problem = problem, .best = UINT64_MAX };
    uint64_t peak = 0;
    place_fixed(&all);
    for (uint32_t i = 0; i < problem->n_items; i++)
        if (all.placed[i] && all.offsets[i] + problem->items[i].size > peak)
            peak = all.offsets[i] + problem->items[i].size;
    try_orders(&all, peak);
    return all.best;
}

/* Whether `heir` sits on `from` by right of an edge. */
static bool is_joined(const struct exhaust *all, uint32_t heir, uint32_t from)
{
    const struct problem *problem = all->problem;
    for (uint32_t e = problem->items[heir].edge; e < problem->items[heir + 1].edge; e++)
        if (problem->edges[e].from == from && all->offsets[heir] == all->offsets[from] + problem->edges[e].delta)
            return true;
    return false;
}

/* Whether item i, where it is, gets along with those before it; nobody is taken over by two. */
static bool is_allowed(const struct exhaust *all, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++) {
        if (!overlap(all, i, j))
            continue;
        if (!is_joined(all, i, j))
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (k != j && overlap(all, k, j) && is_joined(all, k, j))
                return false;
    }
    return true;
}

static bool try_offsets(struct exhaust *all, uint32_t i, uint64_t height)
{
    if (i == all->problem->n_items)
        return true;
    const struct item *item = &all->problem->items[i];
    uint64_t align = align_of(all->problem, item);
    for (uint64_t offset = 0; offset + item->size <= height; offset += align) {
        if (item->fixed && offset != item->fixed - 1)
            continue;
        all->offsets[i] = offset;
        if (is_allowed(all, i) && try_offsets(all, i + 1, height))
            return true;
    }
    return false;
}

bool exhaust_offsets(const struct problem *problem, uint64_t height)
{
    struct exhaust all = { .problem = problem };
    return try_offsets(&all, 0, height);
}
