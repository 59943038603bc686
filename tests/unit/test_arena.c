/*
 * test_arena.c - what several users of one arena owe each other
 */
#include "ggml_alloc/ggml_alloc.h"

#include <criterion/criterion.h>

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
