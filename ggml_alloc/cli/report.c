/*
 * report.c - ggml-alloc report: what a contest of planners gave, or how two of them differ
 */
#include "cli/cli.h"
#include "cli/results.h"

static enum ga_status read_results(const struct ga_source *source, void *results, struct mishap *mishap)
{
    struct ga_env env = gai_env(NULL);
    return results_read(&env.mem, source, results, mishap);
}

static enum exit_code tell_one(const struct options *options, const struct results *results, struct text *out)
{
    struct standings standings;
    if (standings_make(&results->mem, results, &standings) != GA_OK) {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        return EXIT_RESOURCES;
    }
    if (options->report == REPORT_HTML)
        results_html(results, &standings, out);
    else if (options->report == REPORT_SVG)
        results_svg(&standings, out);
    else
        results_md(results, &standings, out);
    standings_fini(&standings);
    return EXIT_YES;
}

static enum exit_code tell_difference(const struct results *before, const struct results *after, struct text *out)
{
    uint32_t n, cap;
    struct change *changes = results_pair(&before->mem, before, after, &n, &cap);
    enum exit_code code = EXIT_RESOURCES;
    if (!changes)
        complain("%s", ga_status_str(GA_NO_MEMORY));
    else
        code = results_compare_md(changes, n, out) ? EXIT_YES : EXIT_NO;
    mem_free(&before->mem, changes, cap);
    return code;
}

enum exit_code command_report(const struct options *options, struct text *out)
{
    struct results first, second;
    if (options->n_files == 2 && options->report != REPORT_MD) {
        complain("two results are compared as --format=md only");
        return EXIT_USAGE;
    }
    enum exit_code code = file_read(options->files[0], read_results, &first);
    if (code != EXIT_YES)
        return code;
    if (options->n_files == 1) {
        code = tell_one(options, &first, out);
    } else if ((code = file_read(options->files[1], read_results, &second)) == EXIT_YES) {
        code = tell_difference(&first, &second, out);
        results_fini(&second);
    }
    results_fini(&first);
    return code;
}
