/*
 * check.c - the invariants of graph.h, counted anew the slow way
 */
#include "graph/graph.h"

static uint32_t count_children(const ga_graph *graph, ga_id id)
{
    uint32_t n = 0;
    for (ga_id other = 1; other <= graph->n_nodes; other++) {
        struct sources sources = node_sources(graph, other);
        for (uint32_t i = 0; i < sources.n && other != id; i++)
            n += sources.at[i] == id;
    }
    return n;
}

static uint32_t count_views(const ga_graph *graph, ga_id id)
{
    uint32_t n = 0;
    for (ga_id other = id + 1; other <= graph->n_nodes; other++)
        n += graph->nodes[other].root == id;
    return n;
}

static const char *check_node(const ga_graph *graph, ga_id id)
{
    const struct node *node = &graph->nodes[id], *root = &graph->nodes[node->root];
    const struct body *body = &graph->bodies[id], *whole = &graph->bodies[node->root];
    struct sources sources = node_sources(graph, id);
    for (uint32_t i = 0; i < sources.n; i++)
        if (sources.at[i] > id && !(node->flags & GA_DEPEND))
            return "a source comes later";
    if (node->root == GA_NONE || node->root > id || root->root != node->root)
        return "a root is itself a view, or comes later";
    bool untold = (root->flags & GA_EXTERNAL) && whole->size == 0;
    if (!untold && (body->view_offset > whole->size || body->size > whole->size - body->view_offset))
        return "a window ends past its root";
    if (node->n_children != count_children(graph, id))
        return "n_children is not the number of readings";
    if (body->n_views != count_views(graph, id))
        return "n_views is not the number of views";
    bool owns = node->root == id && body->size > 0 && !(node->flags & (GA_EXTERNAL | GA_ELIDED | GA_DEPEND));
    if (node_owns(graph, id) != owns)
        return "a node's mark does not tell whether it owns bytes";
    const void *key = id < graph->cap_keys ? graph->keys[id] : NULL;
    if (key && ga_graph_find(graph, key) != id)
        return "a node is not found by its key";
    return NULL;
}

const char *gai_graph_check(const ga_graph *graph)
{
    const char *broken = graph->set.bits ? gai_hashset_check(&graph->set, graph->keys) : NULL;
    if (graph->nodes[1].src != 0 || graph->nodes[graph->n_nodes + 1].src != graph->n_srcs)
        broken = "sources do not start at 0, or do not end at n_srcs";
    for (ga_id id = 1; id <= graph->n_nodes && !broken; id++)
        broken = check_node(graph, id);
    return broken;
}
