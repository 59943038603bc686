/*
 * device.h - the caching device allocator, as its own files see it
 *
 *     device.c   the calls: alloc, free                 room.c    the chain of what may help when nothing fits
 *     grow.c     ranges that grow
 *     idle.c     giving segments back                   stats.c, snapshot.c   what is known
 *     stack.c    the cache as a backend                watch     who is told
 *     pool.c     private pools, routes to them         pool_state.c   checkpoints of them
 *     share.c    who else uses a block
 *     direct.c   no cache at all                       where.c    what holds an address
 *     own.c      blocks with a deleter                 report.c, export.c    why, and all, in words
 *     place.c    pools whose blocks have places
 *     policy     how large    core     where    defer   when
 *
 * All of it is behind one lock.  What runs without: backend->alloc() and free(), order->wait() and sync(), hooks.  After each of
 * these nothing that was looked up before may be trusted, so each is a function that starts and ends with the lock held.
 *
 * Invariants, besides those of core and defer, verified by ga_cache_check():
 *   - a pending block waits for as many uses as are in queues for it, at least one;
 *   - a pool is pinned by each of its segments, and nobody's slot has none; captures are the open routes that say so;
 *   - reserved and `ahead` bytes together are at most the limit, unless that was lowered since.
 */
#ifndef GAI_CACHE_DEVICE_H
#define GAI_CACHE_DEVICE_H

#include <stdatomic.h>

#include "base/lock.h"
#include "backend/backend.h"
#include "cache/core.h"
#include "cache/defer.h"
#include "cache/direct.h"
#include "cache/policy.h"
#include "cache/pool.h"
#include "cache/watch.h"

struct ga_cache {
    struct ga_mem mem;
    struct ga_log log;
    struct lock lock;
    const struct ga_backend *backend;
    struct ga_backend offered; /* what those see who stack on the cache */
    struct ga_cache_opts opts;
    bool usual; /* of the options: only quanta, no size where rules change, no ranges */
    struct core core;
    struct defer defer;
    struct watch watch;
    struct pools pools;
    struct direct direct;
    struct owner *owners; /* that were not released */
    atomic_int context;   /* enum ga_context, looked at without the lock */
    atomic_bool calling;  /* a callback runs with the lock held, in the thread `caller` */
    struct lock gate;     /* for `caller` */
    struct thread caller;
    uint64_t limit; /* UINT64_MAX: none */
    uint64_t ahead; /* bytes that the backend is busy with, taking or giving back */
    uint64_t retries, ooms, syncs, backend_allocs, backend_frees;
    bool has_oom;
    struct ga_cache_oom oom; /* the last */
};

struct request {
    uint64_t size, rounded;
    uint64_t align, pad; /* 0: any address will do; `rounded` includes the pad */
    uint32_t pool, lane;
    ga_stream stream;
    uint64_t tag;
    uint32_t block; /* the answer */
};

/* ga_cache_new(), and why it made none: GA_NO_MEMORY, or GA_INVALID. */
enum ga_status gai_cache_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_cache_opts *opts,
                             ga_cache **made);

/* Around callbacks that run with the lock held. */
void gai_cache_call_begin(ga_cache *cache);
void gai_cache_call_end(ga_cache *cache);
bool gai_cache_is_inside(ga_cache *cache); /* this thread is in one of them */

/* Takes the lock; false: this thread has it, from inside of a callback, and may only look. */
static inline bool cache_enter(ga_cache *cache)
{
    if (atomic_load_explicit(&cache->calling, memory_order_relaxed) && gai_cache_is_inside(cache))
        return false;
    lock_take(&cache->lock);
    return true;
}

/* A tag for the caller, asked for before the lock is taken; nobody wants it: 0. */
static inline uint64_t cache_context(ga_cache *cache, enum ga_context least)
{
    bool wanted = atomic_load_explicit(&cache->context, memory_order_relaxed) != GA_CONTEXT_NEVER;
    return wanted ? gai_watch_context(cache, least) : 0;
}

static inline void cache_leave(ga_cache *cache, bool entered)
{
    if (entered)
        lock_give(&cache->lock);
}

/* What GA_STREAM_CURRENT stands for. */
ga_stream gai_cache_stream(const ga_cache *cache, ga_stream stream);

/* GA_NO_SPACE: no free block of the lane will do.  The best one that does is taken and, where the policy says so, split. */
enum ga_status gai_cache_take(ga_cache *cache, struct request *request);
/* Takes from that free node, and splits it where the policy says so. */
enum ga_status gai_cache_carve(ga_cache *cache, struct request *request, uint32_t node);

/* Fills what ga_cache_backend() answers. */
void gai_cache_offer(ga_cache *cache);

static inline void cache_note(ga_cache *cache, enum ga_cache_action action, uint32_t slot, uint64_t tag)
{
    if (cache->watch.on)
        gai_watch_block(cache, action, slot, tag);
}

/* A live block, by its caller. */
void gai_cache_free(ga_cache *cache, uint32_t slot, uint64_t tag);
/* A retired block becomes free. */
void gai_cache_complete(ga_cache *cache, uint32_t slot);
/* Completes what events have freed. */
void gai_cache_retire(ga_cache *cache);

/* A segment of the request's lane, fresh from its pool's backend: GA_NO_SPACE where the limit or the backend has no room. */
enum ga_status gai_cache_segment(ga_cache *cache, const struct request *request, uint64_t size, uint32_t *node);
/* Whether hooks.reclaim made it worth another try; without the lock. */
bool gai_cache_ask_others(ga_cache *cache, uint64_t bytes);

/* Whether they lie in their chunks, in quanta. */
bool gai_places_sound(const struct ga_pool_places *asked);
/* Takes the chunks; all or none. */
enum ga_status gai_places_make(ga_cache *cache, uint32_t slot, ga_stream stream, const struct ga_pool_places *asked);
/* The next place of the request's pool; GA_NO_SPACE: it has none, or it is taken or too small. */
enum ga_status gai_places_take(ga_cache *cache, struct request *request);
/* An allocation of the pool was served from elsewhere; what fails does not count, and has the same place when it is tried again. */
void gai_places_stray(ga_cache *cache, uint32_t slot);
const char *gai_places_check(const ga_cache *cache, uint32_t slot);

/* Everything that may help, in order; GA_NO_SPACE when nothing did, and the report is written. */
enum ga_status gai_cache_make_room(ga_cache *cache, struct request *request);

/* Nothing helped: writes the report, and tells who wants to know. */
void gai_cache_report(ga_cache *cache, const struct request *request);

/* Which idle segments may go: those that were idle when all streams were last waited for, as `before` says, of one pool; the
 * general one's with all that nobody holds. */
struct idle {
    uint64_t before;
    uint32_t pool;
};

/* Waits for all streams without the lock, then completes what was pending; then any idle segment of before may go.  GA_BUSY
 * during captures. */
enum ga_status gai_cache_wait_all(ga_cache *cache, struct idle *idle);
/* Segments idle for longest first, until at most `target` bytes are reserved. */
void gai_cache_drop_idle(ga_cache *cache, struct idle idle, uint64_t target);
/* Takes from an idle segment of another stream's, which becomes this stream's; GA_NO_SPACE: there is none. */
enum ga_status gai_cache_adopt(ga_cache *cache, struct request *request, struct idle idle);
/* All idle segments that were that stream's. */
void gai_cache_drop_idle_of(ga_cache *cache, struct idle idle, ga_stream stream);
/* When the limit is set and nearly reached: large segments idle for longer than the mean, until below the threshold. */
enum ga_status gai_cache_collect(ga_cache *cache);
/* The pool of the first route that accepts the stream; 0: the general pool.  O(routes). */
uint32_t gai_cache_route(ga_cache *cache, ga_stream stream);
/* Whether the pool's memory comes from ranges that grow. */
bool gai_cache_grows(const ga_cache *cache, uint32_t pool);
/* Maps what the request lacks; `node` is the free node that will serve it.  GA_NO_SPACE as a segment that could not be had. */
enum ga_status gai_cache_grow(ga_cache *cache, const struct request *request, uint32_t *node);
/* GA_OK: more than ever would be reserved, so the device was waited for and what is free in ranges unmapped; else nothing changed. */
enum ga_status gai_cache_compact(ga_cache *cache, const struct request *request);
/* Unmaps what is free in ranges, of one stream or (NULL) of all, until at most `target` bytes are reserved; nothing of a range that
 * was used since. */
void gai_cache_shrink(ga_cache *cache, struct idle idle, const ga_stream *stream, uint64_t target);
/* In the end: with everything in it. */
void gai_cache_release_range(ga_cache *cache, uint32_t slot);
/* What the pool's segments come from. */
const struct ga_backend *gai_cache_backend_of(const ga_cache *cache, uint32_t pool);
/* A pool that is pinned is not vacated.  Unpinning it may drop the lock for a moment; slot 0 is fine. */
void gai_cache_pin(ga_cache *cache, uint32_t pool);
void gai_cache_unpin(ga_cache *cache, uint32_t pool);
const char *gai_cache_check_pools(const ga_cache *cache);
/* Takes from the pools that lend; GA_NO_SPACE: none has a block. */
enum ga_status gai_cache_borrow(ga_cache *cache, struct request *request);

/* Just enough of the oversize segments of the request's lane for a segment of that size; false: there is not enough. */
bool gai_cache_drop_oversize(ga_cache *cache, const struct request *request);

#endif
