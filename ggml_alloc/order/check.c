/*
 * check.c - is a list a legal order of a graph?
 *
 * Derived from the nodes as they were added.  Every touch of a root gets a number in the order given: how often the root had been
 * written through a view until then.  In a legal order each touch meets the same number.
 */
#include "ggml_alloc/order.h"

#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"

#include <inttypes.h>

#define NEVER UINT32_MAX

struct checker {
    const ga_graph *graph;
    ga_id *given;        /* nodes that run, in the order given */
    uint32_t *place;     /* by id: where it stands there */
    uint32_t *step_of;   /* by id: in the order given; NEVER */
    uint32_t *first;     /* by step: the place of its first node; a sentinel ends the last */
    bool *met;           /* by id: it has been read from the list */
    uint32_t *written;   /* by id: how often a root has been written so far */
    uint32_t *versions;  /* by source slot, and by id behind those: `written` of what is touched, in the order given */
    uint32_t *ends;      /* by extension: likewise, of what it extends */
    uint32_t *extension; /* by id: 1 + the first extension that ends with it... */
    uint32_t *next;      /* ...and by extension: 1 + the next one */
    uint32_t n_given, n_steps;
    uint32_t n_met, last_met; /* nodes read, and the last step, in the order given, of any */
    char *why;
    size_t cap;
};

static bool complain(const struct checker *c, ga_id id, const char *what)
{
    gai_say(c->why, c->cap, "node %" PRIu32 " '%.60s' %s", id, gai_graph_name(c->graph, id), what);
    return false;
}

static ga_id root_of(const struct checker *c, ga_id id)
{
    return c->graph->nodes[id].root;
}

/* Extensions that end with this node, now that so much is written. */
static bool meet_extensions(struct checker *c, ga_id id, bool records)
{
    for (uint32_t i = c->extension[id]; i; i = c->next[i - 1]) {
        ga_id root = root_of(c, c->graph->extends[i - 1].id);
        uint32_t version = c->written[root];
        bool runs_apart = c->step_of[root] != NEVER && c->step_of[root] != c->step_of[id];
        bool was_there = runs_apart && c->step_of[root] < c->step_of[id];
        if (records)
            c->ends[i - 1] = version;
        else if (c->ends[i - 1] != version || (runs_apart && was_there != c->met[root]))
            return complain(c, id, "is where an extended life ends, but passes who writes it");
    }
    return true;
}

/* Takes down, or compares, what a node finds written in all that it touches. */
static bool meet(struct checker *c, ga_id id, bool records)
{
    struct sources sources = node_sources(c->graph, id);
    uint32_t first = c->graph->nodes[id].src;
    for (uint32_t i = 0; i <= sources.n; i++) {
        bool is_own = i == sources.n;
        ga_id touched = is_own ? id : sources.at[i];
        uint32_t *version = &c->versions[is_own ? (size_t)c->graph->n_srcs + id : (size_t)first + i];
        if (records)
            *version = c->written[root_of(c, touched)];
        else if (touched != GA_NONE && *version != c->written[root_of(c, touched)])
            return complain(c, id, "passes a write through a view into what it touches");
    }
    return meet_extensions(c, id, records);
}

static void write(struct checker *c, ga_id id)
{
    c->written[root_of(c, id)] += (c->graph->nodes[id].flags & GA_WRITES) != 0;
}

static void list_extensions(struct checker *c)
{
    const ga_graph *graph = c->graph;
    for (uint32_t i = graph->n_extends; i-- > 0;) {
        c->next[i] = c->extension[graph->extends[i].until];
        c->extension[graph->extends[i].until] = i + 1;
    }
}

/* Nodes of one step find what was written before the step. */
static void read_given(struct checker *c)
{
    const ga_graph *graph = c->graph;
    uint32_t done = 0;
    for (ga_id id = 0; id <= graph->n_nodes; id++)
        c->step_of[id] = NEVER;
    list_extensions(c);
    for (struct walk walk = walk_start(graph); walk_next(&walk);) {
        for (; walk.step != c->n_steps && done < c->n_given; done++)
            write(c, c->given[done]);
        meet(c, walk.id, true);
        if (walk.step != c->n_steps)
            c->first[walk.step] = c->n_given;
        c->n_steps = walk.step;
        c->step_of[walk.id] = walk.step;
        c->place[walk.id] = c->n_given;
        c->given[c->n_given++] = walk.id;
    }
    c->first[c->n_steps + 1] = c->n_given;
    for (ga_id id = 0; id <= graph->n_nodes; id++)
        c->written[id] = 0;
}

static bool need_is_met(const struct checker *c, ga_id id, ga_id need)
{
    if (c->step_of[need] == NEVER || c->step_of[need] == c->step_of[id])
        return true;
    bool was_later = c->step_of[need] > c->step_of[id];
    if (!was_later && !c->met[need])
        return complain(c, id, "comes before what it needs");
    return !(was_later && c->met[need]) || complain(c, id, "comes behind what it was to announce");
}

static bool needs_are_met(const struct checker *c, ga_id id)
{
    struct sources sources = node_sources(c->graph, id);
    for (uint32_t i = 0; i < sources.n; i++) {
        ga_id need = sources.at[i];
        if (need != GA_NONE && !(need_is_met(c, id, need) && need_is_met(c, id, root_of(c, need))))
            return false;
    }
    return need_is_met(c, id, root_of(c, id));
}

static bool is_alone(const struct checker *c, ga_id id)
{
    uint32_t step = c->step_of[id];
    return c->first[step + 1] - c->first[step] == 1;
}

/* The copy that a DEPEND belongs to, if the node right behind it is one; else GA_NONE. */
static ga_id copy_of(const struct checker *c, ga_id mark)
{
    const struct node *nodes = c->graph->nodes;
    struct sources from = node_sources(c->graph, mark);
    if (c->place[mark] + 1 == c->n_given || from.n != 1 || from.at[0] == GA_NONE || !is_alone(c, mark))
        return GA_NONE;
    ga_id to = c->given[c->place[mark] + 1];
    bool is_copy = node_sources(c->graph, to).n == 0 && node_owns(c->graph, to) && nodes[to].pool != nodes[from.at[0]].pool;
    return is_copy && is_alone(c, to) ? to : GA_NONE;
}

/* A DEPEND stays where it is, or right before its copy; `next` is what the list has behind its step. */
static bool mark_stays(const struct checker *c, ga_id mark, ga_id next)
{
    uint32_t step = c->step_of[mark];
    ga_id copy = copy_of(c, mark);
    if (copy != GA_NONE)
        return next == copy || complain(c, mark, "is no longer right before its copy");
    bool stays = c->n_met == c->first[step] && c->last_met < step;
    return stays || complain(c, mark, "is a DEPEND, and passes another node, or is passed");
}

static bool is_listed_well(const struct checker *c, ga_id id)
{
    if (id > c->graph->n_nodes) {
        gai_say(c->why, c->cap, "there is no node %" PRIu32, id);
        return false;
    }
    if (c->step_of[id] == NEVER)
        return complain(c, id, "is listed, but does not run in the order given");
    return !c->met[id] || complain(c, id, "is listed twice");
}

static bool is_leaf(const struct checker *c, ga_id id)
{
    return id <= c->graph->n_nodes && !node_takes_step(c->graph, id);
}

/* One step of the list, `n` nodes: those of one step of the graph, all of them.  `next` stands behind them. */
static bool read_step(struct checker *c, const ga_id *list, size_t n, ga_id next)
{
    uint32_t step = 0, found = 0, before = c->n_met;
    for (size_t i = 0; i < n; i++) {
        ga_id id = list[i];
        if (is_leaf(c, id))
            continue;
        if (!is_listed_well(c, id))
            return false;
        if (found && c->step_of[id] != step)
            return complain(c, id, "has joined another step");
        step = c->step_of[id];
        if ((c->graph->nodes[id].flags & GA_DEPEND) && !mark_stays(c, id, next))
            return false;
        if (!needs_are_met(c, id) || !meet(c, id, false))
            return false;
        c->met[id] = true;
        found++;
    }
    if (found && found != c->first[step + 1] - c->first[step])
        return complain(c, c->given[c->first[step]], "is no longer together with all of its step");
    for (size_t i = 0; i < n; i++)
        write(c, list[i]);
    c->n_met = before + found;
    c->last_met = found && step > c->last_met ? step : c->last_met;
    return true;
}

static bool read_list(struct checker *c, const ga_id *list, size_t n)
{
    for (size_t at = 0; at < n; at++) {
        size_t first = at;
        while (at < n && list[at] != GA_NONE)
            at++;
        ga_id next = at + 1 < n ? list[at + 1] : GA_NONE;
        if (!read_step(c, list + first, at - first, next))
            return false;
    }
    for (uint32_t i = 0; i < c->n_given; i++)
        if (!c->met[c->given[i]])
            return complain(c, c->given[i], "is not listed");
    return true;
}

static bool names_exist(const ga_graph *graph, char *why, size_t cap)
{
    bool exist = graph->n_ahead == 0;
    for (uint32_t i = 0; i < graph->n_extends; i++)
        exist &= graph->extends[i].id <= graph->n_nodes && graph->extends[i].until <= graph->n_nodes;
    if (!exist)
        gai_say(why, cap, "a DEPEND or an extension names a node that was never added");
    return exist;
}

enum ga_status ga_order_check(const ga_graph *graph, const ga_id *list, size_t n, char *why, size_t cap)
{
    const struct ga_mem *mem = &graph->env.mem;
    struct checker c = { .graph = graph, .why = why, .cap = cap };
    if (graph->status != GA_OK)
        return graph->status;
    if (!names_exist(graph, why, cap))
        return GA_INVALID;
    size_t ids = (size_t)graph->n_nodes + 2, slots = ids + graph->n_srcs;
    c.given = mem_new(mem, ga_id, ids);
    c.place = mem_new(mem, uint32_t, ids);
    c.step_of = mem_new(mem, uint32_t, ids);
    c.first = mem_new(mem, uint32_t, ids);
    c.met = mem_new(mem, bool, ids);
    c.written = mem_new(mem, uint32_t, ids);
    c.versions = mem_new(mem, uint32_t, slots);
    c.extension = mem_new(mem, uint32_t, ids);
    c.ends = mem_new(mem, uint32_t, graph->n_extends);
    c.next = mem_new(mem, uint32_t, graph->n_extends);
    enum ga_status status = GA_NO_MEMORY;
    if (c.given && c.place && c.step_of && c.first && c.met && c.written && c.versions && c.extension && c.ends && c.next) {
        read_given(&c);
        status = read_list(&c, list, n) ? GA_OK : GA_INVALID;
    }
    mem_free(mem, c.given, ids);
    mem_free(mem, c.place, ids);
    mem_free(mem, c.step_of, ids);
    mem_free(mem, c.first, ids);
    mem_free(mem, c.met, ids);
    mem_free(mem, c.written, ids);
    mem_free(mem, c.versions, slots);
    mem_free(mem, c.extension, ids);
    mem_free(mem, c.ends, graph->n_extends);
    mem_free(mem, c.next, graph->n_extends);
    return status;
}
