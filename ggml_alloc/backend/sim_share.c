/*
 * Memory that the host shares, and memory in which the device puts work in order by itself.  Such buffers must reside while work is
 * given to them, and not any more when they are given back.
 */
#include "backend/sim.h"

#include "base/array.h"

enum { PAGE = 16 << 10 };

/* The one that `address` is in; NULL: that buffer is of no kind. */
static struct sim_kind *kind_at(const ga_sim *sim, uint64_t address)
{
    for (uint32_t i = 0; i < sim->n_buffers; i++) {
        uint64_t base = sim_address(sim->buffers[i].base);
        if (address - base >= sim->buffers[i].size)
            continue;
        for (uint32_t k = 0; k < sim->n_kinds; k++)
            if (sim->kinds[k].base == base)
                return &sim->kinds[k];
    }
    return NULL;
}

static enum ga_status take_kind(ga_sim *sim, size_t size, unsigned memory, struct ga_buffer *buffer)
{
    if (!array_room(&sim->mem, &sim->kinds, &sim->cap_kinds, sim->n_kinds + 1u))
        return GA_NO_MEMORY;
    enum ga_status status = gai_sim_take(sim, size, buffer);
    if (status == GA_OK)
        sim->kinds[sim->n_kinds++] = (struct sim_kind){ .base = sim_address(buffer->base), .memory = memory };
    return status;
}

static enum ga_status share_alloc(void *user, size_t size, unsigned memory, struct ga_buffer *buffer)
{
    ga_sim *sim = user;
    struct ga_buffer taken = { 0 };
    lock_take(&sim->lock);
    enum ga_status status = take_kind(sim, size, memory, &taken);
    gai_sim_note(sim,
                 (struct ga_sim_entry){ .call = GA_SIM_ALLOC, .status = status, .size = size, .address = sim_address(taken.base) });
    lock_give(&sim->lock);
    if (status == GA_OK)
        *buffer = taken;
    return status;
}

static void *share_pointer(void *user, const struct ga_buffer *buffer)
{
    ga_sim *sim = user;
    uint64_t base = sim_address(buffer->base);
    lock_take(&sim->lock);
    const struct sim_kind *kind = kind_at(sim, base);
    if (!kind || !(kind->memory & GA_MEMORY_SHARED))
        gai_sim_complain(sim, "seen by the host, but not shared with it", base, buffer->size);
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_POINTER, buffer->size);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_POINTER, .status = status, .size = buffer->size, .address = base });
    lock_give(&sim->lock);
    return status == GA_OK && sim->inner->host ? buffer->base : NULL;
}

static void share_reside(void *user, const struct ga_buffer *buffer, bool on)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    struct sim_kind *kind = kind_at(sim, sim_address(buffer->base));
    if (!kind || kind->resides == on)
        gai_sim_complain(sim, "resides already, or not at all", sim_address(buffer->base), buffer->size);
    else
        kind->resides = on;
    lock_give(&sim->lock);
}

void gai_sim_forget_kind(ga_sim *sim, uint64_t base)
{
    struct sim_kind *kind = kind_at(sim, base);
    if (!kind)
        return;
    if (kind->resides)
        gai_sim_complain(sim, "given back while it resides", base, 0);
    *kind = sim->kinds[--sim->n_kinds];
}

/* `stream` waits for all others that touch the bytes. */
static enum ga_status follow_all(ga_sim *sim, uint32_t stream, uint64_t base, uint64_t size)
{
    enum ga_status status = GA_OK;
    for (uint32_t other = 0; status == GA_OK && other < sim->line.n_streams; other++) {
        if (!gai_timeline_touches(&sim->line, stream, base, size))
            break;
        ga_event event;
        status = gai_timeline_mark(&sim->line, other, &event);
        if (status != GA_OK)
            break;
        status = gai_timeline_follow(&sim->line, stream, event);
        gai_timeline_drop(&sim->line, event);
    }
    return status;
}

enum ga_status gai_sim_order(ga_sim *sim, uint32_t stream, uint64_t base, uint64_t size, const char *mistake)
{
    const struct sim_kind *kind = size ? kind_at(sim, base) : NULL;
    if (kind && !kind->resides)
        gai_sim_complain(sim, "used, but it does not reside", base, size);
    if (!gai_timeline_touches(&sim->line, stream, base, size))
        return GA_OK;
    if (kind && kind->memory & GA_MEMORY_TRACKED)
        return follow_all(sim, stream, base, size);
    gai_sim_complain(sim, mistake, base, size);
    return GA_OK;
}

void gai_sim_offer_share(ga_sim *sim, const struct ga_sim_opts *opts)
{
    sim->share = (struct ga_backend_share){
        .user = sim,
        .unified = !opts->discrete,
        .page = PAGE,
        .recommended = opts->recommended ? opts->recommended : sim->capacity,
        .alloc = share_alloc,
        .pointer = share_pointer,
        .reside = share_reside,
    };
}
