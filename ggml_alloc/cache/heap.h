/*
 * heap.h - the heap allocator, as its own files see it
 *
 *     heap.c        the calls: alloc, free, alias           heap_find.c     which cached buffer serves; relief under pressure
 *     heap_part.c   how large: buffers, heaps, limits       heap_place.c    heaps, and buffers in them
 *     heap_batch.c  who still uses a buffer                 heap_release.c  back to the heaps, and heaps to the backend
 *     heap_tell.c   what a buffer is, shapes, events        heap_news.c     callbacks and the log
 *     heap_stats.c, heap_walk.c   what is known             heap_stack.c    for those who know nothing of heaps
 *     heap_check.c                                          heap_trim.c     whole heaps for others
 *
 *                    .----------------- recycled -----------------.
 *                    v                                            |
 *     SPARE -----> IN_USE --free--> PENDING --> FREED --told--> CACHED --release--> LEFT --> GONE --told--> SPARE
 *            fresh     `-- nothing uses it -------^                 `- nothing uses it -------^
 *
 * Not on core: a lane's best block over all segments is one look-up, and free blocks join.  Here the heap is chosen first, the one
 * with the shortest stretch that will do, and a cached buffer stays whole.  So each heap is a range of its own, and the cached
 * buffers of a pool are in bins by (size, id), the very bins that a range has for its free nodes.
 * Not on defer: references count while a buffer is live, and many buffers wait for one event.
 *
 * All of it is behind one lock.  What runs without: backend->alloc() and free(), reside(), order->wait() and sync(), callbacks, the log.
 * After each of these nothing that was looked up before may be trusted, so each is a function that starts and ends with the lock
 * held.  FREED and GONE buffers are lists of what was not told yet: told without the lock, a buffer is in no list, so that nobody
 * is told of its next life before.
 *
 * Invariants, all verified by ga_heap_check(): those of the range of each heap, and
 *   - heaps are in the order of (available, id), and available is the longest free stretch; nothing when a whole heap is used;
 *   - a heap's buffers are those that are placed in it; each buffer in a state has its place in that state's list, bin or heap;
 *   - the sums of pools and of all are the sums over buffers and heaps; no two buffers have one id;
 *   - a buffer's references are the uses in unfinished batches and its aliases; only who waits for them is PENDING or LEFT.
 */
#ifndef GAI_CACHE_HEAP_H
#define GAI_CACHE_HEAP_H

#include "ggml_alloc/heap.h"

#include "base/array.h"
#include "base/lock.h"
#include "base/log.h"
#include "backend/backend.h"
#include "range/range.h"

#define HEAP_MAX_RATIO 2.0

enum heap_state { HEAP_SPARE, HEAP_IN_USE, HEAP_PENDING, HEAP_FREED, HEAP_CACHED, HEAP_LEFT, HEAP_GONE };

struct heap {
    struct ga_buffer buffer;
    uint64_t id, size;
    uint32_t pool;
    uint32_t n_buffers; /* placed in it */
    bool whole;         /* made for one buffer; never holds a second */
    uint64_t available; /* the longest free stretch */
    void *host;         /* where the host sees it; NULL: nobody asked yet */
    struct range range;
    uint32_t *tenants; /* the buffers at used nodes */
    uint32_t cap_tenants;
    struct heap *next; /* of those that leave */
};

struct heap_buffer {
    struct heap *heap; /* stays as long as a buffer is placed in it */
    uint64_t id, size, requested;
    void *ptr;
    uint32_t node, generation;
    enum heap_state state;
    unsigned usage;
    uint32_t refs; /* but its own: uses and aliases */
    uint32_t aliases;
    uint32_t uses; /* of batches */
    uint32_t pool;
    uint64_t cached_at;   /* the pool's searches then */
    uint64_t event;       /* number of the batch whose end was recorded; 0: none */
    uint32_t event_batch; /* its slot, if it is still there */
    uint32_t n_shape;
    int64_t *shape;
    bool drops_heap; /* LEFT: with it, if that is empty then */
    uint32_t next;   /* of spare, freed or gone ones */
};

struct heap_pool {
    unsigned usage;
    uint64_t quantum;
    struct heap **heaps; /* by (available, id) */
    uint32_t n_heaps, cap_heaps;
    struct bins cached;
    uint32_t oldest, newest; /* of the cached ones; linked by `nodes` */
    uint32_t n_cached;
    uint64_t searches;
    uint32_t n_buffers;
    uint64_t size, cached_size; /* of buffers in any state up to CACHED; of those */
};

/* A buffer is used in a batch. */
struct heap_use {
    uint32_t buffer, batch;
    uint32_t next; /* of the buffer, or of spare ones */
    uint32_t next_of_batch;
};

struct heap_batch {
    uint64_t number;   /* growing; 0: nobody's slot */
    ga_event event;    /* 0: not recorded yet */
    bool over;         /* somebody waited for it */
    bool gone;         /* its uses are over; the last watcher clears up */
    uint32_t watchers; /* threads that wait for its event without the lock: it may not be released */
    uint32_t uses;
    uint32_t next; /* of the stream, or of spare ones */
};

struct heap_queue {
    ga_stream stream;
    uint32_t first, last; /* batches that are committed, oldest first */
    uint32_t open;        /* the one that is not; 0: none */
};

struct heap_hook {
    const char *name;
    ga_heap_callback *call;
    void *user;
};

struct ga_heap {
    ga_heaps *all;
    bool shared;
    struct ga_backend offered; /* what those see who stack on it */
};

struct ga_heaps {
    struct ga_env env;
    struct lock lock;
    const struct ga_backend *backend;
    struct ga_heap faces[2];
    bool unified;
    uint64_t page, recommended;
    double high_ratio, low_ratio;
    uint64_t high, low; /* bytes; 0: none */
    unsigned verbosity;
    struct heap_pool pools[GA_HEAP_POOL_N];
    struct heap_buffer *buffers; /* from 1 */
    struct range_node *nodes;    /* of the same slots: in bins by size and id, and by the time that they were freed */
    uint32_t n_buffers, cap_buffers, cap_nodes, spare_buffer;
    uint32_t freed, gone; /* not told yet */
    struct heap *leaving;
    struct heap_use *uses; /* from 1 */
    uint32_t n_uses, cap_uses, spare_use, n_spare_uses;
    struct heap_batch *batches; /* from 1 */
    uint32_t n_batches, cap_batches, spare_batch;
    struct heap_queue *queues;
    uint32_t n_queues, cap_queues;
    uint64_t n_numbers; /* of batches, so far */
    uint32_t n_scalars; /* in use: each has a use in store, for when it is freed */
    struct heap_owner *owners;
    int kind;
    struct heap_hook *hooks;
    uint32_t n_hooks, cap_hooks;
    uint32_t calling; /* threads that run callbacks */
    uint64_t n_heap_ids, n_buffer_ids;
    uint64_t ahead; /* bytes that the backend is being asked for */
    struct ga_count allocated, reserved;
    uint64_t pending;
    uint64_t ooms;
    bool has_oom;
    struct ga_heap_oom oom;
};

struct heap_request {
    uint64_t requested, size;
    unsigned usage;
    uint32_t pool;
    bool pressure;
    bool is_recycled;
    uint32_t buffer; /* the answer */
};

static inline bool heap_pool_is_large(uint32_t pool)
{
    return pool == GA_HEAP_POOL_PRIVATE_LARGE || pool == GA_HEAP_POOL_SHARED_LARGE;
}

static inline ga_heap_buffer heap_name(const ga_heaps *heaps, uint32_t slot)
{
    return (ga_heap_buffer)heaps->buffers[slot].generation << 32 | slot;
}

static inline bool heap_is_shared(const ga_heaps *heaps, uint32_t slot)
{
    return heaps->pools[heaps->buffers[slot].pool].usage & GA_HEAP_SHARED;
}

static inline void heap_count_up(struct ga_count *count, uint64_t n)
{
    count->now += n;
    count->added += n;
    if (count->peak < count->now)
        count->peak = count->now;
}

static inline void heap_count_down(struct ga_count *count, uint64_t n)
{
    count->now -= n;
    count->removed += n;
}

/* --- heap_part.c: how large --- */

/* What a request becomes; GA_INVALID, GA_UNSUPPORTED. */
enum ga_status gai_heap_request(const ga_heaps *heaps, size_t requested, unsigned usage, struct heap_request *request);

struct heap_tier {
    uint64_t size;
    bool whole;
};

/* The heap that a buffer of that size gets when none has room. */
struct heap_tier gai_heap_tier(const ga_heaps *heaps, uint64_t size, bool pressure);
struct heap_tier gai_heap_exact(const ga_heaps *heaps, uint64_t size);

/* Bytes of the device in use, by anybody. */
uint64_t gai_heap_used(const ga_heaps *heaps);
/* Whole MiB below the low watermark; UINT64_MAX: there is none. */
uint64_t gai_heap_low_value(const ga_heaps *heaps);
void gai_heap_set_limits(ga_heaps *heaps);

/* --- heap_place.c: where --- */

/* An existing heap with room; NULL: none. */
struct heap *gai_heap_with_room(const ga_heaps *heaps, uint32_t at, uint64_t size);
/* A new buffer, in an existing heap or in one of its own.  GA_NO_SPACE and what else the backend answers; GA_NO_MEMORY. */
enum ga_status gai_heap_create(ga_heaps *heaps, struct heap_request *request);
/* A new buffer or a cached one that was taken out is the request's; room for a scalar's use was made. */
void gai_heap_hand_out(ga_heaps *heaps, uint32_t slot, struct heap_request *request);
/* After a buffer came or went. */
void gai_heap_sort(ga_heaps *heaps, struct heap *heap);
/* Out of its pool: its memory goes with the next gai_heap_settle(). */
void gai_heap_leave(ga_heaps *heaps, struct heap *heap);
/* Gives memory back to the backend. */
void gai_heap_give_back(ga_heaps *heaps, struct heap *heap);

/* --- heap_find.c: which cached buffer --- */

/* False: none that should. */
bool gai_heap_recycle(ga_heaps *heaps, struct heap_request *request);
/* The largest that is cached, the oldest memory among equals; 0: none is. */
uint32_t gai_heap_largest(const ga_heaps *heaps, uint32_t at);
/* Old cached buffers and empty heaps go until the low watermark is reached. */
void gai_heap_relieve(ga_heaps *heaps, const struct heap_request *request);
void gai_heap_cache(ga_heaps *heaps, uint32_t slot);
void gai_heap_uncache(ga_heaps *heaps, uint32_t slot);

/* --- heap_release.c --- */

/* A cached buffer leaves, and with it its heap, if asked to and that is empty.  Returns the references before. */
uint32_t gai_heap_release(ga_heaps *heaps, uint32_t slot, bool drops_heap);
/* Out of its heap, nothing uses it any more. */
void gai_heap_unplace(ga_heaps *heaps, uint32_t slot);
/* Enough of the pool's cached buffers for one of that size, with their heaps. */
void gai_heap_release_some(ga_heaps *heaps, uint32_t at, uint64_t size);
/* Waits for the device, then releases all that is cached, and empty heaps. */
enum ga_status gai_heap_release_all(ga_heaps *heaps);
/* Heaps of a pool without buffers, and without room for `size`, leave, the largest first, until `target` bytes did. */
void gai_heap_drop_empty(ga_heaps *heaps, uint32_t at, uint64_t size, uint64_t target);
/* Tells what was not told, makes freed buffers reusable, and gives heaps back that left.  Drops the lock when there is any. */
void gai_heap_settle(ga_heaps *heaps);

/* --- heap_batch.c --- */

ga_stream gai_heap_stream(const ga_heaps *heaps, ga_stream stream);
/* Room for one use more of each scalar in use, and `extra`. */
bool gai_heap_use_room(ga_heaps *heaps, uint32_t extra);
enum ga_status gai_heap_add_use(ga_heaps *heaps, uint32_t slot, ga_stream stream);
/* The batch that the current stream is given uses it, when there is one; the room was made. */
void gai_heap_use_now(ga_heaps *heaps, uint32_t slot);
/* Commits the stream's batch, an empty one too; its slot.  GA_NO_MEMORY, what the backend answers: nothing changed. */
enum ga_status gai_heap_commit(ga_heaps *heaps, ga_stream stream, uint32_t *batch);
/* One reference less; a buffer that waited for that goes on.  Whether it did. */
bool gai_heap_unref(ga_heaps *heaps, uint32_t slot);
/* Ends what is done.  Returns how many buffers became idle. */
uint32_t gai_heap_poll(ga_heaps *heaps);
/* Waits without the lock; then as gai_heap_poll(). */
enum ga_status gai_heap_wait(ga_heaps *heaps, uint32_t batch, uint32_t *n_idle);
enum ga_status gai_heap_wait_all(ga_heaps *heaps);
void gai_heap_fini_batches(ga_heaps *heaps);
const char *gai_heap_check_batches(const ga_heaps *heaps);

/* --- heap_news.c --- */

/* Tells callbacks and the log, without the lock. */
void gai_heap_tell(ga_heaps *heaps, enum ga_heap_event event, uint32_t slot);
void gai_heap_tell_failed(ga_heaps *heaps, const struct heap_request *request);

/* --- heap_stack.c --- */

/* Fills what ga_heap_backend() answers. */
void gai_heap_offer(ga_heap *heap);
/* Those that were not released. */
void gai_heap_fini_owners(ga_heaps *heaps);

/* --- heap.c --- */

/* GA_OK and the slot of a live buffer; GA_FREED, GA_UNKNOWN. */
enum ga_status gai_heap_slot(const ga_heaps *heaps, ga_heap_buffer name, uint32_t *slot);
/* Where the host sees a shared buffer; NULL: it could not. */
void *gai_heap_host(ga_heaps *heaps, uint32_t slot);

#endif
