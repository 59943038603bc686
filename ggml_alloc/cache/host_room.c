/*
 * When no cached block serves: a new one; and when there is no room for that, cached blocks are given back and pending ones are
 * waited for, one after the other, until there is.  Each function starts and ends with the lock held.
 */
#include "cache/host.h"

#include "base/bits.h"

bool gai_host_captures(const ga_host *host)
{
    const struct ga_backend_order *calls = host->backend->order;
    ga_stream stream;
    return calls && calls->capturing && calls->current && calls->current(calls->user, &stream) &&
           calls->capturing(calls->user, stream);
}

void gai_host_complete(ga_host *host, ga_host_block *block)
{
    uint64_t size = block->piece.size;
    bool keeps = !host->closed && (host->opts.max_cached == 0 || size <= host->opts.max_cached);
    host->stats.pending_bytes -= size;
    host_down(&host->stats.active_requests, 1);
    host_down(&host->stats.active_bytes, size);
    if (keeps)
        gai_host_cache(host, block);
    else
        gai_host_leave(host, block);
}

static bool serves(const ga_host *host, const struct host_request *request, const ga_host_block *block)
{
    return block->state == HOST_CACHED && block->pool == request->pool &&
           gai_host_serves(&host->opts, request->rounded, block->piece.size);
}

/* Whoever's uses are over. */
static void complete_over(ga_host *host, const struct host_request *until)
{
    uint32_t queue = 0;
    for (uint32_t slot; host->defer.n_waiting && (slot = gai_defer_over(&host->defer, &queue));) {
        ga_host_block *block = host->blocks[slot];
        if (--block->n_waits > 0)
            continue;
        gai_host_complete(host, block);
        if (until && serves(host, until, block))
            break;
    }
}

void gai_host_retire(ga_host *host, const struct host_request *until)
{
    if (host->defer.n_waiting && !gai_host_captures(host))
        complete_over(host, until);
}

enum ga_status gai_host_wait_all(ga_host *host)
{
    const struct ga_backend_order *calls = host->backend->order;
    if (!calls)
        return GA_OK;
    uint64_t n_freed = host->defer.n_freed;
    host->stats.waits++;
    lock_give(&host->lock);
    enum ga_status status = calls->sync(calls->user);
    lock_take(&host->lock);
    if (status == GA_OK || host->closed)
        gai_defer_settle(&host->defer, n_freed);
    if (host->closed)
        complete_over(host, NULL);
    else
        gai_host_retire(host, NULL);
    return status;
}

void gai_host_defer(ga_host *host, ga_host_block *block)
{
    const struct ga_backend_order *calls = host->backend->order;
    ga_stream stream;
    block->state = HOST_PENDING;
    block->n_waits = 1; /* for us */
    host->n_held++;
    for (uint32_t use; (use = gai_defer_hold(&host->defer, &block->uses, &stream));) {
        ga_event event = 0;
        block->n_waits++;
        lock_give(&host->lock);
        enum ga_status status = calls->record(calls->user, stream, &event);
        lock_take(&host->lock);
        gai_defer_let(&host->defer, use, status == GA_OK ? event : 0);
    }
    host->n_held--;
    if (--block->n_waits == 0)
        gai_host_complete(host, block);
    else if (host->is_asleep)
        gai_bell_ring(&host->bell);
}

static struct ga_host_block *pop_leaving(ga_host *host)
{
    ga_host_block *block = host->leaving ? host->blocks[host->leaving] : NULL;
    if (block)
        host->leaving = block->older;
    return block;
}

void gai_host_tidy(ga_host *host)
{
    enum { BATCH = 16 };
    const struct ga_backend_order *calls = host->backend->order;
    for (;;) {
        struct ga_host_opts opts = host->opts;
        ga_host_block *block = pop_leaving(host);
        ga_event events[BATCH];
        int n = 0;
        while (n < BATCH && gai_defer_spent(&host->defer, &events[n]))
            n++;
        if (n == 0 && !block)
            return;
        lock_give(&host->lock);
        for (int i = 0; i < n; i++)
            calls->release(calls->user, events[i]);
        uint64_t since = block ? gai_host_now(&opts) : 0;
        if (block)
            gai_host_put(host, &block->piece);
        uint64_t took = block ? gai_host_now(&opts) - since : 0;
        lock_take(&host->lock);
        if (!block)
            continue;
        gai_host_time(&host->stats.free_time, took);
        host->stats.host_frees++;
        host->ahead -= block->piece.size;
        gai_host_spare(host, block);
    }
}

static void hand_out(ga_host *host, struct host_request *request, ga_host_block *block)
{
    block->state = HOST_LIVE;
    block->requested = request->size;
    block->stream = request->stream;
    block->captured = request->captured;
    host_up(&host->stats.active_requests, 1);
    host_up(&host->stats.active_bytes, block->piece.size);
    host->stats.requested_bytes += request->size;
    request->block = block;
}

enum ga_status gai_host_take(ga_host *host, struct host_request *request)
{
    const struct host_pool *pool = host->pools[request->pool];
    uint32_t at = pool->newest[gai_host_class(request->rounded)];
    while (at && !serves(host, request, host->blocks[at]))
        at = host->blocks[at]->older;
    if (!at)
        return GA_NO_SPACE;
    gai_host_uncache(host, host->blocks[at]);
    hand_out(host, request, host->blocks[at]);
    return GA_OK;
}

/* A new piece.  Its bytes count against the limit before they are there; others look at `*piece` meanwhile. */
static enum ga_status get_piece(ga_host *host, uint64_t size, struct piece *piece)
{
    struct ga_host_opts opts = host->opts;
    struct piece made = { 0 };
    uint64_t held = host_held(host);
    if (opts.limit && (held > opts.limit || size > opts.limit - held))
        return GA_NO_SPACE;
    host->ahead += size;
    lock_give(&host->lock);
    uint64_t since = gai_host_now(&opts);
    enum ga_status status = gai_host_get(host, &opts, size, &made);
    uint64_t took = gai_host_now(&opts) - since;
    lock_take(&host->lock);
    host->ahead -= size;
    if (status == GA_OK) {
        *piece = made;
        gai_host_time(&host->stats.alloc_time, took);
        host->stats.host_allocs++;
    }
    return status;
}

static enum ga_status grow(ga_host *host, struct host_request *request)
{
    ga_host_block *block = gai_host_block(host);
    if (!block)
        return GA_NO_MEMORY;
    block->pool = request->pool;
    bool is_cut = gai_host_cut(host, block, request->rounded);
    enum ga_status status = is_cut ? GA_OK : get_piece(host, request->rounded, &block->piece);
    if (status != GA_OK) {
        gai_host_spare(host, block);
        return status;
    }
    gai_host_own(host, block);
    hand_out(host, request, block);
    return GA_OK;
}

/* The oldest cached block of a class of what may go; NULL: none. */
static ga_host_block *oldest_of(const ga_host *host, unsigned octave)
{
    for (uint32_t i = 0; i < host->n_pools; i++)
        if (host->pools[i] && !host_in_use(host, i) && host->pools[i]->oldest[octave])
            return host->blocks[host->pools[i]->oldest[octave]];
    return NULL;
}

bool gai_host_drop(ga_host *host, uint64_t bytes)
{
    uint64_t dropped = 0;
    for (unsigned octave = GA_HOST_CLASSES; octave-- > 0;) {
        for (ga_host_block *block; dropped < bytes && (block = oldest_of(host, octave));) {
            dropped += block->piece.size;
            gai_host_uncache(host, block);
            gai_host_leave(host, block);
        }
    }
    return dropped > 0;
}

void gai_host_age(ga_host *host)
{
    while (host->opts.max_idle && host->first_cached) {
        ga_host_block *block = host->blocks[host->first_cached];
        if (host->clock - block->cached_at <= host->opts.max_idle)
            return;
        gai_host_uncache(host, block);
        gai_host_leave(host, block);
    }
}

/* Waits for the use that was freed first; GA_NO_SPACE: there is none, or one must not wait. */
static enum ga_status wait_oldest(ga_host *host)
{
    const struct ga_backend_order *calls = host->backend->order;
    uint32_t use = gai_defer_oldest(&host->defer);
    if (!use || gai_host_captures(host))
        return GA_NO_SPACE;
    ga_event event = gai_defer_watch(&host->defer, use);
    host->stats.waits++;
    lock_give(&host->lock);
    enum ga_status status = event ? calls->wait(calls->user, event) : calls->sync(calls->user);
    lock_take(&host->lock);
    gai_defer_unwatch(&host->defer, use, status == GA_OK);
    gai_host_retire(host, NULL);
    return status;
}

/* How much must go so that the request may come: beyond the limit, or as much as itself. */
static uint64_t missing(const ga_host *host, uint64_t rounded)
{
    uint64_t limit = host->opts.limit, wanted = add_sat(host_held(host), rounded);
    return limit && wanted > limit ? wanted - limit : rounded;
}

static void report(ga_host *host, const struct host_request *request)
{
    struct ga_host_oom oom = {
        .requested = request->size,
        .rounded = request->rounded,
        .limit = host->opts.limit ? host->opts.limit : UINT64_MAX,
        .owned = host->stats.allocated_bytes.now,
        .reserve = host->stats.reserve_bytes,
    };
    for (uint32_t slot = 1; slot <= host->n_blocks; slot++) {
        const ga_host_block *block = host->blocks[slot];
        uint64_t size = block->piece.size;
        oom.live += block->state == HOST_LIVE ? size : 0;
        oom.pending += block->state == HOST_PENDING ? size : 0;
        oom.kept += block->state == HOST_KEPT || (block->state == HOST_CACHED && host_in_use(host, block->pool)) ? size : 0;
        oom.largest_pending = max_u64(oom.largest_pending, block->state == HOST_PENDING ? size : 0);
    }
    host->stats.ooms++;
    host->has_oom = true;
    host->oom = oom;
}

enum ga_status gai_host_make_room(ga_host *host, struct host_request *request)
{
    bool absurd = request->rounded > HOST_ABSURD, has_dropped = false;
    gai_host_tidy(host); /* what leaves is no longer in the way */
    enum ga_status status = absurd ? GA_NO_SPACE : grow(host, request);
    while (status == GA_NO_SPACE && !absurd) {
        bool drops = gai_host_drop(host, missing(host, request->rounded));
        enum ga_status waited = drops ? GA_OK : wait_oldest(host);
        if (waited == GA_NO_SPACE)
            break;
        host->stats.retries += drops && !has_dropped;
        has_dropped |= drops;
        gai_host_tidy(host);
        status = waited == GA_OK ? gai_host_take(host, request) : waited;
        if (status == GA_NO_SPACE)
            status = grow(host, request);
    }
    if (status == GA_NO_SPACE)
        report(host, request);
    return status;
}
