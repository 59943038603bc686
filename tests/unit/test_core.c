/*
 * test_core.c - segments cut into blocks: what its users see only now and then
 */
#include "cache/core.h"
#include "cache/carve.h"

#include "unit/breaks.h"
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

Test(core, has_nothing_longest_where_nothing_is_free)
{
    cr_assert_eq(gai_core_longest(&core, lane), 0);
    add_segment(0);
    cr_assert_eq(gai_core_longest(&core, lane), SIZE);
    take_in(0, SIZE - 64);
    cr_assert_eq(gai_core_longest(&core, lane), 64);
    take_in(0, 64);
    cr_assert_eq(gai_core_longest(&core, lane), 0);
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

/* Free parts come and go as blocks do: how many were made, all in all. */
Test(core, counts_the_parts_that_are_left_free)
{
    static const struct {
        uint64_t now, added, bytes, added_bytes;
    } after[] = { { 1, 1, 3096, 3096 }, { 1, 2, 2096, 5192 }, { 1, 3, 1096, 6288 },  { 2, 4, 2096, 7288 },
                  { 2, 5, 3096, 9288 }, { 2, 6, 1596, 9788 }, { 2, 7, 3096, 11788 }, { 0, 7, 0, 11788 } };
    uint32_t blocks[4];
    add_segment(0);
    for (unsigned k = 0; k < sizeof after / sizeof *after; k++) {
        if (k < 3)
            blocks[k] = take_in(0, 1000);
        else if (k == 5)
            blocks[3] = take_in(500, 1500);
        else
            core_free(&core, blocks[k == 6 ? 3 : k == 7 ? 2 : k - 3]);
        const struct gauge *splits = &core.counts.splits.kinds[false], *bytes = &core.counts.split_bytes.kinds[false];
        cr_expect_eq(splits->now, after[k].now, "%u: %u are free", k, (unsigned)splits->now);
        cr_expect_eq(splits->added, after[k].added, "%u: %u were made", k, (unsigned)splits->added);
        cr_expect_eq(bytes->now, after[k].bytes, "%u: %u bytes are free", k, (unsigned)bytes->now);
        cr_expect_eq(bytes->added, after[k].added_bytes, "%u: %u bytes were made free", k, (unsigned)bytes->added);
        check();
    }
}

Test(core, keeps_many_holes_in_order)
{
    uint32_t slot, node;
    struct ga_buffer buffer = { .base = memory[0], .size = SIZE };
    cr_assert_eq(gai_core_reserve(&core, lane, &buffer, &slot), GA_OK);
    node = gai_core_map(&core, lane, 0, SIZE);
    for (uint64_t k = SIZE / 128; k-- > 0;) { /* from the high end down */
        cr_assert(gai_core_unmap(&core, lane, node, 128 * k + 32, 64));
        check();
        node = range_next(&core_lane_at(&core, lane)->range, core.segments[slot].fence);
    }
    cr_assert_eq(core_lane_at(&core, lane)->n_holes, SIZE / 128);
}

/* Nobody has that much, but who asks for it is told so. */
Test(core, has_no_numbers_for_a_segment_that_is_longer_than_all)
{
    uint32_t segment = 77, node = 77;
    for (uint64_t less = 0; less < 3; less++) {
        struct ga_buffer buffer = { .base = memory[0], .size = (size_t)(RANGE_OPEN - less) };
        if (buffer.size != RANGE_OPEN - less) /* 32 bits */
            return;
        cr_assert_eq(gai_core_add(&core, lane, &buffer, &segment, &node), GA_NO_SPACE);
        check();
    }
    struct ga_buffer longest = { .base = memory[0], .size = (size_t)(RANGE_OPEN - 3) }, one = { .base = memory[1], .size = 1 };
    cr_assert_eq(gai_core_add(&core, lane, &longest, &segment, &node), GA_OK);
    check();
    cr_assert_eq(gai_core_add(&core, lane, &one, &segment, &node), GA_NO_SPACE);
    check();
}

static void fill(uint32_t n, uint64_t skip)
{
    for (uint32_t k = 0; k < n; k++)
        take_in(skip, 1);
}

Test(core, takes_without_memory_what_it_made_room_for)
{
    for (uint32_t n = 1; n < 300; n += 1 + n / 8) {
        uint64_t skip = n % 3; /* some leave something free before them */
        bool has_room = false;
        for (uint64_t nth = 1; !has_room; nth++) {
            finish();
            start();
            add_segment(0);
            fill(3, skip);
            hook.fail_at = hook.requests + nth;
            uint64_t last = hook.requests + nth;
            has_room = gai_core_room(&core, lane, n);
            cr_assert_eq(has_room, hook.requests < last, "of %u, request %u failed, and nobody noticed", n, (unsigned)nth);
            check();
        }
        uint64_t requests = hook.requests;
        fill(n, skip);
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
    const ga_block unknown[] = { 0, 7, second + 1, second + ((ga_block)1 << 32), (ga_block)1 << 32, first - ((ga_block)1 << 32) };
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

/* --- what the check says --- */

#define BREAKS(place, other, words) BREAKS_AS(gai_core_check(&core), place, other, words)

/* A live block, one that is pending, free bytes; what a segment left that is leaving; a whole one; one that grows, in two holes. */
static void start_with_all(uint32_t *live, uint32_t *pending, uint32_t segments[4])
{
    uint32_t hole = RANGE_NONE;
    for (unsigned k = 0; k < 3; k++)
        segments[k] = add_segment(k);
    *live = take_in(0, 512);
    *pending = take_in(0, 512);
    gai_core_at(&core, memory[0]);
    gai_core_retire(&core, *pending);
    gai_core_remove(&core, segments[1]);
    struct ga_buffer buffer = { .base = memory[3], .size = SIZE };
    cr_assert_eq(gai_core_reserve(&core, lane, &buffer, &segments[3]), GA_OK);
    hole = gai_core_map(&core, lane, 0, 3072);
    cr_assert(gai_core_unmap(&core, lane, hole, 512, 1024));
    check();
}

Test(core, check_tells_where_a_block_is_not)
{
    uint32_t live, pending, segments[4];
    start_with_all(&live, &pending, segments);
    struct core_lane *home = core_block_home(&core, live);
    struct core_block *block = &core.blocks[live];
    struct tenant *tenant = &home->tenants[block->node];
    BREAKS(tenant->block, 0, "a block's slot is not in the slab");
    BREAKS(tenant->block, core.n_blocks + 1, "a block's slot is not in the slab");
    BREAKS(tenant->block, pending, "a block does not know where it is");
    BREAKS(block->segment, segments[2], "a block does not know where it is");
    BREAKS(block->node, block->node + 1, "a block does not know where it is");
    BREAKS(block->state, CORE_SPARE, "a block does not know where it is");
    BREAKS(block->requested, 513, "a block does not know where it is");
    BREAKS(block->ptr, memory[0] + 1, "a block's address is not where it lies");
    BREAKS(core.addrs.len, core.addrs.len + 1, "an address is found that is not live");
    BREAKS(core.by_address, false, "an address is found that is not live");
    gai_addrs_remove(&core.addrs, (uintptr_t)block->ptr);
    cr_expect_str_eq(gai_core_check(&core), "a live block is not found by its address");
    gai_addrs_add(&core.addrs, (uintptr_t)block->ptr, live);
}

Test(core, check_tells_what_of_a_segment_is_broken)
{
    uint32_t live, pending, segments[4];
    start_with_all(&live, &pending, segments);
    struct core_lane *home = core_lane_at(&core, lane);
    struct core_segment *first = &core.segments[segments[0]], *grows = &core.segments[segments[3]];
    uint32_t free_node = range_prev(&home->range, first->mark);
    uint32_t gone = range_next(&home->range, first->mark);
    BREAKS(home->range.used, 0, "what is used is not what was counted");
    BREAKS(home->tenants[first->fence].block, TENANT_MARK, "a segment has no fence");
    BREAKS(home->tenants[free_node].segment, segments[2], "a node belongs to another segment");
    BREAKS(home->tenants[grows->mark].block, TENANT_HOLE, "a segment has no mark");
    BREAKS(home->tenants[first->fence].segment, segments[2], "a node belongs to another segment");
    BREAKS(home->tenants[first->mark].segment, segments[2], "a segment does not know where it is");
    BREAKS(first->fence, first->fence + 1, "a segment does not know where it is");
    BREAKS(first->mark, first->mark + 1, "a segment does not know where it is");
    BREAKS(first->lane, lane + 1, "a segment does not know where it is");
    BREAKS(first->buffer.size, SIZE - 1, "a segment does not know where it is");
    BREAKS(first->start, first->start + 1, "a segment does not know where it is");
    BREAKS(first->n_blocks, 1, "a segment miscounts its blocks");
    BREAKS(grows->mapped, grows->mapped + 1, "a segment miscounts what is mapped");
    BREAKS(grows->grows, false, "a segment miscounts what is mapped");
    BREAKS(home->tenants[gone].block, TENANT_MARK, "a segment has no fence");
    BREAKS(home->n_holes, 1, "the list of holes is not complete");
    BREAKS(home->holes[0], home->holes[1], "the list of holes is not in order");
    BREAKS(home->holes[1], gone, "the list of holes is not in order");
    BREAKS(first->prev, segments[2], "the list of segments is broken");
    BREAKS(core.segments[segments[2]].next, segments[0], "the list of segments is broken");
    BREAKS(core.newest, segments[0], "the list of segments is not complete");
    BREAKS(core.oldest, segments[2], "the list of segments is broken");
    BREAKS(grows->prev, segments[0], "the list of segments is broken");
    BREAKS(core.segments[segments[2]].next, 0, "the list of segments is not complete");
    BREAKS(core.leaving, 0, "a count is not the sum");
}

Test(core, check_tells_which_sum_is_wrong)
{
    uint32_t live, pending, segments[4];
    start_with_all(&live, &pending, segments);
    struct counts *counts = &core.counts;
    struct tally *tallies[] = { &counts->allocations,    &counts->allocated_bytes, &counts->requested_bytes, &counts->segments,
                                &counts->reserved_bytes, &counts->splits,          &counts->split_bytes };
    for (unsigned k = 0; k < sizeof tallies / sizeof *tallies; k++)
        for (int kind = 0; kind < KINDS; kind++) {
            struct gauge *gauge = &tallies[k]->kinds[kind];
            BREAKS(gauge->now, gauge->now + 1, "a count is not the sum");
            if (gauge->now)
                BREAKS(gauge->peak, gauge->now - 1, "a peak is below what is now");
            if (gauge->now)
                BREAKS(tallies[k]->peak, gauge->now - 1, "a peak is below what is now");
        }
    BREAKS(counts->pending.kinds[KIND_LARGE].now, 2, "a count is not the sum");
    BREAKS(counts->pending_bytes.kinds[KIND_LARGE].now, 511, "a count is not the sum");
    check();
}
