/*
 * tvm_climb.c - 500 orders, each greedy: of what lives with the highest, or with what does, two that come early change places
 *
 * A worse answer is kept as a base for the next with a chance that falls with every attempt; a refused one is undone.  The lowest
 * answer seen stands at the end.
 */
#include "base/rng.h"
#include "measure.h"
#include "peers/gaps.h"
#include "peers/room.h"
#include "peers/ranks.h"

#include <string.h>

enum { ATTEMPTS = 500 };

struct climb {
    const struct peer_task *task;
    uint32_t *order, *position; /* of each interval in the order */
    uint64_t *offsets;          /* of the order now */
    uint32_t *near, *far;       /* who may change places: lives with the highest; lives with one that does */
    uint32_t n_near, n_far;
    uint32_t swapped[2]; /* places in the order */
    struct rng rng;
};

static void swap_places(struct climb *climb, uint32_t a, uint32_t b)
{
    uint32_t at = climb->order[a];
    climb->order[a] = climb->order[b];
    climb->order[b] = at;
    climb->position[climb->order[a]] = a;
    climb->position[climb->order[b]] = b;
}

static uint32_t draw(struct climb *climb, uint32_t n)
{
    return (uint32_t)(rng_next(&climb->rng) % n);
}

/* One of those that reach the peak. */
static uint32_t pick_highest(struct climb *climb, uint64_t peak)
{
    uint32_t picked = 0, n = 0;
    for (uint32_t k = 0; k < climb->task->n; k++) {
        uint32_t i = climb->order[k];
        if (climb->offsets[i] + climb->task->at[i].size == peak && draw(climb, ++n) == 0)
            picked = i;
    }
    return picked;
}

/* Each interval at most once: whoever is met more often is not more likely for it. */
static void collect(struct climb *climb, uint32_t highest)
{
    const struct ga_interval *at = climb->task->at;
    climb->n_near = climb->n_far = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < climb->task->n; i++) {
        if (i == highest || !gaps_meet(&at[i], &at[highest]))
            continue;
        last = climb->position[i] > last ? climb->position[i] : last;
        if (climb->position[i] < climb->position[highest])
            climb->near[climb->n_near++] = i;
    }
    for (uint32_t k = 0; k < last; k++) {
        uint32_t j = climb->order[k];
        for (uint32_t c = k + 1; c <= last; c++) {
            uint32_t i = climb->order[c];
            if (i != highest && gaps_meet(&at[i], &at[highest]) && gaps_meet(&at[i], &at[j])) {
                climb->far[climb->n_far++] = j;
                break;
            }
        }
    }
}

/* False: there is nothing to swap. */
static bool swap_two(struct climb *climb, uint64_t peak)
{
    collect(climb, pick_highest(climb, peak));
    climb->swapped[0] = climb->swapped[1] = 0;
    if (climb->n_near == 0)
        return false;
    uint32_t first = climb->near[draw(climb, climb->n_near)], second = first;
    while (second == first) {
        bool is_far = climb->n_far > 0 && draw(climb, 100) > 25;
        second = is_far ? climb->far[draw(climb, climb->n_far)] : climb->near[draw(climb, climb->n_near)];
        if (climb->n_near < 2 && climb->n_far < 2)
            break;
    }
    climb->swapped[0] = climb->position[first];
    climb->swapped[1] = climb->position[second];
    swap_places(climb, climb->swapped[0], climb->swapped[1]);
    return first != second;
}

static bool init(struct climb *climb, const struct peer_task *task)
{
    size_t n = task->n + (size_t)1;
    *climb = (struct climb){ .task = task, .rng = { task->seed } };
    climb->order = ranks_make(task, ranks_by_size);
    climb->position = room_new(n * sizeof(uint32_t));
    climb->near = room_new(n * sizeof(uint32_t));
    climb->far = room_new(n * sizeof(uint32_t));
    climb->offsets = room_new(n * sizeof(uint64_t));
    if (!climb->order || !climb->position || !climb->near || !climb->far || !climb->offsets)
        return false;
    for (uint32_t k = 0; k < task->n; k++)
        climb->position[climb->order[k]] = k;
    return true;
}

static void fini(struct climb *climb)
{
    room_give(climb->order);
    room_give(climb->position);
    room_give(climb->near);
    room_give(climb->far);
    room_give(climb->offsets);
}

static bool is_accepted(struct climb *climb, uint64_t peak, uint64_t base, unsigned attempt)
{
    return peak < base || draw(climb, 100) < 50 * ((double)(peak - base) / (double)peak) / attempt;
}

enum peer_end peer_tvm_climb(const struct peer_task *task, uint64_t *offsets)
{
    struct climb climb;
    uint64_t base = UINT64_MAX, best = UINT64_MAX;
    bool ok = init(&climb, task);
    for (unsigned attempt = 0; ok && attempt < ATTEMPTS; attempt++) {
        uint64_t peak = gaps_place(task, climb.order, GAP_LOWEST, climb.offsets);
        if (peak == UINT64_MAX || (task->deadline > 0 && measure_now() > task->deadline))
            break;
        if (peak < best) {
            best = peak;
            memcpy(offsets, climb.offsets, task->n * sizeof *offsets);
        }
        if (attempt == 0 || is_accepted(&climb, peak, base, attempt)) {
            base = peak;
            if (base <= task->capacity)
                break;
        } else {
            swap_places(&climb, climb.swapped[0], climb.swapped[1]);
            gaps_place(task, climb.order, GAP_LOWEST, climb.offsets);
        }
        swap_two(&climb, base);
    }
    fini(&climb);
    return best == UINT64_MAX ? PEER_GAVE_UP : PEER_ANSWERED;
}
