/*
 * replay.c - ggml-alloc replay: a trace of allocations through our allocators, and gen trace: such a trace made up
 */
#include "cli/replay.h"

#include "cli/cli.h"
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

static const char *const allocator_names[] = { "device", "host", "heap" };
static const char *const policy_names[] = { "base", "segments", "range" };

/* ---- what is told ---- */

static double over_live(const struct replay_result *result)
{
    return result->live_peak ? (double)result->reserved_peak / (double)result->live_peak : 1;
}

static void write_json(const char *path, const struct replay_opts *opts, const struct replay_result *result, struct text *out)
{
    gai_text(out, "{\"schema\":1,\"file\":");
    gai_json_string(out, path);
    gai_text(out,
             ",\"allocator\":\"%s\",\"policy\":\"%s\",\"capacity\":%" PRIu64 ",\"ops\":%" PRIu32 ",\"failed\":%" PRIu32
             ",\"live_peak\":%" PRIu64 ",\"used_peak\":%" PRIu64 ",\"reserved_peak\":%" PRIu64
             ",\"reserved_over_live\":%.4f,\"waits\":%" PRIu64 ",\"device_ns\":%" PRIu64 ",\"backend_calls\":%" PRIu64
             ",\"ns_per_op\":%.0f,\"samples\":[",
             allocator_names[opts->allocator], policy_names[opts->policy], opts->capacity, result->ops, result->failed,
             result->live_peak, result->used_peak, result->reserved_peak, over_live(result), result->waits, result->device_ns,
             result->backend_calls, result->ops ? result->ns / result->ops : 0);
    for (uint32_t i = 0; i < result->n_samples; i++)
        gai_text(out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", result->samples[i].live, result->samples[i].reserved);
    gai_text(out, "]}\n");
}

enum { CHART_ROWS = 8 };

/* Reserved memory over time, what of it is alive filled: a column per sample. */
static void write_chart(const struct replay_result *result, struct text *out)
{
    char buf[32];
    for (int row = CHART_ROWS; row > 0; row--) {
        uint64_t floor = result->reserved_peak / CHART_ROWS * (uint64_t)(row - 1);
        gai_text(out, "  %10s |", row == CHART_ROWS ? gai_text_bytes(buf, result->reserved_peak) : "");
        for (uint32_t i = 0; i < result->n_samples; i++)
            gai_text(out, "%s", result->samples[i].live > floor ? "#" : result->samples[i].reserved > floor ? "." : " ");
        gai_text(out, "\n");
    }
    gai_text(out, "  %10s +", "0");
    for (uint32_t i = 0; i < result->n_samples; i++)
        gai_text(out, "-");
    gai_text(out, "  # alive  . reserved\n");
}

static void write_text(const struct replay_opts *opts, const struct replay_result *result, struct text *out)
{
    char live[32], reserved[32];
    gai_text(out, "\n%s, %s: reserved %s for %s alive, x %.3f; %" PRIu64 " calls of the device, %" PRIu64 " waits",
             allocator_names[opts->allocator], policy_names[opts->policy], gai_text_bytes(reserved, result->reserved_peak),
             gai_text_bytes(live, result->live_peak), over_live(result), result->backend_calls, result->waits);
    if (result->failed)
        gai_text(out, "; %" PRIu32 " allocations failed", result->failed);
    gai_text(out, "\n");
    write_chart(result, out);
}

/* Side by side: the peaks, which need not be at one time. */
static void write_table(const struct replay_opts *opts, const struct replay_result *results, unsigned policies, struct text *out)
{
    gai_text(out, "\n%-8s  %10s  %10s  %10s  %9s  %7s  %6s  %7s  %12s\n", allocator_names[opts->allocator], "alive", "in use",
             "reserved", "x alive", "calls", "waits", "failed", "device time");
    for (unsigned p = 0; p < REPLAY_POLICIES; p++) {
        const struct replay_result *result = &results[p];
        char live[32], used[32], reserved[32];
        if (policies >> p & 1)
            gai_text(out, "%-8s  %10s  %10s  %10s  %9.4f  %7" PRIu64 "  %6" PRIu64 "  %7" PRIu32 "  %9.3f ms\n", policy_names[p],
                     gai_text_bytes(live, result->live_peak), gai_text_bytes(used, result->used_peak),
                     gai_text_bytes(reserved, result->reserved_peak), over_live(result), result->backend_calls, result->waits,
                     result->failed, (double)result->device_ns / 1e6);
    }
}

/* ---- commands ---- */

static enum exit_code replay_one(const char *path, const struct alloc_trace *trace, const struct replay_opts *opts, bool as_json,
                                 struct replay_result *result, struct text *out)
{
    char error[256];
    enum ga_status status = replay_run(trace, opts, result, error, sizeof error);
    if (status == GA_INVALID && *error) {
        complain("%s: %s", path_shown(path), error);
        return EXIT_INPUT;
    }
    if (status != GA_OK) {
        complain("%s", ga_status_str(status));
        return EXIT_RESOURCES;
    }
    if (as_json)
        write_json(path, opts, result, out);
    else
        write_text(opts, result, out);
    return result->failed ? EXIT_NO : EXIT_YES;
}

static enum ga_status read_trace(const struct ga_source *source, void *trace, struct mishap *mishap)
{
    struct ga_env env = gai_env(NULL);
    return gai_alloc_trace_read(&env.mem, source, trace, mishap);
}

enum exit_code replay_load(const char *path, struct alloc_trace *trace)
{
    return file_read(path, read_trace, trace);
}

enum exit_code command_replay(const struct options *options, struct text *out)
{
    struct replay_opts opts = { .allocator = options->allocator, .capacity = options->room };
    struct replay_result results[REPLAY_POLICIES];
    struct alloc_trace trace;
    unsigned all = (1u << REPLAY_POLICIES) - 1, policies = options->policies > all ? all : options->policies;
    if (opts.allocator != REPLAY_DEVICE && policies != 1u << REPLAY_BASE) {
        complain("only the device allocator has other policies than base");
        return EXIT_USAGE;
    }
    enum exit_code code = replay_load(options->files[0], &trace);
    if (code != EXIT_YES)
        return code;
    bool as_json = options->format == GA_JSON;
    if (!as_json)
        gai_text(out, "%s: %" PRIu32 " events, %" PRIu32 " blocks, %" PRIu32 " streams\n", path_shown(options->files[0]), trace.n,
                 trace.n_blocks, trace.n_streams);
    for (unsigned p = 0; p < REPLAY_POLICIES && code <= EXIT_NO; p++) {
        opts.policy = (enum replay_policy)p;
        if (policies >> p & 1)
            code = exit_worse(code, replay_one(options->files[0], &trace, &opts, as_json, &results[p], out));
    }
    if (!as_json && code <= EXIT_NO && (policies & (policies - 1)))
        write_table(&opts, results, policies, out);
    gai_alloc_trace_fini(&trace);
    return code;
}

enum exit_code command_gen_trace(const struct options *options, struct text *out)
{
    struct ga_env env = gai_env(NULL);
    struct alloc_trace trace;
    if (!options->has_kind) {
        complain("gen trace needs --kind=llm, diffusion or training");
        return EXIT_USAGE;
    }
    if (gai_gen_trace(&env.mem, options->program, options->seed, &trace) != GA_OK) {
        complain("%s", ga_status_str(GA_NO_MEMORY));
        return EXIT_RESOURCES;
    }
    gai_alloc_trace_write(&trace, out);
    gai_alloc_trace_fini(&trace);
    return EXIT_YES;
}
