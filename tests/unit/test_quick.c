/*
 * test_quick.c - the quick rung: merging, chunks, and ending soon whatever it is given
 */
#include "unit/made.h"

Test(quick, reaches_the_bound_where_online_does_not)
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

Test(quick, merges_heirs_and_bends_around_shorter_ones)
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

Test(quick, keeps_heirs_apart_where_a_chain_would_block)
{
    struct made made;
    struct rng rng = { 5 };
    unsigned n_better = 0, n_worse = 0;
    /* Among random chains some are better apart: quick finds most of them. */
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
        n_better += with < without;
        n_worse += with > without;
    }
    cr_assert(n_better > 100 && n_worse < 6, "%u better, %u worse", n_better, n_worse);
}

Test(quick, cuts_chunks_and_gives_long_items_their_own)
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

Test(quick, lets_the_short_end_of_a_bent_unit_hang_over_others)
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

Test(quick, shelves_are_not_crossed)
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

Test(quick, ends_soon_on_hostile_problems)
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

struct told {
    uint64_t last, longest; /* steps without a word */
};

static bool measure(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    struct told *told = user;
    (void)peak;
    (void)bound;
    told->longest = max_u64(told->longest, steps - told->last);
    told->last = steps;
    return true;
}

/* Also when a pass is no better than those before it. */
Test(quick, tells_after_each_pass_how_far_it_is)
{
    struct ga_env env = gai_env(NULL);
    static struct item items[20001];
    struct pool_limits pool;
    struct problem problem = make_hostile(1, 20000, items, &pool);
    struct told told = { 0 };
    struct place_opts opts = { .effort = GA_EFFORT_QUICK, .progress = measure, .user = &told };
    struct answer answer;
    cr_assert_eq(gai_place_solve(&env.mem, &problem, &opts, &answer), GA_OK);
    cr_assert_lt(told.longest, answer.steps / 2, "%u of %u steps without a word", (unsigned)told.longest, (unsigned)answer.steps);
    gai_answer_fini(&env.mem, &answer);
}

/*
 * Crowds are found by rolls, one at every so many sections, of who lives across.  Here hundreds live across each, and next to nobody
 * in between: more names than there is scratch for.  Aligned as they are, nobody reaches the bound.
 */
Test(quick, keeps_room_for_rolls_that_are_full)
{
    enum { STRIDE = 31, CROWD = 260, N_STEPS = 120, N_LONG = 8, N = N_STEPS + 3 * CROWD + N_LONG };
    static struct item items[N + 1];
    struct pool_limits pool = { .chunk_max = UINT64_MAX };
    struct rng rng = { 6 };
    uint32_t n = 0;
    for (uint32_t step = 0; step < N_STEPS; step++) {
        items[n++] = (struct item){ .size = 1 + rng_below(&rng, 4000), .birth = step, .death = step + 1 };
        for (uint32_t i = 0; i < N_LONG && step == 20; i++)
            items[n++] = (struct item){ .size = 1 + rng_below(&rng, 4000), .birth = step, .death = step + 5 + 6 * i };
        for (uint32_t i = 0; i < CROWD && step % STRIDE == STRIDE - 1 && step < N_STEPS - 1; i++)
            items[n++] = (struct item){ .size = 1 + rng_below(&rng, 100), .birth = step, .death = step + 2, .align_log2 = 7 };
    }
    cr_assert_eq(n, N);
    struct problem problem = { .items = items, .n_items = n, .n_steps = N_STEPS, .pools = &pool, .n_pools = 1 };
    struct place_opts opts = { .effort = GA_EFFORT_QUICK };
    struct ga_env env = gai_env(NULL);
    struct answer answer;
    cr_assert_eq(gai_place_solve(&env.mem, &problem, &opts, &answer), GA_OK);
    cr_assert_null(gai_place_check(&env.mem, &problem, &answer, NULL, NULL));
    gai_answer_fini(&env.mem, &answer);
}
