/*
 * trace.h - the newest things that happened: a ring that was paid for at the start, or nothing but a branch
 */
#ifndef GAI_CACHE_TRACE_H
#define GAI_CACHE_TRACE_H

#include "ggml_alloc/cache.h"

#include "base/mem.h"

struct trace {
    struct ga_cache_entry *ring; /* NULL: off */
    uint32_t cap;
    uint64_t n; /* that happened; the next goes to [n % cap] */
};

bool gai_trace_init(struct trace *trace, const struct ga_mem *mem, uint32_t cap); /* false: no memory */
void gai_trace_add(struct trace *trace, enum ga_cache_action action, const void *ptr, uint64_t size, ga_stream stream);

static inline void trace_note(struct trace *trace, enum ga_cache_action action, const void *ptr, uint64_t size, ga_stream stream)
{
    if (trace->ring)
        gai_trace_add(trace, action, ptr, size, stream);
}

#endif
