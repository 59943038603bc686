/*
 * plan.c - ggml-alloc plan: place every tensor
 */
#include "cli/cli.h"

static enum exit_code write_plan(const struct options *options, const struct input *input, const struct solution *solution,
                                 struct text *out)
{
    if (options->picture)
        return draw(options, input, solution, out);
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
    code = write_plan(options, &input, &solution, out);
    if (code == EXIT_YES)
        code = solution_verdict(options, &solution);
    solution_free(&solution);
    input_free(&input);
    return code;
}

enum exit_code command_plan(const struct options *options, struct text *out)
{
    enum exit_code code = EXIT_YES;
    if (options->n_files > 1 && (options->format >= GA_CSV || options->picture)) {
        complain("csv, plan and pictures hold one graph; name one FILE, or write --format=text or json");
        return EXIT_USAGE;
    }
    for (int i = 0; i < options->n_files; i++) {
        if (i > 0 && options->format == GA_TEXT)
            gai_text(out, "\n");
        code = exit_worse(code, plan_file(options, options->files[i], out));
    }
    return code;
}
