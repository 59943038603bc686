#include "ggml_alloc/backend.h"

#include <stdlib.h>

enum { CPU_ALIGN = 64 };

static enum ga_status cpu_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    (void)user;
    if (size > SIZE_MAX - (CPU_ALIGN - 1))
        return GA_NO_SPACE;
    size_t rounded = (size + (CPU_ALIGN - 1)) & ~(size_t)(CPU_ALIGN - 1); /* C11 wants a multiple */
    void *base = aligned_alloc(CPU_ALIGN, rounded);
    if (!base)
        return GA_NO_SPACE;
    *buffer = (struct ga_buffer){ .base = base, .size = size };
    return GA_OK;
}

static void cpu_free(void *user, struct ga_buffer *buffer)
{
    (void)user;
    free(buffer->base);
}

const struct ga_backend *ga_backend_cpu(void)
{
    static const struct ga_backend cpu = {
        .name = "cpu",
        .align = CPU_ALIGN,
        .host = true,
        .alloc = cpu_alloc,
        .free = cpu_free,
    };
    return &cpu;
}
