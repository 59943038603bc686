#include "cache/device.h"

struct snapshot {
    const struct core *core;
    const struct pools *pools;
    struct ga_cache_part *out;
    uint32_t n, cap;
    ga_block pinned_by; /* of the segment at hand */
};

static void add_part(struct snapshot *to, const struct core_lane *lane, const struct core_segment *segment, uint32_t node)
{
    uint32_t at = to->n++;
    if (at >= to->cap)
        return;
    uint64_t into = range_offset(&lane->range, node) - segment->start;
    struct ga_cache_part part = {
        .segment = segment->buffer.base,
        .pool = pools_name(to->pools, lane->pool),
        .segment_size = segment->buffer.size,
        .stream = lane->stream,
        .is_small = lane->small,
        .pinned_by = to->pinned_by,
        .state = GA_PART_FREE,
        .ptr = (char *)segment->buffer.base + (size_t)into,
        .size = range_len(&lane->range, node),
    };
    if (!range_is_free(&lane->range, node)) {
        uint32_t slot = lane->tenants[node].block;
        bool is_live = to->core->blocks[slot].state == CORE_LIVE;
        part.state = is_live ? GA_PART_LIVE : GA_PART_PENDING;
        part.block = is_live ? core_name(to->core, slot) : 0;
        part.requested = to->core->blocks[slot].requested;
    }
    to->out[at] = part;
}

/* The name of a segment's only block, if it is live. */
static ga_block only_block(const struct core *core, const struct core_segment *segment)
{
    const struct core_lane *lane = core->lanes[segment->lane];
    uint32_t node = range_next(&lane->range, segment->fence);
    if (segment->n_blocks != 1)
        return 0;
    while (range_is_free(&lane->range, node))
        node = range_next(&lane->range, node);
    uint32_t slot = lane->tenants[node].block;
    return core->blocks[slot].state == CORE_LIVE ? core_name(core, slot) : 0;
}

uint32_t ga_cache_snapshot(ga_cache *cache, struct ga_cache_part *out, uint32_t cap)
{
    const struct core *core = &cache->core;
    struct snapshot to = { .core = core, .pools = &cache->pools, .out = out, .cap = cap };
    bool entered = cache_enter(cache);
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        const struct core_segment *segment = &core->segments[at];
        const struct core_lane *lane = core->lanes[segment->lane];
        to.pinned_by = only_block(core, segment);
        for (uint32_t node = range_next(&lane->range, segment->fence); node != segment->mark; node = range_next(&lane->range, node))
            add_part(&to, lane, segment, node);
    }
    if (entered)
        gai_watch_add(cache, (struct ga_cache_entry){ .action = GA_CACHE_SNAPSHOT, .size = counts_active_bytes(&core->counts) });
    cache_leave(cache, entered);
    return to.n;
}
