#include "ggml_alloc/backend.h"

#include "base/pages.h"

enum {
    CPU_ALIGN = 64,
    CPU_GRANULE = 1 << 16, /* pages are smaller, of whatever size */
};

static enum ga_status cpu_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    (void)user;
    if (size > SIZE_MAX - (CPU_ALIGN - 1))
        return GA_NO_SPACE;
    size_t rounded = (size + (CPU_ALIGN - 1)) & ~(size_t)(CPU_ALIGN - 1); /* C11 wants a multiple */
    void *base = gai_aligned_alloc(CPU_ALIGN, rounded);
    if (!base)
        return GA_NO_SPACE;
    *buffer = (struct ga_buffer){ .base = base, .size = size };
    return GA_OK;
}

static void cpu_free(void *user, struct ga_buffer *buffer)
{
    (void)user;
    gai_aligned_free(buffer->base);
}

#ifdef PAGES_ARE_KNOWN
static enum ga_status cpu_reserve(void *user, size_t size, void **base)
{
    (void)user;
    void *taken = gai_pages_reserve(size);
    if (!taken)
        return GA_NO_SPACE;
    *base = taken;
    return GA_OK;
}

static void cpu_release(void *user, void *base, size_t size)
{
    (void)user;
    gai_pages_release(base, size);
}

static enum ga_status cpu_map(void *user, void *base, size_t offset, size_t size)
{
    (void)user;
    return gai_pages_commit((char *)base + offset, size) ? GA_OK : GA_NO_SPACE;
}

static void cpu_unmap(void *user, void *base, size_t offset, size_t size)
{
    (void)user;
    gai_pages_decommit((char *)base + offset, size);
}

static const struct ga_backend_vmem cpu_vmem = { .granule = CPU_GRANULE,
                                                 .reserve = cpu_reserve,
                                                 .release = cpu_release,
                                                 .map = cpu_map,
                                                 .unmap = cpu_unmap };
#endif

const struct ga_backend *ga_backend_cpu(void)
{
    static const struct ga_backend cpu = {
        .name = "cpu",
        .align = CPU_ALIGN,
        .host = true,
        .alloc = cpu_alloc,
        .free = cpu_free,
#ifdef PAGES_ARE_KNOWN
        .vmem = &cpu_vmem,
#endif
    };
    return &cpu;
}
