/*
 * graph.c - a graph's life, and what it tells about its nodes
 */
#include "graph/graph.h"

#include "base/array.h"
#include "base/bits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

ga_graph *ga_graph_new(const struct ga_env *env)
{
    struct ga_env full = gai_env(env);
    ga_graph *graph = mem_new(&full.mem, ga_graph, 1);
    if (!graph)
        return NULL;
    graph->env = full;
    graph->n_pools = 1;
    graph->error = mem_new(&full.mem, char, GRAPH_ERROR);
    if (!graph->error || !gai_graph_room(graph, 0, 1)) {
        ga_graph_delete(graph);
        return NULL;
    }
    graph->nodes[GA_NONE] = graph->nodes[1] = (struct node){ 0 }; /* no node, and the sentinel */
    graph->bodies[GA_NONE] = (struct body){ 0 };
    return graph;
}

void ga_graph_delete(ga_graph *graph)
{
    if (!graph)
        return;
    struct ga_mem mem = graph->env.mem;
    mem_free(&mem, graph->nodes, graph->cap_nodes);
    mem_free(&mem, graph->bodies, graph->cap_bodies);
    mem_free(&mem, graph->srcs, graph->cap_srcs);
    mem_free(&mem, graph->facts, graph->cap_facts);
    mem_free(&mem, graph->keys, graph->cap_keys);
    mem_free(&mem, graph->strings, graph->cap_strings);
    mem_free(&mem, graph->borrowed, graph->cap_borrowed);
    mem_free(&mem, graph->wide, graph->cap_wide);
    mem_free(&mem, graph->extends, graph->cap_extends);
    mem_free(&mem, graph->sequence, graph->cap_sequence);
    mem_free(&mem, graph->ahead, graph->cap_ahead);
    mem_free(&mem, graph->error, GRAPH_ERROR);
    gai_hashset_fini(&graph->set, &mem);
    mem_free(&mem, graph, 1);
}

void ga_graph_borrow(ga_graph *graph, bool names)
{
    if (graph->n_nodes == 0)
        graph->borrows = names;
}

enum ga_status gai_graph_fail(ga_graph *graph, enum ga_status status, const char *format, ...)
{
    if (graph->status != GA_OK)
        return graph->status;
    graph->status = status;
    va_list args;
    va_start(args, format);
    gai_format_list(graph->error, GRAPH_ERROR, format, args);
    va_end(args);
    return status;
}

enum ga_status ga_graph_reserve(ga_graph *graph, uint32_t nodes, uint32_t sources)
{
    const struct ga_mem *mem = &graph->env.mem;
    if (graph->status != GA_OK)
        return graph->status;
    if (nodes > GRAPH_MAX_NODES)
        return GA_INVALID;
    bool ok = gai_array_exact(mem, &graph->nodes, sizeof *graph->nodes, &graph->cap_nodes, (uint64_t)nodes + 2) &&
              gai_array_exact(mem, &graph->bodies, sizeof *graph->bodies, &graph->cap_bodies, (uint64_t)nodes + 1) &&
              gai_array_exact(mem, &graph->facts, sizeof *graph->facts, &graph->cap_facts, (uint64_t)nodes + 1) &&
              gai_array_exact(mem, &graph->srcs, sizeof *graph->srcs, &graph->cap_srcs, sources) &&
              gai_graph_key_room(graph, nodes);
    if (ok && graph->borrows)
        ok = gai_array_exact(mem, &graph->borrowed, sizeof *graph->borrowed, &graph->cap_borrowed, (uint64_t)nodes + 1);
    return ok ? GA_OK : GA_NO_MEMORY;
}

void ga_graph_clear(ga_graph *graph)
{
    gai_hashset_clear(&graph->set);
    graph->n_nodes = graph->n_srcs = graph->n_strings = graph->n_wide = graph->n_extends = 0;
    graph->n_sequence = graph->n_ahead = graph->n_storages = graph->n_edges = 0;
    graph->n_pools = 1;
    graph->names_ahead = graph->has_aligns = graph->runs = graph->late_inputs = false;
    graph->seen = 0;
    graph->shape = (struct shape){ 0 };
    memset(graph->op_cache, 0, sizeof graph->op_cache);
    graph->status = GA_OK;
    graph->error[0] = 0;
    graph->nodes[1].src = 0;
}

struct masks gai_node_wide_masks(const ga_graph *graph, ga_id id)
{
    uint32_t low = 0, high = graph->n_wide;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (graph->wide[mid].id <= id)
            low = mid;
        else
            high = mid;
    }
    return (struct masks){ graph->wide[low].reuse, graph->wide[low].eager };
}

enum ga_status ga_graph_extend(ga_graph *graph, ga_id id, ga_id until)
{
    if (graph->status != GA_OK)
        return graph->status;
    if (id == GA_NONE || until == GA_NONE)
        return GA_INVALID;
    if (!array_room(&graph->env.mem, &graph->extends, &graph->cap_extends, graph->n_extends + (uint64_t)1))
        return GA_NO_MEMORY;
    graph->extends[graph->n_extends++] = (struct extension){ id, until };
    shape_extend(&graph->shape, id, until);
    return GA_OK;
}

ga_id ga_graph_find(const ga_graph *graph, const void *key)
{
    return key ? hashset_find(&graph->set, graph->keys, key) : GA_NONE;
}

uint32_t ga_graph_children(const ga_graph *graph, ga_id id)
{
    return id <= graph->n_nodes && id ? graph->nodes[id].n_children : 0;
}

uint32_t ga_graph_views(const ga_graph *graph, ga_id id)
{
    return id <= graph->n_nodes && id ? graph->bodies[id].n_views : 0;
}

enum ga_status ga_graph_status(const ga_graph *graph)
{
    return graph->status;
}

const char *ga_graph_error(const ga_graph *graph)
{
    return graph->error[0] ? graph->error : NULL;
}

uint32_t ga_graph_len(const ga_graph *graph)
{
    return graph->n_nodes;
}

bool ga_graph_node(const ga_graph *graph, ga_id id, struct ga_node *node)
{
    if (id == GA_NONE || id > graph->n_nodes)
        return false;
    const struct node *kept = &graph->nodes[id];
    const struct body *body = &graph->bodies[id];
    struct sources sources = node_sources(graph, id);
    struct masks masks = node_masks(graph, id);
    *node = (struct ga_node){
        .key = id < graph->cap_keys ? graph->keys[id] : NULL,
        .name = gai_graph_name(graph, id),
        .op = gai_graph_op(graph, id),
        .size = body->size,
        .align = node_align(graph, id),
        .src = sources.at,
        .n_src = sources.n,
        .reuse = masks.reuse,
        .eager = masks.eager,
        .view_of = kept->root == id ? GA_NONE : kept->root,
        .view_offset = body->view_offset,
        .pool = kept->pool,
        .flags = kept->flags,
    };
    return true;
}
