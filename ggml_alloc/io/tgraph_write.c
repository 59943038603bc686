/*
 * tgraph_write.c - a graph as .tgraph text
 *
 * The format wants types and shapes, which a graph does not know: each tensor is written as a line of bytes, and what may be taken
 * over as a `reuse` record.  Nodes stand in execution order; what a parse sequence leaves out is an extern.
 */
#include "base/bits.h"
#include "base/text.h"
#include "graph/graph.h"
#include "graph/ops.h"
#include "io/tgraph.h"

#include <inttypes.h>
#include <string.h>

#define PAST_MEANING ((uint64_t)1 << 62)
#define ALIGNS 64u

struct writer {
    const ga_graph *graph;
    struct text *out;
    ga_id *order;       /* by file id */
    uint32_t *file_ids; /* by id */
    uint32_t *step_of;  /* by id; 0: takes none, or does not run */
    bool *is_read;      /* by id: by a node that runs, itself or through a view */
    bool *is_kept;      /* by id: to the end, since somebody who needs it does not run */
    uint32_t *buffers;  /* by pool and log2 of an alignment: 1 + the buffer that stands for both; 0: nobody asks for it */
    uint32_t n_leafs, n_nodes, n_buffers;
};

static const struct node *node_at(const struct writer *w, ga_id id)
{
    return &w->graph->nodes[id];
}

static bool runs(const struct writer *w, ga_id id)
{
    return w->step_of[id] != 0;
}

/* Steps, and who reads what. */
static void find_steps(struct writer *w)
{
    for (struct walk walk = walk_start(w->graph); walk_next(&walk);) {
        struct sources sources = node_sources(w->graph, walk.id);
        w->step_of[walk.id] = walk.step;
        w->is_read[node_at(w, walk.id)->root] = true;
        for (uint32_t i = 0; i < sources.n; i++)
            if (sources.at[i] != walk.id)
                w->is_read[sources.at[i]] = w->is_read[node_at(w, sources.at[i])->root] = true;
    }
}

/* Who is left out of a sequence is never done with what it needs. */
static void find_kept(struct writer *w)
{
    const ga_graph *graph = w->graph;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        struct sources sources = node_sources(graph, id);
        if (runs(w, id) || !node_takes_step(graph, id))
            continue;
        w->is_kept[node_at(w, id)->root] = true;
        for (uint32_t i = 0; i < sources.n; i++)
            w->is_kept[node_at(w, sources.at[i])->root] = true;
    }
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        struct extension ext = graph->extends[i];
        bool is_known = ext.id <= graph->n_nodes && ext.until <= graph->n_nodes;
        if (is_known && node_takes_step(graph, ext.until) && !runs(w, ext.until))
            w->is_kept[node_at(w, ext.id)->root] = true;
    }
}

static void put(struct writer *w, ga_id id, uint32_t *n)
{
    w->file_ids[id] = *n;
    w->order[(*n)++] = id;
}

/* Leafs that lead, or all of them under a sequence; then what runs; then the rest. */
static void find_order(struct writer *w)
{
    const ga_graph *graph = w->graph;
    bool sequenced = graph->n_sequence != 0;
    uint32_t n = 0;
    ga_id id = 1;
    for (; id <= graph->n_nodes && (sequenced || !node_takes_step(graph, id)); id++)
        if (!node_takes_step(graph, id))
            put(w, id, &n);
    w->n_leafs = n;
    if (sequenced)
        for (struct walk walk = walk_start(graph); walk_next(&walk);)
            put(w, walk.id, &n);
    else
        for (; id <= graph->n_nodes; id++)
            put(w, id, &n);
    w->n_nodes = n - w->n_leafs;
    for (id = 1; id <= graph->n_nodes && sequenced; id++)
        if (node_takes_step(graph, id) && !runs(w, id))
            put(w, id, &n);
}

static unsigned align_log2(const struct writer *w, ga_id id)
{
    uint64_t align = node_align(w->graph, id);
    return align ? high_bit(align) : 0;
}

static void find_buffers(struct writer *w)
{
    const ga_graph *graph = w->graph;
    w->n_buffers = graph->n_pools;
    for (unsigned pool = 0; pool < graph->n_pools; pool++)
        w->buffers[(size_t)pool * ALIGNS] = pool + 1;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        uint32_t *buffer = &w->buffers[(size_t)node_at(w, id)->pool * ALIGNS + align_log2(w, id)];
        if (*buffer == 0)
            *buffer = ++w->n_buffers;
    }
}

/* Those beyond the pools' own have been numbered as they were first seen. */
static void write_buffers(const struct writer *w)
{
    const ga_graph *graph = w->graph;
    uint32_t next = graph->n_pools;
    gai_text(w->out, "buffers\t%" PRIu32 "\n", w->n_buffers);
    for (unsigned pool = 0; pool < graph->n_pools; pool++)
        gai_text(w->out, "buffer\t%u\t1\t%" PRIu64 "\t%u\tpool%u\n", pool, UINT64_MAX, pool, pool);
    for (ga_id id = 1; id <= graph->n_nodes && next < w->n_buffers; id++) {
        const struct node *node = node_at(w, id);
        if (w->buffers[(size_t)node->pool * ALIGNS + align_log2(w, id)] != next + 1)
            continue;
        gai_text(w->out, "buffer\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\t%u\tpool%u\n", next, (uint64_t)1 << align_log2(w, id),
                 UINT64_MAX, node->pool, node->pool);
        next++;
    }
}

static void write_name(const struct writer *w, const char *name)
{
    if (!*name)
        gai_text(w->out, "-");
    for (; *name; name++) {
        char c = *name;
        if (c < 33 || c > 126)
            c = '_';
        gai_text_raw(w->out, &c, 1);
    }
}

/* An op that reads as what the node does: a view that writes, one that only looks, a mark. */
static void write_op(const struct writer *w, ga_id id)
{
    const struct node *node = node_at(w, id);
    const char *op = gai_graph_op(w->graph, id);
    bool is_view = node->root != id;
    if (node->flags & GA_DEPEND)
        op = "NONE";
    else if (is_view && (node->flags & GA_WRITES) && (!*op || gai_op_only_looks(op)))
        op = "CPY";
    else if (is_view && !(node->flags & GA_WRITES) && (!gai_op_only_looks(op) || strcmp(op, "NONE") == 0))
        op = "VIEW";
    write_name(w, op);
}

static bool is_listed(const struct writer *w, ga_id src)
{
    return src != GA_NONE && !(node_at(w, src)->flags & GA_DEPEND);
}

/* A mark is a view of whatever its first source looks into; without any it is an empty node. */
static ga_id root_of(const struct writer *w, ga_id id)
{
    const struct node *node = node_at(w, id);
    struct sources sources = node_sources(w->graph, id);
    if (!(node->flags & GA_DEPEND))
        return node->root == id ? GA_NONE : node->root;
    for (uint32_t i = 0; i < sources.n; i++)
        if (is_listed(w, sources.at[i]))
            return node_at(w, sources.at[i])->root;
    return GA_NONE;
}

/* What a sequence leaves out and nobody reads needs no bytes, unless the caller fills it. */
static bool is_external(const struct writer *w, ga_id id)
{
    const struct node *node = node_at(w, id);
    bool is_left_out = node_takes_step(w->graph, id) && !runs(w, id) && !w->is_read[id] && !(node->flags & GA_INPUT);
    return (node->flags & GA_EXTERNAL) || is_left_out;
}

static void write_letters(const struct writer *w, ga_id id)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = { { GA_INPUT, 'i' }, { GA_OUTPUT, 'o' }, { GA_ELIDED, 'e' }, { GA_DISCARD, 'd' } };
    unsigned flags = node_at(w, id)->flags;
    if (w->is_kept[id] && node_owns(w->graph, id))
        flags = (flags | GA_OUTPUT) & ~(unsigned)GA_DISCARD;
    char text[8];
    size_t n = 0;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (flags & letters[i].flag)
            text[n++] = letters[i].letter;
    if (is_external(w, id))
        text[n++] = 'a';
    if (n == 0)
        text[n++] = '-';
    gai_text_raw(w->out, text, n);
}

static void write_sources(const struct writer *w, ga_id id)
{
    struct sources sources = node_sources(w->graph, id);
    const char *separator = "";
    for (uint32_t i = 0; i < sources.n && w->file_ids[id] < w->n_leafs + w->n_nodes; i++)
        if (is_listed(w, sources.at[i])) {
            gai_text(w->out, "%s%" PRIu32, separator, w->file_ids[sources.at[i]]);
            separator = ",";
        }
    if (!*separator)
        gai_text(w->out, "-");
}

static void write_tensor(const struct writer *w, uint32_t at)
{
    ga_id id = w->order[at], root = root_of(w, id);
    const struct node *node = node_at(w, id);
    uint64_t size = node->flags & GA_DEPEND ? 0 : w->graph->bodies[id].size;
    if ((node->flags & GA_EXTERNAL) && size == 0 && w->graph->bodies[id].n_views) /* untold: views may look anywhere */
        size = PAST_MEANING;
    char kind = at < w->n_leafs ? 'l' : at < w->n_leafs + w->n_nodes ? 'n' : 'e';
    gai_text(w->out, "t\t%" PRIu32 "\t%c\t", at, kind);
    write_op(w, id);
    gai_text(w->out, "\ti8\t%" PRIu64 "\t1\t1\t1\t1\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, size, size,
             size, size, size, size);
    gai_text(w->out, "\t%" PRIu32 "\t", w->buffers[(size_t)node->pool * ALIGNS + align_log2(w, id)] - 1);
    write_letters(w, id);
    if (root == GA_NONE)
        gai_text(w->out, "\t-1\t0\t");
    else
        gai_text(w->out, "\t%" PRIu32 "\t%" PRIu64 "\t", w->file_ids[root],
                 node->flags & GA_DEPEND ? 0 : w->graph->bodies[id].view_offset);
    write_sources(w, id);
    gai_text(w->out, "\t");
    write_name(w, gai_graph_name(w->graph, id));
    gai_text(w->out, "\n");
}

/* A line behind each step, when some step has several nodes. */
static void write_barriers(const struct writer *w)
{
    uint32_t n_running = 0, last_step = 0;
    ga_id last = GA_NONE;
    for (uint32_t at = w->n_leafs; at < w->n_leafs + w->n_nodes; at++)
        if (runs(w, w->order[at])) {
            n_running++;
            last = w->order[at];
        }
    if (last == GA_NONE || w->step_of[last] == n_running)
        return;
    last_step = w->step_of[last];
    for (uint32_t at = w->n_leafs, end = at + w->n_nodes; at < end; at++) {
        uint32_t step = w->step_of[w->order[at]], next = at + 1;
        while (next < end && !runs(w, w->order[next]))
            next++;
        bool ends = step != 0 && (next == end ? step == last_step : w->step_of[w->order[next]] != step);
        if (ends)
            gai_text(w->out, "barrier\t%" PRIu32 "\n", at);
    }
}

static void write_masks(const struct writer *w, ga_id id)
{
    struct sources sources = node_sources(w->graph, id);
    struct masks masks = node_masks(w->graph, id);
    uint64_t reuse = 0, eager = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < sources.n && i < 64; i++)
        if (is_listed(w, sources.at[i])) {
            reuse |= (masks.reuse >> i & 1) << n;
            eager |= (masks.eager >> i & 1) << n;
            n++;
        }
    if (reuse || gai_op_may_reuse(gai_graph_op(w->graph, id), n)) /* bytes have no layout that an op could go by */
        gai_text(w->out, "reuse\t%" PRIu32 "\t%" PRIx64 "\t%" PRIx64 "\n", w->file_ids[id], reuse, eager);
}

static void write_all(const struct writer *w)
{
    const ga_graph *graph = w->graph;
    gai_text(w->out, "tgraph\t1\nname\tgraph\n");
    write_buffers(w);
    gai_text(w->out, "counts\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\n", graph->n_nodes, w->n_leafs, w->n_nodes,
             graph->n_nodes - w->n_leafs - w->n_nodes);
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        write_tensor(w, at);
    write_barriers(w);
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        struct extension ext = graph->extends[i];
        bool is_known = ext.id <= graph->n_nodes && ext.until <= graph->n_nodes;
        if (is_known && runs(w, ext.until))
            gai_text(w->out, "extend\t%" PRIu32 "\t%" PRIu32 "\n", w->file_ids[ext.id], w->file_ids[ext.until]);
    }
    for (ga_id id = 1; id <= graph->n_nodes; id++)
        write_masks(w, id);
    gai_text(w->out, "end\n");
}

enum ga_status ga_graph_write(const ga_graph *graph, const struct ga_sink *sink)
{
    if (graph->status != GA_OK)
        return graph->status;
    if (graph->n_ahead) /* a DEPEND names what was never added */
        return GA_INVALID;
    const struct ga_mem *mem = &graph->env.mem;
    size_t n = (size_t)graph->n_nodes + 1, n_buffers = (size_t)graph->n_pools * ALIGNS;
    struct text out = text_to(sink);
    struct writer w = { .graph = graph, .out = &out };
    w.order = mem_new(mem, ga_id, n);
    w.file_ids = mem_new(mem, uint32_t, n);
    w.step_of = mem_new(mem, uint32_t, n);
    w.is_read = mem_new(mem, bool, n);
    w.is_kept = mem_new(mem, bool, n);
    w.buffers = mem_new(mem, uint32_t, n_buffers);
    enum ga_status status = GA_NO_MEMORY;
    if (w.order && w.file_ids && w.step_of && w.is_read && w.is_kept && w.buffers) {
        find_steps(&w);
        find_kept(&w);
        find_order(&w);
        find_buffers(&w);
        write_all(&w);
        status = gai_text_end(&out);
    }
    mem_free(mem, w.order, n);
    mem_free(mem, w.file_ids, n);
    mem_free(mem, w.step_of, n);
    mem_free(mem, w.is_read, n);
    mem_free(mem, w.is_kept, n);
    mem_free(mem, w.buffers, n_buffers);
    return status;
}
