#include "cli/replay.h"

#include "base/log.h"
#include "cli/system.h"

#include <stdlib.h>

struct run {
    struct player player;
    const struct alloc_trace *trace;
    uint64_t *sizes; /* of live blocks, as asked for */
    uint16_t *homes; /* the streams that blocks were asked for on */
    struct replay_result *result;
    uint64_t live;
    struct replay_bytes bytes;
    struct replay_sample since; /* the peaks since the last sample */
};

static void take_block(struct run *run, const struct trace_event *event)
{
    run->result->ops++;
    if (event->value == 0)
        return;
    if (event->value > SIZE_MAX || run->player.alloc(&run->player, event->block, event->value, event->stream) != GA_OK) {
        run->result->failed++;
        run->player.blocks[event->block] = 0;
        return;
    }
    run->sizes[event->block] = event->value;
    run->homes[event->block] = event->stream;
    run->live += event->value;
}

static void give_block(struct run *run, uint32_t block)
{
    run->result->ops++;
    if (run->player.blocks[block] == 0)
        return;
    run->player.free(&run->player, block);
    run->player.blocks[block] = 0;
    run->live -= run->sizes[block];
}

/* Without a block, the stream is busy with what is not ours: one byte of nothing.  So only its time counts. */
static void do_work(struct run *run, const struct trace_event *event)
{
    size_t size = 0;
    bool has_block = event->block != TRACE_NO_BLOCK && run->player.blocks[event->block];
    void *ptr = has_block ? run->player.ptr(&run->player, event->block, &size) : NULL;
    ga_sim_work(run->player.sim, event->stream, ptr, ptr ? size : 0, event->value);
    if (run->player.commit)
        run->player.commit(&run->player, event->stream);
}

/* Whoever uses what another stream made waits for it, as programs do. */
static void share_block(struct run *run, const struct trace_event *event)
{
    const struct ga_backend_order *order = ga_sim_backend(run->player.sim)->order;
    ga_event made;
    if (run->homes[event->block] != event->stream && order->record(order->user, run->homes[event->block], &made) == GA_OK) {
        ga_sim_follow(run->player.sim, event->stream, made);
        order->release(order->user, made);
    }
    run->player.share(&run->player, event->block, event->stream);
}

static void play(struct run *run, const struct trace_event *event)
{
    bool is_there = event->block != TRACE_NO_BLOCK && run->player.blocks[event->block];
    switch ((enum trace_kind)event->kind) {
    case TRACE_ALLOC:
        take_block(run, event);
        break;
    case TRACE_FREE:
        give_block(run, event->block);
        break;
    case TRACE_SHARE:
        if (is_there)
            share_block(run, event);
        break;
    case TRACE_WORK:
        do_work(run, event);
        break;
    case TRACE_PASS:
        ga_sim_advance(run->player.sim, event->value);
        break;
    case TRACE_SYNC:
        run->player.sync(&run->player);
        break;
    }
}

static void look(struct run *run, uint32_t i)
{
    struct replay_result *result = run->result;
    run->since.live = run->live > run->since.live ? run->live : run->since.live;
    run->since.reserved = run->bytes.reserved > run->since.reserved ? run->bytes.reserved : run->since.reserved;
    result->live_peak = run->live > result->live_peak ? run->live : result->live_peak;
    result->reserved_peak = run->bytes.reserved > result->reserved_peak ? run->bytes.reserved : result->reserved_peak;
    result->used_peak = run->bytes.used > result->used_peak ? run->bytes.used : result->used_peak;
    uint64_t due = (uint64_t)run->trace->n * (result->n_samples + 1) / REPLAY_SAMPLES;
    if (i + 1 >= due && result->n_samples < REPLAY_SAMPLES) {
        result->samples[result->n_samples++] = run->since;
        run->since = (struct replay_sample){ 0 };
    }
}

static void play_all(struct run *run)
{
    double begin = (double)system_now();
    for (uint32_t i = 0; i < run->trace->n; i++) {
        const struct trace_event *event = &run->trace->at[i];
        play(run, event);
        if (event->kind == TRACE_ALLOC || event->kind == TRACE_SYNC)
            run->bytes = run->player.bytes(&run->player);
        look(run, i);
    }
    run->result->ns = (double)system_now() - begin;
    struct ga_sim_stats stats;
    ga_sim_stats(run->player.sim, &stats);
    run->result->device_ns = ga_sim_now(run->player.sim);
    run->result->waits = stats.calls[GA_SIM_WAIT] + stats.calls[GA_SIM_SYNC];
    run->result->backend_calls = stats.calls[GA_SIM_ALLOC] + stats.calls[GA_SIM_FREE] + stats.calls[GA_SIM_PINNED_ALLOC] +
                                 stats.calls[GA_SIM_PINNED_FREE] + stats.calls[GA_SIM_MAP] + stats.calls[GA_SIM_UNMAP];
}

static bool open_player(struct player *player, const struct replay_opts *opts)
{
    switch (opts->allocator) {
    case REPLAY_HOST:
        return player_open_host(player);
    case REPLAY_HEAP:
        return player_open_heap(player);
    default:
        return player_open_device(player, opts->policy);
    }
}

enum ga_status replay_run(const struct alloc_trace *trace, const struct replay_opts *opts, struct replay_result *result,
                          char *error, size_t cap)
{
    struct ga_sim_opts sim_opts = {
        .capacity = opts->capacity ? opts->capacity : (uint64_t)1 << 46,
        .pinned_capacity = opts->capacity,
        .streams = trace->n_streams ? trace->n_streams : 1,
    };
    *result = (struct replay_result){ 0 };
    gai_say(error, cap, "%s", "");
    struct run run = { .trace = trace, .result = result, .player = { .trace = trace } };
    run.player.sim = ga_sim_new(NULL, ga_backend_null(), &sim_opts);
    run.sizes = calloc(trace->n_blocks + (size_t)1, sizeof *run.sizes);
    run.homes = calloc(trace->n_blocks + (size_t)1, sizeof *run.homes);
    run.player.blocks = calloc(trace->n_blocks + (size_t)1, sizeof *run.player.blocks);
    enum ga_status status = GA_NO_MEMORY;
    if (run.player.sim && run.sizes && run.homes && run.player.blocks && open_player(&run.player, opts)) {
        play_all(&run);
        status = GA_OK;
        const char *mistake = ga_sim_error(run.player.sim);
        if (mistake) {
            gai_say(error, cap, "%s", mistake);
            status = GA_INVALID;
        }
        run.player.close(&run.player);
    }
    ga_sim_delete(run.player.sim);
    free(run.sizes);
    free(run.homes);
    free(run.player.blocks);
    return status;
}
