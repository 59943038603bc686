/*
 * bench_dropin.c - the drop-in beside the allocator of the ggml that it is compiled against, on one and the same tensors; see README.md
 *
 *     bench_dropin [--repeats=N] [--synthetic=N]... [FILE.tgraph]...
 */
#include "instance.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml-alloc.h"
#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#include "ggml.h"

/* The drop-in is compiled under names of its own (meson.build), so that both are in one program. */
ggml_gallocr_t ours_gallocr_new_n(ggml_backend_buffer_type_t *bufts, int n_bufs);
void ours_gallocr_free(ggml_gallocr_t galloc);
bool ours_gallocr_reserve_n(ggml_gallocr_t galloc, struct ggml_cgraph *graph, const int *node_ids, const int *leaf_ids);
bool ours_gallocr_alloc_graph(ggml_gallocr_t galloc, struct ggml_cgraph *graph);
size_t ours_gallocr_get_buffer_size(ggml_gallocr_t galloc, int id);

enum { MOST_BUFTS = 16, VARIANTS = 16, IN_A_ROW = 16 };

/* Who allocates: ggml's own, and the drop-in at two efforts. */
static const struct who {
    const char *effort;
    ggml_gallocr_t (*new_n)(ggml_backend_buffer_type_t *bufts, int n_bufs);
    void (*free)(ggml_gallocr_t galloc);
    bool (*reserve_n)(ggml_gallocr_t galloc, struct ggml_cgraph *graph, const int *node_ids, const int *leaf_ids);
    bool (*alloc_graph)(ggml_gallocr_t galloc, struct ggml_cgraph *graph);
    size_t (*size)(ggml_gallocr_t galloc, int id);
} whos[] = {
    { "", ggml_gallocr_new_n, ggml_gallocr_free, ggml_gallocr_reserve_n, ggml_gallocr_alloc_graph, ggml_gallocr_get_buffer_size },
    { "online", ours_gallocr_new_n, ours_gallocr_free, ours_gallocr_reserve_n, ours_gallocr_alloc_graph,
      ours_gallocr_get_buffer_size },
    { "quick", ours_gallocr_new_n, ours_gallocr_free, ours_gallocr_reserve_n, ours_gallocr_alloc_graph,
      ours_gallocr_get_buffer_size },
};
enum { WHOS = sizeof whos / sizeof *whos };

/* Addresses with nothing behind them: planning is what is measured. */
static char nothing[64];

static void free_nothing(ggml_backend_buffer_t buffer)
{
    (void)buffer;
}

static void *base_of_nothing(ggml_backend_buffer_t buffer)
{
    (void)buffer;
    return (void *)(uintptr_t)0x100000;
}

static const char *name_of_nothing(ggml_backend_buffer_type_t buft)
{
    (void)buft;
    return "nothing";
}

static ggml_backend_buffer_t take_nothing(ggml_backend_buffer_type_t buft, size_t size)
{
    struct ggml_backend_buffer_i iface = { .free_buffer = free_nothing, .get_base = base_of_nothing };
    return ggml_backend_buffer_init(buft, iface, NULL, size);
}

static size_t align_of_nothing(ggml_backend_buffer_type_t buft)
{
    return (size_t)((const struct plain_buft *)buft->context)->align;
}

static size_t most_of_nothing(ggml_backend_buffer_type_t buft)
{
    uint64_t most = ((const struct plain_buft *)buft->context)->max_size;
    return most > SIZE_MAX ? SIZE_MAX : (size_t)most;
}

struct run {
    struct instance instance;
    struct ggml_backend_buffer_type types[MOST_BUFTS];
    ggml_backend_buffer_type_t bufts[MOST_BUFTS];
    ggml_backend_buffer_t elsewhere; /* what has bytes already */
    struct ggml_tensor *tensors;
    struct ggml_tensor **lists;
    struct ggml_cgraph graph;
    ggml_gallocr_t allocs[WHOS];
    struct samples fresh[WHOS], again[WHOS], steady[WHOS], first[WHOS];
};

struct totals {
    struct geomean own_reserve, own_alloc, seen, online, quick, steady, cold_online, cold_quick;
};

/* --- the graph as ggml has it --- */

static enum ggml_op op_named(const char *name)
{
    size_t len = strcspn(name, ":");
    for (int op = 0; op < GGML_OP_COUNT; op++)
        if (strlen(ggml_op_name((enum ggml_op)op)) == len && strncmp(ggml_op_name((enum ggml_op)op), name, len) == 0)
            return (enum ggml_op)op;
    return GGML_OP_CUSTOM; /* made up, or of another version */
}

static struct ggml_tensor *twin(const struct run *run, const struct plain_tensor *plain)
{
    return plain ? &run->tensors[plain - run->instance.tensors] : NULL;
}

static void set_tensor(const struct run *run, const struct plain_tensor *plain)
{
    struct ggml_tensor *tensor = twin(run, plain);
    enum ggml_type types[] = { GGML_TYPE_F32,  GGML_TYPE_F16, GGML_TYPE_I32, GGML_TYPE_I64,
                               GGML_TYPE_BF16, GGML_TYPE_I8,  GGML_TYPE_I16 };
    bool known = (size_t)plain->type < sizeof types / sizeof *types;
    *tensor = (struct ggml_tensor){ .type = known ? types[plain->type] : GGML_TYPE_I8, .op = op_named(plain->op_name) };
    for (int i = 0; i < GGML_MAX_DIMS; i++) {
        tensor->ne[i] = (int64_t)plain->ne[i];
        tensor->nb[i] = (size_t)plain->nb[i];
    }
    for (int i = 0; i < GGML_MAX_SRC && i < PLAIN_SOURCES; i++)
        tensor->src[i] = twin(run, plain->src[i]);
    tensor->flags =
        (plain->flags & PLAIN_INPUT ? GGML_TENSOR_FLAG_INPUT : 0) | (plain->flags & PLAIN_OUTPUT ? GGML_TENSOR_FLAG_OUTPUT : 0);
    tensor->view_src = twin(run, plain->view_src);
    tensor->view_offs = (size_t)plain->view_offs;
    snprintf(tensor->name, sizeof tensor->name, "%.60s", plain->name);
}

/* As before any allocation: a view of what has bytes has an address, but no buffer. */
static void forget_one(const struct run *run, uint32_t i)
{
    const struct plain_tensor *plain = &run->instance.tensors[i];
    const struct plain_tensor *root = plain->view_src ? plain->view_src : plain;
    struct ggml_tensor *tensor = &run->tensors[i];
    tensor->data = root->data ? nothing : NULL;
    tensor->buffer = root->data && !plain->view_src ? run->elsewhere : NULL;
}

static void forget(const struct run *run)
{
    for (uint32_t i = 0; i < run->instance.graph.n_tensors; i++)
        forget_one(run, i);
}

static bool open_run(struct run *run)
{
    const struct plain_graph *from = &run->instance.graph;
    run->tensors = calloc(from->n_tensors, sizeof *run->tensors);
    run->lists = calloc((size_t)from->n_leafs + from->n_nodes, sizeof(struct ggml_tensor *));
    if (!run->tensors || !run->lists || from->n_bufts > MOST_BUFTS)
        return false;
    for (int i = 0; i < from->n_bufts; i++) {
        run->types[i] = (struct ggml_backend_buffer_type){ .iface = { .get_name = name_of_nothing,
                                                                      .alloc_buffer = take_nothing,
                                                                      .get_alignment = align_of_nothing,
                                                                      .get_max_size = most_of_nothing },
                                                           .context = &run->instance.bufts[i] };
        run->bufts[i] = &run->types[run->instance.bufts[i].pool];
    }
    run->elsewhere = take_nothing(run->bufts[0], 64);
    for (uint32_t i = 0; i < from->n_tensors; i++)
        set_tensor(run, &run->instance.tensors[i]);
    run->graph = (struct ggml_cgraph){ .n_nodes = (int)from->n_nodes, .n_leafs = (int)from->n_leafs };
    run->graph.leafs = run->lists;
    run->graph.nodes = run->lists + from->n_leafs;
    for (uint32_t i = 0; i < from->n_leafs; i++)
        run->graph.leafs[i] = twin(run, from->leafs[i]);
    for (uint32_t i = 0; i < from->n_nodes; i++)
        run->graph.nodes[i] = twin(run, from->nodes[i]);
    for (int w = 0; w < WHOS; w++) {
        setenv("GGML_ALLOC_EFFORT", whos[w].effort, 1);
        run->allocs[w] = whos[w].new_n(run->bufts, from->n_bufts);
        if (!run->allocs[w])
            return false;
    }
    forget(run);
    return true;
}

static void close_run(struct run *run)
{
    for (int w = 0; w < WHOS; w++)
        whos[w].free(run->allocs[w]);
    ggml_backend_buffer_free(run->elsewhere);
    free(run->tensors);
    free(run->lists);
    instance_fini(&run->instance);
}

/* --- measuring --- */

/* A graph that nobody keeps a plan of: without its last nodes, other ones each time. */
static struct ggml_cgraph variant(const struct run *run, int which)
{
    struct ggml_cgraph graph = run->graph;
    graph.n_nodes -= which;
    return graph;
}

static bool reserve(const struct run *run, int w, int which, struct samples *samples)
{
    struct ggml_cgraph graph = variant(run, which);
    double start = measure_now();
    bool good = whos[w].reserve_n(run->allocs[w], &graph, run->instance.graph.node_buft, run->instance.graph.leaf_buft);
    samples_add(samples, measure_now() - start);
    return good;
}

static bool alloc(const struct run *run, int w, int which, struct samples *samples)
{
    struct ggml_cgraph graph = variant(run, which);
    double start = measure_now();
    bool good = whos[w].alloc_graph(run->allocs[w], &graph);
    samples_add(samples, measure_now() - start);
    forget(run);
    return good;
}

/* An allocator that has seen nothing. */
static bool start_cold(struct run *run, int w)
{
    const struct plain_graph *from = &run->instance.graph;
    struct ggml_cgraph graph = run->graph;
    setenv("GGML_ALLOC_EFFORT", whos[w].effort, 1);
    double start = measure_now();
    ggml_gallocr_t cold = whos[w].new_n(run->bufts, from->n_bufts);
    bool good = cold && whos[w].reserve_n(cold, &graph, from->node_buft, from->leaf_buft);
    samples_add(&run->first[w], measure_now() - start);
    whos[w].free(cold);
    return good;
}

/* One after the other, sixteen times each, as an engine does it for token after token. */
static bool run_once(struct run *run, int repeat)
{
    bool good = true;
    int first = repeat * IN_A_ROW;
    for (int w = 0; w < WHOS; w++) {
        for (int i = 0; good && i < IN_A_ROW; i++)
            good = reserve(run, w, (first + i) % VARIANTS, &run->fresh[w]);
        for (int i = 0; good && i < IN_A_ROW; i++)
            good = reserve(run, w, first % VARIANTS, &run->again[w]);
        for (int i = 0; good && i < IN_A_ROW; i++)
            good = alloc(run, w, first % VARIANTS, &run->steady[w]);
        for (int i = 0; good && i < IN_A_ROW; i++)
            good = start_cold(run, w);
    }
    return good;
}

static uint64_t held(const struct run *run, int w)
{
    uint64_t sum = 0;
    for (int i = 0; i < run->instance.graph.n_bufts; i++)
        if (run->instance.bufts[i].pool == i)
            sum += whos[w].size(run->allocs[w], i);
    return sum;
}

static void report(struct run *run, struct totals *totals)
{
    double n = run->instance.graph.n_nodes, fresh[WHOS], again[WHOS], steady[WHOS], first[WHOS];
    for (int w = 0; w < WHOS; w++) {
        fresh[w] = samples_median(&run->fresh[w]) / n;
        again[w] = samples_median(&run->again[w]) / n;
        steady[w] = samples_median(&run->steady[w]) / n;
        first[w] = samples_median(&run->first[w]) / n;
    }
    printf("{\"graph\":\"%s\",\"nodes\":%.0f,\"own_reserve_ns\":%.1f,\"own_alloc_ns\":%.1f,\"seen\":%.3f,\"online\":%.3f,"
           "\"quick\":%.3f,\"steady\":%.3f,\"cold_online\":%.3f,\"cold_quick\":%.3f,\"own_held\":%llu,\"online_held\":%llu,"
           "\"quick_held\":%llu}\n",
           run->instance.name, n, again[0], steady[0], again[2] / again[0], fresh[1] / fresh[0], fresh[2] / fresh[0],
           steady[2] / steady[0], first[1] / first[0], first[2] / first[0], (unsigned long long)held(run, 0),
           (unsigned long long)held(run, 1), (unsigned long long)held(run, 2));
    fflush(stdout);
    geomean_add(&totals->own_reserve, again[0]);
    geomean_add(&totals->own_alloc, steady[0]);
    geomean_add(&totals->seen, again[2] / again[0]);
    geomean_add(&totals->online, fresh[1] / fresh[0]);
    geomean_add(&totals->quick, fresh[2] / fresh[0]);
    geomean_add(&totals->steady, steady[2] / steady[0]);
    geomean_add(&totals->cold_online, first[1] / first[0]);
    geomean_add(&totals->cold_quick, first[2] / first[0]);
}

static void report_totals(const struct totals *totals)
{
    printf("{\"graphs\":%d,\"own_reserve_ns\":%.1f,\"own_alloc_ns\":%.1f,\"seen\":%.3f,\"online\":%.3f,\"quick\":%.3f,"
           "\"steady\":%.3f,\"cold_online\":%.3f,\"cold_quick\":%.3f}\n",
           totals->seen.n, geomean_of(&totals->own_reserve), geomean_of(&totals->own_alloc), geomean_of(&totals->seen),
           geomean_of(&totals->online), geomean_of(&totals->quick), geomean_of(&totals->steady), geomean_of(&totals->cold_online),
           geomean_of(&totals->cold_quick));
}

static bool run_instance(struct run *run, int repeats, struct totals *totals)
{
    if (run->instance.graph.n_nodes < VARIANTS) {
        fprintf(stderr, "%s: too small to be cut short\n", run->instance.name);
        instance_fini(&run->instance);
        return true;
    }
    bool good = open_run(run);
    for (int i = 0; good && i < 2; i++)
        good = run_once(run, i);
    for (int w = 0; w < WHOS; w++)
        run->fresh[w].n = run->again[w].n = run->steady[w].n = run->first[w].n = 0;
    for (int i = 0; good && i < repeats; i++)
        good = run_once(run, i);
    if (good)
        report(run, totals);
    else
        fprintf(stderr, "%s: cannot be allocated\n", run->instance.name);
    close_run(run);
    return good;
}

int main(int argc, char **argv)
{
    struct totals totals = { 0 };
    struct run *run = malloc(sizeof *run);
    int repeats = 25;
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
    if (totals.seen.n > 0)
        report_totals(&totals);
    free(run);
    return good ? 0 : 1;
}
