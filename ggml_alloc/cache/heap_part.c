#include "cache/heap.h"

#include "base/bits.h"

#define ABSURD ((uint64_t)1 << 60) /* sizes above are refused before anything is rounded */

/* Of a rounded size; also the tier of its heap when memory is not short. */
enum tier { TIER_SMALL, TIER_LARGE, TIER_XLARGE, TIER_EXACT };

static uint64_t xlarge(const ga_heaps *heaps)
{
    return heaps->unified ? GA_HEAP_XLARGE_UNIFIED : GA_HEAP_XLARGE_DISCRETE;
}

static enum tier tier_of(const ga_heaps *heaps, uint64_t size)
{
    if (size <= GA_HEAP_MAX_SMALL)
        return TIER_SMALL;
    if (size < GA_HEAP_MIN_LARGE)
        return TIER_LARGE;
    return size < xlarge(heaps) / 2 ? TIER_XLARGE : TIER_EXACT;
}

struct heap_tier gai_heap_exact(const ga_heaps *heaps, uint64_t size)
{
    uint64_t rounded = align_up(size, GA_HEAP_ROUND_LARGE);
    return (struct heap_tier){ max_u64(size, min_u64(rounded, gai_backend_max(heaps->backend))), true };
}

struct heap_tier gai_heap_tier(const ga_heaps *heaps, uint64_t size, bool pressure)
{
    enum tier tier = tier_of(heaps, size);
    if (tier == TIER_SMALL)
        return (struct heap_tier){ GA_HEAP_SMALL_HEAP, false };
    if (tier == TIER_LARGE)
        return (struct heap_tier){ GA_HEAP_LARGE_HEAP, false };
    if (tier == TIER_XLARGE && !pressure)
        return (struct heap_tier){ xlarge(heaps), false };
    return gai_heap_exact(heaps, size);
}

/* Large sizes come in 32 to 64 steps per power of two, so that what grows slowly finds what it was before. */
static uint64_t bucket(const ga_heaps *heaps, uint64_t size)
{
    uint64_t granule = max_u64(((uint64_t)1 << high_bit(size)) / 32, heaps->page);
    uint64_t rounded = align_up(size, granule);
    bool is_same = tier_of(heaps, rounded) == tier_of(heaps, size);
    return is_same && rounded <= gai_backend_max(heaps->backend) ? rounded : size;
}

static uint32_t pool_of(uint64_t size, unsigned usage)
{
    if (usage & GA_HEAP_SCALAR)
        return GA_HEAP_POOL_SCALAR;
    if (size <= GA_HEAP_MAX_SMALL)
        return usage & GA_HEAP_SHARED ? GA_HEAP_POOL_SHARED_SMALL : GA_HEAP_POOL_PRIVATE_SMALL;
    return usage & GA_HEAP_SHARED ? GA_HEAP_POOL_SHARED_LARGE : GA_HEAP_POOL_PRIVATE_LARGE;
}

static unsigned memory_of(unsigned usage)
{
    unsigned shared = usage & (GA_HEAP_SHARED | GA_HEAP_SCALAR) ? GA_MEMORY_SHARED : 0;
    return shared | (usage & GA_HEAP_SCALAR ? 0 : GA_MEMORY_TRACKED);
}

enum ga_status gai_heap_request(const ga_heaps *heaps, size_t requested, unsigned usage, struct heap_request *request)
{
    const struct ga_backend_share *share = heaps->backend->share;
    uint64_t size = requested;
    if (size > ABSURD || size >= gai_backend_max(heaps->backend))
        return GA_INVALID;
    if (size <= GA_HEAP_MAX_SCALAR && heaps->unified)
        usage |= GA_HEAP_SHARED;
    if (usage & (GA_HEAP_SHARED | GA_HEAP_SCALAR) && !share && !heaps->backend->host)
        return GA_UNSUPPORTED;
    if (share && share->size)
        size = share->size(share->user, requested, memory_of(usage));
    size = align_up(size, heaps->pools[GA_HEAP_POOL_SHARED_SMALL].quantum);
    if (size > GA_HEAP_MAX_SMALL && usage & GA_HEAP_SCALAR)
        return GA_INVALID;
    if (size > GA_HEAP_MAX_SMALL)
        size = bucket(heaps, align_up(size, heaps->page));
    uint32_t pool = pool_of(size, usage);
    *request = (struct heap_request){
        .requested = requested,
        .size = size,
        .pool = pool,
        .usage = heaps->pools[pool].usage | (usage & GA_HEAP_MANAGED),
        .pressure = heap_pool_is_large(pool) && gai_heap_low_value(heaps) == 0,
    };
    return GA_OK;
}

uint64_t gai_heap_used(const ga_heaps *heaps)
{
    const struct ga_backend *backend = heaps->backend;
    uint64_t free_bytes, total_bytes;
    bool known = backend->info && backend->info(backend->user, &free_bytes, &total_bytes) && free_bytes <= total_bytes;
    return known ? total_bytes - free_bytes : heaps->reserved.now;
}

uint64_t gai_heap_low_value(const ga_heaps *heaps)
{
    if (heaps->low == 0)
        return UINT64_MAX;
    uint64_t used = gai_heap_used(heaps);
    return used < heaps->low ? (heaps->low - used) >> 20 : 0;
}

void gai_heap_set_limits(ga_heaps *heaps)
{
    heaps->high = (uint64_t)(heaps->high_ratio * (double)heaps->recommended);
    heaps->low = (uint64_t)(heaps->low_ratio * (double)heaps->recommended);
}
