/*
 * What of page-locked memory is handed out, rounded to what, and kept for whom.
 */
#include "host_rig.h"

TestSuite(host, .init = start, .fini = finish);

Test(host, counts_as_the_others_do)
{
    struct held a = take(40 * KIB), b = take(80 * KIB);
    struct ga_host_stats now = stats();
    cr_assert(now.active_requests.now == 2 && now.active_bytes.now == 192 * KIB);
    cr_assert(now.allocations.now == 2 && now.allocated_bytes.now == 192 * KIB && now.requested_bytes == 120 * KIB);
    cr_assert(now.host_allocs == 2 && now.host_frees == 0 && now.alloc_time.count == 2 && now.alloc_time.total == 0);
    cr_assert(now.created[16] == 1 && now.created[17] == 1);
    ga_host_trim(host, 0);
    now = stats();
    cr_assert(now.active_bytes.now == 192 * KIB && now.allocations.now == 2 && now.host_frees == 0);
    give(b);
    now = stats();
    cr_assert(now.active_requests.now == 1 && now.active_bytes.now == 64 * KIB && now.allocated_bytes.now == 192 * KIB);
    cr_assert(now.active_bytes.peak == 192 * KIB && now.active_bytes.removed == 128 * KIB);
    ga_host_trim(host, 0);
    now = stats();
    cr_assert(now.allocations.now == 1 && now.allocated_bytes.now == 64 * KIB && now.host_frees == 1 && now.free_time.count == 1);
    ga_host_reset_peaks(host);
    cr_assert(stats().active_bytes.peak == 64 * KIB && stats().allocations.peak == 1);
    ga_host_reset_totals(host);
    now = stats();
    cr_assert(now.active_bytes.added == 0 && now.host_allocs == 0 && now.alloc_time.count == 0 && now.created[16] == 0);
    cr_assert(now.allocations.now == 1 && now.active_bytes.peak == 64 * KIB);
    give(a);
}

/* The peak of the sum, not the sum of the peaks of the classes. */
Test(host, knows_the_exact_peak)
{
    give(take(64 * KIB));
    give(take(128 * KIB));
    cr_assert_eq(stats().active_bytes.peak, 128 * KIB);
    cr_assert_eq(stats().allocated_bytes.peak, 192 * KIB);
}

Test(host, gives_the_newest_of_a_class)
{
    struct held a = take(33 * KIB), b = take(64 * KIB);
    give(a);
    give(b);
    cr_assert(same(take(40 * KIB), b));
    cr_assert(same(take(64 * KIB), a));
    cr_assert_not(same(take(64 * KIB), a));
    cr_assert_eq(stats().host_allocs, 3);
}

Test(host, gives_nothing_for_nothing)
{
    cr_assert_null(take(0).token);
    cr_assert_null(take(0).ptr);
    cr_assert_eq(ga_host_free(host, NULL), GA_OK);
    ga_host_release(NULL);
    cr_assert_eq(stats().host_allocs, 0);
}

Test(host, rounds_to_powers_of_two_and_large_sizes_to_eighths)
{
    static const struct {
        size_t size, plain, parity;
    } cases[] = {
        { 1, 1, 1 },
        { 3, 4, 4 },
        { 512, 512, 512 },
        { 513, 1024, 1024 },
        { 33 * MIB, 64 * MIB, 64 * MIB },
        { 64 * MIB, 64 * MIB, 64 * MIB },
        { 64 * MIB + 1, 72 * MIB, 128 * MIB },
        { 80 * MIB, 80 * MIB, 128 * MIB },
        { 121 * MIB, 128 * MIB, 128 * MIB },
        { 128 * MIB + 1, 144 * MIB, 256 * MIB },
        { 663 * MIB, 704 * MIB, 1024 * MIB },
    };
    for (int parity = 0; parity < 2; parity++) {
        restart(&(struct ga_host_opts){ .power_of_two = parity });
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            cr_assert_eq(size_of(take(cases[i].size)), parity ? cases[i].parity : cases[i].plain, "%zu", cases[i].size);
    }
}

/* 20.4 GiB do not take 32. */
Test(host, does_not_waste_a_third_of_large_requests)
{
    if (SIZE_MAX == UINT32_MAX)
        return;
    uint64_t size = (uint64_t)204 << 30;
    cr_assert_eq(size_of(take((size_t)(size / 10))), (uint64_t)22 << 30);
}

Test(host, keeps_sizes_exact_above_a_threshold)
{
    restart(&(struct ga_host_opts){ .max_round = 64 * MIB, .power_of_two = true });
    cr_assert_eq(size_of(take(80 * MIB)), 80 * MIB);
    cr_assert_eq(size_of(take(80 * MIB + 1)), 80 * MIB + GA_HOST_PAGE);
    cr_assert_eq(size_of(take(64 * MIB)), 64 * MIB);
    cr_assert_eq(size_of(take(33 * MIB)), 64 * MIB);
    restart(&(struct ga_host_opts){ .max_round = 128 * MIB, .power_of_two = true });
    cr_assert_eq(size_of(take(10 * MIB)), 16 * MIB);
    cr_assert_eq(size_of(take(80 * MIB)), 128 * MIB);
}

Test(host, does_not_keep_what_is_too_large)
{
    restart(&(struct ga_host_opts){ .max_cached = 32 * MIB });
    struct held large = take(33 * MIB), small = take(32 * MIB);
    cr_assert_eq(size_of(large), 33 * MIB); /* not rounded either */
    give(large);
    cr_assert_eq(owned(), 32 * MIB);
    cr_assert_eq(stats().host_frees, 1);
    give(small);
    cr_assert_eq(owned(), 32 * MIB);
    large = take(40 * MIB);
    busy(large, 1);
    give(large); /* goes as soon as its events are reached */
    cr_assert_eq(stats().host_frees, 1);
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_host_poll(host), 0);
    cr_assert_eq(stats().host_frees, 2);
}

/* The threshold for keeping says more than the one for rounding. */
Test(host, rounds_nothing_that_it_does_not_keep)
{
    restart(&(struct ga_host_opts){ .max_cached = 32 * MIB, .max_round = 128 * MIB });
    cr_assert_eq(size_of(take(40 * MIB)), 40 * MIB);
    restart(&(struct ga_host_opts){ .max_cached = 128 * MIB, .max_round = 32 * MIB });
    cr_assert_eq(size_of(take(40 * MIB)), 40 * MIB);
}

/* A class may hold blocks of several sizes: a smaller one never serves. */
Test(host, hands_out_no_block_that_is_too_small)
{
    restart(&(struct ga_host_opts){ .max_round = 100 * MIB, .max_cached = 300 * MIB, .power_of_two = true });
    struct held large = take(200 * MIB), small = take(150 * MIB);
    give(large);
    give(small);
    struct held again = take(200 * MIB); /* the newest is too small */
    cr_assert(same(again, large));
    struct held other = take(180 * MIB);
    cr_assert_not(same(other, small));
    cr_assert(same(take(140 * MIB), small));
}

Test(host, waits_for_all_streams_that_were_recorded)
{
    struct held a = take(MIB);
    busy(a, 1);
    records(a, 1); /* once is enough */
    records(a, 2);
    cr_assert_eq(ga_sim_work(sim, 2, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    give(a);
    cr_assert_eq(ga_host_poll(host), MIB);
    cr_assert(stats().active_requests.now == 1 && stats().active_bytes.now == MIB && stats().requested_bytes == 0);
    struct held b = take(MIB);
    cr_assert_not(same(a, b));
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_host_poll(host), MIB);
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), 2 * MIB); /* neither goes */
    ga_sim_finish(sim, 2);
    cr_assert_eq(ga_host_poll(host), 0);
    cr_assert_eq(stats().active_bytes.now, MIB);
    cr_assert(same(take(MIB), a));
}

/* The bytes that become free are the block's, whatever else was asked for when its events were reached. */
Test(host, returns_to_zero)
{
    for (int i = 0; i < 20; i++) {
        struct held a = take(100 * KIB), b = take(MIB);
        busy(a, 1);
        busy(b, 2);
        give(a);
        give(b);
        ga_sim_finish(sim, 1);
        give(take(KIB));
        ga_sim_finish(sim, 2);
        give(take(KIB));
        cr_assert(stats().active_bytes.now == 0 && stats().active_requests.now == 0);
    }
    ga_host_trim(host, 0);
    cr_assert(owned() == 0 && stats().allocations.now == 0 && stats().host_allocs == stats().host_frees);
}

Test(host, lets_no_slow_stream_hold_up_others)
{
    struct held slow = take(MIB), quick = take(MIB);
    busy(slow, 1);
    busy(quick, 2);
    give(slow);
    give(quick);
    ga_sim_finish(sim, 2);
    cr_assert(same(take(MIB), quick));
}

/* A token, a slice with the token, the base alone; the inside only on request; never memory of others. */
Test(host, finds_the_block_that_is_recorded)
{
    for (int interior = 0; interior < 2; interior++) {
        restart(&(struct ga_host_opts){ .interior = interior });
        struct held a = take(100 * KIB);
        char *inside = (char *)a.ptr + 1000;
        int plain = 0;
        cr_assert_eq(ga_host_record(host, a.ptr, a.token, 1), GA_OK);
        cr_assert_eq(ga_host_record(host, inside, a.token, 1), GA_OK);
        cr_assert_eq(ga_host_record(host, a.ptr, NULL, 1), GA_OK);
        cr_assert_eq(ga_host_record(host, a.ptr, (ga_host_block *)(void *)&plain, 1), GA_OK);
        cr_assert_eq(ga_host_record(host, inside, NULL, 1), interior ? GA_OK : GA_UNKNOWN);
        cr_assert_eq(ga_host_record(host, &plain, (ga_host_block *)(void *)&plain, 1), GA_UNKNOWN);
        cr_assert_eq(ga_host_record(host, NULL, NULL, 1), GA_UNKNOWN);
        give(a);
        cr_assert_eq(ga_host_record(host, a.ptr, a.token, 1), GA_FREED);
        ga_host_trim(host, 0);
        cr_assert_eq(ga_host_record(host, a.ptr, a.token, 1), GA_FREED);
        cr_assert_eq(ga_host_record(host, a.ptr, NULL, 1), GA_UNKNOWN);
        cr_assert_eq(ga_host_poll(host), 0);
    }
}

Test(host, records_the_current_stream)
{
    struct held a = take(KIB);
    ga_sim_current(sim, 2);
    cr_assert_eq(ga_sim_work(sim, 2, a.ptr, 1, GA_SIM_BY_HAND), GA_OK);
    records(a, GA_STREAM_CURRENT);
    give(a);
    cr_assert_eq(ga_host_poll(host), KIB);
    ga_sim_finish(sim, 2);
    cr_assert_eq(ga_host_poll(host), 0);
}

/* The token moves to another owner, who knows nothing of the allocator. */
Test(host, lets_tokens_move)
{
    struct held a = take(MIB);
    struct {
        void *owner;
        void (*release)(void *owner);
    } foreign = { a.token, ga_host_release };
    busy(a, 1);
    cr_assert_eq(ga_host_find(host, (char *)a.ptr + 5), a.token);
    foreign.release(foreign.owner);
    cr_assert_null(ga_host_find(host, a.ptr));
    cr_assert_eq(ga_host_poll(host), MIB);
    ga_sim_finish(sim, 1);
    cr_assert(same(take(MIB), a));
}

Test(host, notices_what_is_not_live)
{
    int plain = 0;
    struct held a = take(KIB);
    give(a);
    cr_assert_eq(ga_host_free(host, a.token), GA_FREED);
    cr_assert_null(ga_host_ptr(host, a.token, NULL));
    cr_assert_eq(ga_host_free(host, (ga_host_block *)(void *)&plain), GA_UNKNOWN);
    cr_assert_eq(stats().active_requests.now, 0);
    ga_host_trim(host, 0);
    cr_assert_eq(ga_host_free(host, a.token), GA_FREED);
    busy(a = take(KIB), 1);
    give(a);
    cr_assert_eq(ga_host_free(host, a.token), GA_FREED); /* pending */
    ga_sim_finish(sim, 1);
}

Test(host, tells_page_locked_memory)
{
    int plain = 0;
    char own[16];
    cr_assert_not(ga_host_is_pinned(host, &plain));
    struct held a = take(100 * KIB);
    cr_assert(ga_host_is_pinned(host, a.ptr) && ga_host_is_pinned(host, (char *)a.ptr + 128 * KIB - 1));
    cr_assert_not(ga_host_is_pinned(host, (char *)a.ptr + 128 * KIB + GA_HOST_ALIGN));
    cr_assert_eq(device->pinned->pin(device->pinned->user, own, sizeof own), GA_OK);
    cr_assert(ga_host_is_pinned(host, own + 15));
    device->pinned->unpin(device->pinned->user, own, sizeof own);
    cr_assert_not(ga_host_is_pinned(host, own));
    give(a);
    cr_assert(ga_host_is_pinned(host, a.ptr)); /* cached */
    ga_host_trim(host, 0);
    cr_assert_not(ga_host_is_pinned(host, a.ptr));
    struct ga_sim_stats made;
    ga_sim_stats(sim, &made);
    cr_assert(made.calls[GA_SIM_ALLOC] == 0 && made.calls[GA_SIM_RECORD] == 0);
}
