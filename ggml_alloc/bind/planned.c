#include "ggml_alloc/planned.h"

#include "base/mem.h"

/* What a pool's places are told from, in memory for as long as they are told. */
struct desk {
    struct ga_mem mem;
    ga_id *ids;
    struct ga_place *list;
    uint64_t *chunks;
    uint32_t n, n_chunks;
};

static void desk_close(struct desk *desk)
{
    mem_free(&desk->mem, desk->ids, desk->n);
    mem_free(&desk->mem, desk->list, desk->n);
    mem_free(&desk->mem, desk->chunks, desk->n_chunks);
}

static bool desk_open(struct desk *desk, const struct ga_env *env, const ga_plan *plan, unsigned which)
{
    *desk = (struct desk){ .mem = gai_env(env).mem, .n = ga_plan_storages(plan, which, NULL, 0) };
    while (ga_plan_chunk(plan, which, desk->n_chunks))
        desk->n_chunks++;
    desk->ids = mem_new(&desk->mem, ga_id, desk->n);
    desk->list = mem_new(&desk->mem, struct ga_place, desk->n);
    desk->chunks = mem_new(&desk->mem, uint64_t, desk->n_chunks);
    if (desk->ids && desk->list && desk->chunks)
        return true;
    desk_close(desk);
    return false;
}

static void fill(const struct desk *desk, const ga_plan *plan, unsigned which)
{
    ga_plan_storages(plan, which, desk->ids, desk->n);
    for (uint32_t k = 0; k < desk->n; k++) {
        struct ga_slot slot;
        ga_plan_slot(plan, desk->ids[k], &slot);
        desk->list[k] = (struct ga_place){ .offset = slot.offset, .size = slot.size, .chunk = slot.chunk };
    }
    for (uint32_t i = 0; i < desk->n_chunks; i++)
        desk->chunks[i] = ga_plan_chunk(plan, which, i);
}

enum ga_status ga_pool_new_planned(const struct ga_env *env, ga_cache *cache, const ga_plan *plan, unsigned which, ga_stream stream,
                                   const struct ga_pool_opts *opts, ga_pool *pool)
{
    struct desk desk;
    if (ga_plan_storages(plan, which, NULL, 0) == 0)
        return ga_pool_new(cache, opts, pool);
    if (!desk_open(&desk, env, plan, which))
        return GA_NO_MEMORY;
    fill(&desk, plan, which);
    struct ga_pool_places places = {
        .list = desk.list, .n = desk.n, .n_chunks = desk.n_chunks, .chunks = desk.chunks, .stream = stream
    };
    enum ga_status status = ga_pool_new_placed(cache, opts, &places, pool);
    desk_close(&desk);
    return status;
}
