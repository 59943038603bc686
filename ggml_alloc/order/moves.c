#include "order/moves.h"

#include <string.h>

#define LEVEL ((uint64_t)1 << 62) /* what one turn has and gives back is told from here */
#define WAY 8u                    /* places that are passed cost as much as a turn */

/* ---- construction ---- */

static uint32_t first_use(const struct turns *turns, uint32_t turn)
{
    return turns->steps[turns->of[turn].step].use;
}

static uint32_t most_uses(const struct turns *turns)
{
    uint32_t most = 0;
    for (uint32_t turn = 0; turn < turns->n_turns; turn++)
        if (first_use(turns, turn + 1) - first_use(turns, turn) > most)
            most = first_use(turns, turn + 1) - first_use(turns, turn);
    return most;
}

bool gai_moves_init(struct moves *moves, const struct turns *turns, const struct freedom *freedom)
{
    const struct ga_mem *mem = &turns->mem;
    unsigned n_pools = turns->n_pools;
    size_t n = (size_t)turns->n_turns + 1;
    *moves = (struct moves){ .turns = turns, .freedom = *freedom, .turn = TURN_NONE };
    moves->peaks = mem_new(mem, uint64_t, n_pools);
    moves->start = mem_new(mem, uint64_t, n_pools);
    moves->humps = mem_new(mem, uint64_t, n * n_pools);
    moves->values = mem_new(mem, uint64_t, n);
    moves->order = mem_new(mem, uint32_t, n);
    moves->place = mem_new(mem, uint32_t, n);
    moves->users = mem_new(mem, uint32_t, turns->n_uses);
    moves->first_user = mem_new(mem, uint32_t, turns->n_storages + (size_t)2);
    moves->cap_changes = 2 * (most_uses(turns) + 1) * (n_pools + 1);
    moves->changes = mem_new(mem, struct change, moves->cap_changes);
    moves->heights = mem_new(mem, struct heights, n_pools);
    bool ok = moves->heights;
    for (unsigned pool = 0; ok && pool < n_pools; pool++)
        ok = gai_heights_init(&moves->heights[pool], mem, turns->n_turns);
    return ok && moves->peaks && moves->start && moves->humps && moves->values && moves->order && moves->place && moves->users &&
           moves->first_user && moves->changes && gai_tally_init(&moves->tally, turns);
}

void gai_moves_fini(struct moves *moves)
{
    const struct turns *turns = moves->turns;
    const struct ga_mem *mem = &turns->mem;
    unsigned n_pools = turns->n_pools;
    size_t n = (size_t)turns->n_turns + 1;
    for (unsigned pool = 0; moves->heights && pool < n_pools && moves->heights[pool].nodes; pool++)
        gai_heights_fini(&moves->heights[pool]);
    mem_free(mem, moves->heights, n_pools);
    mem_free(mem, moves->peaks, n_pools);
    mem_free(mem, moves->start, n_pools);
    mem_free(mem, moves->humps, n * n_pools);
    mem_free(mem, moves->values, n);
    mem_free(mem, moves->order, n);
    mem_free(mem, moves->place, n);
    mem_free(mem, moves->users, turns->n_uses);
    mem_free(mem, moves->first_user, turns->n_storages + (size_t)2);
    mem_free(mem, moves->changes, moves->cap_changes);
    gai_tally_fini(&moves->tally);
}

/* Whether an earlier step of the same turn has the use, too; `i` is a use of a turn whose first use is `first`. */
static bool is_again(const struct turns *turns, uint32_t first, uint32_t i)
{
    for (uint32_t k = first; k < i; k++)
        if (turns->uses[k] == turns->uses[i])
            return true;
    return false;
}

static void list_users(struct moves *moves)
{
    const struct turns *turns = moves->turns;
    uint32_t *next = moves->first_user + 1;
    memset(moves->first_user, 0, (turns->n_storages + (size_t)2) * sizeof *moves->first_user);
    for (uint32_t turn = 0; turn < turns->n_turns; turn++)
        for (uint32_t first = first_use(turns, turn), i = first; i < first_use(turns, turn + 1); i++)
            next[turns->uses[i] + 1] += !is_again(turns, first, i);
    for (uint32_t i = 0; i < turns->n_storages; i++)
        next[i + 1] += next[i];
    for (uint32_t at = 0; at < turns->n_turns; at++) {
        uint32_t turn = moves->order[at], first = first_use(turns, turn);
        for (uint32_t i = first; i < first_use(turns, turn + 1); i++)
            if (!is_again(turns, first, i))
                moves->users[next[turns->uses[i]]++] = turn;
    }
}

static uint64_t *hump_of(struct moves *moves, uint32_t turn, unsigned pool)
{
    return &moves->humps[(size_t)turn * moves->turns->n_pools + pool];
}

static void measure(struct moves *moves, unsigned pool)
{
    const struct turns *turns = moves->turns;
    gai_tally_reset(&moves->tally, moves->peaks);
    moves->start[pool] = moves->tally.live[pool];
    for (uint32_t at = 0; at < turns->n_turns; at++) {
        uint64_t live = moves->tally.live[pool];
        moves->peaks[pool] = live;
        gai_tally_run(&moves->tally, moves->order[at], moves->peaks);
        moves->values[at] = moves->peaks[pool];
        *hump_of(moves, moves->order[at], pool) = moves->values[at] - live;
    }
    gai_heights_fill(&moves->heights[pool], moves->values, turns->n_turns);
}

void gai_moves_load(struct moves *moves, const uint32_t *order)
{
    memcpy(moves->order, order, moves->turns->n_turns * sizeof *order);
    for (uint32_t at = 0; at < moves->turns->n_turns; at++)
        moves->place[order[at]] = at;
    list_users(moves);
    for (unsigned pool = 0; pool < moves->turns->n_pools; pool++)
        measure(moves, pool);
}

/* ---- how far ---- */

static bool take_turns(const struct moves *moves, uint32_t a, uint32_t b)
{
    const struct turn *one = &moves->turns->of[a], *other = &moves->turns->of[b];
    return !moves->freedom.mixes_pools && one->computes && other->computes && one->pool != other->pool;
}

static bool is_in_reach(const struct moves *moves, uint32_t turn, uint32_t place)
{
    return (turn > place ? turn - place : place - turn) <= moves->freedom.reach;
}

/* How far it comes, one place after another, towards a place that its links allow. */
static uint32_t walk(struct moves *moves, uint32_t turn, uint32_t to)
{
    uint32_t at = moves->place[turn];
    for (uint32_t next; at != to; at = next) {
        next = to > at ? at + 1 : at - 1;
        uint32_t passed = moves->order[next];
        moves->steps++;
        if (take_turns(moves, turn, passed) || !is_in_reach(moves, turn, next) || !is_in_reach(moves, passed, at))
            break;
    }
    return at;
}

void gai_moves_slack(struct moves *moves, uint32_t turn, uint32_t *first, uint32_t *last)
{
    const struct turns *turns = moves->turns;
    *first = 0;
    *last = turns->n_turns - 1;
    moves->steps++;
    for (uint32_t i = turns->of[turn].before; i < turns->of[turn + 1].before; i++)
        if (moves->place[turns->befores[i]] >= *first)
            *first = moves->place[turns->befores[i]] + 1;
    for (uint32_t i = turns->of[turn].after; i < turns->of[turn + 1].after; i++)
        if (moves->place[turns->afters[i]] <= *last)
            *last = moves->place[turns->afters[i]] - 1;
    if (moves->freedom.reach == UINT32_MAX && turns->n_pools == 1)
        return;
    *first = walk(moves, turn, *first);
    *last = walk(moves, turn, *last);
}

/* ---- trials ---- */

/* Where it stands among the users of a storage: in halves of places, so that who is moved fits between two. */
static uint64_t rank_of(const struct moves *moves, uint32_t turn)
{
    if (turn != moves->turn)
        return 2 * (uint64_t)moves->place[turn] + 1;
    return moves->to > moves->from ? 2 * (uint64_t)moves->to + 2 : 2 * (uint64_t)moves->to;
}

/* Where it is among the users of a storage, which are sorted with that rank. */
static uint32_t find_user(const struct moves *moves, const uint32_t *users, uint32_t n, uint32_t turn, uint64_t rank)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (users[mid] == turn)
            return mid;
        if (rank_of(moves, users[mid]) < rank)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Of a storage's users, the turn goes from where it was, by another rank, to where it is by the one that it has now. */
static void sort_user(struct moves *moves, uint32_t storage, uint32_t turn, uint64_t was)
{
    uint32_t *users = &moves->users[moves->first_user[storage]];
    uint32_t n = moves->first_user[storage + 1] - moves->first_user[storage];
    uint32_t at = find_user(moves, users, n, turn, was);
    for (; at > 0 && rank_of(moves, users[at - 1]) > rank_of(moves, turn); at--)
        users[at] = users[at - 1];
    for (; at + 1 < n && rank_of(moves, users[at + 1]) < rank_of(moves, turn); at++)
        users[at] = users[at + 1];
    users[at] = turn;
}

static void change(struct moves *moves, unsigned pool, int64_t first, int64_t end, uint64_t more, uint32_t turn)
{
    if (first >= end || more == 0)
        return;
    struct change change = { more, (uint32_t)first, (uint32_t)end, turn, (uint16_t)pool };
    moves->changes[moves->n_changes++] = change;
    gai_heights_add(&moves->heights[pool], change.first, change.end, more);
    if (turn != TURN_NONE)
        *hump_of(moves, turn, pool) += more;
}

/* The places of a storage's first and last user but one turn; beyond all places when there are no others. */
struct ends {
    int64_t first, last;
};

static struct ends ends_but(const struct moves *moves, uint32_t storage, uint32_t turn)
{
    const uint32_t *users = &moves->users[moves->first_user[storage]];
    uint32_t n = moves->first_user[storage + 1] - moves->first_user[storage];
    if (n == 1)
        return (struct ends){ INT64_MAX, -1 };
    return (struct ends){ moves->place[users[users[0] == turn]], moves->place[users[n - 1 - (users[n - 1] == turn)]] };
}

/* What lives longer, or shorter, because the turn comes later. */
static void come_later(struct moves *moves, const struct storage *storage, struct ends ends)
{
    int64_t from = moves->from, to = moves->to;
    if (!storage->is_there && from < ends.first)
        change(moves, storage->pool, from + 1, (ends.first < to ? ends.first : to) + 1, 0 - storage->size, TURN_NONE);
    if (!storage->stays && ends.last < to)
        change(moves, storage->pool, (ends.last > from ? ends.last : from) + 1, to + 1, storage->size, TURN_NONE);
}

static void come_earlier(struct moves *moves, const struct storage *storage, struct ends ends)
{
    int64_t from = moves->from, to = moves->to;
    if (!storage->is_there && ends.first >= to)
        change(moves, storage->pool, to, ends.first < from ? ends.first + 1 : from, storage->size, TURN_NONE);
    if (!storage->stays && ends.last < from)
        change(moves, storage->pool, ends.last >= to ? ends.last + 1 : to, from, 0 - storage->size, TURN_NONE);
}

/* Into the tally: what the turn has above what lives before it, and what it leaves behind. */
static void run_alone(struct moves *moves, uint32_t turn)
{
    const struct turns *turns = moves->turns;
    uint32_t first = first_use(turns, turn), end = first_use(turns, turn + 1);
    for (unsigned pool = 0; pool < turns->n_pools; pool++)
        moves->peaks[pool] = moves->tally.live[pool] = LEVEL;
    for (uint32_t i = first; i < end; i++)
        moves->tally.left[turns->uses[i]] = 0;
    for (uint32_t i = first; i < end; i++)
        moves->tally.left[turns->uses[i]]++;
    for (uint32_t i = first; i < end; i++) {
        uint32_t at = turns->uses[i], *users = &moves->users[moves->first_user[at]];
        bool is_first = users[0] == turn, is_last = moves->users[moves->first_user[at + 1] - 1] == turn;
        if (is_first)
            moves->tally.left[at] = turns->storages[at].n_uses;
        else if (!is_last && !is_again(turns, first, i))
            moves->tally.left[at]++;
    }
    gai_tally_run(&moves->tally, turn, moves->peaks);
    moves->steps++;
}

/* Who is first now, or last, has more above what lives before it, or less. */
static void change_hump(struct moves *moves, uint32_t turn)
{
    run_alone(moves, turn);
    for (unsigned pool = 0; pool < moves->turns->n_pools; pool++) {
        uint32_t at = moves->place[turn];
        change(moves, pool, at, at + 1, moves->peaks[pool] - LEVEL - *hump_of(moves, turn, pool), turn);
    }
}

static void change_humps(struct moves *moves)
{
    const struct turns *turns = moves->turns;
    uint32_t low = moves->from < moves->to ? moves->from : moves->to, high = moves->from + moves->to - low;
    for (uint32_t i = first_use(turns, moves->turn); i < first_use(turns, moves->turn + 1); i++) {
        struct ends ends = ends_but(moves, turns->uses[i], moves->turn);
        if (ends.first >= low && ends.first <= high)
            change_hump(moves, moves->order[ends.first]);
        if (ends.last != ends.first && ends.last >= low && ends.last <= high)
            change_hump(moves, moves->order[ends.last]);
    }
    change_hump(moves, moves->turn);
}

/* What lives before the turn: what it finds behind the turn that it now follows. */
static void change_base(struct moves *moves)
{
    uint32_t from = moves->from, to = moves->to, follows = to > from ? to : to - 1;
    bool is_first = to == 0;
    if (!is_first)
        run_alone(moves, moves->order[follows]);
    for (unsigned pool = 0; pool < moves->turns->n_pools; pool++) {
        struct heights *heights = &moves->heights[pool];
        uint64_t base = moves->start[pool];
        if (!is_first)
            base =
                gai_heights_at(heights, follows) - *hump_of(moves, moves->order[follows], pool) + moves->tally.live[pool] - LEVEL;
        uint64_t was = gai_heights_at(heights, from) - *hump_of(moves, moves->turn, pool);
        change(moves, pool, from, from + 1, base - was, TURN_NONE);
    }
}

void gai_moves_try(struct moves *moves, uint32_t turn, uint32_t to)
{
    const struct turns *turns = moves->turns;
    uint64_t was = rank_of(moves, turn);
    moves->turn = turn;
    moves->from = moves->place[turn];
    moves->to = to;
    moves->n_changes = 0;
    for (uint32_t begin = first_use(turns, turn), i = begin; i < first_use(turns, turn + 1); i++) {
        uint32_t storage = turns->uses[i];
        struct ends ends = ends_but(moves, storage, turn);
        if (is_again(turns, begin, i))
            continue;
        if (to > moves->from)
            come_later(moves, &turns->storages[storage], ends);
        else
            come_earlier(moves, &turns->storages[storage], ends);
        sort_user(moves, storage, turn, was);
    }
    change_humps(moves);
    change_base(moves);
}

void gai_moves_keep(struct moves *moves)
{
    uint32_t from = moves->from, to = moves->to, *order = moves->order;
    for (unsigned pool = 0; pool < moves->turns->n_pools; pool++)
        gai_heights_move(&moves->heights[pool], from, to);
    if (from < to)
        memmove(&order[from], &order[from + 1], (to - from) * sizeof *order);
    else
        memmove(&order[to + 1], &order[to], (from - to) * sizeof *order);
    order[to] = moves->turn;
    uint32_t first = from < to ? from : to, last = from + to - first;
    for (uint32_t at = first; at <= last; at++)
        moves->place[order[at]] = at;
    moves->turn = TURN_NONE;
    moves->steps += (last - first) / WAY;
}

void gai_moves_drop(struct moves *moves)
{
    const struct turns *turns = moves->turns;
    uint32_t turn = moves->turn;
    uint64_t was = rank_of(moves, turn);
    while (moves->n_changes) {
        const struct change *at = &moves->changes[--moves->n_changes];
        gai_heights_add(&moves->heights[at->pool], at->first, at->end, 0 - at->more);
        if (at->turn != TURN_NONE)
            *hump_of(moves, at->turn, at->pool) -= at->more;
    }
    moves->turn = TURN_NONE;
    for (uint32_t first = first_use(turns, turn), i = first; i < first_use(turns, turn + 1); i++)
        if (!is_again(turns, first, i))
            sort_user(moves, turns->uses[i], turn, was);
}

static void move_back(struct moves *moves, const struct group *group, uint32_t n)
{
    while (n-- > 0) {
        if (moves->place[group->turns[n]] == group->origins[n])
            continue;
        gai_moves_try(moves, group->turns[n], group->origins[n]);
        gai_moves_keep(moves);
    }
}

bool gai_moves_group(struct moves *moves, struct group *group, uint32_t to, bool earlier)
{
    for (uint32_t i = 0; i < group->n; i++) {
        uint32_t turn = group->turns[i], at = earlier ? to + i : to - i, first, last;
        gai_moves_slack(moves, turn, &first, &last);
        if (at < first || at > last) {
            move_back(moves, group, i);
            return false;
        }
        group->origins[i] = moves->place[turn];
        if (at == group->origins[i])
            continue;
        gai_moves_try(moves, turn, at);
        gai_moves_keep(moves);
    }
    return true;
}

void gai_moves_group_back(struct moves *moves, const struct group *group)
{
    move_back(moves, group, group->n);
}
