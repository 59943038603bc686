/*
 * Private pools: who holds them, what goes to them, what they do apart.
 */
#include <pthread.h>

#include "pool_rig.h"

static void start(void)
{
    start_with(128 * MIB, NULL);
}

TestSuite(pool, .init = start, .fini = finish);

Test(pool, counts_who_holds_it)
{
    ga_pool pool = make(NULL), other = make(NULL);
    cr_assert_neq(pool, other);
    cr_assert_eq(stats_of(pool).uses, 1);
    begin(pool);
    cr_assert_eq(stats_of(pool).uses, 2);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_BUSY);
    release(pool);
    cr_assert_eq(ga_pool_release(cache, pool), GA_BUSY);
    cr_assert_eq(ga_pool_retain(cache, pool), GA_OK);
    end(pool);
    cr_assert_eq(ga_pool_end(cache, pool), GA_INVALID);
    cr_assert_eq(stats_of(pool).uses, 1);
    release(pool);
    struct ga_pool_stats stats;
    cr_assert_eq(ga_pool_stats(cache, pool, &stats), GA_FREED);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_FREED);
    cr_assert_eq(ga_pool_retain(cache, pool + 9), GA_UNKNOWN);
    cr_assert_eq(ga_pool_trim(cache, 0), GA_UNKNOWN);
    ga_pool again = make(NULL); /* the same slot under another name */
    cr_assert_neq(again, pool);
    cr_assert_eq(ga_pool_retain(cache, pool), GA_FREED);
    cr_assert_eq(ga_pool_new(cache, &(struct ga_pool_opts){ .backend = &(struct ga_backend){ 0 } }, &again), GA_INVALID);
}

/* 1 MiB and 1 MiB share one 2 MiB segment, a third needs another. */
Test(pool, has_segments_of_its_own)
{
    give(take(MIB));
    ga_pool pool = make(NULL);
    begin(pool);
    ga_block a = take(MIB), b = take(MIB);
    cr_assert_eq(stats_of(pool).segments, 1);
    ga_block c = take(MIB);
    struct ga_pool_stats stats = stats_of(pool);
    cr_assert(stats.segments == 2 && stats.reserved_bytes == 4 * MIB && stats.allocations == 3 && stats.allocated_bytes == 3 * MIB);
    end(pool);
    cr_assert_eq(reserved(), 6 * MIB);
    give(a);
    char *general = address(take(MIB)), *first = NULL;
    cr_assert(general != first);
    cr_assert_eq(reserved(), 6 * MIB); /* from the general pool's segment */
    give(b);
    give(c);
    trim();
    cr_assert_eq(reserved(), 6 * MIB); /* it is held, and the general one's is in use */
    cr_assert_eq(stats_of(pool).active_bytes, 0);
    cr_assert_eq(ga_pool_trim(cache, pool), GA_OK);
    cr_assert_eq(reserved(), 2 * MIB);
    release(pool);
}

Test(pool, goes_when_nobody_holds_it)
{
    ga_pool pool = make(NULL);
    begin(pool);
    ga_block a = take(MIB), b = take(30 * MIB);
    end(pool);
    give(b);
    release(pool);
    cr_assert_eq(reserved(), 32 * MIB);
    trim();
    cr_assert_eq(reserved(), 2 * MIB); /* the block lives */
    struct ga_cache_part parts[4];
    cr_assert_eq(ga_cache_snapshot(cache, parts, 4), 2);
    cr_assert(parts[0].pool == pool && parts[0].block == a);
    give(a);
    take(100 * MIB); /* short of memory: it goes by itself */
    take(28 * MIB);
    cr_assert_eq(reserved(), 128 * MIB);
}

struct in_thread {
    ga_stream stream;
    char *ptr;
};

static void *take_in_thread(void *user)
{
    struct in_thread *job = user;
    void *ptr = NULL;
    if (ga_cache_alloc(cache, 512, job->stream, NULL, &ptr) == GA_OK)
        job->ptr = ptr;
    return NULL;
}

static char *elsewhere(ga_stream stream)
{
    pthread_t thread;
    struct in_thread job = { stream, NULL };
    cr_assert_eq(pthread_create(&thread, NULL, take_in_thread, &job), 0);
    pthread_join(thread, NULL);
    cr_assert_not_null(job.ptr);
    return job.ptr;
}

static ga_pool pool_at(const char *ptr)
{
    struct ga_cache_part parts[64];
    uint32_t n = ga_cache_snapshot(cache, parts, 64);
    for (uint32_t i = 0; i < n && i < 64; i++)
        if (parts[i].ptr == (const void *)ptr)
            return parts[i].pool;
    return UINT64_MAX;
}

Test(pool, takes_only_what_its_thread_allocates)
{
    ga_pool pool = make(NULL);
    begin(pool);
    ga_block mine = take(512);
    cr_assert_eq(pool_at(address(mine)), pool);
    cr_assert_eq(pool_at(elsewhere(0)), 0);
    end(pool);
    cr_assert_eq(stats_of(pool).segments, 1);
    give(mine);
    release(pool);
    trim();
    cr_assert_eq(reserved(), 2 * MIB);
}

static bool is_stream(void *user, ga_stream stream)
{
    return stream == *(const ga_stream *)user;
}

Test(pool, takes_what_a_predicate_accepts)
{
    ga_stream wanted = 2;
    ga_pool pool = make(NULL);
    cr_assert_eq(ga_pool_begin(cache, pool, &(struct ga_route){ .accepts = is_stream, .user = &wanted }), GA_OK);
    cr_assert_eq(pool_at(address(take(512))), 0);
    cr_assert_eq(pool_at(address(take_on(512, 2, NULL))), pool);
    cr_assert_eq(pool_at(elsewhere(2)), pool);
    cr_assert_eq(pool_at(elsewhere(1)), 0);
    end(pool);
    cr_assert_eq(pool_at(address(take_on(512, 2, NULL))), 0);
}

Test(pool, gives_way_to_one_within)
{
    ga_pool outer = make(NULL), inner = make(NULL);
    begin(outer);
    take(MIB);
    begin(inner);
    take(MIB);
    trim(); /* touches neither */
    end(inner);
    take(20 * MIB);
    begin(inner);
    take(20 * MIB);
    end(outer); /* not the one begun last */
    take(MIB);
    end(inner);
    take(MIB);
    cr_assert(stats_of(outer).segments == 2 && stats_of(inner).segments == 2);
    cr_assert_eq(reserved(), 2 * 22 * MIB + 2 * MIB);
}

Test(pool, splits_nothing_when_told)
{
    ga_pool whole = make(&(struct ga_pool_opts){ .whole = true }), split = make(NULL);
    begin(whole);
    ga_block a = take(MIB), b = take(MIB), c = take(15 * MIB);
    end(whole);
    begin(split);
    take(MIB);
    take(MIB);
    end(split);
    cr_assert(stats_of(whole).segments == 3 && stats_of(split).segments == 1);
    cr_assert_eq(stats_of(whole).allocated_bytes, 2 * MIB + 2 * MIB + 16 * MIB);
    give(a);
    give(b);
    give(c);
    begin(whole);
    take(12 * MIB); /* all of the 16 */
    cr_assert_eq(stats_of(whole).allocated_bytes, 16 * MIB);
    end(whole);
}

Test(pool, lends_only_when_told_and_alive)
{
    for (int lends = 0; lends < 3; lends++) {
        restart(80 * MIB, NULL);
        ga_pool pool = make(&(struct ga_pool_opts){ .lends = lends != 0 });
        begin(pool);
        char *kept;
        ga_block a = take_on(40 * MIB, 0, &kept);
        end(pool);
        give(a);
        if (lends == 2) {
            a = take_on(512, 0, NULL);
            release(pool);
            trim();
            cr_assert_eq(reserved(), 2 * MIB); /* alive no more, so its memory is given back */
            continue;
        }
        take(40 * MIB);
        if (lends) {
            char *ptr;
            a = take_on(40 * MIB, 0, &ptr);
            cr_assert_eq(ptr, kept);
            begin(pool);
            full(40 * MIB);
            end(pool);
        } else {
            full(40 * MIB);
        }
        ga_cache_limit(cache, 1);
    }
}

static void count_gone(void *user)
{
    ++*(int *)user;
}

Test(pool, has_a_backend_of_its_own)
{
    int gone = 0;
    struct ga_sim_stats seen;
    ga_sim *own = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 40 * MIB });
    struct ga_pool_opts opts = { .backend = ga_sim_backend(own), .gone = count_gone, .user = &gone };
    ga_pool pool = make(&opts);
    begin(pool);
    ga_block a = take(30 * MIB), b = take(MIB);
    full(20 * MIB); /* limited memory, and not the general one's */
    end(pool);
    take(20 * MIB);
    ga_sim_stats(own, &seen);
    cr_assert_eq(seen.live, 32 * MIB);
    release(pool);
    give(a);
    trim();
    ga_sim_stats(own, &seen);
    cr_assert(seen.live == 2 * MIB && gone == 0); /* a block still lives */
    give(b);
    trim();
    ga_sim_stats(own, &seen);
    cr_assert(seen.live == 0 && gone == 1);
    make(&opts); /* with nothing in it: gone with the cache, or at once */
    release(make(&opts));
    cr_assert_eq(gone, 2);
    finish();
    cr_assert_eq(gone, 3);
    ga_sim_delete(own);
    start();
}

/* What was freed before the capture is not asked for; what is freed meanwhile is reused only where no other stream used it. */
