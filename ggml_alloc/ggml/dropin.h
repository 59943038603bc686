/*
 * dropin.h - the inside of today's ggml-alloc.h, compiled against the headers of the ggml that it serves
 *
 *     ggml_cgraph --> record     dropin_record.c: what each tensor looked like when a plan was made, by id; no tensor is kept
 *                     serve      dropin_serve.c: whether a record is of the graph at hand, tensor by tensor
 *                     walk       dropin_walk.c: places as ggml's own finds them, for the effort of that name
 *                     plan       dropin_plan.c: a ga_graph of what needs bytes, planned, for all others
 *                     place      dropin.c: every tensor gets its buffer and address, or nothing is touched
 *                     tell       dropin_debug.c, dropin_trace.c: what was decided, for who reads along
 *
 *     id       0 | leafs | nodes | others     others: read or viewed, but in neither list; found again through whoever names them
 *     srcs       the ids that each reads, slot by slot, one after the other; 0 where a slot is empty
 *
 * A graph seen before is compared id by id with its record: the same sources by id, the same views, flags and buffers, and
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
#include "plan/plan.h"
#include "range/chunks.h"

/* Graphs have few forms, and most tensors no parameters: kept apart, so that what every token reads of each is one cache line. */
struct form {
    int64_t ne[GGML_MAX_DIMS];
    size_t nb[GGML_MAX_DIMS];
};

struct params {
    int32_t at[GGML_MAX_OP_PARAMS / sizeof(int32_t)];
};

/* One tensor of a graph that was planned: 64 bytes. */
struct seen {
    uint32_t form, params; /* its looks, when alloc_size was asked last: all that this and the right to work in place depend on; */
    enum ggml_type type;   /* params 0: all of them are 0 */
    enum ggml_op op;
    uint16_t pool;
    uint16_t reuse, eager; /* bits of the sources that it may be written over, and that ggml's own would take */
    uint8_t n_src;         /* slots up to the last one in use; of leafs none, they are not computed */
    uint8_t flags;         /* INPUT and OUTPUT of ggml's */
    bool is_planned;       /* it had no data and is no view */
    bool roots_planned;    /* a view into something planned: its offset matters */
    bool is_twin;          /* listed before: schedulers list the copies of inputs as leafs and as nodes */
    bool is_ordered;
    uint32_t first_src; /* in srcs; of a twin: the id that it had first */
    size_t view_offset;
    uint64_t size; /* planned: alloc_size; a view: 0, or the bytes of its window as planned, once it looked different */
    uint32_t view; /* the id of what it looks into; 0: nothing */
    ga_id node;    /* in the plan; for what only keeps others alive, of what it views; GA_NONE: nothing to plan */
};

/* Where one of the others is named: by src[slot] of tensor `by`, or as its view_src when slot is GGML_MAX_SRC. */
struct named {
    uint32_t by, slot;
};

struct record {
    struct seen *seen; /* by id */
    uint32_t *srcs;
    uint32_t *order; /* ids of what gets an address, each after all that it reads or looks into */
    struct named *others;
    uint32_t *given; /* ids that nothing computes and that have no bytes yet, twins included: two of them might be one tensor */
    struct form *forms;
    struct params *params; /* [0]: all 0 */
    uint32_t n_leafs, n_nodes, n_others, n_srcs, n_order, n_given, n_forms, n_params;
    uint32_t cap_seen, cap_srcs, cap_order, cap_others, cap_given, cap_forms, cap_params;
    uint32_t n_planned;
    uint64_t digest;                /* 0: nobody asked yet */
    bool is_first;                  /* everything goes to the first buffer */
    bool late_input;                /* some node, or other, is an input */
    bool names_ahead, names_itself; /* some node has a later one, or itself, as a source */
    bool has_loose;                 /* some other is planned: then no two tensors may be one, which takes a set to see */
    bool is_fickle;                 /* ...and computed from what the graph does not show: this serves no other graph */
    ga_plan *plan;
};

static inline uint32_t record_len(const struct record *record)
{
    return record->n_leafs + record->n_nodes + record->n_others;
}

static inline bool record_has_node(const struct record *record, uint32_t id)
{
    return id - 1 >= record->n_leafs && id - 1 < record->n_leafs + record->n_nodes;
}

/* Which buffer the caller wants for each tensor; NULL: the first for all. */
struct wishes {
    const int *nodes, *leafs;
};

/* Whether an op may write over a source: ggml lets it, or its kernels would bear it. */
enum right { RIGHT_UNKNOWN, RIGHT_NONE, RIGHT_GGML, RIGHT_KERNEL };

enum inplace { INPLACE_NONE, INPLACE_GGML, INPLACE_VIEWS, INPLACE_MORE };

enum { MAX_RECORDS = 8, RECENT_FORMS = 64 };

/* What becomes of a tensor's bytes in a walk. */
struct fate {
    uint32_t root; /* whose bytes: itself, what it looks into; 0: none of ours */
    uint32_t uses; /* listings as a source, of it or of what looks into it, that are still to come */
    uint32_t node; /* of its chunk's range; RANGE_NONE: it has none, or an heir took them */
    bool is_read, is_placed;
    bool is_kept; /* a result, or read by nobody */
};

struct ggml_gallocr {
    struct ga_env env;
    ggml_backend_buffer_type_t *bufts; /* by buffer id */
    uint16_t *pool_of;                 /* by buffer id: the first one with that buffer type */
    struct ga_backend *backends;       /* by pool, as many as buffer ids */
    const struct ga_backend **pools;
    ggml_backend_buffer_t *empty; /* by pool: for tensors of no bytes in a pool without buffers */
    uint64_t *aligns, *chunk_max;
    struct chunks *chunks; /* by pool: where the walk places */
    uint32_t n_bufs;
    struct ga_plan_opts opts;
    enum inplace inplace;
    enum ga_grow grow;
    uint8_t rights[GGML_OP_COUNT]; /* by op; asked for by name, once for each that comes */
    ga_arena *arena;
    ga_graph *graph;
    struct record records[MAX_RECORDS]; /* the one used last in front */
    uint32_t n_records;
    struct record fresh;      /* of a graph about to be planned; without a plan between calls */
    int *node_ids, *leaf_ids; /* as reserved last */
    uint32_t n_node_ids, n_leaf_ids, cap_node_ids, cap_leaf_ids;
    bool is_reserved;

    /* Of the graph at hand; only the room is kept.  No pointer of it is followed after the call. */
    const void **tensors; /* by id; [0] is NULL */
    uint32_t *changed;    /* ids whose looks differ from the record's */
    uint64_t *sizes;      /* beside: what alloc_size says now */
    uint8_t *marks;       /* by id: it looks different */
    struct fate *fates;   /* by id */
    uint32_t *moved;      /* by form: where it went */
    uint32_t cap_tensors, cap_changed, cap_sizes, cap_marks, cap_fates, cap_moved;
    uint32_t recent[RECENT_FORMS]; /* of the record that is filled or changed: where some forms are, by a hash of them */
    uint32_t next_leaf;            /* leafs mostly come in the order in which nodes read them */
    struct hashset set;
};

static inline struct ggml_tensor *tensor_at(const struct ggml_gallocr *galloc, uint32_t id)
{
    return (struct ggml_tensor *)(uintptr_t)galloc->tensors[id];
}

/* False: a buffer id that the caller never told of.  Pools go by the first id with their buffer type, so the first pool is 0. */
static inline bool wished_pool(const struct ggml_gallocr *galloc, const int *wishes, uint32_t at, uint16_t *pool)
{
    uint32_t wish = wishes ? (uint32_t)wishes[at] : 0; /* a negative one is too high */
    if (wish >= galloc->n_bufs)
        return false;
    *pool = galloc->pool_of[wish];
    return true;
}

static inline bool tensor_needs_bytes(const struct ggml_tensor *tensor)
{
    return !tensor->data && !tensor->view_src;
}

static inline uint8_t tensor_in_out(const struct ggml_tensor *tensor)
{
    return (uint8_t)(tensor->flags & (GGML_TENSOR_FLAG_INPUT | GGML_TENSOR_FLAG_OUTPUT));
}

/* Room for `n` more looks. */
bool gai_record_room(struct ggml_gallocr *galloc, struct record *record, uint32_t n);
/* The tensor's looks, to be compared from now on; there is room. */
void gai_record_look(struct ggml_gallocr *galloc, struct record *record, struct seen *seen, const struct ggml_tensor *tensor);
/* Which of its first `n_src` sources the tensor may be written over; `eager` those that ggml's own would take. */
uint16_t gai_dropin_rights(struct ggml_gallocr *galloc, const struct ggml_tensor *tensor, unsigned n_src, uint16_t *eager);
/* Of a graph's two lists, without following a pointer: equal for graphs that one record may serve. */
uint64_t gai_dropin_digest(const struct ggml_cgraph *graph);
uint64_t gai_record_digest(const struct record *record);

/* Room for `n` tensors in the tables of the graph at hand. */
bool gai_dropin_room(struct ggml_gallocr *galloc, uint64_t n);
/* galloc->tensors of the two lists. */
void gai_dropin_gather(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph);

/* Whether the record serves the graph with as many nodes and leafs, whose lists have been gathered; galloc->tensors then has all of it. */
bool gai_record_serves(struct ggml_gallocr *galloc, struct record *record, struct wishes wishes);
/*
 * What the graph, whose lists have been gathered, looks like now, sizes included; the record's room is used again.  False when there
 * is no memory, or its buffers are none of ours.
 */
bool gai_record_fill(struct ggml_gallocr *galloc, struct record *record, const struct ggml_cgraph *graph, struct wishes wishes);
void gai_record_fini(struct ggml_gallocr *galloc, struct record *record);

/* Plans what was filled in; galloc->tensors are its tensors.  False, and a line in the log: it cannot be planned. */
bool gai_dropin_plan(struct ggml_gallocr *galloc, struct record *record);
/* The same for GA_EFFORT_ONLINE, straight from the record. */
enum ga_status gai_dropin_walk(struct ggml_gallocr *galloc, struct record *record);
/* Writes the graph just planned into `folder`, as GGML_ALLOC_TRACE says. */
void gai_dropin_trace(const struct ggml_gallocr *galloc, const char *folder);
/* Tells the log what the plan just made does with each tensor. */
void gai_dropin_debug(struct ggml_gallocr *galloc, const struct record *record);
/* Backends, pools and options as the environment wants them. */
void gai_dropin_pools(struct ggml_gallocr *galloc);

#endif
