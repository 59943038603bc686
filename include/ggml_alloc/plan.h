/*
 * plan.h - decide where every tensor goes
 *
 *        address
 *      peak |        .-----.                  load: what lives at one step
 *           |  .-----|  c  |-----.            bound: no plan is lower
 *           |  |  a  '-----'  b  |
 *         0 '--'-----------------'--> step
 *
 * Pure arithmetic: no tensor memory is needed, allocated or touched.  Planned bytes and offsets are uint64_t (a 32-bit host may
 * plan for a large device); size_t is for memory of this process.  Lifetimes are half open, [birth, death), counted in steps.
 *
 * Any thread may plan.  Planning counts as use of the graph, const or not: it keeps there why it refused it.
 */
#ifndef GGML_ALLOC_PLAN_H
#define GGML_ALLOC_PLAN_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once made, counted; any number of threads may read one, retain it and drop it. */
typedef struct ga_plan ga_plan;

enum ga_effort {
    GA_EFFORT_DEFAULT, /* GA_EFFORT_QUICK */
    GA_EFFORT_NONE,    /* every tensor alone, nothing taken over: to see whether sharing is to blame */
    GA_EFFORT_ONLINE,  /* what ggml-alloc does: best fit in execution order, eager in-place */
    GA_EFFORT_QUICK,   /* several orders, near-linear; never worse than GA_EFFORT_ONLINE */
    GA_EFFORT_SEARCH,  /* improves on GA_EFFORT_QUICK until the steps are spent or the bound is met */
    GA_EFFORT_PROVE,   /* exact: an optimal answer, or the best one and what is proven when the steps are spent */
};

struct ga_plan_opts {
    enum ga_effort effort;
    uint64_t steps; /* work budget, not time: the same plan everywhere; 0 is a sensible default */
    uint64_t seed;
    unsigned n_pools;          /* length of the arrays below; pools past it take the default */
    const uint64_t *capacity;  /* stop as soon as it fits; NULL or 0: as low as possible */
    const uint64_t *chunk_max; /* largest single buffer of the pool; NULL or 0 is unlimited */
    const uint64_t *align;     /* a power of two; NULL or 0 is 1 */
    /*
     * Told sums over all pools whenever they get better, and now and then while they do not; false stops with the best so far.
     * Called by the thread that plans; it may use any object but the graph.
     */
    bool (*progress)(void *user, uint64_t steps, uint64_t peak, uint64_t bound);
    void *user;
    uint64_t later[4]; /* zeros: options of later versions */
};

/* A buffer to be placed; sizes, alignments and offsets up to 2^62.  Answers carry id = index + 1. */
struct ga_interval {
    uint64_t size, align;  /* align 0 is the pool's own */
    uint64_t birth, death; /* birth < death */
    uint64_t fixed;        /* 1 + the offset that it must have; 0: free */
};

/* Where a node lives: byte `offset` of chunk `chunk` in pool `pool`. */
struct ga_slot {
    uint16_t pool, chunk;
    uint64_t offset, size;
};

/*
 * GA_OK with the best plan found, whether or not it fits `capacity` or was
 * stopped: ga_plan_info() tells.  GA_INVALID when the graph is refused (the
 * reason is in ga_graph_error()) or an option makes no sense.
 */
GA_API enum ga_status ga_plan_graph(const ga_graph *graph, const struct ga_plan_opts *opts, ga_plan **plan);

/* The same for bare intervals, all in pool 0.  GA_INVALID: an empty lifetime, fixed offsets that collide or are misaligned. */
GA_API enum ga_status ga_plan_intervals(const struct ga_env *env, const struct ga_interval *intervals, uint32_t count,
                                        const struct ga_plan_opts *opts, ga_plan **plan);

GA_API ga_plan *ga_plan_retain(ga_plan *plan);
GA_API void ga_plan_delete(ga_plan *plan); /* drops one reference; NULL is fine */

enum ga_verdict {
    GA_BEST_SO_FAR, /* nothing proven */
    GA_FITS,        /* into the capacities asked for */
    GA_OPTIMAL,     /* every pool's peak equals its bound; it fits, too */
    GA_CANNOT_FIT,  /* a pool's bound is above its capacity: no plan fits.  GA_EFFORT_PROVE raises bounds to find out */
};

struct ga_plan_info {
    enum ga_verdict verdict;
    bool stopped;           /* by the progress callback */
    uint64_t steps;         /* of work done */
    enum ga_effort reached; /* the rung that found the answer */
    uint32_t n_nodes;       /* ids run from 1 to this */
    uint32_t n_storages;    /* nodes with bytes of their own */
    unsigned n_pools;
    uint64_t later[4]; /* zeros: what later versions tell */
};

GA_API void ga_plan_info(const ga_plan *plan, struct ga_plan_info *info);

/* False when `id` has no bytes of ours: external, elided, of size zero, or unknown.  A view's slot is its window. */
GA_API bool ga_plan_slot(const ga_plan *plan, ga_id id, struct ga_slot *slot);

/*
 * The nodes with bytes of their own in `pool`, views are not among them, in the order in which they need them: who allocates tensor by
 * tensor asks in this order.  Returns how many there are, writes at most `cap`.
 */
GA_API uint32_t ga_plan_storages(const ga_plan *plan, unsigned pool, ga_id *out, uint32_t cap);

/* The steps in which the bytes of `id` (for a view: of its root) are in use; false as above. */
GA_API bool ga_plan_life(const ga_plan *plan, ga_id id, uint64_t *birth, uint64_t *death);

GA_API uint64_t ga_plan_chunk(const ga_plan *plan, unsigned pool, unsigned chunk); /* bytes, 0 past the last */
GA_API uint64_t ga_plan_peak(const ga_plan *plan, unsigned pool);                  /* sum of the pool's chunks */
GA_API uint64_t ga_plan_bound(const ga_plan *plan, unsigned pool);                 /* no plan for this graph is lower */

/*
 * Whether this plan serves `graph` as it is: same signature, nothing outgrew its
 * slot or its alignment.  Otherwise `why` (may be NULL) gets the reason in words:
 * the first node that differs and how.
 */
GA_API bool ga_plan_fits(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap);

/*
 * Re-derives every lifetime from the graph and proves that nothing that lives
 * together overlaps, sharing no code with any planner.  GA_INVALID: `why` (may be
 * NULL) names the two nodes; GA_STALE: not a plan for this graph.
 */
GA_API enum ga_status ga_plan_check(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap);

struct ga_live {
    ga_id id;
    uint64_t size, offset, birth, death;
};

/* What is live at the peak of `pool`, largest first; returns how many there are, writes at most `cap`.  `step` may be NULL.
 * O(storages log cap), and once more for each pair of which one begins and one ends at that very step: mostly a few. */
GA_API uint32_t ga_plan_live_at_peak(const ga_plan *plan, unsigned pool, struct ga_live *out, uint32_t cap, uint64_t *step);

#ifndef GA_NO_IO
enum ga_format {
    GA_TEXT, /* for people */
    GA_JSON, /* one object */
    GA_CSV,  /* id,pool,chunk,offset,size */
    GA_PLAN, /* versioned, with signature and checksum; the only one that ga_plan_read() accepts */
};

/* `graph` gives names and may be NULL. */
GA_API enum ga_status ga_plan_write(const ga_plan *plan, const ga_graph *graph, enum ga_format format, const struct ga_sink *sink);

/* GA_INVALID for text that is no plan, or was changed since it was written; `error` (may be NULL) gets the line and what is wrong. */
GA_API enum ga_status ga_plan_read(const struct ga_env *env, const struct ga_source *source, ga_plan **plan, char *error,
                                   size_t cap);
#endif

#ifdef __cplusplus
}
#endif

#endif
