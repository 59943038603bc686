/*
 * made.h - graphs made by hand or at random, and what each of their tensors must hold
 */
#ifndef TESTS_GGML_TODAY_MADE_H
#define TESTS_GGML_TODAY_MADE_H

#include "ggml-backend-impl.h"

enum { MOST = 48, WIDE = 64 };

struct made {
    struct ggml_tensor tensors[MOST];
    float values[MOST][WIDE]; /* in memory that nothing shares */
    struct ggml_tensor *leafs[MOST], *nodes[MOST];
    struct ggml_cgraph graph;
    int node_ids[MOST], leaf_ids[MOST];
    int n;
};

/* In neither list. */
struct ggml_tensor *made_other(struct made *made, enum ggml_op op, int64_t len);
/* A leaf when there is no op, else a node. */
struct ggml_tensor *made_tensor(struct made *made, enum ggml_op op, int64_t len);
struct ggml_tensor *made_node(struct made *made, enum ggml_op op, struct ggml_tensor *a, struct ggml_tensor *b);
struct ggml_tensor *made_view(struct made *made, struct ggml_tensor *of, size_t skip, int64_t len);
/* Is listed once more, as a node. */
void made_list_again(struct made *made, struct ggml_tensor *tensor);
/* A view without an op among the nodes: it is never executed, and keeps `source` until then. */
struct ggml_tensor *made_mark(struct made *made, struct ggml_tensor *of, struct ggml_tensor *source);

/* No tensor has bytes any longer. */
void made_forget(struct made *made);

/* Executes it, in shared memory and out of it; the first tensor that differs, or -1. */
int made_run(struct made *made);

uint32_t made_next(uint32_t *seed, uint32_t below);
/* With views, outputs, inputs, marks of dependency, copies of inputs listed twice, tensors in no list, and empty ones. */
void made_random(struct made *made, uint32_t seed, uint32_t n_bufs);

#endif
