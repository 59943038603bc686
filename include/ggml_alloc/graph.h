/*
 * graph.h - describe the tensors of a computation, in execution order
 *
 *     ga_id x = ga_graph_add(g, &(struct ga_node){ .size = 4096, .flags = GA_INPUT });
 *     ga_id y = ga_graph_add(g, &(struct ga_node){ .size = 4096, .src = &x, .n_src = 1, .reuse = 1 });
 *
 * Steps: 0 is before the first node, then one per node, and one more for the
 * end.  An INPUT or EXTERNAL node without sources takes no step.
 *
 * A graph is used by one thread at a time; different graphs freely.
 */
#ifndef GGML_ALLOC_GRAPH_H
#define GGML_ALLOC_GRAPH_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_graph ga_graph;

/* Nodes count from 1 in the order they are added, so a zeroed field means "none". */
typedef uint32_t ga_id;
#define GA_NONE 0u

enum ga_flag {
    GA_INPUT = 1 << 0,    /* written by the caller before step 1; overlaps nothing that lives then */
    GA_OUTPUT = 1 << 1,   /* read by the caller after the last step; never taken over */
    GA_EXTERNAL = 1 << 2, /* the caller owns the bytes; never placed */
    GA_TOGETHER = 1 << 3, /* same step as the previous node: they may run in any order that their sources allow, or at once */
    GA_ELIDED = 1 << 4,   /* a fused kernel never writes it: no bytes; every reader must be in its own step */
    GA_DISCARD = 1 << 5,  /* nobody reads it and nobody will: its bytes are free after its step */
    GA_DEPEND = 1 << 6,   /* not executed: only keeps its sources alive until here; may name later nodes */
    GA_WRITES = 1 << 7,   /* writes into the bytes that it views (a cache update, an in-place op): order matters */
};

struct ga_node {
    const void *key;  /* the engine's own tensor pointer, to find the node by; NULL: none */
    const char *name; /* for reports; copied unless the graph borrows; may be NULL */
    const char *op;   /* likewise */
    uint64_t size;    /* bytes, up to 2^62; 0 takes no space */
    uint64_t align;   /* a power of two, up to 2^62; 0 is the pool's own */
    const ga_id *src; /* what it reads: earlier nodes (GA_DEPEND: also later ones); GA_NONE is skipped, itself is ignored */
    uint32_t n_src;
    /*
     * Bit i: this node may be written over src[i], its byte 0 at byte 0 of src[i]'s window, if it is the only remaining reader,
     * and every other source that looks into those bytes is the identical window or disjoint.  Never: external or OUTPUT roots,
     * other pools, sources beyond the 64th.  `eager` is the subset that GA_EFFORT_ONLINE takes whenever it can (what ggml does;
     * it needs the source to be listed once and not to be a view); the other bits are choices of the planner, taken when they pay.
     */
    uint64_t reuse, eager;
    ga_id view_of;        /* looks into this node's bytes... */
    uint64_t view_offset; /* ...starting here */
    uint16_t pool;
    uint16_t flags;    /* enum ga_flag */
    uint64_t later[2]; /* zeros: options of later versions */
};

/* NULL when the memory hook fails.  `env` may be NULL. */
GA_API ga_graph *ga_graph_new(const struct ga_env *env);
GA_API void ga_graph_delete(ga_graph *graph);

/* Room for this many nodes and sources in all; adding within it asks for no memory except for copied names. */
GA_API enum ga_status ga_graph_reserve(ga_graph *graph, uint32_t nodes, uint32_t sources);

/* From here on names and ops stay the caller's: not copied, read whenever a report needs them.  Call it while the graph is empty. */
GA_API void ga_graph_borrow(ga_graph *graph, bool names);

/* Forgets the nodes and any error, keeps the memory: cheap to rebuild for every batch. */
GA_API void ga_graph_clear(ga_graph *graph);

/*
 * Appends a node; GA_NONE on failure.  The first failure sticks: later calls
 * add nothing, ga_graph_status() reports it and planning refuses the graph.
 */
GA_API ga_id ga_graph_add(ga_graph *graph, const struct ga_node *node);

/*
 * Execution order as a parse sequence: ids, with GA_NONE as barrier.  What lies between two barriers is one step, and bytes are
 * given back at barriers only.  Without a sequence nodes run as added, a step each (see GA_TOGETHER).  Copied; n = 0 turns it
 * off.  GA_INVALID, and the graph as before: an id that does not exist or is listed twice, or a node before one of its sources.
 * A node that is never listed does not run; it gets bytes when a listed one reads it.  Adding a node forgets the sequence.
 */
GA_API enum ga_status ga_graph_sequence(ga_graph *graph, const ga_id *list, size_t n);

/* `id` stays readable until the step of `until` has ended.  Either may still be added later; planning verifies both. */
GA_API enum ga_status ga_graph_extend(ga_graph *graph, ga_id id, ga_id until);

/* By the engine's pointer, through the open-addressing hash set; GA_NONE when unknown. */
GA_API ga_id ga_graph_find(const ga_graph *graph, const void *key);

/* How often a node is read, and how many views look into it: what in-place reuse and freeing are decided on.  0 when unknown. */
GA_API uint32_t ga_graph_children(const ga_graph *graph, ga_id id);
GA_API uint32_t ga_graph_views(const ga_graph *graph, ga_id id);

/* Whether every call so far succeeded.  ga_graph_error() says which node and what is wrong, also after planning refused the graph;
 * NULL when nothing is. */
GA_API enum ga_status ga_graph_status(const ga_graph *graph);
GA_API const char *ga_graph_error(const ga_graph *graph);

/* Number of nodes; the largest id. */
GA_API uint32_t ga_graph_len(const ga_graph *graph);

/*
 * A node as it was added, for reports and for engines without tables of their own.  The sources and names stay the graph's, valid
 * until the next change; a chain of views is resolved: `view_of` is the node that owns the bytes.  False when there is no such id.
 */
GA_API bool ga_graph_node(const ga_graph *graph, ga_id id, struct ga_node *node);

/* Equal for graphs that one plan serves (for logs: 64 of the 128 bits kept inside). */
GA_API uint64_t ga_graph_signature(const ga_graph *graph);

#ifndef GA_NO_IO
/*
 * .tgraph text, the format of recorded graphs.  Reading keeps the in-place choices of ggml and view parents; GA_INVALID for text
 * that is no graph: `error` (may be NULL) gets the line and what is wrong.  Writing works for every graph whose status is GA_OK;
 * GA_INVALID when a GA_DEPEND of it names a node that was never added.
 */
GA_API enum ga_status ga_graph_write(const ga_graph *graph, const struct ga_sink *sink);
GA_API enum ga_status ga_graph_read(const struct ga_env *env, const struct ga_source *source, ga_graph **graph, char *error,
                                    size_t cap);
#endif

#ifdef __cplusplus
}
#endif

#endif
