/*
 * gen.h - instances made up: hard ones whose optimum is known, large ones at random
 *
 *     bytes                        a rectangle is cut, its pieces are shuffled, and where they were is kept
 *     1 Mi .----.-------------.    to ourselves: all of it is full, so no packing is lower, and few are as low.
 *          |    |      c      |    Some cuts go from edge to edge, some wind around a piece in the middle
 *          | d  |-------.-----|    (as here), which no cut from edge to edge takes apart.
 *          |    |   e   |     |
 *          |----'-------|  b  |
 *          |     a      |     |
 *        0 '------------'-----'--> time
 *
 * One wish gives one instance, on every machine and with every compiler: all of it is integer arithmetic.
 */
#ifndef GAI_IO_GEN_H
#define GAI_IO_GEN_H

#include "base/text.h"
#include "ggml_alloc/plan.h"

#include "base/mem.h"

#define GEN_MOST 100000000u /* intervals in an instance */
#define GEN_WHOLE 1000000u  /* gen_perfect.drop counts millionths */

#define GEN_HEIGHT ((uint64_t)1 << 20) /* of the rectangle; sizes and offsets are multiples of GEN_GRAIN */
#define GEN_GRAIN 1024u

struct gen_perfect {
    uint32_t n_pieces; /* 1 to GEN_MOST */
    uint32_t n_fixed;  /* so many of those that live longest keep their offsets */
    uint32_t drop;     /* the share that is left out, below GEN_WHOLE; the optimum is then at most GEN_HEIGHT */
    uint64_t align;    /* a power of two, 0 is 1: half of the pieces ask for as much of it as their place has */
    uint64_t seed;
};

enum gen_kind {
    GEN_EXP,   /* lives are exponential */
    GEN_HEAVY, /* Pareto, shape 1.2, cut at a tenth of the whole: most are short, some very long */
    GEN_MIXED, /* exponential, but for one in a thousand, which lives from beginning to end */
};

/* Births are uniform; sizes are multiples of 256, log-uniform from there to 16 Mi. */
struct gen_random {
    uint32_t n; /* 1 to GEN_MOST */
    enum gen_kind kind;
    uint32_t
        live; /* how many live at a time, on average, those that live throughout not counted; at most n / 4 is sure to be met */
    uint64_t seed;
};

struct generated {
    struct ga_interval *at;
    uint64_t *places; /* the offsets of a perfect packing; NULL when none is known */
    uint32_t n, room; /* room: of the arrays */
};

/* GA_NO_MEMORY is all that can go wrong.  O(n log n). */
enum ga_status gai_gen_perfect(const struct ga_mem *mem, const struct gen_perfect *wish, struct generated *made);
enum ga_status gai_gen_random(const struct ga_mem *mem, const struct gen_random *wish, struct generated *made);
void gai_generated_fini(const struct ga_mem *mem, struct generated *made);

/* Interval CSV, ids from 0; columns that say nothing are left out.  `solution`: each with the offset that it had before the cuts. */
void gai_generated_write(const struct generated *made, bool solution, struct text *out);

#endif
