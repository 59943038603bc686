/*
 * low.c - always the one whose lowest feasible offset is lowest; ties by a priority, of which six are tried until one
 * meets the load
 *
 * What lies at a time is as high as its highest: nothing is ever placed below.  So an interval's offset only grows while others are
 * placed, and a heap that holds the offsets of some time ago is right about who may come next: the first is asked again, and goes
 * back when it has risen.
 */
#include "peers/ranks.h"
#include "peers/times.h"
#include "peers/room.h"

#include <string.h>

struct waiting {
    uint64_t offset;
    uint32_t priority; /* place in the order: equal offsets go by it */
};

struct low {
    const struct peer_task *task;
    const uint32_t *order;
    struct waiting *heap;
    uint32_t n;
    struct times times;
    uint32_t width;
    uint64_t *tops, *whole; /* a tree over times: the highest below a node; what lies on all of it */
};

/* ---- the tree ---- */

struct span {
    uint32_t first, last; /* half open */
};

static uint64_t highest(const struct low *low, uint32_t node, struct span of, struct span asked)
{
    if (asked.last <= of.first || of.last <= asked.first)
        return 0;
    if (asked.first <= of.first && of.last <= asked.last)
        return low->tops[node];
    uint32_t mid = of.first + (of.last - of.first) / 2;
    uint64_t left = highest(low, 2 * node, (struct span){ of.first, mid }, asked);
    uint64_t right = highest(low, 2 * node + 1, (struct span){ mid, of.last }, asked);
    uint64_t here = left > right ? left : right;
    return here > low->whole[node] ? here : low->whole[node];
}

static void raise(struct low *low, uint32_t node, struct span of, struct span asked, uint64_t top)
{
    if (asked.last <= of.first || of.last <= asked.first)
        return;
    low->tops[node] = top > low->tops[node] ? top : low->tops[node];
    if (asked.first <= of.first && of.last <= asked.last) {
        low->whole[node] = top > low->whole[node] ? top : low->whole[node];
        return;
    }
    uint32_t mid = of.first + (of.last - of.first) / 2;
    raise(low, 2 * node, (struct span){ of.first, mid }, asked, top);
    raise(low, 2 * node + 1, (struct span){ mid, of.last }, asked, top);
}

static struct span span_of(const struct low *low, uint32_t interval)
{
    const struct ga_interval *at = &low->task->at[interval];
    return (struct span){ times_find(low->times, at->birth), times_find(low->times, at->death) };
}

static uint64_t lowest_offset(const struct low *low, uint32_t interval)
{
    uint64_t align = low->task->at[interval].align, top = highest(low, 1, (struct span){ 0, low->width }, span_of(low, interval));
    return peer_up(top, align);
}

/* ---- the heap ---- */

static bool comes_before(struct waiting a, struct waiting b)
{
    return a.offset != b.offset ? a.offset < b.offset : a.priority < b.priority;
}

static void sink(struct low *low, uint32_t at)
{
    for (;;) {
        uint32_t first = at, child = 2 * at + 1;
        for (uint32_t c = child; c < child + 2 && c < low->n; c++)
            if (comes_before(low->heap[c], low->heap[first]))
                first = c;
        if (first == at)
            return;
        struct waiting sunk = low->heap[at];
        low->heap[at] = low->heap[first];
        low->heap[first] = sunk;
        at = first;
    }
}

/* ---- a pass ---- */

static uint64_t pass(struct low *low, const uint32_t *order, uint64_t *offsets)
{
    uint64_t peak = 0;
    low->order = order;
    low->n = low->task->n;
    memset(low->tops, 0, 2 * (size_t)low->width * sizeof *low->tops);
    memset(low->whole, 0, 2 * (size_t)low->width * sizeof *low->whole);
    for (uint32_t k = 0; k < low->n; k++)
        low->heap[k] = (struct waiting){ 0, k };
    while (low->n > 0) {
        uint32_t i = order[low->heap[0].priority];
        uint64_t offset = lowest_offset(low, i), end = offset + low->task->at[i].size;
        if (offset > low->heap[0].offset) {
            low->heap[0].offset = offset;
        } else {
            offsets[i] = offset;
            peak = end > peak ? end : peak;
            raise(low, 1, (struct span){ 0, low->width }, span_of(low, i), end);
            low->heap[0] = low->heap[--low->n];
        }
        sink(low, 0);
    }
    return peak;
}

static bool init(struct low *low, const struct peer_task *task)
{
    *low = (struct low){ .task = task, .width = 1 };
    low->heap = room_new((task->n + (size_t)1) * sizeof *low->heap);
    low->times = times_of(task);
    if (!low->heap || !low->times.at)
        return false;
    while (low->width < low->times.n)
        low->width *= 2;
    low->tops = room_new(2 * (size_t)low->width * sizeof *low->tops);
    low->whole = room_new(2 * (size_t)low->width * sizeof *low->whole);
    return low->tops && low->whole;
}

static void fini(struct low *low)
{
    room_give(low->heap);
    room_give(low->times.at);
    room_give(low->tops);
    room_give(low->whole);
}

/* ---- the priorities ---- */

static void by_area(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~rank_area(task, interval);
}

static void by_start(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = task->at[interval].birth;
    key[1] = ~task->at[interval].size;
}

static void by_life(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~rank_life(task, interval);
    key[1] = ~task->at[interval].size;
}

/* The sum of the sizes that live with it when it is born: the densest times first. */
static uint64_t total_at_birth(const struct peer_task *task, uint32_t interval)
{
    uint64_t sum = 0, time = task->at[interval].birth;
    for (uint32_t i = 0; i < task->n; i++)
        sum += task->at[i].birth <= time && time < task->at[i].death ? task->at[i].size : 0;
    return sum;
}

static void by_total_and_width(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~total_at_birth(task, interval);
    key[1] = ~rank_life(task, interval);
    key[2] = ~rank_area(task, interval);
}

static void by_total_and_size(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = ~total_at_birth(task, interval);
    key[1] = ~task->at[interval].size;
}

enum { ALL_TRIED = 30000 }; /* with more, the sums take longer than everything else: area only */

enum peer_end peer_low(const struct peer_task *task, uint64_t *offsets)
{
    rank_rule *const rules[] = { by_area, ranks_by_size, by_total_and_width, by_start, by_total_and_size, by_life };
    struct low low;
    uint64_t *tried = room_new((task->n + (size_t)1) * sizeof *tried), best = UINT64_MAX;
    bool ok = init(&low, task) && tried;
    for (unsigned r = 0; ok && r < sizeof rules / sizeof *rules && best > task->load && (r == 0 || task->n <= ALL_TRIED); r++) {
        uint32_t *order = ranks_make(task, rules[r]);
        uint64_t peak = order ? pass(&low, order, tried) : UINT64_MAX;
        room_give(order);
        if (peak < best) {
            best = peak;
            memcpy(offsets, tried, task->n * sizeof *offsets);
        }
    }
    fini(&low);
    room_give(tried);
    return best == UINT64_MAX ? PEER_GAVE_UP : PEER_ANSWERED;
}
