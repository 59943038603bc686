#include "peers/ranks.h"
#include "peers/room.h"

#include <stdlib.h>

static int by_keys(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    for (int i = 0; i < 3; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    return (x->interval > y->interval) - (x->interval < y->interval);
}

uint32_t *ranks_make(const struct peer_task *task, rank_rule *rule)
{
    struct rank *ranks = room_new((task->n + (size_t)1) * sizeof *ranks);
    uint32_t *order = room_new((task->n + (size_t)1) * sizeof *order);
    if (ranks && order) {
        for (uint32_t i = 0; i < task->n; i++) {
            ranks[i] = (struct rank){ { 0 }, i };
            rule(task, i, ranks[i].key);
        }
        qsort(ranks, task->n, sizeof *ranks, by_keys);
        for (uint32_t i = 0; i < task->n; i++)
            order[i] = ranks[i].interval;
    } else {
        room_give(order);
        order = NULL;
    }
    room_give(ranks);
    return order;
}

void ranks_by_size(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~task->at[interval].size;
    key[1] = task->at[interval].birth;
}

void ranks_by_birth(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = task->at[interval].birth;
}
