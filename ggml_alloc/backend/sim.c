/*
 * One lock around everything: a simulated device is for finding mistakes, not for speed.  The inner backend is called under it,
 * so that neither it nor the memory hook has to expect several threads.
 */
#include "backend/sim.h"

#include "base/array.h"
#include "base/format.h"
#include "base/later.h"
#include "backend/backend.h"

void gai_sim_complain(ga_sim *sim, const char *what, uint64_t base, uint64_t size)
{
    if (!sim->error[0])
        gai_format(sim->error, sizeof sim->error, "%s: %llu bytes at 0x%llx, at %llu ns", what, (unsigned long long)size,
                   (unsigned long long)base, (unsigned long long)sim->line.now);
}

/* Whether this call is one that shall fail. */
static bool is_faulty(ga_sim *sim, enum ga_sim_call call, uint64_t size)
{
    struct ga_sim_fault *fault = &sim->fault;
    if (!(fault->calls >> call & 1))
        return false;
    bool is_nth = fault->nth != 0 && --fault->nth == 0;
    bool is_above = fault->above != 0 && size > fault->above;
    return is_nth || is_above || fault->always;
}

enum ga_status gai_sim_verdict(ga_sim *sim, enum ga_sim_call call, uint64_t size)
{
    if (!is_faulty(sim, call, size))
        return GA_OK;
    return sim->fault.status == GA_OK ? GA_NO_SPACE : sim->fault.status;
}

enum ga_status gai_sim_note(ga_sim *sim, struct ga_sim_entry entry)
{
    sim->stats.calls[entry.call]++;
    if (entry.status != GA_OK)
        sim->stats.failures++;
    entry.time = sim->line.now;
    if (sim->cap_log)
        sim->log[sim->n_logged++ % sim->cap_log] = entry;
    return entry.status;
}

enum ga_status gai_sim_take(ga_sim *sim, size_t size, struct ga_buffer *buffer)
{
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_ALLOC, size);
    if (status != GA_OK)
        return status;
    if (size > sim->capacity - sim->stats.live)
        return GA_NO_SPACE;
    if (!array_room(&sim->mem, &sim->buffers, &sim->cap_buffers, sim->n_buffers + 1u))
        return GA_NO_MEMORY;
    struct ga_buffer taken = { 0 };
    status = sim->inner->alloc(sim->inner->user, size, &taken);
    if (status != GA_OK)
        return status;
    sim->buffers[sim->n_buffers++] = *buffer = taken;
    sim->stats.live += size;
    sim->stats.peak = max_u64(sim->stats.peak, sim->stats.live);
    return GA_OK;
}

static enum ga_status sim_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    ga_sim *sim = user;
    struct ga_buffer taken = { 0 };
    lock_take(&sim->lock);
    enum ga_status status = gai_sim_take(sim, size, &taken);
    gai_sim_note(sim,
                 (struct ga_sim_entry){ .call = GA_SIM_ALLOC, .status = status, .size = size, .address = sim_address(taken.base) });
    lock_give(&sim->lock);
    if (status == GA_OK)
        *buffer = taken;
    return status;
}

static void give(ga_sim *sim, struct ga_buffer *buffer)
{
    uint64_t base = sim_address(buffer->base);
    uint32_t at = 0;
    while (at < sim->n_buffers && sim->buffers[at].base != buffer->base)
        at++;
    if (at == sim->n_buffers || sim->buffers[at].size != buffer->size) {
        gai_sim_complain(sim, "given back, but not allocated", base, buffer->size);
        return;
    }
    if (gai_timeline_touches(&sim->line, TIMELINE_NOBODY, base, buffer->size))
        gai_sim_complain(sim, "given back while unfinished work covers it", base, buffer->size);
    gai_sim_forget_kind(sim, base);
    sim->buffers[at] = sim->buffers[--sim->n_buffers];
    sim->stats.live -= buffer->size;
    sim->inner->free(sim->inner->user, buffer);
}

static void sim_free(void *user, struct ga_buffer *buffer)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    gai_sim_note(sim, (struct ga_sim_entry){
                          .call = GA_SIM_FREE, .status = GA_OK, .size = buffer->size, .address = sim_address(buffer->base) });
    give(sim, buffer);
    lock_give(&sim->lock);
}

static bool sim_info(void *user, uint64_t *free_bytes, uint64_t *total_bytes)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    *free_bytes = sim->capacity - sim->stats.live;
    *total_bytes = sim->capacity;
    lock_give(&sim->lock);
    return true;
}

static bool order_current(void *user, ga_stream *stream)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    ga_stream current = sim->current;
    lock_give(&sim->lock);
    if (current == GA_STREAM_CURRENT)
        return false;
    *stream = current;
    return true;
}

static enum ga_status order_record(void *user, ga_stream stream, ga_event *event)
{
    ga_sim *sim = user;
    ga_event recorded = 0;
    lock_take(&sim->lock);
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_RECORD, 0);
    if (status == GA_OK)
        status = sim_has_stream(sim, stream) ? gai_timeline_mark(&sim->line, (uint32_t)stream, &recorded) : GA_INVALID;
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_RECORD, .status = status, .stream = stream, .event = recorded });
    lock_give(&sim->lock);
    if (status == GA_OK)
        *event = recorded;
    return status;
}

/* What a thread whose stream captures cannot do. */
static void expect_no_capture(ga_sim *sim, const char *what, ga_event event)
{
    if (sim_has_stream(sim, sim->current) && sim->captures[sim->current])
        gai_sim_complain(sim, what, event, 0);
}

static bool order_reached(void *user, ga_event event)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    bool has = event == 0 || gai_timeline_has(&sim->line, event);
    if (!has)
        gai_sim_complain(sim, "asked about an event that is not there", event, 0);
    expect_no_capture(sim, "asked about an event while the current stream captures", event);
    bool reached = !has || gai_timeline_reached(&sim->line, event);
    lock_give(&sim->lock);
    return reached;
}

static enum ga_status order_wait(void *user, ga_event event)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    expect_no_capture(sim, "waited for an event while the current stream captures", event);
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_WAIT, 0);
    if (status == GA_OK && event != 0 && !gai_timeline_has(&sim->line, event))
        status = GA_INVALID;
    if (status == GA_OK)
        gai_timeline_await(&sim->line, event);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_WAIT, .status = status, .event = event });
    lock_give(&sim->lock);
    return status;
}

static void order_release(void *user, ga_event event)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_RELEASE, .status = GA_OK, .event = event });
    if (event == 0 || gai_timeline_has(&sim->line, event))
        gai_timeline_drop(&sim->line, event);
    else
        gai_sim_complain(sim, "released an event that is not there", event, 0);
    lock_give(&sim->lock);
}

static enum ga_status order_sync(void *user)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    expect_no_capture(sim, "waited for the device while the current stream captures", 0);
    enum ga_status status = gai_sim_verdict(sim, GA_SIM_SYNC, 0);
    if (status == GA_OK)
        gai_timeline_await_all(&sim->line);
    gai_sim_note(sim, (struct ga_sim_entry){ .call = GA_SIM_SYNC, .status = status });
    lock_give(&sim->lock);
    return status;
}

static bool order_capturing(void *user, ga_stream stream)
{
    ga_sim *sim = user;
    lock_take(&sim->lock);
    bool captures = sim_has_stream(sim, stream) && sim->captures[stream];
    lock_give(&sim->lock);
    return captures;
}

static void offer(ga_sim *sim)
{
    sim->order = (struct ga_backend_order){
        .user = sim,
        .current = order_current,
        .record = order_record,
        .reached = order_reached,
        .wait = order_wait,
        .release = order_release,
        .sync = order_sync,
        .capturing = order_capturing,
    };
    sim->backend = (struct ga_backend){
        .device = sim->inner->device,
        .name = "sim",
        .align = sim->inner->align,
        .max_size = sim->inner->max_size,
        .host = sim->inner->host,
        .alloc = sim_alloc,
        .free = sim_free,
        .info = sim_info,
        .user = sim,
        .order = &sim->order,
        .pinned = &sim->pinned,
        .copy = &sim->copy,
        .share = &sim->share,
    };
    gai_sim_offer_pinned(sim);
    gai_sim_offer_copy(sim);
    gai_sim_offer_vmem(sim);
}

ga_sim *ga_sim_new(const struct ga_env *env, const struct ga_backend *inner, const struct ga_sim_opts *opts)
{
    struct ga_sim_opts chosen = opts ? *opts : (struct ga_sim_opts){ 0 };
    struct ga_env full = gai_env(env);
    struct ga_mem mem = full.mem;
    if (later_refused(&full.log, &chosen, "struct ga_sim_opts"))
        return NULL;
    ga_sim *sim = gai_backend_sound(inner) ? mem_new(&mem, ga_sim, 1) : NULL;
    if (!sim)
        return NULL;
    sim->speaker = full.log;
    lock_init(&sim->lock);
    sim->mem = mem;
    sim->inner = inner;
    sim->capacity = chosen.capacity ? chosen.capacity : (uint64_t)1 << 30;
    sim->pinned_capacity = chosen.pinned_capacity ? chosen.pinned_capacity : UINT64_MAX;
    sim->current = GA_STREAM_CURRENT;
    sim->log = chosen.log ? mem_new(&mem, struct ga_sim_entry, chosen.log) : NULL;
    sim->cap_log = sim->log ? chosen.log : 0;
    offer(sim);
    gai_sim_offer_share(sim, &chosen);
    unsigned n_streams = chosen.streams ? chosen.streams : 4;
    sim->captures = mem_new(&mem, bool, n_streams);
    if (sim->cap_log == chosen.log && sim->captures && gai_timeline_init(&sim->line, &mem, n_streams))
        return sim;
    mem_free(&mem, sim->captures, n_streams);
    mem_free(&mem, sim->log, sim->cap_log);
    mem_free(&mem, sim, 1);
    return NULL;
}

void ga_sim_delete(ga_sim *sim)
{
    if (!sim)
        return;
    struct ga_mem mem = sim->mem;
    for (uint32_t i = 0; i < sim->n_buffers; i++)
        sim->inner->free(sim->inner->user, &sim->buffers[i]);
    gai_sim_fini_pinned(sim);
    gai_sim_fini_vmem(sim);
    mem_free(&mem, sim->captures, sim->line.n_streams);
    gai_timeline_fini(&sim->line);
    mem_free(&mem, sim->buffers, sim->cap_buffers);
    mem_free(&mem, sim->kinds, sim->cap_kinds);
    mem_free(&mem, sim->log, sim->cap_log);
    mem_free(&mem, sim, 1);
}

const struct ga_backend *ga_sim_backend(ga_sim *sim)
{
    return &sim->backend;
}

bool gai_sim_is_allocated(const ga_sim *sim, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < sim->n_buffers; i++) {
        uint64_t at = base - sim_address(sim->buffers[i].base);
        if (at <= sim->buffers[i].size && size <= sim->buffers[i].size - at)
            return true;
    }
    return gai_sim_is_mapped(sim, base, size) || gai_sim_is_locked(sim, base, size);
}

enum ga_status ga_sim_work(ga_sim *sim, ga_stream stream, const void *ptr, size_t size, uint64_t ns)
{
    if (!sim_has_stream(sim, stream))
        return GA_INVALID;
    uint64_t base = sim_address(ptr);
    lock_take(&sim->lock);
    if (size && !gai_sim_is_allocated(sim, base, size))
        gai_sim_complain(sim, "work on bytes that are not allocated", base, size);
    enum ga_status status =
        gai_sim_order(sim, (uint32_t)stream, base, size, "used by a second stream while unfinished work of the first covers it");
    if (status == GA_OK)
        status = gai_timeline_add(&sim->line, (uint32_t)stream, base, size, ns);
    lock_give(&sim->lock);
    return status;
}

enum ga_status ga_sim_follow(ga_sim *sim, ga_stream stream, ga_event event)
{
    lock_take(&sim->lock);
    bool sound = sim_has_stream(sim, stream) && (event == 0 || gai_timeline_has(&sim->line, event));
    enum ga_status status = sound ? gai_timeline_follow(&sim->line, (uint32_t)stream, event) : GA_INVALID;
    lock_give(&sim->lock);
    return status;
}

void ga_sim_advance(ga_sim *sim, uint64_t ns)
{
    lock_take(&sim->lock);
    gai_timeline_advance(&sim->line, ns);
    lock_give(&sim->lock);
}

uint64_t ga_sim_now(ga_sim *sim)
{
    lock_take(&sim->lock);
    uint64_t now = sim->line.now;
    lock_give(&sim->lock);
    return now;
}

void ga_sim_finish(ga_sim *sim, ga_stream stream)
{
    lock_take(&sim->lock);
    if (sim_has_stream(sim, stream))
        gai_timeline_finish(&sim->line, (uint32_t)stream);
    lock_give(&sim->lock);
}

void ga_sim_current(ga_sim *sim, ga_stream stream)
{
    lock_take(&sim->lock);
    sim->current = stream;
    lock_give(&sim->lock);
}

void ga_sim_capture(ga_sim *sim, ga_stream stream, bool on)
{
    lock_take(&sim->lock);
    if (sim_has_stream(sim, stream))
        sim->captures[stream] = on;
    lock_give(&sim->lock);
}

const char *ga_sim_error(ga_sim *sim)
{
    lock_take(&sim->lock);
    const char *error = sim->error[0] ? sim->error : NULL;
    lock_give(&sim->lock);
    return error;
}

enum ga_status ga_sim_fail(ga_sim *sim, const struct ga_sim_fault *fault)
{
    if (fault && later_refused(&sim->speaker, fault, "struct ga_sim_fault"))
        return GA_INVALID;
    lock_take(&sim->lock);
    sim->fault = fault ? *fault : (struct ga_sim_fault){ 0 };
    lock_give(&sim->lock);
    return GA_OK;
}

void ga_sim_stats(ga_sim *sim, struct ga_sim_stats *stats)
{
    lock_take(&sim->lock);
    *stats = sim->stats;
    stats->buffers = sim->n_buffers;
    stats->events = sim->line.n_events;
    stats->pins = sim->n_locked;
    stats->ranges = sim->n_ranges;
    lock_give(&sim->lock);
}

uint32_t ga_sim_log(ga_sim *sim, struct ga_sim_entry *out, uint32_t cap)
{
    lock_take(&sim->lock);
    uint32_t n = (uint32_t)min_u64(sim->n_logged, sim->cap_log);
    for (uint32_t i = 0; i < n && i < cap; i++)
        out[i] = sim->log[(sim->n_logged - n + i) % sim->cap_log];
    lock_give(&sim->lock);
    return n;
}
