/*
 * contest.h - all known rules on the same intervals: who is lower, who is faster
 *
 *     puzzle --+--> our rungs ------+
 *              +--> peers/ ---------+--> judge --> a line for each who took part
 *              +--> other programs -+
 *
 * Rounds are interleaved: everybody once, then everybody again, so that a busy machine is busy for all.  A peak that differs from
 * one round to the next is a fault, as is an answer that the judge refuses: both are named, and counted as wrong.
 */
#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H

#include "puzzle.h"

#define CONTEST_RIVALS 4

struct contest_opts {
    const char *who;                    /* names, with commas between; "all" */
    const char *rivals[CONTEST_RIVALS]; /* commands, see rival.h */
    unsigned n_rivals, repeat;
    uint64_t seed, steps, capacity;
    double limit_ns; /* for each in each round; 0: none, so that nothing depends on the clock (external ones: a minute) */
    bool csv;
};

/* Every name in `who` is one that takes part; else the first that is not is copied to `unknown`. */
bool contest_knows(const char *who, char *unknown, size_t cap);
/* The names, for people. */
void contest_list(FILE *out);

void contest_head(const struct contest_opts *opts);
/* Adds to `wrong` what was refused; `best` (may be NULL) gets the lowest peak.  False: it could not be held at all. */
bool contest_hold(const struct contest_opts *opts, const struct puzzle *puzzle, unsigned *wrong, uint64_t *best);

#endif
