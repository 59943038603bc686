/*
 * canon.h - what the canonical branch and bound is made of
 *
 * Any answer can be pushed down until each item rests on the ground or on others (MiniMalloc, ASPLOS 2023: canonical solutions).
 * So only what rests on what is searched for: item by item, where it rests now, or higher.
 *
 *     view    items still to come, by rank; what never changes of them, in arrays that vectorise
 *     frame   a state: how low each item of a view can go
 *     stack   frames; a state that falls apart leaves a frame for each side, all children of one parent
 *
 * Views and frames live in one arena and leave it in the order opposite to that in which they came.  No number is looked up that
 * was not copied: a node costs a few passes over arrays, and going back costs nothing.
 */
#ifndef GAI_PLACE_CANON_H
#define GAI_PLACE_CANON_H

#include "place/exact.h"

typedef int32_t unit;            /* an offset, a size */
#define UNIT_MAX (INT32_MAX / 4) /* above every sum of an offset and a size: where placed items are */
#define UNIT_MAX_ALIGN ((uint64_t)1 << 28)

/* Sections [from, to), or none. */
struct span {
    int32_t from, to;
};

#define SPAN_NONE ((struct span){ INT32_MAX, -1 })
#define WAITS_FOR_NONE (-1)

struct view {
    int32_t n;
    struct span sections;
    unit *size;
    int32_t *from, *to;
    int32_t *id;             /* by the task's items */
    int32_t *twins, n_twins; /* items that are identical to the one before */
};

struct frame {
    struct view view;
    int32_t parent; /* on the stack; -1: none */
    int32_t n_left; /* to be placed */
    size_t mark;    /* where its memory begins */
    int32_t chosen; /* the item being tried */
    /* By item; UNIT_MAX once placed. */
    unit *rest;    /* the lowest offset above all placed neighbours: where it would go now */
    unit *low;     /* at least that: in no answer it goes below */
    int32_t *wait; /* the neighbour on which it will rest at the least, as far as is known */
    /* By section. */
    unit *base;     /* the least `low` */
    unit *sum;      /* of sizes still to come */
    int32_t *cross; /* how many of those live in the section before, too */
};

/* How a section is chosen: what its slack and its failures count beside its height. */
struct taste {
    int32_t slack, failures;
    enum { RANK_FAILURES, RANK_LOAD } rank; /* of items that are equally low */
};

struct canon {
    const struct exact_task *task;
    struct exact_ask *ask;
    struct frame *stack;
    int32_t depth;
    int32_t *words; /* the arena */
    size_t n_words, n_used;
    unit capacity;
    bool plain;       /* no alignment, nothing fixed */
    uint64_t nodes;   /* items placed, in all attempts */
    uint64_t pending; /* steps not told yet */
    /* Attempts, and what they learn. */
    struct taste taste;
    unsigned attempt;
    uint64_t attempted; /* capacity */
    unit *totals;       /* by section: sum of sizes */
    uint32_t *weights;  /* by section: how often it overflowed */
    uint32_t heaviest;  /* of them */
    int32_t *order;     /* by rank: the item */
    uint64_t *keys;     /* three by item */
};

static inline int32_t min_i32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t max_i32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline bool canon_has(const struct canon *canon, enum exact_rule rule)
{
    return (canon->ask->rules & rule) != 0;
}

static inline const struct exact_item *view_item(const struct canon *canon, const struct view *view, int32_t i)
{
    return &canon->task->items[view->id[i]];
}

/*
 * From `at` up to where the item may begin.  One that is aligned to more than any capacity (CAPACITY_LIMIT, in canon.c) can begin
 * at 0 only, and is taken to be aligned to just more than that, or sums would leave what a unit holds.
 */
static inline unit rise(const struct exact_item *item, uint64_t at)
{
    return (unit)align_up(at, min_u64(item->align, UNIT_MAX_ALIGN));
}

static inline bool is_placed(const struct frame *frame, int32_t i)
{
    return frame->low[i] == UNIT_MAX;
}

static inline bool meets(const struct view *view, int32_t i, struct span span)
{
    return view->from[i] < span.to && view->to[i] > span.from;
}

static inline struct span life_of(const struct view *view, int32_t i)
{
    return (struct span){ view->from[i], view->to[i] };
}

static inline struct span span_join(struct span a, struct span b)
{
    return (struct span){ min_i32(a.from, b.from), max_i32(a.to, b.to) };
}

/* canon_frame.c: memory.  How many words n items over so many sections can need, from their own view down to the last frame. */
size_t gai_canon_words(int32_t n, int32_t n_sections);
/* The frame's view and arrays, of n items; its sections are set. */
void gai_canon_room(struct canon *canon, struct frame *frame, int32_t n);
/* Its arrays alone. */
void gai_canon_arrays(struct canon *canon, struct frame *frame);
/* Puts the child, not yet on the stack, there: as it is, without what is placed, or side by side. */
void gai_canon_push(struct canon *canon, struct frame *child, struct span placed);
void gai_canon_find_twins(const struct canon *canon, struct view *view);

/* canon_bound.c: draws conclusions, after lows changed in `span` at most; false: nothing fits. */
bool gai_canon_settle(struct canon *canon, struct frame *frame, struct span span);
/* The item to decide about next: it rests as low as it may, and nothing can come below it any more.  -1: nothing fits. */
int32_t gai_canon_choose(struct canon *canon, struct frame *frame);
/* Where item i rests, on or above `rest`, over fixed items still to come and aligned. */
unit gai_canon_rest(const struct canon *canon, const struct frame *frame, int32_t i, unit rest);

/* canon_order.c: the order, the taste and the length of the next attempt. */
uint64_t gai_canon_rank(struct canon *canon);
/* Section s overflowed. */
void gai_canon_learn(struct canon *canon, int32_t s);

#endif
