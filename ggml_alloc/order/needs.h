/*
 * needs.h - what a turn needs in any order
 *
 *     has run |  turn  | has not run        some set of turns has run when it runs; what lives then depends on nothing else
 *        x ---+--> t --+--> y               made by what must run before, read by what must run behind: lives in any order
 *        a ===+========+==> b  or  a => b   of all else, the set with which least lives is a minimum cut: it decides whether b runs
 *
 * A storage costs its size when one of its users has run and another has not, which makes the sum submodular, and its minimum the
 * most that can flow in a network of turns and storages (Picard 1976, for closures).
 */
#ifndef GAI_ORDER_NEEDS_H
#define GAI_ORDER_NEEDS_H

#include "order/flow.h"
#include "order/turns.h"

struct needs {
    const struct turns *turns;
    uint8_t *around; /* by turn: see needs.c */
    uint8_t *marks;  /* by storage: likewise, of all its users */
    uint32_t *queue; /* turns */
    uint32_t *node;  /* by turn, in the flow */
    uint32_t *born;  /* by storage: the node that stands for that one of its users has run; FLOW_SOURCE: so it is */
    uint32_t *dies;  /* by storage: that all have; FLOW_SINK: so it never is */
    uint32_t n_nodes;
    struct flow flow;
};

/* False: no memory.  Freed with gai_needs_fini() either way. */
bool gai_needs_init(struct needs *needs, const struct turns *turns);
void gai_needs_fini(struct needs *needs);

/*
 * Into `least`: no order has fewer bytes of `pool` live while `turn` runs.  0 when the turn has several steps.  O(turns + links +
 * uses), and about `budget` steps for the cut, without which the answer is lower; they are added to `*steps`.  False: no memory.
 */
bool gai_needs(struct needs *needs, uint32_t turn, unsigned pool, uint64_t budget, uint64_t *steps, uint64_t *least);

#endif
