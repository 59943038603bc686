#include "cache/heap.h"

#include <string.h>

#include "base/bits.h"
#include "base/later.h"

#define HIGH_RATIO 1.7
#define LOW_RATIO_UNIFIED 1.4
#define LOW_RATIO_DISCRETE 1.0

static bool is_complete(const struct ga_backend *backend)
{
    const struct ga_backend_order *calls = backend->order;
    const struct ga_backend_share *share = backend->share;
    bool ordered = !calls || (calls->record && calls->reached && calls->wait && calls->release && calls->sync);
    return ordered && (!share || (share->alloc && share->pointer && (share->page == 0 || is_pow2(share->page))));
}

/* Written so that no comparison is true of a NaN. */
static bool choose_ratios(ga_heaps *heaps, const struct ga_heap_opts *opts)
{
    double high = opts->high_ratio, low = opts->low_ratio;
    double usual = heaps->unified ? LOW_RATIO_UNIFIED : LOW_RATIO_DISCRETE;
    if (!(high >= 0 && high <= HEAP_MAX_RATIO && low >= 0 && low <= HEAP_MAX_RATIO))
        return false;
    heaps->high_ratio = high > 0 ? high : HIGH_RATIO;
    heaps->low_ratio = low > 0 ? low : usual;
    if (!(low > 0) && heaps->low_ratio > heaps->high_ratio)
        heaps->low_ratio = heaps->high_ratio;
    return heaps->low_ratio <= heaps->high_ratio;
}

static void describe_device(ga_heaps *heaps)
{
    const struct ga_backend *backend = heaps->backend;
    const struct ga_backend_share *share = backend->share;
    uint64_t free_bytes = 0, total_bytes = 0;
    heaps->unified = share ? share->unified : backend->host;
    heaps->page = share && share->page ? share->page : GA_HEAP_PAGE;
    heaps->recommended = share ? share->recommended : 0;
    if (heaps->recommended == 0 && backend->info && backend->info(backend->user, &free_bytes, &total_bytes))
        heaps->recommended = total_bytes;
}

static void describe_pools(ga_heaps *heaps)
{
    static const unsigned usages[GA_HEAP_POOL_N] = {
        [GA_HEAP_POOL_PRIVATE_SMALL] = GA_HEAP_SMALL | GA_HEAP_HAZARD,
        [GA_HEAP_POOL_PRIVATE_LARGE] = GA_HEAP_HAZARD,
        [GA_HEAP_POOL_SHARED_SMALL] = GA_HEAP_SMALL | GA_HEAP_SHARED | GA_HEAP_HAZARD,
        [GA_HEAP_POOL_SHARED_LARGE] = GA_HEAP_SHARED | GA_HEAP_HAZARD,
        [GA_HEAP_POOL_SCALAR] = GA_HEAP_SMALL | GA_HEAP_SHARED | GA_HEAP_SCALAR,
    };
    uint64_t quantum = max_u64(GA_HEAP_SMALL_QUANTUM, gai_backend_align(heaps->backend));
    heaps->page = max_u64(heaps->page, quantum);
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++) {
        heaps->pools[i].usage = usages[i];
        heaps->pools[i].quantum = heap_pool_is_large(i) ? heaps->page : quantum;
    }
}

ga_heaps *ga_heaps_new(const struct ga_env *env, const struct ga_backend *backend, const struct ga_heap_opts *opts)
{
    struct ga_heap_opts chosen = opts ? *opts : (struct ga_heap_opts){ 0 };
    struct ga_env whole = gai_env(env);
    if (later_refused(&whole.log, &chosen, "struct ga_heap_opts"))
        return NULL;
    ga_heaps *heaps = gai_backend_sound(backend) && is_complete(backend) ? mem_new(&whole.mem, ga_heaps, 1) : NULL;
    if (!heaps)
        return NULL;
    heaps->env = whole;
    heaps->backend = backend;
    heaps->verbosity = chosen.verbosity;
    lock_init(&heaps->lock);
    describe_device(heaps);
    describe_pools(heaps);
    heaps->kind = chosen.kind;
    for (int shared = 0; shared < 2; shared++) {
        heaps->faces[shared] = (struct ga_heap){ .all = heaps, .shared = shared };
        gai_heap_offer(&heaps->faces[shared]);
    }
    if (!choose_ratios(heaps, &chosen)) {
        mem_free(&whole.mem, heaps, 1);
        return NULL;
    }
    gai_heap_set_limits(heaps);
    return heaps;
}

ga_heap *ga_heaps_get(ga_heaps *heaps, bool shared)
{
    return shared && !heaps->unified ? NULL : &heaps->faces[shared];
}

/* The device is done with all of it, and its owners are gone. */
static void abandon(ga_heaps *heaps)
{
    for (uint32_t slot = 1; slot <= heaps->n_buffers; slot++) {
        struct heap_buffer *buffer = &heaps->buffers[slot];
        mem_free(&heaps->env.mem, buffer->shape, buffer->n_shape);
        buffer->shape = NULL;
        if (buffer->state == HEAP_SPARE || buffer->state == HEAP_CACHED)
            continue;
        if (buffer->state != HEAP_LEFT)
            gai_heap_cache(heaps, slot);
        buffer->refs = 0;
        if (buffer->state == HEAP_LEFT)
            gai_heap_unplace(heaps, slot);
    }
}

void ga_heaps_delete(ga_heaps *heaps)
{
    if (!heaps)
        return;
    struct ga_env env = heaps->env;
    lock_take(&heaps->lock);
    gai_heap_release_all(heaps);
    abandon(heaps);
    for (uint32_t pool = 0; pool < GA_HEAP_POOL_N; pool++) {
        while (heaps->pools[pool].oldest)
            gai_heap_release(heaps, heaps->pools[pool].oldest, true);
        gai_heap_drop_empty(heaps, pool, UINT64_MAX, UINT64_MAX);
    }
    gai_heap_settle(heaps);
    lock_give(&heaps->lock);
    gai_heap_fini_batches(heaps);
    gai_heap_fini_owners(heaps);
    for (uint32_t pool = 0; pool < GA_HEAP_POOL_N; pool++)
        mem_free(&env.mem, heaps->pools[pool].heaps, heaps->pools[pool].cap_heaps);
    mem_free(&env.mem, heaps->buffers, heaps->cap_buffers);
    mem_free(&env.mem, heaps->nodes, heaps->cap_nodes);
    mem_free(&env.mem, heaps->hooks, heaps->cap_hooks);
    mem_free(&env.mem, heaps, 1);
}

static const char *hint_for(const ga_heaps *heaps, const struct heap_request *request)
{
    uint64_t used = gai_heap_used(heaps);
    bool over_high = heaps->high && (used > heaps->high || request->size > heaps->high - used);
    if (request->size > gai_backend_max(heaps->backend))
        return "the device has no buffers of that size";
    if (over_high)
        return "the high watermark forbids it; a higher ratio allows more, 0 all";
    return "the device has no more; free buffers, or let others empty their caches";
}

static void report(ga_heaps *heaps, const struct heap_request *request)
{
    uint64_t used = gai_heap_used(heaps);
    heaps->ooms++;
    heaps->has_oom = true;
    heaps->oom = (struct ga_heap_oom){
        .requested = request->requested,
        .size = request->size,
        .pool = (enum ga_heap_pool)request->pool,
        .heap_bytes = heaps->reserved.now,
        .other_bytes = used - min_u64(used, heaps->reserved.now),
        .limit = heaps->high,
        .hint = hint_for(heaps, request),
    };
}

/* A cached buffer, or else a new one. */
static enum ga_status try_again(ga_heaps *heaps, struct heap_request *request)
{
    return gai_heap_recycle(heaps, request) ? GA_OK : gai_heap_create(heaps, request);
}

static enum ga_status make_room(ga_heaps *heaps, struct heap_request *request)
{
    gai_heap_tell_failed(heaps, request);
    gai_heap_poll(heaps);
    gai_heap_settle(heaps);
    if (gai_heap_recycle(heaps, request))
        return GA_OK;
    gai_heap_release_some(heaps, request->pool, request->size);
    enum ga_status status = gai_heap_create(heaps, request);
    if (status == GA_NO_SPACE)
        status = gai_heap_release_all(heaps);
    else
        return status;
    if (status == GA_OK)
        status = try_again(heaps, request);
    if (status == GA_NO_SPACE)
        report(heaps, request);
    return status;
}

static enum ga_status alloc_locked(ga_heaps *heaps, struct heap_request *request)
{
    gai_heap_poll(heaps);
    gai_heap_settle(heaps);
    if (gai_heap_recycle(heaps, request))
        return GA_OK;
    if (request->pressure)
        gai_heap_relieve(heaps, request);
    enum ga_status status = gai_heap_create(heaps, request);
    return status == GA_NO_SPACE ? make_room(heaps, request) : status;
}

enum ga_status ga_heap_alloc(ga_heap *heap, size_t size, unsigned usage, ga_heap_buffer *buffer)
{
    ga_heaps *heaps = heap->all;
    ga_heap_buffer name = 0;
    enum ga_status status = GA_OK;
    if (size != 0) {
        struct heap_request request;
        lock_take(&heaps->lock);
        status = gai_heap_request(heaps, size, usage | (heap->shared ? GA_HEAP_SHARED : 0), &request);
        if (status == GA_OK)
            status = alloc_locked(heaps, &request);
        if (status == GA_OK) {
            name = heap_name(heaps, request.buffer);
            gai_heap_tell(heaps, request.is_recycled ? GA_HEAP_RECYCLED : GA_HEAP_ALLOCATED, request.buffer);
        }
        gai_heap_settle(heaps);
        lock_give(&heaps->lock);
    }
    if (status == GA_OK)
        *buffer = name;
    return status;
}

enum ga_status gai_heap_slot(const ga_heaps *heaps, ga_heap_buffer name, uint32_t *slot)
{
    uint32_t at = (uint32_t)name, generation = (uint32_t)(name >> 32);
    if (at == 0 || at > heaps->n_buffers || generation > heaps->buffers[at].generation)
        return GA_UNKNOWN;
    const struct heap_buffer *buffer = &heaps->buffers[at];
    if (buffer->state == HEAP_IN_USE && buffer->generation == generation) {
        *slot = at;
        return GA_OK;
    }
    bool was_handed_out = generation < buffer->generation || buffer->state == HEAP_PENDING || buffer->state == HEAP_FREED;
    return was_handed_out ? GA_FREED : GA_UNKNOWN;
}

/* What the host may write to, and what is filled anew, waits for those who use it; all else the device keeps in order. */
static void free_locked(ga_heaps *heaps, uint32_t slot)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    if (buffer->pool == GA_HEAP_POOL_SCALAR) {
        gai_heap_use_now(heaps, slot);
        heaps->n_scalars--;
    }
    heap_count_down(&heaps->allocated, buffer->size);
    mem_free(&heaps->env.mem, buffer->shape, buffer->n_shape);
    buffer->shape = NULL;
    buffer->n_shape = 0;
    buffer->event = 0;
    if (buffer->refs && heap_is_shared(heaps, slot)) {
        buffer->state = HEAP_PENDING;
        heaps->pending += buffer->size;
    } else {
        buffer->state = HEAP_FREED;
        buffer->next = heaps->freed;
        heaps->freed = slot;
    }
}

enum ga_status ga_heap_free(ga_heap *heap, ga_heap_buffer name)
{
    ga_heaps *heaps = heap->all;
    uint32_t slot;
    if (name == 0)
        return GA_OK;
    lock_take(&heaps->lock);
    enum ga_status status = gai_heap_slot(heaps, name, &slot);
    if (status == GA_OK)
        free_locked(heaps, slot);
    gai_heap_settle(heaps);
    lock_give(&heaps->lock);
    return status;
}

void *gai_heap_host(ga_heaps *heaps, uint32_t slot)
{
    const struct ga_backend_share *share = heaps->backend->share;
    const struct heap_buffer *buffer = &heaps->buffers[slot];
    struct heap *heap = buffer->heap;
    if (!heap->host)
        heap->host = share ? share->pointer(share->user, &heap->buffer) : heap->buffer.base;
    return heap->host ? (char *)heap->host + (size_t)range_offset(&heap->range, buffer->node) : NULL;
}

enum ga_status ga_heap_alloc_scalar_buffer_with_value(ga_heap *heap, const void *value, size_t size, ga_heap_buffer *buffer)
{
    ga_heap_buffer scalar = 0;
    if (size > GA_HEAP_MAX_SMALL)
        return GA_INVALID;
    enum ga_status status = ga_heap_alloc(heap, size, GA_HEAP_SCALAR, &scalar);
    void *host = status == GA_OK && scalar ? ga_heap_get_shared_buffer_ptr(heap, scalar, NULL) : NULL;
    if (status == GA_OK && scalar && !host) {
        ga_heap_free(heap, scalar);
        return GA_UNSUPPORTED;
    }
    if (host)
        memcpy(host, value, size);
    if (status == GA_OK)
        *buffer = scalar;
    return status;
}

enum ga_status ga_heap_empty_cache(ga_heap *heap)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    enum ga_status status = gai_heap_release_all(heaps);
    lock_give(&heaps->lock);
    return status;
}

uint64_t ga_heap_free_inactive_buffers(ga_heap *heap)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    gai_heap_poll(heaps);
    gai_heap_settle(heaps);
    uint64_t pending = heaps->pending;
    lock_give(&heaps->lock);
    return pending;
}
