/*
 * heap_rig.h - heaps on a simulated device, looked at after each call
 */
#ifndef TESTS_HEAP_RIG_H
#define TESTS_HEAP_RIG_H

#include <criterion/criterion.h>

#include "ggml_alloc/heap.h"
#include "ggml_alloc/sim.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define PAGE (16 * KIB)

static struct test_mem hook;
static ga_sim *sim;
static ga_heaps *heaps;
static ga_heap *heap; /* the private face */

static inline void start_on(const struct ga_backend *inner, const struct ga_sim_opts *device, const struct ga_heap_opts *opts)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(NULL, inner, device);
    heaps = ga_heaps_new(&env, ga_sim_backend(sim), opts);
    cr_assert_not_null(heaps);
    heap = ga_heaps_get(heaps, false);
}

static inline void start(void)
{
    start_on(ga_backend_null(), &(struct ga_sim_opts){ .capacity = 8 * GIB }, NULL);
}

static inline void sound(void)
{
    const char *broken = ga_heap_check(heap);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static inline void finish(void)
{
    struct ga_sim_stats stats;
    sound();
    ga_heaps_delete(heaps);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.live == 0 && stats.events == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static inline void restart(uint64_t capacity, bool discrete, const struct ga_heap_opts *opts)
{
    finish();
    start_on(ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity, .discrete = discrete }, opts);
}

/* With bytes behind the addresses, and small heaps. */
static inline void restart_with_bytes(void)
{
    finish();
    start_on(ga_backend_cpu(), &(struct ga_sim_opts){ .capacity = GIB }, NULL);
}

static inline ga_heap_buffer take_as(size_t size, unsigned usage)
{
    ga_heap_buffer buffer = 0;
    enum ga_status status = ga_heap_alloc(heap, size, usage, &buffer);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    cr_assert_neq(buffer, 0);
    sound();
    return buffer;
}

static inline ga_heap_buffer take(size_t size)
{
    return take_as(size, GA_HEAP_PRIVATE);
}

static inline void give(ga_heap_buffer buffer)
{
    cr_assert_eq(ga_heap_free(heap, buffer), GA_OK);
    sound();
}

static inline uint64_t id_of(ga_heap_buffer buffer)
{
    return ga_heap_get_buffer_id(heap, buffer);
}

static inline struct ga_heap_stats stats(void)
{
    struct ga_heap_stats stats;
    ga_heap_stats(heap, &stats);
    return stats;
}

/* What the walk says of a heap (by id) or buffer. */
static inline struct ga_heap_part part_of(enum ga_heap_part_kind kind, uint64_t id)
{
    struct ga_heap_part parts[256];
    uint32_t n = ga_heap_walk(heap, parts, 256);
    cr_assert_leq(n, 256);
    for (uint32_t i = 0; i < n; i++)
        if (parts[i].kind == kind && parts[i].id == id)
            return parts[i];
    return (struct ga_heap_part){ 0 };
}

static inline struct ga_heap_part pool_part(enum ga_heap_pool pool)
{
    struct ga_heap_part parts[256];
    uint32_t n = ga_heap_walk(heap, parts, 256);
    for (uint32_t i = 0; i < n && i < 256; i++)
        if (parts[i].kind == GA_HEAP_PART_POOL && parts[i].pool == pool)
            return parts[i];
    cr_assert_fail("no such pool");
    return parts[0];
}

static inline uint64_t size_of(ga_heap_buffer buffer)
{
    size_t size = 0;
    ga_heap_ptr(heap, buffer, &size);
    return size;
}

static inline bool refuses(const struct ga_heap_opts *opts)
{
    ga_heaps *refused = ga_heaps_new(NULL, ga_sim_backend(sim), opts);
    ga_heaps_delete(refused);
    return !refused;
}

#endif
