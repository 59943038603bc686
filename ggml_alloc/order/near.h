/*
 * near.h - of the orders within limits, one near to what was given
 */
#ifndef GAI_ORDER_NEAR_H
#define GAI_ORDER_NEAR_H

#include "order/rules.h"

/*
 * Turns go back past their neighbours to where they stood, as long as no pool passes its limit.  What a part gains nothing from stays
 * as it was given.  About `budget` steps, each at the cost of what a turn or two touch.  False: no memory.
 */
bool gai_near(const struct turns *turns, const struct freedom *freedom, const uint64_t *limits, uint64_t budget, uint32_t *order);

#endif
