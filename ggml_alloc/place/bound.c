#include "place/rung.h"

/*
 * Whether item i is counted once with a source of its own: from its birth on it then adds nothing, until that dies.  All sources
 * save alike, the heir's own bytes.
 *
 * A source born in the same step cannot have taken over another and be taken over: that other still lives.  Of such a chain every
 * second one is counted, from the first on.  No choice saves more: an heir that it takes and we do not has a source that we count and
 * it does not, one for each, and no shorter.  (Two heirs of one source may both be counted: too low a bound is still one.)
 */
static bool is_saved(const struct part *part, const bool *saved, uint32_t i)
{
    const struct item *item = &part->items[i];
    for (uint32_t e = item[0].edge; e < item[1].edge; e++) {
        uint32_t from = part->edges[e].from;
        if (part->items[from].birth < item->birth || !saved[from])
            return true;
    }
    return false;
}

void gai_bound_saved(const struct part *part, bool *saved)
{
    for (uint32_t i = 0; i < part->n_items; i++)
        saved[i] = is_saved(part, saved, i);
}

/* Differences by step, summed up.  Wrapping is harmless: a sum below 2^64 comes out right, and one beyond only too low. */
static uint64_t largest_live_sum(const struct part *part, const bool *saved, uint64_t *rise, uint32_t *at)
{
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct item *item = &part->items[i];
        rise[item->birth + saved[i]] += item->size;
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
    uint64_t *rise = mem_new(mem, uint64_t, (size_t)part->n_steps + 1), bound = part->fixed_end;
    bool *saved = mem_new_raw(mem, bool, part->n_items);
    bool ok = rise && saved;
    if (ok) {
        gai_bound_saved(part, saved);
        bound = max_u64(bound, largest_live_sum(part, saved, rise, &part->bound_step));
    }
    mem_free(mem, saved, part->n_items);
    mem_free(mem, rise, (size_t)part->n_steps + 1);
    if (!ok)
        return GA_NO_MEMORY;
    if (bound > PLACE_LIMIT)
        return GA_NO_SPACE;
    part->bound = align_up(bound, (uint64_t)1 << part->limits.align_log2);
    return GA_OK;
}
