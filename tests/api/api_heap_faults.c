#include <criterion/criterion.h>
#include <stdlib.h>

#include "ggml_alloc/heap.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

enum { OPS = 2000, LIVE = 24, STREAMS = 3 };

static ga_sim *sim;
static ga_heaps *heaps;
static ga_heap *heap;
static uint64_t n_failed, n_heard[5];

/* Bytes that are kept from one run to the next: with malloc() filling what it hands out, fresh ones are dear. */
static struct ga_buffer kept[256];
static bool is_taken[256];

static enum ga_status kept_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    size_t at = 0;
    (void)user;
    while (kept[at].base && (is_taken[at] || kept[at].size < size))
        at++;
    cr_assert_lt(at, sizeof kept / sizeof *kept - 1);
    if (!kept[at].base)
        kept[at] = (struct ga_buffer){ .base = malloc(size), .size = size };
    cr_assert_not_null(kept[at].base);
    is_taken[at] = true;
    *buffer = (struct ga_buffer){ .base = kept[at].base, .size = size };
    return GA_OK;
}

static void kept_free(void *user, struct ga_buffer *buffer)
{
    (void)user;
    for (size_t at = 0; kept[at].base; at++)
        is_taken[at] &= kept[at].base != buffer->base;
}

static void kept_fini(void)
{
    for (size_t at = 0; kept[at].base; at++) {
        free(kept[at].base);
        kept[at].base = NULL;
    }
}

static const struct ga_backend keeper = { .host = true, .alloc = kept_alloc, .free = kept_free };

TestSuite(heap_faults, .fini = kept_fini);

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x >> 11;
}

static void hear(void *user, const struct ga_heap_news *news)
{
    (void)user;
    n_heard[news->event]++;
}

static void expect(enum ga_status status)
{
    n_failed += status != GA_OK;
}

static void try_one(uint64_t *x, ga_heap_buffer *buffer)
{
    static const size_t scales[] = { 8, 8 * KIB, 600 * KIB, 3 * MIB, 40 * MIB };
    uint64_t dice = next(x) % 100, stream = next(x) % STREAMS;
    size_t size = 1 + (size_t)(next(x) % scales[next(x) % 5]);
    ga_sim_current(sim, stream);
    if (dice < 6) {
        ga_sim_work(sim, stream, NULL, 0, 20);
        expect(ga_heap_commit(heap, stream));
    } else if (dice < 12) {
        ga_sim_advance(sim, 10);
    } else if (dice < 13) {
        expect(ga_heap_empty_cache(heap));
    } else if (!*buffer && dice < 25) {
        expect(ga_heap_alloc_scalar_buffer_with_value(heap, &size, 8, buffer));
    } else if (!*buffer) {
        expect(ga_heap_alloc(heap, size, next(x) % 2 ? GA_HEAP_SHARED : 0, buffer));
    } else if (dice < 40) {
        expect(ga_heap_use(heap, *buffer, stream));
    } else if (dice < 46) {
        expect(ga_heap_use(heap, *buffer, stream));
        ga_sim_work(sim, stream, NULL, 0, 50);
        ga_heap_record_events(heap, buffer, 1);
        if (next(x) % 2)
            ga_heap_wait_for_events(heap, buffer, 1);
    } else if (dice < 52) {
        ga_heap_wait_for_events(heap, buffer, 1);
    } else if (dice < 56) {
        if (ga_heap_host_alias(heap, *buffer))
            cr_assert_gt(ga_heap_drop_alias(heap, *buffer), 1);
    } else if (dice < 60) {
        expect(ga_heap_set_buffer_shape(heap, *buffer, &(int64_t){ 7 }, 1));
    } else {
        cr_assert_eq(ga_heap_free(heap, *buffer), GA_OK);
        *buffer = 0;
    }
}

static void sound(void)
{
    const char *broken = ga_heap_check(heap);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

/* Returns how often calls of the kind were made; the nth fails. */
static uint64_t play(struct test_mem *hook, enum ga_sim_call call, uint64_t nth)
{
    uint64_t x = 88172645463325252u;
    ga_heap_buffer live[LIVE] = { 0 };
    struct ga_sim_stats device;
    struct ga_env env = test_env(hook);
    n_failed = n_heard[GA_HEAP_ALLOCATED] = n_heard[GA_HEAP_RELEASED] = 0;
    sim = ga_sim_new(NULL, &keeper, &(struct ga_sim_opts){ .capacity = 256 * MIB, .discrete = true, .streams = STREAMS });
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << call, .nth = nth, .status = GA_IO });
    heaps = ga_heaps_new(&env, ga_sim_backend(sim), &(struct ga_heap_opts){ .low_ratio = 0.5 });
    heap = heaps ? ga_heaps_get(heaps, false) : NULL;
    if (heap && ga_heap_on(heap, "hear", hear, NULL) == GA_OK) {
        for (int op = 0; op < OPS; op++) {
            try_one(&x, &live[next(&x) % LIVE]);
            if (op % 50 == 0)
                sound();
        }
        sound();
    } else {
        n_failed++;
    }
    ga_heaps_delete(heaps);
    ga_sim_stats(sim, &device);
    cr_assert(device.live == 0 && device.events == 0 && device.buffers == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
    cr_assert_eq(n_heard[GA_HEAP_ALLOCATED], n_heard[GA_HEAP_RELEASED]);
    cr_assert(hook->blocks == 0 && !hook->lied);
    return device.calls[call];
}

Test(heap_faults, survives_each_call_that_fails)
{
    static const enum ga_sim_call calls[] = { GA_SIM_ALLOC, GA_SIM_RECORD, GA_SIM_WAIT, GA_SIM_SYNC, GA_SIM_POINTER };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct test_mem hook = { 0 };
        uint64_t n = play(&hook, calls[i], 0), n_seen = 0;
        cr_assert_gt(n, 2);
        for (uint64_t nth = 1; nth <= n; nth++) {
            uint64_t usual = n_failed;
            hook = (struct test_mem){ 0 };
            play(&hook, calls[i], nth);
            n_seen += n_failed > usual;
        }
        cr_assert(n_seen > 0 || calls[i] == GA_SIM_WAIT, "a failed call shows");
    }
}

Test(heap_faults, survives_each_request_for_memory_that_fails)
{
    struct test_mem hook = { 0 };
    play(&hook, GA_SIM_ALLOC, 0);
    uint64_t n = hook.requests;
    cr_assert_gt(n, 20);
    for (uint64_t nth = 1; nth <= n; nth++) {
        hook = (struct test_mem){ .fail_at = nth };
        play(&hook, GA_SIM_ALLOC, 0);
        cr_assert_gt(n_failed, 0);
    }
}
