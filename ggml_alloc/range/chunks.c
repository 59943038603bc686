#include "range/chunks.h"

#include "base/bits.h"

void gai_chunks_init(struct chunks *chunks, const struct ga_mem *mem, uint64_t limit)
{
    chunks->mem = mem;
    chunks->limit = limit;
    chunks->n = chunks->n_kept = 0;
}

void gai_chunks_fini(struct chunks *chunks)
{
    for (uint32_t c = 0; c < chunks->n_kept; c++) {
        gai_range_fini(&chunks->list[c]->range);
        mem_free(chunks->mem, chunks->list[c], 1);
    }
    chunks->n = chunks->n_kept = 0;
}

void gai_chunks_reset(struct chunks *chunks)
{
    chunks->n = 0;
}

static enum ga_status add_chunk(struct chunks *chunks, uint64_t room)
{
    struct chunk *chunk = mem_new_raw(chunks->mem, struct chunk, 1);
    if (!chunk)
        return GA_NO_MEMORY;
    enum ga_status status = gai_range_init(&chunk->range, chunks->mem, room, RANGE_TIE_HIGH, 0);
    if (status != GA_OK) {
        mem_free(chunks->mem, chunk, 1);
        return status;
    }
    chunks->list[chunks->n_kept++] = chunk;
    return GA_OK;
}

enum ga_status gai_chunks_open(struct chunks *chunks, uint64_t size)
{
    bool last = chunks->n == CHUNKS_MAX - 1;
    uint64_t room = last || chunks->limit > RANGE_OPEN ? RANGE_OPEN : max_u64(chunks->limit, size);
    if (chunks->n == chunks->n_kept) {
        enum ga_status status = add_chunk(chunks, room);
        if (status != GA_OK)
            return status;
    } else {
        struct range *range = chunks_range(chunks, chunks->n);
        range->size = room;
        gai_range_reset(range);
    }
    chunks->list[chunks->n++]->peak = 0;
    return GA_OK;
}

static bool find_hole(const struct chunks *chunks, uint64_t len, uint32_t *chunk, uint32_t *hole)
{
    for (uint32_t c = chunks->n; c-- > 0;) {
        *hole = gai_range_best(chunks_range(chunks, c), len);
        *chunk = c;
        if (*hole != RANGE_NONE)
            return true;
    }
    return false;
}

static bool find_tail(const struct chunks *chunks, uint64_t len, uint32_t *chunk, uint32_t *tail)
{
    uint64_t best = 0;
    bool found = false, inside = false;
    for (uint32_t c = 0; c < chunks->n; c++) {
        const struct range *range = chunks_range(chunks, c);
        uint32_t node = gai_range_tail(range);
        if (node == RANGE_NONE || range_len(range, node) < len)
            continue;
        uint64_t end = range_offset(range, node) + len, peak = chunks->list[c]->peak;
        bool fits = end <= peak;
        uint64_t distance = fits ? peak - end : end - peak;
        if (found && (fits != inside ? inside : distance >= best))
            continue;
        found = true;
        inside = fits;
        best = distance;
        *chunk = c;
        *tail = node;
    }
    return found;
}

static enum ga_status take_new(struct chunks *chunks, uint64_t size, uint32_t *chunk, uint32_t *node)
{
    if (chunks->n == CHUNKS_MAX)
        return GA_NO_SPACE;
    enum ga_status status = gai_chunks_open(chunks, size);
    if (status != GA_OK)
        return status;
    *chunk = chunks->n - 1;
    status = gai_range_take(chunks_range(chunks, *chunk), size, node);
    chunks->n -= status != GA_OK;
    return status;
}

enum ga_status gai_chunks_take_any(struct chunks *chunks, uint64_t len, uint64_t size, uint32_t *chunk, uint32_t *node)
{
    uint32_t from;
    if (find_hole(chunks, len, chunk, &from) || find_tail(chunks, len, chunk, &from))
        return gai_range_take_from(chunks_range(chunks, *chunk), from, len, node);
    return take_new(chunks, size, chunk, node);
}
