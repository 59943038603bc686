/*
 * plans.h - plans by signature, the one used last in front
 *
 *     list   [ decode | prefill 512 | prefill 256 | ... ]     the one at the end leaves when there are more than `max`
 *
 * Engines alternate between a few shapes, so what is looked for is found at the first few places.  The order of use decides; there
 * is no clock.  Each signature is there at most once, and each plan is kept by a reference of our own.
 */
#ifndef GAI_BIND_PLANS_H
#define GAI_BIND_PLANS_H

#include "bind/arena.h"

struct kept_plan {
    struct backed backed;
    uint64_t generation; /* of the arena when it was last seen to hold the plan; 0: never */
};

struct plans {
    struct kept_plan *list;
    uint32_t n, cap, max; /* n may exceed max while the arena is frozen */
};

/* Now in front; NULL when there is none.  O(how long ago it was used). */
struct kept_plan *gai_plans_use(struct plans *plans, struct signature signature);
/* The same without using it. */
const struct kept_plan *gai_plans_peek(const struct plans *plans, struct signature signature);

/* Room for one more; false when there is no memory. */
bool gai_plans_room(struct plans *plans, const struct ga_mem *mem);
/*
 * In front, in place of the one with its signature; the room was made.  Consumes
 * one reference to the plan.  True when another plan went for it.
 */
bool gai_plans_put(struct plans *plans, struct backed backed);
/* Drops those used least recently until `max` are left; whether any went. */
bool gai_plans_shrink(struct plans *plans, uint32_t max);
void gai_plans_fini(struct plans *plans, const struct ga_mem *mem);

#endif
