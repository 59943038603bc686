#include "order/parts.h"

#include <string.h>

enum { RUNS_BEFORE = 1, RUNS_BEHIND = 2 };

/*
 * A turn is a cut when all before it, in the order given, are before it by their links, and all behind it likewise.  All before are,
 * when each of them has a link that ends no later than at the turn: following such links from any of them arrives there.
 */
static void mark_whom_all_behind_follow(const struct turns *turns, uint32_t *marks)
{
    uint32_t nearest = turns->n_turns; /* of the turns behind, the one whose last link from before comes from farthest back: + 1 */
    for (uint32_t turn = turns->n_turns; turn-- > 0;) {
        uint32_t latest = 0;
        marks[turn] = nearest > turn;
        for (uint32_t i = turns->of[turn].before; i < turns->of[turn + 1].before; i++)
            latest = turns->befores[i] + 1 > latest ? turns->befores[i] + 1 : latest;
        nearest = latest < nearest ? latest : nearest;
    }
}

void gai_parts(const struct turns *turns, uint32_t *first, uint32_t *end)
{
    uint32_t n = turns->n_turns, begin = 0, farthest = 0;
    mark_whom_all_behind_follow(turns, end);
    for (uint32_t turn = 0; turn < n; turn++) {
        bool is_cut = farthest <= turn && end[turn];
        uint32_t earliest = n;
        for (uint32_t i = turns->of[turn].after; i < turns->of[turn + 1].after; i++)
            earliest = turns->afters[i] < earliest ? turns->afters[i] : earliest;
        farthest = earliest > farthest ? earliest : farthest;
        first[turn] = is_cut ? turn : begin;
        begin = is_cut ? turn + 1 : begin;
    }
    for (uint32_t turn = n; turn-- > 0;)
        end[turn] = turn + 1 < n && first[turn + 1] == first[turn] ? end[turn + 1] : turn + 1;
}

bool gai_needs_init(struct needs *needs, const struct turns *turns)
{
    *needs = (struct needs){ .turns = turns };
    needs->marks = mem_new(&turns->mem, uint8_t, turns->n_storages);
    needs->around = mem_new(&turns->mem, uint8_t, turns->n_turns);
    needs->queue = mem_new(&turns->mem, uint32_t, turns->n_turns);
    return needs->marks && needs->around && needs->queue;
}

void gai_needs_fini(struct needs *needs)
{
    const struct ga_mem *mem = &needs->turns->mem;
    mem_free(mem, needs->marks, needs->turns->n_storages);
    mem_free(mem, needs->around, needs->turns->n_turns);
    mem_free(mem, needs->queue, needs->turns->n_turns);
}

/* Marks what must run before `turn`, or behind it, itself included. */
static void mark_around(struct needs *needs, uint32_t turn, uint8_t mark)
{
    const struct turns *turns = needs->turns;
    const uint32_t *links = mark == RUNS_BEFORE ? turns->befores : turns->afters;
    uint32_t n = 0;
    needs->queue[n++] = turn;
    needs->around[turn] |= mark;
    for (uint32_t i = 0; i < n; i++) {
        const struct turn *at = &turns->of[needs->queue[i]];
        uint32_t from = mark == RUNS_BEFORE ? at[0].before : at[0].after, to = mark == RUNS_BEFORE ? at[1].before : at[1].after;
        for (uint32_t k = from; k < to; k++) {
            if (needs->around[links[k]] & mark)
                continue;
            needs->around[links[k]] |= mark;
            needs->queue[n++] = links[k];
        }
    }
}

static void mark_storages(struct needs *needs)
{
    const struct turns *turns = needs->turns;
    memset(needs->marks, 0, turns->n_storages);
    for (uint32_t turn = 0; turn < turns->n_turns; turn++) {
        uint32_t from = turns->steps[turns->of[turn].step].use, to = turns->steps[turns->of[turn + 1].step].use;
        for (uint32_t i = from; i < to && needs->around[turn]; i++)
            needs->marks[turns->uses[i]] |= needs->around[turn];
    }
}

/* What its heirs may save at most. */
static uint64_t credit_of(const struct turns *turns, const struct step *step, unsigned pool)
{
    uint64_t credit = 0;
    for (uint32_t i = step[0].heir; i < step[1].heir; i++) {
        bool is_counted = i > step[0].heir && turns->heirs[i].heir == turns->heirs[i - 1].heir;
        const struct storage *storage = &turns->storages[turns->heirs[i].heir];
        credit += !is_counted && storage->pool == pool ? storage->size : 0;
    }
    return credit;
}

uint64_t gai_needs(struct needs *needs, uint32_t turn, unsigned pool)
{
    const struct turns *turns = needs->turns;
    uint32_t step = turns->of[turn].step;
    if (turns->of[turn + 1].step != step + 1)
        return 0;
    memset(needs->around, 0, turns->n_turns);
    mark_around(needs, turn, RUNS_BEFORE);
    mark_around(needs, turn, RUNS_BEHIND);
    mark_storages(needs);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < turns->n_storages; i++) {
        const struct storage *storage = &turns->storages[i];
        bool is_born = storage->is_there || (needs->marks[i] & RUNS_BEFORE);
        bool is_alive = storage->stays || (needs->marks[i] & RUNS_BEHIND);
        sum += is_born && is_alive && storage->pool == pool ? storage->size : 0;
    }
    return sum - credit_of(turns, &turns->steps[step], pool);
}
