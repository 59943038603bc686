/*
 * home.h - turns go back to their neighbours
 *
 *     order    4 5 6 | 0 1 | 7 8 | 2 3       runs of turns that stand together as they were given
 *     a run goes to where its first follows on the turn before it, or its last is followed by the turn behind it:
 *              0 1 | 4 5 6 7 8 | 2 3         fewer runs, and nothing above the limits
 */
#ifndef GAI_ORDER_HOME_H
#define GAI_ORDER_HOME_H

#include "order/moves.h"

/* Until no run can, or about `budget` steps.  False: no memory. */
bool gai_home(const struct turns *turns, const struct freedom *freedom, const uint64_t *limits, uint64_t budget, uint32_t *order);

#endif
