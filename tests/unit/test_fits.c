/*
 * test_fits.c - which graphs a plan serves, and the reason in words when it does not
 */
#include "unit/chain.h"

#include <string.h>

static void expect_stale(const ga_plan *plan, const ga_graph *graph, const char *word)
{
    char why[200] = "";
    cr_assert_not(ga_plan_fits(plan, graph, why, sizeof why));
    cr_assert_not_null(strstr(why, word), "%s", why);
    cr_assert_eq(ga_plan_check(plan, graph, NULL, 0), GA_STALE);
}

/* The chain again, one thing changed. */
static ga_graph *changed_chain(int what)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = what == 0 ? 99 : 100, .flags = GA_INPUT });
    ga_id y = add(g, (struct ga_node){ .size = what == 1 ? 101 : 100, READS(x), .reuse = 1, .eager = 1, .name = "y" });
    ga_id from = what == 2 ? x : y;
    struct ga_node z = { .size = 100, READS(from), .reuse = 1, .eager = what == 3 ? 0 : 1, .name = "z" };
    z.flags = what == 4 ? GA_OUTPUT : 0;
    z.align = what == 5 ? 64 : 0;
    add(g, z);
    add(g, (struct ga_node){ .size = 50, .view_of = 3, .view_offset = what == 6 ? 40 : 50, READS(3), .name = "v" });
    if (what == 7)
        add(g, (struct ga_node){ .size = 1 });
    if (what == 8)
        ga_graph_extend(g, x, y);
    return g;
}

Test(plan, tells_what_makes_it_stale)
{
    static const char *const words[] = { NULL,
                                         "node 2 'y' needs 101 bytes, its slot has 100",
                                         "node 3 'z' reads other sources",
                                         "node 3 'z' may take over other sources",
                                         "node 3 'z' has other flags",
                                         NULL,
                                         "node 4 'v' looks into other bytes",
                                         "5 nodes",
                                         "extended" };
    ga_graph *g = chain(1, 1);
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    cr_assert(ga_plan_fits(plan, g, NULL, 0));
    for (int what = 0; what < 9; what++) {
        ga_graph *other = changed_chain(what);
        if (words[what])
            expect_stale(plan, other, words[what]);
        else
            cr_assert(ga_plan_fits(plan, other, NULL, 0), "case %d", what);
        ga_graph_delete(other);
    }
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, is_stale_when_alignment_grows)
{
    for (uint64_t align = 32; align <= 64; align *= 2) {
        ga_graph *g = ga_graph_new(NULL);
        add(g, (struct ga_node){ .size = 32, .flags = GA_INPUT });
        add(g, (struct ga_node){ .size = 32, .flags = GA_INPUT });
        ga_plan *plan = plan_at(g, GA_EFFORT_NONE);
        ga_graph_clear(g);
        add(g, (struct ga_node){ .size = 32, .flags = GA_INPUT, .align = align });
        add(g, (struct ga_node){ .size = 32, .flags = GA_INPUT, .align = align });
        if (align == 32)
            cr_assert(ga_plan_fits(plan, g, NULL, 0));
        else
            expect_stale(plan, g, "alignment");
        ga_plan_delete(plan);
        ga_graph_delete(g);
    }
}

Test(plan, serves_nodes_that_never_run)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = 8 });
    ga_id idle = add(g, (struct ga_node){ .size = 8 });
    ga_graph_sequence(g, &x, 1);
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    struct ga_slot slot;
    cr_assert_not(ga_plan_slot(plan, idle, &slot));
    cr_assert(ga_plan_fits(plan, g, NULL, 0));
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, notices_when_what_had_no_bytes_gets_some)
{
    ga_graph *g = ga_graph_new(NULL);
    add(g, (struct ga_node){ .size = 0 });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    ga_graph_clear(g);
    add(g, (struct ga_node){ .size = 8 });
    expect_stale(plan, g, "needs 8 bytes, its slot has 0");
    ga_plan_delete(plan);
    ga_graph_delete(g);
}
