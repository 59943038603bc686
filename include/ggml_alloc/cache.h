/*
 * cache.h - memory that is kept for the next who asks: a caching allocator for a device with streams
 *
 *     backend      | segment                               |   | segment   |     few, large, slow to get
 *     cache        | block |  free  | pending |    free    |   | block |   |     many, in nanoseconds
 *                      |                 `--- freed, but a second stream may not be done with it
 *                      `--- home: the stream it was asked for; freed, it may be reused there at once
 *
 * A block belongs to the stream that it was asked for: what this stream is given later runs later, so a freed block can be used
 * there again without waiting.  Who lets another stream use a block says so with ga_cache_share(); the block then stays pending
 * after it was freed until an event recorded on that stream is reached.  Segments, and the free blocks in them, are per stream.
 *
 * A cache locks itself: any thread may call anything, but ga_cache_delete().  The lock is dropped while the backend takes, gives
 * back or waits, and while hooks run; order->record(), reached() and release() and vmem's calls are made with the lock held, and so
 * are hooks.now() and the callbacks of pool.h and watch.h: from inside of these the cache may be looked at, and what would change
 * it answers GA_BUSY.
 * A call that fails leaves the cache as it was, but for statistics and for memory that was given back to the backend.
 */
#ifndef GGML_ALLOC_CACHE_H
#define GGML_ALLOC_CACHE_H

#include "backend.h"
#include "budget.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_cache ga_cache;

/* A block's name: 0 is none.  A freed one's is recognised until its place was used another 2^32 times. */
typedef uint64_t ga_block;

/* A private pool's name (pool.h): 0 is the general pool.  A name is never used twice. */
typedef uint64_t ga_pool;

/* The sizes of the default policy. */
enum {
    GA_CACHE_QUANTUM = 512,             /* alignment of blocks within a segment, and what their sizes are multiples of */
    GA_CACHE_SMALL = 1 << 20,           /* requests up to this share small segments */
    GA_CACHE_SMALL_SEGMENT = 2 << 20,   /* bytes of those */
    GA_CACHE_LARGE_SEGMENT = 20 << 20,  /* of the segments that larger requests share */
    GA_CACHE_OWN_SEGMENT = 10 << 20,    /* requests from here on get a segment of their own ... */
    GA_CACHE_SEGMENT_QUANTUM = 2 << 20, /* ... of a multiple of this */
};

enum ga_fit {
    GA_FIT_BEST, /* the smallest free block that fits, among equals the one in the older segment, at the lower address */
    GA_FIT_FAST, /* one that is at most about 1/64 larger than that, in constant time */
};

/* When memory is short and freed blocks are pending: what to wait for before cached memory is given back. */
enum ga_wait {
    GA_WAIT_ENOUGH, /* the oldest first, until the request fits */
    GA_WAIT_ALL,
    GA_WAIT_NEVER,
};

#define GA_CACHE_DIVISIONS 16

struct ga_cache_oom {
    uint64_t requested, rounded, segment; /* bytes asked for; as a block; the segment that could not be had */
    ga_stream stream;
    uint64_t free_bytes, total_bytes; /* as the backend says; 0 unknown */
    uint64_t limit;                   /* UINT64_MAX: none */
    uint64_t allocated, pending, reserved;
    uint64_t largest_free; /* block of this stream and size class */
    ga_pool pool;
    int device;
    uint64_t cached, split;              /* free in segments; of it in those that are not wholly free */
    uint64_t stream_free;                /* of it for this stream and size class */
    uint64_t others_free, largest_other; /* for other streams of this pool and size class; the longest block of it */
    uint64_t pools_free;                 /* in private pools that the request could not be served from */
    uint32_t hints;                      /* bits, what of the options would have helped: enum ga_hint in watch.h */
    uint64_t later[4];                   /* zeros: what later versions tell */
};

/* What may help, or wants to know, when memory is short.  Called without the lock; may call the cache. */
struct ga_cache_hooks {
    bool (*reclaim)(void *user, uint64_t bytes); /* gives memory of its own back; true: worth another try */
    void (*oom)(void *user, const struct ga_cache_oom *report);
    uint64_t (*context)(void *user); /* a tag for whoever calls: watch.h */
    uint64_t (*now)(void *user);     /* nanoseconds, for entries; with the lock held */
    void *user;
};

/* Zeroed: the defaults. */
struct ga_cache_opts {
    enum ga_fit fit;
    enum ga_wait wait;
    uint64_t limit;           /* reserved bytes stay at or below; 0: none */
    uint64_t max_split;       /* larger blocks are neither split nor used for smaller requests; 0: none, else >= 20 MiB */
    uint64_t max_rounding;    /* slack of a block above max_split that is reused whole; 0: 20 MiB, else at least that */
    double fraction;          /* a limit as a part of what the backend says it has, in (0, 1]; the lower of both counts; 0: none */
    double collect;           /* part of the limit, in (0, 1), above which old idle segments go; 0: never */
    uint64_t small_segment;   /* bytes of segments; 0: the sizes above.  For requests up to GA_CACHE_SMALL, at least that; */
    uint64_t large_segment;   /* for larger ones below own_segment, at least that; */
    uint64_t own_segment;     /* from here on each gets its own, more than GA_CACHE_SMALL, ... */
    uint64_t segment_quantum; /* ... of a multiple of this.  All are multiples of GA_CACHE_QUANTUM */
    bool expandable;          /* where the backend has ranges, memory comes from ranges that grow; private pools keep to segments.
                                 Before more is mapped than ever, what is free is unmapped where it is worth it, at least a 400th
                                 of all: the device is waited for, unless `wait` says never */
    uint32_t divisions[GA_CACHE_DIVISIONS]; /* steps per power of two that sizes are rounded to, powers of two, 0: none: for sizes
                                               from 2^20 << i; the first also below, the last also above */
    uint32_t trace;                         /* newest things that happened to remember; 0: none */
    bool adopt;                             /* what is idle and another stream's serves, before memory is given back */
    int kind;                               /* what struct ga_owned says of the memory: the caller's number for it */
    struct ga_cache_hooks hooks;
    uint64_t later[4]; /* zeros: options of later versions */
};

/*
 * Options from text, "key:value,key:value"; blanks do not matter.  What the text can say and does not is the default afterwards;
 * `limit`, `trace`, `kind` and `hooks` stay.  GA_INVALID, and nothing changed: `error` (may be NULL) gets where and what.
 *
 *     max_split_size_mb, max_non_split_rounding_mb      MiB, from 20
 *     roundup_power2_divisions                          a power of two or 0, or [256:1,512:2,>:8]: from that many MiB on
 *     garbage_collection_threshold                      .collect, in (0, 1)
 *     per_process_memory_fraction                       .fraction, in (0, 1]
 *     expandable_segments                               .expandable, true or false
 *     fit, oom_wait                                     best or fast; enough, all or never
 *     small_segment_mb, large_segment_mb, own_segment_mb, segment_quantum_mb     MiB, from 1
 *     adopt_idle                                        .adopt, true or false
 */
GA_API enum ga_status ga_cache_parse(const char *text, struct ga_cache_opts *opts, char *error, size_t cap);

/* NULL: no memory, no backend, or an option that makes no sense (a fraction of what the backend does not
 * tell, too).  `opts` is copied.  The backend outlives the cache. */
GA_API ga_cache *ga_cache_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_cache_opts *opts);
/* Waits for the device, then gives everything back, live blocks with it, also when the device cannot be waited for: nobody would be
 * left to do it.  NULL is fine. */
GA_API void ga_cache_delete(ga_cache *cache);

/*
 * A block of `size` bytes or more for `stream`; `block` or `ptr` may be NULL.  A size of 0 is GA_OK with no block and NULL.
 * GA_NO_SPACE: ga_cache_oom() tells.  Before that the chain of all that may help has been tried: what events have freed since,
 * hooks.reclaim(), waiting for pending blocks, giving idle segments back.  What else a backend answers is passed on at once.
 */
GA_API enum ga_status ga_cache_alloc(ga_cache *cache, size_t size, ga_stream stream, ga_block *block, void **ptr);

/* The same, at an address that is a multiple of `align`, a power of two; GA_INVALID when it is none.  What is before the block stays
 * free, and up to that much more is looked for. */
GA_API enum ga_status ga_cache_alloc_aligned(ga_cache *cache, size_t size, size_t align, ga_stream stream, ga_block *block,
                                             void **ptr);

/*
 * Off: from now on what is asked for is a buffer of the backend, as large as asked, and free gives it back, after waiting for the
 * device.  Names and addresses work as always; streams, limits and pools play no part, and nothing is counted.  What is cached
 * stays.  GA_BUSY as in watch.h.
 */
GA_API enum ga_status ga_cache_enable(ga_cache *cache, bool on);

/* Gives a block back; 0 or NULL is fine.  GA_UNKNOWN: none of ours; GA_FREED: it is free already.  The latter is GA_UNKNOWN by
 * address.  Cannot fail otherwise. */
GA_API enum ga_status ga_cache_free(ga_cache *cache, ga_block block);
GA_API enum ga_status ga_cache_free_ptr(ga_cache *cache, void *ptr);

/*
 * A block that carries how to give it back, for those who do not know where it is from: release(owner), once, before the cache is
 * deleted; it cannot fail, but does nothing from inside of a callback.  release is ga_cache_release for all of a cache's.
 */
struct ga_owned {
    void *ptr, *owner;
    void (*release)(void *owner);
    int kind, device; /* opts.kind, the backend's device */
};

GA_API enum ga_status ga_cache_own(ga_cache *cache, size_t size, ga_stream stream, struct ga_owned *owned); /* ga_cache_alloc() */
GA_API void ga_cache_release(void *owner);                                                                  /* NULL is fine */

/* The live block that begins at `ptr`; 0: none does. */
GA_API ga_block ga_cache_find(ga_cache *cache, const void *ptr);
/* The live block that holds the byte at `ptr`; 0: none does.  O(segments, and blocks of one). */
GA_API ga_block ga_cache_around(ga_cache *cache, const void *ptr);
/* The segment that holds the byte: GA_UNKNOWN, none does; GA_UNSUPPORTED: a range that grows does.  O(segments). */
GA_API enum ga_status ga_cache_segment(ga_cache *cache, const void *ptr, struct ga_buffer *segment);
/* Where a live block begins and how large it is, size >= what was asked for; `size` may be NULL.  NULL when it is not live. */
GA_API void *ga_cache_ptr(ga_cache *cache, ga_block block, size_t *size);

/*
 * A second stream uses the block: once freed, it is not reused before `stream` has done all it was given until then.  Once is
 * enough; the home stream need not be told.  ga_cache_unshare() takes it back, after the streams were joined by other means.
 * GA_UNKNOWN, GA_FREED as above; GA_NO_MEMORY; GA_UNSUPPORTED: the backend has no events.
 */
GA_API enum ga_status ga_cache_share(ga_cache *cache, ga_block block, ga_stream stream);
GA_API enum ga_status ga_cache_share_ptr(ga_cache *cache, const void *ptr, ga_stream stream);
GA_API enum ga_status ga_cache_share_owned(ga_cache *cache, const struct ga_owned *owned, ga_stream stream); /* GA_OK: not ours */
GA_API enum ga_status ga_cache_unshare(ga_cache *cache, ga_block block, ga_stream stream);
/*
 * The block is in use until `event`, a stream's point of the caller's own choice: the last real use, not all that the stream is
 * given before the block is freed.  The event stays the caller's, and valid until ga_cache_pending() is 0 or the cache is gone.
 */
GA_API enum ga_status ga_cache_share_until(ga_cache *cache, ga_block block, ga_event event);
/*
 * The streams were joined by other means: all that `stream` was given so far is done before what `home` is given next.  Blocks
 * of `home` that were freed by now need not wait for `stream` any longer.  O(blocks that wait for `stream`).
 */
GA_API enum ga_status ga_cache_joined(ga_cache *cache, ga_stream home, ga_stream stream);

/*
 * The stream is about to go; another may have its number later.  Waits for the device; then no block waits for it, or is shared
 * with it, and its idle segments are given back.  Blocks that it was home of are freed as always.  As ga_cache_sync().
 */
GA_API enum ga_status ga_cache_drop_stream(ga_cache *cache, ga_stream stream);

/* Copies in the order of the stream, by the backend: returns when it was told.  GA_UNSUPPORTED: it does not copy. */
GA_API enum ga_status ga_cache_copy(ga_cache *cache, void *to, const void *from, size_t size, ga_stream stream);

/* Makes reusable what events have freed; every alloc does.  Returns the bytes that are still pending. */
GA_API uint64_t ga_cache_poll(ga_cache *cache);
/* Waits for the device and makes everything pending reusable.  This and ga_cache_trim(): GA_BUSY while the device captures
 * (pool.h). */
GA_API enum ga_status ga_cache_sync(ga_cache *cache);

/* Gives idle segments back, those idle for longest first, then what is free in ranges, until at most `target` bytes are reserved.
 * Waits for the device first.  Segments of private pools that somebody holds stay. */
GA_API enum ga_status ga_cache_trim(ga_cache *cache, uint64_t target);

/* How a budget trims it (budget.h): idle segments, and what is free in ranges.  Take it back before the cache is deleted. */
GA_API void ga_cache_reclaim(ga_cache *cache, struct ga_reclaim *reclaim);

/* From now on; below what is reserved already: only new segments are refused.  0: none. */
GA_API void ga_cache_limit(ga_cache *cache, uint64_t bytes);
/* The limit as a part of what the backend says it has.  GA_INVALID: not in [0, 1]; GA_UNSUPPORTED: the backend does not say. */
GA_API enum ga_status ga_cache_set_fraction(ga_cache *cache, double fraction);
GA_API double ga_cache_fraction(ga_cache *cache); /* 1 when there is no limit or the backend does not say */

/* Why the last alloc failed for want of space; false when none did. */
GA_API bool ga_cache_oom(ga_cache *cache, struct ga_cache_oom *report);

struct ga_count {
    uint64_t now, peak;
    uint64_t added, removed; /* since the beginning, or since ga_cache_reset_totals() */
};

struct ga_cache_counts {
    struct ga_count allocations, allocated_bytes; /* handed out and not freed */
    struct ga_count active, active_bytes;         /* those, and pending ones */
    struct ga_count requested_bytes;              /* of active blocks, as asked for */
    struct ga_count segments, reserved_bytes;     /* a range that grows is no segment; reserved is what is mapped of it */
    struct ga_count splits, split_bytes;          /* free blocks in segments that are not wholly free; none in ranges */
};

struct ga_cache_stats {
    struct ga_cache_counts all, small, large; /* by segment kind */
    uint64_t retries;                         /* allocs that cached memory had to be given back for */
    uint64_t ooms;                            /* allocs that failed for want of space */
    uint64_t syncs;                           /* times that all streams were waited for */
    uint64_t backend_allocs, backend_frees;
    struct ga_count oversize_allocations, oversize_segments; /* of at least opts.max_split bytes */
    uint64_t later[4];                                       /* zeros: what later versions tell */
};

GA_API void ga_cache_stats(ga_cache *cache, struct ga_cache_stats *stats);
GA_API void ga_cache_reset_peaks(ga_cache *cache);  /* every peak is what is now */
GA_API void ga_cache_reset_totals(ga_cache *cache); /* all but `now` and `peak` is 0 */

enum ga_part_state { GA_PART_FREE, GA_PART_PENDING, GA_PART_LIVE };

struct ga_cache_part {
    const void *segment; /* where it begins; of a range, what is mapped in one piece */
    ga_pool pool;        /* whose it is; 0: the general one's */
    uint64_t segment_size;
    ga_stream stream;
    bool is_small;      /* the segment is one for small requests */
    ga_block pinned_by; /* the only block of the segment, live, that keeps it from being given back; 0: none, or several */
    enum ga_part_state state;
    const void *ptr;
    uint64_t size;
    uint64_t requested; /* 0 when it is free */
    ga_block block;     /* 0 unless it is live */
    uint64_t tag;       /* of the block, as in watch.h */
};

/*
 * What every byte of every segment is: the segments oldest first, each from its first byte to its last.  Returns how many parts
 * there are, writes at most `cap`.
 */
GA_API uint32_t ga_cache_snapshot(ga_cache *cache, struct ga_cache_part *out, uint32_t cap);

enum ga_cache_action {
    GA_CACHE_ALLOC,
    GA_CACHE_FREE,     /* asked for */
    GA_CACHE_REUSABLE, /* events reached, if there were any */
    GA_CACHE_SEGMENT_ALLOC,
    GA_CACHE_SEGMENT_FREE,
    GA_CACHE_SEGMENT_MAP,
    GA_CACHE_SEGMENT_UNMAP,
    GA_CACHE_NO_SPACE, /* no address; the size that was asked for */
    GA_CACHE_SNAPSHOT, /* was looked at; the size is all that is active */
    GA_CACHE_USER,     /* ga_cache_mark() */
    GA_CACHE_ACTIONS,  /* how many there are */
};

struct ga_cache_entry {
    uint64_t number; /* counting from 1 */
    enum ga_cache_action action;
    const void *ptr;
    uint64_t size;
    ga_stream stream; /* home */
    ga_pool pool;
    uint64_t time; /* hooks.now(); 0: there is none */
    uint64_t tag;  /* who called, where ga_cache_record() asks for it */
    uint64_t meta; /* ga_cache_set_meta() */
};

/* The newest `opts.trace` things that happened, oldest first; returns how many are remembered, writes at most `cap`. */
GA_API uint32_t ga_cache_trace(ga_cache *cache, struct ga_cache_entry *out, uint32_t cap);

/*
 * The cache as a backend: buffers are blocks of the current stream, streams and events are the device's.  What is given back is
 * kept for the next; ga_cache_share_ptr() works on a buffer's base.  Valid as long as the cache.
 */
GA_API const struct ga_backend *ga_cache_backend(ga_cache *cache);

/* NULL, or the broken invariant in words: for tests and fuzzers of programs that embed this.  O(blocks). */
GA_API const char *ga_cache_check(ga_cache *cache);

#ifdef __cplusplus
}
#endif

#endif
