#include "io/tgraph_order.h"

#include <inttypes.h>
#include <string.h>

#define VIEW_FIELD 17 /* counting the leading `t` as 0 */
#define SRCS_FIELD 19

struct line {
    const char *at;
    size_t len; /* its end included */
};

struct writer {
    const struct tgraph *file;
    const uint32_t *order;
    const bool *ends;
    uint32_t *new_ids; /* by file id */
    struct line *tensors;
    struct text *out;
    bool has_barriers;
};

static bool is_record(const struct line *line, const char *name)
{
    size_t len = strlen(name);
    return line->len > len && memcmp(line->at, name, len) == 0 && line->at[len] == '\t';
}

static bool next_line(const char **at, const char *end, struct line *line)
{
    if (*at == end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    line->at = *at;
    line->len = (size_t)((stop ? stop + 1 : end) - *at);
    *at += line->len;
    return true;
}

/* Ids between commas, counted anew; anything else ("-", "-1") as it is. */
static void write_ids(const struct writer *w, const char *at, const char *end)
{
    while (at < end) {
        const char *stop = memchr(at, ',', (size_t)(end - at));
        const char *last = stop ? stop : end;
        uint64_t id;
        if (gai_parse_u64(at, last, &id) && id < w->file->n_tensors)
            gai_text(w->out, "%" PRIu32, w->new_ids[id]);
        else
            gai_text_raw(w->out, at, (size_t)(last - at));
        if (stop)
            gai_text_raw(w->out, ",", 1);
        at = stop ? stop + 1 : end;
    }
}

/* A line of which some fields, by bits, are ids. */
static void write_line(const struct writer *w, const struct line *line, uint32_t ids)
{
    const char *end = line->at + line->len - (line->at[line->len - 1] == '\n'), *at = line->at;
    for (unsigned field = 0;; field++) {
        const char *stop = memchr(at, '\t', (size_t)(end - at));
        const char *last = stop ? stop : end;
        if (field < 32 && (ids >> field & 1))
            write_ids(w, at, last);
        else
            gai_text_raw(w->out, at, (size_t)(last - at));
        if (!stop)
            break;
        gai_text_raw(w->out, "\t", 1);
        at = stop + 1;
    }
    gai_text_raw(w->out, "\n", 1);
}

static void write_tensors(const struct writer *w)
{
    const uint32_t fields = 1u << 1 | 1u << VIEW_FIELD | 1u << SRCS_FIELD;
    uint32_t first = w->file->n_leafs, n = w->file->n_nodes;
    for (uint32_t id = 0; id < w->file->n_tensors; id++)
        write_line(w, &w->tensors[id >= first && id - first < n ? w->order[id - first] : id], fields);
    for (uint32_t i = 0; i < n && w->has_barriers; i++)
        if (w->ends[i])
            gai_text(w->out, "barrier\t%" PRIu32 "\n", first + i);
}

static void find_tensors(struct writer *w, const char *text, const char *end)
{
    struct line line;
    for (uint32_t n = 0; next_line(&text, end, &line);) {
        if (is_record(&line, "t") && n < w->file->n_tensors)
            w->tensors[n++] = line;
        w->has_barriers |= is_record(&line, "barrier");
    }
}

static void write_all(const struct writer *w, const char *text, const char *end)
{
    struct line line;
    for (uint32_t n = 0; next_line(&text, end, &line);) {
        bool is_gone = is_record(&line, "barrier") || is_record(&line, "result_chunk") || is_record(&line, "result_time");
        if (is_record(&line, "t")) {
            if (++n == w->file->n_tensors)
                write_tensors(w);
        } else if (!is_gone) {
            uint32_t ids = is_record(&line, "extend") ? 1u << 1 | 1u << 2 : is_record(&line, "reuse") ? 1u << 1 : 0;
            write_line(w, &line, ids);
        }
    }
}

enum ga_status gai_tgraph_reorder(const struct tgraph *file, const char *text, size_t len, const uint32_t *order, const bool *ends,
                                  struct text *out)
{
    struct writer w = { .file = file, .order = order, .ends = ends, .out = out };
    w.new_ids = mem_new(&file->mem, uint32_t, file->n_tensors);
    w.tensors = mem_new(&file->mem, struct line, file->n_tensors);
    bool ok = w.new_ids && w.tensors;
    if (ok) {
        for (uint32_t id = 0; id < file->n_tensors; id++)
            w.new_ids[id] = id;
        for (uint32_t i = 0; i < file->n_nodes; i++)
            w.new_ids[order[i]] = file->n_leafs + i;
        find_tensors(&w, text, text + len);
        write_all(&w, text, text + len);
    }
    mem_free(&file->mem, w.new_ids, file->n_tensors);
    mem_free(&file->mem, w.tensors, file->n_tensors);
    return ok ? GA_OK : GA_NO_MEMORY;
}
