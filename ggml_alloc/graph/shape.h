/*
 * shape.h - which graphs one plan may serve: a 128-bit signature, and enough per node to name the first difference
 *
 *     per node     sources    masks    view    flags, pool
 *                     |         |        |         |
 *     facts[id] =  16 bits   16 bits  16 bits   16 bits       what differs, when two signatures do
 *     lanes     =  all 64 bits of each, folded into two running sums of 64 bits
 *
 * In it: sources, take-over masks, flags, view roots, pools, in order; `extend` and the parse sequence; offsets only of views into
 * bytes of ours.  Not in it: pointers, sizes, names, alignments.  Built as nodes are added, so that asking is nearly free.
 */
#ifndef GAI_GRAPH_SHAPE_H
#define GAI_GRAPH_SHAPE_H

#include "ggml_alloc/graph.h"

struct signature {
    uint64_t lo, hi;
};

struct shape {
    struct signature nodes; /* running, of the nodes added so far */
    struct signature rest;  /* of extensions and the sequence; zero when there are none */
};

static inline bool signature_equal(struct signature a, struct signature b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

struct signature gai_graph_signature(const ga_graph *graph);

struct node;
struct masks;

/* Takes in a node just added: its facts, for the table. */
uint64_t gai_shape_add(struct shape *shape, const struct node *node, struct masks masks, bool offset_matters, const ga_id *src,
                       uint32_t n_src);
/* Recomputed whenever extensions or the sequence change. */
void gai_shape_rest(ga_graph *graph);

/* How two unequal facts differ: "reads other sources". */
const char *gai_shape_difference(uint64_t a, uint64_t b);

#endif
