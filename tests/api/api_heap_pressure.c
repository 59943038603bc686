/*
 * Watermarks, pressure, and what is tried before an allocation fails.
 */
#include <math.h>
#include <string.h>

#include "heap_rig.h"

TestSuite(heap_pressure, .init = start, .fini = finish);

/* --- watermarks --- */

Test(heap_pressure, sets_watermarks_or_leaves_them)
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

Test(heap_pressure, never_says_that_less_than_nothing_is_left)
{
    restart(GIB, false, NULL);
    take(700 * MIB);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.5), GA_OK);
    cr_assert_eq(ga_heap_get_low_watermark_value(heap), 0);
    uint64_t free_bytes, total_bytes;
    ga_heap_memory_info(heap, &free_bytes, &total_bytes);
    cr_assert(total_bytes == GIB && free_bytes == GIB - 704 * MIB);
}

Test(heap_pressure, stays_below_the_high_watermark)
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
    take(1500 * MIB);
}

Test(heap_pressure, reuses_near_the_limit)
{
    restart(8 * GIB, false, &(struct ga_heap_opts){ .high_ratio = 0.125 });
    ga_heap_buffer all = take(1024 * MIB);
    uint64_t id = id_of(all);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap), GIB);
    give(all);
    cr_assert_eq(id_of(take(1024 * MIB)), id);
}

Test(heap_pressure, counts_what_others_use)
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

Test(heap_pressure, makes_exact_heaps_under_pressure)
{
    restart(8 * GIB, false, NULL);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(heap, 0.0625), GA_OK); /* 512 MiB */
    take(600 * MIB);
    take(20 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), (608 + 20) * MIB);
}

Test(heap_pressure, collects_old_buffers_under_pressure)
{
    if (sizeof(size_t) < 8)
        return; /* heaps of this size, six and more at a time: beyond 32 bits */
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

Test(heap_pressure, gives_empty_shared_heaps_back_under_pressure)
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

Test(heap_pressure, trims_empty_heaps_that_are_too_small_under_pressure)
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

Test(heap_pressure, asks_callbacks_before_it_fails)
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

Test(heap_pressure, gives_cached_buffers_back_before_it_fails)
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

Test(heap_pressure, waits_for_batches_before_it_fails)
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

Test(heap_pressure, passes_on_what_else_a_backend_answers)
{
    ga_heap_buffer buffer;
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_ALLOC, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_heap_alloc(heap, 100, 0, &buffer), GA_IO);
    sound();
    take(100);
}
