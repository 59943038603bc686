/*
 * solve.h - how good an answer a rung finds, how fast, and beside whom
 */
#ifndef BENCH_SOLVE_H
#define BENCH_SOLVE_H

#include "measure.h"
#include "puzzle.h"
#include "rival.h"

#define SOLVE_RIVALS 4

struct solve_opts {
    enum ga_effort effort;
    enum inplace inplace;
    uint64_t steps, seed;
    uint64_t capacity; /* 0: as low as possible */
    bool at_optimum;   /* the capacity is the optimum, where it is known */
    double limit_ns;   /* for each who solves; 0: none */
    const char *rivals[SOLVE_RIVALS];
    unsigned n_rivals;
};

/* What one solver did over all puzzles. */
struct score {
    unsigned puzzles, solved, proved, within[3], wrong;
    double ns;
    struct geomean over_load, recorded_over_peak, over_ours; /* the last of its time */
};

struct scores {
    struct score ours, rivals[SOLVE_RIVALS];
};

/* Everybody in turn, a line for each.  False: it could not be done at all. */
bool solve(const struct solve_opts *opts, const struct puzzle *puzzle, struct scores *scores);
/* A line for each that had something to do. */
void solve_report(const struct solve_opts *opts, const struct scores *scores);

/* "quick", "search", …; false: no effort. */
bool solve_effort(const char *word, enum ga_effort *effort);

/* The command line of all this. */
int solve_main(int argc, char **argv);

#endif
