/*
 * Who gives memory back for whom: the one with most idle bytes first, what is missing and no more, until there is room or nobody
 * has any.  The lock is not held while members and inner backends run; that one thread trims at a time is said beside it.
 */
#include "backend/budget.h"

#include "base/bits.h"

/* Its calls may be made until leave(); false: it has none. */
static bool enter(ga_budget_member *member, struct ga_reclaim *reclaim)
{
    ga_budget *budget = member->budget;
    lock_take(&budget->lock);
    *reclaim = member->reclaim;
    if (reclaim->idle)
        member->n_calls++;
    lock_give(&budget->lock);
    return reclaim->idle != NULL;
}

/* Returns the bytes that the member has now. */
static uint64_t leave(ga_budget_member *member)
{
    ga_budget *budget = member->budget;
    lock_take(&budget->lock);
    if (--member->n_calls == 0)
        gai_bell_ring(&budget->bell);
    uint64_t bytes = member->part.bytes;
    lock_give(&budget->lock);
    return bytes;
}

uint64_t gai_budget_idle(ga_budget_member *member)
{
    struct ga_reclaim reclaim;
    if (!enter(member, &reclaim))
        return 0;
    uint64_t bytes = reclaim.idle(reclaim.user);
    leave(member);
    return bytes;
}

enum turn {
    TURN_NONE,  /* this thread trims already, and a member that it asked allocates */
    TURN_FIRST, /* nobody did */
    TURN_LATER, /* others did: there may be room by now */
};

static enum turn trim_begin(ga_budget *budget)
{
    struct thread self = thread_self();
    enum turn turn = TURN_FIRST;
    lock_take(&budget->lock);
    if (budget->trims && thread_same(budget->trimmer, self))
        turn = TURN_NONE;
    while (budget->trims && turn != TURN_NONE) {
        gai_bell_wait(&budget->bell, &budget->lock, 0);
        turn = TURN_LATER;
    }
    if (turn != TURN_NONE) {
        budget->trims = true;
        budget->trimmer = self;
    }
    lock_give(&budget->lock);
    return turn;
}

static void trim_end(ga_budget *budget)
{
    lock_take(&budget->lock);
    budget->trims = false;
    gai_bell_ring(&budget->bell);
    lock_give(&budget->lock);
}

/* Who is asked for memory, on whose behalf. */
struct round {
    const ga_budget_member *asker;
    bool same_inner; /* it is the device that is full: what others have elsewhere is of no use */
    bool gained;     /* somebody gave something */
    uint64_t spent;  /* bits: members that were asked and had nothing after all */
};

static bool may_ask(const struct round *round, const ga_budget_member *member, uint32_t i)
{
    bool helps = !round->same_inner || member->inner == round->asker->inner;
    return helps && member != round->asker && !(round->spent >> i & 1);
}

/* The member with most idle bytes, among equals the first; how many there are: nobody has any. */
static uint32_t idlest(const struct round *round, uint64_t *most)
{
    ga_budget *budget = round->asker->budget;
    uint32_t n = gai_budget_members(budget), found = n;
    *most = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t idle = may_ask(round, budget->members[i], i) ? gai_budget_idle(budget->members[i]) : 0;
        if (idle > *most) {
            *most = idle;
            found = i;
        }
    }
    return found;
}

static uint64_t bytes_of(ga_budget_member *member)
{
    lock_take(&member->budget->lock);
    uint64_t bytes = member->part.bytes;
    lock_give(&member->budget->lock);
    return bytes;
}

/* One more gives some back; false: nobody is left. */
static bool ask_next(struct round *round, uint64_t bytes)
{
    ga_budget *budget = round->asker->budget;
    uint64_t most;
    uint32_t i = idlest(round, &most);
    if (most == 0)
        return false;
    ga_budget_member *member = budget->members[i];
    struct ga_reclaim reclaim;
    uint64_t before = bytes_of(member), after = before;
    if (enter(member, &reclaim)) {
        reclaim.give_back(reclaim.user, min_u64(bytes, most));
        after = leave(member);
    }
    if (after < before)
        round->gained = true;
    else
        round->spent |= (uint64_t)1 << i;
    return true;
}

/* Promised, or as near to it as others can help. */
static bool find_room(struct round *round, uint64_t size)
{
    ga_budget *budget = round->asker->budget;
    uint64_t lacks = gai_budget_promise(budget, size);
    if (lacks == 0)
        return true;
    if (lacks == UINT64_MAX || trim_begin(budget) == TURN_NONE)
        return false;
    while ((lacks = gai_budget_promise(budget, size)) != 0)
        if (lacks == UINT64_MAX || !ask_next(round, lacks))
            break;
    trim_end(budget);
    return lacks == 0;
}

bool gai_budget_find_room(ga_budget_member *member, uint64_t size)
{
    return find_room(&(struct round){ .asker = member }, size);
}

/* As far as the device tells.  Its free bytes may be in pieces: where they would do and did not, all of it. */
static uint64_t inner_lacks(const struct attempt *attempt)
{
    uint64_t free_bytes = 0, total = 0;
    const struct ga_backend *inner = attempt->member->inner;
    bool known = attempt->is_device && inner->info && inner->info(inner->user, &free_bytes, &total);
    return known && free_bytes < attempt->size ? attempt->size - free_bytes : attempt->size;
}

enum ga_status gai_budget_insist(struct attempt *attempt)
{
    ga_budget *budget = attempt->member->budget;
    struct round round = { .asker = attempt->member, .same_inner = true };
    enum ga_status status = attempt->take(attempt);
    enum turn turn = status == GA_NO_SPACE ? trim_begin(budget) : TURN_NONE;
    if (turn == TURN_NONE)
        return status;
    if (turn == TURN_LATER)
        status = attempt->take(attempt);
    while (status == GA_NO_SPACE && ask_next(&round, inner_lacks(attempt)))
        status = attempt->take(attempt);
    trim_end(budget);
    return status;
}

bool ga_budget_make_room(void *user, uint64_t bytes)
{
    ga_budget_member *member = user;
    struct round round = { .asker = member };
    if (!find_room(&round, bytes))
        return round.gained;
    gai_budget_keep(member, bytes, false);
    return true;
}
