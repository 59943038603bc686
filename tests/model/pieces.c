#include "model/pieces.h"

#include <stdlib.h>

/* A piece in units, before items are made of pieces. */
struct piece {
    uint32_t from, to, low, high; /* steps; units */
    bool aligned, fixed;
};

struct pieces {
    struct piece at[MADE_MAX];
    uint32_t n, n_steps;
    bool fit; /* all at once where they are: the best is not far up */
};

static uint32_t up_to(struct rng *rng, uint32_t from, uint32_t most)
{
    return from + (uint32_t)rng_below(rng, most - from + 1);
}

static bool chance(struct rng *rng, uint32_t one_in)
{
    return rng_below(rng, one_in) == 0;
}

/* Bytes in a unit: the same for all items of a problem, odd ones and powers of two. */
static uint64_t pick_unit(struct rng *rng)
{
    static const uint64_t units[] = { 1, 1, 1, 2, 3, 24, 256, 4100, (uint64_t)1 << 40, ((uint64_t)1 << 20) + 1 };
    return units[rng_below(rng, sizeof units / sizeof *units)];
}

static int by_birth(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static unsigned count_zeros(uint64_t x)
{
    unsigned n = 0;
    while (x && x % 2 == 0) {
        x /= 2;
        n++;
    }
    return n;
}

/* As much alignment as its place has, or less; a place at 0 has any, and where that is `free` now and then more than solvers count. */
static uint8_t pick_align(struct rng *rng, uint64_t offset, uint64_t unit, bool free)
{
    if (offset == 0 && free && chance(rng, 4))
        return (uint8_t)(28 + rng_below(rng, 34));
    unsigned most = offset ? count_zeros(offset) : count_zeros(unit) + 3;
    return (uint8_t)rng_below(rng, (uint64_t)most + 1);
}

/* Returns the bytes in a unit. */
static uint64_t make_items(struct made *made, struct rng *rng, struct pieces *pieces)
{
    uint64_t unit = pick_unit(rng);
    uint8_t pool_log2 = (uint8_t)rng_below(rng, count_zeros(unit) + 1);
    qsort(pieces->at, pieces->n, sizeof *pieces->at, by_birth);
    *made = (struct made){ .limits = { .chunk_max = UINT64_MAX, .align_log2 = pool_log2 } };
    for (uint32_t i = 0; i < pieces->n; i++) {
        const struct piece *piece = &pieces->at[i];
        uint64_t offset = piece->low * unit;
        made->items[i] = (struct item){
            .size = (piece->high - piece->low) * unit,
            .fixed = piece->fixed ? 1 + offset : 0,
            .birth = piece->from,
            .death = piece->to,
            .align_log2 = piece->aligned ? pick_align(rng, offset, unit, pieces->fit) : 0,
        };
    }
    made->problem = (struct problem){
        .items = made->items,
        .n_items = pieces->n,
        .edges = made->edges,
        .n_steps = pieces->n_steps,
        .pools = &made->limits,
        .n_pools = 1,
    };
    return unit;
}

static bool is_free(const struct pieces *pieces, const struct piece *piece)
{
    for (uint32_t i = 0; i < pieces->n; i++) {
        const struct piece *other = &pieces->at[i];
        if (other->fixed && other->from < piece->to && piece->from < other->to && other->low < piece->high &&
            piece->low < other->high)
            return false;
    }
    return true;
}

void made_any(struct made *made, struct rng *rng, uint32_t n)
{
    struct pieces pieces = { .n_steps = up_to(rng, 2, n + 3) };
    uint32_t large = up_to(rng, 1, 12), twins = chance(rng, 3) ? 2 : 100;
    bool aligned = chance(rng, 2), fixed = chance(rng, 2);
    while (pieces.n < n) {
        uint32_t from = up_to(rng, 0, pieces.n_steps - 1), low = up_to(rng, 0, 12);
        struct piece piece = {
            .from = from,
            .to = up_to(rng, from + 1, pieces.n_steps),
            .low = low,
            .high = low + up_to(rng, 1, large),
            .aligned = aligned && chance(rng, 2),
        };
        if (pieces.n > 0 && chance(rng, twins))
            piece = pieces.at[rng_below(rng, pieces.n)];
        piece.fixed = fixed && chance(rng, 3) && is_free(&pieces, &piece);
        pieces.at[pieces.n++] = piece;
    }
    make_items(made, rng, &pieces);
}

/* In two, across time or bytes, where there is room. */
static void cut_one(struct pieces *pieces, struct rng *rng)
{
    struct piece *piece = &pieces->at[rng_below(rng, pieces->n)], rest = *piece;
    bool in_time = chance(rng, 2);
    if (in_time && piece->to - piece->from > 1)
        piece->to = rest.from = up_to(rng, piece->from + 1, piece->to - 1);
    else if (!in_time && piece->high - piece->low > 1)
        piece->high = rest.low = up_to(rng, piece->low + 1, piece->high - 1);
    else
        return;
    pieces->at[pieces->n++] = rest;
}

/* Some room, here and there: a piece goes, or becomes smaller, or lives shorter. */
static void loosen(struct pieces *pieces, struct rng *rng, uint32_t one_in)
{
    for (uint32_t i = pieces->n; i-- > 0;) {
        struct piece *piece = &pieces->at[i];
        if (!chance(rng, one_in))
            continue;
        if (piece->high - piece->low > 1 && chance(rng, 2))
            piece->high--;
        else if (piece->to - piece->from > 1)
            piece->to--;
        else if (pieces->n > 1)
            *piece = pieces->at[--pieces->n];
    }
}

void made_cut(struct made *made, struct rng *rng, uint32_t n)
{
    uint32_t height = up_to(rng, 4, n + 8), n_steps = up_to(rng, 4, n + 8);
    struct pieces pieces = { .at = { { .to = n_steps, .high = height } }, .n = 1, .n_steps = n_steps, .fit = true };
    bool aligned = chance(rng, 3), fixed = chance(rng, 3);
    for (uint32_t tries = 0; pieces.n < n && tries < 20 * n; tries++)
        cut_one(&pieces, rng);
    if (chance(rng, 2))
        loosen(&pieces, rng, up_to(rng, 2, 12));
    for (uint32_t i = 0; i < pieces.n; i++) {
        pieces.at[i].aligned = aligned && chance(rng, 2);
        pieces.at[i].fixed = fixed && chance(rng, 4);
    }
    uint64_t unit = make_items(made, rng, &pieces);
    for (uint32_t i = 0; i < pieces.n; i++)
        made->known = pieces.at[i].high * unit > made->known ? pieces.at[i].high * unit : made->known;
}

void made_some(struct made *made, struct rng *rng, uint32_t n)
{
    if (chance(rng, 2))
        made_any(made, rng, n);
    else
        made_cut(made, rng, n);
}

static void add_edges(struct made *made, struct rng *rng, uint32_t i)
{
    struct problem *problem = &made->problem;
    struct item *item = &made->items[i];
    item->edge = problem->n_edges;
    for (uint32_t j = 0; j < i && problem->n_edges < item->edge + 2; j++) {
        const struct item *from = &made->items[j];
        if (from->death != item->birth + 1 || from->size < item->size || chance(rng, 4))
            continue;
        uint64_t delta = chance(rng, 3) ? rng_below(rng, from->size - item->size + 1) : 0;
        bool eager = delta == 0 && problem->n_edges == item->edge && chance(rng, 2);
        made->edges[problem->n_edges++] = (struct edge){ .delta = delta, .from = j, .eager = eager };
    }
}

void made_heirs(struct made *made, struct rng *rng, uint32_t n)
{
    uint32_t n_steps = up_to(rng, 2, n + 2), birth = 0;
    *made = (struct made){ .limits = { .chunk_max = UINT64_MAX } };
    made->problem =
        (struct problem){ .items = made->items, .edges = made->edges, .n_steps = n_steps, .pools = &made->limits, .n_pools = 1 };
    for (uint32_t i = 0; i < n; i++) {
        birth += birth + 2 < n_steps && chance(rng, 2);
        made->items[i] = (struct item){
            .size = up_to(rng, 1, 4),
            .birth = birth,
            .death = up_to(rng, birth + 1, birth + 3 < n_steps ? birth + 3 : n_steps),
        };
        add_edges(made, rng, i);
        made->problem.n_items++;
    }
    made->items[n].edge = made->problem.n_edges;
}
