#include "place/search.h"

/*
 * Rounds: each starts from the best layout and a ceiling somewhere between its peak and the bound.  A high ceiling is reached
 * soon, a low one gains much; so the step down is doubled with every success and halved with every failure, and the smaller it
 * is, the more work is spent.
 */
#define FIRST_SHIFT 2u
#define START_SHIFT 6u
#define LAST_SHIFT 10u
#define TRY_BLOCKS 1000u /* placed in the shortest try */
#define TRY_SHIFTS 4u
#define LEAST_TRIES 8u /* pangu ends at 0 to 0.2 % with 8, and nothing gained with 32 */

/* By default a small problem is soon given up. */
#define STEPS_PER_ITEM ((uint64_t)1 << 18)

static enum ga_status make_room(struct search *search)
{
    const struct ga_mem *mem = search->quick.climb->mem;
    size_t n = search->quick.part->n_items, sections = (size_t)search->quick.n_sections + 1;
    search->base = mem_new_raw(mem, uint64_t, n);
    search->weight = mem_new_raw(mem, uint32_t, n);
    search->loose = mem_new_raw(mem, uint32_t, n);
    search->crossing = mem_new_raw(mem, uint32_t, 2 * n);
    search->heirs = mem_new_raw(mem, uint32_t, n);
    search->touched = mem_new_raw(mem, uint32_t, n + 3 * SEARCH_FLIPS);
    search->clashes = mem_new_raw(mem, struct clash, n);
    search->enter = mem_new_raw(mem, struct event, n);
    search->leave = mem_new_raw(mem, struct event, n);
    search->spare = mem_new_raw(mem, struct event, n);
    search->born = mem_new_raw(mem, uint32_t, sections);
    search->stop_of = mem_new_raw(mem, uint32_t, sections);
    search->stops = mem_new_raw(mem, struct stop, sections);
    bool ok = search->base && search->weight && search->loose && search->crossing && search->heirs && search->touched &&
              search->clashes && search->enter && search->leave && search->spare && search->born && search->stop_of &&
              search->stops;
    return ok ? GA_OK : GA_NO_MEMORY;
}

static void give_room(struct search *search)
{
    const struct ga_mem *mem = search->quick.climb->mem;
    size_t n = search->quick.part->n_items, sections = (size_t)search->quick.n_sections + 1;
    mem_free(mem, search->stops, sections);
    mem_free(mem, search->stop_of, sections);
    mem_free(mem, search->born, sections);
    mem_free(mem, search->spare, n);
    mem_free(mem, search->leave, n);
    mem_free(mem, search->enter, n);
    mem_free(mem, search->clashes, n);
    mem_free(mem, search->touched, n + 3 * SEARCH_FLIPS);
    mem_free(mem, search->heirs, n);
    mem_free(mem, search->crossing, 2 * n);
    mem_free(mem, search->loose, n);
    mem_free(mem, search->weight, n);
    mem_free(mem, search->base, n);
}

/* Everything is where the best layout has it; but all is loose where that has several chunks. */
static void load_best(struct search *search)
{
    const struct quick *quick = &search->quick;
    const struct layout *best = &quick->part->best;
    search->n_loose = 0;
    for (uint32_t b = 0; b < quick->n_blocks; b++) {
        search->weight[b] = 1;
        search->base[b] = best->spots[quick->blocks[b].item].offset;
        if (best->n_chunks > 1)
            gai_search_loosen(search, b);
    }
    quick->climb->steps += quick->n_blocks;
}

/* What it costs to place a block, on average. */
static uint64_t cost_of_block(struct search *search)
{
    struct climb *climb = search->quick.climb;
    uint64_t before = climb->steps;
    uint32_t n = search->quick.n_blocks, stride = n / 64 + 1, asked = 0;
    for (uint32_t b = 0; b < n; b += stride, asked++)
        gai_search_meet(search, b);
    return asked ? 1 + (climb->steps - before) / asked : 1;
}

/* Each part gets an equal share of what is left. */
static uint64_t end_of_search(const struct climb *climb, const struct part *part)
{
    uint64_t n_parts = climb->n_parts - (uint64_t)(part - climb->parts), n_items = part->n_items;
    uint64_t steps = climb->steps < climb->budget ? (climb->budget - climb->steps) / n_parts : 0;
    if (climb->opts->steps == 0)
        steps = min_u64(steps, STEPS_PER_ITEM * n_items);
    return climb->steps + steps;
}

static bool is_done(const struct search *search)
{
    return search->quick.climb->steps >= search->end || gai_climb_done(search->quick.climb, search->quick.part);
}

static void list_heirs(struct search *search)
{
    const struct part *part = search->quick.part;
    for (uint32_t i = 0; i < part->n_items; i++)
        if (part->items[i].edge < part->items[i + 1].edge && !item_is_fixed(&part->items[i]))
            search->heirs[search->n_heirs++] = i;
}

/* Takes the best layout's merging, every other time with changes. */
static void choose_merging(struct search *search, unsigned round)
{
    if (round > 0 && search->n_heirs == 0)
        return;
    gai_search_merge(search);
    if (round % 2 != 0)
        gai_search_flip(search);
    gai_quick_block(&search->quick);
    gai_search_frame(search);
}

static void run_rounds(struct search *search)
{
    struct quick *quick = &search->quick;
    const struct part *part = quick->part;
    uint64_t floor = max_u64(part->bound, part->limits.capacity), cost = 0;
    search->end = end_of_search(quick->climb, part);
    uint64_t most = (search->end - quick->climb->steps) / LEAST_TRIES;
    list_heirs(search);
    for (unsigned round = 0, shift = START_SHIFT; !is_done(search); round++) {
        uint64_t above = part->best.peak - min_u64(part->best.peak, floor); /* 0: only its chunks are too many */
        search->ceiling = part->best.peak - 1 - (above >> shift);
        choose_merging(search, round);
        load_best(search);
        gai_search_loosen_touched(search);
        cost = cost ? cost : cost_of_block(search);
        uint64_t steps = min_u64(most, cost * TRY_BLOCKS << (shift < TRY_SHIFTS ? shift : TRY_SHIFTS));
        if (gai_search_squeeze(search, steps)) {
            gai_search_settle(search);
            shift -= shift > FIRST_SHIFT;
        } else {
            shift = shift < LAST_SHIFT ? shift + 1 : FIRST_SHIFT;
        }
        gai_climb_pulse(quick->climb);
    }
}

enum ga_status gai_place_search(struct climb *climb, struct part *part, struct layout *trial)
{
    struct search search = { .rng = { climb->opts->seed } };
    enum ga_status status = part->n_items > 0 ? gai_quick_open(&search.quick, climb, part, trial) : GA_OK;
    if (part->n_items == 0 || status != GA_OK)
        return status;
    if (!quick_is_chunked(&search.quick)) {
        status = make_room(&search);
        if (status == GA_OK)
            run_rounds(&search);
        give_room(&search);
    }
    gai_quick_close(&search.quick);
    return status;
}
