/*
 * test_graph.c - building graphs: what is counted, what is refused
 */
#include "graph/graph.h"
#include "base/rng.h"
#include "unit/breaks.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static ga_id add(ga_graph *graph, uint64_t size, const ga_id *src, uint32_t n_src)
{
    return ga_graph_add(graph, &(struct ga_node){ .size = size, .src = src, .n_src = n_src });
}

Test(graph, counts_children_and_views)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id x = add(graph, 100, NULL, 0);
    ga_id both[] = { x, x };
    ga_id y = add(graph, 100, both, 2);
    ga_id v = ga_graph_add(graph, &(struct ga_node){ .size = 10, .view_of = y, .view_offset = 20, .src = &y, .n_src = 1 });
    ga_id w = ga_graph_add(graph, &(struct ga_node){ .size = 5, .view_of = v, .view_offset = 5, .src = &v, .n_src = 1 });
    cr_assert_eq(ga_graph_children(graph, x), 2);
    cr_assert_eq(ga_graph_children(graph, y), 1);
    cr_assert_eq(ga_graph_views(graph, y), 2, "a view of a view looks into the root");
    cr_assert_eq(ga_graph_views(graph, v), 0);
    struct ga_node node;
    cr_assert(ga_graph_node(graph, w, &node));
    cr_assert_eq(node.view_of, y);
    cr_assert_eq(node.view_offset, 25);
    cr_assert_null(gai_graph_check(graph));
    cr_assert_not(ga_graph_node(graph, GA_NONE, &node));
    cr_assert_not(ga_graph_node(graph, w + 1, &node));
    cr_assert_eq(ga_graph_children(graph, 99), 0);
    ga_graph_delete(graph);
}

Test(graph, ignores_that_a_node_lists_itself)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id x = add(graph, 8, NULL, 0);
    ga_id src[] = { x, x + 1 };
    ga_id cast = add(graph, 8, src, 2);
    cr_assert_eq(cast, x + 1);
    cr_assert_eq(ga_graph_children(graph, cast), 0);
    cr_assert_null(gai_graph_check(graph));
    ga_graph_delete(graph);
}

Test(graph, counts_what_a_dependency_named_ahead)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id ahead[] = { 5, 3, 3, 4 };
    ga_graph_add(graph, &(struct ga_node){ .src = ahead, .n_src = 4, .flags = GA_DEPEND });
    for (int i = 0; i < 4; i++)
        add(graph, 8, NULL, 0);
    cr_assert_eq(ga_graph_children(graph, 2), 0);
    cr_assert_eq(ga_graph_children(graph, 3), 2);
    cr_assert_eq(ga_graph_children(graph, 4), 1);
    cr_assert_eq(ga_graph_children(graph, 5), 1);
    cr_assert_null(gai_graph_check(graph));
    ga_graph_delete(graph);
}

Test(graph, finds_nodes_by_key)
{
    static char tensors[1000];
    ga_graph *graph = ga_graph_new(NULL);
    for (int round = 0; round < 2; round++) {
        ga_graph_clear(graph);
        cr_assert_eq(ga_graph_find(graph, &tensors[1]), GA_NONE);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .key = i % 3 ? &tensors[i] : NULL, .size = 1 }), (ga_id)i + 1);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(ga_graph_find(graph, &tensors[i]), i % 3 ? (ga_id)i + 1 : GA_NONE);
        cr_assert_eq(ga_graph_find(graph, NULL), GA_NONE);
    }
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .key = &tensors[7], .name = "twin" }), GA_NONE);
    cr_assert_eq(ga_graph_status(graph), GA_INVALID);
    cr_assert_not_null(strstr(ga_graph_error(graph), "'twin'"));
    cr_assert_not_null(strstr(ga_graph_error(graph), "node 8"));
    ga_graph_clear(graph);
    ga_id later = 9;
    ga_graph_add(graph, &(struct ga_node){ .key = &tensors[0], .src = &later, .n_src = 1 });
    cr_assert_eq(ga_graph_find(graph, &tensors[0]), GA_NONE, "a refused node's key was kept");
    ga_graph_clear(graph);
    ga_graph_add(graph, &(struct ga_node){ .key = &tensors[0] });
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .key = &tensors[0] }), GA_NONE);
    cr_assert_not_null(strstr(ga_graph_error(graph), "node 2 ''"));
    ga_graph_delete(graph);
}

/* Keys have room of their own, which does not grow with nodes that have none. */
Test(graph, tells_no_key_where_none_was_given)
{
    static char tensors[100];
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    ga_graph *graph = ga_graph_new(&env);
    struct ga_node node;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++)
            ga_graph_add(graph, &(struct ga_node){ .key = i < 40 && i % 3 != round ? &tensors[i] : NULL });
        cr_assert_gt(graph->n_nodes, graph->cap_keys);
        for (ga_id id = 1; id <= 100; id++) {
            int i = (int)id - 1;
            cr_assert(ga_graph_node(graph, id, &node));
            cr_assert_eq(node.key, i < 40 && i % 3 != round ? &tensors[i] : NULL, "node %d of round %d", (int)id, round);
        }
        ga_graph_clear(graph);
    }
    ga_graph_delete(graph);
    cr_assert(!hook.lied && hook.blocks == 0);
}

Test(graph, knows_nothing_of_nodes_that_are_not_there)
{
    ga_graph *graph = ga_graph_new(NULL);
    struct ga_node node = { .size = 77 };
    add(graph, 8, (ga_id[]){ 1 }, 1);
    for (unsigned i = 0; i < 2; i++) {
        ga_id id = i ? 2 : GA_NONE;
        cr_assert(ga_graph_children(graph, id) == 0 && ga_graph_views(graph, id) == 0 && !ga_graph_node(graph, id, &node));
    }
    cr_assert_eq(node.size, 77);
    ga_graph_delete(graph);
}

Test(graph, refuses_more_nodes_than_there_are_numbers)
{
    ga_graph *graph = ga_graph_new(NULL);
    cr_assert_eq(ga_graph_reserve(graph, GRAPH_MAX_NODES + 1, 0), GA_INVALID);
    graph->n_nodes = GRAPH_MAX_NODES; /* none is looked at */
    cr_assert_eq(add(graph, 8, NULL, 0), GA_NONE);
    cr_assert_not_null(strstr(ga_graph_error(graph), "too many nodes"));
    graph->n_nodes = 0;
    cr_assert_eq(ga_graph_reserve(graph, 1, 0), GA_INVALID, "the first failure sticks");
    cr_assert_eq(gai_graph_fail(graph, GA_NO_MEMORY, "another"), GA_INVALID);
    cr_assert_not_null(strstr(ga_graph_error(graph), "too many nodes"));
    ga_graph_delete(graph);
}

Test(graph, keeps_names_and_repeats_ops_once)
{
    ga_graph *graph = ga_graph_new(NULL);
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ga_graph_add(graph, &(struct ga_node){ .name = name, .op = i % 2 ? "MUL_MAT" : "ADD" });
    }
    cr_assert_str_eq(gai_graph_name(graph, 500), "n499");
    cr_assert_str_eq(gai_graph_op(graph, 500), "MUL_MAT");
    cr_assert_str_eq(gai_graph_op(graph, 1), "ADD");
    cr_assert_str_eq(gai_graph_name(graph, 501), "");
    cr_assert_str_eq(gai_graph_op(graph, 501), "");
    cr_assert_str_eq(gai_graph_op(graph, GA_NONE), "");
    cr_assert_lt(graph->n_strings, 500 * 5 + 100);
    ga_graph_delete(graph);
}

Test(graph, keeps_the_texts_of_one_graph_after_another)
{
    ga_graph *graph = ga_graph_new(NULL);
    for (int round = 0; round < 2; round++) {
        ga_graph_clear(graph);
        ga_id a = ga_graph_add(graph, &(struct ga_node){ .name = round ? NULL : "first", .op = "MUL_MAT" });
        ga_id b = ga_graph_add(graph, &(struct ga_node){ .name = "longer than all before it", .op = "MUL_MAT" });
        cr_assert_str_eq(gai_graph_op(graph, a), "MUL_MAT", "of round %d", round);
        cr_assert_str_eq(gai_graph_op(graph, b), "MUL_MAT", "of round %d", round);
        cr_assert_str_eq(gai_graph_name(graph, b), "longer than all before it");
    }
    ga_graph_delete(graph);
}

Test(graph, borrows_names_on_request)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_graph_borrow(graph, true);
    static const char name[] = "mine";
    ga_id id = ga_graph_add(graph, &(struct ga_node){ .name = name });
    add(graph, 1, NULL, 0);
    struct ga_node node;
    cr_assert(ga_graph_node(graph, id, &node));
    cr_assert_eq(node.name, name);
    cr_assert_str_eq(gai_graph_name(graph, id + 1), "");
    cr_assert_str_eq(gai_graph_op(graph, id), "");
    cr_assert_eq(graph->n_strings, 0);
    ga_graph_borrow(graph, false);
    cr_assert_eq(gai_graph_name(graph, id), name, "not while there are nodes");
    ga_graph_delete(graph);
}

Test(graph, keeps_masks_of_many_sources)
{
    const uint64_t top = (uint64_t)1 << 63;
    ga_graph *graph = ga_graph_new(NULL);
    ga_id src[70];
    for (int i = 0; i < 70; i++)
        src[i] = add(graph, 8, NULL, 0);
    struct ga_node spec = { .size = 8, .src = src, .n_src = 70, .reuse = top | 5, .eager = top };
    ga_id wide[3];
    for (int i = 0; i < 3; i++) {
        spec.eager = i ? 4 : top;
        wide[i] = ga_graph_add(graph, &spec);
        spec.reuse |= (uint64_t)1 << (20 + i);
    }
    spec.n_src = 64;
    spec.eager = 0;
    ga_id all = ga_graph_add(graph, &spec);
    spec.n_src = 2;
    ga_id narrow = ga_graph_add(graph, &spec);
    struct ga_node node;
    ga_graph_node(graph, wide[0], &node);
    cr_assert(node.reuse == (top | 5) && node.eager == top);
    ga_graph_node(graph, wide[2], &node);
    cr_assert(node.reuse == (top | 3 << 20 | 5) && node.eager == 4);
    ga_graph_node(graph, all, &node);
    cr_assert_eq(node.reuse, top | 7 << 20 | 5);
    ga_graph_node(graph, narrow, &node);
    cr_assert(node.reuse == 1 && node.eager == 0, "bits of sources that are not there are dropped");
    ga_graph_delete(graph);
}

/* Each of these is refused, names the node, and says one of its words. */
Test(graph, refuses_what_makes_no_sense)
{
    static const ga_id one = 1, nine = 9;
    static const struct {
        struct ga_node node;
        const char *word;
    } bad[] = {
        { { .size = 8, .src = &nine, .n_src = 1 }, "does not exist yet" },
        { { .size = 8, .n_src = 1 }, "src is NULL" },
        { { .size = 8, .view_of = 9 }, "does not exist yet" },
        { { .size = 8, .view_of = 1, .view_offset = 93 }, "end past node 1" },
        { { .size = 101, .view_of = 1 }, "end past node 1" },
        { { .size = 1, .view_of = 1, .view_offset = UINT64_MAX }, "end past node 1" },
        { { .size = 8, .align = 48 }, "power of two" },
        { { .size = UINT64_MAX }, "2^62" },
        { { .size = 8, .align = (uint64_t)1 << 63 }, "2^62" },
        { { .size = 8, .flags = GA_OUTPUT | GA_ELIDED }, "ELIDED" },
        { { .size = 8, .flags = GA_OUTPUT | GA_DISCARD }, "DISCARD" },
        { { .size = 8, .flags = GA_INPUT | GA_ELIDED }, "ELIDED" },
        { { .size = 8, .flags = GA_EXTERNAL | GA_ELIDED }, "ELIDED" },
        { { .flags = GA_DEPEND | GA_INPUT }, "DEPEND" },
        { { .flags = GA_DEPEND | GA_OUTPUT }, "DEPEND" },
        { { .flags = GA_DEPEND | GA_EXTERNAL }, "DEPEND" },
        { { .flags = GA_DEPEND, .view_of = 1 }, "DEPEND" },
        { { .size = 8, .view_of = 2 }, "DEPEND" },
        { { .size = 8, .flags = GA_WRITES }, "WRITES" },
        { { .size = 8, .flags = 0x1100 | GA_INPUT }, "unknown flags 0x1100" },
        { { .size = 8, .flags = GA_EXTERNAL, .view_of = 1 }, "EXTERNAL" },
        { { .size = 8, .src = &one, .n_src = 1, .eager = 1 }, "eager" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ga_graph *graph = ga_graph_new(NULL);
        add(graph, 100, NULL, 0);
        ga_graph_add(graph, &(struct ga_node){ .flags = GA_DEPEND });
        struct ga_node node = bad[i].node;
        node.name = "culprit";
        cr_assert_null(ga_graph_error(graph));
        cr_assert_eq(ga_graph_add(graph, &node), GA_NONE, "case %zu was accepted", i);
        cr_assert_eq(ga_graph_status(graph), GA_INVALID);
        cr_assert_not_null(strstr(ga_graph_error(graph), "node 3 'culprit'"), "case %zu: %s", i, ga_graph_error(graph));
        cr_assert_not_null(strstr(ga_graph_error(graph), bad[i].word), "case %zu: %s", i, ga_graph_error(graph));
        cr_assert_eq(add(graph, 1, NULL, 0), GA_NONE, "the first failure sticks");
        cr_assert_eq(ga_graph_len(graph), 2);
        cr_assert_null(gai_graph_check(graph));
        ga_graph_clear(graph);
        cr_assert_eq(add(graph, 1, NULL, 0), 1, "clear forgets the failure");
        cr_assert_null(ga_graph_error(graph));
        ga_graph_delete(graph);
    }
}

Test(graph, takes_sizes_and_alignments_to_their_very_end)
{
    const uint64_t most = (uint64_t)1 << 62;
    ga_graph *graph = ga_graph_new(NULL);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = most, .align = most }), 1);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = most }), 2);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = most, .view_of = 2, .align = 2 }), 3);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .view_of = 3, .view_offset = most, .align = 2 }), 4);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .view_of = 4 }), 5);
    ga_graph_clear(graph);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = most + 1 }), GA_NONE);
    ga_graph_clear(graph);
    ga_graph_add(graph, &(struct ga_node){ .size = 100, .flags = GA_EXTERNAL });
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = 8, .view_of = 1, .view_offset = 93 }), GA_NONE, "bytes told of");
    ga_graph_delete(graph);
}

Test(graph, takes_views_of_external_bytes_of_untold_size)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id cache = ga_graph_add(graph, &(struct ga_node){ .flags = GA_EXTERNAL });
    cr_assert_neq(ga_graph_add(graph, &(struct ga_node){ .size = 64, .view_of = cache, .view_offset = 4096 }), GA_NONE);
    ga_graph_delete(graph);
}

Test(graph, refuses_sequences_that_cannot_run)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id x = add(graph, 8, NULL, 0);
    ga_id y = add(graph, 8, &x, 1);
    ga_id v = ga_graph_add(graph, &(struct ga_node){ .size = 8, .view_of = y });
    uint64_t before = ga_graph_signature(graph);
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ y, x, v }, 3), GA_INVALID, "a reader before its source");
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ x, v, y }, 3), GA_INVALID, "a view before its root");
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ x, x }, 2), GA_INVALID, "twice");
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ 4 }, 1), GA_INVALID, "no such node");
    cr_assert_eq(ga_graph_signature(graph), before);
    ga_id reader = add(graph, 8, &v, 1);
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ reader, y }, 2), GA_INVALID, "a reader before the root of a view left out");
    if (SIZE_MAX > UINT32_MAX - 1)
        cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ x }, (size_t)UINT32_MAX), GA_INVALID, "longer than there are numbers");
    ga_id orders = ga_graph_add(graph, &(struct ga_node){ .flags = GA_DEPEND, .src = &y, .n_src = 1 });
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ x, orders, y }, 3), GA_OK, "a DEPEND may come before what it names");
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ GA_NONE, y, GA_NONE, v }, 4), GA_OK, "x is left out");
    ga_graph_delete(graph);
}

/* 200 random graphs, every counter compared with a slow count after each node. */
Test(graph, survives_random_building)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng = { seed };
        struct test_mem mem = { 0 };
        struct ga_env env = test_env(&mem);
        ga_graph *graph = ga_graph_new(&env);
        static char tensors[64];
        for (uint32_t i = 0; i < 30; i++) {
            ga_id src[4];
            uint32_t n_src = (uint32_t)rng_below(&rng, 5);
            bool depend = rng_below(&rng, 8) == 0;
            for (uint32_t k = 0; k < n_src; k++)
                src[k] = (ga_id)rng_below(&rng, depend ? 34 : i + 2);
            struct ga_node node = { .key = rng_below(&rng, 2) ? &tensors[i] : NULL, .size = 100, .src = src, .n_src = n_src };
            if (depend)
                node.flags = GA_DEPEND;
            else if (i && rng_below(&rng, 3) == 0)
                node.view_of = 1 + (ga_id)rng_below(&rng, i);
            if (node.view_of && (graph->nodes[node.view_of].flags & GA_DEPEND))
                node.view_of = GA_NONE;
            cr_assert_neq(ga_graph_add(graph, &node), GA_NONE, "%s", ga_graph_error(graph));
            const char *broken = gai_graph_check(graph);
            cr_assert_null(broken, "seed %d: %s", (int)seed, broken);
        }
        ga_graph_delete(graph);
        cr_assert_eq(mem.live, 0);
        cr_assert_not(mem.lied);
    }
}

static bool build_all(ga_graph *graph)
{
    static char tensors[40];
    static const ga_id one = 1;
    ga_id src[20];
    for (uint32_t i = 0; i < 40; i++) {
        for (uint32_t k = 0; k < 20; k++)
            src[k] = i ? 1 + k % i : GA_NONE;
        struct ga_node node = { .key = &tensors[i], .size = 8, .src = src, .n_src = 20, .op = "AN_OP" };
        if (i % 3) /* so that in turn a name and an op come first, and ask for room */
            node.name = "a name";
        if (i > 20)
            node.reuse = (uint64_t)1 << 19;
        ga_graph_add(graph, &node);
    }
    ga_graph_add(graph, &(struct ga_node){ .flags = GA_DEPEND, .src = &one, .n_src = 1 });
    ga_id list[] = { 1, 2, GA_NONE, 3 };
    return ga_graph_status(graph) == GA_OK && ga_graph_extend(graph, 1, 2) == GA_OK && ga_graph_sequence(graph, list, 4) == GA_OK;
}

Test(graph, is_unharmed_when_memory_runs_out)
{
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        ga_graph *graph = ga_graph_new(&env);
        if (graph) {
            done = build_all(graph);
            cr_assert_eq(done, mem.requests < nth, "request %d failed, and nobody noticed", (int)nth);
            cr_assert_null(gai_graph_check(graph));
            if (!done) {
                ga_graph_clear(graph);
                cr_assert(build_all(graph), "it works afterwards");
                cr_assert_null(gai_graph_check(graph));
            }
        }
        ga_graph_delete(graph);
        cr_assert_eq(mem.live, 0, "request %d leaks", (int)nth);
        cr_assert_not(mem.lied);
        cr_assert_lt(nth, 200);
    }
}

Test(graph, is_as_before_when_there_is_nothing_to_reserve)
{
    for (int borrows = 0; borrows < 2; borrows++) {
        enum ga_status status = GA_NO_MEMORY;
        for (uint64_t nth = 1; status != GA_OK; nth++) {
            struct test_mem mem = { 0 };
            struct ga_env env = test_env(&mem);
            ga_graph *graph = ga_graph_new(&env);
            ga_graph_borrow(graph, borrows);
            mem.fail_at = mem.requests + nth;
            status = ga_graph_reserve(graph, 100, 200);
            cr_assert_eq(status, nth <= 6u + (unsigned)borrows ? GA_NO_MEMORY : GA_OK, "request %d", (int)nth);
            cr_assert_eq(add(graph, 8, NULL, 0), 1);
            cr_assert_eq(ga_graph_reserve(graph, 100, 200), GA_OK);
            cr_assert_null(gai_graph_check(graph));
            ga_graph_delete(graph);
            cr_assert(mem.live == 0 && !mem.lied);
        }
    }
}

Test(graph, asks_for_nothing_within_its_reserve)
{
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    ga_graph *graph = ga_graph_new(&env);
    ga_graph_borrow(graph, true);
    cr_assert_eq(ga_graph_reserve(graph, 1000, 2000), GA_OK);
    uint64_t requests = mem.requests;
    static char tensors[1000];
    for (int round = 0; round < 3; round++) {
        ga_graph_clear(graph);
        for (ga_id i = 0; i < 1000; i++) {
            ga_id src[] = { i, i / 2 };
            ga_graph_add(graph, &(struct ga_node){ .key = &tensors[i], .size = 8, .src = src, .n_src = 2, .name = "borrowed" });
        }
        cr_assert_eq(ga_graph_status(graph), GA_OK);
    }
    cr_assert_eq(mem.requests, requests);
    ga_graph_delete(graph);
}

#define BREAKS(place, other, words) BREAKS_AS(gai_graph_check(graph), place, other, words)

Test(graph, check_tells_what_is_broken)
{
    static char tensors[8];
    const ga_id ahead = 6;
    ga_graph *graph = ga_graph_new(NULL);
    ga_id x = ga_graph_add(graph, &(struct ga_node){ .key = &tensors[0], .size = 64 }), y = add(graph, 64, &x, 1);
    ga_id view = ga_graph_add(graph, &(struct ga_node){ .key = &tensors[1], .size = 16, .view_of = y, .view_offset = 16 });
    ga_id far = ga_graph_add(graph, &(struct ga_node){ .flags = GA_EXTERNAL });
    ga_id depend = ga_graph_add(graph, &(struct ga_node){ .src = &ahead, .n_src = 1, .flags = GA_DEPEND });
    cr_assert_eq(add(graph, 8, &view, 1), ahead);
    cr_assert_null(gai_graph_check(graph));
    struct node *nodes = graph->nodes;
    struct body *bodies = graph->bodies;
    BREAKS(nodes[1].src, 1, "sources do not start at 0, or do not end at n_srcs");
    BREAKS(graph->n_srcs, graph->n_srcs - 1, "sources do not start at 0, or do not end at n_srcs");
    BREAKS(nodes[depend].flags, 0, "a source comes later");
    BREAKS(nodes[x].root, GA_NONE, "a root is itself a view, or comes later");
    BREAKS(nodes[x].root, y, "a root is itself a view, or comes later");
    BREAKS(nodes[far].root, view, "n_views is not the number of views");
    BREAKS(bodies[view].view_offset, 65, "a window ends past its root");
    BREAKS(bodies[view].view_offset, 49, "a window ends past its root");
    BREAKS(bodies[y].size, 31, "a window ends past its root");
    BREAKS(nodes[x].n_children, 2, "n_children is not the number of readings");
    BREAKS(graph->srcs[0], GA_NONE, "n_children is not the number of readings");
    BREAKS(bodies[y].n_views, 0, "n_views is not the number of views");
    BREAKS(nodes[x].marks, 0, "a node's mark does not tell whether it owns bytes");
    BREAKS(nodes[far].marks, NODE_OWNS, "a node's mark does not tell whether it owns bytes");
    BREAKS(nodes[view].marks, NODE_OWNS, "a node's mark does not tell whether it owns bytes");
    BREAKS(nodes[x].flags, GA_ELIDED, "a node's mark does not tell whether it owns bytes");
    BREAKS(graph->keys[x], &tensors[1], "an id is not found under its key");
    BREAKS(graph->set.bits, 0, "a node is not found by its key");
    ga_graph_delete(graph);
}
