/*
 * dropin_looks.c - what may be read off tensors alone: over which sources one may be written, and a digest of a graph's lists
 */
#include "ggml/dropin.h"

#include <string.h>

#include "graph/ops.h"

static bool same_layout(const struct ggml_tensor *a, const struct ggml_tensor *b)
{
    return a->type == b->type && memcmp(a->ne, b->ne, sizeof a->ne) == 0 && memcmp(a->nb, b->nb, sizeof a->nb) == 0;
}

static unsigned right_of(struct ggml_gallocr *galloc, enum ggml_op op)
{
    if ((unsigned)op >= GGML_OP_COUNT)
        return RIGHT_NONE;
    uint8_t *right = &galloc->rights[op];
    if (*right == RIGHT_UNKNOWN)
        *right = ggml_op_can_inplace(op) ? RIGHT_GGML : gai_op_may_reuse(ggml_op_name(op), 2) ? RIGHT_KERNEL : RIGHT_NONE;
    return *right;
}

uint16_t gai_dropin_rights(struct ggml_gallocr *galloc, const struct ggml_tensor *tensor, unsigned n_src, uint16_t *eager)
{
    unsigned right = right_of(galloc, tensor->op), reuse = 0, first = 0;
    bool may = right == RIGHT_GGML || (right == RIGHT_KERNEL && galloc->inplace == INPLACE_MORE);
    if (!may || galloc->inplace == INPLACE_NONE || !tensor_needs_bytes(tensor))
        n_src = 0;
    for (unsigned i = 0; i < n_src; i++) {
        const struct ggml_tensor *src = tensor->src[i];
        if (!src || src->data || src == tensor || (src->flags & GGML_TENSOR_FLAG_OUTPUT) || !same_layout(src, tensor))
            continue;
        bool only_view = src->view_src != NULL;
        if (only_view && (galloc->inplace == INPLACE_GGML || (src->view_src->flags & GGML_TENSOR_FLAG_OUTPUT)))
            continue;
        reuse |= 1u << i;
        first |= !only_view && right == RIGHT_GGML ? 1u << i : 0;
    }
    *eager = (uint16_t)first;
    return (uint16_t)reuse;
}

static inline uint64_t digest_one(uint64_t sum, uint8_t flags, bool is_view, bool is_none)
{
    sum = (sum ^ (flags | (uint64_t)is_view << 8 | (uint64_t)is_none << 9)) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 32;
}

static uint64_t digest_list(uint64_t sum, struct ggml_tensor *const *list, int n)
{
    for (int i = 0; i < n; i++)
        sum = digest_one(sum, tensor_in_out(list[i]), list[i]->view_src != NULL, list[i]->op == GGML_OP_NONE);
    return sum;
}

uint64_t gai_dropin_digest(const struct ggml_cgraph *graph)
{
    return digest_list(digest_list(1, graph->leafs, graph->n_leafs), graph->nodes, graph->n_nodes);
}

uint64_t gai_record_digest(const struct record *record)
{
    uint64_t sum = 1;
    for (uint32_t id = 1; id <= record->n_leafs + record->n_nodes; id++) {
        const struct seen *seen = &record->seen[id];
        sum = digest_one(sum, seen->flags, seen->view != 0, seen->op == GGML_OP_NONE);
    }
    return sum;
}
