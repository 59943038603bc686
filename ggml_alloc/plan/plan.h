/*
 * plan.h - a plan as the layers above it read it
 *
 *     id        1          2          3         4
 *     slots  [ 0:0+4096 | 0:4096+64 | (none)  | 0:0+1024 ]     size 0: no bytes of ours; a view has its window
 *     life   [ 0..3     | 1..5      |         | 3..9     ]     ranks; a view has its root's
 *
 * Immutable once made.
 */
#ifndef GAI_PLAN_PLAN_H
#define GAI_PLAN_PLAN_H

#include "ggml_alloc/plan.h"

#include "base/mem.h"
#include "graph/shape.h"

struct life_span {
    uint32_t birth, death; /* steps; for interval plans ranks in `times` */
};

struct plan_pool {
    uint64_t *chunks; /* bytes of each; NULL when there are none */
    uint32_t n_chunks;
    uint64_t peak, bound;
};

struct ga_plan {
    struct ga_mem mem;
    struct ga_slot *slots;      /* by id, [0] unused */
    struct life_span *life;     /* by id, [0] unused */
    uint64_t *facts;            /* by id, what each node looked like: gai_shape_*(); NULL for interval plans */
    uint64_t *times;            /* interval plans: the time of each rank; NULL: ranks are steps */
    uint32_t n_nodes, n_times;
    struct signature signature; /* zero for interval plans */
    struct plan_pool *pools;
    unsigned n_pools;
    struct ga_plan_info info;
    _Atomic uint32_t refs;
};

/*
 * As ga_plan_graph(), with node `id` as large as sizes[id] at least (NULL: as the
 * graph says).  For callers that plan for the larger of two graphs, or for guards.
 */
enum ga_status gai_plan_graph_sized(const ga_graph *graph, const uint64_t *sizes, const struct ga_plan_opts *opts, ga_plan **plan);

#endif
