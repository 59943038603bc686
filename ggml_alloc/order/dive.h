/*
 * dive.h - an order of some turns that stays below limits: found, or proven not to exist
 *
 *     order    | run as it is |  first .. end: to be put in order  |  comes later, whatever happens here
 *     state    the set of turns that have run; what lives depends on nothing else
 *     forced   a turn that adds nothing to what lives and stays below the limits: nothing is lost by running it at once
 *     chain    turns over a hill into a valley no higher than before: nothing is lost either (Liu 1987, for trees)
 *     dead     a state from which all ways have failed, known by its hash: not entered again
 *
 * Depth first, what adds least first.  Why a forced turn costs nothing: what lives is submodular in the set of turns that have run,
 * since a storage adds its size with the first of its users and takes it away with the last.  A turn that adds nothing now adds
 * nothing later, so whatever other orders run before it finds no more alive behind it, and takes over no less.  This needs turns that
 * may stand anywhere: where pools take turns, or a reach is given, only turns that are free of that are forced.
 */
#ifndef GAI_ORDER_DIVE_H
#define GAI_ORDER_DIVE_H

#include "order/rules.h"
#include "order/tally.h"

#define DIVE_CHOICES 64 /* no more ways out of one state are followed */

enum dive_end {
    DIVE_FOUND,
    DIVE_IMPOSSIBLE,
    DIVE_SPENT, /* nobody knows */
    DIVE_NO_MEMORY,
};

struct dive_level {
    uint64_t hash;    /* of the state before its turn runs */
    uint32_t n, next; /* choices, and which is next; the last level's are the last of `choices` */
    uint32_t left;    /* no turn below it is left */
};

struct dive {
    const struct turns *turns;
    struct freedom freedom;
    bool takes_turns; /* pools do */
    struct tally tally;
    uint16_t *slots;      /* pools of the turns that compute, as given */
    uint64_t *peaks;      /* by pool, of one turn */
    uint64_t *base;       /* by pool, where a chain begins */
    uint32_t *waits;      /* by turn: befores that have not run */
    uint32_t *places;     /* by turn: in `order`; what is to be put in order and has not run */
    uint32_t *ready, *at; /* turns, and by turn: where it is among them */
    uint32_t *path;
    struct dive_level *levels;
    uint32_t *choices;
    uint64_t *dead;
    unsigned dead_log2; /* room for as many, if they were all used */
    uint32_t n_ready, n_path, n_choices, cap_choices, n_dead, n_computed, first, end;
    bool is_cut_short; /* there were more choices */
    const uint64_t *limits;
    uint64_t steps, budget; /* turns run */
};

/* False: no memory.  Freed with gai_dive_fini() either way. */
bool gai_dive_init(struct dive *dive, const struct turns *turns, const struct freedom *freedom);
void gai_dive_fini(struct dive *dive);

/*
 * Turns order[first .. end) are put in an order in which no pool ever holds more than limits[pool]; on DIVE_FOUND only.  All turns
 * before `first` run as they stand.  About `budget` steps, which are added to dive->steps; each costs what the turn touches.
 */
enum dive_end gai_dive(struct dive *dive, uint32_t *order, uint32_t first, uint32_t end, const uint64_t *limits, uint64_t budget);

#endif
