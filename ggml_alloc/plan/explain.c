/*
 * explain.c - what makes the peak: the storages that are live at the step at which most bytes are
 */
#include "plan/plan.h"

/* The storages born at `step` are neighbours, since births never decrease: [*first, *end) among plan->storages. */
static void born_at(const ga_plan *plan, uint32_t step, uint32_t *first, uint32_t *end)
{
    uint32_t low = 0, high = plan->info.n_storages;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (plan->life[plan->storages[mid]].birth < step)
            low = mid + 1;
        else
            high = mid;
    }
    *first = low;
    while (low < plan->info.n_storages && plan->life[plan->storages[low]].birth == step)
        low++;
    *end = low;
}

static bool overlap(const struct ga_slot *a, const struct ga_slot *b)
{
    bool together = a->pool == b->pool && a->chunk == b->chunk;
    return together && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* In the step where an heir takes over, both live in the same bytes: only the larger counts, the heir when they are equal. */
static bool is_counted(const ga_plan *plan, ga_id id, uint32_t step, uint32_t first, uint32_t end)
{
    const struct ga_slot *slot = &plan->slots[id];
    bool dies = plan->life[id].death == step + 1, born = plan->life[id].birth == step;
    for (uint32_t i = first; dies && i < end; i++) {
        ga_id heir = plan->storages[i];
        if (heir != id && overlap(slot, &plan->slots[heir]) && plan->slots[heir].size >= slot->size)
            return false;
    }
    if (!born)
        return true;
    for (uint32_t i = 0; i < first; i++) {
        ga_id source = plan->storages[i];
        bool is_source = plan->life[source].death == step + 1 && overlap(slot, &plan->slots[source]);
        if (is_source && plan->slots[source].size > slot->size)
            return false;
    }
    return true;
}

static bool comes_first(const struct ga_live *a, const struct ga_live *b)
{
    return a->size != b->size ? a->size > b->size : a->id < b->id;
}

/* A heap of `n`, the one that comes last on top: `live` takes the place of `at`, or of who comes after it. */
static void sift(struct ga_live *out, uint32_t n, uint32_t at, struct ga_live live)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && comes_first(&out[child], &out[child + 1]))
            child++;
        if (comes_first(&out[child], &live))
            break;
        out[at] = out[child];
    }
    out[at] = live;
}

/* Among the `n` so far, of which those that come first are kept, `cap` of them. */
static void keep(struct ga_live *out, uint32_t n, uint32_t cap, const struct ga_live *live)
{
    if (n >= cap) {
        if (cap && comes_first(live, &out[0]))
            sift(out, cap, 0, *live);
        return;
    }
    uint32_t at = n;
    for (; at > 0 && comes_first(&out[(at - 1) / 2], live); at = (at - 1) / 2)
        out[at] = out[(at - 1) / 2];
    out[at] = *live;
}

static void sort(struct ga_live *out, uint32_t n)
{
    while (n > 1) {
        struct ga_live last = out[--n];
        out[n] = out[0];
        sift(out, n, 0, last);
    }
}

uint32_t ga_plan_live_at_peak(const ga_plan *plan, unsigned pool, struct ga_live *out, uint32_t cap, uint64_t *step)
{
    if (pool >= plan->n_pools)
        return 0;
    uint32_t peak = plan->pools[pool].peak_step, first, end, n = 0;
    born_at(plan, peak, &first, &end);
    for (uint32_t i = 0; i < end; i++) {
        ga_id id = plan->storages[i];
        const struct ga_slot *slot = &plan->slots[id];
        if (slot->pool != pool || plan->life[id].death <= peak || !is_counted(plan, id, peak, first, end))
            continue;
        struct ga_live live = { .id = id, .size = slot->size, .offset = slot->offset };
        ga_plan_life(plan, id, &live.birth, &live.death);
        keep(out, n++, cap, &live);
    }
    sort(out, n < cap ? n : cap);
    if (step)
        *step = plan->times ? plan->times[peak] : peak;
    return n;
}
