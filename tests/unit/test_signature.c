/*
 * test_signature.c - which graphs look alike: all that a plan depends on but sizes tells them apart
 */
#include "graph/graph.h"

#include <criterion/criterion.h>

static uint64_t signature_after(void (*change)(struct ga_node *nodes))
{
    ga_id src1[] = { 1 }, src2[] = { 1, 2 };
    struct ga_node nodes[] = {
        { .size = 64, .flags = GA_INPUT },
        { .size = 64, .src = src1, .n_src = 1 },
        { .size = 32, .view_of = 2, .view_offset = 8, .src = src1, .n_src = 1 },
        { .size = 64, .src = src2, .n_src = 2, .reuse = 3, .eager = 1 },
    };
    if (change)
        change(nodes);
    ga_graph *graph = ga_graph_new(NULL);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        cr_assert_neq(ga_graph_add(graph, &nodes[i]), GA_NONE, "%s", ga_graph_error(graph));
    uint64_t signature = ga_graph_signature(graph);
    ga_graph_delete(graph);
    return signature;
}

static void other_source(struct ga_node *nodes)
{
    static const ga_id src[] = { 2, 1 };
    nodes[3].src = src;
}

static void fewer_sources(struct ga_node *nodes)
{
    nodes[2].n_src = 0;
}

static void empty_slot(struct ga_node *nodes)
{
    static const ga_id src[] = { GA_NONE };
    nodes[2].src = src;
}

static void other_reuse(struct ga_node *nodes)
{
    nodes[3].reuse = 1;
}

static void other_eager(struct ga_node *nodes)
{
    nodes[3].eager = 2;
}

static void other_flag(struct ga_node *nodes)
{
    nodes[1].flags = GA_OUTPUT;
}

static void other_step(struct ga_node *nodes)
{
    nodes[3].flags = GA_TOGETHER;
}

static void other_pool(struct ga_node *nodes)
{
    nodes[1].pool = 1;
}

static void other_window(struct ga_node *nodes)
{
    nodes[2].view_offset = 9;
}

static void other_root(struct ga_node *nodes)
{
    nodes[2].view_of = 1;
}

static void other_sizes(struct ga_node *nodes)
{
    nodes[1].size = 128;
    nodes[3].size = 32;
    nodes[0].name = "named";
    nodes[1].align = 16;
}

Test(signature, tells_topologies_apart_but_not_sizes)
{
    static void (*const changes[])(struct ga_node *) = { other_source, fewer_sources, empty_slot, other_reuse,  other_eager,
                                                         other_flag,   other_step,    other_pool, other_window, other_root };
    enum { n = sizeof changes / sizeof *changes };
    uint64_t signatures[n + 1] = { signature_after(NULL) };
    cr_assert_eq(signatures[0], signature_after(other_sizes));
    for (int i = 0; i < n; i++) {
        signatures[i + 1] = signature_after(changes[i]);
        for (int j = 0; j <= i; j++)
            cr_assert_neq(signatures[i + 1], signatures[j], "changes %d and %d look alike", i, j - 1);
    }
}

Test(signature, knows_extensions_and_sequences)
{
    ga_graph *graph = ga_graph_new(NULL);
    for (int i = 0; i < 3; i++)
        ga_graph_add(graph, &(struct ga_node){ .size = 8 });
    uint64_t plain = ga_graph_signature(graph);
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ 1, 2, GA_NONE, 3 }, 4), GA_OK);
    uint64_t sequenced = ga_graph_signature(graph);
    cr_assert_eq(ga_graph_sequence(graph, (ga_id[]){ 1, GA_NONE, 2, 3 }, 4), GA_OK);
    cr_assert_neq(ga_graph_signature(graph), sequenced);
    cr_assert_neq(sequenced, plain);
    cr_assert_eq(ga_graph_sequence(graph, NULL, 0), GA_OK);
    cr_assert_eq(ga_graph_signature(graph), plain);
    cr_assert_eq(ga_graph_extend(graph, 1, 3), GA_OK);
    cr_assert_neq(ga_graph_signature(graph), plain);
    ga_graph_delete(graph);
}
