/*
 * threads_host.c - eight threads allocate, copy, free, trim and change options at random; bytes stay whose they are, in the end
 * nothing is left, and the device has nothing to complain of
 *
 *   usage: threads_host [SECONDS]       default: a fraction of one
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ggml_alloc/host.h"
#include "ggml_alloc/sim.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { THREADS = 8, LIVE = 8, STREAMS = 4, BATCH = 200, EDGE = 16 };

struct mine {
    void *ptr;
    ga_host_block *token;
    size_t size;
    unsigned char tag;
};

static ga_sim *sim;
static ga_host *host;
static double seconds;
static time_t started;
static atomic_uint failed;

#ifdef GA_NO_BACKGROUND
#define BACKGROUND false
#else
#define BACKGROUND true
#endif

static const struct ga_host_opts ways[] = {
    { .limit = 32 * MIB, .background = BACKGROUND },
    { .limit = 32 * MIB, .pin = true },
    { .limit = 32 * MIB, .max_cached = 16 * KIB, .background = BACKGROUND },
    { .limit = 32 * MIB, .max_idle = 50, .max_round = 8 * KIB },
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

static void take(struct mine *mine, uint64_t *x)
{
    mine->size = 1 + (size_t)(next(x) % (64 * KIB));
    if (ga_host_alloc(host, mine->size, &mine->ptr, &mine->token) != GA_OK)
        return;
    mine->tag = (unsigned char)next(x);
    memset(mine->ptr, mine->tag, mine->size);
}

/* Whatever else was handed out meanwhile, it was not these bytes. */
static void give(struct mine *mine)
{
    const unsigned char *bytes = mine->ptr;
    for (size_t i = 0; i < mine->size; i++)
        expect(bytes[i] == mine->tag);
    expect(ga_host_free(host, mine->token) == GA_OK);
    mine->token = NULL;
}

/* The device takes a moment; a block that another stream is given too early is noticed. */
static void copy(const struct mine *mine, ga_stream stream)
{
    expect(ga_host_record(host, mine->ptr, mine->token, stream) == GA_OK);
    expect(ga_sim_work(sim, stream, mine->ptr, mine->size, 10) == GA_OK);
}

static void *play(void *user)
{
    uint64_t number = (uintptr_t)user, x = 88172645463325252u + number * 7919;
    struct mine mine[LIVE] = { { 0 } };
    do {
        for (int op = 0; op < BATCH; op++) {
            struct mine *one = &mine[next(&x) % LIVE];
            if (!one->token)
                take(one, &x);
            else if (next(&x) % 2)
                copy(one, number % STREAMS);
            else
                give(one);
        }
        ga_sim_advance(sim, 400);
        if (next(&x) % 4 == 0)
            ga_host_trim(host, next(&x) % (16 * MIB));
        if (next(&x) % 8 == 0)
            expect(ga_host_set(host, &ways[next(&x) % (sizeof ways / sizeof *ways)]) == GA_OK);
        if (next(&x) % 8 == 0)
            expect(ga_host_sync(host) == GA_OK);
        ga_host_poll(host);
        expect(ga_host_check(host) == NULL);
    } while (difftime(time(NULL), started) < seconds);
    for (int i = 0; i < LIVE; i++)
        if (mine[i].token)
            give(&mine[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct ga_host_stats stats;
    struct ga_sim_stats device;
    seconds = argc > 1 ? strtod(argv[1], NULL) : 0.1;
    started = time(NULL);
    sim = ga_sim_new(NULL, ga_backend_cpu(), &(struct ga_sim_opts){ .streams = STREAMS });
    host = ga_host_new(NULL, ga_sim_backend(sim), &ways[0]);
    for (uintptr_t i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, play, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    expect(ga_host_set(host, &ways[1]) == GA_OK); /* stops the thread, which may be giving something back just now */
    expect(ga_host_sync(host) == GA_OK);
    ga_host_trim(host, 0);
    ga_host_stats(host, &stats);
    ga_sim_stats(sim, &device);
    expect(stats.active_requests.now == 0 && stats.allocations.now == 0 && stats.pending_bytes == 0);
    expect(stats.host_allocs == stats.host_frees && device.pins == 0 && device.events == 0);
    if (ga_sim_error(sim))
        printf("%s\n", ga_sim_error(sim));
    expect(ga_sim_error(sim) == NULL && ga_host_check(host) == NULL);
    printf("%llu allocations, %u failures\n", (unsigned long long)stats.active_requests.added, atomic_load(&failed));
    ga_host_delete(host);
    ga_sim_delete(sim);
    return atomic_load(&failed) != 0;
}
