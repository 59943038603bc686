#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ggml-backend-impl.h"
#include "ggml_alloc/graph.h"

enum { MOST = 40, WIDE = 64 };

/* A graph made by hand, and what each of its tensors must hold. */
struct made {
    struct ggml_tensor tensors[MOST];
    float values[MOST][WIDE];
    struct ggml_tensor *leafs[MOST], *nodes[MOST];
    struct ggml_cgraph graph;
    int node_ids[MOST], leaf_ids[MOST];
    int n;
};

static uint32_t next(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static struct ggml_tensor *make(struct made *made, enum ggml_op op, int64_t len)
{
    struct ggml_tensor *tensor = &made->tensors[made->n++];
    *tensor =
        (struct ggml_tensor){ .op = op, .ne = { len, 1, 1, 1 }, .nb = { 4, 4 * (size_t)len, 4 * (size_t)len, 4 * (size_t)len } };
    made->graph.nodes = made->nodes;
    made->graph.leafs = made->leafs;
    if (op == GGML_OP_NONE)
        made->leafs[made->graph.n_leafs++] = tensor;
    else
        made->nodes[made->graph.n_nodes++] = tensor;
    return tensor;
}

static struct ggml_tensor *make_node(struct made *made, enum ggml_op op, struct ggml_tensor *a, struct ggml_tensor *b)
{
    struct ggml_tensor *tensor = make(made, op, a->ne[0]);
    tensor->src[0] = a;
    tensor->src[1] = b;
    return tensor;
}

static struct ggml_tensor *make_view(struct made *made, struct ggml_tensor *of, size_t skip, int64_t len)
{
    struct ggml_tensor *tensor = make(made, GGML_OP_VIEW, len);
    tensor->src[0] = of;
    tensor->view_src = of->view_src ? of->view_src : of;
    tensor->view_offs = of->view_offs + skip * sizeof(float);
    return tensor;
}

static void forget(struct made *made)
{
    for (int i = 0; i < made->n; i++) {
        made->tensors[i].data = NULL;
        made->tensors[i].buffer = NULL;
    }
}

/* ADD and SCALE read an element before they write it; MUL_MAT writes all of its result before it reads. */
static void compute(enum ggml_op op, float *out, const float *a, const float *b, int64_t n)
{
    if (op == GGML_OP_MUL_MAT)
        memset(out, 0, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        if (op == GGML_OP_ADD)
            out[i] = a[i] * 0.5f + b[i] * 0.25f;
        else if (op == GGML_OP_SCALE)
            out[i] = a[i] * 0.75f + 1;
        else
            out[i] += a[n - 1 - i] + 2 * b[n - 1 - i];
}

/* Every result in shared memory beside the one that nothing shares; the first tensor that differs, or -1. */
static int run(struct made *made)
{
    for (int i = 0; i < made->graph.n_leafs; i++) {
        struct ggml_tensor *leaf = made->leafs[i];
        float *own = made->values[leaf - made->tensors];
        for (int64_t k = 0; k < leaf->ne[0]; k++)
            own[k] = ((float *)leaf->data)[k] = (float)(i * 100 + k);
    }
    for (int i = 0; i < made->graph.n_nodes; i++) {
        struct ggml_tensor *node = made->nodes[i];
        ptrdiff_t at = node - made->tensors, a = node->src[0] - made->tensors;
        size_t bytes = ggml_nbytes(node);
        if (node->view_src) {
            memcpy(made->values[at], (char *)made->values[node->view_src - made->tensors] + node->view_offs, bytes);
        } else {
            struct ggml_tensor *second = node->src[1] ? node->src[1] : node->src[0];
            compute(node->op, node->data, node->src[0]->data, second->data, node->ne[0]);
            compute(node->op, made->values[at], made->values[a], made->values[second - made->tensors], node->ne[0]);
        }
        if (memcmp(node->data, made->values[at], bytes) != 0)
            return (int)at;
    }
    for (int i = 0; i < made->n; i++)
        if ((made->tensors[i].flags & GGML_TENSOR_FLAG_OUTPUT) &&
            memcmp(made->tensors[i].data, made->values[i], ggml_nbytes(&made->tensors[i])) != 0)
            return i;
    return -1;
}

static void make_random(struct made *made, uint32_t seed, uint32_t n_bufs)
{
    memset(made, 0, sizeof *made);
    for (uint32_t i = 0, n = 1 + next(&seed, 4); i < n; i++)
        make(made, GGML_OP_NONE, 16)->flags = next(&seed, 2) ? GGML_TENSOR_FLAG_INPUT : 0;
    for (uint32_t i = 0, n = 3 + next(&seed, 30); i < n; i++) {
        struct ggml_tensor *a = &made->tensors[next(&seed, (uint32_t)made->n)], *b = &made->tensors[next(&seed, (uint32_t)made->n)];
        static const enum ggml_op ops[] = { GGML_OP_ADD, GGML_OP_ADD, GGML_OP_SCALE, GGML_OP_MUL_MAT };
        enum ggml_op op = ops[next(&seed, 4)];
        if (next(&seed, 5) == 0)
            make_view(made, a, 0, next(&seed, 2) ? a->ne[0] : (a->ne[0] + 1) / 2);
        else
            make_node(made, op, a, op == GGML_OP_SCALE || b->ne[0] != a->ne[0] ? NULL : b);
        made->tensors[made->n - 1].flags = next(&seed, 8) == 0 ? GGML_TENSOR_FLAG_OUTPUT : 0;
    }
    for (int i = 0; i < MOST; i++) {
        made->node_ids[i] = (int)next(&seed, n_bufs);
        made->leaf_ids[i] = (int)next(&seed, n_bufs);
    }
}

Test(dropin, computes_random_graphs_as_if_nothing_were_shared)
{
    struct ggml_backend_buffer_type types[2] = { { .align = 16, .max_size = SIZE_MAX }, { .align = 32, .max_size = 256 } };
    ggml_backend_buffer_type_t bufts[3] = { &types[0], &types[1], &types[0] };
    ggml_gallocr_t galloc = ggml_gallocr_new_n(bufts, 3);
    static struct made made;
    for (uint32_t seed = 0; seed < 3000; seed++) {
        make_random(&made, seed, 3);
        cr_assert(ggml_gallocr_reserve_n(galloc, &made.graph, made.node_ids, made.leaf_ids), "seed %u", seed);
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph), "seed %u", seed);
        int wrong = run(&made);
        cr_assert_eq(wrong, -1, "seed %u: tensor %d", seed, wrong);
    }
    cr_assert_eq(ggml_gallocr_get_buffer_size(galloc, 2), 0, "reported under its first id");
    ggml_gallocr_free(galloc);
    cr_assert_eq(types[0].n_live + types[1].n_live, 0);
}

/* As many nodes and leafs, of the same sizes; other edges. */
Test(dropin, tells_graphs_of_equal_counts_apart)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = SIZE_MAX };
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    static struct made made;
    for (int round = 0; round < 6; round++) {
        memset(&made, 0, sizeof made);
        struct ggml_tensor *x = make(&made, GGML_OP_NONE, 16);
        struct ggml_tensor *a = make_node(&made, GGML_OP_MUL_MAT, x, x), *b = make_node(&made, GGML_OP_MUL_MAT, a, a);
        struct ggml_tensor *c = make_node(&made, GGML_OP_MUL_MAT, b, b);
        make_node(&made, GGML_OP_MUL_MAT, c, round % 2 ? a : b);
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
        cr_assert_eq(run(&made), -1, "round %d", round);
    }
    ggml_gallocr_free(galloc);
}

Test(dropin, asks_for_sizes_only_where_something_looks_different)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = SIZE_MAX };
    ggml_gallocr_t galloc = ggml_gallocr_new(&type);
    static struct made made;
    struct ggml_tensor *x = make(&made, GGML_OP_NONE, 16), *a = make_node(&made, GGML_OP_MUL_MAT, x, x);
    struct ggml_tensor *b = make_node(&made, GGML_OP_MUL_MAT, a, a);
    make_node(&made, GGML_OP_MUL_MAT, b, b);
    cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 4);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 4);
    forget(&made);
    a->op_params[0] = 7; /* its own, and that of its reader */
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 6);
    forget(&made);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(type.n_asked, 6);
    cr_assert_eq(run(&made), -1);
    ggml_gallocr_free(galloc);
}

Test(dropin, keeps_the_graph_before_when_a_buffer_cannot_be_had)
{
    struct ggml_backend_buffer_type types[2] = { { .align = 16, .max_size = SIZE_MAX }, { .align = 32, .max_size = SIZE_MAX } };
    ggml_backend_buffer_type_t bufts[2] = { &types[0], &types[1] };
    static struct made small, large;
    for (int which = 0; which < 2; which++) {
        ggml_gallocr_t galloc = ggml_gallocr_new_n(bufts, 2);
        memset(&small, 0, sizeof small), memset(&large, 0, sizeof large);
        for (int64_t len = 16; len <= 64; len += 48) {
            struct made *made = len == 16 ? &small : &large;
            struct ggml_tensor *x = make(made, GGML_OP_NONE, len), *a = make_node(made, GGML_OP_MUL_MAT, x, x);
            make_node(made, GGML_OP_MUL_MAT, a, x);
            made->node_ids[1] = 1;
        }
        cr_assert(ggml_gallocr_reserve_n(galloc, &small.graph, small.node_ids, small.leaf_ids));
        cr_assert(ggml_gallocr_alloc_graph(galloc, &small.graph));
        types[which].fail_in = 1;
        cr_assert_not(ggml_gallocr_reserve_n(galloc, &large.graph, large.node_ids, large.leaf_ids));
        cr_assert_eq(run(&small), -1);
        cr_assert(ggml_gallocr_alloc_graph(galloc, &large.graph), "several buffers grow by themselves");
        cr_assert_eq(run(&large), -1);
        ggml_gallocr_free(galloc);
        cr_assert_eq(types[0].n_live + types[1].n_live, 0);
    }
}

Test(dropin, packs_a_context_into_buffers_of_at_most_max_size)
{
    struct ggml_backend_buffer_type type = { .align = 16, .max_size = 128 };
    static struct made made;
    for (int i = 0; i < 3; i++)
        make(&made, GGML_OP_NONE, 16);
    struct ggml_context ctx = { made.tensors, made.n };
    cr_assert_eq(ggml_backend_alloc_ctx_tensors_from_buft_size(&ctx, &type), 192);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &type);
    cr_assert_eq(buffer->n_parts, 2);
    cr_assert_null(ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &type), "nothing is left to allocate");
    ggml_backend_buffer_free(buffer);
    forget(&made);
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
    make_random(&made, 7, 1);
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(run(&made), -1);
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
