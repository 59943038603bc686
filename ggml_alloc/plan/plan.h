/*
 * plan.h - a plan as the layers above it read it
 *
 *     id         1          2          3         4
 *     slots   [ 0:0+4096 | 0:4096+64 | (none)  | 0:0+1024 ]     size 0: no bytes of ours; a view has its window
 *     life    [ 0..3     | 1..5      |         | 3..9     ]     a view has its root's
 *     storages  1, 2, 4: the nodes with bytes of their own, births never decreasing
 *
 * Immutable once made.
 */
#ifndef GAI_PLAN_PLAN_H
#define GAI_PLAN_PLAN_H

#include "ggml_alloc/plan.h"

#include "base/mem.h"
#include "graph/shape.h"

#define LIFE_NEVER UINT32_MAX /* birth of a node that the sequence leaves out and nobody reads: it needs no slot */

struct life_span {
    uint32_t birth, death; /* steps; for interval plans ranks in `times` */
};

struct plan_pool {
    uint64_t *chunks; /* bytes of each, in the plan's block */
    uint32_t n_chunks;
    uint32_t peak_step; /* the first at which most bytes are live */
    uint64_t peak, bound;
    uint64_t capacity; /* as asked for; 0 is none */
};

/* How large a plan is: all its arrays live in one block, itself at the front. */
struct plan_room {
    uint32_t n_nodes, n_storages, n_times;
    uint64_t n_chunks; /* of all pools */
    unsigned n_pools;
    bool has_facts;
};

struct ga_plan {
    struct ga_mem mem;
    size_t block; /* bytes of all of it */
    _Atomic(uint32_t) refs;
    uint32_t n_nodes;
    unsigned n_pools;
    struct ga_plan_info info;
    struct signature signature; /* zero for interval plans */
    struct ga_slot *slots;      /* by id, [0] unused */
    struct life_span *life;     /* by id, [0] unused */
    uint64_t *facts;            /* by id, what each node looked like: see shape.h; NULL for interval plans */
    uint64_t *times;            /* interval plans: the time of each rank; NULL: ranks are steps */
    ga_id *storages;
    struct plan_pool *pools;
    uint64_t *chunks; /* what pools[].chunks point into */
};

/*
 * As ga_plan_graph(), with node `id` as large as sizes[id] at least (NULL: as the
 * graph says).  For callers that plan for the larger of two graphs, or for guards.
 */
enum ga_status gai_plan_graph_sized(const ga_graph *graph, const uint64_t *sizes, const struct ga_plan_opts *opts, ga_plan **plan);

/*
 * A plan with room for all that and one reference; the arrays are raw.  Who fills it calls gai_plan_seal() at the end, which
 * derives the verdict.  NULL: no memory.
 */
ga_plan *gai_plan_new(const struct ga_mem *mem, const struct plan_room *room);
void gai_plan_seal(ga_plan *plan);

/* As ga_plan_check(); for GA_INVALID `pair` gets the two nodes that collide, or the one that is wrong and GA_NONE. */
enum ga_status gai_plan_check_pair(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap, ga_id pair[2]);

#endif
