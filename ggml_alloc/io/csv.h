/*
 * csv.h - interval CSV: buffers to be placed, as id,lower,upper,size[,alignment][,offset]
 *
 * Lives are half open, [lower, upper); ids are any text; a non-empty offset is fixed.
 */
#ifndef GAI_IO_CSV_H
#define GAI_IO_CSV_H

#include "base/text.h"
#include "ggml_alloc/plan.h"
#include "io/table.h"

struct named_row {
    const char *id;
    uint32_t row;
};

struct intervals {
    struct table table;
    struct ga_interval *at; /* by row */
    struct named_row *by_id;
    uint32_t n;
};

/* GA_INVALID: also an empty life, an alignment that is no power of two, a fixed offset that misses it, an id that stands twice. */
enum ga_status gai_intervals_read(const struct ga_mem *mem, const struct ga_source *source, struct intervals *intervals,
                                  struct mishap *mishap);
void gai_intervals_fini(struct intervals *intervals);

const char *gai_intervals_id(const struct intervals *intervals, uint32_t row);
/* The row of an id, or UINT32_MAX.  O(log rows). */
uint32_t gai_intervals_find(const struct intervals *intervals, const char *id);

/* All columns as read, and where the plan puts each. */
void gai_intervals_write(const struct intervals *intervals, const ga_plan *plan, struct text *out);

#endif
