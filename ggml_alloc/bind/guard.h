/*
 * guard.h - who wrote where it should not, and who reads what is dead
 *
 *     slot of x   [ x's bytes | GUARD ]      planned GUARD_BYTES larger, filled as x is born, compared while it lives
 *     x dies      [ POISON POISON ... ]      but for the bytes that an heir has taken over
 *
 * Armed for one run of one graph at a time; steps finish in order, when all of their nodes that run are done.
 *
 * An heir that is smaller than what it takes over has its guard among its source's bytes, which live until its step is done: such a
 * guard is filled one step late.
 */
#ifndef GAI_BIND_GUARD_H
#define GAI_BIND_GUARD_H

#include "bind/arena.h"
#include "graph/graph.h"

#define GUARD_BYTES 64u

struct guarded {
    uint64_t size; /* of the node, without its guard */
    uint32_t step; /* in which it runs; 0: it does not */
    bool runs, armed;
};

struct guard {
    bool on;               /* plans are made with guards */
    const ga_plan *plan;   /* of the run under way; NULL: none.  The gallocr keeps it alive */
    struct guarded *nodes; /* by id */
    uint32_t *pending;     /* by step: nodes that are yet to run */
    ga_id *live;           /* storages alive in the step under way */
    uint32_t cap_nodes, cap_pending, cap_live;
    uint32_t n_live, n_born; /* plan->storages[n_born] is born next */
    uint32_t finished, last; /* steps */
};

/* Room for a run of `graph`; false when there is no memory. */
bool gai_guard_room(struct guard *guard, const struct ga_mem *mem, const ga_graph *graph);
/* The room was made, `plan` was made with guards, the arena holds it. */
void gai_guard_begin(struct guard *guard, const ga_arena *arena, const ga_graph *graph, const ga_plan *plan);
/* As ga_gallocr_step_done(). */
ga_id gai_guard_done(struct guard *guard, const ga_arena *arena, ga_id id);
/* Whether every node has its guard in the slot that the plan gives it. */
bool gai_guard_fits(const ga_plan *plan, const ga_graph *graph);
void gai_guard_fini(struct guard *guard, const struct ga_mem *mem);

#endif
