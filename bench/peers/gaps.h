/*
 * gaps.h - what most planners do: one interval after the other into a gap between those that were placed before and live with it
 *
 *     address
 *        |  .-------.
 *        |  |       |         candidates for a new one that lives with all three: [a, b) if it is large enough, and the top
 *      b |  '-------'-----.
 *        |                |
 *      a |  .-----------. |
 *        '--'-----------'-'--> time
 */
#ifndef BENCH_GAPS_H
#define BENCH_GAPS_H

#include "peers/peer.h"

enum gap_rule {
    GAP_SMALLEST, /* that is large enough; the lowest of those; the top when there is none */
    GAP_LOWEST,
    GAP_LARGEST,
    GAP_HIGHEST, /* below the top, when there is one */
    GAP_TOP,     /* above all, whatever gaps there are */
};

/* Those with a fixed offset go there first, the others in this order.  Returns the peak; UINT64_MAX: no memory. */
uint64_t gaps_place(const struct peer_task *task, const uint32_t *order, enum gap_rule rule, uint64_t *offsets);

/* Whether both live at some time. */
static inline bool gaps_meet(const struct ga_interval *a, const struct ga_interval *b)
{
    return a->birth < b->death && b->birth < a->death;
}

#endif
