#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

struct ga_env gai_env(const struct ga_env *env)
{
    struct ga_env full = env ? *env : (struct ga_env){ 0 };
    if (!full.mem.resize)
        full.mem = (struct ga_mem){ .resize = libc_resize };
    return full;
}

/* Bytes of n elements, at least one; 0 when the product does not fit. */
static size_t bytes_of(size_t n, size_t elem)
{
    if (n == 0)
        n = 1;
    return n > SIZE_MAX / elem ? 0 : n * elem;
}

void *gai_mem_alloc(const struct ga_mem *mem, size_t n, size_t elem)
{
    size_t bytes = bytes_of(n, elem);
    return bytes ? mem->resize(mem->user, NULL, 0, bytes) : NULL;
}

void *gai_mem_zalloc(const struct ga_mem *mem, size_t n, size_t elem)
{
    void *ptr = gai_mem_alloc(mem, n, elem);
    if (ptr)
        memset(ptr, 0, bytes_of(n, elem));
    return ptr;
}

void *gai_mem_resize(const struct ga_mem *mem, void *ptr, size_t old_n, size_t new_n, size_t elem)
{
    size_t bytes = bytes_of(new_n, elem);
    if (!bytes)
        return NULL;
    return mem->resize(mem->user, ptr, ptr ? bytes_of(old_n, elem) : 0, bytes);
}

void gai_mem_free(const struct ga_mem *mem, void *ptr, size_t n, size_t elem)
{
    if (ptr)
        mem->resize(mem->user, ptr, bytes_of(n, elem), 0);
}
