/*
 * Who serves what: registries, one cache per device, blocks that know how to give themselves back, copies.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "ggml_alloc/devices.h"
#include "ggml_alloc/registry.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define MIB ((size_t)1 << 20)

enum { DEVICES = 3 };

static struct test_mem hook;
static ga_sim *sims[DEVICES];
static const struct ga_backend *backends[DEVICES];

static void start(void)
{
    hook = (struct test_mem){ 0 };
    for (int i = 0; i < DEVICES; i++) {
        sims[i] = ga_sim_new(NULL, ga_backend_cpu(), &(struct ga_sim_opts){ .capacity = 64 * MIB });
        backends[i] = ga_sim_backend(sims[i]);
    }
}

static void finish(void)
{
    for (int i = 0; i < DEVICES; i++) {
        struct ga_sim_stats stats;
        ga_sim_stats(sims[i], &stats);
        cr_assert(stats.live == 0 && stats.events == 0);
        cr_assert_null(ga_sim_error(sims[i]), "%s", ga_sim_error(sims[i]));
        ga_sim_delete(sims[i]);
    }
    cr_assert(!hook.lied && hook.blocks == 0);
}

TestSuite(devices, .init = start, .fini = finish);

static uint64_t reserved(ga_cache *cache)
{
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats);
    return stats.all.reserved_bytes.now;
}

Test(devices, replaces_by_priority)
{
    struct ga_env env = test_env(&hook);
    ga_registry *registry = ga_registry_new(&env);
    cr_assert_null(ga_registry_get(registry, 3));
    cr_assert_eq(ga_registry_set(registry, 3, backends[0], 1), GA_OK);
    cr_assert_eq(ga_registry_set(registry, 0, backends[1], 0), GA_OK);
    cr_assert_eq(ga_registry_get(registry, 3), backends[0]);
    cr_assert_eq(ga_registry_set(registry, 3, backends[1], 0), GA_BUSY);
    cr_assert_eq(ga_registry_get(registry, 3), backends[0]);
    cr_assert_eq(ga_registry_set(registry, 3, backends[1], 1), GA_OK); /* equal is enough */
    cr_assert_eq(ga_registry_get(registry, 3), backends[1]);
    cr_assert_eq(ga_registry_set(registry, 3, backends[2], 7), GA_OK);
    cr_assert_eq(ga_registry_get(registry, 3), backends[2]);
    cr_assert_eq(ga_registry_set(registry, 3, NULL, 7), GA_OK);
    cr_assert_null(ga_registry_get(registry, 3));
    cr_assert_eq(ga_registry_set(registry, -1, backends[2], 7), GA_INVALID);
    for (uint64_t at = 1; at <= 3; at++) {
        hook.fail_at = hook.requests + at;
        cr_assert(ga_registry_set(registry, 10 + (int)at * 9, backends[0], 0) != GA_INVALID);
        for (int i = 0; i < 8; i++)
            cr_assert(ga_registry_set(registry, 10 + (int)at * 9 + i, backends[0], 0) != GA_INVALID);
    }
    ga_registry_delete(registry);
    ga_registry_delete(NULL);
    hook.fail_at = hook.requests + 1;
    cr_assert_null(ga_registry_new(&env));
}

Test(devices, keep_apart)
{
    struct ga_env env = test_env(&hook);
    ga_devices *devices = ga_devices_new(&env, NULL, 0, NULL);
    cr_assert_null(ga_devices_get(devices, 0));
    cr_assert_eq(ga_devices_grow(devices, backends, 2), GA_OK);
    cr_assert_eq(ga_devices_count(devices), 2);
    ga_cache *first = ga_devices_get(devices, 0), *second = ga_devices_get(devices, 1);
    void *a, *b;
    cr_assert_eq(ga_cache_alloc(first, MIB, 0, NULL, &a), GA_OK);
    cr_assert_eq(ga_cache_alloc(second, 20 * MIB, 0, NULL, &b), GA_OK);
    cr_assert(reserved(first) == 2 * MIB && reserved(second) == 20 * MIB);
    cr_assert_eq(ga_devices_grow(devices, backends, 1), GA_OK); /* fewer: nothing */
    cr_assert_eq(ga_devices_grow(devices, backends, 3), GA_OK);
    cr_assert(ga_devices_count(devices) == 3 && ga_devices_get(devices, 0) == first);
    cr_assert(ga_devices_find(devices, a) == first && ga_devices_find(devices, b) == second);
    cr_assert_null(ga_devices_find(devices, &a));
    cr_assert_eq(ga_devices_free_ptr(devices, &a), GA_UNKNOWN);
    cr_assert_eq(ga_devices_free_ptr(devices, NULL), GA_OK);
    cr_assert_eq(ga_devices_free_ptr(devices, b), GA_OK);
    cr_assert_eq(ga_devices_free_ptr(devices, b), GA_UNKNOWN);
    cr_assert_eq(ga_devices_trim(devices, 0), GA_OK);
    cr_assert(reserved(first) == 2 * MIB && reserved(second) == 0);
    ga_sim_fail(sims[0], &(struct ga_sim_fault){ .calls = 1u << GA_SIM_SYNC, .always = true, .status = GA_IO });
    cr_assert_eq(ga_cache_alloc(second, MIB, 0, NULL, &b), GA_OK);
    cr_assert_eq(ga_devices_free_ptr(devices, b), GA_OK);
    cr_assert_eq(ga_devices_trim(devices, 0), GA_IO); /* the others all the same */
    cr_assert_eq(reserved(second), 0);
    ga_devices_delete(devices);
    ga_devices_delete(NULL);
}

Test(devices, are_as_they_were_when_one_cannot_be)
{
    struct ga_env env = test_env(&hook);
    struct ga_backend broken = { 0 };
    const struct ga_backend *list[] = { backends[0], backends[1], &broken };
    ga_devices *devices = ga_devices_new(&env, list, 1, NULL);
    cr_assert_eq(ga_devices_grow(devices, list, 3), GA_INVALID);
    cr_assert_eq(ga_devices_count(devices), 1);
    ga_devices_delete(devices);
    cr_assert_null(ga_devices_new(&env, list, 3, NULL));
    cr_assert_null(ga_devices_new(&env, list, 2, &(struct ga_cache_opts){ .collect = 2 }));
    uint64_t before = hook.requests, needed = 0;
    for (uint64_t at = 0; at <= needed; at++) {
        hook.fail_at = at ? hook.requests + at : 0;
        devices = ga_devices_new(&env, list, 2, NULL);
        cr_assert_eq(devices == NULL, at != 0);
        ga_devices_delete(devices);
        if (at == 0)
            needed = hook.requests - before;
    }
    cr_assert_geq(needed, 3);
}

static void not_ours(void *owner)
{
    (void)owner;
}

/* A token may wander to another owner, and another thread. */
static void *release_in_thread(void *user)
{
    struct ga_owned *owned = user;
    owned->release(owned->owner);
    return NULL;
}

Test(devices, have_blocks_that_know_how_to_go)
{
    struct ga_env env = test_env(&hook);
    struct ga_owned a, b, none;
    ga_cache *cache = ga_cache_new(&env, backends[0], &(struct ga_cache_opts){ .kind = 14 });
    ga_cache *other = ga_cache_new(&env, backends[1], NULL);
    cr_assert_eq(ga_cache_own(cache, 1000, 1, &a), GA_OK);
    cr_assert_eq(ga_cache_own(cache, 2000, GA_STREAM_CURRENT, &b), GA_OK);
    cr_assert(a.kind == 14 && a.device == backends[0]->device && a.release == ga_cache_release);
    size_t size;
    cr_assert_eq(ga_cache_ptr(cache, ga_cache_find(cache, a.ptr), &size), a.ptr);
    cr_assert_eq(size, 1024);
    cr_assert_eq(ga_cache_own(cache, 0, 0, &none), GA_OK);
    cr_assert_null(none.ptr);
    none.release(none.owner);
    cr_assert_eq(ga_cache_share_owned(cache, &none, 2), GA_OK);
    cr_assert_eq(ga_cache_share_owned(other, &a, 2), GA_UNKNOWN);
    struct ga_owned foreign = { .ptr = &foreign, .release = not_ours };
    cr_assert_eq(ga_cache_share_owned(cache, &foreign, 2), GA_OK);
    cr_assert_eq(ga_cache_share_owned(cache, &a, 2), GA_OK);
    cr_assert_eq(ga_sim_work(sims[0], 2, a.ptr, 8, GA_SIM_BY_HAND), GA_OK);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, release_in_thread, &a), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(ga_cache_poll(cache), 1024);
    ga_sim_finish(sims[0], 2);
    cr_assert_eq(ga_cache_poll(cache), 0);
    struct ga_owned kept = { .kind = 99 };
    cr_assert_eq(ga_cache_own(cache, 100 * MIB, 0, &kept), GA_NO_SPACE);
    for (uint64_t at = 1; at < 4; at++) {
        hook.fail_at = hook.requests + at;
        cr_assert(ga_cache_own(cache, 512, 3, &kept) != GA_NO_MEMORY || kept.kind == 99);
        ga_cache_release(kept.owner);
        kept = (struct ga_owned){ .kind = 99 };
    }
    ga_cache_delete(cache); /* b's owner goes with it */
    ga_cache_delete(other);
}

Test(devices, copy_in_the_order_of_a_stream)
{
    struct ga_env env = test_env(&hook);
    char text[1000];
    void *a, *b;
    ga_cache *cache = ga_cache_new(&env, backends[0], NULL);
    cr_assert_eq(ga_cache_alloc(cache, sizeof text, 1, NULL, &a), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, sizeof text, 1, NULL, &b), GA_OK);
    memset(text, 'x', sizeof text);
    cr_assert_eq(ga_cache_copy(cache, a, text, sizeof text, 1), GA_OK);
    cr_assert_eq(ga_cache_copy(cache, b, a, sizeof text, 1), GA_OK);
    memset(text, 0, sizeof text);
    cr_assert_eq(ga_cache_copy(cache, text, b, sizeof text, 1), GA_OK);
    for (size_t i = 0; i < sizeof text; i++)
        cr_assert_eq(text[i], 'x');
    cr_assert_eq(ga_cache_copy(cache, a, b, 0, 9), GA_OK);
    cr_assert_eq(ga_cache_copy(cache, a, b, 1, 9), GA_INVALID);
    ga_sim_fail(sims[0], &(struct ga_sim_fault){ .calls = 1u << GA_SIM_COPY, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_cache_copy(cache, a, b, 1, 1), GA_IO);
    cr_assert_eq(ga_cache_share_ptr(cache, a, 2), GA_OK);
    cr_assert_eq(ga_cache_free_ptr(cache, b), GA_OK);
    cr_assert_eq(ga_cache_free_ptr(cache, a), GA_OK);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK); /* waits for the copies, or the device complains */
    ga_cache_delete(cache);
    cache = ga_cache_new(&env, ga_backend_cpu(), NULL);
    cr_assert_eq(ga_cache_copy(cache, a, b, 1, 0), GA_UNSUPPORTED);
    ga_cache_delete(cache);
}

Test(devices, notice_a_copy_that_races)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_cpu(), NULL);
    const struct ga_backend *backend = ga_sim_backend(sim);
    struct ga_buffer buffer;
    cr_assert_eq(backend->alloc(backend->user, 64, &buffer), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 0, buffer.base, 64, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(backend->copy->copy(backend->copy->user, buffer.base, buffer.base, 8, 1), GA_OK);
    cr_assert_not_null(strstr(ga_sim_error(sim), "copied while unfinished work"));
    ga_sim_delete(sim);
    sim = ga_sim_new(NULL, ga_backend_null(), NULL);
    backend = ga_sim_backend(sim);
    cr_assert_eq(backend->copy->copy(backend->copy->user, &buffer, &sim, 8, 1), GA_OK);
    cr_assert_not_null(strstr(ga_sim_error(sim), "not allocated"));
    ga_sim_delete(sim);
}
