/*
 * small.h - tensors and graphs made by hand, on the structs of include/ggml-alloc.h
 *
 *     struct small s = { 0 };
 *     struct ggml_tensor *x = small_leaf(&s, "x", 100);
 *     struct ggml_tensor *y = small_node(&s, GGML_OP_ADD, "y", 100, x, x, NULL);
 *     small_graph(&s)
 */
#ifndef TESTS_GGML_SMALL_H
#define TESTS_GGML_SMALL_H

#include "ggml-alloc.h"

#define SMALL_TENSORS 4096

struct small {
    struct ggml_tensor tensors[SMALL_TENSORS];
    struct ggml_tensor *nodes[SMALL_TENSORS], *leafs[SMALL_TENSORS];
    int n_tensors;
    struct ggml_cgraph graph;
};

/* A row of bytes that belongs to no graph; `size` is its length. */
struct ggml_tensor *small_tensor(struct small *small, const char *name, size_t size);
struct ggml_tensor *small_leaf(struct small *small, const char *name, size_t size);
/* The sources end with NULL. */
struct ggml_tensor *small_node(struct small *small, enum ggml_op op, const char *name, size_t size, ...);
/* A VIEW node of `size` bytes of `source`, as ggml makes them: it reads its source, too. */
struct ggml_tensor *small_view(struct small *small, const char *name, struct ggml_tensor *source, size_t offset, size_t size);
struct ggml_cgraph *small_graph(struct small *small);

/* As after building the graph anew: nothing has data or a buffer. */
void small_forget(struct small *small);

/* Where a tensor lives in the allocator's buffer. */
size_t small_at(ggml_tallocr_t talloc, const struct ggml_tensor *tensor);

#endif
