/*
 * names.c - the texts of a graph: copied end to end into one block, or the caller's own when it lends them
 */
#include "base/array.h"
#include "graph/graph.h"

#include <string.h>

/* Appends `text` with its terminator; 0 when there is no room. */
static uint32_t keep(ga_graph *graph, const char *text, size_t len)
{
    if (graph->n_strings == 0)
        graph->n_strings = 1; /* 0 means none */
    if (!array_room(&graph->env.mem, &graph->strings, &graph->cap_strings, (uint64_t)graph->n_strings + len + 1))
        return 0;
    uint32_t at = graph->n_strings;
    memcpy(graph->strings + at, text, len + 1);
    graph->n_strings += (uint32_t)len + 1;
    return at;
}

/* Ops repeat: what was kept lately under the same hash is used again. */
static uint32_t keep_op(ga_graph *graph, const char *op)
{
    uint32_t hash = 0;
    size_t len = 0;
    for (; op[len]; len++)
        hash = hash * 31 + (unsigned char)op[len];
    uint32_t *cached = &graph->op_cache[hash % GRAPH_OP_CACHE];
    if (*cached == 0 || strcmp(graph->strings + *cached, op) != 0) {
        uint32_t at = keep(graph, op, len);
        if (at == 0)
            return 0;
        *cached = at;
    }
    return *cached;
}

bool gai_graph_keep_names(ga_graph *graph, ga_id id, const struct ga_node *spec, struct body *body)
{
    if (graph->borrows) {
        if (!array_room(&graph->env.mem, &graph->borrowed, &graph->cap_borrowed, (uint64_t)id + 1))
            return false;
        graph->borrowed[id] = (struct borrowed_names){ spec->name, spec->op };
        return true;
    }
    if (spec->name && !(body->name = keep(graph, spec->name, strlen(spec->name))))
        return false;
    return !spec->op || (body->op = keep_op(graph, spec->op)) != 0;
}

static bool knows(const ga_graph *graph, ga_id id)
{
    return id != GA_NONE && id <= graph->n_nodes;
}

const char *gai_graph_name(const ga_graph *graph, ga_id id)
{
    if (!knows(graph, id))
        return "";
    if (graph->borrows)
        return graph->borrowed[id].name ? graph->borrowed[id].name : "";
    return graph->bodies[id].name ? graph->strings + graph->bodies[id].name : "";
}

const char *gai_graph_op(const ga_graph *graph, ga_id id)
{
    if (!knows(graph, id))
        return "";
    if (graph->borrows)
        return graph->borrowed[id].op ? graph->borrowed[id].op : "";
    return graph->bodies[id].op ? graph->strings + graph->bodies[id].op : "";
}
