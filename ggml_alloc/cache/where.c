/*
 * From an address anywhere inside to the segment and the block that hold it.  The segments are looked through one by one: who
 * knows where a block begins is answered by ga_cache_find().
 */
#include "cache/device.h"

/* 0: none. */
static uint32_t segment_at(const struct core *core, const void *ptr)
{
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        const struct ga_buffer *buffer = &core->segments[at].buffer;
        if ((uintptr_t)ptr - (uintptr_t)buffer->base < buffer->size)
            return at;
    }
    return 0;
}

/* The live block of the segment that holds the address; 0: none does. */
static uint32_t block_in(const struct core *core, const struct core_segment *segment, const void *ptr)
{
    const struct core_lane *lane = core->lanes[segment->lane];
    uint64_t offset = segment->start + ((uintptr_t)ptr - (uintptr_t)segment->buffer.base);
    uint32_t node = range_next(&lane->range, segment->fence);
    while (range_offset(&lane->range, node) + range_len(&lane->range, node) <= offset)
        node = range_next(&lane->range, node);
    if (range_is_free(&lane->range, node) || core_is_hole(lane, node))
        return 0;
    uint32_t slot = lane->tenants[node].block;
    return core->blocks[slot].state == CORE_LIVE ? slot : 0;
}

ga_block ga_cache_around(ga_cache *cache, const void *ptr)
{
    const struct core *core = &cache->core;
    bool entered = cache_enter(cache);
    uint32_t at = segment_at(core, ptr), slot = at ? block_in(core, &core->segments[at], ptr) : 0;
    ga_block name = slot ? core_name(core, slot) : 0;
    cache_leave(cache, entered);
    return name;
}

enum ga_status ga_cache_segment(ga_cache *cache, const void *ptr, struct ga_buffer *segment)
{
    bool entered = cache_enter(cache);
    uint32_t at = segment_at(&cache->core, ptr);
    enum ga_status status = !at ? GA_UNKNOWN : cache->core.segments[at].grows ? GA_UNSUPPORTED : GA_OK;
    if (status == GA_OK)
        *segment = cache->core.segments[at].buffer;
    cache_leave(cache, entered);
    return status;
}
