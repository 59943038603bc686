/*
 * Two who wait for the same event, one of them inside of the other: the first to come back gets the memory, though the other
 * still waits, and the event stays until both are back.  (Were the memory held until then, threads that are short of it would
 * hold it up for each other, for ever.)
 *
 *     alloc --> wait(event) ----------------------------------------------------------> takes it in turn
 *                    '--> alloc --> wait(event) --> takes the memory, gives it back --'
 */
#include <criterion/criterion.h>

#include "ggml_alloc/cache.h"
#include "ggml_alloc/heap.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static struct ga_backend device;
static struct ga_backend_order calls;
static void (*other)(void); /* who comes while the first waits */
static uint64_t n_waits;

static enum ga_status wait_with_company(void *user, ga_event event)
{
    const struct ga_backend_order *real = ga_sim_backend(sim)->order;
    struct ga_sim_stats stats;
    if (n_waits++ == 0) {
        other();
        ga_sim_stats(sim, &stats);
        cr_assert_eq(stats.events, 1, "released under somebody who waits for it");
    }
    return real->wait(user, event);
}

static struct ga_env start(void)
{
    hook = (struct test_mem){ 0 };
    n_waits = 0;
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 64 * MIB, .discrete = true });
    device = *ga_sim_backend(sim);
    calls = *device.order;
    calls.wait = wait_with_company;
    device.order = &calls;
    return test_env(&hook);
}

static void all_are_back(void)
{
    struct ga_sim_stats stats;
    ga_sim_stats(sim, &stats);
    cr_assert(stats.events == 0 && n_waits == 2);
}

static void finish(void)
{
    struct ga_sim_stats stats;
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_stats(sim, &stats);
    cr_assert_eq(stats.live, 0);
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static ga_cache *cache;

static void take_all_of_cache(void)
{
    ga_block block;
    cr_assert_eq(ga_cache_alloc(cache, 60 * MIB, 0, &block, NULL), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_null(ga_cache_check(cache));
}

Test(waiters, of_a_cache_do_not_hold_up_each_other, .timeout = 20)
{
    struct ga_env env = start();
    ga_block block;
    void *ptr;
    cache = ga_cache_new(&env, &device, NULL);
    cr_assert_eq(ga_cache_alloc(cache, 60 * MIB, 0, &block, &ptr), GA_OK);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, ptr, MIB, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    other = take_all_of_cache;
    take_all_of_cache();
    all_are_back();
    ga_cache_delete(cache);
    finish();
}

static ga_heap *heap;

static ga_heap_buffer shared;

static void wait_and_use(void)
{
    ga_heap_buffer again;
    uint64_t id = ga_heap_get_buffer_id(heap, shared);
    cr_assert(ga_heap_wait_for_events(heap, &shared, 1), "buffers became idle");
    cr_assert_eq(ga_heap_refs(heap, shared), 1, "no batch uses it");
    cr_assert_eq(ga_heap_free(heap, shared), GA_OK);
    cr_assert_eq(ga_heap_alloc(heap, 60 * MIB, GA_HEAP_SHARED, &again), GA_OK);
    cr_assert_eq(ga_heap_get_buffer_id(heap, again), id);
    cr_assert_null(ga_heap_check(heap));
}

Test(waiters, of_a_heap_do_not_hold_up_each_other, .timeout = 20)
{
    struct ga_env env = start();
    ga_heaps *heaps = ga_heaps_new(&env, &device, NULL);
    heap = ga_heaps_get(heaps, false);
    cr_assert_eq(ga_heap_alloc(heap, 60 * MIB, GA_HEAP_SHARED, &shared), GA_OK);
    cr_assert_eq(ga_heap_use(heap, shared, 0), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 0, ga_heap_ptr(heap, shared, NULL), MIB, GA_SIM_BY_HAND), GA_OK);
    cr_assert(ga_heap_record_events(heap, &shared, 1));
    other = wait_and_use;
    ga_heap_wait_for_events(heap, &shared, 1);
    all_are_back();
    ga_heaps_delete(heaps);
    finish();
}
