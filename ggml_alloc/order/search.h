/*
 * search.h - a better order from a good one
 *
 *     bound   ######.                      the peak of one pool, in one part: between two turns that all others must stand before
 *             ##########.   .###           or behind.  Parts are put in order apart: a dive below the peak, or windows around it,
 *             ############.####            wider and wider
 *               part 1     part 2
 *
 * A turn at the peak whose own needs add up to the peak proves it: what was made by what must run before, and is read by what must
 * run behind, lives in any order.
 */
#ifndef GAI_ORDER_SEARCH_H
#define GAI_ORDER_SEARCH_H

#include "order/rules.h"

struct search {
    const struct turns *turns;
    const struct freedom *freedom;
    uint64_t *limits; /* by pool: no order above them counts; lowered to what is reached */
    uint32_t *order;  /* legal, and within limits; gets better */
    uint64_t budget, steps;
    bool (*progress)(void *user, uint64_t steps, uint64_t bound, uint64_t least);
    void *user;
    bool optimal, stopped;
};

/* False: no memory. */
bool gai_search(struct search *search);

#endif
