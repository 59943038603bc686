/*
 * pages.h - what an operating system gives: bytes on a boundary, addresses by the page, memory behind them later
 *
 *     reserve   |  .  .  .  .  .  .  .  .  |      addresses that nobody else gets; touching them is an error
 *     commit    |  .  .  x  x  x  .  .  .  |      memory behind some of them, readable and writable
 *     decommit  |  .  .  x  .  .  .  .  .  |      its bytes are lost, the addresses stay
 *
 * With base/lock.h the only place of the library that tells operating systems apart.  Sizes and offsets are multiples of what the
 * system maps at once; 64 KiB is one everywhere.
 */
#ifndef GAI_BASE_PAGES_H
#define GAI_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__unix__) || defined(__APPLE__) || defined(_WIN32)
#define PAGES_ARE_KNOWN /* elsewhere there is aligned memory only */
#endif

/* `align` is a power of two, `size` a multiple of it, not 0.  NULL: there is no memory. */
void *gai_aligned_alloc(size_t align, size_t size);
void gai_aligned_free(void *ptr);

/* NULL: there is no room, ever where pages are not known. */
void *gai_pages_reserve(size_t size);
/* All of what was reserved at once. */
void gai_pages_release(void *base, size_t size);
/* False: there is no memory, and the bytes of [at, at + size) are lost. */
bool gai_pages_commit(void *at, size_t size);
void gai_pages_decommit(void *at, size_t size);

#endif
