/*
 * rung.h - what the ladder and its rungs share
 *
 *     problem --split--> parts, one pool each --rung--> trial --offer--> the part's best
 *
 * A rung sees one part: items of one pool in allocation order, edges among them.  It fills the trial that it was lent and offers
 * it, as often as it likes; the ladder keeps the better one and lends the other.  A rung stops when climb_done() says so.
 */
#ifndef GAI_PLACE_RUNG_H
#define GAI_PLACE_RUNG_H

#include "place/place.h"

#include "base/bits.h"

#define PLACE_NONE UINT32_MAX
#define PLACE_LIMIT ((uint64_t)1 << 63) /* no byte at or past it */
#define PLACE_MAX_CHUNKS 65535u

/* Where each item of a part goes.  A chunk is as long as the highest end in it. */
struct layout {
    struct spot *spots; /* by the part's items; NULL: no layout yet */
    uint64_t peak;      /* sum of the chunks */
    uint32_t n_chunks;
    bool over; /* a chunk is longer than the limit and than every item in it: ggml's sixteenth */
};

struct part {
    const struct item *items; /* n_items + 1, see struct problem */
    const struct edge *edges; /* .from counts within the part */
    uint32_t *origin;         /* the problem's index of each item; NULL: the same */
    uint32_t *fixed;          /* the fixed items by offset; NULL when there are none */
    uint32_t n_items, n_fixed, n_steps;
    uint64_t fixed_end; /* the highest end of a fixed item */
    struct pool_limits limits;
    bool mixed; /* some item needs more than the pool's alignment */
    uint64_t bound;
    uint32_t bound_step; /* where it is reached, in the part's steps */
    struct layout best;
    enum ga_effort reached;
};

struct climb {
    const struct ga_mem *mem;
    const struct place_opts *opts;
    struct part *parts;
    unsigned n_parts, n_answered;
    uint64_t steps, budget;
    uint64_t told; /* steps, when the callback was last told */
    bool stopped;
    /* What the parts point into when a problem has several pools; NULL when it has one. */
    struct item *items;
    struct edge *edges;
    uint32_t *origins;
    uint32_t n_items, n_edges;
};

typedef enum ga_status rung_run(struct climb *climb, struct part *part, struct layout *trial);

/* Each offers at least one layout, or says why not. */
rung_run gai_place_none, gai_place_online;
/* Offers only what is better than the part's best. */
rung_run gai_place_quick, gai_place_search;
/* And raises the part's bound by what it proves; soon: only what is easy. */
rung_run gai_place_prove_soon, gai_place_prove;

/* Swaps trial and best when the trial is better: within the chunk limit, then fewest bytes, then fewest chunks. */
void gai_climb_offer(struct climb *climb, struct part *part, struct layout *trial);
/*
 * Tells the caller's callback how far the climb is, unless it was told some steps ago: a rung that works for long calls this as it
 * goes, as often as it likes, with `climb->steps` up to date, and looks at gai_climb_done() afterwards.
 */
void gai_climb_pulse(struct climb *climb);
/* Nothing better is needed, or may be looked for. */
bool gai_climb_done(const struct climb *climb, const struct part *part);

/* Cuts the problem into parts; without copying when it has one pool.  gai_split_fini() accepts what a failure left. */
enum ga_status gai_split(struct climb *climb, const struct problem *problem);
void gai_split_fini(struct climb *climb);

/* Sets part->bound and its step: the largest live sum, an heir and a source that it may take over counted once.  O(items + steps). */
enum ga_status gai_bound(const struct ga_mem *mem, struct part *part);
/* By item: whether it can do without bytes of its own in the step of its birth, however it is decided who takes over what. */
void gai_bound_saved(const struct part *part, bool *saved);

/* The judge on the fixed items alone: GA_INVALID when two of them collide. */
enum ga_status gai_check_fixed(const struct ga_mem *mem, const struct problem *problem);

static inline bool item_is_fixed(const struct item *item)
{
    return item->fixed != 0;
}

static inline uint64_t item_align(const struct part *part, const struct item *item)
{
    unsigned log2 = item->align_log2 > part->limits.align_log2 ? item->align_log2 : part->limits.align_log2;
    return (uint64_t)1 << log2;
}

#endif
