/*
 * test_arena.c - what several users of one arena owe each other
 */
#include "ggml_alloc/ggml_alloc.h"

#include <criterion/criterion.h>

#include "base/rng.h"
#include "bind/arena.h"

static void *alloc_one(ga_gallocr *galloc, ga_graph *graph, uint64_t size, uint64_t align, ga_id *id)
{
    ga_graph_clear(graph);
    *id = ga_graph_add(graph, &(struct ga_node){ .size = size, .align = align });
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    return ga_gallocr_addr(galloc, *id);
}

/* One wants few bytes and much alignment, the other ever more bytes: each move of their chunk must suit both. */
Test(arena, keeps_other_users_served_when_a_chunk_moves)
{
    const struct ga_backend *cpu = ga_backend_cpu();
    ga_arena *arena = ga_arena_new(NULL, &cpu, 1, NULL);
    ga_gallocr *aligned = ga_gallocr_new(NULL, arena, NULL), *growing = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *few = ga_graph_new(NULL), *many = ga_graph_new(NULL);
    for (uint64_t round = 0; round < 20; round++) {
        ga_id id, other;
        alloc_one(growing, many, 8000 + 5000 * round, 0, &other);
        uint64_t held = ga_arena_size(arena, 0);
        alloc_one(aligned, few, 100, 4096, &id);
        cr_assert_geq(ga_arena_size(arena, 0), held, "the other's bytes are still there");
        cr_assert_not_null(ga_gallocr_addr(growing, other));
        alloc_one(growing, many, 8000 + 5000 * round + 2500, 0, &other);
        cr_assert_eq((uintptr_t)ga_gallocr_addr(aligned, id) % 4096, 0, "round %d", (int)round);
    }
    ga_graph_delete(few);
    ga_graph_delete(many);
    ga_gallocr_delete(aligned);
    ga_gallocr_delete(growing);
    ga_arena_delete(arena);
}

static void mesh(ga_graph *graph, struct rng *rng)
{
    ga_graph_clear(graph);
    uint32_t n = 1 + (uint32_t)rng_below(rng, 6);
    for (uint32_t i = 0; i < n; i++) {
        ga_id src = i ? 1 + (ga_id)rng_below(rng, i) : GA_NONE;
        struct ga_node node = {
            .size = 1 + rng_below(rng, 3000), .pool = (uint16_t)rng_below(rng, 2), .src = &src, .n_src = i != 0
        };
        node.align = rng_below(rng, 8) ? 0 : (uint64_t)1 << rng_below(rng, 13);
        ga_graph_add(graph, &node);
    }
}

/* Users of one arena grow, fail, trim and freeze it by turns; each keeps the addresses of its last graph, aligned and inside. */
Test(arena, survives_random_traffic)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng = { seed };
        ga_meter *meter = ga_meter_new(NULL, ga_backend_cpu());
        struct ga_backend limited = *ga_meter_backend(meter);
        limited.max_size = 4096;
        const struct ga_backend *pools[] = { ga_meter_backend(meter), &limited };
        ga_arena *arena = ga_arena_new(NULL, pools, 2, NULL);
        ga_graph *graph = ga_graph_new(NULL);
        ga_gallocr *users[3];
        for (int i = 0; i < 3; i++)
            users[i] = ga_gallocr_new(NULL, arena, NULL);
        for (int step = 0; step < 60; step++) {
            ga_gallocr *user = users[rng_below(&rng, 3)];
            uint64_t generation = ga_arena_generation(arena);
            mesh(graph, &rng);
            ga_meter_fail_in(meter, rng_below(&rng, 4) ? 0 : 1 + rng_below(&rng, 3));
            ga_arena_freeze(arena, rng_below(&rng, 5) == 0);
            enum ga_status status = ga_gallocr_alloc_graph(user, graph);
            cr_assert(status == GA_OK || status == GA_NO_SPACE);
            if (arena->frozen || status != GA_OK)
                cr_assert_eq(ga_arena_generation(arena), generation);
            for (ga_id id = 1; status == GA_OK && id <= ga_graph_len(graph); id++) {
                struct ga_node node;
                ga_graph_node(graph, id, &node);
                uintptr_t at = (uintptr_t)ga_gallocr_addr(user, id);
                cr_assert(at && at % (node.align ? node.align : 64) == 0);
            }
            if (rng_below(&rng, 6) == 0)
                ga_arena_trim(arena);
            const char *wrong = gai_arena_check(arena);
            cr_assert_null(wrong, "seed %d step %d: %s", (int)seed, step, wrong);
        }
        for (int i = 0; i < 3; i++)
            ga_gallocr_delete(users[i]);
        ga_graph_delete(graph);
        ga_arena_delete(arena);
        struct ga_meter_stats stats;
        ga_meter_stats(meter, &stats);
        cr_assert_eq(stats.live, 0);
        ga_meter_delete(meter);
    }
}
