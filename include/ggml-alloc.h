/*
 * ggml-alloc.h - ggml's allocators as of November 2023, by name, on small structs of our own: works without ggml
 *
 *     tensors --> ggml_tallocr     one tensor after the other, best fit, nothing given back but all at once
 *     graph ----> ggml_gallocr --> places with one ggml_tallocr or several: in place where possible, given back after the last reader
 *     both -----> ggml_allocr      one of each: the older interface
 *
 * The structs have the fields that an allocator looks at, under the names that ggml gave them.  Fill them yourself; zeroed fields
 * mean none.  To run on ggml's own structs instead, compile the same sources against ggml's headers: see ggml_alloc/ggml/README.md.
 * Declares what that ggml's headers declare, so one program includes this header or those.
 *
 * Nothing aborts.  What fails leaves the allocator and all tensors as they were, and says so: ggml_*_error() is NULL when the last
 * call that could fail succeeded, else words that last until the next call.  Constructors answer NULL.
 *
 * Measuring and then allocating the same graph gives the same offsets, and the measured ggml_*_max_size() is enough for memory
 * aligned as asked; for memory that is not, add alignment - 1 bytes.  Alignments are powers of two.
 */
#ifndef GGML_ALLOC_2023_H
#define GGML_ALLOC_2023_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef GGML_API
#define GGML_API
#endif

#define GGML_MAX_DIMS 4
#define GGML_MAX_SRC 6
#define GGML_MAX_NAME 64

/* clang-format off */
/* Those from DIAG_MASK_INF to UNARY may be written over a source of equal layout; an op of your own counts from GGML_OP_COUNT. */
#define GGML_ALLOC_OPS(op)                                                                                                        \
    op(NONE) op(DUP) op(ACC) op(SUM) op(SUM_ROWS) op(MEAN) op(ARGMAX) op(REPEAT) op(REPEAT_BACK) op(CONCAT) op(SILU_BACK)         \
    op(NORM) op(RMS_NORM_BACK) op(GROUP_NORM) op(MUL_MAT) op(OUT_PROD) op(SET) op(CPY) op(CONT) op(RESHAPE) op(VIEW) op(PERMUTE)  \
    op(TRANSPOSE) op(GET_ROWS) op(GET_ROWS_BACK) op(DIAG) op(SOFT_MAX_BACK) op(ROPE_BACK) op(ALIBI) op(CLAMP)                     \
    op(CONV_TRANSPOSE_1D) op(IM2COL) op(CONV_TRANSPOSE_2D) op(POOL_1D) op(POOL_2D) op(UPSCALE) op(FLASH_ATTN) op(FLASH_FF)        \
    op(FLASH_ATTN_BACK) op(WIN_PART) op(WIN_UNPART) op(GET_REL_POS) op(ADD_REL_POS) op(CROSS_ENTROPY_LOSS)                        \
    op(CROSS_ENTROPY_LOSS_BACK)                                                                                                   \
    op(DIAG_MASK_INF) op(DIAG_MASK_ZERO) op(SCALE) op(ADD) op(ADD1) op(SUB) op(MUL) op(DIV) op(SQR) op(SQRT) op(LOG) op(ROPE)     \
    op(RMS_NORM) op(SOFT_MAX) op(UNARY)

/* name, bytes of a block, elements in a block */
#define GGML_ALLOC_TYPES(type)                                                                                                    \
    type(F32, 4, 1) type(F16, 2, 1) type(I8, 1, 1) type(I16, 2, 1) type(I32, 4, 1)                                                \
    type(Q4_0, 18, 32) type(Q4_1, 20, 32) type(Q5_0, 22, 32) type(Q5_1, 24, 32) type(Q8_0, 34, 32) type(Q8_1, 40, 32)             \
    type(Q2_K, 84, 256) type(Q3_K, 110, 256) type(Q4_K, 144, 256) type(Q5_K, 176, 256) type(Q6_K, 210, 256) type(Q8_K, 292, 256)
/* clang-format on */

#define GGML_ALLOC_OP(name) GGML_OP_##name,
#define GGML_ALLOC_TYPE(name, bytes, elements) GGML_TYPE_##name,

enum ggml_op { GGML_ALLOC_OPS(GGML_ALLOC_OP) GGML_OP_COUNT };
enum ggml_type { GGML_ALLOC_TYPES(GGML_ALLOC_TYPE) GGML_TYPE_COUNT };
enum ggml_backend_type { GGML_BACKEND_CPU = 0, GGML_BACKEND_GPU = 10, GGML_BACKEND_GPU_SPLIT = 20 };

#undef GGML_ALLOC_OP
#undef GGML_ALLOC_TYPE

struct ggml_backend;
struct ggml_backend_buffer;
typedef struct ggml_backend *ggml_backend_t;
typedef struct ggml_backend_buffer *ggml_backend_buffer_t;

struct ggml_tensor {
    enum ggml_type type;
    enum ggml_backend_type backend; /* a view gets its source's */
    struct ggml_backend_buffer *buffer;
    int64_t ne[GGML_MAX_DIMS]; /* elements; 1 in unused dimensions */
    size_t nb[GGML_MAX_DIMS];  /* bytes from one to the next */
    enum ggml_op op;
    struct ggml_tensor *src[GGML_MAX_SRC]; /* up to the first NULL */
    struct ggml_tensor *view_src;          /* looks into this one's bytes... */
    size_t view_offs;                      /* ...starting here */
    void *data;                            /* set before a graph is allocated: the caller's, left alone */
    char name[GGML_MAX_NAME];              /* for reports */
};

/* Open addressing: `size` slots, NULL is empty.  Zero the keys before the first use. */
struct ggml_hash_set {
    size_t size;
    struct ggml_tensor **keys;
};

struct ggml_cgraph {
    int size;
    int n_nodes;
    int n_leafs;
    struct ggml_tensor **nodes; /* in execution order */
    struct ggml_tensor **leafs;
    struct ggml_hash_set visited_hash_table; /* the engine's; not looked at */
};

/*
 * Backends and buffers.  Only get_base, alloc_buffer and get_alignment must be there.  init_tensor is called after a tensor got its
 * address, free_tensor before its bytes are given to another; neither while measuring.
 */
struct ggml_backend_buffer_i {
    void (*free_buffer)(ggml_backend_buffer_t buffer);
    void *(*get_base)(ggml_backend_buffer_t buffer);
    size_t (*get_alloc_size)(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor); /* NULL: ggml_nbytes() */
    void (*init_tensor)(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor);
    void (*free_tensor)(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor);
};

struct ggml_backend_buffer {
    struct ggml_backend_buffer_i iface;
    ggml_backend_t backend; /* NULL: the caller's own memory */
    void *context;
    size_t size;
};

struct ggml_backend_i {
    void (*free)(ggml_backend_t backend);
    ggml_backend_buffer_t (*alloc_buffer)(ggml_backend_t backend, size_t size); /* NULL: no memory */
    size_t (*get_alignment)(ggml_backend_t backend);
};

struct ggml_backend {
    struct ggml_backend_i iface;
    void *context;
};

/* Bytes from the tensor's first to its last element; SIZE_MAX when that is no size_t. */
GGML_API size_t ggml_nbytes(const struct ggml_tensor *tensor);
GGML_API const char *ggml_op_name(enum ggml_op op);

GGML_API ggml_backend_t ggml_backend_cpu_init(void); /* host memory, 64-byte aligned; NULL: no memory */
GGML_API void ggml_backend_free(ggml_backend_t backend);
GGML_API size_t ggml_backend_get_alignment(ggml_backend_t backend); /* of a buffer's base; NULL is the host */

GGML_API ggml_backend_buffer_t ggml_backend_buffer_init(ggml_backend_t backend, struct ggml_backend_buffer_i iface, void *context,
                                                        size_t size);                          /* NULL: no memory */
GGML_API ggml_backend_buffer_t ggml_backend_alloc_buffer(ggml_backend_t backend, size_t size); /* NULL: no memory */
GGML_API ggml_backend_buffer_t ggml_backend_cpu_buffer_from_ptr(ggml_backend_t backend, void *ptr, size_t size); /* likewise */
GGML_API void ggml_backend_buffer_free(ggml_backend_buffer_t buffer);
GGML_API size_t ggml_backend_buffer_get_alignment(ggml_backend_buffer_t buffer);
GGML_API void *ggml_backend_buffer_get_base(ggml_backend_buffer_t buffer);
GGML_API size_t ggml_backend_buffer_get_size(ggml_backend_buffer_t buffer);
GGML_API size_t ggml_backend_buffer_get_alloc_size(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor);
GGML_API void ggml_backend_buffer_init_tensor(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor);
GGML_API void ggml_backend_buffer_free_tensor(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor);

/*
 * The slot of `key`, or the one where it would go.  GGML_HASHTABLE_FULL: it is in none and all are taken (then nothing is
 * inserted).  ggml_hash_insert() answers GGML_HASHTABLE_ALREADY_EXISTS when it was in.
 */
#define GGML_HASHTABLE_FULL ((size_t)-1)
#define GGML_HASHTABLE_ALREADY_EXISTS ((size_t)-2)
GGML_API bool ggml_hash_contains(struct ggml_hash_set hash_set, struct ggml_tensor *key);
GGML_API size_t ggml_hash_find(struct ggml_hash_set hash_set, struct ggml_tensor *key);
GGML_API size_t ggml_hash_insert(struct ggml_hash_set hash_set, struct ggml_tensor *key);
GGML_API size_t ggml_hash_find_or_insert(struct ggml_hash_set hash_set, struct ggml_tensor *key);

/*
 * Linear allocator.  Exact best fit over the free blocks, the highest one only when no other fits.  Over memory or a buffer of the
 * caller's, or over one that it takes from a backend and owns.  Measuring, there is no memory; of a backend only the smallest
 * buffer is taken, for its alignment and its idea of sizes.
 */
typedef struct ggml_tallocr *ggml_tallocr_t;

GGML_API ggml_tallocr_t ggml_tallocr_new(void *data, size_t size, size_t alignment);
GGML_API ggml_tallocr_t ggml_tallocr_new_measure(size_t alignment);
GGML_API ggml_tallocr_t ggml_tallocr_new_from_buffer(struct ggml_backend_buffer *buffer);
GGML_API ggml_tallocr_t ggml_tallocr_new_from_backend(struct ggml_backend *backend, size_t size);
GGML_API ggml_tallocr_t ggml_tallocr_new_measure_from_backend(struct ggml_backend *backend);
GGML_API void ggml_tallocr_free(ggml_tallocr_t talloc); /* an owned buffer, too; NULL is fine */
GGML_API const char *ggml_tallocr_error(ggml_tallocr_t talloc);

GGML_API struct ggml_backend_buffer *ggml_tallocr_get_buffer(ggml_tallocr_t talloc);
GGML_API bool ggml_tallocr_is_measure(ggml_tallocr_t talloc);
/* Everything free again; the largest size so far stays. */
GGML_API void ggml_tallocr_reset(ggml_tallocr_t talloc);
/* Sets the tensor's buffer and data.  Not for views, nor for tensors that have data. */
GGML_API void ggml_tallocr_alloc(ggml_tallocr_t talloc, struct ggml_tensor *tensor);
/* The highest end ever handed out, counted from the start of the memory. */
GGML_API size_t ggml_tallocr_max_size(ggml_tallocr_t talloc);

/*
 * Graph allocator.  Nodes and leafs without data get buffer and data; views get their source's.  A tensor keeps its view_src also
 * when it took over a source's bytes.  Refused, with the node's name: a source after its reader, a view past the end of its source,
 * a view of what has no bytes or lives on another of the graph's backends.  A tensor in the allocator's buffer that does not live there
 * (any more) is left alone: neither taken over nor given back.
 */
typedef struct ggml_gallocr *ggml_gallocr_t;

GGML_API ggml_gallocr_t ggml_gallocr_new(void);
GGML_API void ggml_gallocr_free(ggml_gallocr_t galloc); /* NULL is fine */
GGML_API const char *ggml_gallocr_error(ggml_gallocr_t galloc);

/*
 * Execution order as indices of nodes, -1 is a barrier; copied; n = 0 turns it off.  Nodes between two barriers may run at once:
 * bytes come back at barriers only, those of what follows the last one never.  A node that is not listed gets bytes when a listed
 * one reads it.  Judged against each graph: an index out of range or twice, a node before a source that is listed later.
 */
GGML_API void ggml_gallocr_set_parse_seq(ggml_gallocr_t galloc, const int *list, int n);

/* The allocator's largest size so far, 0 on failure. */
GGML_API size_t ggml_gallocr_alloc_graph(ggml_gallocr_t galloc, ggml_tallocr_t talloc, struct ggml_cgraph *graph);
/*
 * A tensor in slot i of `hash_set` is placed by hash_node_talloc[i]; both stay the caller's and are not changed.  The set has at
 * least n_nodes + n_leafs slots.  A tensor without allocator may not need one.
 */
GGML_API void ggml_gallocr_alloc_graph_n(ggml_gallocr_t galloc, struct ggml_cgraph *graph, struct ggml_hash_set hash_set,
                                         ggml_tallocr_t *hash_node_talloc);

/* Both in one. */
typedef struct ggml_allocr *ggml_allocr_t;

GGML_API ggml_allocr_t ggml_allocr_new(void *data, size_t size, size_t alignment);
GGML_API ggml_allocr_t ggml_allocr_new_measure(size_t alignment);
GGML_API ggml_allocr_t ggml_allocr_new_from_buffer(struct ggml_backend_buffer *buffer);
GGML_API ggml_allocr_t ggml_allocr_new_from_backend(struct ggml_backend *backend, size_t size);
GGML_API ggml_allocr_t ggml_allocr_new_measure_from_backend(struct ggml_backend *backend);
GGML_API void ggml_allocr_free(ggml_allocr_t alloc); /* NULL is fine */
GGML_API const char *ggml_allocr_error(ggml_allocr_t alloc);

GGML_API struct ggml_backend_buffer *ggml_allocr_get_buffer(ggml_allocr_t alloc);
GGML_API void ggml_allocr_set_parse_seq(ggml_allocr_t alloc, const int *list, int n);
GGML_API bool ggml_allocr_is_measure(ggml_allocr_t alloc);
GGML_API void ggml_allocr_reset(ggml_allocr_t alloc);
GGML_API void ggml_allocr_alloc(ggml_allocr_t alloc, struct ggml_tensor *tensor);
GGML_API size_t ggml_allocr_max_size(ggml_allocr_t alloc);
GGML_API size_t ggml_allocr_alloc_graph(ggml_allocr_t alloc, struct ggml_cgraph *graph);

#ifdef __cplusplus
}
#endif

#endif
