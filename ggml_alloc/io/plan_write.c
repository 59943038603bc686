/*
 * plan_write.c - plans as text that can be read again
 *
 *     ga_plan  1
 *     graph    signature, high and low half; - - for bare intervals
 *     found    effort  work steps  stopped
 *     counts   nodes  storages  pools  times
 *     pool     index  chunks  peak step  bound  capacity               each pool, followed by
 *     chunk    bytes                                                   each of its chunks
 *     time     value                                                   each rank, for bare intervals
 *     slot     id  pool  chunk  offset  size  birth  death  fact       each node: with bytes in the plan
 *     none     id  fact  never runs                                             or without
 *     own      id                                                      each storage, in the order of births
 *     seal     checksum of all lines above
 *
 * Tabs between fields; signature, facts and seal are hexadecimal, a fact that bare intervals have not is -.
 */
#include "io/report.h"

#include "plan/plan.h"

#include <inttypes.h>

static void write_fact(const ga_plan *plan, ga_id id, struct text *out)
{
    if (plan->facts)
        gai_text(out, "\t%016" PRIx64, plan->facts[id]);
    else
        gai_text(out, "\t-");
}

static void write_slot(const ga_plan *plan, ga_id id, struct text *out)
{
    const struct ga_slot *slot = &plan->slots[id];
    const struct life_span *life = &plan->life[id];
    gai_text(out, "slot\t%" PRIu32 "\t%u\t%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu32, id, slot->pool, slot->chunk,
             slot->offset, slot->size, life->birth, life->death);
    write_fact(plan, id, out);
    gai_text(out, "\n");
}

static void write_node(const ga_plan *plan, ga_id id, struct text *out)
{
    if (plan->slots[id].size != 0) {
        write_slot(plan, id, out);
        return;
    }
    gai_text(out, "none\t%" PRIu32, id);
    write_fact(plan, id, out);
    gai_text(out, "\t%d\n", plan->life[id].birth == LIFE_NEVER);
}

static void write_pool(const struct plan_pool *pool, unsigned index, struct text *out)
{
    gai_text(out, "pool\t%u\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\n", index, pool->n_chunks, pool->peak_step,
             pool->bound, pool->capacity);
    for (uint32_t i = 0; i < pool->n_chunks; i++)
        gai_text(out, "chunk\t%" PRIu64 "\n", pool->chunks[i]);
}

/* Ranks run up to the last death. */
static uint32_t count_times(const ga_plan *plan)
{
    uint32_t n = 0;
    for (ga_id id = 1; plan->times && id <= plan->n_nodes; id++)
        if (plan->life[id].death >= n)
            n = plan->life[id].death + 1;
    return n;
}

void gai_plan_format_write(const ga_plan *plan, struct text *out)
{
    const struct ga_plan_info *info = &plan->info;
    uint32_t n_times = count_times(plan);
    gai_text(out, "ga_plan\t1\n");
    if (plan->facts)
        gai_text(out, "graph\t%016" PRIx64 "\t%016" PRIx64 "\n", plan->signature.hi, plan->signature.lo);
    else
        gai_text(out, "graph\t-\t-\n");
    gai_text(out, "found\t%s\t%" PRIu64 "\t%d\n", gai_effort_name(info->reached), info->steps, info->stopped);
    gai_text(out, "counts\t%" PRIu32 "\t%" PRIu32 "\t%u\t%" PRIu32 "\n", plan->n_nodes, info->n_storages, plan->n_pools, n_times);
    for (unsigned i = 0; i < plan->n_pools; i++)
        write_pool(&plan->pools[i], i, out);
    for (uint32_t i = 0; i < n_times; i++)
        gai_text(out, "time\t%" PRIu64 "\n", plan->times[i]);
    for (ga_id id = 1; id <= plan->n_nodes; id++)
        write_node(plan, id, out);
    for (uint32_t i = 0; i < info->n_storages; i++)
        gai_text(out, "own\t%" PRIu32 "\n", plan->storages[i]);
    gai_text(out, "seal\t%016" PRIx64 "\n", out->sum);
}
