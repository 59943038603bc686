/*
 * pack.c - long-lived tensors side by side, in the order given
 *
 *     sizes    [ 96 ][ 64 ][ 200 ]          max_size 160
 *     buffers  [ 96 | 64 ] [ 200 ]          what is larger alone gets a buffer of its own: the backend has the last word
 */
#include "bind/arena.h"

#include "backend/backend.h"
#include "base/array.h"
#include "base/bits.h"

struct packer {
    uint64_t align, max;
    uint64_t end;     /* bytes in the buffer being filled */
    uint32_t buffers; /* begun so far */
};

struct spot {
    uint64_t offset, len;
    bool opens; /* a buffer of its own begins here */
};

/* Where the next tensor goes; its size can be rounded up.  Nothing of size 0 opens a buffer. */
static struct spot next_spot(struct packer *packer, uint64_t size)
{
    uint64_t len = align_up(size, packer->align);
    bool opens = len > 0 && (packer->buffers == 0 || packer->end > packer->max || len > packer->max - packer->end);
    if (opens) {
        packer->buffers++;
        packer->end = 0;
    }
    struct spot spot = { packer->end, len, opens };
    packer->end += len;
    return spot;
}

static struct packer packer_for(const struct ga_backend *backend)
{
    return (struct packer){ .align = gai_backend_align(backend), .max = gai_backend_max(backend) };
}

/* Bytes and buffers in all.  GA_NO_SPACE: more than numbers can count. */
static enum ga_status survey(const struct ga_backend *backend, const uint64_t *sizes, uint32_t n, uint64_t *total,
                             uint32_t *buffers)
{
    struct packer packer = packer_for(backend);
    *total = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!align_fits(sizes[i], packer.align) || !add_fits(*total, next_spot(&packer, sizes[i]).len, total))
            return GA_NO_SPACE;
    *buffers = packer.buffers;
    return GA_OK;
}

static enum ga_status add_buffer(ga_arena *arena, unsigned pool, uint64_t bytes)
{
    struct arena_pool *into = &arena->pools[pool];
    struct arena_chunk chunk;
    enum ga_status status = gai_arena_take(arena, pool, bytes, 1, &chunk);
    if (status == GA_OK)
        into->packed[into->n_packed++] = chunk.given;
    else
        gai_arena_blame(arena, pool, into->n_packed, bytes, NULL);
    return status;
}

static enum ga_status add_buffers(ga_arena *arena, unsigned pool, const uint64_t *sizes, uint32_t n)
{
    struct packer packer = packer_for(arena->pools[pool].backend);
    enum ga_status status = GA_OK;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n && status == GA_OK; i++) {
        struct spot spot = next_spot(&packer, sizes[i]);
        if (spot.opens && bytes > 0)
            status = add_buffer(arena, pool, bytes);
        bytes = packer.end;
    }
    return status == GA_OK && bytes > 0 ? add_buffer(arena, pool, bytes) : status;
}

static void drop_buffers(struct arena_pool *pool, uint32_t keep)
{
    while (pool->n_packed > keep)
        pool->backend->free(pool->backend->user, &pool->packed[--pool->n_packed]);
}

static void write_slots(const struct arena_pool *pool, unsigned index, uint32_t first, const uint64_t *sizes, uint32_t n,
                        struct ga_slot *slots)
{
    struct packer packer = packer_for(pool->backend);
    for (uint32_t i = 0; i < n; i++) {
        struct spot spot = next_spot(&packer, sizes[i]);
        uint32_t chunk = first + (packer.buffers ? packer.buffers - 1 : 0);
        slots[i] = (struct ga_slot){ (uint16_t)index, (uint16_t)chunk, spot.offset, sizes[i] };
    }
}

enum ga_status ga_arena_pack(ga_arena *arena, unsigned pool, const uint64_t *sizes, uint32_t n, struct ga_slot *slots,
                             uint64_t *total)
{
    if (pool >= arena->n_pools)
        return GA_INVALID;
    struct arena_pool *into = &arena->pools[pool];
    uint32_t before = into->n_packed, buffers = 0;
    uint64_t bytes;
    enum ga_status status = survey(into->backend, sizes, n, &bytes, &buffers);
    if (status == GA_OK && slots) {
        if (buffers > UINT16_MAX + 1u - before)
            return GA_NO_SPACE; /* slots cannot name them */
        if (!array_room(&arena->env.mem, &into->packed, &into->cap_packed, (uint64_t)before + buffers))
            return GA_NO_MEMORY;
        status = add_buffers(arena, pool, sizes, n);
        if (status == GA_OK)
            write_slots(into, pool, before, sizes, n, slots);
        else
            drop_buffers(into, before);
    }
    if (status == GA_OK && total)
        *total = bytes;
    return status;
}

const struct ga_buffer *ga_arena_packed(const ga_arena *arena, unsigned pool, unsigned chunk)
{
    if (pool >= arena->n_pools || chunk >= arena->pools[pool].n_packed)
        return NULL;
    return &arena->pools[pool].packed[chunk];
}
