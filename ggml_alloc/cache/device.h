/*
 * device.h - the caching device allocator, as its own files see it
 *
 *     device.c   the calls: alloc, free, share          room.c    the chain of what may help when nothing fits
 *     idle.c     giving segments back                   stats.c, snapshot.c   what is known
 *     stack.c    the cache as a backend                trace     what happened
 *     pool.c     private pools, routes to them         pool_state.c   checkpoints of them
 *     own.c      blocks with a deleter
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

#include "base/lock.h"
#include "backend/backend.h"
#include "cache/core.h"
#include "cache/defer.h"
#include "cache/policy.h"
#include "cache/pool.h"
#include "cache/trace.h"

struct ga_cache {
    struct ga_mem mem;
    struct lock lock;
    const struct ga_backend *backend;
    struct ga_backend offered; /* what those see who stack on the cache */
    struct ga_cache_opts opts;
    struct core core;
    struct defer defer;
    struct trace trace;
    struct pools pools;
    struct owner *owners; /* that were not released */
    uint64_t limit;       /* UINT64_MAX: none */
    uint64_t ahead;       /* bytes that the backend is busy with, taking or giving back */
    uint64_t retries, ooms, syncs, backend_allocs, backend_frees;
    bool has_oom;
    struct ga_cache_oom oom; /* the last */
};

struct request {
    uint64_t size, rounded;
    uint32_t pool, lane;
    ga_stream stream;
    uint32_t block; /* the answer */
};

/* What GA_STREAM_CURRENT stands for. */
ga_stream gai_cache_stream(const ga_cache *cache, ga_stream stream);

/* GA_NO_SPACE: no free block of the lane will do.  The best one that does is taken and, where the policy says so, split. */
enum ga_status gai_cache_take(ga_cache *cache, struct request *request);
/* Takes from that free node, and splits it where the policy says so. */
enum ga_status gai_cache_carve(ga_cache *cache, struct request *request, uint32_t node);

/* Fills what ga_cache_backend() answers. */
void gai_cache_offer(ga_cache *cache);

void gai_cache_note(ga_cache *cache, enum ga_cache_action action, uint32_t slot);
/* A live block, by its caller. */
void gai_cache_free(ga_cache *cache, uint32_t slot);
/* A retired block becomes free. */
void gai_cache_complete(ga_cache *cache, uint32_t slot);
/* Completes what events have freed. */
void gai_cache_retire(ga_cache *cache);

/* Everything that may help, in order; GA_NO_SPACE when nothing did, and the report is written. */
enum ga_status gai_cache_make_room(ga_cache *cache, struct request *request);

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
/* When the limit is set and nearly reached: large segments idle for longer than the mean, until below the threshold. */
enum ga_status gai_cache_collect(ga_cache *cache);
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
