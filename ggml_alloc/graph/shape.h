/*
 * shape.h - which graphs one plan may serve: a 128-bit signature, and enough per node to name the first difference
 *
 * In it: sources, take-over masks, flags, view roots, pools, in order; `extend` and the parse sequence; offsets only of views into
 * bytes of ours.  Not in it: pointers, sizes, names, alignments.  Built as nodes are added, so that asking is free.
 */
#ifndef GAI_GRAPH_SHAPE_H
#define GAI_GRAPH_SHAPE_H

#include "ggml_alloc/graph.h"

struct signature {
    uint64_t lo, hi;
};

static inline bool signature_equal(struct signature a, struct signature b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

struct signature gai_graph_signature(const ga_graph *graph);

#endif
