/*
 * flow.h - the most that can flow from a source to a sink, which is the least that must be cut to part them
 *
 *     source ==5==> a ==ANY==> b ==3==> sink      arcs in pairs: there, and back with what has flowed
 *            ========2=======> b                  3 can flow: { b -> sink } parts them at 3
 *
 * Dinic's algorithm (1970): by shortest ways, all of one length at once.
 */
#ifndef GAI_ORDER_FLOW_H
#define GAI_ORDER_FLOW_H

#include "base/mem.h"

#define FLOW_SOURCE 0u
#define FLOW_SINK 1u
#define FLOW_ANY (UINT64_MAX / 4) /* more than all that flows; what flows from source to sink must be less */

struct flow_arc {
    uint64_t room;
    uint32_t to, next; /* 1 + the next arc that leaves the same node */
};

struct flow {
    struct ga_mem mem;
    struct flow_arc *arcs;
    uint32_t *first; /* by node: 1 + the first arc that leaves it */
    uint32_t *now;   /* by node: the arc to be tried next, likewise */
    uint32_t *level; /* by node: arcs from the source; FLOW_FAR */
    uint32_t *queue; /* nodes; arcs of the way in hand */
    uint32_t n_nodes, n_arcs, cap_nodes, cap_arcs;
    uint64_t steps; /* arcs looked at */
};

/* Room for nodes 0 .. cap_nodes - 1.  False: no memory.  Freed with gai_flow_fini() either way. */
bool gai_flow_init(struct flow *flow, const struct ga_mem *mem, uint32_t cap_nodes);
void gai_flow_fini(struct flow *flow);

/* No arcs, and so many nodes. */
void gai_flow_reset(struct flow *flow, uint32_t n_nodes);
/* False: no memory. */
bool gai_flow_add(struct flow *flow, uint32_t from, uint32_t to, uint64_t room);

/* The most that flows; what flows after about `budget` steps is not above it. */
uint64_t gai_flow_run(struct flow *flow, uint64_t budget);

/* Behind gai_flow_run() that was not cut short: whether the node is on the sink's side of the least cut that is nearest to the source. */
bool gai_flow_is_beyond(const struct flow *flow, uint32_t node);

#endif
