/*
 * feed.h - what an engine does to have its graph planned: describe it, tensor by tensor, found by pointer
 */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include "instance.h"

#include "ggml_alloc/plan.h"

enum feed_in_place {
    FEED_NONE,  /* every tensor has bytes of its own */
    FEED_GGML,  /* what ggml-alloc takes over, and nothing else */
    FEED_VIEWS, /* and the bytes behind a view that shows all that is needed */
};

#define FEED_BUFTS 16

/* The limits that go with a graph: `opts` points into it. */
struct feed_opts {
    uint64_t chunk_max[FEED_BUFTS], align[FEED_BUFTS];
    struct ga_plan_opts opts;
};

void feed_opts(struct feed_opts *opts, const struct instance *instance, enum ga_effort effort);

/* Adds every tensor to an empty graph: externs, leafs, nodes.  The status of the graph tells how it went. */
enum ga_status feed(ga_graph *graph, const struct instance *instance, enum feed_in_place in_place);

#endif
