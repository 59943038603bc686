/*
 * Ways to page-lock memory, and limits: what is given back, when, and what is reserved beforehand.
 */
#include <string.h>

#include "host_rig.h"

TestSuite(host_limits, .init = start, .fini = finish);

static const struct ga_host_opts by_pinning = { .pin = true, .pin_threads = 4 };

/* A block remembers how it was made, whatever the options say by now. */
Test(host_limits, makes_memory_in_two_ways)
{
    struct ga_sim_stats made;
    struct held taken = take(MIB);
    cr_assert_eq(ga_host_set(host, &by_pinning), GA_OK);
    struct held pinned = take(MIB);
    memset(pinned.ptr, 1, MIB);
    give(taken);
    struct held tiny = take(1);
    *(char *)tiny.ptr = 1;
    cr_assert_eq(ga_host_set(host, &(struct ga_host_opts){ 0 }), GA_OK);
    give(pinned);
    give(tiny);
    ga_host_trim(host, 0);
    ga_sim_stats(sim, &made);
    cr_assert(made.calls[GA_SIM_PINNED_ALLOC] == 1 && made.calls[GA_SIM_PINNED_FREE] == 1);
    cr_assert(made.calls[GA_SIM_PIN] == 2 && made.calls[GA_SIM_UNPIN] == 2 && made.pinned == 0);
}

Test(host_limits, pins_with_any_number_of_threads)
{
    for (unsigned n = 1; n <= GA_HOST_MAX_THREADS; n *= 2) {
        restart(&(struct ga_host_opts){ .pin = true, .pin_threads = n });
        for (size_t size = 1; size <= MIB; size *= 4) {
            struct held held = take(size + 3);
            memset(held.ptr, 0x5a, size_of(held));
            give(held);
        }
    }
}

Test(host_limits, refuses_options_that_make_no_sense)
{
    const struct ga_host_opts wrong[] = {
        { .pin_threads = 3 },
        { .pin_threads = 256 },
        { .reserve = 100 },
        { .reserve = 2 * MIB, .limit = MIB },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_null(ga_host_new(NULL, device, &wrong[i]));
        cr_assert_eq(ga_host_set(host, &wrong[i]), GA_INVALID);
    }
    cr_assert_null(ga_host_new(NULL, NULL, NULL));
    cr_assert_null(ga_host_new(NULL, ga_backend_cpu(), &by_pinning));
    ga_host *plain = ga_host_new(NULL, ga_backend_cpu(), NULL);
    cr_assert_eq(ga_host_set(plain, &by_pinning), GA_UNSUPPORTED);
    ga_host_delete(plain);
    ga_host_delete(NULL);
    struct ga_host_opts now;
    cr_assert_eq(ga_host_set(host, &by_pinning), GA_OK);
    ga_host_opts(host, &now);
    cr_assert(now.pin && now.pin_threads == 4);
}

/* Ordinary memory, nothing behind whose back it could be used. */
Test(host_limits, caches_any_backend)
{
    ga_host *plain = ga_host_new(NULL, ga_backend_cpu(), NULL);
    struct held a, b;
    cr_assert_eq(ga_host_alloc(plain, 1000, &a.ptr, &a.token), GA_OK);
    memset(a.ptr, 1, 1024);
    cr_assert_eq(ga_host_record(plain, a.ptr, a.token, 7), GA_OK);
    cr_assert_eq(ga_host_free(plain, a.token), GA_OK);
    cr_assert(ga_host_poll(plain) == 0 && ga_host_sync(plain) == GA_OK);
    cr_assert_eq(ga_host_alloc(plain, 600, &b.ptr, &b.token), GA_OK);
    cr_assert(same(a, b) && (uintptr_t)a.ptr % GA_HOST_ALIGN == 0);
    ga_host_delete(plain); /* with what is live */
}

Test(host_limits, refuses_absurd_sizes)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2 + 2, SIZE_MAX / 2 - 4095 };
    struct ga_host_oom report;
    cr_assert_not(ga_host_oom(host, &report));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        full(sizes[i]);
        cr_assert(ga_host_oom(host, &report) && report.requested == sizes[i]);
    }
    cr_assert_eq(stats().ooms, 4);
    give(take(1));
}

Test(host_limits, stays_below_its_limit)
{
    struct ga_host_oom report;
    restart(&(struct ga_host_opts){ .limit = 4 * MIB });
    struct held a = take(2 * MIB), b = take(MIB), c = take(512 * KIB);
    give(b);
    give(c);
    struct held d = take(2 * MIB); /* the larger of the two has to go, and then the other */
    cr_assert_eq(owned(), 4 * MIB);
    cr_assert(stats().retries == 1 && stats().host_frees == 2);
    full(1);
    cr_assert(ga_host_oom(host, &report));
    cr_assert(report.requested == 1 && report.rounded == 1 && report.limit == 4 * MIB && report.live == 4 * MIB);
    cr_assert(report.owned == 4 * MIB && report.pending == 0 && report.kept == 0 && report.reserve == 0);
    give(a);
    give(d);
    take(MIB); /* one of the two has to go, the other stays */
    cr_assert_eq(owned(), 3 * MIB);
}

Test(host_limits, gives_cached_memory_back_before_it_fails)
{
    finish();
    start_on(ga_backend_null(), &(struct ga_sim_opts){ .pinned_capacity = 5 * MIB }, NULL);
    struct held a = take(2 * MIB), b = take(2 * MIB);
    give(a);
    give(b);
    give(take(512 * KIB)); /* and some bytes of slack each */
    take(MIB);
    cr_assert_eq(owned(), 3 * MIB + 512 * KIB); /* the older of the largest */
    cr_assert(same(take(2 * MIB), b) && stats().retries == 1);
    full(4 * MIB);
    cr_assert_eq(owned(), 3 * MIB); /* what was given back for it is gone */
}

Test(host_limits, finds_memory_that_is_only_pending)
{
    restart(&(struct ga_host_opts){ .limit = 4 * MIB });
    struct held a = take(2 * MIB), b = take(2 * MIB);
    busy(a, 1);
    busy(b, 2);
    give(b);
    give(a);
    cr_assert(same(take(2 * MIB), b)); /* at the first call, the oldest */
    cr_assert_eq(ga_host_poll(host), 2 * MIB);
    take(MIB);
    cr_assert(ga_host_poll(host) == 0 && owned() == 3 * MIB);
}

Test(host_limits, forgets_what_was_idle_for_long)
{
    restart(&(struct ga_host_opts){ .max_idle = 3 });
    struct held a = take(MIB), b = take(2 * MIB);
    give(a);
    give(b);
    for (int i = 0; i < 3; i++) {
        give(take(2 * MIB));
        cr_assert_eq(owned(), 3 * MIB);
    }
    give(take(2 * MIB));
    cr_assert_eq(owned(), 2 * MIB);
}

Test(host_limits, trims_to_a_target_largest_first)
{
    give(take(MIB));
    give(take(4 * MIB));
    give(take(2 * MIB));
    ga_host_trim(host, 7 * MIB);
    cr_assert_eq(owned(), 7 * MIB);
    ga_host_trim(host, 5 * MIB);
    cr_assert_eq(owned(), 3 * MIB);
    ga_host_trim(host, 1);
    cr_assert_eq(owned(), 0);
}

Test(host_limits, cuts_blocks_from_its_reserve)
{
    restart(&(struct ga_host_opts){ .reserve = MIB });
    cr_assert_eq(stats().reserve_bytes, 0); /* at the first use */
    struct held a = take(512 * KIB), b = take(100), c = take(400 * KIB);
    cr_assert_eq((char *)b.ptr, (char *)a.ptr + 512 * KIB);
    cr_assert(stats().reserve_bytes == MIB && stats().host_allocs == 2); /* c did not fit */
    cr_assert(ga_host_is_pinned(host, (char *)b.ptr + 100 * KIB));
    give(a);
    give(b);
    cr_assert_eq(stats().reserve_used, 516 * KIB); /* cached */
    give(c);
    ga_host_trim(host, 0);
    cr_assert(owned() == 0 && stats().reserve_used == 0 && stats().host_frees == 1);
    cr_assert_eq(take(MIB).ptr, a.ptr); /* nothing of it is lost */
    full(SIZE_MAX / 8 * 7);
}

Test(host_limits, does_without_a_reserve_that_cannot_be_had)
{
    finish();
    start_on(ga_backend_null(), &(struct ga_sim_opts){ .pinned_capacity = MIB }, &(struct ga_host_opts){ .reserve = 4 * MIB });
    struct held a = take(KIB);
    cr_assert(stats().reserve_bytes == 0 && stats().host_allocs == 1);
    cr_assert_eq(ga_host_set(host, &(struct ga_host_opts){ .reserve = 512 * KIB }), GA_OK);
    give(take(2 * KIB));
    cr_assert(stats().reserve_bytes == 512 * KIB && stats().reserve_used == 4 * KIB);
    give(a);
}
