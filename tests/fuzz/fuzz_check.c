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

static uint64_t bound_of(const ga_graph *graph, const struct ga_plan_opts *opts)
{
    ga_plan *plan = NULL;
    uint64_t bound = 0;
    REQUIRE(ga_plan_graph(graph, opts, &plan) == GA_OK, "an order cannot be planned");
    for (unsigned pool = 0; pool < 65536; pool++)
        bound += ga_plan_bound(plan, pool);
    ga_plan_delete(plan);
    return bound;
}

void fuzz_order(ga_graph *graph, const struct ga_plan_opts *opts, uint32_t reach)
{
    struct ga_order_opts with = { .plan = *opts, .steps = 20000, .reach = reach, .mixes_pools = reach & 1 };
    struct ga_order_info info;
    size_t n = 0, room = 2 * (size_t)ga_graph_len(graph) + 1;
    ga_id *list = calloc(room, sizeof *list);
    char why[200] = "";
    if (list && ga_order(graph, &with, list, &n, &info) == GA_OK) {
        REQUIRE(n < room, "%zu entries for %u nodes", n, (unsigned)ga_graph_len(graph));
        REQUIRE(ga_order_check(graph, list, n, why, sizeof why) == GA_OK, "%s", why);
        REQUIRE(info.bound_after <= info.bound_before && info.peak_after <= info.peak_before, "it got worse");
        REQUIRE(ga_graph_sequence(graph, list, n) == GA_OK, "no sequence: %s", ga_graph_error(graph));
        REQUIRE(n == 0 || bound_of(graph, opts) == info.bound_after, "another bound than promised");
    }
    free(list);
}

ga_graph *fuzz_read_graph(const void *text, size_t len, size_t step)
{
    struct fuzz_text from = { text, len, 0, step };
    char error[200] = "";
    ga_graph *graph = NULL;
    enum ga_status status = ga_graph_read(NULL, &(struct ga_source){ fuzz_read, &from }, &graph, error, sizeof error);
    REQUIRE((status == GA_OK) == (graph != NULL), "status %d, graph %p", (int)status, (void *)graph);
    REQUIRE(status == GA_OK || error[0], "refused, but nobody says why");
    return graph;
}

/* Nodes with bytes of their own; UINT32_MAX when the graph cannot be planned. */
static uint32_t count_storages(const ga_graph *graph)
{
    ga_plan *plan = NULL;
    struct ga_plan_info info = { .n_storages = UINT32_MAX };
    if (ga_plan_graph(graph, &(struct ga_plan_opts){ .effort = GA_EFFORT_NONE }, &plan) == GA_OK)
        ga_plan_info(plan, &info);
    ga_plan_delete(plan);
    return info.n_storages;
}

void fuzz_round_trip(const ga_graph *graph, bool all_run)
{
    struct fuzz_output out = { 0 };
    if (ga_graph_write(graph, &(struct ga_sink){ fuzz_append, &out }) == GA_OK) {
        ga_graph *again = fuzz_read_graph(out.text, out.len, 4096);
        REQUIRE(again, "what was written cannot be read");
        REQUIRE(ga_graph_len(again) == ga_graph_len(graph), "%u nodes became %u", ga_graph_len(graph), ga_graph_len(again));
        uint32_t had = count_storages(graph), has = count_storages(again);
        REQUIRE(had == has || had == UINT32_MAX || !all_run, "%u storages became %u", had, has);
        ga_graph_delete(again);
    }
    free(out.text);
}
