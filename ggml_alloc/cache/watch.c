#include "cache/watch.h"

#include "base/array.h"
#include "base/bits.h"
#include "base/later.h"
#include "cache/device.h"

static void decide(ga_cache *cache)
{
    struct watch *watch = &cache->watch;
    bool wants_tags = atomic_load_explicit(&cache->context, memory_order_relaxed) != GA_CONTEXT_NEVER;
    watch->on = watch->ring || watch->n_trackers || wants_tags || watch->blocks.cap || cache->opts.max_split;
}

bool gai_watch_init(ga_cache *cache)
{
    struct watch *watch = &cache->watch;
    watch->cap = cache->opts.trace;
    watch->ring = watch->cap ? mem_new(&cache->mem, struct ga_cache_entry, watch->cap) : NULL;
    decide(cache);
    return watch->cap == 0 || watch->ring;
}

void gai_watch_fini(ga_cache *cache)
{
    struct watch *watch = &cache->watch;
    mem_free(&cache->mem, watch->ring, watch->cap);
    mem_free(&cache->mem, watch->trackers, watch->cap_trackers);
    mem_free(&cache->mem, watch->blocks.at, watch->blocks.cap);
    mem_free(&cache->mem, watch->segments.at, watch->segments.cap);
    *watch = (struct watch){ 0 };
}

uint64_t gai_watch_context(ga_cache *cache, enum ga_context least)
{
    const struct ga_cache_hooks *hooks = &cache->opts.hooks;
    bool wanted = hooks->context && atomic_load_explicit(&cache->context, memory_order_relaxed) >= (int)least;
    return wanted ? hooks->context(hooks->user) : 0;
}

static void keep(struct watch *watch, const struct ga_cache_entry *entry)
{
    if (watch->ring && !(watch->skip >> entry->action & 1))
        watch->ring[watch->n_kept++ % watch->cap] = *entry;
}

void gai_watch_add(ga_cache *cache, struct ga_cache_entry entry)
{
    struct watch *watch = &cache->watch;
    const struct ga_cache_hooks *hooks = &cache->opts.hooks;
    if (!watch->ring && watch->n_trackers == 0)
        return;
    gai_cache_call_begin(cache);
    entry.number = ++watch->n;
    entry.time = hooks->now ? hooks->now(hooks->user) : 0;
    entry.meta = watch->meta;
    keep(watch, &entry);
    for (uint32_t i = 0; i < watch->n_trackers; i++)
        watch->trackers[i].track(watch->trackers[i].user, &entry);
    gai_cache_call_end(cache);
}

static void set_tag(ga_cache *cache, struct tags *tags, uint32_t slot, uint64_t tag)
{
    uint32_t cap = tags->cap;
    if (slot >= cap && tag == 0)
        return;
    if (!array_room(&cache->mem, &tags->at, &tags->cap, slot + 1u))
        return;
    for (uint32_t i = cap; i < tags->cap; i++)
        tags->at[i] = 0;
    tags->at[slot] = tag;
}

void gai_watch_tag_block(ga_cache *cache, uint32_t slot, uint64_t tag)
{
    set_tag(cache, &cache->watch.blocks, slot, tag);
}

void gai_watch_tag_segment(ga_cache *cache, uint32_t slot, uint64_t tag)
{
    set_tag(cache, &cache->watch.segments, slot, tag);
}

/* Whether entries of that action tell their caller. */
static bool tells_caller(ga_cache *cache, enum ga_cache_action action)
{
    bool is_free = action == GA_CACHE_FREE || action == GA_CACHE_REUSABLE || action == GA_CACHE_SEGMENT_FREE;
    enum ga_context least = is_free ? GA_CONTEXT_ALL : GA_CONTEXT_ALLOC;
    return atomic_load_explicit(&cache->context, memory_order_relaxed) >= (int)least;
}

static void count_oversize(const ga_cache *cache, struct ga_count *count, uint64_t size, bool comes)
{
    if (cache->opts.max_split == 0 || size < cache->opts.max_split)
        return;
    count->now += comes ? 1 : UINT64_MAX;
    count->added += comes;
    count->removed += !comes;
    count->peak = max_u64(count->peak, count->now);
}

void gai_watch_reset_peaks(struct watch *watch)
{
    watch->oversize_allocations.peak = watch->oversize_allocations.now;
    watch->oversize_segments.peak = watch->oversize_segments.now;
}

void gai_watch_reset_totals(struct watch *watch)
{
    watch->oversize_allocations.added = watch->oversize_allocations.removed = 0;
    watch->oversize_segments.added = watch->oversize_segments.removed = 0;
}

void gai_watch_block(ga_cache *cache, enum ga_cache_action action, uint32_t slot, uint64_t tag)
{
    const struct core_block *block = &cache->core.blocks[slot];
    const struct core_lane *lane = core_block_home(&cache->core, slot);
    uint64_t size = core_block_size(&cache->core, slot);
    if (action == GA_CACHE_ALLOC)
        gai_watch_tag_block(cache, slot, tag);
    if (action != GA_CACHE_REUSABLE)
        count_oversize(cache, &cache->watch.oversize_allocations, size, action == GA_CACHE_ALLOC);
    gai_watch_add(cache, (struct ga_cache_entry){ .action = action,
                                                  .ptr = block->ptr,
                                                  .size = size,
                                                  .stream = lane->stream,
                                                  .pool = pools_name(&cache->pools, lane->pool),
                                                  .tag = tells_caller(cache, action) ? tag : 0 });
}

void gai_watch_segment(ga_cache *cache, enum ga_cache_action action, const struct ga_buffer *buffer, uint32_t at, uint64_t tag)
{
    const struct core_lane *lane = cache->core.lanes[at];
    count_oversize(cache, &cache->watch.oversize_segments, buffer->size, action == GA_CACHE_SEGMENT_ALLOC);
    gai_watch_add(cache, (struct ga_cache_entry){ .action = action,
                                                  .ptr = buffer->base,
                                                  .size = buffer->size,
                                                  .stream = lane->stream,
                                                  .pool = pools_name(&cache->pools, lane->pool),
                                                  .tag = tells_caller(cache, action) ? tag : 0 });
}

/* How many entries are remembered; *oldest is where the first of them lies. */
static uint32_t n_remembered(const struct watch *watch, uint64_t *oldest)
{
    uint64_t n = min_u64(watch->n_kept, watch->cap);
    *oldest = watch->n_kept - n;
    return (uint32_t)n;
}

const struct ga_cache_entry *gai_watch_entry(const struct watch *watch, uint32_t i)
{
    uint64_t oldest;
    return i < n_remembered(watch, &oldest) ? &watch->ring[(oldest + i) % watch->cap] : NULL;
}

static enum ga_status record(ga_cache *cache, const struct ga_cache_recording *chosen)
{
    struct watch *watch = &cache->watch;
    struct ga_cache_entry *ring = NULL;
    uint64_t oldest, n = n_remembered(watch, &oldest);
    if (chosen->entries && !(ring = mem_new(&cache->mem, struct ga_cache_entry, chosen->entries)))
        return GA_NO_MEMORY;
    uint64_t n_kept = chosen->clear || !ring ? 0 : min_u64(n, chosen->entries);
    for (uint64_t i = 0; i < n_kept; i++)
        ring[i] = watch->ring[(oldest + n - n_kept + i) % watch->cap];
    mem_free(&cache->mem, watch->ring, watch->cap);
    watch->ring = ring;
    watch->cap = chosen->entries;
    watch->n_kept = n_kept;
    watch->skip = chosen->skip;
    atomic_store_explicit(&cache->context, (int)chosen->context, memory_order_relaxed);
    decide(cache);
    return GA_OK;
}

enum ga_status ga_cache_record(ga_cache *cache, const struct ga_cache_recording *recording)
{
    if (later_refused(&cache->log, recording, "struct ga_cache_recording"))
        return GA_INVALID;
    if (recording->skip >> GA_CACHE_ACTIONS || recording->context > GA_CONTEXT_ALL)
        return GA_INVALID;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = record(cache, recording);
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_track(ga_cache *cache, ga_cache_tracker track, void *user)
{
    struct watch *watch = &cache->watch;
    if (!cache_enter(cache))
        return GA_BUSY;
    bool has_room = array_room(&cache->mem, &watch->trackers, &watch->cap_trackers, watch->n_trackers + 1u);
    if (has_room)
        watch->trackers[watch->n_trackers++] = (struct tracker){ track, user };
    decide(cache);
    lock_give(&cache->lock);
    return has_room ? GA_OK : GA_NO_MEMORY;
}

enum ga_status ga_cache_untrack(ga_cache *cache, ga_cache_tracker track, void *user)
{
    struct watch *watch = &cache->watch;
    uint32_t at = 0;
    if (!cache_enter(cache))
        return GA_BUSY;
    while (at < watch->n_trackers && (watch->trackers[at].track != track || watch->trackers[at].user != user))
        at++;
    bool was_there = at < watch->n_trackers;
    watch->n_trackers -= was_there;
    for (; at < watch->n_trackers; at++)
        watch->trackers[at] = watch->trackers[at + 1];
    decide(cache);
    lock_give(&cache->lock);
    return was_there ? GA_OK : GA_INVALID;
}

uint32_t ga_cache_trace(ga_cache *cache, struct ga_cache_entry *out, uint32_t cap)
{
    const struct watch *watch = &cache->watch;
    uint64_t oldest;
    bool entered = cache_enter(cache);
    uint32_t n = n_remembered(watch, &oldest);
    for (uint32_t i = 0; i < n && i < cap; i++)
        out[i] = watch->ring[(oldest + i) % watch->cap];
    cache_leave(cache, entered);
    return n;
}

enum ga_status ga_cache_tag(ga_cache *cache, ga_block name, uint64_t *tag)
{
    uint32_t slot;
    bool entered = cache_enter(cache);
    enum ga_status status = gai_core_slot(&cache->core, name, &slot);
    if (status == GA_OK)
        *tag = tags_of(&cache->watch.blocks, slot);
    cache_leave(cache, entered);
    return status;
}

enum ga_status ga_cache_set_tag(ga_cache *cache, ga_block name, uint64_t tag)
{
    uint32_t slot;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_core_slot(&cache->core, name, &slot);
    if (status == GA_OK) {
        gai_watch_tag_block(cache, slot, tag);
        status = tags_of(&cache->watch.blocks, slot) == tag ? GA_OK : GA_NO_MEMORY;
        decide(cache); /* from now on a slot that is used again loses its tag */
    }
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_set_meta(ga_cache *cache, uint64_t meta)
{
    if (!cache_enter(cache))
        return GA_BUSY;
    cache->watch.meta = meta;
    lock_give(&cache->lock);
    return GA_OK;
}

enum ga_status ga_cache_mark(ga_cache *cache, uint64_t size)
{
    if (!cache_enter(cache))
        return GA_BUSY;
    gai_watch_add(cache, (struct ga_cache_entry){ .action = GA_CACHE_USER, .size = size });
    lock_give(&cache->lock);
    return GA_OK;
}
