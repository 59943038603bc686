/*
 * legacy.h - the inside of the 2023 allocators
 *
 *     ggml_allocr --> ggml_tallocr     legacy_tallocr.c: a buffer over a linear allocator
 *               `---> ggml_gallocr     legacy_gallocr.c, a graph in three parts:
 *                        know              legacy_known.c: every tensor once, with its children and views counted
 *                        decide            legacy_walk.c: a deed for everything to be done; only linear allocators change
 *                        apply or undo     tensors and backends learn of it, or the linear allocators forget it
 *
 * Rule one also here: decide with offsets, touch memory last.  So a failure, wherever it comes, leaves everything as it was.
 */
#ifndef GAI_GGML_LEGACY_H
#define GAI_GGML_LEGACY_H

#include "ggml/environment.h"
#include "ggml/linear.h"
#include "ggml/tensor.h"

#ifndef GGML_ALLOC_2023_H /* ggml's own header does not know these */
GGML_API const char *ggml_allocr_error(ggml_allocr_t alloc);
GGML_API const char *ggml_tallocr_error(ggml_tallocr_t talloc);
GGML_API const char *ggml_gallocr_error(ggml_gallocr_t galloc);
#endif

#define LEGACY_NAME 64
#define LEGACY_BARRIER (-1)

struct ggml_tallocr {
    struct ga_env env;
    struct ggml_backend_buffer *buffer;
    bool is_owner, is_measure;
    char *start;    /* first aligned address of the buffer: offset 0 */
    size_t padding; /* bytes before it */
    struct linear linear;
    bool is_verbose;
    char (*names)[LEGACY_NAME]; /* verbose: by the range's node number; copies, since a tensor may go while it is live here */
    uint32_t cap_names;
    struct words error;
};

/* A place taken, and what it takes to undo that. */
struct place {
    uint64_t offset, old_peak;
    uint32_t lost; /* a block that the tensor has had before, without a reset since; nobody's now */
};

/* Takes a place for the tensor; touches neither tensor nor backend. */
bool gai_tallocr_take(struct ggml_tallocr *talloc, const struct ggml_tensor *tensor, struct place *place, struct words *error);
void gai_tallocr_untake(struct ggml_tallocr *talloc, const struct ggml_tensor *tensor, const struct place *place);
/* What the backend wants for it. */
size_t gai_tallocr_size(const struct ggml_tallocr *talloc, const struct ggml_tensor *tensor);
/* The block of `from` is `to`'s from now on; what `to` has had is lost. */
uint32_t gai_tallocr_pass(struct ggml_tallocr *talloc, const struct ggml_tensor *from, const struct ggml_tensor *to);
void gai_tallocr_unpass(struct ggml_tallocr *talloc, const struct ggml_tensor *from, const struct ggml_tensor *to, uint32_t lost);

/* Who places which tensor of a graph. */
struct places {
    struct ggml_tallocr *talloc; /* all of them; NULL: see the others */
    struct ggml_hash_set set;
    ggml_tallocr_t *tallocs; /* by slot of the set */
};

/* What is known of a tensor. */
struct known {
    struct ggml_tallocr *talloc; /* NULL: it may not need one */
    uint32_t node;               /* index in the graph, counting from 1; 0: a leaf */
    uint32_t position;           /* in execution order, counting from 1; 0: not executed */
    uint32_t into;               /* what it views, or took over; 0: nothing */
    uint32_t root;               /* the end of its views as the graph has them; itself when it is none */
    uint64_t root_offset;        /* from there */
    uint32_t holder;             /* in whose name the linear allocator has its block: itself, or its last heir */
    uint32_t n_children, n_views;
    struct ggml_backend_buffer *buffer; /* as it will be */
    char *data;
};

struct part { /* a node and its sources */
    uint32_t id, first_source, n_sources;
};

enum deed_kind { DEED_PLACE, DEED_VIEW, DEED_INHERIT, DEED_FREE };

/* Something decided: done in order, or undone in reverse order. */
struct deed {
    enum deed_kind kind;
    uint32_t id;
    uint32_t holder;    /* inherited or freed: who held the block before */
    struct place place; /* placed; inherited: what was lost; freed: the offset */
    uint64_t len;       /* freed */
};

struct ggml_gallocr {
    struct ga_env env;
    bool is_verbose;
    int *sequence; /* indices of nodes, -1 is a barrier */
    uint32_t n_sequence;
    struct words error;

    /* Of the graph at hand; only the room is kept. */
    struct hashset set;
    const void **tensors; /* by id, from 1 on */
    struct known *known;  /* likewise */
    struct part *parts;   /* by index in the graph */
    uint32_t *sources;    /* ids */
    struct deed *deeds;
    uint32_t n_known, n_parts, n_sources, n_deeds;
    uint32_t cap_tensors, cap_known, cap_parts, cap_sources, cap_deeds;
};

static inline struct ggml_tensor *known_tensor(const struct ggml_gallocr *galloc, uint32_t id)
{
    return (struct ggml_tensor *)(uintptr_t)galloc->tensors[id];
}

static inline const char *known_name(const struct ggml_gallocr *galloc, uint32_t id)
{
    return tensor_name(known_tensor(galloc, id));
}

/* Its bytes are not this allocator's business. */
static inline bool known_is_foreign(const struct known *known, const struct ggml_tallocr *talloc)
{
    return !talloc || !known->data || known->buffer != talloc->buffer;
}

/* False, and words: the graph makes no sense, or there is no memory. */
bool gai_gallocr_know(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, const struct places *places);
/* False, and words; the deeds so far are to be undone. */
bool gai_gallocr_decide(struct ggml_gallocr *galloc);

#endif
