#include "plain_pool.h"

#include <stdlib.h>

static void block_remove(struct plain_chunk *chunk, int at)
{
    for (int i = at; i < chunk->n_blocks - 1; i++)
        chunk->blocks[i] = chunk->blocks[i + 1];
    chunk->n_blocks--;
}

static bool block_insert(struct plain_chunk *chunk, int at, struct plain_block block)
{
    if (chunk->n_blocks == chunk->cap_blocks) {
        int cap = chunk->cap_blocks * 2;
        struct plain_block *grown = realloc(chunk->blocks, (size_t)cap * sizeof *grown);
        if (!grown)
            return false;
        chunk->blocks = grown;
        chunk->cap_blocks = cap;
    }
    for (int i = chunk->n_blocks; i > at; i--)
        chunk->blocks[i] = chunk->blocks[i - 1];
    chunk->blocks[at] = block;
    chunk->n_blocks++;
    return true;
}

static struct plain_chunk *chunk_new(uint64_t size)
{
    struct plain_chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return NULL;
    chunk->cap_blocks = 256;
    chunk->blocks = malloc((size_t)chunk->cap_blocks * sizeof *chunk->blocks);
    if (!chunk->blocks) {
        free(chunk);
        return NULL;
    }
    chunk->blocks[0] = (struct plain_block){ 0, size };
    chunk->n_blocks = 1;
    return chunk;
}

static void chunk_delete(struct plain_chunk *chunk)
{
    if (chunk)
        free(chunk->blocks);
    free(chunk);
}

void plain_pool_reset(struct plain_pool *pool)
{
    for (int i = 0; i < pool->n_chunks; i++)
        chunk_delete(pool->chunks[i]);
    pool->n_chunks = 0;
}

static bool pool_grow(struct plain_pool *pool, uint64_t size)
{
    if (pool->n_chunks == PLAIN_CHUNKS)
        return false;
    bool last = pool->n_chunks == PLAIN_CHUNKS - 1;
    uint64_t room = size > pool->buft->max_size ? size : pool->buft->max_size;
    if (last || room > UINT64_MAX / 2)
        room = UINT64_MAX / 2;
    struct plain_chunk *chunk = chunk_new(room);
    if (!chunk)
        return false;
    pool->chunks[pool->n_chunks++] = chunk;
    return true;
}

/* The smallest block inside that fits, the last such in its chunk; a later chunk always wins. */
static bool best_inside(const struct plain_pool *pool, uint64_t size, int *in, int *at)
{
    bool found = false;
    for (int c = 0; c < pool->n_chunks; c++) {
        const struct plain_chunk *chunk = pool->chunks[c];
        uint64_t best = UINT64_MAX;
        for (int i = 0; i < chunk->n_blocks - 1; i++) {
            const struct plain_block *block = &chunk->blocks[i];
            if (block->size < size || block->size > best)
                continue;
            best = block->size;
            *in = c;
            *at = i;
            found = true;
        }
    }
    return found;
}

/* Among the growing ends that fit: the one that fills best what its chunk had at its peak, else the one that grows least. */
static bool best_end(const struct plain_pool *pool, uint64_t size, int *in, int *at)
{
    bool found = false;
    int64_t best = 0;
    for (int c = 0; c < pool->n_chunks; c++) {
        const struct plain_chunk *chunk = pool->chunks[c];
        if (chunk->n_blocks == 0)
            continue;
        const struct plain_block *block = &chunk->blocks[chunk->n_blocks - 1];
        if (block->size < size)
            continue;
        int64_t rest = (int64_t)(chunk->peak - block->offset - size);
        bool better = best >= 0 ? rest >= 0 && rest < best : rest > best;
        if (found && !better)
            continue;
        best = rest;
        *in = c;
        *at = chunk->n_blocks - 1;
        found = true;
    }
    return found;
}

uint64_t plain_rounded(const struct plain_buft *buft, uint64_t size)
{
    return (size + buft->align - 1) / buft->align * buft->align;
}

bool plain_pool_take(struct plain_pool *pool, uint64_t size, int *in, uint64_t *offset)
{
    size = plain_rounded(pool->buft, size);
    int at = 0;
    if (!best_inside(pool, size, in, &at) && !best_end(pool, size, in, &at)) {
        if (!pool_grow(pool, size))
            return false;
        *in = pool->n_chunks - 1;
        at = 0;
    }
    struct plain_chunk *chunk = pool->chunks[*in];
    struct plain_block *block = &chunk->blocks[at];
    *offset = block->offset;
    block->offset += size;
    block->size -= size;
    if (block->size == 0)
        block_remove(chunk, at);
    if (*offset + size > chunk->peak)
        chunk->peak = *offset + size;
    return true;
}

bool plain_pool_give(struct plain_pool *pool, int in, uint64_t offset, uint64_t size)
{
    size = plain_rounded(pool->buft, size);
    struct plain_chunk *chunk = pool->chunks[in];
    for (int i = 0; i < chunk->n_blocks; i++) {
        struct plain_block *block = &chunk->blocks[i];
        if (block->offset + block->size == offset) {
            block->size += size;
            bool joins_next = i + 1 < chunk->n_blocks && block->offset + block->size == chunk->blocks[i + 1].offset;
            if (joins_next) {
                block->size += chunk->blocks[i + 1].size;
                block_remove(chunk, i + 1);
            }
            return true;
        }
        if (offset + size == block->offset) {
            block->offset = offset;
            block->size += size;
            return true; /* the one before ended elsewhere: it was looked at first */
        }
    }
    int at = 0;
    while (at < chunk->n_blocks && chunk->blocks[at].offset < offset)
        at++;
    return block_insert(chunk, at, (struct plain_block){ offset, size });
}

uint64_t plain_alloc_size(const struct plain_buft *buft, const struct plain_tensor *tensor)
{
    (void)buft;
    uint64_t size = tensor->type_size;
    for (int i = 0; i < 4; i++) {
        if (tensor->ne[i] == 0)
            return tensor->padding;
        size += (tensor->ne[i] - 1) * tensor->nb[i];
    }
    return size + tensor->padding;
}

uint64_t plain_size_in(const struct plain_pool *pool, const struct plain_tensor *tensor)
{
    return pool->buft->alloc_size(pool->buft, tensor);
}
