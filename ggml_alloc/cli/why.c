/*
 * why.c - ggml-alloc why: what makes the peak
 */
#include "cli/why.h"

#include "cli/order.h"
#include "graph/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What a line says of a tensor: its id in the file, op and name. */
static void write_tensor(const struct input *input, ga_id id, struct text *out)
{
    struct ga_node node;
    if (!input->is_graph) {
        gai_text(out, "%s\n", gai_intervals_id(&input->intervals, id - 1));
        return;
    }
    ga_graph_node(input->graph.graph, id, &node);
    gai_text(out, "%6" PRIu32 "  %-16s  %s\n", input->graph.file_ids[id], node.op, node.name);
}

void why_name(const struct input *input, ga_id id, const char *verb, struct text *out)
{
    struct ga_node node;
    if (!input->is_graph)
        gai_text(out, "%s", gai_intervals_id(&input->intervals, id - 1));
    else if (ga_graph_node(input->graph.graph, id, &node))
        gai_text(out, "%s %s%s (tensor %" PRIu32 ")", node.op, node.name, verb, input->graph.file_ids[id]);
}

/* The node that runs at a step: the first, when several do. */
static ga_id runner(const ga_graph *graph, uint64_t step)
{
    for (struct walk walk = walk_start(graph); walk_next(&walk);)
        if (walk.step == step)
            return walk.id;
    return GA_NONE;
}

static void write_moment(const struct input *input, uint64_t step, struct text *out)
{
    ga_id id = input->is_graph ? runner(input->graph.graph, step) : GA_NONE;
    gai_text(out, " at %s %" PRIu64, input->is_graph ? "step" : "time", step);
    if (id == GA_NONE && input->is_graph && step == 0)
        gai_text(out, ", before the first node");
    if (id != GA_NONE) {
        gai_text(out, ", where ");
        why_name(input, id, " runs", out);
    }
    gai_text(out, "\n");
}

static uint64_t largest_tensor(const ga_plan *plan, unsigned pool, ga_id *largest)
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    uint64_t most = 0;
    for (ga_id id = 1; id <= info.n_nodes; id++) {
        struct ga_slot slot;
        if (ga_plan_slot(plan, id, &slot) && slot.pool == pool && slot.size > most) {
            most = slot.size;
            *largest = id;
        }
    }
    return most;
}

/* What lives at the moment needs so much wherever it is put. */
static uint64_t least_for(const struct moment *moment)
{
    uint64_t align = moment->solution->align[moment->pool], sum = 0;
    for (uint32_t i = 0; i < moment->n_live; i++)
        sum += align > 1 ? (moment->live[i].size + align - 1) & ~(align - 1) : moment->live[i].size;
    return sum;
}

static void write_bound(const struct moment *moment, struct text *out)
{
    const ga_plan *plan = moment->solution->plan;
    uint64_t peak = ga_plan_peak(plan, moment->pool), bound = ga_plan_bound(plan, moment->pool), least = least_for(moment);
    char buf[32], gap[32];
    if (peak > bound)
        gai_text(out, "  The bound is %s: a better plan could save %s at most.\n", gai_text_bytes(buf, bound),
                 gai_text_bytes(gap, peak - bound));
    else if (least >= bound)
        gai_text(out, "  No plan is lower: what lives then takes as much.\n");
    else
        gai_text(out, "  No plan is lower: that is proven, though what lives then takes %s.\n", gai_text_bytes(buf, least));
}

static void write_summary(const struct moment *moment, struct text *out)
{
    const struct report *report = &moment->solution->report;
    uint64_t peak = ga_plan_peak(report->plan, moment->pool), live = 0;
    char buf[32], fit[REPORT_FIT];
    for (uint32_t i = 0; i < moment->n_live; i++)
        live += moment->live[i].size;
    write_bound(moment, out);
    if (*gai_report_say_fit(report, moment->pool, fit))
        gai_text(out, "  Capacity: %s.\n", fit);
    if (peak > live)
        gai_text(out, "  %s of the peak are gaps and padding.\n", gai_text_bytes(buf, peak - live));
}

static void write_live(const struct input *input, const struct ga_live *live, uint32_t n, uint64_t peak, struct text *out)
{
    gai_text(out, "\n  %10s  %7s  %-15s  %s\n", "size", "share", input->is_graph ? "steps" : "lives",
             input->is_graph ? "    id  op                name" : "id");
    for (uint32_t i = 0; i < n; i++) {
        char size[32], steps[48];
        snprintf(steps, sizeof steps, "%" PRIu64 "..%" PRIu64, live[i].birth, live[i].death - 1);
        gai_text(out, "  %10s  %5.1f %%  %-15s  ", gai_text_bytes(size, live[i].size), 100.0 * (double)live[i].size / (double)peak,
                 steps);
        write_tensor(input, live[i].id, out);
    }
}

static void write_largest(const struct moment *moment, struct text *out)
{
    char buf[32];
    ga_id largest = GA_NONE;
    gai_text(out, "  The largest single tensor takes %s: ",
             gai_text_bytes(buf, largest_tensor(moment->solution->plan, moment->pool, &largest)));
    why_name(moment->input, largest, "", out);
    gai_text(out, "\n");
}

static enum ga_status explain_moment(const struct moment *moment, struct text *out)
{
    const struct input *input = moment->input;
    uint64_t peak = ga_plan_peak(moment->solution->plan, moment->pool);
    char buf[32];
    const char *name = gai_report_pool_name(&moment->solution->report, moment->pool);
    gai_text(out, "%s, pool %u%s%s: %s", input->is_graph ? input->graph.name : path_shown(input->path), moment->pool,
             *name ? " " : "", name, gai_text_bytes(buf, peak));
    write_moment(input, moment->step, out);
    write_summary(moment, out);
    enum ga_status status = why_elsewhere(moment, out);
    write_largest(moment, out);
    write_live(input, moment->live, moment->n_live, peak, out);
    why_ends(moment, out);
    why_inplace(moment, out);
    return status;
}

static enum exit_code explain_pool(const struct options *options, const struct input *input, const struct solution *solution,
                                   unsigned pool, struct text *out)
{
    const ga_plan *plan = solution->plan;
    struct moment moment = { .input = input, .solution = solution, .pool = pool, .inplace = options->inplace };
    uint32_t n = ga_plan_live_at_peak(plan, pool, NULL, 0, &moment.step);
    struct ga_live *live = calloc(n ? n : 1, sizeof *live);
    enum ga_status status = GA_NO_MEMORY;
    if (live) {
        moment.live = live;
        moment.n_live = ga_plan_live_at_peak(plan, pool, live, n, NULL);
        status = explain_moment(&moment, out);
    }
    free(live);
    if (status == GA_OK)
        return EXIT_YES;
    complain("%s", ga_status_str(status));
    return EXIT_RESOURCES;
}

/* What another order of the nodes would save, if it would. */
static enum exit_code explain_order(const struct options *options, const struct input *input, const struct solution *solution,
                                    struct text *out)
{
    struct ordering ordering;
    char after[32], saved[32];
    enum exit_code code = find_order(options, input, solution, &ordering);
    if (code != EXIT_YES)
        return code;
    const struct ga_order_info *info = &ordering.info;
    if (info->bound_after < info->bound_before)
        gai_text(out, "\n  In another order its nodes would need %s, which is %s less: see 'ggml-alloc order'.\n",
                 gai_text_bytes(after, info->bound_after), gai_text_bytes(saved, info->bound_before - info->bound_after));
    ordering_free(&ordering);
    return EXIT_YES;
}

static enum exit_code why_file(const struct options *options, const char *path, struct text *out)
{
    struct input input;
    struct solution solution;
    enum exit_code code = load_and_solve(options, path, &input, &solution);
    if (code != EXIT_YES)
        return code;
    bool first = true;
    for (unsigned pool = 0; code == EXIT_YES && pool < solution.n_pools; pool++) {
        if (ga_plan_peak(solution.plan, pool) == 0 || (options->has_pool && pool != options->pool))
            continue;
        gai_text(out, "%s", first ? "" : "\n");
        code = explain_pool(options, &input, &solution, pool, out);
        first = false;
    }
    if (code == EXIT_YES && first && options->has_pool && !solution_has_pool(&solution, options->pool)) {
        complain("%s has no pool %" PRIu64, path_shown(path), options->pool);
        code = EXIT_USAGE;
    } else if (code == EXIT_YES && first) {
        gai_text(out, "%s: nothing needs memory\n", path_shown(path));
    }
    if (code == EXIT_YES && !first && input.is_graph)
        code = explain_order(options, &input, &solution, out);
    if (code == EXIT_YES)
        code = solution_verdict(options, &solution);
    solution_free(&solution);
    input_free(&input);
    return code;
}

enum exit_code command_why(const struct options *options, struct text *out)
{
    enum exit_code code = EXIT_YES;
    for (int i = 0; i < options->n_files; i++) {
        gai_text(out, "%s", i ? "\n" : "");
        code = exit_worse(code, why_file(options, options->files[i], out));
    }
    return code;
}
