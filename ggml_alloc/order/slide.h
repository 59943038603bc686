/*
 * slide.h - down from a peak by moving turns past it
 *
 *     peak    ...  a  ...  T  ...  z  ...     x lives at T, which does not touch it: x is born at a, and dies at z
 *     earlier ...  a ... z  T  ...            z, and what z waits for, comes before T: x is dead when T runs
 *     later   ...           T  a  ... z       a, and what waits for a, comes behind T: x is not born yet
 *
 * A move stays when the peak falls, or is reached less often, and no other pool passes its limit.
 */
#ifndef GAI_ORDER_SLIDE_H
#define GAI_ORDER_SLIDE_H

#include "order/moves.h"

struct slide {
    struct moves moves;
    struct group group;     /* of turns that hang together */
    const uint64_t *limits; /* by pool, for all pools but the one in hand */
    bool *is_in;            /* by turn: the group */
    uint64_t end;           /* of the budget */
};

/* False: no memory.  Freed with gai_slide_fini() either way. */
bool gai_slide_init(struct slide *slide, const struct turns *turns, const struct freedom *freedom);
void gai_slide_fini(struct slide *slide);

/*
 * Lowers the peak of `pool` in `order`, which is legal and within limits; false: it found no way, and `order` is as before.  About
 * `budget` steps, which are added to moves.steps.
 */
bool gai_slide(struct slide *slide, uint32_t *order, unsigned pool, const uint64_t *limits, uint64_t budget);

#endif
