/*
 * sequence.c - execution order as a parse sequence
 *
 *     list    5  6  |  7  |  8  9 10          | is a barrier, GA_NONE
 *     step    1  1     2     3  3  3
 */
#include "base/array.h"
#include "graph/graph.h"

#include <inttypes.h>

/* Past leading barriers and leafs, which take no step; a barrier counts only behind a node that ran. */
bool gai_walk_sequence(struct walk *walk)
{
    const ga_graph *graph = walk->graph;
    while (walk->at < graph->n_sequence) {
        ga_id id = graph->sequence[walk->at++];
        if (id == GA_NONE) {
            walk->barrier = true;
        } else if (node_takes_step(graph, id)) {
            walk->step += walk->barrier;
            walk->barrier = false;
            walk->id = id;
            return true;
        }
    }
    return false;
}

/* Whether what `id` needs stands before it: places[x] is 1 + x's index in the list, 0 when it is not listed. */
static bool comes_after_sources(const ga_graph *graph, ga_id id, const uint32_t *places)
{
    struct sources sources = node_sources(graph, id);
    if (graph->nodes[id].flags & GA_DEPEND)
        return true;
    for (uint32_t i = 0; i < sources.n; i++) {
        ga_id src = sources.at[i];
        if (places[src] > places[id] || places[graph->nodes[src].root] > places[id])
            return false;
    }
    return places[graph->nodes[id].root] <= places[id];
}

static bool is_legal(const ga_graph *graph, const ga_id *list, size_t n, uint32_t *places)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] > graph->n_nodes || (list[i] != GA_NONE && places[list[i]] != 0))
            return false;
        if (list[i] != GA_NONE)
            places[list[i]] = (uint32_t)i + 1;
    }
    for (ga_id id = 1; id <= graph->n_nodes; id++)
        if (places[id] != 0 && node_takes_step(graph, id) && !comes_after_sources(graph, id, places))
            return false;
    return true;
}

enum ga_status ga_graph_sequence(ga_graph *graph, const ga_id *list, size_t n)
{
    const struct ga_mem *mem = &graph->env.mem;
    if (graph->status != GA_OK)
        return graph->status;
    if (n > UINT32_MAX - 1)
        return GA_INVALID;
    uint32_t *places = mem_new(mem, uint32_t, (size_t)graph->n_nodes + 1);
    if (!places)
        return GA_NO_MEMORY;
    enum ga_status status = GA_OK;
    if (!is_legal(graph, list, n, places))
        status = GA_INVALID;
    else if (!array_room(mem, &graph->sequence, &graph->cap_sequence, n))
        status = GA_NO_MEMORY;
    mem_free(mem, places, (size_t)graph->n_nodes + 1);
    if (status != GA_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        graph->sequence[i] = list[i];
    graph->n_sequence = (uint32_t)n;
    gai_shape_sequence(graph);
    return GA_OK;
}
