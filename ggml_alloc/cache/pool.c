#include "cache/pool.h"

#include "base/array.h"
#include "base/later.h"
#include "cache/device.h"

void gai_pools_fini(struct pools *pools, const struct ga_mem *mem)
{
    for (uint32_t i = 1; i < pools->n; i++) {
        gai_places_fini(&pools->table[i].places, mem);
        if (pools->table[i].is_taken && pools->table[i].opts.gone)
            pools->table[i].opts.gone(pools->table[i].opts.user);
    }
    mem_free(mem, pools->table, pools->cap);
    mem_free(mem, pools->routes, pools->cap_routes);
    *pools = (struct pools){ 0 };
}

enum ga_status gai_pools_slot(const struct pools *pools, ga_pool name, uint32_t *slot)
{
    uint32_t at = (uint32_t)name, generation = (uint32_t)(name >> 32);
    if (at == 0 || at >= pools->n || generation == 0 || generation > pools->table[at].generation)
        return GA_UNKNOWN;
    if (generation != pools->table[at].generation || pools->table[at].uses == 0)
        return GA_FREED;
    *slot = at;
    return GA_OK;
}

static bool accepts(const struct route *route, ga_stream stream)
{
    return route->to.accepts ? route->to.accepts(route->to.user, stream) : thread_same(route->thread, thread_self());
}

uint32_t gai_cache_route(ga_cache *cache, ga_stream stream)
{
    const struct pools *pools = &cache->pools;
    uint32_t found = 0;
    gai_cache_call_begin(cache);
    for (uint32_t i = pools->n_routes; i-- > 0 && !found;)
        found = accepts(&pools->routes[i], stream) ? pools->routes[i].pool : 0;
    gai_cache_call_end(cache);
    return found;
}

/* n_routes: none leads there. */
static uint32_t find_route(const struct pools *pools, uint32_t slot)
{
    uint32_t at = 0;
    while (at < pools->n_routes && pools->routes[at].pool != slot)
        at++;
    return at;
}

bool gai_pools_captures(const struct pools *pools, uint32_t slot)
{
    uint32_t at = find_route(pools, slot);
    return at < pools->n_routes && pools->routes[at].to.captures;
}

const struct ga_backend *gai_cache_backend_of(const ga_cache *cache, uint32_t pool)
{
    const struct ga_backend *own = pool ? cache->pools.table[pool].opts.backend : NULL;
    return own ? own : cache->backend;
}

/* A pool without users and pins is nobody's; tells its owner so without the lock. */
static void vacate(ga_cache *cache, uint32_t slot)
{
    struct pool *pool = &cache->pools.table[slot];
    if (!pool->is_taken || pool->uses || pool->pins)
        return;
    struct ga_pool_opts opts = pool->opts;
    gai_places_fini(&pool->places, &cache->mem);
    *pool = (struct pool){ .generation = pool->generation };
    if (!opts.gone)
        return;
    lock_give(&cache->lock);
    opts.gone(opts.user);
    lock_take(&cache->lock);
}

void gai_cache_pin(ga_cache *cache, uint32_t pool)
{
    if (pool)
        cache->pools.table[pool].pins++;
}

void gai_cache_unpin(ga_cache *cache, uint32_t pool)
{
    if (!pool)
        return;
    cache->pools.table[pool].pins--;
    vacate(cache, pool);
}

enum ga_status gai_cache_borrow(ga_cache *cache, struct request *request)
{
    const struct core *core = &cache->core;
    struct request lent = *request;
    enum ga_status status = GA_NO_SPACE;
    for (uint32_t at = 0; status == GA_NO_SPACE && at < core->n_lanes; at++) {
        const struct core_lane *lane = core->lanes[at];
        const struct pool *pool = lane->pool ? &cache->pools.table[lane->pool] : NULL;
        bool serves = pool && pool->uses && pool->opts.lends && !lane->apart && lane->stream == request->stream &&
                      lane->small == policy_is_small(request->rounded);
        if (!serves)
            continue;
        lent.pool = lane->pool;
        lent.lane = at;
        status = gai_cache_take(cache, &lent);
    }
    if (status == GA_OK)
        request->block = lent.block;
    return status;
}

/* A slot that is nobody's, there is always room for one more; 0: no memory. */
static uint32_t spare_slot(ga_cache *cache)
{
    struct pools *pools = &cache->pools;
    uint32_t at = 1;
    while (at < pools->n && pools->table[at].is_taken)
        at++;
    if (at < pools->n)
        return at;
    if (!array_room(&cache->mem, &pools->table, &pools->cap, at + 1u))
        return 0;
    pools->n = at + 1;
    pools->table[at] = (struct pool){ 0 };
    return at;
}

static bool is_sound(const ga_cache *cache, const struct ga_backend *backend)
{
    return gai_backend_sound(backend) && gai_backend_align(backend) >= cache->offered.align;
}

static void release(ga_cache *cache, uint32_t slot)
{
    cache->pools.table[slot].uses--;
    vacate(cache, slot);
}

enum ga_status ga_pool_new_placed(ga_cache *cache, const struct ga_pool_opts *opts, const struct ga_pool_places *places,
                                  ga_pool *pool)
{
    struct ga_pool_opts chosen = opts ? *opts : (struct ga_pool_opts){ 0 };
    if (later_refused(&cache->log, &chosen, "struct ga_pool_opts") ||
        (places && later_refused(&cache->log, places, "struct ga_pool_places")))
        return GA_INVALID;
    if ((chosen.backend && !is_sound(cache, chosen.backend)) || (places && !gai_places_sound(places)))
        return GA_INVALID;
    ga_stream stream = places ? gai_cache_stream(cache, places->stream) : 0;
    if (!cache_enter(cache))
        return GA_BUSY;
    uint32_t slot = spare_slot(cache);
    enum ga_status status = slot ? GA_OK : GA_NO_MEMORY;
    if (slot) {
        struct pool *made = &cache->pools.table[slot];
        *made = (struct pool){ .opts = chosen, .generation = made->generation + 1, .uses = 1, .is_taken = true };
        status = places && places->n ? gai_places_make(cache, slot, stream, places) : GA_OK;
        if (status == GA_OK)
            *pool = pools_name(&cache->pools, slot);
        else
            release(cache, slot);
    }
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_pool_new(ga_cache *cache, const struct ga_pool_opts *opts, ga_pool *pool)
{
    return ga_pool_new_placed(cache, opts, NULL, pool);
}

enum ga_status ga_pool_retain(ga_cache *cache, ga_pool name)
{
    uint32_t slot;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK)
        cache->pools.table[slot].uses++;
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_pool_release(ga_cache *cache, ga_pool name)
{
    uint32_t slot;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    bool is_only_route =
        status == GA_OK && cache->pools.table[slot].uses == 1 && find_route(&cache->pools, slot) < cache->pools.n_routes;
    if (is_only_route)
        status = GA_BUSY;
    if (status == GA_OK)
        release(cache, slot);
    lock_give(&cache->lock);
    return status;
}

static void set_captures(ga_cache *cache, uint32_t n)
{
    cache->pools.n_captures = n;
    cache->defer.held = n > 0;
}

static enum ga_status begin(ga_cache *cache, uint32_t slot, struct route route)
{
    struct pools *pools = &cache->pools;
    if (find_route(pools, slot) < pools->n_routes)
        return GA_BUSY;
    if (!array_room(&cache->mem, &pools->routes, &pools->cap_routes, pools->n_routes + 1u))
        return GA_NO_MEMORY;
    route.pool = slot;
    pools->routes[pools->n_routes++] = route;
    pools->table[slot].uses++;
    pools->table[slot].places.next = 0;
    pools->table[slot].places.n_placed = pools->table[slot].places.n_strayed = 0;
    set_captures(cache, pools->n_captures + route.to.captures);
    return GA_OK;
}

enum ga_status ga_pool_begin(ga_cache *cache, ga_pool name, const struct ga_route *route)
{
    uint32_t slot;
    struct route made = { .to = route ? *route : (struct ga_route){ 0 }, .thread = thread_self() };
    if (later_refused(&cache->log, &made.to, "struct ga_route"))
        return GA_INVALID;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK)
        status = begin(cache, slot, made);
    lock_give(&cache->lock);
    return status;
}

/* The streams that blocks of the pool were shared with for a capture were given nothing. */
static void forget_captured(ga_cache *cache, uint32_t slot)
{
    struct core *core = &cache->core;
    for (uint32_t at = 1; at <= core->n_blocks; at++) {
        struct core_block *block = &core->blocks[at];
        if (block->state == CORE_LIVE && block->uses && core_block_home(core, at)->pool == slot)
            gai_defer_unshare_captured(&cache->defer, &block->uses);
    }
    struct defer_walk walk = gai_defer_walk(&cache->defer);
    for (uint32_t at; (at = gai_defer_next(&cache->defer, &walk));) {
        struct core_block *block = &core->blocks[at];
        bool is_captured = cache->defer.uses[walk.at].captured && core_block_home(core, at)->pool == slot;
        if (is_captured && gai_defer_drop(&cache->defer, &walk) && --block->n_waits == 0)
            gai_cache_complete(cache, at);
    }
}

static enum ga_status end(ga_cache *cache, uint32_t slot)
{
    struct pools *pools = &cache->pools;
    uint32_t at = find_route(pools, slot);
    if (at == pools->n_routes)
        return GA_INVALID;
    bool captured = pools->routes[at].to.captures;
    for (pools->n_routes--; at < pools->n_routes; at++)
        pools->routes[at] = pools->routes[at + 1];
    if (captured) {
        set_captures(cache, pools->n_captures - 1);
        forget_captured(cache, slot);
    }
    release(cache, slot);
    return GA_OK;
}

enum ga_status ga_pool_end(ga_cache *cache, ga_pool name)
{
    uint32_t slot;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK)
        status = end(cache, slot);
    lock_give(&cache->lock);
    return status;
}

enum ga_status ga_pool_trim(ga_cache *cache, ga_pool name)
{
    uint32_t slot;
    struct idle idle;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK) {
        gai_cache_pin(cache, slot);
        status = gai_cache_wait_all(cache, &idle);
        idle.pool = slot;
        if (status == GA_OK)
            gai_cache_drop_idle(cache, idle, 0);
        gai_cache_unpin(cache, slot);
    }
    lock_give(&cache->lock);
    return status;
}

static struct ga_pool_stats count(const ga_cache *cache, uint32_t slot)
{
    const struct core *core = &cache->core;
    const struct pool *pool = &cache->pools.table[slot];
    struct ga_pool_stats stats = { .uses = pool->uses, .placed = pool->places.n_placed, .strayed = pool->places.n_strayed };
    for (uint32_t at = core->oldest; at; at = core->segments[at].next)
        if (core->lanes[core->segments[at].lane]->pool == slot) {
            stats.segments++;
            stats.reserved_bytes += core_segment_bytes(&core->segments[at]);
        }
    for (uint32_t at = 1; at <= core->n_blocks; at++) {
        const struct core_block *block = &core->blocks[at];
        if (block->state == CORE_SPARE || core_block_home(core, at)->pool != slot)
            continue;
        uint64_t size = core_block_size(core, at);
        stats.active_bytes += size;
        stats.allocations += block->state == CORE_LIVE;
        stats.allocated_bytes += block->state == CORE_LIVE ? size : 0;
    }
    return stats;
}

enum ga_status ga_pool_stats(ga_cache *cache, ga_pool name, struct ga_pool_stats *stats)
{
    uint32_t slot;
    bool entered = cache_enter(cache);
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK)
        *stats = count(cache, slot);
    cache_leave(cache, entered);
    return status;
}

static bool contains(const void *const *ptrs, uint32_t n, const void *ptr)
{
    for (uint32_t i = 0; i < n; i++)
        if (ptrs[i] == ptr)
            return true;
    return false;
}

bool ga_pool_is_live(ga_cache *cache, ga_pool name, const void *const *ptrs, uint32_t n)
{
    const struct core *core = &cache->core;
    uint32_t slot, n_live = 0;
    bool entered = cache_enter(cache);
    bool same = gai_pools_slot(&cache->pools, name, &slot) == GA_OK;
    for (uint32_t at = 1; same && at <= core->n_blocks; at++) {
        const struct core_block *block = &core->blocks[at];
        if (block->state != CORE_LIVE || core_block_home(core, at)->pool != slot)
            continue;
        n_live++;
        same = contains(ptrs, n, block->ptr);
    }
    cache_leave(cache, entered);
    return same && n_live == n;
}

static uint32_t count_segments(const struct core *core, uint32_t slot)
{
    uint32_t n = 0;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next)
        n += core->lanes[core->segments[at].lane]->pool == slot;
    return n;
}

const char *gai_cache_check_pools(const ga_cache *cache)
{
    const struct pools *pools = &cache->pools;
    uint32_t n_captures = 0;
    for (uint32_t slot = 1; slot < pools->n; slot++) {
        const struct pool *pool = &pools->table[slot];
        if (count_segments(&cache->core, slot) > pool->pins)
            return "a pool is not pinned by its segments";
        if (pool->is_taken != (pool->uses || pool->pins))
            return "a pool's slot is nobody's and in use";
        const char *broken = gai_places_check(cache, slot);
        if (broken)
            return broken;
    }
    for (uint32_t i = 0; i < pools->n_routes; i++) {
        n_captures += pools->routes[i].to.captures;
        if (pools->table[pools->routes[i].pool].uses == 0)
            return "a route leads to a pool that it does not hold";
    }
    bool is_held = cache->defer.held == (n_captures > 0) && pools->n_captures == n_captures;
    return is_held ? NULL : "the captures are miscounted";
}
