/*
 * bench_gallocr.c - what an engine's loop pays for each token; see README.md
 *
 *     bench_gallocr [--repeats=N] [--synthetic=N]... [FILE.tgraph]...
 */
#include "feed.h"
#include "measure.h"

#include "ggml_alloc/gallocr.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct totals {
    struct geomean plain, alloc, loop, walk;
    uint64_t calls;
};

/* One graph, described and allocated again and again as for tokens, beside the yardstick that plans it each time. */
struct run {
    struct instance instance;
    struct plain *plain;
    struct meter meter; /* counts what the hook is asked */
    ga_meter *device;   /* and what the backend is: addresses only */
    struct ga_backend backends[FEED_BUFTS];
    ga_arena *arena;
    ga_gallocr *galloc;
    ga_graph *graph;
    struct ga_node *specs; /* what the engine says of each tensor as it makes it */
    ga_id *srcs;
    struct samples tables, alloc, loop, walk;
    int batch;
};

/* From the engine's finished tensors, sources found by pointer: as an adapter to an engine would. */
static bool walk(struct run *run)
{
    ga_graph_clear(run->graph);
    return feed(run->graph, &run->instance, FEED_GGML) == GA_OK;
}

/* As an engine does that tells of each tensor while it makes it, and keeps the id beside it. */
static bool describe(struct run *run, uint32_t n)
{
    ga_graph_clear(run->graph);
    for (uint32_t i = 0; i < n; i++)
        ga_graph_add(run->graph, &run->specs[i]);
    return ga_graph_status(run->graph) == GA_OK;
}

/* The graph that was fed, node by node, to be described again. */
static bool take_specs(struct run *run)
{
    uint32_t n = ga_graph_len(run->graph);
    run->specs = calloc(n, sizeof *run->specs);
    size_t n_srcs = 0;
    for (ga_id id = 1; run->specs && id <= n; id++) {
        ga_graph_node(run->graph, id, &run->specs[id - 1]);
        n_srcs += run->specs[id - 1].n_src;
    }
    run->srcs = calloc(n_srcs + 1, sizeof *run->srcs);
    ga_id *at = run->srcs;
    for (uint32_t i = 0; run->specs && run->srcs && i < n; i++) {
        struct ga_node *spec = &run->specs[i];
        if (spec->n_src)
            memcpy(at, spec->src, spec->n_src * sizeof *at);
        spec->src = at;
        at += spec->n_src;
    }
    return run->specs && run->srcs;
}

static bool open_run(struct run *run)
{
    struct ga_env env = meter_env(&run->meter);
    const struct ga_backend *pools[FEED_BUFTS];
    run->plain = plain_new(run->instance.bufts, run->instance.graph.n_bufts);
    run->device = ga_meter_new(NULL, ga_backend_null());
    if (!run->plain || !run->device)
        return false;
    for (int i = 0; i < run->instance.graph.n_bufts; i++) {
        const struct plain_buft *buft = &run->instance.bufts[i];
        run->backends[i] = *ga_meter_backend(run->device);
        run->backends[i].align = (size_t)buft->align;
        run->backends[i].max_size = buft->max_size < SIZE_MAX ? (size_t)buft->max_size : 0;
        pools[i] = &run->backends[i];
    }
    run->arena = ga_arena_new(&env, pools, (unsigned)run->instance.graph.n_bufts, NULL);
    run->galloc = ga_gallocr_new(&env, run->arena, NULL);
    run->graph = ga_graph_new(&env);
    if (!run->galloc || !run->graph)
        return false;
    ga_graph_borrow(run->graph, true);
    return walk(run) && take_specs(run) && ga_gallocr_alloc_graph(run->galloc, run->graph) == GA_OK;
}

static void close_run(struct run *run)
{
    ga_graph_delete(run->graph);
    ga_gallocr_delete(run->galloc);
    ga_arena_delete(run->arena);
    ga_meter_delete(run->device);
    plain_delete(run->plain);
    free(run->specs);
    free(run->srcs);
    instance_fini(&run->instance);
}

/* In turn: the yardstick plans, the graph is allocated again, it is described (in two ways) and allocated again. */
static bool run_once(struct run *run)
{
    uint32_t n = ga_graph_len(run->graph);
    double start = measure_now();
    for (int i = 0; i < run->batch; i++)
        if (!plain_plan(run->plain, &run->instance.graph))
            return false;
    double planned = measure_now();
    for (int i = 0; i < run->batch; i++)
        if (ga_gallocr_alloc_graph(run->galloc, run->graph) != GA_OK)
            return false;
    double allocated = measure_now();
    for (int i = 0; i < run->batch; i++)
        if (!describe(run, n) || ga_gallocr_alloc_graph(run->galloc, run->graph) != GA_OK)
            return false;
    double looped = measure_now();
    for (int i = 0; i < run->batch; i++)
        if (!walk(run) || ga_gallocr_alloc_graph(run->galloc, run->graph) != GA_OK)
            return false;
    double walked = measure_now();
    samples_add(&run->tables, (planned - start) / run->batch);
    samples_add(&run->alloc, (allocated - planned) / run->batch);
    samples_add(&run->loop, (looped - allocated) / run->batch);
    samples_add(&run->walk, (walked - looped) / run->batch);
    return true;
}

static uint64_t calls_so_far(const struct run *run)
{
    struct ga_meter_stats stats;
    ga_meter_stats(run->device, &stats);
    return run->meter.requests + stats.allocs + stats.frees;
}

static void report(struct run *run, uint64_t calls, struct totals *totals)
{
    double n = run->instance.graph.n_nodes, plain = samples_median(&run->tables) / n, alloc = samples_median(&run->alloc) / n;
    double loop = samples_median(&run->loop) / n, walk = samples_median(&run->walk) / n;
    printf("{\"graph\":\"%s\",\"nodes\":%.0f,\"plain_ns\":%.1f,\"alloc_ns\":%.2f,\"loop_ns\":%.1f,\"walk_ns\":%.1f,"
           "\"alloc_ratio\":%.4f,\"loop_ratio\":%.3f,\"walk_ratio\":%.3f,\"calls\":%" PRIu64 "}\n",
           run->instance.name, n, plain, alloc, loop, walk, alloc / plain, loop / plain, walk / plain, calls);
    fflush(stdout);
    geomean_add(&totals->plain, plain);
    geomean_add(&totals->alloc, alloc / plain);
    geomean_add(&totals->loop, loop / plain);
    geomean_add(&totals->walk, walk / plain);
    totals->calls += calls;
}

static void report_totals(const struct totals *totals)
{
    printf("{\"graphs\":%d,\"plain_ns\":%.1f,\"alloc_ratio\":%.4f,\"loop_ratio\":%.3f,\"walk_ratio\":%.3f,\"calls\":%" PRIu64 "}\n",
           totals->plain.n, geomean_of(&totals->plain), geomean_of(&totals->alloc), geomean_of(&totals->loop),
           geomean_of(&totals->walk), totals->calls);
}

static bool run_instance(struct run *run, int repeats, struct totals *totals)
{
    run->batch = 1 + 2000 / (int)run->instance.graph.n_nodes;
    bool good = open_run(run) && run_once(run);
    run->tables.n = run->alloc.n = run->loop.n = run->walk.n = 0;
    uint64_t before = good ? calls_so_far(run) : 0;
    for (int i = 0; good && i < repeats; i++)
        good = run_once(run);
    if (good)
        report(run, calls_so_far(run) - before, totals);
    else
        fprintf(stderr, "%s: cannot be allocated\n", run->instance.name);
    close_run(run);
    return good;
}

int main(int argc, char **argv)
{
    struct totals totals = { 0 };
    struct run *run = malloc(sizeof *run);
    int repeats = 101;
    bool good = run != NULL;
    for (int i = 1; good && i < argc; i++) {
        *run = (struct run){ 0 };
        if (strncmp(argv[i], "--repeats=", 10) == 0)
            repeats = atoi(argv[i] + 10);
        else if (strncmp(argv[i], "--synthetic=", 12) == 0)
            good = instance_make(&run->instance, (uint32_t)atoi(argv[i] + 12)) && run_instance(run, repeats, &totals);
        else
            good = instance_load(&run->instance, argv[i]) && run_instance(run, repeats, &totals);
    }
    if (totals.plain.n > 0)
        report_totals(&totals);
    free(run);
    return good ? 0 : 1;
}
