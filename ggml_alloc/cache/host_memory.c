/*
 * Three origins: memory that the backend took page-locked (or its ordinary memory, when it has no such thing), ordinary memory
 * whose pages were locked, and parts of the reserve, which itself is of one of the former.
 */
#include "cache/host.h"

#include "base/bits.h"

struct toucher {
    struct thread thread;
    bool is_started;
    volatile char *from;
    size_t size;
};

static void *touch(void *user)
{
    const struct toucher *toucher = user;
    for (size_t at = 0; at < toucher->size; at += GA_HOST_PAGE)
        toucher->from[at] = 0;
    return NULL;
}

/* Pages that are not there yet are slow to lock: several threads make them at once. */
static void touch_all(void *ptr, size_t size, unsigned n)
{
    volatile char *start = ptr;
    struct toucher touchers[GA_HOST_MAX_THREADS];
    n = n && size / GA_HOST_PAGE >= n ? n : 1;
    size_t share = size / GA_HOST_PAGE / n * GA_HOST_PAGE;
    for (unsigned i = 0; i < n; i++) {
        size_t len = i + 1 < n ? share : size - i * share;
        touchers[i] = (struct toucher){ .from = start + i * share, .size = len };
        touchers[i].is_started = i > 0 && gai_thread_start(&touchers[i].thread, touch, &touchers[i]);
    }
    for (unsigned i = 0; i < n; i++)
        if (!touchers[i].is_started)
            touch(&touchers[i]);
    for (unsigned i = 0; i < n; i++)
        if (touchers[i].is_started)
            gai_thread_join(&touchers[i].thread);
}

/* Room so that an address in it can be aligned: what `from` does not promise. */
static uint64_t slack(uint64_t from, uint64_t to)
{
    return from < to ? to - from : 0;
}

static void *aligned(const struct ga_buffer *buffer, uint64_t align)
{
    uint64_t base = (uintptr_t)buffer->base;
    return (char *)buffer->base + (size_t)(align_up(base, align) - base);
}

static enum ga_status take(const struct ga_backend *backend, struct piece *piece)
{
    const struct ga_backend_pinned *pinned = backend->pinned;
    uint64_t align = pinned ? (pinned->align ? pinned->align : 1) : gai_backend_align(backend);
    uint64_t bytes = piece->size + slack(align, GA_HOST_ALIGN);
    if (bytes > SIZE_MAX)
        return GA_NO_SPACE;
    enum ga_status status = pinned ? pinned->alloc(pinned->user, (size_t)bytes, &piece->buffer)
                                   : backend->alloc(backend->user, (size_t)bytes, &piece->buffer);
    if (status == GA_OK)
        piece->ptr = aligned(&piece->buffer, GA_HOST_ALIGN);
    return status;
}

/* Whole pages, so that no two pieces ever share one. */
static size_t locked_bytes(const struct piece *piece)
{
    return (size_t)align_up(piece->size, GA_HOST_PAGE);
}

static enum ga_status take_and_pin(const struct ga_backend_pinned *pinned, unsigned n_threads, struct piece *piece)
{
    const struct ga_backend *cpu = ga_backend_cpu();
    uint64_t bytes = align_up(piece->size, GA_HOST_PAGE) + slack(cpu->align, GA_HOST_PAGE);
    if (bytes > SIZE_MAX)
        return GA_NO_SPACE;
    enum ga_status status = cpu->alloc(cpu->user, (size_t)bytes, &piece->buffer);
    if (status != GA_OK)
        return status;
    piece->ptr = aligned(&piece->buffer, GA_HOST_PAGE);
    touch_all(piece->ptr, locked_bytes(piece), n_threads);
    status = pinned->pin(pinned->user, piece->ptr, locked_bytes(piece));
    if (status != GA_OK)
        cpu->free(cpu->user, &piece->buffer);
    return status;
}

enum ga_status gai_host_get(const ga_host *host, const struct ga_host_opts *opts, uint64_t size, struct piece *piece)
{
    const struct ga_backend_pinned *pinned = host->backend->pinned;
    bool pins = pinned && (opts->pin || !pinned->alloc);
    struct piece got = { .size = size, .origin = pins ? GA_HOST_PINNED : GA_HOST_TAKEN };
    enum ga_status status = pins ? take_and_pin(pinned, opts->pin_threads, &got) : take(host->backend, &got);
    if (status == GA_OK)
        *piece = got;
    return status;
}

void gai_host_put(const ga_host *host, struct piece *piece)
{
    const struct ga_backend *backend = host->backend;
    if (piece->origin == GA_HOST_PINNED) {
        backend->pinned->unpin(backend->pinned->user, piece->ptr, locked_bytes(piece));
        backend = ga_backend_cpu();
    } else if (backend->pinned) {
        backend->pinned->free(backend->pinned->user, &piece->buffer);
        return;
    }
    backend->free(backend->user, &piece->buffer);
}

uint64_t gai_host_now(const struct ga_host_opts *opts)
{
    return opts->clock ? opts->clock(opts->clock_user) : 0;
}

void gai_host_time(struct ga_host_times *times, uint64_t took)
{
    times->total += took;
    times->max = max_u64(times->max, took);
    times->min = times->count ? min_u64(times->min, took) : took;
    times->count++;
}

/* Once; a second thread that comes meanwhile does without. */
static void take_reserve(ga_host *host)
{
    struct ga_host_opts opts = host->opts;
    struct piece piece;
    uint64_t held = host_held(host);
    bool fits = opts.limit == 0 || (held <= opts.limit && opts.reserve <= opts.limit - held);
    host->reserve_state = RESERVE_FAILED;
    if (!fits || gai_range_init(&host->range, &host->env.mem, opts.reserve / GA_HOST_PAGE, RANGE_TIE_LOW, 0) != GA_OK)
        return;
    host->reserve_state = RESERVE_COMING;
    host->ahead += opts.reserve;
    lock_give(&host->lock);
    uint64_t since = gai_host_now(&opts);
    enum ga_status status = gai_host_get(host, &opts, opts.reserve, &piece);
    uint64_t until = gai_host_now(&opts);
    lock_take(&host->lock);
    host->ahead -= opts.reserve;
    if (status != GA_OK) {
        gai_range_fini(&host->range);
        host->reserve_state = RESERVE_FAILED;
        return;
    }
    gai_host_time(&host->stats.alloc_time, until - since);
    host->stats.host_allocs++;
    host->stats.reserve_bytes = piece.size;
    host->reserve = piece;
    host->reserve_state = RESERVE_THERE;
}

bool gai_host_cut(ga_host *host, ga_host_block *block, uint64_t size)
{
    uint32_t node;
    if (host->reserve_state == RESERVE_NONE && host->opts.reserve)
        take_reserve(host);
    if (host->reserve_state != RESERVE_THERE || size > host->reserve.size)
        return false;
    if (gai_range_take(&host->range, align_up(size, GA_HOST_PAGE) / GA_HOST_PAGE, &node) != GA_OK)
        return false;
    char *ptr = (char *)host->reserve.ptr + (size_t)(range_offset(&host->range, node) * GA_HOST_PAGE);
    block->node = node;
    block->piece = (struct piece){ .ptr = ptr, .size = size, .origin = GA_HOST_RESERVE };
    return true;
}
