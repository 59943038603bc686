/*
 * compare.c - ggml-alloc compare: every rung, beside the bound and what the engine got
 */
#include "cli/cli.h"

#include "cli/watch.h"

#include "base/bits.h"

#include <stdio.h>
#include <string.h>

#define N_RUNGS (GA_EFFORT_PROVE - GA_EFFORT_NONE + 1)

/* The rungs that were climbed, from GA_EFFORT_NONE on, each with a plan of its own. */
struct climbed {
    struct solution rungs[N_RUNGS];
    size_t n;
    bool is_stopped; /* by a signal: those above are not known */
};

static size_t count_rungs(const struct options *options)
{
    enum ga_effort top = options->effort == GA_EFFORT_DEFAULT ? GA_EFFORT_PROVE : options->effort;
    return (size_t)top - GA_EFFORT_NONE + 1;
}

static void write_bytes(struct text *out, uint64_t bytes, bool is_known)
{
    char buf[32];
    gai_text(out, "  %10s", is_known ? gai_text_bytes(buf, bytes) : "-");
}

/* What the best rung saves against the engine, or against what ggml-alloc would do. */
static void write_saving(struct text *out, uint64_t best, uint64_t before)
{
    double saved = before ? 100.0 * (1.0 - (double)best / (double)before) : 0.0;
    gai_text(out, "  %6.1f %%", saved);
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

/* A rung that was not climbed, since the one below is optimal, gets what that got. */
static void compare_pool(const struct input *input, const struct climbed *climbed, size_t n_rungs, unsigned pool, int width,
                         struct text *out)
{
    const struct solution *last = &climbed->rungs[climbed->n - 1], *online = &climbed->rungs[climbed->n > 1];
    uint64_t engine = input->is_graph ? gai_tgraph_recorded(&input->graph, pool) : 0, bound = 0;
    const char *title;
    char fit[REPORT_FIT];
    int len = title_of(input->path, &title);
    gai_text(out, "%.*s%*s  %u %-8s", len, title, width - len, "", pool, gai_report_pool_name(&last->report, pool));
    for (size_t i = 0; i < n_rungs; i++) {
        const struct solution *rung = i < climbed->n ? &climbed->rungs[i] : last;
        write_bytes(out, ga_plan_peak(rung->plan, pool), i < climbed->n || !climbed->is_stopped);
        bound = max_u64(bound, ga_plan_bound(rung->plan, pool));
    }
    write_bytes(out, bound, true);
    write_bytes(out, engine, engine != 0);
    write_saving(out, ga_plan_peak(last->plan, pool), engine ? engine : ga_plan_peak(online->plan, pool));
    if (*gai_report_say_fit(&last->report, pool, fit))
        gai_text(out, ", %s", fit);
    gai_text(out, "\n");
}

static bool is_optimal(const ga_plan *plan)
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    return info.verdict == GA_OPTIMAL;
}

/* As high as it pays; online at least, since savings are told against it. */
static enum exit_code climb(const struct options *options, const struct input *input, size_t n_rungs, struct climbed *climbed)
{
    *climbed = (struct climbed){ .n = 0 };
    while (climbed->n < n_rungs) {
        struct solution *rung = &climbed->rungs[climbed->n];
        enum exit_code code = solve(options, (enum ga_effort)(GA_EFFORT_NONE + climbed->n), input, rung);
        if (code != EXIT_YES)
            return code;
        climbed->n++;
        climbed->is_stopped = watch_is_stopped();
        if (climbed->is_stopped || (climbed->n > 1 && is_optimal(rung->plan)))
            return EXIT_YES;
    }
    return EXIT_YES;
}

static enum exit_code compare_file(const struct options *options, const char *path, int width, struct text *out)
{
    struct input input;
    struct climbed climbed;
    size_t n_rungs = count_rungs(options);
    enum exit_code code = input_load(path, options, &input);
    if (code != EXIT_YES)
        return code;
    code = climb(options, &input, n_rungs, &climbed);
    for (unsigned pool = 0; code == EXIT_YES && pool < climbed.rungs[0].n_pools; pool++)
        if (gai_report_is_pool(&climbed.rungs[0].report, pool))
            compare_pool(&input, &climbed, n_rungs, pool, width, out);
    if (code == EXIT_YES)
        code = solution_verdict(options, &climbed.rungs[climbed.n - 1]);
    while (climbed.n-- > 0)
        solution_free(&climbed.rungs[climbed.n]);
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
    if (options->pair != PAIR_NONE)
        return compare_two(options, out);
    enum exit_code code = EXIT_YES;
    int width = widest_title(options);
    gai_text(out, "%-*s  %-10s", width, "", "pool");
    for (size_t i = 0; i < count_rungs(options); i++)
        gai_text(out, "  %10s", gai_effort_name((enum ga_effort)(GA_EFFORT_NONE + i)));
    gai_text(out, "  %10s  %10s  %8s\n", "bound", "engine", "saved");
    for (int i = 0; i < options->n_files; i++)
        code = exit_worse(code, compare_file(options, options->files[i], width, out));
    return code;
}
