/*
 * chain.h - a small graph to plan, for the tests of plan/
 */
#ifndef TESTS_UNIT_CHAIN_H
#define TESTS_UNIT_CHAIN_H

#include "plan/plan.h"
#include "graph/graph.h"

#include <criterion/criterion.h>

#define READS(...) .src = (ga_id[]){ __VA_ARGS__ }, .n_src = sizeof((ga_id[]){ __VA_ARGS__ }) / sizeof(ga_id)

static inline ga_id add(ga_graph *graph, struct ga_node node)
{
    ga_id id = ga_graph_add(graph, &node);
    cr_assert_neq(id, GA_NONE, "%s", ga_graph_error(graph));
    return id;
}

static inline ga_plan *plan_at(const ga_graph *graph, enum ga_effort effort)
{
    ga_plan *plan = NULL;
    uint64_t align = 32;
    struct ga_plan_opts opts = { .effort = effort, .n_pools = 1, .align = &align };
    cr_assert_eq(ga_plan_graph(graph, &opts, &plan), GA_OK, "%s", ga_graph_error(graph));
    char why[200];
    cr_assert_eq(ga_plan_check(plan, graph, why, sizeof why), GA_OK, "%s", why);
    return plan;
}

/* x and y alternate; the third can take the first's bytes, or those of its source. */
static inline ga_graph *chain(uint64_t reuse, uint64_t eager)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = 100, .flags = GA_INPUT, .name = "x" });
    ga_id y = add(g, (struct ga_node){ .size = 100, READS(x), .reuse = reuse, .eager = eager, .name = "y" });
    ga_id z = add(g, (struct ga_node){ .size = 100, READS(y), .reuse = reuse, .eager = eager, .name = "z" });
    add(g, (struct ga_node){ .size = 50, .view_of = z, .view_offset = 50, READS(z), .name = "v" });
    return g;
}

#endif
