/*
 * intervals.c - planning bare intervals: times become ranks, and the order of births the order of allocation
 */
#include "base/bits.h"
#include "graph/graph.h"
#include "plan/limits.h"

#include <stdlib.h>
#include <string.h>

struct ranking {
    const struct ga_interval *intervals;
    uint32_t *order; /* by birth, then as given; once there are items: the interval of each */
    uint64_t *times; /* distinct, rising; not kept while the items are placed, which know them by rank */
    uint32_t n, n_times;
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* An interval and when it is born: sorted by both, so that equal births keep the order given. */
struct birth {
    uint64_t time;
    uint32_t index;
};

static int by_birth(const void *a, const void *b)
{
    const struct birth *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool sort_births(struct ranking *r, const struct ga_mem *mem)
{
    struct birth *births = mem_new_raw(mem, struct birth, r->n);
    r->order = mem_new_raw(mem, uint32_t, r->n);
    if (births && r->order) {
        for (uint32_t i = 0; i < r->n; i++)
            births[i] = (struct birth){ r->intervals[i].birth, i };
        qsort(births, r->n, sizeof *births, by_birth);
        for (uint32_t i = 0; i < r->n; i++)
            r->order[i] = births[i].index;
    }
    bool ok = births && r->order;
    mem_free(mem, births, r->n);
    return ok;
}

static bool rank_times(struct ranking *r, const struct ga_mem *mem)
{
    r->times = mem_new_raw(mem, uint64_t, (size_t)r->n * 2);
    if (!r->times)
        return false;
    size_t n = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        if (r->intervals[i].size == 0)
            continue;
        r->times[n++] = r->intervals[i].birth;
        r->times[n++] = r->intervals[i].death;
    }
    qsort(r->times, n, sizeof *r->times, by_value);
    for (size_t i = 0; i < n; i++)
        if (r->n_times == 0 || r->times[r->n_times - 1] != r->times[i])
            r->times[r->n_times++] = r->times[i];
    return true;
}

static uint32_t rank_of(const struct ranking *r, uint64_t time)
{
    uint32_t low = 0, high = r->n_times;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (r->times[mid] <= time)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void forget_times(struct ranking *r, const struct ga_mem *mem)
{
    mem_free(mem, r->times, (size_t)r->n * 2);
    r->times = NULL;
}

static void ranking_fini(struct ranking *r, const struct ga_mem *mem)
{
    mem_free(mem, r->order, r->n);
    forget_times(r, mem);
}

static bool makes_sense(const struct ga_interval *interval)
{
    return interval->birth < interval->death && interval->size <= (uint64_t)1 << 62 && interval->fixed <= (uint64_t)1 << 62 &&
           (interval->align == 0 || (is_pow2(interval->align) && interval->align <= (uint64_t)1 << 62));
}

/*
 * Intervals of size zero need no place: they get no item, and no slot.  Sizes are rounded up to the pool's alignment only: one
 * that wants less alignment may begin right behind one that wants more.
 */
static enum ga_status fill_items(struct ranking *r, struct problem *problem)
{
    uint8_t pool_log2 = problem->pools[0].align_log2;
    for (uint32_t k = 0; k < r->n; k++) {
        const struct ga_interval *interval = &r->intervals[r->order[k]];
        if (!makes_sense(interval))
            return GA_INVALID;
        if (interval->size == 0)
            continue;
        uint8_t own_log2 = (uint8_t)(interval->align ? high_bit(interval->align) : 0);
        uint8_t align_log2 = own_log2 > pool_log2 ? own_log2 : pool_log2;
        uint64_t align = (uint64_t)1 << align_log2, pool_align = (uint64_t)1 << pool_log2;
        if (interval->fixed && ((interval->fixed - 1) & (align - 1)))
            return GA_INVALID;
        r->order[problem->n_items] = r->order[k];
        problem->items[problem->n_items++] = (struct item){
            .size = align_up(interval->size, pool_align),
            .fixed = interval->fixed,
            .birth = rank_of(r, interval->birth),
            .death = rank_of(r, interval->death),
            .align_log2 = align_log2,
        };
    }
    problem->items[problem->n_items] = (struct item){ 0 };
    return GA_OK;
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

static enum ga_status solve(struct ranking *r, const struct ga_mem *mem, const struct ga_plan_opts *opts,
                            struct pool_limits *limits, ga_plan **plan)
{
    struct problem problem = { .n_steps = r->n_times, .pools = limits, .n_pools = 1 };
    problem.items = mem_new_raw(mem, struct item, (size_t)r->n + 1);
    struct answer answer;
    enum ga_status status = GA_NO_MEMORY;
    if (problem.items)
        status = fill_items(r, &problem);
    forget_times(r, mem);
    if (status == GA_OK) {
        struct place_opts place_opts = gai_place_opts(opts);
        status = gai_place_solve(mem, &problem, &place_opts, &answer);
    }
    if (status == GA_OK) {
        ga_plan *made = plan_of(r, mem, &problem, &answer);
        gai_answer_fini(mem, &answer);
        if (made)
            *plan = made;
        else
            status = GA_NO_MEMORY;
    }
    mem_free(mem, problem.items, (size_t)r->n + 1);
    return status;
}

enum ga_status ga_plan_intervals(const struct ga_env *env, const struct ga_interval *intervals, uint32_t count,
                                 const struct ga_plan_opts *opts, ga_plan **plan)
{
    struct ga_mem mem = gai_env(env).mem;
    struct pool_limits limits;
    if (count > GRAPH_MAX_NODES || gai_limits(opts, &limits, 1) != GA_OK)
        return GA_INVALID;
    struct ranking r = { .intervals = intervals, .n = count };
    enum ga_status status = GA_NO_MEMORY;
    if (sort_births(&r, &mem) && rank_times(&r, &mem))
        status = solve(&r, &mem, opts, &limits, plan);
    ranking_fini(&r, &mem);
    return status;
}
