#include "place/search.h"

/* A stop lists as many as are born until the next one, so that all lists together are no longer than the blocks are many. */
#define STOP_LEAST 16u

static void index_births(struct search *search)
{
    const struct quick *quick = &search->quick;
    for (uint32_t s = 0, b = 0; s <= quick->n_sections; s++) {
        while (b < quick->n_blocks && quick->blocks[b].from < s)
            b++;
        search->born[s] = b;
    }
}

/* From the last stop's list and who was born since, those that live into `section`. */
static void add_stop(struct search *search, uint32_t section)
{
    const struct quick *quick = &search->quick;
    struct stop *stop = &search->stops[search->n_stops];
    uint32_t n = stop->first;
    *stop = (struct stop){ section, n };
    if (search->n_stops > 0) {
        for (uint32_t k = stop[-1].first; k < stop->first; k++)
            if (quick->blocks[search->crossing[k]].to > section)
                search->crossing[n++] = search->crossing[k];
        for (uint32_t b = search->born[stop[-1].section]; b < search->born[section]; b++)
            if (quick->blocks[b].to > section)
                search->crossing[n++] = b;
    }
    search->n_stops++;
    stop[1].first = n;
}

void gai_search_frame(struct search *search)
{
    const struct quick *quick = &search->quick;
    index_births(search);
    search->n_stops = 0;
    search->stops[0].first = 0;
    for (uint32_t s = 0; s < quick->n_sections; s++) {
        const struct stop *last = &search->stops[search->n_stops];
        uint32_t listed = search->n_stops ? last->first - last[-1].first : 0;
        uint32_t since = search->n_stops ? search->born[s] - search->born[last[-1].section] : 0;
        if (search->n_stops == 0 || (since >= STOP_LEAST && since >= listed))
            add_stop(search, s);
        search->stop_of[s] = search->n_stops - 1;
    }
    search->quick.climb->steps += quick->n_blocks;
}

/* The height above the base, and the size, of what a block is in a section that it lives in. */
static uint64_t size_at(const struct quick *quick, const struct block *block, uint32_t section, uint64_t *above)
{
    const struct item *items = quick->part->items;
    uint32_t i = block->item;
    *above = 0;
    while (block->bent && quick->section[items[i].death] <= section) {
        i = quick->heir[i];
        *above += heir_delta(quick, i);
    }
    return items[i].size;
}

/* The block is [above, above + size) where it meets [other, end). */
static void add_clash(struct search *search, uint32_t block, uint64_t above, uint64_t size, uint64_t other, uint64_t end)
{
    if (end <= above)
        return;
    uint64_t first = other < above + size ? 0 : other - above - size + 1;
    search->clashes[search->n_clashes++] = (struct clash){ first, end - above, block };
}

/* `other` lives where the block begins. */
static void meet_older(struct search *search, const struct block *block, uint32_t other)
{
    const struct quick *quick = &search->quick;
    const struct block *older = &quick->blocks[other];
    if (older->to <= block->from || search->base[other] == SEARCH_LOOSE)
        return;
    uint64_t above, size = size_at(quick, older, block->from, &above), at = search->base[other] + above;
    add_clash(search, other, 0, quick->part->items[block->item].size, at, at + size);
}

/* `other` begins while the block lives. */
static void meet_younger(struct search *search, const struct block *block, uint32_t other)
{
    const struct quick *quick = &search->quick;
    const struct block *younger = &quick->blocks[other];
    if (search->base[other] == SEARCH_LOOSE)
        return;
    uint64_t above, size = size_at(quick, block, younger->from, &above), at = search->base[other];
    add_clash(search, other, above, size, at, at + quick->part->items[younger->item].size);
}

static void meet_fixed(struct search *search, const struct block *block)
{
    const struct quick *quick = &search->quick;
    const struct part *part = quick->part;
    for (uint32_t k = 0; k < part->n_fixed; k++) {
        const struct item *item = &part->items[part->fixed[k]];
        uint32_t from = quick->section[item->birth], to = quick->section[item->death];
        if (to <= block->from || block->to <= from)
            continue;
        uint64_t above, size = size_at(quick, block, from > block->from ? from : block->from, &above);
        add_clash(search, PLACE_NONE, above, size, item->fixed - 1, item->fixed - 1 + item->size);
    }
}

void gai_search_meet(struct search *search, uint32_t b)
{
    const struct block *block = &search->quick.blocks[b];
    const struct stop *stop = &search->stops[search->stop_of[block->from]];
    uint32_t first = search->born[stop->section], mid = search->born[block->from + 1], last = search->born[block->to];
    search->n_clashes = 0;
    for (uint32_t k = stop->first; k < stop[1].first; k++)
        meet_older(search, block, search->crossing[k]);
    for (uint32_t other = first; other < mid; other++)
        meet_older(search, block, other);
    for (uint32_t other = mid; other < last; other++)
        meet_younger(search, block, other);
    meet_fixed(search, block);
    search->quick.climb->steps += stop[1].first - stop->first + last - first + search->quick.part->n_fixed;
}
