#include "bind/plans.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"

static uint32_t place_of(const struct plans *plans, struct signature signature)
{
    uint32_t at = 0;
    while (at < plans->n && !signature_equal(plans->list[at].backed.plan->signature, signature))
        at++;
    return at;
}

static void move_to_front(struct plans *plans, uint32_t at)
{
    struct kept_plan kept = plans->list[at];
    memmove(plans->list + 1, plans->list, at * sizeof *plans->list);
    plans->list[0] = kept;
}

const struct kept_plan *gai_plans_peek(const struct plans *plans, struct signature signature)
{
    uint32_t at = place_of(plans, signature);
    return at < plans->n ? &plans->list[at] : NULL;
}

struct kept_plan *gai_plans_use(struct plans *plans, struct signature signature)
{
    uint32_t at = place_of(plans, signature);
    if (at == plans->n)
        return NULL;
    if (at > 0)
        move_to_front(plans, at);
    return &plans->list[0];
}

bool gai_plans_room(struct plans *plans, const struct ga_mem *mem)
{
    return array_room(mem, &plans->list, &plans->cap, (uint64_t)plans->n + 1);
}

bool gai_plans_put(struct plans *plans, struct backed backed)
{
    uint32_t at = place_of(plans, backed.plan->signature);
    bool replaces = at < plans->n;
    ga_plan *old = replaces ? plans->list[at].backed.plan : NULL;
    bool other = replaces && old != backed.plan;
    if (!replaces) {
        assert(plans->n < plans->cap);
        plans->n++;
    }
    plans->list[at] = (struct kept_plan){ .backed = backed };
    move_to_front(plans, at);
    ga_plan_delete(old);
    return other;
}

bool gai_plans_shrink(struct plans *plans, uint32_t max)
{
    bool any = plans->n > max;
    while (plans->n > max)
        ga_plan_delete(plans->list[--plans->n].backed.plan);
    return any;
}

void gai_plans_fini(struct plans *plans, const struct ga_mem *mem)
{
    gai_plans_shrink(plans, 0);
    mem_free(mem, plans->list, plans->cap);
}
