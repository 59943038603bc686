/*
 * Bytes as calls of a host allocator: options that change, allocations, streams, private pools, captures, faults.  After each call
 * no two live blocks share a byte, and the simulated device has seen no mistake; now and then it is looked at whole; at the end
 * nothing is left.
 */
#include "fuzz_live.h"

#include "ggml_alloc/host.h"

enum { POOLS = 3 };

struct play {
    struct fuzz_input in;
    ga_sim *sim;
    ga_host *host;
    struct live live[LIVE];
    bool captures;
};

static struct ga_host_opts any_opts(struct fuzz_input *in)
{
    uint8_t flags = fuzz_byte(in), sizes = fuzz_byte(in);
    return (struct ga_host_opts){
        .power_of_two = flags & 1,
        .interior = flags & 2,
        .pin = flags & 4,
        .pin_threads = flags & 8 ? 2 : 0,
        .max_round = sizes & 1 ? (uint64_t)fuzz_byte(in) << 14 : 0,
        .max_cached = sizes & 2 ? (uint64_t)fuzz_byte(in) << 14 : 0,
        .limit = sizes & 4 ? (uint64_t)fuzz_byte(in) << 16 : 0,
        .max_idle = sizes & 8 ? fuzz_byte(in) : 0,
        .reserve = sizes & 16 ? (uint64_t)fuzz_byte(in) << 15 : 0,
    };
}

static void take(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, false), made = { 0 };
    uint8_t kind = fuzz_byte(&play->in);
    uint64_t size = kind < 100 ? kind * 50u : kind < 250 ? (uint64_t)(kind - 99) << 12 : fuzz_number(&play->in, 8);
    void *ptr = NULL;
    ga_host_block *token = NULL;
    if (!live || size > SIZE_MAX)
        return;
    enum ga_status status = ga_host_alloc(play->host, (size_t)size, &ptr, &token);
    REQUIRE((status == GA_OK && size) == (ptr != NULL), "status %d for %llu bytes", (int)status, (unsigned long long)size);
    if (!ptr)
        return;
    made.token = token;
    made.ptr = ga_host_ptr(play->host, token, &made.size);
    REQUIRE(made.ptr == ptr, "it is not where it was said to be");
    live_make(play->live, live, &made, size);
}

static void give(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    if (!live)
        return;
    REQUIRE(ga_host_free(play->host, live->token) == GA_OK, "a live block is not freed");
    REQUIRE(ga_host_free(play->host, live->token) != GA_OK, "freed twice");
    live->ptr = NULL;
}

static void use(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    uint8_t how = fuzz_byte(&play->in);
    ga_stream stream = how % STREAMS;
    if (!live)
        return;
    enum ga_status status =
        ga_host_record(play->host, live->ptr + (how & 4 ? live->size / 2 : 0), how & 8 ? NULL : live->token, stream);
    if (status == GA_OK && !play->captures)
        live_work(live, play->sim, stream, how);
}

static void pools(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in);
    uint64_t id = how % POOLS;
    if (how < 110)
        ga_host_pool_begin(play->host, id, NULL, NULL);
    else if (how < 200)
        ga_host_pool_end(play->host, id);
    else if (how < 230)
        ga_host_pool_release(play->host, id);
    else if (play->captures != (how & 1)) {
        play->captures = how & 1;
        ga_sim_current(play->sim, 0);
        ga_sim_capture(play->sim, 0, play->captures);
    }
}

static void device(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in), with = fuzz_byte(&play->in);
    struct ga_sim_fault fault = { .calls = with ? (uint32_t)with << 1 : UINT32_MAX, .nth = how >> 4 };
    if (how & 1)
        ga_sim_advance(play->sim, with);
    else if (how & 2)
        ga_sim_finish(play->sim, with % STREAMS);
    else
        ga_sim_fail(play->sim, how & 4 ? &fault : NULL);
}

static void whole(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in);
    struct ga_host_opts opts;
    if (how & 1)
        ga_host_trim(play->host, (uint64_t)how << 13);
    else if (how & 2)
        ga_host_poll(play->host);
    else if (how & 4 && !play->captures)
        ga_host_sync(play->host);
    else if (how & 8) {
        opts = any_opts(&play->in);
        ga_host_set(play->host, &opts);
    }
}

static void finish(struct play *play)
{
    struct ga_sim_stats stats;
    const char *broken = play->host ? ga_host_check(play->host) : NULL;
    REQUIRE(!broken, "%s", broken);
    ga_sim_fail(play->sim, NULL);
    ga_sim_capture(play->sim, 0, false);
    ga_host_delete(play->host);
    ga_sim_stats(play->sim, &stats);
    REQUIRE(!ga_sim_error(play->sim), "%s", ga_sim_error(play->sim));
    REQUIRE(stats.pinned == 0 && stats.pins == 0 && stats.events == 0 && stats.live == 0, "something was not given back");
    ga_sim_delete(play->sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const calls[])(struct play *) = { take, take, take, give, give, use, use, pools, device, whole };
    struct play play = { .in = { data, size, 0 } };
    struct ga_host_opts opts = any_opts(&play.in);
    uint64_t capacity = (uint64_t)(1 + fuzz_byte(&play.in)) << 16;
    play.sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .pinned_capacity = capacity, .streams = STREAMS });
    if (!play.sim)
        return 0;
    play.host = ga_host_new(NULL, ga_sim_backend(play.sim), &opts);
    for (int i = 0; play.host && i < 400 && play.in.at < play.in.len; i++) {
        calls[fuzz_byte(&play.in) % (sizeof calls / sizeof *calls)](&play);
        const char *broken = i % 8 == 7 ? ga_host_check(play.host) : NULL; /* takes longer than all the rest */
        REQUIRE(!broken, "%s", broken);
        REQUIRE(!ga_sim_error(play.sim), "%s", ga_sim_error(play.sim));
    }
    finish(&play);
    return 0;
}
