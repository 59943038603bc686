#include "place/rung.h"

/* The first chunk begins behind all that is fixed. */
static uint64_t place_fixed(const struct part *part, struct layout *trial)
{
    uint64_t end = 0;
    for (uint32_t k = 0; k < part->n_fixed; k++) {
        const struct item *item = &part->items[part->fixed[k]];
        trial->spots[part->fixed[k]] = (struct spot){ .offset = item->fixed - 1 };
        end = max_u64(end, item->fixed - 1 + item->size);
    }
    return end;
}

/* Every item alone, one upon the other; a chunk is cut where the next item would pass its limit. */
enum ga_status gai_place_none(struct climb *climb, struct part *part, struct layout *trial)
{
    uint64_t below = 0, end = place_fixed(part, trial);
    uint32_t chunk = 0;
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct item *item = &part->items[i];
        if (item_is_fixed(item))
            continue;
        uint64_t align = item_align(part, item);
        if (item->size > PLACE_LIMIT || end > PLACE_LIMIT - (align - 1) || align_up(end, align) > PLACE_LIMIT - item->size)
            return GA_NO_SPACE;
        if (end > 0 && align_up(end, align) + item->size > part->limits.chunk_max) {
            if (++chunk == PLACE_MAX_CHUNKS)
                return GA_NO_SPACE;
            below += end;
            end = 0;
        }
        trial->spots[i] = (struct spot){ .offset = align_up(end, align), .chunk = (uint16_t)chunk };
        end = align_up(end, align) + item->size;
    }
    if (below > PLACE_LIMIT - end)
        return GA_NO_SPACE;
    trial->peak = below + end;
    trial->n_chunks = end > 0 ? chunk + 1 : 0;
    trial->over = false;
    climb->steps += part->n_items;
    gai_climb_offer(climb, part, trial);
    return GA_OK;
}
