/*
 * heirs.c - who may take over what, should it die in the right step
 */
#include "base/array.h"
#include "base/bits.h"
#include "graph/alias.h"
#include "order/gather.h"

/* As if every root ended with whoever asks: what is left are the rules that no order changes. */
struct asker {
    struct gather *g;
    struct lives ending;
};

/* Whether in `step` nobody but the heir, and the root's own node, touches the root. */
static bool is_alone(const struct gather *g, uint32_t step, ga_id heir, ga_id root)
{
    const struct turns *out = g->out;
    for (uint32_t n = out->steps[step].node; n < out->steps[step + 1].node; n++) {
        ga_id other = out->nodes[n];
        if (other == heir || other == root)
            continue;
        struct sources sources = node_sources(g->graph, other);
        bool touches = g->graph->nodes[other].root == root;
        for (uint32_t i = 0; i < sources.n; i++)
            touches |= sources.at[i] != other && g->graph->nodes[sources.at[i]].root == root;
        if (touches)
            return false;
    }
    for (uint32_t t = g->first_touch[step]; t < g->first_touch[step + 1]; t++)
        if (g->touches[t].root == root && g->touches[t].extends)
            return false;
    return true;
}

static bool fits(const struct gather *g, ga_id heir, const struct takeover *over)
{
    const struct storage *storages = g->out->storages;
    uint32_t from = g->storage_of[over->from], to = g->storage_of[heir];
    uint64_t align = max_u64(g->aligns[g->graph->nodes[heir].pool], node_align(g->graph, heir));
    return (over->delta & (align - 1)) == 0 && over->delta <= storages[from].size &&
           storages[to].size <= storages[from].size - over->delta;
}

static bool add_heirs_of(struct asker *a, uint32_t step, ga_id heir)
{
    struct gather *g = a->g;
    struct turns *out = g->out;
    for (uint64_t left = node_masks(g->graph, heir).reuse; left; left &= left - 1) {
        struct takeover over;
        if (!gai_alias(g->graph, &a->ending, NULL, heir, low_bit(left), &over) || g->storage_of[over.from] == STORAGE_NONE)
            continue;
        if (out->storages[g->storage_of[over.from]].stays || !fits(g, heir, &over) || !is_alone(g, step, heir, over.from))
            continue;
        if (!array_room(&out->mem, &out->heirs, &out->cap_heirs, out->n_heirs + (uint64_t)1))
            return false;
        out->heirs[out->n_heirs++] = (struct heir){ g->storage_of[heir], g->storage_of[over.from] };
    }
    return true;
}

static bool gather_heirs(struct asker *a)
{
    struct gather *g = a->g;
    struct turns *out = g->out;
    for (uint32_t step = 0; step < out->n_steps; step++) {
        out->steps[step].heir = out->n_heirs;
        for (uint32_t n = out->steps[step].node; n < out->steps[step + 1].node; n++) {
            ga_id id = out->nodes[n];
            bool is_born = g->storage_of[id] != STORAGE_NONE && g->lives.of[id].birth == step + 1;
            if (is_born && !add_heirs_of(a, step, id))
                return false;
        }
    }
    out->steps[out->n_steps].heir = out->n_heirs;
    return true;
}

enum ga_status gai_heirs(struct gather *gather)
{
    const struct ga_mem *mem = &gather->out->mem;
    size_t ids = (size_t)gather->graph->n_nodes + 1;
    struct asker asker = { .g = gather, .ending = { .of = mem_new(mem, struct life, ids) } };
    bool ok = asker.ending.of;
    for (size_t id = 0; ok && id < ids; id++)
        asker.ending.of[id].death = 1;
    ok = ok && gather_heirs(&asker);
    mem_free(mem, asker.ending.of, ids);
    return ok ? GA_OK : GA_NO_MEMORY;
}
