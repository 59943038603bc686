/*
 * replay.h - a trace of allocations, played to an allocator on a simulated device
 *
 *     trace --> player (device, host or heap) --> simulated device, whose clock the trace moves
 *                 |
 *                 `--> reserved over time, beside what is alive: what the allocator costs
 */
#ifndef GAI_CLI_REPLAY_H
#define GAI_CLI_REPLAY_H

#include "cli/cli.h"
#include "ggml_alloc/sim.h"
#include "io/alloc_trace.h"

#define REPLAY_SAMPLES 60u

struct replay_sample {
    uint64_t live, reserved;
};

struct replay_bytes {
    uint64_t used, reserved; /* in blocks that are alive, or wait for a stream; taken from the device */
};

struct replay_result {
    uint32_t ops, failed;                         /* allocs and frees; allocs that found no space */
    uint64_t live_peak, reserved_peak;            /* bytes: as asked for; taken from the device */
    uint64_t used_peak;                           /* as struct replay_bytes: what streams that lag behind make unavoidable */
    uint64_t device_ns;                           /* on the device's clock: longer, when it had to be waited for */
    uint64_t waits;                               /* times that the device was waited for */
    uint64_t backend_calls;                       /* of memory */
    double ns;                                    /* of all that the allocator did; not for comparing bytes */
    struct replay_sample samples[REPLAY_SAMPLES]; /* evenly over the events: the peaks since the one before */
    uint32_t n_samples;
};

struct replay_opts {
    enum replay_allocator allocator;
    enum replay_policy policy;
    uint64_t capacity; /* 0: as much as is asked for */
};

/* GA_INVALID: the device saw a mistake, of the trace or of the allocator, which `error` tells in words; GA_NO_MEMORY.  Only the device
 * allocator has policies. */
enum ga_status replay_run(const struct alloc_trace *trace, const struct replay_opts *opts, struct replay_result *result,
                          char *error, size_t cap);

/* Complains itself; EXIT_YES: `trace` is to be freed. */
enum exit_code replay_load(const char *path, struct alloc_trace *trace);

/* ---- players ---- */

/* What is played to; `blocks` are the player's names of the trace's blocks, 0: none. */
struct player {
    const struct alloc_trace *trace;
    ga_sim *sim;
    void *allocator;
    uint64_t *blocks;
    enum ga_status (*alloc)(struct player *player, uint32_t block, uint64_t bytes, ga_stream stream);
    void (*free)(struct player *player, uint32_t block);
    void (*share)(struct player *player, uint32_t block, ga_stream stream);
    void *(*ptr)(struct player *player, uint32_t block, size_t *size);
    void (*commit)(struct player *player, ga_stream stream); /* NULL: nothing is to be done */
    void (*sync)(struct player *player);
    struct replay_bytes (*bytes)(struct player *player);
    void (*close)(struct player *player);
};

/* False: no memory. */
bool player_open_device(struct player *player, enum replay_policy policy);
bool player_open_host(struct player *player);
bool player_open_heap(struct player *player);

#endif
