/*
 * Pieces of chunks beside a list that is searched from end to end.
 */
#include <criterion/criterion.h>

#include "base/rng.h"
#include "plan/pieces.h"
#include "support.h"

enum { PLACES = 3, LEN = 40, EDGES = PLACES * (LEN + 1) };

static struct piece list[EDGES];
static uint32_t n_list;

static bool slow_meets(const struct piece *a, const struct piece *b)
{
    return a->place == b->place && a->at < b->end && b->at < a->end;
}

static uint32_t count_hits(const struct piece *piece)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_list; i++)
        n += slow_meets(&list[i], piece);
    return n;
}

static void forget(ga_id id)
{
    for (uint32_t i = 0; i < n_list; i++)
        if (list[i].id == id) {
            list[i] = list[--n_list];
            return;
        }
    cr_assert(false, "took out %u, which was not in", id);
}

static struct piece any_piece(struct rng *rng, ga_id id)
{
    uint64_t at = rng_below(rng, LEN), len = 1 + rng_below(rng, LEN - at);
    return (struct piece){ .at = at, .end = at + len, .place = (uint32_t)rng_below(rng, PLACES) << 16, .id = id };
}

/* All that meet a newcomer are taken out, each once, and nothing else is. */
static void come(struct pieces *pieces, const struct piece *piece)
{
    struct piece taken;
    for (uint32_t n = count_hits(piece); n > 0; n--) {
        cr_assert(gai_pieces_take(pieces, piece, &taken));
        cr_assert(slow_meets(&taken, piece));
        forget(taken.id);
    }
    cr_assert(!gai_pieces_take(pieces, piece, &taken));
    gai_pieces_put(pieces, piece);
    list[n_list++] = *piece;
}

Test(pieces, survive_random_traffic)
{
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct rng rng = { seed };
        struct pieces pieces;
        cr_assert(gai_pieces_init(&pieces, &env.mem, 2 * EDGES));
        for (uint32_t i = 0; i < 2 * EDGES; i++) /* each twice, in any order */
            gai_pieces_edge(&pieces, (i * 7 % EDGES) / (LEN + 1) << 16, i * 7 % EDGES % (LEN + 1));
        gai_pieces_sort(&pieces);
        cr_assert_eq(pieces.n_edges, EDGES);
        n_list = 0;
        for (ga_id id = 1; id < 100; id++) {
            struct piece piece = any_piece(&rng, id);
            come(&pieces, &piece);
        }
        gai_pieces_fini(&pieces, &env.mem);
    }
    cr_assert(mem.blocks == 0 && !mem.lied);
}

Test(pieces, are_nothing_without_memory)
{
    for (uint64_t at = 1; at <= 3; at++) {
        struct test_mem mem = { .fail_at = at };
        struct ga_env env = test_env(&mem);
        struct pieces pieces;
        cr_assert(!gai_pieces_init(&pieces, &env.mem, 8));
        gai_pieces_fini(&pieces, &env.mem);
        cr_assert_eq(mem.blocks, 0);
    }
}
