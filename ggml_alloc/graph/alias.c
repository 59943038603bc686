#include "graph/alias.h"

/* Of the other sources that look into `root`: how many, and whether each is the window of `slot` itself or disjoint from it. */
static bool others_agree(const ga_graph *graph, struct sources sources, uint32_t slot, ga_id root, uint32_t *n_others)
{
    const struct node *window = &graph->nodes[sources.at[slot]];
    *n_others = 0;
    for (uint32_t i = 0; i < sources.n; i++) {
        const struct node *other = &graph->nodes[sources.at[i]];
        if (i == slot || other->root != root)
            continue;
        ++*n_others;
        bool identical = other->view_offset == window->view_offset && other->size == window->size;
        bool below = other->view_offset + other->size <= window->view_offset;
        bool above = window->view_offset + window->size <= other->view_offset;
        if (!identical && !below && !above)
            return false;
    }
    return true;
}

bool gai_alias(const ga_graph *graph, const struct lives *lives, ga_id heir, uint32_t slot, struct takeover *out)
{
    struct sources sources = node_sources(graph, heir);
    ga_id src = sources.at[slot], root = graph->nodes[src].root;
    if (src == GA_NONE || root == heir || !node_owns(graph->nodes, root))
        return false;
    const struct node *source = &graph->nodes[src];
    bool last_and_only = life_ends_with(lives, root, heir, lives->of[heir].birth);
    bool is_output = (source->flags | graph->nodes[root].flags) & GA_OUTPUT;
    if (!last_and_only || is_output || graph->nodes[root].pool != graph->nodes[heir].pool)
        return false;
    uint32_t n_others;
    if (!others_agree(graph, sources, slot, root, &n_others))
        return false;
    *out = (struct takeover){
        .from = root,
        .delta = source->view_offset,
        .eager = src == root && n_others == 0,
    };
    return true;
}
