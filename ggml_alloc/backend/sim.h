/*
 * sim.h - the simulated device, as its own files see it
 *
 *     sim.c      device memory, streams, events, faults     sim_pinned.c   host memory that is page-locked
 *     sim_copy.c copies                                      sim_share.c    memory of other kinds
 *     sim_vmem.c ranges
 *     timeline   which work is done, and which bytes it touches
 */
#ifndef GAI_BACKEND_SIM_H
#define GAI_BACKEND_SIM_H

#include "ggml_alloc/sim.h"

#include "base/lock.h"
#include "base/mem.h"
#include "backend/timeline.h"

struct sim_lock {
    struct ga_buffer buffer;
    bool is_ours; /* taken from `inner`, not merely pinned */
};

struct sim_kind {
    uint64_t base;
    unsigned memory;
    bool resides;
};

struct sim_range {
    void *base;
    uint64_t size, mapped; /* bytes */
    bool *has;             /* per granule */
};

struct ga_sim {
    struct ga_mem mem;
    struct ga_log speaker; /* `log` is what was called */
    struct lock lock;
    const struct ga_backend *inner;
    struct ga_backend backend;
    struct ga_backend_order order;
    struct ga_backend_pinned pinned;
    struct ga_backend_copy copy;
    struct ga_backend_share share;
    struct ga_backend_vmem vmem;
    uint64_t capacity, pinned_capacity;
    struct timeline line;
    ga_stream current;
    bool *captures;            /* per stream */
    struct ga_buffer *buffers; /* that are live */
    uint32_t n_buffers, cap_buffers;
    struct sim_kind *kinds; /* of those buffers that are of a kind */
    uint32_t n_kinds, cap_kinds;
    struct sim_range *ranges;
    uint32_t n_ranges, cap_ranges;
    struct sim_lock *locked; /* host memory that is page-locked */
    uint32_t n_locked, cap_locked;
    struct ga_sim_fault fault;
    struct ga_sim_entry *log; /* a ring; the next goes to [n_logged % cap_log] */
    uint64_t n_logged;
    uint32_t cap_log;
    struct ga_sim_stats stats;
    char error[160];
};

static inline uint64_t sim_address(const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr;
}

static inline bool sim_has_stream(const ga_sim *sim, ga_stream stream)
{
    return stream < sim->line.n_streams;
}

/* All of these under the lock.  The first mistake stays. */
void gai_sim_complain(ga_sim *sim, const char *what, uint64_t base, uint64_t size);
/* What a call shall answer before it does anything: GA_OK unless it is one that shall fail. */
enum ga_status gai_sim_verdict(ga_sim *sim, enum ga_sim_call call, uint64_t size);
/* Counts and remembers a call; answers its status. */
enum ga_status gai_sim_note(ga_sim *sim, struct ga_sim_entry entry);

/* Fills what the backend offers of page-locked memory. */
void gai_sim_offer_pinned(ga_sim *sim);
void gai_sim_offer_copy(ga_sim *sim);
void gai_sim_offer_share(ga_sim *sim, const struct ga_sim_opts *opts);
/* The buffer is given back. */
void gai_sim_forget_kind(ga_sim *sim, uint64_t base);
/* Before `stream` is given work: puts it in order, where the memory is tracked.  Complains when nothing does. */
enum ga_status gai_sim_order(ga_sim *sim, uint32_t stream, uint64_t base, uint64_t size, const char *mistake);
enum ga_status gai_sim_take(ga_sim *sim, size_t size, struct ga_buffer *buffer);
/* Whether [base, base + size) lies in one buffer, or in one piece of page-locked memory. */
bool gai_sim_is_allocated(const ga_sim *sim, uint64_t base, uint64_t size);
bool gai_sim_is_locked(const ga_sim *sim, uint64_t base, uint64_t size);
void gai_sim_fini_pinned(ga_sim *sim);

/* Ranges, where `inner` has them. */
void gai_sim_offer_vmem(ga_sim *sim);
bool gai_sim_is_mapped(const ga_sim *sim, uint64_t base, uint64_t size);
void gai_sim_fini_vmem(ga_sim *sim);

#endif
