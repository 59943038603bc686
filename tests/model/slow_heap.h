/*
 * slow_heap.h - a heap allocator as slow and plain as can be: arrays that are searched from end to end, written from the rules alone
 */
#ifndef TESTS_MODEL_SLOW_HEAP_H
#define TESTS_MODEL_SLOW_HEAP_H

#include "ggml_alloc/heap.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define PAGE (16 * KIB)

enum { STREAMS = 3, MOST = 600, LIVE = 60 };

enum state { IN_USE, PENDING, CACHED, LEFT };

struct mbuffer {
    uint64_t id, size, heap, offset, cached_at, freed_at;
    uint32_t pool;
    enum state state;
    bool drops;
    uint32_t committed[STREAMS];
    bool open[STREAMS];
};

struct mheap {
    uint64_t id, size;
    uint32_t pool;
    bool whole;
};

struct model {
    struct mbuffer buffers[MOST];
    uint32_t n_buffers;
    struct mheap heaps[MOST];
    uint32_t n_heaps;
    uint64_t n_ids, n_heap_ids, n_freed, capacity, low, high;
    uint64_t searches[GA_HEAP_POOL_N];
    struct {
        uint64_t id;
        uint32_t batches;
    } live[LIVE];
};

extern struct model m;

bool slow_is_shared(uint32_t pool);
/* Batches that use it. */
uint32_t slow_refs_of(const struct mbuffer *b);
/* Bytes of all heaps. */
uint64_t slow_used(void);

/* NULL: there is none of that id. */
struct mheap *slow_heap_of(uint64_t id);
struct mbuffer *slow_buffer_of(uint64_t id);
/* Of a heap: its buffers, and the bytes that none of them covers. */
uint32_t slow_n_in(const struct mheap *heap);
uint64_t slow_available(const struct mheap *heap);

/* After references went: what waited for that goes on. */
void slow_settle(void);
/* All that nobody uses goes back to the device. */
void slow_release_all(void);
/* NULL: no space. */
struct mbuffer *slow_alloc(uint64_t requested, bool shared);

#endif
