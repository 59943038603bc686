#include "io/report.h"

#include "base/bits.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *gai_effort_name(enum ga_effort effort)
{
    static const char *const names[] = { "default", "none", "online", "quick", "search", "prove" };
    return names[effort];
}

unsigned gai_report_pools(const struct report *report)
{
    struct ga_plan_info info;
    ga_plan_info(report->plan, &info);
    return report->file && report->file->n_buffers > info.n_pools ? report->file->n_buffers : info.n_pools;
}

bool gai_report_is_pool(const struct report *report, unsigned pool)
{
    const struct tgraph *file = report->file;
    return !file || pool >= file->n_buffers || file->buffers[pool].pool == pool;
}

const char *gai_report_pool_name(const struct report *report, unsigned pool)
{
    return report->file && pool < report->file->n_buffers ? report->file->buffers[pool].name : "";
}

static uint64_t extra_of(const struct report *report, unsigned pool)
{
    return report->file ? gai_tgraph_extra(report->file, pool) : 0;
}

static uint64_t capacity_of(const struct report *report, unsigned pool)
{
    return report->capacity && pool < report->n_capacity ? report->capacity[pool] : 0;
}

enum fit gai_report_pool_fit(const struct report *report, unsigned pool)
{
    uint64_t capacity = capacity_of(report, pool), extra = extra_of(report, pool);
    if (capacity == 0)
        return FIT_UNKNOWN;
    if (add_sat(ga_plan_peak(report->plan, pool), extra) <= capacity)
        return FIT_YES;
    return add_sat(ga_plan_bound(report->plan, pool), extra) > capacity ? FIT_NO : FIT_UNKNOWN;
}

enum fit gai_report_fit(const struct report *report)
{
    unsigned n_asked = 0, n_yes = 0;
    for (unsigned pool = 0; pool < gai_report_pools(report); pool++) {
        enum fit fit = gai_report_pool_fit(report, pool);
        if (fit == FIT_NO)
            return FIT_NO;
        n_asked += capacity_of(report, pool) != 0 && gai_report_is_pool(report, pool);
        n_yes += fit == FIT_YES && gai_report_is_pool(report, pool);
    }
    return n_asked && n_yes == n_asked ? FIT_YES : FIT_UNKNOWN;
}

uint64_t gai_report_peak(const struct report *report)
{
    uint64_t sum = 0;
    for (unsigned pool = 0; pool < gai_report_pools(report); pool++)
        sum = add_sat(sum, ga_plan_peak(report->plan, pool));
    return sum;
}

uint64_t gai_report_bound(const struct report *report)
{
    uint64_t sum = 0;
    for (unsigned pool = 0; pool < gai_report_pools(report); pool++)
        sum = add_sat(sum, ga_plan_bound(report->plan, pool));
    return sum;
}

uint64_t gai_report_recorded(const struct report *report)
{
    uint64_t sum = 0;
    for (unsigned pool = 0; report->file && pool < report->file->n_buffers; pool++)
        sum = add_sat(sum, gai_tgraph_recorded(report->file, pool));
    return sum;
}

static unsigned count_chunks(const ga_plan *plan, unsigned pool)
{
    unsigned n = 0;
    while (ga_plan_chunk(plan, pool, n) != 0)
        n++;
    return n;
}

/* ---- for people ---- */

/* How far the peak is above the bound. */
static const char *verdict_of(char buf[40], uint64_t peak, uint64_t bound)
{
    if (peak == bound)
        return "optimal";
    snprintf(buf, 40, "at most %.2f %% from optimal", 100.0 * (double)(peak - bound) / (double)max_u64(bound, 1));
    return buf;
}

const char *gai_report_say_fit(const struct report *report, unsigned pool, char buf[REPORT_FIT])
{
    uint64_t capacity = capacity_of(report, pool), need = add_sat(ga_plan_bound(report->plan, pool), extra_of(report, pool));
    char given[32], needed[32];
    gai_text_bytes(given, capacity);
    gai_text_bytes(needed, need);
    enum fit fit = gai_report_pool_fit(report, pool);
    if (fit == FIT_NO && strcmp(given, needed) == 0) { /* told apart by bytes only */
        snprintf(given, sizeof given, "%" PRIu64 " B", capacity);
        snprintf(needed, sizeof needed, "%" PRIu64 " B", need);
    }
    switch (fit) {
    case FIT_YES:
        snprintf(buf, REPORT_FIT, "fits %s", given);
        break;
    case FIT_NO:
        snprintf(buf, REPORT_FIT, "cannot fit %s: proven to need %s", given, needed);
        break;
    case FIT_UNKNOWN:
        snprintf(buf, REPORT_FIT, "%s%s", capacity ? "not known to fit " : "", capacity ? given : "");
        break;
    }
    return buf;
}

static void text_bytes(struct text *out, uint64_t bytes, bool known)
{
    char buf[32];
    gai_text(out, "  %10s", known ? gai_text_bytes(buf, bytes) : "-");
}

static void text_pool(const struct report *report, unsigned pool, struct text *out)
{
    char buf[40], fit[REPORT_FIT];
    uint64_t peak = ga_plan_peak(report->plan, pool), bound = ga_plan_bound(report->plan, pool);
    uint64_t engine = report->file ? gai_tgraph_recorded(report->file, pool) : 0;
    gai_text(out, "  %4u  %-12s", pool, gai_report_pool_name(report, pool));
    text_bytes(out, peak, true);
    text_bytes(out, bound, true);
    text_bytes(out, engine, engine != 0);
    gai_text(out, "  %6u  %s", count_chunks(report->plan, pool), verdict_of(buf, peak, bound));
    if (*gai_report_say_fit(report, pool, fit))
        gai_text(out, ", %s", fit);
    gai_text(out, "\n");
}

static void text_extras(const struct report *report, struct text *out)
{
    const struct tgraph *file = report->file;
    char buf[32];
    for (uint32_t i = 0; file && i < file->n_extras; i++) {
        const struct tgraph_extra *extra = &file->extras[i];
        gai_text(out, "  %4" PRIu32 "  %-12s  %10s  beyond the graph: %.80s\n", extra->pool, extra->name,
                 gai_text_bytes(buf, extra->bytes), extra->basis);
    }
}

static void write_text(const struct report *report, struct text *out)
{
    struct ga_plan_info info;
    ga_plan_info(report->plan, &info);
    char buf[40], size[32];
    uint64_t peak = gai_report_peak(report), bound = gai_report_bound(report);
    gai_text(out, "%s: %s, %s\n",
             report->file   ? report->file->name
             : report->path ? report->path
                            : "plan",
             gai_text_bytes(size, peak), verdict_of(buf, peak, bound));
    gai_text(out, "  %" PRIu32 " tensors, %" PRIu32 " with bytes of their own; found by %s\n\n", info.n_nodes, info.n_storages,
             gai_effort_name(info.reached));
    gai_text(out, "  pool  %-12s  %10s  %10s  %10s  chunks\n", "name", "peak", "bound", "engine");
    for (unsigned pool = 0; pool < gai_report_pools(report); pool++)
        if (gai_report_is_pool(report, pool))
            text_pool(report, pool, out);
    text_extras(report, out);
}

/* ---- for programs ---- */

static const char *json_bool(bool value)
{
    return value ? "true" : "false";
}

static const char *json_fit(enum fit fit)
{
    static const char *const words[] = { "null", "true", "false" };
    return words[fit];
}

static void json_pool(const struct report *report, unsigned pool, struct text *out)
{
    uint64_t peak = ga_plan_peak(report->plan, pool), bound = ga_plan_bound(report->plan, pool);
    gai_text(out, "{\"pool\":%u,\"name\":", pool);
    gai_json_string(out, report->file ? gai_report_pool_name(report, pool) : NULL);
    gai_text(out, ",\"peak\":%" PRIu64 ",\"bound\":%" PRIu64 ",\"proved\":%s,\"fits\":%s,\"extra\":%" PRIu64 ",\"chunks\":[", peak,
             bound, json_bool(peak == bound), json_fit(gai_report_pool_fit(report, pool)), extra_of(report, pool));
    for (unsigned i = 0; ga_plan_chunk(report->plan, pool, i) != 0; i++)
        gai_text(out, "%s%" PRIu64, i ? "," : "", ga_plan_chunk(report->plan, pool, i));
    gai_text(out, "]}");
}

static void write_json(const struct report *report, struct text *out)
{
    struct ga_plan_info info;
    ga_plan_info(report->plan, &info);
    uint64_t peak = gai_report_peak(report), bound = gai_report_bound(report);
    gai_text(out, "{\"schema\":1,\"file\":");
    gai_json_string(out, report->path);
    gai_text(out, ",\"name\":");
    gai_json_string(out, report->file ? report->file->name : NULL);
    gai_text(out, ",\"nodes\":%" PRIu32 ",\"storages\":%" PRIu32 ",\"effort\":\"%s\",\"steps\":%" PRIu64, info.n_nodes,
             info.n_storages, gai_effort_name(info.reached), info.steps);
    gai_text(out, ",\"peak\":%" PRIu64 ",\"bound\":%" PRIu64 ",\"proved\":%s,\"fits\":%s,\"pools\":[", peak, bound,
             json_bool(peak == bound), json_fit(gai_report_fit(report)));
    bool first = true;
    for (unsigned pool = 0; pool < gai_report_pools(report); pool++)
        if (gai_report_is_pool(report, pool)) {
            gai_text(out, "%s", first ? "" : ",");
            json_pool(report, pool, out);
            first = false;
        }
    uint64_t recorded = gai_report_recorded(report);
    if (recorded)
        gai_text(out, "],\"recorded_peak\":%" PRIu64 "}\n", recorded);
    else
        gai_text(out, "],\"recorded_peak\":null}\n");
}

/* Tensors with bytes of their own, in the order of their ids; without a graph, windows of views, too. */
static void write_csv(const struct report *report, struct text *out)
{
    struct ga_plan_info info;
    ga_plan_info(report->plan, &info);
    gai_text(out, "id,pool,chunk,offset,size\n");
    for (uint32_t i = 0; i < info.n_nodes; i++) {
        ga_id id = report->file ? report->file->ids[i] : i + 1;
        struct ga_slot slot;
        struct ga_node node = { 0 };
        if (report->graph)
            ga_graph_node(report->graph, id, &node);
        if (node.view_of == GA_NONE && ga_plan_slot(report->plan, id, &slot))
            gai_text(out, "%" PRIu32 ",%u,%u,%" PRIu64 ",%" PRIu64 "\n", report->file ? i : id, slot.pool, slot.chunk, slot.offset,
                     slot.size);
    }
}

void gai_report_write(const struct report *report, enum ga_format format, struct text *out)
{
    switch (format) {
    case GA_TEXT:
        write_text(report, out);
        break;
    case GA_JSON:
        write_json(report, out);
        break;
    case GA_CSV:
        write_csv(report, out);
        break;
    case GA_PLAN:
        gai_plan_format_write(report->plan, out);
        break;
    }
}

enum ga_status ga_plan_write(const ga_plan *plan, const ga_graph *graph, enum ga_format format, const struct ga_sink *sink)
{
    if (format < GA_TEXT || format > GA_PLAN)
        return GA_INVALID;
    struct text out = text_to(sink);
    gai_report_write(&(struct report){ .plan = plan, .graph = graph }, format, &out);
    return gai_text_end(&out);
}
