/*
 * threads_budget.c - four threads use all that keeps memory, under one limit; in the end nothing is left and nobody complained
 *
 *   usage: threads_budget [SECONDS]       default: a fraction of one
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ggml_alloc/budget.h"
#include "ggml_alloc/heap.h"
#include "ggml_alloc/host.h"
#include "ggml_alloc/sim.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { THREADS = 4, LIVE = 12, STREAMS = 4, BATCH = 300 };
enum { CACHE, RANGES, STAGING, HEAPS, PLAIN, MEMBERS };

static ga_sim *sim;
static ga_budget *budget;
static ga_budget_member *members[MEMBERS];
static ga_cache *caches[2];
static ga_host *host;
static ga_heaps *heaps;
static double seconds;
static time_t started;
static atomic_uint failed, served;

struct mine {
    ga_block blocks[2][LIVE];
    ga_host_block *staged[LIVE];
    ga_heap_buffer buffers[LIVE];
    struct ga_buffer plain;
};

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

/* Short of memory is what they are to be. */
static void expect_memory(enum ga_status status)
{
    expect(status == GA_OK || status == GA_NO_SPACE);
    atomic_fetch_add(&served, status == GA_OK);
}

static void use_cache(uint64_t *x, int which, ga_block *block)
{
    uint64_t size = 1 + next(x) % (next(x) % 4 ? 300 * KIB : 3 * MIB);
    if (!*block)
        expect_memory(ga_cache_alloc(caches[which], (size_t)size, next(x) % STREAMS, block, NULL));
    else if (next(x) % 4 == 0)
        expect(ga_cache_share(caches[which], *block, next(x) % STREAMS) == GA_OK);
    else {
        expect(ga_cache_free(caches[which], *block) == GA_OK);
        *block = 0;
    }
}

static void use_host(uint64_t *x, ga_host_block **token)
{
    void *ptr;
    if (!*token)
        expect_memory(ga_host_alloc(host, (size_t)(1 + next(x) % (2 * MIB)), &ptr, token));
    else if (next(x) % 4 == 0)
        expect(ga_host_record(host, NULL, *token, next(x) % STREAMS) == GA_OK);
    else {
        expect(ga_host_free(host, *token) == GA_OK);
        *token = NULL;
    }
}

static void use_heap(uint64_t *x, ga_heap_buffer *buffer)
{
    ga_heap *heap = ga_heaps_get(heaps, false);
    uint64_t what = next(x) % 6, size = 1 + next(x) % (next(x) % 3 ? 500 * KIB : 4 * MIB);
    if (!*buffer)
        expect_memory(ga_heap_alloc(heap, (size_t)size, what % 2 ? GA_HEAP_SHARED : 0, buffer));
    else if (what == 0)
        expect(ga_heap_use(heap, *buffer, next(x) % STREAMS) == GA_OK);
    else if (what == 1)
        expect(ga_heap_commit(heap, next(x) % STREAMS) == GA_OK);
    else {
        expect(ga_heap_free(heap, *buffer) == GA_OK);
        *buffer = 0;
    }
}

static void use_plain(uint64_t *x, struct ga_buffer *buffer)
{
    const struct ga_backend *backend = ga_budget_backend(members[PLAIN]);
    if (buffer->base) {
        backend->free(backend->user, buffer);
        *buffer = (struct ga_buffer){ 0 };
        return;
    }
    expect_memory(backend->alloc(backend->user, (size_t)(1 + next(x) % (8 * MIB)), buffer));
}

static void use(uint64_t *x, struct mine *mine)
{
    uint64_t i = next(x) % LIVE;
    switch (next(x) % MEMBERS) {
    case CACHE:
        use_cache(x, 0, &mine->blocks[0][i]);
        break;
    case RANGES:
        use_cache(x, 1, &mine->blocks[1][i]);
        break;
    case STAGING:
        use_host(x, &mine->staged[i]);
        break;
    case HEAPS:
        use_heap(x, &mine->buffers[i]);
        break;
    default:
        use_plain(x, &mine->plain);
    }
}

static void set_reclaim(bool on)
{
    struct ga_reclaim reclaim;
    for (int i = 0; i < 2; i++) {
        ga_cache_reclaim(caches[i], &reclaim);
        ga_budget_reclaim(members[CACHE + i], on ? &reclaim : NULL);
    }
    ga_host_reclaim(host, &reclaim);
    ga_budget_reclaim(members[STAGING], on ? &reclaim : NULL);
    ga_heap_reclaim(heaps, &reclaim);
    ga_budget_reclaim(members[HEAPS], on ? &reclaim : NULL);
}

static bool swallow(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    return len > 0;
}

static void look(uint64_t *x)
{
    struct ga_budget_part parts[MEMBERS];
    uint64_t free_bytes, total, peak;
    const struct ga_backend *backend = ga_budget_backend(members[next(x) % MEMBERS]);
    expect(ga_budget_check(budget) == NULL);
    expect(ga_budget_report(budget, parts, MEMBERS) == MEMBERS);
    expect(ga_budget_bytes(budget, &peak) <= peak);
    expect(backend->info(backend->user, &free_bytes, &total) && free_bytes <= total);
    expect(ga_budget_write(budget, &(struct ga_sink){ swallow, NULL }) == GA_OK);
    set_reclaim(next(x) % 4 != 0);
}

static void give_all_back(struct mine *mine)
{
    for (int i = 0; i < LIVE; i++) {
        expect(ga_cache_free(caches[0], mine->blocks[0][i]) == GA_OK);
        expect(ga_cache_free(caches[1], mine->blocks[1][i]) == GA_OK);
        expect(ga_host_free(host, mine->staged[i]) == GA_OK);
        expect(ga_heap_free(ga_heaps_get(heaps, false), mine->buffers[i]) == GA_OK);
    }
    if (mine->plain.base)
        use_plain(NULL, &mine->plain);
}

static void *play(void *user)
{
    uint64_t x = 88172645463325252u + (uintptr_t)user * 7919;
    struct mine mine = { 0 };
    do {
        for (int op = 0; op < BATCH; op++)
            use(&x, &mine);
        look(&x);
        ga_sim_work(sim, next(&x) % STREAMS, NULL, 0, 10);
        ga_sim_advance(sim, 5);
        ga_budget_limit(budget, (24 + next(&x) % 16) * MIB);
    } while (difftime(time(NULL), started) < seconds);
    give_all_back(&mine);
    return NULL;
}

static void run(void)
{
    pthread_t threads[THREADS];
    struct ga_sim_stats device;
    uint64_t peak;
    started = time(NULL);
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 36 * MIB, .streams = STREAMS });
    budget = ga_budget_new(NULL, 32 * MIB);
    for (int i = 0; i < MEMBERS; i++)
        members[i] = ga_budget_join(budget, "member", ga_sim_backend(sim));
    struct ga_cache_hooks hooks = { .reclaim = ga_budget_make_room, .user = members[RANGES] };
    caches[0] = ga_cache_new(NULL, ga_budget_backend(members[CACHE]),
                             &(struct ga_cache_opts){ .large_segment = 4 * MIB, .own_segment = 2 * MIB });
    caches[1] =
        ga_cache_new(NULL, ga_budget_backend(members[RANGES]), &(struct ga_cache_opts){ .expandable = true, .hooks = hooks });
    host = ga_host_new(NULL, ga_budget_backend(members[STAGING]), NULL);
    heaps = ga_heaps_new(NULL, ga_budget_backend(members[HEAPS]), NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, play, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    set_reclaim(false);
    ga_cache_delete(caches[0]);
    ga_cache_delete(caches[1]);
    ga_host_delete(host);
    ga_heaps_delete(heaps);
    ga_sim_stats(sim, &device);
    expect(device.live == 0 && device.pinned == 0 && device.events == 0 && device.ranges == 0 && ga_sim_error(sim) == NULL);
    expect(ga_budget_bytes(budget, &peak) == 0 && peak <= 40 * MIB && ga_budget_check(budget) == NULL);
    printf("%u allocations, at most %llu MiB, %u failures\n", atomic_load(&served), (unsigned long long)(peak / MIB),
           atomic_load(&failed));
    ga_budget_delete(budget);
    ga_sim_delete(sim);
}

/* A trim that takes its time: what it frees is on its way, for the second who asks, too. */
struct slow {
    const struct ga_backend *backend;
    struct ga_buffer buffer;
    atomic_bool has_begun;
};

static uint64_t slow_idle(void *user)
{
    struct slow *slow = user;
    return atomic_load(&slow->has_begun) ? 0 : 8 * MIB;
}

static void slow_give_back(void *user, uint64_t bytes)
{
    struct slow *slow = user;
    (void)bytes;
    atomic_store(&slow->has_begun, true);
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    slow->backend->free(slow->backend->user, &slow->buffer);
}

static void *ask(void *user)
{
    const struct ga_backend *backend = user;
    struct ga_buffer buffer;
    enum ga_status status = backend->alloc(backend->user, 3 * MIB, &buffer);
    expect(status == GA_OK);
    if (status == GA_OK)
        backend->free(backend->user, &buffer);
    return NULL;
}

static void two_in_need(void)
{
    pthread_t threads[2];
    struct slow slow;
    budget = ga_budget_new(NULL, 8 * MIB);
    ga_budget_member *idle = ga_budget_join(budget, "idle", ga_backend_null());
    ga_budget_member *needs = ga_budget_join(budget, "needs", ga_backend_null());
    slow.backend = ga_budget_backend(idle);
    atomic_init(&slow.has_begun, false);
    expect(slow.backend->alloc(slow.backend->user, 8 * MIB, &slow.buffer) == GA_OK);
    ga_budget_reclaim(idle, &(struct ga_reclaim){ slow_idle, slow_give_back, &slow });
    expect(pthread_create(&threads[0], NULL, ask, (void *)(uintptr_t)ga_budget_backend(needs)) == 0);
    while (!atomic_load(&slow.has_begun))
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    expect(pthread_create(&threads[1], NULL, ask, (void *)(uintptr_t)ga_budget_backend(needs)) == 0);
    ga_budget_reclaim(idle, NULL); /* not before the call that runs is done */
    expect(ga_budget_bytes(budget, NULL) <= 6 * MIB);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    expect(ga_budget_bytes(budget, NULL) == 0);
    ga_budget_delete(budget);
}

int main(int argc, char **argv)
{
    seconds = argc > 1 ? strtod(argv[1], NULL) : 0.1;
    two_in_need();
    run();
    return atomic_load(&failed) != 0;
}
