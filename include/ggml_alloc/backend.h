/*
 * backend.h - the interface a device implements
 *
 *     device --> meter --> arena          everything that hands out memory is a backend, so they stack
 *
 * A backend is a plain struct that its owner keeps alive, and unchanged, for as long as anything uses it.  The library calls it
 * only when buffers are taken or given back, never while it plans and never in the steady state.
 *
 * What only some devices can do comes in groups; a group that is NULL is not there, and what needs it answers GA_UNSUPPORTED.
 * Each group brings its own `user`, so that a backend around another passes on the groups that it does not change as they are.
 */
#ifndef GGML_ALLOC_BACKEND_H
#define GGML_ALLOC_BACKEND_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ga_buffer {
    void *base;   /* what offsets count from: an address, of a device perhaps, or a mere number; not NULL */
    size_t size;  /* as asked for */
    void *handle; /* the backend's own */
};

/*
 * A device that runs behind its caller.  A stream is a queue whose work runs in order; an event is the point that a stream has
 * reached when all it was given so far is done.  Any thread may call these, several at a time.
 */
typedef uint64_t ga_stream; /* compared by value */
typedef uint64_t ga_event;  /* 0 is none */

#define GA_STREAM_CURRENT UINT64_MAX /* the one that order->current() tells; stream 0 where it cannot */

struct ga_backend_order {
    void *user;
    bool (*current)(void *user, ga_stream *stream); /* of the calling thread; NULL or false: there is none */
    enum ga_status (*record)(void *user, ga_stream stream, ga_event *event);
    bool (*reached)(void *user, ga_event event);        /* must not block */
    enum ga_status (*wait)(void *user, ga_event event); /* blocks until it is reached */
    void (*release)(void *user, ga_event event);        /* one of record()'s, reached or not; cannot fail */
    enum ga_status (*sync)(void *user);                 /* blocks until all streams have done all they were given */
    bool (*capturing)(void *user, ga_stream stream);    /* what it is given is recorded, to be replayed; NULL: never */
};

/*
 * Host memory that the device reads and writes by itself: page-locked, and slow to get and to give back.  Any thread may call
 * these, several at a time.
 */
struct ga_backend_pinned {
    void *user;
    size_t align;                                                               /* of alloc()'s; a power of two, 0 is 1 */
    enum ga_status (*alloc)(void *user, size_t size, struct ga_buffer *buffer); /* as the backend's own */
    void (*free)(void *user, struct ga_buffer *buffer);
    /* Locks the pages of [ptr, ptr + size), which stays its owner's; both NULL: it cannot. */
    enum ga_status (*pin)(void *user, void *ptr, size_t size);
    void (*unpin)(void *user, void *ptr, size_t size); /* what was pinned, whole; cannot fail */
    bool (*is_pinned)(void *user, const void *ptr);    /* whoever locked it; NULL: it cannot tell */
};

struct ga_backend_copy {
    void *user;
    /* In the stream's order: returns when it was given to it, not when it is done.  Either end may be the host's memory. */
    enum ga_status (*copy)(void *user, void *to, const void *from, size_t size, ga_stream stream);
};

/* What memory is asked to be: bits. */
enum ga_memory {
    GA_MEMORY_SHARED = 1,  /* the host sees it, too */
    GA_MEMORY_TRACKED = 2, /* work of several streams on one buffer is put in order by the device */
};

/* Memory that the host shares with the device.  Any thread may call these, several at a time. */
struct ga_backend_share {
    void *user;
    bool unified;         /* host and device have one memory: what is shared is as fast as what is not */
    size_t page;          /* what large pieces of it are aligned to; a power of two, 0 is 16 KiB */
    uint64_t recommended; /* bytes that the device is fast with, for all its users together; 0: what info() says in total */
    /* As the backend's own, whose free() takes it back.  `memory`: bits of enum ga_memory. */
    enum ga_status (*alloc)(void *user, size_t size, unsigned memory, struct ga_buffer *buffer);
    void *(*pointer)(void *user, const struct ga_buffer *buffer); /* where the host sees a shared one; NULL: it could not */
    size_t (*size)(void *user, size_t size, unsigned memory);     /* what a piece in a buffer takes, at least `size`; NULL: that */
    void (*reside)(void *user, const struct ga_buffer *buffer, bool on); /* is in use until off, and then empty; NULL: no matter */
};

/*
 * Address ranges that memory is put behind piece by piece.  Offsets and sizes of pieces are multiples of `granule`.  Any thread
 * may call these, several at a time, but not for one piece.
 */
struct ga_backend_vmem {
    void *user;
    size_t granule; /* a power of two */
    /* Addresses with nothing behind them, `size` a multiple of `granule`, aligned as buffers are.  GA_NO_SPACE: nothing taken. */
    enum ga_status (*reserve)(void *user, size_t size, void **base);
    void (*release)(void *user, void *base, size_t size); /* as reserved, with nothing mapped; cannot fail */
    /* Memory behind a piece that has none, to be read and written.  GA_NO_SPACE: nothing mapped. */
    enum ga_status (*map)(void *user, void *base, size_t offset, size_t size);
    void (*unmap)(void *user, void *base, size_t offset, size_t size); /* a piece all of which is mapped; cannot fail */
};

struct ga_backend {
    uint32_t abi; /* 0 is 1 */
    int device;
    const char *name; /* for reports; NULL: none */
    size_t align;     /* of every buffer's base, and of every tensor placed in it; a power of two, 0 is 1 */
    size_t max_size;  /* of one buffer; 0 is unlimited */
    bool host;        /* the bytes at `base` can be read and written by this process; only debugging aids do so */
    /* These are called by the threads that use what stands on the backend; where several may, by several at a time. */
    /* GA_OK and a filled buffer, or GA_NO_SPACE and nothing taken.  `size` is never 0. */
    enum ga_status (*alloc)(void *user, size_t size, struct ga_buffer *buffer);
    void (*free)(void *user, struct ga_buffer *buffer);                    /* a buffer as it was filled; cannot fail */
    bool (*info)(void *user, uint64_t *free_bytes, uint64_t *total_bytes); /* false or NULL: unknown */
    void *user;
    const struct ga_backend_order *order;   /* NULL: whatever uses the memory is done when the caller is */
    const struct ga_backend_pinned *pinned; /* NULL: it has no page-locked memory */
    const struct ga_backend_copy *copy;     /* NULL: it does not copy */
    const struct ga_backend_share *share;   /* NULL: device memory is of one kind, and the host sees it when `host` says so */
    const struct ga_backend_vmem *vmem;     /* NULL: buffers come whole */
};

/* Host memory, 64-byte aligned; ranges where the system maps pages, as POSIX and Windows do.  Any thread may call it. */
GA_API const struct ga_backend *ga_backend_cpu(void);

/*
 * Addresses with nothing behind them, to measure with: never NULL, 64-byte aligned, disjoint from everything alive in this
 * process.  Each buffer is reserved address space that no page backs; touching it faults.  So GA_NO_SPACE means that the process
 * has no such stretch of addresses left (on 64-bit machines, above some 100 TiB).
 */
GA_API const struct ga_backend *ga_backend_null(void);

/*
 * A meter around another backend: counts, caps, and fails on request.  It
 * answers info() too, within its cap; it has no ranges.  `inner` outlives it, and it outlives
 * what uses its backend; like its users it belongs to one thread at a time.
 */
typedef struct ga_meter ga_meter;

struct ga_meter_stats {
    uint64_t allocs, frees, failures; /* calls so far; a failed alloc counts in both `allocs` and `failures` */
    uint64_t live, peak;              /* bytes now, and at most */
    uint64_t buffers;                 /* live ones */
    uint64_t later[4];                /* zeros: what later versions tell */
};

GA_API ga_meter *ga_meter_new(const struct ga_env *env, const struct ga_backend *inner); /* NULL: no memory, or no backend */
GA_API void ga_meter_delete(ga_meter *meter);                                            /* NULL is fine */
GA_API const struct ga_backend *ga_meter_backend(ga_meter *meter);
GA_API void ga_meter_stats(const ga_meter *meter, struct ga_meter_stats *stats);
GA_API void ga_meter_cap(ga_meter *meter, uint64_t bytes);     /* live bytes stay at or below; 0 is no cap */
GA_API void ga_meter_fail_in(ga_meter *meter, uint64_t calls); /* the calls-th alloc from now fails once; 0: none */

#ifdef __cplusplus
}
#endif

#endif
