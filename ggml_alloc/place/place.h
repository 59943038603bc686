/*
 * place.h - a placement problem, its answer, and the ladder of solvers
 *
 *     items, in allocation order            edges
 *     .----------------------------.        heir 7 may sit on item 3, its byte 0 at 3's byte `delta`,
 *     | size align [birth, death)  |  <---- although both live in step birth(7) == death(3) - 1
 *     '----------------------------'
 *
 * This layer knows intervals, not tensors.  Two items whose lifetimes meet must not share bytes, unless an edge joins them and they
 * sit exactly `delta` apart.  Items come in the order in which an online allocator would get them (births never decrease), so
 * that the online rung replays ggml exactly.  Each rung may only improve on the one before; the ladder stops at the bound.
 */
#ifndef GAI_PLACE_PLACE_H
#define GAI_PLACE_PLACE_H

#include "ggml_alloc/plan.h"

#include "base/mem.h"

struct item {
    uint64_t size;         /* not 0; a multiple of the pool's alignment, not always of its own */
    uint64_t fixed;        /* 1 + the offset that it must have; 0: free */
    uint32_t birth, death; /* steps, half open, birth < death */
    uint32_t edge;         /* its take-over edges are edges[edge .. the next item's edge), best first */
    uint16_t pool;
    uint8_t align_log2; /* the larger of this and the pool's counts */
};

/*
 * The item that owns this edge may take over the bytes of `from`, an earlier item of the same pool that dies one step after its
 * birth.  What lies around its window stays live through that step, and is free after it.  One heir at most takes over one item.
 */
struct edge {
    uint64_t delta; /* where the heir's byte 0 falls within `from`; delta + the heir's size is at most from's size */
    uint32_t from;
    bool eager; /* what ggml would do: at most one edge of an item is eager, its delta is 0 */
};

struct pool_limits {
    uint64_t chunk_max; /* of one chunk; UINT64_MAX is unlimited */
    uint64_t capacity;  /* good enough; 0: as low as possible */
    uint8_t align_log2; /* of the pool: chunk sizes are multiples of it */
};

struct problem {
    struct item *items; /* n_items + 1: the last is a sentinel whose .edge is n_edges */
    uint32_t n_items;
    struct edge *edges;
    uint32_t n_edges;
    uint32_t n_steps; /* every death is at most this */
    struct pool_limits *pools;
    unsigned n_pools;
};

/* Where one item goes; `offset` counts from the start of its chunk.  Fixed items are in chunk 0. */
struct spot {
    uint64_t offset;
    uint16_t chunk;
};

struct pool_answer {
    uint64_t *chunks; /* bytes of each, multiples of the pool's alignment; NULL when there are none */
    uint32_t n_chunks;
    uint64_t peak;          /* their sum */
    uint64_t bound;         /* no answer is lower */
    uint32_t bound_step;    /* the first step at which most bytes live, heirs counted once */
    enum ga_effort reached; /* the rung that found it */
};

struct answer {
    struct spot *spots;        /* by item */
    struct pool_answer *pools; /* by pool */
    uint32_t n_spots;
    unsigned n_pools;
    uint64_t steps; /* of work done */
    bool stopped;   /* by the progress callback */
};

struct place_opts {
    enum ga_effort effort; /* the highest rung to climb to; not DEFAULT */
    uint64_t steps, seed;  /* 0 steps: a sensible default */
    bool (*progress)(void *user, uint64_t steps, uint64_t peak, uint64_t bound);
    void *user;
};

/*
 * Climbs the ladder rung by rung, each with all pools.  GA_NO_MEMORY; GA_INVALID when fixed items collide, are misaligned or cross
 * the end of chunk 0; GA_NO_SPACE when an offset would pass 2^63 or a pool needs more than 65,535 chunks.  No chunk is longer than
 * chunk_max, unless one item alone is: then as long as that; or unless it is the sixteenth of sixteen, which in ggml takes whatever
 * is left.  `progress` is told sums over all pools.  The answer is freed with gai_answer_fini(), and untouched on failure.
 */
enum ga_status gai_place_solve(const struct ga_mem *mem, const struct problem *problem, const struct place_opts *opts,
                               struct answer *answer);
void gai_answer_fini(const struct ga_mem *mem, struct answer *answer);

/* NULL, or what is wrong with the answer, in words; shares no code with any rung.  `a`, `b` (may be NULL) get the two items. */
const char *gai_place_check(const struct ga_mem *mem, const struct problem *problem, const struct answer *answer, uint32_t *a,
                            uint32_t *b);

#endif
