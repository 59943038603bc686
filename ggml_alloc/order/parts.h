/*
 * parts.h - where an order can be cut
 */
#ifndef GAI_ORDER_PARTS_H
#define GAI_ORDER_PARTS_H

#include "order/turns.h"

/*
 * By place, in any legal order: where its part begins, and where it ends.  A turn that all others must stand before or behind has its
 * place in every legal order, and is a part of its own.  O(turns + links).
 */
void gai_parts(const struct turns *turns, uint32_t *first, uint32_t *end);

#endif
