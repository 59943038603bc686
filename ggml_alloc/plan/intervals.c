/*
 * intervals.c - planning bare intervals: times become ranks, and the order of births the order of allocation
 */
#include "base/bits.h"
#include "base/later.h"
#include "graph/graph.h"
#include "plan/limits.h"
#include "plan/moments.h"

#include <string.h>

struct ranking {
    const struct ga_interval *intervals;
    uint32_t *order; /* of each item: its interval; by birth, then as given */
    uint32_t n, n_times;
};

static bool makes_sense(const struct ga_interval *interval)
{
    return interval->birth < interval->death && interval->size <= (uint64_t)1 << 62 && interval->fixed <= (uint64_t)1 << 62 &&
           (interval->align == 0 || (is_pow2(interval->align) && interval->align <= (uint64_t)1 << 62));
}

/* Intervals of size zero need no place: they get no item, and no slot. */
static enum ga_status list_moments(const struct ranking *r, struct moment *moments, size_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct ga_interval *interval = &r->intervals[i];
        if (!makes_sense(interval))
            return GA_INVALID;
        if (interval->size == 0)
            continue;
        moments[(*n)++] = (struct moment){ interval->birth, i, false };
        moments[(*n)++] = (struct moment){ interval->death, i, true };
    }
    return GA_OK;
}

/* Sizes are rounded up to the pool's alignment only: one that wants less alignment may begin right behind one that wants more. */
static enum ga_status make_item(const struct ga_interval *interval, uint8_t pool_log2, uint32_t birth, struct item *item)
{
    uint8_t own_log2 = (uint8_t)(interval->align ? high_bit(interval->align) : 0);
    uint8_t align_log2 = own_log2 > pool_log2 ? own_log2 : pool_log2;
    if (interval->fixed && ((interval->fixed - 1) & (((uint64_t)1 << align_log2) - 1)))
        return GA_INVALID;
    *item = (struct item){
        .size = align_up(interval->size, (uint64_t)1 << pool_log2),
        .fixed = interval->fixed,
        .birth = birth,
        .align_log2 = align_log2,
    };
    return GA_OK;
}

/* `item_of` has room for one per interval. */
static enum ga_status fill_items(struct ranking *r, const struct moment *moments, size_t n, uint32_t *item_of,
                                 struct problem *problem)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t interval = moments[i].interval;
        if (r->n_times == 0 || moments[i].time != moments[i - 1].time)
            r->n_times++;
        uint32_t rank = r->n_times - 1;
        if (moments[i].is_death) {
            problem->items[item_of[interval]].death = rank;
            continue;
        }
        uint32_t k = problem->n_items++;
        r->order[k] = interval;
        item_of[interval] = k;
        if (make_item(&r->intervals[interval], problem->pools[0].align_log2, rank, &problem->items[k]) != GA_OK)
            return GA_INVALID;
    }
    problem->items[problem->n_items] = (struct item){ 0 };
    problem->n_steps = r->n_times;
    return GA_OK;
}

/* What is needed only while ranking is gone before the items are placed. */
static enum ga_status rank(struct ranking *r, const struct ga_mem *mem, struct problem *problem)
{
    struct moment *moments = mem_new_raw(mem, struct moment, (size_t)r->n * 2);
    struct moment *scratch = mem_new_raw(mem, struct moment, (size_t)r->n * 2);
    uint32_t *item_of = mem_new_raw(mem, uint32_t, r->n);
    enum ga_status status = GA_NO_MEMORY;
    size_t n;
    if (moments && scratch && item_of)
        status = list_moments(r, moments, &n);
    if (status == GA_OK)
        status = fill_items(r, gai_moments_sort(moments, scratch, n), n, item_of, problem);
    mem_free(mem, moments, (size_t)r->n * 2);
    mem_free(mem, scratch, (size_t)r->n * 2);
    mem_free(mem, item_of, r->n);
    return status;
}

static ga_plan *plan_of(const struct ranking *r, const struct ga_mem *mem, const struct problem *problem,
                        const struct answer *answer)
{
    struct plan_room room = {
        .n_nodes = r->n,
        .n_storages = problem->n_items,
        .n_times = r->n_times,
        .n_pools = 1,
        .n_chunks = gai_answer_chunks(answer),
    };
    ga_plan *plan = gai_plan_new(mem, &room);
    if (!plan)
        return NULL;
    memset(plan->slots, 0, ((size_t)r->n + 1) * sizeof *plan->slots);
    memset(plan->life, 0, ((size_t)r->n + 1) * sizeof *plan->life);
    for (uint32_t i = 0; i < problem->n_items; i++) {
        ga_id id = r->order[i] + 1;
        const struct item *item = &problem->items[i];
        const struct spot *spot = &answer->spots[i];
        plan->storages[i] = id;
        plan->slots[id] = (struct ga_slot){ 0, spot->chunk, spot->offset, r->intervals[id - 1].size };
        plan->life[id] = (struct life_span){ item->birth, item->death };
        plan->times[item->birth] = r->intervals[id - 1].birth;
        plan->times[item->death] = r->intervals[id - 1].death;
    }
    gai_plan_take_answer(plan, answer, problem->pools);
    gai_plan_seal(plan);
    return plan;
}

static enum ga_status solve(struct ranking *r, const struct ga_mem *mem, const struct ga_plan_opts *opts, struct problem *problem,
                            ga_plan **plan)
{
    struct answer answer;
    struct place_opts place_opts = gai_place_opts(opts);
    enum ga_status status = gai_place_solve(mem, problem, &place_opts, &answer);
    if (status != GA_OK)
        return status;
    ga_plan *made = plan_of(r, mem, problem, &answer);
    gai_answer_fini(mem, &answer);
    if (!made)
        return GA_NO_MEMORY;
    *plan = made;
    return GA_OK;
}

enum ga_status ga_plan_intervals(const struct ga_env *env, const struct ga_interval *intervals, uint32_t count,
                                 const struct ga_plan_opts *opts, ga_plan **plan)
{
    struct ga_env full = gai_env(env);
    struct ga_mem mem = full.mem;
    struct pool_limits limits;
    if (opts && later_refused(&full.log, opts, "struct ga_plan_opts"))
        return GA_INVALID;
    if (count > GRAPH_MAX_NODES || gai_limits(opts, &limits, 1) != GA_OK)
        return GA_INVALID;
    struct ranking r = { .intervals = intervals, .n = count };
    struct problem problem = { .pools = &limits, .n_pools = 1 };
    r.order = mem_new_raw(&mem, uint32_t, count);
    problem.items = mem_new_raw(&mem, struct item, (size_t)count + 1);
    enum ga_status status = GA_NO_MEMORY;
    if (r.order && problem.items)
        status = rank(&r, &mem, &problem);
    if (status == GA_OK)
        status = solve(&r, &mem, opts, &problem, plan);
    mem_free(&mem, problem.items, (size_t)count + 1);
    mem_free(&mem, r.order, count);
    return status;
}
