/*
 * Segments that grow (core_grow.c), with the backend's ranges behind them.  One range is reserved per lane, for more than the
 * device has; what no free block serves is mapped at the lowest place where it fits.  All of it is done with the lock held, so
 * that a hole is a hole for everybody.
 */
#include "cache/device.h"

#include <assert.h>

#include "base/bits.h"

/* At most mapped at a time beyond what is needed, and at least unmapped between blocks: each piece is a call of the backend's. */
static const uint64_t large_piece = GA_CACHE_SEGMENT_QUANTUM;

/* Of all that is reserved: less is not worth a wait, nor is one usual piece. */
enum { WORTH = 400 };

/* What is mapped beyond the need is at most that part of all, so that little caches are not mostly slack. */
enum { PIECES = 1024 };

/* Of a backend that does not say what it has; and no larger. */
static const uint64_t most_range = sizeof(size_t) > 4 ? (uint64_t)1 << 40 : (uint64_t)1 << 28;

static const struct ga_backend_vmem *calls_of(const ga_cache *cache)
{
    return cache->backend->vmem;
}

bool gai_cache_grows(const ga_cache *cache, uint32_t pool)
{
    return cache->opts.expandable && pool == 0 && calls_of(cache);
}

/* An eighth more than there is, so that it can be used up in spite of gaps; multiples of the granule. */
static uint64_t range_size(const ga_cache *cache)
{
    uint64_t free_bytes, total = 0;
    const struct ga_backend *backend = cache->backend;
    if (!backend->info || !backend->info(backend->user, &free_bytes, &total) || total > most_range)
        total = most_range;
    return align_up(total + total / 8, calls_of(cache)->granule);
}

/* A range for the request at least; smaller ones are tried when there are no addresses left. */
static enum ga_status reserve(ga_cache *cache, const struct request *request)
{
    const struct ga_backend_vmem *calls = calls_of(cache);
    uint64_t least = align_up(request->rounded, calls->granule), size = max_u64(range_size(cache), least);
    struct ga_buffer buffer = { 0 };
    uint32_t segment;
    if (least > SIZE_MAX / 2)
        return GA_NO_SPACE;
    enum ga_status status = calls->reserve(calls->user, (size_t)size, &buffer.base);
    while (status == GA_NO_SPACE && size / 2 >= least) {
        size = align_up(size / 2, calls->granule);
        status = calls->reserve(calls->user, (size_t)size, &buffer.base);
    }
    if (status != GA_OK)
        return status;
    buffer.size = (size_t)size;
    status = gai_core_reserve(&cache->core, request->lane, &buffer, &segment);
    if (status != GA_OK)
        calls->release(calls->user, buffer.base, buffer.size);
    return status;
}

/* Of the first `n` holes of a gap. */
static void unmap_holes(ga_cache *cache, uint32_t lane, const struct core_gap *gap, uint32_t n)
{
    const struct ga_backend_vmem *calls = calls_of(cache);
    for (uint32_t i = 0; i < n; i++) {
        struct core_piece piece = gai_core_hole(&cache->core, lane, gap->first + i);
        void *base = cache->core.segments[piece.segment].buffer.base;
        calls->unmap(calls->user, base, (size_t)piece.into, (size_t)piece.len);
        cache->backend_frees++;
    }
}

static void note_piece(ga_cache *cache, enum ga_cache_action action, uint32_t lane, const char *base, uint64_t into, uint64_t len)
{
    if (cache->watch.on)
        gai_watch_add(cache,
                      (struct ga_cache_entry){
                          .action = action, .ptr = base + (size_t)into, .size = len, .stream = cache->core.lanes[lane]->stream });
}

/* All or none. */
static enum ga_status map_holes(ga_cache *cache, uint32_t lane, const struct core_gap *gap)
{
    const struct ga_backend_vmem *calls = calls_of(cache);
    for (uint32_t i = 0; i < gap->n; i++) {
        struct core_piece piece = gai_core_hole(&cache->core, lane, gap->first + i);
        void *base = cache->core.segments[piece.segment].buffer.base;
        uint64_t len = i + 1 == gap->n ? gap->last : piece.len;
        enum ga_status status = calls->map(calls->user, base, (size_t)piece.into, (size_t)len);
        if (status != GA_OK) {
            unmap_holes(cache, lane, gap, i);
            return status;
        }
        cache->backend_allocs++;
        note_piece(cache, GA_CACHE_SEGMENT_MAP, lane, base, piece.into, len);
    }
    return GA_OK;
}

static enum ga_status grow_by(ga_cache *cache, const struct request *request, uint64_t piece, uint32_t *node)
{
    struct core *core = &cache->core;
    struct core_gap gap;
    uint64_t held = add_sat(core_reserved(core), cache->ahead);
    enum ga_status status = GA_OK;
    if (!gai_core_gap(core, request->lane, request->rounded, piece, &gap)) {
        status = reserve(cache, request);
        if (status != GA_OK || !gai_core_gap(core, request->lane, request->rounded, piece, &gap))
            return status == GA_OK ? GA_NO_SPACE : status;
    }
    if (held > cache->limit || gap.bytes > cache->limit - held)
        return GA_NO_SPACE;
    status = map_holes(cache, request->lane, &gap);
    for (uint32_t i = 0; status == GA_OK && i < gap.n; i++) {
        uint64_t len = i + 1 == gap.n ? gap.last : gai_core_hole(core, request->lane, gap.first).len;
        *node = gai_core_map(core, request->lane, gap.first, len);
    }
    return status;
}

/* A power of two, the granule at least. */
static uint64_t usual_piece(const ga_cache *cache)
{
    uint64_t piece = calls_of(cache)->granule, most = min_u64(core_reserved(&cache->core) / PIECES, large_piece);
    while (2 * piece <= most)
        piece *= 2;
    return piece;
}

enum ga_status gai_cache_grow(ga_cache *cache, const struct request *request, uint32_t *node)
{
    uint64_t least = calls_of(cache)->granule, usual = usual_piece(cache);
    if (!gai_core_room(&cache->core, request->lane, 1))
        return GA_NO_MEMORY;
    enum ga_status status = grow_by(cache, request, usual, node);
    return status == GA_NO_SPACE && least < usual ? grow_by(cache, request, least, node) : status;
}

/* The granules of a free node that may go; false: they are none, or too few between blocks. */
static bool may_unmap(const ga_cache *cache, const struct core_segment *segment, uint32_t node, uint64_t *low, uint64_t *high)
{
    const struct range *range = &cache->core.lanes[segment->lane]->range;
    uint64_t granule = calls_of(cache)->granule, start = range_offset(range, node) - segment->start;
    *low = align_up(start, granule);
    *high = (start + range_len(range, node)) & ~(granule - 1);
    return range_is_free(range, node) && *high > *low && (!segment->n_blocks || *high - *low >= large_piece);
}

/* Pieces of a range that are wholly free, from its end, until at most `target` bytes are reserved. */
static void unmap_free(ga_cache *cache, uint32_t slot, uint64_t target)
{
    struct core *core = &cache->core;
    const struct ga_backend_vmem *calls = calls_of(cache);
    const struct core_segment *segment = &core->segments[slot];
    const struct range *range = &core->lanes[segment->lane]->range;
    for (uint32_t node = range_prev(range, segment->mark), before; node != segment->fence; node = before) {
        before = range_prev(range, node);
        uint64_t low, high;
        if (core_reserved(core) <= target || !may_unmap(cache, segment, node, &low, &high))
            continue;
        low = high - min_u64(high - low, align_up(core_reserved(core) - target, calls->granule));
        if (!gai_core_unmap(core, segment->lane, node, low + segment->start - range_offset(range, node), high - low))
            continue;
        calls->unmap(calls->user, segment->buffer.base, (size_t)low, (size_t)(high - low));
        cache->backend_frees++;
        note_piece(cache, GA_CACHE_SEGMENT_UNMAP, segment->lane, segment->buffer.base, low, high - low);
    }
}

void gai_cache_shrink(ga_cache *cache, struct idle idle, const ga_stream *stream, uint64_t target)
{
    struct core *core = &cache->core;
    const struct ga_backend_vmem *calls = calls_of(cache);
    for (uint32_t at = core->oldest, next; at; at = next) {
        struct core_segment *segment = &core->segments[at];
        next = segment->next;
        bool may_go = segment->grows && segment->idle_since <= idle.before && idle.pool == 0;
        if (!may_go || (stream && core->lanes[segment->lane]->stream != *stream))
            continue;
        unmap_free(cache, at, target);
        if (segment->mapped)
            continue;
        struct ga_buffer buffer = segment->buffer;
        gai_core_forget(core, at);
        calls->release(calls->user, buffer.base, buffer.size);
    }
}

/* What could be unmapped, of all ranges. */
static uint64_t idle_bytes(const ga_cache *cache)
{
    const struct core *core = &cache->core;
    uint64_t bytes = 0, low, high;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next) {
        const struct core_segment *segment = &core->segments[at];
        const struct range *range = &core->lanes[segment->lane]->range;
        for (uint32_t node = segment->fence; segment->grows && node != segment->mark; node = range_next(range, node))
            if (may_unmap(cache, segment, node, &low, &high))
                bytes += high - low;
    }
    return bytes;
}

enum ga_status gai_cache_compact(ga_cache *cache, const struct request *request)
{
    const struct core *core = &cache->core;
    uint64_t reserved = core_reserved(core), worth = max_u64(reserved / WORTH, large_piece);
    bool never = cache->opts.wait == GA_WAIT_NEVER || cache->pools.n_captures;
    if (never || reserved - counts_active_bytes(&core->counts) <= worth)
        return GA_NO_SPACE;
    if (add_sat(reserved, request->rounded) <= core->counts.reserved_bytes.peak || idle_bytes(cache) <= worth)
        return GA_NO_SPACE;
    struct idle idle;
    enum ga_status status = gai_cache_wait_all(cache, &idle);
    if (status == GA_OK)
        gai_cache_shrink(cache, idle, NULL, 0);
    return status;
}

void gai_cache_release_range(ga_cache *cache, uint32_t slot)
{
    const struct ga_backend_vmem *calls = calls_of(cache);
    const struct core_segment *segment = &cache->core.segments[slot];
    const struct core_lane *lane = cache->core.lanes[segment->lane];
    struct core_run run;
    for (uint32_t node = segment->fence; gai_core_run(lane, segment, node, &run); node = run.last)
        calls->unmap(calls->user, segment->buffer.base, (size_t)run.into, (size_t)run.len);
    calls->release(calls->user, segment->buffer.base, segment->buffer.size);
}
