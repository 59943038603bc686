/*
 * carve.h - blocks come and go, inlined
 *
 * The half of the core that runs for every block, for those who serve it; everybody else has core.h, where the contracts are.
 */
#ifndef GAI_CACHE_CARVE_H
#define GAI_CACHE_CARVE_H

#include <assert.h>

#include "range/carve.h"
#include "cache/core.h"

/* A number for a new slot: one that came back, or the next. */
static inline bool core_slot_room(struct core *core)
{
    return core->spare_block ||
           (array_room(core->mem, &core->blocks, &core->cap_blocks, core->n_blocks + 2u) && core->n_blocks < TENANT_HOLE - 1);
}

/* For the address of one more, once somebody has asked for one. */
static inline bool core_address_room(struct core *core, uint32_t n)
{
    return !core->by_address || addrs_room(&core->addrs, core->mem, (uint64_t)core->addrs.len + n);
}

static inline uint32_t core_new_slot(struct core *core)
{
    uint32_t slot = core->spare_block;
    if (slot) {
        core->spare_block = core->blocks[slot].node;
        return slot;
    }
    slot = ++core->n_blocks;
    core->blocks[slot] = (struct core_block){ .generation = 1 };
    return slot;
}

/*
 * Free parts of a split segment count, those of one that is wholly free do not.  Of a free part of `whole` bytes two are left, of
 * these lengths or 0.
 */
static inline void core_count_cut(struct core *core, const struct core_segment *segment, bool kind, uint64_t whole, uint64_t low,
                                  uint64_t high)
{
    struct counts *counts = &core->counts;
    bool was_split = segment->n_blocks != 0;
    uint64_t n = (uint64_t)(low != 0) + (uint64_t)(high != 0);
    if (segment->grows)
        return;
    if (was_split && n < 2) { /* they are no more than before */
        tally_sink(&counts->splits, kind, n, 1);
        tally_sink(&counts->split_bytes, kind, low + high, whole);
        return;
    }
    tally_change(&counts->splits, kind, n, was_split);
    tally_change(&counts->split_bytes, kind, low + high, was_split ? whole : 0);
}

/* The other way round: what lies between them was freed, and the segment does not count it any more. */
static inline void core_count_join(struct core *core, const struct core_segment *segment, bool kind, uint64_t low, uint64_t len,
                                   uint64_t high)
{
    struct counts *counts = &core->counts;
    uint64_t n = (uint64_t)(low != 0) + (uint64_t)(high != 0);
    if (segment->grows)
        return;
    if (segment->n_blocks == 0) {
        tally_sink(&counts->splits, kind, 0, n);
        tally_sink(&counts->split_bytes, kind, 0, low + high);
        return;
    }
    if (n)
        tally_sink(&counts->splits, kind, 1, n);
    else
        tally_change(&counts->splits, kind, 1, 0);
    tally_change(&counts->split_bytes, kind, low + len + high, low + high);
}

/* As gai_core_take(). */
GAI_INLINE enum ga_status core_take(struct core *core, struct core_lane *lane, uint32_t from, uint64_t skip, uint64_t len,
                                    uint64_t requested, uint32_t *made)
{
    struct range *range = &lane->range;
    assert(requested <= len && from != gai_range_tail(range));
    if (!core_slot_room(core) || !core_address_room(core, 1) || !core_tenant_room(core, lane))
        return GA_NO_MEMORY;
    uint32_t node, home = lane->tenants[from].segment;
    struct core_segment *segment = &core->segments[home];
    uint64_t whole = range_len(range, from);
    enum ga_status status = range_take_from(range, from, skip + len, &node);
    if (status != GA_OK)
        return status;
    if (skip) {
        gai_range_trim(range, node, skip, len);
        lane->tenants[range_prev(range, node)].segment = home;
    }
    core_count_cut(core, segment, lane->small, whole, skip, whole - skip - len);

    uint32_t slot = core_new_slot(core);
    struct core_block *block = &core->blocks[slot];
    assert(block->uses == 0 && block->n_waits == 0);
    block->ptr = (char *)segment->buffer.base + (size_t)(range_offset(range, node) - segment->start);
    block->requested = requested;
    block->segment = home;
    block->node = node;
    block->state = CORE_LIVE;
    lane->tenants[node] = (struct tenant){ .segment = home, .block = slot };
    if (core->by_address)
        gai_addrs_add(&core->addrs, (uintptr_t)block->ptr, slot);
    segment->n_blocks++;
    core->clock++;
    counts_taken(&core->counts, lane->small, len, requested);
    *made = slot;
    return GA_OK;
}

/* It is nobody's any more. */
static inline void core_end(struct core *core, struct core_block *block)
{
    assert(block->state == CORE_LIVE);
    block->generation++;
    if (core->by_address)
        gai_addrs_remove(&core->addrs, (uintptr_t)block->ptr);
}

/* Its bytes become free. */
GAI_INLINE void core_release(struct core *core, uint32_t slot, struct core_lane *lane)
{
    struct core_block *block = &core->blocks[slot];
    struct range *range = &lane->range;
    struct core_segment *segment = &core->segments[block->segment];
    uint32_t node = block->node, prev = range_prev(range, node), next = range_next(range, node);
    uint64_t len = range_len(range, node);
    uint64_t low = range_is_free(range, prev) ? range_len(range, prev) : 0;
    uint64_t high = range_is_free(range, next) ? range_len(range, next) : 0;
    range_give(range, node);
    segment->n_blocks--;
    core_count_join(core, segment, lane->small, low, len, high);
    block->state = CORE_SPARE;
    block->node = core->spare_block;
    core->spare_block = slot;
}

/* As gai_core_free(). */
GAI_INLINE void core_free(struct core *core, uint32_t slot)
{
    struct core_block *block = &core->blocks[slot];
    struct core_lane *lane = core_block_home(core, slot);
    core_end(core, block);
    counts_freed(&core->counts, lane->small, range_len(&lane->range, block->node), block->requested);
    core->segments[block->segment].idle_since = core->clock;
    core_release(core, slot, lane);
}

/* As gai_core_slot(). */
static inline enum ga_status core_slot(const struct core *core, ga_block name, uint32_t *slot)
{
    uint32_t at = (uint32_t)name, generation = (uint32_t)(name >> 32);
    if (at == 0 || at > core->n_blocks)
        return GA_UNKNOWN;
    const struct core_block *block = &core->blocks[at];
    *slot = at;
    if (generation == block->generation && block->state == CORE_LIVE)
        return GA_OK;
    return generation == 0 || generation > block->generation ? GA_UNKNOWN : GA_FREED;
}

#endif
