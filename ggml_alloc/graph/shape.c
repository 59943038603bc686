#include "graph/shape.h"

#include "graph/graph.h"

void gai_shape_sequence(ga_graph *graph)
{
    struct signature sum = { 0, 0 };
    if (graph->n_sequence)
        shape_absorb(&sum, SHAPE_K6, graph->n_sequence);
    for (uint32_t i = 0; i < graph->n_sequence; i++)
        shape_absorb(&sum, graph->sequence[i] * SHAPE_K3, graph->sequence[i] + (uint64_t)1);
    graph->shape.sequence = sum;
}

struct signature gai_graph_signature(const ga_graph *graph)
{
    struct signature sum = graph->shape.nodes;
    shape_absorb(&sum, graph->n_nodes * SHAPE_K4, graph->n_nodes * SHAPE_K5);
    if (graph->n_extends)
        shape_absorb(&sum, graph->shape.extends.lo, graph->shape.extends.hi);
    if (graph->n_sequence)
        shape_absorb(&sum, graph->shape.sequence.lo, graph->shape.sequence.hi);
    return sum;
}

uint64_t ga_graph_signature(const ga_graph *graph)
{
    struct signature sum = gai_graph_signature(graph);
    return sum.lo ^ shape_rotl(sum.hi, 32);
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
