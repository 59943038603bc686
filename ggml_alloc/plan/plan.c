#include "plan/plan.h"

#include "base/block.h"

#include <stdatomic.h>

ga_plan *gai_plan_new(const struct ga_mem *mem, const struct plan_room *room)
{
    size_t ids = (size_t)room->n_nodes + 1;
    struct block block = { 0 };
    block_add(&block, 1, sizeof(ga_plan));
    size_t slots = block_add(&block, ids, sizeof(struct ga_slot));
    size_t life = block_add(&block, ids, sizeof(struct life_span));
    size_t facts = block_add(&block, room->has_facts ? ids : 0, sizeof(uint64_t));
    size_t times = block_add(&block, room->n_times, sizeof(uint64_t));
    size_t storages = block_add(&block, room->n_storages, sizeof(ga_id));
    size_t pools = block_add(&block, room->n_pools, sizeof(struct plan_pool));
    size_t chunks = block_add(&block, room->n_chunks <= SIZE_MAX ? (size_t)room->n_chunks : SIZE_MAX, sizeof(uint64_t));
    ga_plan *plan = block_alloc(&block, mem);
    if (!plan)
        return NULL;
    *plan = (ga_plan){
        .mem = *mem,
        .block = block.size,
        .n_nodes = room->n_nodes,
        .n_pools = room->n_pools,
        .info = { .n_nodes = room->n_nodes, .n_storages = room->n_storages, .n_pools = room->n_pools },
        .slots = block_at(plan, slots),
        .life = block_at(plan, life),
        .facts = room->has_facts ? block_at(plan, facts) : NULL,
        .times = room->n_times ? block_at(plan, times) : NULL,
        .storages = block_at(plan, storages),
        .pools = block_at(plan, pools),
        .chunks = block_at(plan, chunks),
    };
    atomic_init(&plan->refs, 1);
    plan->slots[GA_NONE] = (struct ga_slot){ 0 };
    plan->life[GA_NONE] = (struct life_span){ 0 };
    return plan;
}

ga_plan *ga_plan_retain(ga_plan *plan)
{
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
    return plan;
}

void ga_plan_delete(ga_plan *plan)
{
    if (!plan || atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct ga_mem mem = plan->mem;
    gai_mem_free(&mem, plan, plan->block, 1);
}

void gai_plan_seal(ga_plan *plan)
{
    bool optimal = true, fits = false, cannot = false, overflows = false;
    for (unsigned i = 0; i < plan->n_pools; i++) {
        const struct plan_pool *pool = &plan->pools[i];
        optimal &= pool->peak == pool->bound;
        if (pool->capacity == 0)
            continue;
        fits = true;
        overflows |= pool->peak > pool->capacity;
        cannot |= pool->bound > pool->capacity;
    }
    plan->info.verdict = cannot ? GA_CANNOT_FIT : optimal ? GA_OPTIMAL : fits && !overflows ? GA_FITS : GA_BEST_SO_FAR;
}

void ga_plan_info(const ga_plan *plan, struct ga_plan_info *info)
{
    *info = plan->info;
}

static bool has_slot(const ga_plan *plan, ga_id id)
{
    return id != GA_NONE && id <= plan->n_nodes && plan->slots[id].size != 0;
}

bool ga_plan_slot(const ga_plan *plan, ga_id id, struct ga_slot *slot)
{
    if (!has_slot(plan, id))
        return false;
    *slot = plan->slots[id];
    return true;
}

bool ga_plan_life(const ga_plan *plan, ga_id id, uint64_t *birth, uint64_t *death)
{
    if (!has_slot(plan, id))
        return false;
    struct life_span life = plan->life[id];
    *birth = plan->times ? plan->times[life.birth] : life.birth;
    *death = plan->times ? plan->times[life.death] : life.death;
    return true;
}

uint32_t ga_plan_storages(const ga_plan *plan, unsigned pool, ga_id *out, uint32_t cap)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->info.n_storages; i++) {
        ga_id id = plan->storages[i];
        if (plan->slots[id].pool != pool)
            continue;
        if (n < cap)
            out[n] = id;
        n++;
    }
    return n;
}

uint64_t ga_plan_chunk(const ga_plan *plan, unsigned pool, unsigned chunk)
{
    if (pool >= plan->n_pools || chunk >= plan->pools[pool].n_chunks)
        return 0;
    return plan->pools[pool].chunks[chunk];
}

uint64_t ga_plan_peak(const ga_plan *plan, unsigned pool)
{
    return pool < plan->n_pools ? plan->pools[pool].peak : 0;
}

uint64_t ga_plan_bound(const ga_plan *plan, unsigned pool)
{
    return pool < plan->n_pools ? plan->pools[pool].bound : 0;
}
