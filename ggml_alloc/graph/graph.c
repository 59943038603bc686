/*
 * graph.c - building a graph: each node is verified, kept, counted and folded into the signature as it comes
 */
#include "graph/graph.h"

#include "base/array.h"
#include "base/bits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The sentinel makes nodes[id + 1].src the end of node id's sources. */
static void put_sentinel(ga_graph *graph)
{
    graph->nodes[graph->n_nodes + 1].src = graph->n_srcs;
}

static bool make_room(ga_graph *graph, uint64_t nodes, uint64_t sources)
{
    const struct ga_mem *mem = &graph->env.mem;
    return array_room(mem, &graph->nodes, &graph->cap_nodes, nodes + 2) &&
           array_room(mem, &graph->facts, &graph->cap_facts, nodes + 1) && array_room(mem, &graph->srcs, &graph->cap_srcs, sources);
}

ga_graph *ga_graph_new(const struct ga_env *env)
{
    struct ga_env full = gai_env(env);
    ga_graph *graph = mem_new(&full.mem, ga_graph, 1);
    if (!graph)
        return NULL;
    graph->env = full;
    graph->n_pools = 1;
    graph->error = mem_new(&full.mem, char, GRAPH_ERROR);
    if (!graph->error || !make_room(graph, 0, 0)) {
        ga_graph_delete(graph);
        return NULL;
    }
    graph->nodes[GA_NONE] = (struct node){ 0 };
    put_sentinel(graph);
    return graph;
}

void ga_graph_delete(ga_graph *graph)
{
    if (!graph)
        return;
    struct ga_mem mem = graph->env.mem;
    mem_free(&mem, graph->nodes, graph->cap_nodes);
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
    vsnprintf(graph->error, GRAPH_ERROR, format, args);
    va_end(args);
    return status;
}

/* Keys of nodes without one read as NULL. */
static void blank_keys(ga_graph *graph, uint32_t had)
{
    if (graph->cap_keys > had)
        memset(&graph->keys[had], 0, (graph->cap_keys - had) * sizeof *graph->keys);
}

static bool make_keys(ga_graph *graph, uint64_t nodes)
{
    uint32_t had = graph->cap_keys;
    bool ok = array_room(&graph->env.mem, &graph->keys, &graph->cap_keys, nodes + 1);
    blank_keys(graph, had);
    return ok && gai_hashset_room(&graph->set, &graph->env.mem, graph->keys, nodes);
}

enum ga_status ga_graph_reserve(ga_graph *graph, uint32_t nodes, uint32_t sources)
{
    const struct ga_mem *mem = &graph->env.mem;
    if (graph->status != GA_OK)
        return graph->status;
    if (nodes > GRAPH_MAX_NODES)
        return GA_INVALID;
    uint32_t had_keys = graph->cap_keys;
    bool ok = gai_array_exact(mem, &graph->nodes, sizeof *graph->nodes, &graph->cap_nodes, (uint64_t)nodes + 2) &&
              gai_array_exact(mem, &graph->facts, sizeof *graph->facts, &graph->cap_facts, (uint64_t)nodes + 1) &&
              gai_array_exact(mem, &graph->srcs, sizeof *graph->srcs, &graph->cap_srcs, sources) &&
              gai_array_exact(mem, &graph->keys, sizeof *graph->keys, &graph->cap_keys, (uint64_t)nodes + 1);
    blank_keys(graph, had_keys);
    if (ok && graph->borrows)
        ok = gai_array_exact(mem, &graph->borrowed, sizeof *graph->borrowed, &graph->cap_borrowed, (uint64_t)nodes + 1);
    if (!ok || !gai_hashset_room(&graph->set, mem, graph->keys, nodes))
        return GA_NO_MEMORY;
    return GA_OK;
}

void ga_graph_clear(ga_graph *graph)
{
    gai_hashset_clear(&graph->set);
    graph->n_nodes = graph->n_srcs = graph->n_strings = graph->n_wide = graph->n_extends = 0;
    graph->n_sequence = graph->n_ahead = graph->n_storages = graph->n_edges = 0;
    graph->n_pools = 1;
    graph->names_ahead = graph->has_aligns = false;
    graph->shape = (struct shape){ 0 };
    memset(graph->op_cache, 0, sizeof graph->op_cache);
    graph->status = GA_OK;
    graph->error[0] = 0;
    put_sentinel(graph);
}

/* The masks in the node when they fit, else beside it. */
static bool keep_masks(ga_graph *graph, ga_id id, struct masks masks, struct node *node)
{
    node->reuse = (uint16_t)masks.reuse;
    node->eager = (uint16_t)masks.eager;
    if (masks.reuse <= UINT16_MAX)
        return true;
    if (!array_room(&graph->env.mem, &graph->wide, &graph->cap_wide, graph->n_wide + (uint64_t)1))
        return false;
    graph->wide[graph->n_wide++] = (struct wide_masks){ id, masks.reuse, masks.eager };
    node->align |= NODE_WIDE;
    return true;
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

static uint32_t count_bits(uint64_t mask)
{
    uint32_t n = 0;
    for (; mask; mask &= mask - 1)
        n++;
    return n;
}

static void ahead_push(ga_graph *graph, ga_id id)
{
    uint32_t at = graph->n_ahead++;
    for (; at > 0 && graph->ahead[(at - 1) / 2] > id; at = (at - 1) / 2)
        graph->ahead[at] = graph->ahead[(at - 1) / 2];
    graph->ahead[at] = id;
}

static void ahead_pop(ga_graph *graph)
{
    ga_id *heap = graph->ahead, last = heap[--graph->n_ahead];
    uint32_t at = 0, n = graph->n_ahead;
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
}

/* Readings and looks that the new node adds to others, and the readings that DEPENDs announced for it. */
static void count(ga_graph *graph, ga_id id, const struct ga_node *spec)
{
    struct node *nodes = graph->nodes;
    for (uint32_t i = 0; i < spec->n_src; i++) {
        ga_id src = spec->src[i];
        if (src > id)
            ahead_push(graph, src);
        else if (src < id && src != GA_NONE)
            nodes[src].n_children++;
    }
    if (nodes[id].root != id)
        nodes[nodes[id].root].n_views++;
    for (; graph->n_ahead && graph->ahead[0] == id; ahead_pop(graph))
        nodes[id].n_children++;
    graph->names_ahead |= graph->n_ahead != 0;
}

static bool keep_key(ga_graph *graph, ga_id id, const void *key)
{
    if (key && !make_keys(graph, id))
        return false;
    if (id < graph->cap_keys)
        graph->keys[id] = key;
    return true;
}

static struct node node_of(const ga_graph *graph, const struct ga_node *spec, ga_id id)
{
    struct node node = {
        .size = spec->size,
        .src = graph->n_srcs,
        .root = id,
        .pool = spec->pool,
        .flags = (uint8_t)spec->flags,
        .align = (uint8_t)(spec->align ? 1 + high_bit(spec->align) : 0),
    };
    if (spec->view_of != GA_NONE) {
        const struct node *seen = &graph->nodes[spec->view_of];
        node.root = seen->root;
        node.view_offset = seen->view_offset + spec->view_offset;
    }
    return node;
}

/* Everything that may need memory, so that what follows cannot fail. */
static bool keep(ga_graph *graph, const struct ga_node *spec, ga_id id, struct masks masks, struct node *node)
{
    bool ahead = spec->flags & GA_DEPEND;
    return make_room(graph, id, (uint64_t)graph->n_srcs + spec->n_src) && keep_key(graph, id, spec->key) &&
           gai_graph_keep_names(graph, id, spec, node) && keep_masks(graph, id, masks, node) &&
           (!ahead || array_room(&graph->env.mem, &graph->ahead, &graph->cap_ahead, (uint64_t)graph->n_ahead + spec->n_src));
}

static void append(ga_graph *graph, const struct ga_node *spec, const struct node *node, struct masks masks)
{
    ga_id id = ++graph->n_nodes;
    graph->nodes[id] = *node;
    for (uint32_t i = 0; i < spec->n_src; i++)
        graph->srcs[graph->n_srcs++] = spec->src[i];
    put_sentinel(graph);
    count(graph, id, spec);

    graph->n_storages += node_owns(graph->nodes, id);
    graph->n_edges += masks.reuse ? count_bits(masks.reuse) : 0;
    graph->has_aligns |= spec->align != 0;
    if (spec->pool >= graph->n_pools)
        graph->n_pools = spec->pool + 1u;
    if (graph->n_sequence) {
        graph->n_sequence = 0;
        gai_shape_rest(graph);
    }
    bool offset_matters = node->root != id && !(graph->nodes[node->root].flags & GA_EXTERNAL);
    graph->facts[id] = gai_shape_add(&graph->shape, node, masks, offset_matters, spec->src, spec->n_src);
}

ga_id ga_graph_add(ga_graph *graph, const struct ga_node *spec)
{
    if (graph->status != GA_OK)
        return GA_NONE;
    ga_id id = graph->n_nodes + 1;
    const char *name = spec->name ? spec->name : "";
    char why[160];
    if (!gai_graph_accepts(graph, spec, why, sizeof why)) {
        gai_graph_fail(graph, GA_INVALID, "node %" PRIu32 " '%.60s': %s", id, name, why);
        return GA_NONE;
    }
    uint64_t listed = spec->n_src >= 64 ? UINT64_MAX : ((uint64_t)1 << spec->n_src) - 1;
    struct masks masks = { spec->reuse & listed, spec->eager & listed };
    struct node node = node_of(graph, spec, id);
    if (!keep(graph, spec, id, masks, &node)) {
        gai_graph_fail(graph, GA_NO_MEMORY, "node %" PRIu32 " '%.60s': no memory for bookkeeping", id, name);
        return GA_NONE;
    }
    uint32_t known = spec->key ? hashset_insert(&graph->set, graph->keys, id) : 0;
    if (known) {
        gai_graph_fail(graph, GA_INVALID, "node %" PRIu32 " '%.60s': its key is that of node %" PRIu32 " already", id, name, known);
        return GA_NONE;
    }
    append(graph, spec, &node, masks);
    return id;
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
    gai_shape_rest(graph);
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
    return id <= graph->n_nodes && id ? graph->nodes[id].n_views : 0;
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
    struct sources sources = node_sources(graph, id);
    struct masks masks = node_masks(graph, id);
    uint8_t align = kept->align & (uint8_t)~NODE_WIDE;
    *node = (struct ga_node){
        .key = id < graph->cap_keys ? graph->keys[id] : NULL,
        .name = gai_graph_name(graph, id),
        .op = gai_graph_op(graph, id),
        .size = kept->size,
        .align = align ? (uint64_t)1 << (align - 1) : 0,
        .src = sources.at,
        .n_src = sources.n,
        .reuse = masks.reuse,
        .eager = masks.eager,
        .view_of = kept->root == id ? GA_NONE : kept->root,
        .view_offset = kept->view_offset,
        .pool = kept->pool,
        .flags = kept->flags,
    };
    return true;
}
