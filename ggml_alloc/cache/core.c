#include "cache/core.h"

#include <assert.h>

#include "cache/carve.h"

void gai_core_init(struct core *core, const struct ga_mem *mem, enum ga_fit fit)
{
    *core = (struct core){ .mem = mem,
                           .fit = fit == GA_FIT_FAST ? RANGE_FAST : RANGE_TIE_LOW,
                           .last_lane = { UINT32_MAX, UINT32_MAX } }; /* the first lane made may be one apart */
}

void gai_core_fini(struct core *core)
{
    for (uint32_t i = 0; i < core->n_lanes; i++) {
        gai_range_fini(&core->lanes[i]->range);
        mem_free(core->mem, core->lanes[i]->tenants, core->lanes[i]->cap_tenants);
        mem_free(core->mem, core->lanes[i]->holes, core->lanes[i]->cap_holes);
        mem_free(core->mem, core->lanes[i], 1);
    }
    if (core->mem) {
        mem_free(core->mem, core->lanes, core->cap_lanes);
        mem_free(core->mem, core->blocks, core->cap_blocks);
        mem_free(core->mem, core->segments, core->cap_segments);
        gai_addrs_fini(&core->addrs, core->mem);
    }
    *core = (struct core){ 0 };
}

static struct core_lane *lane_new(const struct core *core)
{
    struct core_lane *lane = mem_new(core->mem, struct core_lane, 1);
    if (lane && gai_range_init(&lane->range, core->mem, RANGE_OPEN, core->fit, 0) != GA_OK) {
        mem_free(core->mem, lane, 1);
        return NULL;
    }
    if (lane)
        gai_range_expect_many(&lane->range, GA_CACHE_QUANTUM);
    return lane;
}

static bool find_lane(struct core *core, bool apart, uint32_t pool, ga_stream stream, bool small, uint32_t *found)
{
    uint32_t at = 0;
    while (at < core->n_lanes && (core->lanes[at]->apart != apart || !lane_is(core->lanes[at], pool, stream, small)))
        at++;
    if (at == core->n_lanes) {
        if (!array_room(core->mem, &core->lanes, &core->cap_lanes, at + 1u))
            return false;
        struct core_lane *lane = lane_new(core);
        if (!lane)
            return false;
        lane->apart = apart;
        lane->pool = pool;
        lane->stream = stream;
        lane->small = small;
        core->lanes[core->n_lanes++] = lane;
    }
    *found = at;
    return true;
}

bool gai_core_lane(struct core *core, uint32_t pool, ga_stream stream, bool small, uint32_t *found)
{
    if (!find_lane(core, false, pool, stream, small, found))
        return false;
    core->last_lane[small] = *found;
    return true;
}

bool gai_core_lane_apart(struct core *core, uint32_t pool, ga_stream stream, uint32_t *found)
{
    return find_lane(core, true, pool, stream, false, found);
}

bool gai_core_room(struct core *core, uint32_t at, uint32_t n)
{
    struct core_lane *lane = core_lane_at(core, at);
    return array_room(core->mem, &core->blocks, &core->cap_blocks, (uint64_t)core->n_blocks + n + 1) &&
           core_address_room(core, n) && gai_range_room(&lane->range, n) &&
           array_room(core->mem, &lane->tenants, &lane->cap_tenants, (uint64_t)lane->range.cap_nodes + 2);
}

enum ga_status gai_core_take(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len, uint64_t requested,
                             uint32_t *block)
{
    return core_take(core, core_lane_at(core, at), from, skip, len, requested, block);
}

void gai_core_retire(struct core *core, uint32_t slot)
{
    struct core_block *block = &core->blocks[slot];
    const struct core_lane *lane = core_block_home(core, slot);
    core_end(core, block);
    block->state = CORE_PENDING;
    block->retired_at = core->clock;
    counts_retired(&core->counts, lane->small, range_len(&lane->range, block->node));
}

void gai_core_give(struct core *core, uint32_t slot)
{
    const struct core_block *block = &core->blocks[slot];
    struct core_lane *lane = core_block_home(core, slot);
    assert(block->state == CORE_PENDING);
    counts_given(&core->counts, lane->small, range_len(&lane->range, block->node), block->requested);
    struct core_segment *segment = &core->segments[block->segment];
    segment->idle_since = max_u64(segment->idle_since, block->retired_at);
    core_release(core, slot, lane);
}

static uint32_t search_address(const struct core *core, const void *ptr)
{
    for (uint32_t slot = 1; slot <= core->n_blocks; slot++)
        if (core->blocks[slot].state == CORE_LIVE && core->blocks[slot].ptr == ptr)
            return slot;
    return 0;
}

static bool enter_addresses(struct core *core)
{
    uint64_t n_live = tally_now(&core->counts.allocations);
    if (!addrs_room(&core->addrs, core->mem, n_live))
        return false;
    for (uint32_t slot = 1; slot <= core->n_blocks; slot++)
        if (core->blocks[slot].state == CORE_LIVE)
            gai_addrs_add(&core->addrs, (uintptr_t)core->blocks[slot].ptr, slot);
    return true;
}

uint32_t gai_core_at(struct core *core, const void *ptr)
{
    core->by_address = core->by_address || enter_addresses(core);
    return core->by_address ? gai_addrs_find(&core->addrs, (uintptr_t)ptr) : search_address(core, ptr);
}

uint64_t gai_core_longest(const struct core *core, uint32_t lane)
{
    const struct range *range = &core->lanes[lane]->range;
    uint32_t longest = gai_range_longest(range);
    return longest == RANGE_NONE ? 0 : range_len(range, longest);
}

enum ga_status gai_core_slot(const struct core *core, ga_block name, uint32_t *slot)
{
    return core_slot(core, name, slot);
}
