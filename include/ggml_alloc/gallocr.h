/*
 * gallocr.h - the graph allocator: a graph in, addresses out; and the arena, memory that several of them may share
 *
 *     graph A --> gallocr --.            pool 0:  [ chunk 0 ][ chunk 1 ]
 *     graph B --> gallocr ---+--> arena
 *     graph C --------------'            pool 1:  [ chunk 0 ]
 *
 * Graphs that never run together share one arena: its size is the largest need, chunk by chunk, not the sum.
 * An arena and all that uses it belong to one thread at a time.
 */
#ifndef GGML_ALLOC_GALLOCR_H
#define GGML_ALLOC_GALLOCR_H

#include "backend.h"
#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_arena ga_arena;
typedef struct ga_gallocr ga_gallocr;

enum ga_grow {
    GA_GROW_KEEP,       /* the new buffer exists before the old one goes: failure changes nothing */
    GA_GROW_FREE_FIRST, /* when memory is short: on failure the arena is empty (the one exception) */
    GA_GROW_NEVER,
};

struct ga_arena_opts {
    enum ga_grow grow;
};

/* `pools[i]` backs the nodes whose .pool is i; the backends outlive the arena.  NULL: no memory, no pools, or a NULL among them. */
GA_API ga_arena *ga_arena_new(const struct ga_env *env, const struct ga_backend *const *pools, unsigned n_pools,
                              const struct ga_arena_opts *opts);
GA_API void ga_arena_delete(ga_arena *arena);                        /* counted: lives until its last gallocr is gone */
GA_API uint64_t ga_arena_size(const ga_arena *arena, unsigned pool); /* bytes held, packed ones included */
/* Back to what the plan last bound by each of its users needs; moves nothing that stays. */
GA_API void ga_arena_trim(ga_arena *arena);

/* For devices whose memory is handles, not addresses; NULL past the last; valid while the generation stands. */
GA_API const struct ga_buffer *ga_arena_buffer(const ga_arena *arena, unsigned pool, unsigned chunk);
/* Changes iff an address may have changed: equal signature and generation, equal addresses (captured graphs rely on it). */
GA_API uint64_t ga_arena_generation(const ga_arena *arena);
GA_API void ga_arena_freeze(ga_arena *arena, bool frozen); /* frozen: growth answers GA_NO_SPACE instead of moving */

/*
 * Long-lived tensors (weights, a KV cache) side by side in buffers of their own,
 * each of at most the backend's max_size; they stay until the arena goes and are
 * never moved.  `slots[i]` tells where (chunk counts on from what the pool has
 * packed before; ga_arena_packed() maps it to a buffer).  Sizes only when `slots`
 * is NULL: `total` gets the bytes that would be taken, nothing is allocated.
 */
GA_API enum ga_status ga_arena_pack(ga_arena *arena, unsigned pool, const uint64_t *sizes, uint32_t n, struct ga_slot *slots,
                                    uint64_t *total);
GA_API const struct ga_buffer *ga_arena_packed(const ga_arena *arena, unsigned pool, unsigned chunk);

/* Why the last growth failed; false when none failed since the last success. */
struct ga_oom {
    unsigned pool, chunk;
    uint64_t needed;      /* bytes the buffer would have had */
    uint64_t held;        /* by the arena in this pool */
    uint64_t free_bytes;  /* as the backend says; 0 unknown */
    uint64_t total_bytes; /* likewise */
    ga_id culprit;        /* the largest tensor live at the pool's peak */
};
GA_API bool ga_arena_oom(const ga_arena *arena, struct ga_oom *oom);

/* In `opts` (NULL: defaults), align is raised to and chunk_max lowered to the backend's; capacity is not used. */
GA_API ga_gallocr *ga_gallocr_new(const struct ga_env *env, ga_arena *arena, const struct ga_plan_opts *opts);
GA_API void ga_gallocr_delete(ga_gallocr *galloc);
/* Plans kept by signature; default 32, the least recently used leaves. */
GA_API void ga_gallocr_max_plans(ga_gallocr *galloc, unsigned max);

/* Bytes per pool (as many as the arena has) that ga_gallocr_reserve() would need; allocates nothing, changes nothing. */
GA_API enum ga_status ga_gallocr_measure(ga_gallocr *galloc, const ga_graph *graph, uint64_t *sizes);
/* Plans a worst case and takes the buffers, so that later graphs of the same signature up to these sizes never wait.  Once per shape. */
GA_API enum ga_status ga_gallocr_reserve(ga_gallocr *galloc, const ga_graph *worst);
/*
 * Gives every node an address.  Keeps a plan whose signature matches while
 * nothing outgrew its slot: one pass over the nodes, no call of the memory hook,
 * none of the backend.  Else plans anew, for the larger of old and new size of
 * every node unless only the exact sizes fit, and takes bigger buffers only when
 * the peak demands it.  On failure the last graph stays allocated.
 */
GA_API enum ga_status ga_gallocr_alloc_graph(ga_gallocr *galloc, const ga_graph *graph);
/* A plan made offline: checked, kept by reference; GA_STALE / GA_INVALID if it does not suit the graph or the arena. */
GA_API enum ga_status ga_gallocr_adopt(ga_gallocr *galloc, const ga_graph *graph, ga_plan *plan);

/* Ids are those of the last graph that ga_gallocr_alloc_graph() accepted.  NULL: external, elided or of size zero. */
GA_API void *ga_gallocr_addr(const ga_gallocr *galloc, ga_id id);
/* By key, in that last graph, which must not have changed since. */
GA_API void *ga_gallocr_addr_of(const ga_gallocr *galloc, const void *key);
GA_API bool ga_gallocr_slot(const ga_gallocr *galloc, ga_id id, struct ga_slot *slot);
GA_API const ga_plan *ga_gallocr_plan(const ga_gallocr *galloc);       /* the plan bound last; NULL before the first */
GA_API const char *ga_gallocr_replan_reason(const ga_gallocr *galloc); /* NULL when the last call kept its plan */

/*
 * Debugging aid on host memory: after ga_gallocr_guard(true), each alloc_graph
 * plans with guard bytes behind every storage; ga_gallocr_step_done(id), called
 * when the node has run, fills what died at its step with a pattern and checks
 * the guards: it returns the node whose neighbour wrote over its guard, or GA_NONE.
 */
GA_API enum ga_status ga_gallocr_guard(ga_gallocr *galloc, bool on);
GA_API ga_id ga_gallocr_step_done(ga_gallocr *galloc, ga_id id);

#ifdef __cplusplus
}
#endif

#endif
