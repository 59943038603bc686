/*
 * Proofs against exhaustive search; exact engines against it and against each other: with every rule, without each, and asked again
 * and again about other heights.
 */
#include "place/exact.h"
#include "place/canon.h"

#include "model/exhaust.h"
#include "model/pieces.h"
#include "support.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <string.h>

Test(exact, is_measured_by_two_searches_that_agree)
{
    struct rng rng = { 1 };
    unsigned n_compared = 0;
    for (int k = 0; k < 2000; k++) {
        struct made made;
        made_some(&made, &rng, 1 + (uint32_t)rng_below(&rng, 4));
        uint64_t optimum = exhaust_orders(&made.problem);
        if (optimum > 64)
            continue; /* too many offsets */
        cr_assert(exhaust_offsets(&made.problem, optimum), "case %d", k);
        cr_assert_not(exhaust_offsets(&made.problem, optimum - 1), "case %d", k);
        n_compared++;
    }
    cr_assert_gt(n_compared, 500);
}

/* An engine counts in units of 32 bits; an alignment may be any power of two. */
Test(exact, takes_no_alignment_that_it_cannot_count_for_none)
{
    for (unsigned log2 = 20; log2 < 62; log2++) {
        struct exact_item item = { .size = 1, .align = (uint64_t)1 << log2 };
        cr_assert_eq(rise(&item, 0), 0);
        cr_assert(rise(&item, 1) >= 1 << 20 && rise(&item, 1) <= UNIT_MAX, "2^%u", log2);
    }
}

static uint64_t load_of(const struct problem *problem)
{
    uint64_t load = 0;
    for (uint32_t step = 0; step < problem->n_steps; step++) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < problem->n_items; i++)
            live += problem->items[i].birth <= step && step < problem->items[i].death ? problem->items[i].size : 0;
        load = live > load ? live : load;
    }
    return load;
}

/* ---- the ladder's last rung ---- */

struct tally {
    struct ga_mem mem;
    unsigned fits, cannot, unknown, proofs;
};

/* What is said of one height, 0: of any; nothing that is said may be wrong, and everything must be. */
static void expect_right(const struct made *made, uint64_t capacity, uint64_t optimum, struct tally *tally)
{
    struct problem problem = made->problem;
    struct pool_limits limits = made->limits;
    struct place_opts opts = { .effort = GA_EFFORT_PROVE, .seed = tally->fits };
    struct answer answer;
    limits.capacity = capacity;
    problem.pools = &limits;
    cr_assert_eq(gai_place_solve(&tally->mem, &problem, &opts, &answer), GA_OK);
    const char *fault = gai_place_check(&tally->mem, &problem, &answer, NULL, NULL);
    cr_assert_null(fault, "%s", fault);
    const struct pool_answer *pool = &answer.pools[0];
    cr_assert_leq(pool->bound, optimum, "%" PRIu64 " is said to be impossible", optimum);
    if (capacity == 0)
        cr_assert(pool->peak == optimum && pool->bound == optimum, "[%" PRIu64 ", %" PRIu64 "] for %" PRIu64, pool->bound,
                  pool->peak, optimum);
    else if (capacity >= optimum)
        cr_assert_leq(pool->peak, capacity);
    else
        cr_assert_gt(pool->bound, capacity);
    tally->fits += capacity >= optimum;
    tally->cannot += capacity != 0 && capacity < optimum;
    tally->proofs += pool->bound > load_of(&problem);
    gai_answer_fini(&tally->mem, &answer);
}

Test(exact, equals_exhaustive_search)
{
    struct rng rng = { 2 };
    struct tally tally = { .mem = gai_env(NULL).mem };
    for (int k = 0; k < 5000; k++) {
        struct made made;
        made_some(&made, &rng, 1 + (uint32_t)rng_below(&rng, 8));
        uint64_t optimum = exhaust_orders(&made.problem);
        if (made.known)
            cr_assert_leq(optimum, made.known);
        const uint64_t heights[] = { optimum + rng_below(&rng, optimum), max_u64(optimum - 1, 1), 1 + rng_below(&rng, optimum) };
        expect_right(&made, 0, optimum, &tally);
        expect_right(&made, optimum, optimum, &tally);
        expect_right(&made, heights[k % 3], optimum, &tally);
    }
    cr_assert(tally.fits > 3000 && tally.cannot > 3000);
    cr_assert_gt(tally.proofs, 1000, "only %u bounds needed a proof", tally.proofs);
}

/* ---- engines, one at a time ---- */

static const struct exact_engine *const engines[] = { &gai_exact_canon, &gai_exact_fill };

#define N_ENGINES (sizeof engines / sizeof engines[0])

/* All rules, each switched off in turn, none. */
static const unsigned rule_sets[] = {
    EXACT_ALL_RULES,
    EXACT_ALL_RULES & ~(unsigned)EXACT_SECTIONS,
    EXACT_ALL_RULES & ~(unsigned)EXACT_LIFTER,
    EXACT_ALL_RULES & ~(unsigned)EXACT_TWINS,
    EXACT_ALL_RULES & ~(unsigned)EXACT_CUTS,
    0,
};

#define N_RULE_SETS (sizeof rule_sets / sizeof rule_sets[0])

/* One engine and set of rules at work on one problem: an object for each task, kept from question to question. */
struct bout {
    struct ga_mem mem;
    const struct problem *problem;
    struct exact exact;
    const struct exact_engine *engine;
    unsigned rules;
    uint64_t seed;
    void *objects[MADE_MAX];
};

static void bout_begin(struct bout *bout, const struct made *made, size_t engine, size_t rules, uint64_t seed)
{
    *bout = (struct bout){ .mem = gai_env(NULL).mem, .problem = &made->problem, .seed = seed };
    bout->engine = engines[engine];
    bout->rules = rule_sets[rules];
    const struct problem *problem = &made->problem;
    cr_assert_eq(gai_exact_init(&bout->mem, &bout->exact, problem->n_items, problem->n_steps), GA_OK);
    for (uint32_t i = 0; i < problem->n_items; i++) {
        const struct item *item = &problem->items[i];
        uint8_t pool_log2 = problem->pools[0].align_log2;
        bout->exact.items[bout->exact.n_items++] = (struct exact_item){
            .size = item->size,
            .lowest = item->fixed ? item->fixed - 1 : 0,
            .align = (uint64_t)1 << (item->align_log2 > pool_log2 ? item->align_log2 : pool_log2),
            .from = item->birth,
            .to = item->death,
            .origin = i,
            .fixed = item->fixed != 0,
        };
    }
    cr_assert_eq(gai_exact_build(&bout->mem, &bout->exact), GA_OK);
    for (uint32_t t = 0; t < bout->exact.n_tasks; t++)
        cr_assert(bout->objects[t] = bout->engine->new (&bout->mem, &bout->exact.tasks[t]));
}

static void bout_end(struct bout *bout)
{
    for (uint32_t t = 0; t < bout->exact.n_tasks; t++)
        bout->engine->delete (&bout->mem, bout->objects[t]);
    gai_exact_fini(&bout->mem, &bout->exact);
}

/* In small portions that grow, as the ladder asks; UNKNOWN when `limit` steps are not enough. */
static enum exact_verdict ask_task(struct bout *bout, uint32_t t, uint64_t height, uint64_t limit)
{
    const struct exact_task *task = &bout->exact.tasks[t];
    enum exact_verdict verdict = EXACT_UNKNOWN;
    if (height < task->floor + task->load)
        return EXACT_CANNOT;
    if (!bout->engine->takes(task, height - task->floor))
        return EXACT_UNKNOWN;
    for (uint64_t steps = 8; verdict == EXACT_UNKNOWN && steps <= limit; steps *= 4) {
        struct exact_ask ask = {
            .capacity = height - task->floor,
            .rules = bout->rules,
            .seed = bout->seed,
            .limit = steps,
            .offsets = &bout->exact.offsets[task->items - bout->exact.items],
        };
        verdict = bout->engine->decide(bout->objects[t], &ask);
    }
    return verdict;
}

/* By the problem's own times and bytes: what the engine was told is not asked. */
static bool is_answer(const struct bout *bout, uint64_t height)
{
    const struct item *items = bout->problem->items;
    uint64_t offsets[MADE_MAX], floor = 0;
    for (uint32_t k = 0, t = 0; k < bout->exact.n_items; k++) {
        while (t < bout->exact.n_tasks && &bout->exact.items[k] >= bout->exact.tasks[t].items + bout->exact.tasks[t].n_items)
            t++;
        bool in_task = t < bout->exact.n_tasks && &bout->exact.items[k] >= bout->exact.tasks[t].items;
        floor = in_task ? bout->exact.tasks[t].floor : 0;
        offsets[bout->exact.items[k].origin] = (bout->exact.offsets[k] + floor) * bout->exact.unit;
    }
    for (uint32_t i = 0; i < bout->problem->n_items; i++) {
        uint64_t align = (uint64_t)1 << items[i].align_log2;
        if (offsets[i] + items[i].size > height || offsets[i] % align || (items[i].fixed && offsets[i] != items[i].fixed - 1))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (items[i].birth < items[j].death && items[j].birth < items[i].death && offsets[i] < offsets[j] + items[j].size &&
                offsets[j] < offsets[i] + items[i].size)
                return false;
    }
    return true;
}

static enum exact_verdict bout_ask(struct bout *bout, uint64_t height, uint64_t limit)
{
    enum exact_verdict all = EXACT_FITS;
    if (height < load_of(bout->problem)) /* what lies below all tasks is in no task */
        return EXACT_CANNOT;
    for (uint32_t t = 0; t < bout->exact.n_tasks; t++) {
        enum exact_verdict verdict = ask_task(bout, t, height / bout->exact.unit, limit);
        if (verdict == EXACT_CANNOT)
            return verdict;
        if (verdict == EXACT_UNKNOWN)
            all = verdict;
    }
    if (all == EXACT_FITS)
        cr_assert(is_answer(bout, height), "%s, rules %x: no answer for %" PRIu64, bout->engine->name, bout->rules, height);
    return all;
}

/* Counts how often the steps are not enough: a search without rules can lose itself. */
static void expect_known(struct bout *bout, uint64_t height, uint64_t optimum, struct tally *tally)
{
    enum exact_verdict verdict = bout_ask(bout, height, (uint64_t)1 << 17);
    tally->unknown += verdict == EXACT_UNKNOWN;
    tally->fits += verdict == EXACT_FITS;
    tally->cannot += verdict == EXACT_CANNOT;
    if (verdict != EXACT_UNKNOWN)
        cr_assert_eq(verdict, height < optimum ? EXACT_CANNOT : EXACT_FITS, "%s, rules %x: %d for %" PRIu64 " of %" PRIu64,
                     bout->engine->name, bout->rules, (int)verdict, height, optimum);
}

Test(exact, needs_no_single_rule_to_be_right)
{
    struct rng rng = { 3 };
    struct tally tally = { 0 };
    for (size_t k = 0; k < 1000; k++) {
        struct made made;
        made_some(&made, &rng, 1 + (uint32_t)rng_below(&rng, 8));
        uint64_t optimum = exhaust_orders(&made.problem);
        for (size_t r = 0; r < N_ENGINES * N_RULE_SETS; r++) {
            struct bout bout;
            bout_begin(&bout, &made, r % N_ENGINES, r / N_ENGINES, k);
            for (int ask = 0; ask < 3; ask++)
                expect_known(&bout, rng_below(&rng, 2 * optimum), optimum, &tally);
            expect_known(&bout, optimum - 1, optimum, &tally);
            expect_known(&bout, optimum, optimum, &tally);
            expect_known(&bout, optimum - 1, optimum, &tally);
            bout_end(&bout);
        }
    }
    cr_assert(tally.fits > 10000 && tally.cannot > 10000);
    cr_assert_lt(tally.unknown, (tally.fits + tally.cannot) / 1000, "%u remain unknown", tally.unknown);
}

/* Where exhaustive search takes too long, whoever knows must say the same; nobody may refute a rectangle that was only cut. */
static void expect_one_verdict(const struct made *made, uint64_t height, uint64_t limit, unsigned *n_known)
{
    enum exact_verdict common = made->known && height >= made->known ? EXACT_FITS : EXACT_UNKNOWN;
    for (size_t r = 0; r < N_ENGINES * N_RULE_SETS; r++) {
        struct bout bout;
        bout_begin(&bout, made, r % N_ENGINES, r / N_ENGINES, r);
        enum exact_verdict verdict = bout_ask(&bout, height, limit);
        if (verdict != EXACT_UNKNOWN && common != EXACT_UNKNOWN)
            cr_assert_eq(verdict, common, "%s, rules %x: %d for %" PRIu64, bout.engine->name, bout.rules, (int)verdict, height);
        if (verdict != EXACT_UNKNOWN)
            common = verdict;
        *n_known += verdict != EXACT_UNKNOWN;
        bout_end(&bout);
    }
}

Test(exact, engines_and_rules_agree_about_more_items)
{
    struct rng rng = { 4 };
    unsigned n_known = 0, n_asked = 0;
    for (int k = 0; k < 150; k++) {
        struct made made;
        made_some(&made, &rng, 9 + (uint32_t)rng_below(&rng, 6));
        uint64_t load = load_of(&made.problem);
        uint64_t heights[] = { load, load + 1 + rng_below(&rng, load), made.known ? made.known : load + load / 8 };
        for (size_t h = 0; h < 3; h++)
            expect_one_verdict(&made, heights[h], (uint64_t)1 << 14, &n_known);
        n_asked += 3 * N_ENGINES * N_RULE_SETS;
    }
    cr_assert_gt(n_known, n_asked / 10 * 9, "%u of %u known", n_known, n_asked);
}

Test(exact, no_rule_refutes_what_was_cut_from_a_rectangle)
{
    struct rng rng = { 5 };
    unsigned n_known = 0;
    for (int k = 0; k < 60; k++) {
        struct made made;
        made_cut(&made, &rng, 15 + (uint32_t)rng_below(&rng, MADE_MAX - 15));
        expect_one_verdict(&made, made.known, (uint64_t)1 << 14, &n_known);
    }
    cr_assert_gt(n_known, 60 * N_ENGINES * N_RULE_SETS / 3);
}

/* ---- items that may take over the bytes of others ---- */

static uint64_t optimum_with_heirs(const struct problem *problem, uint64_t peak)
{
    while (peak > 0 && exhaust_offsets(problem, peak - 1))
        peak--;
    return peak;
}

Test(exact, is_never_wrong_where_items_may_be_taken_over)
{
    struct rng rng = { 6 };
    struct tally tally = { .mem = gai_env(NULL).mem };
    unsigned n_optimal = 0, n_proved = 0, n_tried = 1000;
    for (unsigned k = 0; k < n_tried; k++) {
        struct made made;
        struct place_opts opts = { .effort = GA_EFFORT_PROVE };
        struct answer answer;
        made_heirs(&made, &rng, 2 + (uint32_t)rng_below(&rng, k % 10 ? 4 : 5));
        for (int ask = 0; ask < 2; ask++) {
            cr_assert_eq(gai_place_solve(&tally.mem, &made.problem, &opts, &answer), GA_OK);
            cr_assert_null(gai_place_check(&tally.mem, &made.problem, &answer, NULL, NULL));
            uint64_t peak = answer.pools[0].peak, bound = answer.pools[0].bound;
            uint64_t optimum = optimum_with_heirs(&made.problem, peak);
            cr_assert(bound <= optimum && optimum <= peak);
            n_optimal += ask == 0 && peak == optimum;
            n_proved += ask == 0 && peak == bound;
            made.limits.capacity = optimum - rng_below(&rng, 2);
            gai_answer_fini(&tally.mem, &answer);
        }
    }
    cr_assert_gt(n_optimal, n_tried * 99 / 100, "only %u of %u are optimal", n_optimal, n_tried);
    cr_assert_gt(n_proved, n_tried * 85 / 100, "only %u of %u are proved", n_proved, n_tried);
}
