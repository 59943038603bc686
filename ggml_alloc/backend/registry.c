#include "ggml_alloc/registry.h"

#include "base/array.h"
#include "base/lock.h"

struct registered {
    int kind, priority;
    const struct ga_backend *alloc;
};

struct ga_registry {
    struct ga_mem mem;
    struct lock lock;
    struct registered *list;
    uint32_t n, cap;
};

ga_registry *ga_registry_new(const struct ga_env *env)
{
    struct ga_mem mem = gai_env(env).mem;
    ga_registry *registry = mem_new(&mem, ga_registry, 1);
    if (!registry)
        return NULL;
    registry->mem = mem;
    lock_init(&registry->lock);
    return registry;
}

void ga_registry_delete(ga_registry *registry)
{
    if (!registry)
        return;
    struct ga_mem mem = registry->mem;
    mem_free(&mem, registry->list, registry->cap);
    mem_free(&mem, registry, 1);
}

/* NULL: nobody was ever registered for it. */
static struct registered *find(const ga_registry *registry, int kind)
{
    for (uint32_t i = 0; i < registry->n; i++)
        if (registry->list[i].kind == kind)
            return &registry->list[i];
    return NULL;
}

static enum ga_status set(ga_registry *registry, struct registered chosen)
{
    struct registered *known = find(registry, chosen.kind);
    if (known && chosen.priority < known->priority)
        return GA_BUSY;
    if (!known) {
        if (!array_room(&registry->mem, &registry->list, &registry->cap, registry->n + 1u))
            return GA_NO_MEMORY;
        known = &registry->list[registry->n++];
    }
    *known = chosen;
    return GA_OK;
}

enum ga_status ga_registry_set(ga_registry *registry, int kind, const struct ga_backend *alloc, int priority)
{
    if (kind < 0)
        return GA_INVALID;
    lock_take(&registry->lock);
    enum ga_status status = set(registry, (struct registered){ .kind = kind, .priority = priority, .alloc = alloc });
    lock_give(&registry->lock);
    return status;
}

const struct ga_backend *ga_registry_get(ga_registry *registry, int kind)
{
    lock_take(&registry->lock);
    const struct registered *known = find(registry, kind);
    const struct ga_backend *alloc = known ? known->alloc : NULL;
    lock_give(&registry->lock);
    return alloc;
}
