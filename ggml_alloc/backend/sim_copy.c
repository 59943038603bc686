#include "backend/sim.h"

#include <string.h>

enum { BYTES_PER_NS = 16 };

/* Work of `ns` on bytes that are the device's, or that it reaches; other ones are the host's, and none of its business. */
static enum ga_status touch(ga_sim *sim, ga_stream stream, uint64_t base, size_t size, uint64_t ns)
{
    enum ga_status status =
        gai_sim_order(sim, (uint32_t)stream, base, size, "copied while unfinished work of another stream covers it");
    return status == GA_OK ? gai_timeline_add(&sim->line, (uint32_t)stream, base, size, ns) : status;
}

static enum ga_status copy(ga_sim *sim, ga_stream stream, void *to, const void *from, size_t size)
{
    if (!sim_has_stream(sim, stream))
        return GA_INVALID;
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_COPY, size);
    if (status != GA_OK)
        return status;
    bool is_known = gai_sim_is_allocated(sim, sim_address(to), size) || gai_sim_is_allocated(sim, sim_address(from), size);
    if (!is_known)
        gai_sim_complain(sim, "copied between bytes that are not allocated", sim_address(to), size);
    status = touch(sim, stream, sim_address(to), size, 0);
    if (status == GA_OK)
        status = touch(sim, stream, sim_address(from), size, size / BYTES_PER_NS);
    if (status == GA_OK && is_known && sim->inner->host)
        memmove(to, from, size);
    return status;
}

static enum ga_status copy_logged(void *user, void *to, const void *from, size_t size, ga_stream stream)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    enum ga_status status = copy(sim, stream, to, from, size);
    gai_sim_note(sim, (struct ga_sim_entry){
                          .call = GA_SIM_COPY, .status = status, .size = size, .address = sim_address(to), .stream = stream });
    lock_give(&sim->lock);
    return status;
}

void gai_sim_offer_copy(ga_sim *sim)
{
    sim->copy = (struct ga_backend_copy){ .user = sim, .copy = copy_logged };
}
