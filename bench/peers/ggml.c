/*
 * ggml.c - as the program runs: at each birth the smallest free block that is large enough, of equal ones the highest, the open end last; at each death it is
 * free again and joins its neighbours
 */
#include "peers/ranks.h"
#include "peers/room.h"

#include <string.h>

struct block {
    uint64_t offset, size;
};

/* By offset; the last one is the open end. */
struct heap {
    struct block *free;
    size_t n, cap;
};

static bool fits(const struct block *block, const struct ga_interval *item)
{
    uint64_t skip = peer_up(block->offset, item->align) - block->offset;
    return block->size >= skip && block->size - skip >= item->size;
}

static bool insert(struct heap *heap, size_t at, struct block block)
{
    if (heap->n == heap->cap) {
        struct block *more = room_grow(heap->free, 2 * heap->cap * sizeof *more);
        if (!more)
            return false;
        heap->free = more;
        heap->cap *= 2;
    }
    memmove(&heap->free[at + 1], &heap->free[at], (heap->n++ - at) * sizeof block);
    heap->free[at] = block;
    return true;
}

static void drop(struct heap *heap, size_t at)
{
    memmove(&heap->free[at], &heap->free[at + 1], (--heap->n - at) * sizeof *heap->free);
}

static bool take(struct heap *heap, const struct ga_interval *item, uint64_t *offset)
{
    size_t best = heap->n - 1;
    for (size_t i = 0; i + 1 < heap->n; i++)
        if (fits(&heap->free[i], item) && (best == heap->n - 1 || heap->free[i].size <= heap->free[best].size))
            best = i;
    struct block *block = &heap->free[best];
    uint64_t front = peer_up(block->offset, item->align) - block->offset, before = block->offset;
    *offset = before + front;
    block->offset = *offset + item->size;
    block->size -= front + item->size;
    if (block->size == 0)
        drop(heap, best);
    return front == 0 || insert(heap, best, (struct block){ before, front });
}

static bool give(struct heap *heap, uint64_t offset, uint64_t size)
{
    size_t low = 0, high = heap->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (heap->free[mid].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    bool joins_before = low > 0 && heap->free[low - 1].offset + heap->free[low - 1].size == offset;
    bool joins_behind = offset + size == heap->free[low].offset; /* the open end is never before it */
    if (joins_before && joins_behind) {
        heap->free[low - 1].size += size + heap->free[low].size;
        drop(heap, low);
    } else if (joins_before) {
        heap->free[low - 1].size += size;
    } else if (joins_behind) {
        heap->free[low].offset = offset;
        heap->free[low].size += size;
    } else {
        return insert(heap, low, (struct block){ offset, size });
    }
    return true;
}

static void by_death(const struct peer_task *task, uint32_t interval, uint64_t key[3])
{
    key[0] = task->at[interval].death;
}

enum peer_end peer_ggml(const struct peer_task *task, uint64_t *offsets)
{
    uint32_t *births = ranks_make(task, ranks_by_birth), *deaths = ranks_make(task, by_death);
    struct heap heap = { room_new(64 * sizeof *heap.free), 1, 64 };
    bool ok = births && deaths && heap.free;
    if (ok)
        heap.free[0] = (struct block){ 0, UINT64_MAX };
    for (uint32_t b = 0, d = 0; ok && b < task->n; b++) {
        const struct ga_interval *born = &task->at[births[b]];
        for (; ok && task->at[deaths[d]].death <= born->birth; d++)
            ok = give(&heap, offsets[deaths[d]], task->at[deaths[d]].size);
        ok = ok && take(&heap, born, &offsets[births[b]]);
    }
    room_give(births);
    room_give(deaths);
    room_give(heap.free);
    return ok ? PEER_ANSWERED : PEER_GAVE_UP;
}
