/*
 * defer.h - who still uses a block: streams that it was shared with, and the events that tell when they are done
 *
 *     block 7 --> use (stream 1) --> use (stream 2)          while it is live: a list per block
 *
 *     queue of stream 1   use 7 -> use 9 -> use 12           once freed: an event each, a queue per stream
 *     queue of stream 2   use 7 -> use 12                    streams run in order, so only the first of a queue is asked
 *     queue of callers    use 3 -> use 5                     events of the callers' own come in any order: all are asked
 *
 * A slow stream holds up nobody but the blocks that it uses.  An event that cannot be recorded is recorded when it is next asked
 * for: later than necessary, which is safe.  So freeing cannot fail; sharing pays for the room.
 *
 * Who waits for an event does so without the lock.  The block may be reused all the same once the event is reached; only the event
 * stays until the last who waits for it is back.  (If the block stayed as well, threads that are short of memory could hold it up
 * for each other, for ever.)
 *
 * Invariants, all verified by gai_defer_check(): each use is in one list, of a block or of a queue, or spare, or spent, or gone with
 * watchers left; `n_waiting` are in queues; the queues are in the order of freeing.
 */
#ifndef GAI_CACHE_DEFER_H
#define GAI_CACHE_DEFER_H

#include "ggml_alloc/backend.h"

#include "base/mem.h"

struct use {
    uint32_t block;
    uint32_t queue;
    uint32_t next;     /* of the block, of the queue or of the spare ones; 0: the last */
    uint32_t watchers; /* threads that wait for its event without the lock: it may not be released */
    ga_event event;    /* 0: not recorded yet */
    bool over;         /* somebody waited for it */
    bool recording;    /* somebody records its event without the lock: it is not over, whatever happens */
    bool gone;         /* out of its queue; the last watcher clears up */
    bool captured;     /* nothing runs yet that it stands for */
    uint64_t order;    /* of freeing */
};

struct defer_queue {
    ga_stream stream;
    uint32_t first, last; /* uses */
};

struct defer {
    const struct ga_mem *mem;
    const struct ga_backend_order *calls; /* NULL: there are no events */
    struct use *uses;                     /* from 1 */
    uint32_t n_uses, cap_uses, spare;
    struct defer_queue *queues; /* queue 0 is the callers' */
    uint32_t n_queues, cap_queues;
    uint32_t n_waiting;
    uint64_t n_freed;
    bool held;      /* the device captures: nothing can be recorded or asked */
    bool collects;  /* events are not released but handed out, by gai_defer_spent() */
    uint32_t spent; /* uses of which only the event is left */
};

void gai_defer_init(struct defer *defer, const struct ga_mem *mem, const struct ga_backend_order *calls);
/* Releases the events that are still there. */
void gai_defer_fini(struct defer *defer);

/* `*uses` is the head of the block's list.  Once per stream is enough: adding twice changes nothing, but that it is captured
 * only if both are. */
enum ga_status gai_defer_share(struct defer *defer, uint32_t *uses, uint32_t block, ga_stream stream, bool captured);
enum ga_status gai_defer_share_until(struct defer *defer, uint32_t *uses, uint32_t block, ga_event event);
void gai_defer_unshare(struct defer *defer, uint32_t *uses, ga_stream stream);
/* What a live block was shared for by a capture that has ended. */
void gai_defer_unshare_captured(struct defer *defer, uint32_t *uses);

/* The block was freed: records the events and moves its uses to the queues; returns how many they are. */
uint32_t gai_defer_start(struct defer *defer, uint32_t *uses);

/*
 * The same for those who record without their lock: one use at a time, 0: no more.  It is not over, whatever happens, before
 * gai_defer_let() tells the event of its stream, 0: none could be recorded.
 */
uint32_t gai_defer_hold(struct defer *defer, uint32_t *uses, ga_stream *stream);
void gai_defer_let(struct defer *defer, uint32_t use, ga_event event);

/* An event that nobody needs any more, for the caller to release; false: there is none. */
bool gai_defer_spent(struct defer *defer, ga_event *event);

/*
 * The block of a use that is over, each use once; 0: no more now.  `*from` starts at 0 and is where to go on.
 * O(queues), and the events of callers.
 */
uint32_t gai_defer_over(struct defer *defer, uint32_t *from);

/* The device has done all that it was given when `n_freed` was `before`: what was freed until then is over, recorded or not. */
void gai_defer_settle(struct defer *defer, uint64_t before);

/* Through the uses in the queue of a stream, or of all streams but the callers' own, one after the other. */
struct defer_walk {
    uint32_t queue, end, prev, at;
};

struct defer_walk gai_defer_walk(const struct defer *defer);
struct defer_walk gai_defer_walk_stream(const struct defer *defer, ga_stream stream);
uint32_t gai_defer_next(const struct defer *defer, struct defer_walk *walk); /* the block of the next; 0: the end */
/* Takes the one that the walk is at out of its queue; false: somebody records its event, and will find that it is over. */
bool gai_defer_drop(struct defer *defer, struct defer_walk *walk);

/* The use freed first of those that wait; 0: none. */
uint32_t gai_defer_oldest(const struct defer *defer);
/* Its event, 0 when none was recorded, to be waited for without the lock; then the other, which tells whether it was reached. */
ga_event gai_defer_watch(struct defer *defer, uint32_t use);
void gai_defer_unwatch(struct defer *defer, uint32_t use, bool reached);

const char *gai_defer_check(const struct defer *defer);

#endif
