/*
 * host.h - the caching host allocator, as its own files see it
 *
 *     host.c         the calls: alloc, free, record       host_room.c    what may help when nothing fits; giving back
 *     host_size.c    how large, which class               host_memory.c  where memory comes from, and the reserve
 *     host_list.c    which blocks there are               host_pool.c    private pools
 *     host_thread.c  the background thread                host_stats.c, host_check.c, host_text.c
 *     defer          when
 *
 * It is no user of core: a block here is as large as what it was made of, forever, and the newest of its class is taken, not the
 * best that fits; segments, ranges and joining would be there for nothing.  Only the reserve is cut, by a range/.
 *
 * All of it is behind one lock.  What runs without: getting and giving memory, recording, waiting and releasing.  After each of
 * these nothing that was looked up before may be trusted but a block that is nobody else's.
 *
 * Invariants, verified by ga_host_check():
 *   - a block is cached, in the list of its class of its pool, exactly when it is not handed out and no use of it is left;
 *   - a pending block waits for as many uses as are in queues for it; a kept one keeps its uses;
 *   - by address the owned blocks are sorted and apart, and every token is found; blocks of the reserve lie in it, where its range
 *     says;
 *   - the counts are the sums over the blocks; what is owned, taken for the reserve or on its way is within the limit, unless that
 *     was lowered since.
 */
#ifndef GAI_CACHE_HOST_H
#define GAI_CACHE_HOST_H

#include "ggml_alloc/host.h"

#include "base/hashset.h"
#include "base/lock.h"
#include "base/log.h"
#include "backend/backend.h"
#include "range/range.h"
#include "cache/defer.h"

enum host_state {
    HOST_SPARE,  /* nobody's */
    HOST_COMING, /* its memory is being got */
    HOST_LIVE,
    HOST_PENDING, /* freed, but in use by a stream */
    HOST_CACHED,
    HOST_KEPT,    /* freed, but part of a capture */
    HOST_LEAVING, /* its memory is being given back */
};

/* Memory from the system. */
struct piece {
    struct ga_buffer buffer;
    void *ptr; /* aligned, in the buffer */
    uint64_t size;
    enum ga_host_origin origin;
};

struct ga_host_block {
    ga_host *host;
    struct piece piece;
    uint64_t requested;
    uint32_t slot, pool;
    uint32_t node; /* of the reserve's range */
    enum host_state state;
    ga_stream stream;
    bool captured;
    uint32_t uses, n_waits;  /* streams that use it; events to come */
    uint32_t newer, older;   /* in the list of its class; of spare and leaving ones `older` is the next */
    uint32_t later, earlier; /* in the order of caching: those of the shared pool */
    uint64_t cached_at;      /* the clock */
};

struct host_pool {
    uint64_t id;
    uint32_t shares;  /* 0: its memory may go */
    uint32_t n_users; /* blocks, and requests on their way */
    uint64_t begun;   /* counting from 1: when it began to record; 0: it does not */
    bool (*accepts)(void *user, ga_stream stream);
    void *user;
    uint32_t newest[GA_HOST_CLASSES], oldest[GA_HOST_CLASSES];
};

enum { HOST_SHARED = 0 }; /* the pool of all others; it is in use by nobody */

enum reserve_state { RESERVE_NONE, RESERVE_COMING, RESERVE_THERE, RESERVE_FAILED };

struct ga_host {
    struct ga_env env;
    struct lock lock;
    struct bell bell;
    const struct ga_backend *backend;
    struct ga_backend offered; /* what those see who stack on it */
    struct ga_host_opts opts;
    struct defer defer;
    ga_host_block **blocks; /* by slot, from 1 */
    uint32_t n_blocks, cap_blocks, spare, leaving;
    struct hashset tokens; /* slots */
    uint32_t *sorted;      /* slots of owned blocks, by address; room for all */
    uint32_t n_sorted, cap_sorted;
    struct host_pool **pools; /* NULL: gone */
    uint32_t n_pools, cap_pools;
    uint32_t last_cached, first_cached; /* of the shared pool */
    uint64_t clock;                     /* of allocs */
    uint64_t n_begun;
    enum reserve_state reserve_state;
    struct piece reserve;
    struct range range;     /* of the reserve, in pages */
    uint64_t backend_bytes; /* of blocks that are not of the reserve */
    uint64_t ahead;         /* bytes that the backend is busy with */
    uint32_t n_held;        /* frees that are recording */
    uint32_t n_inside;      /* frees on their way: the last one after the end is not to pull the ground from under another */
    struct ga_host_stats stats;
    bool has_oom, closed;
    struct ga_host_oom oom; /* the last */
    bool has_thread, is_changing, is_asleep, stop;
    struct thread thread;
};

struct host_request {
    uint64_t size, rounded;
    uint32_t pool;
    ga_stream stream;
    bool captured;
    ga_host_block *block; /* the answer */
};

static inline void host_up(struct ga_count *count, uint64_t n)
{
    count->now += n;
    count->added += n;
    if (count->peak < count->now)
        count->peak = count->now;
}

static inline void host_down(struct ga_count *count, uint64_t n)
{
    count->now -= n;
    count->removed += n;
}

/* Whose token it is; 0: nobody's. */
static inline uint32_t host_slot(const ga_host *host, const void *token)
{
    return hashset_find(&host->tokens, (const void *const *)host->blocks, token);
}

/* host_size.c.  A size above HOST_ABSURD is refused before anything is looked up. */
#define HOST_ABSURD ((uint64_t)1 << 62)
bool gai_host_sound(const struct ga_host_opts *opts);
uint64_t gai_host_round(const struct ga_host_opts *opts, uint64_t size);
unsigned gai_host_class(uint64_t size);
/* Whether a cached block of `len` bytes may serve: it is large enough, and of the same class, or the same eighth of one. */
bool gai_host_serves(const struct ga_host_opts *opts, uint64_t rounded, uint64_t len);

/* host_memory.c.  Without the lock: */
enum ga_status gai_host_get(const ga_host *host, const struct ga_host_opts *opts, uint64_t size, struct piece *piece);
void gai_host_put(const ga_host *host, struct piece *piece);
/* With it, dropping it while the reserve is taken; false: the reserve has no room, or there is none. */
bool gai_host_cut(ga_host *host, ga_host_block *block, uint64_t size);
uint64_t gai_host_now(const struct ga_host_opts *opts);
void gai_host_time(struct ga_host_times *times, uint64_t took);
static inline uint64_t host_held(const ga_host *host)
{
    return host->backend_bytes + host->ahead + (host->reserve_state == RESERVE_THERE ? host->reserve.size : 0);
}

/* host_list.c: the slots, the order of addresses, and the lists of cached blocks. */
ga_host_block *gai_host_block(ga_host *host); /* HOST_COMING; NULL: no memory */
void gai_host_spare(ga_host *host, ga_host_block *block);
void gai_host_own(ga_host *host, ga_host_block *block);           /* its memory is there */
ga_host_block *gai_host_at(const ga_host *host, const void *ptr); /* owned, whatever its state; NULL: none */
void gai_host_cache(ga_host *host, ga_host_block *block);
void gai_host_uncache(ga_host *host, ga_host_block *block);
/* A block that is in no list any more is given back when the lock is dropped next by gai_host_tidy(). */
void gai_host_leave(ga_host *host, ga_host_block *block);

/* host_room.c. */
bool gai_host_captures(const ga_host *host);
enum ga_status gai_host_take(ga_host *host, struct host_request *request);
enum ga_status gai_host_make_room(ga_host *host, struct host_request *request);
/* Completes what events have freed; with a request only until one of the blocks serves it. */
void gai_host_retire(ga_host *host, const struct host_request *until);
/* Waits for the device without the lock, then completes what was pending. */
enum ga_status gai_host_wait_all(ga_host *host);
void gai_host_complete(ga_host *host, ga_host_block *block);
/* The uses of a block that is freed get their events; the lock is dropped meanwhile. */
void gai_host_defer(ga_host *host, ga_host_block *block);
/* Gives back at least `bytes`, as far as there are; true: something. */
bool gai_host_drop(ga_host *host, uint64_t bytes);
void gai_host_age(ga_host *host);
/* Releases events and memory that nobody needs, without the lock; every call that may leave some ends with it. */
void gai_host_tidy(ga_host *host);

/* host_pool.c. */
struct host_pool *gai_host_add_pool(ga_host *host, uint64_t id); /* NULL: no memory */
uint32_t gai_host_choose(const ga_host *host, ga_stream stream);
static inline bool host_in_use(const ga_host *host, uint32_t pool)
{
    return host->pools[pool]->shares > 0;
}
void gai_host_drop_pools(ga_host *host);

/* host_thread.c: starts or stops the thread as the options say; the lock is not held.  False: it could not start. */
bool gai_host_thread(ga_host *host, bool on);

void gai_host_offer(ga_host *host);

#endif
