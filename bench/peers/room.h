/*
 * room.h - memory for the peers, counted
 */
#ifndef BENCH_ROOM_H
#define BENCH_ROOM_H

#include <stddef.h>

void *room_new(size_t bytes);
void *room_zeroed(size_t n, size_t size);
void *room_grow(void *room, size_t bytes); /* NULL: as it was */
void room_give(void *room);                /* NULL is fine */

/* The most that was in use at a time since it was asked last; what is in use now counts on. */
size_t room_peak(void);

#endif
