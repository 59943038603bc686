/*
 * Random programs run on planned memory and compared, byte for byte, with the same programs run on memory of their own.
 */
#include "model/toy.h"

#include "plan/plan.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define PROGRAMS 3000
#define SHARES 6 /* tests that split the programs: each is a process of its own */

static const enum ga_effort rungs[] = { GA_EFFORT_NONE, GA_EFFORT_ONLINE, GA_EFFORT_QUICK };

static ga_plan *plan_toy(const struct toy *toy, const ga_graph *graph, enum ga_effort effort, uint64_t seed)
{
    struct ga_plan_opts opts = {
        .effort = effort, .seed = seed, .n_pools = toy->n_pools, .chunk_max = toy->chunk_max, .align = toy->align
    };
    ga_plan *plan = NULL;
    enum ga_status status = ga_plan_graph(graph, &opts, &plan);
    cr_assert_eq(status, GA_OK, "program %llu, effort %d: %s, %s", (unsigned long long)seed, (int)effort, ga_status_str(status),
                 ga_graph_error(graph));
    return plan;
}

static void run_with(const struct toy *toy, const ga_graph *graph, enum ga_effort effort, uint64_t seed, uint64_t peaks[TOY_POOLS])
{
    char why[256] = "";
    ga_plan *plan = plan_toy(toy, graph, effort, seed);
    enum ga_status checked = ga_plan_check(plan, graph, why, sizeof why);
    cr_assert_eq(checked, GA_OK, "program %llu, effort %d: check says %s", (unsigned long long)seed, (int)effort, why);
    const char *wrong = toy_run(toy, plan, seed, why, sizeof why);
    cr_assert_null(wrong, "program %llu, effort %d: %s", (unsigned long long)seed, (int)effort, wrong);
    for (unsigned i = 0; i < toy->n_pools; i++) {
        /* ggml's last chunk, the 16th, knows no limit: what keeps to it may need more. */
        bool breaks_limit = effort == GA_EFFORT_ONLINE && ga_plan_chunk(plan, i, 15) > 0;
        peaks[i] = breaks_limit ? UINT64_MAX : ga_plan_peak(plan, i);
        cr_assert_leq(ga_plan_bound(plan, i), peaks[i], "program %llu: bound above peak", (unsigned long long)seed);
    }
    ga_plan_delete(plan);
}

ParameterizedTestParameters(engine, runs_programs_on_planned_memory)
{
    static int shares[SHARES] = { 0, 1, 2, 3, 4, 5 };
    return cr_make_param_array(int, shares, SHARES);
}

ParameterizedTest(const int *share, engine, runs_programs_on_planned_memory)
{
    ga_graph *graph = ga_graph_new(NULL);
    for (uint64_t seed = (uint64_t)*share; seed < PROGRAMS; seed += SHARES) {
        struct toy toy;
        toy_make(&toy, seed);
        ga_graph_clear(graph);
        cr_assert_eq(toy_feed(&toy, graph), GA_OK, "program %llu: %s", (unsigned long long)seed, ga_graph_error(graph));
        uint64_t peaks[3][TOY_POOLS] = { { 0 } };
        for (int i = 0; i < 3; i++)
            run_with(&toy, graph, rungs[i], seed, peaks[i]);
        for (unsigned i = 0; i < toy.n_pools; i++)
            cr_assert_leq(peaks[2][i], peaks[1][i], "program %llu: quick is worse than online", (unsigned long long)seed);
    }
    ga_graph_delete(graph);
}

/* Moves a storage, its windows with it, to where another one is. */
static void move(const struct toy *toy, ga_plan *plan, ga_id id, const struct ga_slot *to)
{
    for (ga_id other = 1; other <= toy->n_nodes; other++) {
        const struct toy_node *node = &toy->nodes[other];
        if (node->root != id || plan->slots[other].size == 0)
            continue;
        plan->slots[other].chunk = to->chunk;
        plan->slots[other].offset = to->offset + node->root_offset;
    }
}

static ga_id any_storage(const struct toy *toy, const ga_plan *plan, struct rng *rng)
{
    ga_id id = 1 + (ga_id)rng_below(rng, toy->n_nodes);
    return toy->nodes[id].root == id && plan->slots[id].size > 0 ? id : GA_NONE;
}

Test(engine, fails_whenever_the_check_should_have_refused)
{
    uint32_t refused = 0, accepted = 0, good_after_all = 0;
    ga_graph *graph = ga_graph_new(NULL);
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct toy toy;
        toy_make(&toy, seed);
        ga_graph_clear(graph);
        cr_assert_eq(toy_feed(&toy, graph), GA_OK);
        struct rng rng = { seed };
        for (int times = 0; times < 6; times++) {
            ga_plan *plan = plan_toy(&toy, graph, rungs[times % 3], seed);
            ga_id moved = any_storage(&toy, plan, &rng), onto = any_storage(&toy, plan, &rng);
            if (moved && onto && toy.nodes[moved].pool == toy.nodes[onto].pool) {
                char why[256];
                struct ga_slot to = plan->slots[onto];
                move(&toy, plan, moved, &to);
                bool passes = ga_plan_check(plan, graph, NULL, 0) == GA_OK;
                const char *wrong = toy_run(&toy, plan, seed, why, sizeof why);
                cr_assert(!passes || !wrong, "program %llu: node %u moved onto %u was accepted, but %s", (unsigned long long)seed,
                          (unsigned)moved, (unsigned)onto, wrong);
                passes ? accepted++ : refused++;
                good_after_all += !passes && !wrong;
            }
            ga_plan_delete(plan);
        }
    }
    ga_graph_delete(graph);
    cr_assert_gt(refused, 300, "%u refused", (unsigned)refused);
    cr_assert_gt(accepted, 30, "%u accepted", (unsigned)accepted);
    /* The check may be stricter than luck, but not by much: most of what it refuses does go wrong. */
    cr_assert_lt(good_after_all, refused / 2, "%u of %u refused plans would have worked", (unsigned)good_after_all,
                 (unsigned)refused);
}

Test(engine, is_never_served_the_plan_of_another_program)
{
    ga_graph *graph = ga_graph_new(NULL), *other_graph = ga_graph_new(NULL);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct toy toy, other;
        toy_make(&toy, seed);
        toy_make(&other, seed + 1);
        ga_graph_clear(graph);
        ga_graph_clear(other_graph);
        cr_assert_eq(toy_feed(&toy, graph), GA_OK);
        cr_assert_eq(toy_feed(&other, other_graph), GA_OK);
        ga_plan *plan = plan_toy(&toy, graph, GA_EFFORT_QUICK, seed);
        char why[256] = "";
        cr_assert(ga_plan_fits(plan, graph, NULL, 0));
        cr_assert_not(ga_plan_fits(plan, other_graph, why, sizeof why));
        cr_assert_gt(strlen(why), 0);
        cr_assert_eq(ga_plan_check(plan, other_graph, NULL, 0), GA_STALE);
        ga_plan_delete(plan);
    }
    ga_graph_delete(other_graph);
    ga_graph_delete(graph);
}
