/*
 * scene_events.c - births and deaths in order of time: what comes first at one time goes before what comes
 */
#include "io/scene_events.h"

#include <stdlib.h>

static int compare_events(const void *left, const void *right)
{
    const struct scene_event *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->is_birth != b->is_birth)
        return a->is_birth ? 1 : -1;
    return a->tile < b->tile ? -1 : a->tile > b->tile;
}

struct scene_event *gai_scene_events(const struct scene *scene, uint32_t *n)
{
    *n = 2 * scene->n_tiles;
    struct scene_event *events = mem_new_raw(&scene->mem, struct scene_event, *n);
    for (uint32_t i = 0; events && i < scene->n_tiles; i++) {
        events[2 * i] = (struct scene_event){ .time = scene->tiles[i].birth, .tile = i, .is_birth = true };
        events[2 * i + 1] = (struct scene_event){ .time = scene->tiles[i].death, .tile = i };
    }
    if (events)
        qsort(events, *n, sizeof *events, compare_events);
    return events;
}
