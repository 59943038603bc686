#include "place/place.h"
#include "place/quick.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS 40

/* A problem of one pool with alignment 1, written down item by item. */
struct made {
    struct item items[MAX_ITEMS + 1];
    struct edge edges[MAX_ITEMS];
    struct pool_limits pools[2];
    struct problem problem;
};

static void begin(struct made *made)
{
    *made = (struct made){ .pools = { { .chunk_max = UINT64_MAX }, { .chunk_max = UINT64_MAX } } };
    made->problem = (struct problem){ .items = made->items, .edges = made->edges, .pools = made->pools, .n_pools = 1 };
}

static struct item *add(struct made *made, uint64_t size, uint32_t birth, uint32_t death)
{
    struct problem *problem = &made->problem;
    struct item *item = &made->items[problem->n_items++];
    *item = (struct item){ .size = size, .birth = birth, .death = death, .edge = problem->n_edges };
    item[1].edge = problem->n_edges;
    problem->n_steps = problem->n_steps < death ? death : problem->n_steps;
    return item;
}

/* Of the item added last. */
static void add_edge(struct made *made, uint32_t from, uint64_t delta, bool eager)
{
    made->edges[made->problem.n_edges++] = (struct edge){ .delta = delta, .from = from, .eager = eager };
    made->items[made->problem.n_items].edge = made->problem.n_edges;
}

static struct answer solve(const struct made *made, enum ga_effort effort)
{
    struct ga_env env = gai_env(NULL);
    struct answer answer = { 0 };
    struct place_opts opts = { .effort = effort };
    uint32_t a, b;
    cr_assert_eq(gai_place_solve(&env.mem, &made->problem, &opts, &answer), GA_OK);
    const char *fault = gai_place_check(&env.mem, &made->problem, &answer, &a, &b);
    cr_assert_null(fault, "%s: %u and %u", fault, a, b);
    return answer;
}

static void drop(struct answer *answer)
{
    struct ga_env env = gai_env(NULL);
    gai_answer_fini(&env.mem, answer);
}

static uint64_t peak_of(const struct made *made, enum ga_effort effort)
{
    struct answer answer = solve(made, effort);
    uint64_t peak = answer.pools[0].peak;
    drop(&answer);
    return peak;
}

static uint64_t bound_of(const struct made *made)
{
    struct answer answer = solve(made, GA_EFFORT_NONE);
    uint64_t bound = answer.pools[0].bound;
    drop(&answer);
    return bound;
}

static enum ga_status status_of(const struct made *made, enum ga_effort effort)
{
    struct ga_env env = gai_env(NULL);
    struct answer answer = { .n_spots = 77 };
    struct place_opts opts = { .effort = effort };
    enum ga_status status = gai_place_solve(&env.mem, &made->problem, &opts, &answer);
    if (status == GA_OK)
        gai_answer_fini(&env.mem, &answer);
    else
        cr_assert_eq(answer.n_spots, 77, "a failure touched the answer");
    return status;
}

/* Each item at the chunk and offset listed. */
static void expect_spots(const struct made *made, enum ga_effort effort, const struct spot *spots)
{
    struct answer answer = solve(made, effort);
    for (uint32_t i = 0; i < made->problem.n_items; i++)
        cr_assert(answer.spots[i].chunk == spots[i].chunk && answer.spots[i].offset == spots[i].offset,
                  "item %u is at %u:%u, not at %u:%u", i, answer.spots[i].chunk, (unsigned)answer.spots[i].offset, spots[i].chunk,
                  (unsigned)spots[i].offset);
    drop(&answer);
}

Test(place, of_nothing_is_nothing)
{
    struct made made;
    begin(&made);
    for (unsigned n_pools = 0; n_pools < 3; n_pools++) {
        made.problem.n_pools = n_pools;
        for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++) {
            struct answer answer = solve(&made, (enum ga_effort)effort);
            for (unsigned p = 0; p < n_pools; p++)
                cr_assert(answer.pools[p].peak == 0 && answer.pools[p].n_chunks == 0 && answer.pools[p].bound == 0);
            drop(&answer);
        }
    }
}

Test(place, bounds_by_the_live_sum_and_counts_an_heir_once)
{
    struct made made;
    begin(&made);
    add(&made, 10, 0, 2);
    add(&made, 7, 1, 3);
    cr_assert_eq(bound_of(&made), 17);
    add_edge(&made, 0, 3, false);
    cr_assert_eq(bound_of(&made), 10);
    add(&made, 9, 2, 4);
    struct answer answer = solve(&made, GA_EFFORT_NONE);
    cr_assert(answer.pools[0].bound == 16 && answer.pools[0].bound_step == 2);
    drop(&answer);
}

Test(place, bounds_chains_within_a_step_by_every_second_heir)
{
    struct made made;
    begin(&made);
    add(&made, 8, 0, 3);
    for (uint32_t k = 1; k < 5; k++) {
        add(&made, 8, 2, k < 4 ? 3 : 6);
        add_edge(&made, k - 1, 0, true);
    }
    cr_assert_eq(bound_of(&made), 24, "of five, the second and the fourth sit on those before them");
    cr_assert_eq(peak_of(&made, GA_EFFORT_QUICK), 24);
}

Test(place, tells_the_step_of_the_bound_in_each_pool)
{
    struct made made;
    begin(&made);
    made.problem.n_pools = 2;
    for (uint32_t k = 0; k < 30; k++)
        add(&made, 1, k, k + 1);
    add(&made, 5, 30, 40)->pool = 1;
    add(&made, 5, 37, 38)->pool = 1;
    struct answer answer = solve(&made, GA_EFFORT_QUICK);
    cr_assert(answer.pools[0].bound_step == 0 && answer.pools[1].bound_step == 37);
    drop(&answer);
}

Test(place, none_stacks_everything)
{
    struct made made;
    begin(&made);
    add(&made, 10, 0, 2);
    add(&made, 7, 1, 3);
    add_edge(&made, 0, 0, true);
    add(&made, 10, 5, 6);
    expect_spots(&made, GA_EFFORT_NONE, (struct spot[]){ { .offset = 0 }, { .offset = 10 }, { .offset = 17 } });
    made.pools[0].chunk_max = 17;
    expect_spots(&made, GA_EFFORT_NONE, (struct spot[]){ { .offset = 0 }, { .offset = 10 }, { .chunk = 1 } });
}

Test(place, online_takes_the_tightest_hole_and_of_equal_ones_the_highest)
{
    struct made made;
    begin(&made);
    add(&made, 8, 0, 1);
    add(&made, 1, 0, 9);
    add(&made, 4, 0, 1);
    add(&made, 1, 0, 9);
    add(&made, 4, 0, 1);
    add(&made, 1, 0, 9);
    add(&made, 3, 2, 9);
    add(&made, 4, 2, 9);
    add(&made, 9, 2, 9);
    expect_spots(&made, GA_EFFORT_ONLINE,
                 (struct spot[]){ { .offset = 0 },
                                  { .offset = 8 },
                                  { .offset = 9 },
                                  { .offset = 13 },
                                  { .offset = 14 },
                                  { .offset = 18 },
                                  { .offset = 14 },
                                  { .offset = 9 },
                                  { .offset = 19 } });
}

Test(place, online_lets_heirs_in_before_it_frees_and_frees_their_tails_after)
{
    struct made made;
    begin(&made);
    add(&made, 10, 0, 2);
    add(&made, 1, 0, 9);
    add(&made, 6, 1, 9);
    add_edge(&made, 0, 0, true);
    add(&made, 4, 1, 2); /* the tail is still live in this step */
    add(&made, 4, 2, 9);
    struct spot spots[] = { { .offset = 0 }, { .offset = 10 }, { .offset = 0 }, { .offset = 11 }, { .offset = 6 } };
    expect_spots(&made, GA_EFFORT_ONLINE, spots);
    made.edges[0].eager = false;
    struct answer answer = solve(&made, GA_EFFORT_ONLINE);
    cr_assert_eq(answer.spots[2].offset, 11, "an edge that ggml does not know was taken");
    drop(&answer);
}

Test(place, online_fills_chunks_as_ggml_does)
{
    struct made made;
    begin(&made);
    made.pools[0].chunk_max = 10;
    add(&made, 4, 0, 1);  /* 0:0 */
    add(&made, 4, 0, 9);  /* 0:4 */
    add(&made, 3, 0, 1);  /* 1:0, what is left of chunk 0 is too short */
    add(&made, 5, 0, 9);  /* 1:3 */
    add(&made, 25, 0, 9); /* 2:0, longer than the limit */
    add(&made, 3, 2, 9);  /* fits 0:0 and 1:0: the last chunk with a hole */
    add(&made, 2, 3, 9);  /* only 0:0 is left */
    add(&made, 2, 3, 9);
    add(&made, 2, 3, 9); /* both tails have room: the one that grows its chunk less, the first of equals */
    expect_spots(&made, GA_EFFORT_ONLINE,
                 (struct spot[]){ { .offset = 0 },
                                  { .offset = 4 },
                                  { .chunk = 1 },
                                  { .chunk = 1, .offset = 3 },
                                  { .chunk = 2 },
                                  { .chunk = 1 },
                                  { .offset = 0 },
                                  { .offset = 2 },
                                  { .offset = 8 } });
}

Test(place, online_has_sixteen_chunks_and_quick_as_many_as_needed)
{
    struct made made;
    begin(&made);
    made.pools[0].chunk_max = 10;
    for (int k = 0; k < 20; k++)
        add(&made, 9, 0, 2);
    struct answer online = solve(&made, GA_EFFORT_ONLINE), quick = solve(&made, GA_EFFORT_QUICK);
    cr_assert(online.pools[0].n_chunks == 16 && online.pools[0].chunks[15] == 45);
    cr_assert(quick.pools[0].n_chunks == 20 && quick.pools[0].peak == 180);
    drop(&online);
    drop(&quick);
}

Test(place, heeds_alignment_beyond_the_pools)
{
    struct made made;
    begin(&made);
    add(&made, 3, 0, 9);
    add(&made, 5, 0, 9)->align_log2 = 3;
    add(&made, 5, 0, 9);
    expect_spots(&made, GA_EFFORT_ONLINE, (struct spot[]){ { .offset = 0 }, { .offset = 8 }, { .offset = 3 } });
    add(&made, 8, 1, 9)->align_log2 = 4;
    add(&made, 3, 1, 9);
    for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++)
        cr_assert_geq(peak_of(&made, (enum ga_effort)effort), 24);
    cr_assert_eq(peak_of(&made, GA_EFFORT_QUICK), 24);
}

Test(place, leaves_fixed_items_where_they_are)
{
    struct made made;
    begin(&made);
    add(&made, 4, 0, 3);
    add(&made, 4, 0, 2)->fixed = 1 + 2;
    add(&made, 4, 2, 5)->fixed = 1 + 4;
    add(&made, 3, 2, 5);
    for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++) {
        struct answer answer = solve(&made, (enum ga_effort)effort);
        cr_assert(answer.spots[1].offset == 2 && answer.spots[2].offset == 4);
        cr_assert_geq(answer.pools[0].bound, 8);
        drop(&answer);
    }
    cr_assert_eq(peak_of(&made, GA_EFFORT_QUICK), 12);
    made.items[1].fixed = 1 + 100;
    cr_assert_eq(bound_of(&made), 104);
    made.items[1].fixed = 1 + 2;
    made.items[2].fixed = 1 + 5;
    made.items[1].death = 3;
    cr_assert_eq(status_of(&made, GA_EFFORT_QUICK), GA_INVALID, "two fixed items share bytes 5 and live in step 2");
    made.items[2].fixed = 1 + 6;
    cr_assert_eq(status_of(&made, GA_EFFORT_QUICK), GA_OK);
    made.items[2].align_log2 = 2;
    cr_assert_eq(status_of(&made, GA_EFFORT_QUICK), GA_INVALID, "6 is no multiple of 4");
    made.items[2].align_log2 = 0;
    made.pools[0].chunk_max = 9;
    cr_assert_eq(status_of(&made, GA_EFFORT_QUICK), GA_INVALID, "it lies across the end of the first chunk");
}

/* Online meets the sizes in the worst order: each new one is longer than every hole. */
static void make_growing(struct made *made)
{
    begin(made);
    for (uint32_t k = 0; k < 12; k++)
        add(made, 10 + k, k, k + 2);
}

Test(place, quick_reaches_the_bound_where_online_does_not)
{
    struct made made;
    make_growing(&made);
    uint64_t bound = bound_of(&made);
    cr_assert_gt(peak_of(&made, GA_EFFORT_ONLINE), bound);
    cr_assert_eq(peak_of(&made, GA_EFFORT_QUICK), bound);
    made.pools[0].capacity = peak_of(&made, GA_EFFORT_ONLINE);
    struct answer answer = solve(&made, GA_EFFORT_QUICK);
    cr_assert_eq(answer.pools[0].reached, GA_EFFORT_ONLINE, "it fits already");
    drop(&answer);
}

Test(place, quick_merges_heirs_and_bends_around_shorter_ones)
{
    struct made made;
    begin(&made);
    add(&made, 8, 0, 2);
    add(&made, 3, 1, 6);
    add_edge(&made, 0, 5, false);
    add(&made, 5, 2, 6);
    cr_assert_eq(bound_of(&made), 8);
    cr_assert_eq(peak_of(&made, GA_EFFORT_ONLINE), 11);
    /* The heir is at the far end of its source: what it leaves in front of it holds the third. */
    expect_spots(&made, GA_EFFORT_QUICK, (struct spot[]){ { .offset = 0 }, { .offset = 5 }, { .offset = 0 } });
}

Test(place, quick_keeps_heirs_apart_where_a_chain_would_block)
{
    struct made made;
    struct rng rng = { 5 };
    unsigned n_better = 0;
    /* Among random chains some are better apart: quick must never be worse than with its edges withheld. */
    for (int k = 0; k < 300; k++) {
        begin(&made);
        for (uint32_t i = 0; i < 20; i++) {
            add(&made, 1 + rng_below(&rng, 9), i, i + 2 + (uint32_t)rng_below(&rng, 4));
            for (uint32_t j = 0; j < i; j++)
                if (made.items[j].death == i + 1 && made.items[j].size >= made.items[i].size)
                    add_edge(&made, j, 0, made.items[i].edge == made.problem.n_edges);
        }
        uint64_t with = peak_of(&made, GA_EFFORT_QUICK);
        for (uint32_t i = 0; i <= made.problem.n_items; i++)
            made.items[i].edge = 0;
        made.problem.n_edges = 0;
        uint64_t without = peak_of(&made, GA_EFFORT_QUICK);
        cr_assert_leq(with, without);
        n_better += with < without;
    }
    cr_assert_gt(n_better, 0);
}

Test(place, quick_cuts_chunks_and_gives_long_items_their_own)
{
    struct made made;
    make_growing(&made);
    made.pools[0].chunk_max = 30;
    add(&made, 50, 13, 14);
    struct answer online = solve(&made, GA_EFFORT_ONLINE), quick = solve(&made, GA_EFFORT_QUICK);
    cr_assert_leq(quick.pools[0].peak, online.pools[0].peak);
    cr_assert_eq(quick.pools[0].peak, 50, "the long item's chunk holds all the others at other times");
    drop(&online);
    drop(&quick);
}

Test(place, quick_lets_the_short_end_of_a_bent_unit_hang_over_others)
{
    struct made made;
    begin(&made);
    made.pools[0].chunk_max = 8;
    add(&made, 8, 0, 2);
    add(&made, 4, 1, 4);
    add_edge(&made, 0, 4, false);
    add(&made, 4, 2, 30); /* ranks first: it lives longest */
    for (uint32_t k = 4; k < 30; k++)
        add(&made, 1, k, k + 1);
    struct answer answer = solve(&made, GA_EFFORT_QUICK);
    cr_assert_eq(answer.pools[0].peak, 8);
    cr_assert(answer.spots[0].offset == 0 && answer.spots[1].offset == 4 && answer.spots[2].offset == 0);
    drop(&answer);
}

Test(place, shelves_are_not_crossed)
{
    uint64_t long_ends[] = { 30, 50 };
    struct shelves usual = { .usual = 10 }, with_long = { .usual = 10, .long_ends = long_ends, .n_long = 2 };
    cr_assert_eq(gai_quick_shelf(&usual, 3, 7), 3);
    cr_assert_eq(gai_quick_shelf(&usual, 3, 8), 10);
    cr_assert_eq(gai_quick_shelf(&usual, 20, 10), 20);
    cr_assert_eq(gai_quick_shelf(&usual, 0, 11), UINT64_MAX);
    cr_assert_eq(gai_quick_shelf(&with_long, 5, 25), 5);
    cr_assert_eq(gai_quick_shelf(&with_long, 6, 25), UINT64_MAX);
    cr_assert_eq(gai_quick_shelf(&with_long, 11, 20), 30);
    cr_assert_eq(gai_quick_shelf(&with_long, 45, 7), 50);
    cr_assert_eq(gai_quick_shelf(&with_long, 55, 7), 60);
}

static bool count_and_stop(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    unsigned *calls = user;
    ++*calls;
    cr_assert_leq(bound, peak);
    (void)steps;
    return false;
}

Test(place, stops_when_told_with_the_best_so_far)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    struct answer answer;
    unsigned calls = 0;
    struct place_opts opts = { .effort = GA_EFFORT_QUICK, .progress = count_and_stop, .user = &calls };
    make_growing(&made);
    cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &answer), GA_OK);
    cr_assert(answer.stopped && calls == 1 && answer.pools[0].reached == GA_EFFORT_ONLINE);
    cr_assert_null(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL));
    gai_answer_fini(&env.mem, &answer);
}

Test(place, stops_within_its_steps)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    struct answer answer;
    struct place_opts opts = { .effort = GA_EFFORT_QUICK, .steps = 1 };
    make_growing(&made);
    cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &answer), GA_OK);
    cr_assert_eq(answer.pools[0].reached, GA_EFFORT_ONLINE);
    gai_answer_fini(&env.mem, &answer);
}

Test(place, refuses_what_no_memory_holds)
{
    struct made made;
    begin(&made);
    add(&made, (uint64_t)1 << 62, 0, 2);
    add(&made, (uint64_t)1 << 62, 1, 3);
    cr_assert_eq(status_of(&made, GA_EFFORT_NONE), GA_OK);
    add(&made, (uint64_t)1 << 62, 2, 4);
    cr_assert_eq(status_of(&made, GA_EFFORT_NONE), GA_NO_SPACE);
    cr_assert_eq(status_of(&made, GA_EFFORT_QUICK), GA_NO_SPACE, "online has it in three places, quick is not reached");
    made.items[0].size = UINT64_MAX;
    for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++)
        cr_assert_eq(status_of(&made, (enum ga_effort)effort), GA_NO_SPACE);
    begin(&made);
    add(&made, 16, 0, 2)->fixed = ((uint64_t)1 << 63) - 7;
    cr_assert_eq(status_of(&made, GA_EFFORT_ONLINE), GA_NO_SPACE);
}

Test(place, is_unharmed_when_memory_runs_out)
{
    struct made made;
    make_growing(&made);
    for (uint32_t i = 0; i < made.problem.n_items; i++)
        made.items[i].pool = i % 2;
    made.problem.n_pools = 2;
    made.items[3].fixed = made.items[5].fixed = 1 + 40;
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status != GA_OK; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        struct place_opts opts = { .effort = GA_EFFORT_QUICK };
        struct answer answer = { 0 };
        status = gai_place_solve(&env.mem, &made.problem, &opts, &answer);
        cr_assert(status == GA_OK || status == GA_NO_MEMORY);
        if (status == GA_OK)
            gai_answer_fini(&env.mem, &answer);
        cr_assert(mem.blocks == 0 && !mem.lied, "request %u", (unsigned)nth);
        cr_assert_lt(nth, 200);
    }
}

Test(place_check, names_what_is_wrong)
{
    static const char words[][50] = { "overlap",        "misaligned",           "passes the end",
                                      "does not exist", "not where it must be", "longer than its pool allows",
                                      "not the sum",    "below the bound" };
    struct ga_env env = gai_env(NULL);
    for (unsigned k = 0; k < sizeof words / sizeof words[0]; k++) {
        struct made made;
        begin(&made);
        made.pools[0].align_log2 = 2;
        add(&made, 8, 0, 3)->align_log2 = 2;
        add(&made, 8, 1, 3)->align_log2 = 2;
        add(&made, 4, 2, 4)->fixed = 1 + 16;
        struct answer answer = solve(&made, GA_EFFORT_ONLINE);
        struct pool_answer *pool = &answer.pools[0];
        uint32_t a = 9, b = 9;
        switch (k) {
        case 0:
            answer.spots[1].offset = answer.spots[0].offset + 4;
            break;
        case 1:
            answer.spots[1].offset += 2;
            break;
        case 2:
            answer.spots[1].offset = pool->chunks[0] - 4;
            break;
        case 3:
            answer.spots[1].chunk = 1;
            break;
        case 4:
            answer.spots[2].offset = 0;
            break;
        case 5:
            made.pools[0].chunk_max = 12;
            break;
        case 6:
            pool->peak += 4;
            break;
        case 7:
            pool->bound = pool->peak + 4;
            break;
        }
        const char *fault = gai_place_check(&env.mem, &made.problem, &answer, &a, &b);
        cr_assert(fault && strstr(fault, words[k]), "%s, not %s", fault ? fault : "nothing", words[k]);
        if (k == 0)
            cr_assert(a + b == 1, "%u and %u", a, b);
        drop(&answer);
    }
}

Test(place_check, allows_one_heir_and_no_third)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    begin(&made);
    add(&made, 8, 0, 3);
    add(&made, 4, 2, 4);
    add_edge(&made, 0, 4, false);
    add(&made, 4, 2, 4);
    add_edge(&made, 0, 0, false);
    struct answer answer = solve(&made, GA_EFFORT_NONE);
    answer.spots[1].offset = 4;
    cr_assert_null(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL));
    answer.spots[1].offset = 0;
    cr_assert_not_null(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL), "not at its delta");
    answer.spots[1].offset = 4;
    made.items[0].death = 4;
    cr_assert_not_null(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL), "its source lives on");
    made.items[0].death = 3;
    answer.spots[2].offset = 0;
    cr_assert_not_null(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL), "two heirs");
    drop(&answer);

    /* An heir of an heir, all in step 2: the first source still lives. */
    begin(&made);
    add(&made, 8, 0, 3);
    add(&made, 8, 2, 3);
    add_edge(&made, 0, 0, true);
    add(&made, 8, 2, 4);
    add_edge(&made, 1, 0, true);
    answer = solve(&made, GA_EFFORT_ONLINE);
    answer.spots[0].offset = answer.spots[1].offset = answer.spots[2].offset = 0;
    cr_assert_not_null(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL));
    drop(&answer);
}

/* n lives of one kind, every one in the way of many others. */
static struct problem make_hostile(unsigned kind, uint32_t n, struct item *items, struct pool_limits *pool)
{
    struct rng rng = { kind };
    for (uint32_t i = 0; i < n; i++) {
        items[i] = (struct item){ .size = 1 + rng_below(&rng, 1000), .birth = i, .death = 2 * n - i };
        if (kind == 1) /* staircase: each meets half of them */
            items[i].death = i + n / 2;
        if (kind == 2) /* all at once */
            items[i].birth = 0;
        if (kind == 3) /* few ends */
            items[i].death = 2 * n - (uint32_t)rng_below(&rng, 40);
        if (kind == 4 && i % 2) /* fixed ones in everybody's way */
            items[i].fixed = 1 + (uint64_t)i * 1000;
        else if (kind == 4)
            items[i].size *= 100;
        if (kind == 5) /* long and short */
            items[i].death = i + 1 + (uint32_t)rng_below(&rng, i % 2 ? 3 : n);
    }
    items[n] = (struct item){ 0 };
    *pool = (struct pool_limits){ .chunk_max = kind == 6 ? 2000 : UINT64_MAX };
    return (struct problem){ .items = items, .n_items = n, .n_steps = 2 * n, .pools = pool, .n_pools = 1 };
}

Test(place, ends_soon_on_hostile_problems)
{
    struct ga_env env = gai_env(NULL);
    const uint32_t n = 20000;
    struct item *items = malloc((n + 1) * sizeof *items);
    for (unsigned kind = 0; kind < 7; kind++) {
        struct pool_limits pool;
        struct problem problem = make_hostile(kind, n, items, &pool);
        struct place_opts opts = { .effort = GA_EFFORT_QUICK };
        struct answer answer;
        cr_assert_eq(gai_place_solve(&env.mem, &problem, &opts, &answer), GA_OK);
        cr_assert_null(gai_place_check(&env.mem, &problem, &answer, NULL, NULL));
        cr_assert_lt(answer.steps, 400 * 1000 * 1000, "kind %u: %u steps", kind, (unsigned)answer.steps);
        gai_answer_fini(&env.mem, &answer);
    }
    free(items);
}
