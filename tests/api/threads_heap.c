/*
 * threads_heap.c - eight threads allocate, use, record, wait, free and empty at random; in the end nothing is left and nobody complained
 *
 *   usage: threads_heap [SECONDS]       default: a fraction of one
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ggml_alloc/heap.h"
#include "ggml_alloc/sim.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { THREADS = 8, LIVE = 16, STREAMS = 4, BATCH = 500 };

static ga_sim *sim;
static ga_heap *heap;
static double seconds;
static time_t started;
static atomic_uint failed;
static atomic_llong balance[2]; /* in use; placed */

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

static void hear(void *user, const struct ga_heap_news *news)
{
    static const int use[] = { 1, 1, -1, 0, 0 }, place[] = { 1, 0, 0, -1, 0 };
    (void)user;
    atomic_fetch_add(&balance[0], use[news->event]);
    atomic_fetch_add(&balance[1], place[news->event]);
}

static void use(uint64_t *x, ga_heap_buffer *buffer)
{
    bool is_large = next(x) % 4 == 0;
    uint64_t size = 1 + next(x) % (is_large ? 20 * MIB : 300 * KIB), what = next(x) % 8;
    if (!*buffer)
        ga_heap_alloc(heap, (size_t)size, next(x) % 2 ? GA_HEAP_SHARED : 0, buffer);
    else if (what < 2)
        expect(ga_heap_use(heap, *buffer, next(x) % STREAMS) == GA_OK);
    else if (what == 2)
        ga_heap_record_events(heap, buffer, 1);
    else if (what == 3)
        ga_heap_wait_for_events(heap, buffer, 1);
    else {
        expect(ga_heap_free(heap, *buffer) == GA_OK);
        *buffer = 0;
    }
}

static void *play(void *user)
{
    uint64_t x = 88172645463325252u + (uintptr_t)user * 7919;
    ga_heap_buffer mine[LIVE] = { 0 };
    do {
        for (int op = 0; op < BATCH; op++)
            use(&x, &mine[next(&x) % LIVE]);
        ga_sim_work(sim, next(&x) % STREAMS, NULL, 0, 10);
        expect(ga_heap_commit(heap, next(&x) % STREAMS) == GA_OK);
        ga_sim_advance(sim, 5);
        if (next(&x) % 4 == 0)
            ga_heap_empty_cache(heap);
        expect(ga_heap_check(heap) == NULL);
    } while (difftime(time(NULL), started) < seconds);
    for (int i = 0; i < LIVE; i++)
        expect(ga_heap_free(heap, mine[i]) == GA_OK);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct ga_heap_stats stats;
    struct ga_sim_stats device;
    seconds = argc > 1 ? strtod(argv[1], NULL) : 0.1;
    started = time(NULL);
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 512 * MIB, .discrete = true, .streams = STREAMS });
    ga_heaps *heaps = ga_heaps_new(NULL, ga_sim_backend(sim), &(struct ga_heap_opts){ .low_ratio = 0.5 });
    heap = ga_heaps_get(heaps, false);
    expect(ga_heap_on(heap, "hear", hear, NULL) == GA_OK);
    for (uintptr_t i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, play, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    expect(ga_heap_empty_cache(heap) == GA_OK);
    ga_heap_stats(heap, &stats);
    ga_sim_stats(sim, &device);
    expect(stats.allocated.now == 0 && stats.reserved.now == 0 && stats.buffers == 0 && stats.pending == 0);
    expect(device.live == 0 && device.events == 0 && ga_sim_error(sim) == NULL);
    expect(atomic_load(&balance[0]) == 0 && atomic_load(&balance[1]) == 0);
    printf("%llu bytes allocated, %u failures\n", (unsigned long long)stats.allocated.added, atomic_load(&failed));
    ga_heaps_delete(heaps);
    ga_sim_delete(sim);
    return atomic_load(&failed) != 0;
}
