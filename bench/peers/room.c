#include "peers/room.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Lies before each piece of memory. */
union head {
    size_t bytes;
    max_align_t aligned;
};

/* One benchmark runs at a time, so this is all there is to count. */
static size_t in_use, most;

static void *counted(union head *head, size_t bytes)
{
    if (!head)
        return NULL;
    head->bytes = bytes;
    in_use += bytes;
    most = in_use > most ? in_use : most;
    return head + 1;
}

void *room_new(size_t bytes)
{
    return bytes > SIZE_MAX - sizeof(union head) ? NULL : counted(malloc(sizeof(union head) + bytes), bytes);
}

void *room_zeroed(size_t n, size_t size)
{
    void *room = size && n > SIZE_MAX / size ? NULL : room_new(n * size);
    if (room)
        memset(room, 0, n * size);
    return room;
}

void *room_grow(void *room, size_t bytes)
{
    if (!room)
        return room_new(bytes);
    union head *head = (union head *)room - 1;
    size_t before = head->bytes;
    head = bytes > SIZE_MAX - sizeof *head ? NULL : realloc(head, sizeof *head + bytes);
    if (!head)
        return NULL;
    in_use -= before;
    return counted(head, bytes);
}

void room_give(void *room)
{
    if (!room)
        return;
    union head *head = (union head *)room - 1;
    in_use -= head->bytes;
    free(head);
}

size_t room_peak(void)
{
    size_t peak = most;
    most = in_use;
    return peak;
}
