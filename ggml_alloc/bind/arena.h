/*
 * arena.h - the buffers behind pools, as those who place tensors in them see it
 *
 *     plan A   pool 0  [ chunk 0 | chunk 1 ]        pool 1  [ chunk 0 ]
 *     plan B   pool 0  [ chunk 0     ]              pool 1  [ chunk 0     ]
 *     arena    pool 0  [ chunk 0     ][ chunk 1 ]   pool 1  [ chunk 0     ]      the larger of both, chunk by chunk
 *
 * Invariants, all verified by gai_arena_check():
 *   - a chunk that is there starts and ends within what its backend gave, and starts aligned;
 *   - the plan that a user bound last has room, chunk by chunk (unless GA_GROW_FREE_FIRST had to empty the arena);
 *   - there is one reference per user, and one until ga_arena_delete().
 */
#ifndef GAI_BIND_ARENA_H
#define GAI_BIND_ARENA_H

#include "ggml_alloc/gallocr.h"

#include "base/mem.h"
#include "plan/plan.h"

struct arena_chunk {
    struct ga_buffer given;  /* by the backend, to be given back as it is */
    struct ga_buffer buffer; /* the aligned part of it, where offsets count from; size 0: not there */
};

struct arena_pool {
    const struct ga_backend *backend;
    struct arena_chunk *chunks;
    struct ga_buffer *packed; /* never moved, never given back before the end */
    uint32_t n_chunks, cap_chunks, n_packed, cap_packed;
};

/* A plan to be backed: every chunk's base a multiple of `align`, the largest alignment that a node of its graph asks for. */
struct backed {
    ga_plan *plan; /* NULL: none yet */
    uint64_t align;
};

struct arena_user {
    struct backed bound; /* what it bound last */
    struct arena_user *next;
};

struct ga_arena {
    struct ga_env env;
    struct arena_pool *pools;
    unsigned n_pools;
    enum ga_grow grow;
    bool frozen, out_of_memory;
    uint32_t refs;
    uint64_t generation;
    struct ga_oom oom; /* meaningful while out_of_memory */
    struct arena_user *users;
};

/* A user keeps the arena alive from join to leave. */
void gai_arena_join(ga_arena *arena, struct arena_user *user);
void gai_arena_leave(ga_arena *arena, struct arena_user *user);

/* Whether no node of the plan is in a pool that the arena has not. */
bool gai_arena_has_pools(const ga_arena *arena, const ga_plan *plan);
/* Bytes that buffers for the plan would take from the backend of `pool`. */
uint64_t gai_arena_need(const ga_arena *arena, struct backed plan, unsigned pool);
/* Whether every chunk of the plan has room already. */
bool gai_arena_holds(const ga_arena *arena, struct backed plan);
/*
 * Makes it so.  GA_NO_SPACE: ga_arena_oom() tells; GA_INVALID: a pool that is not there,
 * or a backend broke its promise about alignment; GA_NO_MEMORY.  On failure nothing changed, but for GA_GROW_FREE_FIRST.
 */
enum ga_status gai_arena_hold(ga_arena *arena, struct backed plan);

/* Somebody's cached addresses are void for another reason than growth: a plan was replaced. */
static inline void gai_arena_outdate(ga_arena *arena)
{
    arena->generation++;
}

/* NULL when the chunk is not there. */
static inline void *gai_arena_addr(const ga_arena *arena, const struct ga_slot *slot)
{
    const struct arena_pool *pool = &arena->pools[slot->pool];
    if (slot->chunk >= pool->n_chunks || pool->chunks[slot->chunk].buffer.size == 0)
        return NULL;
    return (char *)pool->chunks[slot->chunk].buffer.base + (size_t)slot->offset;
}

/* One buffer of at least `bytes`, its base a multiple of `align`.  As gai_arena_hold(). */
enum ga_status gai_arena_take(const ga_arena *arena, unsigned pool, uint64_t bytes, uint64_t align, struct arena_chunk *chunk);
/* Notes why a buffer of `bytes` could not be had; `plan` may be NULL. */
void gai_arena_blame(ga_arena *arena, unsigned pool, uint32_t chunk, uint64_t bytes, const ga_plan *plan);

/* NULL, or the broken invariant. */
const char *gai_arena_check(const ga_arena *arena);

#endif
