/*
 * Memory is given back in whole segments that hold no block; of ranges that grow, in pieces.  Their home stream may still be busy with what they held, so all
 * streams are waited for first, without the lock; what became idle meanwhile stays.
 */
#include "cache/device.h"

#include "base/bits.h"

enum ga_status gai_cache_wait_all(ga_cache *cache, struct idle *idle)
{
    const struct ga_backend_order *calls = cache->backend->order;
    *idle = (struct idle){ .before = core_tick(&cache->core) };
    if (cache->pools.n_captures)
        return GA_BUSY;
    if (!calls)
        return GA_OK;
    uint64_t n_freed = cache->defer.n_freed;
    cache->syncs++;
    lock_give(&cache->lock);
    enum ga_status status = calls->sync(calls->user);
    lock_take(&cache->lock);
    if (status == GA_OK)
        gai_defer_settle(&cache->defer, n_freed);
    gai_cache_retire(cache);
    if (status == GA_OK)
        gai_direct_free_left(cache, idle->before);
    return status;
}

static bool may_go(const ga_cache *cache, const struct core_segment *segment, struct idle idle)
{
    if (!core_is_idle(segment) || segment->idle_since > idle.before)
        return false;
    uint32_t pool = cache->core.lanes[segment->lane]->pool;
    return pool == idle.pool || (idle.pool == 0 && !pools_keep(&cache->pools, pool));
}

/* A segment's memory goes to the backend. */
static void hand_over(ga_cache *cache, struct ga_buffer *buffer, uint32_t lane)
{
    uint32_t pool = cache->core.lanes[lane]->pool;
    const struct ga_backend *backend = gai_cache_backend_of(cache, pool);
    uint64_t size = buffer->size;
    if (cache->watch.on)
        gai_watch_segment(cache, GA_CACHE_SEGMENT_FREE, buffer, lane, 0);
    cache->backend_frees++;
    cache->ahead += size;
    lock_give(&cache->lock);
    backend->free(backend->user, buffer);
    lock_take(&cache->lock);
    cache->ahead -= size;
    gai_cache_unpin(cache, pool);
}

static void give_back(ga_cache *cache)
{
    struct ga_buffer buffer;
    uint32_t lane;
    while (gai_core_leave(&cache->core, &buffer, &lane))
        hand_over(cache, &buffer, lane);
}

/* The one idle for longest; among equals the older one; 0: none. */
static uint32_t longest_idle(const ga_cache *cache, struct idle idle)
{
    const struct core *core = &cache->core;
    uint32_t found = 0;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next)
        if (may_go(cache, &core->segments[at], idle) &&
            (!found || core->segments[at].idle_since < core->segments[found].idle_since))
            found = at;
    return found;
}

/* All at once, where no choice is to be made. */
static void remove_all(ga_cache *cache, struct idle idle)
{
    struct core *core = &cache->core;
    for (uint32_t at = core->oldest, next; at; at = next) {
        next = core->segments[at].next;
        if (may_go(cache, &core->segments[at], idle))
            gai_core_remove(core, at);
    }
}

void gai_cache_drop_idle_of(ga_cache *cache, struct idle idle, ga_stream stream)
{
    struct core *core = &cache->core;
    for (uint32_t at = core->oldest, next; at; at = next) {
        next = core->segments[at].next;
        if (core->lanes[core->segments[at].lane]->stream == stream && may_go(cache, &core->segments[at], idle))
            gai_core_remove(core, at);
    }
    give_back(cache);
    if (gai_cache_grows(cache, 0))
        gai_cache_shrink(cache, idle, &stream, 0);
}

void gai_cache_drop_idle(ga_cache *cache, struct idle idle, uint64_t target)
{
    struct core *core = &cache->core;
    uint64_t reserved = core_reserved(core);
    if (target == 0)
        remove_all(cache, idle);
    for (uint32_t at; target && reserved > target && (at = longest_idle(cache, idle));) {
        reserved -= core->segments[at].buffer.size;
        gai_core_remove(core, at);
    }
    give_back(cache);
    if (gai_cache_grows(cache, 0))
        gai_cache_shrink(cache, idle, NULL, target);
}

/* The smallest idle segment of another stream's that would serve the request; 0: none. */
static uint32_t find_adoptable(const ga_cache *cache, const struct request *request, struct idle idle)
{
    const struct core *core = &cache->core;
    uint32_t found = 0;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        const struct core_segment *segment = &core->segments[at];
        const struct core_lane *lane = core->lanes[segment->lane];
        bool fits = !lane->apart && lane->pool == request->pool && lane->small == policy_is_small(request->rounded) &&
                    policy_accepts(&cache->opts, request->rounded, segment->buffer.size);
        if (!fits || !core_is_idle(segment) || segment->idle_since > idle.before || segment->buffer.size < request->rounded)
            continue;
        if (!found || segment->buffer.size < core->segments[found].buffer.size)
            found = at;
    }
    return found;
}

enum ga_status gai_cache_adopt(ga_cache *cache, struct request *request, struct idle idle)
{
    struct ga_buffer buffer;
    uint32_t from, segment, node, at = find_adoptable(cache, request, idle);
    if (!at)
        return GA_NO_SPACE;
    gai_core_remove(&cache->core, at);
    gai_core_leave(&cache->core, &buffer, &from);
    enum ga_status status = gai_core_add(&cache->core, request->lane, &buffer, &segment, &node);
    if (status != GA_OK) {
        hand_over(cache, &buffer, from);
        return status;
    }
    gai_watch_tag_segment(cache, segment, request->tag);
    return gai_cache_carve(cache, request, node);
}

enum ga_status ga_cache_trim(ga_cache *cache, uint64_t target)
{
    struct idle idle;
    enum ga_status status = GA_OK;
    if (!cache_enter(cache))
        return GA_BUSY;
    if (core_reserved(&cache->core) > target) {
        status = gai_cache_wait_all(cache, &idle);
        if (status == GA_OK)
            gai_cache_drop_idle(cache, idle, target);
    }
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_sync(ga_cache *cache)
{
    struct idle idle;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_cache_wait_all(cache, &idle);
    lock_give(&cache->lock);
    return status;
}

/* Sum of the ages of what may be collected, and how many they are. */
static uint64_t ages(const ga_cache *cache, struct idle idle, uint64_t *count)
{
    const struct core *core = &cache->core;
    uint64_t sum = 0;
    *count = 0;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        const struct core_segment *segment = &core->segments[at];
        if (core->lanes[segment->lane]->small || !may_go(cache, segment, idle))
            continue;
        sum += core->clock - segment->idle_since;
        ++*count;
    }
    return sum;
}

/* Removes all that are at least as old as the mean, until `target` is met; false: none was there. */
static bool collect_pass(ga_cache *cache, struct idle idle, uint64_t target, uint64_t *reserved)
{
    struct core *core = &cache->core;
    uint64_t count, sum = ages(cache, idle, &count);
    if (count == 0)
        return false;
    for (uint32_t at = core->oldest, next; at && *reserved > target; at = next) {
        const struct core_segment *segment = &core->segments[at];
        next = segment->next;
        if (core->lanes[segment->lane]->small || !may_go(cache, segment, idle) || core->clock - segment->idle_since < sum / count)
            continue;
        *reserved -= segment->buffer.size;
        gai_core_remove(core, at);
    }
    return true;
}

enum ga_status gai_cache_collect(ga_cache *cache)
{
    if (cache->opts.collect <= 0 || cache->limit == UINT64_MAX || cache->pools.n_captures)
        return GA_OK;
    uint64_t target = (uint64_t)(cache->opts.collect * (double)cache->limit);
    uint64_t count;
    struct idle idle = { .before = UINT64_MAX };
    ages(cache, idle, &count);
    if (core_reserved(&cache->core) <= target || count == 0)
        return GA_OK;
    enum ga_status status = gai_cache_wait_all(cache, &idle);
    if (status != GA_OK)
        return status;
    uint64_t reserved = core_reserved(&cache->core);
    while (reserved > target && collect_pass(cache, idle, target, &reserved))
        ;
    give_back(cache);
    return GA_OK;
}

/* The smallest, or the largest, idle segment of a lane that has at least `least` bytes; 0: none. */
static uint32_t oversize(const ga_cache *cache, uint32_t lane, struct idle idle, uint64_t least, bool smallest)
{
    const struct core *core = &cache->core;
    uint32_t found = 0;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        const struct core_segment *segment = &core->segments[at];
        if (segment->lane != lane || !may_go(cache, segment, idle) || segment->buffer.size < least)
            continue;
        bool is_better = !found || (smallest ? segment->buffer.size < core->segments[found].buffer.size
                                             : segment->buffer.size > core->segments[found].buffer.size);
        found = is_better ? at : found;
    }
    return found;
}

bool gai_cache_drop_oversize(ga_cache *cache, const struct request *request)
{
    struct idle idle;
    uint64_t max_split = cache->opts.max_split;
    uint64_t key = max_u64(gai_policy_segment(&cache->opts, request->rounded), max_split), sum = 0;
    if (max_split == 0 || pools_keep(&cache->pools, request->pool) || gai_cache_wait_all(cache, &idle) != GA_OK)
        return false;
    idle.pool = request->pool;
    uint32_t at = oversize(cache, request->lane, idle, key, true);
    if (at) {
        sum = cache->core.segments[at].buffer.size;
        gai_core_remove(&cache->core, at);
    }
    while (sum < key && (at = oversize(cache, request->lane, idle, max_split, false))) {
        sum += cache->core.segments[at].buffer.size;
        gai_core_remove(&cache->core, at);
    }
    give_back(cache);
    return sum >= key;
}
