/*
 * test_intervals.c - plans of bare intervals: ranks and times, what is refused, which rung found the answer
 */
#include "ggml_alloc/plan.h"

#include "base/rng.h"
#include "io/gen.h"
#include "plan/moments.h"

#include <criterion/criterion.h>

Test(intervals, are_placed_by_rank_and_answered_by_time)
{
    static const struct ga_interval intervals[] = {
        { .size = 10, .birth = 1000, .death = UINT64_MAX },
        { .size = 20, .birth = 7, .death = 1000 },
        { .size = 0, .birth = 1, .death = 2 },
        { .size = 30, .birth = 5, .death = 8, .fixed = 1 + 64 },
    };
    for (enum ga_effort effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++) {
        struct ga_plan_opts opts = { .effort = effort };
        ga_plan *plan;
        cr_assert_eq(ga_plan_intervals(NULL, intervals, 4, &opts, &plan), GA_OK);
        struct ga_slot slot;
        cr_assert(ga_plan_slot(plan, 4, &slot));
        cr_assert_eq(slot.offset, 64);
        cr_assert_not(ga_plan_slot(plan, 3, &slot), "nothing to place");
        uint64_t birth, death;
        cr_assert(ga_plan_life(plan, 1, &birth, &death));
        cr_assert(birth == 1000 && death == UINT64_MAX);
        cr_assert_geq(ga_plan_peak(plan, 0), 94);
        ga_plan_delete(plan);
    }
}

enum { MOMENTS = 300 };

/* Of `width` random bits, some of them the same in all times. */
static void draw_moments(struct rng *rng, unsigned width, struct moment *out, size_t n)
{
    uint64_t mask = width < 64 ? ((uint64_t)1 << width) - 1 : UINT64_MAX, common = rng_next(rng);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct moment){ (rng_next(rng) & mask) | (common & ~mask), (uint32_t)i, i & 1 };
}

Test(intervals, moments_are_sorted_by_time_and_keep_their_order_within_one)
{
    struct rng rng = { 5 };
    struct moment moments[MOMENTS], scratch[MOMENTS], before[MOMENTS];
    for (unsigned width = 0; width <= 64; width++) {
        for (size_t n = 0; n <= MOMENTS; n += 1 + n / 2) {
            draw_moments(&rng, width, moments, n);
            for (size_t i = 0; i < n; i++)
                before[i] = moments[i];
            const struct moment *sorted = gai_moments_sort(moments, scratch, n);
            for (size_t i = 0; i < n; i++) {
                cr_assert(i == 0 || sorted[i - 1].time < sorted[i].time ||
                              (sorted[i - 1].time == sorted[i].time && sorted[i - 1].interval < sorted[i].interval),
                          "%u bits, %zu moments: the %zu-th", width, n, i);
                cr_assert_eq(sorted[i].time, before[sorted[i].interval].time);
                cr_assert_eq(sorted[i].is_death, before[sorted[i].interval].is_death);
            }
        }
    }
}

Test(intervals, are_refused_when_they_make_no_sense)
{
    static const struct ga_interval bad[][2] = {
        { { .size = 1, .birth = 3, .death = 3 } },
        { { .size = 1, .birth = 3, .death = 2 } },
        { { .size = 1, .birth = 0, .death = 2, .align = 3 } },
        { { .size = 1, .birth = 0, .death = 2, .align = 64, .fixed = 1 + 32 } },
        { { .size = 8, .birth = 0, .death = 2, .fixed = 1 }, { .size = 8, .birth = 1, .death = 2, .fixed = 8 } },
        { { .size = UINT64_MAX, .birth = 0, .death = 2 } },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ga_plan *plan = NULL;
        cr_assert_eq(ga_plan_intervals(NULL, bad[i], bad[i][1].size ? 2 : 1, NULL, &plan), GA_INVALID, "case %zu", i);
        cr_assert_null(plan);
    }
    ga_plan *plan;
    cr_assert_eq(ga_plan_intervals(NULL, NULL, 0, NULL, &plan), GA_OK);
    cr_assert_eq(ga_plan_peak(plan, 0), 0);
    ga_plan_delete(plan);
}

Test(intervals, are_not_rounded_up_to_their_own_alignment)
{
    static const struct ga_interval intervals[] = {
        { .size = 33, .birth = 0, .death = 2, .align = 64 },
        { .size = 31, .birth = 1, .death = 3 },
        { .size = 10, .birth = 1, .death = 3, .align = 64, .fixed = 1 + 64 },
    };
    uint64_t pool_align = 8;
    for (int k = 0; k < 2; k++) {
        struct ga_plan_opts opts = { .n_pools = (unsigned)k, .align = &pool_align };
        ga_plan *plan;
        cr_assert_eq(ga_plan_intervals(NULL, intervals, 3 - (unsigned)k, &opts, &plan), GA_OK);
        cr_assert_eq(ga_plan_peak(plan, 0), k == 0 ? 74 : 72);
        cr_assert_eq(ga_plan_bound(plan, 0), k == 0 ? 74 : 72);
        ga_plan_delete(plan);
    }
}

static struct ga_plan_info plan_info(const struct ga_interval *intervals, uint32_t n, enum ga_effort effort, uint64_t capacity)
{
    struct ga_plan_opts opts = { .effort = effort, .n_pools = 1, .capacity = &capacity };
    struct ga_plan_info info;
    ga_plan *plan;
    cr_assert_eq(ga_plan_intervals(NULL, intervals, n, &opts, &plan), GA_OK);
    ga_plan_info(plan, &info);
    cr_assert_eq(info.verdict == GA_OPTIMAL, ga_plan_peak(plan, 0) == ga_plan_bound(plan, 0) && info.verdict != GA_CANNOT_FIT);
    ga_plan_delete(plan);
    return info;
}

/* The fixed one lies badly: 350 bytes are needed, but only 330 live at any time. */
Test(intervals, have_a_verdict_that_a_proof_decides)
{
    static const struct ga_interval intervals[] = {
        { .size = 100, .birth = 0, .death = 4, .fixed = 1 + 100 },
        { .size = 150, .birth = 2, .death = 6 },
        { .size = 180, .birth = 5, .death = 8 },
    };
    cr_assert_eq(plan_info(intervals, 3, GA_EFFORT_QUICK, 300).verdict, GA_CANNOT_FIT, "the live sum says so");
    cr_assert_eq(plan_info(intervals, 3, GA_EFFORT_QUICK, 349).verdict, GA_BEST_SO_FAR);
    cr_assert_eq(plan_info(intervals, 3, GA_EFFORT_PROVE, 349).verdict, GA_CANNOT_FIT, "a proof says so");
    cr_assert_eq(plan_info(intervals, 3, GA_EFFORT_PROVE, 350).verdict, GA_FITS);
    cr_assert_eq(plan_info(intervals, 3, GA_EFFORT_ONLINE, 1000).verdict, GA_FITS, "as it comes");
    cr_assert_eq(plan_info(intervals, 3, GA_EFFORT_PROVE, 0).verdict, GA_OPTIMAL);
}

static bool stop_at(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    cr_assert_leq(bound, peak);
    return steps < *(uint64_t *)user;
}

/* Not by a clock: the same steps, the same plan. */
Test(intervals, are_planned_until_told_to_stop)
{
    struct ga_env env = gai_env(NULL);
    struct generated made;
    cr_assert_eq(gai_gen_perfect(&env.mem, &(struct gen_perfect){ .n_pieces = 800 }, &made), GA_OK);
    uint64_t limit = 3000000, capacity = 1 << 20, peaks[2];
    struct ga_plan_opts opts = { .effort = GA_EFFORT_PROVE, .steps = UINT64_MAX, .n_pools = 1, .capacity = &capacity };
    opts.progress = stop_at;
    opts.user = &limit;
    for (int k = 0; k < 2; k++) {
        struct ga_plan_info info;
        ga_plan *plan;
        cr_assert_eq(ga_plan_intervals(NULL, made.at, made.n, &opts, &plan), GA_OK);
        ga_plan_info(plan, &info);
        cr_assert(info.stopped && info.verdict == GA_BEST_SO_FAR);
        cr_assert(info.steps >= limit && info.steps < 2 * limit, "%llu steps", (unsigned long long)info.steps);
        peaks[k] = ga_plan_peak(plan, 0);
        ga_plan_delete(plan);
    }
    cr_assert_eq(peaks[0], peaks[1]);
    gai_generated_fini(&env.mem, &made);
}

Test(intervals, tell_the_rung_that_found_the_answer)
{
    unsigned n_better = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct rng rng = { seed };
        struct ga_interval intervals[40];
        for (int i = 0; i < 40; i++) {
            intervals[i] = (struct ga_interval){ .size = 1 + rng_below(&rng, 1000), .birth = rng_below(&rng, 60) };
            intervals[i].death = intervals[i].birth + 1 + rng_below(&rng, 20);
        }
        uint64_t peak[2];
        struct ga_plan_info info;
        for (int k = 0; k < 2; k++) {
            struct ga_plan_opts opts = { .effort = k ? GA_EFFORT_QUICK : GA_EFFORT_ONLINE };
            ga_plan *plan;
            cr_assert_eq(ga_plan_intervals(NULL, intervals, 40, &opts, &plan), GA_OK);
            peak[k] = ga_plan_peak(plan, 0);
            ga_plan_info(plan, &info);
            ga_plan_delete(plan);
        }
        cr_assert_leq(peak[1], peak[0]);
        cr_assert_eq(info.reached, peak[1] < peak[0] ? GA_EFFORT_QUICK : GA_EFFORT_ONLINE, "seed %d", (int)seed);
        n_better += peak[1] < peak[0];
    }
    cr_assert_gt(n_better, 200);
}

/*
 * Two that are aligned to more than all that is asked for, and in each other's way: the answer is 2^51 or 2^62 high, the bound is
 * not, and no engine counts that far.  What is asked in between must still end.
 */
Test(intervals, may_be_aligned_to_more_than_anybody_has, .timeout = 600)
{
    for (unsigned log2 = 20; log2 < 62; log2++) {
        const struct ga_interval intervals[] = {
            { .size = 15, .birth = 9, .death = 17 },
            { .size = 6, .birth = 23, .death = 26 },
            { .size = 15, .birth = 13, .death = 18, .align = (uint64_t)1 << 51 },
            { .size = 3, .birth = 17, .death = UINT64_MAX - 1, .align = (uint64_t)1 << log2 },
            { .size = 58626, .birth = 11, .death = 24, .align = 128 },
            { .size = 1, .birth = 19, .death = 39 },
        };
        uint64_t peaks[2];
        for (int k = 0; k < 2; k++) {
            struct ga_plan_opts opts = { .effort = k ? GA_EFFORT_PROVE : GA_EFFORT_QUICK, .steps = 20000 };
            struct ga_plan_info info;
            ga_plan *plan;
            cr_assert_eq(ga_plan_intervals(NULL, intervals, 6, &opts, &plan), GA_OK);
            ga_plan_info(plan, &info);
            peaks[k] = ga_plan_peak(plan, 0);
            cr_assert(ga_plan_bound(plan, 0) <= peaks[k] && info.steps <= 2 * opts.steps);
            ga_plan_delete(plan);
        }
        cr_assert_leq(peaks[1], peaks[0]);
    }
}
