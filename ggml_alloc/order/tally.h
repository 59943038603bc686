/*
 * tally.h - what lives after some turns have run
 *
 *     run       a turn's steps: births, the peak of the step, deaths
 *     take back the same in reverse
 *
 * O(what the turn touches).
 */
#ifndef GAI_ORDER_TALLY_H
#define GAI_ORDER_TALLY_H

#include "order/turns.h"

struct tally {
    const struct turns *turns;
    uint32_t *left;   /* by storage: steps that have yet to touch it */
    bool *saved;      /* by storage: in the step that runs, an heir that adds nothing */
    uint64_t *live;   /* by pool */
    uint64_t *credit; /* by pool, of the step that runs */
    uint64_t *was;    /* by pool, for who wants to compare */
};

/* False: no memory.  To be reset before it is used.  Freed with gai_tally_fini(). */
bool gai_tally_init(struct tally *tally, const struct turns *turns);
/* As before the first turn; `peaks` (by pool) get what lives then. */
void gai_tally_reset(struct tally *tally, uint64_t *peaks);
void gai_tally_fini(struct tally *tally);

/* All of its befores have run.  Raises `peaks` where more lives meanwhile. */
void gai_tally_run(struct tally *tally, uint32_t turn, uint64_t *peaks);
/* It was the last to run. */
void gai_tally_take_back(struct tally *tally, uint32_t turn);

#endif
