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
    struct sources sources = node_sources(graph, id);
    for (uint32_t i = 0; i < sources.n; i++)
        if (sources.at[i] > id && !(node->flags & GA_DEPEND))
            return "a source comes later";
    if (node->root == GA_NONE || node->root > id || root->root != node->root)
        return "a root is itself a view, or comes later";
    bool untold = (root->flags & GA_EXTERNAL) && root->size == 0;
    if (!untold && (node->view_offset > root->size || node->size > root->size - node->view_offset))
        return "a window ends past its root";
    if (node->n_children != count_children(graph, id))
        return "n_children is not the number of readings";
    if (node->n_views != count_views(graph, id))
        return "n_views is not the number of views";
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
