/*
 * dropin.h - the inside of today's ggml-alloc.h, compiled against the headers of the ggml that it serves
 *
 *     ggml_cgraph --> record     dropin_record.c: what each tensor looked like when a plan was made, by index; no tensor is kept
 *                     plan       dropin_plan.c: a ga_graph of what needs bytes, planned once; buffers from the arena
 *                     place      dropin.c: every tensor gets its buffer and address, or nothing is touched
 *
 *     index    [ leafs | nodes | others ]     others: read or viewed, but in neither list; found again through whoever names them
 *
 * A graph seen before is compared index by index with its record: the same sources by index, the same views, flags and buffers, and
 * looks that still fit.  That needs no hashing, and alloc_size, which may be a call over a network, only for what looks different.
 */
#ifndef GAI_GGML_DROPIN_H
#define GAI_GGML_DROPIN_H

#include "ggml-alloc.h"
#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#include "ggml.h"

#include "base/array.h"
#include "base/hashset.h"
#include "bind/arena.h"
#include "ggml/environment.h"

/* All that alloc_size and the right to work in place may depend on. */
struct face {
    int64_t ne[GGML_MAX_DIMS];
    size_t nb[GGML_MAX_DIMS];
    int32_t params[GGML_MAX_OP_PARAMS / sizeof(int32_t)];
    enum ggml_type type;
    enum ggml_op op;
};

struct seen {
    struct face looks;          /* when alloc_size was asked last */
    uint32_t src[GGML_MAX_SRC]; /* 1 + index; 0: none */
    uint32_t view;              /* 1 + index of what it looks into; 0: nothing */
    uint32_t n_src;             /* slots up to the last one in use */
    size_t view_offset;
    uint64_t size;  /* alloc_size */
    uint64_t taken; /* bits of the sources that it may be written over */
    ga_id id;       /* in the planned graph; for what only keeps others alive, of what it views; GA_NONE: nothing to plan */
    struct ga_slot slot;
    uint16_t pool;
    uint8_t flags;      /* INPUT and OUTPUT of ggml's */
    bool is_planned;    /* it had no data and is no view */
    bool roots_planned; /* a view into something planned: its offset matters */
};

/* Where one of the others is named: by src[slot] of tensor `by`, or as its view_src when slot is GGML_MAX_SRC. */
struct named {
    uint32_t by, slot;
};

struct record {
    struct seen *seen;
    struct named *others;
    uint32_t n_leafs, n_nodes, n_others;
    uint32_t cap_seen, cap_others;
    bool has_loose; /* some other is planned: then no two tensors may be one, which takes a set to see */
    ga_plan *plan;
};

static inline uint32_t record_len(const struct record *record)
{
    return record->n_leafs + record->n_nodes + record->n_others;
}

/* Which buffer the caller wants for each tensor; NULL: the first for all. */
struct wishes {
    const int *nodes, *leafs;
};

enum inplace { INPLACE_NONE, INPLACE_GGML, INPLACE_VIEWS, INPLACE_MORE };

enum { MAX_RECORDS = 16 };

struct ggml_gallocr {
    struct ga_env env;
    ggml_backend_buffer_type_t *bufts; /* by id */
    uint16_t *pool_of;                 /* by id: the first id with that buffer type */
    struct ga_backend *backends;       /* by pool, as many as ids */
    const struct ga_backend **pools;
    ggml_backend_buffer_t *empty; /* by pool: for tensors of no bytes in a pool without buffers */
    uint64_t *aligns, *chunk_max;
    uint32_t n_bufs;
    struct ga_plan_opts opts;
    enum inplace inplace;
    uint8_t rights[GGML_OP_COUNT]; /* by op: 1 ggml lets it work in place, 2 its kernels would bear it */
    ga_arena *arena;
    ga_graph *graph;
    struct record records[MAX_RECORDS]; /* the one used last in front */
    uint32_t n_records;
    int *node_ids, *leaf_ids; /* as reserved last */
    uint32_t n_node_ids, n_leaf_ids, cap_node_ids, cap_leaf_ids;
    bool is_reserved;

    /* Of the graph at hand; only the room is kept.  No pointer of it is followed after the call. */
    struct ggml_tensor **tensors; /* by index; [0] is index 0 */
    const void **keys;            /* by index + 1, for the set */
    uint32_t *changed;            /* indices whose looks differ from the record's */
    uint64_t *sizes;              /* beside: what alloc_size says now */
    uint8_t *marks;               /* by index: it or one of its sources looks different */
    uint32_t cap_tensors, cap_keys, cap_changed, cap_sizes, cap_marks;
    struct hashset set;
};

struct face gai_dropin_looks(const struct ggml_tensor *tensor);
/* The sources that the tensor may be written over; `eager` those that ggml's own would take. */
uint64_t gai_dropin_rights(const struct ggml_gallocr *galloc, const struct ggml_tensor *tensor, uint64_t *eager);

/* Whether the record serves the graph; galloc->tensors then has all tensors by index. */
bool gai_record_serves(struct ggml_gallocr *galloc, struct record *record, const struct ggml_cgraph *graph, struct wishes wishes);
/* What the graph looks like now, sizes included.  False when there is no memory, or its buffers are none of ours. */
bool gai_record_fill(struct ggml_gallocr *galloc, struct record *record, const struct ggml_cgraph *graph, struct wishes wishes);
void gai_record_fini(struct ggml_gallocr *galloc, struct record *record);

/* Plans what was filled in; galloc->tensors are its tensors.  False, and a line in the log: it cannot be planned. */
bool gai_dropin_plan(struct ggml_gallocr *galloc, struct record *record);
/* Writes the graph just planned where GGML_ALLOC_TRACE says. */
void gai_dropin_trace(const struct ggml_gallocr *galloc);
/* Backends, pools and options as the environment wants them. */
bool gai_dropin_pools(struct ggml_gallocr *galloc);

#endif
