#include "place/place.h"

#include "place/rung.h"

/* clang-format off */
static const struct rung {
    enum ga_effort effort;
    rung_run *run;
} ladder[] = {
    { GA_EFFORT_NONE,   gai_place_none },
    { GA_EFFORT_ONLINE, gai_place_online },
    { GA_EFFORT_QUICK,  gai_place_quick },
    { GA_EFFORT_SEARCH, gai_place_prove_soon },
    { GA_EFFORT_SEARCH, gai_place_search },
    { GA_EFFORT_PROVE,  gai_place_prove },
};
/* clang-format on */

/* Enough for each rung's worst case to end within a second or two; a step is about one look at one item. */
#define STEPS_BASE ((uint64_t)1 << 25)
#define STEPS_PER_ITEM 2048u

/* From one pulse to the next: a millisecond or so. */
#define STEPS_PER_PULSE ((uint64_t)1 << 17)

static const unsigned n_rungs = sizeof ladder / sizeof ladder[0];

static bool is_better(const struct layout *a, const struct layout *b)
{
    if (!b->spots || a->over != b->over)
        return !b->spots || b->over;
    return a->peak != b->peak ? a->peak < b->peak : a->n_chunks < b->n_chunks;
}

static void report(struct climb *climb)
{
    if (!climb->opts->progress || climb->stopped || climb->n_answered < climb->n_parts)
        return;
    uint64_t peak = 0, bound = 0;
    climb->told = climb->steps;
    for (unsigned p = 0; p < climb->n_parts; p++) {
        peak = add_sat(peak, climb->parts[p].best.peak);
        bound = add_sat(bound, climb->parts[p].bound);
    }
    if (!climb->opts->progress(climb->opts->user, climb->steps, peak, bound))
        climb->stopped = true;
}

void gai_climb_offer(struct climb *climb, struct part *part, struct layout *trial)
{
    if (!is_better(trial, &part->best))
        return;
    struct layout was = part->best;
    part->best = *trial;
    *trial = was;
    climb->n_answered += !was.spots;
    report(climb);
}

void gai_climb_pulse(struct climb *climb)
{
    if (climb->steps - climb->told >= STEPS_PER_PULSE)
        report(climb);
}

/* No more chunks than that many bytes need. */
static bool has_few_chunks(const struct part *part)
{
    return part->best.n_chunks <= 1 || (part->best.peak - 1) / part->limits.chunk_max + 1 >= part->best.n_chunks;
}

bool gai_climb_done(const struct climb *climb, const struct part *part)
{
    const struct layout *best = &part->best;
    if (climb->stopped || climb->steps >= climb->budget)
        return true;
    return !best->over && (best->peak <= part->limits.capacity || (best->peak <= part->bound && has_few_chunks(part)));
}

/* None never beats online but where items need more than the pool's alignment: online pays for it with slack. */
static bool is_wanted(const struct climb *climb, const struct part *part, const struct rung *rung)
{
    if (rung->effort > climb->opts->effort)
        return false;
    if (!part->best.spots)
        return rung->effort == climb->opts->effort || rung->effort != GA_EFFORT_NONE || part->mixed;
    return !gai_climb_done(climb, part);
}

static enum ga_status run_rung(struct climb *climb, struct part *part, const struct rung *rung)
{
    struct layout trial = { .spots = mem_new_raw(climb->mem, struct spot, part->n_items) };
    if (!trial.spots)
        return GA_NO_MEMORY;
    struct layout before = part->best;
    enum ga_status status = rung->run(climb, part, &trial);
    if (is_better(&part->best, &before)) /* its arrays may be back where they were: two swaps */
        part->reached = rung->effort;
    mem_free(climb->mem, trial.spots, part->n_items);
    return status;
}

/* Searching may take twice as long as all before; proving, which can use any number of steps, as long as all before it together. */
static uint64_t budget_of(const struct climb *climb, const struct rung *rung)
{
    uint64_t steps = STEPS_BASE + STEPS_PER_ITEM * (uint64_t)climb->n_items;
    if (climb->opts->steps)
        steps = climb->opts->steps;
    else if (rung->effort >= GA_EFFORT_SEARCH)
        steps *= 2;
    return rung->effort == GA_EFFORT_PROVE ? add_sat(steps, steps) : steps;
}

static enum ga_status climb_ladder(struct climb *climb)
{
    for (unsigned r = 0; r < n_rungs; r++) {
        climb->budget = budget_of(climb, &ladder[r]);
        for (unsigned p = 0; p < climb->n_parts; p++) {
            struct part *part = &climb->parts[p];
            if (!is_wanted(climb, part, &ladder[r]))
                continue;
            enum ga_status status = run_rung(climb, part, &ladder[r]);
            if (status != GA_OK)
                return status;
        }
    }
    return GA_OK;
}

/* Each within the world, aligned, and not across the end of the first chunk; where the highest ends. */
static enum ga_status check_fixed(struct part *part)
{
    for (uint32_t k = 0; k < part->n_fixed; k++) {
        const struct item *item = &part->items[part->fixed[k]];
        uint64_t offset = item->fixed - 1;
        if (item->size > PLACE_LIMIT || offset > PLACE_LIMIT - item->size)
            return GA_NO_SPACE;
        if (offset % item_align(part, item) != 0 || offset + item->size > max_u64(part->limits.chunk_max, item->size))
            return GA_INVALID;
        part->fixed_end = max_u64(part->fixed_end, offset + item->size);
    }
    return GA_OK;
}

static enum ga_status prepare(struct climb *climb, const struct problem *problem)
{
    enum ga_status status = gai_split(climb, problem);
    bool may_collide = false;
    for (unsigned p = 0; p < climb->n_parts && status == GA_OK; p++) {
        may_collide |= climb->parts[p].n_fixed > 1;
        status = check_fixed(&climb->parts[p]);
    }
    if (status == GA_OK && may_collide)
        status = gai_check_fixed(climb->mem, problem);
    for (unsigned p = 0; p < climb->n_parts && status == GA_OK; p++)
        status = gai_bound(climb->mem, &climb->parts[p]);
    return status;
}

static void measure_chunks(const struct part *part, uint64_t *chunks)
{
    if (part->best.n_chunks == 1) {
        chunks[0] = part->best.peak;
        return;
    }
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct spot *spot = &part->best.spots[i];
        chunks[spot->chunk] = max_u64(chunks[spot->chunk], spot->offset + part->items[i].size);
    }
}

/* The part's steps may be renumbered: the item that is born there knows. */
static uint32_t original_step(const struct problem *problem, const struct part *part, uint32_t step)
{
    for (uint32_t i = 0; part->origin && i < part->n_items; i++)
        if (part->items[i].birth == step)
            return problem->items[part->origin[i]].birth;
    return step;
}

static enum ga_status answer_pools(const struct climb *climb, const struct problem *problem, struct answer *answer)
{
    answer->pools = mem_new(climb->mem, struct pool_answer, climb->n_parts);
    if (!answer->pools)
        return GA_NO_MEMORY;
    answer->n_pools = climb->n_parts;
    for (unsigned p = 0; p < climb->n_parts; p++) {
        const struct part *part = &climb->parts[p];
        struct pool_answer *pool = &answer->pools[p];
        *pool = (struct pool_answer){ .peak = part->best.peak, .bound = part->bound, .reached = part->reached };
        pool->bound_step = original_step(problem, part, part->bound_step);
        if (part->best.n_chunks == 0)
            continue;
        pool->chunks = mem_new(climb->mem, uint64_t, part->best.n_chunks);
        if (!pool->chunks)
            return GA_NO_MEMORY;
        pool->n_chunks = part->best.n_chunks;
        measure_chunks(part, pool->chunks);
    }
    return GA_OK;
}

/* A single part hands over its own array. */
static enum ga_status answer_spots(struct climb *climb, struct answer *answer)
{
    struct part *only = climb->n_parts == 1 ? &climb->parts[0] : NULL;
    answer->spots = only && only->best.spots ? only->best.spots : mem_new_raw(climb->mem, struct spot, climb->n_items);
    if (!answer->spots)
        return GA_NO_MEMORY;
    answer->n_spots = climb->n_items;
    if (only)
        only->best.spots = NULL;
    for (unsigned p = 0; p < climb->n_parts && !only; p++) {
        const struct part *part = &climb->parts[p];
        for (uint32_t i = 0; i < part->n_items; i++)
            answer->spots[part->origin[i]] = part->best.spots[i];
    }
    return GA_OK;
}

enum ga_status gai_place_solve(const struct ga_mem *mem, const struct problem *problem, const struct place_opts *opts,
                               struct answer *answer)
{
    struct answer found = { 0 };
    struct climb climb = { .mem = mem, .opts = opts, .n_items = problem->n_items, .n_edges = problem->n_edges };
    enum ga_status status = prepare(&climb, problem);
    if (status == GA_OK)
        status = climb_ladder(&climb);
    if (status == GA_OK)
        status = answer_pools(&climb, problem, &found);
    if (status == GA_OK)
        status = answer_spots(&climb, &found);
    if (status == GA_OK) {
        found.steps = climb.steps;
        found.stopped = climb.stopped;
        *answer = found;
    } else {
        gai_answer_fini(mem, &found);
    }
    gai_split_fini(&climb);
    return status;
}

void gai_answer_fini(const struct ga_mem *mem, struct answer *answer)
{
    for (unsigned p = 0; p < answer->n_pools; p++)
        mem_free(mem, answer->pools[p].chunks, answer->pools[p].n_chunks);
    mem_free(mem, answer->pools, answer->n_pools);
    mem_free(mem, answer->spots, answer->n_spots);
    *answer = (struct answer){ 0 };
}
