/*
 * tflm.c - the larger first, each into the first gap; what has its place already before all others
 */
#include "peers/gaps.h"
#include "peers/room.h"
#include "peers/ranks.h"

enum peer_end peer_tflm(const struct peer_task *task, uint64_t *offsets)
{
    uint32_t *order = ranks_make(task, ranks_by_size);
    uint64_t peak = order ? gaps_place(task, order, GAP_LOWEST, offsets) : UINT64_MAX;
    room_give(order);
    return peak == UINT64_MAX ? PEER_GAVE_UP : PEER_ANSWERED;
}
