/*
 * graph.h - the nodes of a graph as the planner reads them
 *
 *     ids         1        2        3        4
 *     keys      [ k1     | k2     | k3     | k4     ]      found through `set`, the open-addressing hash set
 *     nodes     [ node 1 | node 2 | node 3 | node 4 | * ]  and a sentinel; beside each what is read seldom, its body
 *                  |        |        |        |
 *     srcs      [  (none)  1       1 2      2 3 1  ]       node i's are srcs[nodes[i].src .. nodes[i + 1].src)
 *
 * Invariants, all verified by gai_graph_check():
 *   - a source is an earlier node, the node itself or GA_NONE; only a GA_DEPEND names later ones;
 *   - root is an earlier node that is no view, or the node itself; view_offset + size lies within root's size;
 *   - n_children counts the listings of a node as source by others, n_views the nodes whose root it is;
 *   - every node with a key is found by it.
 */
#ifndef GAI_GRAPH_GRAPH_H
#define GAI_GRAPH_GRAPH_H

#include "ggml_alloc/graph.h"

#include "base/hashset.h"
#include "base/log.h"
#include "graph/shape.h"

#define GRAPH_MAX_NODES 0x7ffffff0u /* so that steps, one or two past the last included, fit 32 bits */
#define GRAPH_OP_CACHE 64u
#define GRAPH_ERROR 240

/* What every pass over a graph reads: 16 bytes, so that a pass over a million nodes is not a pass over 64 MB. */
struct node {
    uint32_t src; /* where its sources start */
    ga_id root;   /* whose bytes it looks into: itself unless it is a view */
    uint32_t n_children;
    uint16_t pool;
    uint8_t flags; /* enum ga_flag */
    uint8_t marks; /* NODE_ALIGN: 1 + log2 of its alignment, 0 the pool's own; and the two below */
};

#define NODE_ALIGN 0x3fu
#define NODE_OWNS 0x40u /* the planner owes it bytes of its own */
#define NODE_WIDE 0x80u /* some mask has bits above the sixteenth: graph->wide has them */

/* And the rest. */
struct body {
    uint64_t size;
    uint64_t view_offset; /* into root */
    uint32_t n_views;
    uint32_t name, op;     /* where the text starts in `strings`, 0 is none; unused while names are borrowed */
    uint16_t reuse, eager; /* bits 0..15 */
};

struct wide_masks {
    ga_id id;
    uint64_t reuse, eager;
};

struct extension {
    ga_id id, until;
};

struct borrowed_names {
    const char *name, *op;
};

struct ga_graph {
    struct ga_env env;
    struct node *nodes;  /* by id: [0] unused, 1..n_nodes, sentinel */
    struct body *bodies; /* by id */
    ga_id *srcs;
    uint64_t *facts;                 /* by id: see shape.h */
    const void **keys;               /* by id; NULL until a node has one */
    char *strings;                   /* [0] unused */
    struct borrowed_names *borrowed; /* by id; NULL unless `borrows` */
    struct wide_masks *wide;         /* by rising id */
    struct extension *extends;
    ga_id *sequence; /* ids and barriers as given; n_sequence is 0: as added */
    ga_id *ahead;    /* a heap, the smallest first: ids that DEPENDs named and nobody has added yet */
    uint32_t n_nodes, n_srcs, n_strings, n_wide, n_extends, n_sequence, n_ahead;
    uint32_t cap_nodes, cap_bodies, cap_srcs, cap_facts, cap_keys, cap_strings, cap_borrowed, cap_wide, cap_extends, cap_sequence,
        cap_ahead;
    struct hashset set;
    struct shape shape;
    uint32_t n_storages; /* nodes with bytes of ours */
    unsigned n_pools;    /* pools run from 0 to one below this; at least 1 */
    uint32_t n_edges;    /* take-over bits set: no more edges than this */
    bool names_ahead;    /* a DEPEND named a later node: births may come before their node's step */
    bool borrows;
    bool has_aligns;                   /* some node asks for an alignment of its own */
    uint8_t seen;                      /* flags that some node has */
    bool runs;                         /* some node takes a step... */
    bool late_inputs;                  /* ...and an INPUT came after it */
    uint32_t op_cache[GRAPH_OP_CACHE]; /* recent op names in `strings`, so that each is kept about once */
    enum ga_status status;
    char *error; /* GRAPH_ERROR bytes; planning writes here, too, why it refuses a graph that it may not change */
};

/* Records the first failure, with the node's name where there is one; returns the status that stands. */
enum ga_status gai_graph_fail(ga_graph *graph, enum ga_status status, const char *format, ...) GAI_PRINTF(3, 4);

const char *gai_graph_name(const ga_graph *graph, ga_id id); /* "" when it has none */
const char *gai_graph_op(const ga_graph *graph, ga_id id);
/* Keeps the texts of the node about to be added; false when there is no memory. */
bool gai_graph_keep_names(ga_graph *graph, ga_id id, const struct ga_node *spec, struct body *body);

/* Whether the node may be added; if not, `why` (may be NULL).  What depends on steps is verified by gai_live(). */
bool gai_graph_accepts(const ga_graph *graph, const struct ga_node *spec, char *why, size_t cap);

/* Room for nodes and sources in all, and for the keys of that many nodes; false when there is no memory. */
bool gai_graph_room(ga_graph *graph, uint64_t nodes, uint64_t sources);
bool gai_graph_key_room(ga_graph *graph, uint64_t nodes);

/* NULL, or the broken invariant. */
const char *gai_graph_check(const ga_graph *graph);

struct sources {
    const ga_id *at;
    uint32_t n;
};

static inline struct sources node_sources(const ga_graph *graph, ga_id id)
{
    uint32_t first = graph->nodes[id].src;
    return (struct sources){ graph->srcs + first, graph->nodes[id + 1].src - first };
}

/* Whether the planner owes this node bytes of its own. */
static inline bool node_owns(const ga_graph *graph, ga_id id)
{
    return graph->nodes[id].marks & NODE_OWNS;
}

/* The alignment it asks for; 0: the pool's own. */
static inline uint64_t node_align(const ga_graph *graph, ga_id id)
{
    unsigned code = graph->nodes[id].marks & NODE_ALIGN;
    return code ? (uint64_t)1 << (code - 1) : 0;
}

static inline bool node_takes_step(const ga_graph *graph, ga_id id)
{
    bool is_leaf = graph->nodes[id + 1].src == graph->nodes[id].src;
    return !(is_leaf && (graph->nodes[id].flags & (GA_INPUT | GA_EXTERNAL)));
}

struct masks {
    uint64_t reuse, eager;
};

struct masks gai_node_wide_masks(const ga_graph *graph, ga_id id);

static inline struct masks node_masks(const ga_graph *graph, ga_id id)
{
    const struct body *body = &graph->bodies[id];
    return graph->nodes[id].marks & NODE_WIDE ? gai_node_wide_masks(graph, id) : (struct masks){ body->reuse, body->eager };
}

/*
 * The nodes that run, in execution order, with the step of each:
 *
 *     for (struct walk walk = walk_start(graph); walk_next(&walk);)
 *         ... walk.id, walk.step ...
 */
struct walk {
    const ga_graph *graph;
    uint32_t at;
    uint32_t step; /* of `id`; after the end: the last step, 0 when nothing ran */
    ga_id id;
    bool barrier; /* the next node opens a new step */
};

static inline struct walk walk_start(const ga_graph *graph)
{
    return (struct walk){ .graph = graph, .barrier = true };
}

bool gai_walk_sequence(struct walk *walk);

static inline bool walk_next(struct walk *walk)
{
    const ga_graph *graph = walk->graph;
    if (graph->n_sequence)
        return gai_walk_sequence(walk);
    while (walk->at < graph->n_nodes) {
        ga_id id = ++walk->at;
        if (!node_takes_step(graph, id))
            continue;
        bool joins = (graph->nodes[id].flags & GA_TOGETHER) && walk->step > 0;
        walk->step += !joins;
        walk->id = id;
        return true;
    }
    return false;
}

#endif
