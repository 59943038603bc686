#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "ggml_alloc/heap.h"
#include "ggml_alloc/registry.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define PAGE (16 * KIB)

static struct test_mem hook;
static ga_sim *sim;
static ga_heaps *heaps;
static ga_heap *heap; /* the private face */

static void start_on(const struct ga_backend *inner, const struct ga_sim_opts *device, const struct ga_heap_opts *opts)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(NULL, inner, device);
    heaps = ga_heaps_new(&env, ga_sim_backend(sim), opts);
    cr_assert_not_null(heaps);
    heap = ga_heaps_get(heaps, false);
}

static void start(void)
{
    start_on(ga_backend_null(), &(struct ga_sim_opts){ .capacity = 8 * GIB }, NULL);
}

static void sound(void)
{
    const char *broken = ga_heap_check(heap);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static void finish(void)
{
    struct ga_sim_stats stats;
    sound();
    ga_heaps_delete(heaps);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.live == 0 && stats.events == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static void restart(uint64_t capacity, bool discrete, const struct ga_heap_opts *opts)
{
    finish();
    start_on(ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity, .discrete = discrete }, opts);
}

/* With bytes behind the addresses, and small heaps. */
static void restart_with_bytes(void)
{
    finish();
    start_on(ga_backend_cpu(), &(struct ga_sim_opts){ .capacity = GIB }, NULL);
}

TestSuite(heap, .init = start, .fini = finish);

static ga_heap_buffer take_as(size_t size, unsigned usage)
{
    ga_heap_buffer buffer = 0;
    enum ga_status status = ga_heap_alloc(heap, size, usage, &buffer);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    cr_assert_neq(buffer, 0);
    sound();
    return buffer;
}

static ga_heap_buffer take(size_t size)
{
    return take_as(size, GA_HEAP_PRIVATE);
}

static void give(ga_heap_buffer buffer)
{
    cr_assert_eq(ga_heap_free(heap, buffer), GA_OK);
    sound();
}

static uint64_t id_of(ga_heap_buffer buffer)
{
    return ga_heap_get_buffer_id(heap, buffer);
}

static struct ga_heap_stats stats(void)
{
    struct ga_heap_stats stats;
    ga_heap_stats(heap, &stats);
    return stats;
}

/* What the walk says of a heap (by id) or buffer. */
static struct ga_heap_part part_of(enum ga_heap_part_kind kind, uint64_t id)
{
    struct ga_heap_part parts[256];
    uint32_t n = ga_heap_walk(heap, parts, 256);
    cr_assert_leq(n, 256);
    for (uint32_t i = 0; i < n; i++)
        if (parts[i].kind == kind && parts[i].id == id)
            return parts[i];
    return (struct ga_heap_part){ 0 };
}

static struct ga_heap_part pool_part(enum ga_heap_pool pool)
{
    struct ga_heap_part parts[256];
    uint32_t n = ga_heap_walk(heap, parts, 256);
    for (uint32_t i = 0; i < n && i < 256; i++)
        if (parts[i].kind == GA_HEAP_PART_POOL && parts[i].pool == pool)
            return parts[i];
    cr_assert_fail("no such pool");
    return parts[0];
}

static uint64_t size_of(ga_heap_buffer buffer)
{
    size_t size = 0;
    ga_heap_ptr(heap, buffer, &size);
    return size;
}

static bool refuses(const struct ga_heap_opts *opts)
{
    ga_heaps *refused = ga_heaps_new(NULL, ga_sim_backend(sim), opts);
    ga_heaps_delete(refused);
    return !refused;
}

/* --- faces, sizes, pools, tiers --- */

Test(heap, has_a_shared_face_where_memory_is_unified)
{
    ga_heap *shared = ga_heaps_get(heaps, true);
    cr_assert(shared && ga_heap_is_shared_storage_supported(heap));
    ga_heap_buffer buffer;
    cr_assert_eq(ga_heap_alloc(shared, 100, 0, &buffer), GA_OK);
    cr_assert(ga_heap_is_shared_buffer(heap, buffer) && ga_heap_is_pinned(heap, buffer));
    ga_heap_buffer private = take(100);
    cr_assert(!ga_heap_is_shared_buffer(heap, private) && !ga_heap_is_pinned(heap, private));
    cr_assert(!ga_heap_is_shared_buffer(heap, 12345));
    restart(GIB, true, NULL);
    cr_assert(!ga_heaps_get(heaps, true) && !ga_heap_is_shared_storage_supported(heap));
    buffer = take_as(100, GA_HEAP_SHARED); /* not the face's default, but it is there */
    cr_assert(ga_heap_is_shared_buffer(heap, buffer));
}

Test(heap, shares_nothing_on_a_device_that_does_not)
{
    struct ga_backend plain = *ga_backend_null();
    ga_heaps *other = ga_heaps_new(NULL, &plain, NULL);
    ga_heap_buffer buffer = 7;
    cr_assert_null(ga_heaps_get(other, true));
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 100, GA_HEAP_SHARED, &buffer), GA_UNSUPPORTED);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(ga_heaps_get(other, false), "x", 1, &buffer), GA_UNSUPPORTED);
    cr_assert_eq(buffer, 7);
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 100, 0, &buffer), GA_OK);
    cr_assert_eq(ga_heap_use(ga_heaps_get(other, false), buffer, 0), GA_UNSUPPORTED);
    cr_assert_eq(ga_heap_commit(ga_heaps_get(other, false), 0), GA_UNSUPPORTED);
    cr_assert_eq(ga_heap_empty_cache(ga_heaps_get(other, false)), GA_OK);
    ga_heaps_delete(other);
}

Test(heap, refuses_options_that_make_no_sense)
{
    cr_assert_null(ga_heaps_new(NULL, NULL, NULL));
    cr_assert(refuses(&(struct ga_heap_opts){ .high_ratio = 2.1 }));
    cr_assert(refuses(&(struct ga_heap_opts){ .high_ratio = -0.1 }));
    cr_assert(refuses(&(struct ga_heap_opts){ .high_ratio = NAN }));
    cr_assert(refuses(&(struct ga_heap_opts){ .low_ratio = NAN }));
    cr_assert(refuses(&(struct ga_heap_opts){ .low_ratio = 1.8 }));
    cr_assert(!refuses(&(struct ga_heap_opts){ .high_ratio = 1 })); /* the low one follows */
    ga_heaps_delete(NULL);
}

Test(heap, rounds_and_chooses_pools_by_size_and_use)
{
    static const struct {
        size_t size;
        unsigned usage;
        uint64_t rounded;
        enum ga_heap_pool pool;
    } cases[] = {
        { 1, 0, 256, GA_HEAP_POOL_SHARED_SMALL }, /* a scalar's size: shared where memory is unified */
        { 8, 0, 256, GA_HEAP_POOL_SHARED_SMALL },
        { 9, 0, 256, GA_HEAP_POOL_PRIVATE_SMALL },
        { 257, 0, 512, GA_HEAP_POOL_PRIVATE_SMALL },
        { 257, GA_HEAP_SHARED, 512, GA_HEAP_POOL_SHARED_SMALL },
        { 4, GA_HEAP_SCALAR, 256, GA_HEAP_POOL_SCALAR },
        { MIB, 0, MIB, GA_HEAP_POOL_PRIVATE_SMALL },
        { MIB + 1, 0, MIB + 2 * PAGE, GA_HEAP_POOL_PRIVATE_LARGE }, /* 32 steps per power of two */
        { MIB + 1, GA_HEAP_SHARED, MIB + 2 * PAGE, GA_HEAP_POOL_SHARED_LARGE },
        { 10 * MIB - PAGE, 0, 10 * MIB - PAGE, GA_HEAP_POOL_PRIVATE_LARGE }, /* a step would leave the tier */
        { 33 * MIB, 0, 33 * MIB, GA_HEAP_POOL_PRIVATE_LARGE },
        { 33 * MIB + 1, 0, 34 * MIB, GA_HEAP_POOL_PRIVATE_LARGE },
        { 33 * MIB, GA_HEAP_SHARED | GA_HEAP_MANAGED, 33 * MIB, GA_HEAP_POOL_SHARED_LARGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ga_heap_buffer buffer = take_as(cases[i].size, cases[i].usage);
        struct ga_heap_part part = part_of(GA_HEAP_PART_BUFFER, id_of(buffer));
        cr_assert_eq(size_of(buffer), cases[i].rounded, "%zu bytes: %zu", cases[i].size, (size_t)size_of(buffer));
        cr_assert_eq(part.pool, cases[i].pool, "%zu bytes", cases[i].size);
        cr_assert_eq(part.usage & GA_HEAP_MANAGED, cases[i].usage & GA_HEAP_MANAGED);
        bool is_tracked = cases[i].pool != GA_HEAP_POOL_SCALAR;
        cr_assert_eq((part.usage & GA_HEAP_HAZARD) != 0, is_tracked);
        cr_assert_eq(ga_heap_get_unaligned_buffer_size(heap, buffer), (int64_t)cases[i].size);
    }
    cr_assert_eq(ga_heap_get_unaligned_buffer_size(heap, 99), -1);
}

Test(heap, makes_heaps_by_tier)
{
    static const struct {
        size_t size;
        uint64_t heap;
        bool is_whole;
    } cases[] = {
        { 100, 8 * MIB, false },        { MIB, 8 * MIB, false },
        { MIB + 1, 32 * MIB, false },   { 10 * MIB - PAGE, 32 * MIB, false },
        { 10 * MIB, GIB, false },       { 512 * MIB - 16 * MIB, GIB, false },
        { 512 * MIB, 512 * MIB, true }, { 513 * MIB, 528 * MIB, true }, /* in steps of 16 MiB */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t before = ga_heap_get_total_allocated_memory(heap);
        ga_heap_buffer buffer = take(cases[i].size);
        struct ga_heap_part made = part_of(GA_HEAP_PART_HEAP, 1 + i);
        cr_assert_eq(ga_heap_get_total_allocated_memory(heap) - before, cases[i].heap, "%zu bytes", cases[i].size);
        cr_assert(made.size == cases[i].heap && made.is_whole == cases[i].is_whole && made.refs == 2);
        give(buffer);
        cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
        cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 0);
    }
    restart(GIB, true, NULL);
    take(10 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 128 * MIB);
    take(120 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), (128 + 120) * MIB);
}

Test(heap, takes_nothing_for_nothing_and_refuses_what_no_device_has)
{
    ga_heap_buffer buffer = 7;
    cr_assert(ga_heap_alloc(heap, 0, 0, &buffer) == GA_OK && buffer == 0);
    cr_assert_eq(ga_heap_free(heap, 0), GA_OK);
    buffer = 7;
    if (SIZE_MAX > UINT32_MAX)
        cr_assert_eq(ga_heap_alloc(heap, SIZE_MAX - 5, 0, &buffer), GA_INVALID);
    struct ga_backend small = *ga_backend_null();
    small.max_size = 64 * MIB;
    ga_heaps *other = ga_heaps_new(NULL, &small, NULL);
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 64 * MIB, 0, &buffer), GA_INVALID);
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 64 * MIB - PAGE, 0, &buffer),
                 GA_OK); /* its tier's heap would be 1 GiB */
    cr_assert_eq(ga_heap_get_total_allocated_memory(ga_heaps_get(other, false)), 64 * MIB);
    ga_heaps_delete(other);
}

/* --- reuse --- */

Test(heap, takes_the_smallest_cached_buffer_that_fits)
{
    ga_heap_buffer a = take(3 * MIB), b = take(2 * MIB), c = take(4 * MIB);
    uint64_t id = id_of(b);
    give(a);
    give(b);
    give(c);
    ga_heap_buffer again = take(2 * MIB - 100);
    cr_assert_eq(id_of(again), id);
    cr_assert_neq(again, b, "a handle is good for one allocation");
    cr_assert(ga_heap_free(heap, b) == GA_FREED && ga_heap_free(heap, 1234567) == GA_UNKNOWN);
    cr_assert_eq(ga_heap_get_unaligned_buffer_size(heap, again), 2 * (int64_t)MIB - 100);
    give(again);
    cr_assert_eq(ga_heap_free(heap, again), GA_FREED);
}

Test(heap, accepts_slack_of_32_mib_and_not_a_page_more)
{
    for (int more = 0; more < 2; more++) {
        restart(8 * GIB, false, NULL);
        ga_heap_buffer large = take(600 * MIB + (more ? 16 * MIB : 0)); /* in a heap of its own, in steps of 16 MiB */
        uint64_t id = id_of(large), size = size_of(large);
        give(large);
        ga_heap_buffer small = take((size_t)size - 32 * MIB - (more ? 16 * MIB : 0));
        bool same = id_of(small) == id;
        cr_assert_eq(same, !more);
        cr_assert_eq(ga_heap_get_total_allocated_memory(heap), size); /* the gap that it left is used, or itself */
    }
    restart(8 * GIB, false, NULL);
    ga_heap_buffer buffer = take(33 * MIB + MIB);
    uint64_t id = id_of(buffer);
    give(buffer);
    cr_assert_eq(id_of(take(2 * MIB)), id, "34 - 2 MiB are just the slack");
    restart(8 * GIB, false, NULL);
    buffer = take(34 * MIB);
    id = id_of(buffer);
    give(buffer);
    cr_assert_neq(id_of(take(2 * MIB - 2 * PAGE)), id);
}

Test(heap, leaves_an_oversize_buffer_when_a_heap_has_room)
{
    ga_heap_buffer large = take(100 * MIB);
    uint64_t id = id_of(large);
    give(large);
    ga_heap_buffer small = take(20 * MIB); /* the same heap of 1 GiB has room beside it */
    cr_assert_neq(id_of(small), id);
    cr_assert_eq(stats().cached, 100 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), GIB);
}

Test(heap, uses_an_oversize_buffer_that_is_busy_where_nothing_else_is)
{
    restart(8 * GIB, false, NULL);
    ga_heap_buffer large = take(600 * MIB);
    uint64_t id = id_of(large);
    cr_assert_eq(ga_heap_use(heap, large, 0), GA_OK);
    give(large); /* private: reusable at once, the device keeps order */
    cr_assert_eq(stats().cached, 608 * MIB);
    ga_heap_buffer small = take(20 * MIB);
    cr_assert_eq(id_of(small), id);
    cr_assert_eq(ga_heap_refs(heap, small), 2);
}

Test(heap, bounds_what_grows_slowly)
{
    ga_heap_buffer cache = 0;
    uint64_t most = 0;
    for (size_t step = 1; step <= 1024; step++) { /* a KV cache that is copied into a larger one each time */
        ga_heap_buffer larger = take(step * 300 * KIB);
        give(cache);
        cache = larger;
        if (most < stats().heaps)
            most = stats().heaps;
    }
    cr_assert_leq(most, 6);
    cr_assert_leq(stats().reserved.peak, 3 * GIB);
}

Test(heap, sheds_what_was_outgrown)
{
    restart(8 * GIB, false, NULL);
    ga_heap_buffer a = take(560 * MIB), b = take(560 * MIB);
    give(a);
    ga_heap_buffer larger = take(576 * MIB); /* 560 is more than 7/8 of it: it goes, with its heap */
    cr_assert_eq(stats().cached, 0);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), (560 + 576) * MIB);
    give(b);
    take(1024 * MIB); /* much larger: what is cached stays */
    cr_assert_eq(stats().cached, 560 * MIB);
    give(larger);
}

/* --- watermarks --- */

Test(heap, sets_watermarks_or_leaves_them)
{
    cr_assert_float_eq(ga_heap_get_high_watermark_ratio(heap), 1.7, 1e-9);
    cr_assert_float_eq(ga_heap_get_low_watermark_ratio(heap), 1.4, 1e-9);
    cr_assert_eq(ga_heap_get_recommended_max_memory(heap), 8 * GIB);
    static const double wrong[] = { -0.1, 2.01, NAN, INFINITY };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(ga_heap_set_high_watermark_ratio(heap, wrong[i]), GA_INVALID);
        cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, wrong[i]), GA_INVALID);
    }
    cr_assert_eq(ga_heap_set_high_watermark_ratio(heap, 1.3), GA_INVALID, "below the low one");
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 1.8), GA_INVALID, "above the high one");
    cr_assert_float_eq(ga_heap_get_high_watermark_ratio(heap), 1.7, 1e-9);
    cr_assert_float_eq(ga_heap_get_low_watermark_ratio(heap), 1.4, 1e-9);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.25), GA_OK);
    cr_assert_eq(ga_heap_set_high_watermark_ratio(heap, 0.5), GA_OK);
    cr_assert_eq(ga_heap_get_high_watermark_limit(heap), 4 * GIB);
    cr_assert_eq(ga_heap_get_low_watermark_limit(heap), 2 * GIB);
    cr_assert_eq(ga_heap_get_low_watermark_value(heap), 2048);
    cr_assert_eq(ga_heap_set_high_watermark_ratio(heap, 0), GA_OK);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 2), GA_OK);
    cr_assert_eq(ga_heap_get_high_watermark_limit(heap), 0);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0), GA_OK);
    cr_assert(ga_heap_get_low_watermark_limit(heap) == 0 && ga_heap_get_low_watermark_value(heap) == UINT64_MAX);
    restart(GIB, true, NULL);
    cr_assert_float_eq(ga_heap_get_low_watermark_ratio(heap), 1.0, 1e-9);
}

Test(heap, never_says_that_less_than_nothing_is_left)
{
    restart(GIB, false, NULL);
    take(700 * MIB);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.5), GA_OK);
    cr_assert_eq(ga_heap_get_low_watermark_value(heap), 0);
    uint64_t free_bytes, total_bytes;
    ga_heap_memory_info(heap, &free_bytes, &total_bytes);
    cr_assert(total_bytes == GIB && free_bytes == GIB - 704 * MIB);
}

Test(heap, stays_below_the_high_watermark)
{
    restart(8 * GIB, false, &(struct ga_heap_opts){ .high_ratio = 0.125 }); /* 1 GiB */
    ga_heap_buffer a = take(600 * MIB), buffer = 5;
    struct ga_heap_oom oom;
    cr_assert_not(ga_heap_oom(heap, &oom));
    cr_assert_eq(ga_heap_alloc(heap, 600 * MIB, 0, &buffer), GA_NO_SPACE);
    cr_assert(buffer == 5 && ga_heap_oom(heap, &oom));
    cr_assert(oom.requested == 600 * MIB && oom.size == 608 * MIB && oom.limit == GIB && oom.pool == GA_HEAP_POOL_PRIVATE_LARGE);
    cr_assert(oom.heap_bytes == 608 * MIB && oom.other_bytes == 0 && strstr(oom.hint, "watermark"));
    cr_assert_eq(stats().ooms, 1);
    /* Only the tier's heap of 1 GiB is too much: an exact one is not. */
    take(100 * MIB);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap), (608 + 100) * MIB);
    /* What is cached is reused though the limit is reached: it adds nothing. */
    give(a);
    ga_heap_buffer filler = take(300 * MIB);
    give(filler);
    cr_assert_leq(ga_heap_get_driver_allocated_memory(heap), GIB);
    take(300 * MIB);
    cr_assert_eq(ga_heap_set_high_watermark_ratio(heap, 0), GA_OK); /* no limit at all */
    take(4000 * MIB);
}

Test(heap, reuses_near_the_limit)
{
    restart(8 * GIB, false, &(struct ga_heap_opts){ .high_ratio = 0.125 });
    ga_heap_buffer all = take(1024 * MIB);
    uint64_t id = id_of(all);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap), GIB);
    give(all);
    cr_assert_eq(id_of(take(1024 * MIB)), id);
}

Test(heap, counts_what_others_use)
{
    restart(GIB, false, &(struct ga_heap_opts){ .high_ratio = 1 });
    const struct ga_backend *device = ga_sim_backend(sim);
    struct ga_buffer other;
    cr_assert_eq(device->alloc(device->user, 900 * MIB, &other), GA_OK);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap), 900 * MIB);
    ga_heap_buffer buffer;
    cr_assert_eq(ga_heap_alloc(heap, 200 * MIB, 0, &buffer), GA_NO_SPACE);
    struct ga_heap_oom oom;
    cr_assert(ga_heap_oom(heap, &oom) && oom.other_bytes == 900 * MIB && oom.heap_bytes == 0);
    device->free(device->user, &other);
    take(200 * MIB);
}

Test(heap, makes_exact_heaps_under_pressure)
{
    restart(8 * GIB, false, NULL);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.0625), GA_OK); /* 512 MiB */
    take(600 * MIB);
    take(20 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), (608 + 20) * MIB);
}

Test(heap, collects_old_buffers_under_pressure)
{
    restart(16 * GIB, false, NULL);
    ga_heap_buffer buffers[6], fresh[4], room = take(2 * MIB); /* in a heap of 32 MiB */
    for (size_t i = 0; i < 6; i++)
        buffers[i] = take((600 + 32 * i) * MIB); /* a heap each */
    for (size_t i = 0; i < 4; i++)
        give(buffers[i]);
    for (size_t i = 0; i < 4; i++) { /* ages what waits, without touching it */
        fresh[i] = take(2 * MIB);
    }
    uint64_t busy = id_of(buffers[4]);
    cr_assert_eq(ga_heap_use(heap, buffers[4], 0), GA_OK);
    give(buffers[4]);
    uint64_t used = ga_heap_get_driver_allocated_memory(heap);
    /* One searching for more than any has: the low watermark is 700 MiB below what is used. */
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, (double)(used - 700 * MIB) / (16.0 * (double)GIB)), GA_OK);
    uint64_t cached = stats().cached;
    cr_assert_eq(cached, (608 + 640 + 672 + 704 + 736) * MIB);
    take(1200 * MIB);
    /* The oldest two suffice; the one that a batch uses stays. */
    cr_assert_eq(stats().cached, (672 + 704 + 736) * MIB, "%zu", (size_t)(stats().cached / MIB));
    cr_assert_eq(part_of(GA_HEAP_PART_BUFFER, busy).id, busy);
    for (size_t i = 0; i < 4; i++)
        give(fresh[i]);
    give(room);
}

Test(heap, gives_empty_shared_heaps_back_under_pressure)
{
    restart(8 * GIB, true, NULL);
    ga_heap_buffer a = take(60 * MIB), b = take(60 * MIB); /* a heap of 128 MiB */
    ga_heap_buffer large = take(200 * MIB);
    give(a);
    give(b);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.015625), GA_OK); /* 128 MiB */
    ga_heap_buffer exact = take(100 * MIB);
    /* Both were collected, and their heap, too small for this one beside nothing, or used for it. */
    cr_assert_leq(ga_heap_get_total_allocated_memory(heap), (200 + 128) * MIB);
    give(large);
    give(exact);
}

Test(heap, trims_empty_heaps_that_are_too_small_under_pressure)
{
    restart(8 * GIB, true, NULL);
    ga_heap_buffer a = take(2 * MIB), b = take(70 * MIB);
    give(a);                                                               /* in a heap of 32 MiB, too small for what follows */
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.0078125), GA_OK); /* 64 MiB */
    take(MIB + 1 + MIB);                                                   /* ages it */
    ga_heap_buffer c = take(40 * MIB);
    give(b);
    give(c);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
}

/* --- running out --- */

struct helper {
    ga_heap_buffer buffers[16];
    uint32_t n, n_calls;
    bool empty;
};

static void help(void *user, const struct ga_heap_news *news)
{
    struct helper *helper = user;
    if (news->event != GA_HEAP_ALLOCATION_FAILED)
        return;
    helper->n_calls++;
    if (helper->n)
        ga_heap_free(heap, helper->buffers[--helper->n]);
    if (helper->empty)
        ga_heap_empty_cache(heap);
}

Test(heap, asks_callbacks_before_it_fails)
{
    restart(GIB, true, NULL);
    struct helper helper = { 0 };
    cr_assert_eq(ga_heap_on(heap, "helper", help, &helper), GA_OK);
    for (; helper.n < 10; helper.n++)
        helper.buffers[helper.n] = take(100 * MIB);
    cr_assert_eq(helper.n_calls, 0);
    take(100 * MIB); /* one of ten goes: a tenth of the memory */
    cr_assert(helper.n_calls == 1 && helper.n == 9);
    helper.empty = true;
    take(90 * MIB);
    cr_assert(helper.n_calls == 2 && helper.n == 8);
    cr_assert_eq(ga_heap_off(heap, "helper"), GA_OK);
    ga_heap_buffer buffer;
    cr_assert_eq(ga_heap_alloc(heap, 500 * MIB, 0, &buffer), GA_NO_SPACE);
    cr_assert_eq(helper.n_calls, 2);
}

Test(heap, gives_cached_buffers_back_before_it_fails)
{
    restart(GIB, true, NULL);
    ga_heap_buffer small[4];
    for (int i = 0; i < 4; i++)
        small[i] = take(200 * MIB);
    ga_heap_buffer last = take(128 * MIB);
    for (int i = 0; i < 4; i++)
        give(small[i]);
    take(700 * MIB);
    give(last);
    sound();
}

Test(heap, waits_for_batches_before_it_fails)
{
    restart(GIB, true, NULL);
    ga_heap_buffer buffer = take_as(1000 * MIB, GA_HEAP_SHARED);
    cr_assert_eq(ga_heap_use(heap, buffer, 0), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 0, ga_heap_ptr(heap, buffer, NULL), MIB, 1000), GA_OK);
    cr_assert_eq(ga_heap_commit(heap, 0), GA_OK);
    give(buffer);
    cr_assert_eq(stats().pending, 1008 * MIB);
    take(1000 * MIB); /* the first try */
    cr_assert_eq(stats().pending, 0);
    /* Released while a batch uses it: the memory goes when that is done, not before. */
    restart(GIB, true, NULL);
    buffer = take(600 * MIB);
    cr_assert_eq(ga_heap_use(heap, buffer, 0), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 0, ga_heap_ptr(heap, buffer, NULL), MIB, 1000), GA_OK);
    give(buffer);
    take(900 * MIB);
    sound();
}

Test(heap, passes_on_what_else_a_backend_answers)
{
    ga_heap_buffer buffer;
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_ALLOC, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_heap_alloc(heap, 100, 0, &buffer), GA_IO);
    sound();
    take(100);
}

/* --- freeing, batches, events --- */

Test(heap, keeps_shared_buffers_until_no_batch_uses_them)
{
    ga_heap_buffer buffer = take_as(2 * MIB, GA_HEAP_SHARED);
    uint64_t id = id_of(buffer);
    cr_assert_eq(ga_heap_refs(heap, buffer), 1);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_OK);
    cr_assert_eq(ga_heap_use(heap, buffer, 2), GA_OK);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_OK); /* once a batch */
    cr_assert_eq(ga_heap_refs(heap, buffer), 3);
    ga_sim_work(sim, 1, NULL, 0, 100);
    ga_sim_work(sim, 2, NULL, 0, 50);
    cr_assert(ga_heap_commit(heap, 1) == GA_OK && ga_heap_commit(heap, 2) == GA_OK && ga_heap_commit(heap, 3) == GA_OK);
    ga_sim_advance(sim, 60);
    cr_assert_eq(ga_heap_refs(heap, buffer), 2);
    give(buffer);
    cr_assert_eq(ga_heap_free(heap, buffer), GA_FREED);
    cr_assert_eq(ga_heap_refs(heap, buffer), 0);
    cr_assert_eq(ga_heap_free_inactive_buffers(heap), 2 * MIB);
    cr_assert_neq(id_of(take_as(2 * MIB, GA_HEAP_SHARED)), id);
    ga_sim_advance(sim, 60);
    cr_assert_eq(ga_heap_free_inactive_buffers(heap), 0);
    cr_assert_eq(id_of(take_as(2 * MIB, GA_HEAP_SHARED)), id);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_FREED);
    cr_assert_eq(ga_heap_use(heap, 77, 1), GA_UNKNOWN);
}

Test(heap, reuses_private_buffers_at_once_in_the_order_of_the_device)
{
    ga_heap_buffer first = take(2 * MIB);
    void *ptr = ga_heap_ptr(heap, first, NULL);
    ga_sim_work(sim, 1, ptr, MIB, 100);
    cr_assert_eq(ga_heap_use(heap, first, 1), GA_OK);
    cr_assert_eq(ga_heap_commit(heap, 1), GA_OK);
    give(first);
    ga_heap_buffer second = take(2 * MIB);
    cr_assert_eq(ga_heap_ptr(heap, second, NULL), ptr);
    ga_sim_work(sim, 2, ptr, MIB, 100); /* tracked: not a mistake */
    sound();
    ga_sim_advance(sim, 150);
    ga_sim_finish(sim, 1);
    give(second);
}

Test(heap, sees_untracked_work_out_of_order)
{
    restart_with_bytes();
    ga_heap_buffer scalar;
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, "12345678", 8, &scalar), GA_OK);
    void *ptr = ga_heap_ptr(heap, scalar, NULL);
    ga_sim_work(sim, 1, ptr, 8, 100);
    ga_sim_work(sim, 2, ptr, 8, 100);
    cr_assert_not_null(ga_sim_error(sim));
    ga_heaps_delete(heaps);
    ga_sim_delete(sim);
    start();
}

Test(heap, fills_scalars_and_keeps_them_until_the_batch_is_done)
{
    restart_with_bytes();
    double value = 2.5;
    ga_heap_buffer scalar, next;
    ga_sim_current(sim, 1);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, sizeof value, &scalar), GA_OK);
    uint64_t id = id_of(scalar);
    uint32_t refs;
    const double *seen = ga_heap_get_shared_buffer_ptr(heap, scalar, &refs);
    cr_assert_float_eq(*seen, value, 0);
    cr_assert_eq(refs, 1);
    cr_assert_eq(part_of(GA_HEAP_PART_BUFFER, id).pool, GA_HEAP_POOL_SCALAR);
    ga_heap_buffer other = take(100); /* opens a batch of the current stream */
    cr_assert_eq(ga_heap_use(heap, other, 1), GA_OK);
    give(scalar);
    cr_assert_eq(stats().pending, 256);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, sizeof value, &next), GA_OK);
    cr_assert_neq(id_of(next), id);
    cr_assert_eq(ga_heap_commit(heap, 1), GA_OK);
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, sizeof value, &next), GA_OK);
    cr_assert_eq(id_of(next), id);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, MIB + 1, &next), GA_INVALID);
    cr_assert(ga_heap_alloc_scalar_buffer_with_value(heap, NULL, 0, &next) == GA_OK && next == 0);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_POINTER, .always = true });
    give(other);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
}

Test(heap, answers_when_the_host_cannot_see)
{
    restart_with_bytes();
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_POINTER, .always = true });
    ga_heap_buffer scalar = 3;
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, "x", 1, &scalar), GA_UNSUPPORTED);
    cr_assert(scalar == 3 && stats().allocated.now == 0);
    ga_heap_buffer buffer = take_as(100, GA_HEAP_SHARED);
    uint32_t refs = 7;
    cr_assert(ga_heap_get_shared_buffer_ptr(heap, buffer, &refs) == NULL && refs == 0);
    cr_assert_null(ga_heap_host_alias(heap, buffer));
    ga_sim_fail(sim, NULL);
    cr_assert_not_null(ga_heap_get_shared_buffer_ptr(heap, buffer, &refs));
    cr_assert(ga_heap_get_shared_buffer_ptr(heap, take(100), &refs) == NULL && refs == 0);
}

Test(heap, keeps_a_buffer_that_the_host_has_an_alias_of)
{
    restart_with_bytes();
    ga_heap_buffer buffer = take_as(1000, GA_HEAP_SHARED);
    uint64_t id = id_of(buffer);
    char *alias = ga_heap_host_alias(heap, buffer);
    cr_assert_eq(alias, ga_heap_get_shared_buffer_ptr(heap, buffer, NULL));
    cr_assert_not_null(ga_heap_host_alias(heap, buffer));
    cr_assert_eq(ga_heap_refs(heap, buffer), 3);
    memset(alias, 'a', 1000);
    give(buffer);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    alias[999] = 'b'; /* still there */
    cr_assert_neq(id_of(take_as(1000, GA_HEAP_SHARED)), id);
    cr_assert_eq(ga_heap_drop_alias(heap, buffer), 3);
    cr_assert_eq(stats().pending, 1024);
    cr_assert_eq(ga_heap_drop_alias(heap, buffer), 2);
    cr_assert_eq(ga_heap_drop_alias(heap, buffer), 0);
    cr_assert_eq(stats().pending, 0);
    cr_assert_eq(id_of(take_as(1000, GA_HEAP_SHARED)), id);
    cr_assert_null(ga_heap_host_alias(heap, take(1000)), "private");
}

Test(heap, records_events_and_waits_for_them)
{
    ga_heap_buffer buffers[3] = { take_as(2 * MIB, GA_HEAP_SHARED), take(2 * MIB), take_as(3 * MIB, GA_HEAP_SHARED) };
    ga_heap_buffer foreign = 4711;
    ga_sim_current(sim, 1);
    cr_assert_not(ga_heap_record_events(heap, &buffers[1], 1), "private");
    cr_assert_not(ga_heap_record_events(heap, &foreign, 1));
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "nothing was recorded");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ga_heap_use(heap, buffers[i], 1), GA_OK);
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "nor yet");
    ga_sim_work(sim, 1, NULL, 0, 100);
    uint64_t began = ga_sim_now(sim);
    cr_assert(ga_heap_record_events(heap, buffers, 3));
    cr_assert(ga_heap_record_events(heap, buffers, 3), "again");
    cr_assert_eq(ga_heap_refs(heap, buffers[0]), 2);
    cr_assert(ga_heap_wait_for_events(heap, buffers, 3));
    cr_assert_eq(ga_sim_now(sim), began + 100, "not before it was done");
    cr_assert_eq(ga_heap_refs(heap, buffers[0]), 1);
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "idle already");
    for (int i = 0; i < 3; i++)
        give(buffers[i]);
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "freed");
}

Test(heap, tells_when_an_event_cannot_be_recorded_or_waited_for)
{
    ga_heap_buffer buffer = take_as(2 * MIB, GA_HEAP_SHARED);
    ga_sim_current(sim, 1);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_OK);
    ga_sim_work(sim, 1, NULL, 0, 100);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_RECORD, .nth = 1 });
    cr_assert_not(ga_heap_record_events(heap, &buffer, 1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_RECORD, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_heap_commit(heap, 1), GA_IO);
    sound();
    cr_assert(ga_heap_record_events(heap, &buffer, 1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_WAIT, .nth = 1 });
    cr_assert_not(ga_heap_wait_for_events(heap, &buffer, 1));
    cr_assert_eq(ga_heap_refs(heap, buffer), 2);
    cr_assert(ga_heap_wait_for_events(heap, &buffer, 1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_SYNC, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_heap_empty_cache(heap), GA_IO);
}

/* --- shapes, ids, statistics, reports --- */

Test(heap, keeps_shapes_until_buffers_are_freed)
{
    ga_heap_buffer buffer = take(100);
    int64_t shape[3] = { 2, 3, -4 }, got[3] = { 0 };
    cr_assert_eq(ga_heap_get_buffer_shape(heap, buffer, got, 3), 0);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, shape, 3), GA_OK);
    shape[0] = 99;
    cr_assert_eq(ga_heap_get_buffer_shape(heap, buffer, got, 2), 3);
    cr_assert(got[0] == 2 && got[1] == 3 && got[2] == 0);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, shape, 1), GA_OK);
    cr_assert(ga_heap_get_buffer_shape(heap, buffer, got, 3) == 1 && got[0] == 99);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, NULL, 0), GA_OK);
    cr_assert_eq(ga_heap_get_buffer_shape(heap, buffer, got, 3), 0);
    ga_heap_set_buffer_shape(heap, buffer, shape, 2);
    give(buffer);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, shape, 1), GA_INVALID);
    ga_heap_buffer again = take(100);
    cr_assert_eq(ga_heap_get_buffer_shape(heap, again, got, 3), 0);
    ga_heap_set_buffer_shape(heap, again, shape, 2); /* deleted with it */
}

Test(heap, never_uses_an_id_twice)
{
    uint64_t last = 0;
    for (int round = 0; round < 20; round++) {
        ga_heap_buffer buffer = take((size_t)(1 + round) * 100 * KIB);
        cr_assert_gt(id_of(buffer), last);
        last = id_of(buffer);
        give(buffer);
        cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    }
    cr_assert_eq(id_of(55), 0);
}

Test(heap, counts_exactly)
{
    struct ga_heap_stats s;
    uint64_t driver = ga_heap_get_driver_allocated_memory(heap);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    cr_assert_eq(ga_heap_get_current_allocated_memory(heap), 0);
    ga_heap_buffer a = take(8 * MIB);
    cr_assert_eq(ga_heap_get_current_allocated_memory(heap), 8 * MIB);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap) - driver, 32 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 32 * MIB);
    ga_heap_buffer b = take(2 * MIB);
    give(a);
    s = stats();
    cr_assert(s.allocated.now == 2 * MIB && s.allocated.peak == 10 * MIB && s.allocated.added == 10 * MIB);
    cr_assert(s.allocated.removed == 8 * MIB && s.cached == 8 * MIB && s.buffers == 2 && s.heaps == 1);
    struct ga_heap_part pool = pool_part(GA_HEAP_POOL_PRIVATE_LARGE);
    cr_assert(pool.size == 10 * MIB && pool.available == 8 * MIB && pool.n_buffers == 2);
    ga_heap_reset_peaks(heap);
    s = stats();
    cr_assert(s.allocated.peak == 2 * MIB && s.allocated.added == 10 * MIB);
    ga_heap_reset_totals(heap);
    s = stats();
    cr_assert(s.allocated.added == 0 && s.allocated.removed == 0 && s.allocated.now == 2 * MIB && s.reserved.now == 32 * MIB);
    give(b);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    s = stats();
    cr_assert(s.reserved.now == 0 && s.reserved.removed == 32 * MIB && s.buffers == 0 && s.heaps == 0 && s.cached == 0);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap), driver);
}

Test(heap, keeps_heaps_with_live_buffers_when_emptied)
{
    ga_heap_buffer a = take(2 * MIB), b = take(2 * MIB), c = take(100);
    give(b);
    give(c);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    cr_assert(stats().heaps == 1 && stats().buffers == 1 && stats().cached == 0);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 32 * MIB);
    give(a);
}

Test(heap, walks_pools_heaps_and_buffers)
{
    ga_heap_buffer a = take(2 * MIB), b = take(3 * MIB);
    struct ga_heap_part parts[16];
    uint32_t n = ga_heap_walk(heap, parts, 16);
    cr_assert_eq(n, GA_HEAP_POOL_N + 1 + 2);
    cr_assert(parts[1].kind == GA_HEAP_PART_POOL && parts[2].kind == GA_HEAP_PART_HEAP && parts[2].n_buffers == 2);
    cr_assert(parts[2].available == 27 * MIB && parts[2].size == 32 * MIB && parts[2].refs == 3);
    cr_assert(parts[3].buffer == a && parts[3].offset == 0 && parts[3].in_use && parts[4].buffer == b &&
              parts[4].offset == 2 * MIB);
    cr_assert_eq(ga_heap_walk(heap, parts, 3), n);
    /* A released buffer that a batch uses keeps its place. */
    cr_assert_eq(ga_heap_use(heap, a, 0), GA_OK);
    give(a);
    give(b);
    n = ga_heap_walk(heap, parts, 16);
    cr_assert(n == GA_HEAP_POOL_N + 3 && !parts[3].in_use && parts[3].buffer == 0 && parts[3].refs == 2);
}

Test(heap, formats_sizes)
{
    char buf[32];
    static const struct {
        uint64_t size;
        const char *binary, *decimal;
    } cases[] = {
        { 0, "0 bytes", "0 bytes" },          { 1024, "1024 bytes", "1024 bytes" },   { 1025, "1.00 KiB", "1.00 KB" },
        { 1536, "1.50 KiB", "1.50 KB" },      { MIB, "1024.00 KiB", "1024.00 KB" },   { 3 * MIB / 2, "1.50 MiB", "1.50 MB" },
        { GIB, "1024.00 MiB", "1024.00 MB" }, { 5 * GIB / 2, "2.50 GiB", "2.50 GB" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_str_eq(ga_heap_format_size(buf, cases[i].size, false), cases[i].binary);
        cr_assert_str_eq(ga_heap_format_size(buf, cases[i].size, true), cases[i].decimal);
    }
}

Test(heap, serves_those_who_know_nothing_of_it)
{
    ga_registry *registry = ga_registry_new(NULL);
    cr_assert_eq(ga_registry_set(registry, 3, ga_heap_backend(ga_heaps_get(heaps, true)), 0), GA_OK);
    const struct ga_backend *found = ga_registry_get(registry, 3);
    struct ga_buffer buffer, again;
    uint64_t free_bytes, total_bytes;
    cr_assert_eq(found->alloc(found->user, 3 * MIB, &buffer), GA_OK);
    cr_assert(buffer.size == 3 * MIB && stats().allocated.now == 3 * MIB);
    cr_assert_eq(pool_part(GA_HEAP_POOL_SHARED_LARGE).n_buffers, 1);
    cr_assert(found->info(found->user, &free_bytes, &total_bytes) && free_bytes == 8 * GIB - 3 * MIB);
    found->free(found->user, &buffer);
    cr_assert_eq(found->alloc(found->user, 3 * MIB, &again), GA_OK);
    cr_assert_eq(again.base, buffer.base);
    found->free(found->user, &again);
    cr_assert_eq(stats().allocated.now, 0);
    ga_registry_delete(registry);
}

Test(heap, hands_out_buffers_that_carry_their_deleter)
{
    restart_with_bytes();
    struct ga_owned a, b, none = { 0 };
    cr_assert_eq(ga_heap_own(heap, 1000, GA_HEAP_SHARED, &a), GA_OK);
    cr_assert_eq(ga_heap_own(heap, 1000, 0, &b), GA_OK);
    cr_assert(a.ptr != b.ptr && a.release == ga_heap_release && a.device == 0 && a.kind == 0);
    memset(a.ptr, 'a', 1000);
    cr_assert_eq(ga_heap_copy(heap, b.ptr, a.ptr, 1000, 0), GA_OK);
    cr_assert_eq(memcmp(a.ptr, b.ptr, 1000), 0);
    ga_sim_finish(sim, 0);
    a.release(a.owner);
    cr_assert_eq(stats().allocated.now, 1024);
    cr_assert(ga_heap_own(heap, 0, 0, &none) == GA_OK && !none.ptr);
    none.release(none.owner);
    cr_assert_eq(ga_heap_own(heap, (size_t)3 * GIB, 0, &none), GA_NO_SPACE);
    /* The other goes with the heaps. */
}

/* --- callbacks and the log --- */

struct tally {
    uint32_t n[5];
    uint64_t id, first_id;
    bool in_use[64]; /* by id: allocated or recycled last */
    bool broken;
    char order[8];
    uint32_t n_order;
};

static void count(void *user, const struct ga_heap_news *news)
{
    struct tally *tally = user;
    tally->n[news->event]++;
    if (news->event == GA_HEAP_ALLOCATION_FAILED) {
        tally->broken |= news->buffer != 0;
        return;
    }
    bool *in_use = &tally->in_use[news->id % 64];
    bool comes = news->event == GA_HEAP_ALLOCATED || news->event == GA_HEAP_RECYCLED;
    tally->broken |= *in_use == comes && news->event != GA_HEAP_RELEASED;
    tally->broken |= !news->ptr || news->size < news->requested || (comes && ga_heap_get_buffer_id(heap, news->buffer) != news->id);
    *in_use = comes;
}

Test(heap, tells_every_transition_once)
{
    struct tally tally = { 0 };
    cr_assert_eq(ga_heap_on(heap, "tally", count, &tally), GA_OK);
    ga_heap_buffer a = take(2 * MIB), shared = take_as(2 * MIB, GA_HEAP_SHARED);
    cr_assert(tally.n[GA_HEAP_ALLOCATED] == 2 && tally.n[GA_HEAP_FREED] == 0);
    give(a);
    cr_assert_eq(tally.n[GA_HEAP_FREED], 1);
    a = take(2 * MIB);
    cr_assert(tally.n[GA_HEAP_ALLOCATED] == 2 && tally.n[GA_HEAP_RECYCLED] == 1);
    cr_assert_eq(ga_heap_use(heap, shared, 1), GA_OK);
    cr_assert_eq(ga_heap_use(heap, a, 1), GA_OK);
    ga_sim_work(sim, 1, NULL, 0, 10);
    ga_heap_commit(heap, 1);
    give(shared);
    give(a);
    cr_assert_eq(tally.n[GA_HEAP_FREED], 2, "the shared one waits");
    ga_sim_advance(sim, 10);
    ga_heap_free_inactive_buffers(heap);
    cr_assert_eq(tally.n[GA_HEAP_FREED], 3);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    cr_assert_eq(tally.n[GA_HEAP_RELEASED], 2);
    take(2 * MIB);
    finish(); /* what is live is released, too */
    cr_assert(tally.n[GA_HEAP_RELEASED] == 3 && !tally.broken);
    start();
}

struct speaker {
    struct tally *tally;
    char letter;
};

static void speak(void *user, const struct ga_heap_news *news)
{
    struct speaker *speaker = user;
    if (news->event == GA_HEAP_ALLOCATED)
        speaker->tally->order[speaker->tally->n_order++] = speaker->letter;
}

static void meddle(void *user, const struct ga_heap_news *news)
{
    bool *refused = user;
    (void)news;
    *refused = ga_heap_on(heap, "late", meddle, user) == GA_BUSY && ga_heap_off(heap, "a") == GA_BUSY;
}

Test(heap, calls_in_the_order_of_registration_and_not_while_it_changes)
{
    struct tally tally = { 0 };
    struct speaker a = { &tally, 'a' }, b = { &tally, 'b' }, c = { &tally, 'c' };
    bool refused = false;
    cr_assert(ga_heap_on(heap, "a", speak, &a) == GA_OK && ga_heap_on(heap, "b", speak, &b) == GA_OK);
    cr_assert(ga_heap_on(heap, "c", speak, &c) == GA_OK && ga_heap_on(heap, "b", speak, &c) == GA_INVALID);
    take(100);
    cr_assert_eq(ga_heap_off(heap, "b"), GA_OK);
    cr_assert_eq(ga_heap_off(heap, "b"), GA_UNKNOWN);
    take(100);
    cr_assert_str_eq(tally.order, "abcac");
    cr_assert_eq(ga_heap_off(heap, "c"), GA_OK);
    cr_assert_eq(ga_heap_on(heap, "meddler", meddle, &refused), GA_OK);
    take(100);
    cr_assert(refused);
}

struct lines {
    char text[2048];
    size_t len;
    uint32_t n;
};

static void write_line(void *user, enum ga_level level, const char *text)
{
    struct lines *lines = user;
    size_t len = strlen(text);
    if (level == GA_INFO && lines->len + len < sizeof lines->text) {
        memcpy(lines->text + lines->len, text, len);
        lines->len += len;
    }
    lines->n++;
}

static uint32_t lines_with(unsigned verbosity, const char *word)
{
    struct lines lines = { 0 };
    struct ga_env env = { .log = { .write = write_line, .user = &lines } };
    ga_heaps *loud = ga_heaps_new(&env, ga_sim_backend(sim), &(struct ga_heap_opts){ .verbosity = verbosity });
    for (int large = 0; large < 2; large++) {
        ga_heap_buffer buffer;
        ga_heap *face = ga_heaps_get(loud, false);
        ga_heap_alloc(face, large ? 2 * MIB : 1000, 0, &buffer);
        ga_heap_free(face, buffer);
        ga_heap_alloc(face, large ? 2 * MIB : 1000, 0, &buffer);
        ga_heap_free(face, buffer);
        ga_heap_empty_cache(face);
    }
    ga_heaps_delete(loud);
    cr_assert(lines.n == 0 || strstr(lines.text, word), "%s", lines.text);
    return lines.n;
}

Test(heap, says_as_much_as_it_is_asked_to)
{
    cr_assert_eq(lines_with(GA_HEAP_SILENT, ""), 0);
    cr_assert_eq(lines_with(GA_HEAP_ALLOCATIONS, "allocated private buffer #1 of size 1024 bytes, 1000 bytes asked for"), 2);
    cr_assert_eq(lines_with(GA_HEAP_RECYCLES, "recycled"), 6);
    cr_assert_eq(lines_with(GA_HEAP_RELEASES, "released private buffer"), 2);
    cr_assert_eq(lines_with(GA_HEAP_ALLOCATIONS | GA_HEAP_LARGE_ONLY, "2.00 MiB"), 1);
    cr_assert_eq(lines_with(GA_HEAP_PROFILING, "allocated of 8.00 MiB in heaps"), 10);
    cr_assert_eq(lines_with(GA_HEAP_PROFILING | GA_HEAP_RELEASES, "released"), 12);
}

/* --- when memory runs out --- */

static enum ga_status play_all(void)
{
    ga_heap_buffer a = 0, b = 0;
    int64_t shape[2] = { 1, 2 };
    struct tally tally = { 0 };
    enum ga_status status = ga_heap_on(heap, "tally", count, &tally);
    if (status == GA_OK)
        status = ga_heap_alloc(heap, 100, 0, &a);
    if (status == GA_OK)
        status = ga_heap_alloc(heap, 3 * MIB, GA_HEAP_SHARED, &b);
    if (status == GA_OK)
        status = ga_heap_use(heap, b, 1);
    if (status == GA_OK)
        status = ga_heap_set_buffer_shape(heap, b, shape, 2);
    if (status == GA_OK)
        status = ga_heap_use(heap, a, 2);
    if (status == GA_OK && !ga_heap_record_events(heap, &b, 1))
        status = GA_NO_MEMORY;
    sound();
    ga_heap_free(heap, a);
    ga_heap_free(heap, b);
    ga_heap_off(heap, "tally");
    sound();
    return status;
}

Test(heap, is_unharmed_when_memory_runs_out)
{
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        finish();
        struct ga_env env = test_env(&hook);
        hook = (struct test_mem){ .fail_at = nth };
        sim = ga_sim_new(NULL, ga_backend_null(), NULL);
        heaps = ga_heaps_new(&env, ga_sim_backend(sim), NULL);
        if (!heaps) {
            ga_sim_delete(sim);
            start();
            continue;
        }
        heap = ga_heaps_get(heaps, false);
        enum ga_status status = play_all();
        done = hook.requests < nth;
        cr_assert_eq(status, done ? GA_OK : GA_NO_MEMORY, "request %d", (int)nth);
    }
    cr_assert_gt(hook.requests, 8);
}
