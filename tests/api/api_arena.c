#include "bound.h"

Test(arena, refuses_what_backs_nothing)
{
    struct ga_backend bad = *ga_backend_cpu();
    const struct ga_backend *pools[] = { ga_backend_cpu(), NULL };
    cr_assert_null(ga_arena_new(NULL, NULL, 1, NULL));
    cr_assert_null(ga_arena_new(NULL, pools, 0, NULL));
    cr_assert_null(ga_arena_new(NULL, pools, 2, NULL));
    bad.align = 3;
    pools[1] = &bad;
    cr_assert_null(ga_arena_new(NULL, pools, 2, NULL));
    for (uint64_t nth = 1; nth <= 2; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        cr_assert_null(ga_arena_new(&env, pools, 1, NULL));
        cr_assert_eq(mem.blocks, 0);
    }
    ga_arena_delete(NULL);
}

Test(arena, three_graphs_take_the_maximum_not_the_sum)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    const uint64_t sizes[] = { 1000, 64000, 4096 };
    ga_gallocr *gallocs[3];
    ga_graph *graphs[3];
    uint64_t largest = 0;
    for (int i = 0; i < 3; i++) {
        gallocs[i] = ga_gallocr_new(&world.env, world.arena, NULL);
        graphs[i] = chain(sizes[i], 0);
        cr_assert_eq(ga_gallocr_alloc_graph(gallocs[i], graphs[i]), GA_OK);
        uint64_t peak = ga_plan_peak(ga_gallocr_plan(gallocs[i]), 0);
        largest = peak > largest ? peak : largest;
    }
    cr_assert_eq(ga_arena_size(world.arena, 0), largest);
    cr_assert_eq(world_stats(&world, 0).live, largest);
    cr_assert_eq(ga_arena_size(world.arena, 1), 0);
    cr_assert_eq(ga_arena_size(world.arena, 2), 0);
    /* Growth for the second moved the first: its addresses are those of the buffer that is there now. */
    for (int i = 0; i < 3; i++)
        for (ga_id id = 1; id <= 4; id++) {
            struct ga_slot slot;
            cr_assert(ga_gallocr_slot(gallocs[i], id, &slot));
            cr_assert_eq((char *)ga_gallocr_addr(gallocs[i], id), (char *)ga_arena_buffer(world.arena, 0, 0)->base + slot.offset);
        }
    cr_assert_null(ga_arena_buffer(world.arena, 0, 1));
    cr_assert_null(ga_arena_buffer(world.arena, 1, 0));
    cr_assert_null(ga_arena_buffer(world.arena, 2, 0));
    for (int i = 0; i < 3; i++) {
        ga_gallocr_delete(gallocs[i]);
        ga_graph_delete(graphs[i]);
    }
    world_close(&world);
}

Test(arena, lives_until_its_last_user_is_gone)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *a = ga_gallocr_new(&world.env, world.arena, NULL), *b = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = chain(100, 0);
    ga_arena_delete(world.arena);
    ga_gallocr_delete(a);
    cr_assert_eq(ga_gallocr_alloc_graph(b, graph), GA_OK);
    cr_assert_eq(world_stats(&world, 0).buffers, 1);
    ga_gallocr_delete(b);
    ga_gallocr_delete(NULL);
    ga_graph_delete(graph);
    world.arena = NULL;
    world_close(&world);
}

/* Two pools of four chunks each grow at once; whichever new buffer cannot be had, all former bytes stay where they were. */
Test(arena, failed_growth_changes_nothing)
{
    for (uint64_t nth = 1;; nth++) {
        struct world world;
        world_open(&world, GA_GROW_KEEP, 1024);
        ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
        ga_graph *small = bundle(512, 8), *large = bundle(1024, 8);
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
        void *at[9];
        write_all(galloc, 8, at);
        uint64_t generation = ga_arena_generation(world.arena), held = world_stats(&world, 0).live;
        ga_meter_fail_in(world.meters[nth % 2], (nth + 1) / 2);
        enum ga_status status = ga_gallocr_alloc_graph(galloc, large);
        struct ga_oom oom;
        cr_assert_eq(ga_arena_oom(world.arena, &oom), status != GA_OK);
        if (status == GA_OK) {
            cr_assert_gt(nth, 4);
            cr_assert_neq(ga_arena_generation(world.arena), generation);
        } else {
            cr_assert_eq(status, GA_NO_SPACE);
            cr_assert_eq(oom.pool, nth % 2);
            cr_assert_eq(oom.needed, 1024);
            cr_assert_eq(oom.held, held);
            cr_assert_neq(oom.culprit, GA_NONE);
            cr_assert_eq(ga_arena_generation(world.arena), generation);
            cr_assert_eq(world_stats(&world, 0).live, held);
            for (ga_id id = 1; id <= 8; id++) {
                cr_assert_eq(ga_gallocr_addr(galloc, id), at[id]);
                for (size_t i = 0; i < 512; i++)
                    cr_assert_eq(((unsigned char *)at[id])[i], id);
            }
            cr_assert_eq(ga_gallocr_alloc_graph(galloc, large), GA_OK); /* it failed once */
            cr_assert_not(ga_arena_oom(world.arena, &oom));
        }
        ga_gallocr_delete(galloc);
        ga_graph_delete(small);
        ga_graph_delete(large);
        world_close(&world);
        if (status == GA_OK)
            return;
    }
}

Test(arena, tells_what_it_lacked)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    ga_id in = ga_graph_add(graph, &(struct ga_node){ .size = 640, .flags = GA_INPUT });
    ga_id big = ga_graph_add(graph, &(struct ga_node){ .size = 6400, .src = &in, .n_src = 1 });
    ga_graph_add(graph, &(struct ga_node){ .size = 64, .src = &big, .n_src = 1 });
    ga_meter_cap(world.meters[0], 7000);
    struct ga_oom oom;
    cr_assert_not(ga_arena_oom(world.arena, &oom));
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_NO_SPACE);
    cr_assert(ga_arena_oom(world.arena, &oom));
    cr_assert_eq(oom.needed, 7040);
    cr_assert_eq(oom.held, 0);
    cr_assert_eq(oom.free_bytes, 7000);
    cr_assert_eq(oom.total_bytes, 7000);
    cr_assert_eq(oom.culprit, big);
    cr_assert_null(ga_gallocr_addr(galloc, big));
    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    world_close(&world);
}

Test(arena, free_first_fits_where_both_would_not)
{
    struct world world;
    world_open(&world, GA_GROW_FREE_FIRST, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *small = chain(4096, 0), *large = chain(8192, 0), *huge = chain(1 << 20, 0), *beside = chain(64, 1);
    ga_meter_cap(world.meters[0], 20000);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, large), GA_OK);
    cr_assert_eq(ga_gallocr_reserve(galloc, beside), GA_OK);
    uint64_t generation = ga_arena_generation(world.arena);
    /* The exception: on failure the arena is empty, and says so. */
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, huge), GA_NO_SPACE);
    cr_assert_eq(ga_arena_size(world.arena, 0), 0);
    cr_assert_eq(ga_arena_size(world.arena, 1), 0); /* all of it */
    cr_assert_neq(ga_arena_generation(world.arena), generation);
    cr_assert_null(ga_gallocr_addr(galloc, 1));
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, large), GA_OK);
    cr_assert_not_null(ga_gallocr_addr(galloc, 1));
    ga_gallocr_delete(galloc);
    ga_graph_delete(small);
    ga_graph_delete(large);
    ga_graph_delete(huge);
    ga_graph_delete(beside);
    world_close(&world);
}

Test(arena, never_grows_what_was_filled)
{
    struct world world;
    world_open(&world, GA_GROW_NEVER, 1024);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *small = bundle(512, 8), *large = bundle(1024, 8), *few = bundle(256, 4);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    void *first = ga_gallocr_addr(galloc, 1);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, large), GA_NO_SPACE);
    cr_assert_eq(ga_gallocr_addr(galloc, 1), first);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, few), GA_OK);
    ga_gallocr_delete(galloc);
    ga_graph_delete(small);
    ga_graph_delete(large);
    ga_graph_delete(few);
    world_close(&world);
}

Test(arena, trims_to_what_was_bound_last)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 4096);
    ga_gallocr *a = ga_gallocr_new(&world.env, world.arena, NULL), *b = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *large = bundle(4096, 6), *small = bundle(2048, 3), *tiny = bundle(64, 1);
    cr_assert_eq(ga_gallocr_alloc_graph(a, large), GA_OK);
    cr_assert_eq(ga_gallocr_alloc_graph(b, tiny), GA_OK);
    uint64_t generation = ga_arena_generation(world.arena);
    ga_arena_trim(world.arena); /* all of it is needed */
    cr_assert_eq(ga_arena_generation(world.arena), generation);
    cr_assert_eq(ga_arena_size(world.arena, 0), 3 * 4096);
    cr_assert_eq(ga_gallocr_alloc_graph(a, small), GA_OK);
    cr_assert_eq(ga_arena_generation(world.arena), generation);

    ga_arena_freeze(world.arena, true);
    ga_arena_trim(world.arena);
    cr_assert_eq(ga_arena_size(world.arena, 0), 3 * 4096);
    ga_arena_freeze(world.arena, false);

    void *full = ga_gallocr_addr(a, 1);
    ga_meter_fail_in(world.meters[1], 1); /* no room for the smaller one: the larger stays */
    ga_arena_trim(world.arena);
    cr_assert_eq(ga_arena_size(world.arena, 0), 4096);
    cr_assert_eq(ga_gallocr_addr(a, 1), full); /* what fits exactly does not move */
    cr_assert_eq(ga_arena_size(world.arena, 1), 4096);
    cr_assert_neq(ga_arena_generation(world.arena), generation);
    generation = ga_arena_generation(world.arena);
    ga_arena_trim(world.arena);
    cr_assert_eq(ga_arena_size(world.arena, 1), 2048);
    cr_assert_neq(ga_arena_generation(world.arena), generation);

    cr_assert_eq(ga_gallocr_alloc_graph(a, tiny), GA_OK);
    ga_arena_trim(world.arena);
    cr_assert_eq(ga_arena_size(world.arena, 0), 64);
    cr_assert_eq(ga_arena_size(world.arena, 1), 0);
    cr_assert_eq(ga_gallocr_alloc_graph(a, large), GA_OK); /* a plan known before takes its buffers again */
    cr_assert_null(ga_gallocr_replan_reason(a));
    cr_assert_eq(ga_arena_size(world.arena, 0), 3 * 4096);
    ga_gallocr_delete(a);
    ga_gallocr_delete(b);
    ga_graph_delete(large);
    ga_graph_delete(small);
    ga_graph_delete(tiny);
    world_close(&world);
}

Test(arena, frozen_keeps_its_generation)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *small = chain(512, 0), *large = chain(1024, 0), *other = bundle(64, 3), *held = bundle(64, 1),
             *roomy = bundle(4096, 1);
    ga_gallocr_max_plans(galloc, 1);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, roomy), GA_OK);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    void *first = ga_gallocr_addr(galloc, 1);
    uint64_t generation = ga_arena_generation(world.arena);
    ga_arena_freeze(world.arena, true);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, large), GA_NO_SPACE); /* there is room, but it would replace a plan */
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, other), GA_NO_SPACE); /* would take a buffer in pool 1 */
    cr_assert_eq(ga_gallocr_addr(galloc, 1), first);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, held), GA_OK); /* fits; and the plan of `small` stays, though only one should */
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    cr_assert_null(ga_gallocr_replan_reason(galloc));
    cr_assert_eq(ga_gallocr_addr(galloc, 1), first);
    cr_assert_eq(ga_gallocr_guard(galloc, true), GA_NO_SPACE);
    cr_assert_eq(ga_arena_generation(world.arena), generation);
    ga_arena_freeze(world.arena, false);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, large), GA_OK);
    cr_assert_neq(ga_arena_generation(world.arena), generation);
    ga_gallocr_delete(galloc);
    ga_graph_delete(small);
    ga_graph_delete(large);
    ga_graph_delete(other);
    ga_graph_delete(held);
    ga_graph_delete(roomy);
    world_close(&world);
}

Test(arena, aligns_what_its_backend_does_not)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    ga_gallocr *galloc = ga_gallocr_new(&world.env, world.arena, NULL);
    ga_graph *plain = chain(1000, 0);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, plain), GA_OK);
    for (uint64_t align = 128; align <= 1 << 16; align *= 2) {
        ga_graph *graph = ga_graph_new(NULL);
        ga_id a = ga_graph_add(graph, &(struct ga_node){ .size = 100, .align = align, .flags = GA_INPUT });
        ga_id b = ga_graph_add(graph, &(struct ga_node){ .size = 100, .align = align, .src = &a, .n_src = 1 });
        uint64_t bytes[2];
        cr_assert_eq(ga_gallocr_measure(galloc, graph, bytes), GA_OK);
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
        cr_assert_eq((uintptr_t)ga_gallocr_addr(galloc, a) % align, 0);
        cr_assert_eq((uintptr_t)ga_gallocr_addr(galloc, b) % align, 0);
        ga_arena_trim(world.arena);
        cr_assert_eq(ga_arena_size(world.arena, 0), bytes[0]);
        cr_assert_eq((uintptr_t)ga_gallocr_addr(galloc, b) % align, 0);
        memset(ga_gallocr_addr(galloc, a), 1, 100);
        memset(ga_gallocr_addr(galloc, b), 1, 100);
        ga_graph_delete(graph);
    }
    ga_gallocr_delete(galloc);
    ga_graph_delete(plain);
    world_close(&world);
}

static enum ga_status alloc_askew(void *user, size_t size, struct ga_buffer *buffer)
{
    *buffer = (struct ga_buffer){ .base = (char *)user + 16, .size = size };
    return GA_OK;
}

static enum ga_status alloc_at_null(void *user, size_t size, struct ga_buffer *buffer)
{
    (void)user;
    *buffer = (struct ga_buffer){ .size = size };
    return GA_OK;
}

static void free_askew(void *user, struct ga_buffer *buffer)
{
    (void)user;
    (void)buffer;
}

static void count_line(void *user, enum ga_level level, const char *text)
{
    (void)text;
    if (level == GA_ERROR)
        ++*(int *)user;
}

Test(arena, notices_a_backend_that_breaks_its_promise)
{
    static _Alignas(64) char bytes[4096];
    int errors = 0;
    struct ga_backend liar = { .align = 64, .alloc = alloc_askew, .free = free_askew, .user = bytes };
    struct ga_env env = { .log = { .write = count_line, .user = &errors } };
    ga_arena *arena = ga_arena_new(&env, &(const struct ga_backend *){ &liar }, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *graph = chain(64, 0);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_INVALID);
    cr_assert_eq(ga_arena_pack(arena, 0, &(uint64_t){ 64 }, 1, &(struct ga_slot){ 0 }, NULL), GA_INVALID);
    cr_assert_eq(errors, 2);
    liar.alloc = alloc_at_null;
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_INVALID);
    liar.alloc = alloc_askew;
    liar.align = 16;
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    ga_graph_delete(graph);
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
}

Test(arena, packs_side_by_side)
{
    struct world world;
    world_open(&world, GA_GROW_KEEP, 1024);
    const uint64_t sizes[] = { 0, 500, 100, 0, 500, 1024, 2000, 64 }; /* 2000 is above the limit: tried alone */
    const struct {
        uint16_t chunk;
        uint64_t offset;
    } expected[] = { { 0, 0 }, { 0, 0 }, { 0, 512 }, { 0, 640 }, { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 } };
    struct ga_slot slots[8];
    uint64_t total = 0;
    cr_assert_eq(ga_arena_pack(world.arena, 1, sizes, 8, NULL, &total), GA_OK);
    cr_assert_eq(total, 512 + 128 + 512 + 1024 + 2048 + 64);
    cr_assert_eq(ga_arena_size(world.arena, 1), 0);
    uint64_t generation = ga_arena_generation(world.arena);
    for (uint16_t round = 0; round < 2; round++) {
        cr_assert_eq(ga_arena_pack(world.arena, 1, sizes, 8, slots, NULL), GA_OK);
        for (int i = 0; i < 8; i++) {
            cr_assert_eq(slots[i].pool, 1);
            cr_assert_eq(slots[i].chunk, expected[i].chunk + 5 * round);
            cr_assert_eq(slots[i].offset, expected[i].offset);
            cr_assert_eq(slots[i].size, sizes[i]);
            const struct ga_buffer *buffer = ga_arena_packed(world.arena, 1, slots[i].chunk);
            cr_assert_leq(slots[i].offset + sizes[i], buffer->size);
            memset((char *)buffer->base + slots[i].offset, 1, (size_t)sizes[i]);
        }
        cr_assert_eq(ga_arena_size(world.arena, 1), total * (round + 1));
    }
    cr_assert_null(ga_arena_packed(world.arena, 1, 10));
    cr_assert_null(ga_arena_packed(world.arena, 0, 0));
    ga_arena_trim(world.arena); /* packed buffers stay */
    cr_assert_eq(ga_arena_size(world.arena, 1), total * 2);
    cr_assert_eq(ga_arena_generation(world.arena), generation);
    cr_assert_eq(ga_arena_pack(world.arena, 1, NULL, 0, slots, &total), GA_OK);
    cr_assert_eq(total, 0);
    world_close(&world);
}

Test(arena, packing_is_refused_whole)
{
    const uint64_t sizes[] = { 1024, 1024, 1024 }, endless[] = { UINT64_MAX - 100, 200 }, odd[] = { UINT64_MAX };
    for (uint64_t nth = 1; nth <= 4; nth++) {
        struct world world;
        world_open(&world, GA_GROW_KEEP, 1024);
        struct ga_slot slots[3] = { { .pool = 7 } };
        uint64_t total = 5;
        struct ga_oom oom;
        ga_meter_fail_in(world.meters[0], nth);
        enum ga_status status = ga_arena_pack(world.arena, 0, sizes, 3, slots, &total);
        cr_assert_eq(status, nth <= 3 ? GA_NO_SPACE : GA_OK);
        if (status != GA_OK) {
            cr_assert_eq(ga_arena_size(world.arena, 0), 0);
            cr_assert_eq(slots[0].pool, 7);
            cr_assert_eq(total, 5);
            cr_assert(ga_arena_oom(world.arena, &oom));
            cr_assert_eq(oom.chunk, nth - 1);
            cr_assert_eq(oom.culprit, GA_NONE);
        }
        total = 5;
        cr_assert_eq(ga_arena_pack(world.arena, 0, endless, 2, NULL, &total), GA_NO_SPACE);
        cr_assert_eq(ga_arena_pack(world.arena, 0, odd, 1, slots, &total), GA_NO_SPACE);
        cr_assert_eq(ga_arena_pack(world.arena, 2, sizes, 3, NULL, &total), GA_INVALID);
        cr_assert_eq(total, 5);
        world_close(&world);
    }
    struct world world;
    world_open(&world, GA_GROW_KEEP, 0);
    world.mem.fail_at = world.mem.requests + 1;
    cr_assert_eq(ga_arena_pack(world.arena, 0, sizes, 3, &(struct ga_slot){ 0 }, NULL), GA_NO_MEMORY);
    cr_assert_eq(world_stats(&world, 0).allocs, 0);
    world_close(&world);
}
