/*
 * Segments, blocks and entries as JSON, in the form of PyTorch's memory snapshots.  Written while the lock is held, through a small
 * buffer: what is written is one moment, and nothing is copied.
 */
#include <inttypes.h>

#include "base/json.h"
#include "base/later.h"
#include "cache/device.h"

struct export
{
    const ga_cache *cache;
    struct ga_cache_export opts;
    struct text out;
};

static uint64_t number_of(const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr;
}

static void write_frames(struct export *to, uint64_t tag)
{
    gai_text(&to->out, "\"frames\": [");
    if (tag) {
        const char *name = to->opts.name ? to->opts.name(to->opts.user, tag) : NULL;
        gai_text(&to->out, "{\"filename\": \"\", \"line\": 0, \"name\": ");
        if (name)
            gai_json_string(&to->out, name);
        else
            gai_text(&to->out, "\"%" PRIu64 "\"", tag);
        gai_text(&to->out, "}");
    }
    gai_text(&to->out, "]");
}

static void write_block(struct export *to, const struct core_lane *lane, const struct core_segment *segment, uint32_t node)
{
    uint64_t address = number_of(segment->buffer.base) + (range_offset(&lane->range, node) - segment->start);
    const char *state = "inactive";
    uint64_t requested = 0, tag = 0;
    if (!range_is_free(&lane->range, node)) {
        uint32_t slot = lane->tenants[node].block;
        bool is_live = to->cache->core.blocks[slot].state == CORE_LIVE;
        state = is_live ? "active_allocated" : "active_pending_free";
        requested = to->cache->core.blocks[slot].requested;
        tag = tags_of(&to->cache->watch.blocks, slot);
    }
    gai_text(&to->out, "{\"address\": %" PRIu64 ", \"size\": %" PRIu64 ", \"requested_size\": %" PRIu64 ", \"state\": \"%s\", ",
             address, range_len(&lane->range, node), requested, state);
    write_frames(to, tag);
    gai_text(&to->out, "}");
}

struct sums {
    uint64_t allocated, active, requested;
};

static struct sums sum_up(const struct core *core, const struct core_lane *lane, const struct core_run *run)
{
    struct sums sums = { 0 };
    for (uint32_t node = run->first; node != run->end; node = range_next(&lane->range, node)) {
        if (range_is_free(&lane->range, node))
            continue;
        const struct core_block *block = &core->blocks[lane->tenants[node].block];
        sums.active += range_len(&lane->range, node);
        sums.allocated += block->state == CORE_LIVE ? range_len(&lane->range, node) : 0;
        sums.requested += block->requested;
    }
    return sums;
}

/* A segment; of a range that grows, what is mapped in one piece. */
static void write_segment(struct export *to, uint32_t at, const struct core_run *run)
{
    const struct core *core = &to->cache->core;
    const struct core_segment *segment = &core->segments[at];
    const struct core_lane *lane = core->lanes[segment->lane];
    struct sums sums = sum_up(core, lane, run);
    gai_text(&to->out,
             "{\"device\": %d, \"address\": %" PRIu64 ", \"total_size\": %" PRIu64 ", \"allocated_size\": %" PRIu64
             ", \"active_size\": %" PRIu64 ", \"requested_size\": %" PRIu64,
             to->cache->backend->device, number_of(segment->buffer.base) + run->into, run->len, sums.allocated, sums.active,
             sums.requested);
    gai_text(&to->out,
             ", \"stream\": %" PRIu64 ", \"segment_type\": \"%s\", \"segment_pool_id\": [0, %" PRIu64 "], \"is_expandable\": %s, ",
             lane->stream, lane->small ? "small" : "large", pools_name(&to->cache->pools, lane->pool),
             segment->grows ? "true" : "false");
    write_frames(to, tags_of(&to->cache->watch.segments, at));
    gai_text(&to->out, ", \"blocks\": [");
    const char *comma = "\n  ";
    for (uint32_t node = run->first; node != run->end; node = range_next(&lane->range, node)) {
        gai_text(&to->out, "%s", comma);
        write_block(to, lane, segment, node);
        comma = ",\n  ";
    }
    gai_text(&to->out, "]}");
}

static void write_entry(struct export *to, const struct ga_cache_entry *entry)
{
    static const char *const names[] = {
        [GA_CACHE_ALLOC] = "alloc",
        [GA_CACHE_FREE] = "free_requested",
        [GA_CACHE_REUSABLE] = "free_completed",
        [GA_CACHE_SEGMENT_ALLOC] = "segment_alloc",
        [GA_CACHE_SEGMENT_FREE] = "segment_free",
        [GA_CACHE_SEGMENT_MAP] = "segment_map",
        [GA_CACHE_SEGMENT_UNMAP] = "segment_unmap",
        [GA_CACHE_NO_SPACE] = "oom",
        [GA_CACHE_SNAPSHOT] = "snapshot",
        [GA_CACHE_USER] = "user_defined",
    };
    gai_text(&to->out,
             "{\"action\": \"%s\", \"addr\": %" PRIu64 ", \"size\": %" PRIu64 ", \"stream\": %" PRIu64 ", \"time_us\": %" PRIu64
             ", \"user_metadata\": \"%" PRIu64 "\", ",
             names[entry->action], number_of(entry->ptr), entry->size, entry->stream, entry->time / 1000, entry->meta);
    if (entry->action == GA_CACHE_NO_SPACE)
        gai_text(&to->out, "\"device_free\": %" PRIu64 ", ", to->cache->oom.free_bytes);
    write_frames(to, entry->tag);
    gai_text(&to->out, "}");
}

static void write_all(struct export *to)
{
    const ga_cache *cache = to->cache;
    const char *comma = "\n ";
    gai_text(&to->out, "{\"segments\": [");
    for (uint32_t at = cache->core.oldest; at; at = cache->core.segments[at].next) {
        const struct core_segment *segment = &cache->core.segments[at];
        const struct core_lane *lane = cache->core.lanes[segment->lane];
        struct core_run run;
        for (uint32_t node = segment->fence; gai_core_run(lane, segment, node, &run); node = run.last) {
            gai_text(&to->out, "%s", comma);
            write_segment(to, at, &run);
            comma = ",\n ";
        }
    }
    gai_text(&to->out, "],\n\"device_traces\": [[");
    comma = "\n ";
    const struct ga_cache_entry *entry;
    for (uint32_t i = 0; !to->opts.no_trace && (entry = gai_watch_entry(&cache->watch, i)); i++) {
        gai_text(&to->out, "%s", comma);
        write_entry(to, entry);
        comma = ",\n ";
    }
    gai_text(&to->out, "]],\n\"allocator_settings\": {\"max_split_size\": %" PRIu64 ", \"garbage_collection_threshold\": %.3f}}\n",
             cache->opts.max_split, cache->opts.collect);
}

enum ga_status ga_cache_export_json(ga_cache *cache, const struct ga_cache_export *opts, const struct ga_sink *sink)
{
    struct export to = { .cache = cache, .opts = opts ? *opts : (struct ga_cache_export){ 0 }, .out = text_to(sink) };
    if (later_refused(&cache->log, &to.opts, "struct ga_cache_export"))
        return GA_INVALID;
    if (!cache_enter(cache))
        return GA_BUSY;
    gai_cache_call_begin(cache);
    write_all(&to);
    enum ga_status status = gai_text_end(&to.out);
    gai_cache_call_end(cache);
    lock_give(&cache->lock);
    return status;
}
