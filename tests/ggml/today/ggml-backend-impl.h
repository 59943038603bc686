/*
 * ggml-backend-impl.h - stand-ins for buffer types and buffers, with what a test wants to know or to break
 */
#ifndef TESTS_GGML_TODAY_BACKEND_H
#define TESTS_GGML_TODAY_BACKEND_H

#include "ggml-alloc.h"

enum ggml_backend_buffer_usage { GGML_BACKEND_BUFFER_USAGE_ANY, GGML_BACKEND_BUFFER_USAGE_COMPUTE };

struct ggml_backend_buffer_type {
    size_t align, max_size;
    int n_asked;     /* calls of alloc_size */
    int fail_in;     /* the how manieth buffer from now is refused; 0: none */
    int n_live;      /* buffers */
    size_t capacity; /* bytes of them all; 0: any */
    size_t used;
    int n_resets;     /* of buffers */
    bool refuses;     /* to initialise tensors */
    bool is_meta;     /* contexts are another function's business */
    size_t n_padding; /* alloc_size over the tensor's own bytes */
};

struct ggml_backend_buffer {
    ggml_backend_buffer_type_t buft;
    void *base;
    size_t size;
    struct ggml_backend_buffer **parts;
    size_t n_parts;
};

const char *ggml_backend_buft_name(ggml_backend_buffer_type_t buft);
size_t ggml_backend_buft_get_alignment(ggml_backend_buffer_type_t buft);
size_t ggml_backend_buft_get_max_size(ggml_backend_buffer_type_t buft);
size_t ggml_backend_buft_get_alloc_size(ggml_backend_buffer_type_t buft, const struct ggml_tensor *tensor);
ggml_backend_buffer_t ggml_backend_buft_alloc_buffer(ggml_backend_buffer_type_t buft, size_t size);

void *ggml_backend_buffer_get_base(ggml_backend_buffer_t buffer);
size_t ggml_backend_buffer_get_size(ggml_backend_buffer_t buffer);
size_t ggml_backend_buffer_get_alignment(ggml_backend_buffer_t buffer);
size_t ggml_backend_buffer_get_alloc_size(ggml_backend_buffer_t buffer, const struct ggml_tensor *tensor);
enum ggml_status ggml_backend_buffer_init_tensor(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor);
void ggml_backend_buffer_set_usage(ggml_backend_buffer_t buffer, enum ggml_backend_buffer_usage usage);
void ggml_backend_buffer_reset(ggml_backend_buffer_t buffer);
void ggml_backend_buffer_free(ggml_backend_buffer_t buffer);
ggml_backend_buffer_t ggml_backend_multi_buffer_alloc_buffer(ggml_backend_buffer_t *buffers, size_t n);
ggml_backend_buffer_type_t ggml_backend_get_default_buffer_type(ggml_backend_t backend);

bool ggml_backend_buft_is_meta(ggml_backend_buffer_type_t buft);
struct ggml_backend_buffer *ggml_backend_meta_alloc_ctx_tensors_from_buft(struct ggml_context *ctx,
                                                                          ggml_backend_buffer_type_t buft);

enum ggml_status ggml_backend_tensor_alloc(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor, void *addr);
enum ggml_status ggml_backend_view_init(struct ggml_tensor *tensor);

#endif
