#include "place/quick.h"

/*
 * LOW once more, where nothing but what stands below decides how low a block can go: no borders, no fixed items.
 *
 *     height    .------.                .---.       Only blocks that live wholly within a valley can rest on its
 *               |      '--.  valley  .--'   |       ground, and what happens in other valleys does not concern
 *               |         '----------'      |       them.  So valleys are filled one by one: the block that ranks
 *     time      '-------------------------------    first among those within; and when there is none, the ground is
 *               raised to the lower one of its walls.
 *
 * The result is that of LOW with a heap, but no block is asked for before it can be placed: n placements and at most 2 n raises,
 * each with one search in a tree over blocks by birth.  Lives that all meet cost no more than others.  A bent unit counts as
 * within when all of it is, although it might hang over a wall: gai_quick_low() knows better, and is slower.
 */
#define FAN CLUMP_FAN
#define LEVELS 12 /* 8^11 blocks */

struct valleys {
    struct quick *quick;
    /* Plateaus, by the section where they begin. */
    uint64_t *height;
    uint32_t *end;
    uint32_t *start; /* by the section where it ends: where that plateau begins */
    /* Blocks, by birth. */
    uint32_t *born;       /* by section: the first block of it or of a later one */
    uint32_t *rank;       /* PLACE_NONE once placed */
    struct clump *clumps; /* level by level from 1 on; the blocks themselves are level 0 */
    uint32_t first[LEVELS], len[LEVELS];
    unsigned top;
    uint64_t limit, peak;
};

static struct clump *find_clump(const struct valleys *valleys, unsigned level, uint32_t at)
{
    return &valleys->clumps[valleys->first[level] + at];
}

static struct clump clump_of(const struct valleys *valleys, unsigned level, uint32_t at)
{
    if (level > 0)
        return *find_clump(valleys, level, at);
    uint32_t end = valleys->quick->blocks[at].to;
    return (struct clump){ .rank = valleys->rank[at], .first_end = end, .last_end = end };
}

/* One behind the last part of clump `at` of `level`. */
static uint32_t parts_end(const struct valleys *valleys, unsigned level, uint32_t at)
{
    uint32_t len = valleys->len[level - 1];
    return len - at * FAN < FAN ? len : (at + 1) * FAN;
}

static void sum_up(struct valleys *valleys, unsigned level, uint32_t at)
{
    struct clump sum = { .rank = PLACE_NONE, .first_end = PLACE_NONE };
    for (uint32_t k = at * FAN; k < parts_end(valleys, level, at); k++) {
        struct clump part = clump_of(valleys, level - 1, k);
        if (part.rank == PLACE_NONE)
            continue;
        sum.rank = part.rank < sum.rank ? part.rank : sum.rank;
        sum.first_end = part.first_end < sum.first_end ? part.first_end : sum.first_end;
        sum.last_end = part.last_end > sum.last_end ? part.last_end : sum.last_end;
    }
    *find_clump(valleys, level, at) = sum;
}

/* All is to be placed, and all of time is one plain. */
static void begin(struct valleys *valleys)
{
    const struct quick *quick = valleys->quick;
    uint32_t n_sections = quick->n_sections, n = quick->n_blocks;
    for (uint32_t s = 0, b = 0; s <= n_sections; s++) {
        while (b < n && quick->blocks[b].from < s)
            b++;
        valleys->born[s] = b;
    }
    for (uint32_t rank = 0; rank < n; rank++)
        valleys->rank[quick->order[rank]] = rank;
    valleys->len[0] = n;
    while (valleys->len[valleys->top] > 2 * FAN) {
        unsigned level = ++valleys->top;
        valleys->len[level] = (valleys->len[level - 1] - 1) / FAN + 1;
        valleys->first[level] = level > 1 ? valleys->first[level - 1] + valleys->len[level - 1] : 0;
        for (uint32_t k = 0; k < valleys->len[level]; k++)
            sum_up(valleys, level, k);
    }
    valleys->height[0] = 0;
    valleys->end[0] = n_sections;
    valleys->start[n_sections] = 0;
}

/* The lowest rank below `best` of what lives until `until` at most. */
static uint32_t search(struct valleys *valleys, unsigned level, uint32_t at, uint32_t until, uint32_t best)
{
    struct clump clump = clump_of(valleys, level, at);
    if (clump.rank >= best || clump.first_end > until)
        return best;
    if (clump.last_end <= until)
        return clump.rank;
    for (uint32_t k = at * FAN; k < parts_end(valleys, level, at); k++)
        best = search(valleys, level - 1, k, until, best);
    valleys->quick->climb->steps += FAN;
    return best;
}

/* The first in rank of those that live within [from, until), or PLACE_NONE. */
static uint32_t find_within(struct valleys *valleys, uint32_t from, uint32_t until)
{
    uint32_t first = valleys->born[from], last = valleys->born[until], best = PLACE_NONE;
    for (unsigned level = 0; first < last; level++) {
        bool top = level == valleys->top;
        for (; first < last && (top || first % FAN != 0); first++)
            best = search(valleys, level, first, until, best);
        for (; first < last && last % FAN != 0; last--)
            best = search(valleys, level, last - 1, until, best);
        first /= FAN;
        last /= FAN;
    }
    return best;
}

/* Clumps are as they were from where it neither ranks first nor ends first or last. */
static void strike(struct valleys *valleys, uint32_t block)
{
    uint32_t rank = valleys->rank[block], end = valleys->quick->blocks[block].to, at = block;
    valleys->rank[block] = PLACE_NONE;
    for (unsigned level = 1; level <= valleys->top; level++) {
        const struct clump *clump = find_clump(valleys, level, at /= FAN);
        if (clump->rank != rank && clump->first_end != end && clump->last_end != end)
            return;
        sum_up(valleys, level, at);
    }
}

/* Makes one of the two plateaus that touch at `border` when they are equally high. */
static bool join(struct valleys *valleys, uint32_t border)
{
    if (border == 0 || border == valleys->quick->n_sections)
        return false;
    uint32_t left = valleys->start[border], end = valleys->end[border];
    if (valleys->height[left] != valleys->height[border])
        return false;
    valleys->end[left] = end;
    valleys->start[end] = left;
    return true;
}

/* Raises [from, to) of the plateau `at`; returns what is left of it, or the raised one. */
static uint32_t raise(struct valleys *valleys, uint32_t at, uint32_t from, uint32_t to, uint64_t height)
{
    uint64_t ground = valleys->height[at];
    uint32_t end = valleys->end[at];
    valleys->end[at] = from; /* overwritten when nothing is left there */
    if (at < from)
        valleys->start[from] = at;
    valleys->height[from] = height;
    valleys->end[from] = to;
    valleys->start[to] = from;
    if (to < end) {
        valleys->height[to] = ground;
        valleys->end[to] = end;
        valleys->start[end] = to;
    } else {
        join(valleys, to);
    }
    uint32_t left = from > 0 ? valleys->start[from] : 0;
    bool joined = at == from && join(valleys, from);
    if (to < end)
        return to;
    return at < from ? at : joined ? left : from;
}

static uint32_t place_block(struct valleys *valleys, uint32_t at, const struct block *block, uint64_t offset)
{
    struct quick *quick = valleys->quick;
    const struct item *items = quick->part->items;
    quick->trial->spots[block->item].offset = offset;
    valleys->peak = max_u64(valleys->peak, offset + items[block->item].size);
    if (!block->bent)
        return raise(valleys, at, block->from, block->to, offset + items[block->item].size);
    /* Each member takes its stretch of what is left behind the one before. */
    uint32_t from = block->from;
    for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
        uint32_t to = quick->section[items[i].death];
        offset += quick->via[i] ? heir_delta(quick, i) : 0;
        if (from < to)
            at = raise(valleys, at, from, to, offset + items[i].size);
        from = to;
    }
    return at;
}

/* The valley is full: up to its lower wall. */
static uint32_t lift(struct valleys *valleys, uint32_t at, uint64_t height)
{
    uint32_t end = valleys->end[at], left = at > 0 ? valleys->start[at] : 0;
    valleys->height[at] = height;
    join(valleys, end);
    return join(valleys, at) ? left : at;
}

/* False when the best so far is out of reach, or the search takes too long. */
static bool fill(struct valleys *valleys)
{
    const struct quick *quick = valleys->quick;
    const struct part *part = quick->part;
    uint32_t n_left = quick->n_blocks, at = 0;
    while (n_left > 0 && quick->climb->steps < quick->climb->budget) {
        uint32_t end = valleys->end[at];
        uint64_t height = valleys->height[at];
        uint64_t left = at > 0 ? valleys->height[valleys->start[at]] : UINT64_MAX;
        uint64_t right = end < quick->n_sections ? valleys->height[end] : UINT64_MAX;
        if (left < height || right < height) {
            at = left < height ? valleys->start[at] : end;
            continue;
        }
        uint32_t rank = find_within(valleys, at, end);
        if (rank == PLACE_NONE) {
            at = lift(valleys, at, min_u64(left, right));
            continue;
        }
        const struct block *block = &quick->blocks[quick->order[rank]];
        const struct item *item = &part->items[block->item];
        uint64_t offset = align_up(height, item_align(part, item));
        if (item->size > valleys->limit || offset > valleys->limit - item->size)
            return false;
        at = place_block(valleys, at, block, offset);
        strike(valleys, quick->order[rank]);
        n_left--;
    }
    return n_left == 0;
}

void gai_quick_valley(struct quick *quick)
{
    uint32_t room = quick->n_sections + 1;
    struct valleys valleys = {
        .quick = quick, .height = quick->keys, .clumps = quick->clumps, .limit = quick->part->best.peak - 1
    };
    valleys.end = (uint32_t *)(void *)quick->scratch;
    valleys.start = valleys.end + room;
    valleys.born = valleys.start + room;
    valleys.rank = quick->order + quick->n_blocks;
    begin(&valleys);
    quick->climb->steps += quick->n_blocks;
    if (fill(&valleys))
        gai_quick_offer(quick, valleys.peak);
}
