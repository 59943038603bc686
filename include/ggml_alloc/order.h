/*
 * order.h - an execution order that needs less memory
 *
 *     given   a  b  c  d          a and b are large, and read by c and d only
 *     live    a  ab abc bcd
 *     better  a  c  b  d          c needs a only: the bytes of a are free when b comes
 *
 * What lives at one time depends on the order in which nodes run, and so does the bound that no plan is below.  Pure arithmetic, as
 * planning is: the graph stays as it is, and counts as used; any thread may ask.  Who likes the answer hands it to
 * ga_graph_sequence(), or orders nodes of its own by it.
 *
 * Legal is an order in which
 *   - what a node reads, and what it looks into, comes before it;
 *   - a node that writes through a view (GA_WRITES) has the same nodes before and behind it as before, of all that touch the same
 *     root, be they readers, views or writers, and be the root external; the end of a ga_graph_extend() touches what it extends;
 *   - nodes of one step are one step;
 *   - a GA_DEPEND stays where it is: no node passes it.  But one with a single source, right before a node without sources in another
 *     pool (so ggml-backend writes a copy between devices) is tied to that node, and may move together with it.
 * Inputs and outputs mean what they meant: there from the beginning, kept to the end.
 */
#ifndef GGML_ALLOC_ORDER_H
#define GGML_ALLOC_ORDER_H

#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ga_order_opts {
    struct ga_plan_opts plan; /* how the graph is going to be planned; its progress callback is not used */
    uint64_t steps;           /* work budget of the search, not time: the same order everywhere; 0 is a sensible default */
    uint32_t reach;           /* steps that a node may move, either way; 0 is as far as it likes */
    /* Nodes that compute (no plain views, no copies tied to a GA_DEPEND) take turns among pools as they did, unless this is set. */
    bool mixes_pools;
    /* Told sums over all pools whenever they get better, and now and then while they do not; false stops with the best so far. */
    bool (*progress)(void *user, uint64_t steps, uint64_t bound, uint64_t least);
    void *user;
    uint64_t later[4]; /* zeros: options of later versions */
};

/* Sums over all pools, in bytes. */
struct ga_order_info {
    uint64_t bound_before, bound_after; /* of the order given, and of the answer */
    uint64_t peak_before, peak_after;   /* of plans for them, made as opts->plan says */
    uint64_t steps;                     /* of work done */
    uint32_t n_moved;                   /* the fewest nodes that need to be taken out and put elsewhere */
    bool optimal;                       /* no legal order within the options has a lower bound */
    bool stopped;                       /* by the progress callback */
    uint64_t later[4];                  /* zeros: what later versions tell */
};

/*
 * Looks for a legal order with a lower bound: in no pool above that of the order given, lower in sum, in-place choices made anew for
 * each order.  Of equal ones it takes the one that is near the order given.  It keeps the order given when it finds nothing better, or
 * when what it finds cannot be placed in less.  `list` has room for 2 * ga_graph_len() and gets the nodes that run, with GA_NONE
 * behind each step: what ga_graph_sequence() takes; `*n` tells how many.  `opts` and `info` may be NULL.
 *
 * GA_INVALID as ga_plan_graph(), the reason is in ga_graph_error(); GA_NO_MEMORY; GA_NO_SPACE when the graph is beyond all placing.
 */
GA_API enum ga_status ga_order(const ga_graph *graph, const struct ga_order_opts *opts, ga_id *list, size_t *n,
                               struct ga_order_info *info);

/*
 * Whether a list (as ga_graph_sequence() takes it) is a legal order of the graph, derived anew from the nodes and sharing no code with
 * ga_order().  GA_INVALID: `why` (may be NULL) names the node that is out of order.  O(nodes + sources).
 */
GA_API enum ga_status ga_order_check(const ga_graph *graph, const ga_id *list, size_t n, char *why, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
