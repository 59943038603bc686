/*
 * trials.h - several greedy answers, of which the lowest stands
 */
#ifndef BENCH_TRIALS_H
#define BENCH_TRIALS_H

#include "peers/gaps.h"
#include "peers/ranks.h"

struct trial {
    rank_rule *order;
    enum gap_rule rule;
};

enum peer_end trials_run(const struct peer_task *task, const struct trial *trials, unsigned n, uint64_t *offsets);

#endif
