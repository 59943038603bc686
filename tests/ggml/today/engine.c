#include "ggml-backend-impl.h"

#include <stdlib.h>

const char *ggml_op_name(enum ggml_op op)
{
    static const char *const names[] = { "NONE", "ADD", "SCALE", "MUL_MAT", "RESHAPE", "VIEW", "PERMUTE", "TRANSPOSE" };
    return names[op];
}

size_t ggml_nbytes(const struct ggml_tensor *tensor)
{
    return (size_t)tensor->ne[0] * sizeof(float);
}

struct ggml_tensor *ggml_get_first_tensor(const struct ggml_context *ctx)
{
    return ctx->n ? ctx->tensors : NULL;
}

struct ggml_tensor *ggml_get_next_tensor(const struct ggml_context *ctx, struct ggml_tensor *tensor)
{
    return tensor + 1 < ctx->tensors + ctx->n ? tensor + 1 : NULL;
}

const char *ggml_backend_buft_name(ggml_backend_buffer_type_t buft)
{
    (void)buft;
    return "heap";
}

size_t ggml_backend_buft_get_alignment(ggml_backend_buffer_type_t buft)
{
    return buft->align;
}

size_t ggml_backend_buft_get_max_size(ggml_backend_buffer_type_t buft)
{
    return buft->max_size;
}

size_t ggml_backend_buft_get_alloc_size(ggml_backend_buffer_type_t buft, const struct ggml_tensor *tensor)
{
    buft->n_asked++;
    return ggml_nbytes(tensor) + buft->n_padding;
}

ggml_backend_buffer_t ggml_backend_buft_alloc_buffer(ggml_backend_buffer_type_t buft, size_t size)
{
    if (buft->fail_in > 0 && --buft->fail_in == 0)
        return NULL;
    if (buft->capacity && size > buft->capacity - buft->used)
        return NULL;
    ggml_backend_buffer_t buffer = calloc(1, sizeof *buffer);
    buft->used += size;
    buffer->buft = buft;
    buffer->size = size;
    buffer->base = size ? aligned_alloc(64, (size + 63) / 64 * 64) : NULL;
    buft->n_live++;
    return buffer;
}

void *ggml_backend_buffer_get_base(ggml_backend_buffer_t buffer)
{
    return buffer->base;
}

size_t ggml_backend_buffer_get_size(ggml_backend_buffer_t buffer)
{
    return buffer->size;
}

size_t ggml_backend_buffer_get_alignment(ggml_backend_buffer_t buffer)
{
    return buffer->buft->align;
}

size_t ggml_backend_buffer_get_alloc_size(ggml_backend_buffer_t buffer, const struct ggml_tensor *tensor)
{
    return ggml_backend_buft_get_alloc_size(buffer->buft, tensor);
}

enum ggml_status ggml_backend_buffer_init_tensor(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    bool is_fine = tensor->buffer == buffer && !buffer->buft->refuses;
    return is_fine ? GGML_STATUS_SUCCESS : GGML_STATUS_ALLOC_FAILED;
}

void ggml_backend_buffer_set_usage(ggml_backend_buffer_t buffer, enum ggml_backend_buffer_usage usage)
{
    (void)buffer, (void)usage;
}

void ggml_backend_buffer_reset(ggml_backend_buffer_t buffer)
{
    buffer->buft->n_resets++;
}

void ggml_backend_buffer_free(ggml_backend_buffer_t buffer)
{
    for (size_t i = 0; i < buffer->n_parts; i++)
        ggml_backend_buffer_free(buffer->parts[i]);
    if (buffer->buft) {
        buffer->buft->n_live--;
        buffer->buft->used -= buffer->size;
    }
    free(buffer->parts);
    free(buffer->base);
    free(buffer);
}

ggml_backend_buffer_t ggml_backend_multi_buffer_alloc_buffer(ggml_backend_buffer_t *buffers, size_t n)
{
    ggml_backend_buffer_t buffer = calloc(1, sizeof *buffer);
    buffer->parts = calloc(n, sizeof(ggml_backend_buffer_t));
    buffer->n_parts = n;
    for (size_t i = 0; i < n; i++) {
        buffer->parts[i] = buffers[i];
        buffer->size += buffers[i]->size;
    }
    return buffer;
}

ggml_backend_buffer_type_t ggml_backend_get_default_buffer_type(ggml_backend_t backend)
{
    return (ggml_backend_buffer_type_t)(void *)backend;
}

enum ggml_status ggml_backend_tensor_alloc(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor, void *addr)
{
    tensor->buffer = buffer;
    tensor->data = addr;
    return GGML_STATUS_SUCCESS;
}

enum ggml_status ggml_backend_view_init(struct ggml_tensor *tensor)
{
    tensor->buffer = tensor->view_src->buffer;
    tensor->data = (char *)tensor->view_src->data + tensor->view_offs;
    return GGML_STATUS_SUCCESS;
}

bool ggml_backend_buft_is_meta(ggml_backend_buffer_type_t buft)
{
    return buft->is_meta;
}

struct ggml_backend_buffer *ggml_backend_meta_alloc_ctx_tensors_from_buft(struct ggml_context *ctx, ggml_backend_buffer_type_t buft)
{
    (void)ctx;
    return ggml_backend_buft_alloc_buffer(buft, 16);
}
