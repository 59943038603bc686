/*
 * intervals.c - ggml-alloc intervals: the placement problem of a graph, as interval CSV
 */
#include "cli/cli.h"

#include <inttypes.h>

/* The pool asked for, or the only one that holds anything; -1 and a complaint otherwise. */
static long choose_pool(const struct options *options, const struct solution *solution, const char *path)
{
    long only = -1;
    unsigned n = 0;
    for (unsigned pool = 0; pool < solution->n_pools; pool++)
        if (ga_plan_peak(solution->plan, pool) != 0) {
            only = (long)pool;
            n++;
        }
    if (options->has_pool && solution_has_pool(solution, options->pool))
        return (long)options->pool;
    if (options->has_pool)
        complain("%s has no pool %" PRIu64, path_shown(path), options->pool);
    else if (n > 1)
        complain("%s fills %u pools; name one with --pool=N", path_shown(path), n);
    else
        return n ? only : 0;
    return -1;
}

static void write_intervals(const struct input *input, const struct solution *solution, unsigned pool, struct text *out)
{
    const struct tgraph *file = &input->graph;
    gai_text(out, "id,lower,upper,size,alignment\n");
    for (uint32_t at = 0; at < file->n_tensors; at++) {
        struct ga_slot slot;
        struct ga_node node;
        uint64_t birth, death;
        if (!ga_graph_node(file->graph, file->ids[at], &node) || node.view_of != GA_NONE ||
            !ga_plan_slot(solution->plan, file->ids[at], &slot) || slot.pool != pool ||
            !ga_plan_life(solution->plan, file->ids[at], &birth, &death))
            continue;
        uint64_t align = node.align > solution->align[pool] ? node.align : solution->align[pool];
        gai_text(out, "%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", at, birth, death, slot.size, align);
    }
}

enum exit_code command_intervals(const struct options *options, struct text *out)
{
    const char *path = options->files[0];
    struct input input;
    enum exit_code code = input_load(path, options, &input);
    if (code != EXIT_YES)
        return code;
    struct solution solution;
    if (!input.is_graph) {
        complain("%s holds intervals already; name a .tgraph", path_shown(path));
        code = EXIT_USAGE;
    } else if ((code = solve(options, GA_EFFORT_NONE, &input, &solution)) == EXIT_YES) {
        long pool = choose_pool(options, &solution, path);
        if (pool >= 0)
            write_intervals(&input, &solution, (unsigned)pool, out);
        else
            code = EXIT_USAGE;
        solution_free(&solution);
    }
    input_free(&input);
    return code;
}
