/*
 * api_planned.c - pools with places, and plans that become such
 */
#include "bound.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static const uint64_t quantum[] = { GA_CACHE_QUANTUM };

/* Three that overlap by turns, in two chunks. */
static const struct ga_place three[] = { { .offset = 0, .size = 64 * KIB },
                                         { .offset = 64 * KIB, .size = 100 },
                                         { .offset = 0, .size = 4 * MIB, .chunk = 1 } };
static const uint64_t two_chunks[] = { 128 * KIB, 4 * MIB };
static const struct ga_pool_places asked = { .list = three, .n = 3, .chunks = two_chunks, .n_chunks = 2 };

static struct ga_pool_stats stats_of(ga_cache *cache, ga_pool pool)
{
    struct ga_pool_stats stats;
    cr_assert_eq(ga_pool_stats(cache, pool, &stats), GA_OK);
    cr_assert_null(ga_cache_check(cache));
    return stats;
}

static char *next_of(ga_cache *cache, size_t size, ga_block *block)
{
    void *ptr;
    cr_assert_eq(ga_cache_alloc(cache, size, 0, block, &ptr), GA_OK);
    return ptr;
}

Test(planned, puts_each_where_it_belongs)
{
    ga_cache *cache = ga_cache_new(NULL, ga_backend_null(), NULL);
    ga_pool pool;
    ga_block blocks[4];
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_OK);
    cr_assert_eq(stats_of(cache, pool).segments, 2);
    cr_assert_eq(stats_of(cache, pool).reserved_bytes, 4 * MIB + 128 * KIB);
    char *first = NULL;
    for (int run = 0; run < 3; run++) {
        cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
        cr_assert_eq(ga_cache_alloc(cache, 0, 0, NULL, NULL), GA_OK); /* does not count */
        char *a = next_of(cache, 64 * KIB, &blocks[0]), *b = next_of(cache, 50, &blocks[1]),
             *c = next_of(cache, 3 * MIB, &blocks[2]);
        first = run ? first : a;
        cr_assert(a == first && b == first + 64 * KIB);
        cr_assert_eq(ga_cache_alloc(cache, 100, 0, &blocks[3], NULL), GA_OK); /* has no place */
        struct ga_pool_stats stats = stats_of(cache, pool);
        cr_assert(stats.placed == 3 && stats.strayed == 1 && stats.segments == 3);
        struct ga_buffer segment;
        cr_assert_eq(ga_cache_segment(cache, c, &segment), GA_OK);
        cr_assert(segment.base == (void *)c && segment.size == 4 * MIB);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(ga_cache_free(cache, blocks[i]), GA_OK);
        cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    }
    cr_assert_eq(ga_pool_release(cache, pool), GA_OK);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    struct ga_cache_stats all;
    ga_cache_stats(cache, &all);
    cr_assert_eq(all.all.reserved_bytes.now, 0);
    ga_cache_delete(cache);
}

/* One that is too large, one whose place is taken, one of another stream: each alone goes elsewhere. */
Test(planned, lets_the_others_keep_their_places)
{
    ga_cache *cache = ga_cache_new(NULL, ga_backend_null(), &(struct ga_cache_opts){ .adopt = true });
    ga_pool pool;
    ga_block block, large;
    void *ptr;
    cr_assert_eq(ga_pool_new_placed(cache, &(struct ga_pool_opts){ .lends = true }, &asked, &pool), GA_OK);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    char *a = next_of(cache, 64 * KIB, &block);
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    cr_assert_neq(next_of(cache, 64 * KIB, &large), a);             /* taken */
    cr_assert_eq(ga_cache_alloc(cache, 100, 1, NULL, &ptr), GA_OK); /* stream 1 */
    cr_assert_neq(ptr, (void *)(a + 64 * KIB));
    next_of(cache, 5 * MIB, &large); /* too large */
    struct ga_pool_stats stats = stats_of(cache, pool);
    cr_assert(stats.placed == 0 && stats.strayed == 3);
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, 100, 0, NULL, &ptr), GA_OK); /* the general pool's: nothing of the places is lent */
    cr_assert((char *)ptr < a || (char *)ptr >= a + 128 * KIB);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    cr_assert_eq(next_of(cache, 64 * KIB, &block), a);
    cr_assert_eq(ga_cache_alloc_aligned(cache, 100, MIB, 0, NULL, &ptr), GA_OK);
    cr_assert_eq((uintptr_t)ptr % MIB, 0);
    cr_assert_eq(stats_of(cache, pool).strayed, 1);
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_eq(ga_pool_trim(cache, pool), GA_OK); /* with the chunks go the places */
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    next_of(cache, 64 * KIB, &block);
    cr_assert(stats_of(cache, pool).placed == 0 && stats_of(cache, pool).strayed == 1);
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    ga_cache_delete(cache);
}

/* Where streams are behind, a place is not free. */
Test(planned, waits_for_nobody)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), NULL);
    ga_cache *cache = ga_cache_new(NULL, ga_sim_backend(sim), NULL);
    ga_pool pool;
    ga_block block;
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_OK);
    char *first = NULL;
    for (int run = 0; run < 3; run++) {
        cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
        char *ptr = next_of(cache, 64 * KIB, &block);
        first = run ? first : ptr;
        cr_assert_eq(ptr == first, run != 1);
        if (run == 0)
            cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK);
        cr_assert_eq(ga_sim_work(sim, 1, NULL, 0, GA_SIM_BY_HAND), GA_OK);
        cr_assert_eq(ga_cache_free(cache, block), GA_OK);
        cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
        if (run == 1)
            ga_sim_finish(sim, 1);
    }
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

Test(planned, refuses_what_makes_no_sense)
{
    ga_cache *cache = ga_cache_new(NULL, ga_backend_null(), NULL);
    const uint64_t empty[] = { 0 };
    struct ga_place place = { .offset = 0, .size = 512 };
    struct ga_pool_places places = { .list = &place, .n = 1, .chunks = two_chunks, .n_chunks = 2 };
    ga_pool pool = 0;
    static const struct ga_place wrong[] = { { .offset = 100, .size = 1 },
                                             { .offset = 128 * KIB, .size = 1 },
                                             { .offset = 0, .size = 128 * KIB + 1 },
                                             { .offset = UINT64_MAX - 511, .size = 1024 },
                                             { .offset = 0, .size = 1, .chunk = 2 } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        place = wrong[i];
        cr_assert_eq(ga_pool_new_placed(cache, NULL, &places, &pool), GA_INVALID);
    }
    place = (struct ga_place){ 0 };
    places.n_chunks = 0;
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &places, &pool), GA_INVALID);
    places.n_chunks = 1;
    places.chunks = empty;
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &places, &pool), GA_INVALID);
    cr_assert_eq(pool, 0);
    places.n = places.n_chunks = 0;
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &places, &pool), GA_OK); /* as ga_pool_new() */
    cr_assert_eq(stats_of(cache, pool).segments, 0);
    ga_cache_delete(cache);
}

Test(planned, takes_all_chunks_or_none)
{
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 8 * MIB });
    ga_cache *cache = ga_cache_new(&env, ga_sim_backend(sim), NULL);
    ga_pool pool;
    ga_block block;
    struct ga_sim_stats device;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_ALLOC, .nth = nth, .status = GA_IO });
        cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_IO);
        ga_sim_stats(sim, &device);
        cr_assert_eq(device.live, 0);
        cr_assert_null(ga_cache_check(cache));
    }
    cr_assert_eq(ga_cache_alloc(cache, 6 * MIB, 0, &block, NULL), GA_NO_SPACE); /* a segment is larger */
    cr_assert_eq(ga_cache_alloc(cache, 1000, 0, &block, NULL), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, 1000, 1, NULL, NULL), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, 1000, 2, NULL, NULL), GA_OK); /* 6 of 8 MiB */
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_NO_SPACE);
    ga_sim_stats(sim, &device);
    cr_assert_eq(device.live, 6 * MIB);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    ga_cache_limit(cache, 7 * MIB);
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_NO_SPACE); /* but the idle one went */
    ga_cache_limit(cache, 0);
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_NO_SPACE);
    ga_cache_delete(cache);
    cr_assert(mem.blocks == 0 && !mem.lied);
    for (uint64_t nth = 1; nth < 30; nth++) {
        mem = (struct test_mem){ 0 };
        cache = ga_cache_new(&env, ga_sim_backend(sim), NULL);
        mem.fail_at = mem.requests + nth;
        enum ga_status status = ga_pool_new_placed(cache, NULL, &asked, &pool);
        cr_assert(status == GA_OK || status == GA_NO_MEMORY);
        cr_assert_eq(status == GA_NO_MEMORY, mem.requests >= mem.fail_at);
        cr_assert_null(ga_cache_check(cache));
        ga_sim_stats(sim, &device);
        cr_assert_eq(device.live, status == GA_OK ? 4 * MIB + 128 * KIB : 0);
        ga_cache_delete(cache);
        cr_assert(mem.blocks == 0 && !mem.lied);
    }
    cr_assert_null(ga_sim_error(sim));
    ga_sim_delete(sim);
}

/* What somebody else holds. */
struct other {
    const struct ga_backend *backend;
    struct ga_buffer buffer;
};

static bool let_go(void *user, uint64_t bytes)
{
    struct other *other = user;
    bool has = other->buffer.base && bytes;
    if (has)
        other->backend->free(other->backend->user, &other->buffer);
    other->buffer = (struct ga_buffer){ 0 };
    return has;
}

/* Short of memory, nobody gets what is free between places: not the general pool, not another stream. */
Test(planned, lends_no_places)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 5 * MIB });
    struct other other = { .backend = ga_sim_backend(sim) };
    struct ga_cache_hooks hooks = { .reclaim = let_go, .user = &other };
    cr_assert_eq(other.backend->alloc(other.backend->user, 2 * MIB, &other.buffer), GA_OK);
    ga_cache *cache = ga_cache_new(NULL, other.backend, &(struct ga_cache_opts){ .adopt = true, .hooks = hooks });
    ga_pool pool;
    ga_block block;
    cr_assert_eq(ga_pool_new_placed(cache, &(struct ga_pool_opts){ .lends = true }, &asked, &pool), GA_OK);
    cr_assert_null(other.buffer.base); /* made room */
    cr_assert_eq(ga_cache_alloc(cache, 2 * MIB, 0, NULL, NULL), GA_NO_SPACE);
    struct ga_cache_oom oom;
    cr_assert(ga_cache_oom(cache, &oom));
    cr_assert_eq(oom.pools_free, 4 * MIB + 128 * KIB);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, 2 * MIB, 1, NULL, NULL), GA_NO_SPACE);
    cr_assert(ga_cache_oom(cache, &oom));
    cr_assert(oom.others_free == 0 && oom.pools_free == 4 * MIB + 128 * KIB);
    for (uint64_t n = 0; n < 3; n++) { /* what failed did not count: these are the first three */
        cr_assert_eq(stats_of(cache, pool).placed, n);
        next_of(cache, n < 2 ? 100 : 4 * MIB, &block);
    }
    struct ga_pool_stats stats = stats_of(cache, pool);
    cr_assert(stats.placed == 3 && stats.strayed == 0);
    ga_cache_delete(cache);
    cr_assert_null(ga_sim_error(sim));
    ga_sim_delete(sim);
}

/* A pool with places that others make room for. */
Test(planned, is_given_what_idles_elsewhere)
{
    ga_budget *budget = ga_budget_new(NULL, 10 * MIB);
    ga_budget_member *members[2];
    ga_cache *caches[2];
    for (int i = 0; i < 2; i++) {
        struct ga_reclaim reclaim;
        members[i] = ga_budget_join(budget, "cache", ga_backend_null());
        caches[i] = ga_cache_new(NULL, ga_budget_backend(members[i]), NULL);
        ga_cache_reclaim(caches[i], &reclaim);
        ga_budget_reclaim(members[i], &reclaim);
    }
    ga_block blocks[4];
    ga_pool pool;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(ga_cache_alloc(caches[i % 2], 1000, (ga_stream)i, &blocks[i], NULL), GA_OK);
    cr_assert_eq(ga_pool_new_placed(caches[0], NULL, &asked, &pool), GA_NO_SPACE); /* 8 of 10 */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ga_cache_free(caches[i % 2], blocks[i]), GA_OK);
    cr_assert_eq(ga_pool_new_placed(caches[0], NULL, &asked, &pool), GA_OK);
    cr_assert_leq(ga_budget_bytes(budget, NULL), 10 * MIB);
    for (int i = 0; i < 2; i++) {
        ga_budget_reclaim(members[i], NULL);
        ga_cache_delete(caches[i]);
    }
    cr_assert_eq(ga_budget_bytes(budget, NULL), 0);
    ga_budget_delete(budget);
}

/* Tensor by tensor, as a plan says. */
static void walk(ga_cache *cache, const ga_plan *plan, unsigned which, ga_pool pool, uint32_t n_expected)
{
    ga_id ids[64];
    ga_block blocks[64];
    const char *base[4] = { NULL };
    uint32_t n = ga_plan_storages(plan, which, ids, 64);
    cr_assert_eq(n, n_expected);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    for (uint32_t k = 0; k < n; k++) {
        struct ga_slot slot;
        uint64_t birth, death;
        cr_assert(ga_plan_slot(plan, ids[k], &slot) && ga_plan_life(plan, ids[k], &birth, &death));
        for (uint32_t i = 0; i < k; i++) {
            uint64_t from, until;
            ga_plan_life(plan, ids[i], &from, &until);
            if (until <= birth && blocks[i]) {
                cr_assert_eq(ga_cache_free(cache, blocks[i]), GA_OK);
                blocks[i] = 0;
            }
        }
        char *ptr = next_of(cache, (size_t)slot.size, &blocks[k]);
        base[slot.chunk] = base[slot.chunk] ? base[slot.chunk] : ptr - slot.offset;
        cr_assert_eq(ptr, base[slot.chunk] + slot.offset);
    }
    for (uint32_t k = 0; k < n; k++)
        cr_assert_eq(ga_cache_free(cache, blocks[k]), GA_OK);
    cr_assert_eq(stats_of(cache, pool).placed, n);
    cr_assert_eq(stats_of(cache, pool).strayed, 0);
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
}

Test(planned, lists_who_needs_bytes_in_a_pool)
{
    ga_graph *graph = bundle(900, 6); /* in both pools by turns */
    ga_plan *plan;
    ga_id ids[4] = { 0 };
    cr_assert_eq(ga_plan_graph(graph, NULL, &plan), GA_OK);
    for (unsigned which = 0; which < 2; which++) {
        cr_assert_eq(ga_plan_storages(plan, which, ids, 4), 3);
        for (ga_id i = 0; i < 3; i++)
            cr_assert_eq(ids[i], 2 * i + 1 + which);
    }
    cr_assert_eq(ga_plan_storages(plan, 0, ids, 1), 3);
    cr_assert(ids[0] == 1 && ids[1] == 4); /* nothing behind the room for one */
    cr_assert_eq(ga_plan_storages(plan, 2, ids, 4), 0);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

Test(planned, serves_a_plan)
{
    ga_cache *cache = ga_cache_new(NULL, ga_backend_null(), NULL);
    ga_graph *graph = chain(3000, 0);
    const uint64_t chunk_max[] = { 16 * KIB };
    struct ga_plan_opts opts = { .n_pools = 1, .align = quantum, .chunk_max = chunk_max };
    struct ga_interval intervals[40];
    ga_plan *plan;
    ga_pool pool;
    for (uint64_t i = 0; i < 40; i++)
        intervals[i] = (struct ga_interval){ .size = 100 + i * 977 % 9000, .birth = i * 7 % 40, .death = i * 7 % 40 + 1 + i % 9 };
    cr_assert_eq(ga_plan_intervals(NULL, intervals, 40, &opts, &plan), GA_OK);
    cr_assert_gt(ga_plan_chunk(plan, 0, 1), 0u); /* more than one chunk */
    cr_assert_eq(ga_pool_new_planned(NULL, cache, plan, 0, 0, NULL, &pool), GA_OK);
    walk(cache, plan, 0, pool, 40);
    walk(cache, plan, 0, pool, 40);
    ga_plan_delete(plan);
    cr_assert_eq(ga_plan_graph(graph, &opts, &plan), GA_OK);
    cr_assert_eq(ga_pool_new_planned(NULL, cache, plan, 0, 0, NULL, &pool), GA_OK);
    walk(cache, plan, 0, pool, 4);
    cr_assert_eq(stats_of(cache, pool).reserved_bytes, (ga_plan_peak(plan, 0) + 511) / 512 * 512);
    cr_assert_eq(ga_pool_new_planned(NULL, cache, plan, 7, 0, NULL, &pool), GA_OK); /* nothing was planned there */
    cr_assert_eq(stats_of(cache, pool).segments, 0);
    for (uint64_t nth = 1; nth <= 3; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        cr_assert_eq(ga_pool_new_planned(&env, cache, plan, 0, 0, NULL, &pool), GA_NO_MEMORY);
        cr_assert(mem.blocks == 0 && !mem.lied);
    }
    ga_plan_delete(plan);
    cr_assert_eq(ga_plan_graph(graph, NULL, &plan), GA_OK);
    cr_assert_eq(ga_pool_new_planned(NULL, cache, plan, 0, 0, NULL, &pool), GA_INVALID); /* not in quanta */
    ga_plan_delete(plan);
    ga_graph_delete(graph);
    ga_cache_delete(cache);
}
