/*
 * threads_cache.c - eight threads allocate, share, free and trim at random; in the end nothing is left and nobody complained
 *
 *   usage: threads_cache [SECONDS]       default: a fraction of one
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ggml_alloc/pool.h"
#include "ggml_alloc/sim.h"
#include "ggml_alloc/watch.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { THREADS = 8, LIVE = 16, STREAMS = 4, BATCH = 500 };

static ga_sim *sim;
static ga_cache *cache;
static double seconds;
static time_t started;
static atomic_uint failed;

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x >> 11;
}

static void expect(bool holds)
{
    if (!holds)
        atomic_fetch_add(&failed, 1);
}

static void use(uint64_t *x, ga_block *block)
{
    bool is_large = next(x) % 4 == 0;
    uint64_t size = 1 + next(x) % (is_large ? 3 * MIB : 300 * KIB);
    if (!*block)
        ga_cache_alloc(cache, (size_t)size, next(x) % STREAMS, block, NULL);
    else if (next(x) % 3 == 0)
        expect(ga_cache_share(cache, *block, next(x) % STREAMS) == GA_OK);
    else {
        expect(ga_cache_free(cache, *block) == GA_OK);
        *block = 0;
    }
}

/* What a thread allocates in its own pool is its own, whatever the others do; blocks outlive the pool. */
static void use_pool(uint64_t *x, ga_block *mine)
{
    static const uint64_t chunk = MIB;
    static const struct ga_place places[] = { { .size = MIB }, { .offset = 512, .size = 200 * KIB }, { .size = 100 * KIB } };
    struct ga_pool_places placed = { .list = places, .n = (uint32_t)(next(x) % 4), .chunks = &chunk, .n_chunks = 1 };
    ga_pool pool;
    struct ga_pool_stats stats;
    if (ga_pool_new_placed(cache, NULL, &placed, &pool) != GA_OK) /* no room for the chunk */
        expect(ga_pool_new(cache, NULL, &pool) == GA_OK);
    expect(ga_pool_begin(cache, pool, NULL) == GA_OK);
    for (int op = 0; op < BATCH / 10; op++)
        use(x, &mine[next(x) % LIVE]);
    expect(ga_pool_end(cache, pool) == GA_OK);
    expect(ga_pool_stats(cache, pool, &stats) == GA_OK && stats.allocations <= LIVE);
    expect(ga_pool_release(cache, pool) == GA_OK);
}

/* With the lock held: looking is fine, from all threads at once. */
static void look(void *user, const struct ga_cache_entry *entry)
{
    struct ga_cache_stats stats;
    (void)user;
    if (entry->number % 64 == 0) {
        ga_cache_stats(cache, &stats);
        expect(ga_cache_poll(cache) <= stats.all.active_bytes.now);
        expect(ga_cache_sync(cache) == GA_BUSY);
    }
}

static void *play(void *user)
{
    uint64_t x = 88172645463325252u + (uintptr_t)user * 7919;
    ga_block mine[LIVE] = { 0 };
    do {
        for (int op = 0; op < BATCH; op++)
            use(&x, &mine[next(&x) % LIVE]);
        use_pool(&x, mine);
        ga_sim_work(sim, next(&x) % STREAMS, NULL, 0, 10);
        ga_sim_advance(sim, 5);
        ga_cache_trim(cache, next(&x) % (64 * MIB));
        expect(ga_cache_check(cache) == NULL);
    } while (difftime(time(NULL), started) < seconds);
    for (int i = 0; i < LIVE; i++)
        expect(ga_cache_free(cache, mine[i]) == GA_OK);
    return NULL;
}

static void run(bool expandable)
{
    pthread_t threads[THREADS];
    struct ga_cache_stats stats;
    struct ga_sim_stats device;
    started = time(NULL);
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 128 * MIB, .streams = STREAMS });
    cache = ga_cache_new(NULL, ga_sim_backend(sim), &(struct ga_cache_opts){ .expandable = expandable });
    expect(ga_cache_track(cache, look, NULL) == GA_OK);
    for (uintptr_t i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, play, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    expect(ga_cache_trim(cache, 0) == GA_OK);
    ga_cache_stats(cache, &stats);
    ga_sim_stats(sim, &device);
    expect(stats.all.active.now == 0 && stats.all.allocations.now == 0 && stats.all.reserved_bytes.now == 0);
    expect(device.live == 0 && device.ranges == 0 && device.events == 0 && ga_sim_error(sim) == NULL);
    printf("%llu allocations, %u failures\n", (unsigned long long)stats.all.allocations.added, atomic_load(&failed));
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

int main(int argc, char **argv)
{
    seconds = argc > 1 ? strtod(argv[1], NULL) : 0.1;
    run(false);
    run(true);
    return atomic_load(&failed) != 0;
}
