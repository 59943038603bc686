/*
 * gguf.c - ggml-alloc gguf: what a model will need, device by device
 */
#include "cli/gguf.h"

#include "base/bits.h"
#include "base/json.h"
#include "cli/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ITEMS_MOST 64u
#define NAME_MOST 48u

struct item {
    char device[NAME_MOST], what[NAME_MOST];
    const char *basis; /* what the number rests on */
    uint64_t bytes;
};

struct bill {
    struct item items[ITEMS_MOST];
    unsigned n;
    char main[NAME_MOST]; /* the device that the model is on */
    bool is_full;         /* an item found no room */
};

static void add(struct bill *bill, const char *device, const char *what, uint64_t bytes, const char *basis)
{
    if (bill->n == ITEMS_MOST) {
        bill->is_full = true;
        return;
    }
    struct item *item = &bill->items[bill->n++];
    item->bytes = bytes;
    item->basis = basis;
    snprintf(item->device, sizeof item->device, "%s", device);
    snprintf(item->what, sizeof item->what, "%s", what);
}

/* ---- what is to be paid ---- */

static void add_graph(struct bill *bill, const struct solution *solution, const struct tgraph *file)
{
    const struct report *report = &solution->report;
    for (unsigned pool = 0; pool < solution->n_pools; pool++)
        if (gai_report_is_pool(report, pool) && ga_plan_peak(report->plan, pool))
            add(bill, gai_report_pool_name(report, pool), "graph", ga_plan_peak(report->plan, pool), "planned, as recorded");
    for (uint32_t i = 0; i < file->n_extras; i++)
        add(bill, gai_report_pool_name(report, file->extras[i].pool), file->extras[i].name, file->extras[i].bytes,
            "the recorded graph says so");
}

/* Before all else: its first pool names the device that the model is on. */
static enum exit_code pay_graph(const struct options *options, struct bill *bill)
{
    struct input input;
    struct solution solution;
    if (!options->graph)
        return EXIT_YES;
    enum exit_code code = load_and_solve(options, options->graph, &input, &solution);
    if (code != EXIT_YES)
        return code;
    if (input.is_graph) {
        if (*gai_report_pool_name(&solution.report, 0))
            snprintf(bill->main, sizeof bill->main, "%s", gai_report_pool_name(&solution.report, 0));
        add_graph(bill, &solution, &input.graph);
    } else {
        complain("--graph=%s holds intervals, no recorded graph", options->graph);
        code = EXIT_USAGE;
    }
    solution_free(&solution);
    input_free(&input);
    return code;
}

static enum exit_code pay_trace(const struct options *options, struct bill *bill)
{
    struct alloc_trace trace;
    struct replay_result result;
    char error[256];
    if (!options->trace)
        return EXIT_YES;
    enum exit_code code = replay_load(options->trace, &trace);
    if (code != EXIT_YES)
        return code;
    enum ga_status status = replay_run(&trace, &(struct replay_opts){ 0 }, &result, error, sizeof error);
    gai_alloc_trace_fini(&trace);
    if (status != GA_OK) {
        complain("%s: %s", path_shown(options->trace), status == GA_INVALID ? error : ga_status_str(status));
        return status == GA_INVALID ? EXIT_INPUT : EXIT_RESOURCES;
    }
    add(bill, bill->main, "caching allocator", result.reserved_peak, "replayed, the most reserved");
    return EXIT_YES;
}

static void pay_extras(const struct options *options, struct bill *bill)
{
    for (unsigned i = 0; i < options->n_extras; i++) {
        const struct extra_option *extra = &options->extras[i];
        char name[NAME_MOST];
        snprintf(name, sizeof name, "%.*s", (int)min_u64(extra->len, NAME_MOST - 1), extra->name);
        add(bill, extra->device ? extra->device : bill->main, name, extra->bytes, "--extra");
    }
}

static enum exit_code make_bill(const struct options *options, const struct model *model, const struct gguf_need *need,
                                struct bill *bill)
{
    *bill = (struct bill){ .main = "device" };
    enum exit_code code = pay_graph(options, bill);
    if (code != EXIT_YES)
        return code;
    add(bill, bill->main, "weights", model->gguf.bytes, "types and dimensions in the header");
    if (need->keys || need->values)
        add(bill, bill->main, "keys and values", add_sat(need->keys, need->values),
            need->knows_window ? "metadata, llama.cpp's cells" : "metadata; every layer in full, the file names none that slides");
    if (need->state)
        add(bill, bill->main, "recurrent states", need->state, "metadata, f32, one per sequence");
    code = pay_trace(options, bill);
    pay_extras(options, bill);
    if (bill->is_full) {
        complain("more than %u things need memory", ITEMS_MOST);
        return EXIT_INPUT;
    }
    return code;
}

/* The sum of the i-th item's device when it is the first of it; false otherwise. */
static bool device_sum(const struct bill *bill, unsigned first, uint64_t *sum)
{
    *sum = 0;
    for (unsigned i = 0; i < bill->n; i++) {
        if (strcmp(bill->items[i].device, bill->items[first].device) != 0)
            continue;
        if (i < first)
            return false;
        *sum = add_sat(*sum, bill->items[i].bytes);
    }
    return true;
}

/* ---- text ---- */

static bool same_layer(const struct gguf *gguf, const struct gguf_need *need, uint32_t a, uint32_t b)
{
    const struct gguf_layer_need *x = &need->layers[a], *y = &need->layers[b];
    return gguf->layers[a].bytes == gguf->layers[b].bytes && x->cache == y->cache && x->keys == y->keys && x->values == y->values &&
           x->state == y->state;
}

static void write_layers(const struct gguf *gguf, const struct gguf_need *need, struct text *out)
{
    gai_text(out, "\n  %9s  %10s  %10s  %10s  %10s  %s\n", "layers", "weights", "keys", "values", "state", "cache");
    for (uint32_t i = 0, next; i < need->n_layers; i = next) {
        char range[32], weights[32], keys[32], values[32], state[32];
        for (next = i + 1; next < need->n_layers && same_layer(gguf, need, i, next);)
            next++;
        snprintf(range, sizeof range, next - i > 1 ? "%" PRIu32 "..%" PRIu32 : "%" PRIu32, i, next - 1);
        gai_text(out, "  %9s  %10s  %10s  %10s  %10s  %s\n", range, gai_text_bytes(weights, gguf->layers[i].bytes),
                 gai_text_bytes(keys, need->layers[i].keys), gai_text_bytes(values, need->layers[i].values),
                 gai_text_bytes(state, need->layers[i].state), gai_gguf_cache_name(need->layers[i].cache));
    }
    char others[32];
    gai_text(out, "  %9s  %10s\n", "no layer", gai_text_bytes(others, gguf->others));
}

static void write_model(const char *path, const struct model *model, const struct gguf_use *use, const struct gguf_need *need,
                        struct text *out)
{
    const struct gguf *gguf = &model->gguf;
    char buf[32];
    gai_text(out, "%s: %s, %" PRIu64 " tensors", path_shown(path), gguf->arch, gguf->n_tensors);
    for (uint32_t type = 0; type < GGUF_TYPES; type++)
        if (gguf->by_type[type])
            gai_text(out, ", %s %s", gai_gguf_type_name(type), gai_text_bytes(buf, gguf->by_type[type]));
    if (gguf->split_count > 1)
        gai_text(out, ", in %" PRIu64 " parts", gguf->split_count);
    gai_text(out, "\n  context %" PRIu64 ": %" PRIu64 " x %" PRIu64 " cells of %s", need->ctx, use->parallel, need->cells,
             gai_gguf_type_name(use->kv_type));
    if (need->window_cells != need->cells)
        gai_text(out, ", %" PRIu64 " where the window slides", need->window_cells);
    gai_text(out, "\n");
    if (!model->is_whole)
        gai_text(out, "  the file ends before its tensors do: sizes are those announced\n");
    write_layers(gguf, need, out);
}

static void write_bill(const struct bill *bill, const struct options *options, struct text *out)
{
    char buf[32];
    gai_text(out, "\n  %-10s  %-18s  %10s  %s\n", "device", "what", "size", "rests on");
    for (unsigned i = 0; i < bill->n; i++)
        gai_text(out, "  %-10s  %-18s  %10s  %s\n", bill->items[i].device, bill->items[i].what,
                 gai_text_bytes(buf, bill->items[i].bytes), bill->items[i].basis);
    for (unsigned i = 0; i < bill->n; i++) {
        uint64_t sum;
        if (!device_sum(bill, i, &sum))
            continue;
        gai_text(out, "  %-10s  %-18s  %10s", bill->items[i].device, "all", gai_text_bytes(buf, sum));
        if (options->has_budget && sum > options->budget)
            gai_text(out, "  %s over budget", gai_text_bytes(buf, sum - options->budget));
        else if (options->has_budget)
            gai_text(out, "  fits %s", gai_text_bytes(buf, options->budget));
        gai_text(out, "\n");
    }
    if (!options->graph)
        gai_text(out, "  without the compute buffers: --graph tells them from a recorded graph\n");
}

/* ---- JSON ---- */

static void write_json(const struct model *model, const struct options *options, const struct gguf_need *need,
                       const struct bill *bill, struct text *out)
{
    const struct gguf *gguf = &model->gguf;
    const char *comma = "";
    gai_text(out, "{\"schema\":1,\"file\":");
    gai_json_string(out, options->files[0]);
    gai_text(out, ",\"architecture\":");
    gai_json_string(out, gguf->arch);
    gai_text(out,
             ",\"tensors\":%" PRIu64 ",\"whole\":%s,\"ctx\":%" PRIu64 ",\"cells\":%" PRIu64 ",\"window_cells\":%" PRIu64
             ",\"types\":{",
             gguf->n_tensors, model->is_whole ? "true" : "false", need->ctx, need->cells, need->window_cells);
    for (uint32_t type = 0; type < GGUF_TYPES; type++)
        if (gguf->by_type[type]) {
            gai_text(out, "%s\"%s\":%" PRIu64, comma, gai_gguf_type_name(type), gguf->by_type[type]);
            comma = ",";
        }
    gai_text(out, "},\"layers\":[");
    for (uint32_t i = 0; i < need->n_layers; i++)
        gai_text(out,
                 "%s{\"weights\":%" PRIu64 ",\"cache\":\"%s\",\"keys\":%" PRIu64 ",\"values\":%" PRIu64 ",\"state\":%" PRIu64 "}",
                 i ? "," : "", gguf->layers[i].bytes, gai_gguf_cache_name(need->layers[i].cache), need->layers[i].keys,
                 need->layers[i].values, need->layers[i].state);
    gai_text(out, "],\"needs\":[");
    for (unsigned i = 0; i < bill->n; i++) {
        gai_text(out, "%s{\"device\":", i ? "," : "");
        gai_json_string(out, bill->items[i].device);
        gai_text(out, ",\"what\":");
        gai_json_string(out, bill->items[i].what);
        gai_text(out, ",\"bytes\":%" PRIu64 ",\"basis\":", bill->items[i].bytes);
        gai_json_string(out, bill->items[i].basis);
        gai_text(out, "}");
    }
    gai_text(out, "]}\n");
}

/* ---- the command ---- */

static enum exit_code verdict(const struct options *options, const struct bill *bill)
{
    for (unsigned i = 0; options->has_budget && i < bill->n; i++) {
        uint64_t sum;
        if (device_sum(bill, i, &sum) && sum > options->budget)
            return EXIT_NO;
    }
    return EXIT_YES;
}

static enum exit_code tell(const struct options *options, const struct model *model, const struct gguf_use *use, struct text *out)
{
    struct gguf_need need;
    struct bill bill;
    struct mishap mishap;
    enum ga_status status = gai_gguf_need(&model->gguf, use, &need, &mishap);
    if (status != GA_OK) {
        complain_input(options->files[0], &mishap, status);
        return EXIT_INPUT;
    }
    enum exit_code code = make_bill(options, model, &need, &bill);
    if (code != EXIT_YES)
        return code;
    if (options->format == GA_JSON) {
        write_json(model, options, &need, &bill, out);
    } else {
        write_model(options->files[0], model, use, &need, out);
        write_bill(&bill, options, out);
    }
    return verdict(options, &bill);
}

enum exit_code command_gguf(const struct options *options, struct text *out)
{
    struct model model;
    struct gguf_use use = options->gguf;
    use.parallel = max_u64(use.parallel, 1);
    use.batch = use.batch ? use.batch : 2048;
    use.ubatch = use.ubatch ? use.ubatch : 512;
    enum exit_code code = model_load(options->files[0], &model);
    if (code != EXIT_YES)
        return code;
    code = tell(options, &model, &use, out);
    gai_gguf_fini(&model.gguf);
    return code;
}
