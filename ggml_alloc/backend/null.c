/*
 * Reserved pages that may not be touched are the one thing that has unique addresses, costs no memory, and needs no list of our
 * own to stay unique: the operating system keeps it.  (A fixed base would give every buffer the same addresses.)
 */
#include "ggml_alloc/backend.h"

#include "base/pages.h"

enum { NULL_GRANULE = 1 << 16 }; /* as the cpu's */

static enum ga_status null_reserve(void *user, size_t size, void **base)
{
    (void)user;
    void *taken = gai_pages_reserve(size);
    if (!taken)
        return GA_NO_SPACE;
    *base = taken;
    return GA_OK;
}

static void null_release(void *user, void *base, size_t size)
{
    (void)user;
    gai_pages_release(base, size);
}

static enum ga_status null_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    void *base;
    enum ga_status status = null_reserve(user, size, &base);
    if (status == GA_OK)
        *buffer = (struct ga_buffer){ .base = base, .size = size };
    return status;
}

static void null_free(void *user, struct ga_buffer *buffer)
{
    null_release(user, buffer->base, buffer->size);
}

static enum ga_status null_map(void *user, void *base, size_t offset, size_t size)
{
    (void)user, (void)base, (void)offset, (void)size;
    return GA_OK;
}

static void null_unmap(void *user, void *base, size_t offset, size_t size)
{
    (void)user, (void)base, (void)offset, (void)size;
}

const struct ga_backend *ga_backend_null(void)
{
    static const struct ga_backend_vmem vmem = {
        .granule = NULL_GRANULE, .reserve = null_reserve, .release = null_release, .map = null_map, .unmap = null_unmap
    };
    /* Aligned like the cpu, though pages are more: plans made to measure are the plans that will run. */
    static const struct ga_backend null = {
        .name = "null",
        .align = 64,
        .alloc = null_alloc,
        .free = null_free,
        .vmem = &vmem,
    };
    return &null;
}
