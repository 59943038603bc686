#include "order/dive.h"

#include "base/array.h"
#include "base/rng.h"

#include <string.h>

#define DEAD_LOG2_LEAST 8u
#define DEAD_LOG2_MOST 18u
#define PLACE_NONE UINT32_MAX
#define CHAIN 32u /* turns to look ahead for a valley */
#define LOOKS 32u /* at ready turns that may not stand here cost a step */

struct choice {
    int64_t gain;
    uint32_t place, turn;
};

static uint32_t dead_room(const struct dive *dive)
{
    return (uint32_t)1 << dive->dead_log2;
}

bool gai_dive_init(struct dive *dive, const struct turns *turns, const struct freedom *freedom)
{
    const struct ga_mem *mem = &turns->mem;
    size_t n = (size_t)turns->n_turns + 1;
    *dive = (struct dive){ .turns = turns, .freedom = *freedom };
    dive->slots = mem_new(mem, uint16_t, n);
    dive->peaks = mem_new(mem, uint64_t, turns->n_pools);
    dive->base = mem_new(mem, uint64_t, turns->n_pools);
    dive->waits = mem_new(mem, uint32_t, n);
    dive->places = mem_new(mem, uint32_t, n);
    dive->ready = mem_new(mem, uint32_t, n);
    dive->at = mem_new(mem, uint32_t, n);
    dive->path = mem_new(mem, uint32_t, n);
    dive->levels = mem_new(mem, struct dive_level, n);
    dive->dead_log2 = DEAD_LOG2_LEAST;
    while (dive->dead_log2 < DEAD_LOG2_MOST && dead_room(dive) / 256 < n)
        dive->dead_log2++;
    dive->dead = mem_new_raw(mem, uint64_t, dead_room(dive));
    bool ok = dive->slots && dive->peaks && dive->base && dive->waits && dive->places && dive->ready && dive->at && dive->path &&
              dive->levels && dive->dead && gai_tally_init(&dive->tally, turns);
    uint32_t n_slots = 0;
    for (uint32_t turn = 0; ok && turn < turns->n_turns; turn++) {
        if (!turns->of[turn].computes)
            continue;
        dive->slots[n_slots++] = turns->of[turn].pool;
        dive->takes_turns |= !freedom->mixes_pools && dive->slots[n_slots - 1] != dive->slots[0];
    }
    return ok;
}

void gai_dive_fini(struct dive *dive)
{
    const struct ga_mem *mem = &dive->turns->mem;
    size_t n = (size_t)dive->turns->n_turns + 1;
    mem_free(mem, dive->slots, n);
    mem_free(mem, dive->peaks, dive->turns->n_pools);
    mem_free(mem, dive->base, dive->turns->n_pools);
    mem_free(mem, dive->waits, n);
    mem_free(mem, dive->places, n);
    mem_free(mem, dive->ready, n);
    mem_free(mem, dive->at, n);
    mem_free(mem, dive->path, n);
    mem_free(mem, dive->levels, n);
    mem_free(mem, dive->choices, dive->cap_choices);
    mem_free(mem, dive->dead, dead_room(dive));
    gai_tally_fini(&dive->tally);
}

/* ---- states ---- */

static uint64_t turn_hash(uint32_t turn)
{
    struct rng rng = { turn };
    return rng_next(&rng);
}

/* Where the state is, or would be, among the dead. */
static uint32_t find_dead(const struct dive *dive, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash >> (64 - dive->dead_log2));
    while (dive->dead[at] && dive->dead[at] != hash)
        at = (at + 1) % dead_room(dive);
    return at;
}

static void bury(struct dive *dive, uint64_t hash)
{
    uint32_t at = find_dead(dive, hash);
    if (dive->dead[at] == hash || dive->n_dead >= dead_room(dive) / 4 * 3)
        return;
    dive->dead[at] = hash;
    dive->n_dead++;
}

static void ready_push(struct dive *dive, uint32_t turn)
{
    dive->at[turn] = dive->n_ready;
    dive->ready[dive->n_ready++] = turn;
}

static void ready_drop(struct dive *dive, uint32_t turn)
{
    uint32_t last = dive->ready[--dive->n_ready];
    dive->ready[dive->at[turn]] = last;
    dive->at[last] = dive->at[turn];
}

static bool is_inside(const struct dive *dive, uint32_t turn)
{
    return dive->places[turn] != PLACE_NONE;
}

static void run(struct dive *dive, uint32_t turn)
{
    const struct turn *at = &dive->turns->of[turn];
    gai_tally_run(&dive->tally, turn, dive->peaks);
    ready_drop(dive, turn);
    dive->n_computed += at->computes;
    dive->path[dive->n_path++] = turn;
    for (uint32_t i = at[0].after; i < at[1].after; i++) {
        uint32_t after = dive->turns->afters[i];
        if (--dive->waits[after] == 0 && is_inside(dive, after))
            ready_push(dive, after);
    }
}

static void take_back(struct dive *dive)
{
    uint32_t turn = dive->path[--dive->n_path];
    const struct turn *at = &dive->turns->of[turn];
    for (uint32_t i = at[0].after; i < at[1].after; i++) {
        uint32_t after = dive->turns->afters[i];
        if (dive->waits[after]++ == 0 && is_inside(dive, after))
            ready_drop(dive, after);
    }
    dive->n_computed -= at->computes;
    ready_push(dive, turn);
    gai_tally_take_back(&dive->tally, turn);
}

/* ---- choices ---- */

/* What a turn would add to what lives, over all pools; false when it passes a limit. */
static bool weigh(struct dive *dive, uint32_t turn, int64_t *gain, bool *grows)
{
    const struct turns *turns = dive->turns;
    struct tally *tally = &dive->tally;
    bool fits = true;
    uint64_t before = 0, after = 0;
    for (unsigned pool = 0; pool < turns->n_pools; pool++) {
        dive->peaks[pool] = 0;
        before += tally->live[pool];
    }
    memcpy(tally->was, tally->live, turns->n_pools * sizeof *tally->was);
    gai_tally_run(tally, turn, dive->peaks);
    *grows = false;
    for (unsigned pool = 0; pool < turns->n_pools; pool++) {
        fits &= dive->peaks[pool] <= dive->limits[pool];
        *grows |= tally->live[pool] > tally->was[pool];
        after += tally->live[pool];
    }
    gai_tally_take_back(tally, turn);
    dive->steps++;
    *gain = (int64_t)(after - before);
    return fits;
}

/* Whether the options let it stand here; `left` is the first turn that has not run. */
static bool may_stand(const struct dive *dive, uint32_t turn, uint32_t left)
{
    const struct turn *at = &dive->turns->of[turn];
    uint32_t place = dive->first + dive->n_path, reach = dive->freedom.reach;
    if (dive->takes_turns && at->computes && dive->slots[dive->n_computed] != at->pool)
        return false;
    bool is_due = place > left && place - left >= reach;
    return is_due ? turn == left : turn <= place || turn - place <= reach;
}

static bool may_be_forced(const struct dive *dive, uint32_t turn)
{
    return dive->freedom.reach == UINT32_MAX && !(dive->takes_turns && dive->turns->of[turn].computes);
}

static bool is_better(const struct choice *a, const struct choice *b)
{
    return a->gain != b->gain ? a->gain < b->gain : a->place < b->place;
}

/* Into its place among the best, of which DIVE_CHOICES are kept. */
static void insert(struct dive *dive, struct choice *best, uint32_t *n, struct choice choice)
{
    dive->is_cut_short |= *n == DIVE_CHOICES;
    if (*n == DIVE_CHOICES && !is_better(&choice, &best[*n - 1]))
        return;
    uint32_t at = *n < DIVE_CHOICES ? (*n)++ : *n - 1;
    for (; at > 0 && is_better(&choice, &best[at - 1]); at--)
        best[at] = best[at - 1];
    best[at] = choice;
}

static bool is_not_above(const struct dive *dive)
{
    for (unsigned pool = 0; pool < dive->turns->n_pools; pool++)
        if (dive->tally.live[pool] > dive->base[pool])
            return false;
    return true;
}

/* Of the turns that became ready since there were `old`, the one that adds least; those that add nothing run at once. */
static uint32_t follow(struct dive *dive, uint32_t old)
{
    struct choice best = { INT64_MAX, PLACE_NONE, TURN_NONE };
    for (uint32_t i = old; i < dive->n_ready;) {
        bool grows;
        struct choice choice = { 0, dive->places[dive->ready[i]], dive->ready[i] };
        bool fits = weigh(dive, choice.turn, &choice.gain, &grows) && may_be_forced(dive, choice.turn);
        if (fits && !grows) {
            run(dive, choice.turn);
            best = (struct choice){ INT64_MAX, PLACE_NONE, TURN_NONE };
            i = old;
            continue;
        }
        if (fits && is_better(&choice, &best))
            best = choice;
        i++;
    }
    return best.turn;
}

/*
 * Whether a chain that begins with `turn`, each next one made ready by the last, leads over a hill below the limits into a valley no
 * higher than where it began.  Then it may run at once, for the same reason as a forced turn: of all that its turns could leave
 * behind on their way, the valley is the lowest.
 */
static bool descends(struct dive *dive, uint32_t turn)
{
    uint32_t depth = dive->n_path, length = 0;
    bool found = false;
    memcpy(dive->base, dive->tally.live, dive->turns->n_pools * sizeof *dive->base);
    while (turn != TURN_NONE && length++ < CHAIN && !found) {
        uint32_t old = dive->n_ready - 1;
        run(dive, turn);
        turn = follow(dive, old);
        found = is_not_above(dive);
    }
    while (dive->n_path > depth)
        take_back(dive);
    return found;
}

/* The ways out of this state: a turn that loses nothing, or all that may run, the best first. */
static uint32_t list_choices(struct dive *dive, uint32_t left, struct choice *best)
{
    uint32_t n = 0;
    struct choice forced = { 0, PLACE_NONE, TURN_NONE };
    dive->steps += dive->n_ready / LOOKS;
    for (uint32_t i = 0; i < dive->n_ready; i++) {
        bool grows;
        struct choice choice = { 0, dive->places[dive->ready[i]], dive->ready[i] };
        if (!may_stand(dive, choice.turn, left) || !weigh(dive, choice.turn, &choice.gain, &grows))
            continue;
        if (!grows && may_be_forced(dive, choice.turn) && choice.place < forced.place)
            forced = choice;
        else if (forced.turn == TURN_NONE)
            insert(dive, best, &n, choice);
    }
    for (uint32_t i = 0; i < n && forced.turn == TURN_NONE; i++)
        if (may_be_forced(dive, best[i].turn) && descends(dive, best[i].turn))
            forced = best[i];
    if (forced.turn == TURN_NONE)
        return n;
    best[0] = forced;
    return 1;
}

/* ---- the dive ---- */

static void start(struct dive *dive, const uint32_t *order)
{
    const struct turns *turns = dive->turns;
    gai_tally_reset(&dive->tally, dive->peaks);
    memset(dive->dead, 0, dead_room(dive) * sizeof *dive->dead);
    dive->n_dead = dive->n_ready = dive->n_path = dive->n_choices = dive->n_computed = 0;
    dive->is_cut_short = false;
    for (uint32_t turn = 0; turn < turns->n_turns; turn++) {
        dive->waits[turn] = turns->of[turn + 1].before - turns->of[turn].before;
        dive->places[turn] = PLACE_NONE;
    }
    for (uint32_t i = 0; i < dive->first; i++) {
        const struct turn *at = &turns->of[order[i]];
        gai_tally_run(&dive->tally, order[i], dive->peaks);
        dive->n_computed += at->computes;
        for (uint32_t k = at[0].after; k < at[1].after; k++)
            dive->waits[turns->afters[k]]--;
    }
    for (uint32_t i = dive->first; i < dive->end; i++) {
        dive->places[order[i]] = i;
        if (dive->waits[order[i]] == 0)
            ready_push(dive, order[i]);
    }
    dive->steps += turns->n_turns;
}

static bool has_run(const struct dive *dive, uint32_t turn)
{
    return !is_inside(dive, turn) ||
           (dive->waits[turn] == 0 && (dive->at[turn] >= dive->n_ready || dive->ready[dive->at[turn]] != turn));
}

/* Only a reach asks for it. */
static uint32_t first_left(const struct dive *dive, uint32_t from)
{
    if (dive->freedom.reach == UINT32_MAX)
        return 0;
    while (from < dive->turns->n_turns && has_run(dive, from))
        from++;
    return from;
}

/* Opens the level of the state we are in; false: no memory. */
static bool open_level(struct dive *dive, uint64_t hash, uint32_t left)
{
    struct choice best[DIVE_CHOICES] = { { 0 } };
    struct dive_level *level = &dive->levels[dive->n_path];
    *level = (struct dive_level){ .hash = hash, .left = first_left(dive, left) };
    if (dive->dead[find_dead(dive, hash)] != hash)
        level->n = list_choices(dive, level->left, best);
    if (!array_room(&dive->turns->mem, &dive->choices, &dive->cap_choices, dive->n_choices + (uint64_t)level->n))
        return false;
    for (uint32_t i = 0; i < level->n; i++)
        dive->choices[dive->n_choices++] = best[i].turn;
    return true;
}

/* Back to the last state with a way that has not been tried; false: there is none. */
static bool back_out(struct dive *dive)
{
    for (;;) {
        struct dive_level *level = &dive->levels[dive->n_path];
        if (level->next < level->n)
            return true;
        bury(dive, level->hash);
        dive->n_choices -= level->n;
        if (dive->n_path == 0)
            return false;
        take_back(dive);
    }
}

enum dive_end gai_dive(struct dive *dive, uint32_t *order, uint32_t first, uint32_t end, const uint64_t *limits, uint64_t budget)
{
    dive->first = first;
    dive->end = end;
    dive->limits = limits;
    dive->budget = dive->steps + budget;
    start(dive, order);
    if (!open_level(dive, 1, 0))
        return DIVE_NO_MEMORY;
    while (dive->n_path < end - first) {
        if (dive->steps > dive->budget)
            return DIVE_SPENT;
        if (!back_out(dive))
            return dive->is_cut_short ? DIVE_SPENT : DIVE_IMPOSSIBLE;
        struct dive_level *level = &dive->levels[dive->n_path];
        uint32_t turn = dive->choices[dive->n_choices - level->n + level->next++];
        run(dive, turn);
        dive->steps++;
        if (dive->n_path < end - first && !open_level(dive, level->hash ^ turn_hash(turn), level->left))
            return DIVE_NO_MEMORY;
    }
    memcpy(order + first, dive->path, (end - first) * sizeof *order);
    return DIVE_FOUND;
}
