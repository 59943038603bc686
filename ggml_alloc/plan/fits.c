/*
 * fits.c - does a plan serve a graph?  The steady state of every engine loop: one pass, no memory.
 */
#include "base/log.h"
#include "graph/graph.h"
#include "plan/plan.h"

#include <inttypes.h>

/* A window that was empty when the plan was made has no place in it, though its root has. */
static bool is_window_without_slot(const ga_plan *plan, const ga_graph *graph, ga_id id)
{
    return plan->slots[id].size == 0 && plan->slots[graph->nodes[id].root].size != 0;
}

/* Owners of bytes must fit their slots; windows lie within their roots, at the offset that the signature vouches for. */
static ga_id first_outgrown(const ga_plan *plan, const ga_graph *graph)
{
    const struct body *bodies = graph->bodies;
    const struct ga_slot *slots = plan->slots;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        if (bodies[id].size <= slots[id].size)
            continue;
        if ((node_owns(graph, id) && plan->life[id].birth != LIFE_NEVER) || is_window_without_slot(plan, graph, id))
            return id;
    }
    return GA_NONE;
}

static ga_id first_misaligned(const ga_plan *plan, const ga_graph *graph)
{
    for (ga_id id = 1; id <= graph->n_nodes && graph->has_aligns; id++) {
        uint64_t align = node_align(graph, id);
        bool off = align && (plan->slots[id].offset & (align - 1));
        if (off && node_owns(graph, id))
            return id;
    }
    return GA_NONE;
}

static void explain_shape(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap)
{
    if (!plan->facts) {
        gai_say(why, cap, "the plan was made for bare intervals, not for a graph");
        return;
    }
    uint32_t both = plan->n_nodes < graph->n_nodes ? plan->n_nodes : graph->n_nodes;
    for (ga_id id = 1; id <= both; id++)
        if (plan->facts[id] != graph->facts[id]) {
            gai_say(why, cap, "node %" PRIu32 " '%.60s' %s than the plan was made for", id, gai_graph_name(graph, id),
                    gai_shape_difference(plan->facts[id], graph->facts[id]));
            return;
        }
    if (plan->n_nodes != graph->n_nodes)
        gai_say(why, cap, "%" PRIu32 " nodes, the plan was made for %" PRIu32, graph->n_nodes, plan->n_nodes);
    else
        gai_say(why, cap, "the parse sequence or the extended lifetimes differ");
}

bool ga_plan_fits(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap)
{
    if (graph->status != GA_OK) {
        gai_say(why, cap, "%s", graph->error);
        return false;
    }
    if (!plan->facts || !signature_equal(plan->signature, gai_graph_signature(graph))) {
        explain_shape(plan, graph, why, cap);
        return false;
    }
    ga_id id = first_outgrown(plan, graph);
    if (id != GA_NONE) {
        gai_say(why, cap, "node %" PRIu32 " '%.60s' needs %" PRIu64 " bytes, its slot has %" PRIu64, id, gai_graph_name(graph, id),
                graph->bodies[id].size, plan->slots[id].size);
        return false;
    }
    id = first_misaligned(plan, graph);
    if (id != GA_NONE) {
        gai_say(why, cap, "node %" PRIu32 " '%.60s' asks for an alignment that its slot at %" PRIu64 " has not", id,
                gai_graph_name(graph, id), plan->slots[id].offset);
        return false;
    }
    return true;
}
