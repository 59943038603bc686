/*
 * pool.h - private pools of a cache: memory that only those get who were sent there
 *
 *     general pool    | block | free |          | block |       everybody
 *     pool 1          | block |  free  | block |                what is allocated between begin and end, by one thread
 *     pool 2          | free  |                                 or for one stream, as a predicate says
 *
 * A pool has segments of its own, from the cache's backend or from one of its own, and never serves another; nor does another
 * serve it.  While somebody holds a pool its memory is not given back, for what a device has recorded runs again at the same
 * addresses.  After the last release it goes like what is idle in the general pool, each segment when its last block is freed.
 *
 * A device that records what its streams are given, to run it again later, can neither record, ask nor wait for events
 * meanwhile.  So while a route that says so is open (ga_route.captures), nothing that waits for a stream becomes reusable, and
 * nothing is given back; free blocks and new segments serve as always.  Streams that a block of a captured pool was shared with
 * meanwhile are not waited for afterwards: they were given nothing yet.  To reuse such a block before the capture ends, say
 * that the streams were joined: ga_cache_joined().
 *
 * Every function here locks the cache.  GA_UNKNOWN: no such pool; GA_FREED: nobody holds it any more.
 */
#ifndef GGML_ALLOC_POOL_H
#define GGML_ALLOC_POOL_H

#include "cache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed: memory of the cache's backend, split as in the general pool, lent to nobody. */
struct ga_pool_opts {
    const struct ga_backend *backend; /* its memory comes from here; its `order` is not used: streams are the cache's */
    bool whole;                       /* blocks are never split */
    bool lends;                       /* free blocks of it serve the general pool, too, before that fails */
    void (*gone)(void *user);         /* the pool's last byte was given back: `backend` is needed no more; may be NULL */
    void *user;
    uint64_t later[4]; /* zeros: options of later versions */
};

/*
 * Where the allocations of a pool go, for who allocates in the same order each time: what a plan says (planned.h makes such a pool of
 * one).  Places may overlap; that nobody is there when the next comes is the plan's business.
 *
 *     chunk 0   | place 0 |      place 2      |             |      each chunk is a segment of the pool, there from the beginning
 *               |      place 1       |  place 3  |          |
 */
struct ga_place {
    uint64_t offset, size; /* a multiple of GA_CACHE_QUANTUM; 0: wherever there is room */
    uint32_t chunk;
};

struct ga_pool_places {
    const struct ga_place *list; /* copied */
    uint32_t n, n_chunks;
    const uint64_t *chunks; /* bytes; copied, rounded up to quanta */
    ga_stream stream;       /* whose allocations have places; the others go wherever there is room */
    uint64_t later[4];      /* zeros: options of later versions */
};

/* A pool with one holder.  GA_NO_MEMORY; GA_INVALID: the backend is not sound, or aligns less than the cache's. */
GA_API enum ga_status ga_pool_new(ga_cache *cache, const struct ga_pool_opts *opts, ga_pool *pool);
/*
 * The same, with places: the k-th allocation in the pool since the last ga_pool_begin(), those of no size and those that failed not
 * counted, is put at list[k], when that is free, large enough, and aligned as asked.  Else it strays: into further segments, never to
 * where others have their places; so do those behind the n-th.  Nobody is waited for: what is freed and pending is not free.  All
 * chunks are taken now, and idle memory is given back for them; after they were (ga_pool_trim()), everything strays.  An allocation
 * looks at the live blocks of a chunk.  `places` may be NULL.
 * Also GA_INVALID: a place lies outside of its chunk or not on a quantum, or a chunk is empty; GA_NO_SPACE; what a backend answers.
 */
GA_API enum ga_status ga_pool_new_placed(ga_cache *cache, const struct ga_pool_opts *opts, const struct ga_pool_places *places,
                                         ga_pool *pool);
GA_API enum ga_status ga_pool_retain(ga_cache *cache, ga_pool pool);
/* The last one lets the memory go, see above; live blocks stay until they are freed. */
GA_API enum ga_status ga_pool_release(ga_cache *cache, ga_pool pool); /* GA_BUSY: a route holds it, and nobody else */

struct ga_route {
    /* Whether an allocation for that stream goes to the pool.  NULL: all of the thread that calls ga_pool_begin().  Called
       with the lock held. */
    bool (*accepts)(void *user, ga_stream stream);
    void *user;
    bool captures;     /* the device records until ga_pool_end() */
    uint64_t later[4]; /* zeros: options of later versions */
};

/*
 * From now on allocations go to the pool, until ga_pool_end(), which any thread may call.  Routes nest: the one begun last that
 * accepts an allocation has it.  `route` may be NULL.  A route holds its pool.  GA_BUSY: there is one to this pool already;
 * GA_NO_MEMORY.
 */
GA_API enum ga_status ga_pool_begin(ga_cache *cache, ga_pool pool, const struct ga_route *route);
GA_API enum ga_status ga_pool_end(ga_cache *cache, ga_pool pool); /* GA_INVALID: there is none */

/* Gives the pool's idle segments back, though it is held; all of them.  Waits for the device first.  GA_BUSY: it captures. */
GA_API enum ga_status ga_pool_trim(ga_cache *cache, ga_pool pool);

struct ga_pool_stats {
    uint32_t uses; /* holders, open routes among them */
    uint64_t segments, reserved_bytes;
    uint64_t allocations, allocated_bytes, active_bytes; /* as in struct ga_cache_counts */
    uint64_t placed, strayed; /* since the last begin, of a pool with places: got them, or had to go elsewhere */
    uint64_t later[4];        /* zeros: what later versions tell */
};

GA_API enum ga_status ga_pool_stats(ga_cache *cache, ga_pool pool, struct ga_pool_stats *stats); /* O(blocks of the pool) */
/* Whether the `n` addresses are those of the pool's live blocks, each once and no other.  O(n * n); false for no pool. */
GA_API bool ga_pool_is_live(ga_cache *cache, ga_pool pool, const void *const *ptrs, uint32_t n);

/*
 * What a pool looks like, to get back to: two recordings that begin with the same blocks, where the first has freed them.  A
 * state is the caller's, and outlives neither the memory hook nor, in use, the cache.
 */
typedef struct ga_pool_state ga_pool_state;

GA_API enum ga_status ga_pool_checkpoint(ga_cache *cache, ga_pool pool, ga_pool_state **state); /* GA_BUSY: a block is pending */
GA_API void ga_pool_state_delete(ga_pool_state *state);                                         /* NULL is fine */

/* What ga_pool_restore() did, in rooms of the caller's own: names are written as far as there is room, and all are counted. */
struct ga_pool_restored {
    ga_block *freed, *made;
    uint32_t cap_freed, cap_made;
    uint32_t n_freed, n_made;
};

/*
 * Frees every live block of the pool, then makes those of the state again, under new names, at the same addresses and with the
 * same sizes, whatever the options say by now.  Segments that came since stay, and are empty.  GA_BUSY: a block is pending, or
 * would be; GA_STALE: a segment of the state was given back, or the state is another pool's; GA_NO_MEMORY.  `restored` may be
 * NULL.
 */
GA_API enum ga_status ga_pool_restore(ga_cache *cache, ga_pool pool, const ga_pool_state *state, struct ga_pool_restored *restored);

#ifdef __cplusplus
}
#endif

#endif
