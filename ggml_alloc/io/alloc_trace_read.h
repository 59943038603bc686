/*
 * alloc_trace_read.h - what the readers of traces share
 */
#ifndef GAI_IO_ALLOC_TRACE_READ_H
#define GAI_IO_ALLOC_TRACE_READ_H

#include "io/alloc_trace.h"
#include "io/names.h"

#include <stdarg.h>
#include <stdio.h>

struct trace_reading {
    struct alloc_trace *trace;
    struct names names;       /* of blocks that are alive */
    struct alloc_trace early; /* allocs of what was alive before the first line; it has no blocks of its own */
    struct mishap *mishap;
    uint64_t line;
    enum ga_status status; /* once it is not GA_OK, it is over */
    unsigned columns[8];   /* of a CSV */
    unsigned n_columns;
    uint64_t streams[TRACE_MOST_STREAMS]; /* addresses of streams, by our number */
    uint32_t n_streams;
};

/* One line; false when the reading is over. */
typedef bool trace_line_reader(struct trace_reading *reading, char *line, size_t len);

/* These return false when the reading is over. */
bool gai_trace_refuse(struct trace_reading *reading, const char *format, ...) GAI_PRINTF(2, 3);
bool gai_trace_begins(struct trace_reading *reading, uint64_t name, uint64_t bytes, uint64_t stream);
bool gai_trace_adds(struct trace_reading *reading, struct trace_event event);
/* A free of others: what was never allocated was there before. */
bool gai_trace_ends(struct trace_reading *reading, uint64_t name, uint64_t bytes, uint64_t stream);
/* The number of a stream that others name by an address: in order of appearance. */
bool gai_trace_stream(struct trace_reading *reading, uint64_t address, uint32_t *stream);

/* ---- alloc_trace_rmm.c, alloc_trace_pytorch.c ---- */

bool gai_trace_rmm_header(struct trace_reading *reading, char *line, size_t len, trace_line_reader **reader);
enum ga_status gai_trace_pytorch(struct trace_reading *reading, const struct ga_source *source);

#endif
