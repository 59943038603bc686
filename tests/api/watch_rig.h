/*
 * watch_rig.h - a cache whose callers and whose clock are made up
 */
#ifndef TESTS_WATCH_RIG_H
#define TESTS_WATCH_RIG_H

#include <criterion/criterion.h>

#include "ggml_alloc/sim.h"
#include "ggml_alloc/watch.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static ga_cache *cache;
static uint64_t caller, clock_ns, n_asked;

static inline uint64_t who(void *user)
{
    (void)user;
    n_asked++;
    return caller;
}

static inline uint64_t now(void *user)
{
    (void)user;
    return clock_ns;
}

static inline void start_with(uint64_t capacity, struct ga_cache_opts opts)
{
    hook = (struct test_mem){ 0 };
    caller = clock_ns = n_asked = 0;
    struct ga_env env = test_env(&hook);
    opts.hooks.context = who;
    opts.hooks.now = now;
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity });
    cache = ga_cache_new(&env, ga_sim_backend(sim), &opts);
    cr_assert_not_null(cache);
}

static inline void start(void)
{
    start_with(64 * MIB, (struct ga_cache_opts){ 0 });
}

static inline void sound(void)
{
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static inline void finish(void)
{
    sound();
    ga_cache_delete(cache);
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static inline void restart(uint64_t capacity, struct ga_cache_opts opts)
{
    finish();
    start_with(capacity, opts);
}

static inline ga_block take(size_t size)
{
    ga_block block = 0;
    enum ga_status status = ga_cache_alloc(cache, size, 0, &block, NULL);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    return block;
}

static inline void give(ga_block block)
{
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
}

static inline uint64_t tag_of(ga_block block)
{
    uint64_t tag = 99;
    cr_assert_eq(ga_cache_tag(cache, block, &tag), GA_OK);
    return tag;
}

static struct ga_cache_entry entries[32];

static inline uint32_t look(void)
{
    return ga_cache_trace(cache, entries, 32);
}

static inline void record(uint32_t n, uint32_t skip, enum ga_context context)
{
    struct ga_cache_recording recording = { .entries = n, .skip = skip, .context = context, .clear = true };
    cr_assert_eq(ga_cache_record(cache, &recording), GA_OK);
}

/* alloc, segment, free: who called is in those that the level names. */

#endif
