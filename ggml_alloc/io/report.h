/*
 * report.h - a plan as text, JSON, CSV or in the plan format
 *
 * A plan alone knows ids and pools by number; the file that its graph came from gives names, its own ids, and what the engine's
 * allocator needed.
 */
#ifndef GAI_IO_REPORT_H
#define GAI_IO_REPORT_H

#include "base/text.h"
#include "io/tgraph.h"

struct report {
    const ga_plan *plan;
    const ga_graph *graph;     /* may be NULL: views cannot be told from owners then */
    const struct tgraph *file; /* may be NULL: ids are the graph's */
    const char *path;          /* of the file; may be NULL */
    const uint64_t *capacity;  /* by pool, 0: none; NULL: none at all */
    unsigned n_capacity;
};

enum fit { FIT_UNKNOWN, FIT_YES, FIT_NO };

/* Whether the pool and what it needs beyond the graph fit; unknown without a capacity, and when neither is proved. */
enum fit gai_report_pool_fit(const struct report *report, unsigned pool);
/* Of all pools: no if one does not, yes if every one that has a capacity does. */
enum fit gai_report_fit(const struct report *report);

/*
 * "fits 8.00 MiB", or what is known instead; "" without a capacity.  What cannot fit is said with what is proven to be needed, what
 * is beyond the graph included.  Returns `buf`.
 */
#define REPORT_FIT 96
const char *gai_report_say_fit(const struct report *report, unsigned pool, char buf[REPORT_FIT]);

/* Pools run from 0 to one below this; those that share another's memory are to be skipped. */
unsigned gai_report_pools(const struct report *report);
bool gai_report_is_pool(const struct report *report, unsigned pool);
const char *gai_report_pool_name(const struct report *report, unsigned pool); /* "" when it has none */

/* Sums over all pools; what the file does not record is 0. */
uint64_t gai_report_peak(const struct report *report);
uint64_t gai_report_bound(const struct report *report);
uint64_t gai_report_recorded(const struct report *report);

const char *gai_effort_name(enum ga_effort effort);

/* Failure sticks to `out`. */
void gai_report_write(const struct report *report, enum ga_format format, struct text *out);
/* The plan format of GA_PLAN, which gai_plan_read() reads. */
void gai_plan_format_write(const ga_plan *plan, struct text *out);

enum ga_status gai_plan_format_read(const struct ga_env *env, const struct ga_source *source, ga_plan **plan,
                                    struct mishap *mishap);

#endif
