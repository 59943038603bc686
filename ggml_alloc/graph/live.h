/*
 * live.h - when the bytes of each node are in use
 *
 *     step      0   1   2   3   4   5   6 = end
 *     x         [===========)                      born at 0, read last at step 2
 *     view of x         [reads x's bytes at 2]     counts for its root
 *     y                 [=======)                  the only reader of x at step 2: may take its bytes over
 *     result                    [===========)      nobody reads it: lives past the last step
 *
 * Half open, [birth, death).  Views live with their root.  The end is two past the last step, so that what is kept to the end dies
 * later than whatever the last step reads.
 */
#ifndef GAI_GRAPH_LIVE_H
#define GAI_GRAPH_LIVE_H

#include "graph/graph.h"

#define LIVE_UNBORN UINT32_MAX
#define LIVE_KEPT UINT32_MAX /* a death: the end, wherever that is */

struct life {
    uint32_t birth; /* LIVE_UNBORN: nothing that runs refers to it */
    uint32_t death; /* see life_death() */
};

struct lives {
    struct life *of;  /* by id; meaningful for roots */
    ga_id *readers;   /* by id: the one node that touches it in its last step; GA_NONE: several, or it lives on for other reasons */
    uint32_t n_steps; /* the last step + 2: every death is at most this */
};

/* Whether `id`, which runs at `step`, is the only node that touches `root` in the root's last step. */
static inline bool life_ends_with(const struct lives *lives, ga_id root, ga_id id, uint32_t step)
{
    return lives->of[root].death == step + 1 && (!lives->readers || lives->readers[root] == id);
}

static inline uint32_t life_death(const struct lives *lives, ga_id id)
{
    return lives->of[id].death == LIVE_KEPT ? lives->n_steps : lives->of[id].death;
}

/*
 * O(nodes + sources).  `readers` stays NULL when no step has two nodes: whoever touches a root in its last step is then alone.
 * GA_INVALID, with the reason in `why`, for what only shows when steps are known: an elided node read in another step, a DEPEND
 * or an extension that names what was never added.  GA_NO_MEMORY.  Freed with gai_lives_fini().
 */
enum ga_status gai_live(const ga_graph *graph, const struct ga_mem *mem, struct lives *lives, char *why, size_t cap);
void gai_lives_fini(struct lives *lives, const struct ga_mem *mem, const ga_graph *graph);

#endif
