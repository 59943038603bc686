/*
 * build.h - from a graph with known lifetimes to a placement problem
 *
 *     node ids   4  7  9  12           items come in allocation order:
 *     items      0  1  2   3           step 0: INPUTs; step k: sources not yet placed in src order, then the node
 */
#ifndef GAI_PLAN_BUILD_H
#define GAI_PLAN_BUILD_H

#include "graph/live.h"
#include "place/place.h"

/* The arrays are the caller's: graph->n_storages + 1 items, graph->n_edges edges, a node per item, n_nodes + 1 of item_of. */
struct build {
    struct problem problem; /* comes with its pools */
    ga_id *node_of;         /* by item */
    uint32_t *item_of;      /* by id: 1 + its item, 0 none */
};

/* `sizes` (by id, NULL: the graph's) may raise sizes.  GA_NO_SPACE when a rounded size wraps. */
enum ga_status gai_build(const ga_graph *graph, const struct lives *lives, const uint64_t *sizes, struct build *build);

#endif
