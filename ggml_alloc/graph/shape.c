#include "graph/shape.h"

#include "graph/graph.h"

/* Odd constants with no structure: from the fractional parts of square roots of primes. */
#define K1 0x9e3779b97f4a7c15u
#define K2 0xbb67ae8584caa73bu
#define K3 0x3c6ef372fe94f82bu
#define K4 0xa54ff53a5f1d36f1u
#define K5 0x510e527fade682d1u
#define K6 0x9b05688c2b3e6c1fu

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* Multiplication carries upwards only; folding the high half down lets every bit count. */
static inline uint64_t fold(uint64_t x)
{
    return x ^ x >> 32;
}

static inline void absorb(struct signature *sum, uint64_t a, uint64_t b)
{
    sum->lo = fold((rotl(sum->lo, 23) ^ a) * K1);
    sum->hi = fold((rotl(sum->hi, 41) + b) * K2);
}

uint64_t gai_shape_add(struct shape *shape, const struct node *node, struct masks masks, bool offset_matters, const ga_id *src,
                       uint32_t n_src)
{
    uint64_t sources = n_src;
    for (uint32_t i = 0; i < n_src; i++)
        sources = fold((sources + src[i] + 1) * K3);
    uint64_t reuse = fold(masks.reuse * K4) + fold((masks.eager ^ K1) * K5);
    uint64_t view = fold((node->root + (uint64_t)1) * K6);
    if (offset_matters)
        view += fold((node->view_offset + 1) * K2);
    uint64_t kind = fold(((uint64_t)node->flags << 32 | (uint64_t)node->pool << 8 | 1) * K3);
    absorb(&shape->nodes, sources ^ rotl(reuse, 13) ^ rotl(view, 29) ^ rotl(kind, 43),
           sources + rotl(reuse, 31) + rotl(view, 47) + rotl(kind, 7));
    return (sources & 0xffff) << 48 | (reuse & 0xffff) << 32 | (view & 0xffff) << 16 | (kind & 0xffff);
}

void gai_shape_rest(ga_graph *graph)
{
    struct signature rest = { 0, 0 };
    for (uint32_t i = 0; i < graph->n_extends; i++)
        absorb(&rest, graph->extends[i].id * K4, graph->extends[i].until * K5);
    if (graph->n_sequence)
        absorb(&rest, K6, graph->n_sequence);
    for (uint32_t i = 0; i < graph->n_sequence; i++)
        absorb(&rest, graph->sequence[i] * K3, graph->sequence[i] + (uint64_t)1);
    graph->shape.rest = rest;
}

struct signature gai_graph_signature(const ga_graph *graph)
{
    struct signature sum = graph->shape.nodes;
    absorb(&sum, graph->n_nodes * K4, graph->n_nodes * K5);
    if (graph->n_extends || graph->n_sequence)
        absorb(&sum, graph->shape.rest.lo, graph->shape.rest.hi);
    return sum;
}

uint64_t ga_graph_signature(const ga_graph *graph)
{
    struct signature sum = gai_graph_signature(graph);
    return sum.lo ^ rotl(sum.hi, 32);
}

const char *gai_shape_difference(uint64_t a, uint64_t b)
{
    uint64_t differs = a ^ b;
    if (differs >> 48)
        return "reads other sources";
    if (differs >> 16 & 0xffff)
        return "looks into other bytes";
    if (differs & 0xffff)
        return "has other flags or another pool";
    return "may take over other sources";
}
