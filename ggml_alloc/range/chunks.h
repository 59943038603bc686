/*
 * chunks.h - a pool that is cut into several ranges: which of them a request takes, by ggml's rule
 *
 *     chunk 0  |used| free |used|  free ... limit |
 *     chunk 1  |used|used|used|      free  ...  limit |        opened when nothing before it has room
 *     chunk 15 |used|           free ... no limit              the last one
 *
 * The best hole below the tails: the size is forgotten from chunk to chunk, so the last chunk with any wins.  Else a tail: the tightest
 * within its chunk's peak so far, else the one that raises its peak least, the first of equals.  Else a new chunk.
 */
#ifndef GAI_RANGE_CHUNKS_H
#define GAI_RANGE_CHUNKS_H

#include "range/range.h"

#define CHUNKS_MAX 16

struct chunk {
    struct range range;
    uint64_t peak; /* the highest end that chunks_note() was told */
};

struct chunks {
    const struct ga_mem *mem;
    uint64_t limit;  /* of one chunk, unless one request alone is longer */
    uint32_t n;      /* open */
    uint32_t n_kept; /* and those that were: their room is used again */
    struct chunk *list[CHUNKS_MAX];
};

/* No chunk yet; `mem` outlives them. */
void gai_chunks_init(struct chunks *chunks, const struct ga_mem *mem, uint64_t limit);
void gai_chunks_fini(struct chunks *chunks);
/* None open, as after init; their memory stays for those to come. */
void gai_chunks_reset(struct chunks *chunks);

/* One more, at least `size` long.  GA_NO_MEMORY: as before.  There are fewer than CHUNKS_MAX. */
enum ga_status gai_chunks_open(struct chunks *chunks, uint64_t size);

/*
 * `len` bytes, all in one chunk; of a chunk opened for it, which starts aligned, only `size` (len less the slack for aligning).
 * GA_NO_SPACE, GA_NO_MEMORY: nothing was taken.
 */
enum ga_status gai_chunks_take_any(struct chunks *chunks, uint64_t len, uint64_t size, uint32_t *chunk, uint32_t *node);

static inline struct range *chunks_range(const struct chunks *chunks, uint32_t chunk)
{
    return &chunks->list[chunk]->range;
}

static inline enum ga_status chunks_take(struct chunks *chunks, uint64_t len, uint64_t size, uint32_t *chunk, uint32_t *node)
{
    bool one_is_enough = chunks->n == 1 && chunks->limit > RANGE_OPEN;
    if (!one_is_enough)
        return gai_chunks_take_any(chunks, len, size, chunk, node);
    *chunk = 0;
    return gai_range_take(chunks_range(chunks, 0), len, node);
}

/* Bytes up to `end` are in use: what is taken may be less than was asked for. */
static inline void chunks_note(const struct chunks *chunks, uint32_t chunk, uint64_t end)
{
    if (end > chunks->list[chunk]->peak)
        chunks->list[chunk]->peak = end;
}

#endif
