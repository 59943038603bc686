#include "order/tally.h"

#include "base/bits.h"

bool gai_tally_init(struct tally *tally, const struct turns *turns)
{
    const struct ga_mem *mem = &turns->mem;
    *tally = (struct tally){ .turns = turns };
    tally->left = mem_new_raw(mem, uint32_t, turns->n_storages);
    tally->saved = mem_new(mem, bool, turns->n_storages);
    tally->live = mem_new(mem, uint64_t, turns->n_pools);
    tally->credit = mem_new(mem, uint64_t, turns->n_pools);
    tally->was = mem_new(mem, uint64_t, turns->n_pools);
    if (tally->left && tally->saved && tally->live && tally->credit && tally->was)
        return true;
    gai_tally_fini(tally);
    return false;
}

void gai_tally_reset(struct tally *tally, uint64_t *peaks)
{
    const struct turns *turns = tally->turns;
    for (unsigned pool = 0; pool < turns->n_pools; pool++)
        peaks[pool] = tally->live[pool] = 0;
    for (uint32_t i = 0; i < turns->n_storages; i++) {
        const struct storage *storage = &turns->storages[i];
        tally->left[i] = storage->n_uses;
        if (!storage->is_there)
            continue;
        peaks[storage->pool] += storage->size;
        if (storage->n_uses || storage->stays)
            tally->live[storage->pool] += storage->size;
    }
}

void gai_tally_fini(struct tally *tally)
{
    if (!tally->turns)
        return;
    const struct ga_mem *mem = &tally->turns->mem;
    mem_free(mem, tally->left, tally->turns->n_storages);
    mem_free(mem, tally->saved, tally->turns->n_storages);
    mem_free(mem, tally->live, tally->turns->n_pools);
    mem_free(mem, tally->credit, tally->turns->n_pools);
    mem_free(mem, tally->was, tally->turns->n_pools);
    *tally = (struct tally){ .turns = tally->turns };
}

static inline bool is_new(const struct tally *tally, uint32_t at)
{
    const struct storage *storage = &tally->turns->storages[at];
    return !storage->is_there && tally->left[at] == storage->n_uses;
}

static inline bool is_done(const struct tally *tally, uint32_t at)
{
    return tally->left[at] == 0 && !tally->turns->storages[at].stays;
}

/*
 * Heirs of what dies in this step.  Of a chain, in which one heir is another's source, every second one is saved, as in the bound of
 * a plan: a source that was born in this very step and is saved itself is nobody's.
 */
static void save_heirs(struct tally *tally, const struct step *step)
{
    const struct turns *turns = tally->turns;
    for (uint32_t i = step[0].heir; i < step[1].heir; i++) {
        const struct heir *heir = &turns->heirs[i];
        const struct storage *storage = &turns->storages[heir->heir];
        if (!is_done(tally, heir->from) || tally->saved[heir->heir] || tally->saved[heir->from])
            continue;
        tally->saved[heir->heir] = true;
        tally->credit[storage->pool] += storage->size;
    }
}

static void forget_heirs(struct tally *tally, const struct step *step)
{
    const struct turns *turns = tally->turns;
    for (uint32_t i = step[0].heir; i < step[1].heir; i++) {
        const struct storage *storage = &turns->storages[turns->heirs[i].heir];
        tally->saved[turns->heirs[i].heir] = false;
        tally->credit[storage->pool] = 0;
    }
}

static void run_step(struct tally *tally, const struct step *step, uint64_t *peaks)
{
    const struct turns *turns = tally->turns;
    for (uint32_t i = step[0].use; i < step[1].use; i++) {
        uint32_t at = turns->uses[i];
        const struct storage *storage = &turns->storages[at];
        if (is_new(tally, at))
            tally->live[storage->pool] += storage->size;
        tally->left[at]--;
    }
    save_heirs(tally, step);
    for (uint32_t i = step[0].use; i < step[1].use; i++) {
        uint16_t pool = turns->storages[turns->uses[i]].pool;
        peaks[pool] = max_u64(peaks[pool], tally->live[pool] - tally->credit[pool]);
    }
    forget_heirs(tally, step);
    for (uint32_t i = step[0].use; i < step[1].use; i++)
        if (is_done(tally, turns->uses[i]))
            tally->live[turns->storages[turns->uses[i]].pool] -= turns->storages[turns->uses[i]].size;
}

void gai_tally_run(struct tally *tally, uint32_t turn, uint64_t *peaks)
{
    const struct turns *turns = tally->turns;
    for (uint32_t step = turns->of[turn].step; step < turns->of[turn + 1].step; step++)
        run_step(tally, &turns->steps[step], peaks);
}

static void take_back_step(struct tally *tally, const struct step *step)
{
    const struct turns *turns = tally->turns;
    for (uint32_t i = step[0].use; i < step[1].use; i++) {
        uint32_t at = turns->uses[i];
        const struct storage *storage = &turns->storages[at];
        if (is_done(tally, at))
            tally->live[storage->pool] += storage->size;
        tally->left[at]++;
        if (is_new(tally, at))
            tally->live[storage->pool] -= storage->size;
    }
}

void gai_tally_take_back(struct tally *tally, uint32_t turn)
{
    const struct turns *turns = tally->turns;
    for (uint32_t step = turns->of[turn + 1].step; step > turns->of[turn].step; step--)
        take_back_step(tally, &turns->steps[step - 1]);
}
