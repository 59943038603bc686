#include "cache/trace.h"

#include "base/bits.h"
#include "cache/device.h"

bool gai_trace_init(struct trace *trace, const struct ga_mem *mem, uint32_t cap)
{
    *trace = (struct trace){ .ring = cap ? mem_new(mem, struct ga_cache_entry, cap) : NULL, .cap = cap };
    return cap == 0 || trace->ring;
}

void gai_trace_add(struct trace *trace, enum ga_cache_action action, const void *ptr, uint64_t size, ga_stream stream)
{
    trace->ring[trace->n % trace->cap] =
        (struct ga_cache_entry){ .number = trace->n + 1, .action = action, .ptr = ptr, .size = size, .stream = stream };
    trace->n++;
}

uint32_t ga_cache_trace(ga_cache *cache, struct ga_cache_entry *out, uint32_t cap)
{
    const struct trace *trace = &cache->trace;
    lock_take(&cache->lock);
    uint32_t n = (uint32_t)min_u64(trace->n, trace->cap);
    for (uint32_t i = 0; i < n && i < cap; i++)
        out[i] = trace->ring[(trace->n - n + i) % trace->cap];
    lock_give(&cache->lock);
    return n;
}
