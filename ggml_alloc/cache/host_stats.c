#include "cache/host.h"

bool ga_host_oom(ga_host *host, struct ga_host_oom *report)
{
    lock_take(&host->lock);
    bool has = host->has_oom;
    if (has)
        *report = host->oom;
    lock_give(&host->lock);
    return has;
}

void ga_host_stats(ga_host *host, struct ga_host_stats *stats)
{
    lock_take(&host->lock);
    *stats = host->stats;
    stats->reserve_used = host->reserve_state == RESERVE_THERE ? host->range.used * GA_HOST_PAGE : 0;
    lock_give(&host->lock);
}

static void for_each_count(ga_host *host, void (*each)(struct ga_count *))
{
    struct ga_host_stats *stats = &host->stats;
    each(&stats->active_requests);
    each(&stats->active_bytes);
    each(&stats->allocations);
    each(&stats->allocated_bytes);
}

static void reset_peak(struct ga_count *count)
{
    count->peak = count->now;
}

static void reset_totals(struct ga_count *count)
{
    count->added = count->removed = 0;
}

void ga_host_reset_peaks(ga_host *host)
{
    lock_take(&host->lock);
    for_each_count(host, reset_peak);
    lock_give(&host->lock);
}

void ga_host_reset_totals(ga_host *host)
{
    struct ga_host_stats *stats = &host->stats;
    lock_take(&host->lock);
    for_each_count(host, reset_totals);
    stats->alloc_time = stats->free_time = (struct ga_host_times){ 0 };
    stats->host_allocs = stats->host_frees = stats->retries = stats->ooms = stats->waits = 0;
    for (int i = 0; i < GA_HOST_CLASSES; i++)
        stats->created[i] = 0;
    lock_give(&host->lock);
}

/* False: nothing is owned of it. */
static bool describe(const ga_host *host, ga_host_block *block, struct ga_host_part *part)
{
    static const enum ga_host_state states[] = {
        [HOST_LIVE] = GA_HOST_LIVE,
        [HOST_PENDING] = GA_HOST_PENDING,
        [HOST_CACHED] = GA_HOST_CACHED,
        [HOST_KEPT] = GA_HOST_KEPT,
    };
    if (block->state < HOST_LIVE || block->state > HOST_KEPT)
        return false;
    *part = (struct ga_host_part){
        .token = block,
        .ptr = block->piece.ptr,
        .size = block->piece.size,
        .requested = block->requested,
        .state = states[block->state],
        .origin = block->piece.origin,
        .is_private = block->pool != HOST_SHARED,
        .pool = host->pools[block->pool]->id,
        .stream = block->stream,
        .captured = block->captured,
    };
    return true;
}

uint32_t ga_host_snapshot(ga_host *host, struct ga_host_part *out, uint32_t cap)
{
    uint32_t n = 0;
    struct ga_host_part part;
    lock_take(&host->lock);
    for (uint32_t slot = 1; slot <= host->n_blocks; slot++) {
        if (!describe(host, host->blocks[slot], &part))
            continue;
        if (n < cap)
            out[n] = part;
        n++;
    }
    lock_give(&host->lock);
    return n;
}

static enum ga_status stack_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    void *ptr;
    ga_host_block *token;
    enum ga_status status = ga_host_alloc(user, size, &ptr, &token);
    if (status == GA_OK)
        *buffer = (struct ga_buffer){ .base = ptr, .size = size, .handle = token };
    return status == GA_NO_MEMORY ? GA_NO_SPACE : status;
}

static void stack_free(void *user, struct ga_buffer *buffer)
{
    ga_host_free(user, buffer->handle);
}

void gai_host_offer(ga_host *host)
{
    const struct ga_backend *backend = host->backend;
    host->offered = *backend;
    host->offered.name = "host";
    host->offered.align = GA_HOST_ALIGN;
    host->offered.max_size = 0;
    host->offered.host = backend->pinned || backend->host;
    host->offered.alloc = stack_alloc;
    host->offered.free = stack_free;
    host->offered.info = NULL;
    host->offered.user = host;
}

const struct ga_backend *ga_host_backend(ga_host *host)
{
    return &host->offered;
}
