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
    GA_GROW_KEEP,       /* all new buffers exist before the first old one goes: failure changes nothing */
    GA_GROW_FREE_FIRST, /* when memory is short: outgrown buffers go first; on failure the arena is empty (the one exception) */
    GA_GROW_NEVER,      /* a pool is filled once, by the first who needs it; later needs beyond that are GA_NO_SPACE */
};

struct ga_arena_opts {
    enum ga_grow grow;
    uint64_t later[4]; /* zeros: options of later versions */
};

/* `pools[i]` backs the nodes whose .pool is i; the backends outlive the arena.  NULL: no memory, no pools, or a NULL among them. */
GA_API ga_arena *ga_arena_new(const struct ga_env *env, const struct ga_backend *const *pools, unsigned n_pools,
                              const struct ga_arena_opts *opts);
GA_API void ga_arena_delete(ga_arena *arena); /* counted: lives until its last gallocr is gone; NULL is fine */

/* Bytes held, packed ones included. */
GA_API uint64_t ga_arena_size(const ga_arena *arena, unsigned pool);
/*
 * Back to what the plan last bound by each of its users needs: buffers that none needs go, those that are too large are replaced
 * (the smaller one exists before the larger one goes; where there is no room for both it stays).  A buffer that is right does not
 * move.  Between runs only: tensors in a replaced buffer are lost.
 */
GA_API void ga_arena_trim(ga_arena *arena);

/*
 * For devices whose memory is handles, not addresses: slots count from `base`, which may lie above what the backend gave when a
 * node asked for more alignment than the backend promises.  NULL past the last; valid until the arena grows or is trimmed.
 */
GA_API const struct ga_buffer *ga_arena_buffer(const ga_arena *arena, unsigned pool, unsigned chunk);

/*
 * Changes iff an address that was given out may have changed: a buffer moved, or a plan left one of the allocators.  So for one
 * allocator: equal signature and generation, equal addresses (captured graphs rely on it).
 */
GA_API uint64_t ga_arena_generation(const ga_arena *arena);
/* Frozen: the generation stands.  No buffer is taken, moved or given back (but by packing), no plan leaves; what would need that
 * is answered with GA_NO_SPACE. */
GA_API void ga_arena_freeze(ga_arena *arena, bool frozen);

/*
 * Long-lived tensors (weights, a KV cache) side by side in buffers of their own, each of at most the backend's max_size (a tensor
 * above it is tried alone).  They stay until the arena goes and are never moved.  `slots[i]` tells where: its chunk counts on from
 * what the pool has packed before; ga_arena_packed() maps it to a buffer.  Sizes only when `slots` is NULL: nothing is allocated.
 * `total` (may be NULL) gets the bytes that are, or would be, taken.  On failure nothing changed; ga_arena_oom() tells.
 */
GA_API enum ga_status ga_arena_pack(ga_arena *arena, unsigned pool, const uint64_t *sizes, uint32_t n, struct ga_slot *slots,
                                    uint64_t *total);
/* NULL past the last; valid until the next packing. */
GA_API const struct ga_buffer *ga_arena_packed(const ga_arena *arena, unsigned pool, unsigned chunk);

/* Why the last growth or packing failed; false when none failed since the last growth that did not. */
struct ga_oom {
    unsigned pool, chunk;
    uint64_t needed;      /* bytes the buffer would have had */
    uint64_t held;        /* by the arena in this pool */
    uint64_t free_bytes;  /* as the backend says; 0 unknown */
    uint64_t total_bytes; /* likewise */
    ga_id culprit;        /* the largest tensor live at the pool's peak; GA_NONE when packing */
    uint64_t later[4];    /* zeros: what later versions tell */
};
GA_API bool ga_arena_oom(const ga_arena *arena, struct ga_oom *oom);

/*
 * In `opts` (copied; NULL: defaults), align is raised to and chunk_max lowered to
 * the backend's; capacity is not used.  NULL: no memory, or no arena.
 */
GA_API ga_gallocr *ga_gallocr_new(const struct ga_env *env, ga_arena *arena, const struct ga_plan_opts *opts);
GA_API void ga_gallocr_delete(ga_gallocr *galloc); /* NULL is fine */
/* Plans kept, one for each signature; default 32, at least 1; the one used least recently leaves. */
GA_API void ga_gallocr_max_plans(ga_gallocr *galloc, unsigned max);

/* Bytes per pool (as many as the arena has) that ga_gallocr_reserve() would need; takes no buffer, changes nothing. */
GA_API enum ga_status ga_gallocr_measure(ga_gallocr *galloc, const ga_graph *graph, uint64_t *sizes);
/*
 * Plans a worst case and takes the buffers, so that later graphs of the same signature up to these sizes never wait.  Once per
 * shape.  Binds nothing: the last graph stays allocated (in buffers that may have moved: see the generation).
 */
GA_API enum ga_status ga_gallocr_reserve(ga_gallocr *galloc, const ga_graph *worst);
/*
 * Gives every node an address.  Keeps a plan whose signature matches while nothing outgrew its slot: one pass over the nodes, no
 * call of the memory hook, none of the backend.  Else plans anew, for the larger of old and new size of every node unless only the
 * exact sizes fit, and takes bigger buffers only when the peak demands it.  On failure the last graph stays allocated.
 */
GA_API enum ga_status ga_gallocr_alloc_graph(ga_gallocr *galloc, const ga_graph *graph);
/*
 * A plan made elsewhere, for the next ga_gallocr_alloc_graph() of such a graph: checked in full, kept by reference, its buffers
 * taken; binds nothing.  GA_STALE, GA_INVALID: it does not suit the graph, or the pools, alignments and chunks of this allocator.
 */
GA_API enum ga_status ga_gallocr_adopt(ga_gallocr *galloc, const ga_graph *graph, ga_plan *plan);

/*
 * Ids are those of the last graph that ga_gallocr_alloc_graph() accepted.  NULL: external, elided or of size zero.  The address
 * stands while the arena's generation does.
 */
GA_API void *ga_gallocr_addr(const ga_gallocr *galloc, ga_id id);
/* By key, in that last graph, which must not have changed since. */
GA_API void *ga_gallocr_addr_of(const ga_gallocr *galloc, const void *key);
/* Where the plan has it; `size` is the room there, which a smaller tensor need not fill.  False as above. */
GA_API bool ga_gallocr_slot(const ga_gallocr *galloc, ga_id id, struct ga_slot *slot);
GA_API const ga_plan *ga_gallocr_plan(const ga_gallocr *galloc); /* the plan bound last; NULL before the first */
/* Why the last call of reserve, alloc_graph or adopt planned anew or was refused, in words; NULL when its plan was known. */
GA_API const char *ga_gallocr_replan_reason(const ga_gallocr *galloc);

/*
 * Debugging aid on host memory.  While on, plans have guard bytes behind every tensor, and every alloc_graph begins a run in which
 * ga_gallocr_step_done(id) is to be called after each node that runs (it need not be for views that only look, GA_DEPEND and
 * GA_ELIDED).  It returns a node whose guard bytes somebody wrote over, or GA_NONE; and when a step is complete, what died with it
 * is filled with 0xff (no number in any float format).
 * Each looks at all that lives then.  Turning it on or off drops the kept plans.  GA_UNSUPPORTED: a pool's backend is not `host`; GA_NO_SPACE: the arena is frozen.
 */
GA_API enum ga_status ga_gallocr_guard(ga_gallocr *galloc, bool on);
GA_API ga_id ga_gallocr_step_done(ga_gallocr *galloc, ga_id id);

#ifdef __cplusplus
}
#endif

#endif
