/*
 * slow_pool.h - a cache with private pools as slow and plain as can be: segments in an array, their parts in arrays
 */
#ifndef TESTS_MODEL_SLOW_POOL_H
#define TESTS_MODEL_SLOW_POOL_H

#include "ggml_alloc/pool.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { STREAMS = 2, SEGMENTS = 512, PARTS = 2048, LIVE = 400, POOLS = 4, LANES = 4096, ALIGN = 64 };

struct part {
    uint64_t len, requested;
    bool used;
};

struct segment {
    uint64_t size;
    char *base;
    ga_pool pool;
    int stream, n_parts;
    bool small;
    struct part *parts;
};

/* Slot 0 is the general pool. */
struct pool {
    ga_pool name;
    bool whole, lends;
    ga_pool_state *state;
    struct segment *saved; /* with parts of their own */
    int n_saved;
};

struct lane { /* in the order of their first request: that is how lenders are asked */
    uint32_t slot;
    int stream;
    bool small;
};

struct request {
    uint64_t size, rounded, align, pad;
    int stream, pool;
    bool small;
};

extern struct segment segments[SEGMENTS]; /* oldest first */
extern int n_segments, n_lanes;
extern struct pool pools[POOLS];
extern uint64_t capacity;

uint64_t slow_round_up(uint64_t x, uint64_t to);
uint64_t slow_reserved(void);
/* The pool of that name while it is held; NULL: it is not. */
struct pool *slow_holder(ga_pool name);
bool slow_is_idle(const struct segment *segment);
/* The segment that holds the address, and which of its parts. */
struct segment *slow_segment_of(const char *ptr);
int slow_part_of(const struct segment *segment, const char *ptr);

/* Whether a segment is of the request's stream and class, in that pool. */
bool slow_is_for(const struct segment *segment, const struct request *request, ga_pool pool);
/* The smallest free part that fits, of equals the oldest and lowest; false: none. */
bool slow_find_best(const struct request *request, ga_pool pool, struct segment **best, int *at);
/* Takes what the request gets of a free part; returns its address. */
char *slow_carve(struct segment *segment, int at, const struct request *request);
void slow_know_lane(const struct request *request);
bool slow_has_room(const struct request *request);
struct segment *slow_grow(const struct request *request, char *base);

/* False: no space.  *ptr NULL: from a new segment, whose address is still to be learned. */
bool slow_alloc(const struct request *request, char **ptr);
void slow_free(const char *ptr);
void slow_drop(int s);
/* Idle segments of the general pool and of those that nobody holds, or all of one pool; whether there were any. */
bool slow_trim(ga_pool pool);

#endif
