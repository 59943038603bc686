#include "place/canon.h"

#include "base/rng.h"

/*
 * Which of the items at one offset comes first decides over orders of magnitude, and no order is best everywhere.  So attempts are
 * short, the first ones with three that are good, the others with what they learned: items that live in sections that overflowed often come first.
 */
enum key { KEY_TOTAL, KEY_WIDTH, KEY_AREA, N_KEYS };

/* clang-format off */
static const enum key orders[][N_KEYS] = {
    { KEY_TOTAL, KEY_WIDTH, KEY_AREA },
    { KEY_TOTAL, KEY_AREA, KEY_WIDTH },
    { KEY_WIDTH, KEY_AREA, KEY_TOTAL },
};
/* clang-format on */

#define N_ORDERS (sizeof orders / sizeof *orders)
#define NODES_PER_ITEM 16u
#define LEARNED_NODES 1024u
#define NOISE 256u

void gai_canon_measure(struct canon *canon)
{
    const struct exact_task *task = canon->task;
    for (uint32_t s = 0; s < task->n_sections; s++) {
        canon->totals[s] = 0;
        canon->weights[s] = 1;
    }
    for (uint32_t i = 0; i < task->n_items; i++)
        for (uint32_t s = task->items[i].from; s < task->items[i].to; s++)
            canon->totals[s] += task->items[i].size;
}

/* The larger, the earlier. */
static void key_by_shape(struct canon *canon, const enum key order[N_KEYS])
{
    const struct exact_task *task = canon->task;
    for (uint32_t i = 0; i < task->n_items; i++) {
        const struct exact_item *item = &task->items[i];
        uint64_t of[N_KEYS] = { [KEY_WIDTH] = item->to - item->from };
        of[KEY_AREA] = item->size * of[KEY_WIDTH];
        for (uint32_t s = item->from; s < item->to; s++)
            of[KEY_TOTAL] = max_u64(of[KEY_TOTAL], canon->totals[s]);
        for (unsigned k = 0; k < N_KEYS; k++)
            canon->keys[(size_t)i * N_KEYS + k] = of[order[k]];
    }
}

static void key_by_failures(struct canon *canon)
{
    const struct exact_task *task = canon->task;
    struct rng rng = { canon->ask->seed + canon->attempt };
    for (uint32_t i = 0; i < task->n_items; i++) {
        uint64_t *keys = &canon->keys[(size_t)i * N_KEYS];
        keys[0] = keys[1] = keys[2] = 0;
        for (uint32_t s = task->items[i].from; s < task->items[i].to; s++)
            keys[0] += canon->weights[s];
        /* Twins stay together. */
        bool is_twin = i > 0 && task->items[i].size == task->items[i - 1].size && task->items[i].from == task->items[i - 1].from &&
                       task->items[i].to == task->items[i - 1].to;
        keys[0] = is_twin ? keys[0 - (int)N_KEYS] : keys[0] * (3 * NOISE + rng_below(&rng, NOISE));
    }
}

static bool ranks_before(const struct canon *canon, int32_t x, int32_t y)
{
    const uint64_t *a = &canon->keys[(size_t)x * N_KEYS], *b = &canon->keys[(size_t)y * N_KEYS];
    for (unsigned k = 0; k < N_KEYS; k++)
        if (a[k] != b[k])
            return a[k] > b[k];
    return x < y;
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

/* By turns: one order by shape, with more and more nodes, and three by failures. */
uint64_t gai_canon_rank(struct canon *canon)
{
    unsigned attempt = canon->attempt++;
    uint64_t nodes = LEARNED_NODES + LEARNED_NODES / 8 * attempt;
    if (attempt < N_ORDERS || attempt % 4 == 0) {
        unsigned turn = attempt < N_ORDERS ? attempt : attempt / 4 + 2;
        key_by_shape(canon, orders[turn % N_ORDERS]);
        nodes = (uint64_t)NODES_PER_ITEM * canon->task->n_items << turn / N_ORDERS;
    } else {
        key_by_failures(canon);
    }
    sort_order(canon);
    return nodes;
}
