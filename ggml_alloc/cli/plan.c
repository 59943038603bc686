/*
 * plan.c - ggml-alloc plan: place every tensor
 */
#include "cli/cli.h"

#include <stdio.h>

/* A pool that --capacity names must exist. */
static bool capacities_exist(const struct options *options, const struct solution *solution, const char *path)
{
    for (unsigned pool = 0; pool <= UINT16_MAX && options->capacity; pool++) {
        bool exists = pool < solution->n_pools && gai_report_is_pool(&solution->report, pool);
        bool is_named = options_capacity(options, pool) != 0 && options_capacity(options, UINT16_MAX + 1u) == 0;
        if (is_named && !exists) {
            complain("--capacity names pool %u, which %s has not", pool, path_shown(path));
            return false;
        }
    }
    return true;
}

static enum exit_code write_plan(const struct options *options, const struct input *input, const struct solution *solution,
                                 struct text *out)
{
    if (input->is_graph || options->format != GA_CSV) {
        gai_report_write(&solution->report, options->format, out);
        return EXIT_YES;
    }
    if (ga_plan_chunk(solution->plan, 0, 1) != 0) {
        complain("interval CSV has no column for chunks, but --max-chunk makes several; write --format=json or plan");
        return EXIT_USAGE;
    }
    gai_intervals_write(&input->intervals, solution->plan, out);
    return EXIT_YES;
}

static enum exit_code plan_file(const struct options *options, const char *path, struct text *out)
{
    struct input input;
    struct solution solution;
    enum exit_code code = load_and_solve(options, path, &input, &solution);
    if (code != EXIT_YES)
        return code;
    code = capacities_exist(options, &solution, path) ? write_plan(options, &input, &solution, out) : EXIT_USAGE;
    if (code == EXIT_YES && options->capacity && gai_report_fit(&solution.report) != FIT_YES)
        code = EXIT_NO;
    solution_free(&solution);
    input_free(&input);
    return code;
}

enum exit_code command_plan(const struct options *options, struct text *out)
{
    enum exit_code code = EXIT_YES;
    if (options->n_files > 1 && options->format >= GA_CSV) {
        complain("csv and plan hold one graph; name one FILE, or write --format=text or json");
        return EXIT_USAGE;
    }
    for (int i = 0; i < options->n_files; i++) {
        if (i > 0 && options->format == GA_TEXT)
            gai_text(out, "\n");
        code = exit_worse(code, plan_file(options, options->files[i], out));
    }
    return code;
}
