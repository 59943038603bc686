/*
 * plain_cache.h - the yardstick of bench_cache: a caching allocator with the policy of ours, built as such things usually are
 *
 *     pool (small, large)   red-black tree of free blocks by (stream, size, address), a node of malloc's each
 *     block                 of malloc's, linked to its neighbours in the segment
 *     live                  hash table from address to block
 *     all of it             behind one mutex
 *
 * Rounding, segment sizes, the choice of a block, splitting and joining are those of the default policy, and it counts what the base
 * version counts, for all and for the kind.  There are no events, no limit, and segments stay until the end.
 */
#ifndef BENCH_PLAIN_CACHE_H
#define BENCH_PLAIN_CACHE_H

#include "ggml_alloc/backend.h"

struct plain_cache;

struct plain_cache *plain_cache_new(const struct ga_backend *backend); /* NULL: no memory */
void plain_cache_delete(struct plain_cache *cache);
void *plain_cache_alloc(struct plain_cache *cache, uint64_t size, ga_stream stream); /* NULL: no memory */
bool plain_cache_free(struct plain_cache *cache, void *ptr);
uint64_t plain_cache_reserved(struct plain_cache *cache); /* at most, so far */

#endif
