/*
 * Segments that grow: addresses were reserved for more than there will ever be, memory comes behind them as it is needed.  Where
 * there is none is a hole, a used node that nobody can be given; holes may touch.  A lane keeps its holes by address.
 */
#include "cache/core.h"

#include <assert.h>

#include "base/array.h"

/* What would have to be mapped for `need` bytes in one piece that begins with hole `first`, or with what is free before it. */
static bool try_gap(const struct core_lane *lane, uint32_t first, uint64_t need, uint64_t granule, struct core_gap *gap)
{
    const struct range *range = &lane->range;
    uint32_t node = lane->holes[first], prev = range_prev(range, node);
    uint64_t covered = range_is_free(range, prev) ? range_len(range, prev) : 0;
    uint64_t want = 0; /* of holes that touch, as of one hole */
    *gap = (struct core_gap){ .first = first };
    for (; covered < need || (want && core_is_hole(lane, node)); node = range_next(range, node)) {
        uint64_t len = range_len(range, node);
        if (core_is_hole(lane, node)) {
            want = want ? want : align_up(need - covered, granule);
            gap->last = min_u64(len, want);
            want -= gap->last;
            gap->bytes += gap->last;
            gap->n++;
            covered += gap->last;
        } else if (range_is_free(range, node)) {
            want = 0;
            covered += len;
        } else {
            return false;
        }
    }
    return true;
}

bool gai_core_gap(const struct core *core, uint32_t at, uint64_t need, uint64_t granule, struct core_gap *gap)
{
    const struct core_lane *lane = core_lane_at(core, at);
    for (uint32_t i = 0; i < lane->n_holes; i++)
        if (try_gap(lane, i, need, granule, gap))
            return true;
    return false;
}

struct core_piece gai_core_hole(const struct core *core, uint32_t at, uint32_t hole)
{
    const struct core_lane *lane = core_lane_at(core, at);
    uint32_t node = lane->holes[hole], slot = lane->tenants[node].segment;
    return (struct core_piece){ .segment = slot,
                                .into = range_offset(&lane->range, node) - core->segments[slot].start,
                                .len = range_len(&lane->range, node) };
}

uint32_t gai_core_map(struct core *core, uint32_t at, uint32_t hole, uint64_t len)
{
    struct core_lane *lane = core_lane_at(core, at);
    struct range *range = &lane->range;
    uint32_t node = lane->holes[hole], slot = lane->tenants[node].segment;
    uint64_t rest = range_len(range, node) - len;
    uint32_t before = range_prev(range, node);
    if (range_is_free(range, before))
        before = range_prev(range, before);
    if (rest) {
        gai_range_trim(range, node, len, rest);
    } else {
        gai_range_give(range, node);
        for (uint32_t i = hole; i + 1 < lane->n_holes; i++)
            lane->holes[i] = lane->holes[i + 1];
        lane->n_holes--;
    }
    uint32_t made = range_next(range, before);
    lane->tenants[made].segment = slot;
    gai_range_expect_end(range, range_offset(range, made) + range_len(range, made));
    core->segments[slot].mapped += len;
    tally_up(&core->counts.reserved_bytes, lane->small, len);
    return made;
}

bool gai_core_run(const struct core_lane *lane, const struct core_segment *segment, uint32_t node, struct core_run *run)
{
    const struct range *range = &lane->range;
    *run = (struct core_run){ 0 };
    for (node = range_next(range, node); core_is_hole(lane, node); node = range_next(range, node))
        ;
    run->into = range_offset(range, node) - segment->start;
    run->first = node;
    for (; node != segment->mark && !core_is_hole(lane, node); node = range_next(range, node)) {
        run->len += range_len(range, node);
        run->last = node;
    }
    run->end = node;
    return run->len != 0;
}

static void add_hole(struct core_lane *lane, uint32_t node)
{
    uint32_t at = lane->n_holes++;
    for (; at && range_offset(&lane->range, lane->holes[at - 1]) > range_offset(&lane->range, node); at--)
        lane->holes[at] = lane->holes[at - 1];
    lane->holes[at] = node;
}

bool gai_core_unmap(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len)
{
    struct core_lane *lane = core_lane_at(core, at);
    struct range *range = &lane->range;
    uint32_t node, slot = lane->tenants[from].segment;
    bool has_room = core_tenant_room(core, lane) &&
                    array_room(core->mem, &lane->holes, &lane->cap_holes, (uint64_t)lane->n_holes + 1) &&
                    gai_range_take_from(range, from, skip + len, &node) == GA_OK;
    if (!has_room)
        return false;
    if (skip) {
        gai_range_trim(range, node, skip, len);
        lane->tenants[range_prev(range, node)].segment = slot;
    }
    lane->tenants[node] = (struct tenant){ .segment = slot, .block = TENANT_HOLE };
    add_hole(lane, node);
    core->segments[slot].mapped -= len;
    tally_down(&core->counts.reserved_bytes, lane->small, len);
    return true;
}
