#include "order/home.h"

#include <string.h>

struct walker {
    struct moves moves;
    struct group group;
    const uint64_t *limits;
};

static bool is_within(const struct walker *w)
{
    for (unsigned pool = 0; pool < w->moves.turns->n_pools; pool++)
        if (gai_heights_most(&w->moves.heights[pool]) > w->limits[pool])
            return false;
    return true;
}

static uint32_t run_at(const struct walker *w, uint32_t first)
{
    uint32_t n = 1, n_turns = w->moves.turns->n_turns;
    while (first + n < n_turns && w->moves.order[first + n] == w->moves.order[first] + n)
        n++;
    return n;
}

/* The run [first, first + n) to where its first or last place is `to`. */
static bool move_run(struct walker *w, uint32_t first, uint32_t n, uint32_t to)
{
    bool earlier = to < first;
    w->group.n = n;
    for (uint32_t i = 0; i < n; i++)
        w->group.turns[i] = w->moves.order[earlier ? first + i : first + n - 1 - i];
    if (!gai_moves_group(&w->moves, &w->group, to, earlier))
        return false;
    if (is_within(w))
        return true;
    gai_moves_group_back(&w->moves, &w->group);
    return false;
}

static bool go_home(struct walker *w, uint32_t first, uint32_t n)
{
    const struct moves *moves = &w->moves;
    uint32_t turn = moves->order[first], behind = turn + n;
    if (turn > 0) {
        uint32_t at = moves->place[turn - 1];
        if (move_run(w, first, n, at < first ? at + 1 : at))
            return true;
    }
    if (behind == moves->turns->n_turns)
        return false;
    uint32_t at = moves->place[behind];
    return move_run(w, first, n, at < first ? at : at - 1);
}

/* Each time there are fewer runs: those that parted were none. */
static bool pass(struct walker *w, uint64_t budget)
{
    bool moved = false;
    uint32_t n_turns = w->moves.turns->n_turns;
    for (uint32_t at = 0, n; at < n_turns && w->moves.steps < budget; at += n) {
        bool is_inside = at > 0 && w->moves.order[at] == w->moves.order[at - 1] + 1; /* of a run that a move has made */
        n = run_at(w, at);
        if (n <= GROUP_MOST && n < n_turns && !is_inside)
            moved |= go_home(w, at, n);
    }
    return moved;
}

bool gai_home(const struct turns *turns, const struct freedom *freedom, const uint64_t *limits, uint64_t budget, uint32_t *order)
{
    struct walker w = { .limits = limits };
    bool ok = gai_moves_init(&w.moves, turns, freedom);
    if (ok) {
        gai_moves_load(&w.moves, order);
        while (w.moves.steps < budget && pass(&w, budget))
            ;
        memcpy(order, w.moves.order, turns->n_turns * sizeof *order);
    }
    gai_moves_fini(&w.moves);
    return ok;
}
