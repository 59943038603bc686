/*
 * tgraph.h - recorded graphs: .tgraph text, and what it says beyond the graph
 *
 *     file   l0 l1 l2 | n3 n4 n5 n6 | e7        ids from 0: leafs, nodes, externs
 *     graph  2  3  4    5  6  7  8    1         ids from 1: externs, leafs, nodes
 *
 * Invariants:
 *   - ids[file id] and file_ids[graph id] are each other's inverse; every tensor of the file is a node of the graph;
 *   - the pool of a node is the `pool` of its buffer: an index into buffers.
 */
#ifndef GAI_IO_TGRAPH_H
#define GAI_IO_TGRAPH_H

#include "ggml_alloc/plan.h"

#include "io/lines.h"

/* Which bytes a node may take over. */
enum inplace {
    INPLACE_NONE,  /* none */
    INPLACE_GGML,  /* what ggml-alloc takes */
    INPLACE_VIEWS, /* and the window of a view that is all its reader needs */
    INPLACE_MORE,  /* and by every op whose kernels can, and operands that are listed twice */
};

struct tgraph_buffer {
    uint64_t align, max_size; /* of a chunk; UINT64_MAX is unlimited */
    uint32_t pool;            /* the first buffer that shares its memory; its own index if it is the first */
    char *name;
};

/* Memory that the graph does not show: kernel scratch, staging. */
struct tgraph_extra {
    char *name, *basis;
    uint64_t bytes;
    uint32_t pool;
};

/* What the engine's own allocator needed when the graph was recorded. */
struct tgraph_result {
    uint64_t peak;
    uint32_t pool, chunk;
};

struct tgraph {
    struct ga_mem mem;
    ga_graph *graph;
    char *name;
    struct tgraph_buffer *buffers;
    struct tgraph_extra *extras;
    struct tgraph_result *results;
    ga_id *ids;         /* by file id; n_tensors of them */
    uint32_t *file_ids; /* by graph id, [0] unused */
    uint32_t n_buffers, n_extras, n_results, n_tensors, n_leafs, n_nodes;
    uint32_t cap_buffers, cap_extras, cap_results;
};

/*
 * O(length of the text); memory only for what the text backs.  GA_INVALID: `mishap` says what and where; also GA_IO and
 * GA_NO_MEMORY.  `file` is written on GA_OK only, and freed with gai_tgraph_fini().
 */
enum ga_status gai_tgraph_read(const struct ga_env *env, const struct ga_source *source, enum inplace inplace, struct tgraph *file,
                               struct mishap *mishap);
void gai_tgraph_fini(struct tgraph *file);

/* Alignments and chunk limits of its pools: arrays of `n_buffers`, the caller's, to be pointed to by ga_plan_opts. */
void gai_tgraph_limits(const struct tgraph *file, uint64_t *align, uint64_t *chunk_max);

/* What the engine needed in a pool; 0: the file does not say. */
uint64_t gai_tgraph_recorded(const struct tgraph *file, uint32_t pool);

/* What the pool needs beyond the graph. */
uint64_t gai_tgraph_extra(const struct tgraph *file, uint32_t pool);

#endif
