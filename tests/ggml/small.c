#include "ggml/small.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct ggml_tensor *small_tensor(struct small *small, const char *name, size_t size)
{
    assert(small->n_tensors < SMALL_TENSORS);
    struct ggml_tensor *tensor = &small->tensors[small->n_tensors++];
    *tensor = (struct ggml_tensor){ .type = GGML_TYPE_I8, .ne = { (int64_t)size, 1, 1, 1 }, .nb = { 1, size, size, size } };
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    return tensor;
}

struct ggml_tensor *small_leaf(struct small *small, const char *name, size_t size)
{
    return small->leafs[small->graph.n_leafs++] = small_tensor(small, name, size);
}

struct ggml_tensor *small_node(struct small *small, enum ggml_op op, const char *name, size_t size, ...)
{
    struct ggml_tensor *node = small_tensor(small, name, size);
    va_list sources;
    va_start(sources, size);
    for (int i = 0; i < GGML_MAX_SRC; i++) {
        node->src[i] = va_arg(sources, struct ggml_tensor *);
        if (!node->src[i])
            break;
    }
    va_end(sources);
    node->op = op;
    small->nodes[small->graph.n_nodes++] = node;
    return node;
}

struct ggml_tensor *small_view(struct small *small, const char *name, struct ggml_tensor *source, size_t offset, size_t size)
{
    struct ggml_tensor *view = small_node(small, GGML_OP_VIEW, name, size, source, NULL);
    view->view_src = source;
    view->view_offs = offset;
    return view;
}

struct ggml_cgraph *small_graph(struct small *small)
{
    small->graph.nodes = small->nodes;
    small->graph.leafs = small->leafs;
    return &small->graph;
}

void small_forget(struct small *small)
{
    for (int i = 0; i < small->n_tensors; i++) {
        small->tensors[i].data = NULL;
        small->tensors[i].buffer = NULL;
    }
}

size_t small_at(ggml_tallocr_t talloc, const struct ggml_tensor *tensor)
{
    return (size_t)((char *)tensor->data - (char *)ggml_backend_buffer_get_base(ggml_tallocr_get_buffer(talloc)));
}
