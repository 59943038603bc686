/*
 * Placements of random problems against what is obvious and slow: every pair of items compared, every offset tried.
 */
#include "place/place.h"
#include "place/skyline.h"

#include "base/bits.h"
#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

#define MAX_ITEMS 48
#define MAX_POOLS 3

struct made {
    struct item items[MAX_ITEMS + 1];
    struct edge edges[2 * MAX_ITEMS];
    struct pool_limits pools[MAX_POOLS];
    struct problem problem;
};

static struct ga_env env_of_libc(void)
{
    return gai_env(NULL);
}

static bool is_source(const struct made *made, uint32_t j)
{
    for (uint32_t e = 0; e < made->problem.n_edges; e++)
        if (made->edges[e].from == j)
            return true;
    return false;
}

/*
 * Up to two sources that die as the item is born; the first is ggml's where nothing is cut off in front.  Those of one step only,
 * and those with several heirs, are left out where the problem is to be like a graph.
 */
static void add_edges(struct made *made, struct rng *rng, uint32_t i, bool like_graph)
{
    struct problem *problem = &made->problem;
    struct item *item = &made->items[i];
    for (uint32_t j = 0; j < i && problem->n_edges < item->edge + 2; j++) {
        const struct item *from = &made->items[j];
        if (from->pool != item->pool || from->death != item->birth + 1 || from->size < item->size || rng_below(rng, 4) == 0)
            continue;
        if (like_graph && (from->birth == item->birth || is_source(made, j)))
            continue;
        uint64_t unit = (uint64_t)1 << item->align_log2, room = (from->size - item->size) / unit;
        uint64_t delta = rng_below(rng, 3) == 0 ? unit * rng_below(rng, room + 1) : 0;
        bool eager = delta == 0 && problem->n_edges == item->edge && rng_below(rng, 3) > 0;
        made->edges[problem->n_edges++] = (struct edge){ .delta = delta, .from = j, .eager = eager };
    }
}

/* Births in order, sizes and alignments in units of the pool's, one or more pools, with and without chunk limits. */
static void make_problem(struct made *made, struct rng *rng, uint32_t n, bool simple, bool like_graph)
{
    uint32_t n_steps = 2 + (uint32_t)rng_below(rng, n + 4), birth = 0;
    unsigned n_pools = simple ? 1 : 1 + (unsigned)rng_below(rng, MAX_POOLS);
    bool mixed = !simple && rng_below(rng, 4) == 0;
    *made = (struct made){ .problem = { .items = made->items, .edges = made->edges, .pools = made->pools } };
    for (unsigned p = 0; p < n_pools; p++) {
        made->pools[p].align_log2 = simple ? 0 : (uint8_t)rng_below(rng, 4);
        uint64_t limit = (1 + rng_below(rng, 30)) << made->pools[p].align_log2;
        made->pools[p].chunk_max = simple || rng_below(rng, 3) ? UINT64_MAX : limit;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct item *item = &made->items[i];
        if (birth + 2 < n_steps && rng_below(rng, 2))
            birth += 1 + (uint32_t)rng_below(rng, 2);
        uint32_t left = n_steps - birth, life = rng_below(rng, 3) ? (left < 3 ? left : 3) : left;
        item->birth = birth;
        item->death = birth + 1 + (uint32_t)rng_below(rng, life);
        item->pool = (uint16_t)rng_below(rng, n_pools);
        item->align_log2 = mixed ? (uint8_t)rng_below(rng, 6) : made->pools[item->pool].align_log2;
        item->size = (1 + rng_below(rng, simple ? 4 : 12)) << made->pools[item->pool].align_log2;
        item->edge = made->problem.n_edges;
        add_edges(made, rng, i, like_graph);
    }
    made->items[n].edge = made->problem.n_edges;
    made->problem.n_items = n;
    made->problem.n_steps = n_steps;
    made->problem.n_pools = n_pools;
}

/* Whether item `heir` sits on `from` by right of an edge. */
static bool is_joined(const struct problem *problem, const struct spot *spots, uint32_t heir, uint32_t from)
{
    const struct item *item = &problem->items[heir];
    for (uint32_t e = item[0].edge; e < item[1].edge; e++)
        if (problem->edges[e].from == from && spots[heir].offset == spots[from].offset + problem->edges[e].delta)
            return true;
    return false;
}

static bool collide(const struct problem *problem, const struct spot *spots, uint32_t i, uint32_t j)
{
    const struct item *a = &problem->items[i], *b = &problem->items[j];
    return a->pool == b->pool && a->birth < b->death && b->birth < a->death && spots[i].chunk == spots[j].chunk &&
           spots[i].offset < spots[j].offset + b->size && spots[j].offset < spots[i].offset + a->size;
}

/* Within the limit, or as long as an item in it; the sixteenth of sixteen may be of any length. */
static bool is_chunk_sound(const struct problem *problem, const struct answer *answer, unsigned p, uint32_t chunk)
{
    const struct pool_answer *pool = &answer->pools[p];
    bool sound = pool->chunks[chunk] <= problem->pools[p].chunk_max || (chunk == 15 && pool->n_chunks == 16);
    for (uint32_t i = 0; i < problem->n_items; i++)
        sound |= problem->items[i].pool == p && answer->spots[i].chunk == chunk && problem->items[i].size == pool->chunks[chunk];
    return sound;
}

/* The rules, pair by pair. */
static bool is_sound(const struct problem *problem, const struct answer *answer)
{
    for (unsigned p = 0; p < problem->n_pools; p++)
        for (uint32_t c = 0; c < answer->pools[p].n_chunks; c++)
            if (!is_chunk_sound(problem, answer, p, c))
                return false;
    for (uint32_t i = 0; i < problem->n_items; i++) {
        const struct item *item = &problem->items[i];
        const struct pool_answer *pool = &answer->pools[item->pool];
        const struct spot *spot = &answer->spots[i];
        uint32_t heirs = 0;
        if (spot->chunk >= pool->n_chunks || (item->fixed && spot->chunk > 0) ||
            spot->offset + item->size > pool->chunks[spot->chunk])
            return false;
        uint64_t align = max_u64((uint64_t)1 << item->align_log2, (uint64_t)1 << problem->pools[item->pool].align_log2);
        if (spot->offset % align != 0 || (item->fixed && spot->offset != item->fixed - 1))
            return false;
        for (uint32_t j = 0; j < problem->n_items; j++) {
            bool joined = i < j && collide(problem, answer->spots, i, j) && is_joined(problem, answer->spots, j, i);
            heirs += joined;
            if (i < j && collide(problem, answer->spots, i, j) && !joined)
                return false;
        }
        if (heirs > 1)
            return false;
    }
    return true;
}

static bool is_over(const struct problem *problem, const struct answer *answer)
{
    for (unsigned p = 0; p < problem->n_pools; p++)
        if (answer->pools[p].n_chunks == 16 && answer->pools[p].chunks[15] > problem->pools[p].chunk_max)
            return true;
    return false;
}

static uint64_t total(const struct answer *answer)
{
    uint64_t sum = 0;
    for (unsigned p = 0; p < answer->n_pools; p++)
        sum += answer->pools[p].peak;
    return sum;
}

/* Somewhere else, or somewhere else and in another chunk: the judge and the pairs must agree about it. */
static void move_one(const struct problem *problem, struct answer *answer, struct rng *rng)
{
    uint32_t i = (uint32_t)rng_below(rng, problem->n_items), j = (uint32_t)rng_below(rng, problem->n_items);
    const struct item *item = &problem->items[i];
    struct pool_answer *pool = &answer->pools[item->pool];
    struct spot *spot = &answer->spots[i];
    if (item->pool == problem->items[j].pool && rng_below(rng, 2)) {
        *spot = answer->spots[j];
        return;
    }
    spot->chunk = (uint16_t)rng_below(rng, pool->n_chunks);
    spot->offset = rng_below(rng, pool->chunks[spot->chunk]) >> item->align_log2 << item->align_log2;
}

static void expect_judged(const struct ga_mem *mem, const struct problem *problem, struct answer *answer, struct rng *rng,
                          unsigned *n_refused)
{
    uint32_t a, b;
    const char *fault = gai_place_check(mem, problem, answer, &a, &b);
    cr_assert_null(fault, "%s: %u and %u", fault, a, b);
    cr_assert(is_sound(problem, answer));
    for (int k = 0; k < 4; k++) {
        move_one(problem, answer, rng);
        fault = gai_place_check(mem, problem, answer, NULL, NULL);
        cr_assert_eq(fault == NULL, is_sound(problem, answer), "the judge says %s", fault ? fault : "nothing");
        *n_refused += fault != NULL;
    }
}

#define SOME_STEPS 4000u /* enough for search to move something, and for prove to prove most of these */

static void expect_all_rungs(const struct ga_mem *mem, const struct made *made, struct rng *rng, unsigned *n_refused)
{
    uint64_t before = UINT64_MAX;
    for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_PROVE; effort++) {
        struct place_opts opts = { .effort = (enum ga_effort)effort, .steps = SOME_STEPS };
        struct answer answer;
        cr_assert_eq(gai_place_solve(mem, &made->problem, &opts, &answer), GA_OK);
        cr_assert_leq(total(&answer), before, "effort %d is worse than the one before", effort);
        before = is_over(&made->problem, &answer) ? UINT64_MAX : total(&answer);
        expect_judged(mem, &made->problem, &answer, rng, n_refused);
        gai_answer_fini(mem, &answer);
    }
}

/* Some items are nailed where a former answer put them, in pools without chunks. */
static void fix_some(const struct ga_mem *mem, struct made *made, struct rng *rng)
{
    struct place_opts opts = { .effort = rng_below(rng, 2) ? GA_EFFORT_QUICK : GA_EFFORT_NONE };
    struct answer answer;
    cr_assert_eq(gai_place_solve(mem, &made->problem, &opts, &answer), GA_OK);
    for (uint32_t i = 0; i < made->problem.n_items; i++) {
        struct item *item = &made->items[i];
        if (made->pools[item->pool].chunk_max == UINT64_MAX && rng_below(rng, 4) == 0)
            item->fixed = 1 + answer.spots[i].offset;
    }
    gai_answer_fini(mem, &answer);
}

Test(place, never_climbs_to_a_worse_or_an_unsound_answer)
{
    struct ga_env env = env_of_libc();
    struct rng rng = { 1 };
    unsigned n_refused = 0;
    for (int k = 0; k < 10000; k++) {
        struct made made;
        make_problem(&made, &rng, 1 + (uint32_t)rng_below(&rng, k % 10 ? 14 : MAX_ITEMS), false, false);
        if (k % 5 == 0)
            fix_some(&env.mem, &made, &rng);
        expect_all_rungs(&env.mem, &made, &rng, &n_refused);
    }
    cr_assert_gt(n_refused, 10000, "too few moved items collide for the judge to be tested");
}

/* Every offset for every item, below `limit`. */
static bool fits_below(const struct problem *problem, struct answer *answer, uint32_t i, uint64_t limit)
{
    if (i == problem->n_items)
        return is_sound(problem, answer);
    for (uint64_t offset = 0; offset + problem->items[i].size <= limit; offset++) {
        answer->spots[i] = (struct spot){ .offset = offset };
        bool free = true;
        for (uint32_t j = 0; j < i && free; j++)
            free = !collide(problem, answer->spots, i, j) || is_joined(problem, answer->spots, i, j);
        if (free && fits_below(problem, answer, i + 1, limit))
            return true;
    }
    return false;
}

static uint64_t find_optimum(const struct problem *problem, uint64_t peak)
{
    struct spot spots[MAX_ITEMS];
    uint64_t chunk = UINT64_MAX;
    struct pool_answer pool = { .chunks = &chunk, .n_chunks = 1 };
    struct answer answer = { .spots = spots, .pools = &pool, .n_spots = problem->n_items, .n_pools = 1 };
    while (fits_below(problem, &answer, 0, peak - 1))
        peak--;
    return peak;
}

Test(place, is_near_what_exhaustive_search_finds)
{
    struct ga_env env = env_of_libc();
    struct rng rng = { 2 };
    unsigned n_best = 0, n_tight = 0, n_tried = 2000; /* as many again with chains within a step, and heirs that compete */
    for (unsigned k = 0; k < 2 * n_tried; k++) {
        struct made made;
        struct place_opts opts = { .effort = GA_EFFORT_QUICK };
        struct answer answer;
        make_problem(&made, &rng, 2 + (uint32_t)rng_below(&rng, 6), true, k % 2);
        cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &answer), GA_OK);
        uint64_t peak = answer.pools[0].peak, bound = answer.pools[0].bound, optimum = find_optimum(&made.problem, peak);
        cr_assert_leq(bound, optimum);
        n_best += k % 2 && peak == optimum;
        n_tight += k % 2 && bound == optimum;
        gai_answer_fini(&env.mem, &answer);
    }
    cr_assert_gt(n_best, n_tried * 99 / 100, "only %u of %u are optimal", n_best, n_tried);
    cr_assert_gt(n_tight, n_tried * 99 / 100, "only %u of %u bounds are reached", n_tight, n_tried);
}

/*
 * A fixed item in a step of its own makes quick take the heap instead of the valleys, and concerns nobody else: LOW is LOW, unless
 * a bent unit hangs over a wall.  Online sets the fixed bytes aside, so only answers of quick can be compared.
 */
Test(place, fills_valleys_with_what_the_heap_would_place)
{
    struct ga_env env = env_of_libc();
    struct rng rng = { 4 };
    unsigned n_compared = 0;
    for (int k = 0; k < 3000; k++) {
        struct made made;
        struct place_opts opts = { .effort = GA_EFFORT_QUICK };
        struct answer valleys, heap;
        make_problem(&made, &rng, 10 + (uint32_t)rng_below(&rng, MAX_ITEMS - 11), true, true);
        struct problem *problem = &made.problem;
        for (uint32_t i = 0; i <= problem->n_items; i++)
            made.items[i].edge = 0;
        problem->n_edges = 0;
        cr_assert_eq(gai_place_solve(&env.mem, problem, &opts, &valleys), GA_OK);
        uint32_t step = problem->n_steps++;
        made.items[problem->n_items++] = (struct item){ .size = 1, .fixed = 1, .birth = step, .death = step + 1 };
        made.items[problem->n_items] = (struct item){ 0 };
        cr_assert_eq(gai_place_solve(&env.mem, problem, &opts, &heap), GA_OK);
        if (valleys.pools[0].reached == GA_EFFORT_QUICK && heap.pools[0].reached == GA_EFFORT_QUICK) {
            cr_assert_eq(valleys.pools[0].peak, heap.pools[0].peak);
            n_compared++;
        }
        gai_answer_fini(&env.mem, &valleys);
        gai_answer_fini(&env.mem, &heap);
    }
    cr_assert_gt(n_compared, 500);
}

Test(place, gives_one_answer_for_one_problem)
{
    struct ga_env env = env_of_libc();
    struct rng rng = { 3 };
    for (int k = 0; k < 200; k++) {
        struct made made;
        struct place_opts opts = { .effort = GA_EFFORT_QUICK };
        struct answer first, second;
        struct test_mem poison = { 0 }; /* fills fresh memory with noise, at other addresses */
        struct ga_env other = test_env(&poison);
        make_problem(&made, &rng, 1 + (uint32_t)rng_below(&rng, MAX_ITEMS), false, false);
        cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &first), GA_OK);
        cr_assert_eq(gai_place_solve(&other.mem, &made.problem, &opts, &second), GA_OK);
        for (uint32_t i = 0; i < made.problem.n_items; i++)
            cr_assert(first.spots[i].offset == second.spots[i].offset && first.spots[i].chunk == second.spots[i].chunk);
        gai_answer_fini(&env.mem, &first);
        gai_answer_fini(&other.mem, &second);
        cr_assert(poison.blocks == 0 && !poison.lied);
    }
}

Test(skyline, is_what_an_array_would_say)
{
    struct rng rng = { 5 };
    static uint64_t tops[5000], words[6000];
    for (uint32_t n = 1; n < 5000; n = n * 3 / 2 + 1) {
        struct skyline sky;
        gai_skyline_init(&sky, words, n);
        gai_skyline_reset(&sky);
        cr_assert_eq(sky.n_words, gai_skyline_words(n));
        for (uint32_t s = 0; s < n; s++)
            tops[s] = sky.top[0][s] = rng_below(&rng, 50);
        gai_skyline_load(&sky, n);
        for (int k = 0; k < 2000; k++) {
            uint32_t from = (uint32_t)rng_below(&rng, n), life = (uint32_t)rng_below(&rng, rng_below(&rng, 2) ? n - from : 4);
            uint32_t to = n - from <= life ? n : from + life + 1;
            uint64_t top = 0;
            for (uint32_t s = from; s < to; s++)
                top = max_u64(top, tops[s]);
            cr_assert_eq(gai_skyline_top(&sky, from, to), top, "[%u, %u) of %u", from, to, n);
            if (rng_below(&rng, 2))
                continue;
            gai_skyline_raise(&sky, from, to, top + rng_below(&rng, 3));
            top = gai_skyline_top(&sky, from, to);
            for (uint32_t s = from; s < to; s++)
                tops[s] = top;
        }
    }
}
