/*
 * mem.h - bookkeeping memory through the caller's one resize function
 *
 * Every block goes back with the size it was asked with, so hooks can account exactly.  Counts are multiplied with a check: a
 * product that does not fit size_t is answered like exhausted memory.
 */
#ifndef GAI_BASE_MEM_H
#define GAI_BASE_MEM_H

#include "ggml_alloc/base.h"

/* `env` completed: NULL and zeroed hooks become libc and silence. */
struct ga_env gai_env(const struct ga_env *env);

/* n elements of `elem` bytes; NULL when there is no memory.  n = 0 asks for one element, so that NULL always means failure. */
void *gai_mem_alloc(const struct ga_mem *mem, size_t n, size_t elem);
void *gai_mem_zalloc(const struct ga_mem *mem, size_t n, size_t elem); /* zeroed */
/* NULL leaves the old block untouched. */
void *gai_mem_resize(const struct ga_mem *mem, void *ptr, size_t old_n, size_t new_n, size_t elem);
/* NULL is fine. */
void gai_mem_free(const struct ga_mem *mem, void *ptr, size_t n, size_t elem);

#define mem_new(mem, type, n) ((type *)gai_mem_zalloc((mem), (n), sizeof(type)))
#define mem_new_raw(mem, type, n) ((type *)gai_mem_alloc((mem), (n), sizeof(type)))
#define mem_free(mem, ptr, n) gai_mem_free((mem), (ptr), (n), sizeof *(ptr))

#endif
