/*
 * compare.c - ggml-alloc compare: every rung, beside the bound and what the engine got
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const enum ga_effort rungs[] = { GA_EFFORT_NONE, GA_EFFORT_ONLINE, GA_EFFORT_QUICK };
#define N_RUNGS (sizeof rungs / sizeof *rungs)

static void write_bytes(struct text *out, uint64_t bytes, bool is_known)
{
    char buf[32];
    gai_text(out, "  %10s", is_known ? gai_text_bytes(buf, bytes) : "-");
}

/* What the best rung saves against the engine, or against what ggml-alloc would do. */
static void write_saving(struct text *out, uint64_t best, uint64_t before)
{
    double saved = before ? 100.0 * (1.0 - (double)best / (double)before) : 0.0;
    gai_text(out, "  %6.1f %%\n", saved);
}

/* A file by its name, without folder and suffix; returns its length. */
static int title_of(const char *path, const char **title)
{
    const char *slash = strrchr(path, '/');
    *title = slash && slash[1] ? slash + 1 : path_shown(path);
    size_t len = strlen(*title), suffix = strlen(".tgraph");
    if (len > suffix && strcmp(*title + len - suffix, ".tgraph") == 0)
        len -= suffix;
    return len < 80 ? (int)len : 80;
}

static void compare_pool(const struct input *input, const struct solution solutions[N_RUNGS], unsigned pool, int width,
                         struct text *out)
{
    const struct report *report = &solutions[0].report;
    uint64_t engine = input->is_graph ? gai_tgraph_recorded(&input->graph, pool) : 0;
    const char *title;
    int len = title_of(input->path, &title);
    gai_text(out, "%.*s%*s  %u %-8s", len, title, width - len, "", pool, gai_report_pool_name(report, pool));
    for (size_t i = 0; i < N_RUNGS; i++)
        write_bytes(out, ga_plan_peak(solutions[i].plan, pool), true);
    write_bytes(out, ga_plan_bound(solutions[N_RUNGS - 1].plan, pool), true);
    write_bytes(out, engine, engine != 0);
    write_saving(out, ga_plan_peak(solutions[N_RUNGS - 1].plan, pool), engine ? engine : ga_plan_peak(solutions[1].plan, pool));
}

static enum exit_code compare_file(const struct options *options, const char *path, int width, struct text *out)
{
    struct input input;
    enum exit_code code = input_load(path, options, &input);
    if (code != EXIT_YES)
        return code;
    struct solution solutions[N_RUNGS];
    size_t n = 0;
    while (n < N_RUNGS && code == EXIT_YES) {
        code = solve(options, rungs[n], &input, &solutions[n]);
        n += code == EXIT_YES;
    }
    for (unsigned pool = 0; code == EXIT_YES && pool < solutions[0].n_pools; pool++)
        if (gai_report_is_pool(&solutions[0].report, pool))
            compare_pool(&input, solutions, pool, width, out);
    while (n-- > 0)
        solution_free(&solutions[n]);
    input_free(&input);
    return code;
}

static int widest_title(const struct options *options)
{
    const char *title;
    int widest = 0;
    for (int i = 0; i < options->n_files; i++) {
        int len = title_of(options->files[i], &title);
        widest = len > widest ? len : widest;
    }
    return widest;
}

enum exit_code command_compare(const struct options *options, struct text *out)
{
    enum exit_code code = EXIT_YES;
    int width = widest_title(options);
    gai_text(out, "%-*s  %-10s", width, "", "pool");
    for (size_t i = 0; i < N_RUNGS; i++)
        gai_text(out, "  %10s", gai_effort_name(rungs[i]));
    gai_text(out, "  %10s  %10s  %8s\n", "bound", "engine", "saved");
    for (int i = 0; i < options->n_files; i++)
        code = exit_worse(code, compare_file(options, options->files[i], width, out));
    return code;
}
