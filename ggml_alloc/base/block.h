/*
 * block.h - several arrays in one block of memory: one request, one release
 *
 *     struct block block = { 0 };
 *     size_t items = block_add(&block, n_items, sizeof(struct item));
 *     size_t edges = block_add(&block, n_edges, sizeof(struct edge));
 *     char *base = block_alloc(&block, &mem);               NULL: no memory, or the sum does not fit size_t
 *     struct item *item = block_at(base, items);
 *     ...
 *     block_free(&block, &mem, base);
 *
 * Small graphs are planned in a few microseconds; a dozen requests to the hook would be a good part of that.
 */
#ifndef GAI_BASE_BLOCK_H
#define GAI_BASE_BLOCK_H

#include "base/mem.h"

struct block {
    size_t size; /* so far; SIZE_MAX once it has overflown */
};

/* Where an array of n elements goes; alignments up to that of max_align_t. */
static inline size_t block_add(struct block *block, size_t n, size_t elem)
{
    const size_t align = sizeof(max_align_t);
    size_t at = block->size;
    if (at == SIZE_MAX || n > (SIZE_MAX - align - at) / elem) {
        block->size = SIZE_MAX;
        return 0;
    }
    block->size = (at + n * elem + align - 1) / align * align;
    return at;
}

static inline void *block_alloc(const struct block *block, const struct ga_mem *mem)
{
    return block->size == SIZE_MAX ? NULL : gai_mem_alloc(mem, block->size, 1);
}

static inline void *block_at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static inline void block_free(const struct block *block, const struct ga_mem *mem, void *base)
{
    gai_mem_free(mem, base, block->size, 1);
}

#endif
