#include "plain_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "plain_tree.h"

#define MIB ((uint64_t)1 << 20)

enum { LARGE, SMALL, ALL };

enum what { ALLOCATION, ALLOCATED_BYTES, SEGMENT, RESERVED, ACTIVE, ACTIVE_BYTES, SPLIT, SPLIT_BYTES, REQUESTED, N_WHAT };

struct stat {
    uint64_t now, peak, added, removed;
};

struct block {
    ga_stream stream;
    uint64_t size, requested;
    char *ptr;
    int kind;
    bool is_live;
    struct block *prev, *next;
    struct ga_buffer segment; /* of the first */
};

struct slot {
    char *ptr; /* NULL: empty */
    struct block *block;
};

struct plain_cache {
    pthread_mutex_t mutex;
    const struct ga_backend *backend;
    struct plain_tree pools[2];
    struct slot *slots;
    uint64_t n_live, n_slots;
    struct block **segments; /* the first of each, always at its begin */
    uint64_t n_segments;
    struct stat stats[N_WHAT][3];
};

static void up(struct plain_cache *cache, enum what what, int kind, uint64_t n)
{
    for (int i = 0; i < 2; i++) {
        struct stat *stat = &cache->stats[what][i ? ALL : kind];
        stat->now += n;
        stat->added += n;
        if (stat->now > stat->peak)
            stat->peak = stat->now;
    }
}

static void down(struct plain_cache *cache, enum what what, int kind, uint64_t n)
{
    for (int i = 0; i < 2; i++) {
        struct stat *stat = &cache->stats[what][i ? ALL : kind];
        stat->now -= n;
        stat->removed += n;
    }
}

static bool before(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    if (x->stream != y->stream)
        return x->stream < y->stream;
    return x->size != y->size ? x->size < y->size : x->ptr < y->ptr;
}

static uint64_t home(const struct plain_cache *cache, const char *ptr)
{
    return (uint64_t)(uintptr_t)ptr * 0x9e3779b97f4a7c15u >> 20 & (cache->n_slots - 1);
}

static struct slot *find(const struct plain_cache *cache, const char *ptr)
{
    uint64_t at = home(cache, ptr);
    while (cache->slots[at].ptr && cache->slots[at].ptr != ptr)
        at = (at + 1) & (cache->n_slots - 1);
    return &cache->slots[at];
}

static bool grow(struct plain_cache *cache)
{
    struct slot *old = cache->slots;
    uint64_t n_old = cache->n_slots, n = n_old ? 2 * n_old : 1024;
    struct slot *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    cache->slots = slots;
    cache->n_slots = n;
    for (uint64_t i = 0; i < n_old; i++)
        if (old[i].ptr)
            *find(cache, old[i].ptr) = old[i];
    free(old);
    return true;
}

/* Those behind move up. */
static void forget(struct plain_cache *cache, struct slot *slot)
{
    uint64_t mask = cache->n_slots - 1, hole = (uint64_t)(slot - cache->slots);
    for (uint64_t at = (hole + 1) & mask; cache->slots[at].ptr; at = (at + 1) & mask) {
        if (((at - home(cache, cache->slots[at].ptr)) & mask) < ((at - hole) & mask))
            continue;
        cache->slots[hole] = cache->slots[at];
        hole = at;
    }
    cache->slots[hole] = (struct slot){ 0 };
    cache->n_live--;
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

static uint64_t segment_size(uint64_t size)
{
    return size <= MIB ? 2 * MIB : size < 10 * MIB ? 20 * MIB : round_up(size, 2 * MIB);
}

static struct block *new_segment(struct plain_cache *cache, uint64_t size, ga_stream stream, int kind)
{
    struct block **segments = realloc(cache->segments, (cache->n_segments + 1) * sizeof *segments);
    if (segments)
        cache->segments = segments;
    struct block *block = calloc(1, sizeof *block);
    if (!segments || !block || cache->backend->alloc(cache->backend->user, (size_t)size, &block->segment) != GA_OK) {
        free(block);
        return NULL;
    }
    block->stream = stream;
    block->size = size;
    block->ptr = block->segment.base;
    block->kind = kind;
    cache->segments[cache->n_segments++] = block;
    up(cache, SEGMENT, kind, 1);
    up(cache, RESERVED, kind, size);
    return block;
}

/* The low part; the rest goes back into the pool. */
static bool split(struct plain_cache *cache, struct block *block, uint64_t size)
{
    struct block *rest = calloc(1, sizeof *rest);
    if (!rest)
        return false;
    bool was_split = block->prev || block->next;
    *rest = (struct block){ .stream = block->stream,
                            .size = block->size - size,
                            .ptr = block->ptr + size,
                            .kind = block->kind,
                            .prev = block,
                            .next = block->next };
    if (rest->next)
        rest->next->prev = rest;
    block->next = rest;
    block->size = size;
    if (was_split) {
        down(cache, SPLIT_BYTES, block->kind, size);
    } else {
        up(cache, SPLIT, block->kind, 1);
        up(cache, SPLIT_BYTES, block->kind, rest->size);
    }
    return plain_tree_insert(&cache->pools[block->kind], rest);
}

static struct block *take(struct plain_cache *cache, uint64_t size, ga_stream stream, int kind)
{
    struct block key = { .stream = stream, .size = size };
    struct plain_node *node = plain_tree_first(&cache->pools[kind], &key);
    struct block *block = node ? node->value : NULL;
    if (block && block->stream == stream)
        plain_tree_erase(&cache->pools[kind], node);
    else
        block = new_segment(cache, segment_size(size), stream, kind);
    if (!block)
        return NULL;
    bool splits = kind == SMALL ? block->size - size >= 512 : block->size - size > MIB;
    if (splits)
        return split(cache, block, size) ? block : NULL;
    if (block->prev || block->next) {
        down(cache, SPLIT, kind, 1);
        down(cache, SPLIT_BYTES, kind, block->size);
    }
    return block;
}

void *plain_cache_alloc(struct plain_cache *cache, uint64_t size, ga_stream stream)
{
    uint64_t rounded = size < 512 ? 512 : round_up(size, 512);
    int kind = rounded <= MIB ? SMALL : LARGE;
    char *ptr = NULL;
    pthread_mutex_lock(&cache->mutex);
    bool has_room = cache->n_live < cache->n_slots / 2 || grow(cache);
    struct block *block = has_room ? take(cache, rounded, stream, kind) : NULL;
    if (block) {
        ptr = block->ptr;
        block->is_live = true;
        block->requested = size;
        *find(cache, ptr) = (struct slot){ .ptr = ptr, .block = block };
        cache->n_live++;
        up(cache, ALLOCATION, kind, 1);
        up(cache, ALLOCATED_BYTES, kind, block->size);
        up(cache, ACTIVE, kind, 1);
        up(cache, ACTIVE_BYTES, kind, block->size);
        up(cache, REQUESTED, kind, size);
    }
    pthread_mutex_unlock(&cache->mutex);
    return ptr;
}

/* `high`, which is free, becomes part of `low`. */
static void join(struct block *low, struct block *high)
{
    low->size += high->size;
    low->next = high->next;
    if (low->next)
        low->next->prev = low;
    free(high);
}

static void leave_pool(struct plain_cache *cache, struct block *block)
{
    struct plain_tree *pool = &cache->pools[block->kind];
    plain_tree_erase(pool, plain_tree_find(pool, block));
    down(cache, SPLIT, block->kind, 1);
    down(cache, SPLIT_BYTES, block->kind, block->size);
}

static bool give(struct plain_cache *cache, struct block *block)
{
    struct block *prev = block->prev, *next = block->next;
    block->is_live = false;
    if (next && !next->is_live) {
        leave_pool(cache, next);
        join(block, next);
    }
    if (prev && !prev->is_live) {
        leave_pool(cache, prev);
        join(prev, block);
        block = prev;
    }
    if (block->prev || block->next) {
        up(cache, SPLIT, block->kind, 1);
        up(cache, SPLIT_BYTES, block->kind, block->size);
    }
    return plain_tree_insert(&cache->pools[block->kind], block);
}

bool plain_cache_free(struct plain_cache *cache, void *ptr)
{
    pthread_mutex_lock(&cache->mutex);
    struct slot *slot = find(cache, ptr);
    struct block *block = slot->block;
    bool good = block != NULL;
    if (good) {
        forget(cache, slot);
        down(cache, ALLOCATION, block->kind, 1);
        down(cache, ALLOCATED_BYTES, block->kind, block->size);
        down(cache, ACTIVE, block->kind, 1);
        down(cache, ACTIVE_BYTES, block->kind, block->size);
        down(cache, REQUESTED, block->kind, block->requested);
        good = give(cache, block);
    }
    pthread_mutex_unlock(&cache->mutex);
    return good;
}

uint64_t plain_cache_reserved(struct plain_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    uint64_t reserved = cache->stats[RESERVED][ALL].peak;
    pthread_mutex_unlock(&cache->mutex);
    return reserved;
}

struct plain_cache *plain_cache_new(const struct ga_backend *backend)
{
    struct plain_cache *cache = calloc(1, sizeof *cache);
    if (!cache || !grow(cache) || pthread_mutex_init(&cache->mutex, NULL) != 0) {
        if (cache)
            free(cache->slots);
        free(cache);
        return NULL;
    }
    cache->backend = backend;
    cache->pools[LARGE].before = cache->pools[SMALL].before = before;
    return cache;
}

void plain_cache_delete(struct plain_cache *cache)
{
    if (!cache)
        return;
    for (uint64_t i = 0; i < cache->n_segments; i++) {
        struct ga_buffer buffer = cache->segments[i]->segment;
        for (struct block *block = cache->segments[i], *next; block; block = next) {
            next = block->next;
            free(block);
        }
        cache->backend->free(cache->backend->user, &buffer);
    }
    for (int i = 0; i < 2; i++)
        plain_tree_clear(&cache->pools[i]);
    free(cache->segments);
    free(cache->slots);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}
