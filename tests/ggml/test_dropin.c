#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ggml_alloc/graph.h"
#include "made.h"

static const char *const efforts[] = { "none", "online", "quick" };

Test(dropin, computes_random_graphs_as_if_nothing_were_shared)
{
    static struct made made;
    for (int e = 0; e < 3; e++) {
        struct ggml_backend_buffer_type types[2] = { { .align = 16, .max_size = SIZE_MAX }, { .align = 32, .max_size = 256 } };
        ggml_backend_buffer_type_t bufts[3] = { &types[0], &types[1], &types[0] };
        setenv("GGML_ALLOC_EFFORT", efforts[e], 1);
        ggml_gallocr_t galloc = ggml_gallocr_new_n(bufts, 3);
        for (uint32_t seed = 0; seed < 3000; seed++) {
            made_random(&made, seed, 3);
            cr_assert(ggml_gallocr_reserve_n(galloc, &made.graph, made.node_ids, made.leaf_ids), "%s, seed %u", efforts[e], seed);
            cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph), "%s, seed %u", efforts[e], seed);
            int wrong = made_run(&made);
            cr_assert_eq(wrong, -1, "%s, seed %u: tensor %d", efforts[e], seed, wrong);
        }
        cr_assert_eq(ggml_gallocr_get_buffer_size(galloc, 2), 0, "reported under its first id");
        ggml_gallocr_free(galloc);
        cr_assert_eq(types[0].n_live + types[1].n_live, 0);
    }
}

/* With names to be told, what else is walked straight from the record goes through the planner: the same places. */
Test(dropin, walks_as_the_planner_would)
{
    struct ggml_backend_buffer_type types[2] = { { .align = 16, .max_size = SIZE_MAX }, { .align = 32, .max_size = 256 } };
    ggml_backend_buffer_type_t bufts[2] = { &types[0], &types[1] };
    static struct made made;
    setenv("GGML_ALLOC_EFFORT", "online", 1);
    ggml_gallocr_t walks = ggml_gallocr_new_n(bufts, 2);
    setenv("GGML_ALLOC_LOG", "error", 1);
    ggml_gallocr_t plans = ggml_gallocr_new_n(bufts, 2);
    for (uint32_t seed = 0; seed < 3000; seed++) {
        size_t walked[2], planned[2];
        made_random(&made, seed, 2);
        ggml_gallocr_reserve_n_size(walks, &made.graph, made.node_ids, made.leaf_ids, walked);
        ggml_gallocr_reserve_n_size(plans, &made.graph, made.node_ids, made.leaf_ids, planned);
        cr_assert_eq(walked[0], planned[0], "seed %u: %zu and %zu", seed, walked[0], planned[0]);
        cr_assert_eq(walked[1], planned[1], "seed %u: %zu and %zu", seed, walked[1], planned[1]);
    }
    ggml_gallocr_free(walks);
    ggml_gallocr_free(plans);
}

/* As many nodes and leafs, of the same sizes; other edges. */
Test(dropin, tells_graphs_of_equal_counts_apart)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = SIZE_MAX };
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    static struct made made;
    for (int round = 0; round < 6; round++) {
        memset(&made, 0, sizeof made);
        struct ggml_tensor *x = made_tensor(&made, GGML_OP_NONE, 16);
        struct ggml_tensor *a = made_node(&made, GGML_OP_MUL_MAT, x, x), *b = made_node(&made, GGML_OP_MUL_MAT, a, a);
        struct ggml_tensor *c = made_node(&made, GGML_OP_MUL_MAT, b, b);
        made_node(&made, GGML_OP_MUL_MAT, c, round % 2 ? a : b);
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
        cr_assert_eq(made_run(&made), -1, "round %d", round);
    }
    ggml_gallocr_free(galloc);
}

/* As a scheduler marks what other buffers read: a node that is never executed, in front of the view that it names. */
Test(dropin, keeps_nothing_for_a_mark_in_front_of_what_it_names)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = SIZE_MAX };
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    static struct made made;
    struct ggml_tensor *x = made_tensor(&made, GGML_OP_NONE, 16), *a = made_node(&made, GGML_OP_MUL_MAT, x, x);
    struct ggml_tensor *mark = made_mark(&made, a, NULL);
    mark->src[0] = made_view(&made, a, 0, 16);
    struct ggml_tensor *b = made_node(&made, GGML_OP_MUL_MAT, x, x), *c = made_node(&made, GGML_OP_MUL_MAT, b, b);
    made_node(&made, GGML_OP_MUL_MAT, c, c);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(made_run(&made), -1);
    cr_assert_eq(ggml_gallocr_get_buffer_size(galloc, 0), 2 * 16 * sizeof(float), "nothing but a source and its reader");
    ggml_gallocr_free(galloc);
}

Test(dropin, asks_for_sizes_only_where_something_looks_different)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = SIZE_MAX };
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    static struct made made;
    struct ggml_tensor *x = made_tensor(&made, GGML_OP_NONE, 16), *a = made_node(&made, GGML_OP_MUL_MAT, x, x);
    struct ggml_tensor *b = made_node(&made, GGML_OP_MUL_MAT, a, a);
    made_node(&made, GGML_OP_MUL_MAT, b, b);
    cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 4);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 4);
    made_forget(&made);
    a->op_params[0] = 7; /* its own, and that of its reader */
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 6);
    made_forget(&made);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 6);
    cr_assert_eq(made_run(&made), -1);
    ggml_gallocr_free(galloc);
}

/* Results of all nodes stay, so that the large graph needs three chunks in each pool. */
static void make_chain(struct made *made, int64_t len)
{
    memset(made, 0, sizeof *made);
    struct ggml_tensor *x = made_tensor(made, GGML_OP_NONE, len), *at = x;
    for (int i = 0; i < 5; i++) {
        at = made_node(made, GGML_OP_MUL_MAT, at, x);
        at->flags = GGML_TENSOR_FLAG_OUTPUT;
        made->node_ids[i] = i % 2;
    }
}

Test(dropin, keeps_the_graph_before_without_each_buffer_in_turn)
{
    static struct made small, large;
    for (int e = 0; e < 3; e++)
        for (int which = 0; which < 2; which++)
            for (int nth = 1; nth <= 3; nth++) {
                struct ggml_backend_buffer_type types[2] = { { .align = 16, .max_size = 256 }, { .align = 32, .max_size = 256 } };
                ggml_backend_buffer_type_t bufts[2] = { &types[0], &types[1] };
                setenv("GGML_ALLOC_EFFORT", efforts[e], 1);
                ggml_gallocr_t galloc = ggml_gallocr_new_n(bufts, 2);
                make_chain(&small, 8);
                make_chain(&large, 64);
                large.node_ids[4] = 1;
                cr_assert(ggml_gallocr_reserve_n(galloc, &small.graph, small.node_ids, small.leaf_ids));
                cr_assert(ggml_gallocr_alloc_graph(galloc, &small.graph));
                types[which].fail_in = nth;
                cr_assert_not(ggml_gallocr_reserve_n(galloc, &large.graph, large.node_ids, large.leaf_ids));
                cr_assert_eq(types[which].fail_in, 0, "pool %d has no buffer %d", which, nth);
                cr_assert_eq(made_run(&small), -1);
                made_forget(&small);
                cr_assert(ggml_gallocr_alloc_graph(galloc, &small.graph), "and is allocated again");
                cr_assert(ggml_gallocr_alloc_graph(galloc, &large.graph), "several buffers grow by themselves");
                cr_assert_eq(made_run(&large), -1);
                ggml_gallocr_free(galloc);
                cr_assert_eq(types[0].n_live + types[1].n_live, 0);
            }
}

Test(dropin, packs_a_context_into_buffers_of_at_most_max_size)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = 128 };
    static struct made made;
    for (int i = 0; i < 3; i++)
        made_tensor(&made, GGML_OP_NONE, 16);
    struct ggml_context ctx = { made.tensors, made.n };
    cr_assert_eq(ggml_backend_alloc_ctx_tensors_from_buft_size(&ctx, &type), 192);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &type);
    cr_assert_eq(buffer->n_parts, 2);
    cr_assert_null(ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &type), "nothing is left to allocate");
    ggml_backend_buffer_free(buffer);
    made_forget(&made);
    type.fail_in = 2;
    cr_assert_null(ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &type));
    cr_assert_eq(type.n_live, 0);
}

static size_t read_file(void *user, char *buf, size_t cap)
{
    return fread(buf, 1, cap, user);
}

Test(dropin, traces_what_it_plans_and_goes_on_when_the_environment_is_wrong)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = SIZE_MAX };
    char folder[] = "dropin-XXXXXX", name[64];
    cr_assert_not_null(mkdtemp(folder));
    setenv("GGML_ALLOC_TRACE", folder, 1);
    setenv("GGML_ALLOC_EFFORT", "fastest", 1);
    setenv("GGML_ALLOC_INPLACE", "sometimes", 1);
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    static struct made made;
    made_random(&made, 7, 1);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(made_run(&made), -1);
    ggml_gallocr_free(galloc);
    snprintf(name, sizeof name, "%s/graph-0.tgraph", folder);
    FILE *file = fopen(name, "rb");
    cr_assert_not_null(file);
    ga_graph *graph;
    char error[200];
    cr_assert_eq(ga_graph_read(NULL, &(struct ga_source){ read_file, file }, &graph, error, sizeof error), GA_OK, "%s", error);
    cr_assert_eq(ga_graph_len(graph), (uint32_t)made.n);
    ga_graph_delete(graph);
    fclose(file);
    remove(name);
    rmdir(folder);
}
