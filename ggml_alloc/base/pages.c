#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, in POSIX since 2024 only */

#include "base/pages.h"

#if defined(_WIN32)

#include <malloc.h>
#include <windows.h>

void *gai_aligned_alloc(size_t align, size_t size)
{
    return _aligned_malloc(size, align);
}

void gai_aligned_free(void *ptr)
{
    _aligned_free(ptr);
}

void *gai_pages_reserve(size_t size)
{
    return VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_NOACCESS);
}

void gai_pages_release(void *base, size_t size)
{
    (void)size;
    VirtualFree(base, 0, MEM_RELEASE);
}

bool gai_pages_commit(void *at, size_t size)
{
    return VirtualAlloc(at, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

void gai_pages_decommit(void *at, size_t size)
{
    VirtualFree(at, size, MEM_DECOMMIT);
}

#else

#include <stdlib.h>

void *gai_aligned_alloc(size_t align, size_t size)
{
    return aligned_alloc(align, size);
}

void gai_aligned_free(void *ptr)
{
    free(ptr);
}

#ifdef PAGES_ARE_KNOWN

#include <sys/mman.h>

void *gai_pages_reserve(size_t size)
{
    void *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

void gai_pages_release(void *base, size_t size)
{
    munmap(base, size);
}

/* Fresh pages in place of old ones are the way back that POSIX has: their memory is gone, the addresses stay taken. */
void gai_pages_decommit(void *at, size_t size)
{
    /* Failing, it leaves the pages as they were: still ours, and committed again when they are needed. */
    (void)mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

bool gai_pages_commit(void *at, size_t size)
{
    if (mprotect(at, size, PROT_READ | PROT_WRITE) == 0)
        return true;
    gai_pages_decommit(at, size);
    return false;
}

#else

void *gai_pages_reserve(size_t size)
{
    (void)size;
    return NULL;
}

void gai_pages_release(void *base, size_t size)
{
    (void)base, (void)size;
}

bool gai_pages_commit(void *at, size_t size)
{
    (void)at, (void)size;
    return false;
}

void gai_pages_decommit(void *at, size_t size)
{
    (void)at, (void)size;
}

#endif

#endif
