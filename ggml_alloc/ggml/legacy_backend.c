/*
 * What ggml's own sources offer to its allocators, on our own structs: buffers, the host's memory, sizes and names.
 */
#include "ggml-alloc.h"

#include "base/bits.h"
#include "base/mem.h"
#include "ggml_alloc/backend.h"

#define GGML_ALLOC_OP(name) #name,
#define GGML_ALLOC_TYPE(name, bytes, elements) { (bytes), (elements) },
static const char *const op_names[] = { GGML_ALLOC_OPS(GGML_ALLOC_OP) };
static const struct {
    size_t bytes, elements;
} types[] = { GGML_ALLOC_TYPES(GGML_ALLOC_TYPE) };

const char *ggml_op_name(enum ggml_op op)
{
    return (size_t)op < GGML_OP_COUNT ? op_names[op] : "OTHER";
}

/* The last of `n` strides ends here; SIZE_MAX when that is no size_t. */
static size_t last_of(uint64_t n, size_t stride)
{
    return n - 1 <= SIZE_MAX / (stride ? stride : 1) ? (size_t)(n - 1) * stride : SIZE_MAX;
}

size_t ggml_nbytes(const struct ggml_tensor *tensor)
{
    if ((size_t)tensor->type >= GGML_TYPE_COUNT)
        return SIZE_MAX;
    for (int i = 0; i < GGML_MAX_DIMS; i++)
        if (tensor->ne[i] <= 0)
            return 0;
    /* In a block-wise type, a row is whole blocks, one after the other. */
    size_t elements = types[tensor->type].elements;
    size_t size = types[tensor->type].bytes;
    for (int i = 0; i < GGML_MAX_DIMS; i++) {
        uint64_t n = (uint64_t)tensor->ne[i];
        size_t more = last_of(i == 0 ? (n + elements - 1) / elements : n, tensor->nb[i]);
        size = more > SIZE_MAX - size ? SIZE_MAX : size + more;
    }
    return size;
}

static void free_backend(ggml_backend_t backend)
{
    const struct ga_mem mem = gai_env(NULL).mem;
    mem_free(&mem, backend, 1);
}

static void *get_base(ggml_backend_buffer_t buffer)
{
    return buffer->context;
}

static void free_host(ggml_backend_buffer_t buffer)
{
    const struct ga_backend *host = ga_backend_cpu();
    host->free(host->user, &(struct ga_buffer){ .base = buffer->context, .size = buffer->size });
}

static ggml_backend_buffer_t alloc_host(ggml_backend_t backend, size_t size)
{
    const struct ga_backend *host = ga_backend_cpu();
    const struct ggml_backend_buffer_i iface = { .free_buffer = free_host, .get_base = get_base };
    struct ga_buffer memory;
    if (host->alloc(host->user, size ? size : 1, &memory) != GA_OK)
        return NULL;
    ggml_backend_buffer_t buffer = ggml_backend_buffer_init(backend, iface, memory.base, size);
    if (!buffer)
        host->free(host->user, &memory);
    return buffer;
}

static size_t host_alignment(ggml_backend_t backend)
{
    (void)backend;
    return ga_backend_cpu()->align;
}

ggml_backend_t ggml_backend_cpu_init(void)
{
    const struct ga_mem mem = gai_env(NULL).mem;
    struct ggml_backend *backend = mem_new(&mem, struct ggml_backend, 1);
    if (backend)
        backend->iface =
            (struct ggml_backend_i){ .free = free_backend, .alloc_buffer = alloc_host, .get_alignment = host_alignment };
    return backend;
}

void ggml_backend_free(ggml_backend_t backend)
{
    if (backend && backend->iface.free)
        backend->iface.free(backend);
}

size_t ggml_backend_get_alignment(ggml_backend_t backend)
{
    return backend ? backend->iface.get_alignment(backend) : host_alignment(NULL);
}

ggml_backend_buffer_t ggml_backend_buffer_init(ggml_backend_t backend, struct ggml_backend_buffer_i iface, void *context,
                                               size_t size)
{
    const struct ga_mem mem = gai_env(NULL).mem;
    struct ggml_backend_buffer *buffer = mem_new(&mem, struct ggml_backend_buffer, 1);
    if (buffer)
        *buffer = (struct ggml_backend_buffer){ .iface = iface, .backend = backend, .context = context, .size = size };
    return buffer;
}

ggml_backend_buffer_t ggml_backend_alloc_buffer(ggml_backend_t backend, size_t size)
{
    return backend->iface.alloc_buffer(backend, size);
}

ggml_backend_buffer_t ggml_backend_cpu_buffer_from_ptr(ggml_backend_t backend, void *ptr, size_t size)
{
    return ggml_backend_buffer_init(backend, (struct ggml_backend_buffer_i){ .get_base = get_base }, ptr, size);
}

void ggml_backend_buffer_free(ggml_backend_buffer_t buffer)
{
    if (!buffer)
        return;
    if (buffer->iface.free_buffer)
        buffer->iface.free_buffer(buffer);
    const struct ga_mem mem = gai_env(NULL).mem;
    mem_free(&mem, buffer, 1);
}

size_t ggml_backend_buffer_get_alignment(ggml_backend_buffer_t buffer)
{
    return ggml_backend_get_alignment(buffer->backend);
}

void *ggml_backend_buffer_get_base(ggml_backend_buffer_t buffer)
{
    return buffer->iface.get_base(buffer);
}

size_t ggml_backend_buffer_get_size(ggml_backend_buffer_t buffer)
{
    return buffer->size;
}

size_t ggml_backend_buffer_get_alloc_size(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    return buffer->iface.get_alloc_size ? buffer->iface.get_alloc_size(buffer, tensor) : ggml_nbytes(tensor);
}

void ggml_backend_buffer_init_tensor(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    if (buffer->iface.init_tensor)
        buffer->iface.init_tensor(buffer, tensor);
}

void ggml_backend_buffer_free_tensor(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    if (buffer->iface.free_tensor)
        buffer->iface.free_tensor(buffer, tensor);
}
