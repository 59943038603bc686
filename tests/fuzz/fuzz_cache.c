/*
 * Bytes as calls of a cache: options, allocations, streams, private pools, captures, faults of the device.  After each call no two
 * live blocks share a byte, and the simulated device has seen no mistake; now and then the cache is looked at whole; at the end
 * nothing is left.
 */
#include "fuzz_live.h"

#include "ggml_alloc/pool.h"

enum { POOLS = 3, EVENTS = 8 };

struct play {
    struct fuzz_input in;
    ga_sim *sim;
    const struct ga_backend *device;
    ga_cache *cache;
    struct live live[LIVE];
    ga_pool pools[POOLS], capturing;
    ga_pool_state *state;
    ga_pool state_of;
    ga_event events[EVENTS];
    uint32_t n_events;
    bool is_off;
};

static uint64_t any_size(struct fuzz_input *in)
{
    uint8_t kind = fuzz_byte(in);
    if (kind < 100)
        return (uint64_t)kind * 100;
    if (kind < 250)
        return (uint64_t)(kind - 99) << 17;
    return fuzz_number(in, 8);
}

static uint64_t on_segment(struct fuzz_input *in, uint8_t bit, uint8_t which)
{
    return which & bit ? (uint64_t)(1 + fuzz_byte(in) % 32) << 19 : 0;
}

static struct ga_cache_opts any_opts(struct fuzz_input *in)
{
    uint8_t flags = fuzz_byte(in), sizes = fuzz_byte(in);
    struct ga_cache_opts opts = {
        .fit = flags & 1 ? GA_FIT_FAST : GA_FIT_BEST,
        .wait = (enum ga_wait)(flags >> 1 & 3) % 3,
        .expandable = flags & 8,
        .adopt = flags & 16,
        .trace = flags & 32 ? 5 : 0,
        .limit = flags & 64 ? (uint64_t)fuzz_byte(in) << 20 : 0,
        .collect = flags & 128 ? 0.5 : 0,
        .small_segment = on_segment(in, 1, sizes),
        .large_segment = on_segment(in, 2, sizes),
        .own_segment = on_segment(in, 4, sizes),
        .segment_quantum = on_segment(in, 8, sizes),
        .max_split = sizes & 16 ? (uint64_t)20 << 20 : 0,
    };
    if (sizes & 32)
        for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
            opts.divisions[i] = 1u << (fuzz_byte(in) % 5);
    return opts;
}

/* The whole is looked at now and then: that takes longer than all the rest. */
static void look(struct play *play, bool whole)
{
    const char *broken = whole ? ga_cache_check(play->cache) : NULL;
    REQUIRE(!broken, "%s", broken);
    REQUIRE(!ga_sim_error(play->sim), "%s", ga_sim_error(play->sim));
}

static void take(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, false), made = { 0 };
    uint64_t size = any_size(&play->in);
    uint8_t how = fuzz_byte(&play->in);
    size_t align = how & 0x40 ? (size_t)1 << (how >> 2 & 15) : 1;
    void *ptr = NULL;
    if (!live || size > SIZE_MAX)
        return;
    made.home = made.last = how % STREAMS;
    made.streams = 1u << made.home;
    enum ga_status status = ga_cache_alloc_aligned(play->cache, (size_t)size, align, made.home, &made.name, &ptr);
    REQUIRE((status == GA_OK && size) == (made.name != 0), "status %d for %llu bytes", (int)status, (unsigned long long)size);
    if (!made.name)
        return;
    made.ptr = ga_cache_ptr(play->cache, made.name, &made.size);
    REQUIRE(made.ptr == ptr && (uintptr_t)ptr % align == 0, "%p is not aligned to %zu, or elsewhere", ptr, align);
    live_make(play->live, live, &made, size);
}

static void give(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    if (!live)
        return;
    REQUIRE(ga_cache_free(play->cache, live->name) == GA_OK, "a live block is not freed");
    REQUIRE(play->is_off || ga_cache_free(play->cache, live->name) == GA_FREED, "freed twice");
    live->ptr = NULL;
}

/* Another stream gets to use it, and is given work on it, that takes its time. */
static void use(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    uint8_t how = fuzz_byte(&play->in);
    ga_stream stream = how % STREAMS;
    if (!live)
        return;
    if (!(live->streams & 1u << stream) && ga_cache_share(play->cache, live->name, stream) != GA_OK)
        return;
    live->streams |= 1u << stream;
    if (!play->capturing && !play->is_off)
        live_work(live, play->sim, stream, how);
}

static void until(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    ga_stream stream = fuzz_byte(&play->in) % STREAMS;
    const struct ga_backend_order *order = play->device->order;
    ga_event event;
    if (!live || play->capturing || play->n_events == EVENTS || order->record(order->user, stream, &event) != GA_OK)
        return;
    play->events[play->n_events++] = event;
    ga_cache_share_until(play->cache, live->name, event);
}

static void join(struct play *play)
{
    ga_stream home = fuzz_byte(&play->in) % STREAMS, stream = fuzz_byte(&play->in) % STREAMS;
    struct live *live = live_any(play->live, &play->in, true);
    ga_sim_finish(play->sim, stream);
    ga_cache_joined(play->cache, home, stream);
    if (live && stream != live->home && ga_cache_unshare(play->cache, live->name, stream) == GA_OK)
        live->streams &= ~(1u << stream);
}

/* What was freed by the cache on its own has other names now. */
static void forget(struct play *play)
{
    for (int i = 0; i < LIVE; i++)
        if (play->live[i].ptr && !ga_cache_ptr(play->cache, play->live[i].name, NULL))
            play->live[i].ptr = NULL;
}

static void restore(struct play *play, ga_pool pool)
{
    ga_block made[LIVE];
    struct ga_pool_restored restored = { .made = made, .cap_made = LIVE };
    if (!play->state || ga_pool_restore(play->cache, pool, play->state, &restored) != GA_OK)
        return;
    REQUIRE(pool == play->state_of, "the state of another pool");
    forget(play);
    for (uint32_t i = 0; i < restored.n_made && i < LIVE; i++)
        ga_cache_free(play->cache, made[i]);
}

static void begin(struct play *play, ga_pool pool, bool captures)
{
    captures = captures && !play->capturing;
    if (ga_pool_begin(play->cache, pool, &(struct ga_route){ .captures = captures }) != GA_OK || !captures)
        return;
    play->capturing = pool;
    ga_sim_current(play->sim, 0);
    ga_sim_capture(play->sim, 0, true);
}

static void end(struct play *play, ga_pool pool)
{
    if (play->capturing == pool && pool) {
        ga_sim_capture(play->sim, 0, false);
        play->capturing = 0;
    }
    ga_pool_end(play->cache, pool);
}

static void pools(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in);
    ga_pool *pool = &play->pools[how % POOLS];
    struct ga_pool_stats stats;
    switch (how >> 4) {
    case 0:
        if (ga_pool_stats(play->cache, *pool, &stats) != GA_OK)
            ga_pool_new(play->cache, &(struct ga_pool_opts){ .whole = how & 4, .lends = how & 8 }, pool);
        break;
    case 1:
    case 2:
    case 3:
        begin(play, *pool, false);
        break;
    case 4:
        begin(play, *pool, true);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        end(play, *pool);
        break;
    case 9:
        ga_pool_release(play->cache, *pool);
        break;
    case 10:
        ga_pool_trim(play->cache, *pool);
        break;
    case 11:
    case 12:
        if (!play->state && ga_pool_checkpoint(play->cache, *pool, &play->state) == GA_OK)
            play->state_of = *pool;
        break;
    case 13:
    case 14:
        restore(play, *pool);
        break;
    default:
        ga_pool_retain(play->cache, *pool);
    }
}

static void device(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in), with = fuzz_byte(&play->in);
    struct ga_sim_fault fault = { .calls = with ? with : UINT32_MAX, .nth = how >> 4 };
    if (play->capturing)
        return;
    if (how & 1)
        ga_sim_advance(play->sim, with);
    else if (how & 2)
        ga_sim_finish(play->sim, with % STREAMS);
    else if (how & 4)
        ga_sim_fail(play->sim, &fault);
    else
        ga_sim_fail(play->sim, NULL);
}

static void whole(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in);
    switch (how % 8) {
    case 0:
        ga_cache_trim(play->cache, (uint64_t)how << 18);
        break;
    case 1:
        ga_cache_limit(play->cache, (uint64_t)how << 18);
        break;
    case 2:
        ga_cache_sync(play->cache);
        break;
    case 3:
        ga_cache_set_fraction(play->cache, how / 200.0);
        break;
    case 4:
        if (!play->capturing)
            play->is_off = ga_cache_enable(play->cache, how & 8) == GA_OK ? !(how & 8) : play->is_off;
        break;
    case 5:
        if (!play->capturing)
            ga_cache_drop_stream(play->cache, how >> 3 & 3);
        break;
    default:
        ga_cache_poll(play->cache);
    }
}

static void finish(struct play *play)
{
    struct ga_sim_stats stats;
    const char *broken = play->cache ? ga_cache_check(play->cache) : NULL;
    const struct ga_backend_order *order = play->device->order;
    REQUIRE(!broken, "%s", broken);
    ga_sim_fail(play->sim, NULL);
    ga_sim_capture(play->sim, 0, false);
    ga_pool_state_delete(play->state);
    ga_cache_delete(play->cache);
    for (uint32_t i = 0; i < play->n_events; i++)
        order->release(order->user, play->events[i]);
    ga_sim_stats(play->sim, &stats);
    REQUIRE(!ga_sim_error(play->sim), "%s", ga_sim_error(play->sim));
    REQUIRE(stats.live == 0 && stats.buffers == 0 && stats.events == 0 && stats.ranges == 0, "something was not given back");
    ga_sim_delete(play->sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const calls[])(struct play *) = { take, take, take, give, give, use, until, join, pools, pools, device, whole };
    struct play play = { .in = { data, size, 0 } };
    struct ga_cache_opts opts = any_opts(&play.in);
    uint64_t capacity = (uint64_t)(16 + fuzz_byte(&play.in)) << 20;
    play.sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity, .streams = STREAMS });
    if (!play.sim)
        return 0;
    play.device = ga_sim_backend(play.sim);
    play.cache = ga_cache_new(NULL, play.device, &opts);
    for (int i = 0; play.cache && i < 400 && play.in.at < play.in.len; i++) {
        calls[fuzz_byte(&play.in) % (sizeof calls / sizeof *calls)](&play);
        look(&play, i % 8 == 7);
    }
    finish(&play);
    return 0;
}
