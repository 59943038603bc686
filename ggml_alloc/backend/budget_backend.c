/*
 * A member as a backend: the calls of its inner one, counted where they take memory or give it back.
 */
#include "backend/budget.h"

#include "base/bits.h"

enum kind { PLAIN, PINNED, SHARED };

struct taking {
    struct attempt attempt;
    enum kind kind;
    unsigned memory;
    struct ga_buffer *buffer;
};

static enum ga_status take_once(struct attempt *attempt)
{
    const struct taking *taking = (const struct taking *)attempt;
    const struct ga_backend *inner = attempt->member->inner;
    size_t size = (size_t)attempt->size;
    if (taking->kind == PINNED)
        return inner->pinned->alloc(inner->pinned->user, size, taking->buffer);
    if (taking->kind == SHARED)
        return inner->share->alloc(inner->share->user, size, taking->memory, taking->buffer);
    return inner->alloc(inner->user, size, taking->buffer);
}

static enum ga_status take(ga_budget_member *member, enum kind kind, size_t size, unsigned memory, struct ga_buffer *buffer)
{
    struct taking taking = { { take_once, member, size, kind != PINNED }, kind, memory, buffer };
    if (!gai_budget_find_room(member, size)) {
        gai_budget_refuse(member, size, false);
        return GA_NO_SPACE;
    }
    enum ga_status status = gai_budget_insist(&taking.attempt);
    gai_budget_keep(member, size, status == GA_OK);
    if (status == GA_NO_SPACE)
        gai_budget_refuse(member, size, true);
    return status;
}

static enum ga_status plain_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    return take(user, PLAIN, size, 0, buffer);
}

static void plain_free(void *user, struct ga_buffer *buffer)
{
    ga_budget_member *member = user;
    uint64_t size = buffer->size;
    member->inner->free(member->inner->user, buffer);
    gai_budget_give(member, size);
}

static bool budget_info(void *user, uint64_t *free_bytes, uint64_t *total_bytes)
{
    ga_budget_member *member = user;
    const struct ga_backend *inner = member->inner;
    uint64_t inner_free = UINT64_MAX, inner_total = UINT64_MAX;
    bool known = inner->info && inner->info(inner->user, &inner_free, &inner_total);
    ga_budget *budget = member->budget;
    lock_take(&budget->lock);
    uint64_t limit = budget->limit, taken = budget->bytes + budget->promised;
    lock_give(&budget->lock);
    if (!known && limit == UINT64_MAX)
        return false;
    *free_bytes = min_u64(inner_free, limit > taken ? limit - taken : 0);
    *total_bytes = min_u64(inner_total, limit);
    return true;
}

static enum ga_status pinned_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    return take(user, PINNED, size, 0, buffer);
}

static void pinned_free(void *user, struct ga_buffer *buffer)
{
    ga_budget_member *member = user;
    uint64_t size = buffer->size;
    member->inner->pinned->free(member->inner->pinned->user, buffer);
    gai_budget_give(member, size);
}

static enum ga_status pinned_pin(void *user, void *ptr, size_t size)
{
    const struct ga_backend_pinned *inner = ((ga_budget_member *)user)->inner->pinned;
    return inner->pin(inner->user, ptr, size);
}

static void pinned_unpin(void *user, void *ptr, size_t size)
{
    const struct ga_backend_pinned *inner = ((ga_budget_member *)user)->inner->pinned;
    inner->unpin(inner->user, ptr, size);
}

static bool pinned_is(void *user, const void *ptr)
{
    const struct ga_backend_pinned *inner = ((ga_budget_member *)user)->inner->pinned;
    return inner->is_pinned(inner->user, ptr);
}

static enum ga_status share_alloc(void *user, size_t size, unsigned memory, struct ga_buffer *buffer)
{
    return take(user, SHARED, size, memory, buffer);
}

static void *share_pointer(void *user, const struct ga_buffer *buffer)
{
    const struct ga_backend_share *inner = ((ga_budget_member *)user)->inner->share;
    return inner->pointer(inner->user, buffer);
}

static size_t share_size(void *user, size_t size, unsigned memory)
{
    const struct ga_backend_share *inner = ((ga_budget_member *)user)->inner->share;
    return inner->size(inner->user, size, memory);
}

static void share_reside(void *user, const struct ga_buffer *buffer, bool on)
{
    const struct ga_backend_share *inner = ((ga_budget_member *)user)->inner->share;
    inner->reside(inner->user, buffer, on);
}

static enum ga_status vmem_reserve(void *user, size_t size, void **base)
{
    const struct ga_backend_vmem *inner = ((ga_budget_member *)user)->inner->vmem;
    return inner->reserve(inner->user, size, base);
}

static void vmem_release(void *user, void *base, size_t size)
{
    const struct ga_backend_vmem *inner = ((ga_budget_member *)user)->inner->vmem;
    inner->release(inner->user, base, size);
}

/* Whoever maps may hold a lock that a trim of others would wait for, in a circle: nobody is asked. */
static enum ga_status vmem_map(void *user, void *base, size_t offset, size_t size)
{
    ga_budget_member *member = user;
    if (gai_budget_promise(member->budget, size) != 0) {
        gai_budget_refuse(member, size, false);
        return GA_NO_SPACE;
    }
    const struct ga_backend_vmem *inner = member->inner->vmem;
    enum ga_status status = inner->map(inner->user, base, offset, size);
    gai_budget_keep(member, size, status == GA_OK);
    if (status == GA_NO_SPACE)
        gai_budget_refuse(member, size, true);
    return status;
}

static void vmem_unmap(void *user, void *base, size_t offset, size_t size)
{
    ga_budget_member *member = user;
    member->inner->vmem->unmap(member->inner->vmem->user, base, offset, size);
    gai_budget_give(member, size);
}

static void offer_pinned(ga_budget_member *member, const struct ga_backend_pinned *has)
{
    member->pinned = *has;
    member->pinned.user = member;
    member->pinned.alloc = has->alloc ? pinned_alloc : NULL;
    member->pinned.free = has->free ? pinned_free : NULL;
    member->pinned.pin = has->pin ? pinned_pin : NULL;
    member->pinned.unpin = has->unpin ? pinned_unpin : NULL;
    member->pinned.is_pinned = has->is_pinned ? pinned_is : NULL;
    member->backend.pinned = &member->pinned;
}

static void offer_share(ga_budget_member *member, const struct ga_backend_share *has)
{
    member->share = *has;
    member->share.user = member;
    member->share.alloc = has->alloc ? share_alloc : NULL;
    member->share.pointer = has->pointer ? share_pointer : NULL;
    member->share.size = has->size ? share_size : NULL;
    member->share.reside = has->reside ? share_reside : NULL;
    member->backend.share = &member->share;
}

static void offer_vmem(ga_budget_member *member, const struct ga_backend_vmem *has)
{
    member->vmem = (struct ga_backend_vmem){ member, has->granule, vmem_reserve, vmem_release, vmem_map, vmem_unmap };
    member->backend.vmem = &member->vmem;
}

void gai_budget_offer(ga_budget_member *member)
{
    const struct ga_backend *inner = member->inner;
    member->backend = *inner;
    member->backend.alloc = plain_alloc;
    member->backend.free = plain_free;
    member->backend.info = budget_info;
    member->backend.user = member;
    if (inner->pinned)
        offer_pinned(member, inner->pinned);
    if (inner->share)
        offer_share(member, inner->share);
    if (inner->vmem)
        offer_vmem(member, inner->vmem);
}
