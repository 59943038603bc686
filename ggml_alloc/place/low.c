#include "place/quick.h"

/*
 * LOW: place whichever block can go lowest; among equals the one that ranks first.
 *
 * What a block rests on only rises, so a heap of lowest offsets as last known suffices: take the first, ask the skyline again, and
 * let it sink when it has risen.  A key is (offset, rank) in one word; offsets that leave no room for the rank lose low bits, which
 * blurs the order a little and nothing else.
 */
#define BUDGET_BASE ((uint64_t)1 << 21)
#define BUDGET_PER_BLOCK ((uint64_t)1 << 9)

struct low {
    struct quick *quick;
    uint64_t *heap;
    uint32_t n_heap;
    unsigned rank_bits, shift;
    uint64_t limit;         /* nothing may end past it: a best so far is no higher */
    uint64_t spent, budget; /* steps; when all are spent, blocks go where they can as they come */
    uint64_t peak;
    bool plain; /* an offset needs no more than what the skyline says */
};

static uint64_t make_key(const struct low *low, uint64_t offset, uint32_t rank)
{
    return offset >> low->shift << low->rank_bits | rank;
}

static uint32_t key_rank(const struct low *low, uint64_t key)
{
    return (uint32_t)(key & (((uint64_t)1 << low->rank_bits) - 1));
}

static void sink(uint64_t *heap, uint32_t n, uint32_t at, uint64_t key)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && heap[child + 1] < heap[child];
        if (heap[child] >= key)
            break;
        heap[at] = heap[child];
    }
    heap[at] = key;
}

/* A bent unit's members each stand at their own height above its base, each for the time that its source leaves to it. */
static uint64_t top_under_bent(const struct quick *quick, const struct block *block)
{
    const struct item *items = quick->part->items;
    uint64_t base = 0, rel = 0;
    uint32_t from = block->from;
    for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
        uint32_t to = quick->section[items[i].death];
        rel += quick->via[i] ? heir_delta(quick, i) : 0;
        uint64_t top = from < to ? gai_skyline_top(&quick->sky, from, to) : 0;
        base = max_u64(base, top > rel ? top - rel : 0);
        from = to;
    }
    return base;
}

uint64_t gai_quick_under(const struct quick *quick, const struct block *block)
{
    return block->bent ? top_under_bent(quick, block) : gai_skyline_top(&quick->sky, block->from, block->to);
}

static void raise_bent(struct quick *quick, const struct block *block, uint64_t base)
{
    const struct item *items = quick->part->items;
    uint32_t from = block->from;
    for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
        uint32_t to = quick->section[items[i].death];
        base += quick->via[i] ? heir_delta(quick, i) : 0;
        if (from < to)
            gai_skyline_raise(&quick->sky, from, to, base + items[i].size);
        from = to;
    }
}

void gai_quick_raise(struct quick *quick, const struct block *block, uint64_t base)
{
    if (block->bent)
        raise_bent(quick, block, base);
    else
        gai_skyline_raise(&quick->sky, block->from, block->to, base + quick->part->items[block->item].size);
}

/*
 * Fixed items are no part of the skyline: each that is in the way, from the lowest up, is stepped over.  A bent unit is nowhere
 * wider than its first item.
 */
static uint64_t clear_fixed(struct low *low, const struct block *block, uint64_t offset, uint64_t align)
{
    const struct part *part = low->quick->part;
    const uint32_t *section = low->quick->section;
    uint64_t size = part->items[block->item].size;
    for (uint32_t k = 0; k < part->n_fixed; k++) {
        const struct item *item = &part->items[part->fixed[k]];
        uint64_t start = item->fixed - 1;
        if (start >= offset && start - offset >= size)
            break;
        bool meets = section[item->birth] < block->to && block->from < section[item->death];
        if (meets && start + item->size > offset)
            offset = align_up(start + item->size, align);
    }
    low->spent += part->n_fixed;
    return offset;
}

static uint64_t lowest_offset(struct low *low, const struct block *block)
{
    const struct quick *quick = low->quick;
    const struct part *part = quick->part;
    low->spent += SKY_FAN;
    uint64_t offset = gai_quick_under(quick, block);
    if (low->plain)
        return offset;
    const struct item *item = &part->items[block->item];
    uint64_t align = item_align(part, item);
    offset = align_up(offset, align);
    if (part->n_fixed > 0)
        return clear_fixed(low, block, offset, align);
    return quick_is_chunked(quick) ? gai_quick_shelf(&quick->shelves, offset, item->size) : offset;
}

/* False when the best so far is out of reach. */
static bool put(struct low *low, const struct block *block, uint64_t offset)
{
    struct quick *quick = low->quick;
    uint64_t size = quick->part->items[block->item].size;
    if (size > low->limit || offset > low->limit - size)
        return false;
    low->peak = max_u64(low->peak, offset + size);
    quick->trial->spots[block->item].offset = offset;
    gai_quick_raise(quick, block, offset);
    return true;
}

/* On the ground all have the same key, so they come by rank and need no heap.  Who stays waits in the heap. */
static bool place_ground(struct low *low)
{
    struct quick *quick = low->quick;
    for (uint32_t rank = 0; rank < quick->n_blocks; rank++) {
        const struct block *block = &quick->blocks[quick->order[rank]];
        uint64_t offset = lowest_offset(low, block);
        if (offset > 0)
            low->heap[low->n_heap++] = make_key(low, offset, rank);
        else if (!put(low, block, 0))
            return false;
    }
    for (uint32_t at = low->n_heap / 2; at-- > 0;)
        sink(low->heap, low->n_heap, at, low->heap[at]);
    return true;
}

static bool place_rest(struct low *low)
{
    struct quick *quick = low->quick;
    bool in_reach = true;
    while (low->n_heap > 0 && in_reach) {
        uint64_t key = low->heap[0];
        uint32_t rank = key_rank(low, key);
        const struct block *block = &quick->blocks[quick->order[rank]];
        uint64_t offset = lowest_offset(low, block), now = make_key(low, offset, rank);
        if (now > key && low->spent < low->budget) {
            sink(low->heap, low->n_heap, 0, now);
            if (low->heap[0] != now)
                continue;
        }
        in_reach = put(low, block, offset);
        low->n_heap--;
        sink(low->heap, low->n_heap, 0, low->heap[low->n_heap]);
    }
    return in_reach;
}

static unsigned bits_of(uint64_t x)
{
    return x ? high_bit(x) + 1 : 0;
}

/* Borders waste virtual space: an answer that needs this much is none worth having. */
static uint64_t virtual_limit(const struct part *part)
{
    return min_u64(PLACE_LIMIT,
                   add_sat(part->limits.chunk_max, part->best.peak > PLACE_LIMIT / 4 ? PLACE_LIMIT : 4 * part->best.peak));
}

void gai_quick_low(struct quick *quick)
{
    const struct part *part = quick->part;
    bool chunked = quick_is_chunked(quick);
    struct low low = { .quick = quick, .heap = quick->keys };
    low.limit = chunked ? virtual_limit(part) : part->best.peak - 1;
    low.plain = !chunked && !part->mixed && part->n_fixed == 0;
    low.rank_bits = bits_of(quick->n_blocks);
    unsigned offset_bits = bits_of(low.limit);
    low.shift = offset_bits + low.rank_bits > 64 ? offset_bits + low.rank_bits - 64 : 0;
    low.budget = BUDGET_BASE + BUDGET_PER_BLOCK * quick->n_blocks;
    gai_skyline_reset(&quick->sky);
    bool placed = place_ground(&low) && place_rest(&low);
    quick->climb->steps += low.spent;
    if (placed)
        gai_quick_offer(quick, low.peak);
}
