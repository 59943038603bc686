/*
 * exhaust.h - the lowest peak of a few items, found by trying everything
 *
 * Two ways that share no thought: every order, each item as low as it can go; and every offset of every item.  One pool, no chunk
 * limits, neither looks at time other than item by item.
 */
#ifndef TESTS_MODEL_EXHAUST_H
#define TESTS_MODEL_EXHAUST_H

#include "place/place.h"

#define EXHAUST_MAX 16

/*
 * By all orders; edges are not looked at.  Exact: take any answer, and place its free items in the order of their offsets there, each
 * at the lowest offset that is aligned and free of the fixed ones and of those placed before.  None ends up higher than in that
 * answer: whoever was placed before it and lives with it began no higher than it there, thus ended below it, and has not risen since;
 * the fixed ones are where they were.  So its old offset is still free, and the lowest free one is at most that.
 */
uint64_t exhaust_orders(const struct problem *problem);

/* By all offsets, edges included: whether an answer ends at or below `height`. */
bool exhaust_offsets(const struct problem *problem, uint64_t height);

#endif
