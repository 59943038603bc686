#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, in POSIX since 2024 only */

#include "ggml_alloc/backend.h"

#include <stdlib.h>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#define CPU_HAS_RANGES
#endif

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

#ifdef CPU_HAS_RANGES
static enum ga_status cpu_reserve(void *user, size_t size, void **base)
{
    (void)user;
    void *taken = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (taken == MAP_FAILED)
        return GA_NO_SPACE;
    *base = taken;
    return GA_OK;
}

static void cpu_release(void *user, void *base, size_t size)
{
    (void)user;
    munmap(base, size);
}

/* Fresh pages in place of old ones are the way back that POSIX has: their memory is gone, the addresses stay taken. */
static void cpu_unmap(void *user, void *base, size_t offset, size_t size)
{
    (void)user;
    /* Failing, it leaves the pages as they were: still ours, and mapped again when they are needed. */
    (void)mmap((char *)base + offset, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static enum ga_status cpu_map(void *user, void *base, size_t offset, size_t size)
{
    if (mprotect((char *)base + offset, size, PROT_READ | PROT_WRITE) == 0)
        return GA_OK;
    cpu_unmap(user, base, offset, size);
    return GA_NO_SPACE;
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
#ifdef CPU_HAS_RANGES
        .vmem = &cpu_vmem,
#endif
    };
    return &cpu;
}
