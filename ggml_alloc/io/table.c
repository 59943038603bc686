#include "io/table.h"

#include "base/array.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The next line that counts: without its CR, and blank ones only at the very end.  False: none, or something is wrong. */
static bool next_line(struct lines *lines, char **line, size_t *len, enum ga_status *status, struct mishap *mishap)
{
    *status = gai_lines_next(lines, line, len);
    if (*status != GA_OK) {
        gai_mishap(mishap, 0, "%s", ga_status_str(*status));
        return false;
    }
    if (!*line)
        return false;
    if (*len && (*line)[*len - 1] == '\r')
        (*line)[--*len] = 0;
    if (memchr(*line, 0, *len)) {
        *status = gai_mishap(mishap, lines->number, "a zero byte; this is text");
        return false;
    }
    return true;
}

static unsigned find_column(const struct table_column *columns, unsigned n_columns, const char *name)
{
    for (unsigned i = 0; i < n_columns; i++)
        if (strcmp(columns[i].name, name) == 0)
            return i;
    return n_columns;
}

static void list_columns(const struct table_column *columns, unsigned n_columns, char buf[160])
{
    size_t len = 0;
    for (unsigned i = 0; i < n_columns; i++)
        len += (size_t)snprintf(buf + len, 160 - len, "%s%s", i ? ", " : "", columns[i].name);
}

static enum ga_status read_header(struct table *table, const struct fields *header, const struct table_column *columns,
                                  unsigned n_columns, struct mishap *mishap)
{
    char known[160];
    list_columns(columns, n_columns, known);
    for (unsigned i = 0; i < n_columns; i++)
        table->columns[i] = TABLE_NONE;
    for (unsigned i = 0; i < header->n && i < FIELDS_MAX; i++) {
        unsigned column = find_column(columns, n_columns, header->at[i]);
        if (column == n_columns)
            return gai_mishap(mishap, 1, "unknown column '%.40s'; known are %s", header->at[i], known);
        if (table->columns[column] != TABLE_NONE)
            return gai_mishap(mishap, 1, "column '%s' stands twice; keep one", header->at[i]);
        table->columns[column] = i;
        table->known[i] = column;
    }
    for (unsigned i = 0; i < n_columns; i++)
        if (columns[i].required && table->columns[i] == TABLE_NONE)
            return gai_mishap(mishap, 1, "no column '%s'; the header names the columns, of %s", columns[i].name, known);
    table->n_columns = header->n;
    return GA_OK;
}

static enum ga_status add_row(struct table *table, const struct fields *fields, const char *line, size_t len, struct mishap *mishap)
{
    if (fields->n != table->n_columns)
        return gai_mishap(mishap, table_line(table->n_rows), "%u cells under a header of %" PRIu32 " columns",
                          fields->n > FIELDS_MAX ? FIELDS_MAX : fields->n, table->n_columns);
    if (!array_room(&table->mem, &table->rows, &table->cap_rows, table->n_rows + (uint64_t)1) ||
        !array_room(&table->mem, &table->text, &table->cap_text, table->n_text + (uint64_t)len + 1)) {
        gai_mishap(mishap, 0, "%s", ga_status_str(GA_NO_MEMORY));
        return GA_NO_MEMORY;
    }
    table->rows[table->n_rows++] = table->n_text;
    memcpy(table->text + table->n_text, line, len + 1);
    table->n_text += (uint32_t)len + 1;
    return GA_OK;
}

static enum ga_status read_rows(struct table *table, struct lines *lines, struct mishap *mishap)
{
    enum ga_status status;
    struct fields fields;
    char *line;
    size_t len;
    while (next_line(lines, &line, &len, &status, mishap)) {
        if (len == 0 && table->n_columns > 1) {
            uint64_t blank = lines->number;
            while (next_line(lines, &line, &len, &status, mishap) && len == 0)
                continue;
            if (status == GA_OK && line)
                return gai_mishap(mishap, blank, "a blank line; remove it");
            return status;
        }
        gai_fields_cut(&fields, line, len, ',');
        status = add_row(table, &fields, line, len, mishap);
        if (status != GA_OK)
            return status;
    }
    return status;
}

enum ga_status gai_table_read(const struct ga_mem *mem, const struct ga_source *source, const struct table_column *columns,
                              unsigned n_columns, struct table *table, struct mishap *mishap)
{
    struct table read = { .mem = *mem };
    struct lines lines = lines_from(mem, source);
    struct fields fields;
    enum ga_status status;
    char *line;
    size_t len;
    if (next_line(&lines, &line, &len, &status, mishap)) {
        gai_fields_cut(&fields, line, len, ',');
        status = read_header(&read, &fields, columns, n_columns, mishap);
        if (status == GA_OK)
            status = read_rows(&read, &lines, mishap);
    } else if (status == GA_OK) {
        status = gai_mishap(mishap, 1, "the text is empty; its first line must name the columns");
    }
    gai_lines_fini(&lines);
    if (status == GA_OK)
        *table = read;
    else
        gai_table_fini(&read);
    return status;
}

void gai_table_fini(struct table *table)
{
    mem_free(&table->mem, table->text, table->cap_text);
    mem_free(&table->mem, table->rows, table->cap_rows);
}

const char *gai_table_cell(const struct table *table, uint32_t row, unsigned column)
{
    uint32_t index = table->columns[column];
    if (index == TABLE_NONE)
        return "";
    const char *cell = table->text + table->rows[row];
    while (index--)
        cell += strlen(cell) + 1;
    return cell;
}

bool gai_table_number(const struct table *table, uint32_t row, unsigned column, const char *name, uint64_t max, uint64_t *value,
                      struct mishap *mishap)
{
    const char *cell = gai_table_cell(table, row, column);
    uint64_t parsed;
    if (!gai_parse_u64(cell, cell + strlen(cell), &parsed) || parsed > max) {
        gai_mishap(mishap, table_line(row), "%s is '%.40s'; write a whole decimal number of at most %" PRIu64, name, cell, max);
        return false;
    }
    *value = parsed;
    return true;
}
