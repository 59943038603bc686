/*
 * host_rig.h - a host allocator on a simulated device, looked at after each call
 */
#ifndef TESTS_HOST_RIG_H
#define TESTS_HOST_RIG_H

#include <criterion/criterion.h>

#include "ggml_alloc/host.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static const struct ga_backend *device;
static ga_host *host;

static inline void start_on(const struct ga_backend *inner, const struct ga_sim_opts *opts, const struct ga_host_opts *chosen)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(NULL, inner, opts);
    device = ga_sim_backend(sim);
    host = ga_host_new(&env, device, chosen);
    cr_assert_not_null(host);
}

static inline void start(void)
{
    start_on(ga_backend_null(), NULL, NULL);
}

static inline void sound(void)
{
    const char *broken = ga_host_check(host);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static inline void finish(void)
{
    struct ga_sim_stats stats;
    if (host)
        sound();
    ga_host_delete(host);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.pinned == 0 && stats.pins == 0 && stats.events == 0 && stats.live == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static inline void restart(const struct ga_host_opts *chosen)
{
    finish();
    start_on(ga_backend_null(), NULL, chosen);
}

/* Not in a build without threads: there, who asks for one is told. */
static inline bool has_threads(void)
{
#ifdef GA_NO_BACKGROUND
    cr_assert_eq(ga_host_set(host, &(struct ga_host_opts){ .background = true }), GA_UNSUPPORTED);
    return false;
#else
    return true;
#endif
}

struct held {
    void *ptr;
    ga_host_block *token;
};

static inline struct held take(size_t size)
{
    struct held held = { 0 };
    enum ga_status status = ga_host_alloc(host, size, &held.ptr, &held.token);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    cr_assert_eq((uintptr_t)held.ptr % GA_HOST_ALIGN, 0);
    sound();
    return held;
}

static inline void give(struct held held)
{
    cr_assert_eq(ga_host_free(host, held.token), GA_OK);
    sound();
}

static inline void full(size_t size)
{
    struct held held = { &held, NULL };
    cr_assert_eq(ga_host_alloc(host, size, &held.ptr, &held.token), GA_NO_SPACE);
    cr_assert_eq(held.ptr, &held); /* untouched */
    sound();
}

static inline void records(struct held held, ga_stream stream)
{
    cr_assert_eq(ga_host_record(host, held.ptr, held.token, stream), GA_OK);
}

static inline void busy(struct held held, ga_stream stream)
{
    records(held, stream);
    cr_assert_eq(ga_sim_work(sim, stream, held.ptr, 1, GA_SIM_BY_HAND), GA_OK);
}

static inline size_t size_of(struct held held)
{
    size_t size = 0;
    cr_assert_eq(ga_host_ptr(host, held.token, &size), held.ptr);
    return size;
}

static inline struct ga_host_stats stats(void)
{
    struct ga_host_stats now;
    ga_host_stats(host, &now);
    return now;
}

static inline uint64_t owned(void)
{
    return stats().allocated_bytes.now;
}

static inline bool same(struct held a, struct held b)
{
    return a.ptr == b.ptr && a.token == b.token;
}

#endif
