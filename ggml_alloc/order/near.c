#include "order/near.h"

#include "order/parts.h"
#include "order/tally.h"

#include <string.h>

struct returner {
    const struct turns *turns;
    const struct freedom *freedom;
    const uint64_t *limits;
    struct tally tally;
    uint64_t *peaks;
    uint32_t *order;
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

bool gai_near(const struct turns *turns, const struct freedom *freedom, const uint64_t *limits, uint64_t budget, uint32_t *order)
{
    const struct ga_mem *mem = &turns->mem;
    struct returner r = { .turns = turns, .freedom = freedom, .limits = limits, .order = order, .budget = budget };
    r.peaks = mem_new(mem, uint64_t, turns->n_pools);
    r.first = mem_new(mem, uint32_t, turns->n_turns);
    r.end = mem_new(mem, uint32_t, turns->n_turns);
    bool ok = gai_tally_init(&r.tally, turns) && r.peaks && r.first && r.end;
    if (ok) {
        gai_parts(turns, r.first, r.end);
        restore_parts(&r);
        while (pass(&r) && r.budget)
            ;
    }
    gai_tally_fini(&r.tally);
    mem_free(mem, r.peaks, turns->n_pools);
    mem_free(mem, r.first, turns->n_turns);
    mem_free(mem, r.end, turns->n_turns);
    return ok;
}
