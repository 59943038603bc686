/*
 * tensor.h - all that the 2023 allocators know of tensors, graphs and buffers
 *
 *     legacy_*.c --> tensor.h --> "ggml-alloc.h"     ours, or ggml's own of November 2023: the one that the include path finds first
 *
 * The sources beside this file read and write tensors through these functions only.  For structs of another engine, write a file
 * with the same functions, have the include path find it as "ggml/tensor.h" before this one, and compile.  What it must declare
 * besides: ggml_tallocr_t, ggml_gallocr_t, ggml_allocr_t, the ggml_backend_buffer_* functions called in legacy_tallocr.c and
 * legacy_gallocr.c, and ggml_hash_find().
 */
#ifndef GAI_GGML_TENSOR_H
#define GAI_GGML_TENSOR_H

#include "ggml-alloc.h"
#ifndef GGML_ALLOC_2023_H
#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#endif

static inline const char *tensor_name(const struct ggml_tensor *tensor)
{
    return tensor->name;
}

static inline const char *tensor_op_name(const struct ggml_tensor *tensor)
{
    return ggml_op_name(tensor->op);
}

/* NULL from the first empty slot on. */
static inline struct ggml_tensor *tensor_source(const struct ggml_tensor *tensor, unsigned slot)
{
    return slot < GGML_MAX_SRC ? tensor->src[slot] : NULL;
}

static inline struct ggml_tensor *tensor_view_source(const struct ggml_tensor *tensor)
{
    return tensor->view_src;
}

static inline size_t tensor_view_offset(const struct ggml_tensor *tensor)
{
    return tensor->view_offs;
}

static inline void *tensor_data(const struct ggml_tensor *tensor)
{
    return tensor->data;
}

static inline struct ggml_backend_buffer *tensor_buffer(const struct ggml_tensor *tensor)
{
    return tensor->buffer;
}

static inline void tensor_bind(struct ggml_tensor *tensor, struct ggml_backend_buffer *buffer, void *data)
{
    tensor->buffer = buffer;
    tensor->data = data;
}

/* What a view inherits besides its address. */
static inline void tensor_follow(struct ggml_tensor *view, const struct ggml_tensor *source)
{
    view->backend = source->backend;
}

static inline size_t tensor_bytes(const struct ggml_tensor *tensor)
{
    for (int i = 0; i < GGML_MAX_DIMS; i++)
        if (tensor->ne[i] == 0)
            return 0;
    return ggml_nbytes(tensor);
}

static inline bool tensor_same_layout(const struct ggml_tensor *a, const struct ggml_tensor *b)
{
    for (int i = 0; i < GGML_MAX_DIMS; i++)
        if (a->ne[i] != b->ne[i] || a->nb[i] != b->nb[i])
            return false;
    return a->type == b->type;
}

/* Whether its kernel reads each element before it writes it. */
static inline bool tensor_works_in_place(const struct ggml_tensor *tensor)
{
    switch (tensor->op) {
    case GGML_OP_ADD:
    case GGML_OP_ADD1:
    case GGML_OP_DIAG_MASK_INF:
    case GGML_OP_DIAG_MASK_ZERO:
    case GGML_OP_DIV:
    case GGML_OP_LOG:
    case GGML_OP_MUL:
    case GGML_OP_RMS_NORM:
    case GGML_OP_ROPE:
    case GGML_OP_SCALE:
    case GGML_OP_SOFT_MAX:
    case GGML_OP_SQR:
    case GGML_OP_SQRT:
    case GGML_OP_SUB:
    case GGML_OP_UNARY:
        return true;
    default:
        return false;
    }
}

static inline uint32_t graph_n_nodes(const struct ggml_cgraph *graph)
{
    return graph->n_nodes > 0 ? (uint32_t)graph->n_nodes : 0;
}

static inline uint32_t graph_n_leafs(const struct ggml_cgraph *graph)
{
    return graph->n_leafs > 0 ? (uint32_t)graph->n_leafs : 0;
}

static inline struct ggml_tensor *graph_node(const struct ggml_cgraph *graph, uint32_t index)
{
    return graph->nodes[index];
}

static inline const struct ggml_backend *buffer_backend(const struct ggml_backend_buffer *buffer)
{
    return buffer->backend;
}

/* How many slots the set has, and the one of `tensor`; SIZE_MAX when it is in none. */
static inline size_t set_size(struct ggml_hash_set set)
{
    return set.size;
}

static inline size_t set_slot(struct ggml_hash_set set, struct ggml_tensor *tensor)
{
    size_t slot = ggml_hash_find(set, tensor);
    return slot < set.size && set.keys[slot] == tensor ? slot : SIZE_MAX;
}

#endif
