#include "graph/live.h"

#include <inttypes.h>

/* In step `step`, `by` uses the bytes of `root`; that `root` itself was written in this very step makes no second reader. */
static inline void touch(struct life *of, ga_id root, uint32_t step, ga_id by)
{
    struct life *life = &of[root];
    if (life->birth == LIVE_UNBORN)
        life->birth = step;
    bool shares_step = life->death == step + 1 && life->reader != by && life->reader != root;
    life->reader = shares_step ? GA_NONE : by;
    life->death = step + 1;
}

static inline void keep_to_end(struct life *life, uint32_t end)
{
    life->death = end;
    life->reader = GA_NONE;
}

/* INPUTs are born before the first step; the rest when something first refers to them. */
static void begin(const ga_graph *graph, struct life *of)
{
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        of[id] = (struct life){ .birth = LIVE_UNBORN };
        if (graph->nodes[id].flags & GA_INPUT) /* a root is no later than its views: made already */
            of[graph->nodes[id].root] = (struct life){ .birth = 0, .death = 1 };
    }
}

static bool reads_elided_elsewhere(const ga_graph *graph, const struct life *of, ga_id root, uint32_t step)
{
    return (graph->nodes[root].flags & GA_ELIDED) && of[root].birth != step;
}

/* One pass in execution order; returns the last step, or GA_INVALID through `bad`, the node that reads elided bytes. */
static uint32_t run(const ga_graph *graph, struct life *of, ga_id *bad)
{
    const struct node *nodes = graph->nodes;
    struct walk walk = walk_start(graph);
    while (walk_next(&walk)) {
        ga_id id = walk.id;
        struct sources sources = node_sources(graph, id);
        for (uint32_t i = 0; i < sources.n; i++) {
            ga_id src = sources.at[i];
            if (src == GA_NONE || src == id)
                continue;
            ga_id root = nodes[src].root;
            touch(of, root, walk.step, id);
            if (reads_elided_elsewhere(graph, of, root, walk.step))
                *bad = id;
        }
        ga_id root = nodes[id].root;
        if (root != id) {
            touch(of, root, walk.step, id);
        } else {
            struct life *life = &of[id];
            if (life->birth == LIVE_UNBORN)
                life->birth = walk.step;
            if (life->death <= walk.step)
                *life = (struct life){ life->birth, walk.step + 1, id };
        }
    }
    return walk.step;
}

/* What nobody reads stays readable: it may be a result.  A view that nobody reads keeps its root. */
static void keep_results(const ga_graph *graph, struct life *of, uint32_t end)
{
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        const struct node *node = &graph->nodes[id];
        bool unread = node->n_children == 0 && !(node->flags & (GA_DISCARD | GA_DEPEND));
        if ((node->flags & GA_OUTPUT) || unread)
            keep_to_end(&of[node->root], end);
    }
}

/* Whoever reads but is not in the sequence is never done with its sources. */
static enum ga_status keep_unlisted(const ga_graph *graph, const struct ga_mem *mem, struct life *of, uint32_t end)
{
    bool *runs = mem_new(mem, bool, (size_t)graph->n_nodes + 1);
    if (!runs)
        return GA_NO_MEMORY;
    for (struct walk walk = walk_start(graph); walk_next(&walk);)
        runs[walk.id] = true;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        if (runs[id] || !node_takes_step(graph, id))
            continue;
        struct sources sources = node_sources(graph, id);
        for (uint32_t i = 0; i < sources.n; i++) /* GA_NONE writes of[0], which nobody reads */
            keep_to_end(&of[graph->nodes[sources.at[i]].root], end);
        keep_to_end(&of[graph->nodes[id].root], end);
    }
    mem_free(mem, runs, (size_t)graph->n_nodes + 1);
    return GA_OK;
}

static enum ga_status extend(const ga_graph *graph, const struct ga_mem *mem, struct life *of, uint32_t end)
{
    uint32_t *step_of = mem_new(mem, uint32_t, (size_t)graph->n_nodes + 1);
    if (!step_of)
        return GA_NO_MEMORY;
    for (ga_id id = 1; id <= graph->n_nodes; id++)
        step_of[id] = node_takes_step(graph, id) ? end - 1 : 0; /* what never runs never ends */
    for (struct walk walk = walk_start(graph); walk_next(&walk);)
        step_of[walk.id] = walk.step;
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        struct life *life = &of[graph->nodes[graph->extends[i].id].root];
        uint32_t until = step_of[graph->extends[i].until] + 1;
        if (life->birth != LIVE_UNBORN && until >= life->death) {
            life->death = until;
            life->reader = GA_NONE;
        }
    }
    mem_free(mem, step_of, (size_t)graph->n_nodes + 1);
    return GA_OK;
}

static bool names_exist(const ga_graph *graph, char *why, size_t cap)
{
    if (graph->n_ahead) {
        gai_say(why, cap, "a DEPEND names node %" PRIu32 ", which was never added", graph->ahead[0]);
        return false;
    }
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        const struct extension *e = &graph->extends[i];
        if (e->id > graph->n_nodes || e->until > graph->n_nodes) {
            gai_say(why, cap, "extend(%" PRIu32 ", %" PRIu32 ") names a node that was never added", e->id, e->until);
            return false;
        }
    }
    return true;
}

enum ga_status gai_live(const ga_graph *graph, const struct ga_mem *mem, struct lives *lives, char *why, size_t cap)
{
    if (!names_exist(graph, why, cap))
        return GA_INVALID;
    struct lives made = { .of = mem_new_raw(mem, struct life, (size_t)graph->n_nodes + 1) };
    if (!made.of)
        return GA_NO_MEMORY;

    ga_id bad = GA_NONE;
    enum ga_status status = GA_OK;
    begin(graph, made.of);
    made.n_steps = run(graph, made.of, &bad) + 2;
    keep_results(graph, made.of, made.n_steps);
    if (graph->n_sequence)
        status = keep_unlisted(graph, mem, made.of, made.n_steps);
    if (graph->n_extends && status == GA_OK)
        status = extend(graph, mem, made.of, made.n_steps);
    if (bad != GA_NONE && status == GA_OK) {
        gai_say(why, cap, "node %" PRIu32 " '%.60s': reads an elided node in another step", bad, gai_graph_name(graph, bad));
        status = GA_INVALID;
    }
    if (status != GA_OK) {
        gai_lives_fini(&made, mem, graph);
        return status;
    }
    *lives = made;
    return GA_OK;
}

void gai_lives_fini(struct lives *lives, const struct ga_mem *mem, const ga_graph *graph)
{
    mem_free(mem, lives->of, (size_t)graph->n_nodes + 1);
    lives->of = NULL;
}
