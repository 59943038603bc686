/*
 * somas.c - by size, equal ones in order or against it; the smallest, lowest, highest or largest gap: the best of eight
 */
#include "peers/trials.h"

static void in_order(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~task->at[interval].size;
    key[1] = interval;
}

static void against_it(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~task->at[interval].size;
    key[1] = ~(uint64_t)interval;
}

enum peer_end peer_somas(const struct peer_task *task, uint64_t *offsets)
{
    static const struct trial trials[] = {
        { in_order, GAP_SMALLEST },   { in_order, GAP_LOWEST },   { in_order, GAP_HIGHEST },   { in_order, GAP_LARGEST },
        { against_it, GAP_SMALLEST }, { against_it, GAP_LOWEST }, { against_it, GAP_HIGHEST }, { against_it, GAP_LARGEST },
    };
    return trials_run(task, trials, sizeof trials / sizeof *trials, offsets);
}
