/*
 * plain_pool.h - the free bytes of one kind of memory, kept plainly: an array of blocks per chunk, searched from end to end
 */
#ifndef BENCH_PLAIN_POOL_H
#define BENCH_PLAIN_POOL_H

#include "plain.h"

struct plain_block {
    uint64_t offset, size;
};

struct plain_chunk {
    struct plain_block *blocks; /* free, by address; the last is the growing end unless that was used up */
    int n_blocks, cap_blocks;
    uint64_t peak;
};

struct plain_pool {
    const struct plain_buft *buft;
    struct plain_chunk *chunks[PLAIN_CHUNKS];
    int n_chunks;
};

/* Everything free again, no chunk left. */
void plain_pool_reset(struct plain_pool *pool);

/* Best fit inside the chunks, else at a growing end, else in a new chunk.  False: no memory, no chunk left. */
bool plain_pool_take(struct plain_pool *pool, uint64_t size, int *in, uint64_t *offset);
bool plain_pool_give(struct plain_pool *pool, int in, uint64_t offset, uint64_t size);

/* `size` in whole units of the alignment. */
uint64_t plain_rounded(const struct plain_buft *buft, uint64_t size);

/* What a tensor takes before rounding: from its layout, as an engine computes it each time. */
uint64_t plain_size_in(const struct plain_pool *pool, const struct plain_tensor *tensor);

#endif
