/*
 * moves.h - an order that is changed by moving one turn at a time, with what lives at each place kept up to date
 *
 *     order    a  b  v  c  d  e         v may stand anywhere between the last of its befores and the first of its afters
 *     to       a  b  c  d  v  e         what v made is born later, what it read last dies later: c and d have less or more below
 *              `--------'               them; what they take over themselves changes with who comes first, who last
 *
 * A move that is only tried costs O(log n) for each storage that the turn touches; one that stays costs the way in addition.
 */
#ifndef GAI_ORDER_MOVES_H
#define GAI_ORDER_MOVES_H

#include "order/heights.h"
#include "order/rules.h"
#include "order/tally.h"

/* What a trial has added to the heights of [first, end), to be taken away when it is dropped. */
struct change {
    uint64_t more;
    uint32_t first, end;
    uint32_t turn; /* it is what this turn has above what lives before it; TURN_NONE: it is what lives */
    uint16_t pool;
};

struct moves {
    const struct turns *turns;
    struct freedom freedom;
    struct tally tally;      /* of one turn at a time */
    struct heights *heights; /* by pool */
    uint64_t *peaks;         /* by pool, of one turn */
    uint64_t *start;         /* by pool: what lives before the first turn */
    uint64_t *humps;         /* by turn, by pool: what it has above what lives before it */
    uint64_t *values;        /* by place, of one pool */
    uint32_t *order, *place; /* place: by turn */
    uint32_t *users;         /* by storage: the turns that touch it, as they stand */
    uint32_t *first_user;    /* by storage, and a sentinel */
    struct change *changes;
    uint32_t n_changes, cap_changes;
    uint32_t turn, from, to; /* what is tried */
    uint64_t steps;
};

/* False: no memory.  To be loaded before it is used.  Freed with gai_moves_fini() either way. */
bool gai_moves_init(struct moves *moves, const struct turns *turns, const struct freedom *freedom);
void gai_moves_fini(struct moves *moves);
/* O(turns + uses). */
void gai_moves_load(struct moves *moves, const uint32_t *order);

/* How far the turn may move by links, pools that take turns, and reach: to a place in [*first, *last]. */
void gai_moves_slack(struct moves *moves, uint32_t turn, uint32_t *first, uint32_t *last);

/*
 * The turn goes to another place within its slack: the heights are as if it stood there, at the place where it stood.  To be kept or
 * dropped before anything else is tried.
 */
void gai_moves_try(struct moves *moves, uint32_t turn, uint32_t to);
void gai_moves_keep(struct moves *moves);
void gai_moves_drop(struct moves *moves);

#define GROUP_MOST 48u /* no more turns move together */

struct group {
    uint32_t turns[GROUP_MOST];   /* as they move, one after the other */
    uint32_t origins[GROUP_MOST]; /* where each stood when it moved */
    uint32_t n;
};

/*
 * All of the group move, and are kept: the first to place `to`, the next ones to the places behind that, or before it when they come
 * from there.  False: one has no slack for it, and all are back.
 */
bool gai_moves_group(struct moves *moves, struct group *group, uint32_t to, bool earlier);
void gai_moves_group_back(struct moves *moves, const struct group *group);

#endif
