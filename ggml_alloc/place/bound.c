#include "place/rung.h"

/* Edges of one heir differ in their sources only, and all save the heir's own bytes: it lies within any of them. */
static bool may_take_over(const struct item *heir)
{
    return heir[0].edge < heir[1].edge;
}

/*
 * Differences by step, summed up: wrapping is harmless, a sum below 2^64 comes out right, and one beyond only too low.  That two
 * heirs might count on one source is ignored: it would only weaken the bound, and no graph has it.
 */
static uint64_t largest_live_sum(const struct part *part, uint64_t *rise, uint32_t *at)
{
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct item *item = &part->items[i];
        rise[item->birth + may_take_over(item)] += item->size;
        rise[item->death] -= item->size;
    }
    uint64_t live = 0, largest = 0;
    for (uint32_t step = 0; step <= part->n_steps; step++) {
        live += rise[step];
        if (live <= largest)
            continue;
        largest = live;
        *at = step;
    }
    return largest;
}

enum ga_status gai_bound(const struct ga_mem *mem, struct part *part)
{
    uint64_t *rise = mem_new(mem, uint64_t, (size_t)part->n_steps + 1);
    if (!rise)
        return GA_NO_MEMORY;
    uint64_t bound = max_u64(largest_live_sum(part, rise, &part->bound_step), part->fixed_end);
    mem_free(mem, rise, (size_t)part->n_steps + 1);
    uint64_t align = (uint64_t)1 << part->limits.align_log2;
    if (bound > PLACE_LIMIT)
        return GA_NO_SPACE;
    part->bound = align_up(bound, align);
    return GA_OK;
}
