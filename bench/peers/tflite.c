/*
 * tflite.c - what lives all the time first, then the larger first, each into the smallest gap
 */
#include "peers/gaps.h"
#include "peers/room.h"
#include "peers/ranks.h"

static bool lives_always(const struct peer_task *task, uint32_t interval)
{
    for (uint32_t i = 0; i < task->n; i++)
        if (task->at[i].birth < task->at[interval].birth || task->at[i].death > task->at[interval].death)
            return false;
    return true;
}

static void by_size(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = !lives_always(task, interval);
    key[1] = key[0] ? ~task->at[interval].size : interval;
    key[2] = task->at[interval].birth;
}

enum peer_end peer_tflite(const struct peer_task *task, uint64_t *offsets)
{
    uint32_t *order = ranks_make(task, by_size);
    uint64_t peak = order ? gaps_place(task, order, GAP_SMALLEST, offsets) : UINT64_MAX;
    room_give(order);
    return peak == UINT64_MAX ? PEER_GAVE_UP : PEER_ANSWERED;
}
