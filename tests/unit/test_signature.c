/*
 * test_signature.c - which graphs look alike: all that a plan depends on but sizes tells them apart
 */
#include "graph/graph.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

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

/* Plan files hold signatures and facts: whoever changes one makes a new version of the format, `GA_PLAN`. */
Test(signature, is_the_one_that_files_of_plans_hold)
{
    static const uint64_t facts[] = { 0, 0x00000000049313b6, 0x32d9c3cb09263545, 0x32d900004a9b0b59, 0x3bc009db124c1be3 };
    ga_id src[] = { 1, GA_NONE, 2 };
    ga_graph *graph = ga_graph_new(NULL);
    ga_graph_add(graph, &(struct ga_node){ .size = 64, .flags = GA_INPUT });
    ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = src, .n_src = 1, .reuse = 1, .pool = 3 });
    ga_graph_add(graph, &(struct ga_node){ .size = 32, .view_of = 2, .view_offset = 8, .src = src, .n_src = 1 });
    ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = src, .n_src = 3, .reuse = 5, .eager = 4, .flags = GA_OUTPUT });
    for (ga_id id = 1; id <= 4; id++)
        cr_expect_eq(graph->facts[id], facts[id], "%" PRIu32 ": 0x%016" PRIx64, id, graph->facts[id]);
    ga_graph_extend(graph, 2, 4);
    ga_graph_sequence(graph, (ga_id[]){ 1, 2, GA_NONE, 3, 4 }, 5);
    struct signature sum = gai_graph_signature(graph);
    cr_expect(sum.hi == 0x57e1ea201e7f1fb6 && sum.lo == 0x761b0a07857b11c6, "0x%016" PRIx64 " 0x%016" PRIx64, sum.hi, sum.lo);
    cr_expect_eq(ga_graph_signature(graph), 0x686415b1d29afbe6, "0x%016" PRIx64, ga_graph_signature(graph));
    ga_graph_delete(graph);
}

Test(signature, is_equal_in_both_halves_or_not_at_all)
{
    struct signature one = { 1, 2 }, same = { 1, 2 }, low = { 1, 3 }, high = { 3, 2 };
    cr_assert(signature_equal(one, same) && !signature_equal(one, low) && !signature_equal(one, high));
}

Test(signature, says_by_any_bit_of_two_facts_what_differs)
{
    static const char *const words[] = { "has other flags or another pool", "looks into other bytes", "may take over other sources",
                                         "reads other sources" };
    for (unsigned bit = 0; bit < 64; bit++) {
        cr_expect_str_eq(gai_shape_difference(0, (uint64_t)1 << bit), words[bit / 16], "bit %u", bit);
        cr_expect_str_eq(gai_shape_difference(UINT64_MAX, ~((uint64_t)1 << bit)), words[bit / 16], "bit %u", bit);
    }
    cr_expect_str_eq(gai_shape_difference(0, UINT64_MAX), "reads other sources", "what comes first is said of several");
}

enum { MANY = 1 << 16 };

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many of `values`, shifted and masked, are not the first of their kind. */
static unsigned collisions(const uint64_t *values, unsigned shift, uint64_t mask)
{
    static uint64_t sorted[MANY];
    for (int i = 0; i < MANY; i++)
        sorted[i] = values[i] >> shift & mask;
    qsort(sorted, MANY, sizeof *sorted, by_value);
    unsigned equal = 0;
    for (int i = 1; i < MANY; i++)
        equal += sorted[i] == sorted[i - 1];
    return equal;
}

/* A node that differs in one of these from 65,535 others, then one that is the same for all. */
enum differs { IN_SOURCES, IN_MASKS, IN_VIEW, IN_KIND, IN_ORDER, N_DIFFERS };

static struct signature signature_of(enum differs how, uint32_t a, uint32_t b)
{
    struct shape shape = { .nodes = { 0, 0 } };
    struct looks before = { .sources = shape_source(1, how == IN_ORDER ? a : 0), .root = 1 };
    struct looks looks = { .sources = 2, .root = 2 }, behind = { .sources = shape_source(1, 3), .root = 3 };
    switch (how) {
    case IN_SOURCES:
        looks.sources = shape_source(shape_source(2, a), b);
        break;
    case IN_MASKS:
        looks.reuse = a;
        looks.eager = b;
        break;
    case IN_VIEW:
        looks.root = a;
        looks.offset = b * (uint64_t)256 + 1;
        break;
    case IN_KIND:
        looks.flags = a;
        looks.pool = b;
        break;
    default:
        looks.sources = shape_source(1, b);
    }
    shape_add(&shape, &before);
    shape_add(&shape, &looks);
    shape_add(&shape, &behind);
    return shape.nodes;
}

/* Two of 65,536 agree in 32 bits by chance, every other time; in 64 bits none should. */
Test(signature, agrees_by_chance_only)
{
    static uint64_t lo[MANY], hi[MANY];
    for (enum differs how = 0; how < N_DIFFERS; how++) {
        for (uint32_t i = 0; i < MANY; i++) {
            struct signature sum = signature_of(how, i >> 8, i & 255);
            lo[i] = sum.lo;
            hi[i] = sum.hi;
        }
        cr_expect_eq(collisions(lo, 0, UINT64_MAX), 0, "what differs: %d", how);
        cr_expect_eq(collisions(hi, 0, UINT64_MAX), 0, "what differs: %d", how);
        for (unsigned shift = 0; shift <= 32; shift += 16) {
            cr_expect_leq(collisions(lo, shift, UINT32_MAX), 8, "what differs: %d, the low sum from bit %u on", how, shift);
            cr_expect_leq(collisions(hi, shift, UINT32_MAX), 8, "what differs: %d, the high sum from bit %u on", how, shift);
        }
    }
}
