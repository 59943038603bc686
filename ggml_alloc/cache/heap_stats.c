#include "cache/heap.h"

#include "base/bits.h"

/* No comparison is true of a NaN. */
static bool is_ratio(double ratio, double most)
{
    return ratio >= 0 && ratio <= most;
}

enum ga_status ga_heap_set_high_watermark_ratio(ga_heap *heap, double ratio)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    bool sound = is_ratio(ratio, HEAP_MAX_RATIO) && (!(ratio > 0) || heaps->low_ratio <= ratio);
    if (sound)
        heaps->high_ratio = ratio;
    gai_heap_set_limits(heaps);
    lock_give(&heaps->lock);
    return sound ? GA_OK : GA_INVALID;
}

enum ga_status ga_heap_set_low_watermark_ratio(ga_heap *heap, double ratio)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    bool sound = is_ratio(ratio, heaps->high_ratio > 0 ? heaps->high_ratio : HEAP_MAX_RATIO);
    if (sound)
        heaps->low_ratio = ratio;
    gai_heap_set_limits(heaps);
    lock_give(&heaps->lock);
    return sound ? GA_OK : GA_INVALID;
}

double ga_heap_get_high_watermark_ratio(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    double ratio = heap->all->high_ratio;
    lock_give(&heap->all->lock);
    return ratio;
}

double ga_heap_get_low_watermark_ratio(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    double ratio = heap->all->low_ratio;
    lock_give(&heap->all->lock);
    return ratio;
}

uint64_t ga_heap_get_high_watermark_limit(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    uint64_t limit = heap->all->high;
    lock_give(&heap->all->lock);
    return limit;
}

uint64_t ga_heap_get_low_watermark_limit(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    uint64_t limit = heap->all->low;
    lock_give(&heap->all->lock);
    return limit;
}

uint64_t ga_heap_get_low_watermark_value(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    uint64_t value = gai_heap_low_value(heap->all);
    lock_give(&heap->all->lock);
    return value;
}

uint64_t ga_heap_get_total_allocated_memory(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    uint64_t total = heap->all->reserved.now;
    lock_give(&heap->all->lock);
    return total;
}

uint64_t ga_heap_get_current_allocated_memory(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    uint64_t current = heap->all->allocated.now;
    lock_give(&heap->all->lock);
    return current;
}

uint64_t ga_heap_get_driver_allocated_memory(ga_heap *heap)
{
    lock_take(&heap->all->lock);
    uint64_t used = gai_heap_used(heap->all);
    lock_give(&heap->all->lock);
    return used;
}

uint64_t ga_heap_get_recommended_max_memory(ga_heap *heap)
{
    return heap->all->recommended;
}

void ga_heap_memory_info(ga_heap *heap, uint64_t *free_bytes, uint64_t *total_bytes)
{
    uint64_t used = ga_heap_get_driver_allocated_memory(heap);
    *total_bytes = heap->all->recommended;
    *free_bytes = *total_bytes - min_u64(used, *total_bytes);
}

void ga_heap_stats(ga_heap *heap, struct ga_heap_stats *stats)
{
    const ga_heaps *heaps = heap->all;
    lock_take(&heap->all->lock);
    *stats = (struct ga_heap_stats){
        .allocated = heaps->allocated, .reserved = heaps->reserved, .pending = heaps->pending, .ooms = heaps->ooms
    };
    for (uint32_t i = 0; i < GA_HEAP_POOL_N; i++) {
        stats->cached += heaps->pools[i].cached_size;
        stats->heaps += heaps->pools[i].n_heaps;
        stats->buffers += heaps->pools[i].n_buffers;
    }
    lock_give(&heap->all->lock);
}

void ga_heap_reset_peaks(ga_heap *heap)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    heaps->allocated.peak = heaps->allocated.now;
    heaps->reserved.peak = heaps->reserved.now;
    lock_give(&heaps->lock);
}

void ga_heap_reset_totals(ga_heap *heap)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    heaps->allocated.added = heaps->allocated.removed = 0;
    heaps->reserved.added = heaps->reserved.removed = 0;
    heaps->ooms = 0;
    lock_give(&heaps->lock);
}

bool ga_heap_oom(ga_heap *heap, struct ga_heap_oom *report)
{
    ga_heaps *heaps = heap->all;
    lock_take(&heaps->lock);
    bool known = heaps->has_oom;
    if (known)
        *report = heaps->oom;
    lock_give(&heaps->lock);
    return known;
}

const char *ga_heap_format_size(char buf[32], uint64_t size, bool decimal_names)
{
    static const char *const names[2][3] = { { "KiB", "MiB", "GiB" }, { "KB", "MB", "GB" } };
    if (size <= (uint64_t)1 << 10) {
        gai_format(buf, 32, "%llu bytes", (unsigned long long)size);
        return buf;
    }
    unsigned unit = size <= (uint64_t)1 << 20 ? 1 : size <= (uint64_t)1 << 30 ? 2 : 3;
    gai_format(buf, 32, "%.2f %s", (double)size / (double)((uint64_t)1 << 10 * unit), names[decimal_names][unit - 1]);
    return buf;
}
