#include "bound.h"

#include <stdio.h>

/* A layer's worth of every shape: branches, an heir, a view, an output.  `tokens` scales it, `past` moves the window. */
static void layers(ga_graph *graph, uint64_t tokens, uint64_t past, int n)
{
    ga_graph_clear(graph);
    ga_id cache = ga_graph_add(graph, &(struct ga_node){ .name = "cache", .size = 1 << 20, .flags = GA_EXTERNAL });
    ga_id x = ga_graph_add(graph, &(struct ga_node){ .name = "in", .size = tokens * 256, .flags = GA_INPUT });
    for (int i = 0; i < n; i++) {
        ga_id q = ga_graph_add(graph, &(struct ga_node){ .name = "q", .size = tokens * 256, .src = &x, .n_src = 1 });
        ga_id row = ga_graph_add(
            graph,
            &(struct ga_node){
                .name = "row", .size = 64, .src = &q, .n_src = 1, .view_of = cache, .view_offset = past * 64, .flags = GA_WRITES });
        ga_id src[] = { q, row };
        ga_id att = ga_graph_add(graph, &(struct ga_node){ .name = "att", .size = tokens * 1024, .src = src, .n_src = 2 });
        ga_id half = ga_graph_add(
            graph,
            &(struct ga_node){ .name = "half", .size = tokens * 512, .src = &att, .n_src = 1, .view_of = att, .view_offset = 512 });
        ga_id sum[] = { x, half };
        x = ga_graph_add(graph,
                         &(struct ga_node){ .name = "sum", .size = tokens * 256, .src = sum, .n_src = 2, .reuse = 1, .eager = 1 });
    }
    ga_graph_add(graph, &(struct ga_node){ .name = "out", .size = tokens * 128, .src = &x, .n_src = 1, .flags = GA_OUTPUT });
    cr_assert_eq(ga_graph_status(graph), GA_OK, "%s", ga_graph_error(graph));
}

Test(gallocr, binds_every_node_inside_its_arena)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    int keys[3];
    cr_assert_null(ga_gallocr_plan(galloc));
    cr_assert_null(ga_gallocr_addr(galloc, 1));
    cr_assert_null(ga_gallocr_addr_of(galloc, &keys[0]));
    ga_id ext = ga_graph_add(graph, &(struct ga_node){ .key = &keys[0], .size = 100, .flags = GA_EXTERNAL });
    ga_id a = ga_graph_add(graph, &(struct ga_node){ .key = &keys[1], .size = 1000, .flags = GA_INPUT });
    ga_id view = ga_graph_add(
        graph, &(struct ga_node){ .key = &keys[2], .size = 300, .src = &a, .n_src = 1, .view_of = a, .view_offset = 700 });
    ga_id none = ga_graph_add(graph, &(struct ga_node){ .size = 0, .src = &view, .n_src = 1 });
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_str_eq(ga_gallocr_replan_reason(galloc), "the first graph");
    cr_assert_null(ga_gallocr_addr(galloc, ext));
    cr_assert_null(ga_gallocr_addr(galloc, none));
    cr_assert_null(ga_gallocr_addr(galloc, GA_NONE));
    cr_assert_null(ga_gallocr_addr(galloc, none + 1));
    cr_assert_null(ga_gallocr_addr_of(galloc, &keys[0]));
    cr_assert_null(ga_gallocr_addr_of(galloc, keys + 3));
    cr_assert_eq(ga_gallocr_addr_of(galloc, &keys[2]), (char *)ga_gallocr_addr_of(galloc, &keys[1]) + 700);
    struct ga_slot slot = { .size = 1 };
    cr_assert_not(ga_gallocr_slot(galloc, ext, &slot));
    cr_assert(ga_gallocr_slot(galloc, view, &slot));
    cr_assert_eq(slot.size, 300);
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(gallocr, places_a_view_that_was_empty)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    for (int i = 0; i < 6; i++) {
        ga_graph_clear(graph);
        ga_id root = ga_graph_add(graph, &(struct ga_node){ .size = 256, .flags = GA_INPUT });
        ga_id view = ga_graph_add(graph, &(struct ga_node){ .size = i % 2 ? 64 : 0, .view_of = root, .view_offset = 64 });
        ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = &view, .n_src = 1 });
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
        cr_assert_eq(ga_gallocr_replan_reason(galloc) != NULL, i < 2, "graph %d", i);
        if (i % 2)
            cr_assert_eq(ga_gallocr_addr(galloc, view), (char *)ga_gallocr_addr(galloc, root) + 64);
    }
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(gallocr, is_steady_after_reserve)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(&world.env);
    layers(graph, 512, 0, 8);
    uint64_t bytes[2];
    cr_assert_eq(ga_gallocr_measure(galloc, graph, bytes), GA_OK);
    cr_assert_eq(world_stats(&world, 0).allocs, 0);
    cr_assert_eq(ga_gallocr_reserve(galloc, graph), GA_OK);
    cr_assert_eq(ga_arena_size(world.arena, 0), bytes[0]);
    cr_assert_eq(bytes[1], 0);
    cr_assert_null(ga_gallocr_plan(galloc)); /* reserving binds nothing */
    layers(graph, 1, 0, 9);                  /* decode has a layer more, so that there are two shapes */
    cr_assert_eq(ga_gallocr_reserve(galloc, graph), GA_OK);

    uint64_t generation = ga_arena_generation(world.arena);
    uint64_t allocs = world_stats(&world, 0).allocs + world_stats(&world, 1).allocs;
    void *at[2][64] = { { NULL } };
    for (uint64_t run = 0; run < 1000; run++) {
        bool decode = run % 5 != 0;
        layers(graph, decode ? 1 : 1 + run * 37 % 512, run, decode ? 9 : 8);
        uint64_t requests = world.mem.requests;
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
        cr_assert_eq(world.mem.requests, requests, "%d: %s", (int)run, ga_gallocr_replan_reason(galloc));
        cr_assert_null(ga_gallocr_replan_reason(galloc));
        for (ga_id id = 1; id <= ga_graph_len(graph); id++) {
            void *now = ga_gallocr_addr(galloc, id);
            if (run > 5)
                cr_assert_eq(now, at[decode][id]);
            at[decode][id] = now;
        }
    }
    cr_assert_eq(ga_arena_generation(world.arena), generation);
    cr_assert_eq(world_stats(&world, 0).allocs + world_stats(&world, 1).allocs, allocs);
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

/* Equal counts and sizes, and in one respect another graph each time. */
enum twist { PLAIN, EDGE, FLAG, VIEW, OFFSET, STEP, MASK, POOL, EXTENDED, SEQUENCE, N_TWISTS };

static void twisted(ga_graph *graph, enum twist twist)
{
    ga_graph_clear(graph);
    ga_id in = ga_graph_add(graph, &(struct ga_node){ .name = "in", .size = 256, .flags = GA_INPUT });
    ga_id a = ga_graph_add(graph, &(struct ga_node){ .name = "a", .size = 256, .src = &in, .n_src = 1 });
    ga_id b = ga_graph_add(graph, &(struct ga_node){ .name = "b", .size = 256, .src = &a, .n_src = 1, .pool = twist == POOL });
    ga_id view = ga_graph_add(graph, &(struct ga_node){ .name = "view",
                                                        .size = 64,
                                                        .view_of = twist == VIEW ? a : b,
                                                        .src = &b,
                                                        .n_src = 1,
                                                        .view_offset = twist == OFFSET ? 64 : 128 });
    ga_id c = ga_graph_add(graph, &(struct ga_node){ .name = "c", .size = 256, .src = twist == EDGE ? &in : &view, .n_src = 1 });
    ga_id src[] = { c, b };
    ga_id d = ga_graph_add(graph, &(struct ga_node){ .name = "d",
                                                     .size = 256,
                                                     .src = src,
                                                     .n_src = 2,
                                                     .reuse = twist == MASK ? 2 : 0,
                                                     .flags = (uint16_t)(twist == STEP   ? GA_TOGETHER
                                                                         : twist == FLAG ? GA_OUTPUT
                                                                                         : 0) });
    ga_graph_add(graph, &(struct ga_node){ .name = "e", .size = 256, .src = &d, .n_src = 1 });
    if (twist == EXTENDED)
        cr_assert_eq(ga_graph_extend(graph, a, d), GA_OK);
    const ga_id sequence[] = { 2, 3, 0, 4, 5, 6, 0, 7 };
    if (twist == SEQUENCE)
        cr_assert_eq(ga_graph_sequence(graph, sequence, 8), GA_OK);
    cr_assert_eq(ga_graph_status(graph), GA_OK, "%s", ga_graph_error(graph));
}

Test(gallocr, never_serves_a_stale_plan)
{
    ga_graph *graph = ga_graph_new(NULL);
    for (enum twist from = PLAIN; from < N_TWISTS; from++)
        for (enum twist to = PLAIN; to < N_TWISTS; to++) {
            struct world world;
            world_open(&world, GA_GROW_KEEP, 0);
            ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
            twisted(graph, from);
            cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
            twisted(graph, to);
            cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
            const char *reason = ga_gallocr_replan_reason(galloc);
            cr_assert_eq(reason == NULL, from == to, "%d -> %d: %s", from, to, reason);
            if (reason && from != SEQUENCE && to != SEQUENCE && from != EXTENDED && to != EXTENDED)
                cr_assert_not_null(strstr(reason, "node "), "%d -> %d: %s", from, to, reason);
            char why[200];
            cr_assert_eq(ga_plan_check(ga_gallocr_plan(galloc), graph, why, sizeof why), GA_OK, "%s", why);
            ga_gallocr_delete(galloc);
            world_close(&world);
        }
    ga_graph_delete(graph);
}

Test(gallocr, plans_for_the_larger_of_old_and_new)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    pair(graph, 1024, 64);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    uint64_t generation = ga_arena_generation(world.arena);
    pair(graph, 64, 2048);
    uint64_t bytes[2];
    cr_assert_eq(ga_gallocr_measure(galloc, graph, bytes), GA_OK);
    cr_assert_eq(bytes[0], 3072);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_not_null(strstr(ga_gallocr_replan_reason(galloc), "'b' needs 2048 bytes"));
    cr_assert_eq(ga_arena_size(world.arena, 0), 3072);
    cr_assert_neq(ga_arena_generation(world.arena), generation);
    generation = ga_arena_generation(world.arena);
    for (int i = 0; i < 4; i++) {
        pair(graph, i % 2 ? 1024 : 64, i % 2 ? 64 : 2048);
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
        cr_assert_null(ga_gallocr_replan_reason(galloc));
    }
    cr_assert_eq(ga_arena_generation(world.arena), generation);
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(gallocr, falls_back_to_exact_sizes)
{
    struct world world;
    world_open(&world, GA_GROW_FREE_FIRST, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    ga_meter_cap(world.meters[0], 2200);
    pair(graph, 1024, 64);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    pair(graph, 64, 2048);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_eq(ga_arena_size(world.arena, 0), 2112);
    struct ga_oom oom;
    cr_assert_not(ga_arena_oom(world.arena, &oom));
    /* Likewise when a plan kept from better times cannot be backed again. */
    ga_meter_cap(world.meters[0], 0);
    pair(graph, 4096, 4096);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    ga_gallocr *other = ga_gallocr_new(&world.env, world.arena, NULL);
    pair(graph, 1 << 20, 64);
    ga_meter_cap(world.meters[0], 1000);
    cr_assert_eq(ga_gallocr_alloc_graph(other, graph), GA_NO_SPACE); /* empties the arena: free first */
    pair(graph, 64, 64);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_str_eq(ga_gallocr_replan_reason(galloc), "no room for the sizes planned before");
    cr_assert_eq(ga_arena_size(world.arena, 0), 128);
    ga_gallocr_delete(other);
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(gallocr, drops_the_plan_used_least_recently)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    const struct {
        enum twist shape;
        bool known;
    } use[] = { { PLAIN, false }, { EDGE, false }, { PLAIN, true }, { VIEW, false },
                { PLAIN, true },  { EDGE, false }, { VIEW, false } };
    ga_gallocr_max_plans(galloc, 2);
    for (size_t i = 0; i < sizeof use / sizeof *use; i++) {
        uint64_t generation = ga_arena_generation(world.arena);
        twisted(graph, use[i].shape);
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
        cr_assert_eq(ga_gallocr_replan_reason(galloc) == NULL, use[i].known, "use %zu", i);
        cr_assert_eq(ga_arena_generation(world.arena) != generation, i >= 3 && !use[i].known, "use %zu", i);
    }
    const ga_plan *plan = ga_gallocr_plan(galloc);
    ga_gallocr_max_plans(galloc, 0); /* at least one: the one in use */
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_null(ga_gallocr_replan_reason(galloc));
    cr_assert_eq(ga_gallocr_plan(galloc), plan);
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(gallocr, keeps_thirty_two_plans)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    for (int round = 0; round < 2; round++)
        for (int n = 1; n <= 32; n++) {
            layers(graph, 1, 0, n);
            cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
            cr_assert_eq(ga_gallocr_replan_reason(galloc) == NULL, round == 1);
        }
    layers(graph, 1, 0, 33);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    layers(graph, 1, 0, 2);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_null(ga_gallocr_replan_reason(galloc));
    layers(graph, 1, 0, 1);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_not_null(ga_gallocr_replan_reason(galloc));
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(gallocr, refuses_bad_graphs_and_stays_bound)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *good = chain(64, 0), *elsewhere = chain(64, 2), *bad = ga_graph_new(NULL);
    ga_graph_add(bad, &(struct ga_node){ .size = 64, .src = &(ga_id){ 9 }, .n_src = 1 });
    uint64_t bytes[2] = { 1, 2 };
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, bad), GA_INVALID);
    cr_assert_not_null(ga_gallocr_replan_reason(galloc));
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, good), GA_OK);
    void *first = ga_gallocr_addr(galloc, 1);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, bad), GA_INVALID);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, elsewhere), GA_INVALID);
    cr_assert_not_null(strstr(ga_gallocr_replan_reason(galloc), "pool"));
    cr_assert_eq(ga_gallocr_measure(galloc, bad, bytes), GA_INVALID);
    cr_assert_eq(ga_gallocr_measure(galloc, elsewhere, bytes), GA_INVALID);
    cr_assert_eq(bytes[0] + bytes[1], 3);
    cr_assert_eq(ga_gallocr_addr(galloc, 1), first);
    cr_assert_null(ga_gallocr_new(NULL, NULL, NULL));
    ga_gallocr_delete(galloc);
    ga_graph_delete(good);
    ga_graph_delete(elsewhere);
    ga_graph_delete(bad);
    world_close(&world);
}

Test(gallocr, binds_nothing_that_does_not_fit_the_machine)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *small = chain(64, 0), *endless = chain((uint64_t)1 << 61, 0);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    void *first = ga_gallocr_addr(galloc, 1);
    uint64_t bytes[2];
    cr_assert_eq(ga_gallocr_measure(galloc, endless, bytes), GA_OK);
    cr_assert_eq(bytes[0], (uint64_t)1 << 62);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, endless), GA_NO_SPACE);
    struct ga_oom oom;
    cr_assert(ga_arena_oom(world.arena, &oom));
    cr_assert_eq(oom.needed, (uint64_t)1 << 62);
    cr_assert_eq(ga_gallocr_addr(galloc, 1), first);
    ga_gallocr_delete(galloc);
    ga_graph_delete(small);
    ga_graph_delete(endless);
    world_close(&world);
}

/* Everything that asks the hook, each request failed once: a status, the former graph still bound, nothing lost. */
Test(gallocr, is_unharmed_when_memory_runs_out)
{
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        struct world world;
        world_open(&world, GA_GROW_KEEP, 1024);
        ga_graph *graph = ga_graph_new(&world.env), *former = chain(512, 0), *larger = chain(700, 1);
        layers(graph, 4, 0, 3);
        ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, former), GA_OK);
        void *first = ga_gallocr_addr(galloc, 1);
        struct ga_plan_opts opts = { .n_pools = 2, .align = (uint64_t[]){ 64, 64 }, .chunk_max = (uint64_t[]){ 1024, 1024 } };
        ga_plan *plan;
        cr_assert_eq(ga_plan_graph(larger, &opts, &plan), GA_OK);
        uint64_t bytes[2];
        world.mem.fail_at = world.mem.requests + nth;
        enum ga_status all[5];
        all[0] = ga_gallocr_measure(galloc, graph, bytes);
        all[1] = ga_gallocr_reserve(galloc, graph);
        cr_assert_eq(ga_gallocr_addr(galloc, 1), first);
        all[2] = ga_gallocr_adopt(galloc, larger, plan);
        all[3] = ga_gallocr_guard(galloc, true);
        all[4] = ga_gallocr_alloc_graph(galloc, graph);
        cr_assert_eq(ga_gallocr_addr(galloc, 1) == first, all[4] != GA_OK);
        ga_gallocr *another = ga_gallocr_new(&world.env, world.arena, NULL);
        int failed = another == NULL;
        for (int i = 0; i < 5; i++) {
            cr_assert(all[i] == GA_OK || all[i] == GA_NO_MEMORY, "call %d: %s", i, ga_status_str(all[i]));
            failed += all[i] != GA_OK;
        }
        done = failed == 0;
        cr_assert_leq(failed, 1);
        ga_plan_delete(plan);
        ga_gallocr_delete(another);
        ga_gallocr_delete(galloc);
        ga_graph_delete(graph);
        ga_graph_delete(former);
        ga_graph_delete(larger);
        world_close(&world);
        cr_assert_lt(nth, 500);
    }
}

struct lines {
    int n;
    char last[600];
};

static void keep_line(void *user, enum ga_level level, const char *text)
{
    struct lines *lines = user;
    if (level == GA_INFO) {
        lines->n++;
        snprintf(lines->last, sizeof lines->last, "%s", text);
    }
}

Test(gallocr, says_one_line_when_it_plans_and_none_when_steady)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    struct lines lines = { 0 };
    struct ga_env env = { .log = { .write = keep_line, .user = &lines } };
    ga_gallocr *galloc = ga_gallocr_new(&env, world.arena, NULL), *other = ga_gallocr_new(&env, world.arena, NULL);
    ga_graph *small = chain(64, 0), *large = chain(8192, 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    cr_assert_eq(lines.n, 1);
    cr_assert_str_eq(lines.last, "alloc_graph: the first graph; the arena goes from 0 B to 128 B");
    cr_assert_eq(ga_gallocr_reserve(galloc, large), GA_OK);
    cr_assert_eq(lines.n, 2);
    cr_assert_str_eq(lines.last, "reserve: node 1 'in' needs 8192 bytes, its slot has 64; the arena goes from 128 B to 16.0 KiB");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, i % 2 ? small : large), GA_OK);
    cr_assert_eq(lines.n, 2);
    cr_assert_eq(ga_gallocr_alloc_graph(other, small), GA_OK);
    cr_assert_eq(ga_gallocr_alloc_graph(other, small), GA_OK);
    cr_assert_eq(lines.n, 3);
    ga_gallocr_delete(other);
    ga_gallocr_delete(galloc);
    ga_graph_delete(small);
    ga_graph_delete(large);
    world_close(&world);
}
