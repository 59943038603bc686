#include "place/quick.h"

#include <string.h>

bool gai_quick_can_merge(const struct quick *quick, uint32_t heir, uint32_t e)
{
    const struct part *part = quick->part;
    const struct edge *edge = &part->edges[e];
    const struct item *to = &part->items[heir], *from = &part->items[edge->from];
    uint64_t align = item_align(part, to);
    if (item_is_fixed(to) || item_is_fixed(from) || edge->delta % align != 0 || align > item_align(part, from))
        return false;
    /* What `from` took over in this very step still lives. */
    bool too_soon = from->birth == to->birth && quick->via[edge->from] != 0;
    return quick->heir[edge->from] == PLACE_NONE && !too_soon;
}

static void merge_item(struct quick *quick, uint32_t i, bool eager_only)
{
    const struct item *item = &quick->part->items[i];
    for (uint32_t e = item[0].edge; e < item[1].edge; e++) {
        const struct edge *edge = &quick->part->edges[e];
        if ((eager_only && !edge->eager) || !gai_quick_can_merge(quick, i, e))
            continue;
        quick->via[i] = e + 1;
        quick->heir[edge->from] = i;
        return;
    }
}

/* Walks the sections with all apart, and merges heirs where what lives is over the bound.  `keys` holds the sums: it is free here. */
static void merge_needed(struct quick *quick)
{
    const struct part *part = quick->part;
    uint64_t *rise = quick->keys, live = 0, saved = 0;
    memset(rise, 0, ((size_t)quick->n_sections + 1) * sizeof *rise);
    for (uint32_t i = 0; i < part->n_items; i++) {
        rise[quick->section[part->items[i].birth]] += part->items[i].size;
        rise[quick->section[part->items[i].death]] -= part->items[i].size;
    }
    for (uint32_t i = 0, at = PLACE_NONE; i < part->n_items; i++) {
        const struct item *item = &part->items[i];
        if (quick->section[item->birth] != at) {
            at = quick->section[item->birth];
            live += rise[at];
            saved = 0;
        }
        if (live - saved <= part->bound || item[0].edge == item[1].edge)
            continue;
        merge_item(quick, i, false);
        saved += quick->via[i] ? item->size : 0;
    }
}

static struct block make_block(const struct quick *quick, uint32_t first)
{
    const struct item *items = quick->part->items;
    struct block block = { .item = first, .from = quick->section[items[first].birth] };
    uint32_t last = first;
    for (uint32_t i = quick->heir[first]; i != PLACE_NONE; i = quick->heir[i]) {
        block.bent |= items[i].size != items[first].size;
        last = i;
    }
    block.to = quick->section[items[last].death];
    return block;
}

static void part_all(struct quick *quick)
{
    for (uint32_t i = 0; i < quick->part->n_items; i++) {
        quick->via[i] = 0;
        quick->heir[i] = PLACE_NONE;
    }
}

static void merge_where_placed(struct quick *quick, uint32_t i, const struct spot *spots)
{
    const struct item *item = &quick->part->items[i];
    for (uint32_t e = item[0].edge; e < item[1].edge; e++) {
        const struct edge *edge = &quick->part->edges[e];
        if (spots[i].chunk != spots[edge->from].chunk || spots[i].offset != spots[edge->from].offset + edge->delta)
            continue;
        quick->via[i] = e + 1;
        quick->heir[edge->from] = i;
        return;
    }
}

void gai_quick_merge_like(struct quick *quick, const struct layout *layout)
{
    const struct part *part = quick->part;
    part_all(quick);
    for (uint32_t i = 0; i < part->n_items; i++)
        merge_where_placed(quick, i, layout->spots);
    quick->n_blocks = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        if (!quick->via[i])
            quick->blocks[quick->n_blocks++] = make_block(quick, i);
    quick->climb->steps += part->n_items;
}

void gai_quick_merge(struct quick *quick, enum merging merging)
{
    const struct part *part = quick->part;
    part_all(quick);
    if (merging == MERGE_NEEDED)
        merge_needed(quick);
    for (uint32_t i = 0; i < part->n_items && merging <= MERGE_EAGER; i++)
        merge_item(quick, i, merging == MERGE_EAGER);
    gai_quick_block(quick);
}

void gai_quick_block(struct quick *quick)
{
    const struct part *part = quick->part;
    quick->n_blocks = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        if (!quick->via[i] && !item_is_fixed(&part->items[i]))
            quick->blocks[quick->n_blocks++] = make_block(quick, i);
    quick->climb->steps += part->n_items;
}
