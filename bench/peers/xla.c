/*
 * xla.c - by size, by life, by both; the smallest gap or the lowest: the best of six
 */
#include "peers/trials.h"

static void by_size(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~task->at[interval].size;
    key[1] = ~rank_life(task, interval);
    key[2] = task->at[interval].birth;
}

static void by_life(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~rank_life(task, interval);
    key[1] = ~task->at[interval].size;
    key[2] = task->at[interval].birth;
}

static void by_area(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~rank_area(task, interval);
    key[1] = ~task->at[interval].size;
    key[2] = task->at[interval].birth;
}

enum peer_end peer_xla(const struct peer_task *task, uint64_t *offsets)
{
    static const struct trial trials[] = {
        { by_size, GAP_SMALLEST }, { by_life, GAP_SMALLEST }, { by_area, GAP_SMALLEST },
        { by_size, GAP_LOWEST },   { by_life, GAP_LOWEST },   { by_area, GAP_LOWEST },
    };
    return trials_run(task, trials, sizeof trials / sizeof *trials, offsets);
}
