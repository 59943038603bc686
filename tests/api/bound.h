/*
 * bound.h - what the tests of arena and graph allocator share: a metered pool or two, and small graphs
 */
#ifndef TESTS_API_BOUND_H
#define TESTS_API_BOUND_H

#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/ggml_alloc.h"
#include "support.h"

/* Pools 0 and 1, each metered; `mem` serves everything but the graphs. */
struct world {
    struct test_mem mem;
    struct ga_env env;
    ga_meter *meters[2];
    struct ga_backend backends[2];
    ga_arena *arena;
};

static inline void world_open(struct world *world, enum ga_grow grow, size_t max_size)
{
    *world = (struct world){ 0 };
    world->env = test_env(&world->mem);
    const struct ga_backend *pools[2];
    for (int i = 0; i < 2; i++) {
        world->meters[i] = ga_meter_new(NULL, ga_backend_cpu());
        world->backends[i] = *ga_meter_backend(world->meters[i]);
        world->backends[i].max_size = max_size;
        pools[i] = &world->backends[i];
    }
    world->arena = ga_arena_new(&world->env, pools, 2, &(struct ga_arena_opts){ .grow = grow });
    cr_assert_not_null(world->arena);
}

static inline struct ga_meter_stats world_stats(const struct world *world, int pool)
{
    struct ga_meter_stats stats;
    ga_meter_stats(world->meters[pool], &stats);
    return stats;
}

/* Everything was given back, with the right sizes. */
static inline void world_close(struct world *world)
{
    ga_arena_delete(world->arena);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(world_stats(world, i).live, 0);
        cr_assert_eq(world_stats(world, i).buffers, 0);
        ga_meter_delete(world->meters[i]);
    }
    cr_assert_eq(world->mem.blocks, 0);
    cr_assert_not(world->mem.lied);
}

/* in -> a -> b -> c, each of `size` bytes: two of them live at a time. */
static inline ga_graph *chain(uint64_t size, uint16_t pool)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id id = ga_graph_add(graph, &(struct ga_node){ .name = "in", .size = size, .pool = pool, .flags = GA_INPUT });
    for (int i = 0; i < 3; i++)
        id = ga_graph_add(graph, &(struct ga_node){ .name = "link", .size = size, .pool = pool, .src = &id, .n_src = 1 });
    cr_assert_eq(id, 4);
    return graph;
}

/* `n` tensors of `size` bytes that all live at once, in both pools by turns. */
static inline ga_graph *bundle(uint64_t size, uint32_t n)
{
    ga_graph *graph = ga_graph_new(NULL);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(
            ga_graph_add(graph, &(struct ga_node){ .name = "held", .size = size, .pool = i % 2, .flags = GA_INPUT | GA_OUTPUT }),
            i + 1);
    return graph;
}

/* Writes to every byte of every node that has any, and remembers where it was. */
static inline void write_all(const ga_gallocr *galloc, uint32_t n, void **at)
{
    for (ga_id id = 1; id <= n; id++) {
        struct ga_slot slot;
        at[id] = ga_gallocr_addr(galloc, id);
        if (ga_gallocr_slot(galloc, id, &slot))
            memset(at[id], (int)id, (size_t)slot.size);
    }
}

/* Two inputs of `a` and `b` bytes. */
static inline void pair(ga_graph *graph, uint64_t a, uint64_t b)
{
    ga_graph_clear(graph);
    ga_id in = ga_graph_add(graph, &(struct ga_node){ .name = "a", .size = a, .flags = GA_INPUT });
    ga_graph_add(graph, &(struct ga_node){ .name = "b", .size = b, .src = &in, .n_src = 1 });
}

#endif
