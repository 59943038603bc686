/*
 * budget.h - one limit over all that takes memory: arenas, caches, host memory, heaps
 *
 *     arena      device cache    host cache        each stands on the backend of its member
 *       |             |               |
 *     member       member          member          counted; above the limit the idle ones are trimmed, largest first
 *       `-------------+---------------'
 *                  budget                           inner backends: one, or one each
 *
 * A member that keeps memory for the next who asks says how much of it is idle, and how it gives it back: struct ga_reclaim, which
 * ga_cache_reclaim(), ga_host_reclaim() and ga_heap_reclaim() fill.  An arena is one thread's, and is asked only where its owner says
 * how.  Before an allocation of one member is refused, all others were asked; what the member itself keeps is its own to use.
 *
 * Any thread may call anything but ga_budget_delete().  The lock is held neither while inner backends nor while members run.  One
 * thread trims at a time, and others that are short of memory meanwhile wait for it.
 */
#ifndef GGML_ALLOC_BUDGET_H
#define GGML_ALLOC_BUDGET_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_budget ga_budget;
typedef struct ga_budget_member ga_budget_member;

enum { GA_BUDGET_MEMBERS = 64 };

/*
 * How a member is trimmed.  Called from the allocations of others, by any thread, with no lock of the budget's held: it may free,
 * and must not wait for anybody who allocates from a member.  When it allocates from one itself, nobody is trimmed for that.
 */
struct ga_reclaim {
    uint64_t (*idle)(void *user);                  /* bytes that could be given back now, about; with 0 it is not asked */
    void (*give_back)(void *user, uint64_t bytes); /* that much of it or the least that is more; it may turn out to be less */
    void *user;
};

/* Bytes of all members stay at or below `limit`; 0: none, bytes are counted.  NULL: no memory. */
GA_API ga_budget *ga_budget_new(const struct ga_env *env, uint64_t limit);
GA_API void ga_budget_delete(ga_budget *budget); /* after all that uses its members; NULL is fine */
/* From now on; below what is taken already: nothing more is handed out until enough came back.  0: none. */
GA_API void ga_budget_limit(ga_budget *budget, uint64_t limit);

/*
 * A member as long as the budget; `name`, the caller's, and `inner` outlive it.  NULL: no memory, no backend, or
 * GA_BUDGET_MEMBERS there already.
 */
GA_API ga_budget_member *ga_budget_join(ga_budget *budget, const char *name, const struct ga_backend *inner);

/*
 * What the member's memory comes from: `inner`, and what is taken counts: buffers, page-locked and shared ones, and what is mapped
 * in ranges.  Pages that are locked where they are do not: they were counted when they were taken.  When the limit or the inner
 * backend has no room, others are trimmed, no more than needed: for the latter those that stand on the same one.  Only map() asks
 * nobody, since caches call it with their lock held: GA_NO_SPACE, and ga_budget_make_room() is what their hooks.reclaim is for.
 */
GA_API const struct ga_backend *ga_budget_backend(ga_budget_member *member);

/*
 * How it is trimmed from now on; copied.  NULL: not at all.  No call of the one before runs any more when this returns, so that what
 * it trims may be deleted: not to be called from inside of one.
 */
GA_API void ga_budget_reclaim(ga_budget_member *member, const struct ga_reclaim *reclaim);

/*
 * Trims others until `bytes` more fit.  False: they do not, and nothing was given back that makes another try worth it.  As
 * hooks.reclaim of a cache (cache.h), with the member as its user.
 */
GA_API bool ga_budget_make_room(void *member, uint64_t bytes);

struct ga_budget_part {
    const char *name;
    uint64_t bytes, peak; /* now, and at most */
    uint64_t idle;        /* of it, as the member says */
    uint64_t refusals;    /* allocations that found no room, in the limit or at the inner backend */
};

/* A part for each member, in the order they joined.  Returns how many there are, writes at most `cap`. */
GA_API uint32_t ga_budget_report(ga_budget *budget, struct ga_budget_part *out, uint32_t cap);
/* What all have now, and had at most at one time; `peak` may be NULL. */
GA_API uint64_t ga_budget_bytes(ga_budget *budget, uint64_t *peak);
/* The report for people, the last refusal in words behind it.  GA_IO: the sink refused. */
GA_API enum ga_status ga_budget_write(ga_budget *budget, const struct ga_sink *sink);

/* NULL, or the broken invariant in words: for tests and fuzzers of programs that embed this.  O(members). */
GA_API const char *ga_budget_check(ga_budget *budget);

#ifdef __cplusplus
}
#endif

#endif
