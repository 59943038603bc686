/*
 * test_core.c - segments cut into blocks: what its users see only now and then
 */
#include "cache/core.h"
#include "cache/carve.h"

#include "support.h"

#include <criterion/criterion.h>

enum { SIZE = 4096 };

static struct test_mem hook;
static struct ga_env env;
static struct core core;
static char memory[8][SIZE];
static uint32_t lane;

static void start(void)
{
    hook = (struct test_mem){ 0 };
    env = test_env(&hook);
    gai_core_init(&core, &env.mem, GA_FIT_BEST);
    cr_assert(core_lane(&core, 0, 0, false, &lane));
}

static void check(void)
{
    const char *broken = gai_core_check(&core);
    cr_assert_null(broken, "%s", broken);
}

static void finish(void)
{
    check();
    gai_core_fini(&core);
    cr_assert(!hook.lied && hook.blocks == 0);
}

TestSuite(core, .init = start, .fini = finish);

static uint32_t add_segment(unsigned k)
{
    uint32_t segment, node;
    cr_assert_eq(gai_core_add(&core, lane, &(struct ga_buffer){ .base = memory[k], .size = SIZE }, &segment, &node), GA_OK);
    check();
    return segment;
}

static uint32_t take_in(uint64_t skip, uint64_t len)
{
    uint32_t block = 0, from = gai_core_find(&core, lane, skip + len);
    cr_assert_neq(from, RANGE_NONE);
    cr_assert_eq(gai_core_take(&core, lane, from, skip, len, len, &block), GA_OK);
    check();
    return block;
}

static const char *address(uint32_t block)
{
    return core.blocks[block].ptr;
}

/* Numbers that come back belonged to another segment. */
Test(core, knows_the_segment_of_what_is_left_free_below)
{
    add_segment(0);
    uint32_t blocks[9];
    for (unsigned k = 0; k < 8; k++)
        blocks[k] = take_in(0, SIZE / 8);
    add_segment(1);
    blocks[8] = take_in(0, SIZE);
    for (unsigned k = 0; k < 8; k += 2)
        core_free(&core, blocks[k]);
    for (unsigned k = 1; k < 8; k += 2)
        core_free(&core, blocks[k]);
    take_in(0, SIZE);
    core_free(&core, blocks[8]);
    uint32_t high = take_in(1024, 512);
    cr_assert_eq(address(high), memory[1] + 1024);
    uint32_t low = take_in(0, 1024), rest = take_in(0, SIZE - 1536);
    cr_assert(address(low) == memory[1] && address(rest) == memory[1] + 1536);
    cr_assert_eq(core.counts.splits.kinds[false].now, 0);
}

Test(core, ages_a_segment_by_when_its_last_block_was_retired)
{
    uint32_t segment = add_segment(0), block = take_in(0, 100);
    for (int k = 0; k < 5; k++)
        core_free(&core, take_in(0, 10));
    uint64_t retired = core_tick(&core) + 1;
    gai_core_retire(&core, block);
    for (int k = 0; k < 5; k++)
        core_tick(&core);
    gai_core_give(&core, block);
    cr_assert_eq(core.segments[segment].idle_since, retired);
    check();
}

static uint32_t fill(uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        take_in(0, 1);
    return n;
}

Test(core, takes_without_memory_what_it_made_room_for)
{
    for (uint32_t n = 1; n < 300; n = n * 3 + 1) {
        bool has_room = false;
        for (uint64_t nth = 1; !has_room; nth++) {
            finish();
            start();
            add_segment(0);
            fill(3);
            hook.fail_at = hook.requests + nth;
            uint64_t last = hook.requests + nth;
            has_room = gai_core_room(&core, lane, n);
            cr_assert_eq(has_room, hook.requests < last, "of %u, request %u failed, and nobody noticed", n, (unsigned)nth);
            check();
        }
        uint64_t requests = hook.requests;
        fill(n);
        cr_assert_eq(hook.requests, requests, "room for %u", n);
    }
}

Test(core, is_as_before_when_memory_runs_out)
{
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        finish();
        start();
        uint32_t segment = 77, node = 77, block = 77;
        hook.fail_at = hook.requests + nth;
        uint64_t last = hook.requests + nth;
        struct ga_buffer buffer = { .base = memory[0], .size = SIZE };
        enum ga_status status = gai_core_add(&core, lane, &buffer, &segment, &node);
        if (status == GA_OK)
            status = gai_core_take(&core, lane, node, 64, 64, 60, &block);
        else
            cr_assert(segment == 77 && node == 77);
        done = status == GA_OK;
        cr_assert_eq(status, hook.requests < last ? GA_OK : GA_NO_MEMORY, "request %u", (unsigned)nth);
        cr_assert(done || block == 77);
        check();
        if (node == 77)
            add_segment(0);
        cr_assert_eq(address(take_in(0, 64)), memory[0], "the lowest of what is free");
    }
}

Test(core, tells_names_of_all_times_apart)
{
    add_segment(0);
    uint32_t slot, block = take_in(0, 8);
    ga_block first = core_name(&core, block);
    cr_assert(gai_core_slot(&core, first, &slot) == GA_OK && slot == block);
    gai_core_retire(&core, block);
    cr_assert_eq(gai_core_slot(&core, first, &slot), GA_FREED);
    gai_core_give(&core, block);
    cr_assert_eq(gai_core_slot(&core, first, &slot), GA_FREED);
    cr_assert_eq(gai_core_slot(&core, core_name(&core, block), &slot), GA_FREED, "the next name of the slot, not given yet");
    cr_assert_eq(take_in(0, 8), block);
    ga_block second = core_name(&core, block);
    cr_assert(gai_core_slot(&core, first, &slot) == GA_FREED && gai_core_slot(&core, second, &slot) == GA_OK);
    const ga_block unknown[] = { 0, 7, second + 1, second + ((ga_block)1 << 32), (ga_block)1 << 32 };
    for (unsigned k = 0; k < sizeof unknown / sizeof *unknown; k++)
        cr_assert_eq(gai_core_slot(&core, unknown[k], &slot), GA_UNKNOWN, "%u", k);
}

Test(core, finds_blocks_by_address_whenever_it_is_asked)
{
    add_segment(0);
    uint32_t blocks[40];
    for (unsigned k = 0; k < 40; k++)
        blocks[k] = take_in(0, 64);
    core_free(&core, blocks[7]);
    core_free(&core, blocks[39]);
    for (unsigned k = 0; k < 40; k++)
        cr_assert_eq(gai_core_at(&core, memory[0] + 64 * k), k == 7 || k == 39 ? 0 : blocks[k]);
    core_free(&core, blocks[3]);
    blocks[3] = take_in(0, 64);
    check();
    cr_assert_eq(gai_core_at(&core, memory[0] + 64 * 3), blocks[3]);
    cr_assert_eq(gai_core_at(&core, memory[0] + 1), 0);
}

Test(core, finds_blocks_by_address_without_memory_for_a_table)
{
    add_segment(0);
    uint32_t first = take_in(0, 64), second = take_in(0, 64);
    core_free(&core, first);
    for (int k = 0; k < 2; k++) {
        hook.fail_at = hook.requests + 1;
        cr_assert(gai_core_at(&core, memory[0] + 64) == second && gai_core_at(&core, memory[0]) == 0);
        cr_assert(core.by_address, "the second time there was memory");
        check();
    }
}

Test(core, makes_a_lane_for_each_owner)
{
    uint32_t lanes[8], again;
    for (uint32_t k = 0; k < 8; k++)
        cr_assert(core_lane(&core, k & 1, k >> 1 & 1, k >> 2 & 1, &lanes[k]));
    cr_assert_eq(core.n_lanes, 8);
    for (uint32_t k = 0; k < 8; k++) {
        cr_assert(core_lane(&core, k & 1, k >> 1 & 1, k >> 2 & 1, &again) && again == lanes[k]);
        const struct core_lane *found = core_lane_at(&core, again);
        cr_assert(found->pool == (k & 1) && found->stream == (k >> 1 & 1) && found->small == (k >> 2 & 1));
    }
    for (uint64_t nth = 1; nth < 3; nth++) {
        hook.fail_at = hook.requests + nth;
        cr_assert_not(core_lane(&core, 9, 0, false, &again));
        check();
    }
}

/* Segments lie one behind the other; what those that left had held joins, so that their numbers never run out. */
Test(core, forgets_segments_in_any_order)
{
    static const unsigned orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 1, 0, 3 } };
    for (unsigned o = 0; o < 4; o++) {
        uint32_t segments[4], at;
        for (unsigned k = 0; k < 4; k++)
            segments[k] = add_segment(k);
        for (unsigned k = 0; k < 4; k++) {
            gai_core_remove(&core, segments[orders[o][k]]);
            check();
        }
        struct ga_buffer buffer;
        for (unsigned k = 4; k-- > 0;) {
            cr_assert_eq(core.counts.segments.kinds[false].now, k + 1);
            cr_assert(gai_core_leave(&core, &buffer, &at) && at == lane && buffer.base == memory[orders[o][k]]);
            check();
        }
        cr_assert_not(gai_core_leave(&core, &buffer, &at));
        cr_assert_eq(range_next(&core_lane_at(&core, lane)->range, RANGE_NONE), gai_range_tail(&core_lane_at(&core, lane)->range));
        cr_assert_eq(core_reserved(&core), 0);
    }
    cr_assert_eq(core.n_segments, 4, "numbers of segments that left are used again");
}
