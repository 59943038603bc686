/*
 * plain.h - the yardstick: what ggml-alloc does, done plainly, on tensors that look like an engine's
 *
 *     tensor --pointer, open addressing--> state (uses, views, place)      one slot per tensor
 *     chunk: [ free ][ free ]...[ the growing end ]                        an array, searched and shifted
 *     graph --> a place for every node, each of its sources, every leaf    the tables that plain_plan() fills
 *
 * Written from the behaviour, not from the source, of ggml-alloc.  It reproduces its places byte for byte (bench_place --verify)
 * and takes as long as it does (README.md), so that ratios against it mean something.  It shares no code with the library.
 */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAIN_SOURCES 10
#define PLAIN_CHUNKS 16

enum plain_op {
    PLAIN_NONE,     /* nothing is computed: a leaf, or a mark of dependency */
    PLAIN_WINDOW,   /* view, reshape, permute, transpose */
    PLAIN_COMPUTE,  /* any kernel */
    PLAIN_IN_PLACE, /* a kernel that may write over a source of the same layout */
};

enum plain_flag { PLAIN_INPUT = 1, PLAIN_OUTPUT = 2 };

/* As large as an engine's tensor (336 bytes), so that walking a graph costs the same cache lines. */
struct plain_tensor {
    int32_t type, op, flags, id; /* op: enum plain_op */
    uint64_t ne[4], nb[4];
    struct plain_tensor *src[PLAIN_SOURCES]; /* NULL: no source */
    struct plain_tensor *view_src;
    uint64_t view_offs;
    void *data;       /* set: the engine owns the bytes */
    uint64_t padding; /* what the buffer type wants beyond the tensor's own bytes */
    uint64_t type_size;
    char name[64], op_name[24], params[32];
};

/* A kind of memory.  The size of a tensor is asked for through a pointer, since only the backend knows it. */
struct plain_buft {
    uint64_t align, max_size;
    uint64_t (*alloc_size)(const struct plain_buft *buft, const struct plain_tensor *tensor);
    int pool; /* index of the first one of the same kind: they share an allocator */
};

struct plain_graph {
    struct plain_tensor **nodes, **leafs; /* in order of execution; without an op */
    int *node_buft, *leaf_buft;
    uint32_t n_nodes, n_leafs, n_tensors;
    const struct plain_buft *bufts;
    int n_bufts;
};

struct plain_place {
    int32_t buft, chunk; /* buft -1: not placed */
    uint64_t offset, size;
};

struct plain_node_places {
    struct plain_place node, src[PLAIN_SOURCES];
};

struct plain;

/* NULL without memory. */
struct plain *plain_new(const struct plain_buft *bufts, int n_bufts);
void plain_delete(struct plain *plain);

/* The tensors' own size: from the layout, as an engine computes it each time. */
uint64_t plain_alloc_size(const struct plain_buft *buft, const struct plain_tensor *tensor);

/* Counts, then places everything in the order of execution.  False without memory. */
bool plain_place(struct plain *plain, const struct plain_graph *graph);
/* The same, and the tables are filled from it: a plan that can be applied to every graph of this shape. */
bool plain_plan(struct plain *plain, const struct plain_graph *graph);

/* Where the last plain_place() put a tensor; false: nowhere. */
bool plain_find(const struct plain *plain, const struct plain_tensor *tensor, struct plain_place *place);
/* The highest end handed out in a chunk, 0 past the last. */
uint64_t plain_peak(const struct plain *plain, int buft, int chunk);

#endif
