/*
 * results.h - what a contest of planners gave: one line per planner and instance
 *
 *     {"peer":"low","instance":"A","n":154,"peak":1201152,"load":1048576,"proved":false,"median_ns":61000,...}
 *     peer,instance,n,peak,load,ratio,proved,median_ns,min_ns,bytes,seed,commit,compiler,cpu        or the same as CSV
 *
 *     results --> standings: a table of planners by instances, and how each planner did over all of them
 *
 * Keys that are not known are skipped, so that results of later versions can be read.
 */
#ifndef GAI_CLI_RESULTS_H
#define GAI_CLI_RESULTS_H

#include "base/text.h"
#include "io/lines.h"

#define RESULT_NAME 96
#define RESULT_ORIGIN 80

struct result {
    char peer[RESULT_NAME], instance[RESULT_NAME];
    uint64_t n, peak, load, median_ns, min_ns, bytes, seed; /* peak 0: no answer */
    bool proved;
    char commit[RESULT_ORIGIN], compiler[RESULT_ORIGIN], cpu[RESULT_ORIGIN];
};

struct results {
    struct ga_mem mem;
    struct result *at;
    uint32_t n, cap;
};

/* GA_INVALID: a line that is none, lacks peer, instance or load, or says something twice; also GA_IO, GA_NO_MEMORY. */
enum ga_status results_read(const struct ga_mem *mem, const struct ga_source *source, struct results *results,
                            struct mishap *mishap);
void results_fini(struct results *results);

/* Over the instances that it answered; ratios are peak / lowest peak that anybody found. */
struct standing {
    const char *peer;
    uint32_t answered, lowest, proved;
    double over_load;  /* geometric mean of peak / load, less 1 */
    double worst_load; /* the largest of these */
    double over_best;  /* geometric mean of the ratios, less 1 */
    uint64_t total_ns; /* of medians, unanswered ones included */
    uint64_t most_bytes;
};

struct standings {
    struct ga_mem mem;
    struct standing *peers; /* in order of appearance */
    uint32_t n_peers, cap_peers;
    const struct result **instances; /* the first line of each, in order of appearance */
    uint32_t n_instances, cap_instances;
    const struct result **cells; /* [instance * n_peers + peer]; NULL: did not take part */
    uint64_t *best;              /* by instance: the lowest peak; 0: nobody answered */
};

/* Borrows from the results.  GA_NO_MEMORY. */
enum ga_status standings_make(const struct ga_mem *mem, const struct results *results, struct standings *standings);
void standings_fini(struct standings *standings);

static inline const struct result *standings_cell(const struct standings *s, uint32_t instance, uint32_t peer)
{
    return s->cells[(size_t)instance * s->n_peers + peer];
}

/* Of all instances that anybody answered: the share in which this one's peak is at most `factor` times the lowest. */
double standings_share(const struct standings *standings, uint32_t peer, double factor);

/* The second of two runs against the first: who and where both have it. */
struct change {
    const struct result *before, *after;
};

/* Every pair, in the order of the second; NULL: no memory.  To be freed with mem_free(), `cap` elements. */
struct change *results_pair(const struct ga_mem *mem, const struct results *before, const struct results *after, uint32_t *n,
                            uint32_t *cap);

/* ---- results_md.c, results_svg.c, results_html.c ---- */

/* "1.25 ms" */
void results_time(double ns, struct text *out);

/* Tables in Markdown. */
void results_md(const struct results *results, const struct standings *standings, struct text *out);
/* Two charts: how often within what of the lowest, and time against quality. */
void results_svg(const struct standings *standings, struct text *out);
/* Both in one page that needs nothing else. */
void results_html(const struct results *results, const struct standings *standings, struct text *out);
/* What changed, in Markdown; false: a peak is higher than before. */
bool results_compare_md(const struct change *changes, uint32_t n, struct text *out);

#endif
