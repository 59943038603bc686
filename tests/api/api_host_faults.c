/*
 * The same traffic again and again: to see that it does the same twice, and that one failure, of whatever call and whenever, is
 * told, breaks nothing and loses nothing.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/host.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((uint64_t)1 << 10)

enum { STREAMS = 3, LIVE = 40, PARTS = 200 };

struct run {
    struct ga_host_opts opts;
    struct ga_sim_fault fault;
    uint64_t fail_at; /* request of the memory hook */
    int n_ops;
    /* what came of it: */
    uint64_t n_requests, n_no_memory, n_io, digest;
    struct ga_sim_stats device;
    struct ga_host_stats stats;
};

struct held {
    void *ptr;
    ga_host_block *token;
};

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x >> 11;
}

static void count(struct run *run, enum ga_status status)
{
    run->n_no_memory += status == GA_NO_MEMORY;
    run->n_io += status == GA_IO;
}

static void mix(struct run *run, uint64_t value)
{
    run->digest = (run->digest ^ value) * 0x100000001b3u;
}

/* Which block it is, by its place among all, and where it lies, by its place above the lowest. */
static void mix_block(struct run *run, ga_host *host, const struct held *held)
{
    struct ga_host_part parts[PARTS];
    uint32_t n = ga_host_snapshot(host, parts, PARTS);
    for (uint32_t i = 0; i < n; i++)
        if (parts[i].token == held->token) {
            mix(run, i);
            mix(run, parts[i].size);
            mix(run, parts[i].origin == GA_HOST_RESERVE ? (uintptr_t)held->ptr % (1024 * KIB) : 0);
        }
}

static void take(struct run *run, ga_host *host, struct held *held, uint64_t *x)
{
    struct held taken = { 0 };
    uint64_t size = 1 + next(x) % (((uint64_t)1 << next(x) % 8) * KIB);
    enum ga_status status = ga_host_alloc(host, (size_t)size, &taken.ptr, &taken.token);
    count(run, status);
    mix(run, status);
    if (status != GA_OK)
        return;
    *held = taken;
    mix_block(run, host, held);
}

static void use(struct run *run, ga_sim *sim, ga_host *host, const struct held *held, uint64_t *x)
{
    ga_stream stream = next(x) % STREAMS;
    enum ga_status status = ga_host_record(host, held->ptr, held->token, stream);
    count(run, status);
    cr_assert(status == GA_OK || status == GA_NO_MEMORY);
    if (status == GA_OK)
        ga_sim_work(sim, stream, NULL, 0, 1 + next(x) % 50);
}

static void play(struct run *run, ga_sim *sim, ga_host *host)
{
    struct held live[LIVE] = { { 0 } };
    uint64_t x = 88172645463325252u;
    for (int op = 0; op < run->n_ops; op++) {
        struct held *held = &live[next(&x) % LIVE];
        uint64_t what = next(&x) % 64;
        if (what == 0) {
            ga_host_trim(host, next(&x) % (256 * KIB));
        } else if (what == 1) {
            count(run, ga_host_sync(host));
        } else if (what < 8) {
            mix(run, ga_host_poll(host));
        } else if (what < 20) {
            ga_sim_advance(sim, next(&x) % 60);
        } else if (!held->token) {
            take(run, host, held, &x);
        } else if (what < 40) {
            use(run, sim, host, held, &x);
        } else {
            cr_assert_eq(ga_host_free(host, held->token), GA_OK);
            held->token = NULL;
        }
        if (op % 100 == 0 || run->n_ops - op == 1)
            cr_assert_null(ga_host_check(host), "%s", ga_host_check(host));
    }
    for (int i = 0; i < LIVE; i++)
        cr_assert_eq(ga_host_free(host, live[i].token), GA_OK);
    cr_assert_null(ga_host_check(host), "%s", ga_host_check(host));
}

static void trace(struct run *run)
{
    struct test_mem hook = { .fail_at = run->fail_at };
    struct ga_env env = test_env(&hook);
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .streams = STREAMS });
    run->n_no_memory = run->n_io = run->digest = 0;
    ga_sim_fail(sim, &run->fault);
    ga_host *host = ga_host_new(&env, ga_sim_backend(sim), &run->opts);
    if (host) {
        play(run, sim, host);
        ga_host_stats(host, &run->stats);
    } else {
        run->n_no_memory++;
    }
    ga_sim_stats(sim, &run->device);
    ga_host_delete(host);
    struct ga_sim_stats left;
    ga_sim_stats(sim, &left);
    cr_assert(left.pins == 0 && left.pinned == 0 && left.events == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
    run->n_requests = hook.requests;
    cr_assert(!hook.lied && hook.blocks == 0);
}

static const struct ga_host_opts ways[] = {
    { .limit = 300 * KIB },
    { .limit = 300 * KIB, .pin = true, .max_cached = 20 * KIB },
    { .limit = 300 * KIB, .reserve = 64 * KIB, .max_idle = 20 },
};

enum { WAYS = sizeof ways / sizeof *ways };

Test(host_faults, does_the_same_twice)
{
    for (int way = 0; way < WAYS; way++) {
        struct run first = { .opts = ways[way], .n_ops = 20000 }, second = first;
        trace(&first);
        trace(&second);
        cr_assert_eq(first.digest, second.digest);
        cr_assert_eq(memcmp(&first.stats, &second.stats, sizeof first.stats), 0);
        cr_assert(first.stats.ooms > 0 && first.stats.waits > 0 && first.stats.retries > 0);
    }
}

Test(host_faults, survives_each_failure_of_each_call)
{
    static const enum ga_sim_call calls[] = { GA_SIM_PINNED_ALLOC, GA_SIM_PIN, GA_SIM_RECORD, GA_SIM_WAIT, GA_SIM_SYNC };
    for (int i = 0; i < WAYS * 5; i++) {
        enum ga_sim_call call = calls[i % 5];
        struct run run = { .opts = ways[i / 5], .n_ops = 2000 };
        trace(&run);
        uint64_t n_calls = run.device.calls[call];
        cr_assert((n_calls > 0) == (run.opts.pin ? call != GA_SIM_PINNED_ALLOC : call != GA_SIM_PIN), "%d", i);
        for (uint64_t nth = 1; nth <= n_calls; nth++) {
            run.fault = (struct ga_sim_fault){ .calls = 1u << call, .nth = nth, .status = nth % 2 ? GA_IO : GA_NO_SPACE };
            trace(&run);
            cr_assert_eq(run.device.failures, 1);
            /* What cannot be recorded is tried again, and what cannot be reserved is not needed. */
            bool is_told = call != GA_SIM_RECORD && !(call == GA_SIM_PINNED_ALLOC && run.opts.reserve && nth == 1);
            cr_assert_eq(run.n_io, nth % 2 && is_told ? 1u : 0u);
        }
    }
}

Test(host_faults, survives_each_failure_of_the_memory_hook)
{
    for (int way = 0; way < WAYS; way++) {
        struct run run = { .opts = ways[way], .n_ops = 2000 };
        trace(&run);
        uint64_t n = run.n_requests;
        cr_assert(run.n_no_memory == 0 && n > 20);
        for (run.fail_at = 1; run.fail_at <= n; run.fail_at++) {
            trace(&run);
            bool is_reserve = run.opts.reserve && run.n_no_memory == 0; /* its range: then there is none */
            cr_assert(run.n_no_memory == 1 || is_reserve, "%d %d", (int)run.fail_at, (int)run.n_no_memory);
        }
    }
}
