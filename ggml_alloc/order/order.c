/*
 * order.c - finding an order, stage by stage: turns, simple rules, the way back to what was given, plans that judge
 */
#include "ggml_alloc/order.h"

#include "base/bits.h"
#include "base/later.h"
#include "base/log.h"
#include "order/near.h"
#include "order/rules.h"
#include "order/search.h"
#include "order/tally.h"

#include <string.h>

/* A plan's sums over pools, and whether it is in no pool worse than that of the order given. */
struct verdict {
    uint64_t bound, peak;
    bool is_worse;
};

#define BUDGET 2000000u
#define BUDGET_PER_TURN 500u
#define NEAR_BUDGET 400u /* per turn... */
#define NEAR_BUDGET_MOST 1500000u

struct finder {
    const ga_graph *graph;
    const struct ga_order_opts *opts;
    struct freedom freedom;
    struct turns turns;
    ga_plan *given;    /* the plan of the order given */
    uint64_t *aligns;  /* by pool */
    uint64_t *limits;  /* by pool: the bound of the order given */
    uint64_t *peaks;   /* by pool, of the order in hand */
    uint64_t *reached; /* by pool: the bound of the best order */
    uint32_t *given_order, *order, *best;
    ga_id *list; /* of our own: the caller's is written when all is done */
    size_t n_list;
    uint64_t bound; /* of `best`, over all pools */
    struct ga_order_info info;
};

static uint64_t sum_of(const uint64_t *values, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

/* An order as a parse sequence: a barrier behind each step. */
static void write_list(struct finder *f, const uint32_t *order)
{
    const struct turns *turns = &f->turns;
    f->n_list = 0;
    for (uint32_t i = 0; i < turns->n_turns; i++)
        for (uint32_t step = turns->of[order[i]].step; step < turns->of[order[i] + 1].step; step++) {
            for (uint32_t n = turns->steps[step].node; n < turns->steps[step + 1].node; n++)
                f->list[f->n_list++] = turns->nodes[n];
            f->list[f->n_list++] = GA_NONE;
        }
}

/* The bytes that `order` needs, all pools together; UINT64_MAX when some pool passes its limit.  False: no memory. */
static bool add_up(struct finder *f, const uint32_t *order, uint64_t *bound)
{
    struct tally tally;
    if (!gai_tally_init(&tally, &f->turns))
        return false;
    gai_tally_reset(&tally, f->peaks);
    for (uint32_t i = 0; i < f->turns.n_turns; i++)
        gai_tally_run(&tally, order[i], f->peaks);
    gai_tally_fini(&tally);
    *bound = sum_of(f->peaks, f->turns.n_pools);
    for (unsigned pool = 0; pool < f->turns.n_pools; pool++)
        if (f->peaks[pool] > f->limits[pool])
            *bound = UINT64_MAX;
    return true;
}

/* An order by a rule, from the one given or from the best; kept if it is better. */
static enum ga_status try_rule(struct finder *f, enum rule rule, bool backwards, const uint32_t *base)
{
    bool made;
    uint64_t bound;
    enum ga_status status = gai_rule(&f->turns, rule, backwards, &f->freedom, base, f->order, &made);
    if (status != GA_OK || !made)
        return status;
    if (!add_up(f, f->order, &bound))
        return GA_NO_MEMORY;
    if (bound < f->bound) {
        f->bound = bound;
        memcpy(f->best, f->order, f->turns.n_turns * sizeof *f->best);
    }
    return GA_OK;
}

static enum ga_status try_rules(struct finder *f)
{
    static const struct {
        enum rule rule;
        bool backwards;
    } rules[] = {
        { RULE_FREES_FIRST, false }, { RULE_LEAST_GAIN, false }, { RULE_BY_NEED, false },
        { RULE_FREES_FIRST, true },  { RULE_LEAST_GAIN, true },
    };
    enum ga_status status = GA_OK;
    for (size_t i = 0; status == GA_OK && i < sizeof rules / sizeof *rules; i++)
        status = try_rule(f, rules[i].rule, rules[i].backwards, f->given_order);
    return status;
}

/* What frees runs as early as it can, what allocates as late as it can, over and over while that helps. */
static enum ga_status tighten(struct finder *f)
{
    enum ga_status status = GA_OK;
    for (uint64_t before = UINT64_MAX; status == GA_OK && f->bound < before;) {
        before = f->bound;
        status = try_rule(f, RULE_FREES_FIRST, true, f->best);
        if (status == GA_OK)
            status = try_rule(f, RULE_FREES_FIRST, false, f->best);
    }
    return status;
}

static enum ga_status search(struct finder *f)
{
    uint64_t n = f->turns.n_turns;
    struct search search = {
        .turns = &f->turns,
        .freedom = &f->freedom,
        .limits = f->reached,
        .order = f->best,
        .budget = f->opts->steps ? f->opts->steps : BUDGET + BUDGET_PER_TURN * n,
        .progress = f->opts->progress,
        .user = f->opts->user,
    };
    if (!gai_search(&search))
        return GA_NO_MEMORY;
    f->bound = sum_of(f->reached, f->turns.n_pools);
    f->info.steps = search.steps;
    f->info.optimal = search.optimal;
    f->info.stopped = search.stopped;
    return GA_OK;
}

/* Turns that are not on a longest rising run of the order. */
static enum ga_status count_moved(struct finder *f, const uint32_t *order)
{
    const struct turns *turns = &f->turns;
    const struct ga_mem *mem = &turns->mem;
    uint32_t n = turns->n_turns, *ends = mem_new_raw(mem, uint32_t, n), length = 0;
    if (!ends)
        return GA_NO_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t low = 0, high = length;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (ends[mid] < order[i])
                low = mid + 1;
            else
                high = mid;
        }
        ends[low] = order[i];
        length += low == length;
    }
    mem_free(mem, ends, n);
    f->info.n_moved = n - length;
    return GA_OK;
}

static struct verdict judge(const struct finder *f, const ga_plan *plan)
{
    struct verdict verdict = { 0, 0, false };
    for (unsigned pool = 0; pool < f->graph->n_pools; pool++) {
        uint64_t bound = ga_plan_bound(plan, pool), peak = ga_plan_peak(plan, pool);
        verdict.bound += bound;
        verdict.peak += peak;
        verdict.is_worse |= bound > ga_plan_bound(f->given, pool) || peak > ga_plan_peak(f->given, pool);
    }
    return verdict;
}

/* Plans what `list` says, in a copy of the graph that borrows it. */
static enum ga_status plan_list(const struct finder *f, ga_plan **plan)
{
    struct ga_graph borrowed = *f->graph;
    struct ga_plan_opts opts = f->opts->plan;
    opts.progress = NULL;
    borrowed.sequence = f->list;
    borrowed.n_sequence = (uint32_t)f->n_list;
    gai_shape_sequence(&borrowed);
    return ga_plan_graph(&borrowed, &opts, plan);
}

/* Plans an order; `after` says how that is, `is_worse` also when nothing is gained. */
static enum ga_status consider(struct finder *f, const uint32_t *order, struct verdict *after)
{
    ga_plan *plan;
    write_list(f, order);
    enum ga_status status = plan_list(f, &plan);
    if (status != GA_OK)
        return status;
    *after = judge(f, plan);
    after->is_worse |= after->bound >= f->info.bound_before;
    ga_plan_delete(plan);
    return GA_OK;
}

/* The lower one of two that are equal but for where they can be placed, the nearer one if that is equal, too; or what was given. */
static enum ga_status choose_order(struct finder *f, const uint32_t *nearer, const uint32_t *farther)
{
    const uint32_t *chosen = nearer;
    struct verdict after, other;
    enum ga_status status = consider(f, nearer, &after);
    if (status == GA_OK && (after.is_worse || after.peak > after.bound)) {
        status = consider(f, farther, &other);
        if (status == GA_OK && !other.is_worse && (after.is_worse || other.peak < after.peak)) {
            chosen = farther;
            after = other;
        }
    }
    if (status != GA_OK)
        return status;
    if (after.is_worse) { /* a lower bound, but no use */
        f->info.optimal = false;
        write_list(f, f->given_order);
        return GA_OK;
    }
    f->info.bound_after = after.bound;
    f->info.peak_after = after.peak;
    write_list(f, chosen);
    return count_moved(f, chosen);
}

static enum ga_status settle(struct finder *f)
{
    struct verdict before = judge(f, f->given);
    f->info.bound_before = f->info.bound_after = before.bound;
    f->info.peak_before = f->info.peak_after = before.peak;
    if (f->bound >= before.bound) {
        write_list(f, f->given_order);
        return GA_OK;
    }
    uint64_t budget = min_u64(NEAR_BUDGET * (uint64_t)f->turns.n_turns, NEAR_BUDGET_MOST);
    memcpy(f->order, f->best, f->turns.n_turns * sizeof *f->order);
    if (!gai_near(&f->turns, &f->freedom, f->reached, budget, f->order))
        return GA_NO_MEMORY;
    return choose_order(f, f->order, f->best);
}

static bool finder_init(struct finder *f)
{
    const struct ga_mem *mem = &f->graph->env.mem;
    const struct ga_plan_opts *plan = &f->opts->plan;
    unsigned n_pools = f->graph->n_pools;
    f->aligns = mem_new(mem, uint64_t, n_pools);
    f->limits = mem_new(mem, uint64_t, n_pools);
    f->peaks = mem_new(mem, uint64_t, n_pools);
    f->reached = mem_new(mem, uint64_t, n_pools);
    for (unsigned pool = 0; f->aligns && pool < n_pools; pool++)
        f->aligns[pool] = pool < plan->n_pools && plan->align && plan->align[pool] ? plan->align[pool] : 1;
    return f->aligns && f->limits && f->peaks && f->reached;
}

static size_t list_cap(const struct finder *f)
{
    return (size_t)ga_graph_len(f->graph) * 2;
}

static bool finder_make_room(struct finder *f)
{
    const struct ga_mem *mem = &f->graph->env.mem;
    f->given_order = mem_new_raw(mem, uint32_t, f->turns.n_turns);
    f->order = mem_new_raw(mem, uint32_t, f->turns.n_turns);
    f->best = mem_new_raw(mem, uint32_t, f->turns.n_turns);
    f->list = mem_new_raw(mem, ga_id, list_cap(f));
    if (!f->given_order || !f->order || !f->best || !f->list)
        return false;
    for (uint32_t i = 0; i < f->turns.n_turns; i++)
        f->given_order[i] = f->best[i] = i;
    return true;
}

static void finder_fini(struct finder *f)
{
    const struct ga_mem *mem = &f->graph->env.mem;
    unsigned n_pools = f->graph->n_pools;
    mem_free(mem, f->aligns, n_pools);
    mem_free(mem, f->limits, n_pools);
    mem_free(mem, f->peaks, n_pools);
    mem_free(mem, f->reached, n_pools);
    mem_free(mem, f->given_order, f->turns.n_turns);
    mem_free(mem, f->order, f->turns.n_turns);
    mem_free(mem, f->best, f->turns.n_turns);
    mem_free(mem, f->list, list_cap(f));
    gai_turns_fini(&f->turns);
    ga_plan_delete(f->given);
}

/* Sums of sizes stay far from the end of 64 bits. */
static bool is_measurable(const struct turns *turns)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < turns->n_storages; i++)
        sum = add_sat(sum, turns->storages[i].size);
    return sum <= (uint64_t)1 << 62;
}

static enum ga_status find(struct finder *f)
{
    struct ga_plan_opts plan = f->opts->plan;
    plan.progress = NULL;
    enum ga_status status = ga_plan_graph(f->graph, &plan, &f->given);
    if (status == GA_OK)
        status = gai_turns(f->graph, f->aligns, &f->turns, f->graph->error, GRAPH_ERROR);
    if (status == GA_OK && !finder_make_room(f))
        status = GA_NO_MEMORY;
    for (unsigned pool = 0; status == GA_OK && pool < f->graph->n_pools; pool++)
        f->limits[pool] = ga_plan_bound(f->given, pool);
    f->bound = sum_of(f->limits, f->graph->n_pools);
    if (status == GA_OK && is_measurable(&f->turns)) {
        status = try_rules(f);
        if (status == GA_OK)
            status = tighten(f);
        if (status == GA_OK)
            status = search(f);
    }
    return status == GA_OK ? settle(f) : status;
}

enum ga_status ga_order(const ga_graph *graph, const struct ga_order_opts *opts, ga_id *list, size_t *n, struct ga_order_info *info)
{
    static const struct ga_order_opts defaults;
    struct finder f = { .graph = graph, .opts = opts ? opts : &defaults };
    if (graph->status != GA_OK)
        return graph->status;
    if (later_set(f.opts)) {
        gai_say(f.graph->error, GRAPH_ERROR, LATER_WORDS, "struct ga_order_opts", LATER_VERSION);
        return GA_INVALID;
    }
    f.freedom = (struct freedom){ f.opts->reach ? f.opts->reach : UINT32_MAX, f.opts->mixes_pools };
    enum ga_status status = finder_init(&f) ? find(&f) : GA_NO_MEMORY;
    if (status == GA_OK) {
        memcpy(list, f.list, f.n_list * sizeof *list);
        *n = f.n_list;
        if (info)
            *info = f.info;
    }
    finder_fini(&f);
    return status;
}
