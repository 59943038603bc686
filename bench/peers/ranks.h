/*
 * ranks.h - the order in which a greedy rule takes its intervals
 */
#ifndef BENCH_RANKS_H
#define BENCH_RANKS_H

#include "peers/peer.h"

struct rank {
    uint64_t key[3]; /* the smaller comes first; ~x puts the larger first */
    uint32_t interval;
};

/* Fills the keys of one interval. */
typedef void rank_rule(const struct peer_task *task, uint32_t interval, uint64_t key[3]);

/* All intervals by `rule`, ties as given; NULL: no memory.  To be freed. */
uint32_t *ranks_make(const struct peer_task *task, rank_rule *rule);

static inline uint64_t rank_life(const struct peer_task *task, uint32_t interval)
{
    return task->at[interval].death - task->at[interval].birth;
}

/* Size times life, at most UINT64_MAX. */
static inline uint64_t rank_area(const struct peer_task *task, uint32_t interval)
{
    uint64_t life = rank_life(task, interval), size = task->at[interval].size;
    return size > UINT64_MAX / life ? UINT64_MAX : size * life;
}

/* What several rules share: the larger first. */
rank_rule ranks_by_size;
rank_rule ranks_by_birth;

#endif
