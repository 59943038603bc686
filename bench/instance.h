/*
 * instance.h - a graph as an engine holds it, from a .tgraph file or made up
 */
#ifndef BENCH_INSTANCE_H
#define BENCH_INSTANCE_H

#include "plain.h"

struct instance {
    struct plain_graph graph;
    struct plain_tensor *tensors;
    struct plain_tensor **externs; /* neither leafs nor nodes, but named by them */
    uint32_t n_externs;
    struct plain_buft *bufts;
    char name[96];
    uint64_t recorded_peak;  /* what the engine's own allocator needed, all pools; 0: not known */
    uint64_t recorded_ns[2]; /* that it took for a graph: placing, and with its tables filled */
};

/* False, with a line on stderr, when the file cannot be read or is no .tgraph. */
bool instance_load(struct instance *instance, const char *path);

/*
 * `n_nodes` nodes in blocks of eight that branch and join again, like attention and a gated feed-forward part, with a weight each and
 * some views: sizes repeat from block to block, few live at a time.  False without memory.
 */
bool instance_make(struct instance *instance, uint32_t n_nodes);

void instance_fini(struct instance *instance);

#endif
