/*
 * alloc_trace_rmm.c - the log of RMM: Thread,Time,Action,Pointer,Size,Stream
 *
 * Times are those of a clock somewhere, and say nothing here; lines are in order.
 */
#include "io/alloc_trace_read.h"

#include <string.h>

enum column { ACTION, POINTER, SIZE, STREAM, N_COLUMNS };

static const char *const column_names[] = { "Action", "Pointer", "Size", "Stream" };

/* "0x7f00", "(nil)" or decimal. */
static bool parse_address(const char *text, size_t len, uint64_t *address)
{
    static const char digits[] = "0123456789abcdef";
    *address = 0;
    if (strcmp(text, "(nil)") == 0)
        return true;
    if (len < 3 || text[0] != '0' || text[1] != 'x')
        return gai_parse_u64(text, text + len, address);
    for (size_t i = 2; i < len; i++) {
        const char *digit = text[i] ? strchr(digits, text[i] | 0x20) : NULL;
        if (!digit || *address >> 60)
            return false;
        *address = *address << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

static bool read_row(struct trace_reading *reading, char *line, size_t len)
{
    struct fields fields;
    uint64_t pointer, size, address;
    uint32_t stream;
    if (len == 0)
        return true;
    gai_fields_cut(&fields, line, len, ',');
    if (fields.n != reading->n_columns)
        return gai_trace_refuse(reading, "%u values where the header has %u columns", fields.n, reading->n_columns);
    const unsigned *at = reading->columns;
    const char *action = fields.at[at[ACTION]];
    if (!parse_address(fields.at[at[POINTER]], fields.len[at[POINTER]], &pointer))
        return gai_trace_refuse(reading, "Pointer is '%.40s', which is no address", fields.at[at[POINTER]]);
    if (!gai_parse_u64(fields.at[at[SIZE]], fields.at[at[SIZE]] + fields.len[at[SIZE]], &size))
        return gai_trace_refuse(reading, "Size is '%.40s', which is no whole number", fields.at[at[SIZE]]);
    if (!parse_address(fields.at[at[STREAM]], fields.len[at[STREAM]], &address))
        return gai_trace_refuse(reading, "Stream is '%.40s', which is no address", fields.at[at[STREAM]]);
    if (!gai_trace_stream(reading, address, &stream))
        return false;
    if (strcmp(action, "allocate failure") == 0 || size == 0)
        return true; /* nothing came of it */
    if (strcmp(action, "allocate") == 0)
        return gai_trace_begins(reading, pointer, size, stream);
    if (strcmp(action, "free") == 0)
        return gai_trace_ends(reading, pointer, size, stream);
    return gai_trace_refuse(reading, "Action is '%.40s'; known are allocate, allocate failure, free", action);
}

bool gai_trace_rmm_header(struct trace_reading *reading, char *line, size_t len, trace_line_reader **reader)
{
    struct fields fields;
    gai_fields_cut(&fields, line, len, ',');
    if (fields.n > FIELDS_MAX)
        return gai_trace_refuse(reading, "more than %u columns", FIELDS_MAX);
    for (unsigned c = 0; c < N_COLUMNS; c++) {
        unsigned at = 0;
        while (at < fields.n && strcmp(fields.at[at], column_names[c]) != 0)
            at++;
        if (at == fields.n)
            return gai_trace_refuse(reading, "column %s is missing", column_names[c]);
        reading->columns[c] = at;
    }
    reading->n_columns = fields.n;
    *reader = read_row;
    return true;
}
