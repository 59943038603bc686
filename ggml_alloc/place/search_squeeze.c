#include "place/search.h"

#include <string.h>

/* More than hundreds of the heaviest blocks together; all fixed items together do not wrap. */
#define FIXED_WEIGHT ((uint64_t)1 << 32)
#define WEIGHT_MAX 0xffffu
#define FEW 24u

static void sort_few(struct event *events, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct event event = events[i];
        uint32_t j = i;
        for (; j > 0 && events[j - 1].at > event.at; j--)
            events[j] = events[j - 1];
        events[j] = event;
    }
}

static void sort_round(const struct event *from, struct event *to, uint32_t n, unsigned shift)
{
    uint32_t count[256] = { 0 }, sum = 0;
    for (uint32_t k = 0; k < n; k++)
        count[(from[k].at >> shift) & 255]++;
    for (unsigned digit = 0; digit < 256; digit++) {
        uint32_t here = count[digit];
        count[digit] = sum;
        sum += here;
    }
    for (uint32_t k = 0; k < n; k++)
        to[count[(from[k].at >> shift) & 255]++] = from[k];
}

void gai_search_sort(struct event *events, uint32_t n, struct event *spare)
{
    if (n <= FEW) {
        sort_few(events, n);
        return;
    }
    uint64_t differ = 0;
    struct event *from = events, *to = spare;
    for (uint32_t k = 1; k < n; k++)
        differ |= events[k].at ^ events[0].at;
    for (unsigned shift = differ ? low_bit(differ) : 64; shift < 64 && differ >> shift != 0; shift += 8) {
        sort_round(from, to, n, shift);
        struct event *was = from;
        from = to;
        to = was;
    }
    if (from != events)
        memcpy(events, from, n * sizeof *from);
}

/* Long ones are harder to place again, but not by as much as they are longer. */
static uint64_t weigh(const struct search *search, uint32_t block)
{
    uint64_t size = search->quick.part->items[search->quick.blocks[block].item].size;
    return (1 + (uint64_t)high_bit(size)) * search->weight[block];
}

/* What is in the way comes and goes as the block is lifted. */
static void list_events(struct search *search)
{
    for (uint32_t k = 0; k < search->n_clashes; k++) {
        const struct clash *clash = &search->clashes[k];
        uint64_t weight = clash->block == PLACE_NONE ? FIXED_WEIGHT : weigh(search, clash->block);
        search->enter[k] = (struct event){ clash->first, weight };
        search->leave[k] = (struct event){ clash->end, weight };
    }
    gai_search_sort(search->enter, search->n_clashes, search->spare);
    gai_search_sort(search->leave, search->n_clashes, search->spare);
    search->quick.climb->steps += search->n_clashes;
}

/*
 * The offset at which least is in the way: on the ground or on top of something, for where it rests on nothing it could sink until
 * more is in its way.  Among equals any.  Returns how much it is.
 */
static uint64_t find_lightest(struct search *search, uint32_t b, uint64_t *offset)
{
    const struct part *part = search->quick.part;
    const struct item *item = &part->items[search->quick.blocks[b].item];
    uint64_t align = item_align(part, item), at = 0, weight = 0, least = UINT64_MAX, n_equal = 0;
    if (item->size > search->ceiling)
        return UINT64_MAX;
    for (uint32_t in = 0, out = 0; at <= search->ceiling - item->size;) {
        for (; in < search->n_clashes && search->enter[in].at <= at; in++)
            weight += search->enter[in].weight;
        for (; out < search->n_clashes && search->leave[out].at <= at; out++)
            weight -= search->leave[out].weight;
        n_equal = weight < least ? 1 : n_equal + (weight == least);
        if (weight < least || (weight == least && rng_below(&search->rng, n_equal) == 0)) {
            least = weight;
            *offset = at;
        }
        if (out == search->n_clashes)
            break;
        at = align_up(search->leave[out].at, align);
    }
    return least;
}

void gai_search_loosen(struct search *search, uint32_t block)
{
    if (search->base[block] == SEARCH_LOOSE)
        return;
    search->base[block] = SEARCH_LOOSE;
    search->loose[search->n_loose++] = block;
}

/* Of two drawn at random the heavier. */
static uint32_t draw_loose(struct search *search)
{
    uint32_t n = search->n_loose, a = (uint32_t)rng_below(&search->rng, n), b = (uint32_t)rng_below(&search->rng, n);
    uint32_t at = search->weight[search->loose[b]] > search->weight[search->loose[a]] ? b : a, block = search->loose[at];
    search->loose[at] = search->loose[--search->n_loose];
    return block;
}

/* False when fixed items leave no room. */
static bool place_block(struct search *search, uint32_t block)
{
    uint64_t offset = 0;
    gai_search_meet(search, block);
    list_events(search);
    uint64_t in_way = find_lightest(search, block, &offset);
    if (in_way >= FIXED_WEIGHT)
        return false;
    for (uint32_t k = 0; k < search->n_clashes && in_way > 0; k++)
        if (search->clashes[k].first <= offset && offset < search->clashes[k].end)
            gai_search_loosen(search, search->clashes[k].block);
    if (in_way > 0 && search->weight[block] < WEIGHT_MAX)
        search->weight[block]++;
    search->base[block] = offset;
    return true;
}

bool gai_search_squeeze(struct search *search, uint64_t steps)
{
    const struct quick *quick = &search->quick;
    struct climb *climb = quick->climb;
    uint64_t end = min_u64(add_sat(climb->steps, steps), search->end);
    for (uint32_t b = 0; b < quick->n_blocks; b++) {
        uint64_t size = quick->part->items[quick->blocks[b].item].size;
        if (search->base[b] != SEARCH_LOOSE && (size > search->ceiling || search->base[b] > search->ceiling - size))
            gai_search_loosen(search, b);
    }
    while (search->n_loose > 0)
        if (climb->steps >= end || !place_block(search, draw_loose(search)))
            return false;
    return true;
}

/* Where a fixed item is in between, a block stays where it is. */
static bool is_over_fixed(const struct quick *quick, const struct block *block, uint64_t low, uint64_t high)
{
    const struct part *part = quick->part;
    for (uint32_t k = 0; k < part->n_fixed; k++) {
        const struct item *item = &part->items[part->fixed[k]];
        uint64_t start = item->fixed - 1;
        bool meets = quick->section[item->birth] < block->to && block->from < quick->section[item->death];
        if (meets && start < high && low < start + item->size)
            return true;
    }
    return false;
}

void gai_search_settle(struct search *search)
{
    struct quick *quick = &search->quick;
    const struct part *part = quick->part;
    uint64_t peak = 0;
    for (uint32_t b = 0; b < quick->n_blocks; b++)
        search->enter[b] = (struct event){ search->base[b], b };
    gai_search_sort(search->enter, quick->n_blocks, search->spare);
    gai_skyline_reset(&quick->sky);
    for (uint32_t k = 0; k < quick->n_blocks; k++) {
        uint32_t b = (uint32_t)search->enter[k].weight;
        const struct block *block = &quick->blocks[b];
        const struct item *item = &part->items[block->item];
        uint64_t low = align_up(gai_quick_under(quick, block), item_align(part, item)), was = search->base[b];
        if (low > was) /* the former rungs know a few more ways to share bytes */
            return;
        uint64_t offset = is_over_fixed(quick, block, low, was + item->size) ? was : low;
        gai_quick_raise(quick, block, offset);
        search->base[b] = quick->trial->spots[block->item].offset = offset;
        peak = max_u64(peak, offset + item->size);
    }
    quick->climb->steps += SKY_FAN * (uint64_t)quick->n_blocks;
    gai_quick_offer(quick, peak);
}
