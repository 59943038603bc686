#include "cache/device.h"

struct snapshot {
    const struct core *core;
    const struct pools *pools;
    const struct tags *tags;
    struct ga_cache_part *out;
    uint32_t n, cap;
    ga_block pinned_by; /* of the segment at hand */
};

/* `run` is what the part lies in: its segment; of a range that grows, what is mapped in one piece. */
static void add_part(struct snapshot *to, const struct core_segment *segment, const struct core_run *run, uint32_t node)
{
    uint32_t at = to->n++;
    if (at >= to->cap)
        return;
    const struct core_lane *lane = to->core->lanes[segment->lane];
    uint64_t into = range_offset(&lane->range, node) - segment->start;
    struct ga_cache_part part = {
        .segment = (char *)segment->buffer.base + (size_t)run->into,
        .pool = pools_name(to->pools, lane->pool),
        .segment_size = run->len,
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
        part.tag = tags_of(to->tags, slot);
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
    while (range_is_free(&lane->range, node) || core_is_hole(lane, node))
        node = range_next(&lane->range, node);
    uint32_t slot = lane->tenants[node].block;
    return core->blocks[slot].state == CORE_LIVE ? core_name(core, slot) : 0;
}

static void add_parts(struct snapshot *to, const struct core_segment *segment)
{
    const struct core_lane *lane = to->core->lanes[segment->lane];
    struct core_run run;
    for (uint32_t at = segment->fence; gai_core_run(lane, segment, at, &run); at = run.last)
        for (uint32_t node = run.first; node != run.end; node = range_next(&lane->range, node))
            add_part(to, segment, &run, node);
}

uint32_t ga_cache_snapshot(ga_cache *cache, struct ga_cache_part *out, uint32_t cap)
{
    const struct core *core = &cache->core;
    struct snapshot to = { .core = core, .pools = &cache->pools, .tags = &cache->watch.blocks, .out = out, .cap = cap };
    bool entered = cache_enter(cache);
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        to.pinned_by = only_block(core, &core->segments[at]);
        add_parts(&to, &core->segments[at]);
    }
    if (entered)
        gai_watch_add(cache, (struct ga_cache_entry){ .action = GA_CACHE_SNAPSHOT, .size = counts_active_bytes(&core->counts) });
    cache_leave(cache, entered);
    return to.n;
}
