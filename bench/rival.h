/*
 * rival.h - another solver: a command that reads interval CSV and writes it with offsets
 */
#ifndef BENCH_RIVAL_H
#define BENCH_RIVAL_H

#include "puzzle.h"

enum rival_end {
    RIVAL_ANSWERED, /* with an answer that the judge accepts */
    RIVAL_GAVE_UP,  /* no answer: it says that there is none, or ended otherwise */
    RIVAL_TIMED_OUT,
    RIVAL_WRONG, /* its answer is none */
};

struct rival_result {
    enum rival_end end;
    double ns; /* from before its process to after it */
    uint64_t peak;
};

extern const char *const rival_words[]; /* by enum rival_end */

/*
 * Runs `command` in the shell: %I is the file of the puzzle, %O the file for the answer, %C the capacity.  Whatever it prints is thrown
 * away; after `limit_ns` it is killed.  False when it cannot be run at all.
 */
bool rival_run(const char *command, const struct puzzle *puzzle, uint64_t capacity, double limit_ns, struct rival_result *result);

#endif
