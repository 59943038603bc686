/*
 * measure.c - ggml-alloc measure: how much, one line per file and pool
 */
#include "cli/cli.h"

#include "base/bits.h"

#include <inttypes.h>
#include <string.h>

static int widest_path(const struct options *options)
{
    size_t widest = 0;
    for (int i = 0; i < options->n_files; i++)
        if (strlen(options->files[i]) > widest)
            widest = strlen(options->files[i]);
    return widest < 200 ? (int)widest : 200;
}

/* False when the pool takes more than it may. */
static bool measure_pool(const struct options *options, const struct report *report, unsigned pool, int width, struct text *out)
{
    uint64_t peak = ga_plan_peak(report->plan, pool), bound = ga_plan_bound(report->plan, pool);
    uint64_t extra = report->file ? gai_tgraph_extra(report->file, pool) : 0, all = add_sat(peak, extra);
    char buf[32], fit[REPORT_FIT];
    gai_text(out, "%-*s  pool %u  %-8s  peak %14" PRIu64 "  bound %14" PRIu64 "  %10s", width, path_shown(report->path), pool,
             gai_report_pool_name(report, pool), peak, bound, gai_text_bytes(buf, peak));
    if (extra)
        gai_text(out, " + %s beyond the graph", gai_text_bytes(buf, extra));
    bool over = options->has_budget && all > options->budget;
    if (over)
        gai_text(out, ", %s over budget%s", gai_text_bytes(buf, all - options->budget),
                 add_sat(bound, extra) > options->budget ? "; no plan is within" : "");
    if (*gai_report_say_fit(report, pool, fit))
        gai_text(out, ", %s", fit);
    gai_text(out, "\n");
    return !over;
}

static enum exit_code measure_file(const struct options *options, const char *path, int width, struct text *out)
{
    struct input input;
    struct solution solution;
    enum exit_code code = load_and_solve(options, path, &input, &solution);
    if (code != EXIT_YES)
        return code;
    for (unsigned pool = 0; pool < solution.n_pools; pool++)
        if (gai_report_is_pool(&solution.report, pool) && !measure_pool(options, &solution.report, pool, width, out))
            code = EXIT_NO;
    code = exit_worse(code, solution_verdict(options, &solution));
    solution_free(&solution);
    input_free(&input);
    return code;
}

enum exit_code command_measure(const struct options *options, struct text *out)
{
    enum exit_code code = EXIT_YES;
    int width = widest_path(options);
    for (int i = 0; i < options->n_files; i++)
        code = exit_worse(code, measure_file(options, options->files[i], width, out));
    return code;
}
