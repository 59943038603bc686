/*
 * budget.h - a budget, as its own files see it
 *
 *     budget.c           members, and what they have       budget_backend.c   what a member's users call
 *     budget_trim.c      who gives memory back for whom    budget_report.c
 *
 *     limit  |  a: bytes  |  b: bytes  |  promised  |    free    |
 *                                           `- to those who are at an inner backend right now
 *
 * One lock, held for a few additions at a time.  One thread trims at a time, and those who want to wait for it: what it brings in
 * may be enough for them, and none is refused while memory that is on its way is counted as taken.
 *
 * Invariants, verified by ga_budget_check(): the bytes of all are the sum over members, peaks are not below what is there.
 */
#ifndef GAI_BACKEND_BUDGET_H
#define GAI_BACKEND_BUDGET_H

#include "ggml_alloc/budget.h"

#include "base/lock.h"
#include "base/mem.h"

struct ga_budget_member {
    ga_budget *budget;
    const struct ga_backend *inner;
    struct ga_backend backend; /* what is handed out; its groups where the inner one has them */
    struct ga_backend_pinned pinned;
    struct ga_backend_share share;
    struct ga_backend_vmem vmem;
    struct ga_reclaim reclaim; /* idle is NULL: none */
    uint32_t n_calls;          /* of reclaim's that run */
    struct ga_budget_part part;
};

struct refusal {
    const char *name; /* NULL: it has none */
    uint64_t size, bytes, limit;
    bool by_inner; /* the limit had room */
};

struct ga_budget {
    struct ga_mem mem;
    struct lock lock;
    struct bell bell; /* rings when a member's last call is done, and when a trim is */
    ga_budget_member *members[GA_BUDGET_MEMBERS];
    uint32_t n_members;
    bool trims; /* somebody does: */
    struct thread trimmer;
    uint64_t limit;    /* UINT64_MAX: none */
    uint64_t bytes;    /* of all members */
    uint64_t promised; /* to those who are at an inner backend right now */
    uint64_t peak;
    struct refusal refusal; /* the last one; its size is 0: there was none */
};

/* Members never leave: the first so many may be looked up without the lock. */
uint32_t gai_budget_members(ga_budget *budget);

/* Room within the limit; the bytes are promised from then on.  Returns what is missing, UINT64_MAX: it will never fit. */
uint64_t gai_budget_promise(ga_budget *budget, uint64_t size);
/* What was promised is the member's now, or nobody's. */
void gai_budget_keep(ga_budget_member *member, uint64_t size, bool taken);
void gai_budget_give(ga_budget_member *member, uint64_t size);
void gai_budget_refuse(ga_budget_member *member, uint64_t size, bool by_inner);

/* As the member says. */
uint64_t gai_budget_idle(ga_budget_member *member);

/* Promised, after others gave back what was missing; false: they could not. */
bool gai_budget_find_room(ga_budget_member *member, uint64_t size);

/* What an inner backend refused, tried again after each of those who stand on it gave something back. */
struct attempt {
    enum ga_status (*take)(struct attempt *attempt);
    ga_budget_member *member;
    uint64_t size;
    bool is_device; /* of what info() counts */
};

enum ga_status gai_budget_insist(struct attempt *attempt);

/* Fills what ga_budget_backend() answers. */
void gai_budget_offer(ga_budget_member *member);

#endif
