/*
 * dropin_context.c - tensors side by side: ggml_tallocr, and the buffers of a whole context
 */
#include "ggml/dropin.h"

#include "base/bits.h"

#if defined(__GNUC__)
/* Buffers over several devices came later: where ggml has them it is asked, where not these are NULL.  Newer headers know them. */
/* NOLINTBEGIN(readability-redundant-declaration) */
extern bool ggml_backend_buft_is_meta(ggml_backend_buffer_type_t buft) __attribute__((weak));
extern struct ggml_backend_buffer *ggml_backend_meta_alloc_ctx_tensors_from_buft(struct ggml_context *ctx,
                                                                                 ggml_backend_buffer_type_t buft)
    __attribute__((weak));
/* NOLINTEND(readability-redundant-declaration) */

static bool is_meta(ggml_backend_buffer_type_t buft)
{
    return ggml_backend_buft_is_meta && ggml_backend_meta_alloc_ctx_tensors_from_buft && ggml_backend_buft_is_meta(buft);
}
#else
static bool is_meta(ggml_backend_buffer_type_t buft)
{
    (void)buft;
    return false;
}
#define ggml_backend_meta_alloc_ctx_tensors_from_buft(ctx, buft) NULL
#endif

struct ggml_tallocr ggml_tallocr_new(ggml_backend_buffer_t buffer)
{
    void *base = ggml_backend_buffer_get_base(buffer);
    size_t align = ggml_backend_buffer_get_alignment(buffer);
    size_t skip = (size_t)(align_up((uintptr_t)base, align) - (uintptr_t)base);
    return (struct ggml_tallocr){ .buffer = buffer, .base = base, .alignment = align, .offset = skip };
}

enum ggml_status ggml_tallocr_alloc(struct ggml_tallocr *talloc, struct ggml_tensor *tensor)
{
    size_t size = ggml_backend_buffer_get_alloc_size(talloc->buffer, tensor);
    size_t room = ggml_backend_buffer_get_size(talloc->buffer);
    uint64_t taken = align_up(size, talloc->alignment);
    if (talloc->offset > room || taken < size || taken > room - talloc->offset) {
        struct ga_env env = gai_environment();
        gai_log(&env, GA_ERROR, "%.60s needs %zu bytes, its buffer has %zu left", tensor->name, size,
                talloc->offset > room ? 0 : room - talloc->offset);
        return GGML_STATUS_ALLOC_FAILED;
    }
    char *base = talloc->base;
    enum ggml_status status = ggml_backend_tensor_alloc(talloc->buffer, tensor, base ? base + talloc->offset : NULL);
    if (status == GGML_STATUS_SUCCESS)
        talloc->offset += (size_t)taken;
    return status;
}

/* The buffers of a context while they are made. */
struct parts {
    struct ga_mem mem;
    ggml_backend_buffer_t *list;
    uint32_t n, cap;
};

static void free_parts(struct parts *parts)
{
    for (uint32_t i = 0; i < parts->n; i++)
        ggml_backend_buffer_free(parts->list[i]);
    mem_free(&parts->mem, parts->list, parts->cap);
}

static enum ggml_status place(struct ggml_tallocr *talloc, struct ggml_tensor *tensor)
{
    if (!tensor->view_src)
        return tensor->data ? GGML_STATUS_SUCCESS : ggml_tallocr_alloc(talloc, tensor);
    bool can = !tensor->buffer && tensor->view_src->buffer;
    return can ? ggml_backend_view_init(tensor) : GGML_STATUS_SUCCESS;
}

/* One buffer for the tensors from `first` up to but without `last`. */
static bool fill_part(struct parts *parts, struct ggml_context *ctx, struct ggml_tensor *first, const struct ggml_tensor *last,
                      ggml_backend_buffer_type_t buft, uint64_t size)
{
    if (size > SIZE_MAX || !array_room(&parts->mem, &parts->list, &parts->cap, (uint64_t)parts->n + 1))
        return false;
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(buft, (size_t)size);
    if (!buffer)
        return false;
    parts->list[parts->n++] = buffer;
    struct ggml_tallocr talloc = ggml_tallocr_new(buffer);
    for (struct ggml_tensor *t = first; t != last; t = ggml_get_next_tensor(ctx, t))
        if (place(&talloc, t) != GGML_STATUS_SUCCESS)
            return false;
    return true;
}

static uint64_t bytes_of(const struct ggml_tensor *tensor, ggml_backend_buffer_type_t buft)
{
    if (tensor->data || tensor->view_src)
        return 0;
    return align_up(ggml_backend_buft_get_alloc_size(buft, tensor), ggml_backend_buft_get_alignment(buft));
}

/* `parts` NULL: only sizes. */
static bool fill(struct parts *parts, struct ggml_context *ctx, ggml_backend_buffer_type_t buft, uint64_t *total)
{
    uint64_t most = ggml_backend_buft_get_max_size(buft), size = 0;
    struct ggml_tensor *first = ggml_get_first_tensor(ctx);
    *total = 0;
    for (struct ggml_tensor *t = first; t; t = ggml_get_next_tensor(ctx, t)) {
        uint64_t bytes = bytes_of(t, buft);
        if (size > 0 && (size > most || bytes > most - size)) {
            if (parts && !fill_part(parts, ctx, first, t, buft, size))
                return false;
            *total += size;
            first = t;
            size = 0;
        }
        size += bytes;
    }
    *total += size;
    return !parts || size == 0 || fill_part(parts, ctx, first, NULL, buft, size);
}

size_t ggml_backend_alloc_ctx_tensors_from_buft_size(struct ggml_context *ctx, ggml_backend_buffer_type_t buft)
{
    uint64_t total;
    fill(NULL, ctx, buft, &total);
    return total > SIZE_MAX ? SIZE_MAX : (size_t)total;
}

struct ggml_backend_buffer *ggml_backend_alloc_ctx_tensors_from_buft(struct ggml_context *ctx, ggml_backend_buffer_type_t buft)
{
    if (is_meta(buft))
        return ggml_backend_meta_alloc_ctx_tensors_from_buft(ctx, buft);
    struct ga_env env = gai_environment();
    struct parts parts = { .mem = env.mem };
    uint64_t total;
    if (!fill(&parts, ctx, buft, &total)) {
        gai_log(&env, GA_ERROR, "the tensors of a context found no room in %s buffers", ggml_backend_buft_name(buft));
        free_parts(&parts);
        return NULL;
    }
    ggml_backend_buffer_t buffer = parts.n == 1 ? parts.list[0] : NULL;
    if (parts.n > 1)
        buffer = ggml_backend_multi_buffer_alloc_buffer(parts.list, parts.n);
    mem_free(&parts.mem, parts.list, parts.cap);
    return buffer;
}

struct ggml_backend_buffer *ggml_backend_alloc_ctx_tensors(struct ggml_context *ctx, ggml_backend_t backend)
{
    return ggml_backend_alloc_ctx_tensors_from_buft(ctx, ggml_backend_get_default_buffer_type(backend));
}
