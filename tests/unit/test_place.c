/*
 * test_place.c - the ladder and its lower rungs: bounds, none, online, fixed items, budgets, refusals
 */
#include "unit/made.h"

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

static bool keep_last(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    uint64_t *last = user;
    last[0] = peak;
    last[1] = bound;
    (void)steps;
    return true;
}

Test(place, tells_of_all_pools_together)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    struct answer answer;
    uint64_t last[2] = { 0 };
    struct place_opts opts = { .effort = GA_EFFORT_QUICK, .progress = keep_last, .user = last };
    make_growing(&made);
    made.problem.n_pools = 2;
    for (uint32_t i = 0; i < made.problem.n_items; i++)
        made.items[i].pool = i % 3 == 0;
    cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &answer), GA_OK);
    cr_assert(answer.pools[0].bound && answer.pools[1].bound);
    cr_assert_eq(last[0], answer.pools[0].peak + answer.pools[1].peak);
    cr_assert_eq(last[1], answer.pools[0].bound + answer.pools[1].bound);
    gai_answer_fini(&env.mem, &answer);
}

struct pulses {
    unsigned calls, last; /* stop at the last one */
    uint64_t steps;
};

static bool count_pulses(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    struct pulses *pulses = user;
    cr_assert(steps > pulses->steps && peak == 9 && bound == 7);
    pulses->steps = steps;
    return ++pulses->calls < pulses->last;
}

Test(place, tells_how_far_it_is_now_and_then)
{
    struct pulses pulses = { .last = 8 };
    struct place_opts opts = { .progress = count_pulses, .user = &pulses };
    struct spot spot = { 0 };
    struct part part = { .bound = 7, .best = { .spots = &spot, .peak = 9 } };
    struct climb climb = { .opts = &opts, .parts = &part, .n_parts = 1, .budget = UINT64_MAX };
    climb.steps = (uint64_t)1 << 40;
    gai_climb_pulse(&climb);
    cr_assert_eq(pulses.calls, 0, "there is no answer to tell of");
    climb.n_answered = 1;
    for (int i = 0; i < 1000000 && !gai_climb_done(&climb, &part); i++) {
        climb.steps += 1000;
        gai_climb_pulse(&climb);
        cr_assert_leq(climb.steps - pulses.steps, 1000000);
    }
    cr_assert(climb.stopped && pulses.calls == 8 && climb.steps > 100000 + ((uint64_t)1 << 40));
    climb.steps *= 2;
    gai_climb_pulse(&climb);
    cr_assert_eq(pulses.calls, 8, "it was told to stop");
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
