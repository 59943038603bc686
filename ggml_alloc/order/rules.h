/*
 * rules.h - whole orders by one simple rule each: what the search starts from
 *
 *     ready turns  --least key first-->  the next turn
 *
 * Forwards a turn is ready when its befores have run.  Backwards the order is made from its end: a turn is ready when its afters
 * stand, and what counts is what lives before it.
 */
#ifndef GAI_ORDER_RULES_H
#define GAI_ORDER_RULES_H

#include "order/turns.h"

enum rule {
    RULE_FREES_FIRST, /* what frees at least as much as it allocates runs at once; all else as it stands */
    RULE_LEAST_GAIN,  /* whatever adds least to what lives */
    RULE_BY_NEED,     /* depth first: what the earliest result needs, then the next */
};

/* What the caller allows; see ga_order_opts. */
struct freedom {
    uint32_t reach; /* UINT32_MAX is any */
    bool mixes_pools;
};

/*
 * Into `order` (n_turns); where the rule has no preference, and where it says "as given", turns run as they stand in `base`.  O((turns + uses) log turns).  False in `*made` when the rule leads to where nothing more may run: pools
 * take turns, or the reach ends.  GA_NO_MEMORY.
 */
enum ga_status gai_rule(const struct turns *turns, enum rule rule, bool backwards, const struct freedom *freedom,
                        const uint32_t *base, uint32_t *order, bool *made);

#endif
