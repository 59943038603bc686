#include "cache/core.h"

#include <assert.h>

#include "base/array.h"
#include "base/bits.h"

void gai_core_init(struct core *core, const struct ga_mem *mem, enum ga_fit fit)
{
    *core = (struct core){ .mem = mem, .fit = fit == GA_FIT_FAST ? RANGE_FAST : RANGE_TIE_LOW };
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
        mem_free(core->mem, core->fresh, core->cap_fresh);
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
    return lane;
}

bool gai_core_lane(struct core *core, uint32_t pool, ga_stream stream, bool small, uint32_t *found)
{
    uint32_t at = 0;
    while (at < core->n_lanes && !lane_is(core->lanes[at], pool, stream, small))
        at++;
    if (at == core->n_lanes) {
        if (!array_room(core->mem, &core->lanes, &core->cap_lanes, at + 1u))
            return false;
        struct core_lane *lane = lane_new(core);
        if (!lane)
            return false;
        lane->pool = pool;
        lane->stream = stream;
        lane->small = small;
        core->lanes[core->n_lanes++] = lane;
    }
    *found = core->last_lane[small] = at;
    return true;
}

/* For the addresses of `n` more blocks, so that looking for one cannot fail. */
static inline bool address_room(struct core *core, uint32_t n)
{
    uint64_t need = (uint64_t)core->n_fresh + n;
    return array_room(core->mem, &core->fresh, &core->cap_fresh, need) &&
           addrs_room(&core->addrs, core->mem, need + core->addrs.len);
}

static inline void address_add(struct core *core, uint32_t slot)
{
    core->fresh[core->n_fresh++] = slot;
    core->blocks[slot].fresh = core->n_fresh;
}

static inline void address_remove(struct core *core, const struct core_block *block)
{
    if (!block->fresh) {
        gai_addrs_remove(&core->addrs, (uintptr_t)block->ptr);
        return;
    }
    uint32_t last = core->fresh[--core->n_fresh];
    core->fresh[block->fresh - 1] = last;
    core->blocks[last].fresh = block->fresh;
}

/* A number for a new slot: one that came back, or the next. */
static inline bool block_room(struct core *core)
{
    bool has_slot = core->spare_block || array_room(core->mem, &core->blocks, &core->cap_blocks, core->n_blocks + 2u);
    return has_slot && core->n_blocks < TENANT_HOLE - 1 && address_room(core, 1);
}

static uint32_t block_slot(struct core *core)
{
    uint32_t slot = core->spare_block;
    if (slot) {
        core->spare_block = (uint32_t)core->blocks[slot].retired_at;
        return slot;
    }
    slot = ++core->n_blocks;
    core->blocks[slot] = (struct core_block){ .generation = 1 };
    return slot;
}

bool gai_core_room(struct core *core, uint32_t at, uint32_t n)
{
    struct core_lane *lane = core_lane_at(core, at);
    return array_room(core->mem, &core->blocks, &core->cap_blocks, (uint64_t)core->n_blocks + n + 1) && address_room(core, n) &&
           gai_range_room(&lane->range, n) &&
           array_room(core->mem, &lane->tenants, &lane->cap_tenants, (uint64_t)lane->range.cap_nodes + 2);
}

/*
 * Free parts of a split segment come, of these lengths or 0, or go.  Those of a segment that is wholly free do not count.
 */
static inline void splits_come(struct core *core, bool kind, uint64_t low, uint64_t high)
{
    struct counts *counts = &core->counts;
    uint64_t n = (uint64_t)(low != 0) + (uint64_t)(high != 0);
    if (n) {
        tally_up(&counts->splits, kind, n);
        tally_up(&counts->split_bytes, kind, low + high);
    }
}

static inline void splits_go(struct core *core, bool kind, uint64_t low, uint64_t high)
{
    tally_down(&core->counts.splits, kind, (uint64_t)(low != 0) + (uint64_t)(high != 0));
    tally_down(&core->counts.split_bytes, kind, low + high);
}

static inline enum ga_status take(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len, uint64_t requested,
                                  uint32_t *made)
{
    struct core_lane *lane = core_lane_at(core, at);
    struct range *range = &lane->range;
    assert(requested <= len && from != gai_range_tail(range));
    if (!block_room(core) || !core_tenant_room(core, lane))
        return GA_NO_MEMORY;
    uint32_t node, home = lane->tenants[from].segment;
    struct core_segment *segment = &core->segments[home];
    uint64_t whole = range_len(range, from);
    enum ga_status status = gai_range_take_from(range, from, skip + len, &node);
    if (status != GA_OK)
        return status;
    if (skip) {
        gai_range_trim(range, node, skip, len);
        lane->tenants[range_prev(range, node)].segment = home;
    }
    if (!segment->grows) {
        if (segment->n_blocks)
            splits_go(core, lane->small, whole, 0);
        splits_come(core, lane->small, skip, whole - skip - len);
    }

    uint32_t slot = block_slot(core);
    struct core_block *block = &core->blocks[slot];
    block->ptr = (char *)segment->buffer.base + (size_t)(range_offset(range, node) - segment->start);
    block->requested = requested;
    block->lane = at;
    block->node = node;
    block->uses = block->n_waits = 0;
    block->state = CORE_LIVE;
    lane->tenants[node] = (struct tenant){ .segment = home, .block = slot };
    address_add(core, slot);
    segment->n_blocks++;
    core->clock++;
    counts_taken(&core->counts, lane->small, len, requested);
    *made = slot;
    return GA_OK;
}

enum ga_status gai_core_take(struct core *core, uint32_t at, uint32_t from, uint64_t len, uint64_t requested, uint32_t *block)
{
    return take(core, at, from, 0, len, requested, block);
}

enum ga_status gai_core_take_in(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len, uint64_t requested,
                                uint32_t *block)
{
    return take(core, at, from, skip, len, requested, block);
}

static inline void retire(struct core *core, struct core_block *block, const struct core_lane *lane)
{
    assert(block->state == CORE_LIVE);
    block->state = CORE_PENDING;
    block->generation++;
    block->retired_at = core->clock;
    address_remove(core, block);
    counts_retired(&core->counts, lane->small, range_len(&lane->range, block->node));
}

static inline void give(struct core *core, uint32_t slot, struct core_lane *lane)
{
    struct core_block *block = &core->blocks[slot];
    struct range *range = &lane->range;
    struct core_segment *segment = &core->segments[lane->tenants[block->node].segment];
    uint32_t node = block->node, prev = range_prev(range, node), next = range_next(range, node);
    uint64_t len = range_len(range, node);
    uint64_t low = range_is_free(range, prev) ? range_len(range, prev) : 0;
    uint64_t high = range_is_free(range, next) ? range_len(range, next) : 0;
    assert(block->state == CORE_PENDING);
    gai_range_give(range, node);
    counts_given(&core->counts, lane->small, len, block->requested);
    segment->n_blocks--;
    if (!segment->grows) {
        splits_go(core, lane->small, low, high);
        if (segment->n_blocks)
            splits_come(core, lane->small, low + len + high, 0);
    }
    segment->idle_since = max_u64(segment->idle_since, block->retired_at);
    block->state = CORE_SPARE;
    block->retired_at = core->spare_block;
    core->spare_block = slot;
}

void gai_core_retire(struct core *core, uint32_t slot)
{
    struct core_block *block = &core->blocks[slot];
    retire(core, block, core_lane_at(core, block->lane));
}

void gai_core_give(struct core *core, uint32_t slot)
{
    give(core, slot, core_lane_at(core, core->blocks[slot].lane));
}

void gai_core_free(struct core *core, uint32_t slot)
{
    struct core_block *block = &core->blocks[slot];
    struct core_lane *lane = core_lane_at(core, block->lane);
    retire(core, block, lane);
    give(core, slot, lane);
}

uint32_t gai_core_at(struct core *core, const void *ptr)
{
    while (core->n_fresh) {
        uint32_t slot = core->fresh[--core->n_fresh];
        core->blocks[slot].fresh = 0;
        gai_addrs_add(&core->addrs, (uintptr_t)core->blocks[slot].ptr, slot);
    }
    return gai_addrs_find(&core->addrs, (uintptr_t)ptr);
}

uint64_t gai_core_longest(const struct core *core, uint32_t lane)
{
    const struct range *range = &core->lanes[lane]->range;
    uint32_t longest = gai_range_longest(range);
    return longest == RANGE_NONE ? 0 : range_len(range, longest);
}

enum ga_status gai_core_slot(const struct core *core, ga_block name, uint32_t *slot)
{
    uint32_t at = (uint32_t)name, generation = (uint32_t)(name >> 32);
    if (at == 0 || at > core->n_blocks || generation == 0 || generation > core->blocks[at].generation)
        return GA_UNKNOWN;
    if (generation != core->blocks[at].generation || core->blocks[at].state != CORE_LIVE)
        return GA_FREED;
    *slot = at;
    return GA_OK;
}
