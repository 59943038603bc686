/*
 * iree.c - in program order, each into the smallest gap
 */
#include "peers/gaps.h"
#include "peers/room.h"
#include "peers/ranks.h"

enum peer_end peer_iree(const struct peer_task *task, uint64_t *offsets)
{
    uint32_t *order = ranks_make(task, ranks_by_birth);
    uint64_t peak = order ? gaps_place(task, order, GAP_SMALLEST, offsets) : UINT64_MAX;
    room_give(order);
    return peak == UINT64_MAX ? PEER_GAVE_UP : PEER_ANSWERED;
}
