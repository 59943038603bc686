/*
 * watch.h - who is told what happens: a ring of the newest entries, trackers, tags beside the blocks
 *
 * `on` is all that is looked at while nobody watches.  Tags lie beside the blocks, by slot, so that blocks stay small for those
 * who want none; they are a help, so that where there is no memory for one it is 0.
 */
#ifndef GAI_CACHE_WATCH_H
#define GAI_CACHE_WATCH_H

#include "ggml_alloc/watch.h"

#include "base/mem.h"

struct tracker {
    ga_cache_tracker track;
    void *user;
};

struct tags {
    uint64_t *at; /* by slot; 0: none */
    uint32_t cap;
};

struct watch {
    bool on;                     /* somebody wants entries, or counts what is oversize */
    struct ga_cache_entry *ring; /* NULL: off */
    uint32_t cap, skip;
    uint64_t n_kept; /* the next goes to [n_kept % cap] */
    uint64_t n;      /* that happened */
    struct tracker *trackers;
    uint32_t n_trackers, cap_trackers;
    uint64_t meta;
    struct tags blocks, segments;
    struct ga_count oversize_allocations, oversize_segments;
};

bool gai_watch_init(ga_cache *cache); /* false: no memory */
void gai_watch_fini(ga_cache *cache);

/* What happened to a block or a segment, or to none: `tag` is the caller's. */
void gai_watch_block(ga_cache *cache, enum ga_cache_action action, uint32_t slot, uint64_t tag);
void gai_watch_segment(ga_cache *cache, enum ga_cache_action action, const struct ga_buffer *buffer, uint32_t at, uint64_t tag);
void gai_watch_add(ga_cache *cache, struct ga_cache_entry entry);

/* What a caller is called; asked before the lock is taken.  0: nobody wants to know. */
uint64_t gai_watch_context(ga_cache *cache, enum ga_context least);

void gai_watch_tag_block(ga_cache *cache, uint32_t slot, uint64_t tag);
void gai_watch_tag_segment(ga_cache *cache, uint32_t slot, uint64_t tag);

/* Of what is oversize. */
void gai_watch_reset_peaks(struct watch *watch);
void gai_watch_reset_totals(struct watch *watch);

/* The i-th of those remembered, from the oldest on; NULL: they are fewer. */
const struct ga_cache_entry *gai_watch_entry(const struct watch *watch, uint32_t i);

static inline uint64_t tags_of(const struct tags *tags, uint32_t slot)
{
    return slot < tags->cap ? tags->at[slot] : 0;
}

#endif
