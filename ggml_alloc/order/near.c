#include "order/near.h"

#include "order/dive.h"
#include "order/home.h"
#include "order/parts.h"
#include "order/tally.h"

#include <string.h>

#define DIVES 8u /* the budget is for so many, too */

struct returner {
    const struct turns *turns;
    const struct freedom *freedom;
    const uint64_t *limits;
    struct tally tally;
    uint64_t *peaks;
    uint32_t *order, *trial;
    uint32_t *first, *end; /* by place: its part */
    uint64_t budget;
};

static bool is_within(const struct returner *r)
{
    for (unsigned pool = 0; pool < r->turns->n_pools; pool++)
        if (r->peaks[pool] > r->limits[pool])
            return false;
    return true;
}

static bool is_linked(const struct turns *turns, uint32_t from, uint32_t to)
{
    for (uint32_t i = turns->of[to].before; i < turns->of[to + 1].before; i++)
        if (turns->befores[i] == from)
            return true;
    return false;
}

static bool take_turns(const struct returner *r, uint32_t a, uint32_t b)
{
    const struct turn *one = &r->turns->of[a], *other = &r->turns->of[b];
    return !r->freedom->mixes_pools && one->computes && other->computes && one->pool != other->pool;
}

/* Places `at` and `at + 1`, of which the first has just been taken back, the second not yet run: exchanged, if the limits allow. */
static bool exchange(struct returner *r, uint32_t at)
{
    uint32_t a = r->order[at], b = r->order[at + 1];
    if (a < b || is_linked(r->turns, a, b) || take_turns(r, a, b) || r->budget == 0)
        return false;
    r->budget--;
    memset(r->peaks, 0, r->turns->n_pools * sizeof *r->peaks);
    gai_tally_run(&r->tally, b, r->peaks);
    gai_tally_run(&r->tally, a, r->peaks);
    bool is_good = is_within(r);
    gai_tally_take_back(&r->tally, a);
    gai_tally_take_back(&r->tally, b);
    if (is_good) {
        r->order[at] = b;
        r->order[at + 1] = a;
    }
    return is_good;
}

/* Insertion: the turn at each place goes back as far as it can.  Answers whether any did. */
static bool pass(struct returner *r)
{
    bool moved = false;
    gai_tally_reset(&r->tally, r->peaks);
    for (uint32_t place = 0; place < r->turns->n_turns; place++) {
        uint32_t at = place;
        for (; at > 0; at--) {
            gai_tally_take_back(&r->tally, r->order[at - 1]);
            if (!exchange(r, at - 1)) {
                gai_tally_run(&r->tally, r->order[at - 1], r->peaks);
                break;
            }
            moved = true;
        }
        for (; at <= place; at++)
            gai_tally_run(&r->tally, r->order[at], r->peaks);
    }
    return moved;
}

static void exchange_all(struct returner *r)
{
    while (pass(r) && r->budget)
        ;
}

/* The turns of a part as given, if the limits allow. */
static void restore_parts(struct returner *r)
{
    uint32_t n = r->turns->n_turns;
    gai_tally_reset(&r->tally, r->peaks);
    for (uint32_t first = 0; first < n; first = r->end[first]) {
        uint32_t end = r->end[first];
        memset(r->peaks, 0, r->turns->n_pools * sizeof *r->peaks);
        for (uint32_t turn = first; turn < end; turn++)
            gai_tally_run(&r->tally, turn, r->peaks);
        for (uint32_t turn = first; turn < end && is_within(r); turn++)
            r->order[turn] = turn;
    }
}

/* How far the turns of a part are from where they stood: the farthest, and all together. */
struct ways {
    uint32_t longest;
    uint64_t sum;
};

static struct ways ways_of(const uint32_t *order, uint32_t first, uint32_t end)
{
    struct ways ways = { 0, 0 };
    for (uint32_t place = first; place < end; place++) {
        uint32_t way = order[place] > place ? order[place] - place : place - order[place];
        ways.longest = way > ways.longest ? way : ways.longest;
        ways.sum += way;
    }
    return ways;
}

/* A part in another order, found from the one given with as little reach as there is one for; kept if it is nearer. */
static bool shorten_part(struct returner *r, struct dive *dive, uint32_t first, uint32_t end, uint64_t budget)
{
    struct ways ways = ways_of(r->order, first, end);
    enum dive_end how = DIVE_SPENT;
    memcpy(r->trial, r->order, r->turns->n_turns * sizeof *r->trial);
    for (uint32_t turn = first; turn < end; turn++)
        r->trial[turn] = turn;
    for (dive->freedom.reach = 1; dive->freedom.reach < ways.longest && how != DIVE_FOUND; dive->freedom.reach *= 2) {
        how = gai_dive(dive, r->trial, first, end, r->limits, budget);
        if (how == DIVE_NO_MEMORY)
            return false;
    }
    if (how == DIVE_FOUND && ways_of(r->trial, first, end).sum < ways.sum)
        memcpy(r->order + first, r->trial + first, (end - first) * sizeof *r->order);
    return true;
}

/* Each part anew, with as little reach as there is an order for. */
static bool shorten(struct returner *r, uint64_t budget)
{
    struct dive dive;
    bool ok = gai_dive_init(&dive, r->turns, r->freedom);
    for (uint32_t first = 0; ok && first < r->turns->n_turns; first = r->end[first])
        ok = shorten_part(r, &dive, first, r->end[first], budget);
    gai_dive_fini(&dive);
    return ok;
}

bool gai_near(const struct turns *turns, const struct freedom *freedom, const uint64_t *limits, uint64_t budget, uint32_t *order)
{
    const struct ga_mem *mem = &turns->mem;
    struct returner r = { .turns = turns, .freedom = freedom, .limits = limits, .budget = budget };
    r.order = order;
    r.peaks = mem_new(mem, uint64_t, turns->n_pools);
    r.trial = mem_new(mem, uint32_t, turns->n_turns);
    r.first = mem_new(mem, uint32_t, turns->n_turns);
    r.end = mem_new(mem, uint32_t, turns->n_turns);
    bool ok = gai_tally_init(&r.tally, turns) && r.peaks && r.trial && r.first && r.end;
    if (ok) {
        gai_parts(turns, r.first, r.end);
        restore_parts(&r);
        exchange_all(&r);
        ok = shorten(&r, budget / DIVES) && gai_home(turns, freedom, limits, budget, order);
        exchange_all(&r);
    }
    gai_tally_fini(&r.tally);
    mem_free(mem, r.peaks, turns->n_pools);
    mem_free(mem, r.trial, turns->n_turns);
    mem_free(mem, r.first, turns->n_turns);
    mem_free(mem, r.end, turns->n_turns);
    return ok;
}
