#include "made.h"

#include <string.h>

uint32_t made_next(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

struct ggml_tensor *made_other(struct made *made, enum ggml_op op, int64_t len)
{
    struct ggml_tensor *tensor = &made->tensors[made->n++];
    *tensor =
        (struct ggml_tensor){ .op = op, .ne = { len, 1, 1, 1 }, .nb = { 4, 4 * (size_t)len, 4 * (size_t)len, 4 * (size_t)len } };
    tensor->name[0] = (char)('a' + made->n % 26);
    made->graph.nodes = made->nodes;
    made->graph.leafs = made->leafs;
    return tensor;
}

struct ggml_tensor *made_tensor(struct made *made, enum ggml_op op, int64_t len)
{
    struct ggml_tensor *tensor = made_other(made, op, len);
    if (op == GGML_OP_NONE)
        made->leafs[made->graph.n_leafs++] = tensor;
    else
        made->nodes[made->graph.n_nodes++] = tensor;
    return tensor;
}

struct ggml_tensor *made_node(struct made *made, enum ggml_op op, struct ggml_tensor *a, struct ggml_tensor *b)
{
    struct ggml_tensor *tensor = made_tensor(made, op, a->ne[0]);
    tensor->src[0] = a;
    tensor->src[1] = b;
    return tensor;
}

static void look_into(struct ggml_tensor *view, struct ggml_tensor *of, size_t skip)
{
    view->view_src = of->view_src ? of->view_src : of;
    view->view_offs = of->view_offs + skip * sizeof(float);
}

struct ggml_tensor *made_view(struct made *made, struct ggml_tensor *of, size_t skip, int64_t len)
{
    struct ggml_tensor *tensor = made_tensor(made, GGML_OP_VIEW, len);
    tensor->src[0] = of;
    look_into(tensor, of, skip);
    return tensor;
}

void made_list_again(struct made *made, struct ggml_tensor *tensor)
{
    made->nodes[made->graph.n_nodes++] = tensor;
}

struct ggml_tensor *made_mark(struct made *made, struct ggml_tensor *of, struct ggml_tensor *source)
{
    struct ggml_tensor *tensor = made_other(made, GGML_OP_NONE, of->ne[0]);
    made_list_again(made, tensor);
    tensor->src[0] = source;
    look_into(tensor, of, 0);
    return tensor;
}

void made_forget(struct made *made)
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

static float *own(struct made *made, const struct ggml_tensor *tensor)
{
    return made->values[tensor - made->tensors];
}

static bool is_given(const struct ggml_tensor *tensor)
{
    return tensor->op == GGML_OP_NONE && !tensor->view_src;
}

static void fill(struct made *made, struct ggml_tensor *tensor)
{
    for (int64_t k = 0; k < tensor->ne[0]; k++)
        own(made, tensor)[k] = ((float *)tensor->data)[k] = (float)((tensor - made->tensors) * 100 + k);
}

static bool is_right(struct made *made, const struct ggml_tensor *tensor)
{
    return memcmp(tensor->data, own(made, tensor), ggml_nbytes(tensor)) == 0;
}

static void execute(struct made *made, struct ggml_tensor *node)
{
    struct ggml_tensor *a = node->src[0], *b = node->src[1] ? node->src[1] : a;
    if (node->view_src) {
        memcpy(own(made, node), (char *)own(made, node->view_src) + node->view_offs, ggml_nbytes(node));
        return;
    }
    compute(node->op, node->data, a->data, b->data, node->ne[0]);
    compute(node->op, own(made, node), own(made, a), own(made, b), node->ne[0]);
}

static bool is_leaf(const struct made *made, const struct ggml_tensor *tensor)
{
    for (int i = 0; i < made->graph.n_leafs; i++)
        if (made->leafs[i] == tensor)
            return true;
    return false;
}

/* What is given is there from the start when it is a leaf or an input, else from when it is listed or needed. */
static void give(struct made *made, struct ggml_tensor *tensor, bool *done)
{
    if (!tensor || !is_given(tensor) || done[tensor - made->tensors])
        return;
    fill(made, tensor);
    done[tensor - made->tensors] = true;
}

int made_run(struct made *made)
{
    bool done[MOST] = { false };
    for (int i = 0; i < made->n; i++)
        if (made->tensors[i].data && (is_leaf(made, &made->tensors[i]) || made->tensors[i].flags & GGML_TENSOR_FLAG_INPUT))
            give(made, &made->tensors[i], done);
    for (int i = 0; i < made->graph.n_nodes; i++) {
        struct ggml_tensor *node = made->nodes[i];
        bool is_mark = node->op == GGML_OP_NONE && node->view_src;
        const struct ggml_tensor *checked = is_mark ? node->src[0] : node;
        for (int k = 0; k < 2; k++)
            give(made, node->src[k], done);
        give(made, node->view_src, done);
        give(made, node, done);
        if (!is_given(node) && !is_mark)
            execute(made, node);
        done[node - made->tensors] = true;
        if (done[checked - made->tensors] && !is_right(made, checked))
            return (int)(checked - made->tensors);
    }
    for (int i = 0; i < made->n; i++)
        if ((made->tensors[i].flags & GGML_TENSOR_FLAG_OUTPUT) && made->tensors[i].data && !is_right(made, &made->tensors[i]))
            return i;
    return -1;
}

/* Of what exists by now, and has something to read. */
static struct ggml_tensor *any(struct made *made, uint32_t *seed)
{
    for (;;) {
        struct ggml_tensor *tensor = &made->tensors[made_next(seed, (uint32_t)made->n)];
        bool is_mark = tensor->op == GGML_OP_NONE && tensor->view_src;
        if (!is_mark)
            return tensor;
    }
}

static struct ggml_tensor *grow(struct made *made, uint32_t *seed)
{
    static const enum ggml_op ops[] = { GGML_OP_ADD, GGML_OP_ADD, GGML_OP_SCALE, GGML_OP_MUL_MAT };
    struct ggml_tensor *a = any(made, seed), *b = any(made, seed);
    enum ggml_op op = ops[made_next(seed, 4)];
    if (made_next(seed, 5) == 0)
        return made_view(made, a, 0, made_next(seed, 2) ? a->ne[0] : (a->ne[0] + 1) / 2);
    return made_node(made, op, a, op == GGML_OP_SCALE || b->ne[0] != a->ne[0] ? NULL : b);
}

void made_random(struct made *made, uint32_t seed, uint32_t n_bufs)
{
    memset(made, 0, sizeof *made);
    for (uint32_t i = 0, n = 1 + made_next(&seed, 4); i < n; i++) {
        bool is_listed = i == 0 || made_next(&seed, 6) > 0;
        struct ggml_tensor *given = (is_listed ? made_tensor : made_other)(made, GGML_OP_NONE, made_next(&seed, 20) ? 16 : 0);
        given->flags = made_next(&seed, 2) ? GGML_TENSOR_FLAG_INPUT : 0;
        if (made_next(&seed, 8) == 0)
            made_list_again(made, given);
    }
    for (uint32_t i = 0, n = 3 + made_next(&seed, 30); i < n; i++) {
        grow(made, &seed)->flags = made_next(&seed, 8) == 0 ? GGML_TENSOR_FLAG_OUTPUT : 0;
        if (made->n < MOST - 2 && made_next(&seed, 12) == 0)
            made_mark(made, any(made, &seed), any(made, &seed));
    }
    for (int i = 0; i < MOST; i++) {
        made->node_ids[i] = (int)made_next(&seed, n_bufs);
        made->leaf_ids[i] = (int)made_next(&seed, n_bufs);
    }
}
