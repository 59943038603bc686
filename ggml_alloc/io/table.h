/*
 * table.h - comma-separated values under a header of known columns, in any order
 *
 *     id,size,lower,upper          columns[0] = 0 (id), columns[1] = 2 (lower), columns[2] = 3 (upper), columns[3] = 1 (size)
 *     a,4096,0,3                   row 0, line 2
 *     b,64,1,4                     row 1, line 3
 *
 * No quoting: a cell is what stands between two commas.  Lines may end with CR LF.
 */
#ifndef GAI_IO_TABLE_H
#define GAI_IO_TABLE_H

#include "io/lines.h"

#define TABLE_COLUMNS 8u
#define TABLE_NONE UINT32_MAX

struct table_column {
    const char *name;
    bool required;
};

struct table {
    struct ga_mem mem;
    char *text;     /* cells, each 0-terminated, row after row */
    uint32_t *rows; /* where each starts in text */
    uint32_t n_text, n_rows, cap_text, cap_rows;
    uint32_t n_columns;              /* of the file */
    uint32_t columns[TABLE_COLUMNS]; /* by known column: which of the file's it is, or TABLE_NONE */
    uint32_t known[TABLE_COLUMNS];   /* by column of the file: which known one it is */
};

/* GA_INVALID: no header, an unknown, missing or doubled column, or a row of another length; also GA_IO, GA_NO_MEMORY. */
enum ga_status gai_table_read(const struct ga_mem *mem, const struct ga_source *source, const struct table_column *columns,
                              unsigned n_columns, struct table *table, struct mishap *mishap);
void gai_table_fini(struct table *table);

/* A cell by row and known column; "" when the file has no such column. */
const char *gai_table_cell(const struct table *table, uint32_t row, unsigned column);

/* The cell as a whole number of at most `max`; false, with the mishap filled in, when it is none. */
bool gai_table_number(const struct table *table, uint32_t row, unsigned column, const char *name, uint64_t max, uint64_t *value,
                      struct mishap *mishap);

static inline uint64_t table_line(uint32_t row)
{
    return row + (uint64_t)2;
}

#endif
