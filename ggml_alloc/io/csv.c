#include "io/csv.h"

#include "base/bits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum column { COLUMN_ID, COLUMN_LOWER, COLUMN_UPPER, COLUMN_SIZE, COLUMN_ALIGNMENT, COLUMN_OFFSET, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    { "id", true }, { "lower", true }, { "upper", true }, { "size", true }, { "alignment", false }, { "offset", false },
};

static const uint64_t most_bytes = (uint64_t)1 << 62;

/* An empty cell is `none`. */
static bool read_optional(const struct table *table, uint32_t row, enum column column, uint64_t none, uint64_t *value,
                          struct mishap *mishap)
{
    *value = none;
    return *gai_table_cell(table, row, column) == 0 ||
           gai_table_number(table, row, column, columns[column].name, most_bytes - 1, value, mishap);
}

static enum ga_status read_row(const struct table *table, uint32_t row, struct ga_interval *interval, struct mishap *mishap)
{
    uint64_t offset;
    if (!gai_table_number(table, row, COLUMN_LOWER, "lower", UINT64_MAX, &interval->birth, mishap) ||
        !gai_table_number(table, row, COLUMN_UPPER, "upper", UINT64_MAX, &interval->death, mishap) ||
        !gai_table_number(table, row, COLUMN_SIZE, "size", most_bytes, &interval->size, mishap) ||
        !read_optional(table, row, COLUMN_ALIGNMENT, 0, &interval->align, mishap) ||
        !read_optional(table, row, COLUMN_OFFSET, UINT64_MAX, &offset, mishap))
        return GA_INVALID;
    uint64_t line = table_line(row);
    if (interval->birth >= interval->death)
        return gai_mishap(mishap, line, "lower %" PRIu64 " is not below upper %" PRIu64 "; lives are half open, [lower, upper)",
                          interval->birth, interval->death);
    if (interval->align && !is_pow2(interval->align))
        return gai_mishap(mishap, line, "alignment %" PRIu64 " is not a power of two", interval->align);
    if (interval->align && offset != UINT64_MAX && (offset & (interval->align - 1)))
        return gai_mishap(mishap, line, "offset %" PRIu64 " is fixed, but no multiple of alignment %" PRIu64, offset,
                          interval->align);
    interval->fixed = offset + 1; /* free is UINT64_MAX, so 0 */
    return GA_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct named_row *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* And each id stands once. */
static enum ga_status sort_ids(struct intervals *intervals, struct mishap *mishap)
{
    const struct table *table = &intervals->table;
    struct named_row *sorted = intervals->by_id = mem_new_raw(&table->mem, struct named_row, table->n_rows);
    if (!sorted) {
        gai_mishap(mishap, 0, "%s", ga_status_str(GA_NO_MEMORY));
        return GA_NO_MEMORY;
    }
    for (uint32_t i = 0; i < table->n_rows; i++)
        sorted[i] = (struct named_row){ gai_table_cell(table, i, COLUMN_ID), i };
    qsort(sorted, table->n_rows, sizeof *sorted, by_id);
    enum ga_status status = GA_OK;
    for (uint32_t i = 1; i < table->n_rows && status == GA_OK; i++)
        if (strcmp(sorted[i - 1].id, sorted[i].id) == 0)
            status = gai_mishap(mishap, table_line(sorted[i].row), "id '%.60s' stands in line %" PRIu64 " already", sorted[i].id,
                                table_line(sorted[i - 1].row));
    return status;
}

enum ga_status gai_intervals_read(const struct ga_mem *mem, const struct ga_source *source, struct intervals *intervals,
                                  struct mishap *mishap)
{
    struct intervals read = { 0 };
    enum ga_status status = gai_table_read(mem, source, columns, N_COLUMNS, &read.table, mishap);
    if (status != GA_OK)
        return status;
    read.n = read.table.n_rows;
    read.at = mem_new(mem, struct ga_interval, read.n);
    if (!read.at) {
        gai_mishap(mishap, 0, "%s", ga_status_str(GA_NO_MEMORY));
        status = GA_NO_MEMORY;
    }
    for (uint32_t i = 0; i < read.n && status == GA_OK; i++)
        status = read_row(&read.table, i, &read.at[i], mishap);
    if (status == GA_OK)
        status = sort_ids(&read, mishap);
    if (status == GA_OK)
        *intervals = read;
    else
        gai_intervals_fini(&read);
    return status;
}

void gai_intervals_fini(struct intervals *intervals)
{
    mem_free(&intervals->table.mem, intervals->by_id, intervals->n);
    mem_free(&intervals->table.mem, intervals->at, intervals->n);
    gai_table_fini(&intervals->table);
}

const char *gai_intervals_id(const struct intervals *intervals, uint32_t row)
{
    return gai_table_cell(&intervals->table, row, COLUMN_ID);
}

uint32_t gai_intervals_find(const struct intervals *intervals, const char *id)
{
    uint32_t low = 0, high = intervals->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = strcmp(intervals->by_id[mid].id, id);
        if (order == 0)
            return intervals->by_id[mid].row;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return UINT32_MAX;
}

void gai_intervals_write(const struct intervals *intervals, const ga_plan *plan, struct text *out)
{
    const struct table *table = &intervals->table;
    bool has_offset = table->columns[COLUMN_OFFSET] != TABLE_NONE;
    for (uint32_t i = 0; i < table->n_columns; i++)
        gai_text(out, "%s%s", i ? "," : "", columns[table->known[i]].name);
    gai_text(out, has_offset ? "\n" : ",offset\n");
    for (uint32_t row = 0; row < intervals->n; row++) {
        struct ga_slot slot = { 0 };
        ga_plan_slot(plan, row + 1, &slot);
        for (uint32_t i = 0; i < table->n_columns; i++) {
            if (i)
                gai_text(out, ",");
            const char *cell = gai_table_cell(table, row, table->known[i]);
            if (table->known[i] == COLUMN_OFFSET)
                gai_text(out, "%" PRIu64, slot.offset);
            else
                gai_text_raw(out, cell, strlen(cell));
        }
        if (!has_offset)
            gai_text(out, ",%" PRIu64, slot.offset);
        gai_text(out, "\n");
    }
}
