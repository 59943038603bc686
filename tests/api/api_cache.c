#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/cache.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static const struct ga_backend *device;
static ga_cache *cache;

static void start_with(uint64_t capacity, const struct ga_cache_opts *opts)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity });
    device = ga_sim_backend(sim);
    cache = ga_cache_new(&env, device, opts);
    cr_assert_not_null(cache);
}

static void start(void)
{
    start_with(64 * MIB, NULL);
}

static void sound(void)
{
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static void finish(void)
{
    struct ga_sim_stats stats;
    sound();
    ga_cache_delete(cache);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.live == 0 && stats.events == 0);
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static void restart(uint64_t capacity, const struct ga_cache_opts *opts)
{
    finish();
    start_with(capacity, opts);
}

TestSuite(cache, .init = start, .fini = finish);

static ga_block take_on(size_t size, ga_stream stream, char **ptr)
{
    ga_block block = 0;
    void *address = NULL;
    enum ga_status status = ga_cache_alloc(cache, size, stream, &block, &address);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    if (ptr)
        *ptr = address;
    sound();
    return block;
}

static ga_block take(size_t size)
{
    return take_on(size, 0, NULL);
}

static char *address(ga_block block)
{
    return ga_cache_ptr(cache, block, NULL);
}

static void give(ga_block block)
{
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    sound();
}

static void full(size_t size)
{
    ga_block block = 7;
    cr_assert_eq(ga_cache_alloc(cache, size, 0, &block, NULL), GA_NO_SPACE);
    cr_assert_eq(block, 7);
    sound();
}

static void busy(ga_stream stream, ga_block block)
{
    cr_assert_eq(ga_sim_work(sim, stream, address(block), 1, GA_SIM_BY_HAND), GA_OK);
}

static struct ga_cache_stats stats(void)
{
    struct ga_cache_stats now;
    ga_cache_stats(cache, &now);
    return now;
}

static uint64_t reserved(void)
{
    return stats().all.reserved_bytes.now;
}

Test(cache, counts_what_is_allocated)
{
    ga_block block = take(1024);
    cr_assert_eq(stats().small.active_bytes.now, 1024);
    cr_assert_eq(stats().all.active_bytes.removed, 0);
    give(block);
    cr_assert_eq(stats().all.active_bytes.removed, 1024);
    cr_assert_eq(stats().all.active_bytes.peak, 1024);
    cr_assert_eq(stats().large.active_bytes.added, 0);
    cr_assert_eq(reserved(), 2 * MIB);
    ga_cache_reset_peaks(cache);
    cr_assert_eq(stats().all.active_bytes.peak, 0);
    cr_assert_eq(stats().all.reserved_bytes.peak, 2 * MIB);
    ga_cache_reset_totals(cache);
    cr_assert(stats().all.active_bytes.added == 0 && stats().backend_allocs == 0);
    cr_assert_eq(reserved(), 2 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 0);
}

Test(cache, rounds_to_quanta_and_remembers_what_was_asked)
{
    size_t size;
    ga_block a = take(1), b = take(513);
    cr_assert_not_null(ga_cache_ptr(cache, a, &size));
    cr_assert_eq(size, 512);
    cr_assert_eq(address(b) - address(a), 512);
    cr_assert_eq(stats().all.requested_bytes.now, 514);
    cr_assert_eq(stats().all.allocated_bytes.now, 512 + 1024);
}

Test(cache, gives_nothing_for_nothing)
{
    char *ptr = &(char){ 1 };
    cr_assert_eq(take_on(0, 0, &ptr), 0);
    cr_assert_null(ptr);
    cr_assert_eq(ga_cache_free(cache, 0), GA_OK);
    cr_assert_eq(ga_cache_free_ptr(cache, NULL), GA_OK);
    cr_assert_eq(ga_cache_share_ptr(cache, NULL, 3), GA_OK);
    cr_assert_eq(stats().backend_allocs, 0);
}

/* Sizes at the borders, and what they reserve. */
Test(cache, has_one_border_between_small_and_large)
{
    static const struct {
        size_t size;
        uint64_t reserves;
    } cases[] = {
        { 1, 2 * MIB },         { MIB, 2 * MIB },           { MIB + 1, 20 * MIB },  { 10 * MIB - 512, 20 * MIB },
        { 10 * MIB, 10 * MIB }, { 10 * MIB + 1, 12 * MIB }, { 13 * MIB, 14 * MIB },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        restart(64 * MIB, NULL);
        take(cases[i].size);
        cr_assert_eq(reserved(), cases[i].reserves);
    }
    restart(64 * MIB, NULL);
    take(MIB);
    take(MIB); /* two of exactly 1 MiB share a segment */
    cr_assert_eq(reserved(), 2 * MIB);
}

Test(cache, splits_when_the_rest_is_worth_it)
{
    give(take(20 * MIB - 512)); /* a segment of 20 MiB */
    ga_block a = take(19 * MIB), b;
    size_t size;
    ga_cache_ptr(cache, a, &size);
    cr_assert_eq(size, 20 * MIB); /* a rest of exactly 1 MiB is not */
    give(a);
    a = take(19 * MIB - 512);
    ga_cache_ptr(cache, a, &size);
    cr_assert_eq(size, 19 * MIB - 512);
    b = take(MIB + 512);
    cr_assert_eq(address(b), address(a) + size);
    cr_assert_eq(reserved(), 20 * MIB);
}

Test(cache, rounds_by_divisions)
{
    static const struct {
        size_t size;
        uint32_t divisions;
        uint64_t rounded;
    } cases[] = { { 1200, 4, 1536 },
                  { 84 * MIB, 4, 96 * MIB },
                  { 84 * MIB, 8, 88 * MIB },
                  { 400 * MIB, 2, 512 * MIB },
                  { 64 * MIB, 4, 64 * MIB } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ga_cache_opts opts = { 0 };
        for (int k = 0; k < GA_CACHE_DIVISIONS; k++)
            opts.divisions[k] = cases[i].divisions;
        restart(1024 * MIB, &opts);
        take(cases[i].size);
        cr_assert_eq(stats().all.allocated_bytes.now, cases[i].rounded);
        cr_assert_eq(stats().all.requested_bytes.now, cases[i].size);
    }
}

Test(cache, refuses_options_that_make_no_sense)
{
    const struct ga_cache_opts wrong[] = {
        { .max_split = 2 * MIB }, { .max_rounding = MIB }, { .collect = 1 }, { .collect = -0.5 }, { .divisions = { 3 } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_null(ga_cache_new(NULL, device, &wrong[i]));
    cr_assert_null(ga_cache_new(NULL, NULL, NULL));
    ga_cache_delete(NULL);
}

Test(cache, reads_options_from_text)
{
    int user = 0;
    char error[80] = "";
    struct ga_cache_opts opts = { .limit = 5, .hooks = { .user = &user }, .collect = 0.5 };
    const char *text = " max_split_size_mb:40, max_non_split_rounding_mb : 32 ,roundup_power2_divisions:[ 4:1,16 : 8,>:2 ],"
                       "per_process_memory_fraction:0.25,fit:fast,oom_wait:never";
    cr_assert_eq(ga_cache_parse(text, &opts, error, sizeof error), GA_OK, "%s", error);
    cr_assert(opts.max_split == 40 * MIB && opts.max_rounding == 32 * MIB && opts.fraction == 0.25 && opts.collect == 0);
    cr_assert(opts.fit == GA_FIT_FAST && opts.wait == GA_WAIT_NEVER && opts.limit == 5 && opts.hooks.user == &user);
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        cr_assert_eq(opts.divisions[i], i < 4 ? 1 : i == 4 ? 8 : 2);
    cr_assert_eq(ga_cache_parse("roundup_power2_divisions:4,garbage_collection_threshold:.8", &opts, NULL, 0), GA_OK);
    cr_assert(opts.divisions[0] == 4 && opts.divisions[15] == 4 && opts.collect == 0.8 && opts.max_split == 0);
    cr_assert_eq(ga_cache_parse("  ", &opts, NULL, 0), GA_OK);
    cr_assert(opts.divisions[0] == 0 && opts.limit == 5);
    restart(64 * MIB, &(struct ga_cache_opts){ .fraction = 0.5 });
    cr_assert_eq(ga_cache_fraction(cache), 0.5);
    cr_assert_null(ga_cache_new(NULL, ga_backend_null(), &(struct ga_cache_opts){ .fraction = 0.5 }));
}

Test(cache, refuses_text_with_a_mistake)
{
    static const char *const wrong[] = {
        "unknown:1",
        "fit",
        "fit:",
        "fit:worst",
        "fit:best,",
        ",fit:best",
        "fit:best fit:best",
        "fit:best,fit:best",
        "max_split_size_mb:2",
        "max_split_size_mb:40.5",
        "max_split_size_mb:-40",
        "max_split_size_mb:40mb",
        "max_split_size_mb:",
        "max_split_size_mb:99999999999",
        "max_non_split_rounding_mb:0",
        "roundup_power2_divisions:3",
        "roundup_power2_divisions:[4:1",
        "roundup_power2_divisions:[4:1,2:1]",
        "roundup_power2_divisions:[5:1]",
        "roundup_power2_divisions:[4]",
        "roundup_power2_divisions:[>:1,8:1]",
        "roundup_power2_divisions:[65536:1]",
        "roundup_power2_divisions:[]",
        "garbage_collection_threshold:1.2",
        "garbage_collection_threshold:1",
        "garbage_collection_threshold:0",
        "garbage_collection_threshold:x",
        "garbage_collection_threshold:0.5.5",
        "per_process_memory_fraction:1.01",
        "per_process_memory_fraction:nan",
        "[",
        ":",
        "fit:best]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ga_cache_opts opts = { .max_split = 7, .fit = GA_FIT_FAST };
        char error[80] = "";
        cr_assert_eq(ga_cache_parse(wrong[i], &opts, error, sizeof error), GA_INVALID, "%s", wrong[i]);
        cr_assert(opts.max_split == 7 && opts.fit == GA_FIT_FAST && strncmp(error, "at ", 3) == 0, "%s", wrong[i]);
        cr_assert_eq(ga_cache_parse(wrong[i], &opts, NULL, 0), GA_INVALID);
    }
}

Test(cache, notices_blocks_that_are_not_live)
{
    char *ptr;
    ga_block block = take_on(100, 0, &ptr);
    cr_assert_eq(ga_cache_find(cache, ptr), block);
    cr_assert_eq(ga_cache_find(cache, ptr + 1), 0);
    cr_assert_eq(ga_cache_free_ptr(cache, ptr), GA_OK);
    cr_assert_eq(ga_cache_find(cache, ptr), 0);
    cr_assert_eq(ga_cache_free_ptr(cache, ptr), GA_UNKNOWN);
    cr_assert_eq(ga_cache_free(cache, block), GA_FREED);
    cr_assert_null(ga_cache_ptr(cache, block, NULL));
    take(100); /* the same place under another name */
    cr_assert_eq(ga_cache_free(cache, block), GA_FREED);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_FREED);
    cr_assert_eq(ga_cache_free(cache, block + 77), GA_UNKNOWN);
    cr_assert_eq(ga_cache_free(cache, UINT64_MAX), GA_UNKNOWN);
    cr_assert_eq(ga_cache_share_ptr(cache, &ptr, 1), GA_UNKNOWN);
}

Test(cache, keeps_streams_apart)
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

Test(cache, waits_for_the_streams_that_share)
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

Test(cache, lets_no_slow_stream_hold_up_others)
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

Test(cache, waits_until_an_event_of_the_callers_own)
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

Test(cache, finds_memory_that_is_only_pending)
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

Test(cache, gives_back_what_is_idle_before_it_fails)
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

Test(cache, waits_for_the_device_before_it_gives_back)
{
    ga_block a = take(40 * MIB);
    busy(0, a);
    give(a);
    take_on(40 * MIB, 1, NULL); /* finish() sees whether the simulated device complained */
    cr_assert_eq(stats().syncs, 1);
}

Test(cache, trims_to_a_target)
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

Test(cache, has_limits)
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

Test(cache, refuses_the_absurd)
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

static struct ga_cache_oom seen;
static ga_block hoard;

static void see(void *user, const struct ga_cache_oom *report)
{
    *(int *)user += 1;
    seen = *report;
    cr_assert_null(ga_cache_check(cache)); /* without the lock */
}

static bool reclaim(void *user, uint64_t bytes)
{
    *(int *)user += 100;
    cr_assert_eq(bytes, 40 * MIB);
    bool had = hoard != 0;
    cr_assert_eq(ga_cache_free(cache, hoard), GA_OK);
    hoard = 0;
    return had;
}

Test(cache, asks_its_hooks)
{
    int calls = 0;
    restart(64 * MIB, &(struct ga_cache_opts){ .hooks = { .reclaim = reclaim, .oom = see, .user = &calls } });
    hoard = take(40 * MIB);
    take(40 * MIB);
    cr_assert_eq(calls, 100);
    cr_assert_eq(ga_cache_alloc(cache, 40 * MIB, 0, NULL, NULL), GA_NO_SPACE);
    cr_assert_eq(calls, 201);
    cr_assert(seen.requested == 40 * MIB && seen.allocated == 40 * MIB && seen.reserved == 40 * MIB && seen.pending == 0);
}

Test(cache, neither_splits_nor_wastes_oversize_blocks)
{
    restart(200 * MIB, &(struct ga_cache_opts){ .max_split = 40 * MIB });
    give(take(60 * MIB));
    ga_block a = take(30 * MIB); /* not out of the 60 */
    cr_assert_eq(reserved(), 90 * MIB);
    give(take(45 * MIB)); /* all of the 60 */
    cr_assert_eq(reserved(), 90 * MIB);
    give(take(40 * MIB)); /* slack of 20 MiB is too much */
    cr_assert_eq(reserved(), 130 * MIB);
    ga_block b = take(100 * MIB); /* the 60 and the 40 are just enough */
    cr_assert_eq(stats().retries, 0);
    give(a);
    give(b);
}

Test(cache, collects_what_is_old)
{
    restart(256 * MIB, &(struct ga_cache_opts){ .limit = 200 * MIB, .collect = 0.5 });
    ga_block a = take(40 * MIB), b = take(42 * MIB), c = take(44 * MIB);
    give(a);
    for (int i = 0; i < 10; i++)
        give(take(1));
    give(b);
    give(c);
    take(50 * MIB); /* 128 MiB reserved are more than half the limit: a is older than the mean */
    cr_assert_eq(reserved(), 42 * MIB + 44 * MIB + 50 * MIB + 2 * MIB);
}

/* 2,000 operations, deterministic; every failure is a status. */
static void trace(void)
{
    enum { LIVE = 24 };
    ga_block live[LIVE] = { 0 };
    uint64_t x = 88172645463325252u;
    for (int op = 0; op < 2000; op++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ga_block *block = &live[x % LIVE];
        if (*block) {
            if (x >> 20 & 1)
                ga_cache_share(cache, *block, (x >> 24) % 4);
            cr_assert_eq(ga_cache_free(cache, *block), GA_OK);
            *block = 0;
        } else {
            ga_cache_alloc(cache, (size_t)(1 + (x >> 30) % (x >> 21 & 1 ? 12 * MIB : 300 * KIB)), (x >> 22) % 4, block, NULL);
        }
        if (op % 50 == 0)
            ga_sim_work(sim, (x >> 26) % 4, NULL, 0, GA_SIM_BY_HAND);
        if (op % 400 == 399)
            ga_cache_trim(cache, 0);
    }
    sound();
    for (int i = 0; i < LIVE; i++)
        cr_assert_eq(ga_cache_free(cache, live[i]), GA_OK);
}

Test(cache, fits_fast)
{
    restart(64 * MIB, &(struct ga_cache_opts){ .fit = GA_FIT_FAST });
    trace();
    struct ga_cache_stats first = stats();
    restart(64 * MIB, &(struct ga_cache_opts){ .fit = GA_FIT_FAST });
    trace(); /* the same traffic twice: the same numbers */
    struct ga_cache_stats second = stats();
    cr_assert_eq(memcmp(&first, &second, sizeof first), 0);
    cr_assert_gt(first.all.allocations.added, 500);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 0);
}

Test(cache, survives_a_fault_of_every_backend_call)
{
    static const enum ga_sim_call kinds[] = { GA_SIM_ALLOC, GA_SIM_RECORD, GA_SIM_WAIT, GA_SIM_SYNC };
    static const enum ga_status answers[] = { GA_NO_SPACE, GA_IO };
    struct ga_sim_stats calls;
    trace();
    ga_sim_stats(sim, &calls);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        cr_assert_gt(calls.calls[kinds[kind]], 4);
        for (uint64_t nth = 1; nth <= calls.calls[kinds[kind]]; nth++) {
            restart(64 * MIB, NULL);
            enum ga_status status = answers[nth % 2];
            ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << kinds[kind], .nth = nth, .status = status });
            trace();
        }
    }
}

Test(cache, frees_even_when_no_event_can_be_recorded)
{
    ga_block a = take(40 * MIB);
    cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
    busy(1, a);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_RECORD, .always = true });
    give(a);
    cr_assert_eq(ga_cache_poll(cache), 40 * MIB);
    a = take(40 * MIB); /* waits for all streams instead */
    cr_assert_eq(ga_cache_poll(cache), 0);
    cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
    give(a);
    cr_assert_eq(ga_cache_sync(cache), GA_OK);
    cr_assert_eq(ga_cache_poll(cache), 0);
}

Test(cache, is_unharmed_when_memory_runs_out)
{
    uint64_t needed = 0;
    for (uint64_t at = 0; at <= needed; at++) {
        finish();
        start();
        uint64_t before = hook.requests;
        hook.fail_at = at ? before + at : 0;
        trace();
        if (at == 0)
            needed = hook.requests - before;
    }
    cr_assert_gt(needed, 10);
}

Test(cache, tells_what_every_byte_is)
{
    ga_block a = take(1000), b = take(2000), c = take(512);
    cr_assert_eq(ga_cache_share(cache, b, 1), GA_OK);
    busy(1, b);
    give(b);
    give(a);
    take_on(19 * MIB, 2, NULL);
    struct ga_cache_part parts[8];
    cr_assert_eq(ga_cache_snapshot(cache, parts, 2), 5);
    cr_assert_eq(ga_cache_snapshot(cache, parts, 8), 5);
    static const struct {
        enum ga_part_state state;
        uint64_t size, requested;
    } expected[] = {
        { GA_PART_FREE, 1024, 0 },           { GA_PART_PENDING, 2048, 2000 },      { GA_PART_LIVE, 512, 512 },
        { GA_PART_FREE, 2 * MIB - 3584, 0 }, { GA_PART_LIVE, 20 * MIB, 19 * MIB },
    };
    const char *end = parts[0].segment;
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(parts[i].state, expected[i].state);
        cr_assert(parts[i].size == expected[i].size && parts[i].requested == expected[i].requested);
        cr_assert_eq(parts[i].ptr, i == 4 ? parts[4].segment : end);
        end = (const char *)parts[i].ptr + parts[i].size;
    }
    cr_assert(parts[2].block == c && parts[3].block == 0 && parts[1].block == 0);
    cr_assert(parts[0].is_small && !parts[4].is_small && parts[4].stream == 2 && parts[4].segment_size == 20 * MIB);
}

Test(cache, remembers_what_happened)
{
    struct ga_cache_entry log[16];
    cr_assert_eq(ga_cache_trace(cache, log, 16), 0);
    restart(64 * MIB, &(struct ga_cache_opts){ .trace = 7 });
    char *ptr;
    ga_block a = take_on(1000, 2, &ptr);
    cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
    busy(1, a);
    give(a);
    full(70 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    static const enum ga_cache_action expected[] = { GA_CACHE_SEGMENT_ALLOC, GA_CACHE_ALLOC,        GA_CACHE_FREE,
                                                     GA_CACHE_REUSABLE,      GA_CACHE_SEGMENT_FREE, GA_CACHE_NO_SPACE };
    cr_assert_eq(ga_cache_trace(cache, log, 16), 6);
    for (int i = 0; i < 6; i++)
        cr_assert(log[i].action == expected[i] && log[i].number == (uint64_t)i + 1);
    cr_assert(log[0].size == 2 * MIB && log[0].ptr == ptr && log[0].stream == 2 && log[4].size == 2 * MIB);
    cr_assert(log[1].size == 1024 && log[2].ptr == ptr && log[4].stream == 2 && log[5].size == 70 * MIB);
    take(1);
    cr_assert_eq(ga_cache_trace(cache, log, 1), 7);
    cr_assert_eq(log[0].action, GA_CACHE_ALLOC); /* the oldest went */
}

Test(cache, is_a_backend)
{
    const struct ga_backend *stacked = ga_cache_backend(cache);
    uint64_t free_bytes, total_bytes;
    struct ga_buffer a, b;
    cr_assert_eq(stacked->order, device->order);
    cr_assert_eq(stacked->alloc(stacked->user, 3 * MIB, &a), GA_OK);
    cr_assert_eq((uintptr_t)a.base % stacked->align, 0);
    cr_assert(stacked->info(stacked->user, &free_bytes, &total_bytes));
    cr_assert(free_bytes == 61 * MIB && total_bytes == 64 * MIB);
    ga_cache_limit(cache, 30 * MIB);
    cr_assert(stacked->info(stacked->user, &free_bytes, &total_bytes));
    cr_assert(free_bytes == 27 * MIB && total_bytes == 30 * MIB);
    cr_assert_eq(stacked->alloc(stacked->user, 29 * MIB, &b), GA_NO_SPACE);
    ga_cache *upper = ga_cache_new(NULL, stacked, NULL); /* a cache upon the cache */
    void *ptr;
    cr_assert_eq(ga_cache_alloc(upper, 100, 0, NULL, &ptr), GA_OK);
    cr_assert_eq(ptr, (void *)((char *)a.base + 4 * MIB - MIB)); /* 2 MiB of the segment that holds the first */
    ga_cache_delete(upper);
    stacked->free(stacked->user, &a);
    cr_assert_eq(stats().all.allocations.now, 0);
}
