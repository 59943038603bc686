#include "cache/core.h"

#include <assert.h>

#include "base/array.h"

enum { MARK_LEN = 1 }; /* offsets are only ever used relative to their segment */

static uint32_t segment_slot(struct core *core)
{
    uint32_t slot = core->spare_segment;
    if (slot)
        core->spare_segment = core->segments[slot].next;
    else
        slot = ++core->n_segments;
    return slot;
}

static void list_append(struct core *core, uint32_t slot)
{
    struct core_segment *segment = &core->segments[slot];
    segment->prev = core->newest;
    segment->next = 0;
    if (core->newest)
        core->segments[core->newest].next = slot;
    else
        core->oldest = slot;
    core->newest = slot;
}

static void list_remove(struct core *core, const struct core_segment *segment)
{
    if (segment->prev)
        core->segments[segment->prev].next = segment->next;
    else
        core->oldest = segment->next;
    if (segment->next)
        core->segments[segment->next].prev = segment->prev;
    else
        core->newest = segment->prev;
}

/* From the open end, which is longer. */
static enum ga_status take_open(struct core_lane *lane, uint64_t len, uint32_t *node)
{
    return gai_range_take_from(&lane->range, gai_range_tail(&lane->range), len, node);
}

/* The numbers of a new segment, all three used; on failure the range is as it was. */
static enum ga_status take_segment(struct core_lane *lane, uint64_t len, uint32_t *fence, uint32_t *bytes, uint32_t *mark)
{
    uint64_t open = range_len(&lane->range, gai_range_tail(&lane->range));
    if (open <= 2 * MARK_LEN || len >= open - 2 * MARK_LEN)
        return GA_NO_SPACE;
    enum ga_status status = take_open(lane, MARK_LEN, fence);
    if (status != GA_OK)
        return status;
    status = take_open(lane, len, bytes);
    if (status == GA_OK) {
        status = take_open(lane, MARK_LEN, mark);
        if (status == GA_OK)
            return GA_OK;
        gai_range_give(&lane->range, *bytes);
    }
    gai_range_give(&lane->range, *fence);
    return status;
}

/* The numbers of a segment, its bytes used; nothing is counted. */
static enum ga_status add_segment(struct core *core, struct core_segment segment, uint32_t *slot, uint32_t *bytes)
{
    struct core_lane *lane = core_lane_at(core, segment.lane);
    assert(segment.buffer.size > 0);
    bool has_slot = core->spare_segment || array_room(core->mem, &core->segments, &core->cap_segments, core->n_segments + 2u);
    if (!has_slot || !array_room(core->mem, &lane->tenants, &lane->cap_tenants, (uint64_t)lane->range.n_nodes + 4))
        return GA_NO_MEMORY;
    enum ga_status status = take_segment(lane, segment.buffer.size, &segment.fence, bytes, &segment.mark);
    if (status != GA_OK)
        return status;
    segment.start = range_offset(&lane->range, *bytes);
    segment.idle_since = core->clock;
    *slot = segment_slot(core);
    core->segments[*slot] = segment;
    lane->tenants[segment.fence] = (struct tenant){ .segment = *slot, .block = TENANT_FENCE };
    lane->tenants[segment.mark] = (struct tenant){ .segment = *slot, .block = TENANT_MARK };
    list_append(core, *slot);
    return GA_OK;
}

enum ga_status gai_core_add(struct core *core, uint32_t at, const struct ga_buffer *buffer, uint32_t *segment, uint32_t *node)
{
    struct core_lane *lane = core_lane_at(core, at);
    uint32_t bytes;
    enum ga_status status = add_segment(core, (struct core_segment){ .buffer = *buffer, .lane = at }, segment, &bytes);
    if (status != GA_OK)
        return status;
    gai_range_give(&lane->range, bytes);
    gai_range_expect_end(&lane->range, core->segments[*segment].start + buffer->size);
    tally_up(&core->counts.segments, lane->small, 1);
    tally_up(&core->counts.reserved_bytes, lane->small, buffer->size);
    *node = range_prev(&lane->range, core->segments[*segment].mark);
    lane->tenants[*node].segment = *segment;
    return GA_OK;
}

enum ga_status gai_core_reserve(struct core *core, uint32_t at, const struct ga_buffer *buffer, uint32_t *segment)
{
    struct core_lane *lane = core_lane_at(core, at);
    uint32_t bytes;
    if (!array_room(core->mem, &lane->holes, &lane->cap_holes, (uint64_t)lane->n_holes + 1))
        return GA_NO_MEMORY;
    struct core_segment made = { .buffer = *buffer, .lane = at, .grows = true };
    enum ga_status status = add_segment(core, made, segment, &bytes);
    if (status != GA_OK)
        return status;
    lane->tenants[bytes] = (struct tenant){ .segment = *segment, .block = TENANT_HOLE };
    lane->holes[lane->n_holes++] = bytes; /* the newest segment lies behind all others */
    return GA_OK;
}

static bool is_gone(const struct core_lane *lane, uint32_t node)
{
    return node != RANGE_NONE && !range_is_free(&lane->range, node) && lane->tenants[node].block == TENANT_GONE;
}

/*
 * The segment's numbers become gone: its fence and mark are given back, so that all is one free node with what is gone beside
 * it, and that is taken again.  There is room for it, since two nodes less are used.
 */
static void forget_numbers(struct core_lane *lane, uint32_t fence, uint32_t mark)
{
    struct range *range = &lane->range;
    uint32_t before = range_prev(range, fence), behind = range_next(range, mark);
    gai_range_give(range, fence);
    gai_range_give(range, mark);
    if (is_gone(lane, before)) {
        uint32_t gone = before;
        before = range_prev(range, gone);
        gai_range_give(range, gone);
    }
    if (is_gone(lane, behind))
        gai_range_give(range, behind);
    uint32_t node = range_next(range, before);
    if (node == gai_range_tail(range))
        return;
    enum ga_status status = gai_range_take_from(range, node, range_len(range, node), &node);
    assert(status == GA_OK);
    (void)status;
    lane->tenants[node] = (struct tenant){ .block = TENANT_GONE };
}

static void take_out(struct core *core, struct core_segment *segment)
{
    forget_numbers(core_lane_at(core, segment->lane), segment->fence, segment->mark);
    segment->mark = RANGE_NONE;
    list_remove(core, segment);
}

void gai_core_forget(struct core *core, uint32_t slot)
{
    struct core_segment *segment = &core->segments[slot];
    struct core_lane *lane = core_lane_at(core, segment->lane);
    assert(segment->grows && segment->mapped == 0 && segment->n_blocks == 0);
    uint32_t n = 0;
    for (uint32_t i = 0; i < lane->n_holes; i++) {
        uint32_t hole = lane->holes[i];
        if (lane->tenants[hole].segment == slot)
            gai_range_give(&lane->range, hole);
        else
            lane->holes[n++] = hole;
    }
    lane->n_holes = n;
    take_out(core, segment);
    segment->next = core->spare_segment;
    core->spare_segment = slot;
}

void gai_core_remove(struct core *core, uint32_t slot)
{
    struct core_segment *segment = &core->segments[slot];
    assert(core_is_idle(segment));
    take_out(core, segment);
    segment->next = core->leaving;
    core->leaving = slot;
}

bool gai_core_leave(struct core *core, struct ga_buffer *buffer, uint32_t *at)
{
    uint32_t slot = core->leaving;
    if (!slot)
        return false;
    struct core_segment *segment = &core->segments[slot];
    const struct core_lane *lane = core_lane_at(core, segment->lane);
    tally_down(&core->counts.segments, lane->small, 1);
    tally_down(&core->counts.reserved_bytes, lane->small, segment->buffer.size);
    *buffer = segment->buffer;
    *at = segment->lane;
    core->leaving = segment->next;
    segment->next = core->spare_segment;
    core->spare_segment = slot;
    return true;
}
