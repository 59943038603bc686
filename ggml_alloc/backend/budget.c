#include "backend/budget.h"

#include "backend/backend.h"

static uint64_t no_limit(uint64_t limit)
{
    return limit ? limit : UINT64_MAX;
}

ga_budget *ga_budget_new(const struct ga_env *env, uint64_t limit)
{
    struct ga_mem mem = gai_env(env).mem;
    ga_budget *budget = mem_new(&mem, ga_budget, 1);
    if (!budget)
        return NULL;
    budget->mem = mem;
    budget->limit = no_limit(limit);
    lock_init(&budget->lock);
    if (gai_bell_init(&budget->bell))
        return budget;
    mem_free(&mem, budget, 1);
    return NULL;
}

void ga_budget_delete(ga_budget *budget)
{
    if (!budget)
        return;
    struct ga_mem mem = budget->mem;
    for (uint32_t i = 0; i < budget->n_members; i++)
        mem_free(&mem, budget->members[i], 1);
    gai_bell_fini(&budget->bell);
    mem_free(&mem, budget, 1);
}

void ga_budget_limit(ga_budget *budget, uint64_t limit)
{
    lock_take(&budget->lock);
    budget->limit = no_limit(limit);
    lock_give(&budget->lock);
}

static bool add_member(ga_budget *budget, ga_budget_member *member)
{
    lock_take(&budget->lock);
    bool has_room = budget->n_members < GA_BUDGET_MEMBERS;
    if (has_room)
        budget->members[budget->n_members++] = member;
    lock_give(&budget->lock);
    return has_room;
}

ga_budget_member *ga_budget_join(ga_budget *budget, const char *name, const struct ga_backend *inner)
{
    ga_budget_member *member = gai_backend_sound(inner) ? mem_new(&budget->mem, ga_budget_member, 1) : NULL;
    if (!member)
        return NULL;
    member->budget = budget;
    member->inner = inner;
    member->part.name = name;
    gai_budget_offer(member);
    if (add_member(budget, member))
        return member;
    mem_free(&budget->mem, member, 1);
    return NULL;
}

uint32_t gai_budget_members(ga_budget *budget)
{
    lock_take(&budget->lock);
    uint32_t n = budget->n_members;
    lock_give(&budget->lock);
    return n;
}

const struct ga_backend *ga_budget_backend(ga_budget_member *member)
{
    return &member->backend;
}

void ga_budget_reclaim(ga_budget_member *member, const struct ga_reclaim *reclaim)
{
    ga_budget *budget = member->budget;
    lock_take(&budget->lock);
    member->reclaim = (struct ga_reclaim){ 0 };
    while (member->n_calls)
        gai_bell_wait(&budget->bell, &budget->lock, 0);
    if (reclaim)
        member->reclaim = *reclaim;
    lock_give(&budget->lock);
}

static uint64_t missing(const ga_budget *budget, uint64_t size)
{
    uint64_t taken = budget->bytes + budget->promised;
    if (size > budget->limit)
        return UINT64_MAX;
    uint64_t room = budget->limit - size;
    return taken > room ? taken - room : 0;
}

uint64_t gai_budget_promise(ga_budget *budget, uint64_t size)
{
    lock_take(&budget->lock);
    uint64_t lacks = missing(budget, size);
    if (lacks == 0)
        budget->promised += size;
    lock_give(&budget->lock);
    return lacks;
}

void gai_budget_keep(ga_budget_member *member, uint64_t size, bool taken)
{
    ga_budget *budget = member->budget;
    struct ga_budget_part *part = &member->part;
    lock_take(&budget->lock);
    budget->promised -= size;
    if (taken) {
        part->bytes += size;
        part->peak = max_u64(part->peak, part->bytes);
        budget->bytes += size;
        budget->peak = max_u64(budget->peak, budget->bytes);
    }
    lock_give(&budget->lock);
}

void gai_budget_give(ga_budget_member *member, uint64_t size)
{
    lock_take(&member->budget->lock);
    member->part.bytes -= size;
    member->budget->bytes -= size;
    lock_give(&member->budget->lock);
}

void gai_budget_refuse(ga_budget_member *member, uint64_t size, bool by_inner)
{
    ga_budget *budget = member->budget;
    lock_take(&budget->lock);
    member->part.refusals++;
    budget->refusal = (struct refusal){ member->part.name, size, budget->bytes, budget->limit, by_inner };
    lock_give(&budget->lock);
}

static const char *check_sums(const ga_budget *budget)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < budget->n_members; i++) {
        const struct ga_budget_part *part = &budget->members[i]->part;
        if (part->bytes > part->peak)
            return "a member has more than it had at most";
        if (part->peak > budget->peak)
            return "a member had more than all had";
        sum += part->bytes;
    }
    if (sum != budget->bytes)
        return "the bytes of all are not those of the members";
    return budget->bytes > budget->peak ? "all have more than they had at most" : NULL;
}

const char *ga_budget_check(ga_budget *budget)
{
    lock_take(&budget->lock);
    const char *broken = check_sums(budget);
    lock_give(&budget->lock);
    return broken;
}
