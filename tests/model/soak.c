/*
 * soak.c - a serving day: eight threads, everything that hands out memory under one budget, faults now and then
 *
 *   usage: soak [MILLIONS [SEED]]       operations; default: 0.3 million
 *
 * Each thread answers requests: blocks of the device cache on streams, some through a private pool, page-locked staging, buffers of
 * the heap, graphs in an arena of its own.  The load rises and falls.  After each tenth all of it is given back and trimmed, and what
 * the library holds through its memory hook then must be no more than after the first tenths.  Every wrong answer counts as a
 * mistake; so does what the simulated device sees, and what is left in the end.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml_alloc/ggml_alloc.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { THREADS = 8, STREAMS = 4, SLOTS = 24, TENTHS = 10, CHECK_EVERY = 1 << 13, FAULT_EVERY = 1 << 11 };

/* A memory hook: what is held through it, lies about sizes, and a request that fails.  The device has one of its own. */
static struct hook {
    atomic_llong bytes, blocks, until_failure;
    atomic_uint lies;
} hook, device_hook;

union header {
    size_t size;
    max_align_t align;
};

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size)
{
    struct hook *own = user;
    union header *old = ptr ? (union header *)ptr - 1 : NULL;
    if (old && old->size != old_size)
        atomic_fetch_add(&own->lies, 1);
    if (new_size && atomic_load(&own->until_failure) > 0 && atomic_fetch_sub(&own->until_failure, 1) == 1)
        return NULL;
    union header *block = NULL;
    if (new_size && !(block = realloc(old, sizeof *block + new_size)))
        return NULL;
    if (!new_size)
        free(old);
    else
        block->size = new_size;
    atomic_fetch_add(&own->bytes, (long long)new_size - (long long)(ptr ? old_size : 0));
    atomic_fetch_add(&own->blocks, (new_size != 0) - (ptr != NULL));
    return block ? block + 1 : NULL;
}

static const struct ga_env env = { .mem = { resize, &hook } }, device_env = { .mem = { resize, &device_hook } };

static struct {
    ga_sim *sim;
    ga_budget *budget;
    ga_budget_member *arenas;
    ga_cache *cache;
    ga_host *host;
    ga_heaps *heaps;
    ga_heap *heap;
    pthread_barrier_t gate;
    atomic_ulong mistakes, refusals, ops;
    uint64_t ops_per_tenth; /* of a thread */
    long long held[TENTHS];
} world;

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    if (atomic_fetch_add(&world.mistakes, 1) < 20)
        printf("# %s\n", what);
}

/* Short of memory is an answer, too. */
static bool had(enum ga_status status, const char *what)
{
    expect(status == GA_OK || status == GA_NO_SPACE || status == GA_NO_MEMORY, what);
    if (status != GA_OK)
        atomic_fetch_add(&world.refusals, 1);
    return status == GA_OK;
}

struct block {
    ga_block block;
    void *ptr;
    size_t size;
    ga_stream stream; /* where its work goes */
};

struct staging {
    ga_host_block *token;
    void *ptr;
};

struct server {
    pthread_t thread;
    uint64_t seed, n;
    unsigned number;
    struct block blocks[SLOTS];
    struct staging stagings[SLOTS];
    ga_heap_buffer buffers[SLOTS];
    ga_arena *arena;
    ga_gallocr *galloc;
    ga_graph *graph;
};

static uint64_t below(struct server *s, uint64_t n)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return (s->seed >> 11) % n;
}

/* Up and down twice in a tenth. */
static unsigned load_now(const struct server *s)
{
    uint64_t quarter = world.ops_per_tenth / 4 + 1, at = s->n % world.ops_per_tenth / quarter;
    return at % 2 ? SLOTS : SLOTS / 3;
}

static size_t any_size(struct server *s)
{
    static const uint64_t most[] = { 4 * KIB, 64 * KIB, 64 * KIB, 512 * KIB, 512 * KIB, 3 * MIB, 16 * MIB };
    return (size_t)(1 + below(s, most[below(s, 7)]));
}

static void give_block(struct block *block)
{
    if (block->block)
        expect(ga_cache_free(world.cache, block->block) == GA_OK, "a block of the cache is given back");
    *block = (struct block){ 0 };
}

/* What `other` is given from now on begins when `home` has done what it was given. */
static bool join_streams(ga_stream home, ga_stream other)
{
    const struct ga_backend_order *order = ga_sim_backend(world.sim)->order;
    ga_event event;
    if (!had(order->record(order->user, home, &event), "an event"))
        return false;
    bool follows = had(ga_sim_follow(world.sim, other, event), "a stream follows");
    order->release(order->user, event);
    return follows;
}

static void take_block(struct server *s, struct block *block)
{
    size_t size = any_size(s), align = (size_t)512 << below(s, 4);
    ga_stream home = below(s, STREAMS);
    block->stream = home;
    block->size = size;
    enum ga_status status = below(s, 8) ? ga_cache_alloc(world.cache, size, home, &block->block, &block->ptr)
                                        : ga_cache_alloc_aligned(world.cache, size, align, home, &block->block, &block->ptr);
    if (!had(status, "a block of the cache"))
        *block = (struct block){ 0 };
    else if (below(s, 4) == 0 && had(ga_cache_share(world.cache, block->block, home ^ 1), "a block is shared") &&
             join_streams(home, home ^ 1))
        block->stream = home ^ 1;
}

static void use_block(struct server *s)
{
    struct block *block = &s->blocks[below(s, load_now(s))];
    if (!block->block)
        take_block(s, block);
    else if (below(s, 3))
        give_block(block);
    else
        had(ga_sim_work(world.sim, block->stream, block->ptr, block->size, 1000 + below(s, 100000)), "work");
}

/* A request that is recorded, or an engine's own pool: a few blocks that go with it. */
static void use_pool(struct server *s)
{
    ga_pool pool;
    struct block own[4] = { { 0 } };
    struct ga_pool_opts opts = { .whole = below(s, 2), .lends = below(s, 2) };
    if (!had(ga_pool_new(world.cache, &opts, &pool), "a pool"))
        return;
    if (had(ga_pool_begin(world.cache, pool, NULL), "a route")) {
        for (int i = 0; i < 4; i++)
            take_block(s, &own[i]);
        expect(ga_pool_end(world.cache, pool) == GA_OK, "a route ends");
    }
    expect(ga_pool_release(world.cache, pool) == GA_OK, "a pool is released");
    for (int i = 0; i < 4; i++)
        give_block(&own[i]);
}

static void use_staging(struct server *s)
{
    struct staging *staging = &s->stagings[below(s, load_now(s))];
    if (staging->token) {
        expect(ga_host_free(world.host, staging->token) == GA_OK, "staging is given back");
        staging->token = NULL;
    } else if (had(ga_host_alloc(world.host, any_size(s) / 4 + 1, &staging->ptr, &staging->token), "staging") && below(s, 2)) {
        had(ga_host_record(world.host, staging->ptr, staging->token, below(s, STREAMS)), "a use of staging");
    }
}

static void use_buffer(struct server *s)
{
    ga_heap_buffer *buffer = &s->buffers[below(s, load_now(s))];
    ga_stream stream = below(s, STREAMS);
    if (*buffer && below(s, 2)) {
        expect(ga_heap_free(world.heap, *buffer) == GA_OK, "a buffer is given back");
        *buffer = 0;
    } else if (*buffer) {
        had(ga_heap_use(world.heap, *buffer, stream), "a use of a buffer");
        had(ga_heap_commit(world.heap, stream), "a batch");
    } else if (!had(ga_heap_alloc(world.heap, any_size(s) / 2 + 1, 0, buffer), "a buffer")) {
        *buffer = 0;
    }
}

static bool open_engine(struct server *s)
{
    const struct ga_backend *backend = ga_budget_backend(world.arenas);
    s->arena = ga_arena_new(&env, &backend, 1, NULL);
    s->galloc = ga_gallocr_new(&env, s->arena, NULL);
    s->graph = ga_graph_new(&env);
    return s->arena && s->galloc && s->graph;
}

static void close_engine(struct server *s)
{
    ga_gallocr_delete(s->galloc);
    ga_arena_delete(s->arena);
    ga_graph_delete(s->graph);
    s->galloc = NULL;
    s->arena = NULL;
    s->graph = NULL;
}

/* One of some topologies, for batches of some sizes. */
static void run_graph(struct server *s)
{
    if (below(s, 200) == 0)
        close_engine(s);
    if (!s->arena && !open_engine(s)) {
        close_engine(s);
        return;
    }
    unsigned shape = (unsigned)below(s, 40), n = 6 + shape % 9;
    uint64_t batch = 1 + below(s, 32);
    ga_graph_clear(s->graph);
    for (unsigned i = 1; i <= n; i++) {
        ga_id src[] = { i - 1, i > 3 + shape % 3 ? i - 3 : 0 };
        ga_graph_add(s->graph,
                     &(struct ga_node){ .size = batch * KIB * (1 + (i * shape) % 7), .src = src, .n_src = 2, .reuse = 1 });
    }
    if (!had(ga_graph_status(s->graph), "a graph") || !had(ga_gallocr_alloc_graph(s->galloc, s->graph), "a graph's bytes"))
        return;
    expect(ga_gallocr_addr(s->galloc, n) != NULL, "a node has an address");
    if (below(s, 64) == 0)
        ga_arena_trim(s->arena);
}

static void do_seldom(struct server *s)
{
    switch (below(s, 8)) {
    case 0:
        had(ga_cache_sync(world.cache), "the cache waits");
        break;
    case 1:
        had(ga_cache_trim(world.cache, below(s, 200 * MIB)), "the cache is trimmed");
        break;
    case 2:
        ga_host_trim(world.host, below(s, 50 * MIB));
        break;
    case 3:
        had(ga_heap_trim(world.heap, below(s, 100 * MIB)), "the heap is trimmed");
        break;
    case 4:
        ga_budget_limit(world.budget, (160 + below(s, 200)) * MIB);
        break;
    case 5:
        ga_sim_finish(world.sim, below(s, STREAMS));
        break;
    default:
        ga_sim_advance(world.sim, 1000000);
        ga_cache_poll(world.cache);
        ga_host_poll(world.host);
        ga_heap_free_inactive_buffers(world.heap);
    }
}

static void break_something(struct server *s)
{
    static const uint32_t calls[] = { 1u << GA_SIM_ALLOC, 1u << GA_SIM_PINNED_ALLOC, 1u << GA_SIM_RECORD,
                                      1u << GA_SIM_MAP | 1u << GA_SIM_RESERVE };
    if (below(s, 2))
        ga_sim_fail(world.sim, &(struct ga_sim_fault){ .calls = calls[below(s, 4)], .nth = 1 + below(s, 20) });
    else
        atomic_store(&hook.until_failure, (long long)(1 + below(s, 40)));
}

static void check(void)
{
    const char *words[] = { ga_cache_check(world.cache), ga_host_check(world.host), ga_heap_check(world.heap),
                            ga_budget_check(world.budget), ga_sim_error(world.sim) };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        expect(words[i] == NULL, words[i]);
}

static void serve_one(struct server *s)
{
    uint64_t what = below(s, 1000);
    if (what < 560)
        use_block(s);
    else if (what < 720)
        use_staging(s);
    else if (what < 880)
        use_buffer(s);
    else if (what < 980)
        run_graph(s);
    else if (what < 990)
        use_pool(s);
    else
        do_seldom(s);
    s->n++;
    if (s->number == 0 && s->n % FAULT_EVERY == 0)
        break_something(s);
    if (s->n % CHECK_EVERY == s->number * (CHECK_EVERY / THREADS))
        check();
}

static void give_all(struct server *s)
{
    for (int i = 0; i < SLOTS; i++) {
        give_block(&s->blocks[i]);
        if (s->stagings[i].token)
            expect(ga_host_free(world.host, s->stagings[i].token) == GA_OK, "staging is given back");
        if (s->buffers[i])
            expect(ga_heap_free(world.heap, s->buffers[i]) == GA_OK, "a buffer is given back");
        s->stagings[i].token = NULL;
        s->buffers[i] = 0;
    }
    close_engine(s);
}

/* With nothing alive and nothing kept; the rest is bookkeeping. */
static void settle(unsigned tenth)
{
    atomic_store(&hook.until_failure, 0);
    ga_sim_fail(world.sim, NULL);
    ga_budget_limit(world.budget, 320 * MIB);
    for (ga_stream stream = 0; stream < STREAMS; stream++) {
        expect(ga_heap_commit(world.heap, stream) == GA_OK, "the last batch");
        ga_sim_finish(world.sim, stream);
    }
    expect(ga_cache_sync(world.cache) == GA_OK && ga_host_sync(world.host) == GA_OK, "all is waited for");
    expect(ga_cache_trim(world.cache, 0) == GA_OK && ga_heap_empty_cache(world.heap) == GA_OK, "all is trimmed");
    ga_host_trim(world.host, 0);
    check();
    expect(ga_budget_bytes(world.budget, NULL) == 0, "no member has anything");
    world.held[tenth] = atomic_load(&hook.bytes);
}

static void *serve(void *user)
{
    struct server *s = user;
    for (unsigned tenth = 0; tenth < TENTHS; tenth++) {
        for (uint64_t i = 0; i < world.ops_per_tenth; i++)
            serve_one(s);
        give_all(s);
        atomic_fetch_add(&world.ops, world.ops_per_tenth);
        pthread_barrier_wait(&world.gate);
        if (s->number == 0)
            settle(tenth);
        pthread_barrier_wait(&world.gate);
    }
    return NULL;
}

static void open_world(void)
{
    struct ga_reclaim reclaim;
    world.sim = ga_sim_new(&device_env, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 400 * MIB, .streams = STREAMS });
    world.budget = ga_budget_new(&env, 320 * MIB);
    world.arenas = ga_budget_join(world.budget, "arenas", ga_sim_backend(world.sim));
    ga_budget_member *cache = ga_budget_join(world.budget, "cache", ga_sim_backend(world.sim));
    world.cache = ga_cache_new(
        &env, ga_budget_backend(cache),
        &(struct ga_cache_opts){ .trace = 64, .adopt = true, .hooks = { .reclaim = ga_budget_make_room, .user = cache } });
    ga_cache_reclaim(world.cache, &reclaim);
    ga_budget_reclaim(cache, &reclaim);
    ga_budget_member *host = ga_budget_join(world.budget, "host", ga_sim_backend(world.sim));
    world.host = ga_host_new(&env, ga_budget_backend(host), &(struct ga_host_opts){ .max_cached = 8 * MIB, .max_idle = 5000 });
    ga_host_reclaim(world.host, &reclaim);
    ga_budget_reclaim(host, &reclaim);
    ga_budget_member *heap = ga_budget_join(world.budget, "heap", ga_sim_backend(world.sim));
    world.heaps = ga_heaps_new(&env, ga_budget_backend(heap), NULL);
    world.heap = ga_heaps_get(world.heaps, false);
    ga_heap_reclaim(world.heaps, &reclaim);
    ga_budget_reclaim(heap, &reclaim);
}

static void close_world(void)
{
    struct ga_sim_stats stats;
    ga_heaps_delete(world.heaps);
    ga_host_delete(world.host);
    ga_cache_delete(world.cache);
    ga_budget_delete(world.budget);
    ga_sim_stats(world.sim, &stats);
    expect(stats.live == 0 && stats.buffers == 0 && stats.events == 0 && stats.pinned == 0, "the device has everything back");
    ga_sim_delete(world.sim);
    struct hook *const hooks[] = { &hook, &device_hook };
    for (int i = 0; i < 2; i++) {
        expect(atomic_load(&hooks[i]->bytes) == 0 && atomic_load(&hooks[i]->blocks) == 0, "the memory hook has everything back");
        expect(atomic_load(&hooks[i]->lies) == 0, "sizes are those last asked for");
    }
}

/* The first three tenths set the level; arrays double when the worst moment so far was a little worse. */
static void judge_memory(void)
{
    long long level = 0;
    for (unsigned i = 0; i < TENTHS; i++) {
        printf("# after tenth %u: %lld bytes held\n", i + 1, world.held[i]);
        if (i < 3)
            level = world.held[i] > level ? world.held[i] : level;
        else
            expect(world.held[i] <= level + level / 2, "what the library holds grows");
    }
}

int main(int argc, char **argv)
{
    static struct server servers[THREADS];
    double millions = argc > 1 ? strtod(argv[1], NULL) : 0.3;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    world.ops_per_tenth = (uint64_t)(millions * 1e6 / TENTHS / THREADS) + 1;
    open_world();
    pthread_barrier_init(&world.gate, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        servers[i].number = i;
        servers[i].seed = (seed * THREADS + i + 1) * 0x9e3779b97f4a7c15u;
        if (pthread_create(&servers[i].thread, NULL, serve, &servers[i]) != 0)
            return 77;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(servers[i].thread, NULL);
    pthread_barrier_destroy(&world.gate);
    close_world();
    judge_memory();
    printf("%s: %lu operations, %lu refused, %lu mistakes\n", world.mistakes ? "not ok" : "ok", world.ops, world.refusals,
           world.mistakes);
    return world.mistakes != 0;
}
