/*
 * bench_place.c - what planning a graph costs, and how good the plans are; see README.md
 *
 *     bench_place [--cold] [--repeats=N] [--verify=DIR] [--synthetic=N]... [FILE.tgraph]...
 *     bench_place --peers=all|NAME,... [--repeat=N] [--seed=S] [--format=json|csv] [--external=CMD]... [--instances=LIST] [FILE]...
 *     bench_place --effort=RUNG [--capacity=N|optimum] [--limit=SECONDS] [--external=CMD]... [--perfect=N] [--random=N] [FILE]...
 */
#include "feed.h"
#include "measure.h"
#include "solve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct totals {
    struct geomean plain, online, quick, bound, recorded;
    double worst_bytes, worst_bytes_reserved; /* of graphs of 1,000 nodes and more */
    int at_bound, above_recorded;
    struct scale {
        double nodes, plain, online, quick; /* the fastest repeat: a busy machine slows large graphs more than small ones */
    } smallest, largest;                    /* of the synthetic ones */
};

/* One graph: built once, planned again and again by everybody in turn; small ones several times in a row, to be seen by the clock. */
struct run {
    struct instance instance;
    struct plain *plain;
    ga_graph *graph;
    struct keeper keeper;
    bool cold; /* fresh memory for every plan, from libc */
    struct samples place, tables, online, quick;
    int batch;
    ga_plan *online_plan, *quick_plan;
    uint64_t bytes, bytes_reserved;
};

static uint64_t sum_pools(const ga_plan *plan, uint64_t (*of)(const ga_plan *plan, unsigned pool))
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    uint64_t sum = 0;
    for (unsigned i = 0; i < info.n_pools; i++)
        sum += of(plan, i);
    return sum;
}

/* Plans `batch` times; the mean time, the plan's deletion included, or -1. */
static double time_plan(const ga_graph *graph, const struct instance *instance, enum ga_effort effort, int batch, ga_plan **last)
{
    struct feed_opts opts;
    feed_opts(&opts, instance, effort);
    double start = measure_now();
    for (int i = 0; i < batch; i++) {
        ga_plan_delete(*last);
        *last = NULL;
        if (ga_plan_graph(graph, &opts.opts, last) != GA_OK)
            return -1;
    }
    return (measure_now() - start) / batch;
}

static double time_plain(struct run *run, bool (*work)(struct plain *, const struct plain_graph *))
{
    double start = measure_now();
    for (int i = 0; i < run->batch; i++)
        if (!work(run->plain, &run->instance.graph))
            return -1;
    return (measure_now() - start) / run->batch;
}

/* Bytes that describing and planning need at most, names copied. */
static uint64_t memory_peak(const struct instance *instance, enum ga_effort effort, bool reserve)
{
    struct meter meter = { 0 };
    struct ga_env env = meter_env(&meter);
    ga_graph *graph = ga_graph_new(&env);
    uint32_t n_src = 0;
    for (uint32_t i = 0; i < instance->graph.n_tensors; i++)
        for (int j = 0; j < PLAIN_SOURCES; j++)
            n_src += instance->tensors[i].src[j] != NULL;
    if (graph && reserve)
        ga_graph_reserve(graph, instance->graph.n_tensors, n_src);
    ga_plan *plan = NULL;
    if (graph && feed(graph, instance, FEED_GGML) == GA_OK)
        time_plan(graph, instance, effort, 1, &plan);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
    return meter.peak;
}

static bool run_once(struct run *run)
{
    double place = time_plain(run, plain_place);
    double online = time_plan(run->graph, &run->instance, GA_EFFORT_ONLINE, run->batch, &run->online_plan);
    double tables = time_plain(run, plain_plan);
    double quick = time_plan(run->graph, &run->instance, GA_EFFORT_QUICK, run->batch, &run->quick_plan);
    if (place < 0 || online < 0 || tables < 0 || quick < 0)
        return false;
    samples_add(&run->place, place);
    samples_add(&run->tables, tables);
    samples_add(&run->online, online);
    samples_add(&run->quick, quick);
    return true;
}

/* `repeats` rounds, fewer when they would take more than some seconds, one to warm up. */
static bool run_all(struct run *run, int repeats)
{
    const struct instance *instance = &run->instance;
    run->batch = 1 + 2000 / (int)instance->graph.n_nodes;
    run->plain = plain_new(instance->bufts, instance->graph.n_bufts);
    struct ga_env warm = keeper_env(&run->keeper);
    run->graph = ga_graph_new(run->cold ? NULL : &warm);
    if (!run->plain || !run->graph || feed(run->graph, instance, FEED_GGML) != GA_OK) {
        fprintf(stderr, "%s: %s\n", instance->name, run->graph ? ga_graph_error(run->graph) : "no memory");
        return false;
    }
    bool good = run_once(run);
    run->place.n = run->tables.n = run->online.n = run->quick.n = 0;
    double start = measure_now();
    for (int i = 0; good && i < repeats && (i < 5 || measure_now() - start < 4e9); i++)
        good = run_once(run);
    if (!good)
        fprintf(stderr, "%s: cannot be planned\n", instance->name);
    run->bytes = memory_peak(instance, GA_EFFORT_QUICK, false);
    run->bytes_reserved = memory_peak(instance, GA_EFFORT_QUICK, true);
    return good;
}

static void add_scale(struct totals *totals, const struct scale *scale)
{
    if (totals->smallest.nodes == 0 || scale->nodes < totals->smallest.nodes)
        totals->smallest = *scale;
    if (scale->nodes > totals->largest.nodes)
        totals->largest = *scale;
}

static void report(struct run *run, struct totals *totals)
{
    const struct instance *in = &run->instance;
    uint64_t online_peak = sum_pools(run->online_plan, ga_plan_peak), quick_peak = sum_pools(run->quick_plan, ga_plan_peak);
    uint64_t bound = sum_pools(run->quick_plan, ga_plan_bound);
    double n = in->graph.n_nodes, place = samples_median(&run->place) / n, plain = samples_median(&run->tables) / n;
    double online = samples_median(&run->online) / n, quick = samples_median(&run->quick) / n;
    printf("{\"graph\":\"%s\",\"nodes\":%" PRIu32 ",\"plain_place_ns\":%.1f,\"plain_ns\":%.1f,\"online_ns\":%.1f,\"quick_ns\":%.1f,"
           "\"online_ratio\":%.3f,\"quick_ratio\":%.3f,",
           in->name, in->graph.n_nodes, place, plain, online, quick, online / plain, quick / plain);
    printf("\"recorded_peak\":%" PRIu64 ",\"online_peak\":%" PRIu64 ",\"quick_peak\":%" PRIu64 ",\"bound\":%" PRIu64 ",",
           in->recorded_peak, online_peak, quick_peak, bound);
    double all = in->graph.n_tensors;
    printf(
        "\"bytes_per_node\":%.1f,\"bytes_per_node_reserved\":%.1f,\"bytes_per_tensor\":%.1f,\"bytes_per_tensor_reserved\":%.1f}\n",
        (double)run->bytes / n, (double)run->bytes_reserved / n, (double)run->bytes / all, (double)run->bytes_reserved / all);
    fflush(stdout);
    if (in->recorded_peak == 0) {
        add_scale(totals,
                  &(struct scale){ n, samples_min(&run->tables) / n, samples_min(&run->online) / n, samples_min(&run->quick) / n });
        return;
    }
    geomean_add(&totals->plain, plain);
    geomean_add(&totals->online, online / plain);
    geomean_add(&totals->quick, quick / plain);
    geomean_add(&totals->bound, (double)quick_peak / (double)bound);
    geomean_add(&totals->recorded, (double)in->recorded_peak / (double)quick_peak);
    totals->at_bound += (double)quick_peak <= (double)bound * 1.001;
    totals->above_recorded += quick_peak > in->recorded_peak;
    if (n < 1000)
        return;
    double each = (double)run->bytes / all, reserved = (double)run->bytes_reserved / all;
    totals->worst_bytes = each > totals->worst_bytes ? each : totals->worst_bytes;
    totals->worst_bytes_reserved = reserved > totals->worst_bytes_reserved ? reserved : totals->worst_bytes_reserved;
}

static void report_totals(const struct totals *totals)
{
    if (totals->largest.nodes > totals->smallest.nodes)
        printf("{\"nodes\":[%.0f,%.0f],\"plain_growth\":%.2f,\"online_growth\":%.2f,\"quick_growth\":%.2f}\n",
               totals->smallest.nodes, totals->largest.nodes, totals->largest.plain / totals->smallest.plain,
               totals->largest.online / totals->smallest.online, totals->largest.quick / totals->smallest.quick);
    if (totals->plain.n == 0)
        return;
    printf("{\"graphs\":%d,\"plain_ns\":%.1f,\"online_ratio\":%.3f,\"quick_ratio\":%.3f,\"recorded_over_quick\":%.4f,"
           "\"quick_over_bound\":%.4f,\"at_bound\":%d,\"above_recorded\":%d,\"worst_bytes_per_tensor\":%.1f,"
           "\"worst_bytes_per_tensor_reserved\":%.1f}\n",
           totals->plain.n, geomean_of(&totals->plain), geomean_of(&totals->online), geomean_of(&totals->quick),
           geomean_of(&totals->recorded), geomean_of(&totals->bound), totals->at_bound, totals->above_recorded, totals->worst_bytes,
           totals->worst_bytes_reserved);
}

static bool run_instance(struct run *run, int repeats, struct totals *totals)
{
    bool good = run_all(run, repeats);
    if (good)
        report(run, totals);
    plain_delete(run->plain);
    ga_plan_delete(run->online_plan);
    ga_plan_delete(run->quick_plan);
    ga_graph_delete(run->graph);
    keeper_fini(&run->keeper);
    instance_fini(&run->instance);
    return good;
}

/* Whether the yardstick places every tensor where the engine's own allocator did: DIR/NAME.plan. */
static bool verify(const struct instance *in, const char *dir)
{
    char path[4096], line[256];
    snprintf(path, sizeof path, "%s/%s.plan", dir, in->name);
    FILE *file = fopen(path, "r");
    struct plain *plain = plain_new(in->bufts, in->graph.n_bufts);
    bool good = file && plain && plain_plan(plain, &in->graph);
    while (good && fgets(line, sizeof line, file)) {
        uint32_t id;
        struct plain_place want, got;
        good = sscanf(line, "%" SCNu32 " %" SCNd32 " %" SCNd32 " %" SCNu64, &id, &want.buft, &want.chunk, &want.offset) == 4 &&
               id < in->graph.n_tensors && plain_find(plain, &in->tensors[id], &got) && got.buft == want.buft &&
               got.chunk == want.chunk && got.offset == want.offset;
    }
    uint64_t peak = 0;
    for (int i = 0; good && i < in->graph.n_bufts; i++)
        for (int c = 0; c < PLAIN_CHUNKS; c++)
            peak += plain_peak(plain, i, c);
    good = good && peak == in->recorded_peak;
    printf("{\"graph\":\"%s\",\"verified\":%s}\n", in->name, good ? "true" : "false");
    if (file)
        fclose(file);
    plain_delete(plain);
    return good;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--effort=", 9) == 0 || strncmp(argv[i], "--peers=", 8) == 0 ||
            strncmp(argv[i], "--instances=", 12) == 0)
            return solve_main(argc, argv);
    struct totals totals = { 0 };
    struct run *run = malloc(sizeof *run);
    const char *dir = NULL;
    int repeats = 101;
    bool good = run != NULL, cold = false;
    for (int i = 1; good && i < argc; i++) {
        *run = (struct run){ .cold = cold };
        if (strcmp(argv[i], "--cold") == 0) {
            cold = true;
        } else if (strncmp(argv[i], "--verify=", 9) == 0) {
            dir = argv[i] + 9;
        } else if (strncmp(argv[i], "--repeats=", 10) == 0) {
            repeats = atoi(argv[i] + 10);
        } else if (strncmp(argv[i], "--synthetic=", 12) == 0) {
            good = instance_make(&run->instance, (uint32_t)atoi(argv[i] + 12)) && run_instance(run, repeats, &totals);
        } else if (instance_load(&run->instance, argv[i])) {
            good = dir ? verify(&run->instance, dir) : run_instance(run, repeats, &totals);
        } else {
            good = false;
        }
        if (dir)
            instance_fini(&run->instance);
    }
    report_totals(&totals);
    free(run);
    return good ? 0 : 1;
}
