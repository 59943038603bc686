#include "place/quick.h"

#include <string.h>

/* 16 bits that order as x does, to one part in a thousand: rough enough to sort in two rounds. */
static uint64_t rough(uint64_t x)
{
    if (x < 1024)
        return x;
    unsigned top = high_bit(x);
    return (uint64_t)(top - 9) << 10 | ((x >> (top - 10)) & 1023);
}

static uint64_t saturated_product(uint64_t a, uint64_t b)
{
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

/* Bytes times sections, and the longest of a unit. */
static void measure(const struct quick *quick, const struct block *block, uint64_t *area, uint64_t *size)
{
    const struct item *items = quick->part->items;
    *size = items[block->item].size; /* nobody is longer than what it takes over */
    *area = saturated_product(*size, block->to - block->from);
    if (!block->bent)
        return;
    *area = 0;
    uint32_t at = block->from;
    for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
        uint32_t to = quick->section[items[i].death];
        *area = add_sat(*area, saturated_product(items[i].size, to - at));
        at = to;
    }
}

/* Live sums by section, made into the skyline: the largest over a life is then one question. */
static void stack_live(struct quick *quick)
{
    uint64_t *live = quick->sky.top[0], sum = 0;
    gai_skyline_reset(&quick->sky);
    for (uint32_t b = 0; b < quick->n_blocks; b++) {
        uint64_t area, size;
        measure(quick, &quick->blocks[b], &area, &size);
        live[quick->blocks[b].from] += size;
        if (quick->blocks[b].to < quick->n_sections)
            live[quick->blocks[b].to] -= size;
    }
    for (uint32_t s = 0; s < quick->n_sections; s++)
        live[s] = sum += live[s];
    gai_skyline_load(&quick->sky, quick->n_sections);
}

/* Large numbers first. */
static uint64_t key_of(const struct quick *quick, const struct block *block, enum order order)
{
    uint64_t area, size, low = 0xffff;
    measure(quick, block, &area, &size);
    switch (order) {
    case ORDER_AREA:
        return low - rough(area);
    case ORDER_SIZE:
        return (low - rough(size)) << 16 | (low - rough(area));
    case ORDER_TOTAL:
        return (low - rough(gai_skyline_top(&quick->sky, block->from, block->to))) << 32 |
               (low - rough(block->to - block->from)) << 16 | (low - rough(area));
    case ORDER_LAST: /* of those that live at the same peak, who outlives the others goes below them */
        return (low - rough(gai_skyline_top(&quick->sky, block->from, block->to))) << 48 |
               (uint64_t)(quick->n_sections - block->to) << 16 | (low - rough(area));
    case ORDER_START:
        break;
    }
    return 0;
}

/* One stable round by the byte at `shift`; false, and nothing moved, when all are equal there. */
static bool sort_round(const struct quick *quick, const uint32_t *from, uint32_t *to, unsigned shift)
{
    uint32_t count[256] = { 0 }, sum = 0;
    for (uint32_t k = 0; k < quick->n_blocks; k++)
        count[(quick->keys[k] >> shift) & 255]++;
    if (count[(quick->keys[0] >> shift) & 255] == quick->n_blocks)
        return false;
    for (unsigned digit = 0; digit < 256; digit++) {
        uint32_t n = count[digit];
        count[digit] = sum;
        sum += n;
    }
    for (uint32_t k = 0; k < quick->n_blocks; k++)
        to[count[(quick->keys[from[k]] >> shift) & 255]++] = from[k];
    return true;
}

/* The result is in the first half of quick->order, whatever the number of rounds. */
static void sort_by_key(struct quick *quick)
{
    uint32_t n = quick->n_blocks, *from = quick->order, *to = quick->order + n;
    uint64_t differ = 0;
    for (uint32_t k = 0; k < n; k++) {
        from[k] = k;
        differ |= quick->keys[k] ^ quick->keys[0];
    }
    for (unsigned shift = 0; shift < 64 && differ >> shift != 0; shift += 8) {
        if (!sort_round(quick, from, to, shift))
            continue;
        uint32_t *was = from;
        from = to;
        to = was;
    }
    if (from != quick->order)
        memcpy(quick->order, from, n * sizeof *from);
}

void gai_quick_order(struct quick *quick, enum order order)
{
    if (order == ORDER_TOTAL || order == ORDER_LAST)
        stack_live(quick);
    for (uint32_t b = 0; b < quick->n_blocks; b++)
        quick->keys[b] = key_of(quick, &quick->blocks[b], order);
    sort_by_key(quick);
    quick->climb->steps += quick->n_blocks;
}
