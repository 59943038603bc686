/*
 * Bytes as calls of a heap allocator: buffers, scalars, batches, aliases, events, watermarks, faults.  After each call no two live
 * buffers share a byte, and the simulated device has seen no mistake; now and then it is looked at whole; at the end nothing is
 * left.
 */
#include "fuzz_live.h"

#include "ggml_alloc/heap.h"

struct play {
    struct fuzz_input in;
    ga_sim *sim;
    ga_heaps *heaps;
    ga_heap *heap;
    struct live live[LIVE];
    ga_heap_buffer aliased;
    bool has_bytes;
};

static uint64_t any_size(struct fuzz_input *in)
{
    uint8_t kind = fuzz_byte(in);
    if (kind < 60)
        return kind;
    if (kind < 120)
        return (uint64_t)kind << 11;
    return kind < 250 ? (uint64_t)(kind - 119) << 18 : fuzz_number(in, 8);
}

static void keep(struct play *play, struct live *place, ga_heap_buffer buffer, uint64_t size)
{
    struct live made = { .name = buffer };
    if (!buffer)
        return;
    made.ptr = ga_heap_ptr(play->heap, buffer, &made.size);
    live_make(play->live, place, &made, size);
}

static void take(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, false);
    uint64_t size = any_size(&play->in);
    unsigned usage = fuzz_byte(&play->in) & (GA_HEAP_SHARED | GA_HEAP_MANAGED);
    ga_heap_buffer buffer = 0;
    if (!live || size > SIZE_MAX)
        return;
    enum ga_status status = ga_heap_alloc(play->heap, (size_t)size, usage, &buffer);
    REQUIRE((status == GA_OK && size) == (buffer != 0), "status %d for %llu bytes", (int)status, (unsigned long long)size);
    keep(play, live, buffer, size);
}

static void scalar(struct play *play)
{
    static const char value[8] = "scalar!";
    struct live *live = live_any(play->live, &play->in, false);
    size_t size = fuzz_byte(&play->in) % 9;
    ga_heap_buffer buffer = 0;
    if (live && play->has_bytes && ga_heap_alloc_scalar_buffer_with_value(play->heap, value, size, &buffer) == GA_OK)
        keep(play, live, buffer, size);
}

static void give(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    if (!live)
        return;
    REQUIRE(ga_heap_free(play->heap, live->name) == GA_OK, "a live buffer is not freed");
    REQUIRE(ga_heap_free(play->heap, live->name) != GA_OK, "freed twice");
    live->ptr = NULL;
}

static void use(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    uint8_t how = fuzz_byte(&play->in);
    ga_stream stream = how % STREAMS;
    if (how & 0x40)
        ga_heap_commit(play->heap, stream);
    else if (live && ga_heap_is_shared_buffer(play->heap, live->name) && ga_heap_use(play->heap, live->name, stream) == GA_OK &&
             ga_heap_refs(play->heap, live->name) > 1)
        live_work(live, play->sim, stream, how);
}

static void host(struct play *play)
{
    struct live *live = live_any(play->live, &play->in, true);
    uint8_t how = fuzz_byte(&play->in);
    int64_t shape[4] = { how, 2, 3, 4 };
    if (play->aliased && how & 1) {
        ga_heap_drop_alias(play->heap, play->aliased);
        play->aliased = 0;
    } else if (live && how & 2) {
        ga_sim_current(play->sim, how % STREAMS);
        ga_heap_record_events(play->heap, &live->name, 1);
    } else if (live && how & 4) {
        ga_heap_wait_for_events(play->heap, &live->name, 1);
    } else if (live && how & 8) {
        ga_heap_set_buffer_shape(play->heap, live->name, shape, how >> 4 & 3);
    } else if (live && !play->aliased && ga_heap_host_alias(play->heap, live->name)) {
        play->aliased = live->name;
    }
}

static void device(struct play *play)
{
    uint8_t how = fuzz_byte(&play->in), with = fuzz_byte(&play->in);
    struct ga_sim_fault fault = { .calls = with ? with : UINT32_MAX, .nth = how >> 4 };
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
    if (how & 1)
        ga_heap_free_inactive_buffers(play->heap);
    else if (how & 2)
        ga_heap_set_high_watermark_ratio(play->heap, how / 100.0);
    else if (how & 4)
        ga_heap_set_low_watermark_ratio(play->heap, how / 100.0);
    else
        ga_heap_empty_cache(play->heap);
}

static void finish(struct play *play)
{
    struct ga_sim_stats stats;
    const char *broken = play->heap ? ga_heap_check(play->heap) : NULL;
    REQUIRE(!broken, "%s", broken);
    ga_sim_fail(play->sim, NULL);
    ga_heaps_delete(play->heaps);
    ga_sim_stats(play->sim, &stats);
    REQUIRE(!ga_sim_error(play->sim), "%s", ga_sim_error(play->sim));
    REQUIRE(stats.live == 0 && stats.events == 0, "something was not given back");
    ga_sim_delete(play->sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const calls[])(
        struct play *) = { take, take, take, take, scalar, give, give, give, use, use, host, device, whole };
    struct play play = { .in = { data, size, 0 } };
    uint8_t kind = fuzz_byte(&play.in);
    struct ga_sim_opts sim = { .capacity = (uint64_t)(16 + fuzz_byte(&play.in)) << 20,
                               .streams = STREAMS,
                               .discrete = kind & 1,
                               .recommended = kind & 2 ? 64u << 20 : 0 };
    /* Scalars are written, so they need bytes, of which there should not be many. */
    play.has_bytes = kind & 16;
    if (play.has_bytes)
        sim.capacity = (uint64_t)16 << 20;
    play.sim = ga_sim_new(NULL, play.has_bytes ? ga_backend_cpu() : ga_backend_null(), &sim);
    if (!play.sim)
        return 0;
    play.heaps = ga_heaps_new(NULL, ga_sim_backend(play.sim), &(struct ga_heap_opts){ .high_ratio = kind & 4 ? 0.9 : 0 });
    play.heap = play.heaps ? ga_heaps_get(play.heaps, !(kind & 1) && kind & 8) : NULL;
    for (int i = 0; play.heap && i < 400 && play.in.at < play.in.len; i++) {
        calls[fuzz_byte(&play.in) % (sizeof calls / sizeof *calls)](&play);
        const char *broken = i % 8 == 7 ? ga_heap_check(play.heap) : NULL; /* takes longer than all the rest */
        REQUIRE(!broken, "%s", broken);
        REQUIRE(!ga_sim_error(play.sim), "%s", ga_sim_error(play.sim));
    }
    finish(&play);
    return 0;
}
