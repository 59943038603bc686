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

struct life {
    uint32_t birth; /* LIVE_UNBORN: nothing that runs refers to it */
    uint32_t death;
    ga_id reader; /* the one node that touches it in its last step; GA_NONE: several, or it lives on for other reasons */
};

struct lives {
    struct life *of;  /* by id; meaningful for roots */
    uint32_t n_steps; /* the last step + 2: every death is at most this */
};

/*
 * O(nodes + sources).  GA_INVALID for what only shows when steps are known, said in ga_graph_error(): an elided node read in
 * another step, a DEPEND or an extension that names what was never added.  `lives` is freed with gai_lives_fini().
 */
enum ga_status gai_live(const ga_graph *graph, const struct ga_mem *mem, struct lives *lives, char *why, size_t cap);
void gai_lives_fini(struct lives *lives, const struct ga_mem *mem, const ga_graph *graph);

#endif
