#include "io/rows.h"

#include "base/array.h"
#include "base/bits.h"
#include "base/text.h"
#include "io/scan.h"

#include <inttypes.h>
#include <string.h>

/* Functions below return false once something is wrong; `in` tells what. */
struct parser {
    struct scan in;
    struct rows *rows;
    struct tgraph *file;
};

static bool row_id(struct parser *p, unsigned field, const char *what, uint32_t *row)
{
    if (!gai_scan_index(&p->in, field, what, p->rows->n_rows, row))
        return false;
    return *row != ROW_NONE || gai_scan_fail(&p->in, "%s (field %u) is -1; name a tensor", what, field);
}

/* A copy of a field that lives with the rows. */
static bool keep_text(struct parser *p, unsigned field, uint32_t *at)
{
    struct rows *rows = p->rows;
    size_t n = p->in.fields.len[field] + 1;
    if (!array_room(&rows->mem, &rows->text, &rows->cap_text, rows->n_text + (uint64_t)n))
        return gai_scan_fail_memory(&p->in);
    memcpy(rows->text + rows->n_text, p->in.fields.at[field], n);
    *at = rows->n_text;
    rows->n_text += (uint32_t)n;
    return true;
}

static bool read_head(struct parser *p)
{
    if (!gai_scan_expect(&p->in, "tgraph", 1))
        return false;
    if (strcmp(p->in.fields.at[1], "1") != 0)
        return gai_scan_fail(&p->in, "format version '%.40s' is not known; this program reads version 1", p->in.fields.at[1]);
    return gai_scan_expect(&p->in, "name", 1) && gai_scan_keep(&p->in, 1, &p->file->mem, &p->file->name);
}

static bool read_buffer(struct parser *p)
{
    struct tgraph *file = p->file;
    uint64_t index, pool;
    struct tgraph_buffer buffer;
    if (!gai_scan_expect(&p->in, "buffer", 5) || !gai_scan_number(&p->in, 1, "index", (1 << 20) - 1, &index) ||
        !gai_scan_number(&p->in, 2, "alignment", (uint64_t)1 << 62, &buffer.align) ||
        !gai_scan_number(&p->in, 3, "max_size", UINT64_MAX, &buffer.max_size) ||
        !gai_scan_number(&p->in, 4, "pool", file->n_buffers < 65535 ? file->n_buffers : 65535, &pool))
        return false;
    if (index != file->n_buffers)
        return gai_scan_fail(&p->in, "buffer %" PRIu64 " stands where %" PRIu32 " belongs; number them from 0", index,
                             file->n_buffers);
    if (!is_pow2(buffer.align))
        return gai_scan_fail(&p->in, "alignment %" PRIu64 " is not a power of two", buffer.align);
    if (pool != index && file->buffers[pool].pool != pool)
        return gai_scan_fail(&p->in, "pool %" PRIu64 " is not a first buffer; name buffer %" PRIu32, pool,
                             file->buffers[pool].pool);
    if (!array_room(&file->mem, &file->buffers, &file->cap_buffers, index + 1))
        return gai_scan_fail_memory(&p->in);
    buffer.pool = (uint32_t)pool;
    if (!gai_scan_keep(&p->in, 5, &p->file->mem, &buffer.name))
        return false;
    file->buffers[file->n_buffers++] = buffer;
    return true;
}

static bool read_buffers(struct parser *p)
{
    uint64_t n;
    if (!gai_scan_expect(&p->in, "buffers", 1) || !gai_scan_number(&p->in, 1, "the number of buffers", 1 << 20, &n))
        return false;
    while (p->file->n_buffers < n)
        if (!read_buffer(p))
            return false;
    return true;
}

static bool read_counts(struct parser *p)
{
    uint64_t n, leafs, nodes, externs, most = UINT32_MAX - 1;
    if (!gai_scan_expect(&p->in, "counts", 4) || !gai_scan_number(&p->in, 1, "tensors", most, &n) ||
        !gai_scan_number(&p->in, 2, "leafs", most, &leafs) || !gai_scan_number(&p->in, 3, "nodes", most, &nodes) ||
        !gai_scan_number(&p->in, 4, "externs", most, &externs))
        return false;
    if (n != leafs + nodes + externs)
        return gai_scan_fail(&p->in, "%" PRIu64 " tensors are not %" PRIu64 " leafs + %" PRIu64 " nodes + %" PRIu64 " externs", n,
                             leafs, nodes, externs);
    p->file->n_tensors = (uint32_t)n;
    p->file->n_leafs = (uint32_t)leafs;
    p->file->n_nodes = (uint32_t)nodes;
    p->rows->first_line = p->in.lines.number + 1;
    return true;
}

static bool read_kind(struct parser *p, struct row *row)
{
    uint32_t id = p->rows->n_rows;
    uint32_t n_leafs = p->file->n_leafs, n_nodes = p->file->n_nodes;
    row->kind = id < n_leafs ? 'l' : id - n_leafs < n_nodes ? 'n' : 'e';
    const char *text = p->in.fields.at[2];
    if (text[0] == row->kind && text[1] == 0)
        return true;
    return gai_scan_fail(&p->in,
                         "kind '%.20s' where the counts want '%c': first %" PRIu32 " leafs, then %" PRIu32 " nodes, then externs",
                         text, row->kind, n_leafs, n_nodes);
}

static bool read_letters(struct parser *p, struct row *row)
{
    static const char letters[] = "ioplaedr"; /* in the order of enum letter */
    const char *text = p->in.fields.at[16];
    row->letters = 0;
    for (const char *at = text; *at && strcmp(text, "-") != 0; at++) {
        const char *found = strchr(letters, *at);
        if (!found)
            return gai_scan_fail(&p->in, "flag '%c' (field 16) is not known; known are %s, or - for none", *at, letters);
        row->letters |= (uint8_t)(1u << (found - letters));
    }
    return true;
}

static bool read_sources(struct parser *p)
{
    struct rows *rows = p->rows;
    const char *at = p->in.fields.at[19], *end = at + p->in.fields.len[19];
    if (strcmp(at, "-") == 0)
        return true;
    for (;; at++) {
        const char *stop = memchr(at, ',', (size_t)(end - at));
        uint64_t src;
        if (!gai_parse_u64(at, stop ? stop : end, &src) || src >= p->file->n_tensors)
            return gai_scan_fail(&p->in,
                                 "source '%.*s' (field 19) is no tensor; ids run from 0 to %" PRIu32 ", with commas between them",
                                 (int)((stop ? stop : end) - at > 20 ? 20 : (stop ? stop : end) - at), at, p->file->n_tensors - 1);
        if (!array_room(&rows->mem, &rows->srcs, &rows->cap_srcs, rows->n_srcs + (uint64_t)1))
            return gai_scan_fail_memory(&p->in);
        rows->srcs[rows->n_srcs++] = (uint32_t)src;
        if (!stop)
            return true;
        at = stop;
    }
}

static bool read_layout(struct parser *p, struct row *row)
{
    static const char *const names[] = { "ne0", "ne1", "ne2", "ne3", "nb0", "nb1", "nb2", "nb3" };
    for (unsigned i = 0; i < 4; i++)
        if (!gai_scan_number(&p->in, 5 + i, names[i], INT64_MAX, &row->ne[i]) ||
            !gai_scan_number(&p->in, 9 + i, names[4 + i], UINT64_MAX, &row->nb[i]))
            return false;
    uint64_t most = (uint64_t)1 << 62;
    if (!gai_scan_number(&p->in, 13, "nbytes", most, &row->nbytes) ||
        !gai_scan_number(&p->in, 14, "alloc_size", most, &row->alloc_size))
        return false;
    return row->alloc_size >= row->nbytes ||
           gai_scan_fail(&p->in, "alloc_size %" PRIu64 " is less than nbytes %" PRIu64, row->alloc_size, row->nbytes);
}

static bool read_tensor(struct parser *p)
{
    struct rows *rows = p->rows;
    struct row row = { .src = rows->n_srcs };
    uint64_t id;
    if (!gai_scan_expect(&p->in, "t", 20) || !gai_scan_number(&p->in, 1, "id", UINT32_MAX, &id))
        return false;
    if (id != rows->n_rows)
        return gai_scan_fail(&p->in, "tensor %" PRIu64 " stands where %" PRIu32 " belongs; number them from 0, line by line", id,
                             rows->n_rows);
    if (!read_kind(p, &row) || !keep_text(p, 3, &row.op) || !keep_text(p, 4, &row.type) || !read_layout(p, &row) ||
        !gai_scan_index(&p->in, 15, "buffer", p->file->n_buffers, &row.buffer) || !read_letters(p, &row) ||
        !gai_scan_index(&p->in, 17, "view_src", p->file->n_tensors, &row.view_of) ||
        !gai_scan_number(&p->in, 18, "view_offs", UINT64_MAX, &row.view_offset) || !read_sources(p) || !keep_text(p, 20, &row.name))
        return false;
    bool bare = row.view_of == ROW_NONE && row.buffer == ROW_NONE && !(row.letters & (LETTER_ALLOCATED | LETTER_ELIDED));
    if (bare && row.kind != 'e')
        return gai_scan_fail(
            &p->in, "tensor %" PRIu64 " needs bytes but names no buffer (field 15); only flag a, e or a view may do without", id);
    if (!array_room(&rows->mem, &rows->rows, &rows->cap_rows, rows->n_rows + (uint64_t)2))
        return gai_scan_fail_memory(&p->in);
    rows->rows[rows->n_rows++] = row;
    rows->rows[rows->n_rows].src = rows->n_srcs;
    return true;
}

static bool view_is_sound(struct parser *p, uint32_t id)
{
    const struct row *row = &p->rows->rows[id];
    if (row->view_of == ROW_NONE)
        return true;
    const struct row *root = &p->rows->rows[row->view_of];
    p->in.lines.number = p->rows->first_line + id;
    if (row->view_of == id)
        return gai_scan_fail(&p->in, "tensor %" PRIu32 " is a view of itself; write -1 for no view", id);
    if (root->view_of != ROW_NONE)
        return gai_scan_fail(
            &p->in, "tensor %" PRIu32 " is a view of the view %" PRIu32 "; name its root %" PRIu32 " and the offset in that", id,
            row->view_of, root->view_of);
    if (row->view_offset > root->alloc_size || row->nbytes > root->alloc_size - row->view_offset)
        return gai_scan_fail(
            &p->in, "view %" PRIu32 " reaches from byte %" PRIu64 " over %" PRIu64 " bytes, but tensor %" PRIu32 " has %" PRIu64,
            id, row->view_offset, row->nbytes, row->view_of, root->alloc_size);
    return true;
}

static bool read_tensors(struct parser *p)
{
    struct rows *rows = p->rows;
    while (rows->n_rows < p->file->n_tensors)
        if (!read_tensor(p))
            return false;
    uint64_t line = p->in.lines.number;
    for (uint32_t id = 0; id < rows->n_rows; id++) {
        if (!view_is_sound(p, id))
            return false;
        for (uint32_t i = rows->rows[id].src; i < rows->rows[id + 1].src; i++)
            rows->rows[rows->srcs[i]].is_read |= rows->srcs[i] != id;
    }
    p->in.lines.number = line;
    return true;
}

static bool read_barrier(struct parser *p)
{
    uint32_t id;
    if (!row_id(p, 1, "id", &id))
        return false;
    if (p->rows->rows[id].kind != 'n')
        return gai_scan_fail(&p->in, "tensor %" PRIu32 " is no node; a step ends after a node", id);
    p->rows->rows[id].ends_step = true;
    p->rows->has_barriers = true;
    return true;
}

static bool read_extend(struct parser *p)
{
    struct rows *rows = p->rows;
    struct row_extension ext;
    if (!row_id(p, 1, "id", &ext.row) || !row_id(p, 2, "until", &ext.until))
        return false;
    if (rows->rows[ext.until].kind != 'n')
        return gai_scan_fail(&p->in, "tensor %" PRIu32 " is no node; a life is extended until the step of one", ext.until);
    if (!array_room(&rows->mem, &rows->extensions, &rows->cap_extensions, rows->n_extensions + (uint64_t)1))
        return gai_scan_fail_memory(&p->in);
    rows->extensions[rows->n_extensions++] = ext;
    return true;
}

static bool read_reuse(struct parser *p)
{
    struct rows *rows = p->rows;
    struct row_masks masks;
    uint32_t id;
    if (!row_id(p, 1, "id", &id) || !gai_scan_hex(&p->in, 2, "mask", &masks.reuse) ||
        !gai_scan_hex(&p->in, 3, "eager mask", &masks.eager))
        return false;
    if (rows->rows[id].masks)
        return gai_scan_fail(&p->in, "a second 'reuse' line for tensor %" PRIu32 "; keep one", id);
    if (masks.eager & ~masks.reuse)
        return gai_scan_fail(&p->in, "eager mask %" PRIx64 " has bits that mask %" PRIx64 " lacks; eager is a part of it",
                             masks.eager, masks.reuse);
    if (!array_room(&rows->mem, &rows->masks, &rows->cap_masks, rows->n_masks + (uint64_t)1))
        return gai_scan_fail_memory(&p->in);
    rows->masks[rows->n_masks++] = masks;
    rows->rows[id].masks = rows->n_masks;
    return true;
}

static bool read_pool(struct parser *p, unsigned field, uint32_t *pool)
{
    uint32_t buffer;
    if (!gai_scan_index(&p->in, field, "buffer", p->file->n_buffers, &buffer))
        return false;
    if (buffer == ROW_NONE)
        return gai_scan_fail(&p->in, "buffer (field %u) is -1; name one", field);
    *pool = p->file->buffers[buffer].pool;
    return true;
}

static bool read_extra(struct parser *p)
{
    struct tgraph *file = p->file;
    struct tgraph_extra extra = { 0 };
    if (!gai_scan_number(&p->in, 2, "bytes", (uint64_t)1 << 62, &extra.bytes) || !read_pool(p, 3, &extra.pool))
        return false;
    if (!array_room(&file->mem, &file->extras, &file->cap_extras, file->n_extras + (uint64_t)1))
        return gai_scan_fail_memory(&p->in);
    file->extras[file->n_extras++] = extra;
    struct tgraph_extra *kept = &file->extras[file->n_extras - 1];
    return gai_scan_keep(&p->in, 1, &p->file->mem, &kept->name) && gai_scan_keep(&p->in, 4, &p->file->mem, &kept->basis);
}

static bool read_result_chunk(struct parser *p)
{
    struct tgraph *file = p->file;
    struct tgraph_result result;
    uint64_t chunk, blocks;
    if (!read_pool(p, 1, &result.pool) || !gai_scan_number(&p->in, 2, "chunk", 65535, &chunk) ||
        !gai_scan_number(&p->in, 3, "peak", (uint64_t)1 << 62, &result.peak) ||
        !gai_scan_number(&p->in, 4, "free blocks", UINT64_MAX, &blocks))
        return false;
    if (!array_room(&file->mem, &file->results, &file->cap_results, file->n_results + (uint64_t)1))
        return gai_scan_fail_memory(&p->in);
    result.chunk = (uint32_t)chunk;
    file->results[file->n_results++] = result;
    return true;
}

static bool read_result_time(struct parser *p)
{
    uint64_t ns;
    for (unsigned i = 1; i <= 5; i++)
        if (!gai_scan_number(&p->in, i, "time", UINT64_MAX, &ns))
            return false;
    return true;
}

static const struct {
    const char *name;
    unsigned n_fields;
    bool (*read)(struct parser *p); /* NULL ends the file */
} tail[] = {
    { "barrier", 1, read_barrier },
    { "extend", 2, read_extend },
    { "reuse", 3, read_reuse },
    { "extra", 4, read_extra },
    { "result_chunk", 4, read_result_chunk },
    { "result_time", 5, read_result_time },
    { "end", 0, NULL },
};

static bool read_tail(struct parser *p)
{
    size_t n_kinds = sizeof tail / sizeof *tail;
    for (;;) {
        if (!gai_scan_next(&p->in))
            return false;
        size_t i = 0;
        while (i < n_kinds && strcmp(tail[i].name, p->in.fields.at[0]) != 0)
            i++;
        if (i == n_kinds)
            return gai_scan_fail(&p->in, "'%.40s' is no record that may stand behind the tensors", p->in.fields.at[0]);
        if (!gai_scan_has(&p->in, tail[i].n_fields))
            return false;
        if (!tail[i].read)
            return true;
        if (!tail[i].read(p))
            return false;
    }
}

enum ga_status gai_rows_read(struct rows *rows, struct tgraph *file, const struct ga_source *source, struct mishap *mishap)
{
    struct parser p = { .in = scan_from(&file->mem, source, "end", mishap), .rows = rows, .file = file };
    bool ok = array_room(&rows->mem, &rows->rows, &rows->cap_rows, 1) || gai_scan_fail_memory(&p.in);
    if (ok)
        rows->rows[0].src = 0;
    ok = ok && read_head(&p) && read_buffers(&p) && read_counts(&p) && read_tensors(&p) && read_tail(&p) && gai_scan_end(&p.in);
    gai_scan_fini(&p.in);
    return ok ? GA_OK : p.in.status;
}

void gai_rows_fini(struct rows *rows)
{
    const struct ga_mem *mem = &rows->mem;
    mem_free(mem, rows->rows, rows->cap_rows);
    mem_free(mem, rows->srcs, rows->cap_srcs);
    mem_free(mem, rows->text, rows->cap_text);
    mem_free(mem, rows->masks, rows->cap_masks);
    mem_free(mem, rows->extensions, rows->cap_extensions);
}
