#include "io/alloc_trace.h"

#include "base/array.h"
#include "io/alloc_trace_read.h"

#include <inttypes.h>
#include <string.h>

/* ---- in memory ---- */

bool gai_alloc_trace_add(struct alloc_trace *trace, struct trace_event event)
{
    if (trace->n == UINT32_MAX - 1 || !array_room(&trace->mem, &trace->at, &trace->cap, trace->n + 1u))
        return false;
    trace->at[trace->n++] = event;
    if (event.stream >= trace->n_streams)
        trace->n_streams = event.stream + 1u;
    return true;
}

bool gai_alloc_trace_alloc(struct alloc_trace *trace, uint64_t bytes, uint32_t stream, uint32_t *block)
{
    *block = trace->n_blocks;
    if (!gai_alloc_trace_add(trace, (struct trace_event){ bytes, *block, (uint16_t)stream, TRACE_ALLOC }))
        return false;
    trace->n_blocks++;
    return true;
}

void gai_alloc_trace_fini(struct alloc_trace *trace)
{
    mem_free(&trace->mem, trace->at, trace->cap);
    *trace = (struct alloc_trace){ .mem = trace->mem };
}

uint64_t gai_alloc_trace_peak(const struct alloc_trace *trace, bool *ok)
{
    uint64_t live = 0, peak = 0;
    uint64_t *sizes = mem_new(&trace->mem, uint64_t, trace->n_blocks);
    *ok = sizes != NULL;
    for (uint32_t i = 0; sizes && i < trace->n; i++) {
        const struct trace_event *event = &trace->at[i];
        if (event->kind == TRACE_ALLOC)
            live += sizes[event->block] = event->value;
        else if (event->kind == TRACE_FREE)
            live -= sizes[event->block];
        peak = live > peak ? live : peak;
    }
    mem_free(&trace->mem, sizes, trace->n_blocks);
    return peak;
}

/* ---- as text ---- */

static void write_event(const struct trace_event *event, struct text *out)
{
    switch ((enum trace_kind)event->kind) {
    case TRACE_ALLOC:
        gai_text(out, "a %" PRIu32 " %" PRIu64, event->block, event->value);
        if (event->stream)
            gai_text(out, " %u", (unsigned)event->stream);
        break;
    case TRACE_FREE:
        gai_text(out, "f %" PRIu32, event->block);
        break;
    case TRACE_SHARE:
        gai_text(out, "s %" PRIu32 " %u", event->block, (unsigned)event->stream);
        break;
    case TRACE_WORK:
        gai_text(out, "w %u %" PRIu64, (unsigned)event->stream, event->value);
        if (event->block != TRACE_NO_BLOCK)
            gai_text(out, " %" PRIu32, event->block);
        break;
    case TRACE_PASS:
        gai_text(out, "t %" PRIu64, event->value);
        break;
    case TRACE_SYNC:
        gai_text(out, "y");
        break;
    }
    gai_text(out, "\n");
}

void gai_alloc_trace_write(const struct alloc_trace *trace, struct text *out)
{
    gai_text(out, "alloctrace 1\n");
    for (uint32_t i = 0; i < trace->n; i++)
        write_event(&trace->at[i], out);
}

/* ---- from text: ours ---- */

bool gai_trace_begins(struct trace_reading *reading, uint64_t name, uint64_t bytes, uint64_t stream)
{
    uint32_t block;
    if (bytes > TRACE_MOST_BYTES)
        return gai_trace_refuse(reading, "%" PRIu64 " bytes are more than a block may have, %" PRIu64, bytes, TRACE_MOST_BYTES);
    if (stream >= TRACE_MOST_STREAMS)
        return gai_trace_refuse(reading, "stream %" PRIu64 "; there are %u, from 0", stream, TRACE_MOST_STREAMS);
    if (gai_names_find(&reading->names, name) != NAMES_NONE)
        return gai_trace_refuse(reading, "block %" PRIu64 " is alive", name);
    if (gai_alloc_trace_alloc(reading->trace, bytes, (uint32_t)stream, &block) && gai_names_add(&reading->names, name, block))
        return true;
    reading->status = GA_NO_MEMORY;
    return false;
}

bool gai_trace_adds(struct trace_reading *reading, struct trace_event event)
{
    if (gai_alloc_trace_add(reading->trace, event))
        return true;
    reading->status = GA_NO_MEMORY;
    return false;
}

bool gai_trace_ends(struct trace_reading *reading, uint64_t name, uint64_t bytes, uint64_t stream)
{
    uint32_t block = gai_names_remove(&reading->names, name);
    if (block == NAMES_NONE) {
        if (bytes > TRACE_MOST_BYTES)
            return gai_trace_refuse(reading, "%" PRIu64 " bytes are more than a block may have, %" PRIu64, bytes, TRACE_MOST_BYTES);
        block = reading->trace->n_blocks++;
        if (!gai_alloc_trace_add(&reading->early, (struct trace_event){ bytes, block, (uint16_t)stream, TRACE_ALLOC })) {
            reading->status = GA_NO_MEMORY;
            return false;
        }
    }
    return gai_trace_adds(reading, (struct trace_event){ 0, block, 0, TRACE_FREE });
}

bool gai_trace_stream(struct trace_reading *reading, uint64_t address, uint32_t *stream)
{
    for (*stream = 0; *stream < reading->n_streams; ++*stream)
        if (reading->streams[*stream] == address)
            return true;
    if (reading->n_streams == TRACE_MOST_STREAMS)
        return gai_trace_refuse(reading, "more than %u streams", TRACE_MOST_STREAMS);
    reading->streams[reading->n_streams++] = address;
    return true;
}

bool gai_trace_refuse(struct trace_reading *reading, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    reading->status = gai_mishap(reading->mishap, reading->line, "%s", what);
    return false;
}

/* The numbers behind the letter; `least` to `most` of them. */
static bool read_numbers(struct trace_reading *reading, const struct fields *fields, unsigned least, unsigned most,
                         uint64_t *numbers)
{
    if (fields->n < 1 + least || fields->n > 1 + most)
        return gai_trace_refuse(reading, "'%.8s' takes %u to %u numbers, not %u", fields->at[0], least, most, fields->n - 1);
    for (unsigned i = 1; i < fields->n; i++)
        if (!gai_parse_u64(fields->at[i], fields->at[i] + fields->len[i], &numbers[i - 1]))
            return gai_trace_refuse(reading, "'%.40s' is no whole number", fields->at[i]);
    return true;
}

static bool find_block(struct trace_reading *reading, uint64_t name, uint32_t *block)
{
    *block = gai_names_find(&reading->names, name);
    return *block != NAMES_NONE || gai_trace_refuse(reading, "block %" PRIu64 " is not alive", name);
}

static bool check_stream(struct trace_reading *reading, uint64_t stream)
{
    return stream < TRACE_MOST_STREAMS ||
           gai_trace_refuse(reading, "stream %" PRIu64 "; there are %u, from 0", stream, TRACE_MOST_STREAMS);
}

static bool read_event(struct trace_reading *reading, const struct fields *fields)
{
    uint64_t x[3] = { 0 };
    uint32_t block = TRACE_NO_BLOCK;
    switch (fields->len[0] == 1 ? fields->at[0][0] : 0) {
    case 'a':
        return read_numbers(reading, fields, 2, 3, x) && gai_trace_begins(reading, x[0], x[1], x[2]);
    case 'f':
        if (!read_numbers(reading, fields, 1, 1, x) || !find_block(reading, x[0], &block))
            return false;
        gai_names_remove(&reading->names, x[0]);
        return gai_trace_adds(reading, (struct trace_event){ 0, block, 0, TRACE_FREE });
    case 's':
        return read_numbers(reading, fields, 2, 2, x) && find_block(reading, x[0], &block) && check_stream(reading, x[1]) &&
               gai_trace_adds(reading, (struct trace_event){ 0, block, (uint16_t)x[1], TRACE_SHARE });
    case 'w':
        return read_numbers(reading, fields, 2, 3, x) && check_stream(reading, x[0]) &&
               (fields->n == 3 || find_block(reading, x[2], &block)) &&
               gai_trace_adds(reading, (struct trace_event){ x[1], block, (uint16_t)x[0], TRACE_WORK });
    case 't':
        return read_numbers(reading, fields, 1, 1, x) &&
               gai_trace_adds(reading, (struct trace_event){ x[0], TRACE_NO_BLOCK, 0, TRACE_PASS });
    case 'y':
        return read_numbers(reading, fields, 0, 0, x) &&
               gai_trace_adds(reading, (struct trace_event){ 0, TRACE_NO_BLOCK, 0, TRACE_SYNC });
    default:
        return gai_trace_refuse(reading, "'%.40s' is none of a, f, s, w, t, y", fields->at[0]);
    }
}

static bool read_line(struct trace_reading *reading, char *line, size_t len)
{
    struct fields fields;
    if (len == 0 || *line == '#')
        return true;
    gai_fields_cut(&fields, line, len, ' ');
    return read_event(reading, &fields);
}

/* ---- whose it is ---- */

static bool choose_reader(struct trace_reading *reading, char *line, size_t len, trace_line_reader **reader)
{
    if (strcmp(line, "alloctrace 1") == 0)
        *reader = read_line;
    else if (strncmp(line, "alloctrace ", 11) == 0)
        return gai_trace_refuse(reading, "version %.20s; this program reads version 1", line + 11);
    else if (strncmp(line, "Thread,", 7) == 0)
        return gai_trace_rmm_header(reading, line, len, reader);
    else
        return gai_trace_refuse(reading, "neither 'alloctrace 1' nor a log of RMM, nor JSON");
    return true;
}

static enum ga_status read_lines(struct trace_reading *reading, struct lines *lines)
{
    trace_line_reader *reader = NULL;
    char *line;
    size_t len;
    while (reading->status == GA_OK) {
        enum ga_status status = gai_lines_next(lines, &line, &len);
        if (status != GA_OK)
            return status;
        if (!line)
            break;
        reading->line = lines->number;
        if (len && line[len - 1] == '\r')
            line[--len] = 0;
        if (!reader && *line == '\x80')
            gai_trace_refuse(reading, "a pickle; write it as JSON: json.dump(pickle.load(open(FILE, 'rb')), open(NEW, 'w'))");
        else if (memchr(line, 0, len))
            gai_trace_refuse(reading, "a zero byte; this is text");
        else if (reader)
            reader(reading, line, len);
        else
            choose_reader(reading, line, len, &reader);
    }
    reading->line = 0;
    if (reading->status == GA_OK && !reader)
        gai_trace_refuse(reading, "empty");
    return reading->status;
}

/* A source that begins with what was read of it to tell what it is. */
struct begun {
    const struct ga_source *rest;
    char first;
    bool is_told;
};

static size_t read_begun(void *user, char *buf, size_t cap)
{
    struct begun *begun = user;
    if (begun->is_told || cap == 0)
        return begun->rest->read(begun->rest->user, buf, cap);
    begun->is_told = true;
    buf[0] = begun->first;
    return 1;
}

/* Blocks count the allocs again. */
static bool renumber(struct alloc_trace *trace)
{
    uint32_t *number = mem_new_raw(&trace->mem, uint32_t, trace->n_blocks), n = 0;
    for (uint32_t i = 0; number && i < trace->n; i++) {
        struct trace_event *event = &trace->at[i];
        if (event->kind == TRACE_ALLOC)
            number[event->block] = n++;
        if (event->block != TRACE_NO_BLOCK)
            event->block = number[event->block];
    }
    mem_free(&trace->mem, number, trace->n_blocks);
    return number != NULL;
}

/* What was there before comes first. */
static enum ga_status put_early_first(struct trace_reading *reading)
{
    struct alloc_trace *trace = reading->trace, *early = &reading->early;
    if (early->n == 0)
        return GA_OK;
    for (uint32_t i = 0; i < trace->n; i++)
        if (!gai_alloc_trace_add(early, trace->at[i]))
            return GA_NO_MEMORY;
    mem_free(&trace->mem, trace->at, trace->cap);
    trace->at = early->at;
    trace->n = early->n;
    trace->cap = early->cap;
    trace->n_streams = early->n_streams;
    *early = (struct alloc_trace){ .mem = trace->mem };
    return renumber(trace) ? GA_OK : GA_NO_MEMORY;
}

enum ga_status gai_alloc_trace_read(const struct ga_mem *mem, const struct ga_source *source, struct alloc_trace *trace,
                                    struct mishap *mishap)
{
    struct begun begun = { .rest = source };
    struct ga_source whole = { .read = read_begun, .user = &begun };
    *mishap = (struct mishap){ 0 };
    *trace = (struct alloc_trace){ .mem = *mem };
    struct trace_reading reading = { .trace = trace, .names = { .mem = *mem }, .early = { .mem = *mem }, .mishap = mishap };
    size_t got = source->read(source->user, &begun.first, 1);
    begun.is_told = got != 1;
    enum ga_status status = got > 1 ? GA_IO : GA_OK;
    if (status == GA_OK && got == 1 && (begun.first == '{' || begun.first == '[')) {
        status = gai_trace_pytorch(&reading, &whole);
    } else if (status == GA_OK) {
        struct lines lines = lines_from(mem, &whole);
        status = read_lines(&reading, &lines);
        gai_lines_fini(&lines);
    }
    if (status == GA_OK)
        status = put_early_first(&reading);
    gai_names_fini(&reading.names);
    gai_alloc_trace_fini(&reading.early);
    if (status != GA_OK) {
        if (!mishap->what[0])
            gai_mishap(mishap, 0, "%s", ga_status_str(status));
        gai_alloc_trace_fini(trace);
    }
    return status;
}
