/*
 * test_tgraph_write.c - graphs written and read again: recorded ones, and whatever an engine may describe
 */
#include "unit/recorded.h"

#include "base/rng.h"

static uint64_t peak_of(const ga_graph *graph)
{
    ga_plan *plan;
    uint64_t align[8] = { 32, 32, 32, 32, 32, 32, 32, 32 }, sum = 0;
    struct ga_plan_opts opts = { .effort = GA_EFFORT_ONLINE, .n_pools = 8, .align = align };
    cr_assert_eq(ga_plan_graph(graph, &opts, &plan), GA_OK, "%s", ga_graph_error(graph));
    for (unsigned pool = 0; pool < 8; pool++)
        sum = sum * 31 + ga_plan_peak(plan, pool);
    ga_plan_delete(plan);
    return sum;
}

/* Written and read again; the caller deletes it. */
static ga_graph *rewrite(const ga_graph *graph)
{
    struct test_text text = { 0 };
    struct ga_sink sink = test_sink(&text);
    cr_assert_eq(ga_graph_write(graph, &sink), GA_OK);
    struct test_source from = { .text = text.text, .len = text.len };
    struct ga_source source = test_source(&from);
    ga_graph *again = NULL;
    char error[300] = "";
    cr_assert_eq(ga_graph_read(NULL, &source, &again, error, sizeof error), GA_OK, "%s\n%s", error,
                 text.len < 20000 ? text.text : "");
    test_text_fini(&text);
    return again;
}

static void expect_rewrites(const char *path, char *text, size_t len)
{
    (void)len;
    struct tgraph file = must_read(text, INPLACE_VIEWS);
    ga_graph *again = rewrite(file.graph);
    cr_assert_eq(peak_of(again), peak_of(file.graph), "%s", path);
    cr_assert_eq(ga_graph_signature(again), ga_graph_signature(file.graph), "%s", path);
    ga_graph_delete(again);
    gai_tgraph_fini(&file);
}

Test(tgraph, writes_what_it_reads)
{
    each_own_graph(expect_rewrites);
    each_shared_graph(expect_rewrites);
}

/* ---- graphs that engines describe ---- */

/* Any flags and sources that the graph does not refuse. */
static ga_graph *random_graph(struct rng *rng)
{
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t n = (uint32_t)rng_below(rng, 20) + 2, n_leafs = (uint32_t)rng_below(rng, 4);
    static const char *const ops[] = { NULL, "ADD", "NORM", "VIEW", "NONE", "CPY" };
    for (ga_id id = 1; id <= n; id++) {
        ga_id srcs[3];
        struct ga_node node = {
            .src = srcs, .size = rng_below(rng, 4) * 64, .op = ops[rng_below(rng, 6)], .pool = (uint16_t)rng_below(rng, 2)
        };
        if (id <= n_leafs) {
            node.flags = rng_below(rng, 3) ? GA_INPUT : GA_EXTERNAL;
            ga_graph_add(graph, &node);
            continue;
        }
        for (; node.n_src < rng_below(rng, 4) && id > 1; node.n_src++)
            srcs[node.n_src] = (ga_id)rng_below(rng, id - 1) + 1;
        node.flags = rng_below(rng, 4) ? 0 : rng_below(rng, 2) ? GA_OUTPUT : GA_DISCARD;
        node.align = rng_below(rng, 5) ? 0 : 256;
        node.reuse = rng_below(rng, 8);
        node.eager = node.reuse & rng_below(rng, 8);
        struct ga_node seen;
        if (id > 1 && rng_below(rng, 3) == 0 && ga_graph_node(graph, (ga_id)rng_below(rng, id - 1) + 1, &seen) &&
            !(seen.flags & GA_DEPEND)) {
            node.view_of = seen.view_of ? seen.view_of : id - 1;
            ga_graph_node(graph, node.view_of, &seen);
            if (seen.view_of || (seen.flags & GA_DEPEND))
                node.view_of = GA_NONE;
            node.size = node.view_of ? seen.size : node.size;
            node.align = 0;
            node.flags = (uint16_t)(node.view_of && rng_below(rng, 3) == 0 ? GA_WRITES : 0);
            node.pool = seen.pool;
        } else if (rng_below(rng, 8) == 0) {
            node = (struct ga_node){ .src = srcs, .n_src = node.n_src, .flags = GA_DEPEND };
        }
        if (rng_below(rng, 3) == 0 && id > n_leafs + 1)
            node.flags |= GA_TOGETHER;
        ga_graph_add(graph, &node);
    }
    if (ga_graph_len(graph) > n_leafs + 1)
        ga_graph_extend(graph, (ga_id)rng_below(rng, n) + 1, n);
    return graph;
}

/* Windows of views are planned as their roots; places are compared node by node. */
static void expect_same_plan(const ga_graph *a, const ga_graph *b, uint64_t seed)
{
    ga_plan *x, *y;
    uint64_t align[2] = { 32, 32 };
    struct ga_plan_opts opts = { .effort = GA_EFFORT_ONLINE, .n_pools = 2, .align = align };
    if (ga_plan_graph(a, &opts, &x) != GA_OK) {
        cr_assert_eq(ga_plan_graph(b, &opts, &y), GA_INVALID);
        return;
    }
    cr_assert_eq(ga_plan_graph(b, &opts, &y), GA_OK, "seed %d: %s", (int)seed, ga_graph_error(b));
    for (unsigned pool = 0; pool < 2; pool++)
        cr_assert_eq(ga_plan_peak(x, pool), ga_plan_peak(y, pool), "seed %d", (int)seed);
    ga_plan_delete(x);
    ga_plan_delete(y);
}

Test(tgraph, writes_any_graph_so_that_it_plans_alike)
{
    uint32_t n_written = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct rng rng = { seed };
        ga_graph *graph = random_graph(&rng);
        if (ga_graph_status(graph) == GA_OK) {
            ga_graph *again = rewrite(graph);
            cr_assert_eq(ga_graph_len(again), ga_graph_len(graph));
            expect_same_plan(graph, again, seed);
            ga_graph_delete(again);
            n_written++;
        }
        ga_graph_delete(graph);
    }
    cr_assert_gt(n_written, 1000, "only %d", (int)n_written);
}

Test(tgraph, writes_a_parse_sequence_as_steps)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id x = ga_graph_add(graph, &(struct ga_node){ .size = 64, .flags = GA_INPUT });
    ga_id a = ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = &x, .n_src = 1 });
    ga_id b = ga_graph_add(graph, &(struct ga_node){ .size = 128, .src = &x, .n_src = 1 });
    ga_graph_add(graph, &(struct ga_node){ .size = 4096, .src = &x, .n_src = 1 });
    ga_id c = ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = (ga_id[]){ a, b }, .n_src = 2 });
    ga_id lazy = ga_graph_add(graph, &(struct ga_node){ .size = 256 });
    ga_id d = ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = (ga_id[]){ c, lazy }, .n_src = 2 });
    ga_id list[] = { b, a, GA_NONE, c, GA_NONE, d };
    cr_assert_eq(ga_graph_sequence(graph, list, 6), GA_OK);
    ga_graph *again = rewrite(graph);
    expect_same_plan(graph, again, 0);
    struct ga_node node;
    cr_assert(ga_graph_node(again, 4, &node));
    cr_assert_eq(node.flags, GA_TOGETHER);
    cr_assert_eq(ga_graph_len(again), ga_graph_len(graph));
    ga_graph_delete(again);
    ga_graph_delete(graph);
}

Test(tgraph, writes_until_the_sink_refuses)
{
    struct tgraph file = must_read(GOOD, INPLACE_VIEWS);
    struct test_text text = { .limit = 100 };
    struct ga_sink sink = test_sink(&text);
    cr_assert_eq(ga_graph_write(file.graph, &sink), GA_IO);
    test_text_fini(&text);
    gai_tgraph_fini(&file);
}

Test(tgraph, writes_nothing_when_memory_runs_out)
{
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    ga_graph *graph = ga_graph_new(&env);
    ga_graph_add(graph, &(struct ga_node){ .size = 64 });
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status == GA_NO_MEMORY; nth++) {
        struct test_text text = { 0 };
        struct ga_sink sink = test_sink(&text);
        uint64_t blocks = mem.blocks;
        mem.fail_at = mem.requests + nth;
        status = ga_graph_write(graph, &sink);
        cr_assert_eq(mem.blocks, blocks);
        cr_assert_eq(text.len > 0, status == GA_OK);
        cr_assert_lt(nth, 20);
        test_text_fini(&text);
    }
    cr_assert_eq(status, GA_OK);
    ga_graph_delete(graph);
    cr_assert_not(mem.lied);
}
