/*
 * heap.h - buffers from few large heaps, kept when they are freed, between two watermarks: a heap allocator for unified memory
 *
 *     backend   |            heap 1                  |   | heap 2, whole |     few, large, slow to get
 *     pool      | buffer 7 | cached | buffer 9 | gap |   |   buffer 8    |     many; freed ones wait for the next who asks
 *                    |
 *                    `- refs: 1, and 1 for each unfinished batch that uses it and for each alias of the host
 *
 * There are five pools, small and large, private to the device and shared with the host, and one for scalars.  A buffer is named by
 * a handle.  Freed, it goes back to its pool whole, at once; what the host may write to only when no batch uses it any more.
 * A batch is what a stream is given between two commits.  Above the low watermark old cached buffers are collected; the high one is
 * never exceeded.  Watermarks are parts of what the device recommends to use, and look at all that is used of it, by anybody.
 *
 * A handle is good for one allocation: recycled, a buffer keeps its id and gets a new handle, so that a late free is recognised.
 *
 * Any thread may call anything but ga_heaps_delete().  The lock is dropped while the backend takes, gives back or waits, and while
 * callbacks and the log run; what else there is of the backend is called with the lock held.
 * A call that fails leaves everything as it was, but for statistics, heaps that were made, and memory that was given back.
 */
#ifndef GGML_ALLOC_HEAP_H
#define GGML_ALLOC_HEAP_H

#include "cache.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_heaps ga_heaps; /* all the memory of one device */
typedef struct ga_heap ga_heap; /* one of its two faces: allocs are private or shared unless they say more; all else is the same */

/* A buffer's name: 0 is none.  A freed one's is recognised until its place was used another 2^32 times. */
typedef uint64_t ga_heap_buffer;

enum {
    GA_HEAP_MAX_SMALL = 1 << 20,         /* buffers up to this come from small pools ... */
    GA_HEAP_SMALL_HEAP = 8 << 20,        /* ... with heaps of this */
    GA_HEAP_MIN_LARGE = 10 << 20,        /* larger ones below this from ... */
    GA_HEAP_LARGE_HEAP = 32 << 20,       /* ... heaps of this; from there on, up to half of the next, ... */
    GA_HEAP_XLARGE_UNIFIED = 1 << 30,    /* ... from heaps of this, */
    GA_HEAP_XLARGE_DISCRETE = 128 << 20, /* where the host has memory of its own of this; all others from a heap each, ... */
    GA_HEAP_ROUND_LARGE = 2 << 20,       /* ... a multiple of this */
    GA_HEAP_MAX_SCALAR = 8,              /* in unified memory buffers up to this are shared */
    GA_HEAP_SLACK = 32 << 20,            /* a cached buffer serves requests that are smaller by at most this */
    GA_HEAP_SMALL_QUANTUM = 256, /* sizes are multiples of this in small pools, and of the device's page in large ones ... */
    GA_HEAP_PAGE = 16 << 10,     /* ... where it does not tell, of this */
};

/* What a buffer is for: bits.  MANAGED goes before SHARED, SHARED before PRIVATE. */
enum ga_heap_usage {
    GA_HEAP_PRIVATE = 0,
    GA_HEAP_SMALL = 1,
    GA_HEAP_SHARED = 2,  /* the host sees it */
    GA_HEAP_MANAGED = 4, /* an option of a buffer, not of a heap */
    GA_HEAP_HAZARD = 8,  /* the device puts accesses in order by itself: all pools but the scalars' */
    GA_HEAP_SCALAR = 16,
};

enum ga_heap_pool {
    GA_HEAP_POOL_PRIVATE_SMALL,
    GA_HEAP_POOL_PRIVATE_LARGE,
    GA_HEAP_POOL_SHARED_SMALL,
    GA_HEAP_POOL_SHARED_LARGE,
    GA_HEAP_POOL_SCALAR,
    GA_HEAP_POOL_N,
};

/* What is written to the log, GA_INFO: bits. */
enum ga_heap_verbosity {
    GA_HEAP_SILENT = 0,
    GA_HEAP_PROFILING = 1, /* the totals after each of the following */
    GA_HEAP_ALLOCATIONS = 2,
    GA_HEAP_RECYCLES = 4,
    GA_HEAP_RELEASES = 8,
    GA_HEAP_LARGE_ONLY = 16, /* of large pools only */
};

/* Zeroed: the defaults. */
struct ga_heap_opts {
    double high_ratio; /* in (0, 2]; 0: 1.7 */
    double low_ratio;  /* in (0, high]; 0: 1.4 in unified memory, else 1, and never above `high_ratio` */
    unsigned verbosity;
    int kind;          /* what struct ga_owned says of the memory: the caller's number for it */
    uint64_t later[4]; /* zeros: options of later versions */
};

/* NULL: no memory, no backend, or an option that makes no sense.  The backend outlives it. */
GA_API ga_heaps *ga_heaps_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_heap_opts *opts);
/* Waits for the device, then gives everything back, live buffers with it.  NULL is fine. */
GA_API void ga_heaps_delete(ga_heaps *heaps);
/* One of the two faces, alive as long as `heaps`.  NULL: `shared` on a device whose memory is not unified. */
GA_API ga_heap *ga_heaps_get(ga_heaps *heaps, bool shared);

/*
 * A buffer of `size` bytes or more; `usage` adds to the face's own: 0 is fine.  A size of 0 is GA_OK and no buffer.
 * GA_INVALID: not less than the backend's largest buffer, or above 2^60.  GA_UNSUPPORTED: shared, and the backend shares nothing.
 * GA_NO_SPACE: ga_heap_oom() tells.  Before that all has been tried: a cached buffer, collecting old ones, a new heap, callbacks on
 * GA_HEAP_ALLOCATION_FAILED, giving back some of the cached ones, waiting for all batches and giving back everything cached.  What
 * else a backend answers is passed on at once.
 */
GA_API enum ga_status ga_heap_alloc(ga_heap *heap, size_t size, unsigned usage, ga_heap_buffer *buffer);
/* Gives it back; 0 is fine.  GA_UNKNOWN: none of ours; GA_FREED: it is free already.  Cannot fail otherwise. */
GA_API enum ga_status ga_heap_free(ga_heap *heap, ga_heap_buffer buffer);
/*
 * A buffer that the device reads a constant from, filled.  Freed, it is reused when the current stream's batch is done.
 * GA_INVALID: more than GA_HEAP_MAX_SMALL.  GA_UNSUPPORTED: the host does not see it.
 */
GA_API enum ga_status ga_heap_alloc_scalar_buffer_with_value(ga_heap *heap, const void *value, size_t size, ga_heap_buffer *buffer);

/* Waits for all batches, then gives back all that is cached. */
GA_API enum ga_status ga_heap_empty_cache(ga_heap *heap);
/*
 * Waits for all batches, then gives back heaps in which nothing is in use, with what is cached in them, until at most `target` bytes
 * are of heaps: the smallest that is enough, or else the largest first.
 */
GA_API enum ga_status ga_heap_trim(ga_heap *heap, uint64_t target);
/* How a budget trims them (budget.h): heaps in which nothing is in use.  Take it back before they are deleted. */
GA_API void ga_heap_reclaim(ga_heaps *heaps, struct ga_reclaim *reclaim);
/* Makes reusable what was freed and is no longer used by a batch; alloc does.  Returns the bytes that are still pending. */
GA_API uint64_t ga_heap_free_inactive_buffers(ga_heap *heap);

/*
 * The batch that `stream` is given now uses the buffer: until it is committed and done this is a reference.  Once a batch is
 * enough.  GA_UNKNOWN, GA_FREED; GA_NO_MEMORY; GA_UNSUPPORTED: the backend has no events.
 */
GA_API enum ga_status ga_heap_use(ga_heap *heap, ga_heap_buffer buffer, ga_stream stream);
/* The batch of `stream` is complete; it is done when all that the stream was given until now is. */
GA_API enum ga_status ga_heap_commit(ga_heap *heap, ga_stream stream);
/* 1, and the unfinished batches and aliases; 0: not a live buffer. */
GA_API uint32_t ga_heap_refs(ga_heap *heap, ga_heap_buffer buffer);

/* Where it begins on the device, and its size; `size` may be NULL.  NULL: not a live buffer. */
GA_API void *ga_heap_ptr(ga_heap *heap, ga_heap_buffer buffer, size_t *size);
GA_API int64_t ga_heap_get_unaligned_buffer_size(ga_heap *heap, ga_heap_buffer buffer); /* as asked for; -1: not a live buffer */
/* The number of the memory behind it, growing, never used again; 0: not a live buffer. */
GA_API uint64_t ga_heap_get_buffer_id(ga_heap *heap, ga_heap_buffer buffer);
/* `n` extents, copied and kept until it is freed.  GA_INVALID: not a live buffer; GA_NO_MEMORY. */
GA_API enum ga_status ga_heap_set_buffer_shape(ga_heap *heap, ga_heap_buffer buffer, const int64_t *shape, uint32_t n);
/* Returns how many there are, writes at most `cap`; 0: none was set. */
GA_API uint32_t ga_heap_get_buffer_shape(ga_heap *heap, ga_heap_buffer buffer, int64_t *shape, uint32_t cap);

GA_API bool ga_heap_is_shared_storage_supported(const ga_heap *heap);
GA_API bool ga_heap_is_shared_buffer(ga_heap *heap, ga_heap_buffer buffer); /* a live one that the host sees */
GA_API bool ga_heap_is_pinned(ga_heap *heap, ga_heap_buffer buffer);        /* the same: what is shared needs no pinning */
/* Where the host sees a live shared buffer, and its references; NULL and 0 otherwise. */
GA_API void *ga_heap_get_shared_buffer_ptr(ga_heap *heap, ga_heap_buffer buffer, uint32_t *refs);
/*
 * Where the host sees it, for somebody of its own: the buffer is not reused, even when freed, before ga_heap_drop_alias(), under
 * the same handle.  NULL: no live shared buffer.  Counted.
 */
GA_API void *ga_heap_host_alias(ga_heap *heap, ga_heap_buffer buffer);
GA_API uint32_t ga_heap_drop_alias(ga_heap *heap, ga_heap_buffer buffer); /* the references before; 0: has no alias */

/*
 * Commits the current stream's batch and remembers its end with all shared buffers of the list, in place of what was remembered
 * before.  False: there is none, or the backend could not.
 */
GA_API bool ga_heap_record_events(ga_heap *heap, const ga_heap_buffer *buffers, uint32_t n);
/*
 * Waits until what was recorded is reached, for all shared buffers of the list that are referenced, and makes reusable what became
 * idle.  True: something did; false: nothing was recorded or became idle, or the backend could not wait.
 */
GA_API bool ga_heap_wait_for_events(ga_heap *heap, const ga_heap_buffer *buffers, uint32_t n);

/*
 * Parts of the recommended memory: high in [0, 2], 0 is no limit; low in [0, high], or [0, 2] without a limit, 0 is never.
 * GA_INVALID, and nothing changed: outside, or `high` would be below what `low` is.
 */
GA_API enum ga_status ga_heap_set_high_watermark_ratio(ga_heap *heap, double ratio);
GA_API enum ga_status ga_heap_set_low_watermark_ratio(ga_heap *heap, double ratio);
GA_API double ga_heap_get_high_watermark_ratio(ga_heap *heap);
GA_API double ga_heap_get_low_watermark_ratio(ga_heap *heap);
GA_API uint64_t ga_heap_get_high_watermark_limit(ga_heap *heap); /* bytes; 0: none */
GA_API uint64_t ga_heap_get_low_watermark_limit(ga_heap *heap);  /* bytes; 0: none */
GA_API uint64_t ga_heap_get_low_watermark_value(ga_heap *heap);  /* whole MiB left below it; UINT64_MAX: none */

GA_API uint64_t ga_heap_get_total_allocated_memory(ga_heap *heap);                           /* bytes of all heaps */
GA_API uint64_t ga_heap_get_current_allocated_memory(ga_heap *heap);                         /* of buffers that are not freed */
GA_API uint64_t ga_heap_get_driver_allocated_memory(ga_heap *heap);                          /* of the device, by all its users */
GA_API uint64_t ga_heap_get_recommended_max_memory(ga_heap *heap);                           /* 0: unknown */
GA_API void ga_heap_memory_info(ga_heap *heap, uint64_t *free_bytes, uint64_t *total_bytes); /* of the recommended */

/*
 * ga_heap_alloc() for those who do not know where it is from: to be released once, before `heaps` is deleted.  release is
 * ga_heap_release for all of them.
 */
GA_API enum ga_status ga_heap_own(ga_heap *heap, size_t size, unsigned usage, struct ga_owned *owned);
GA_API void ga_heap_release(void *owner); /* NULL is fine */
/* In the stream's order; GA_UNSUPPORTED: the backend does not copy. */
GA_API enum ga_status ga_heap_copy(ga_heap *heap, void *to, const void *from, size_t size, ga_stream stream);
/* The face as a backend, for whoever stacks on it and for a registry.  Valid as long as `heaps`. */
GA_API const struct ga_backend *ga_heap_backend(ga_heap *heap);

struct ga_heap_stats {
    struct ga_count allocated, reserved; /* bytes of buffers that are not freed; of heaps */
    uint64_t pending;                    /* bytes freed, but still referenced */
    uint64_t cached;                     /* bytes that wait for the next who asks */
    uint64_t heaps, buffers;             /* now; buffers of any state */
    uint64_t ooms;
    uint64_t later[4]; /* zeros: what later versions tell */
};

GA_API void ga_heap_stats(ga_heap *heap, struct ga_heap_stats *stats);
GA_API void ga_heap_reset_peaks(ga_heap *heap);  /* every peak is what is now */
GA_API void ga_heap_reset_totals(ga_heap *heap); /* what was added and removed, and `ooms`, is 0 */

struct ga_heap_oom {
    uint64_t requested, size; /* as asked for; as a buffer */
    enum ga_heap_pool pool;
    uint64_t heap_bytes, other_bytes; /* of the device: in our heaps; used by others */
    uint64_t limit;                   /* the high watermark; 0: none */
    const char *hint;                 /* what may help, in words; static */
    uint64_t later[4];                /* zeros: what later versions tell */
};

/* Why the last alloc failed for want of space; false when none did. */
GA_API bool ga_heap_oom(ga_heap *heap, struct ga_heap_oom *report);

enum ga_heap_event {
    GA_HEAP_ALLOCATED, /* fresh */
    GA_HEAP_RECYCLED,  /* from the cached ones */
    GA_HEAP_FREED,     /* to the cached ones, just before it can be reused */
    GA_HEAP_RELEASED,  /* out of its heap */
    GA_HEAP_ALLOCATION_FAILED,
};

struct ga_heap_news {
    enum ga_heap_event event;
    ga_heap_buffer buffer; /* the handle that it has, or had last; 0: allocation failed */
    uint64_t id;
    void *ptr;
    uint64_t size, requested; /* when allocation failed, what could not be had */
    enum ga_heap_pool pool;
    unsigned usage;
};

typedef void ga_heap_callback(void *user, const struct ga_heap_news *news);

/*
 * Callbacks hear of every transition once, in the order of registration.  They may free, empty the cache and ask; they may alloc,
 * but one that does so on GA_HEAP_ALLOCATION_FAILED is called again when that fails.  GA_INVALID: the name is taken; GA_BUSY: a
 * callback is running; GA_UNKNOWN: no such name; GA_NO_MEMORY.  `name` is the caller's, and stays while it is registered.
 */
GA_API enum ga_status ga_heap_on(ga_heap *heap, const char *name, ga_heap_callback *call, void *user);
GA_API enum ga_status ga_heap_off(ga_heap *heap, const char *name);

/* "17 bytes", "1.50 MiB"; `decimal_names`: the same number with KB, MB, GB.  Returns `buf`. */
GA_API const char *ga_heap_format_size(char buf[32], uint64_t size, bool decimal_names);

enum ga_heap_part_kind { GA_HEAP_PART_POOL, GA_HEAP_PART_HEAP, GA_HEAP_PART_BUFFER };

struct ga_heap_part {
    enum ga_heap_part_kind kind;
    enum ga_heap_pool pool;
    unsigned usage;     /* of a pool or buffer */
    uint64_t id;        /* of a heap or buffer */
    uint64_t size;      /* of a pool: its buffers' bytes */
    uint64_t available; /* of a pool: its cached buffers' bytes; of a heap: what the next buffer may have */
    uint64_t offset;    /* of a buffer in its heap */
    uint32_t n_buffers; /* of a pool or heap */
    uint32_t refs;      /* of a heap or buffer; a heap's are 1 and its buffers */
    bool is_whole;      /* of a heap: for one buffer */
    bool is_waiting;    /* of a heap: a released buffer in it is still used by a batch; of such a buffer; of a pending one */
    bool in_use;        /* of a buffer */
    ga_heap_buffer buffer;
};

/* Each pool, then its heaps by what is available, each with its buffers by offset.  Returns how many parts, writes at most `cap`. */
GA_API uint32_t ga_heap_walk(ga_heap *heap, struct ga_heap_part *out, uint32_t cap);

/* NULL, or the broken invariant in words: for tests and fuzzers of programs that embed this.  O(buffers log buffers). */
GA_API const char *ga_heap_check(ga_heap *heap);

#ifdef __cplusplus
}
#endif

#endif
