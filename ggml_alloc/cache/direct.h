/*
 * direct.h - blocks that are buffers of the backend, while the cache is switched off
 *
 * They have names and addresses like others, but are no part of the core: nothing is counted, rounded or kept.  A name tells by
 * its highest slot bit that it is one of these.  A block may still be in use when it is freed, so that all streams are waited for;
 * where that fails it is left over, until it works or the cache goes.
 */
#ifndef GAI_CACHE_DIRECT_H
#define GAI_CACHE_DIRECT_H

#include "ggml_alloc/cache.h"

#include "cache/addrs.h"

#define DIRECT_SLOT ((uint32_t)1 << 31)

enum direct_state { DIRECT_SPARE, DIRECT_LIVE, DIRECT_LEFT };

struct direct_block {
    struct ga_buffer buffer;
    void *ptr; /* in the buffer, aligned as asked */
    uint32_t generation;
    enum direct_state state;
    uint64_t left_at; /* the core's clock */
    uint32_t next;    /* of spare slots */
};

struct direct {
    bool on;
    struct direct_block *blocks; /* from 1 */
    uint32_t n, cap, spare, n_left;
    struct addrs addrs;
};

/* With the lock held, which is dropped meanwhile.  `align` is a power of two, or 0: the backend's own. */
enum ga_status gai_direct_alloc(ga_cache *cache, uint64_t size, uint64_t align, ga_block *block, void **ptr);
void gai_direct_free(ga_cache *cache, uint32_t slot);
/* What was left over until the core's clock was `before`, since when all streams were waited for. */
void gai_direct_free_left(ga_cache *cache, uint64_t before);
void gai_direct_fini(ga_cache *cache);

static inline bool direct_is(ga_block name)
{
    return ((uint32_t)name & DIRECT_SLOT) != 0;
}

/* GA_OK and the slot of a live block; GA_FREED, GA_UNKNOWN. */
enum ga_status gai_direct_slot(const struct direct *direct, ga_block name, uint32_t *slot);
ga_block gai_direct_name(const struct direct *direct, uint32_t slot); /* 0 of slot 0 */

static inline size_t direct_size(const struct direct *direct, uint32_t slot)
{
    const struct direct_block *block = &direct->blocks[slot];
    return block->buffer.size - (size_t)((uintptr_t)block->ptr - (uintptr_t)block->buffer.base);
}

static inline uint32_t direct_at(const struct direct *direct, const void *ptr)
{
    return direct->addrs.len ? gai_addrs_find(&direct->addrs, (uintptr_t)ptr) : 0;
}

#endif
