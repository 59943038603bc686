/*
 * sim.h - a simulated device: to run, test and compare allocators on any machine, and to see that they are safe
 *
 *     stream 0   |#### a ####|## b ##|                    work takes time on a clock that only you move,
 *     stream 1               |  wait  |#### c ####|       or is done when you say so
 *                            `- event of stream 0
 *     memory     [  buffer  ][  buffer  ]     capacity    taken from another backend: cpu to have bytes, null to have none
 *
 * It has ranges (backend.h) where the other backend has.  The device knows which bytes unfinished work touches.  It keeps the first mistake of whoever manages its memory, in words:
 * memory given back while unfinished work covers it, handed to another stream before the work there is done, or used without
 * being allocated.  Calls fail on request, and are logged.  Any thread may call anything here; there is no hidden time, so one
 * thread gets the same run twice.
 */
#ifndef GGML_ALLOC_SIM_H
#define GGML_ALLOC_SIM_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_sim ga_sim;

struct ga_sim_opts {
    uint64_t capacity;        /* bytes; 0 is 1 GiB */
    uint64_t pinned_capacity; /* bytes of host memory that may be page-locked; 0: no limit */
    unsigned streams;         /* numbered from 0; 0 is 4 */
    uint32_t log;             /* newest calls remembered; 0: none */
    bool discrete;            /* host and device have a memory each */
    uint64_t recommended;     /* bytes that it is fast with; 0: the capacity */
    uint64_t later[4];        /* zeros: options of later versions */
};

/* NULL: no memory, or `inner` is no backend.  `opts` may be NULL.  `inner` outlives it, and it outlives what uses its backend. */
GA_API ga_sim *ga_sim_new(const struct ga_env *env, const struct ga_backend *inner, const struct ga_sim_opts *opts);
GA_API void ga_sim_delete(ga_sim *sim); /* NULL is fine */
GA_API const struct ga_backend *ga_sim_backend(ga_sim *sim);

#define GA_SIM_BY_HAND UINT64_MAX /* instead of a time: done when ga_sim_finish() or a waiting caller says so */

/*
 * Gives `stream` work of `ns` nanoseconds that touches [ptr, ptr + size).  GA_INVALID: no such stream; GA_NO_MEMORY.  Work on
 * bytes that are not allocated, or that unfinished work of another stream touches, is done all the same: ga_sim_error() tells.
 */
GA_API enum ga_status ga_sim_work(ga_sim *sim, ga_stream stream, const void *ptr, size_t size, uint64_t ns);
/* What `stream` is given from now on begins when `event` is reached.  GA_INVALID: no such stream or event; GA_NO_MEMORY. */
GA_API enum ga_status ga_sim_follow(ga_sim *sim, ga_stream stream, ga_event event);
/* Time passes. */
GA_API void ga_sim_advance(ga_sim *sim, uint64_t ns);
GA_API uint64_t ga_sim_now(ga_sim *sim);
/* All that `stream` was given so far is done now, and before it what it waits for.  Nothing when there is no such stream. */
GA_API void ga_sim_finish(ga_sim *sim, ga_stream stream);
/* What order->current() tells, to all threads; GA_STREAM_CURRENT (as at first): there is none. */
GA_API void ga_sim_current(ga_sim *sim, ga_stream stream);

/* Whether what `stream` is given is recorded, to be replayed; asking about events while the current stream does is a mistake. */
GA_API void ga_sim_capture(ga_sim *sim, ga_stream stream, bool on);

/* The first mistake, in words; NULL: none.  Stays valid and stays the first. */
GA_API const char *ga_sim_error(ga_sim *sim);

enum ga_sim_call {
    GA_SIM_ALLOC,
    GA_SIM_FREE,
    GA_SIM_RECORD,
    GA_SIM_WAIT,
    GA_SIM_RELEASE,
    GA_SIM_SYNC,
    GA_SIM_PINNED_ALLOC,
    GA_SIM_PINNED_FREE,
    GA_SIM_PIN,
    GA_SIM_UNPIN,
    GA_SIM_POINTER,
    GA_SIM_COPY, /* 16 bytes a nanosecond; the bytes are there at once */
    GA_SIM_RESERVE,
    GA_SIM_UNRESERVE,
    GA_SIM_MAP,
    GA_SIM_UNMAP,
};

/* Which calls fail: those of a kind in `calls`, when one of the reasons applies.  Giving back never fails. */
struct ga_sim_fault {
    uint32_t calls;        /* bits, 1u << GA_SIM_ALLOC and so on */
    uint64_t nth;          /* the nth of them from now on, once; 0: none */
    uint64_t above;        /* calls with more bytes; 0: none */
    bool always;           /* all of them */
    enum ga_status status; /* what they answer; GA_OK is GA_NO_SPACE */
    uint64_t later[4];     /* zeros: options of later versions */
};

/* Replaces the one before; NULL: none.  GA_INVALID: see `later` in base.h. */
GA_API enum ga_status ga_sim_fail(ga_sim *sim, const struct ga_sim_fault *fault);

struct ga_sim_stats {
    uint64_t live, peak;      /* bytes, of buffers and mapped */
    uint64_t buffers, events; /* that were not given back */
    uint64_t ranges;          /* that were not released */
    uint64_t pinned;          /* bytes of host memory that are page-locked */
    uint64_t pins;            /* pieces of it */
    uint64_t calls[16];       /* by enum ga_sim_call; failed ones are counted, too */
    uint64_t failures;
    uint64_t later[4]; /* zeros: what later versions tell */
};

GA_API void ga_sim_stats(ga_sim *sim, struct ga_sim_stats *stats);

struct ga_sim_entry {
    enum ga_sim_call call;
    enum ga_status status;
    uint64_t time;
    uint64_t size;    /* of memory */
    uint64_t address; /* of memory */
    ga_stream stream; /* of GA_SIM_RECORD and GA_SIM_COPY */
    ga_event event;
};

/* The newest calls, oldest first; returns how many are remembered, writes at most `cap`. */
GA_API uint32_t ga_sim_log(ga_sim *sim, struct ga_sim_entry *out, uint32_t cap);

#ifdef __cplusplus
}
#endif

#endif
