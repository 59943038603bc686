/*
 * What may help when no free block will do, from cheap to dear.  Each step leaves the lock held, and tells whether the request
 * is served (GA_OK), may go on to the next step (GA_NO_SPACE), or failed for another reason.
 */
#include "cache/device.h"

#include "base/bits.h"

/* Of a segment: its fence, its mark and what is between. */
enum { SEGMENT_NODES = 3 };

/*
 * The bytes count against the limit before they are there.  With the segment comes room for the block it is taken for: else
 * a request that fails for want of memory would leave the segment behind.
 */
enum ga_status gai_cache_segment(ga_cache *cache, const struct request *request, uint64_t size, uint32_t *node)
{
    uint32_t lane = request->lane;
    uint32_t pool = cache->core.lanes[lane]->pool;
    const struct ga_backend *backend = gai_cache_backend_of(cache, pool);
    uint64_t held = add_sat(core_reserved(&cache->core), cache->ahead);
    if (size > SIZE_MAX || held > cache->limit || size > cache->limit - held)
        return GA_NO_SPACE;
    struct ga_buffer buffer = { 0 };
    uint32_t segment;
    cache->ahead += size;
    lock_give(&cache->lock);
    enum ga_status status = backend->alloc(backend->user, (size_t)size, &buffer);
    lock_take(&cache->lock);
    cache->ahead -= size;
    if (status != GA_OK)
        return status;
    cache->backend_allocs++;
    status = GA_NO_MEMORY;
    if (gai_core_room(&cache->core, lane, SEGMENT_NODES + 1))
        status = gai_core_add(&cache->core, lane, &buffer, &segment, node);
    if (status == GA_OK) {
        gai_cache_pin(cache, pool);
        if (cache->watch.on) {
            gai_watch_tag_segment(cache, segment, request->tag);
            gai_watch_segment(cache, GA_CACHE_SEGMENT_ALLOC, &buffer, lane, request->tag);
        }
    } else {
        cache->backend_frees++;
        lock_give(&cache->lock);
        backend->free(backend->user, &buffer);
        lock_take(&cache->lock);
    }
    return status;
}

/* No larger than the backend allows one buffer to be; what does not fit even so is the backend's to refuse. */
static uint64_t segment_size(const ga_cache *cache, const struct request *request)
{
    uint64_t most = gai_backend_max(gai_cache_backend_of(cache, request->pool));
    return max_u64(request->rounded, min_u64(gai_policy_segment(&cache->opts, request->rounded), most));
}

static enum ga_status step_segment(ga_cache *cache, struct request *request)
{
    uint32_t node;
    enum ga_status status;
    if (!gai_cache_grows(cache, request->pool)) {
        status = gai_cache_segment(cache, request, segment_size(cache, request), &node);
        return status == GA_OK ? gai_cache_carve(cache, request, node) : status;
    }
    if (gai_cache_compact(cache, request) == GA_OK && (status = gai_cache_take(cache, request)) != GA_NO_SPACE)
        return status;
    status = gai_cache_grow(cache, request, &node);
    return status == GA_OK ? gai_cache_carve(cache, request, node) : status;
}

static enum ga_status step_again(ga_cache *cache, struct request *request)
{
    gai_cache_retire(cache);
    enum ga_status status = gai_cache_take(cache, request);
    return status == GA_NO_SPACE ? step_segment(cache, request) : status;
}

static enum ga_status step_collect(ga_cache *cache, struct request *request)
{
    enum ga_status status = gai_cache_collect(cache);
    return status == GA_OK ? step_again(cache, request) : status;
}

/* A range grows by no more than what is asked for, in whole pieces. */
static uint64_t backend_bytes(const ga_cache *cache, const struct request *request)
{
    bool grows = gai_cache_grows(cache, request->pool);
    return grows ? align_up(request->rounded, cache->backend->vmem->granule) : gai_policy_segment(&cache->opts, request->rounded);
}

bool gai_cache_ask_others(ga_cache *cache, uint64_t bytes)
{
    const struct ga_cache_hooks *hooks = &cache->opts.hooks;
    if (!hooks->reclaim)
        return false;
    lock_give(&cache->lock);
    bool helped = hooks->reclaim(hooks->user, bytes);
    lock_take(&cache->lock);
    return helped;
}

static enum ga_status step_reclaim(ga_cache *cache, struct request *request)
{
    return gai_cache_ask_others(cache, backend_bytes(cache, request)) ? step_again(cache, request) : GA_NO_SPACE;
}

static enum ga_status step_borrow(ga_cache *cache, struct request *request)
{
    return request->pool == 0 ? gai_cache_borrow(cache, request) : GA_NO_SPACE;
}

/* Waits for one event without the lock; nobody takes it away meanwhile. */
static enum ga_status wait_for(ga_cache *cache, uint32_t use)
{
    const struct ga_backend_order *calls = cache->backend->order;
    ga_event event = gai_defer_watch(&cache->defer, use);
    lock_give(&cache->lock);
    enum ga_status status = event ? calls->wait(calls->user, event) : calls->sync(calls->user);
    lock_take(&cache->lock);
    gai_defer_unwatch(&cache->defer, use, status == GA_OK);
    gai_cache_retire(cache);
    return status;
}

static enum ga_status step_wait_enough(ga_cache *cache, struct request *request)
{
    enum ga_status status = GA_NO_SPACE;
    for (uint32_t use; status == GA_NO_SPACE && !cache->defer.held && (use = gai_defer_oldest(&cache->defer));) {
        status = wait_for(cache, use);
        if (status == GA_OK)
            status = gai_cache_take(cache, request);
    }
    return status;
}

static enum ga_status step_wait_all(ga_cache *cache, struct request *request)
{
    struct idle idle;
    enum ga_status status = gai_cache_wait_all(cache, &idle);
    return status == GA_OK ? step_again(cache, request) : status;
}

static enum ga_status step_wait(ga_cache *cache, struct request *request)
{
    if (cache->defer.n_waiting == 0 || cache->opts.wait == GA_WAIT_NEVER || cache->pools.n_captures)
        return GA_NO_SPACE;
    return cache->opts.wait == GA_WAIT_ALL ? step_wait_all(cache, request) : step_wait_enough(cache, request);
}

static enum ga_status step_oversize(ga_cache *cache, struct request *request)
{
    return gai_cache_drop_oversize(cache, request) ? step_segment(cache, request) : GA_NO_SPACE;
}

static enum ga_status step_trim(ga_cache *cache, struct request *request)
{
    struct idle idle;
    if (cache->pools.n_captures)
        return GA_NO_SPACE;
    cache->retries++;
    enum ga_status status = gai_cache_wait_all(cache, &idle);
    if (status != GA_OK)
        return status;
    status = cache->opts.adopt ? gai_cache_adopt(cache, request, idle) : GA_NO_SPACE;
    if (status != GA_NO_SPACE)
        return status;
    gai_cache_drop_idle(cache, idle, 0);
    return step_again(cache, request);
}

enum ga_status gai_cache_make_room(ga_cache *cache, struct request *request)
{
    static enum ga_status (*const steps[])(ga_cache *, struct request *) = {
        step_collect, step_reclaim, step_borrow, step_wait, step_oversize, step_trim,
    };
    enum ga_status status = GA_NO_SPACE;
    bool absurd = request->rounded >= POLICY_ABSURD;
    gai_cache_pin(cache, request->pool);
    for (size_t i = 0; !absurd && status == GA_NO_SPACE && i < sizeof steps / sizeof *steps; i++)
        status = steps[i](cache, request);
    if (status == GA_NO_SPACE)
        gai_cache_report(cache, request);
    gai_cache_unpin(cache, request->pool);
    return status;
}
