#include "place/search.h"

/*
 * A merging is one choice of many: the best layout's, changed in one to three places near the peak.  An heir leaves its source, or
 * moves in with another one, whose former heir leaves; all that this concerns is placed anew.
 */

#define FAR_FLIPS 8u /* one in so many is made anywhere: what is in the way of the peak may be older than it */

static void touch(struct search *search, uint32_t i)
{
    if (!item_is_fixed(&search->quick.part->items[i]))
        search->touched[search->n_touched++] = i;
}

/* Online takes over fixed bytes, too, and stricter alignments that are met by chance: such an heir is placed anew. */
static void merge_as_it_sits(struct search *search, uint32_t i)
{
    struct quick *quick = &search->quick;
    const struct part *part = quick->part;
    const struct spot *spots = part->best.spots;
    for (uint32_t e = part->items[i].edge; e < part->items[i + 1].edge; e++) {
        const struct edge *edge = &part->edges[e];
        if (spots[i].chunk != spots[edge->from].chunk || spots[i].offset - spots[edge->from].offset != edge->delta)
            continue;
        if (gai_quick_can_merge(quick, i, e)) {
            quick->via[i] = e + 1;
            quick->heir[edge->from] = i;
        } else {
            touch(search, item_is_fixed(&part->items[i]) ? edge->from : i);
        }
        return;
    }
}

void gai_search_merge(struct search *search)
{
    struct quick *quick = &search->quick;
    const struct part *part = quick->part;
    for (uint32_t i = 0; i < part->n_items; i++) {
        quick->via[i] = 0;
        quick->heir[i] = PLACE_NONE;
    }
    search->n_touched = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        merge_as_it_sits(search, i);
    quick->climb->steps += part->n_items;
}

static void leave(struct search *search, uint32_t i)
{
    struct quick *quick = &search->quick;
    if (!quick->via[i])
        return;
    quick->heir[quick->part->edges[quick->via[i] - 1].from] = PLACE_NONE;
    quick->via[i] = 0;
    touch(search, i);
}

/* An heir that is born with `i` would find what `i` took over still alive. */
static void move_in(struct search *search, uint32_t i, uint32_t e)
{
    struct quick *quick = &search->quick;
    const struct item *items = quick->part->items;
    uint32_t from = quick->part->edges[e].from, heir = quick->heir[i];
    if (heir != PLACE_NONE && items[heir].birth == items[i].birth)
        return;
    if (quick->heir[from] != PLACE_NONE)
        leave(search, quick->heir[from]);
    if (!gai_quick_can_merge(quick, i, e))
        return;
    quick->via[i] = e + 1;
    quick->heir[from] = i;
    touch(search, i);
}

/* One of the other things that the item could do. */
static void flip(struct search *search, uint32_t i)
{
    const struct quick *quick = &search->quick;
    const struct item *item = &quick->part->items[i];
    uint32_t n_ways = item[1].edge - item[0].edge + 1, is = quick->via[i] ? quick->via[i] - item->edge : 0;
    uint32_t way = (is + 1 + (uint32_t)rng_below(&search->rng, n_ways - 1)) % n_ways;
    leave(search, i);
    if (way > 0)
        move_in(search, i, item->edge + way - 1);
}

/* How many heirs are born before `section`. */
static uint32_t heirs_before(const struct search *search, uint32_t section)
{
    const struct quick *quick = &search->quick;
    uint32_t low = 0, high = search->n_heirs;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (quick->section[quick->part->items[search->heirs[mid]].birth] < section)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* A random item that ends above the ceiling, or PLACE_NONE when all that do are fixed. */
static uint32_t draw_high(struct search *search)
{
    const struct part *part = search->quick.part;
    uint32_t drawn = PLACE_NONE, n = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        if (part->best.spots[i].offset + part->items[i].size > search->ceiling && rng_below(&search->rng, ++n) == 0)
            drawn = i;
    return drawn;
}

void gai_search_flip(struct search *search)
{
    const struct quick *quick = &search->quick;
    uint32_t high = draw_high(search), n_flips = 1 + (uint32_t)rng_below(&search->rng, SEARCH_FLIPS);
    uint32_t first = 0, last = search->n_heirs;
    bool near = rng_below(&search->rng, FAR_FLIPS) > 0;
    if (high != PLACE_NONE && near) {
        first = heirs_before(search, quick->section[quick->part->items[high].birth]);
        last = heirs_before(search, quick->section[quick->part->items[high].death] + 1);
    }
    if (first == last) {
        first = 0;
        last = search->n_heirs;
    }
    while (first < last && n_flips-- > 0)
        flip(search, search->heirs[first + (uint32_t)rng_below(&search->rng, last - first)]);
    search->quick.climb->steps += quick->part->n_items;
}

/* The block that an item is in. */
static uint32_t block_of(const struct quick *quick, uint32_t i)
{
    while (quick->via[i])
        i = quick->part->edges[quick->via[i] - 1].from;
    uint32_t low = 0, high = quick->n_blocks;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (quick->blocks[mid].item <= i)
            low = mid;
        else
            high = mid;
    }
    return low;
}

void gai_search_loosen_touched(struct search *search)
{
    for (uint32_t k = 0; k < search->n_touched; k++)
        gai_search_loosen(search, block_of(&search->quick, search->touched[k]));
}
