#include "plan/limits.h"

#include "base/bits.h"

static bool limits_of(const struct ga_plan_opts *opts, unsigned pool, struct pool_limits *limits)
{
    *limits = (struct pool_limits){ .chunk_max = UINT64_MAX };
    if (!opts || pool >= opts->n_pools)
        return true;
    uint64_t align = opts->align && opts->align[pool] ? opts->align[pool] : 1;
    if (!is_pow2(align) || align > (uint64_t)1 << 62)
        return false;
    limits->align_log2 = (uint8_t)high_bit(align);
    if (opts->chunk_max && opts->chunk_max[pool])
        limits->chunk_max = opts->chunk_max[pool];
    if (opts->capacity)
        limits->capacity = opts->capacity[pool];
    return true;
}

enum ga_status gai_limits(const struct ga_plan_opts *opts, struct pool_limits *limits, unsigned n_pools)
{
    if (opts && (unsigned)opts->effort > GA_EFFORT_PROVE)
        return GA_INVALID;
    for (unsigned i = 0; i < n_pools; i++)
        if (!limits_of(opts, i, &limits[i]))
            return GA_INVALID;
    return GA_OK;
}

struct place_opts gai_place_opts(const struct ga_plan_opts *opts)
{
    static const struct ga_plan_opts defaults = { .effort = GA_EFFORT_DEFAULT };
    if (!opts)
        opts = &defaults;
    return (struct place_opts){
        .effort = opts->effort == GA_EFFORT_DEFAULT ? GA_EFFORT_QUICK : opts->effort,
        .steps = opts->steps,
        .seed = opts->seed,
        .progress = opts->progress,
        .user = opts->user,
    };
}

uint64_t gai_answer_chunks(const struct answer *answer)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < answer->n_pools; i++)
        n += answer->pools[i].n_chunks;
    return n;
}

void gai_plan_take_answer(ga_plan *plan, const struct answer *answer, const struct pool_limits *limits)
{
    uint64_t *chunks = plan->chunks;
    plan->info.steps = answer->steps;
    plan->info.stopped = answer->stopped;
    plan->info.reached = GA_EFFORT_NONE;
    for (unsigned i = 0; i < plan->n_pools; i++) {
        const struct pool_answer *from = &answer->pools[i];
        plan->pools[i] = (struct plan_pool){
            .chunks = chunks,
            .n_chunks = from->n_chunks,
            .peak_step = from->bound_step,
            .peak = from->peak,
            .bound = from->bound,
            .capacity = limits[i].capacity,
        };
        for (uint32_t c = 0; c < from->n_chunks; c++)
            *chunks++ = from->chunks[c];
        if (from->reached > plan->info.reached)
            plan->info.reached = from->reached;
    }
}
