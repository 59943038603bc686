/*
 * fill.h - what the parts of the filling engine share
 *
 *     height  |     .----.           .--        a valley: sections whose floor is level, higher ground on both sides.  What is
 *             |.----'    |   valley  |          to come lies above the floor everywhere, so only items that live wholly within
 *             ||  placed '--.-----.--'          the valley can lie on its ground; and its outermost sections are covered by
 *             ||            |     |             one of the few that begin, or end, right there - or by nothing, and then
 *             '-------------+-----+---> section their floor rises.
 *
 * A window is a run of sections that no unplaced item leaves: windows are decided apart.  A frame is the state after so many
 * placements; what a frame tries next, or gives up, concerns its window only.
 */
#ifndef GAI_PLACE_FILL_H
#define GAI_PLACE_FILL_H

#include "place/exact.h"

#include "base/rng.h"

struct fill_item {
    uint32_t size, lowest, align;
    uint32_t from, to;
    bool fixed;
};

#define FILL_BLAME 16u /* of one failure */

enum fill_mark {
    FILL_FREE,
    FILL_PASSED, /* was passed over where it could lie, and rests on nothing that was placed since: but on something to come */
    FILL_PLACED,
};

/* A frame's numbers, in a block of its own. */
struct fill_state {
    uint32_t *floor; /* by section: nothing to come is lower */
    uint32_t *top;   /* by section: the highest end of what is placed */
    uint32_t *rest;  /* by section: units to come */
    uint32_t *touch; /* by section: the frame of the last placement there */
    uint32_t *cross; /* by section: unplaced items that lived in the one before, too */
    uint32_t *low;   /* by item: its offset is at least this; a place that nothing placed or fixed excludes */
    uint8_t *mark;   /* by item: enum fill_mark */
};

struct fill_window {
    uint32_t from, to;    /* sections */
    uint32_t first, last; /* items, half open, that begin in them */
    uint32_t since;       /* the first frame that has it as it is */
};

/* A window that nothing fills below the capacity; no capacity: an empty slot. */
struct fill_refuted {
    uint64_t key[2];
    uint64_t capacity;
};

/* Where to go on: the items that begin (or end) at one edge of a valley and can lie on its ground. */
struct fill_choice {
    uint32_t from, to; /* sections of the valley */
    uint32_t ground;
    bool right;    /* the right edge */
    uint32_t next; /* in the list of that edge */
};

struct fill_frame {
    struct fill_state state;
    struct fill_window window;
    struct fill_choice choice;
    uint64_t key[2]; /* of the window as the frame found it; 0, 0: not asked yet */
    uint32_t item;   /* whose placement made it */
};

enum fill_outcome { FILL_OPEN, FILL_REFUTED, FILL_DONE };

/* What to prefer when no choice is forced. */
enum fill_taste { FILL_FEWEST, FILL_LOWEST, FILL_TIGHTEST_BLAMED, FILL_FEWEST_BLAMED, FILL_NARROWEST_BLAMED, FILL_N_TASTES };

struct fill {
    struct fill_item *items; /* as in the task */
    uint32_t n_items, n_sections, n_fixed;
    uint32_t *fixed;                    /* the fixed items */
    uint32_t *first;                    /* by section: the first item that begins there or later; n_sections + 1 */
    uint32_t *left, *left_at;           /* items by their first section, the longest first; where each section's begin */
    uint32_t *right, *right_at;         /* the same by their last */
    uint64_t *zobrist;                  /* two by item */
    struct fill_frame *frames;          /* n_items + 1; and the untouched beginning */
    uint32_t *words;                    /* of all states */
    uint32_t *scratch;                  /* by section */
    uint64_t *blame;                    /* by section: how often it failed, and how lately */
    struct fill_refuted *refuted;       /* by slot */
    uint64_t n_asked;                   /* new questions */
    uint32_t capacity, depth, n_rounds; /* rounds begun */
    uint64_t n_placements;              /* left to this round */
    enum fill_outcome outcome;          /* of the frame at `depth` */
    uint64_t work;                      /* steps to be told of */
    unsigned rules;
    enum fill_taste taste;
    unsigned noise;
    struct rng rng;
    uint64_t *offsets;
};

/* Draws the consequences for the window after its sections [from, to) and items changed; false: nothing fills it. */
bool gai_fill_settle(struct fill *fill, struct fill_frame *frame, uint32_t from, uint32_t to);
/* The lowest place for the item at or above `at` that no unplaced fixed item excludes. */
uint32_t gai_fill_clear(const struct fill *fill, const struct fill_state *state, uint32_t item, uint64_t at);

/* Finds the best valley and edge to go on with; false when some edge has nothing to cover it and no unit to lose. */
bool gai_fill_choose(struct fill *fill, struct fill_frame *frame);
/* The next item to try there, or PLACE_NONE. */
uint32_t gai_fill_next(const struct fill *fill, struct fill_frame *frame);
/* Passes over all items that could have lain there. */
bool gai_fill_pass(struct fill *fill, struct fill_frame *frame);

static inline bool fill_lives(const struct fill_item *item, uint32_t from, uint32_t to)
{
    return item->from < to && from < item->to;
}

static inline bool fill_has(const struct fill *fill, enum exact_rule rule)
{
    return (fill->rules & rule) != 0;
}

#endif
