#include "backend/sim.h"

#include "base/array.h"
#include "base/bits.h"

/* The range that begins at `base`; NULL: none does. */
static struct sim_range *find_range(const ga_sim *sim, const void *base)
{
    for (uint32_t i = 0; i < sim->n_ranges; i++)
        if (sim->ranges[i].base == base)
            return &sim->ranges[i];
    return NULL;
}

static bool is_piece(const ga_sim *sim, const struct sim_range *range, uint64_t offset, uint64_t size)
{
    uint64_t rest = sim->vmem.granule - 1;
    return range && size != 0 && ((offset | size) & rest) == 0 && offset <= range->size && size <= range->size - offset;
}

/* Whether all granules of a piece are mapped, or all are not. */
static bool is_all(const ga_sim *sim, const struct sim_range *range, uint64_t offset, uint64_t size, bool mapped)
{
    for (uint64_t at = offset / sim->vmem.granule; at < (offset + size) / sim->vmem.granule; at++)
        if (range->has[at] != mapped)
            return false;
    return true;
}

static void mark(const ga_sim *sim, struct sim_range *range, uint64_t offset, uint64_t size, bool mapped)
{
    for (uint64_t at = offset / sim->vmem.granule; at < (offset + size) / sim->vmem.granule; at++)
        range->has[at] = mapped;
}

static enum ga_status reserve(ga_sim *sim, size_t size, void **base)
{
    const struct ga_backend_vmem *inner = sim->inner->vmem;
    size_t n = size / inner->granule;
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_RESERVE, size);
    if (status != GA_OK)
        return status;
    if (!array_room(&sim->mem, &sim->ranges, &sim->cap_ranges, sim->n_ranges + 1u))
        return GA_NO_MEMORY;
    struct sim_range range = { .size = size, .has = mem_new(&sim->mem, bool, n) };
    if (!range.has)
        return GA_NO_MEMORY;
    status = inner->reserve(inner->user, size, &range.base);
    if (status != GA_OK) {
        mem_free(&sim->mem, range.has, n);
        return status;
    }
    sim->ranges[sim->n_ranges++] = range;
    *base = range.base;
    return GA_OK;
}

static enum ga_status vmem_reserve(void *user, size_t size, void **base)
{
    ga_sim *sim = user;
    void *taken = NULL;
    lock_take(&sim->lock);
    enum ga_status status = reserve(sim, size, &taken);
    gai_sim_note(sim,
                 (struct ga_sim_entry){ .call = GA_SIM_RESERVE, .status = status, .size = size, .address = sim_address(taken) });
    lock_give(&sim->lock);
    if (status == GA_OK)
        *base = taken;
    return status;
}

static void release(ga_sim *sim, void *base, size_t size)
{
    const struct ga_backend_vmem *inner = sim->inner->vmem;
    struct sim_range *range = find_range(sim, base);
    if (!range || range->size != size || range->mapped) {
        gai_sim_complain(sim, range ? "a range was released with something mapped" : "released, but not reserved",
                         sim_address(base), size);
        return;
    }
    mem_free(&sim->mem, range->has, size / inner->granule);
    *range = sim->ranges[--sim->n_ranges];
    inner->release(inner->user, base, size);
}

static void vmem_release(void *user, void *base, size_t size)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_UNRESERVE, .size = size, .address = sim_address(base) });
    release(sim, base, size);
    lock_give(&sim->lock);
}

static enum ga_status map(ga_sim *sim, void *base, size_t offset, size_t size)
{
    const struct ga_backend_vmem *inner = sim->inner->vmem;
    struct sim_range *range = find_range(sim, base);
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_MAP, size);
    if (status != GA_OK)
        return status;
    if (!is_piece(sim, range, offset, size) || !is_all(sim, range, offset, size, false)) {
        gai_sim_complain(sim, "mapped where it cannot be", sim_address(base) + offset, size);
        return GA_INVALID;
    }
    if (size > sim->capacity - sim->stats.live)
        return GA_NO_SPACE;
    status = inner->map(inner->user, base, offset, size);
    if (status != GA_OK)
        return status;
    mark(sim, range, offset, size, true);
    range->mapped += size;
    sim->stats.live += size;
    sim->stats.peak = max_u64(sim->stats.peak, sim->stats.live);
    return GA_OK;
}

static enum ga_status vmem_map(void *user, void *base, size_t offset, size_t size)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    enum ga_status status = map(sim, base, offset, size);
    gai_sim_note(
        sim, (struct ga_sim_entry){ .call = GA_SIM_MAP, .status = status, .size = size, .address = sim_address(base) + offset });
    lock_give(&sim->lock);
    return status;
}

static void unmap(ga_sim *sim, void *base, size_t offset, size_t size)
{
    const struct ga_backend_vmem *inner = sim->inner->vmem;
    struct sim_range *range = find_range(sim, base);
    if (!is_piece(sim, range, offset, size) || !is_all(sim, range, offset, size, true)) {
        gai_sim_complain(sim, "unmapped, but not mapped", sim_address(base) + offset, size);
        return;
    }
    if (gai_timeline_touches(&sim->line, TIMELINE_NOBODY, sim_address(base) + offset, size))
        gai_sim_complain(sim, "unmapped while unfinished work covers it", sim_address(base) + offset, size);
    mark(sim, range, offset, size, false);
    range->mapped -= size;
    sim->stats.live -= size;
    inner->unmap(inner->user, base, offset, size);
}

static void vmem_unmap(void *user, void *base, size_t offset, size_t size)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_UNMAP, .size = size, .address = sim_address(base) + offset });
    unmap(sim, base, offset, size);
    lock_give(&sim->lock);
}

void gai_sim_offer_vmem(ga_sim *sim)
{
    if (!sim->inner->vmem)
        return;
    sim->vmem = (struct ga_backend_vmem){ .user = sim,
                                          .granule = sim->inner->vmem->granule,
                                          .reserve = vmem_reserve,
                                          .release = vmem_release,
                                          .map = vmem_map,
                                          .unmap = vmem_unmap };
    sim->backend.vmem = &sim->vmem;
}

bool gai_sim_is_mapped(const ga_sim *sim, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < sim->n_ranges; i++) {
        const struct sim_range *range = &sim->ranges[i];
        uint64_t at = base - sim_address(range->base);
        if (at > range->size || size > range->size - at)
            continue;
        uint64_t first = at & ~(uint64_t)(sim->vmem.granule - 1), end = align_up(at + size, sim->vmem.granule);
        return is_all(sim, range, first, end - first, true);
    }
    return false;
}

void gai_sim_fini_vmem(ga_sim *sim)
{
    const struct ga_backend_vmem *inner = sim->inner->vmem;
    for (uint32_t i = 0; i < sim->n_ranges; i++) {
        struct sim_range *range = &sim->ranges[i];
        for (uint64_t at = 0; at < range->size; at += inner->granule)
            if (range->has[at / inner->granule])
                inner->unmap(inner->user, range->base, (size_t)at, inner->granule);
        inner->release(inner->user, range->base, (size_t)range->size);
        mem_free(&sim->mem, range->has, (size_t)(range->size / inner->granule));
    }
    mem_free(&sim->mem, sim->ranges, sim->cap_ranges);
}
