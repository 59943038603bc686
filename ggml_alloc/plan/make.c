/*
 * make.c - planning a graph, stage by stage: lifetimes, problem, places, slots
 */
#include "base/block.h"
#include "base/later.h"
#include "base/log.h"
#include "graph/graph.h"
#include "plan/build.h"
#include "plan/limits.h"

#include <string.h>

/* All that planning needs for a while, in one block. */
struct desk {
    struct block block;
    void *base;
    struct build build;
    struct pool_limits *limits;
};

static bool desk_open(struct desk *desk, const ga_graph *graph)
{
    size_t ids = (size_t)graph->n_nodes + 1;
    *desk = (struct desk){ 0 };
    size_t items = block_add(&desk->block, (size_t)graph->n_storages + 1, sizeof(struct item));
    size_t edges = block_add(&desk->block, graph->n_edges, sizeof(struct edge));
    size_t node_of = block_add(&desk->block, graph->n_storages, sizeof(ga_id));
    size_t item_of = block_add(&desk->block, ids, sizeof(uint32_t));
    size_t limits = block_add(&desk->block, graph->n_pools, sizeof(struct pool_limits));
    desk->base = block_alloc(&desk->block, &graph->env.mem);
    if (!desk->base)
        return false;
    desk->limits = block_at(desk->base, limits);
    desk->build.node_of = block_at(desk->base, node_of);
    desk->build.item_of = block_at(desk->base, item_of);
    desk->build.problem = (struct problem){
        .items = block_at(desk->base, items),
        .edges = block_at(desk->base, edges),
        .pools = desk->limits,
        .n_pools = graph->n_pools,
    };
    return true;
}

static void desk_close(struct desk *desk, const ga_graph *graph)
{
    block_free(&desk->block, &graph->env.mem, desk->base);
}

/* A node's slot: its own item's place, or its root's from where it looks on; none of it is a branch. */
static void take_slots(ga_plan *plan, const ga_graph *graph, const uint64_t *sizes, const struct build *build,
                       const struct answer *answer)
{
    static const struct item no_item;
    static const struct spot no_spot;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        const struct body *body = &graph->bodies[id];
        uint32_t at = build->item_of[graph->nodes[id].root];
        const struct item *item = at ? &build->problem.items[at - 1] : &no_item;
        const struct spot *spot = at ? &answer->spots[at - 1] : &no_spot;
        uint64_t offset = at ? body->view_offset : 0, size = at ? body->size : 0;
        plan->slots[id] = (struct ga_slot){ item->pool, spot->chunk, spot->offset + offset, size };
        plan->life[id] = (struct life_span){ item->birth, item->death };
    }
    for (uint32_t i = 0; sizes && i < build->problem.n_items; i++) {
        ga_id id = build->node_of[i];
        if (plan->slots[id].size < sizes[id])
            plan->slots[id].size = sizes[id];
    }
    for (ga_id id = 1; graph->n_sequence && id <= graph->n_nodes; id++)
        if (node_owns(graph, id) && build->item_of[id] == 0)
            plan->life[id].birth = LIFE_NEVER;
    memcpy(plan->storages, build->node_of, build->problem.n_items * sizeof *plan->storages);
}

static ga_plan *plan_of(const ga_graph *graph, const uint64_t *sizes, const struct build *build, const struct answer *answer)
{
    struct plan_room room = {
        .n_nodes = graph->n_nodes,
        .n_storages = build->problem.n_items,
        .n_pools = graph->n_pools,
        .n_chunks = gai_answer_chunks(answer),
        .has_facts = true,
    };
    ga_plan *plan = gai_plan_new(&graph->env.mem, &room);
    if (!plan)
        return NULL;
    memcpy(plan->facts, graph->facts, ((size_t)graph->n_nodes + 1) * sizeof *plan->facts);
    plan->signature = gai_graph_signature(graph);
    gai_plan_take_answer(plan, answer, build->problem.pools);
    take_slots(plan, graph, sizes, build, answer);
    gai_plan_seal(plan);
    return plan;
}

static enum ga_status solve(const ga_graph *graph, const uint64_t *sizes, const struct ga_plan_opts *opts, struct build *build,
                            ga_plan **plan)
{
    struct place_opts place_opts = gai_place_opts(opts);
    struct answer answer;
    enum ga_status status = gai_place_solve(&graph->env.mem, &build->problem, &place_opts, &answer);
    if (status != GA_OK)
        return status;
    ga_plan *made = plan_of(graph, sizes, build, &answer);
    gai_answer_fini(&graph->env.mem, &answer);
    if (!made)
        return GA_NO_MEMORY;
    *plan = made;
    return GA_OK;
}

/* Lifetimes are dropped as soon as the problem stands. */
static enum ga_status pose(const ga_graph *graph, const uint64_t *sizes, struct build *build)
{
    struct lives lives;
    enum ga_status status = gai_live(graph, &graph->env.mem, &lives, graph->error, GRAPH_ERROR);
    if (status != GA_OK)
        return status;
    status = gai_build(graph, &lives, sizes, build);
    gai_lives_fini(&lives, &graph->env.mem, graph);
    return status;
}

enum ga_status gai_plan_graph_sized(const ga_graph *graph, const uint64_t *sizes, const struct ga_plan_opts *opts, ga_plan **plan)
{
    if (graph->status != GA_OK)
        return graph->status;
    graph->error[0] = 0;
    if (opts && later_set(opts)) {
        gai_say(graph->error, GRAPH_ERROR, LATER_WORDS, "struct ga_plan_opts", LATER_VERSION);
        return GA_INVALID;
    }
    struct desk desk;
    if (!desk_open(&desk, graph)) {
        gai_say(graph->error, GRAPH_ERROR, "no memory for bookkeeping");
        return GA_NO_MEMORY;
    }
    enum ga_status status = gai_limits(opts, desk.limits, graph->n_pools);
    if (status != GA_OK)
        gai_say(graph->error, GRAPH_ERROR, "an alignment is no power of two, or the effort unknown");
    if (status == GA_OK)
        status = pose(graph, sizes, &desk.build);
    if (status == GA_OK)
        status = solve(graph, sizes, opts, &desk.build, plan);
    desk_close(&desk, graph);
    return status;
}

enum ga_status ga_plan_graph(const ga_graph *graph, const struct ga_plan_opts *opts, ga_plan **plan)
{
    return gai_plan_graph_sized(graph, NULL, opts, plan);
}
