#include "graph/live.h"

#include <assert.h>
#include <inttypes.h>

struct pass {
    const ga_graph *graph;
    struct life *of;
    ga_id *readers;
    uint32_t step;
    ga_id bad; /* a node that reads elided bytes in another step */
};

/* Node `by` uses the bytes of `root` now; that `root` itself was written in this very step makes no second reader. */
static inline void touch(struct pass *pass, ga_id root, ga_id by)
{
    struct life *life = &pass->of[root];
    ga_id *reader = &pass->readers[root];
    if (life->birth == LIVE_UNBORN)
        life->birth = pass->step;
    if (life->death == LIVE_KEPT)
        return;
    bool shares_step = life->death == pass->step + 1 && *reader != by && *reader != root;
    *reader = shares_step ? GA_NONE : by;
    life->death = pass->step + 1;
}

static inline bool is_elided_elsewhere(const struct pass *pass, ga_id root)
{
    return (pass->graph->nodes[root].flags & GA_ELIDED) && pass->of[root].birth != pass->step;
}

/* Outputs, and what nobody reads: it may be a result.  A view that nobody reads keeps its root. */
static inline bool is_kept(const struct node *node)
{
    return (node->flags & GA_OUTPUT) || (node->n_children == 0 && !(node->flags & (GA_DISCARD | GA_DEPEND)));
}

/* INPUTs are born before the first step, the rest when something first refers to them. */
static inline void begin(struct pass *pass, ga_id id)
{
    const struct node *node = &pass->graph->nodes[id];
    bool input = node->flags & GA_INPUT;
    pass->of[id] = (struct life){ .birth = input ? 0 : LIVE_UNBORN, .death = 1 };
    pass->readers[id] = GA_NONE;
    if (input && node->root != id)
        pass->of[node->root].birth = 0;
    if (is_kept(node))
        pass->of[node->root].death = LIVE_KEPT;
}

static inline void run(struct pass *pass, ga_id id)
{
    const struct node *nodes = pass->graph->nodes;
    struct sources sources = node_sources(pass->graph, id);
    for (uint32_t i = 0; i < sources.n; i++) {
        ga_id src = sources.at[i];
        if (src == GA_NONE || src == id)
            continue;
        ga_id root = nodes[src].root;
        touch(pass, root, id);
        if ((pass->graph->seen & GA_ELIDED) && is_elided_elsewhere(pass, root))
            pass->bad = id;
    }
    ga_id root = nodes[id].root;
    const struct life *life = &pass->of[root];
    bool named_ahead = root == id && life->birth != LIVE_UNBORN && life->death > pass->step; /* for this step or a later one */
    if (!named_ahead)
        touch(pass, root, id);
}

/*
 * The common case, one node a step and none named ahead: the last node to touch a root is the only one in its step, and deaths
 * never decrease, so that each touch is one store.  The same answers as the general pass, several times as fast.
 */
static struct pass run_one_by_one(struct pass pass)
{
    const ga_graph *graph = pass.graph;
    const struct node *nodes = graph->nodes;
    for (ga_id id = 1, n = graph->n_nodes; id <= n; id++) {
        struct sources sources = node_sources(graph, id);
        if (!node_takes_step(graph, id)) {
            pass.of[id] = (struct life){ .birth = LIVE_UNBORN, .death = 1 };
            continue;
        }
        uint32_t death = ++pass.step + 1;
        pass.of[id] = (struct life){ .birth = pass.step };
        for (uint32_t i = 0; i < sources.n; i++)
            pass.of[nodes[sources.at[i]].root].death = death;
        pass.of[nodes[id].root].death = death;
    }
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        if (is_kept(&nodes[id]))
            pass.of[nodes[id].root].death = LIVE_KEPT;
        if (nodes[id].flags & GA_INPUT)
            pass.of[nodes[id].root].birth = 0;
    }
    return pass;
}

/*
 * Nodes run as they were added and name only earlier ones: one pass begins and runs each.  By value, so that the compiler knows
 * that writing lifetimes does not change the pass.
 */
static struct pass run_in_order(struct pass pass)
{
    const ga_graph *graph = pass.graph;
    for (ga_id id = 1, n = graph->n_nodes; id <= n; id++) {
        begin(&pass, id);
        if (!node_takes_step(graph, id))
            continue;
        bool joins = (graph->nodes[id].flags & GA_TOGETHER) && pass.step > 0;
        pass.step += !joins;
        run(&pass, id);
    }
    return pass;
}

static struct pass run_out_of_order(struct pass pass)
{
    for (ga_id id = 1; id <= pass.graph->n_nodes; id++)
        begin(&pass, id);
    for (struct walk walk = walk_start(pass.graph); walk_next(&walk);) {
        pass.step = walk.step;
        run(&pass, walk.id);
    }
    return pass;
}

/* The step of each node: 0 for leafs, `never` for what does not run. */
static uint32_t *steps_of(const ga_graph *graph, const struct ga_mem *mem, uint32_t never)
{
    uint32_t *step_of = mem_new(mem, uint32_t, (size_t)graph->n_nodes + 1);
    if (!step_of)
        return NULL;
    for (ga_id id = 1; id <= graph->n_nodes; id++)
        step_of[id] = node_takes_step(graph, id) ? never : 0;
    for (struct walk walk = walk_start(graph); walk_next(&walk);)
        step_of[walk.id] = walk.step;
    return step_of;
}

/* Whoever reads but is not in the sequence is never done with its sources. */
static void keep_unlisted(const ga_graph *graph, struct life *of, const uint32_t *step_of, uint32_t never)
{
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        if (step_of[id] != never)
            continue;
        struct sources sources = node_sources(graph, id);
        for (uint32_t i = 0; i < sources.n; i++) /* GA_NONE keeps of[0], which nobody reads */
            of[graph->nodes[sources.at[i]].root].death = LIVE_KEPT;
        of[graph->nodes[id].root].death = LIVE_KEPT;
    }
}

static void extend(const ga_graph *graph, struct lives *lives, const uint32_t *step_of, uint32_t never)
{
    assert(graph->n_extends == 0 || lives->readers);
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        ga_id root = graph->nodes[graph->extends[i].id].root;
        struct life *life = &lives->of[root];
        uint32_t until = step_of[graph->extends[i].until];
        if (until == never) {
            life->death = LIVE_KEPT; /* what never runs never ends */
        } else if (until + 1 >= life->death) {
            life->death = until + 1;
            lives->readers[root] = GA_NONE;
        }
    }
}

static enum ga_status prolong(const ga_graph *graph, const struct ga_mem *mem, struct lives *lives)
{
    uint32_t never = UINT32_MAX, *step_of = steps_of(graph, mem, never);
    if (!step_of)
        return GA_NO_MEMORY;
    keep_unlisted(graph, lives->of, step_of, never);
    extend(graph, lives, step_of, never);
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

static enum ga_status live(const ga_graph *graph, const struct ga_mem *mem, struct lives *lives, char *why, size_t cap)
{
    struct pass pass = { .graph = graph, .of = lives->of, .readers = lives->readers };
    if (!lives->readers)
        pass = run_one_by_one(pass);
    else if (graph->names_ahead || graph->n_sequence)
        pass = run_out_of_order(pass);
    else
        pass = run_in_order(pass);
    lives->n_steps = pass.step + 2;
    if (pass.bad != GA_NONE) {
        gai_say(why, cap, "node %" PRIu32 " '%.60s': reads an elided node in another step", pass.bad,
                gai_graph_name(graph, pass.bad));
        return GA_INVALID;
    }
    return graph->n_sequence || graph->n_extends ? prolong(graph, mem, lives) : GA_OK;
}

enum ga_status gai_live(const ga_graph *graph, const struct ga_mem *mem, struct lives *lives, char *why, size_t cap)
{
    if (!names_exist(graph, why, cap))
        return GA_INVALID;
    size_t ids = (size_t)graph->n_nodes + 1;
    bool one_by_one = !(graph->names_ahead || graph->n_sequence || graph->n_extends || (graph->seen & (GA_TOGETHER | GA_ELIDED)));
    struct lives made = { .of = mem_new_raw(mem, struct life, ids) };
    if (!one_by_one)
        made.readers = mem_new_raw(mem, ga_id, ids);
    enum ga_status status = GA_NO_MEMORY;
    if (made.of && (made.readers || one_by_one))
        status = live(graph, mem, &made, why, cap);
    if (status == GA_NO_MEMORY)
        gai_say(why, cap, "no memory for bookkeeping");
    if (status == GA_OK)
        *lives = made;
    else
        gai_lives_fini(&made, mem, graph);
    return status;
}

void gai_lives_fini(struct lives *lives, const struct ga_mem *mem, const ga_graph *graph)
{
    mem_free(mem, lives->of, (size_t)graph->n_nodes + 1);
    mem_free(mem, lives->readers, (size_t)graph->n_nodes + 1);
    *lives = (struct lives){ 0 };
}
