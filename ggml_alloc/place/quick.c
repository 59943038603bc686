#include "place/quick.h"

/* Heirs follow what they took over, fixed items are where they are. */
static void place_others(struct quick *quick)
{
    const struct part *part = quick->part;
    struct spot *spots = quick->trial->spots;
    for (uint32_t i = 0; i < part->n_items; i++) {
        spots[i].chunk = 0;
        if (quick->via[i])
            spots[i].offset = spots[part->edges[quick->via[i] - 1].from].offset + heir_delta(quick, i);
    }
    for (uint32_t k = 0; k < part->n_fixed; k++)
        spots[part->fixed[k]].offset = part->items[part->fixed[k]].fixed - 1;
}

void gai_quick_offer(struct quick *quick, uint64_t peak)
{
    place_others(quick);
    quick->trial->peak = max_u64(peak, quick->part->fixed_end);
    quick->trial->n_chunks = 1;
    quick->trial->over = false;
    if (!quick_is_chunked(quick) || gai_quick_unshelve(quick))
        gai_climb_offer(quick->climb, quick->part, quick->trial);
}

static void place_low(struct quick *quick)
{
    if (quick->part->n_fixed > 0 || quick_is_chunked(quick))
        gai_quick_low(quick);
    else
        gai_quick_valley(quick);
}

/* clang-format off */
/* In the order in which they pay: on recorded graphs the first nearly always meets the bound. */
static const struct pass {
    enum order order;
    void (*place)(struct quick *quick);
} passes[] = {
    { ORDER_AREA,  place_low },
    { ORDER_TOTAL, place_low },
    { ORDER_LAST,  place_low },
    { ORDER_SIZE,  place_low },
    { ORDER_START, place_low },
    { ORDER_SIZE,  gai_quick_first_fit },
    { ORDER_SIZE,  gai_quick_best_fit },
};
/* clang-format on */

static const unsigned n_passes = sizeof passes / sizeof passes[0];

/* Of all levels: an eighth of the items, an eighth of that, each rounded up. */
static size_t n_clumps(size_t n_items)
{
    return n_items / (CLUMP_FAN - 1) + 12;
}

/* A skyline, or three numbers for each border of a section. */
static size_t scratch_words(uint32_t n_sections)
{
    size_t skyline = gai_skyline_words(n_sections), plateaus = (3 * ((size_t)n_sections + 1) + 1) / 2;
    return skyline > plateaus ? skyline : plateaus;
}

static enum ga_status make_room(struct quick *quick)
{
    const struct ga_mem *mem = quick->climb->mem;
    size_t n = quick->part->n_items, steps = (size_t)quick->part->n_steps + 1;
    quick->section = mem_new_raw(mem, uint32_t, steps);
    quick->via = mem_new_raw(mem, uint32_t, n);
    quick->heir = mem_new_raw(mem, uint32_t, n);
    quick->blocks = mem_new_raw(mem, struct block, n);
    quick->keys = mem_new_raw(mem, uint64_t, n + 1);
    quick->order = mem_new_raw(mem, uint32_t, 2 * n + 1);
    quick->n_scratch = scratch_words(quick->n_sections);
    quick->scratch = mem_new_raw(mem, uint64_t, quick->n_scratch);
    quick->clumps = mem_new_raw(mem, struct clump, n_clumps(n));
    bool ok = quick->section && quick->via && quick->heir && quick->blocks && quick->keys && quick->order && quick->scratch &&
              quick->clumps;
    if (ok)
        gai_skyline_init(&quick->sky, quick->scratch, quick->n_sections);
    if (ok && quick_is_chunked(quick)) {
        quick->shelves.long_ends = mem_new_raw(mem, uint64_t, n);
        ok = quick->shelves.long_ends;
    }
    return ok ? GA_OK : GA_NO_MEMORY;
}

void gai_quick_close(struct quick *quick)
{
    const struct ga_mem *mem = quick->climb->mem;
    size_t n = quick->part->n_items, steps = (size_t)quick->part->n_steps + 1;
    mem_free(mem, quick->shelves.long_ends, n);
    mem_free(mem, quick->clumps, n_clumps(n));
    mem_free(mem, quick->scratch, quick->n_scratch);
    mem_free(mem, quick->order, 2 * n + 1);
    mem_free(mem, quick->keys, n + 1);
    mem_free(mem, quick->blocks, n);
    mem_free(mem, quick->heir, n);
    mem_free(mem, quick->via, n);
    mem_free(mem, quick->section, steps);
}

static uint32_t count_births(const struct part *part)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        n += i == 0 || part->items[i].birth != part->items[i - 1].birth;
    return n;
}

static void cut_sections(struct quick *quick)
{
    const struct part *part = quick->part;
    uint32_t step = 0, n = 0;
    for (uint32_t i = 0; i < part->n_items; i++) {
        if (step > part->items[i].birth)
            continue;
        while (step <= part->items[i].birth)
            quick->section[step++] = n;
        n++;
    }
    while (step <= part->n_steps)
        quick->section[step++] = n;
}

/*
 * The usual length of a chunk, UINT64_MAX where one chunk holds all: a best so far that fits into one is only improved in one.
 * Borders keep to the largest alignment.
 */
static uint64_t usual_chunk(const struct part *part)
{
    uint64_t align = 1, limit = part->limits.chunk_max;
    if (part->best.peak <= limit)
        return UINT64_MAX;
    for (uint32_t i = 0; i < part->n_items; i++)
        align = max_u64(align, item_align(part, &part->items[i]));
    return limit - limit % align;
}

enum ga_status gai_quick_open(struct quick *quick, struct climb *climb, struct part *part, struct layout *trial)
{
    *quick = (struct quick){ .climb = climb, .part = part, .trial = trial, .n_sections = count_births(part) };
    quick->shelves.usual = usual_chunk(part);
    enum ga_status status = make_room(quick);
    if (status == GA_OK)
        cut_sections(quick);
    else
        gai_quick_close(quick);
    return status;
}

/* Whether ggml's edges are all there are: then merging all is merging those. */
static bool is_all_eager(const struct part *part)
{
    for (uint32_t e = part->items[0].edge; e < part->items[part->n_items].edge; e++)
        if (!part->edges[e].eager)
            return false;
    return true;
}

static void try_mergings(struct quick *quick)
{
    const struct part *part = quick->part;
    bool has_edges = part->items[0].edge < part->items[part->n_items].edge, all_eager = is_all_eager(part);
    for (int merging = has_edges ? MERGE_ALL : MERGE_NONE; merging <= MERGE_NONE; merging++) {
        if (merging == MERGE_EAGER && all_eager)
            continue;
        if (gai_climb_done(quick->climb, part))
            return;
        gai_quick_merge(quick, (enum merging)merging);
        gai_quick_shelves(quick);
        if (quick->shelves.n_long > 0 && part->mixed)
            return;
        for (unsigned k = 0; k < n_passes && !gai_climb_done(quick->climb, part); k++) {
            gai_quick_order(quick, passes[k].order);
            passes[k].place(quick);
            gai_climb_pulse(quick->climb);
        }
    }
}

enum ga_status gai_place_quick(struct climb *climb, struct part *part, struct layout *trial)
{
    struct quick quick;
    if (part->n_items == 0 || (part->n_fixed > 0 && usual_chunk(part) != UINT64_MAX))
        return GA_OK;
    enum ga_status status = gai_quick_open(&quick, climb, part, trial);
    if (status != GA_OK)
        return status;
    try_mergings(&quick);
    if (!quick_is_chunked(&quick) && part->best.n_chunks == 1 && !gai_climb_done(climb, part))
        status = gai_quick_eject(&quick);
    gai_quick_close(&quick);
    return status;
}
