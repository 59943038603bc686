/*
 * Hooks, faults, and what a cache tells of itself.
 */
#include <string.h>

#include "rig.h"

static void start(void)
{
    start_with(64 * MIB, NULL);
}

TestSuite(cache_tell, .init = start, .fini = finish);

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

Test(cache_tell, asks_its_hooks)
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

Test(cache_tell, neither_splits_nor_wastes_oversize_blocks)
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

Test(cache_tell, collects_what_is_old)
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

Test(cache_tell, fits_fast)
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

Test(cache_tell, survives_a_fault_of_every_backend_call)
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

Test(cache_tell, frees_even_when_no_event_can_be_recorded)
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

Test(cache_tell, is_unharmed_when_memory_runs_out)
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

Test(cache_tell, tells_what_every_byte_is)
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

Test(cache_tell, remembers_what_happened)
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

Test(cache_tell, is_a_backend)
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
