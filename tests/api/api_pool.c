#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "ggml_alloc/pool.h"
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
    start_with(128 * MIB, NULL);
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
    ga_sim_capture(sim, 0, false);
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

TestSuite(pool, .init = start, .fini = finish);

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
    cr_assert_eq(ga_cache_alloc(cache, size, 0, NULL, NULL), GA_NO_SPACE);
    sound();
}

static void trim(void)
{
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    sound();
}

static uint64_t reserved(void)
{
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats);
    return stats.all.reserved_bytes.now;
}

static ga_pool make(const struct ga_pool_opts *opts)
{
    ga_pool pool = 0;
    cr_assert_eq(ga_pool_new(cache, opts, &pool), GA_OK);
    return pool;
}

static void begin(ga_pool pool)
{
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
}

static void end(ga_pool pool)
{
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    sound();
}

static void capture(ga_pool pool)
{
    cr_assert_eq(ga_pool_begin(cache, pool, &(struct ga_route){ .captures = true }), GA_OK);
    ga_sim_current(sim, 0);
    ga_sim_capture(sim, 0, true);
}

static void end_capture(ga_pool pool)
{
    ga_sim_capture(sim, 0, false);
    end(pool);
}

static void release(ga_pool pool)
{
    cr_assert_eq(ga_pool_release(cache, pool), GA_OK);
    sound();
}

static struct ga_pool_stats stats_of(ga_pool pool)
{
    struct ga_pool_stats stats = { 0 };
    cr_assert_eq(ga_pool_stats(cache, pool, &stats), GA_OK);
    return stats;
}

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
Test(pool, asks_the_device_nothing_while_it_captures)
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

Test(pool, reuses_during_a_capture_only_after_all_streams_joined)
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

Test(pool, waits_after_a_capture_for_what_was_no_part_of_it)
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

Test(pool, knows_its_live_blocks)
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

Test(pool, gets_back_to_what_it_was)
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

Test(pool, refuses_to_get_back_where_it_cannot)
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
Test(pool, is_unharmed_when_memory_runs_out)
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

Test(pool, survives_a_fault_of_every_backend_call)
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

Test(pool, does_the_same_twice)
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

Test(pool, has_a_name_of_its_own_whoever_makes_it)
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

Test(pool, keeps_to_segments_where_the_general_one_grows)
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
