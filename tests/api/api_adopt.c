/*
 * api_adopt.c - plans made elsewhere: what is taken, what is refused and why
 */
#include "bound.h"

Test(gallocr, adopts_what_suits)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 1024);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = chain(300, 0), *other = bundle(300, 3), *third_pool = chain(300, 2), *grown = chain(400, 0);
    ga_plan *right, *unaligned, *whole, *away;
    const uint64_t align[] = { 64, 64 }, chunk_max[] = { 1024, 1024 };
    struct ga_plan_opts opts = { .n_pools = 2, .align = align, .chunk_max = chunk_max };
    cr_assert_eq(ga_plan_graph(graph, &opts, &right), GA_OK);
    cr_assert_eq(ga_plan_graph(graph, NULL, &unaligned), GA_OK);
    cr_assert_eq(ga_plan_graph(third_pool, NULL, &away), GA_OK);
    ga_graph *wide = bundle(900, 6);
    cr_assert_eq(ga_plan_graph(wide, &(struct ga_plan_opts){ .n_pools = 2, .align = align }, &whole), GA_OK);

    cr_assert_eq(ga_gallocr_adopt(galloc, other, right), GA_STALE);
    cr_assert_neq(ga_gallocr_adopt(galloc, grown, right), GA_OK);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, unaligned), GA_INVALID);
    cr_assert_eq(ga_gallocr_adopt(galloc, third_pool, away), GA_INVALID);
    cr_assert_eq(ga_gallocr_adopt(galloc, wide, whole), GA_INVALID);
    cr_assert_not_null(ga_gallocr_replan_reason(galloc));
    cr_assert_eq(world_stats(&world, 0).allocs, 0);

    ga_meter_fail_in(world.meters[0], 1);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, right), GA_NO_SPACE);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, right), GA_OK);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, right), GA_OK); /* again: nothing to do */
    cr_assert_null(ga_gallocr_plan(galloc));
    uint64_t generation = ga_arena_generation(world.arena), allocs = world_stats(&world, 0).allocs;
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_null(ga_gallocr_replan_reason(galloc));
    cr_assert_eq(ga_gallocr_plan(galloc), right);
    cr_assert_eq(ga_arena_generation(world.arena), generation);
    cr_assert_eq(world_stats(&world, 0).allocs, allocs);

    ga_plan *again;
    cr_assert_eq(ga_plan_graph(graph, &opts, &again), GA_OK);
    ga_arena_freeze(world.arena, true);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, again), GA_NO_SPACE);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, right), GA_OK);
    ga_arena_freeze(world.arena, false);
    cr_assert_eq(ga_gallocr_adopt(galloc, graph, again), GA_OK);
    cr_assert_neq(ga_arena_generation(world.arena), generation);
    cr_assert_eq(ga_gallocr_plan(galloc), right); /* bound until the next graph */
    ga_plan_delete(again);
    ga_plan_delete(right);
    ga_plan_delete(unaligned);
    ga_plan_delete(whole);
    ga_plan_delete(away);
    ga_graph_delete(wide);
    ga_graph_delete(third_pool);
    ga_graph_delete(grown);
    ga_graph_delete(other);
    ga_graph_delete(graph);
    ga_gallocr_delete(galloc);
    world_close(&world);
}
