#include "order/slide.h"

#include <string.h>

#define STORAGES 8u /* that are looked at cost as much as a turn */
#define PEAKS 16u   /* in a row from which nothing moves */

bool gai_slide_init(struct slide *slide, const struct turns *turns, const struct freedom *freedom)
{
    *slide = (struct slide){ .limits = NULL };
    bool moves = gai_moves_init(&slide->moves, turns, freedom);
    slide->is_in = mem_new(&turns->mem, bool, turns->n_turns);
    return moves && slide->is_in;
}

void gai_slide_fini(struct slide *slide)
{
    const struct turns *turns = slide->moves.turns;
    mem_free(&turns->mem, slide->is_in, turns->n_turns);
    gai_moves_fini(&slide->moves);
}

struct cost {
    uint64_t most;
    uint32_t n_most;
    bool is_within; /* the limits of the other pools */
};

static struct cost cost_of(const struct slide *slide, unsigned pool)
{
    const struct heights *heights = slide->moves.heights;
    struct cost cost = { gai_heights_most(&heights[pool]), gai_heights_n_most(&heights[pool]), true };
    for (unsigned other = 0; other < slide->moves.turns->n_pools; other++)
        cost.is_within &= other == pool || gai_heights_most(&heights[other]) <= slide->limits[other];
    return cost;
}

static bool is_lower(struct cost a, struct cost b)
{
    return a.is_within && (a.most < b.most || (a.most == b.most && a.n_most < b.n_most));
}

/* ---- groups ---- */

static void join(struct slide *slide, uint32_t turn)
{
    slide->group.turns[slide->group.n++] = turn;
    slide->is_in[turn] = true;
}

/* What must come along with one of the group: befores behind the peak, or afters before it.  False: the peak itself, or too many. */
static bool join_linked(struct slide *slide, uint32_t turn, uint32_t peak, bool earlier)
{
    const struct turns *turns = slide->moves.turns;
    const struct turn *at = &turns->of[turn];
    const uint32_t *links = earlier ? turns->befores : turns->afters, *place = slide->moves.place;
    uint32_t first = earlier ? at[0].before : at[0].after, end = earlier ? at[1].before : at[1].after;
    for (uint32_t i = first; i < end; i++) {
        bool is_past = earlier ? place[links[i]] < peak : place[links[i]] > peak;
        if (is_past || slide->is_in[links[i]])
            continue;
        if (place[links[i]] == peak || slide->group.n == GROUP_MOST)
            return false;
        join(slide, links[i]);
    }
    return true;
}

/* Who is nearest to the peak moves first. */
static void sort_group(struct slide *slide, bool earlier)
{
    const uint32_t *place = slide->moves.place;
    uint32_t *turns = slide->group.turns;
    for (uint32_t i = 1; i < slide->group.n; i++) {
        uint32_t turn = turns[i], at = i;
        for (; at > 0 && (place[turns[at - 1]] > place[turn]) == earlier; at--)
            turns[at] = turns[at - 1];
        turns[at] = turn;
    }
}

static bool gather(struct slide *slide, uint32_t turn, uint32_t peak, bool earlier)
{
    bool ok = true;
    slide->group.n = 0;
    join(slide, turn);
    for (uint32_t i = 0; i < slide->group.n && ok; i++)
        ok = join_linked(slide, slide->group.turns[i], peak, earlier);
    for (uint32_t i = 0; i < slide->group.n; i++)
        slide->is_in[slide->group.turns[i]] = false;
    sort_group(slide, earlier);
    return ok;
}

/* ---- moves ---- */

/* The group past the peak, right up to it; kept if that is lower. */
static bool move_group(struct slide *slide, unsigned pool, uint32_t peak, bool earlier)
{
    struct cost before = cost_of(slide, pool);
    if (!gai_moves_group(&slide->moves, &slide->group, peak, earlier))
        return false;
    if (is_lower(cost_of(slide, pool), before))
        return true;
    gai_moves_group_back(&slide->moves, &slide->group);
    return false;
}

/* One turn past the peak, farther and farther; kept where it is lowest. */
static bool move_turn(struct slide *slide, unsigned pool, uint32_t turn, uint32_t peak, bool earlier)
{
    struct cost best = cost_of(slide, pool);
    uint32_t first, last, best_at = UINT32_MAX;
    gai_moves_slack(&slide->moves, turn, &first, &last);
    if (earlier ? first > peak : last < peak)
        return false;
    uint32_t room = earlier ? peak - first : last - peak;
    for (uint32_t way = 0;; way = way < room / 2 ? 2 * way + 1 : room) {
        uint32_t to = earlier ? peak - way : peak + way;
        gai_moves_try(&slide->moves, turn, to);
        struct cost cost = cost_of(slide, pool);
        gai_moves_drop(&slide->moves);
        if (is_lower(cost, best)) {
            best = cost;
            best_at = to;
        }
        if (way == room)
            break;
    }
    if (best_at == UINT32_MAX)
        return false;
    gai_moves_try(&slide->moves, turn, best_at);
    gai_moves_keep(&slide->moves);
    return true;
}

static bool move_past(struct slide *slide, unsigned pool, uint32_t turn, uint32_t peak, bool earlier)
{
    if (!gather(slide, turn, peak, earlier))
        return false;
    if (slide->group.n > 1)
        return move_group(slide, pool, peak, earlier);
    return move_turn(slide, pool, turn, peak, earlier);
}

/* Whatever lives at the peak and is not touched there: to die before it, or to be born behind it. */
static bool lower_at(struct slide *slide, unsigned pool, uint32_t peak)
{
    const struct moves *moves = &slide->moves;
    const struct turns *turns = moves->turns;
    slide->moves.steps += turns->n_storages / STORAGES;
    for (uint32_t i = 0; i < turns->n_storages && moves->steps < slide->end; i++) {
        const struct storage *storage = &turns->storages[i];
        const uint32_t *users = &moves->users[moves->first_user[i]];
        uint32_t n = moves->first_user[i + 1] - moves->first_user[i];
        if (storage->pool != pool || storage->size == 0 || n == 0)
            continue;
        uint32_t first = moves->place[users[0]], last = moves->place[users[n - 1]];
        if (!storage->stays && last > peak && (storage->is_there || first < peak) &&
            move_past(slide, pool, users[n - 1], peak, true))
            return true;
        if (!storage->is_there && first < peak && (storage->stays || last > peak) && move_past(slide, pool, users[0], peak, false))
            return true;
    }
    return false;
}

/* From all peaks, one after another; false: none of some in a row moves. */
static bool lower_once(struct slide *slide, unsigned pool)
{
    struct moves *moves = &slide->moves;
    uint32_t peak = 0;
    for (uint32_t tries = 0; tries < PEAKS && moves->steps < slide->end; tries++) {
        peak = gai_heights_find_most(&moves->heights[pool], peak);
        if (peak == UINT32_MAX)
            return false;
        if (lower_at(slide, pool, peak))
            return true;
        peak++;
    }
    return false;
}

bool gai_slide(struct slide *slide, uint32_t *order, unsigned pool, const uint64_t *limits, uint64_t budget)
{
    struct moves *moves = &slide->moves;
    slide->limits = limits;
    slide->end = moves->steps + budget;
    gai_moves_load(moves, order);
    moves->steps += moves->turns->n_turns;
    uint64_t most = gai_heights_most(&moves->heights[pool]);
    while (lower_once(slide, pool))
        ;
    if (gai_heights_most(&moves->heights[pool]) >= most)
        return false;
    memcpy(order, moves->order, moves->turns->n_turns * sizeof *order);
    return true;
}
