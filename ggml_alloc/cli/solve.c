#include "cli/cli.h"

#include "cli/order.h"
#include "cli/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned count_pools(const struct input *input)
{
    return input->is_graph && input->graph.n_buffers ? input->graph.n_buffers : 1;
}

/* What the graph may take of each capacity: what it needs beyond the graph goes first. */
static uint64_t capacity_left(const struct input *input, unsigned pool, uint64_t capacity)
{
    uint64_t extra = input->is_graph ? gai_tgraph_extra(&input->graph, pool) : 0;
    if (capacity == 0)
        return 0;
    return capacity > extra ? capacity - extra : 1;
}

static bool make_limits(const struct options *options, const struct input *input, struct solution *solution, uint64_t **left)
{
    unsigned n = solution->n_pools;
    solution->align = calloc(n, sizeof(uint64_t));
    solution->chunk_max = calloc(n, sizeof(uint64_t));
    solution->capacity = calloc(n, sizeof(uint64_t));
    *left = calloc(n, sizeof(uint64_t));
    if (!solution->align || !solution->chunk_max || !solution->capacity || !*left)
        return false;
    if (input->is_graph)
        gai_tgraph_limits(&input->graph, solution->align, solution->chunk_max);
    for (unsigned i = 0; i < n; i++) {
        if (options->has_align)
            solution->align[i] = options->align;
        if (options->has_max_chunk)
            solution->chunk_max[i] = options->max_chunk;
        solution->capacity[i] = options_capacity(options, i);
        (*left)[i] = capacity_left(input, i, solution->capacity[i]);
    }
    return true;
}

static enum ga_status make_plan(const struct input *input, const struct ga_plan_opts *opts, ga_plan **plan)
{
    struct watch watch;
    watch_begin(&watch, path_shown(input->path));
    struct ga_plan_opts watched = *opts;
    watched.progress = watch_progress;
    watched.user = &watch;
    enum ga_status status = input->is_graph ? ga_plan_graph(input->graph.graph, &watched, plan)
                                            : ga_plan_intervals(NULL, input->intervals.at, input->intervals.n, &watched, plan);
    watch_end(&watch);
    return status;
}

static void say_if_stopped(const struct input *input, const ga_plan *plan)
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    if (info.stopped)
        fprintf(stderr, "%s: stopped; this is the best plan so far\n", path_shown(input->path));
}

static enum exit_code refuse(const struct input *input, enum ga_status status)
{
    struct mishap mishap;
    const char *why = input->is_graph ? ga_graph_error(input->graph.graph) : NULL;
    if (!why && status == GA_INVALID)
        why = "fixed offsets collide, or miss the alignment of the pool";
    mishap.line = 0;
    say_in_file_ids(input, why ? why : ga_status_str(status), mishap.what, sizeof mishap.what);
    return complain_input(input->path, &mishap, status);
}

bool solution_has_pool(const struct solution *solution, uint64_t pool)
{
    return pool < solution->n_pools && gai_report_is_pool(&solution->report, (unsigned)pool);
}

/* Every pool that --capacity names exists; complains itself. */
static bool capacities_exist(const struct options *options, const struct solution *solution)
{
    for (unsigned pool = 0; pool <= UINT16_MAX && options->capacity; pool++) {
        bool is_named = options_capacity(options, pool) != 0 && options_capacity(options, UINT16_MAX + 1u) == 0;
        if (is_named && !solution_has_pool(solution, pool)) {
            complain("--capacity names pool %u, which %s has not", pool, path_shown(solution->report.path));
            return false;
        }
    }
    return true;
}

enum exit_code solve(const struct options *options, enum ga_effort effort, const struct input *input, struct solution *solution)
{
    *solution = (struct solution){ .n_pools = count_pools(input) };
    uint64_t *left = NULL;
    enum ga_status status = GA_NO_MEMORY;
    if (make_limits(options, input, solution, &left)) {
        struct ga_plan_opts opts = {
            .effort = effort,
            .steps = options->steps,
            .seed = options->seed,
            .n_pools = solution->n_pools,
            .capacity = left,
            .chunk_max = solution->chunk_max,
            .align = solution->align,
        };
        status = make_plan(input, &opts, &solution->plan);
    }
    free(left);
    solution->report = (struct report){
        .plan = solution->plan,
        .graph = input->is_graph ? input->graph.graph : NULL,
        .file = input->is_graph ? &input->graph : NULL,
        .path = input->path,
        .capacity = solution->capacity,
        .n_capacity = solution->n_pools,
    };
    bool exist = status == GA_OK && capacities_exist(options, solution);
    if (exist) {
        say_if_stopped(input, solution->plan);
        return EXIT_YES;
    }
    solution_free(solution);
    return status == GA_OK ? EXIT_USAGE : refuse(input, status);
}

void solution_free(struct solution *solution)
{
    ga_plan_delete(solution->plan);
    free(solution->align);
    free(solution->chunk_max);
    free(solution->capacity);
    *solution = (struct solution){ 0 };
}

enum exit_code solution_verdict(const struct options *options, const struct solution *solution)
{
    return options->capacity && gai_report_fit(&solution->report) != FIT_YES ? EXIT_NO : EXIT_YES;
}

/* Tells the graph to run in a better order, if there is one. */
static enum exit_code put_in_order(const struct options *options, const struct input *input)
{
    struct solution given;
    struct ordering ordering;
    enum exit_code code = solve(options, GA_EFFORT_ONLINE, input, &given);
    if (code != EXIT_YES)
        return code;
    code = find_order(options, input, &given, &ordering);
    solution_free(&given);
    if (code != EXIT_YES)
        return code;
    if (ordering.info.n_moved && ga_graph_sequence(input->graph.graph, ordering.list, ordering.n) != GA_OK) {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        code = EXIT_RESOURCES;
    }
    ordering_free(&ordering);
    return code;
}

enum exit_code load_and_solve(const struct options *options, const char *path, struct input *input, struct solution *solution)
{
    enum exit_code code = input_load(path, options, input);
    if (code != EXIT_YES)
        return code;
    if (options->is_order && input->is_graph)
        code = put_in_order(options, input);
    if (code == EXIT_YES)
        code = solve(options, options->effort, input, solution);
    if (code != EXIT_YES)
        input_free(input);
    return code;
}
