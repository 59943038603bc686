/*
 * rows_build.c - the rows of a file become the nodes of a graph
 *
 * First every row gets its place, so that marks of dependency can name nodes that come later; then the nodes are added.
 */
#include "graph/ops.h"
#include "io/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct builder {
    const struct rows *rows;
    struct tgraph *file;
    struct mishap *mishap;
    enum inplace inplace;
    ga_id *srcs;  /* of one node */
    bool in_step; /* the next node joins the step of the last */
};

static const char *op_of(const struct rows *rows, uint32_t id)
{
    return rows->text + rows->rows[id].op;
}

/* The engine has the bytes already. */
static bool is_external(const struct rows *rows, uint32_t id)
{
    const struct row *row = &rows->rows[id];
    if (row->view_of != ROW_NONE) /* what looks into external bytes without being computed is as good as external */
        return row->kind != 'n' && is_external(rows, row->view_of);
    return !row_owns(row) && !(row->letters & LETTER_ELIDED && !(row->letters & LETTER_ALLOCATED));
}

/* A view of op NONE that nobody reads is ggml-backend's mark: its sources are needed until here. */
static bool is_mark(const struct rows *rows, uint32_t id)
{
    const struct row *row = &rows->rows[id];
    return row->kind == 'n' && row->view_of != ROW_NONE && !row->is_read && !(row->letters & LETTER_OUTPUT) &&
           strcmp(op_of(rows, id), "NONE") == 0;
}

/* Leafs and externs that cannot stand in front: views of what stands later, and externs born at their first reader. */
static bool comes_when_needed(const struct builder *b, uint32_t id)
{
    const struct row *row = &b->rows->rows[id];
    if (is_external(b->rows, id))
        return false;
    if (row->view_of != ROW_NONE)
        return b->file->ids[row->view_of] == GA_NONE;
    return row->kind == 'e' && !(row->letters & LETTER_INPUT);
}

static void put(struct builder *b, uint32_t id, uint32_t *n)
{
    if (b->file->ids[id] != GA_NONE)
        return;
    b->file->ids[id] = ++*n;
    b->file->file_ids[*n] = id;
}

/* What is no node and not in its place yet is put in front of who needs it. */
static void put_needed(struct builder *b, uint32_t id, uint32_t *n)
{
    const struct row *row = &b->rows->rows[id];
    if (row->kind == 'n')
        return;
    if (row->view_of != ROW_NONE && b->rows->rows[row->view_of].kind != 'n')
        put(b, row->view_of, n);
    put(b, id, n);
}

static void order(struct builder *b)
{
    const struct rows *rows = b->rows;
    uint32_t n = 0, n_leafs = b->file->n_leafs, first_extern = n_leafs + b->file->n_nodes;
    for (uint32_t id = first_extern; id < rows->n_rows; id++)
        if (!comes_when_needed(b, id))
            put(b, id, &n);
    for (uint32_t id = 0; id < n_leafs; id++)
        if (!comes_when_needed(b, id))
            put(b, id, &n);
    for (uint32_t id = n_leafs; id < first_extern; id++) {
        for (uint32_t i = rows->rows[id].src; i < rows->rows[id + 1].src; i++)
            put_needed(b, rows->srcs[i], &n);
        if (rows->rows[id].view_of != ROW_NONE)
            put_needed(b, rows->rows[id].view_of, &n);
        put(b, id, &n);
    }
    for (uint32_t id = 0; id < rows->n_rows; id++)
        put(b, id, &n);
}

static uint16_t flags_of(const struct rows *rows, uint32_t id)
{
    const struct row *row = &rows->rows[id];
    bool is_view = row->view_of != ROW_NONE, is_leaf = row->kind == 'l';
    unsigned flags = 0;
    if (is_mark(rows, id))
        return GA_DEPEND;
    if ((row->letters & LETTER_INPUT) || (is_leaf && !is_view && row_owns(row)))
        flags |= GA_INPUT;
    if (row->letters & LETTER_OUTPUT)
        flags |= GA_OUTPUT;
    if (is_external(rows, id))
        return (uint16_t)(flags | GA_EXTERNAL);
    if (row->letters & LETTER_ELIDED)
        flags |= GA_ELIDED;
    bool forgotten = (row->letters & LETTER_DISCARD) || (is_leaf && is_view);
    if (forgotten && !row->is_read && !(flags & GA_OUTPUT))
        flags |= GA_DISCARD;
    if (is_view && row->kind == 'n' && !gai_op_only_looks(op_of(rows, id)))
        flags |= GA_WRITES;
    return (uint16_t)flags;
}

static bool same_layout(const struct rows *rows, const struct row *a, const struct row *b)
{
    return memcmp(a->ne, b->ne, sizeof a->ne) == 0 && memcmp(a->nb, b->nb, sizeof a->nb) == 0 &&
           strcmp(rows->text + a->type, rows->text + b->type) == 0;
}

static uint64_t window_offset(const struct row *row)
{
    return row->view_of == ROW_NONE ? 0 : row->view_offset;
}

/* Every other source that looks into these bytes must see the same window, element by element, or none of it. */
static bool is_alone_in_window(const struct rows *rows, uint32_t id, uint32_t src)
{
    const struct row *window = &rows->rows[src];
    uint64_t at = window_offset(window);
    for (uint32_t i = rows->rows[id].src; i < rows->rows[id + 1].src; i++) {
        const struct row *other = &rows->rows[rows->srcs[i]];
        uint64_t other_at = window_offset(other);
        if (row_root(rows, rows->srcs[i]) != row_root(rows, src) || (other_at == at && same_layout(rows, other, window)))
            continue;
        if (other_at < at + window->nbytes && at < other_at + other->nbytes)
            return false;
    }
    return true;
}

static uint32_t count_listings(const struct rows *rows, uint32_t id, uint32_t src)
{
    uint32_t n = 0;
    for (uint32_t i = rows->rows[id].src; i < rows->rows[id + 1].src; i++)
        n += rows->srcs[i] == src;
    return n;
}

/* Bytes of ours, of the node's layout, that nobody wants to see afterwards. */
static bool is_candidate(const struct rows *rows, uint32_t id, uint32_t src)
{
    const struct row *node = &rows->rows[id], *window = &rows->rows[src], *root = &rows->rows[row_root(rows, src)];
    return src != id && row_owns(root) && !(root->letters & (LETTER_OUTPUT | LETTER_ELIDED)) &&
           !(window->letters & LETTER_OUTPUT) && same_layout(rows, node, window) && is_alone_in_window(rows, id, src);
}

struct row_masks gai_rows_masks(const struct rows *rows, uint32_t id, enum inplace inplace)
{
    const struct row *row = &rows->rows[id];
    struct row_masks masks = { 0, 0 };
    uint32_t n_src = row_n_src(rows, id);
    if (inplace == INPLACE_NONE)
        return masks;
    if (row->masks) {
        masks = rows->masks[row->masks - 1];
        return inplace == INPLACE_GGML ? (struct row_masks){ masks.eager, masks.eager } : masks;
    }
    if (row->kind != 'n' || !row_owns(row) || (row->letters & LETTER_ELIDED))
        return masks;
    bool reuses = row->letters & LETTER_REUSES;
    if (!reuses && !(inplace == INPLACE_MORE && gai_op_may_reuse(op_of(rows, id), n_src)))
        return masks;
    for (uint32_t i = 0; i < n_src && i < 64; i++) {
        uint32_t src = rows->srcs[row->src + i];
        if (!is_candidate(rows, id, src))
            continue;
        bool once = count_listings(rows, id, src) == 1, is_view = rows->rows[src].view_of != ROW_NONE;
        uint64_t bit = (uint64_t)1 << i;
        if (reuses && once && !is_view)
            masks.eager |= bit;
        if ((once && inplace == INPLACE_VIEWS) || inplace == INPLACE_MORE)
            masks.reuse |= bit;
    }
    masks.reuse |= masks.eager;
    return masks;
}

static bool fail(struct builder *b, uint32_t id, const char *what)
{
    gai_mishap(b->mishap, b->rows->first_line + id, "tensor %" PRIu32 " '%.60s': %s", id, b->rows->text + b->rows->rows[id].name,
               what);
    return false;
}

/* Whether all that a node needs stands before it. */
static bool needs_come_first(struct builder *b, uint32_t id, const struct ga_node *node)
{
    const ga_id *ids = b->file->ids;
    char why[120];
    for (uint32_t i = 0; i < node->n_src && !(node->flags & GA_DEPEND); i++) {
        uint32_t src = b->rows->srcs[b->rows->rows[id].src + i];
        if (ids[src] <= ids[id])
            continue;
        snprintf(why, sizeof why,
                 "its source %" PRIu32 " comes later; only a view of op NONE that nobody reads may name later ones", src);
        return fail(b, id, why);
    }
    if (node->view_of != GA_NONE && node->view_of > ids[id]) {
        snprintf(why, sizeof why, "a view of tensor %" PRIu32 ", which comes later", b->rows->rows[id].view_of);
        return fail(b, id, why);
    }
    return true;
}

static uint32_t pool_of(const struct builder *b, uint32_t id)
{
    uint32_t buffer = b->rows->rows[row_root(b->rows, id)].buffer;
    return buffer == ROW_NONE ? 0 : b->file->buffers[buffer].pool;
}

/* Buffers of one pool may differ in alignment; then a node asks for what its buffer wants beyond the pool's own. */
static uint64_t align_of(const struct builder *b, uint32_t id)
{
    const struct row *row = &b->rows->rows[id];
    if (!row_owns(row))
        return 0;
    const struct tgraph_buffer *buffer = &b->file->buffers[row->buffer];
    return buffer->align > b->file->buffers[buffer->pool].align ? buffer->align : 0;
}

/* Without barriers each node is a step; with them, all up to the next one. */
static bool joins_step(struct builder *b, uint32_t id, const struct ga_node *node)
{
    bool takes_step = node->n_src > 0 || !(node->flags & (GA_INPUT | GA_EXTERNAL));
    bool joins = b->rows->has_barriers && takes_step && b->in_step;
    b->in_step = (b->in_step || takes_step) && !b->rows->rows[id].ends_step;
    return joins;
}

static const char *text_or_null(const struct rows *rows, uint32_t at)
{
    const char *text = rows->text + at;
    return strcmp(text, "-") == 0 ? NULL : text;
}

static bool add(struct builder *b, uint32_t id)
{
    const struct rows *rows = b->rows;
    const struct row *row = &rows->rows[id];
    const ga_id *ids = b->file->ids;
    struct row_masks masks = gai_rows_masks(rows, id, b->inplace);
    struct ga_node node = {
        .name = text_or_null(rows, row->name),
        .op = text_or_null(rows, row->op),
        .size = row->view_of == ROW_NONE ? row->alloc_size : row->nbytes,
        .align = align_of(b, id),
        .src = b->srcs,
        .n_src = row_n_src(rows, id),
        .reuse = masks.reuse,
        .eager = masks.eager,
        .pool = (uint16_t)pool_of(b, id),
        .flags = flags_of(rows, id),
    };
    if (node.flags & GA_DEPEND)
        node.size = 0;
    else if (row->view_of != ROW_NONE && !((node.flags & GA_EXTERNAL) && ids[row->view_of] > ids[id])) {
        node.view_of = ids[row->view_of];
        node.view_offset = row->view_offset;
    }
    if (!needs_come_first(b, id, &node))
        return false;
    for (uint32_t i = 0; i < node.n_src; i++)
        b->srcs[i] = ids[rows->srcs[row->src + i]];
    if (joins_step(b, id, &node))
        node.flags |= GA_TOGETHER;
    if (ga_graph_add(b->file->graph, &node) != GA_NONE)
        return true;
    const char *why = strstr(ga_graph_error(b->file->graph), "': "); /* our own numbers, not the graph's */
    return fail(b, id, why ? why + 3 : ga_graph_error(b->file->graph));
}

static enum ga_status build(struct builder *b)
{
    const struct rows *rows = b->rows;
    for (uint32_t at = 1; at <= rows->n_rows; at++)
        if (!add(b, b->file->file_ids[at]))
            return ga_graph_status(b->file->graph) == GA_NO_MEMORY ? GA_NO_MEMORY : GA_INVALID;
    for (uint32_t i = 0; i < rows->n_extensions; i++) {
        const struct row_extension *ext = &rows->extensions[i];
        enum ga_status status = ga_graph_extend(b->file->graph, b->file->ids[ext->row], b->file->ids[ext->until]);
        if (status != GA_OK)
            return status;
    }
    return GA_OK;
}

static uint32_t most_sources(const struct rows *rows)
{
    uint32_t most = 0;
    for (uint32_t id = 0; id < rows->n_rows; id++)
        if (row_n_src(rows, id) > most)
            most = row_n_src(rows, id);
    return most;
}

enum ga_status gai_rows_build(const struct rows *rows, const struct ga_env *env, enum inplace inplace, struct tgraph *file,
                              struct mishap *mishap)
{
    const struct ga_mem *mem = &file->mem;
    struct builder b = { .rows = rows, .file = file, .mishap = mishap, .inplace = inplace };
    uint32_t cap = most_sources(rows);
    gai_mishap(mishap, 0, "%s", ga_status_str(GA_NO_MEMORY)); /* until something else is said */
    file->graph = ga_graph_new(env);
    file->ids = mem_new(mem, ga_id, rows->n_rows);
    file->file_ids = mem_new(mem, uint32_t, (size_t)rows->n_rows + 1);
    b.srcs = mem_new(mem, ga_id, cap);
    enum ga_status status = GA_NO_MEMORY;
    if (file->graph && file->ids && file->file_ids && b.srcs)
        status = ga_graph_reserve(file->graph, rows->n_rows, rows->n_srcs);
    if (status == GA_OK) {
        order(&b);
        status = build(&b);
    }
    mem_free(mem, b.srcs, cap);
    return status;
}
