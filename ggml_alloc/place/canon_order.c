#include "place/canon.h"

#include "base/rng.h"

/*
 * Which item of which section is decided next decides over orders of magnitude, and no way to choose is best everywhere.  So
 * attempts are short, and each chooses otherwise than the one before; what they learn is common to them: which sections overflow.
 */
/* clang-format off */
static const struct taste tastes[] = {
    { .slack = 20, .failures = 6, .rank = RANK_FAILURES },
    { .slack = 20, .failures = 2, .rank = RANK_LOAD },
    { .slack = 64, .failures = 2, .rank = RANK_FAILURES },
    { .slack = 0,  .failures = 2, .rank = RANK_LOAD },
};
/* clang-format on */

#define N_TASTES (sizeof tastes / sizeof *tastes)
#define NODES_PER_ITEM 3u /* of the first attempt */
#define NODES_GROW 10u    /* attempts until there are twice as many */
#define NOISE 256u

void gai_canon_learn(struct canon *canon, int32_t s)
{
    canon->weights[s]++;
    canon->heaviest = canon->weights[s] > canon->heaviest ? canon->weights[s] : canon->heaviest;
}

/* Those that live long, and more so in sections that overflow. */
static uint64_t key_by_failures(const struct canon *canon, const struct exact_item *item)
{
    uint64_t key = 0;
    for (uint32_t s = item->from; s < item->to; s++)
        key += canon->weights[s];
    return key;
}

/* Those that live where most lives, then those that live long. */
static uint64_t key_by_load(const struct canon *canon, const struct exact_item *item)
{
    unit load = 0;
    for (uint32_t s = item->from; s < item->to; s++)
        load = max_i32(load, canon->totals[s]);
    return (uint64_t)load << 24 | (item->to - item->from) << 12 | (item->size & 0xfff);
}

/* The larger, the earlier. */
static void find_keys(struct canon *canon)
{
    const struct exact_task *task = canon->task;
    struct rng rng = { canon->ask->seed + canon->attempt };
    for (uint32_t i = 0; i < task->n_items; i++) {
        uint64_t noise = NOISE + (canon->attempt > 0 ? rng_below(&rng, NOISE / 8) : 0);
        bool by_load = canon->taste.rank == RANK_LOAD;
        canon->keys[i] = by_load ? key_by_load(canon, &task->items[i]) : key_by_failures(canon, &task->items[i]) * noise;
    }
}

static bool ranks_before(const struct canon *canon, int32_t x, int32_t y)
{
    return canon->keys[x] != canon->keys[y] ? canon->keys[x] > canon->keys[y] : x < y;
}

static void sift(const struct canon *canon, int32_t *heap, int32_t n, int32_t at)
{
    int32_t item = heap[at];
    for (int32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && ranks_before(canon, heap[child], heap[child + 1]);
        if (!ranks_before(canon, item, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

static void sort_order(struct canon *canon)
{
    int32_t n = (int32_t)canon->task->n_items, *order = canon->order;
    for (int32_t i = 0; i < n; i++)
        order[i] = i;
    for (int32_t at = n / 2; at-- > 0;)
        sift(canon, order, n, at);
    for (int32_t end = n; end-- > 1;) {
        int32_t last = order[end];
        order[end] = order[0];
        order[0] = last;
        sift(canon, order, end, 0);
    }
}

uint64_t gai_canon_rank(struct canon *canon)
{
    uint64_t nodes = (uint64_t)NODES_PER_ITEM * canon->task->n_items;
    canon->taste = tastes[canon->attempt % N_TASTES];
    find_keys(canon);
    sort_order(canon);
    return nodes + nodes * canon->attempt++ / NODES_GROW;
}
