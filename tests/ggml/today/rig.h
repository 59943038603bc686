/*
 * rig.h - graphs of stand-in tensors, planned through ggml's names with one effort after the other
 */
#ifndef TESTS_TODAY_RIG_H
#define TESTS_TODAY_RIG_H

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "made.h"

static struct ggml_backend_buffer_type heap = { .align = 16, .max_size = SIZE_MAX };
static struct made made;

static const char *const efforts[] = { "none", "online", "quick", "search" };

static inline ggml_gallocr_t open_with(const char *effort, const char *inplace)
{
    setenv("GGML_ALLOC_EFFORT", effort, 1);
    setenv("GGML_ALLOC_INPLACE", inplace, 1);
    memset(&made, 0, sizeof made);
    return ggml_gallocr_new(&heap);
}

static inline void close_all(ggml_gallocr_t galloc)
{
    ggml_gallocr_free(galloc);
    cr_assert_eq(heap.n_live, 0);
}

static inline struct ggml_tensor *leaf(int64_t len)
{
    return made_tensor(&made, GGML_OP_NONE, len);
}

static inline struct ggml_tensor *mul(struct ggml_tensor *a, struct ggml_tensor *b)
{
    return made_node(&made, GGML_OP_MUL_MAT, a, b);
}

static inline struct ggml_tensor *scale(struct ggml_tensor *a)
{
    return made_node(&made, GGML_OP_SCALE, a, NULL);
}

static inline bool overlap(const struct ggml_tensor *a, const struct ggml_tensor *b)
{
    const char *from = a->data, *other = b->data;
    return from < other + ggml_nbytes(b) && other < from + ggml_nbytes(a);
}

#endif
