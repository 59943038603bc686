#include "order/search.h"

#include "base/bits.h"
#include "order/dive.h"
#include "order/needs.h"
#include "order/parts.h"
#include "order/slide.h"

#include <string.h>

#define LEAST_WINDOW 8u
#define FINEST 512u /* halving ends when less than this part of the peak is open */
#define DIVES 24u   /* the budget is enough for so many, at least */
#define ARCS 8u     /* cost as much as a turn */
#define CUTS 8u     /* one proof after another gets such a part of as many arcs as there are steps */

struct searcher {
    struct search *s;
    struct dive dive;
    struct needs needs;
    struct slide slide;
    struct tally tally;
    uint32_t *first, *end;  /* by place: its part */
    uint64_t *peaks, *goal; /* by pool */
    uint64_t *least;        /* by pool: no order needs less */
    uint64_t missed;        /* what halving did not reach... */
    uint32_t missed_part;   /* ...in the part that begins here, + 1; 0: none */
    uint32_t *at;           /* by pool: the place of its peak; TURN_NONE: before the first turn */
    uint32_t asked;         /* the last turn whose needs proved nothing */
    uint64_t flows;         /* arcs that proofs have looked at */
};

static bool searcher_init(struct searcher *x, struct search *search)
{
    const struct turns *turns = search->turns;
    const struct ga_mem *mem = &turns->mem;
    *x = (struct searcher){ .s = search };
    x->first = mem_new(mem, uint32_t, turns->n_turns);
    x->end = mem_new(mem, uint32_t, turns->n_turns);
    x->peaks = mem_new(mem, uint64_t, turns->n_pools);
    x->goal = mem_new(mem, uint64_t, turns->n_pools);
    x->least = mem_new(mem, uint64_t, turns->n_pools);
    x->at = mem_new(mem, uint32_t, turns->n_pools);
    bool dives = gai_dive_init(&x->dive, turns, search->freedom), needs = gai_needs_init(&x->needs, turns);
    bool slides = gai_slide_init(&x->slide, turns, search->freedom);
    return dives && needs && slides && gai_tally_init(&x->tally, turns) && x->first && x->end && x->peaks && x->goal && x->least &&
           x->at;
}

static void searcher_fini(struct searcher *x)
{
    const struct turns *turns = x->s->turns;
    const struct ga_mem *mem = &turns->mem;
    mem_free(mem, x->first, turns->n_turns);
    mem_free(mem, x->end, turns->n_turns);
    mem_free(mem, x->peaks, turns->n_pools);
    mem_free(mem, x->goal, turns->n_pools);
    mem_free(mem, x->least, turns->n_pools);
    mem_free(mem, x->at, turns->n_pools);
    gai_tally_fini(&x->tally);
    gai_dive_fini(&x->dive);
    gai_needs_fini(&x->needs);
    gai_slide_fini(&x->slide);
}

/* The peak of each pool, and where it is. */
static void measure(struct searcher *x)
{
    const struct turns *turns = x->s->turns;
    gai_tally_reset(&x->tally, x->peaks);
    memcpy(x->goal, x->peaks, turns->n_pools * sizeof *x->goal);
    for (unsigned pool = 0; pool < turns->n_pools; pool++)
        x->at[pool] = TURN_NONE;
    for (uint32_t place = 0; place < turns->n_turns; place++) {
        uint32_t turn = x->s->order[place];
        uint32_t first = turns->steps[turns->of[turn].step].use, end = turns->steps[turns->of[turn + 1].step].use;
        gai_tally_run(&x->tally, turn, x->goal);
        for (uint32_t i = first; i < end; i++) {
            uint16_t pool = turns->storages[turns->uses[i]].pool;
            if (x->goal[pool] == x->peaks[pool])
                continue;
            x->peaks[pool] = x->goal[pool];
            x->at[pool] = place;
        }
    }
}

static uint64_t sum_of(const uint64_t *values, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

static uint64_t steps_of(const struct searcher *x)
{
    return x->dive.steps + x->slide.moves.steps + x->flows / ARCS;
}

/* Whether to go on. */
static bool report(struct searcher *x)
{
    struct search *s = x->s;
    unsigned n = s->turns->n_pools;
    s->steps = steps_of(x);
    if (s->progress && !s->progress(s->user, s->steps, sum_of(x->peaks, n), sum_of(x->least, n)))
        s->stopped = true;
    return !s->stopped && s->steps < s->budget;
}

/* Puts [first, end) in an order that keeps `pool` at `goal` or below, and the others where they are. */
static enum dive_end try(struct searcher *x, unsigned pool, uint64_t goal, uint32_t first, uint32_t end)
{
    struct search *s = x->s;
    uint64_t left = s->budget > steps_of(x) ? s->budget - steps_of(x) : 0, share = s->budget / DIVES;
    memcpy(x->goal, x->peaks, s->turns->n_pools * sizeof *x->goal);
    x->goal[pool] = goal;
    enum dive_end how = gai_dive(&x->dive, s->order, first, end, x->goal, share < left ? share : left);
    if (how == DIVE_FOUND)
        measure(x);
    return how;
}

/* Below the peak first; once that was found, as low as halving leads. */
static enum dive_end lower_part(struct searcher *x, unsigned pool, uint32_t first, uint32_t end)
{
    uint64_t low = x->missed_part == first + 1 ? x->missed : 0;
    if (x->least[pool] > low)
        low = x->least[pool] - 1;
    if (x->peaks[pool] <= low + 1)
        return DIVE_SPENT;
    enum dive_end how = try(x, pool, x->peaks[pool] - 1, first, end);
    while (how == DIVE_FOUND && x->peaks[pool] - low > x->peaks[pool] / FINEST + 1 && report(x)) {
        uint64_t middle = low + (x->peaks[pool] - low) / 2;
        enum dive_end deeper = try(x, pool, middle, first, end);
        bool is_elsewhere = x->at[pool] == TURN_NONE || x->at[pool] < first || x->at[pool] >= end;
        if (deeper == DIVE_NO_MEMORY)
            return deeper;
        if (deeper == DIVE_FOUND && is_elsewhere)
            break;
        low = deeper == DIVE_FOUND ? low : middle;
    }
    x->missed_part = first + 1;
    x->missed = how == DIVE_FOUND ? low : x->peaks[pool] - 1;
    return how;
}

/* Windows around the peak, until one has an order below it. */
static enum dive_end lower_window(struct searcher *x, unsigned pool, uint32_t first, uint32_t end)
{
    uint32_t at = x->at[pool];
    enum dive_end how = DIVE_SPENT;
    for (uint32_t reach = LEAST_WINDOW; reach < end - first && how == DIVE_SPENT && report(x); reach *= 2) {
        uint32_t from = at - first > reach ? at - reach : first, to = end - at > reach ? at + reach : end;
        how = try(x, pool, x->peaks[pool] - 1, from, to);
        if (how == DIVE_IMPOSSIBLE)
            how = DIVE_SPENT;
    }
    return how;
}

/* Turns past the peak, one by one or in groups. */
static enum dive_end lower_by_moves(struct searcher *x, unsigned pool)
{
    struct search *s = x->s;
    uint64_t left = s->budget > steps_of(x) ? s->budget - steps_of(x) : 0, share = s->budget / DIVES;
    if (!gai_slide(&x->slide, s->order, pool, x->peaks, share < left ? share : left))
        return DIVE_SPENT;
    measure(x);
    return DIVE_FOUND;
}

/* All of the part, with little reach: few ways out of each state lead the dive elsewhere than many. */
static enum dive_end lower_nearby(struct searcher *x, unsigned pool, uint32_t first, uint32_t end)
{
    uint32_t allowed = x->s->freedom->reach;
    enum dive_end how = DIVE_SPENT;
    for (uint32_t reach = 1; reach < allowed && reach < end - first && how == DIVE_SPENT && report(x); reach *= 2) {
        x->dive.freedom.reach = reach;
        how = try(x, pool, x->peaks[pool] - 1, first, end);
        if (how == DIVE_IMPOSSIBLE)
            how = DIVE_SPENT;
    }
    x->dive.freedom.reach = allowed;
    return how;
}

/* Raises what no order is below to what this turn needs.  False: no memory. */
static bool ask(struct searcher *x, uint32_t turn, unsigned pool)
{
    uint64_t needs, left = x->s->budget > x->flows ? x->s->budget - x->flows : 0;
    if (!gai_needs(&x->needs, turn, pool, left / CUTS, &x->flows, &needs))
        return false;
    x->least[pool] = needs > x->least[pool] ? needs : x->least[pool];
    return true;
}

/* DIVE_IMPOSSIBLE: the peak of the pool is what its turn needs anyway. */
static enum dive_end prove(struct searcher *x, unsigned pool)
{
    bool ok = true;
    uint32_t turn = x->at[pool] == TURN_NONE ? TURN_NONE : x->s->order[x->at[pool]];
    if (turn == TURN_NONE)
        x->least[pool] = x->peaks[pool];
    else if (turn != x->asked)
        ok = ask(x, turn, pool);
    x->asked = turn;
    if (!ok)
        return DIVE_NO_MEMORY;
    return x->least[pool] == x->peaks[pool] ? DIVE_IMPOSSIBLE : DIVE_SPENT;
}

/* The same for all turns at the peak, of which the first need not be the one that proves it. */
static enum dive_end prove_elsewhere(struct searcher *x, unsigned pool)
{
    const struct turns *turns = x->s->turns;
    uint64_t end = min_u64(x->flows + x->s->budget / CUTS, x->s->budget);
    gai_tally_reset(&x->tally, x->goal);
    for (uint32_t place = 0; place < turns->n_turns && x->flows < end; place++) {
        uint32_t turn = x->s->order[place];
        x->goal[pool] = 0;
        gai_tally_run(&x->tally, turn, x->goal);
        if (x->goal[pool] < x->peaks[pool] || turn == x->asked)
            continue;
        if (!ask(x, turn, pool))
            return DIVE_NO_MEMORY;
        if (x->least[pool] == x->peaks[pool])
            return DIVE_IMPOSSIBLE;
    }
    return DIVE_SPENT;
}

/* Whatever may put the part into an order with a lower peak, until something does, or there is a proof. */
static enum dive_end lower(struct searcher *x, unsigned pool)
{
    enum dive_end how = prove(x, pool);
    if (how != DIVE_SPENT)
        return how;
    uint32_t first = x->first[x->at[pool]], end = x->end[x->at[pool]];
    how = lower_part(x, pool, first, end);
    if (how == DIVE_SPENT)
        how = prove_elsewhere(x, pool);
    if (how == DIVE_SPENT)
        how = lower_by_moves(x, pool);
    if (how == DIVE_SPENT)
        how = lower_window(x, pool, first, end);
    if (how == DIVE_SPENT)
        how = lower_nearby(x, pool, first, end);
    if (how == DIVE_SPENT) /* the lower the goal, the fewer the states: now it may be found to be impossible */
        how = try(x, pool, x->peaks[pool] - 1, first, end);
    return how;
}

/* DIVE_IMPOSSIBLE: proven, as long as the other pools are not to grow. */
static enum dive_end lower_pool(struct searcher *x, unsigned pool)
{
    enum dive_end how = DIVE_FOUND;
    x->missed_part = 0;
    x->asked = TURN_NONE;
    while (how == DIVE_FOUND && report(x))
        how = lower(x, pool);
    if (how == DIVE_FOUND)
        how = prove(x, pool);
    return how == DIVE_SPENT ? prove_elsewhere(x, pool) : how;
}

bool gai_search(struct search *search)
{
    struct searcher x;
    unsigned n_pools = search->turns->n_pools, n_used = 0;
    bool ok = searcher_init(&x, search), proven = true;
    if (ok) {
        gai_parts(search->turns, x.first, x.end);
        measure(&x);
    }
    for (unsigned pool = 0; ok && pool < n_pools; pool++) {
        if (x.peaks[pool] == 0)
            continue;
        enum dive_end how = lower_pool(&x, pool);
        ok = how != DIVE_NO_MEMORY;
        proven &= how == DIVE_IMPOSSIBLE;
        n_used++;
    }
    search->optimal = ok && proven && (n_used <= 1 || sum_of(x.least, n_pools) == sum_of(x.peaks, n_pools));
    if (ok)
        memcpy(search->limits, x.peaks, n_pools * sizeof *search->limits);
    search->steps = steps_of(&x);
    searcher_fini(&x);
    return ok;
}
