#include "place/quick.h"

/*
 * Long blocks, longest first, one upon the other in numbers of chunks: chunk c is as long as the first that gets there, and all of
 * its blocks fit.  The skyline counts chunks here.
 */
void gai_quick_shelves(struct quick *quick)
{
    struct shelves *shelves = &quick->shelves;
    if (!quick_is_chunked(quick))
        return;
    shelves->n_long = 0;
    gai_quick_order(quick, ORDER_SIZE);
    gai_skyline_reset(&quick->sky);
    for (uint32_t rank = 0; rank < quick->n_blocks; rank++) {
        const struct block *block = &quick->blocks[quick->order[rank]];
        uint64_t size = quick->part->items[block->item].size;
        if (size <= shelves->usual)
            continue;
        uint64_t chunk = gai_skyline_top(&quick->sky, block->from, block->to);
        gai_skyline_raise(&quick->sky, block->from, block->to, chunk + 1);
        if (chunk < shelves->n_long)
            continue;
        shelves->long_ends[chunk] = add_sat(chunk ? shelves->long_ends[chunk - 1] : 0, size);
        shelves->n_long++;
    }
}

/* The long chunk that holds `offset`; n_long when it is behind them. */
static uint32_t find_long(const struct shelves *shelves, uint64_t offset)
{
    uint32_t low = 0, high = shelves->n_long;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (shelves->long_ends[mid] <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint64_t long_end(const struct shelves *shelves)
{
    return shelves->n_long ? shelves->long_ends[shelves->n_long - 1] : 0;
}

uint64_t gai_quick_shelf(const struct shelves *shelves, uint64_t offset, uint64_t size)
{
    for (uint32_t c = find_long(shelves, offset); c < shelves->n_long; c++) {
        if (size <= shelves->long_ends[c] - offset)
            return offset;
        offset = shelves->long_ends[c];
    }
    if (size > shelves->usual)
        return UINT64_MAX;
    uint64_t within = (offset - long_end(shelves)) % shelves->usual;
    return size <= shelves->usual - within ? offset : offset + (shelves->usual - within);
}

/* The number of the chunk that holds a virtual offset, and where it begins. */
static uint64_t find_chunk(const struct shelves *shelves, uint64_t offset, uint64_t *start)
{
    uint32_t c = find_long(shelves, offset);
    if (c < shelves->n_long) {
        *start = c ? shelves->long_ends[c - 1] : 0;
        return c;
    }
    uint64_t usual = (offset - long_end(shelves)) / shelves->usual;
    *start = long_end(shelves) + usual * shelves->usual;
    return shelves->n_long + usual;
}

/* A chunk beyond the limit must be needed by an item of that length: it may have gone elsewhere. */
static bool are_long_held(const struct quick *quick, const uint64_t *ends, uint32_t n)
{
    const struct part *part = quick->part;
    uint32_t *held = quick->order, n_long = 0; /* by chunk; no longer needed as ranks */
    for (uint32_t c = 0; c < n; c++) {
        held[c] = ends[c] > part->limits.chunk_max;
        n_long += held[c];
    }
    for (uint32_t i = 0; i < part->n_items && n_long > 0; i++) {
        uint32_t c = quick->trial->spots[i].chunk;
        if (!held[c] || part->items[i].size < ends[c])
            continue;
        held[c] = 0;
        n_long--;
    }
    return n_long == 0;
}

bool gai_quick_unshelve(struct quick *quick)
{
    const struct part *part = quick->part;
    struct layout *trial = quick->trial;
    uint64_t *ends = quick->keys; /* by chunk; then its number without the empty ones */
    uint32_t n = 0;
    for (uint32_t i = 0; i < part->n_items; i++) {
        uint64_t start, chunk = find_chunk(&quick->shelves, trial->spots[i].offset, &start);
        if (chunk >= PLACE_MAX_CHUNKS || chunk > part->n_items)
            return false;
        for (; n <= chunk; n++)
            ends[n] = 0;
        trial->spots[i].offset -= start;
        trial->spots[i].chunk = (uint16_t)chunk;
        ends[chunk] = max_u64(ends[chunk], trial->spots[i].offset + part->items[i].size);
    }
    if (!are_long_held(quick, ends, n))
        return false;
    trial->peak = trial->n_chunks = 0;
    for (uint32_t c = 0; c < n; c++) {
        trial->peak = add_sat(trial->peak, ends[c]);
        ends[c] = ends[c] ? trial->n_chunks++ : 0;
    }
    for (uint32_t i = 0; i < part->n_items; i++)
        trial->spots[i].chunk = (uint16_t)ends[trial->spots[i].chunk];
    return true;
}
