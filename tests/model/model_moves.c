/*
 * Random moves of turns in random programs, each tried, kept or dropped: what lives at each place, compared with the same order added
 * up anew; and the slack, compared with what stands in the way.  Then what leads down from a peak, and home, by such moves.
 */
#include "order/home.h"
#include "order/slide.h"

#include "model/toy.h"

#include <criterion/criterion.h>
#include <string.h>

#define PROGRAMS 150
#define MOVES 60

struct trial {
    struct turns turns;
    struct freedom freedom;
    struct moves moves;
    struct tally tally;
    uint32_t order[TOY_NODES]; /* with what is tried */
    uint64_t most[TOY_POOLS];
    uint32_t n_most[TOY_POOLS];
    uint64_t peaks[TOY_POOLS];
};

static void move(uint32_t *order, uint32_t from, uint32_t to)
{
    uint32_t moved = order[from], step = from < to ? 1 : UINT32_MAX;
    for (; from != to; from += step)
        order[from] = order[from + step];
    order[to] = moved;
}

static void expect_height(struct trial *t, uint32_t turn, unsigned pool, uint64_t want)
{
    uint64_t height = gai_heights_at(&t->moves.heights[pool], t->moves.place[turn]);
    cr_assert_eq(height, want, "turn %u has %u, not %u", (unsigned)turn, (unsigned)want, (unsigned)height);
    t->n_most[pool] = want > t->most[pool] ? 0 : t->n_most[pool];
    t->most[pool] = want > t->most[pool] ? want : t->most[pool];
    t->n_most[pool] += want == t->most[pool];
}

static void expect_heights(struct trial *t)
{
    gai_tally_reset(&t->tally, t->peaks);
    memset(t->most, 0, sizeof t->most);
    memset(t->n_most, 0, sizeof t->n_most);
    for (uint32_t at = 0; at < t->turns.n_turns; at++) {
        memcpy(t->peaks, t->tally.live, t->turns.n_pools * sizeof *t->peaks);
        gai_tally_run(&t->tally, t->order[at], t->peaks);
        for (unsigned pool = 0; pool < t->turns.n_pools; pool++)
            expect_height(t, t->order[at], pool, t->peaks[pool]);
    }
    for (unsigned pool = 0; pool < t->turns.n_pools; pool++) {
        cr_assert_eq(gai_heights_most(&t->moves.heights[pool]), t->most[pool]);
        cr_assert_eq(gai_heights_n_most(&t->moves.heights[pool]), t->n_most[pool]);
    }
}

static bool is_in_reach(const struct trial *t, uint32_t turn, uint32_t place)
{
    return (turn > place ? turn - place : place - turn) <= t->freedom.reach;
}

/* Whether two neighbours may change places. */
static bool may_pass(const struct trial *t, uint32_t at)
{
    const struct turns *turns = &t->turns;
    uint32_t a = t->order[at], b = t->order[at + 1];
    for (uint32_t i = turns->of[b].before; i < turns->of[b + 1].before; i++)
        if (turns->befores[i] == a)
            return false;
    bool takes_turns = turns->of[a].computes && turns->of[b].computes && turns->of[a].pool != turns->of[b].pool;
    return (t->freedom.mixes_pools || !takes_turns) && is_in_reach(t, a, at + 1) && is_in_reach(t, b, at);
}

static void expect_slack(struct trial *t, uint32_t turn, uint32_t *first, uint32_t *last)
{
    uint32_t at = t->moves.place[turn], low = at, high = at;
    uint32_t kept[TOY_NODES];
    memcpy(kept, t->order, sizeof kept);
    for (; low > 0 && may_pass(t, low - 1); low--)
        move(t->order, low, low - 1);
    memcpy(t->order, kept, sizeof kept);
    for (; high + 1 < t->turns.n_turns && may_pass(t, high); high++)
        move(t->order, high, high + 1);
    memcpy(t->order, kept, sizeof kept);
    gai_moves_slack(&t->moves, turn, first, last);
    cr_assert(*first == low && *last == high, "turn %u may move to %u .. %u, not %u .. %u", (unsigned)turn, (unsigned)low,
              (unsigned)high, (unsigned)*first, (unsigned)*last);
}

static void traffic(struct trial *t, struct rng *rng, uint32_t *n_moved)
{
    for (int i = 0; i < MOVES; i++) {
        uint32_t turn = (uint32_t)rng_below(rng, t->turns.n_turns), first, last;
        expect_slack(t, turn, &first, &last);
        uint32_t from = t->moves.place[turn], to = first + (uint32_t)rng_below(rng, last - first + 1);
        if (to == from)
            continue;
        gai_moves_try(&t->moves, turn, to);
        move(t->order, from, to);
        expect_heights(t);
        if (rng_below(rng, 3) == 0) {
            gai_moves_keep(&t->moves);
        } else {
            gai_moves_drop(&t->moves);
            move(t->order, to, from);
        }
        cr_assert_eq(memcmp(t->order, t->moves.order, t->turns.n_turns * sizeof *t->order), 0);
        expect_heights(t);
        ++*n_moved;
    }
}

static void start(struct trial *t, ga_graph *graph, uint64_t seed)
{
    static struct toy toy;
    uint64_t aligns[TOY_POOLS] = { 1, 1 };
    char why[200];
    toy_make(&toy, seed);
    ga_graph_clear(graph);
    cr_assert_eq(toy_feed(&toy, graph), GA_OK);
    cr_assert_eq(gai_turns(graph, aligns, &t->turns, why, sizeof why), GA_OK, "%s", why);
    for (uint32_t at = 0; at < t->turns.n_turns; at++)
        t->order[at] = at;
    cr_assert(gai_moves_init(&t->moves, &t->turns, &t->freedom) && gai_tally_init(&t->tally, &t->turns));
    gai_moves_load(&t->moves, t->order);
}

static void stop(struct trial *t)
{
    gai_moves_fini(&t->moves);
    gai_tally_fini(&t->tally);
    gai_turns_fini(&t->turns);
}

Test(moves, keep_what_lives_up_to_date)
{
    static struct trial t;
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t n_moved = 0;
    for (uint64_t seed = 0; seed < PROGRAMS; seed++) {
        struct rng rng = { seed };
        t.freedom.reach = rng_below(&rng, 2) ? UINT32_MAX : 1 + (uint32_t)rng_below(&rng, 8);
        t.freedom.mixes_pools = rng_below(&rng, 2);
        start(&t, graph, seed);
        expect_heights(&t);
        if (t.turns.n_turns)
            traffic(&t, &rng, &n_moved);
        stop(&t);
    }
    cr_assert_gt(n_moved, 1000, "only %u moves", (unsigned)n_moved);
    ga_graph_delete(graph);
}

/* Anywhere, as far as links allow. */
static void shuffle(struct trial *t, struct rng *rng)
{
    for (int i = 0; i < MOVES; i++) {
        uint32_t turn = (uint32_t)rng_below(rng, t->turns.n_turns), first, last;
        gai_moves_slack(&t->moves, turn, &first, &last);
        uint32_t to = first + (uint32_t)rng_below(rng, last - first + 1);
        if (to == t->moves.place[turn])
            continue;
        gai_moves_try(&t->moves, turn, to);
        gai_moves_keep(&t->moves);
    }
    memcpy(t->order, t->moves.order, t->turns.n_turns * sizeof *t->order);
}

/* Into `most`: the peaks of the order. */
static void measure(struct trial *t, uint64_t *most)
{
    gai_tally_reset(&t->tally, most);
    for (uint32_t at = 0; at < t->turns.n_turns; at++)
        gai_tally_run(&t->tally, t->order[at], most);
}

static void expect_legal(const struct trial *t)
{
    uint32_t place[TOY_NODES];
    for (uint32_t at = 0; at < t->turns.n_turns; at++)
        place[t->order[at]] = at;
    for (uint32_t turn = 0; turn < t->turns.n_turns; turn++)
        for (uint32_t i = t->turns.of[turn].before; i < t->turns.of[turn + 1].before; i++)
            cr_assert_lt(place[t->turns.befores[i]], place[turn]);
}

Test(moves, lead_down_from_a_peak)
{
    static struct trial t;
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t n_lower = 0;
    for (uint64_t seed = 0; seed < PROGRAMS; seed++) {
        struct rng rng = { seed };
        struct slide slide;
        uint64_t before[TOY_POOLS], after[TOY_POOLS];
        t.freedom = (struct freedom){ UINT32_MAX, true };
        start(&t, graph, seed);
        if (t.turns.n_turns)
            shuffle(&t, &rng);
        measure(&t, before);
        cr_assert(gai_slide_init(&slide, &t.turns, &t.freedom));
        bool is_lower = gai_slide(&slide, t.order, 0, before, 10000);
        measure(&t, after);
        expect_legal(&t);
        for (unsigned pool = 1; pool < t.turns.n_pools; pool++)
            cr_assert_leq(after[pool], before[pool]);
        cr_assert(is_lower ? after[0] < before[0] : after[0] == before[0], "program %u", (unsigned)seed);
        n_lower += is_lower;
        gai_slide_fini(&slide);
        stop(&t);
    }
    cr_assert_gt(n_lower, PROGRAMS / 4, "only %u", (unsigned)n_lower);
    ga_graph_delete(graph);
}

Test(moves, lead_home_where_limits_allow)
{
    static struct trial t;
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t n_far = 0;
    for (uint64_t seed = 0; seed < PROGRAMS; seed++) {
        struct rng rng = { seed };
        uint64_t given[TOY_POOLS], limits[TOY_POOLS], after[TOY_POOLS];
        t.freedom = (struct freedom){ UINT32_MAX, true };
        start(&t, graph, seed);
        measure(&t, given);
        if (t.turns.n_turns)
            shuffle(&t, &rng);
        measure(&t, limits);
        cr_assert(gai_home(&t.turns, &t.freedom, limits, 20000, t.order));
        measure(&t, after);
        expect_legal(&t);
        for (unsigned pool = 0; pool < t.turns.n_pools; pool++) {
            cr_assert_leq(after[pool], limits[pool], "program %u", (unsigned)seed);
            limits[pool] = UINT64_MAX;
        }
        cr_assert(gai_home(&t.turns, &t.freedom, limits, 20000, t.order));
        for (uint32_t at = 0; at < t.turns.n_turns; at++)
            cr_assert_eq(t.order[at], at, "program %u: turn %u is not at home", (unsigned)seed, (unsigned)t.order[at]);
        n_far += given[0] > after[0];
        stop(&t);
    }
    cr_assert_gt(n_far, 0, "no limit kept anybody from home");
    ga_graph_delete(graph);
}
