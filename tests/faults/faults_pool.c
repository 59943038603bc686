/*
 * Private pools of a cache, with places and without, and caches for several devices.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

enum { POOLS = 200, BLOCKS = 200, PARTS = 300 };

#define NOTHING UINT64_MAX /* the name of none */

static struct {
    ga_cache *cache;
    ga_pool pools[POOLS];
    uint32_t n_pools, n_routes;
    ga_block blocks[BLOCKS];
    uint32_t n_blocks;
    size_t size;
    ga_plan *plan;
    ga_pool_state *state;
    ga_devices *devices;
    bool gives_back; /* before it fails: only what is live is as before */
} it;

static struct ga_cache_part parts[PARTS];

static void make_cache(struct rig *rig)
{
    it.cache = ga_cache_new(&rig->env, rig->device, NULL);
    it.size = 512;
}

static enum ga_status made_pool(enum ga_status status, ga_pool pool)
{
    cr_assert((status == GA_OK) == (pool != NOTHING), "outputs are written");
    if (status == GA_OK)
        it.pools[it.n_pools++] = pool;
    cr_assert_lt(it.n_pools, POOLS);
    return status;
}

static enum ga_status call_new(struct rig *rig)
{
    ga_pool pool = NOTHING;
    (void)rig;
    enum ga_status status = ga_pool_new(it.cache, NULL, &pool);
    return made_pool(status, pool);
}

static enum ga_status call_new_placed(struct rig *rig)
{
    ga_pool pool = NOTHING;
    (void)rig;
    const struct ga_place list[] = { { .size = 1024, .chunk = 0 }, { .size = 2048, .chunk = 1 }, { .size = 512, .offset = 512 } };
    const uint64_t chunks[] = { 4096, 8192 };
    const struct ga_pool_places places = { .list = list, .n = 3, .n_chunks = 2, .chunks = chunks };
    enum ga_status status = ga_pool_new_placed(it.cache, NULL, &places, &pool);
    return made_pool(status, pool);
}

static enum ga_status call_new_planned(struct rig *rig)
{
    ga_pool pool = NOTHING;
    enum ga_status status = ga_pool_new_planned(&rig->env, it.cache, it.plan, 0, 0, NULL, &pool);
    return made_pool(status, pool);
}

static void make_plan(struct rig *rig)
{
    const uint64_t align[] = { GA_CACHE_QUANTUM }, most[] = { 4096 };
    struct ga_interval list[10];
    make_cache(rig);
    for (uint32_t i = 0; i < 10; i++)
        list[i] = (struct ga_interval){ .size = 512 * (1 + i % 4), .birth = i, .death = i + 3 };
    struct ga_plan_opts opts = { .n_pools = 1, .align = align, .chunk_max = most };
    cr_assert_eq(ga_plan_intervals(&rig->env, list, 10, &opts, &it.plan), GA_OK);
}

static void make_pools(struct rig *rig)
{
    make_cache(rig);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(call_new(rig), GA_OK);
    fill_up(rig, call_new);
}

static enum ga_status call_begin(struct rig *rig)
{
    (void)rig;
    enum ga_status status = ga_pool_begin(it.cache, it.pools[it.n_routes], NULL);
    it.n_routes += status == GA_OK;
    return status;
}

static void make_routes(struct rig *rig)
{
    make_cache(rig);
    for (int i = 0; i < 40; i++)
        cr_assert_eq(call_new(rig), GA_OK);
    fill_up(rig, call_begin);
}

static enum ga_status call_alloc(struct rig *rig)
{
    ga_block block = NOTHING;
    (void)rig;
    enum ga_status status = ga_cache_alloc(it.cache, it.size, 0, &block, NULL);
    cr_assert((status == GA_OK) == (block != NOTHING), "outputs are written");
    if (status == GA_OK)
        it.blocks[it.n_blocks++] = block;
    cr_assert_lt(it.n_blocks, BLOCKS);
    return status;
}

/* Some blocks in a pool that allocations go to, some of them freed. */
static void make_blocks(struct rig *rig)
{
    make_cache(rig);
    cr_assert_eq(call_new(rig), GA_OK);
    cr_assert_eq(call_begin(rig), GA_OK);
    for (int i = 0; i < 12; i++) {
        it.size = i % 5 == 4 ? 11 * MIB : 700 * (1 + (size_t)i);
        cr_assert_eq(call_alloc(rig), GA_OK);
    }
    for (int i = 0; i < 12; i += 3)
        cr_assert_eq(ga_cache_free(it.cache, it.blocks[i]), GA_OK);
    it.size = 13 * MIB;
}

static enum ga_status call_checkpoint(struct rig *rig)
{
    (void)rig;
    return ga_pool_checkpoint(it.cache, it.pools[0], &it.state);
}

/* To get back to where there were more blocks than there have been ever since, so that there is no room for them. */
static void make_state(struct rig *rig)
{
    make_blocks(rig);
    for (it.size = 512; it.n_blocks < 60;)
        cr_assert_eq(call_alloc(rig), GA_OK);
    cr_assert_eq(call_checkpoint(rig), GA_OK);
    for (uint32_t i = 30; i < 60; i++)
        cr_assert_eq(ga_cache_free(it.cache, it.blocks[i]), GA_OK);
    cr_assert_eq(ga_pool_end(it.cache, it.pools[0]), GA_OK);
    it.n_routes = 0;
    fill_up(rig, call_alloc);
}

static enum ga_status call_restore(struct rig *rig)
{
    ga_block freed[100], made[100];
    struct ga_pool_restored restored = { freed, made, 100, 100, 77, 77 };
    (void)rig;
    enum ga_status status = ga_pool_restore(it.cache, it.pools[0], it.state, &restored);
    cr_assert(status == GA_OK || (restored.n_freed == 77 && restored.n_made == 77), "outputs are written");
    say(rig, "%u %u", restored.n_freed, restored.n_made);
    return status;
}

static void make_idle(struct rig *rig)
{
    make_blocks(rig);
    cr_assert_eq(ga_pool_end(it.cache, it.pools[0]), GA_OK);
    for (uint32_t i = 0; i < 12; i++)
        ga_cache_free(it.cache, it.blocks[i]);
}

static enum ga_status call_trim(struct rig *rig)
{
    (void)rig;
    return ga_pool_trim(it.cache, it.pools[0]);
}

static void look_at_cache(struct rig *rig, ga_cache *cache)
{
    cr_assert_null(ga_cache_check(cache), "%s", ga_cache_check(cache));
    uint32_t n = ga_cache_snapshot(cache, parts, PARTS);
    cr_assert_leq(n, PARTS);
    for (uint32_t i = 0; i < n; i++) {
        const struct ga_cache_part *part = &parts[i];
        if (it.gives_back && rig->is_itself && part->state != GA_PART_LIVE)
            continue;
        say(rig, "%llu of %llu, %d, %d, %llu", (unsigned long long)part->size, (unsigned long long)part->segment_size,
            part->pool != 0, (int)part->state, (unsigned long long)part->requested);
        say_address(rig, part->ptr, part->segment);
        say(rig, "\n");
    }
}

static void look(struct rig *rig)
{
    if (it.cache)
        look_at_cache(rig, it.cache);
    for (uint32_t i = 0; i < it.n_pools; i++) {
        struct ga_pool_stats stats = { 0 };
        enum ga_status status = ga_pool_stats(it.cache, it.pools[i], &stats);
        say(rig, "pool: %d, %u uses, %llu in %llu, %llu, %llu\n", (int)status, stats.uses, (unsigned long long)stats.allocations,
            (unsigned long long)stats.reserved_bytes, (unsigned long long)stats.placed, (unsigned long long)stats.strayed);
    }
    say(rig, "%u routes", it.n_routes);
    for (uint32_t i = 0; it.devices && i < ga_devices_count(it.devices); i++) {
        say(rig, "\ndevice %u\n", i);
        look_at_cache(rig, ga_devices_get(it.devices, i));
    }
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_pool_state_delete(it.state);
    ga_cache_delete(it.cache);
    ga_plan_delete(it.plan);
    ga_devices_delete(it.devices);
    memset(&it, 0, sizeof it);
}

static void make_placed(struct rig *rig)
{
    make_cache(rig);
    cr_assert_eq(call_new_placed(rig), GA_OK);
    cr_assert_eq(call_begin(rig), GA_OK);
    for (it.size = 1024; it.n_blocks < 2;)
        cr_assert_eq(call_alloc(rig), GA_OK);
    it.size = 4096; /* strays */
}

static enum ga_status call_quiet(struct rig *rig)
{
    const void *ptrs[] = { ga_cache_ptr(it.cache, it.blocks[0], NULL), ga_cache_ptr(it.cache, it.blocks[1], NULL) };
    cr_assert_eq(ga_pool_retain(it.cache, it.pools[0]), GA_OK);
    say(rig, "%d\n", ga_pool_is_live(it.cache, it.pools[0], ptrs, 2));
    cr_assert_eq(ga_pool_end(it.cache, it.pools[0]), GA_OK);
    cr_assert_eq(ga_pool_release(it.cache, it.pools[0]), GA_OK);
    cr_assert_eq(ga_pool_release(it.cache, it.pools[0]), GA_OK);
    ga_pool_state_delete(it.state);
    it.state = NULL;
    return GA_OK;
}

static enum ga_status call_devices(struct rig *rig)
{
    it.devices = ga_devices_new(&rig->env, (const struct ga_backend *[]){ rig->device, rig->device }, 2, NULL);
    return made(rig, it.devices != NULL);
}

static void make_devices(struct rig *rig)
{
    ga_block block;
    cr_assert_eq(call_devices(rig), GA_OK);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(ga_cache_alloc(ga_devices_get(it.devices, i), MIB, 0, &block, NULL), GA_OK);
        cr_assert_eq(ga_cache_free(ga_devices_get(it.devices, i), block), GA_OK);
    }
}

static enum ga_status call_grow(struct rig *rig)
{
    const struct ga_backend *more[40];
    for (int i = 0; i < 40; i++)
        more[i] = rig->device;
    return ga_devices_grow(it.devices, more, 40);
}

/* Those whose devices can be waited for are trimmed all the same. */
static void make_idle_devices(struct rig *rig)
{
    make_devices(rig);
    it.gives_back = true;
}

static enum ga_status call_trim_devices(struct rig *rig)
{
    (void)rig;
    return ga_devices_trim(it.devices, 0);
}

static void *taken;

static void make_taken(struct rig *rig)
{
    make_devices(rig);
    cr_assert_eq(ga_cache_alloc(ga_devices_get(it.devices, 1), MIB, 0, NULL, &taken), GA_OK);
}

/* By address: without memory for an index it is looked for. */
static enum ga_status call_find(struct rig *rig)
{
    say(rig, "%d", ga_devices_find(it.devices, taken) == ga_devices_get(it.devices, 1));
    return GA_OK;
}

static enum ga_status call_free_ptr(struct rig *rig)
{
    (void)rig;
    return ga_devices_free_ptr(it.devices, taken);
}

static enum ga_status call_delete(struct rig *rig)
{
    say(rig, "%u", ga_devices_count(it.devices));
    ga_devices_delete(it.devices);
    it.devices = NULL;
    return GA_OK;
}

enum { ALLOC = CALL(GA_SIM_ALLOC), SYNC = CALL(GA_SIM_SYNC) };

static const struct row rows[] = {
    { "ga_pool_new", ASKS_MEMORY, .keeps = true, .make = make_pools, .call = call_new },
    { "ga_pool_new_placed", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_cache, .call = call_new_placed },
    { "ga_pool_new_planned", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_plan, .call = call_new_planned },
    { "ga_pool_begin", ASKS_MEMORY, .keeps = true, .make = make_routes, .call = call_begin },
    { "ga_cache_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_blocks, .call = call_alloc },
    { "ga_cache_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_placed, .call = call_alloc },
    { "ga_pool_trim", SYNC, .make = make_idle, .call = call_trim },
    { "ga_pool_checkpoint", ASKS_MEMORY, .make = make_blocks, .call = call_checkpoint },
    { "ga_pool_restore", ASKS_MEMORY, .keeps = true, .make = make_state, .call = call_restore },
    { "ga_pool_stats ga_pool_retain ga_pool_is_live ga_pool_end ga_pool_release ga_pool_state_delete", 0, .make = make_blocks,
      .call = call_quiet },
    { "ga_devices_new", ASKS_MEMORY, .call = call_devices },
    { "ga_devices_grow", ASKS_MEMORY, .keeps = true, .make = make_devices, .call = call_grow },
    { "ga_devices_trim", SYNC, .gives_back = true, .make = make_idle_devices, .call = call_trim_devices },
    { "ga_devices_find", ASKS_MEMORY, .lives = ASKS_MEMORY, .make = make_taken, .call = call_find },
    { "ga_devices_free_ptr", ASKS_MEMORY, .lives = ASKS_MEMORY, .make = make_taken, .call = call_free_ptr },
    { "ga_devices_get ga_devices_count ga_devices_delete", SYNC, .lives = SYNC, .make = make_devices, .call = call_delete },
};

const struct area faults_pool = {
    "pools", rows, sizeof rows / sizeof *rows, false, look, drop,
};
