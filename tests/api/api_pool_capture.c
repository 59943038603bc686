/*
 * Private pools that captures replay: what is reused meanwhile, and getting back to what was.
 */
#include <pthread.h>
#include <string.h>

#include "pool_rig.h"

static void start(void)
{
    start_with(128 * MIB, NULL);
}

TestSuite(pool_capture, .init = start, .fini = finish);

Test(pool_capture, asks_the_device_nothing_while_it_captures)
{
    ga_block before = take(MIB);
    cr_assert_eq(ga_cache_share(cache, before, 1), GA_OK);
    give(before);
    ga_pool pool = make(NULL);
    capture(pool);
    cr_assert_eq(ga_cache_poll(cache), MIB);
    char *a, *b, *c, *d;
    ga_block block = take_on(MIB, 0, &a);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK);
    give(block);
    give(take_on(MIB, 0, &b));
    take_on(MIB, 0, &c);
    take_on(MIB, 0, &d);
    cr_assert(b != a && c == b && d != a);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_BUSY);
    cr_assert_eq(ga_pool_trim(cache, pool), GA_BUSY);
    cr_assert_eq(ga_cache_sync(cache), GA_BUSY);
    full(200 * MIB);
    end_capture(pool);
    cr_assert_eq(ga_cache_poll(cache), 0); /* the capture gave stream 1 nothing to do */
    begin(pool);
    take_on(MIB, 0, &b);
    cr_assert_eq(a, b);
    end(pool);
    release(pool);
}

Test(pool_capture, reuses_during_a_capture_only_after_all_streams_joined)
{
    ga_pool pool = make(NULL);
    char *a, *b;
    capture(pool);
    ga_block block = take_on(MIB, 0, &a);
    for (ga_stream stream = 1; stream < 4; stream++)
        cr_assert_eq(ga_cache_share(cache, block, stream), GA_OK);
    give(block);
    for (ga_stream stream = 1; stream < 4; stream++) {
        give(take_on(MIB, 0, &b));
        cr_assert_neq(a, b);
        ga_cache_joined(cache, 2, stream); /* who joined is not its home */
        ga_cache_joined(cache, 0, stream);
        sound();
    }
    take_on(MIB, 0, &b);
    cr_assert_eq(a, b);
    end_capture(pool);
}

Test(pool_capture, waits_after_a_capture_for_what_was_no_part_of_it)
{
    ga_pool pool = make(NULL);
    char *a, *b;
    ga_block block = take_on(MIB, 0, &a);
    capture(pool);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK); /* the general pool's */
    cr_assert_eq(ga_sim_work(sim, 1, a, 512, GA_SIM_BY_HAND), GA_OK);
    give(block);
    ga_block live = take_on(MIB, 0, NULL);
    cr_assert_eq(ga_cache_share(cache, live, 1), GA_OK);
    end_capture(pool);
    give(live); /* shared by the capture: at once */
    cr_assert_eq(ga_cache_poll(cache), MIB);
    take_on(MIB, 0, &b);
    cr_assert_neq(a, b);
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_cache_poll(cache), 0);
    take_on(MIB, 0, &b);
    cr_assert_eq(a, b);
}

Test(pool_capture, knows_its_live_blocks)
{
    ga_pool pool = make(NULL);
    begin(pool);
    ga_block a = take(512), b = take(512);
    end(pool);
    take(512);
    const void *both[] = { address(b), address(a), address(a) };
    cr_assert(ga_pool_is_live(cache, pool, both, 2));
    cr_assert(!ga_pool_is_live(cache, pool, both, 1));
    cr_assert(!ga_pool_is_live(cache, pool, both, 3));
    cr_assert(!ga_pool_is_live(cache, pool, both + 1, 2)); /* twice the same */
    cr_assert(!ga_pool_is_live(cache, 0, both, 2));
    give(a);
    cr_assert(!ga_pool_is_live(cache, pool, both, 2));
    cr_assert(ga_pool_is_live(cache, pool, both, 1));
    give(b);
    cr_assert(ga_pool_is_live(cache, pool, NULL, 0));
}

enum { PARTS = 64 };

static uint32_t look(ga_pool pool, struct ga_cache_part *parts)
{
    struct ga_cache_part all[PARTS];
    uint32_t n = ga_cache_snapshot(cache, all, PARTS), kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (all[i].pool == pool) {
            all[i].block = 0; /* they get new names */
            parts[kept++] = all[i];
        }
    return kept;
}

static void same_look(const struct ga_cache_part *a, const struct ga_cache_part *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        cr_assert(a[i].ptr == b[i].ptr && a[i].size == b[i].size && a[i].requested == b[i].requested && a[i].state == b[i].state &&
                  a[i].segment == b[i].segment && a[i].stream == b[i].stream);
}

Test(pool_capture, gets_back_to_what_it_was)
{
    struct ga_cache_part before[PARTS], after[PARTS];
    ga_block freed[8], made[8];
    ga_pool pool = make(NULL);
    ga_pool_state *state = NULL;
    begin(pool);
    ga_block a = take(1000), b = take(2000), c = take(3000), d = take(12 * MIB), e = take_on(5 * MIB, 1, NULL);
    give(b);
    give(d);
    cr_assert_eq(ga_pool_checkpoint(cache, pool, &state), GA_OK);
    uint32_t n = look(pool, before);
    give(a);
    give(e);
    ga_block f = take(7 * MIB), g = take(80 * KIB), h = take(30 * MIB); /* the last needs a segment that is not in the state */
    struct ga_pool_restored restored = { freed, made, 8, 2, 99, 99 };
    cr_assert_eq(ga_pool_restore(cache, pool, state, &restored), GA_OK);
    sound();
    cr_assert(restored.n_freed == 4 && restored.n_made == 3);
    for (int i = 0; i < 4; i++)
        cr_assert(freed[i] == c || freed[i] == f || freed[i] == g || freed[i] == h);
    cr_assert_eq(address(made[0]), before[0].ptr);
    cr_assert_eq(ga_cache_free(cache, c), GA_FREED);
    uint32_t m = look(pool, after);
    cr_assert_eq(m, n + 1);
    same_look(before, after, n);
    cr_assert(after[n].state == GA_PART_FREE && after[n].size == 30 * MIB);
    const void *live[] = { before[0].ptr, before[2].ptr, before[5].ptr };
    cr_assert(ga_pool_is_live(cache, pool, live, 3));
    for (uint32_t left = 3; left-- > 0;) {
        cr_assert_eq(ga_cache_free_ptr(cache, (void *)(uintptr_t)live[left]), GA_OK);
        cr_assert_eq(ga_cache_free_ptr(cache, (void *)(uintptr_t)live[left]), GA_UNKNOWN);
        cr_assert_eq(stats_of(pool).allocations, left);
    }
    end(pool);
    ga_pool_state_delete(state);
    ga_pool_state_delete(NULL);
}

Test(pool_capture, refuses_to_get_back_where_it_cannot)
{
    ga_pool pool = make(NULL), other = make(NULL);
    ga_pool_state *state = NULL;
    begin(pool);
    ga_block a = take(512), b = take(30 * MIB);
    cr_assert_eq(ga_pool_checkpoint(cache, pool, &state), GA_OK);
    cr_assert_eq(ga_pool_restore(cache, other, state, NULL), GA_STALE);
    cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, address(a), 1, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(ga_pool_restore(cache, pool, state, NULL), GA_BUSY);
    give(a);
    cr_assert_eq(ga_pool_restore(cache, pool, state, NULL), GA_BUSY);
    ga_pool_state *second = NULL;
    cr_assert_eq(ga_pool_checkpoint(cache, pool, &second), GA_BUSY);
    cr_assert_null(second);
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_pool_restore(cache, pool, state, NULL), GA_OK);
    cr_assert_eq(stats_of(pool).allocations, 2);
    cr_assert_eq(ga_cache_free(cache, b), GA_FREED);
    cr_assert_eq(ga_cache_free_ptr(cache, ga_cache_ptr(cache, b, NULL)), GA_OK);
    struct ga_cache_part parts[PARTS];
    cr_assert_eq(look(pool, parts), 3);
    cr_assert_eq(ga_cache_free_ptr(cache, (void *)(uintptr_t)parts[2].ptr), GA_OK);
    cr_assert_eq(ga_pool_trim(cache, pool), GA_OK);
    cr_assert_eq(ga_pool_restore(cache, pool, state, NULL), GA_STALE); /* the segment vanished, and nothing changed */
    cr_assert_eq(stats_of(pool).allocations, 1);
    end(pool);
    release(pool);
    cr_assert_eq(ga_pool_restore(cache, pool, state, NULL), GA_FREED);
    cr_assert_eq(ga_pool_checkpoint(cache, pool, &state), GA_FREED);
    ga_pool_state_delete(state);
}

/* One request of memory fails, each once: all is as it was, and the next try succeeds. */
Test(pool_capture, is_unharmed_when_memory_runs_out)
{
    enum { BLOCKS = 100 };
    for (uint64_t at = 1; at < 40; at++) {
        restart(128 * MIB, NULL);
        uint64_t first = hook.requests;
        hook.fail_at = first + at;
        ga_pool pool = 0;
        ga_pool_state *state = NULL;
        if (ga_pool_new(cache, NULL, &pool) != GA_OK)
            pool = make(NULL);
        if (ga_pool_begin(cache, pool, NULL) != GA_OK)
            begin(pool);
        for (int i = 0; i < BLOCKS; i++) {
            ga_block block;
            if (ga_cache_alloc(cache, 512, 0, &block, NULL) != GA_OK)
                block = take(512);
            if (i % 2)
                give(block);
        }
        if (ga_pool_checkpoint(cache, pool, &state) != GA_OK)
            cr_assert_eq(ga_pool_checkpoint(cache, pool, &state), GA_OK);
        hook.fail_at = hook.requests + at % 4;
        if (ga_pool_restore(cache, pool, state, NULL) != GA_OK) {
            sound();
            cr_assert_eq(ga_pool_restore(cache, pool, state, NULL), GA_OK);
        }
        sound();
        ga_pool_state_delete(state);
    }
}

/* Pools come, are used, gone back, released, deterministically; every failure is a status. */
static void traffic(void)
{
    enum { BLOCKS = 16, OPS = 300 };
    ga_block live[BLOCKS] = { 0 };
    ga_pool pool = 0;
    ga_pool_state *state = NULL;
    uint64_t x = 88172645463325252u;
    for (int op = 0; op < OPS; op++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ga_block *block = &live[x % BLOCKS];
        if (op % 60 == 0)
            cr_assert_eq(ga_pool_new(cache, &(struct ga_pool_opts){ .lends = op % 120 == 0 }, &pool), GA_OK);
        if (*block) {
            ga_cache_share(cache, *block, (x >> 24) % 4);
            ga_cache_free(cache, *block); /* going back may have freed it */
            *block = 0;
        } else {
            bool inside = x >> 20 & 1;
            if (inside)
                begin(pool);
            size_t most = x >> 21 & 1 ? 12 * MIB : 300 * KIB;
            ga_cache_alloc_aligned(cache, (size_t)(1 + (x >> 30) % most), (size_t)64 << x % 8, (x >> 22) % 4, block, NULL);
            if (inside)
                end(pool);
        }
        if (op % 60 == 20)
            ga_pool_checkpoint(cache, pool, &state);
        if (op % 60 == 40) {
            if (state)
                ga_pool_restore(cache, pool, state, NULL);
            ga_pool_trim(cache, pool);
        }
        if (op % 60 == 59) {
            ga_pool_state_delete(state);
            state = NULL;
            release(pool);
        }
        if (op % 200 == 199)
            ga_cache_trim(cache, 0);
        if (op % 50 == 0)
            ga_sim_work(sim, (x >> 26) % 4, NULL, 0, GA_SIM_BY_HAND);
    }
    sound();
}

Test(pool_capture, survives_a_fault_of_every_backend_call)
{
    static const enum ga_sim_call kinds[] = { GA_SIM_ALLOC, GA_SIM_RECORD, GA_SIM_WAIT, GA_SIM_SYNC };
    static const enum ga_status answers[] = { GA_NO_SPACE, GA_IO };
    struct ga_sim_stats calls;
    restart(64 * MIB, NULL);
    traffic();
    ga_sim_stats(sim, &calls);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        cr_assert_gt(calls.calls[kinds[kind]], 1);
        for (uint64_t nth = 1; nth <= calls.calls[kinds[kind]]; nth++) {
            restart(64 * MIB, NULL);
            enum ga_status status = answers[nth % 2];
            ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << kinds[kind], .nth = nth, .status = status });
            traffic();
        }
    }
}

Test(pool_capture, does_the_same_twice)
{
    struct ga_cache_stats first, second;
    traffic();
    ga_cache_stats(cache, &first);
    restart(128 * MIB, NULL);
    traffic();
    ga_cache_stats(cache, &second);
    cr_assert_eq(memcmp(&first, &second, sizeof first), 0);
}

static void *make_in_thread(void *user)
{
    ga_pool *pools = user;
    for (int i = 0; i < 100; i++)
        if (ga_pool_new(cache, NULL, &pools[i]) != GA_OK)
            pools[i] = 0;
    return NULL;
}

Test(pool_capture, has_a_name_of_its_own_whoever_makes_it)
{
    static ga_pool made[400];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_in_thread, &made[100 * i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 400; i++)
        for (int k = 0; k <= i; k++)
            cr_assert(made[i] != 0 && (i == k || made[i] != made[k]));
}

Test(pool_capture, keeps_to_segments_where_the_general_one_grows)
{
    ga_sim *own = ga_sim_new(NULL, ga_backend_null(), NULL);
    restart(128 * MIB, &(struct ga_cache_opts){ .expandable = true });
    ga_pool pool = make(&(struct ga_pool_opts){ .backend = ga_sim_backend(own) });
    begin(pool);
    ga_block a = take(MIB);
    end(pool);
    struct ga_sim_stats seen;
    ga_sim_stats(own, &seen);
    cr_assert_eq(seen.live, 2 * MIB);
    give(take(MIB));
    give(a);
    cr_assert_eq(stats_of(pool).segments, 1);
    release(pool);
    trim();
    ga_sim_stats(own, &seen);
    cr_assert(seen.live == 0 && reserved() == 0);
    ga_sim_delete(own);
}
