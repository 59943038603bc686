#include "place/crowd.h"

/*
 * EJECT: a layout under a lower roof.
 *
 *     roof - - - -.-----.- - -     What reaches above the roof is out.  The longest that is out goes in again where it hurts
 *      .----.     | out |          least: into a gap, or else where boxes of little weight stand, and these are out now.
 *      |    |.--. '-----'          Who had to push gets heavier, so that the next will not push it out as lightly, and no two
 *      '----'|  |                  can do so to each other for ever.  When nobody is out, the roof is lowered again.
 *
 * Ejection pools with penalties are Nagata's and Braysy's (2009, for routing vehicles).  The work is where the layout is too high,
 * and nowhere else: some thousand ejections, however many blocks there are.
 *
 * A weight is the root of bytes times sections: with bytes alone short ones push out what lives for ever, and that meets everybody;
 * with the area itself the large ones never move.
 */
#define LOOKS_BASE ((uint64_t)1 << 12)
#define LOOKS_PER_BLOCK 224u
#define WALK_STEPS 8u    /* a walk over all blocks, per block */
#define HEAVIEST_BIT 13u /* of a weight at first */

struct eject {
    struct crowd crowd;
    struct quick *quick;
    uint32_t *out; /* a heap, the longest first */
    uint32_t n_out;
    unsigned blur;  /* low bits of an area that weights leave out */
    uint64_t until; /* steps of the climb */
};

static uint64_t area_of(const struct crowd *crowd, uint32_t block)
{
    uint64_t size = crowd->boxes[block].size, life = crowd->blocks[block].to - crowd->blocks[block].from;
    return size > UINT64_MAX / life ? UINT64_MAX : size * life;
}

/* The root, to one part in a thousand. */
static uint32_t lightest(const struct eject *eject, uint32_t block)
{
    uint64_t area = (area_of(&eject->crowd, block) >> eject->blur) | 1, root = (uint64_t)1 << (high_bit(area) / 2 + 1);
    for (int k = 0; k < 3; k++)
        root = (root + area / root) / 2;
    return (uint32_t)root;
}

static bool is_longer(const struct crowd *crowd, uint32_t a, uint32_t b)
{
    return crowd->boxes[a].size != crowd->boxes[b].size ? crowd->boxes[a].size > crowd->boxes[b].size : a < b;
}

static void put_out(struct eject *eject, uint32_t block)
{
    eject->crowd.boxes[block].offset = BOX_OUT;
    uint32_t at = eject->n_out++;
    while (at > 0 && is_longer(&eject->crowd, block, eject->out[(at - 1) / 2])) {
        eject->out[at] = eject->out[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    eject->out[at] = block;
}

static uint32_t longest_out(struct eject *eject)
{
    uint32_t *out = eject->out, longest = out[0], n = --eject->n_out, last = out[n], at = 0;
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && is_longer(&eject->crowd, out[child + 1], out[child]);
        if (!is_longer(&eject->crowd, out[child], last))
            break;
        out[at] = out[child];
    }
    out[at] = last;
    return longest;
}

static void push(struct eject *eject, uint32_t block)
{
    struct crowd *crowd = &eject->crowd;
    struct box *box = &crowd->boxes[block];
    uint32_t heavier = crowd->weights[block] + lightest(eject, block);
    crowd->weights[block] = heavier < CROWD_HEAVIEST ? heavier : CROWD_HEAVIEST;
    for (uint32_t k = 0; k < crowd->n_met; k++) {
        const struct box *other = &crowd->boxes[crowd->met[k]];
        if (other->offset < box->offset + box->size && box->offset < other->offset + other->size)
            put_out(eject, crowd->met[k]);
    }
}

/* False when only what is nailed is in the way. */
static bool settle(struct eject *eject, uint32_t block, uint64_t roof)
{
    struct crowd *crowd = &eject->crowd;
    const struct part *part = eject->quick->part;
    uint64_t offset = 0;
    eject->quick->climb->steps += gai_crowd_meet(crowd, block);
    int64_t cost = gai_crowd_find(crowd, block, roof, item_align(part, &part->items[crowd->blocks[block].item]), &offset);
    if (cost >= CROWD_UNBEARABLE)
        return false;
    crowd->boxes[block].offset = offset;
    if (cost > 0)
        push(eject, block);
    return true;
}

/* As in the part's best layout; what passes the roof is out.  False when that is nailed. */
static bool begin(struct eject *eject, uint64_t roof)
{
    struct crowd *crowd = &eject->crowd;
    const struct spot *spots = eject->quick->part->best.spots;
    eject->n_out = 0;
    for (uint32_t b = 0; b < crowd->n_blocks; b++) {
        struct box *box = &crowd->boxes[b];
        box->offset = spots[crowd->blocks[b].item].offset;
        if (box->offset + box->size <= roof)
            continue;
        if (crowd->weights[b] == BOX_NAILED)
            return false;
        put_out(eject, b);
    }
    eject->quick->climb->steps += WALK_STEPS * (uint64_t)crowd->n_blocks;
    return true;
}

static bool lower(struct eject *eject, uint64_t roof, uint64_t until)
{
    if (!begin(eject, roof))
        return false;
    while (eject->n_out > 0)
        if (eject->quick->climb->steps >= until || !settle(eject, longest_out(eject), roof))
            return false;
    return true;
}

static void offer(struct eject *eject)
{
    const struct crowd *crowd = &eject->crowd;
    uint64_t peak = 0;
    for (uint32_t b = 0; b < crowd->n_blocks; b++) {
        eject->quick->trial->spots[crowd->blocks[b].item].offset = crowd->boxes[b].offset;
        peak = max_u64(peak, crowd->boxes[b].offset + crowd->boxes[b].size);
    }
    eject->quick->climb->steps += WALK_STEPS * (uint64_t)crowd->n_blocks;
    gai_quick_offer(eject->quick, peak);
}

/* Halfway to the bound, and again; where that is too far, by smaller steps, as long as there are looks left. */
static void lower_again_and_again(struct eject *eject)
{
    const struct climb *climb = eject->quick->climb;
    const struct part *part = eject->quick->part;
    uint64_t share = 2;
    while (!gai_climb_done(climb, part) && climb->steps < eject->until) {
        uint64_t excess = part->best.peak - part->bound;
        uint64_t roof = part->best.peak - max_u64(excess / share, 1);
        if (lower(eject, roof, climb->steps + (eject->until - climb->steps) / 2 + 1))
            offer(eject);
        else if (excess / share <= 1)
            return;
        else
            share *= 2;
    }
}

/* Fixed, or needing more alignment behind its first byte than it has there. */
static bool is_nailed(const struct quick *quick, const struct block *block)
{
    const struct part *part = quick->part;
    uint64_t align = item_align(part, &part->items[block->item]), rel = 0;
    for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
        rel += quick->via[i] ? heir_delta(quick, i) : 0;
        uint64_t need = item_align(part, &part->items[i]);
        if (item_is_fixed(&part->items[i]) || need > align || rel % need != 0)
            return true;
    }
    return false;
}

enum ga_status gai_quick_eject(struct quick *quick)
{
    const struct ga_mem *mem = quick->climb->mem;
    struct eject *eject = mem_new(mem, struct eject, 1);
    if (!eject)
        return GA_NO_MEMORY;
    gai_quick_merge_like(quick, &quick->part->best);
    bool ok = gai_crowd_init(&eject->crowd, quick);
    if (ok) {
        uint64_t largest = 1;
        eject->quick = quick;
        eject->out = quick->order + quick->n_blocks;
        eject->until = quick->climb->steps + LOOKS_BASE + LOOKS_PER_BLOCK * (uint64_t)quick->n_blocks;
        for (uint32_t b = 0; b < quick->n_blocks; b++)
            largest = max_u64(largest, area_of(&eject->crowd, b));
        eject->blur = high_bit(largest) > 2 * HEAVIEST_BIT ? high_bit(largest) - 2 * HEAVIEST_BIT : 0;
        for (uint32_t b = 0; b < quick->n_blocks; b++)
            eject->crowd.weights[b] = is_nailed(quick, &quick->blocks[b]) ? BOX_NAILED : lightest(eject, b);
        lower_again_and_again(eject);
    }
    gai_crowd_fini(&eject->crowd, mem);
    mem_free(mem, eject, 1);
    return ok ? GA_OK : GA_NO_MEMORY;
}
