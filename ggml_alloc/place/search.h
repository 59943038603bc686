/*
 * search.h - what search's moves share
 *
 *     height              ceiling      The blocks of the best layout that end above a ceiling, a little below its peak, are taken
 *       |  [   b   ] ....              out and put back below it, each where the blocks that are in its way weigh least.  Those are
 *       |  [ a ][   c   ]              taken out in turn.  When all are back the layout is better.  A block weighs how often it
 *       '------------------> time      found no room of its own: what is hard to place stays, and the rest arranges itself around.
 *
 * Two blocks collide, if at all, where the later one begins: what takes over lies within what it takes over.  So who is in a
 * block's way are those that live when it begins, and those that begin while it lives.
 */
#ifndef GAI_PLACE_SEARCH_H
#define GAI_PLACE_SEARCH_H

#include "place/quick.h"

#include "base/rng.h"

/* Where blocks that live into a section are listed, so that who lives then is found without asking all. */
struct stop {
    uint32_t section, first; /* its part of `crossing` ends where the next stop's begins */
};

/* A block forbids these offsets to the one that is to be placed: [first, end). */
struct clash {
    uint64_t first, end;
    uint32_t block; /* PLACE_NONE: a fixed item */
};

/* From `at` on, that much more is in the way, or less. */
struct event {
    uint64_t at, weight;
};

struct search {
    struct quick quick;
    struct rng rng;
    uint64_t end;     /* of its steps */
    uint64_t ceiling; /* nothing may end past it */
    uint64_t *base;   /* by block: its offset, or SEARCH_LOOSE */
    uint32_t *weight; /* by block */
    uint32_t *loose, n_loose;
    uint32_t *born;    /* by section, and one more: the first block of it or of a later one */
    uint32_t *stop_of; /* by section: the last stop */
    struct stop *stops;
    uint32_t n_stops;
    uint32_t *crossing;
    struct clash *clashes;
    uint32_t n_clashes;
    struct event *enter, *leave, *spare;
    uint32_t *heirs, n_heirs;     /* items that might take over others */
    uint32_t *touched, n_touched; /* items whose merging was changed: their blocks are to be placed anew */
};

#define SEARCH_LOOSE UINT64_MAX
#define SEARCH_FLIPS 3u /* at most at a time; each touches the item, the one that it drives out, and again the item */

/* Merges what sits on its source in the best layout, and touches what must not stay there all the same. */
void gai_search_merge(struct search *search);
/* Changes the merging here and there near the peak; the blocks are to be made again then, and the touched ones loosened. */
void gai_search_flip(struct search *search);
void gai_search_loosen_touched(struct search *search);

/* Who lives when, for the blocks as they are. */
void gai_search_frame(struct search *search);
/* Fills `clashes` with all that is placed and in the way of `block` somewhere. */
void gai_search_meet(struct search *search, uint32_t block);

/* Takes a block out. */
void gai_search_loosen(struct search *search, uint32_t block);
/* Puts all that is loose below the ceiling, in at most that many steps; false: it did not. */
bool gai_search_squeeze(struct search *search, uint64_t steps);
/* All is placed: lets everything sink, and offers the layout. */
void gai_search_settle(struct search *search);

/* Sorts by `at`. */
void gai_search_sort(struct event *events, uint32_t n, struct event *spare);

#endif
