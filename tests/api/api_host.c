#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/host.h"
#include "ggml_alloc/registry.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static const struct ga_backend *device;
static ga_host *host;

static void start_on(const struct ga_backend *inner, const struct ga_sim_opts *opts, const struct ga_host_opts *chosen)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(NULL, inner, opts);
    device = ga_sim_backend(sim);
    host = ga_host_new(&env, device, chosen);
    cr_assert_not_null(host);
}

static void start(void)
{
    start_on(ga_backend_null(), NULL, NULL);
}

static void sound(void)
{
    const char *broken = ga_host_check(host);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static void finish(void)
{
    struct ga_sim_stats stats;
    if (host)
        sound();
    ga_host_delete(host);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.pinned == 0 && stats.pins == 0 && stats.events == 0 && stats.live == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static void restart(const struct ga_host_opts *chosen)
{
    finish();
    start_on(ga_backend_null(), NULL, chosen);
}

/* Not in a build without threads: there, who asks for one is told. */
static bool has_threads(void)
{
#ifdef GGML_ALLOC_NO_THREADS
    cr_assert_eq(ga_host_set(host, &(struct ga_host_opts){ .background = true }), GA_UNSUPPORTED);
    return false;
#else
    return true;
#endif
}

TestSuite(host, .init = start, .fini = finish);

struct held {
    void *ptr;
    ga_host_block *token;
};

static struct held take(size_t size)
{
    struct held held = { 0 };
    enum ga_status status = ga_host_alloc(host, size, &held.ptr, &held.token);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    cr_assert_eq((uintptr_t)held.ptr % GA_HOST_ALIGN, 0);
    sound();
    return held;
}

static void give(struct held held)
{
    cr_assert_eq(ga_host_free(host, held.token), GA_OK);
    sound();
}

static void full(size_t size)
{
    struct held held = { &held, NULL };
    cr_assert_eq(ga_host_alloc(host, size, &held.ptr, &held.token), GA_NO_SPACE);
    cr_assert_eq(held.ptr, &held); /* untouched */
    sound();
}

static void records(struct held held, ga_stream stream)
{
    cr_assert_eq(ga_host_record(host, held.ptr, held.token, stream), GA_OK);
}

static void busy(struct held held, ga_stream stream)
{
    records(held, stream);
    cr_assert_eq(ga_sim_work(sim, stream, held.ptr, 1, GA_SIM_BY_HAND), GA_OK);
}

static size_t size_of(struct held held)
{
    size_t size = 0;
    cr_assert_eq(ga_host_ptr(host, held.token, &size), held.ptr);
    return size;
}

static struct ga_host_stats stats(void)
{
    struct ga_host_stats now;
    ga_host_stats(host, &now);
    return now;
}

static uint64_t owned(void)
{
    return stats().allocated_bytes.now;
}

static bool same(struct held a, struct held b)
{
    return a.ptr == b.ptr && a.token == b.token;
}

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

static const struct ga_host_opts by_pinning = { .pin = true, .pin_threads = 4 };

/* A block remembers how it was made, whatever the options say by now. */
Test(host, makes_memory_in_two_ways)
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

Test(host, pins_with_any_number_of_threads)
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

Test(host, refuses_options_that_make_no_sense)
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
Test(host, caches_any_backend)
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

Test(host, refuses_absurd_sizes)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2 + 2, SIZE_MAX / 4 + 2 };
    struct ga_host_oom report;
    cr_assert_not(ga_host_oom(host, &report));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        full(sizes[i]);
        cr_assert(ga_host_oom(host, &report) && report.requested == sizes[i]);
    }
    cr_assert_eq(stats().ooms, 4);
    give(take(1));
}

Test(host, stays_below_its_limit)
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

Test(host, gives_cached_memory_back_before_it_fails)
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

Test(host, finds_memory_that_is_only_pending)
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

Test(host, forgets_what_was_idle_for_long)
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

Test(host, trims_to_a_target_largest_first)
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

Test(host, cuts_blocks_from_its_reserve)
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

Test(host, does_without_a_reserve_that_cannot_be_had)
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

static uint64_t ticks;

static uint64_t tick(void *user)
{
    uint64_t *steps = user;
    return ticks += ++*steps;
}

Test(host, measures_with_the_clock_it_is_given)
{
    uint64_t steps = 0;
    restart(&(struct ga_host_opts){ .clock = tick, .clock_user = &steps });
    take(1);          /* 1, 3 */
    give(take(1024)); /* 6, 10 */
    cr_assert(stats().alloc_time.count == 2 && stats().alloc_time.total == 2 + 4);
    cr_assert(stats().alloc_time.min == 2 && stats().alloc_time.max == 4);
    ga_host_trim(host, 0); /* 15, 21 */
    cr_assert(stats().free_time.count == 1 && stats().free_time.min == 6 && stats().free_time.max == 6);
}

static bool only(void *user, ga_stream stream)
{
    return stream == *(const ga_stream *)user;
}

Test(host, keeps_private_pools_apart)
{
    static const ga_stream captured = 2;
    struct held shared = take(MIB), mine;
    give(shared);
    cr_assert_eq(ga_host_pool_begin(host, 7, only, (void *)&captured), GA_OK);
    cr_assert_eq(ga_host_pool_begin(host, 7, NULL, NULL), GA_BUSY);
    cr_assert(same(take(MIB), shared)); /* stream 0 */
    give(shared);
    ga_sim_current(sim, 2);
    give(mine = take(MIB));
    cr_assert_not(same(mine, shared));
    cr_assert(same(take(MIB), mine));
    give(mine);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_BUSY);
    cr_assert_eq(ga_host_pool_end(host, 7), GA_OK);
    cr_assert_eq(ga_host_pool_end(host, 7), GA_INVALID);
    cr_assert(same(take(MIB), shared));
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), 2 * MIB);                               /* the pool's may not go */
    cr_assert_eq(ga_host_pool_begin(host, 7, NULL, NULL), GA_OK); /* once more: two shares */
    cr_assert(same(take(MIB), mine));
    give(mine);
    cr_assert_eq(ga_host_pool_end(host, 7), GA_OK);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_OK);
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), 2 * MIB);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_OK);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_UNKNOWN);
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), MIB);
    cr_assert(ga_host_pool_end(host, 7) == GA_UNKNOWN && ga_host_pool_release(host, 8) == GA_UNKNOWN);
}

Test(host, asks_pools_in_the_order_they_began)
{
    cr_assert_eq(ga_host_pool_begin(host, 1, NULL, NULL), GA_OK);
    cr_assert_eq(ga_host_pool_begin(host, 2, NULL, NULL), GA_OK);
    struct held a = take(KIB), b;
    struct ga_host_part part;
    cr_assert(ga_host_snapshot(host, &part, 1) == 1 && part.is_private && part.pool == 1);
    cr_assert_eq(ga_host_pool_end(host, 1), GA_OK);
    give(a);
    b = take(KIB);
    cr_assert_not(same(a, b));
    cr_assert_eq(ga_host_pool_begin(host, 1, NULL, NULL), GA_OK); /* the second now */
    cr_assert_not(same(take(KIB), a));
}

/* Allocated during a capture: reused when no stream was recorded for it, and otherwise not before the capture is dropped. */
Test(host, keeps_what_a_capture_has_seen)
{
    for (int way = 0; way < 8; way++) {
        bool pins = way & 1, background = (way & 2) && has_threads(), drops_early = way & 4;
        restart(&(struct ga_host_opts){ .pin = pins, .background = background });
        ga_sim_current(sim, 1);
        ga_sim_capture(sim, 1, true);
        cr_assert_eq(ga_host_pool_begin(host, 9, NULL, NULL), GA_OK);
        struct held unused = take(MIB), used = take(MIB), later;
        records(used, 1);
        give(used);
        give(unused);
        cr_assert(same(take(MIB), unused));
        give(later = take(MIB));
        cr_assert_not(same(later, used));
        cr_assert_eq(stats().active_bytes.now, 2 * MIB); /* `unused`, live again, and `used` */
        ga_sim_capture(sim, 1, false);
        cr_assert_eq(ga_host_pool_end(host, 9), GA_OK);
        if (!drops_early) {
            cr_assert_eq(ga_sim_work(sim, 1, used.ptr, 1, GA_SIM_BY_HAND), GA_OK); /* the replay */
            ga_sim_finish(sim, 1);
            cr_assert_eq(ga_sim_work(sim, 1, used.ptr, 1, GA_SIM_BY_HAND), GA_OK); /* and another */
        }
        ga_host_poll(host);
        ga_host_trim(host, 0);
        cr_assert_eq(owned(), 3 * MIB);
        cr_assert_eq(ga_host_pool_release(host, 9), GA_OK);
        ga_host_trim(host, 0);
        cr_assert_eq(stats().pending_bytes, drops_early && !background ? 0 : stats().pending_bytes);
        if (!drops_early)
            cr_assert_eq(stats().pending_bytes, MIB); /* the replay is not done */
        ga_sim_finish(sim, 1);
        ga_host_poll(host);
        ga_host_trim(host, 0);
        cr_assert_eq(owned(), MIB);
        cr_assert(stats().active_bytes.now == MIB && stats().pending_bytes == 0);
        give(unused);
    }
}

Test(host, asks_about_no_event_during_a_capture)
{
    struct held a = take(MIB);
    busy(a, 1);
    give(a);
    ga_sim_finish(sim, 1);
    ga_sim_current(sim, 2);
    ga_sim_capture(sim, 2, true);
    cr_assert_eq(ga_host_poll(host), MIB); /* not ready, so far */
    give(take(MIB));
    cr_assert_eq(stats().host_allocs, 2);
    ga_sim_capture(sim, 2, false);
    cr_assert_eq(ga_host_poll(host), 0);
}

Test(host, is_a_backend)
{
    const struct ga_backend *stacked = ga_host_backend(host);
    struct ga_buffer a, b;
    cr_assert_eq(stacked->alloc(stacked->user, 5000, &a), GA_OK);
    cr_assert(a.size == 5000 && (uintptr_t)a.base % stacked->align == 0 && stacked->order == device->order);
    cr_assert_eq(ga_host_record(host, a.base, a.handle, 1), GA_OK);
    stacked->free(stacked->user, &a);
    cr_assert_eq(stacked->alloc(stacked->user, 6000, &b), GA_OK);
    cr_assert_eq(a.base, b.base);
    stacked->free(stacked->user, &b);
    cr_assert_eq(ga_host_free(host, b.handle), GA_FREED);
}

Test(host, shows_every_block)
{
    restart(&(struct ga_host_opts){ .reserve = MIB });
    struct ga_host_part parts[4];
    struct held live = take(3000), cached = take(2 * MIB), pending = take(4 * MIB);
    busy(pending, 3);
    give(pending);
    give(cached);
    cr_assert_eq(ga_host_snapshot(host, NULL, 0), 3);
    cr_assert_eq(ga_host_snapshot(host, parts, 4), 3);
    cr_assert(parts[0].token == live.token && parts[0].state == GA_HOST_LIVE && parts[0].origin == GA_HOST_RESERVE);
    cr_assert(parts[0].size == 4096 && parts[0].requested == 3000 && !parts[0].is_private && !parts[0].captured);
    cr_assert(parts[1].ptr == cached.ptr && parts[1].state == GA_HOST_CACHED && parts[1].origin == GA_HOST_TAKEN);
    cr_assert(parts[2].state == GA_HOST_PENDING && parts[2].stream == 0);
    ga_sim_finish(sim, 3);
}

struct said {
    int lines;
    char text[200];
};

static void listen(void *user, enum ga_level level, const char *text)
{
    struct said *said = user;
    said->lines += level == GA_WARN;
    strncpy(said->text, text, sizeof said->text - 1);
}

Test(host, tells_of_blocks_that_are_still_in_use)
{
    for (int detach = 0; detach < 2; detach++) {
        struct said said = { 0 };
        struct ga_sim_stats left;
        struct ga_env env = test_env(&hook);
        struct held a, b, c;
        env.log = (struct ga_log){ .write = listen, .user = &said };
        ga_host *other = ga_host_new(&env, device, &(struct ga_host_opts){ .detach = detach, .reserve = MIB });
        cr_assert_eq(ga_host_alloc(other, 100 * KIB, &a.ptr, &a.token), GA_OK);
        cr_assert_eq(ga_host_alloc(other, 2 * MIB, &b.ptr, &b.token), GA_OK);
        cr_assert_eq(ga_host_alloc(other, 2 * MIB, &c.ptr, &c.token), GA_OK);
        cr_assert_eq(ga_host_record(other, b.ptr, b.token, 1), GA_OK);
        cr_assert_eq(ga_host_free(other, c.token), GA_OK);
        ga_host_delete(other);
        cr_assert(said.lines == 1 && strstr(said.text, "2 blocks of 2228224 bytes"), "%s", said.text);
        ga_sim_stats(sim, &left);
        cr_assert_eq(left.pins, detach ? 2u : 0u);
        if (!detach)
            continue;
        cr_assert_eq(ga_sim_work(sim, 1, b.ptr, 1, 10), GA_OK);
        ga_host_release(b.token); /* waits for the stream */
        ga_sim_stats(sim, &left);
        cr_assert(left.pins == 1 && left.events == 0);
        ga_host_release(a.token);
        ga_sim_stats(sim, &left);
        cr_assert_eq(left.pins, 0);
    }
}

Test(host, has_a_thread_that_finds_what_is_over)
{
    if (!has_threads())
        return;
    restart(&(struct ga_host_opts){ .background = true });
    struct held a = take(MIB);
    busy(a, 1);
    give(a);
    ga_sim_finish(sim, 1);
    while (stats().active_bytes.now) /* nobody allocates meanwhile; the test's time limit would end this */
        ;
    struct ga_host_opts off = { 0 };
    cr_assert_eq(ga_host_set(host, &off), GA_OK);
    busy(a = take(MIB), 1);
    give(a);
    ga_sim_finish(sim, 1);
    struct held b = take(2 * MIB); /* this finds it */
    cr_assert_eq(stats().active_bytes.now, 2 * MIB);
    give(b);
    off.background = true;
    for (int i = 0; i < 20; i++) {
        off.background = !off.background;
        cr_assert_eq(ga_host_set(host, &off), GA_OK);
    }
}

/* With the thread, alloc looks only when nothing cached serves, and then as far as it must. */
Test(host, leaves_events_to_the_thread)
{
    if (!has_threads())
        return;
    restart(&(struct ga_host_opts){ .background = true });
    struct held cached = take(MIB), other = take(KIB), wanted = take(2 * MIB);
    ga_sim_current(sim, 3); /* whose capture keeps the thread from asking */
    ga_sim_capture(sim, 3, true);
    busy(other, 1);
    busy(wanted, 2);
    give(other);
    give(wanted);
    give(cached);
    ga_sim_finish(sim, 1);
    ga_sim_finish(sim, 2);
    cr_assert(same(take(MIB), cached));
    cr_assert_eq(stats().pending_bytes, 2 * MIB + KIB);
    ga_sim_capture(sim, 3, false);
    cr_assert(same(take(2 * MIB), wanted));
}

Test(host, reads_options_from_text)
{
    char error[80] = "";
    uint64_t steps = 0;
    struct ga_host_opts opts = { .max_idle = 5, .clock = tick, .clock_user = &steps, .interior = true, .limit = 7, .pin = true };
    const char *text = "pinned_max_round_threshold_mb:64, pinned_max_cached_size_mb : 32,pinned_use_background_threads:true,"
                       "pinned_num_register_threads:8,pinned_reserve_segment_size_mb:256,pinned_use_host_register:false";
    cr_assert_eq(ga_host_parse(text, &opts, error, sizeof error), GA_OK, "%s", error);
    cr_assert(opts.max_round == 64 * MIB && opts.max_cached == 32 * MIB && opts.background && opts.pin_threads == 8);
    cr_assert(opts.reserve == 256 * MIB && !opts.pin && opts.limit == 0 && !opts.power_of_two);
    cr_assert(opts.max_idle == 5 && opts.clock == tick && opts.clock_user == &steps && opts.interior && !opts.detach);
    cr_assert_eq(ga_host_parse("pinned_max_total_mb:9,pinned_power_of_two:true,pinned_use_host_register:true", &opts, NULL, 0),
                 GA_OK);
    cr_assert(opts.limit == 9 * MIB && opts.power_of_two && opts.pin && opts.max_round == 0);
    cr_assert_eq(ga_host_parse("", &opts, NULL, 0), GA_OK);
    cr_assert(!opts.pin && opts.max_idle == 5);
}

Test(host, refuses_text_with_a_mistake)
{
    static const char *const wrong[] = {
        "unknown:1",
        "pinned_num_register_threads:1024",
        "pinned_num_register_threads:3",
        "pinned_num_register_threads:0",
        "pinned_num_register_threads:none",
        "pinned_max_cached_size_mb:1.2",
        "pinned_max_cached_size_mb:",
        "pinned_max_cached_size_mb:1,pinned_max_cached_size_mb:1",
        "pinned_use_background_threads:1",
        "pinned_use_background_threads:none",
        "pinned_use_host_register",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ga_host_opts opts = { .limit = 7 };
        char error[80] = "";
        cr_assert_eq(ga_host_parse(wrong[i], &opts, error, sizeof error), GA_INVALID, "%s", wrong[i]);
        cr_assert(opts.limit == 7 && strncmp(error, "at ", 3) == 0, "%s", wrong[i]);
    }
}

Test(host, gives_blocks_that_carry_their_deleter)
{
    struct ga_owned owned, again;
    restart(&(struct ga_host_opts){ .kind = 5 });
    cr_assert_eq(ga_host_own(host, 3000, &owned), GA_OK);
    cr_assert(owned.kind == 5 && owned.device == device->device && ga_host_find(host, owned.ptr) == owned.owner);
    owned.release(owned.owner);
    cr_assert_eq(ga_host_own(host, 4000, &again), GA_OK);
    cr_assert(again.owner == owned.owner && again.ptr == owned.ptr);
    again.release(again.owner);
    cr_assert_eq(ga_host_own(host, SIZE_MAX, &again), GA_NO_SPACE);
}

Test(host, is_found_by_its_kind)
{
    ga_registry *registry = ga_registry_new(NULL);
    ga_host *other = ga_host_new(NULL, device, NULL);
    cr_assert_eq(ga_registry_set(registry, 1, ga_host_backend(host), 0), GA_OK);
    cr_assert_eq(ga_registry_get(registry, 1), ga_host_backend(host));
    cr_assert_eq(ga_registry_set(registry, 1, ga_host_backend(other), 0), GA_OK); /* an equal one replaces */
    cr_assert_eq(ga_registry_set(registry, 1, ga_host_backend(host), -1), GA_BUSY);
    cr_assert_eq(ga_registry_get(registry, 1), ga_host_backend(other));
    ga_registry_delete(registry);
    ga_host_delete(other);
}

/* What the backend can, and what it cannot. */
Test(host, copies_in_the_order_of_a_stream)
{
    finish();
    start_on(ga_backend_cpu(), NULL, NULL);
    struct ga_buffer there;
    struct held here = take(4);
    cr_assert_eq(device->alloc(device->user, 4, &there), GA_OK);
    memcpy(here.ptr, "abc", 4);
    cr_assert_eq(ga_host_copy(host, there.base, here.ptr, 4, 1), GA_OK);
    records(here, 1);
    give(here);
    cr_assert_eq(ga_host_sync(host), GA_OK);
    cr_assert(same(take(4), here) && memcmp(there.base, "abc", 4) == 0);
    device->free(device->user, &there);
    ga_host *plain = ga_host_new(NULL, ga_backend_cpu(), NULL);
    cr_assert_eq(ga_host_copy(plain, here.ptr, here.ptr, 4, 1), GA_UNSUPPORTED);
    ga_host_delete(plain);
}

static enum ga_status nested;

static enum ga_status alloc_and_ask_for_more(void *user, size_t size, struct ga_buffer *buffer)
{
    ga_host **asked = user;
    struct held held;
    if (*asked) {
        ga_host *once = *asked;
        *asked = NULL;
        nested = ga_host_alloc(once, MIB, &held.ptr, &held.token);
    }
    return ga_backend_cpu()->alloc(NULL, size, buffer);
}

/* Two threads at once, as one: bytes on their way count, too. */
Test(host, stays_below_its_limit_while_memory_is_on_its_way)
{
    ga_host *asked = NULL;
    struct ga_backend slow = *ga_backend_cpu();
    slow.alloc = alloc_and_ask_for_more;
    slow.user = &asked;
    ga_host *limited = ga_host_new(NULL, &slow, &(struct ga_host_opts){ .limit = 3 * MIB / 2 });
    struct held held;
    asked = limited;
    cr_assert_eq(ga_host_alloc(limited, MIB, &held.ptr, &held.token), GA_OK);
    cr_assert_eq(nested, GA_NO_SPACE);
    ga_host_delete(limited);
}
