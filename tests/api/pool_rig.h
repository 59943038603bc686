/*
 * pool_rig.h - private pools of the cache of rig.h
 */
#ifndef TESTS_POOL_RIG_H
#define TESTS_POOL_RIG_H

#include <criterion/criterion.h>

#include "ggml_alloc/pool.h"
#include "rig.h"

static inline ga_pool make(const struct ga_pool_opts *opts)
{
    ga_pool pool = 0;
    cr_assert_eq(ga_pool_new(cache, opts, &pool), GA_OK);
    return pool;
}

static inline void begin(ga_pool pool)
{
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
}

static inline void end(ga_pool pool)
{
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    sound();
}

static inline void capture(ga_pool pool)
{
    cr_assert_eq(ga_pool_begin(cache, pool, &(struct ga_route){ .captures = true }), GA_OK);
    ga_sim_current(sim, 0);
    ga_sim_capture(sim, 0, true);
}

static inline void end_capture(ga_pool pool)
{
    ga_sim_capture(sim, 0, false);
    end(pool);
}

static inline void release(ga_pool pool)
{
    cr_assert_eq(ga_pool_release(cache, pool), GA_OK);
    sound();
}

static inline struct ga_pool_stats stats_of(ga_pool pool)
{
    struct ga_pool_stats stats = { 0 };
    cr_assert_eq(ga_pool_stats(cache, pool, &stats), GA_OK);
    return stats;
}

#endif
