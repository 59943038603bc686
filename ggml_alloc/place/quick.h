/*
 * quick.h - what quick's passes share
 *
 *     items   a----a            a unit is an item and the chain of heirs that sit on its bytes; its block is straight when
 *                 b--b          all are equally long, and bent when not:
 *                    c---c
 *                                         .------.---.            from, to: sections, runs of time between two births;
 *     unit    a-----b--c---c              |      '---'            only there can anything new collide
 *                                         '------'
 */
#ifndef GAI_PLACE_QUICK_H
#define GAI_PLACE_QUICK_H

#include "place/rung.h"
#include "place/skyline.h"

struct block {
    uint32_t item;     /* the first of its unit */
    uint32_t from, to; /* sections it lives through */
    bool bent;
};

enum merging {
    MERGE_ALL,    /* every edge that can be */
    MERGE_EAGER,  /* ggml's */
    MERGE_NEEDED, /* only where more would live at once than the bound */
    MERGE_NONE,
};

enum order { ORDER_AREA, ORDER_TOTAL, ORDER_LAST, ORDER_SIZE, ORDER_START };

/*
 * Chunks lie end to end in one space of virtual offsets, and no block may lie across a border:
 *
 *     |  long 0  | long 1 |  usual  |  usual  |  usual ...
 *
 * Long ones are as long as a block that passes the usual length.
 */
struct shelves {
    uint64_t usual;      /* UINT64_MAX: one chunk without end */
    uint64_t *long_ends; /* by long chunk */
    uint32_t n_long;
};

/* Eight blocks, or eight clumps, by birth: what of them is still to be placed. */
struct clump {
    uint32_t rank;                /* of the first; PLACE_NONE: nothing is left */
    uint32_t first_end, last_end; /* of their lives */
};

#define CLUMP_FAN 8u

struct quick {
    struct climb *climb;
    struct part *part;
    struct layout *trial;
    uint32_t *section; /* by step: the number of sections that begin before it; n_steps + 1 */
    uint32_t *via;     /* by item: 1 + the edge by which it is merged; 0: it begins a unit */
    uint32_t *heir;    /* by item: who is merged onto it, or PLACE_NONE */
    struct block *blocks;
    uint32_t n_blocks, n_sections;
    uint32_t *order; /* by rank: the block; then n_items for sorting, free to the passes */
    uint64_t *keys;  /* n_items + 1: by block while ranking, free to the passes */
    struct shelves shelves;
    /* A skyline for those that need one; gai_quick_valley() has its plateaus there instead, and clumps. */
    uint64_t *scratch;
    size_t n_scratch;
    struct skyline sky;
    struct clump *clumps;
};

/* The part has items.  GA_NO_MEMORY; a quick that could be opened is closed after use. */
enum ga_status gai_quick_open(struct quick *quick, struct climb *climb, struct part *part, struct layout *trial);
void gai_quick_close(struct quick *quick);

/* Merges heirs with what they take over, as far as `merging` says, and makes the blocks. */
void gai_quick_merge(struct quick *quick, enum merging merging);
/* Whether item `heir` may sit on what edge `e` is of, given who else is merged. */
bool gai_quick_can_merge(const struct quick *quick, uint32_t heir, uint32_t e);
/* Makes the blocks that `via` and `heir` describe. */
void gai_quick_block(struct quick *quick);
/* Merges who sits on what it may take over in that layout.  Here fixed items have blocks, too. */
void gai_quick_merge_like(struct quick *quick, const struct layout *layout);
/* Ranks the blocks: what comes first is placed first where several could be. */
void gai_quick_order(struct quick *quick, enum order order);
/* Chunks of the usual length, and as many longer ones as the blocks need. */
void gai_quick_shelves(struct quick *quick);
/* The lowest offset from `offset` on where `size` bytes cross no border; UINT64_MAX when there is none. */
uint64_t gai_quick_shelf(const struct shelves *shelves, uint64_t offset, uint64_t size);
/* Turns the virtual offsets of the trial into chunks, those without items left out; false when there are too many, or one too long. */
bool gai_quick_unshelve(struct quick *quick);

/*
 * The passes: each places the blocks by their ranks and offers the result, or gives up where the best so far is out of reach.
 * LOW, filling valleys: for any number of blocks, however many of them live at once; knows neither chunks nor fixed items.
 */
void gai_quick_valley(struct quick *quick);
/* LOW, asking again and again: for all problems; where thousands live at once it gets tired of asking. */
void gai_quick_low(struct quick *quick);

/* One after the other into the lowest or the tightest gap: for some thousand items at most, and no chunks. */
void gai_quick_first_fit(struct quick *quick);
void gai_quick_best_fit(struct quick *quick);

/* Repairs the part's best layout, and offers whatever is better; not for chunks. */
enum ga_status gai_quick_eject(struct quick *quick);

/* The lowest offset of a block over all that was raised so far, and raising it there. */
uint64_t gai_quick_under(const struct quick *quick, const struct block *block);
void gai_quick_raise(struct quick *quick, const struct block *block, uint64_t base);

/* The first item of each unit is in place: puts the rest there too, and offers the layout.  `peak` is without fixed items. */
void gai_quick_offer(struct quick *quick, uint64_t peak);

static inline bool quick_is_chunked(const struct quick *quick)
{
    return quick->shelves.usual != UINT64_MAX;
}

static inline uint64_t heir_delta(const struct quick *quick, uint32_t heir)
{
    return quick->part->edges[quick->via[heir] - 1].delta;
}

#endif
