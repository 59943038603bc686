/*
 * times.h - the distinct times at which something begins or ends
 *
 *     births and deaths   7 0 3 3 9 0      -->   at: 0 3 7 9, n: 4
 */
#ifndef BENCH_TIMES_H
#define BENCH_TIMES_H

#include "peers/peer.h"

struct times {
    uint64_t *at; /* rising */
    uint32_t n;
};

/* Those of all intervals of `task`; NULL in `at`: no memory.  `at` goes with room_give(). */
struct times times_of(const struct peer_task *task);

/* Rising, equal ones kept. */
void times_sort(struct times times);

/* The last one that is not behind `time`; 0 where all are. */
uint32_t times_find(struct times times, uint64_t time);

#endif
