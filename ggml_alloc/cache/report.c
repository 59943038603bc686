/*
 * Why memory is short: numbers, what of the options would have helped, and both as text.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "base/bits.h"
#include "base/log.h"
#include "cache/device.h"

/* Free bytes of a lane, and its longest free block. */
static uint64_t free_in(const struct core *core, uint32_t at)
{
    uint64_t bytes = 0;
    for (uint32_t slot = core->oldest; slot; slot = core->segments[slot].next)
        bytes += core->segments[slot].lane == at ? core_segment_bytes(&core->segments[slot]) : 0;
    for (uint32_t slot = 1; slot <= core->n_blocks; slot++)
        if (core->blocks[slot].state != CORE_SPARE && core_block_lane(core, slot) == at)
            bytes -= core_block_size(core, slot);
    return bytes;
}

static void add_free(const ga_cache *cache, const struct request *request, struct ga_cache_oom *oom)
{
    const struct core *core = &cache->core;
    for (uint32_t at = 0; at < core->n_lanes; at++) {
        const struct core_lane *lane = core->lanes[at];
        uint64_t bytes = free_in(core, at);
        oom->cached += bytes;
        if (at == request->lane) {
            oom->stream_free = bytes;
        } else if (lane->pool != request->pool || lane->apart) {
            oom->pools_free += lane->pool ? bytes : 0;
        } else if (lane->small == policy_is_small(request->rounded)) {
            oom->others_free += bytes;
            oom->largest_other = max_u64(oom->largest_other, gai_core_longest(core, at));
        }
    }
}

static uint32_t hints_for(const ga_cache *cache, const struct request *request, const struct ga_cache_oom *oom)
{
    uint64_t bytes = request->rounded;
    uint32_t hints = 0;
    if (oom->limit != UINT64_MAX && oom->free_bytes >= oom->segment)
        hints |= GA_HINT_LIMIT;
    if (cache->opts.wait == GA_WAIT_NEVER && oom->pending >= bytes)
        hints |= GA_HINT_WAIT;
    if (cache->opts.max_split == 0 && !policy_is_small(bytes) && oom->stream_free >= bytes)
        hints |= GA_HINT_MAX_SPLIT;
    if (oom->pools_free >= bytes)
        hints |= GA_HINT_POOLS;
    if (!cache->opts.adopt && oom->largest_other >= bytes)
        hints |= GA_HINT_ADOPT;
    return hints;
}

/* Asks without the lock. */
static void ask_device(ga_cache *cache, struct ga_cache_oom *oom)
{
    const struct ga_backend *backend = cache->backend;
    lock_give(&cache->lock);
    if (backend->info && !backend->info(backend->user, &oom->free_bytes, &oom->total_bytes))
        oom->free_bytes = oom->total_bytes = 0;
    lock_take(&cache->lock);
}

void gai_cache_report(ga_cache *cache, const struct request *request)
{
    const struct counts *counts = &cache->core.counts;
    const struct ga_cache_hooks *hooks = &cache->opts.hooks;
    struct ga_cache_oom oom = {
        .requested = request->size,
        .rounded = request->rounded,
        .segment = request->rounded < POLICY_ABSURD ? gai_policy_segment(&cache->opts, request->rounded) : request->rounded,
        .stream = request->stream,
        .pool = pools_name(&cache->pools, request->pool),
        .device = cache->backend->device,
        .limit = cache->limit,
        .allocated = tally_now(&counts->allocated_bytes),
        .pending = tally_now(&counts->pending_bytes),
        .reserved = core_reserved(&cache->core),
        .split = tally_now(&counts->split_bytes),
        .largest_free = gai_core_longest(&cache->core, request->lane),
    };
    cache->ooms++;
    gai_watch_add(
        cache,
        (struct ga_cache_entry){
            .action = GA_CACHE_NO_SPACE, .size = oom.requested, .stream = oom.stream, .pool = oom.pool, .tag = request->tag });
    add_free(cache, request, &oom);
    ask_device(cache, &oom);
    oom.hints = hints_for(cache, request, &oom);
    cache->oom = oom;
    cache->has_oom = true;
    lock_give(&cache->lock);
    if (hooks->oom)
        hooks->oom(hooks->user, &oom);
    lock_take(&cache->lock);
}

/* Text that is cut where there is no more room, and counted all the same. */
struct page {
    char *text;
    size_t cap, len;
};

static void put(struct page *page, const char *format, ...) GAI_PRINTF(2, 3);

static void put(struct page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool has_room = page->len < page->cap;
    int len = gai_format_list(has_room ? page->text + page->len : NULL, has_room ? page->cap - page->len : 0, format, args);
    va_end(args);
    page->len += len > 0 ? (size_t)len : 0;
}

/* "17 bytes", "1.50 GiB". */
static void put_bytes(struct page *page, uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB" };
    if (bytes <= 1024) {
        put(page, "%" PRIu64 " bytes", bytes);
        return;
    }
    int unit = bytes < (uint64_t)1 << 20 ? 0 : bytes < (uint64_t)1 << 30 ? 1 : 2;
    put(page, "%.2f %s", (double)bytes / (double)((uint64_t)1 << (10 * (unit + 1))), units[unit]);
}

static void put_row(struct page *page, const char *what, uint64_t bytes)
{
    put(page, "  %-24s", what);
    put_bytes(page, bytes);
    put(page, "\n");
}

static void put_hints(struct page *page, uint32_t hints)
{
    static const struct {
        enum ga_hint hint;
        const char *text;
    } texts[] = {
        { GA_HINT_LIMIT, "the device has more: raise the limit" },
        { GA_HINT_WAIT, "what is pending would do: let oom_wait be enough or all" },
        { GA_HINT_MAX_SPLIT, "what is free is in pieces: max_split_size_mb keeps large blocks whole" },
        { GA_HINT_POOLS, "private pools hold free memory: trim or release them, or let them lend" },
        { GA_HINT_ADOPT, "other streams hold free memory: adopt it" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (hints & texts[i].hint)
            put(page, "  hint: %s\n", texts[i].text);
}

size_t ga_cache_oom_text(const struct ga_cache_oom *report, char *text, size_t cap)
{
    struct page page = { .text = text, .cap = cap };
    if (cap)
        text[0] = 0;
    put(&page, "no memory for ");
    put_bytes(&page, report->requested);
    put(&page, " on device %d, stream %" PRIu64 ", a segment of ", report->device, report->stream);
    put_bytes(&page, report->segment);
    put(&page, "\n");
    if (report->total_bytes) {
        put_row(&page, "device", report->total_bytes);
        put_row(&page, "free there", report->free_bytes);
    }
    if (report->limit != UINT64_MAX)
        put_row(&page, "allowed", report->limit);
    put_row(&page, "reserved", report->reserved);
    put_row(&page, "allocated", report->allocated);
    put_row(&page, "pending", report->pending);
    put_row(&page, "free for this stream", report->stream_free);
    put_row(&page, "the longest of it", report->largest_free);
    put_row(&page, "free for other streams", report->others_free);
    put_row(&page, "free in other pools", report->pools_free);
    put_hints(&page, report->hints);
    return page.len;
}
