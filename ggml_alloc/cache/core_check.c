/*
 * What the core says of itself, counted again from the lanes up.
 */
#include "cache/core.h"

/* What `now` of the counts must be. */
struct sums {
    uint64_t allocations, allocated_bytes, active, active_bytes, requested_bytes, segments, reserved_bytes, splits, split_bytes;
    uint64_t listed; /* segments, those that grow with them */
};

static void add_sums(struct sums *to, const struct sums *from)
{
    to->allocations += from->allocations;
    to->allocated_bytes += from->allocated_bytes;
    to->active += from->active;
    to->active_bytes += from->active_bytes;
    to->requested_bytes += from->requested_bytes;
    to->segments += from->segments;
    to->reserved_bytes += from->reserved_bytes;
    to->splits += from->splits;
    to->split_bytes += from->split_bytes;
}

static const char *check_count(const struct ga_count *count, uint64_t now)
{
    if (count->now != now)
        return "a count is not the sum";
    return count->peak < now ? "a peak is below what is now" : NULL;
}

static const char *check_counts(const struct ga_cache_counts *counts, const struct sums *sums)
{
    const char *broken = check_count(&counts->allocations, sums->allocations);
    broken = broken ? broken : check_count(&counts->allocated_bytes, sums->allocated_bytes);
    broken = broken ? broken : check_count(&counts->active, sums->active);
    broken = broken ? broken : check_count(&counts->active_bytes, sums->active_bytes);
    broken = broken ? broken : check_count(&counts->requested_bytes, sums->requested_bytes);
    broken = broken ? broken : check_count(&counts->segments, sums->segments);
    broken = broken ? broken : check_count(&counts->reserved_bytes, sums->reserved_bytes);
    broken = broken ? broken : check_count(&counts->splits, sums->splits);
    return broken ? broken : check_count(&counts->split_bytes, sums->split_bytes);
}

static bool is_tenant(const struct core_lane *lane, uint32_t node, uint32_t what)
{
    return !range_is_free(&lane->range, node) && node != RANGE_NONE && lane->tenants[node].block == what;
}

static const char *check_block(const struct core *core, uint32_t at, uint32_t node, uint32_t slot, uint64_t into, struct sums *sums)
{
    if (slot == 0 || slot > core->n_blocks)
        return "a block's slot is not in the slab";
    const struct core_block *block = &core->blocks[slot];
    uint64_t len = range_len(&core->lanes[at]->range, node);
    if (block->segment != core->lanes[at]->tenants[node].segment || block->node != node || block->state == CORE_SPARE ||
        block->requested > len)
        return "a block does not know where it is";
    const struct core_segment *segment = &core->segments[block->segment];
    if (block->ptr != (char *)segment->buffer.base + (size_t)into)
        return "a block's address is not where it lies";
    bool is_live = block->state == CORE_LIVE;
    if (is_live && core->by_address && gai_addrs_find(&core->addrs, (uintptr_t)block->ptr) != slot)
        return "a live block is not found by its address";
    sums->active++;
    sums->active_bytes += len;
    sums->requested_bytes += block->requested;
    sums->allocations += is_live;
    sums->allocated_bytes += is_live ? len : 0;
    return NULL;
}

/* What lies between fence and mark. */
struct found {
    uint64_t bytes, holes; /* holes are bytes, too */
    uint32_t n_blocks, n_free, n_holes;
};

static const char *check_part(const struct core *core, uint32_t at, uint32_t node, struct found *found, struct sums *sums)
{
    const struct core_lane *lane = core->lanes[at];
    uint64_t len = range_len(&lane->range, node);
    const char *broken = NULL;
    if (node == RANGE_NONE || node == gai_range_tail(&lane->range))
        return "a segment has no mark";
    if (range_is_free(&lane->range, node)) {
        found->n_free++;
        sums->split_bytes += len;
    } else if (is_tenant(lane, node, TENANT_HOLE)) {
        found->n_holes++;
        found->holes += len;
    } else {
        found->n_blocks++;
        broken = check_block(core, at, node, lane->tenants[node].block, found->bytes, sums);
    }
    found->bytes += len;
    return broken;
}

/* Free parts count as split where there are blocks beside them, and not at all where a segment grows. */
static void sum_segment(const struct core_segment *segment, const struct found *found, uint64_t split_bytes, struct sums *sums)
{
    bool counts = found->n_blocks && !segment->grows;
    sums->splits += counts ? found->n_free : 0;
    sums->split_bytes = counts ? sums->split_bytes : split_bytes;
    sums->segments += !segment->grows;
    sums->listed++;
    sums->reserved_bytes += found->bytes - found->holes;
}

/* The nodes from *node, a fence, to the mark of its segment; *node is then the node behind it. */
static const char *check_segment(const struct core *core, uint32_t at, uint32_t *node, uint32_t *n_holes, struct sums *sums)
{
    const struct core_lane *lane = core->lanes[at];
    uint64_t split_bytes = sums->split_bytes;
    struct found found = { 0 };
    const char *broken = NULL;
    uint32_t fence = *node, slot = lane->tenants[fence].segment;
    if (!is_tenant(lane, fence, TENANT_FENCE))
        return "a segment has no fence";
    *node = range_next(&lane->range, fence);
    for (; !broken && !is_tenant(lane, *node, TENANT_MARK); *node = range_next(&lane->range, *node)) {
        broken = check_part(core, at, *node, &found, sums);
        if (!broken && lane->tenants[*node].segment != slot)
            broken = "a node belongs to another segment";
    }
    if (broken)
        return broken;
    const struct core_segment *segment = &core->segments[slot];
    bool knows = segment->fence == fence && segment->mark == *node && segment->lane == at && segment->buffer.size == found.bytes &&
                 segment->start == range_offset(&lane->range, fence) + range_len(&lane->range, fence);
    if (!knows || lane->tenants[*node].segment != slot)
        return "a segment does not know where it is";
    if (segment->n_blocks != found.n_blocks)
        return "a segment miscounts its blocks";
    sum_segment(segment, &found, split_bytes, sums);
    if (found.holes != (segment->grows ? segment->buffer.size - segment->mapped : 0))
        return "a segment miscounts what is mapped";
    *n_holes += found.n_holes;
    *node = range_next(&lane->range, *node);
    return NULL;
}

static const char *check_lane(const struct core *core, uint32_t at, struct sums *sums)
{
    const struct core_lane *lane = core->lanes[at];
    const char *broken = gai_range_check(&lane->range);
    uint32_t node = range_next(&lane->range, RANGE_NONE);
    uint32_t n_holes = 0;
    bool was_gone = false;
    while (!broken && node != gai_range_tail(&lane->range)) {
        bool is_gone = is_tenant(lane, node, TENANT_GONE);
        if (is_gone && was_gone)
            return "two gone stretches touch";
        if (is_gone)
            node = range_next(&lane->range, node);
        else
            broken = check_segment(core, at, &node, &n_holes, sums);
        was_gone = is_gone;
    }
    broken = broken ? broken : was_gone ? "a gone stretch touches the tail" : NULL;
    if (!broken && n_holes != lane->n_holes)
        broken = "the list of holes is not complete";
    for (uint32_t i = 0; !broken && i < n_holes; i++) {
        bool is_behind = i == 0 || range_offset(&lane->range, lane->holes[i - 1]) < range_offset(&lane->range, lane->holes[i]);
        if (!is_tenant(lane, lane->holes[i], TENANT_HOLE) || !is_behind)
            broken = "the list of holes is not in order";
    }
    return broken;
}

/* The list holds every segment that has a mark once. */
static const char *check_lists(const struct core *core, struct sums kinds[2])
{
    uint64_t marked = kinds[0].listed + kinds[1].listed, listed = 0;
    uint32_t prev = 0;
    for (uint32_t at = core->oldest; at; prev = at, at = core->segments[at].next, listed++)
        if (core->segments[at].prev != prev || core->segments[at].mark == RANGE_NONE || listed > marked)
            return "the list of segments is broken";
    if (listed != marked || core->newest != prev)
        return "the list of segments is not complete";
    for (uint32_t at = core->leaving; at; at = core->segments[at].next) {
        struct sums *kind = &kinds[core->lanes[core->segments[at].lane]->small];
        kind->segments++;
        kind->reserved_bytes += core->segments[at].buffer.size;
    }
    return NULL;
}

const char *gai_core_check(const struct core *core)
{
    struct sums kinds[2] = { { 0 }, { 0 } };
    const char *broken = NULL;
    for (uint32_t i = 0; !broken && i < core->n_lanes; i++)
        broken = check_lane(core, i, &kinds[core->lanes[i]->small]);
    broken = broken ? broken : check_lists(core, kinds);
    for (int kind = 0; !broken && kind < KINDS; kind++) {
        struct ga_cache_counts counts = gai_counts_of(&core->counts, kind);
        broken = check_counts(&counts, &kinds[kind]);
    }
    add_sums(&kinds[0], &kinds[1]);
    struct ga_cache_counts all = gai_counts_all(&core->counts);
    broken = broken ? broken : check_counts(&all, &kinds[0]);
    if (!broken && core->addrs.len != (core->by_address ? kinds[0].allocations : 0))
        broken = "an address is found that is not live";
    return broken;
}
