/*
 * pool.h - whose a segment is, and where an allocation goes
 *
 *     pools    [0] general   [1] held by 2   [2] released, 3 pins   [3] nobody's slot
 *     routes   all of thread A -> 1,  stream 7 -> 2                     the last that accepts has it
 *
 * A pool is held until its last user lets it go, and pinned by what still needs its backend: segments, and requests under way.
 * Its slot is vacated when it is neither; until then lanes of that number are the pool's.
 */
#ifndef GAI_CACHE_POOL_H
#define GAI_CACHE_POOL_H

#include "ggml_alloc/pool.h"

#include "base/lock.h"
#include "base/mem.h"

/* A segment that places lie in, as long as it is the one that was made. */
struct placed_chunk {
    uint32_t segment;
    const void *base;
};

/* Where the pool's allocations go, one after the other. */
struct places {
    struct ga_place *list;
    struct placed_chunk *chunks;
    uint32_t n, n_chunks; /* n is 0: the pool has none */
    uint32_t lane;
    ga_stream stream;
    uint32_t next;                /* allocations since the last begin, at most n */
    uint64_t n_placed, n_strayed; /* of them */
};

struct pool {
    struct ga_pool_opts opts;
    struct places places;
    uint32_t generation; /* from 1 */
    uint32_t uses, pins;
    bool is_taken; /* somebody's slot */
};

struct route {
    struct ga_route to;
    uint32_t pool;
    struct thread thread; /* that began it */
};

struct pools {
    struct pool *table; /* from 1; slot 0 is the general pool's, and empty */
    uint32_t n, cap;    /* n: slots in use so far */
    struct route *routes;
    uint32_t n_routes, cap_routes;
    uint32_t n_captures; /* of the routes */
};

void gai_places_fini(struct places *places, const struct ga_mem *mem);

void gai_pools_fini(struct pools *pools, const struct ga_mem *mem);

/* The slot of a pool that is held; GA_FREED, GA_UNKNOWN. */
enum ga_status gai_pools_slot(const struct pools *pools, ga_pool name, uint32_t *slot);

static inline ga_pool pools_name(const struct pools *pools, uint32_t slot)
{
    return slot ? (ga_pool)pools->table[slot].generation << 32 | slot : 0;
}

/* Whether a route that captures leads there. */
bool gai_pools_captures(const struct pools *pools, uint32_t slot);

/* Whether memory of the pool stays though it is idle. */
static inline bool pools_keep(const struct pools *pools, uint32_t slot)
{
    return slot != 0 && pools->table[slot].uses != 0;
}

static inline bool pools_is_whole(const struct pools *pools, uint32_t slot)
{
    return slot != 0 && pools->table[slot].opts.whole;
}

#endif
