#include "fuzz.h"

static bool drop(void *user, const char *text, size_t len)
{
    (void)text;
    *(size_t *)user += len;
    return true;
}

static void look_at(const ga_plan *plan, const ga_graph *graph)
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    REQUIRE(info.n_nodes == ga_graph_len(graph), "a plan of %u nodes for %u", info.n_nodes, ga_graph_len(graph));
    struct ga_slot slot;
    uint64_t birth, death;
    for (ga_id id = 0; id <= info.n_nodes + 1; id++)
        if (ga_plan_slot(plan, id, &slot) && ga_plan_life(plan, id, &birth, &death))
            REQUIRE(birth < death, "node %u lives from %llu to %llu", id, (unsigned long long)birth, (unsigned long long)death);
    struct ga_live live[8];
    uint64_t step;
    size_t written = 0;
    for (unsigned pool = 0; pool < info.n_pools; pool++) {
        REQUIRE(ga_plan_bound(plan, pool) <= ga_plan_peak(plan, pool), "a bound above the peak");
        ga_plan_live_at_peak(plan, pool, live, 8, &step);
    }
    for (int format = GA_TEXT; format <= GA_PLAN; format++)
        ga_plan_write(plan, graph, (enum ga_format)format, &(struct ga_sink){ drop, &written });
}

void fuzz_plan_all(const ga_graph *graph, const struct ga_plan_opts *opts)
{
    static const enum ga_effort rungs[] = { GA_EFFORT_NONE, GA_EFFORT_ONLINE, GA_EFFORT_QUICK };
    uint64_t online[64];
    memset(online, 0xff, sizeof online);
    for (int i = 0; i < 3; i++) {
        struct ga_plan_opts with = *opts;
        with.effort = rungs[i];
        ga_plan *plan = NULL;
        char why[200] = "";
        enum ga_status status = ga_plan_graph(graph, &with, &plan);
        if (status != GA_OK)
            continue;
        REQUIRE(ga_plan_check(plan, graph, why, sizeof why) == GA_OK, "effort %d: %s", (int)with.effort, why);
        REQUIRE(ga_plan_fits(plan, graph, why, sizeof why), "effort %d: %s", (int)with.effort, why);
        look_at(plan, graph);
        for (unsigned pool = 0; pool < 64; pool++) {
            /* ggml's last chunk, the 16th, knows no limit: what keeps to it may need more. */
            bool breaks_limit = ga_plan_chunk(plan, pool, 15) > 0;
            if (with.effort == GA_EFFORT_ONLINE && !breaks_limit)
                online[pool] = ga_plan_peak(plan, pool);
            if (with.effort == GA_EFFORT_QUICK)
                REQUIRE(ga_plan_peak(plan, pool) <= online[pool], "quick is worse than online");
        }
        ga_plan_delete(plan);
    }
}
