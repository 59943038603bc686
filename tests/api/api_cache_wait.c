/*
 * Streams that share, memory that is only pending, limits: when a cache waits, gives back, or fails.
 */
#include "rig.h"

static void start(void)
{
    start_with(64 * MIB, NULL);
}

TestSuite(cache_wait, .init = start, .fini = finish);

Test(cache_wait, keeps_streams_apart)
{
    char *a, *b, *c;
    give(take_on(100, 0, &a));
    take_on(100, 1, &b);
    cr_assert_neq(a, b);
    take_on(100, 0, &c);
    cr_assert_eq(a, c);
    ga_sim_current(sim, 1);
    ga_block d = take_on(512, GA_STREAM_CURRENT, &c);
    cr_assert_eq(c, b + 512);
    busy(0, d);
    cr_assert_eq(ga_cache_share(cache, d, GA_STREAM_CURRENT), GA_OK); /* its home */
    give(d);
    cr_assert_eq(ga_cache_poll(cache), 0);
}

Test(cache_wait, waits_for_the_streams_that_share)
{
    char *a, *b;
    ga_block block = take_on(MIB, 0, &a);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK);
    cr_assert_eq(ga_cache_share_ptr(cache, a, 2), GA_OK);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK); /* once is enough */
    cr_assert_eq(ga_cache_share(cache, block, 3), GA_OK);
    cr_assert_eq(ga_cache_unshare(cache, block, 3), GA_OK);
    busy(1, block);
    cr_assert_eq(ga_sim_work(sim, 2, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 3, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    give(block);
    cr_assert_eq(ga_cache_poll(cache), MIB);
    cr_assert(stats().all.allocations.now == 0 && stats().all.active.now == 1);
    take_on(MIB, 0, &b);
    cr_assert_neq(a, b);
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_cache_poll(cache), MIB);
    ga_sim_finish(sim, 2);
    cr_assert_eq(ga_cache_poll(cache), 0); /* though stream 3 is still busy */
    take_on(MIB, 0, &b);
    cr_assert_eq(a, b);
}

Test(cache_wait, lets_no_slow_stream_hold_up_others)
{
    ga_block slow = take(MIB), quick = take(MIB);
    char *free_ptr = address(quick), *ptr;
    cr_assert_eq(ga_cache_share(cache, slow, 1), GA_OK);
    cr_assert_eq(ga_cache_share(cache, quick, 2), GA_OK);
    busy(1, slow);
    busy(2, quick);
    give(slow);
    give(quick);
    ga_sim_finish(sim, 2);
    take_on(MIB, 0, &ptr);
    cr_assert_eq(ptr, free_ptr);
}

Test(cache_wait, waits_until_an_event_of_the_callers_own)
{
    const struct ga_backend_order *order = device->order;
    ga_event used, later;
    ga_block a = take(MIB), b = take(MIB);
    busy(1, a);
    cr_assert_eq(order->record(order->user, 1, &used), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 2, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(order->record(order->user, 2, &later), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, NULL, 0, GA_SIM_BY_HAND), GA_OK); /* nothing to do with the block */
    cr_assert_eq(ga_cache_share_until(cache, b, later), GA_OK);
    cr_assert_eq(ga_cache_share_until(cache, a, used), GA_OK);
    give(b);
    give(a);
    cr_assert_eq(ga_cache_poll(cache), 2 * MIB);
    cr_assert_eq(order->wait(order->user, used), GA_OK);
    cr_assert_eq(ga_cache_poll(cache), MIB); /* `later`, freed first, does not hold it up */
    cr_assert_eq(ga_cache_sync(cache), GA_OK);
    cr_assert_eq(ga_cache_poll(cache), 0);
    order->release(order->user, used);
    order->release(order->user, later);
}

Test(cache_wait, finds_memory_that_is_only_pending)
{
    for (int wait = GA_WAIT_ENOUGH; wait <= GA_WAIT_NEVER; wait++) {
        restart(40 * MIB, &(struct ga_cache_opts){ .wait = (enum ga_wait)wait });
        ga_block a = take(20 * MIB), b = take(20 * MIB);
        cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
        cr_assert_eq(ga_cache_share(cache, b, 2), GA_OK);
        busy(1, a);
        busy(2, b);
        give(b);
        give(a);
        take(20 * MIB); /* at the first call */
        bool gave_back = stats().backend_frees > 0;
        cr_assert_eq(gave_back, wait == GA_WAIT_NEVER);
        cr_assert_eq(ga_cache_poll(cache), wait == GA_WAIT_ENOUGH ? 20 * MIB : 0); /* a is still pending */
    }
}

Test(cache_wait, gives_back_what_is_idle_before_it_fails)
{
    give(take(40 * MIB));
    take_on(20 * MIB, 1, NULL);
    take_on(30 * MIB, 1, NULL); /* the 40 had to go */
    cr_assert_eq(reserved(), 50 * MIB);
    full(20 * MIB);
    cr_assert_eq(stats().ooms, 1);
    cr_assert_geq(stats().retries, 1);
    take(14 * MIB);
}

Test(cache_wait, waits_for_the_device_before_it_gives_back)
{
    ga_block a = take(40 * MIB);
    busy(0, a);
    give(a);
    take_on(40 * MIB, 1, NULL); /* finish() sees whether the simulated device complained */
    cr_assert_eq(stats().syncs, 1);
}

Test(cache_wait, trims_to_a_target)
{
    ga_block a = take(10 * MIB), b = take(12 * MIB), c = take(14 * MIB);
    give(b);
    give(take_on(MIB, 1, NULL));
    give(a);
    cr_assert_eq(ga_cache_trim(cache, 30 * MIB), GA_OK); /* b was idle for longest */
    cr_assert_eq(reserved(), 26 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 30 * MIB), GA_OK);
    cr_assert_eq(reserved(), 26 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 14 * MIB);
    give(c);
}

Test(cache_wait, has_limits)
{
    cr_assert_eq(ga_cache_fraction(cache), 1);
    cr_assert_eq(ga_cache_set_fraction(cache, -0.1), GA_INVALID);
    cr_assert_eq(ga_cache_set_fraction(cache, 1.1), GA_INVALID);
    cr_assert_eq(ga_cache_set_fraction(cache, 0.0 / 0.0), GA_INVALID);
    cr_assert_eq(ga_cache_set_fraction(cache, 0.5), GA_OK);
    cr_assert_eq(ga_cache_fraction(cache), 0.5);
    full(33 * MIB);
    struct ga_cache_oom oom;
    cr_assert(ga_cache_oom(cache, &oom));
    cr_assert(oom.limit == 32 * MIB && oom.requested == 33 * MIB && oom.segment == 34 * MIB && oom.total_bytes == 64 * MIB);
    ga_block a = take(32 * MIB);
    cr_assert_eq(ga_cache_set_fraction(cache, 0), GA_OK); /* below what is reserved */
    cr_assert_eq(ga_cache_fraction(cache), 0);
    full(1);
    give(a);
    take(32 * MIB);
    ga_cache_limit(cache, 0);
    take(1);
}

Test(cache_wait, refuses_the_absurd)
{
    struct ga_cache_oom oom;
    cr_assert_not(ga_cache_oom(cache, &oom));
    full(SIZE_MAX);
    full(SIZE_MAX - 511);
    full(SIZE_MAX / 2);
    full(65 * MIB);
    cr_assert(ga_cache_oom(cache, &oom));
    cr_assert(oom.requested == 65 * MIB && oom.free_bytes == 64 * MIB);
    take(MIB);
}
