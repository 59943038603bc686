/*
 * add.c - a node is verified, kept, counted and folded into the signature as it comes
 *
 * Engines describe their graph anew for every token, so this is a hot path: what is common costs a few compares, the sources are
 * walked once, and what is rare (growth, refusals, wide masks, names to copy) lives in functions of its own.
 */
#include "graph/graph.h"

#include "base/array.h"
#include "base/bits.h"

#include <inttypes.h>
#include <string.h>

/* A window into an earlier node, within its bytes. */
static inline bool is_plain_view(const ga_graph *graph, const struct ga_node *spec)
{
    if (spec->view_of > graph->n_nodes)
        return false;
    uint64_t size = graph->bodies[spec->view_of].size;
    bool has_bytes = !(graph->nodes[spec->view_of].flags & GA_DEPEND);
    return has_bytes && spec->view_offset <= size && spec->size <= size - spec->view_offset;
}

/*
 * Most nodes have nothing unusual about them: a handful of compares tell, and none of the flags let through here clash.  Their
 * sources are looked at when they are taken.
 */
static inline bool is_plain(const ga_graph *graph, const struct ga_node *spec)
{
    const unsigned any = GA_INPUT | GA_OUTPUT | GA_TOGETHER;
    unsigned odd_flags = spec->flags & ~(any | (spec->view_of ? GA_WRITES : GA_EXTERNAL));
    bool plain = graph->n_nodes < GRAPH_MAX_NODES && !odd_flags && !spec->align && spec->size <= (uint64_t)1 << 62 &&
                 !(spec->eager & ~spec->reuse) && (spec->src || !spec->n_src) && !(spec->later[0] | spec->later[1]);
    return plain && (!spec->view_of || is_plain_view(graph, spec));
}

bool gai_graph_room(ga_graph *graph, uint64_t nodes, uint64_t sources)
{
    const struct ga_mem *mem = &graph->env.mem;
    return array_room(mem, &graph->nodes, &graph->cap_nodes, nodes + 2) &&
           array_room(mem, &graph->bodies, &graph->cap_bodies, nodes + 1) &&
           array_room(mem, &graph->facts, &graph->cap_facts, nodes + 1) && array_room(mem, &graph->srcs, &graph->cap_srcs, sources);
}

bool gai_graph_key_room(ga_graph *graph, uint64_t nodes)
{
    uint32_t had = graph->cap_keys;
    bool ok = array_room(&graph->env.mem, &graph->keys, &graph->cap_keys, nodes + 1);
    if (graph->cap_keys > had) /* keys of nodes without one read as NULL */
        memset(&graph->keys[had], 0, (graph->cap_keys - had) * sizeof *graph->keys);
    return ok && gai_hashset_room(&graph->set, &graph->env.mem, graph->keys, nodes);
}

static bool has_room(const ga_graph *graph, ga_id id, const struct ga_node *spec)
{
    bool nodes_fit = id + 2 <= graph->cap_nodes && id < graph->cap_bodies && id < graph->cap_facts &&
                     spec->n_src <= graph->cap_srcs - graph->n_srcs;
    return nodes_fit && (!spec->key || (id < graph->cap_keys && hashset_has_room(&graph->set, id)));
}

static bool make_room(ga_graph *graph, ga_id id, const struct ga_node *spec)
{
    return gai_graph_room(graph, id, (uint64_t)graph->n_srcs + spec->n_src) && (!spec->key || gai_graph_key_room(graph, id));
}

/* Masks of more than sixteen sources are kept beside the node. */
static bool keep_wide_masks(ga_graph *graph, ga_id id, struct masks masks)
{
    if (!array_room(&graph->env.mem, &graph->wide, &graph->cap_wide, graph->n_wide + (uint64_t)1))
        return false;
    graph->wide[graph->n_wide++] = (struct wide_masks){ id, masks.reuse, masks.eager };
    return true;
}

/* Everything that may need memory, so that what follows cannot fail. */
static bool keep(ga_graph *graph, const struct ga_node *spec, ga_id id, struct masks masks, struct body *body)
{
    if (!has_room(graph, id, spec) && !make_room(graph, id, spec))
        return false;
    if (masks.reuse > UINT16_MAX && !keep_wide_masks(graph, id, masks))
        return false;
    bool ahead = spec->flags & GA_DEPEND;
    if (ahead && !array_room(&graph->env.mem, &graph->ahead, &graph->cap_ahead, (uint64_t)graph->n_ahead + spec->n_src))
        return false;
    bool named = graph->borrows || spec->name || spec->op;
    return !named || gai_graph_keep_names(graph, id, spec, body);
}

static struct node node_of(const ga_graph *graph, const struct ga_node *spec, ga_id id, struct masks masks)
{
    struct node node = {
        .src = graph->n_srcs,
        .root = spec->view_of ? graph->nodes[spec->view_of].root : id,
        .pool = spec->pool,
        .flags = (uint8_t)spec->flags,
        .marks = (uint8_t)(spec->align ? 1 + high_bit(spec->align) : 0),
    };
    bool owns = node.root == id && spec->size != 0 && !(spec->flags & (GA_EXTERNAL | GA_ELIDED | GA_DEPEND));
    node.marks |= (uint8_t)(owns ? NODE_OWNS : 0);
    node.marks |= (uint8_t)(masks.reuse > UINT16_MAX ? NODE_WIDE : 0);
    return node;
}

static struct body body_of(const ga_graph *graph, const struct ga_node *spec, struct masks masks)
{
    return (struct body){
        .size = spec->size,
        .view_offset = spec->view_of ? graph->bodies[spec->view_of].view_offset + spec->view_offset : 0,
        .reuse = (uint16_t)masks.reuse,
        .eager = (uint16_t)masks.eager,
    };
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

/* What DEPENDs named ahead: later nodes by this one, and this one by earlier ones. */
static void settle_ahead(ga_graph *graph, ga_id id, const struct ga_node *spec)
{
    for (uint32_t i = 0; i < spec->n_src; i++)
        if (spec->src[i] > id)
            ahead_push(graph, spec->src[i]);
    for (; graph->n_ahead && graph->ahead[0] == id; ahead_pop(graph))
        graph->nodes[id].n_children++;
    graph->names_ahead |= graph->n_ahead != 0;
}

static uint32_t count_bits(uint64_t mask)
{
    uint32_t n = 0;
    for (; mask; mask &= mask - 1)
        n++;
    return n;
}

/* Keeps and counts the sources, and sums them up for the signature, in one walk; `*highest` of them may be too high. */
static inline uint64_t take_sources(ga_graph *graph, ga_id id, const struct ga_node *spec, ga_id *highest)
{
    uint64_t sum = spec->n_src;
    ga_id *out = graph->srcs + graph->n_srcs;
    struct node *nodes = graph->nodes;
    *highest = 0;
    for (uint32_t i = 0; i < spec->n_src; i++) {
        ga_id src = spec->src[i];
        out[i] = src;
        sum = shape_source(sum, src);
        *highest = src > *highest ? src : *highest;
        if (src < id)
            nodes[src].n_children++; /* those of GA_NONE mean nothing */
    }
    return sum;
}

static void untake_sources(ga_graph *graph, ga_id id, const struct ga_node *spec)
{
    for (uint32_t i = 0; i < spec->n_src; i++)
        if (spec->src[i] < id)
            graph->nodes[spec->src[i]].n_children--;
}

/* What planning asks of the graph as a whole. */
static inline void note(ga_graph *graph, ga_id id, struct masks masks)
{
    const struct node *node = &graph->nodes[id];
    graph->n_storages += node_owns(graph, id);
    graph->has_aligns |= (node->marks & NODE_ALIGN) != 0;
    graph->seen |= node->flags;
    graph->late_inputs |= (node->flags & GA_INPUT) && graph->runs;
    graph->runs |= node_takes_step(graph, id);
    if (masks.reuse)
        graph->n_edges += count_bits(masks.reuse);
    if (node->pool >= graph->n_pools)
        graph->n_pools = node->pool + 1u;
}

static inline void append(ga_graph *graph, ga_id id, const struct ga_node *spec, const struct body *body, struct masks masks,
                          uint64_t sources)
{
    struct node *nodes = graph->nodes, *node = &nodes[id];
    *node = node_of(graph, spec, id, masks);
    graph->bodies[id] = *body;
    struct looks looks = {
        .sources = sources,
        .reuse = masks.reuse,
        .eager = masks.eager,
        .root = node->root,
        .flags = node->flags,
        .pool = node->pool,
    };
    graph->n_srcs += spec->n_src;
    nodes[id + 1].src = graph->n_srcs; /* the sentinel */
    graph->n_nodes = id;
    if (node->root != id) {
        graph->bodies[node->root].n_views++;
        looks.offset = nodes[node->root].flags & GA_EXTERNAL ? 0 : body->view_offset + 1;
    }
    if ((node->flags & GA_DEPEND) || graph->n_ahead)
        settle_ahead(graph, id, spec);
    if (graph->n_sequence) {
        graph->n_sequence = 0;
        gai_shape_sequence(graph);
    }
    note(graph, id, masks);
    graph->facts[id] = shape_add(&graph->shape, &looks);
}

static ga_id refuse(ga_graph *graph, const struct ga_node *spec)
{
    char why[160] = "";
    gai_graph_accepts(graph, spec, why, sizeof why);
    gai_graph_fail(graph, GA_INVALID, "node %" PRIu32 " '%.60s': %s", graph->n_nodes + 1, spec->name ? spec->name : "", why);
    return GA_NONE;
}

static ga_id run_out_of_memory(ga_graph *graph, const struct ga_node *spec)
{
    gai_graph_fail(graph, GA_NO_MEMORY, "node %" PRIu32 " '%.60s': no memory for bookkeeping", graph->n_nodes + 1,
                   spec->name ? spec->name : "");
    return GA_NONE;
}

static ga_id refuse_key(ga_graph *graph, const struct ga_node *spec, ga_id known)
{
    gai_graph_fail(graph, GA_INVALID, "node %" PRIu32 " '%.60s': its key is that of node %" PRIu32 " already", graph->n_nodes + 1,
                   spec->name ? spec->name : "", known);
    return GA_NONE;
}

ga_id ga_graph_add(ga_graph *graph, const struct ga_node *spec)
{
    if (graph->status != GA_OK)
        return GA_NONE;
    if (!is_plain(graph, spec) && !gai_graph_accepts(graph, spec, NULL, 0))
        return refuse(graph, spec);
    ga_id id = graph->n_nodes + 1;
    uint64_t listed = spec->n_src >= 64 ? UINT64_MAX : ((uint64_t)1 << spec->n_src) - 1;
    struct masks masks = { spec->reuse & listed, spec->eager & listed };
    struct body body = body_of(graph, spec, masks);
    if (!keep(graph, spec, id, masks, &body))
        return run_out_of_memory(graph, spec);
    ga_id highest, known = GA_NONE;
    uint64_t sources = take_sources(graph, id, spec, &highest);
    bool comes_later = highest > id && !(spec->flags & GA_DEPEND);
    if (id < graph->cap_keys)
        graph->keys[id] = spec->key;
    if (spec->key && !comes_later)
        known = hashset_insert(&graph->set, graph->keys, id);
    if (comes_later || known != GA_NONE) {
        untake_sources(graph, id, spec);
        return comes_later ? refuse(graph, spec) : refuse_key(graph, spec, known);
    }
    append(graph, id, spec, &body, masks, sources);
    return id;
}
