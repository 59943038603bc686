/*
 * What is asked of a cache now and then: other streams' memory, alignment, addresses inside of blocks, no cache at all.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/cache.h"
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

TestSuite(rare, .init = start, .fini = finish);

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

static uint64_t reserved(void)
{
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats);
    return stats.all.reserved_bytes.now;
}

/* What is idle and another stream's serves before it is given back, and only then. */
Test(rare, adopts_what_is_idle_elsewhere)
{
    for (int adopt = 0; adopt < 2; adopt++) {
        struct ga_sim_stats device_stats;
        char *kept, *ptr;
        restart(100 * MIB, &(struct ga_cache_opts){ .adopt = adopt });
        ga_block a = take_on(60 * MIB, 1, &kept), b = take_on(30 * MIB, 1, NULL);
        give(a);
        give(b);
        cr_assert_eq(ga_sim_work(sim, 1, kept, 512, GA_SIM_BY_HAND), GA_OK);
        take_on(4 * MIB, 0, NULL); /* 30 are large enough, and are just what is missing */
        take_on(50 * MIB, 0, &ptr);
        ga_sim_stats(sim, &device_stats);
        cr_assert_eq(device_stats.calls[GA_SIM_FREE], adopt ? 0 : 2);
        cr_assert(!adopt || ptr == kept);
        cr_assert_eq(reserved(), adopt ? 90 * MIB : 70 * MIB);
    }
    restart(64 * MIB, &(struct ga_cache_opts){ .adopt = true });
    ga_block large = take_on(40 * MIB, 1, NULL);
    give(take_on(512, 1, NULL));
    give(take_on(20 * MIB, 1, NULL));
    full(30 * MIB); /* nothing that is idle is large enough */
    give(large);
    take(30 * MIB);
}
