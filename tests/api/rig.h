/*
 * rig.h - a cache on a simulated device, looked at after each call
 *
 *     test --> cache --> device --> addresses without memory
 *
 * Whoever includes it says in a start() how large the device is, and ends with finish(), which finds all that was not given back.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <criterion/criterion.h>

#include "ggml_alloc/cache.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static const struct ga_backend *device;
static ga_cache *cache;

static inline void start_with(uint64_t capacity, const struct ga_cache_opts *opts)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity });
    device = ga_sim_backend(sim);
    cache = ga_cache_new(&env, device, opts);
    cr_assert_not_null(cache);
}

static inline void sound(void)
{
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static inline void finish(void)
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

static inline void restart(uint64_t capacity, const struct ga_cache_opts *opts)
{
    finish();
    start_with(capacity, opts);
}

static inline ga_block take_on(size_t size, ga_stream stream, char **ptr)
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

static inline ga_block take(size_t size)
{
    return take_on(size, 0, NULL);
}

static inline char *address(ga_block block)
{
    return ga_cache_ptr(cache, block, NULL);
}

static inline void give(ga_block block)
{
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    sound();
}

static inline void full(size_t size)
{
    ga_block block = 7;
    cr_assert_eq(ga_cache_alloc(cache, size, 0, &block, NULL), GA_NO_SPACE);
    cr_assert_eq(block, 7);
    sound();
}

static inline void busy(ga_stream stream, ga_block block)
{
    cr_assert_eq(ga_sim_work(sim, stream, address(block), 1, GA_SIM_BY_HAND), GA_OK);
}

static inline struct ga_cache_stats stats(void)
{
    struct ga_cache_stats now;
    ga_cache_stats(cache, &now);
    return now;
}

static inline void trim(void)
{
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    sound();
}

static inline uint64_t reserved(void)
{
    return stats().all.reserved_bytes.now;
}

#endif
