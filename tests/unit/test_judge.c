/*
 * test_judge.c - what gai_place_check() refuses, and what it allows
 */
#include "unit/made.h"

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

Test(place_check, refuses_what_it_cannot_judge)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    begin(&made);
    made.pools[0].align_log2 = 2;
    add(&made, 8, 0, 3);
    add(&made, 8, 1, 3);
    struct answer answer = solve(&made, GA_EFFORT_ONLINE), sound = answer;
    answer.n_spots++;
    cr_expect_str_eq(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL), "the answer is of another problem");
    answer = sound;
    answer.n_pools++;
    cr_expect_str_eq(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL), "the answer is of another problem");
    answer = sound;
    answer.pools[0].chunks[0] += 2;
    answer.pools[0].peak += 2;
    cr_expect_str_eq(gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL),
                     "a chunk is no multiple of the pool's alignment");
    answer.pools[0].chunks[0] -= 2;
    answer.pools[0].peak -= 2;
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        struct test_mem hook = { .fail_at = nth };
        struct ga_env failing = test_env(&hook);
        const char *fault = gai_place_check(&failing.mem, &made.problem, &answer, NULL, NULL);
        done = hook.requests < nth;
        cr_expect(done ? !fault : fault && strcmp(fault, "there is no memory to check it with") == 0, "%u: %s", (unsigned)nth,
                  fault);
        cr_expect(!hook.lied && hook.blocks == 0);
    }
    drop(&answer);
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

Test(place_check, refuses_an_heir_that_ends_past_its_source)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    begin(&made);
    add(&made, 8, 0, 3);
    add(&made, 4, 2, 4);
    add_edge(&made, 0, 4, false);
    struct answer answer = solve(&made, GA_EFFORT_NONE);
    answer.spots[0].offset = 0;
    for (uint64_t delta = 4; delta < 8; delta++) {
        made.edges[0].delta = answer.spots[1].offset = delta;
        const char *fault = gai_place_check(&env.mem, &made.problem, &answer, NULL, NULL);
        cr_expect((fault == NULL) == (delta == 4), "%u: %s", (unsigned)delta, fault ? fault : "nothing");
    }
    drop(&answer);
}

Test(place_check, refuses_lives_that_are_empty_or_out_of_order)
{
    static const uint32_t lives[][2] = { { 2, 2 }, { 3, 2 }, { 0, 3 }, { 2, 9 } };
    struct ga_env env = gai_env(NULL);
    for (unsigned k = 0; k < 4; k++) {
        struct made made;
        begin(&made);
        add(&made, 8, 1, 3);
        add(&made, 8, 2, 4);
        struct answer answer = solve(&made, GA_EFFORT_ONLINE);
        made.items[1].birth = lives[k][0];
        made.items[1].death = lives[k][1];
        uint32_t a = 9, b = 9;
        const char *fault = gai_place_check(&env.mem, &made.problem, &answer, &a, &b);
        cr_assert(fault && strstr(fault, "empty or out of order") && a == 1, "%u: %s", k, fault);
        drop(&answer);
    }
}
