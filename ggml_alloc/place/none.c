#include "place/rung.h"

/* Every item alone, one upon the other and all above what is fixed; a chunk is cut where the next item would pass its limit. */
enum ga_status gai_place_none(struct climb *climb, struct part *part, struct layout *trial)
{
    uint64_t below = 0, end = part->fixed_end;
    uint32_t chunk = 0;
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct item *item = &part->items[i];
        if (item_is_fixed(item)) {
            trial->spots[i] = (struct spot){ .offset = item->fixed - 1 };
            continue;
        }
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
