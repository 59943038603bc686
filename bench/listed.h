/*
 * listed.h - instances.tsv: what is compared on, and what is known of it
 *
 *     name         kind     origin                           n    load     best     proved  by     checksum
 *     perfect-100  perfect  gen perfect --pieces=100 --seed=1  100  1048576  1048576  yes     prove  5f0c...
 *
 * Kinds: `graph`, a file beside the list; `perfect`, `random` and `trace`, what the command of `origin` writes; `public`, a file of a
 * public set, which is there only after somebody fetched it.  The checksum is of the intervals, so that a list and what it speaks of
 * cannot drift apart.
 */
#ifndef BENCH_LISTED_H
#define BENCH_LISTED_H

#include "puzzle.h"

struct listed {
    char name[96], kind[16], origin[160], by[24];
    uint64_t n, load, best, checksum; /* best 0: not known */
    bool proved;
};

/* The next line that counts; false at the end, or with a word on stderr and `*good` false. */
bool listed_next(FILE *list, struct listed *listed, bool *good);

enum listed_end { LISTED_READY, LISTED_ABSENT, LISTED_BROKEN };

/*
 * Makes or reads it; graphs relative to `folder`, public ones to `publics` (NULL: absent).  Broken, with a line on stderr: it cannot be
 * made, or is not what the list says it is.
 */
enum listed_end listed_load(const struct listed *listed, const char *folder, const char *publics, struct puzzle *puzzle);

uint64_t listed_checksum(const struct puzzle *puzzle);

/* Numbers and checksum as they are; the best by `prove`, if that is lower than what is known. */
bool listed_renew(struct listed *listed, const struct puzzle *puzzle);
/* As a line of the list. */
void listed_print(const struct listed *listed);

#endif
