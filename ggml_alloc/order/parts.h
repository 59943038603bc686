/*
 * parts.h - where an order can be cut, and what a turn needs in any order
 */
#ifndef GAI_ORDER_PARTS_H
#define GAI_ORDER_PARTS_H

#include "order/turns.h"

/*
 * By place, in any legal order: where its part begins, and where it ends.  A turn that all others must stand before or behind has its
 * place in every legal order, and is a part of its own.  O(turns + links).
 */
void gai_parts(const struct turns *turns, uint32_t *first, uint32_t *end);

struct needs {
    const struct turns *turns;
    uint8_t *marks;  /* by storage */
    uint8_t *around; /* by turn */
    uint32_t *queue; /* turns */
};

/* False: no memory.  Freed with gai_needs_fini() either way. */
bool gai_needs_init(struct needs *needs, const struct turns *turns);
void gai_needs_fini(struct needs *needs);

/*
 * Bytes of `pool` that live while `turn` runs, whatever the order: made by what must run before, read by what must run behind, or its
 * own.  0 when the turn has several steps.  O(turns + links + uses).
 */
uint64_t gai_needs(struct needs *needs, uint32_t turn, unsigned pool);

#endif
