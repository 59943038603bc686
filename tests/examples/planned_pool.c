/*
 * planned_pool.c - an engine that asks for memory as it goes: watched once, planned, and served by the plan from then on
 *
 *     first run     alloc, alloc, free, alloc ...  -->  a lifetime for each  -->  a plan
 *     later runs    alloc  -->  the k-th place of the plan, in a private pool
 *
 * Such an engine keeps no graph that could be planned, but it does the same each time.  When it does not, memory is found elsewhere.
 */
#include <ggml_alloc/ggml_alloc.h>

#include <stdio.h>

enum { LAYERS = 12, MAX = 16 * LAYERS, WIDTH = 6 << 20 };

struct engine {
    ga_cache *cache;
    ga_block blocks[MAX];
    struct ga_interval lives[MAX]; /* in allocs and frees */
    uint32_t n;
    uint64_t clock;
    bool failed;
};

static uint32_t take(struct engine *engine, size_t size)
{
    uint32_t i = engine->n++;
    engine->lives[i] = (struct ga_interval){ .size = size, .birth = engine->clock++ };
    engine->failed |= ga_cache_alloc(engine->cache, size, 0, &engine->blocks[i], NULL) != GA_OK;
    return i;
}

static void drop(struct engine *engine, uint32_t i)
{
    engine->lives[i].death = engine->clock++;
    ga_cache_free(engine->cache, engine->blocks[i]);
}

/* The engine proper: it knows of no plan.  `context` makes attention larger. */
static bool run(struct engine *engine, size_t context)
{
    engine->n = 0;
    engine->clock = 0;
    uint32_t hidden = take(engine, WIDTH);
    for (size_t layer = 0; layer < LAYERS; layer++) {
        uint32_t normed = take(engine, WIDTH), query = take(engine, WIDTH), keys = take(engine, WIDTH / 4);
        drop(engine, normed);
        uint32_t scores = take(engine, context * (1 + layer % 4));
        drop(engine, query);
        drop(engine, keys);
        uint32_t mixed = take(engine, WIDTH);
        drop(engine, scores);
        drop(engine, hidden);
        uint32_t wide = take(engine, 4 * WIDTH), active = take(engine, 4 * WIDTH);
        drop(engine, wide);
        hidden = take(engine, WIDTH);
        drop(engine, active);
        drop(engine, mixed);
    }
    drop(engine, hidden);
    return !engine->failed;
}

static uint64_t reserved(ga_cache *cache)
{
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats);
    return stats.all.reserved_bytes.peak;
}

int main(void)
{
    static struct engine engine;
    const size_t context = 9 << 20;
    engine.cache = ga_cache_new(NULL, ga_backend_cpu(), NULL);
    if (!engine.cache || !run(&engine, context))
        return 1;
    uint64_t unplanned = reserved(engine.cache);
    ga_cache_delete(engine.cache);

    uint64_t align = GA_CACHE_QUANTUM; /* of what a cache hands out */
    struct ga_plan_opts opts = { .n_pools = 1, .align = &align };
    ga_plan *plan;
    ga_pool pool;
    if (ga_plan_intervals(NULL, engine.lives, engine.n, &opts, &plan) != GA_OK)
        return 1;
    engine.cache = ga_cache_new(NULL, ga_backend_cpu(), NULL);
    if (!engine.cache || ga_pool_new_planned(NULL, engine.cache, plan, 0, 0, NULL, &pool) != GA_OK)
        return 1;
    ga_plan_delete(plan);

    struct ga_pool_stats stats;
    for (int i = 0; i < 3; i++)
        if (ga_pool_begin(engine.cache, pool, NULL) != GA_OK || !run(&engine, context) || ga_pool_end(engine.cache, pool) != GA_OK)
            return 1;
    ga_pool_stats(engine.cache, pool, &stats);
    uint64_t planned = reserved(engine.cache);
    printf("%u tensors: a cache reserved %.1f MiB, a planned pool %.1f MiB\n", engine.n, (double)unplanned / (1 << 20),
           (double)planned / (1 << 20));
    bool is_right = stats.placed == engine.n && stats.strayed == 0 && planned < unplanned;

    /* A longer context than was planned for. */
    if (ga_pool_begin(engine.cache, pool, NULL) != GA_OK || !run(&engine, 2 * context) || ga_pool_end(engine.cache, pool) != GA_OK)
        return 1;
    ga_pool_stats(engine.cache, pool, &stats);
    printf("a longer context: %u tensors had their places, %u went elsewhere\n", (unsigned)stats.placed, (unsigned)stats.strayed);
    is_right &= stats.strayed == LAYERS && stats.allocations == 0;
    ga_cache_delete(engine.cache);
    return is_right ? 0 : 1;
}
