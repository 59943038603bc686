#include "backend/sim.h"

#include "base/array.h"
#include "base/bits.h"
#include "backend/backend.h"

static bool overlaps(const struct ga_buffer *buffer, uint64_t base, uint64_t size)
{
    uint64_t start = sim_address(buffer->base);
    return base - start < buffer->size || start - base < size;
}

bool gai_sim_is_locked(const ga_sim *sim, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < sim->n_locked; i++) {
        uint64_t at = base - sim_address(sim->locked[i].buffer.base);
        if (at <= sim->locked[i].buffer.size && size <= sim->locked[i].buffer.size - at)
            return true;
    }
    return false;
}

static void add(ga_sim *sim, const struct ga_buffer *buffer, bool is_ours)
{
    sim->locked[sim->n_locked++] = (struct sim_lock){ .buffer = *buffer, .is_ours = is_ours };
    sim->stats.pinned += buffer->size;
}

/* Whether the call may lock so much, and there is room to remember it. */
static enum ga_status prepare(ga_sim *sim, enum ga_sim_call call, uint64_t size)
{
    enum ga_status status = gai_sim_verdict(sim, call, size);
    if (status != GA_OK)
        return status;
    if (size > sim->pinned_capacity - sim->stats.pinned)
        return GA_NO_SPACE;
    return array_room(&sim->mem, &sim->locked, &sim->cap_locked, sim->n_locked + 1u) ? GA_OK : GA_NO_MEMORY;
}

static enum ga_status pinned_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    ga_sim *sim = user;
    struct ga_buffer taken = { 0 };
    lock_take(&sim->lock);
    enum ga_status status = prepare(sim, GA_SIM_PINNED_ALLOC, size);
    if (status == GA_OK)
        status = sim->inner->alloc(sim->inner->user, size, &taken);
    if (status == GA_OK)
        add(sim, &taken, true);
    gai_sim_note(sim, (struct ga_sim_entry){
                          .call = GA_SIM_PINNED_ALLOC, .status = status, .size = size, .address = sim_address(taken.base) });
    lock_give(&sim->lock);
    if (status == GA_OK)
        *buffer = taken;
    return status;
}

static enum ga_status pinned_pin(void *user, void *ptr, size_t size)
{
    ga_sim *sim = user;
    uint64_t base = sim_address(ptr);
    lock_take(&sim->lock);
    enum ga_status status = prepare(sim, GA_SIM_PIN, size);
    for (uint32_t i = 0; i < sim->n_locked && status == GA_OK; i++)
        if (overlaps(&sim->locked[i].buffer, base, size))
            status = GA_INVALID;
    if (status == GA_OK)
        add(sim, &(struct ga_buffer){ .base = ptr, .size = size }, false);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_PIN, .status = status, .size = size, .address = base });
    lock_give(&sim->lock);
    return status;
}

/* Whether it was there to be taken out. */
static bool take_out(ga_sim *sim, uint64_t base, uint64_t size, bool is_ours)
{
    for (uint32_t i = 0; i < sim->n_locked; i++) {
        struct sim_lock *locked = &sim->locked[i];
        if (sim_address(locked->buffer.base) != base || locked->buffer.size != size || locked->is_ours != is_ours)
            continue;
        if (gai_timeline_touches(&sim->line, TIMELINE_NOBODY, base, size))
            gai_sim_complain(sim, "host memory given back while unfinished work covers it", base, size);
        *locked = sim->locked[--sim->n_locked];
        sim->stats.pinned -= size;
        return true;
    }
    gai_sim_complain(sim, "host memory given back, but not page-locked", base, size);
    return false;
}

static void pinned_free(void *user, struct ga_buffer *buffer)
{
    ga_sim *sim = user;
    uint64_t base = sim_address(buffer->base);
    lock_take(&sim->lock);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_PINNED_FREE, .size = buffer->size, .address = base });
    if (take_out(sim, base, buffer->size, true))
        sim->inner->free(sim->inner->user, buffer);
    lock_give(&sim->lock);
}

static void pinned_unpin(void *user, void *ptr, size_t size)
{
    ga_sim *sim = user;
    uint64_t base = sim_address(ptr);
    lock_take(&sim->lock);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_UNPIN, .size = size, .address = base });
    take_out(sim, base, size, false);
    lock_give(&sim->lock);
}

static bool pinned_is(void *user, const void *ptr)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    bool is_locked = gai_sim_is_locked(sim, sim_address(ptr), 1);
    lock_give(&sim->lock);
    return is_locked;
}

void gai_sim_offer_pinned(ga_sim *sim)
{
    sim->pinned = (struct ga_backend_pinned){
        .user = sim,
        .align = sim->inner->align,
        .alloc = pinned_alloc,
        .free = pinned_free,
        .pin = pinned_pin,
        .unpin = pinned_unpin,
        .is_pinned = pinned_is,
    };
}

void gai_sim_fini_pinned(ga_sim *sim)
{
    for (uint32_t i = 0; i < sim->n_locked; i++)
        if (sim->locked[i].is_ours)
            sim->inner->free(sim->inner->user, &sim->locked[i].buffer);
    mem_free(&sim->mem, sim->locked, sim->cap_locked);
}
