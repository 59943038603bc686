/*
 * scene_events.h - what happens to the tiles of a scene, one after the other
 *
 * At one time deaths come before births, so that an address is given back before it is taken again.
 */
#ifndef GAI_IO_SCENE_EVENTS_H
#define GAI_IO_SCENE_EVENTS_H

#include "base/mem.h"
#include "io/scene.h"

struct scene_event {
    uint64_t time;
    uint32_t tile;
    bool is_birth;
};

/* To be freed with mem_free(), `n` elements; NULL: no memory. */
struct scene_event *gai_scene_events(const struct scene *scene, uint32_t *n);

#endif
