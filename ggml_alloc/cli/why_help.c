/*
 * why_help.c - what would lower a peak, and what would not
 */
#include "cli/why.h"

#include "graph/graph.h"
#include "graph/ops.h"
#include "io/scene_events.h"

#include <inttypes.h>
#include <string.h>

/* ---- inputs and outputs ---- */

/* The first moment at which nothing is alive any more. */
static uint64_t end_of(const ga_plan *plan)
{
    struct ga_plan_info info;
    uint64_t birth, death, end = 0;
    ga_plan_info(plan, &info);
    for (ga_id id = 1; id <= info.n_nodes; id++)
        if (ga_plan_life(plan, id, &birth, &death) && death > end)
            end = death;
    return end;
}

/* Worth a line. */
static bool is_much(const struct moment *moment, uint64_t bytes)
{
    return bytes > ga_plan_peak(moment->solution->plan, moment->pool) / 1000;
}

void why_ends(const struct moment *moment, struct text *out)
{
    uint64_t end = end_of(moment->solution->plan), inputs = 0, kept = 0;
    char a[32], b[32];
    for (uint32_t i = 0; i < moment->n_live; i++) {
        const struct ga_live *live = &moment->live[i];
        inputs += live->birth == 0 ? live->size : 0;
        kept += live->birth > 0 && live->death == end && moment->step + 1 < end ? live->size : 0;
    }
    inputs = is_much(moment, inputs) ? inputs : 0;
    kept = is_much(moment, kept) ? kept : 0;
    if (!moment->input->is_graph || inputs + kept == 0)
        return;
    gai_text(out, "\n  Of it ");
    if (inputs)
        gai_text(out, "%s are inputs, there before the first node%s", gai_text_bytes(a, inputs), kept ? ", and " : "");
    if (kept)
        gai_text(out, "%s are kept to the end: outputs, or what nobody reads", gai_text_bytes(b, kept));
    gai_text(out, ".\n");
}

/* ---- in place ---- */

static bool share_bytes(const ga_plan *plan, ga_id a, ga_id b)
{
    struct ga_slot x, y;
    return ga_plan_slot(plan, a, &x) && ga_plan_slot(plan, b, &y) && x.pool == y.pool && x.chunk == y.chunk &&
           x.offset < y.offset + y.size && y.offset < x.offset + x.size;
}

static ga_id root_of(const ga_graph *graph, ga_id id)
{
    struct ga_node node;
    ga_graph_node(graph, id, &node);
    return node.view_of != GA_NONE ? node.view_of : id;
}

/* Whether some node of this graph with that op may take over: then its op is no hindrance. */
static bool op_reuses(const ga_graph *graph, const struct ga_node *node)
{
    struct ga_node other;
    for (ga_id id = 1; id <= ga_graph_len(graph); id++)
        if (ga_graph_node(graph, id, &other) && other.reuse && strcmp(other.op, node->op) == 0)
            return true;
    return false;
}

static void write_refusal(const struct moment *moment, const struct ga_node *heir, uint32_t at, struct text *out)
{
    const ga_graph *graph = moment->input->graph.graph;
    const ga_plan *plan = moment->solution->plan;
    struct ga_node source, root;
    ga_id id = root_of(graph, heir->src[at]);
    uint64_t birth = 0, death = 0;
    ga_graph_node(graph, heir->src[at], &source);
    ga_graph_node(graph, id, &root);
    ga_plan_life(plan, id, &birth, &death);
    if ((source.flags | root.flags) & GA_OUTPUT)
        gai_text(out, "an output, kept to the end");
    else if (death > moment->step + 1 && death == end_of(plan))
        gai_text(out, "kept to the end");
    else if (death > moment->step + 1)
        gai_text(out, "needed until step %" PRIu64, death - 1);
    else if (at < 64 && (heir->reuse >> at & 1))
        gai_text(out, "allowed, but nothing would be saved");
    else if (!heir->reuse && !op_reuses(graph, heir) && !gai_op_may_reuse(heir->op, heir->n_src))
        gai_text(out, "%s does not run in place", heir->op);
    else if (root.size < heir->size)
        gai_text(out, "too small");
    else if (moment->inplace < INPLACE_MORE && gai_op_may_reuse(heir->op, heir->n_src))
        gai_text(out, "only --inplace=more may allow it");
    else
        gai_text(out, "of another layout, or looked into elsewhere");
}

/* A source that the planner could give away, listed here for the first time; few are large enough to be looked for. */
static bool is_candidate(const struct moment *moment, const struct ga_node *heir, uint32_t at)
{
    const ga_graph *graph = moment->input->graph.graph;
    struct ga_slot slot;
    if (heir->src[at] == GA_NONE)
        return false;
    ga_id root = root_of(graph, heir->src[at]);
    if (!ga_plan_slot(moment->solution->plan, root, &slot) || slot.pool != moment->pool || !is_much(moment, slot.size))
        return false;
    for (uint32_t i = 0; i < at; i++)
        if (heir->src[i] != GA_NONE && root_of(graph, heir->src[i]) == root)
            return false;
    return true;
}

static void write_candidates(const struct moment *moment, ga_id id, const struct ga_node *heir, struct text *out)
{
    const ga_graph *graph = moment->input->graph.graph;
    bool is_first = true;
    for (uint32_t i = 0; i < heir->n_src; i++)
        if (heir->src[i] != GA_NONE && share_bytes(moment->solution->plan, id, root_of(graph, heir->src[i])))
            return; /* it has taken over */
    for (uint32_t i = 0; i < heir->n_src; i++) {
        struct ga_slot slot;
        char size[32];
        if (!is_candidate(moment, heir, i))
            continue;
        ga_id root = root_of(graph, heir->src[i]);
        if (is_first) {
            gai_text(out, "\n  ");
            why_name(moment->input, id, "", out);
            gai_text(out, " takes over nothing that it reads:\n");
        }
        is_first = false;
        ga_plan_slot(moment->solution->plan, root, &slot);
        gai_text(out, "  %10s  ", gai_text_bytes(size, slot.size));
        why_name(moment->input, root, "", out);
        gai_text(out, ": ");
        write_refusal(moment, heir, i, out);
        gai_text(out, "\n");
    }
}

void why_inplace(const struct moment *moment, struct text *out)
{
    if (!moment->input->is_graph)
        return;
    const ga_graph *graph = moment->input->graph.graph;
    for (struct walk walk = walk_start(graph); walk_next(&walk);) {
        struct ga_node node;
        struct ga_slot slot;
        if (walk.step != moment->step || !ga_graph_node(graph, walk.id, &node) || node.view_of != GA_NONE)
            continue;
        if (ga_plan_slot(moment->solution->plan, walk.id, &slot) && slot.pool == moment->pool)
            write_candidates(moment, walk.id, &node, out);
    }
}

/* ---- other steps ---- */

/* How much lives when, as stretches of time between events. */
/* Times at which so much lives. */
struct level {
    uint64_t bytes, n, first;
    bool has_moment; /* the one that is explained is among them */
};

/* The highest level below a limit; from one event to the next nothing changes. */
static struct level level_below(const struct moment *moment, const struct scene *scene, const struct scene_event *events,
                                uint32_t n, uint64_t limit)
{
    struct level level = { 0 };
    uint64_t live = 0;
    for (uint32_t i = 0; i + 1 < n; i++) {
        const struct tile *tile = &scene->tiles[events[i].tile];
        uint64_t from = events[i].time, to = events[i + 1].time;
        if (tile->pool == moment->pool)
            live = events[i].is_birth ? live + tile->size : live - tile->size;
        if (from == to || live >= limit || live < level.bytes)
            continue;
        if (live > level.bytes)
            level = (struct level){ .bytes = live, .first = from };
        level.n += to - from;
        level.has_moment = level.has_moment || (from <= moment->step && moment->step < to);
    }
    return level;
}

static void write_elsewhere(const struct moment *moment, const struct level *top, const struct level *next, struct text *out)
{
    const char *unit = moment->input->is_graph ? "step" : "time";
    char size[32], saved[32];
    if (!top->has_moment)
        return; /* padding decided */
    if (top->n > 1)
        gai_text(out, "  As much lives at %" PRIu64 " other %s%s: what helps has to help there, too.\n", top->n - 1, unit,
                 top->n > 2 ? "s" : "");
    else if (next->bytes)
        gai_text(out, "  Relief at this %s alone saves %s at most: %s live at %s %" PRIu64 ".\n", unit,
                 gai_text_bytes(saved, top->bytes - next->bytes), gai_text_bytes(size, next->bytes), unit, next->first);
}

enum ga_status why_elsewhere(const struct moment *moment, struct text *out)
{
    struct scene scene;
    uint32_t n;
    enum ga_status status =
        gai_scene_make(&moment->solution->report, moment->input->is_graph ? NULL : &moment->input->intervals, &scene);
    if (status != GA_OK)
        return status;
    struct scene_event *events = gai_scene_events(&scene, &n);
    if (events) {
        struct level top = level_below(moment, &scene, events, n, UINT64_MAX);
        struct level next = level_below(moment, &scene, events, n, top.bytes);
        write_elsewhere(moment, &top, &next, out);
    }
    mem_free(&scene.mem, events, n);
    status = events ? GA_OK : GA_NO_MEMORY;
    gai_scene_fini(&scene);
    return status;
}
