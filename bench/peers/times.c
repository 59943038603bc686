#include "peers/times.h"
#include "peers/room.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void times_sort(struct times times)
{
    if (times.n > 0)
        qsort(times.at, times.n, sizeof *times.at, by_value);
}

struct times times_of(const struct peer_task *task)
{
    struct times all = { room_new((task->n + (size_t)1) * 2 * sizeof *all.at), 0 }, distinct = { all.at, 0 };
    if (!all.at)
        return distinct;
    for (uint32_t i = 0; i < task->n; i++) {
        all.at[all.n++] = task->at[i].birth;
        all.at[all.n++] = task->at[i].death;
    }
    times_sort(all);
    for (uint32_t i = 0; i < all.n; i++)
        if (distinct.n == 0 || distinct.at[distinct.n - 1] != all.at[i])
            distinct.at[distinct.n++] = all.at[i];
    return distinct;
}

uint32_t times_find(struct times times, uint64_t time)
{
    uint32_t first = 0, last = times.n;
    while (last - first > 1) {
        uint32_t mid = first + (last - first) / 2;
        if (times.at[mid] <= time)
            first = mid;
        else
            last = mid;
    }
    return first;
}
