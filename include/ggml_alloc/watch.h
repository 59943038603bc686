/*
 * watch.h - what a cache did, and for whom: tags, entries, trackers, reports and exports
 *
 * A tag says who a block is for: a number of the caller's own (a call stack that it interned, a tensor), asked from
 * hooks.context() outside of the lock, or set for a block.  Where nobody watches, all of this costs a branch.
 *
 * Callbacks (trackers, hooks.now(), sinks, routes) are called with the lock held.  They may look at the cache, and get GA_BUSY
 * where they would change it.
 */
#ifndef GGML_ALLOC_WATCH_H
#define GGML_ALLOC_WATCH_H

#include "cache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How much of what hooks.context() says is kept; each with what is before it. */
enum ga_context {
    GA_CONTEXT_NEVER,
    GA_CONTEXT_STATE, /* of live blocks and of segments */
    GA_CONTEXT_ALLOC, /* in entries of allocs */
    GA_CONTEXT_ALL,   /* in entries of frees: who freed */
};

/* Zeroed: nothing is recorded. */
struct ga_cache_recording {
    uint32_t entries; /* the newest to remember; instead of opts.trace */
    uint32_t skip;    /* actions to leave out, bits, 1u << GA_CACHE_ALLOC and so on; trackers get them all the same */
    enum ga_context context;
    bool clear;        /* forget what is remembered; else as many as have room stay */
    uint64_t later[4]; /* zeros: options of later versions */
};

/* From now on.  GA_INVALID: no such action or context; GA_NO_MEMORY; both leave all as it was. */
GA_API enum ga_status ga_cache_record(ga_cache *cache, const struct ga_cache_recording *recording);

/* Gets every entry when it happens, in their order. */
typedef void (*ga_cache_tracker)(void *user, const struct ga_cache_entry *entry);

GA_API enum ga_status ga_cache_track(ga_cache *cache, ga_cache_tracker track, void *user);   /* GA_NO_MEMORY */
GA_API enum ga_status ga_cache_untrack(ga_cache *cache, ga_cache_tracker track, void *user); /* GA_INVALID: it does not track */

/* Of a live block: what hooks.context() said, or the caller by itself.  GA_UNKNOWN, GA_FREED; GA_NO_MEMORY. */
GA_API enum ga_status ga_cache_tag(ga_cache *cache, ga_block block, uint64_t *tag);
GA_API enum ga_status ga_cache_set_tag(ga_cache *cache, ga_block block, uint64_t tag);

/* Entries carry it from now on: a step, a region. */
GA_API enum ga_status ga_cache_set_meta(ga_cache *cache, uint64_t meta);
/* An entry of its own, GA_CACHE_USER, with `size` as its size. */
GA_API enum ga_status ga_cache_mark(ga_cache *cache, uint64_t size);

/* Which of the options that are not in use would have helped: bits of ga_cache_oom.hints. */
enum ga_hint {
    GA_HINT_LIMIT = 1,     /* the device has room above the limit */
    GA_HINT_WAIT = 2,      /* pending blocks would be enough, and are not waited for */
    GA_HINT_MAX_SPLIT = 4, /* free blocks would be enough, but in pieces: max_split keeps large ones whole */
    GA_HINT_POOLS = 8,     /* private pools hold what would be enough */
    GA_HINT_ADOPT = 16,    /* other streams' free blocks would be enough */
};

/* The report as text of some lines: sizes in KiB, MiB, GiB, and what may help.  Ends with a zero where cap is not 0; returns the
 * length of all of it. */
GA_API size_t ga_cache_oom_text(const struct ga_cache_oom *report, char *text, size_t cap);

/* Zeroed: with all entries, and tags as numbers. */
struct ga_cache_export {
    bool no_trace;
    const char *(*name)(void *user, uint64_t tag); /* what a tag is called; NULL: as numbers */
    void *user;
    uint64_t later[4]; /* zeros: options of later versions */
};

/*
 * Every segment, block and entry as JSON, in the form of PyTorch's memory snapshots, so that its viewer shows them: segments,
 * device_traces and allocator_settings.  Needs no memory.  GA_IO: the sink refused.  `opts` may be NULL.
 */
GA_API enum ga_status ga_cache_export_json(ga_cache *cache, const struct ga_cache_export *opts, const struct ga_sink *sink);

#ifdef __cplusplus
}
#endif

#endif
