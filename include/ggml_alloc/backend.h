/*
 * backend.h - the interface a device implements
 *
 * Everything that hands out real memory is one of these, so they stack: device -> meter -> arena.  A backend is a plain struct that
 * its owner keeps alive for as long as anything uses it.
 */
#ifndef GGML_ALLOC_BACKEND_H
#define GGML_ALLOC_BACKEND_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ga_buffer {
    void *base; /* may be a device address or meaningless: the library never reads through it */
    size_t size;
    void *handle; /* the backend's own */
};

struct ga_backend {
    uint32_t abi; /* 0 is 1 */
    int device;
    const char *name;
    size_t align;    /* of every buffer's base; a power of two, 0 is 1 */
    size_t max_size; /* of one buffer; 0 is unlimited */
    /* GA_OK and a filled buffer, or GA_NO_SPACE and nothing taken.  `size` is never 0. */
    enum ga_status (*alloc)(void *user, size_t size, struct ga_buffer *buffer);
    void (*free)(void *user, struct ga_buffer *buffer);                /* cannot fail */
    bool (*info)(void *user, size_t *free_bytes, size_t *total_bytes); /* optional, NULL: unknown */
    void *user;
};

/* Host memory: aligned_alloc() and free(), 64-byte aligned. */
GA_API const struct ga_backend *ga_backend_cpu(void);
/* Addresses with nothing behind them, never NULL, never overlapping while live within one process' address space: to measure. */
GA_API const struct ga_backend *ga_backend_null(void);

/*
 * A meter around another backend: counts, caps, and fails on request.  The
 * backend that it is lives as long as the meter.
 */
typedef struct ga_meter ga_meter;

struct ga_meter_stats {
    uint64_t allocs, frees, failures; /* calls so far; a failed alloc counts in both `allocs` and `failures` */
    uint64_t live, peak;              /* bytes now, and at most */
    uint64_t buffers;                 /* live ones */
};

GA_API ga_meter *ga_meter_new(const struct ga_env *env, const struct ga_backend *inner);
GA_API void ga_meter_delete(ga_meter *meter);
GA_API const struct ga_backend *ga_meter_backend(ga_meter *meter);
GA_API void ga_meter_stats(const ga_meter *meter, struct ga_meter_stats *stats);
GA_API void ga_meter_cap(ga_meter *meter, uint64_t bytes);     /* live bytes stay at or below; 0 is no cap */
GA_API void ga_meter_fail_in(ga_meter *meter, uint64_t calls); /* the calls-th alloc from now fails once; 0: none */

#ifdef __cplusplus
}
#endif

#endif
