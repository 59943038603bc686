/*
 * ggml.h - as much of today's ggml as the drop-in is compiled against: stand-ins by the same names, behind them the tiny engine of
 * engine.c.  Every tensor is a row of floats.
 */
#ifndef TESTS_GGML_TODAY_H
#define TESTS_GGML_TODAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GGML_MAX_DIMS 4
#define GGML_MAX_SRC 10
#define GGML_MAX_OP_PARAMS 64
#define GGML_MAX_NAME 64

enum ggml_status { GGML_STATUS_ALLOC_FAILED = -2, GGML_STATUS_SUCCESS = 0 };
enum ggml_type { GGML_TYPE_F32 };
enum ggml_tensor_flag { GGML_TENSOR_FLAG_INPUT = 1, GGML_TENSOR_FLAG_OUTPUT = 2 };
enum ggml_op {
    GGML_OP_NONE,
    GGML_OP_ADD,
    GGML_OP_SCALE,
    GGML_OP_MUL_MAT,
    GGML_OP_RESHAPE,
    GGML_OP_VIEW,
    GGML_OP_PERMUTE,
    GGML_OP_TRANSPOSE,
    GGML_OP_COUNT
};

struct ggml_tensor {
    enum ggml_type type;
    struct ggml_backend_buffer *buffer;
    int64_t ne[GGML_MAX_DIMS];
    size_t nb[GGML_MAX_DIMS];
    enum ggml_op op;
    int32_t op_params[GGML_MAX_OP_PARAMS / sizeof(int32_t)];
    int32_t flags;
    struct ggml_tensor *src[GGML_MAX_SRC];
    struct ggml_tensor *view_src;
    size_t view_offs;
    void *data;
    char name[GGML_MAX_NAME];
};

struct ggml_cgraph {
    int n_nodes, n_leafs;
    struct ggml_tensor **nodes, **leafs;
};

struct ggml_context {
    struct ggml_tensor *tensors;
    int n;
};

const char *ggml_op_name(enum ggml_op op);
bool ggml_op_can_inplace(enum ggml_op op);
size_t ggml_nbytes(const struct ggml_tensor *tensor);
struct ggml_tensor *ggml_get_first_tensor(const struct ggml_context *ctx);
struct ggml_tensor *ggml_get_next_tensor(const struct ggml_context *ctx, struct ggml_tensor *tensor);

#endif
