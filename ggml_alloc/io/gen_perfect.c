/*
 * gen_perfect.c - perfect packings: a rectangle, cut up
 *
 * The piece that is cut next is among the largest, but not always the largest; it is rather cut across where it is long.  Thus sizes
 * spread over an order of magnitude and none is a sliver.
 */
#include "io/gen.h"

#include "base/bits.h"
#include "base/rng.h"

#include <stdlib.h>

#define TALL ((uint32_t)(GEN_HEIGHT / GEN_GRAIN)) /* the rectangle's height, in grains */
#define TIME_PER_PIECE 4u
#define WINDING 8u /* one cut in so many winds around the middle, where there is room for it */

struct rect {
    uint32_t from, to, low, high; /* time; grains */
    uint64_t weight;              /* the heaviest is cut next */
};

/* Pieces that may be cut are a heap at the front; those that are a single cell stand at the end. */
struct board {
    struct rect *rects;
    uint32_t n_heap, n_cells, room;
    uint64_t length; /* of time */
    struct rng rng;
};

static uint32_t rect_wide(const struct rect *r)
{
    return r->to - r->from;
}

static uint32_t rect_tall(const struct rect *r)
{
    return r->high - r->low;
}

static void board_push(struct board *board, struct rect r)
{
    r.weight = (uint64_t)rect_wide(&r) * rect_tall(&r) * (300 + rng_below(&board->rng, 701));
    uint32_t at = board->n_heap++;
    for (; at > 0 && board->rects[(at - 1) / 2].weight < r.weight; at = (at - 1) / 2)
        board->rects[at] = board->rects[(at - 1) / 2];
    board->rects[at] = r;
}

static struct rect board_pop(struct board *board)
{
    struct rect *rects = board->rects, top = rects[0], last = rects[--board->n_heap];
    uint32_t at = 0, n = board->n_heap;
    for (uint32_t child = 1; child < n; child = 2 * at + 1) {
        child += child + 1 < n && rects[child + 1].weight > rects[child].weight;
        if (rects[child].weight <= last.weight)
            break;
        rects[at] = rects[child];
        at = child;
    }
    rects[at] = last;
    return top;
}

/* Somewhere from `low` to `high` tenths of [from, to), one off each end at least; to - from is at least 2. */
static uint32_t somewhere(struct rng *rng, uint32_t from, uint32_t to, unsigned low, unsigned high)
{
    uint64_t len = to - from;
    uint64_t at = len * low / 10 + rng_below(rng, len * (high - low) / 10 + 1);
    return from + (uint32_t)min_u64(max_u64(at, 1), len - 1);
}

static void cut_straight(struct board *board, struct rect r)
{
    struct rect a = r, b = r;
    uint64_t across = rect_wide(&r) * (uint64_t)TALL, along = rect_tall(&r) * board->length;
    bool in_time = rect_tall(&r) < 2 || (rect_wide(&r) >= 2 && rng_below(&board->rng, across + along) < across);
    if (in_time)
        a.to = b.from = somewhere(&board->rng, r.from, r.to, 2, 8);
    else
        a.high = b.low = somewhere(&board->rng, r.low, r.high, 2, 8);
    board_push(board, a);
    board_push(board, b);
}

/* Into five: four along the edges, each from one corner to short of the next, and what they leave in the middle. */
static void cut_winding(struct board *board, struct rect r)
{
    struct rng *rng = &board->rng;
    uint32_t t = somewhere(rng, r.from, r.to - 1, 2, 5), u = somewhere(rng, t, r.to, 3, 7);
    uint32_t y = somewhere(rng, r.low, r.high - 1, 2, 5), z = somewhere(rng, y, r.high, 3, 7);
    bool left = rng_below(rng, 2);
    struct rect pieces[] = {
        { .from = r.from, .to = u, .low = r.low, .high = y }, { .from = u, .to = r.to, .low = r.low, .high = z },
        { .from = t, .to = r.to, .low = z, .high = r.high },  { .from = r.from, .to = t, .low = y, .high = r.high },
        { .from = t, .to = u, .low = y, .high = z },
    };
    for (int i = 0; i < 5; i++) {
        struct rect piece = pieces[i];
        if (left) { /* seen from behind */
            piece.from = r.from + (r.to - pieces[i].to);
            piece.to = r.from + (r.to - pieces[i].from);
        }
        board_push(board, piece);
    }
}

static void cut_up(struct board *board, uint32_t n_pieces)
{
    board_push(board, (struct rect){ .to = (uint32_t)board->length, .high = TALL });
    while (board->n_heap + board->n_cells < n_pieces) {
        struct rect r = board_pop(board);
        uint32_t wide = rect_wide(&r), tall = rect_tall(&r), left = n_pieces - board->n_heap - board->n_cells;
        if (wide < 2 && tall < 2)
            board->rects[board->room - ++board->n_cells] = r;
        else if (wide > 2 && tall > 2 && left >= 5 && rng_below(&board->rng, WINDING) == 0)
            cut_winding(board, r);
        else
            cut_straight(board, r);
    }
}

static void shuffle(struct rect *rects, uint32_t n, struct rng *rng)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)rng_below(rng, i);
        struct rect r = rects[i - 1];
        rects[i - 1] = rects[j];
        rects[j] = r;
    }
}

static void take_pieces(struct board *board, uint64_t align, struct generated *made)
{
    for (uint32_t i = 0; i < made->n; i++) {
        const struct rect *r = &board->rects[i];
        uint64_t place = (uint64_t)r->low * GEN_GRAIN;
        made->at[i] = (struct ga_interval){
            .size = (uint64_t)rect_tall(r) * GEN_GRAIN,
            .birth = r->from,
            .death = r->to,
        };
        if (align > 1 && rng_below(&board->rng, 2))
            made->at[i].align = place ? min_u64(align, (uint64_t)1 << low_bit(place)) : align;
        made->places[i] = place;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The longest lives, of equal ones the first; `keys` has room for one each. */
static void fix_longest(struct generated *made, uint32_t n_fixed, uint64_t *keys)
{
    for (uint32_t i = 0; i < made->n; i++)
        keys[i] = (UINT32_MAX - (made->at[i].death - made->at[i].birth)) << 32 | i;
    qsort(keys, made->n, sizeof *keys, by_value);
    for (uint32_t k = 0; k < n_fixed && k < made->n; k++) {
        uint32_t i = (uint32_t)keys[k];
        made->at[i].fixed = 1 + made->places[i];
    }
}

enum ga_status gai_gen_perfect(const struct ga_mem *mem, const struct gen_perfect *wish, struct generated *made)
{
    uint32_t n = wish->n_pieces;
    struct board board = { .room = n, .length = (uint64_t)n * TIME_PER_PIECE, .rng = { wish->seed } };
    struct generated out = { .room = n };
    board.rects = mem_new_raw(mem, struct rect, n);
    uint64_t *keys = mem_new_raw(mem, uint64_t, n);
    out.at = mem_new_raw(mem, struct ga_interval, n);
    out.places = mem_new_raw(mem, uint64_t, n);
    bool ok = board.rects && keys && out.at && out.places;
    if (ok) {
        cut_up(&board, n);
        shuffle(board.rects, n, &board.rng);
        out.n = n - (uint32_t)((uint64_t)n * wish->drop / GEN_WHOLE);
        take_pieces(&board, wish->align, &out);
        fix_longest(&out, wish->n_fixed, keys);
        *made = out;
    } else {
        gai_generated_fini(mem, &out);
    }
    mem_free(mem, keys, n);
    mem_free(mem, board.rects, n);
    return ok ? GA_OK : GA_NO_MEMORY;
}
