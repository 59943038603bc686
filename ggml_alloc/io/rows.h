/*
 * rows.h - the tensors of a .tgraph file, as they stand in it
 *
 *     text --gai_rows_read()--> rows --gai_rows_build()--> graph
 *
 * The graph is built when all lines are in: externs come last in the file and first in the graph, and what happens at the end of
 * a file (a barrier, an extended life, take-over masks) belongs to nodes in its middle.
 */
#ifndef GAI_IO_ROWS_H
#define GAI_IO_ROWS_H

#include "io/tgraph.h"

#define ROW_NONE UINT32_MAX

/* Letters of the flags field. */
enum letter {
    LETTER_INPUT = 1 << 0,
    LETTER_OUTPUT = 1 << 1,
    LETTER_PARAM = 1 << 2,
    LETTER_LOSS = 1 << 3,
    LETTER_ALLOCATED = 1 << 4,
    LETTER_ELIDED = 1 << 5,
    LETTER_DISCARD = 1 << 6,
    LETTER_REUSES = 1 << 7, /* ggml-alloc lets the op write over a source */
};

struct row {
    uint64_t ne[4], nb[4];
    uint64_t nbytes, alloc_size, view_offset;
    uint32_t op, type, name; /* where they start in rows->text */
    uint32_t buffer;         /* or ROW_NONE */
    uint32_t view_of;        /* the root's row, or ROW_NONE */
    uint32_t src;            /* the first of its sources in rows->srcs; they end where the next row's start */
    uint32_t masks;          /* 1 + its `reuse` record; 0: it has none */
    uint8_t letters;
    char kind;      /* l, n or e */
    bool is_read;   /* by another row */
    bool ends_step; /* a barrier follows */
};

struct row_masks {
    uint64_t reuse, eager;
};

struct row_extension {
    uint32_t row, until;
};

struct rows {
    struct ga_mem mem;
    struct row *rows; /* n_rows, and a sentinel that ends the sources of the last */
    uint32_t *srcs;   /* rows */
    char *text;       /* 0-terminated pieces */
    struct row_masks *masks;
    struct row_extension *extensions;
    uint32_t n_rows, n_srcs, n_text, n_masks, n_extensions;
    uint32_t cap_rows, cap_srcs, cap_text, cap_masks, cap_extensions;
    uint64_t first_line; /* of row 0; the others follow line by line */
    bool has_barriers;
};

/* Fills the parts of `file` that are no tensors, and `rows`.  Both are to be freed also when it fails. */
enum ga_status gai_rows_read(struct rows *rows, struct tgraph *file, const struct ga_source *source, struct mishap *mishap);
void gai_rows_fini(struct rows *rows);

/* Makes file->graph and the tables of ids. */
enum ga_status gai_rows_build(const struct rows *rows, const struct ga_env *env, enum inplace inplace, struct tgraph *file,
                              struct mishap *mishap);

/* Which sources the row may write over, bit by bit. */
struct row_masks gai_rows_masks(const struct rows *rows, uint32_t id, enum inplace inplace);

static inline uint32_t row_n_src(const struct rows *rows, uint32_t id)
{
    return rows->rows[id + 1].src - rows->rows[id].src;
}

static inline uint32_t row_root(const struct rows *rows, uint32_t id)
{
    return rows->rows[id].view_of == ROW_NONE ? id : rows->rows[id].view_of;
}

/* Whether the planner owes it bytes: no view, not allocated already, and somebody asked for a buffer. */
static inline bool row_owns(const struct row *row)
{
    return row->view_of == ROW_NONE && !(row->letters & LETTER_ALLOCATED) && row->buffer != ROW_NONE;
}

#endif
