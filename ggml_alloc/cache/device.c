#include "cache/device.h"

#include <assert.h>

#include "base/bits.h"
#include "base/later.h"
#include "cache/carve.h"
#include "cache/own.h"

ga_stream gai_cache_stream(const ga_cache *cache, ga_stream stream)
{
    const struct ga_backend_order *calls = cache->backend->order;
    if (stream != GA_STREAM_CURRENT)
        return stream;
    bool known = calls && calls->current && calls->current(calls->user, &stream);
    return known ? stream : 0;
}

void gai_cache_call_begin(ga_cache *cache)
{
    lock_take(&cache->gate);
    cache->caller = thread_self();
    lock_give(&cache->gate);
    atomic_store_explicit(&cache->calling, true, memory_order_release);
}

void gai_cache_call_end(ga_cache *cache)
{
    atomic_store_explicit(&cache->calling, false, memory_order_release);
}

bool gai_cache_is_inside(ga_cache *cache)
{
    lock_take(&cache->gate);
    bool is_inside = atomic_load_explicit(&cache->calling, memory_order_acquire) && thread_same(cache->caller, thread_self());
    lock_give(&cache->gate);
    return is_inside;
}

static bool is_complete(const struct ga_backend_order *calls)
{
    return !calls || (calls->record && calls->reached && calls->wait && calls->release && calls->sync);
}

/* False: the backend does not say what it has. */
static bool limit_to_fraction(ga_cache *cache)
{
    uint64_t limit = cache->limit;
    if (ga_cache_set_fraction(cache, cache->opts.fraction) != GA_OK)
        return false;
    cache->limit = min_u64(cache->limit, limit);
    return true;
}

enum ga_status gai_cache_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_cache_opts *opts,
                             ga_cache **made)
{
    struct ga_cache_opts chosen = opts ? *opts : (struct ga_cache_opts){ 0 };
    struct ga_env full = gai_env(env);
    struct ga_mem mem = full.mem;
    bool known = !later_refused(&full.log, &chosen, "struct ga_cache_opts");
    if (!known || !gai_backend_sound(backend) || !is_complete(backend->order) || !gai_policy_sound(&chosen))
        return GA_INVALID;
    ga_cache *cache = mem_new(&mem, ga_cache, 1);
    if (!cache)
        return GA_NO_MEMORY;
    lock_init(&cache->lock);
    lock_init(&cache->gate);
    cache->mem = mem;
    cache->log = full.log;
    cache->backend = backend;
    cache->opts = chosen;
    cache->usual = gai_policy_usual(&chosen);
    cache->limit = chosen.limit ? chosen.limit : UINT64_MAX;
    gai_core_init(&cache->core, &cache->mem, chosen.fit);
    gai_defer_init(&cache->defer, &cache->mem, backend->order);
    gai_cache_offer(cache);
    atomic_init(&cache->context, GA_CONTEXT_NEVER);
    atomic_init(&cache->calling, false);
    enum ga_status status = gai_watch_init(cache) ? GA_OK : GA_NO_MEMORY;
    if (status == GA_OK && chosen.fraction > 0 && !limit_to_fraction(cache))
        status = GA_INVALID;
    if (status == GA_OK)
        *made = cache;
    else
        ga_cache_delete(cache);
    return status;
}

ga_cache *ga_cache_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_cache_opts *opts)
{
    ga_cache *cache = NULL;
    (void)gai_cache_new(env, backend, opts, &cache);
    return cache;
}

void ga_cache_delete(ga_cache *cache)
{
    if (!cache)
        return;
    if (cache->backend->order)
        cache->backend->order->sync(cache->backend->order->user);
    for (uint32_t at = cache->core.oldest; at; at = cache->core.segments[at].next) {
        struct core_segment *segment = &cache->core.segments[at];
        const struct ga_backend *backend = gai_cache_backend_of(cache, cache->core.lanes[segment->lane]->pool);
        if (segment->grows)
            gai_cache_release_range(cache, at);
        else
            backend->free(backend->user, &segment->buffer);
    }
    gai_direct_fini(cache);
    gai_own_fini(cache);
    gai_pools_fini(&cache->pools, &cache->mem);
    gai_defer_fini(&cache->defer);
    gai_core_fini(&cache->core);
    gai_watch_fini(cache);
    struct ga_mem mem = cache->mem;
    mem_free(&mem, cache, 1);
}

/* Whether a free node lies in a range that grows. */
static inline bool in_range(const ga_cache *cache, uint32_t at, uint32_t node)
{
    const struct core_lane *lane = cache->core.lanes[at];
    return cache->opts.expandable && cache->core.segments[lane->tenants[node].segment].grows;
}

/* What is before the aligned address stays free. */
static enum ga_status carve_aligned(ga_cache *cache, struct request *request, uint32_t node)
{
    struct core *core = &cache->core;
    uint64_t len = core_node_len(core, request->lane, node);
    uint64_t skip = (0 - (uint64_t)(uintptr_t)core_address(core, request->lane, node)) & (request->align - 1);
    uint64_t size = request->rounded - request->pad;
    bool splits = in_range(cache, request->lane, node) || policy_splits(&cache->opts, request->rounded, len - skip + request->pad);
    if (!splits || pools_is_whole(&cache->pools, request->pool))
        size = len - skip;
    return gai_core_take(core, request->lane, node, skip, size, request->size, &request->block);
}

enum ga_status gai_cache_carve(ga_cache *cache, struct request *request, uint32_t node)
{
    if (request->align)
        return carve_aligned(cache, request, node);
    uint64_t len = core_node_len(&cache->core, request->lane, node);
    /* In a range what remains is not lost: it is one piece. */
    if (in_range(cache, request->lane, node) ||
        (policy_splits(&cache->opts, request->rounded, len) && !pools_is_whole(&cache->pools, request->pool)))
        len = request->rounded;
    return gai_core_take(&cache->core, request->lane, node, 0, len, request->size, &request->block);
}

enum ga_status gai_cache_take(ga_cache *cache, struct request *request)
{
    uint32_t node = gai_core_find(&cache->core, request->lane, request->rounded);
    if (node == RANGE_NONE)
        return GA_NO_SPACE;
    if (!policy_accepts(&cache->opts, request->rounded, core_node_len(&cache->core, request->lane, node)) &&
        !in_range(cache, request->lane, node))
        return GA_NO_SPACE;
    return gai_cache_carve(cache, request, node);
}

void gai_cache_complete(ga_cache *cache, uint32_t slot)
{
    cache_note(cache, GA_CACHE_REUSABLE, slot, 0);
    gai_core_give(&cache->core, slot);
}

void gai_cache_retire(ga_cache *cache)
{
    uint32_t queue = 0;
    for (uint32_t slot; cache->defer.n_waiting && (slot = gai_defer_over(&cache->defer, &queue));)
        if (--cache->core.blocks[slot].n_waits == 0)
            gai_cache_complete(cache, slot);
}

/* What a request asks for, but for its lane. */
static struct request request_for(const ga_cache *cache, size_t size, size_t align, ga_stream stream, uint64_t tag)
{
    struct request request = { .size = size, .align = align, .stream = stream, .tag = tag };
    request.rounded = request.size < POLICY_ABSURD ? policy_round(&cache->opts, request.size) : request.size;
    if (align) {
        request.pad = align_up(align, GA_CACHE_QUANTUM);
        request.rounded = add_sat(request.rounded, request.pad);
    }
    return request;
}

static enum ga_status alloc_locked(ga_cache *cache, struct request *request)
{
    enum ga_status status = GA_NO_SPACE;
    if (cache->pools.n_routes) {
        request->pool = gai_cache_route(cache, request->stream);
        status = gai_places_take(cache, request);
    }
    if (status != GA_NO_SPACE)
        return status;
    if (!core_lane(&cache->core, request->pool, request->stream, policy_is_small(request->rounded), &request->lane))
        return GA_NO_MEMORY;
    status = gai_cache_take(cache, request);
    if (status == GA_NO_SPACE)
        status = gai_cache_make_room(cache, request);
    if (status == GA_OK)
        gai_places_stray(cache, request->pool);
    return status;
}

/* With the lock held. */
static enum ga_status alloc_any(ga_cache *cache, struct request request, ga_block *block, void **ptr)
{
    if (cache->direct.on)
        return gai_direct_alloc(cache, request.size, request.align, block, ptr);
    gai_cache_retire(cache);
    enum ga_status status = alloc_locked(cache, &request);
    if (status != GA_OK)
        return status;
    cache_note(cache, GA_CACHE_ALLOC, request.block, request.tag);
    *block = core_name(&cache->core, request.block);
    *ptr = cache->core.blocks[request.block].ptr;
    return GA_OK;
}

/*
 * What most requests are, in one go: nobody watches, the usual rules, the lane that was used last, which has a free block.  0: it
 * is none of these, or there is no memory for it.
 */
static inline uint32_t alloc_usual(ga_cache *cache, uint64_t size, ga_stream stream)
{
    struct core *core = &cache->core;
    uint64_t rounded = align_up(size, GA_CACHE_QUANTUM);
    bool small = policy_is_small(rounded);
    uint32_t at = core->last_lane[small], slot;
    bool is_usual = cache->usual && !cache->watch.on && !cache->direct.on && !cache->pools.n_routes && size < POLICY_ABSURD;
    if (!is_usual || at >= core->n_lanes)
        return 0;
    struct core_lane *lane = core_lane_at(core, at);
    if (!lane_is(lane, 0, stream, small))
        return 0;
    if (cache->defer.n_waiting)
        gai_cache_retire(cache);
    uint32_t node = range_best(&lane->range, rounded);
    if (node == RANGE_NONE)
        return 0;
    uint64_t len = range_len(&lane->range, node);
    if (policy_leaves(rounded, len - rounded))
        len = rounded;
    return core_take(core, lane, node, 0, len, size, &slot) == GA_OK ? slot : 0;
}

static inline enum ga_status answer(enum ga_status status, ga_block name, void *address, ga_block *block, void **ptr)
{
    if (status == GA_OK && block)
        *block = name;
    if (status == GA_OK && ptr)
        *ptr = address;
    return status;
}

/* With the lock held, which it gives back. */
static enum ga_status alloc_unusual(ga_cache *cache, struct request request, ga_block *block, void **ptr)
{
    ga_block name = 0;
    void *address = NULL;
    enum ga_status status = alloc_any(cache, request, &name, &address);
    lock_give(&cache->lock);
    return answer(status, name, address, block, ptr);
}

enum ga_status ga_cache_alloc(ga_cache *cache, size_t size, ga_stream stream, ga_block *block, void **ptr)
{
    if (size == 0)
        return answer(GA_OK, 0, NULL, block, ptr);
    if (stream == GA_STREAM_CURRENT)
        stream = gai_cache_stream(cache, stream);
    uint64_t tag = cache_context(cache, GA_CONTEXT_STATE);
    if (!cache_enter(cache))
        return GA_BUSY;
    uint32_t slot = alloc_usual(cache, size, stream);
    if (!slot)
        return alloc_unusual(cache, request_for(cache, size, 0, stream, tag), block, ptr);
    ga_block name = core_name(&cache->core, slot);
    void *address = cache->core.blocks[slot].ptr;
    lock_give(&cache->lock);
    return answer(GA_OK, name, address, block, ptr);
}

enum ga_status ga_cache_alloc_aligned(ga_cache *cache, size_t size, size_t align, ga_stream stream, ga_block *block, void **ptr)
{
    if (!is_pow2(align))
        return GA_INVALID;
    if (size == 0 || align <= cache->offered.align)
        return ga_cache_alloc(cache, size, stream, block, ptr);
    stream = gai_cache_stream(cache, stream);
    uint64_t tag = cache_context(cache, GA_CONTEXT_STATE);
    if (!cache_enter(cache))
        return GA_BUSY;
    return alloc_unusual(cache, request_for(cache, size, align, stream, tag), block, ptr);
}

void gai_cache_free(ga_cache *cache, uint32_t slot, uint64_t tag)
{
    struct core_block *block = &cache->core.blocks[slot];
    cache_note(cache, GA_CACHE_FREE, slot, tag);
    gai_core_retire(&cache->core, slot);
    block->n_waits = gai_defer_start(&cache->defer, &block->uses);
    if (block->n_waits == 0)
        gai_cache_complete(cache, slot);
}

GAI_INLINE void free_block(ga_cache *cache, uint32_t slot, uint64_t tag)
{
    bool is_usual = !cache->core.blocks[slot].uses && !cache->watch.on;
    if (is_usual)
        core_free(&cache->core, slot);
    else
        gai_cache_free(cache, slot, tag);
}

enum ga_status ga_cache_free(ga_cache *cache, ga_block name)
{
    if (name == 0)
        return GA_OK;
    uint32_t slot;
    uint64_t tag = cache_context(cache, GA_CONTEXT_ALL);
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = core_slot(&cache->core, name, &slot);
    if (status == GA_OK)
        free_block(cache, slot, tag);
    else if (direct_is(name) && (status = gai_direct_slot(&cache->direct, name, &slot)) == GA_OK)
        gai_direct_free(cache, slot);
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_cache_free_ptr(ga_cache *cache, void *ptr)
{
    if (!ptr)
        return GA_OK;
    uint64_t tag = cache_context(cache, GA_CONTEXT_ALL);
    if (!cache_enter(cache))
        return GA_BUSY;
    uint32_t slot = gai_core_at(&cache->core, ptr);
    uint32_t direct = slot ? 0 : direct_at(&cache->direct, ptr);
    if (slot)
        free_block(cache, slot, tag);
    if (direct)
        gai_direct_free(cache, direct);
    lock_give(&cache->lock);
    return slot || direct ? GA_OK : GA_UNKNOWN;
}

ga_block ga_cache_find(ga_cache *cache, const void *ptr)
{
    bool entered = cache_enter(cache);
    uint32_t slot = gai_core_at(&cache->core, ptr);
    ga_block name = slot ? core_name(&cache->core, slot) : gai_direct_name(&cache->direct, direct_at(&cache->direct, ptr));
    cache_leave(cache, entered);
    return name;
}

void *ga_cache_ptr(ga_cache *cache, ga_block name, size_t *size)
{
    uint32_t slot;
    void *ptr = NULL;
    bool entered = cache_enter(cache);
    if (gai_core_slot(&cache->core, name, &slot) == GA_OK) {
        ptr = cache->core.blocks[slot].ptr;
        if (size)
            *size = (size_t)core_block_size(&cache->core, slot);
    } else if (direct_is(name) && gai_direct_slot(&cache->direct, name, &slot) == GA_OK) {
        ptr = cache->direct.blocks[slot].ptr;
        if (size)
            *size = direct_size(&cache->direct, slot);
    }
    cache_leave(cache, entered);
    return ptr;
}

uint64_t ga_cache_poll(ga_cache *cache)
{
    bool entered = cache_enter(cache);
    if (entered)
        gai_cache_retire(cache);
    uint64_t pending = tally_now(&cache->core.counts.pending_bytes);
    cache_leave(cache, entered);
    return pending;
}

/* That pending blocks wait for exactly what is in queues for them. */
static const char *check_waits(const ga_cache *cache)
{
    const struct core *core = &cache->core;
    uint64_t n_waits = 0;
    for (uint32_t slot = 1; slot <= core->n_blocks; slot++) {
        const struct core_block *block = &core->blocks[slot];
        if ((block->state == CORE_PENDING) != (block->n_waits > 0))
            return "a pending block waits for nothing, or another one for something";
        if (block->state != CORE_LIVE && block->uses)
            return "a block that is not live is shared";
        n_waits += block->n_waits;
    }
    return n_waits == cache->defer.n_waiting ? NULL : "a use waits for no block";
}

const char *ga_cache_check(ga_cache *cache)
{
    bool entered = cache_enter(cache);
    const char *broken = gai_core_check(&cache->core);
    broken = broken ? broken : gai_defer_check(&cache->defer);
    broken = broken ? broken : check_waits(cache);
    broken = broken ? broken : gai_cache_check_pools(cache);
    cache_leave(cache, entered);
    return broken;
}
