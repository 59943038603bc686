#include "cache/host.h"

#include "base/bits.h"
#include "base/later.h"

static bool is_complete(const struct ga_backend_order *calls)
{
    return !calls || (calls->record && calls->reached && calls->wait && calls->release && calls->sync);
}

static bool can_pin(const struct ga_backend *backend)
{
    return backend->pinned && backend->pinned->pin && backend->pinned->unpin;
}

static bool is_backend(const struct ga_backend *backend)
{
    if (!gai_backend_sound(backend) || !is_complete(backend->order))
        return false;
    const struct ga_backend_pinned *pinned = backend->pinned;
    return !pinned || ((pinned->align == 0 || is_pow2(pinned->align)) && (pinned->alloc ? pinned->free != NULL : can_pin(backend)));
}

/* What is still there of one that is half built, or has no live block left. */
static void destroy(ga_host *host)
{
    struct ga_mem mem = host->env.mem;
    if (host->reserve_state == RESERVE_THERE)
        gai_host_put(host, &host->reserve);
    gai_range_fini(&host->range);
    gai_defer_fini(&host->defer);
    gai_hashset_fini(&host->tokens, &mem);
    for (uint32_t slot = 1; slot <= host->n_blocks; slot++)
        mem_free(&mem, host->blocks[slot], 1);
    for (uint32_t i = 0; i < host->n_pools; i++)
        mem_free(&mem, host->pools[i], 1);
    mem_free(&mem, host->blocks, host->cap_blocks);
    mem_free(&mem, host->sorted, host->cap_sorted);
    mem_free(&mem, host->pools, host->cap_pools);
    gai_bell_fini(&host->bell);
    mem_free(&mem, host, 1);
}

static ga_host *host_new(const struct ga_mem *mem)
{
    ga_host *host = mem_new(mem, ga_host, 1);
    if (!host)
        return NULL;
    lock_init(&host->lock);
    if (gai_bell_init(&host->bell))
        return host;
    mem_free(mem, host, 1);
    return NULL;
}

ga_host *ga_host_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_host_opts *opts)
{
    struct ga_host_opts chosen = opts ? *opts : (struct ga_host_opts){ 0 };
    struct ga_env completed = gai_env(env);
    bool known = !later_refused(&completed.log, &chosen, "struct ga_host_opts");
    bool sound = known && is_backend(backend) && gai_host_sound(&chosen) && (!chosen.pin || can_pin(backend));
    ga_host *host = sound ? host_new(&completed.mem) : NULL;
    if (!host)
        return NULL;
    host->env = completed;
    host->backend = backend;
    host->opts = chosen;
    gai_defer_init(&host->defer, &host->env.mem, backend->order);
    host->defer.collects = true;
    gai_host_offer(host);
    if (!gai_host_add_pool(host, 0) || !gai_host_thread(host, chosen.background)) {
        destroy(host);
        return NULL;
    }
    return host;
}

enum ga_status ga_host_set(ga_host *host, const struct ga_host_opts *opts)
{
    if (later_refused(&host->env.log, opts, "struct ga_host_opts") || !gai_host_sound(opts))
        return GA_INVALID;
    if ((opts->pin && !can_pin(host->backend)) || (opts->background && !gai_host_thread(host, true)))
        return GA_UNSUPPORTED;
    lock_take(&host->lock);
    host->opts = *opts;
    if (host->reserve_state == RESERVE_FAILED)
        host->reserve_state = RESERVE_NONE;
    lock_give(&host->lock);
    if (!opts->background)
        gai_host_thread(host, false);
    return GA_OK;
}

void ga_host_opts(ga_host *host, struct ga_host_opts *opts)
{
    lock_take(&host->lock);
    *opts = host->opts;
    lock_give(&host->lock);
}

/* All that may go, and the live blocks when they shall not stay; returns how many live ones there were. */
static uint32_t give_all_back(ga_host *host, uint64_t *bytes)
{
    uint32_t n_live = 0;
    for (uint32_t slot = 1; slot <= host->n_blocks; slot++) {
        ga_host_block *block = host->blocks[slot];
        bool is_live = block->state == HOST_LIVE;
        n_live += is_live;
        *bytes += is_live ? block->piece.size : 0;
        if (block->state == HOST_CACHED)
            gai_host_uncache(host, block);
        if (block->state == HOST_CACHED || block->state == HOST_KEPT || (is_live && !host->opts.detach))
            gai_host_leave(host, block);
    }
    gai_host_tidy(host);
    return n_live;
}

void ga_host_delete(ga_host *host)
{
    if (!host)
        return;
    uint64_t bytes = 0;
    gai_host_thread(host, false);
    lock_take(&host->lock);
    host->closed = true;
    gai_host_wait_all(host);
    uint32_t n_live = give_all_back(host, &bytes);
    bool detach = host->opts.detach && n_live > 0;
    struct ga_env env = host->env;
    lock_give(&host->lock);
    if (n_live)
        gai_log(&env, GA_WARN, "host allocator deleted with %u blocks of %llu bytes in use", (unsigned)n_live,
                (unsigned long long)bytes);
    if (!detach)
        destroy(host);
}

static ga_stream current_stream(const struct ga_backend_order *calls)
{
    ga_stream stream;
    return calls && calls->current && calls->current(calls->user, &stream) ? stream : 0;
}

static enum ga_status alloc_locked(ga_host *host, struct host_request *request)
{
    struct host_pool *pool;
    enum ga_status status = GA_NO_SPACE;
    request->pool = gai_host_choose(host, request->stream);
    pool = host->pools[request->pool];
    pool->n_users++; /* it may not go while the lock is dropped */
    host->clock++;
    gai_host_age(host);
    if (!host->opts.background)
        gai_host_retire(host, NULL);
    if (request->rounded <= HOST_ABSURD)
        status = gai_host_take(host, request);
    if (status == GA_NO_SPACE && host->opts.background) {
        gai_host_retire(host, request);
        status = request->rounded <= HOST_ABSURD ? gai_host_take(host, request) : status;
    }
    if (status == GA_NO_SPACE)
        status = gai_host_make_room(host, request);
    pool->n_users--;
    gai_host_tidy(host);
    return status;
}

enum ga_status ga_host_alloc(ga_host *host, size_t size, void **ptr, ga_host_block **token)
{
    const struct ga_backend_order *calls = host->backend->order;
    struct host_request request = { .size = size };
    enum ga_status status = GA_OK;
    if (size != 0) {
        request.stream = current_stream(calls);
        request.captured = calls && calls->capturing && calls->capturing(calls->user, request.stream);
        lock_take(&host->lock);
        request.rounded = request.size > HOST_ABSURD ? request.size : gai_host_round(&host->opts, request.size);
        status = alloc_locked(host, &request);
        lock_give(&host->lock);
    }
    if (status == GA_OK) {
        *ptr = request.block ? request.block->piece.ptr : NULL;
        *token = request.block;
    }
    return status;
}

enum ga_status ga_host_own(ga_host *host, size_t size, struct ga_owned *owned)
{
    void *ptr;
    ga_host_block *token;
    enum ga_status status = ga_host_alloc(host, size, &ptr, &token);
    if (status != GA_OK)
        return status;
    lock_take(&host->lock);
    int kind = host->opts.kind;
    lock_give(&host->lock);
    *owned =
        (struct ga_owned){ .ptr = ptr, .owner = token, .release = ga_host_release, .kind = kind, .device = host->backend->device };
    return GA_OK;
}

enum ga_status ga_host_copy(ga_host *host, void *to, const void *from, size_t size, ga_stream stream)
{
    const struct ga_backend_copy *calls = host->backend->copy;
    if (!calls)
        return GA_UNSUPPORTED;
    if (stream == GA_STREAM_CURRENT)
        stream = current_stream(host->backend->order);
    return size ? calls->copy(calls->user, to, from, size, stream) : GA_OK;
}

/* GA_OK and the live block; GA_UNKNOWN, GA_FREED. */
static enum ga_status block_of(const ga_host *host, const void *token, ga_host_block **block)
{
    uint32_t slot = host_slot(host, token);
    if (!slot)
        return GA_UNKNOWN;
    if (host->blocks[slot]->state != HOST_LIVE)
        return GA_FREED;
    *block = host->blocks[slot];
    return GA_OK;
}

static void free_locked(ga_host *host, ga_host_block *block)
{
    bool keeps = block->captured && block->uses && host_in_use(host, block->pool);
    host->stats.requested_bytes -= block->requested;
    host->stats.pending_bytes += block->piece.size;
    if (keeps)
        block->state = HOST_KEPT;
    else
        gai_host_defer(host, block);
    if (host->closed && host->defer.n_waiting)
        gai_host_wait_all(host);
    gai_host_tidy(host);
}

enum ga_status ga_host_free(ga_host *host, ga_host_block *token)
{
    if (!token)
        return GA_OK;
    ga_host_block *block;
    lock_take(&host->lock);
    enum ga_status status = block_of(host, token, &block);
    if (status == GA_OK) {
        host->n_inside++;
        free_locked(host, block);
        host->n_inside--;
    }
    bool is_last = host->closed && host->n_inside == 0 && host->n_sorted == 0;
    lock_give(&host->lock);
    if (is_last)
        destroy(host);
    return status;
}

void ga_host_release(void *token)
{
    ga_host_block *block = token;
    if (block)
        ga_host_free(block->host, block);
}

enum ga_status ga_host_record(ga_host *host, const void *ptr, ga_host_block *token, ga_stream stream)
{
    ga_host_block *block = NULL;
    if (stream == GA_STREAM_CURRENT)
        stream = current_stream(host->backend->order);
    lock_take(&host->lock);
    enum ga_status status = block_of(host, token, &block);
    if (status != GA_OK && ptr) {
        block = gai_host_at(host, ptr);
        if (block && block->state == HOST_LIVE && (block->piece.ptr == ptr || host->opts.interior))
            status = GA_OK;
    }
    if (status == GA_OK && host->backend->order)
        status = gai_defer_share(&host->defer, &block->uses, block->slot, stream, false);
    lock_give(&host->lock);
    return status;
}

ga_host_block *ga_host_find(ga_host *host, const void *ptr)
{
    lock_take(&host->lock);
    ga_host_block *block = gai_host_at(host, ptr);
    if (block && block->state != HOST_LIVE)
        block = NULL;
    lock_give(&host->lock);
    return block;
}

void *ga_host_ptr(ga_host *host, ga_host_block *token, size_t *size)
{
    ga_host_block *block;
    void *ptr = NULL;
    lock_take(&host->lock);
    if (block_of(host, token, &block) == GA_OK) {
        ptr = block->piece.ptr;
        if (size)
            *size = (size_t)block->piece.size;
    }
    lock_give(&host->lock);
    return ptr;
}

bool ga_host_is_pinned(ga_host *host, const void *ptr)
{
    const struct ga_backend_pinned *pinned = host->backend->pinned;
    lock_take(&host->lock);
    uint64_t at = (uintptr_t)ptr - (uintptr_t)host->reserve.ptr;
    bool is_ours = gai_host_at(host, ptr) || (host->reserve_state == RESERVE_THERE && at < host->reserve.size);
    lock_give(&host->lock);
    return is_ours || (pinned && pinned->is_pinned && pinned->is_pinned(pinned->user, ptr));
}

uint64_t ga_host_poll(ga_host *host)
{
    lock_take(&host->lock);
    gai_host_retire(host, NULL);
    gai_host_tidy(host);
    uint64_t pending = host->stats.pending_bytes;
    lock_give(&host->lock);
    return pending;
}

enum ga_status ga_host_sync(ga_host *host)
{
    lock_take(&host->lock);
    enum ga_status status = gai_host_wait_all(host);
    gai_host_tidy(host);
    lock_give(&host->lock);
    return status;
}

void ga_host_trim(ga_host *host, uint64_t target)
{
    lock_take(&host->lock);
    gai_host_retire(host, NULL);
    uint64_t owned = host->stats.allocated_bytes.now;
    if (owned > target)
        gai_host_drop(host, owned - target);
    gai_host_drop_pools(host);
    gai_host_tidy(host);
    lock_give(&host->lock);
}
