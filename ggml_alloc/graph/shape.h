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
    struct signature nodes, extends; /* running, of what was added so far */
    struct signature sequence;       /* zero when there is none */
};

static inline bool signature_equal(struct signature a, struct signature b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

struct signature gai_graph_signature(const ga_graph *graph);

/* Odd constants with no structure: from the fractional parts of square roots. */
#define SHAPE_K1 0x9e3779b97f4a7c15u
#define SHAPE_K2 0xbb67ae8584caa73bu
#define SHAPE_K3 0x3c6ef372fe94f82bu
#define SHAPE_K4 0xa54ff53a5f1d36f1u
#define SHAPE_K5 0x510e527fade682d1u
#define SHAPE_K6 0x9b05688c2b3e6c1fu

static inline uint64_t shape_rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* Multiplication carries upwards only; folding the high half down lets every bit count. */
static inline uint64_t shape_fold(uint64_t x)
{
    return x ^ x >> 32;
}

static inline void shape_absorb(struct signature *sum, uint64_t a, uint64_t b)
{
    sum->lo = shape_fold((shape_rotl(sum->lo, 23) ^ a) * SHAPE_K1);
    sum->hi = shape_fold((shape_rotl(sum->hi, 41) + b) * SHAPE_K2);
}

/* What a node looks like to the signature. */
struct looks {
    uint64_t sources; /* started with their number, one shape_source() each */
    uint64_t reuse, eager;
    uint64_t offset; /* 1 + the window's, 0 when it does not matter */
    ga_id root;
    uint32_t flags, pool;
};

static inline uint64_t shape_source(uint64_t sum, ga_id src)
{
    return shape_fold((sum + src + 1) * SHAPE_K3);
}

/* Takes in a node just added; returns its facts, for the table. */
static inline uint64_t shape_add(struct shape *shape, const struct looks *looks)
{
    uint64_t sources = looks->sources;
    uint64_t masks = shape_fold(looks->reuse * SHAPE_K4 + looks->eager * SHAPE_K5);
    uint64_t view = shape_fold(looks->root * SHAPE_K6 + looks->offset * SHAPE_K2);
    uint64_t kind = shape_fold(((uint64_t)looks->flags << 32 | (uint64_t)looks->pool << 8 | 1) * SHAPE_K3);
    shape_absorb(&shape->nodes, sources ^ shape_rotl(masks, 13) ^ shape_rotl(view, 29) ^ shape_rotl(kind, 43),
                 sources + shape_rotl(masks, 31) + shape_rotl(view, 47) + shape_rotl(kind, 7));
    return (sources & 0xffff) << 48 | (masks & 0xffff) << 32 | (view & 0xffff) << 16 | (kind & 0xffff);
}

static inline void shape_extend(struct shape *shape, ga_id id, ga_id until)
{
    shape_absorb(&shape->extends, id * SHAPE_K4, until * SHAPE_K5);
}

/* Recomputed whenever the sequence changes. */
void gai_shape_sequence(ga_graph *graph);

/* How two unequal facts differ: "reads other sources". */
const char *gai_shape_difference(uint64_t a, uint64_t b);

#endif
