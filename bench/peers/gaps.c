#include "peers/gaps.h"
#include "peers/room.h"

#include <string.h>

/* What was placed, by offset: copies, since all of them are looked through again and again. */
struct placed {
    uint64_t birth, death, offset, end;
};

struct pile {
    struct placed *at;
    uint32_t n;
};

static bool is_better(enum gap_rule rule, uint64_t gap, uint64_t best_gap)
{
    switch (rule) {
    case GAP_SMALLEST:
        return gap < best_gap;
    case GAP_LARGEST:
        return gap > best_gap;
    case GAP_HIGHEST:
        return true;
    default:
        return false;
    }
}

static uint64_t choose(const struct pile *pile, const struct ga_interval *item, enum gap_rule rule)
{
    uint64_t floor = 0, best = UINT64_MAX, best_gap = 0;
    for (uint32_t i = 0; i < pile->n; i++) {
        const struct placed *other = &pile->at[i];
        if (other->birth >= item->death || item->birth >= other->death)
            continue;
        uint64_t start = peer_up(floor, item->align);
        if (rule != GAP_TOP && start < other->offset && other->offset - start >= item->size) {
            uint64_t gap = other->offset - start;
            if (rule == GAP_LOWEST)
                return start;
            if (best == UINT64_MAX || is_better(rule, gap, best_gap)) {
                best = start;
                best_gap = gap;
            }
        }
        floor = other->end > floor ? other->end : floor;
    }
    return best == UINT64_MAX ? peer_up(floor, item->align) : best;
}

static uint64_t add(struct pile *pile, const struct ga_interval *item, uint64_t offset)
{
    uint32_t low = 0, high = pile->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (pile->at[mid].offset <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    memmove(&pile->at[low + 1], &pile->at[low], (pile->n - low) * sizeof *pile->at);
    pile->at[low] = (struct placed){ item->birth, item->death, offset, offset + item->size };
    pile->n++;
    return pile->at[low].end;
}

uint64_t gaps_place(const struct peer_task *task, const uint32_t *order, enum gap_rule rule, uint64_t *offsets)
{
    struct pile pile = { room_new((task->n + (size_t)1) * sizeof *pile.at), 0 };
    uint64_t peak = pile.at ? 0 : UINT64_MAX;
    for (uint32_t k = 0; pile.at && k < 2 * task->n; k++) {
        uint32_t i = order[k % task->n];
        const struct ga_interval *item = &task->at[i];
        bool is_first_round = k < task->n;
        if (is_first_round != (item->fixed != 0))
            continue;
        offsets[i] = item->fixed ? item->fixed - 1 : choose(&pile, item, rule);
        uint64_t end = add(&pile, item, offsets[i]);
        peak = end > peak ? end : peak;
    }
    room_give(pile.at);
    return peak;
}
