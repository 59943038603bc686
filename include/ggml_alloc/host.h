/*
 * host.h - page-locked host memory that is kept for the next who asks: a caching allocator for copies to and from a device
 *
 *     ga_host_alloc()     live       ga_host_record(): a stream copies from or to the block
 *           ^               |
 *           |               | ga_host_free()
 *           |               v
 *           |            pending     until those streams have done all that they were given before the free
 *           |               |
 *           |               v
 *           `----------- cached      a list per size class, the newest first; blocks are neither split nor joined
 *                           |
 *                           v        ga_host_trim(), limit, max_idle, max_cached
 *                       the system
 *
 * A block is a pair of an address and a token.  The token is what the block is given back by, from any thread and by whoever holds
 * it; it is a pointer that stays valid, and tells old from unknown, as long as the host allocator does.
 *
 * Where the backend has no page-locked memory (`pinned` in backend.h), its ordinary memory is cached.  Without streams (`order`)
 * nothing is ever pending.  Backend and env outlive the allocator.
 *
 * It locks itself: any thread may call anything, but ga_host_delete().  Memory is taken and given back, and events are recorded,
 * waited for and released, without the lock; reached(), and recording anew what could not be recorded, with it.
 * A call that fails leaves all as it was, but for statistics and for cached memory that was given back.
 */
#ifndef GGML_ALLOC_HOST_H
#define GGML_ALLOC_HOST_H

#include "cache.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_host ga_host;
typedef struct ga_host_block ga_host_block; /* the token */

enum {
    GA_HOST_ALIGN = 512,         /* of every block */
    GA_HOST_PAGE = 4096,         /* what unrounded sizes, and blocks of the reserve, are multiples of */
    GA_HOST_CLASSES = 64,        /* class c is for sizes in (2^(c-1), 2^c] */
    GA_HOST_EIGHTHS = 64 << 20,  /* above this, sizes are rounded to eighths of the power of two below them */
    GA_HOST_BACKGROUND_US = 100, /* how long the background thread sleeps while something is pending */
    GA_HOST_MAX_THREADS = 128,
};

/* Zeroed: the defaults. */
struct ga_host_opts {
    bool power_of_two;   /* all sizes, not only those up to GA_HOST_EIGHTHS */
    uint64_t max_round;  /* larger requests are rounded to pages only; 0: none are */
    uint64_t max_cached; /* larger blocks are not kept but given back when they are no longer in use, and are rounded to pages only,
                            whatever max_round says; 0: all are kept */
    uint64_t limit;      /* bytes owned and reserved stay at or below; 0: none */
    uint64_t max_idle;   /* blocks that were cached for more than so many allocs are given back; 0: never */
    uint64_t reserve;    /* bytes taken in one piece at the first use, that blocks are cut from; 0: none */
    bool pin;            /* ordinary memory whose pages are locked, instead of memory that was taken page-locked */
    unsigned pin_threads;          /* that touch the pages first, when there are as many pages; a power of two up to 128; 0 is 1 */
    bool background;               /* a thread makes reusable what events have freed, so that alloc does not */
    bool interior;                 /* ga_host_record() finds a block by any address in it */
    bool detach;                   /* live blocks survive ga_host_delete() */
    int kind;                      /* what struct ga_owned says of the memory: the caller's number for it */
    uint64_t (*clock)(void *user); /* microseconds, for the statistics; NULL: none.  Any thread may call it. */
    void *clock_user;
    uint64_t later[4]; /* zeros: options of later versions */
};

/*
 * Options from text, as ga_cache_parse() reads them; `clock`, `interior`, `detach`, `kind` and `max_idle` stay.
 *
 *     pinned_max_round_threshold_mb, pinned_max_cached_size_mb, pinned_max_total_mb, pinned_reserve_segment_size_mb     MiB
 *     pinned_use_background_threads, pinned_use_host_register, pinned_power_of_two                                    true, false
 *     pinned_num_register_threads                                                             a power of two, at most 128
 */
GA_API enum ga_status ga_host_parse(const char *text, struct ga_host_opts *opts, char *error, size_t cap);

/* NULL: no memory, no backend, an option that makes no sense or that the backend or the system cannot do. */
GA_API ga_host *ga_host_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_host_opts *opts);
/*
 * Waits for the device, then gives everything back, and tells the log of live blocks.  Those go too, or with `detach` stay until
 * ga_host_release() has given the last of them back; nothing else may be done with them, nor with the allocator.
 * NULL is fine.
 */
GA_API void ga_host_delete(ga_host *host);

/*
 * From now on.  Blocks remember how they were made.  A reserve that is there already stays as it is.  GA_INVALID: the options make
 * no sense; GA_UNSUPPORTED: the backend cannot pin, or there are no threads; nothing changed then.
 */
GA_API enum ga_status ga_host_set(ga_host *host, const struct ga_host_opts *opts);
GA_API void ga_host_opts(ga_host *host, struct ga_host_opts *opts);

/*
 * A block of `size` bytes or more: the newest cached one of its class that is large enough, else a new one.  A size of 0 is GA_OK with NULL
 * and NULL.  GA_NO_SPACE: ga_host_oom() tells.  Before that, cached memory was given back, largest class first and no more than
 * needed, and pending blocks were waited for, oldest first, until the request fits.  What else a backend answers is passed on.
 */
GA_API enum ga_status ga_host_alloc(ga_host *host, size_t size, void **ptr, ga_host_block **token);

/* NULL is fine.  GA_UNKNOWN: no token of ours; GA_FREED: given back already, and not handed out again since. */
GA_API enum ga_status ga_host_free(ga_host *host, ga_host_block *token);
/* The same by the token alone, which is a live one or NULL: for owners that know nothing of the allocator. */
GA_API void ga_host_release(void *token);

/* ga_host_alloc(), its token as the owner, to be released once, before the allocator is deleted or with `detach` after. */
GA_API enum ga_status ga_host_own(ga_host *host, size_t size, struct ga_owned *owned);

/*
 * A stream uses the block: once freed, it is not reused before the stream has done all it was given until then.  Once is enough.
 * The block is the one of `token`, or else the live one that begins at `ptr` (with opts.interior: that holds it).  GA_UNKNOWN or
 * GA_FREED: memory of others, or given back, which is no mistake here; GA_NO_MEMORY.
 */
GA_API enum ga_status ga_host_record(ga_host *host, const void *ptr, ga_host_block *token, ga_stream stream);

/* The live block that holds the address; NULL: none does. */
GA_API ga_host_block *ga_host_find(ga_host *host, const void *ptr);
/* Where a live block begins and how large it is; `size` may be NULL.  NULL when it is not live. */
GA_API void *ga_host_ptr(ga_host *host, ga_host_block *token, size_t *size);
/* Whether the address lies in page-locked memory: of ours, or as the backend says.  Nothing is made by asking. */
GA_API bool ga_host_is_pinned(ga_host *host, const void *ptr);

/* Copies in the order of the stream, by the backend: returns when it was told.  GA_UNSUPPORTED: it does not copy. */
GA_API enum ga_status ga_host_copy(ga_host *host, void *to, const void *from, size_t size, ga_stream stream);

/* Makes reusable what events have freed, unless the current stream captures.  Returns the bytes that are still pending. */
GA_API uint64_t ga_host_poll(ga_host *host);
/* Waits for the device and makes everything pending reusable. */
GA_API enum ga_status ga_host_sync(ga_host *host);
/*
 * Gives cached blocks back, largest class first, until at most `target` bytes are owned.  It waits for nothing.  What is cached in
 * private pools that are in use stays, and so does the reserve: its blocks become free parts of it.
 */
GA_API void ga_host_trim(ga_host *host, uint64_t target);
/* How a budget trims it (budget.h): cached blocks; those of the reserve bring nothing.  Take it back before it is deleted. */
GA_API void ga_host_reclaim(ga_host *host, struct ga_reclaim *reclaim);

/*
 * Private pools, for captures: while `id` records, what `accepts` says yes to the current stream of is served from that pool, and its
 * blocks serve nobody else; the first pool to begin that accepts is taken.  A block that was allocated while its stream captured
 * and that a stream was recorded for is not used again as long as its pool is in use: its address is part of the capture.
 * Begin makes the pool, or takes one more share in it; once all shares are released its memory may go.  `accepts` is called with the
 * lock held; NULL accepts all.  GA_UNKNOWN: there is no such pool; GA_BUSY: it records already, or (release) still; GA_INVALID
 * (end): it does not record; GA_NO_MEMORY.
 */
GA_API enum ga_status ga_host_pool_begin(ga_host *host, uint64_t id, bool (*accepts)(void *user, ga_stream stream), void *user);
GA_API enum ga_status ga_host_pool_end(ga_host *host, uint64_t id);
GA_API enum ga_status ga_host_pool_release(ga_host *host, uint64_t id);

struct ga_host_oom {
    uint64_t requested, rounded;  /* bytes */
    uint64_t limit;               /* UINT64_MAX: none */
    uint64_t live, pending, kept; /* bytes; kept is what private pools in use hold back */
    uint64_t owned, reserve;      /* bytes; the reserve is no part of what is owned but for blocks that were cut from it */
    uint64_t largest_pending;     /* block */
    uint64_t later[4];            /* zeros: what later versions tell */
};

/* Why the last alloc failed for want of space; false when none did. */
GA_API bool ga_host_oom(ga_host *host, struct ga_host_oom *report);

struct ga_host_times {
    uint64_t count, total, max, min; /* microseconds of calls of the backend; 0 but for the count without a clock */
};

struct ga_host_stats {
    struct ga_count active_requests, active_bytes; /* live and pending */
    struct ga_count allocations, allocated_bytes;  /* owned: active and cached */
    uint64_t requested_bytes;                      /* of live blocks, as asked for */
    uint64_t pending_bytes;
    uint64_t reserve_bytes, reserve_used; /* once it was taken; handed out or cached of it */
    uint64_t host_allocs, host_frees;     /* calls of the backend; the reserve is one */
    struct ga_host_times alloc_time, free_time;
    uint64_t retries; /* allocs that cached memory had to be given back for */
    uint64_t ooms;
    uint64_t waits;                    /* for events and for the device */
    uint64_t created[GA_HOST_CLASSES]; /* blocks, by class of their size */
    uint64_t later[4];                 /* zeros: what later versions tell */
};

/* Processes no events. */
GA_API void ga_host_stats(ga_host *host, struct ga_host_stats *stats);
GA_API void ga_host_reset_peaks(ga_host *host);
GA_API void ga_host_reset_totals(ga_host *host); /* all but what is now, and peaks, is 0 */

enum ga_host_state { GA_HOST_LIVE, GA_HOST_PENDING, GA_HOST_CACHED, GA_HOST_KEPT };
enum ga_host_origin { GA_HOST_TAKEN, GA_HOST_PINNED, GA_HOST_RESERVE };

struct ga_host_part {
    ga_host_block *token;
    const void *ptr;
    uint64_t size, requested; /* as last asked for */
    enum ga_host_state state;
    enum ga_host_origin origin;
    bool is_private; /* of pool `pool` */
    uint64_t pool;
    ga_stream stream; /* that was current when it was allocated */
    bool captured;    /* and was capturing then */
};

/* Every block that is owned.  Returns how many there are, writes at most `cap`. */
GA_API uint32_t ga_host_snapshot(ga_host *host, struct ga_host_part *out, uint32_t cap);

/* The allocator as a backend: each buffer is a block, its handle the token.  Valid as long as the allocator. */
GA_API const struct ga_backend *ga_host_backend(ga_host *host);

/* NULL, or the broken invariant in words: for tests and fuzzers of programs that embed this.  O(blocks). */
GA_API const char *ga_host_check(ga_host *host);

#ifdef __cplusplus
}
#endif

#endif
