/*
 * dropin_debug.c - GGML_ALLOC_LOG=debug: what a new plan does with each tensor, step by step
 *
 *     alloc kq: 4096 bytes at 512          not reusing kq for kq_masked: it is still read
 *     max_size = 4608, live:               reusing kq for kq_scaled
 *       inp: 512 bytes at 0                exec: SCALE (kq_scaled) <= kq
 *       kq: 4096 bytes at 512              free inp: 512 bytes at 0
 */
#include "ggml/dropin.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "graph/graph.h"

struct story {
    struct ggml_gallocr *galloc;
    const ga_graph *graph;
    const ga_plan *plan;
    const uint32_t *ids; /* of the record, by node */
    uint32_t next;       /* of plan->storages */
    uint32_t step;
};

static const char *name_of(const struct story *story, ga_id id)
{
    return gai_graph_name(story->graph, id);
}

static void tell_place(const struct story *story, const char *what, ga_id id)
{
    const struct ga_slot *slot = &story->plan->slots[id];
    gai_log(&story->galloc->env, GA_DEBUG, "%s%s: %" PRIu64 " bytes at %" PRIu64 " of %s chunk %u", what, name_of(story, id),
            slot->size, slot->offset, story->galloc->backends[slot->pool].name, slot->chunk);
}

static bool overlap(const struct story *story, ga_id a, ga_id b)
{
    const struct ga_slot *x = &story->plan->slots[a], *y = &story->plan->slots[b];
    bool together = x->pool == y->pool && x->chunk == y->chunk;
    return together && x->offset < y->offset + y->size && y->offset < x->offset + x->size;
}

static bool is_live(const struct story *story, ga_id id)
{
    return story->plan->life[id].birth <= story->step && story->step < story->plan->life[id].death;
}

static uint64_t end_of(const struct ga_slot *slot)
{
    return slot->offset + slot->size;
}

static void tell_maximum(const struct story *story, ga_id id)
{
    const struct ga_plan *plan = story->plan;
    const struct ga_slot *slot = &plan->slots[id];
    uint64_t end = end_of(slot);
    for (uint32_t i = 0; i < story->next; i++) {
        const struct ga_slot *other = &plan->slots[plan->storages[i]];
        if (other->pool == slot->pool && other->chunk == slot->chunk && end_of(other) >= end)
            return;
    }
    gai_log(&story->galloc->env, GA_DEBUG, "max_size = %" PRIu64 ", live:", end);
    for (uint32_t i = 0; i <= story->next; i++)
        if (is_live(story, plan->storages[i]))
            tell_place(story, "  ", plan->storages[i]);
}

/* Why a node is not written over a source; NULL when it is. */
static const char *why_apart(const struct story *story, ga_id id, uint32_t slot)
{
    const ga_graph *graph = story->graph;
    ga_id src = node_sources(graph, id).at[slot], root = graph->nodes[src].root;
    bool may = node_masks(graph, id).reuse >> slot & 1;
    if (may && overlap(story, id, src))
        return NULL;
    if (!node_owns(graph, root))
        return "its bytes are not ours";
    if ((graph->nodes[src].flags | graph->nodes[root].flags) & GA_OUTPUT)
        return "it is an output";
    if (!may)
        return src == root ? "the layout differs" : "it is a view, or the layout differs";
    if (graph->nodes[root].pool != graph->nodes[id].pool)
        return "it is in another buffer";
    return story->plan->life[root].death > story->step + 1 ? "it is still read" : "its bytes serve better otherwise";
}

static bool works_in_place(const struct story *story, ga_id id)
{
    uint32_t known = story->ids[id];
    return known && ggml_op_can_inplace(tensor_at(story->galloc, known)->op);
}

static bool tell_reuse(const struct story *story, ga_id id)
{
    struct sources sources = node_sources(story->graph, id);
    for (uint32_t i = 0; i < sources.n; i++) {
        if (sources.at[i] == GA_NONE)
            continue;
        const char *why = why_apart(story, id, i);
        if (why && !works_in_place(story, id))
            continue;
        gai_log(&story->galloc->env, GA_DEBUG, "%s %s for %s%s%s", why ? "not reusing" : "reusing", name_of(story, sources.at[i]),
                name_of(story, id), why ? ": " : "", why ? why : "");
        if (!why)
            return true;
    }
    return false;
}

static void tell_births(struct story *story)
{
    const struct ga_plan *plan = story->plan;
    for (; story->next < plan->info.n_storages; story->next++) {
        ga_id id = plan->storages[story->next];
        if (plan->life[id].birth > story->step)
            return;
        if (!tell_reuse(story, id))
            tell_place(story, "alloc ", id);
        tell_maximum(story, id);
    }
}

static void tell_execution(const struct story *story, ga_id id)
{
    char text[480] = "";
    size_t len = 0;
    struct sources sources = node_sources(story->graph, id);
    for (uint32_t i = 0; i < sources.n && len < sizeof text; i++)
        if (sources.at[i] != GA_NONE)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? ", " : "", name_of(story, sources.at[i]));
    gai_log(&story->galloc->env, GA_DEBUG, "exec: %s (%s) <= %s", gai_graph_op(story->graph, id), name_of(story, id), text);
}

/* Whether somebody born in this step lives on in its bytes. */
static bool is_inherited(const struct story *story, ga_id id)
{
    for (uint32_t i = story->next; i-- > 0 && story->plan->life[story->plan->storages[i]].birth == story->step;)
        if (story->plan->storages[i] != id && overlap(story, id, story->plan->storages[i]))
            return true;
    return false;
}

static void tell_deaths(const struct story *story)
{
    for (uint32_t i = 0; i < story->next; i++) {
        ga_id id = story->plan->storages[i];
        if (story->plan->life[id].death == story->step + 1 && !is_inherited(story, id))
            tell_place(story, "free ", id);
    }
}

void gai_dropin_debug(struct ggml_gallocr *galloc, const struct record *record)
{
    const ga_graph *graph = galloc->graph;
    if (!array_room(&galloc->env.mem, &galloc->moved, &galloc->cap_moved, (uint64_t)graph->n_nodes + 1))
        return;
    for (ga_id node = 0; node <= graph->n_nodes; node++)
        galloc->moved[node] = 0;
    for (uint32_t id = record_len(record); id > 0; id--) /* those that only mark a dependency name what others are */
        galloc->moved[record->seen[id].node] = id;
    struct story story = { .galloc = galloc, .graph = graph, .plan = record->plan, .ids = galloc->moved };
    tell_births(&story);
    for (struct walk walk = walk_start(graph); walk_next(&walk);) {
        story.step = walk.step;
        tell_births(&story);
        if (!(graph->nodes[walk.id].flags & GA_DEPEND))
            tell_execution(&story, walk.id);
        tell_deaths(&story);
    }
}
