/*
 * tvm.c - the larger first, on top of all placed ones that live with it
 */
#include "peers/gaps.h"
#include "peers/room.h"
#include "peers/ranks.h"

enum peer_end peer_tvm(const struct peer_task *task, uint64_t *offsets)
{
    uint32_t *order = ranks_make(task, ranks_by_size);
    uint64_t peak = order ? gaps_place(task, order, GAP_TOP, offsets) : UINT64_MAX;
    room_give(order);
    return peak == UINT64_MAX ? PEER_GAVE_UP : PEER_ANSWERED;
}
