/*
 * toy.h - a toy engine: random programs whose every byte depends on every byte that went before, run on planned memory
 *
 *     toy_make()  a program:   x = input   v = view(x)   y = f(x, v)   w = write into v ...
 *     toy_feed()  described to the planner
 *     toy_run()   step by step, twice: each tensor alone in the order of the program, and on planned memory, the nodes of one step
 *                 shuffled; what differs, or is not readable when it was promised to be, is told
 *
 * A node's bytes follow from its number and from its sources' bytes.  Some sources are read element by element (only those may be
 * taken over), the others whole and after the first byte was written, so that any overlap that no edge allows shows.
 */
#ifndef TESTS_TOY_H
#define TESTS_TOY_H

#include "ggml_alloc/plan.h"

#include "base/rng.h"

#define TOY_NODES 48
#define TOY_SOURCES 5
#define TOY_POOLS 2
#define TOY_EXTENDS 4
#define TOY_BYTES 96  /* no tensor is larger */
#define TOY_CHUNKS 64 /* no pool has more: a chunk per tensor */

struct toy_node {
    uint32_t size, align;
    ga_id src[TOY_SOURCES]; /* GA_NONE: an empty slot */
    uint32_t n_src;
    uint32_t by_element; /* bit i: source i is read element by element */
    uint64_t reuse, eager;
    ga_id view_of;
    uint32_t view_offset;
    uint16_t pool, flags;

    /* What follows from the above. */
    ga_id root;           /* owns the bytes; itself when it is no view */
    uint32_t root_offset; /* of the first byte, in the root */
    uint32_t step;        /* 0: a leaf, or never run */
    uint32_t readers, views;
};

struct toy {
    struct rng rng;
    struct toy_node nodes[TOY_NODES + 1]; /* by id, [0] unused */
    uint32_t n_nodes, width;
    ga_id order[TOY_NODES]; /* what runs, in this order; step by step */
    uint32_t n_order, n_steps;
    bool sequence; /* the order is told to the planner as a parse sequence */
    struct {
        ga_id id, until;
    } extends[TOY_EXTENDS];
    uint32_t n_extends;
    unsigned n_pools;
    uint64_t chunk_max[TOY_POOLS], align[TOY_POOLS];
};

/* Everything that is no step of a program: given before the first. */
static inline bool toy_is_leaf(const struct toy_node *node)
{
    return (node->flags & (GA_INPUT | GA_EXTERNAL)) != 0;
}

/* Something to run; plain views, leafs and marks of dependency do nothing. */
static inline bool toy_computes(const struct toy_node *node)
{
    return !toy_is_leaf(node) && !(node->flags & GA_DEPEND) && (node->view_of == GA_NONE || (node->flags & GA_WRITES));
}

void toy_make(struct toy *toy, uint64_t seed);

/* Into an empty graph. */
enum ga_status toy_feed(const struct toy *toy, ga_graph *graph);

/* NULL when the plan serves the program; else what went wrong, in `why`. */
const char *toy_run(const struct toy *toy, const ga_plan *plan, uint64_t seed, char *why, size_t cap);

/*
 * What each node's bytes are when it has run, and what is in external bytes at the end, each tensor alone: equal for programs that
 * are the same but for an order that does not matter.
 */
void toy_digest(const struct toy *toy, uint32_t digests[TOY_NODES + 1]);

/* The same program in another order: a parse sequence, each step closed by GA_NONE. */
void toy_reorder(struct toy *toy, const ga_id *list, size_t n);

#endif
