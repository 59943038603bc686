#include "graph/alias.h"

#include "base/bits.h"

static uint64_t size_of(const ga_graph *graph, const uint64_t *sizes, ga_id id)
{
    uint64_t size = graph->bodies[id].size;
    return sizes ? max_u64(size, sizes[id]) : size;
}

/*
 * Of the other sources that look into `root`: how many, and whether each is the window of `slot` itself, or disjoint from it and
 * from all that the heir writes there, which may be more.
 */
static bool others_agree(const ga_graph *graph, const uint64_t *sizes, ga_id heir, uint32_t slot, ga_id root, uint32_t *n_others)
{
    struct sources sources = node_sources(graph, heir);
    ga_id src = sources.at[slot];
    uint64_t from = graph->bodies[src].view_offset, size = size_of(graph, sizes, src);
    uint64_t to = add_sat(from, max_u64(size, size_of(graph, sizes, heir)));
    *n_others = 0;
    for (uint32_t i = 0; i < sources.n; i++) {
        const struct body *other = &graph->bodies[sources.at[i]];
        if (i == slot || graph->nodes[sources.at[i]].root != root)
            continue;
        ++*n_others;
        uint64_t other_size = size_of(graph, sizes, sources.at[i]);
        bool identical = other->view_offset == from && other_size == size;
        bool disjoint = other->view_offset + other_size <= from || to <= other->view_offset;
        if (!identical && !disjoint)
            return false;
    }
    return true;
}

bool gai_alias(const ga_graph *graph, const struct lives *lives, const uint64_t *sizes, ga_id heir, uint32_t slot,
               struct takeover *out)
{
    struct sources sources = node_sources(graph, heir);
    ga_id src = sources.at[slot], root = graph->nodes[src].root;
    if (src == GA_NONE || root == heir || !node_owns(graph, root))
        return false;
    bool last_and_only = life_ends_with(lives, root, heir, lives->of[heir].birth);
    bool is_output = (graph->nodes[src].flags | graph->nodes[root].flags) & GA_OUTPUT;
    if (!last_and_only || is_output || graph->nodes[root].pool != graph->nodes[heir].pool)
        return false;
    uint32_t n_others;
    if (!others_agree(graph, sizes, heir, slot, root, &n_others))
        return false;
    *out = (struct takeover){
        .from = root,
        .delta = graph->bodies[src].view_offset,
        .eager = src == root && n_others == 0,
    };
    return true;
}
