#include "order/needs.h"

#include <string.h>

/* Of a turn, whether it must run before the one that is asked for, or behind; or is it.  Of a storage, who touches it. */
enum { IS_FREE = 1, RUNS_BEFORE = 2, RUNS_BEHIND = 4, IS_ASKED = 8 };

bool gai_needs_init(struct needs *needs, const struct turns *turns)
{
    const struct ga_mem *mem = &turns->mem;
    *needs = (struct needs){ .turns = turns };
    needs->around = mem_new(mem, uint8_t, turns->n_turns);
    needs->marks = mem_new(mem, uint8_t, turns->n_storages);
    needs->queue = mem_new(mem, uint32_t, turns->n_turns);
    needs->node = mem_new(mem, uint32_t, turns->n_turns);
    needs->born = mem_new(mem, uint32_t, turns->n_storages);
    needs->dies = mem_new(mem, uint32_t, turns->n_storages);
    bool flows = gai_flow_init(&needs->flow, mem, 2 + turns->n_turns + 2 * turns->n_storages);
    return flows && needs->around && needs->marks && needs->queue && needs->node && needs->born && needs->dies;
}

void gai_needs_fini(struct needs *needs)
{
    const struct turns *turns = needs->turns;
    const struct ga_mem *mem = &turns->mem;
    mem_free(mem, needs->around, turns->n_turns);
    mem_free(mem, needs->marks, turns->n_storages);
    mem_free(mem, needs->queue, turns->n_turns);
    mem_free(mem, needs->node, turns->n_turns);
    mem_free(mem, needs->born, turns->n_storages);
    mem_free(mem, needs->dies, turns->n_storages);
    gai_flow_fini(&needs->flow);
}

/* Whatever links lead to, from a turn on. */
static void mark_around(struct needs *needs, uint32_t turn, uint8_t mark)
{
    const struct turns *turns = needs->turns;
    const uint32_t *links = mark == RUNS_BEFORE ? turns->befores : turns->afters;
    uint32_t n = 0;
    needs->queue[n++] = turn;
    for (uint32_t i = 0; i < n; i++) {
        const struct turn *at = &turns->of[needs->queue[i]];
        uint32_t from = mark == RUNS_BEFORE ? at[0].before : at[0].after, to = mark == RUNS_BEFORE ? at[1].before : at[1].after;
        for (uint32_t k = from; k < to; k++) {
            if (needs->around[links[k]] != IS_FREE)
                continue;
            needs->around[links[k]] = mark;
            needs->queue[n++] = links[k];
        }
    }
}

static const struct step *step_of(const struct needs *needs, uint32_t turn)
{
    return &needs->turns->steps[needs->turns->of[turn].step];
}

static void mark_all(struct needs *needs, uint32_t asked)
{
    const struct turns *turns = needs->turns;
    memset(needs->around, IS_FREE, turns->n_turns);
    needs->around[asked] = IS_ASKED;
    mark_around(needs, asked, RUNS_BEFORE);
    mark_around(needs, asked, RUNS_BEHIND);
    memset(needs->marks, 0, turns->n_storages);
    for (uint32_t turn = 0; turn < turns->n_turns; turn++)
        for (uint32_t i = step_of(needs, turn)->use; i < step_of(needs, turn + 1)->use; i++)
            needs->marks[turns->uses[i]] |= needs->around[turn];
}

static bool is_born(const struct needs *needs, uint32_t at)
{
    return needs->turns->storages[at].is_there || (needs->marks[at] & (RUNS_BEFORE | IS_ASKED));
}

static bool is_alive(const struct needs *needs, uint32_t at)
{
    return needs->turns->storages[at].stays || (needs->marks[at] & (RUNS_BEHIND | IS_ASKED));
}

/* What lives in any order; the rest becomes arcs, if anybody asks for them. */
static bool add_storages(struct needs *needs, unsigned pool, bool asks, uint64_t *sum)
{
    const struct turns *turns = needs->turns;
    bool ok = true;
    *sum = 0;
    for (uint32_t i = 0; i < turns->n_storages && ok; i++) {
        const struct storage *storage = &turns->storages[i];
        bool born = is_born(needs, i), alive = is_alive(needs, i), is_open = !(born && alive) && (needs->marks[i] & IS_FREE);
        needs->born[i] = FLOW_SOURCE;
        needs->dies[i] = FLOW_SINK;
        if (storage->pool != pool)
            continue;
        *sum += born && alive ? storage->size : 0;
        if (!is_open || !asks)
            continue;
        if (!born)
            needs->born[i] = needs->n_nodes++;
        if (!alive)
            needs->dies[i] = needs->n_nodes++;
        ok = gai_flow_add(&needs->flow, needs->born[i], needs->dies[i], storage->size);
    }
    return ok;
}

/*
 * What heirs may take over: surely, never, or when others have run, which are arcs again.  Of several that one heir could take over,
 * any may do: as if one surely did.
 */
static bool take_over(struct needs *needs, uint32_t asked, unsigned pool, bool asks, uint64_t *sum)
{
    const struct turns *turns = needs->turns;
    const struct step *step = step_of(needs, asked);
    bool ok = true;
    for (uint32_t i = step[0].heir, end; i < step[1].heir && ok; i = end) {
        const struct heir *heir = &turns->heirs[i];
        const struct storage *storage = &turns->storages[heir->heir];
        for (end = i + 1; end < step[1].heir && turns->heirs[end].heir == heir->heir; end++)
            ;
        bool is_alone = end == i + 1;
        bool never = is_alone && (needs->marks[heir->from] & RUNS_BEHIND);
        if (storage->pool != pool || never)
            continue;
        *sum -= storage->size;
        bool is_open = is_alone && (needs->marks[heir->from] & IS_FREE);
        if (!is_open || !asks)
            continue;
        if (needs->dies[heir->from] == FLOW_SINK)
            needs->dies[heir->from] = needs->n_nodes++;
        ok = gai_flow_add(&needs->flow, FLOW_SOURCE, needs->dies[heir->from], storage->size);
    }
    return ok;
}

/* Who has run has had its befores run, and its storages born; what has died has had all its users run. */
static bool add_turn(struct needs *needs, uint32_t turn)
{
    const struct turns *turns = needs->turns;
    uint32_t node = needs->node[turn];
    bool ok = true;
    for (uint32_t i = turns->of[turn].before; i < turns->of[turn + 1].before && ok; i++) {
        uint32_t before = turns->befores[i];
        if (needs->around[before] == IS_FREE)
            ok = gai_flow_add(&needs->flow, node, needs->node[before], FLOW_ANY);
    }
    for (uint32_t i = step_of(needs, turn)->use; i < step_of(needs, turn + 1)->use && ok; i++) {
        uint32_t born = needs->born[turns->uses[i]], dies = needs->dies[turns->uses[i]];
        if (born != FLOW_SOURCE)
            ok = gai_flow_add(&needs->flow, node, born, FLOW_ANY);
        if (dies != FLOW_SINK)
            ok = ok && gai_flow_add(&needs->flow, dies, node, FLOW_ANY);
    }
    return ok;
}

static bool add_turns(struct needs *needs)
{
    bool ok = true;
    for (uint32_t turn = 0; turn < needs->turns->n_turns && ok; turn++)
        if (needs->around[turn] == IS_FREE)
            ok = add_turn(needs, turn);
    return ok;
}

bool gai_needs(struct needs *needs, uint32_t turn, unsigned pool, uint64_t budget, uint64_t *steps, uint64_t *least)
{
    const struct turns *turns = needs->turns;
    uint64_t sum;
    *least = 0;
    if (turns->of[turn + 1].step != turns->of[turn].step + 1)
        return true;
    mark_all(needs, turn);
    *steps += turns->n_turns;
    needs->n_nodes = 2;
    for (uint32_t i = 0; i < turns->n_turns; i++)
        needs->node[i] = needs->around[i] == IS_FREE ? needs->n_nodes++ : FLOW_SOURCE;
    gai_flow_reset(&needs->flow, needs->flow.cap_nodes);
    bool asks = budget > 0;
    if (!add_storages(needs, pool, asks, &sum) || !take_over(needs, turn, pool, asks, &sum) || (asks && !add_turns(needs)))
        return false;
    needs->flow.n_nodes = needs->n_nodes;
    uint64_t before = needs->flow.steps;
    *least = sum + (asks ? gai_flow_run(&needs->flow, budget) : 0);
    *steps += needs->flow.steps - before;
    return true;
}
