/*
 * Orders judged by running them: random programs, put in another order, must come out the same on planned memory.
 */
#include "ggml_alloc/order.h"
#include "model/toy.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#define PROGRAMS 10000
#define SHARES 8

static void feed(const struct toy *toy, ga_graph *graph, uint64_t seed)
{
    ga_graph_clear(graph);
    cr_assert_eq(toy_feed(toy, graph), GA_OK, "program %llu: %s", (unsigned long long)seed, ga_graph_error(graph));
}

static struct ga_order_opts opts_of(const struct toy *toy, struct rng *rng)
{
    struct ga_order_opts opts = { .plan = { .n_pools = toy->n_pools, .chunk_max = toy->chunk_max, .align = toy->align } };
    opts.mixes_pools = rng_below(rng, 2);
    opts.reach = rng_below(rng, 4) == 0 ? 1 + (uint32_t)rng_below(rng, 5) : 0;
    return opts;
}

static void expect_same_results(const struct toy *a, const struct toy *b, uint64_t seed)
{
    uint32_t before[TOY_NODES + 1], after[TOY_NODES + 1];
    toy_digest(a, before);
    toy_digest(b, after);
    for (ga_id id = 1; id <= a->n_nodes; id++)
        cr_assert_eq(before[id], after[id], "program %llu: node %u computes something else", (unsigned long long)seed,
                     (unsigned)id);
}

static uint64_t bound_of(const ga_graph *graph, const struct ga_order_opts *opts, ga_plan **plan)
{
    struct ga_plan_info info;
    uint64_t bound = 0;
    cr_assert_eq(ga_plan_graph(graph, &opts->plan, plan), GA_OK);
    ga_plan_info(*plan, &info);
    for (unsigned pool = 0; pool < info.n_pools; pool++)
        bound += ga_plan_bound(*plan, pool);
    return bound;
}

ParameterizedTestParameters(order, programs_come_out_the_same)
{
    static int shares[SHARES] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    return cr_make_param_array(int, shares, SHARES);
}

ParameterizedTest(const int *share, order, programs_come_out_the_same)
{
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t better = 0;
    for (uint64_t seed = (uint64_t)*share; seed < PROGRAMS; seed += SHARES) {
        struct toy toy, other;
        struct ga_order_info info;
        struct rng rng = { seed };
        ga_id list[2 * TOY_NODES];
        size_t n;
        char why[256] = "";
        toy_make(&toy, seed);
        feed(&toy, graph, seed);
        struct ga_order_opts opts = opts_of(&toy, &rng);
        cr_assert_eq(ga_order(graph, &opts, list, &n, &info), GA_OK);
        cr_assert_eq(ga_order_check(graph, list, n, why, sizeof why), GA_OK, "program %llu: %s", (unsigned long long)seed, why);
        cr_assert_leq(info.bound_after, info.bound_before);
        cr_assert_leq(info.peak_after, info.peak_before);
        better += info.bound_after < info.bound_before;
        if (toy.n_order == 0) /* an empty sequence is none */
            continue;

        other = toy;
        toy_reorder(&other, list, n);
        expect_same_results(&toy, &other, seed);
        cr_assert_eq(ga_graph_sequence(graph, list, n), GA_OK);
        ga_plan *plan;
        cr_assert_eq(bound_of(graph, &opts, &plan), info.bound_after, "program %llu", (unsigned long long)seed);
        const char *wrong = toy_run(&other, plan, seed, why, sizeof why);
        cr_assert_null(wrong, "program %llu: %s", (unsigned long long)seed, wrong);
        ga_plan_delete(plan);
    }
    cr_assert_gt(better, PROGRAMS / SHARES / 20, "only %u programs need less", (unsigned)better);
    ga_graph_delete(graph);
}

/* Two steps of a list change places. */
static void swap_steps(const ga_id *list, size_t n, size_t a, size_t b, ga_id *out)
{
    size_t starts[2 * TOY_NODES + 1], n_steps = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || list[i - 1] == GA_NONE)
            starts[n_steps++] = i;
    starts[n_steps] = n;
    a %= n_steps;
    b %= n_steps;
    for (size_t step = 0; step < n_steps; step++) {
        size_t from = step == a ? b : step == b ? a : step;
        for (size_t i = starts[from]; i < starts[from + 1]; i++)
            out[at++] = list[i];
    }
}

/* What the check accepts comes out the same; of what it refuses, much does not. */
Test(order, is_refused_when_it_would_compute_something_else)
{
    uint32_t refused = 0, accepted = 0, differed = 0;
    ga_graph *graph = ga_graph_new(NULL);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct toy toy, other;
        struct rng rng = { seed };
        ga_id list[2 * TOY_NODES], changed[2 * TOY_NODES];
        size_t n;
        toy_make(&toy, seed);
        feed(&toy, graph, seed);
        cr_assert_eq(ga_order(graph, NULL, list, &n, NULL), GA_OK);
        if (toy.n_order == 0) /* an empty sequence is none */
            continue;
        swap_steps(list, n, (size_t)rng_below(&rng, n), (size_t)rng_below(&rng, n), changed);
        bool passes = ga_order_check(graph, changed, n, NULL, 0) == GA_OK;
        uint32_t before[TOY_NODES + 1], after[TOY_NODES + 1];
        other = toy;
        toy_reorder(&other, changed, n);
        toy_digest(&toy, before);
        toy_digest(&other, after);
        bool differs = memcmp(before, after, sizeof before) != 0;
        cr_assert(!passes || !differs, "program %llu was accepted, but computes something else", (unsigned long long)seed);
        accepted += passes;
        refused += !passes;
        differed += differs;
    }
    cr_assert_gt(accepted, 300, "%u accepted", (unsigned)accepted);
    cr_assert_gt(refused, 1000, "%u refused", (unsigned)refused);
    cr_assert_gt(differed, refused / 3, "%u of %u differed", (unsigned)differed, (unsigned)refused);
    ga_graph_delete(graph);
}
