/*
 * check.c - is a plan right for a graph?
 *
 * Everything is derived again from the nodes as they were added, in another way than the planner's: tensor by tensor, who reads
 * it when.  Then a sweep over time keeps what is live by address, so that a newcomer need only be compared with its neighbours.
 * What has died stays until somebody comes to where it is.  O(nodes log nodes); no code is shared with lifetimes, take-over rules
 * or solvers.
 */
#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "plan/pieces.h"
#include "plan/plan.h"

#include <inttypes.h>
#include <string.h>

struct use {
    uint32_t first, last; /* steps, both included; NEVER: not used */
    ga_id last_reader;    /* of the bytes at `last`; GA_NONE when several nodes are */
};

#define NEVER UINT32_MAX

struct checker {
    const ga_plan *plan;
    const ga_graph *graph;
    uint32_t *step_of; /* by id; NEVER: does not run */
    struct use *uses;  /* by id, of roots */
    ga_id *order;      /* storages by first step */
    struct pieces live;
    uint32_t n_order, end;
    char *why;
    size_t cap;
    ga_id *pair; /* of the two that collide, or of the one that is wrong */
};

static bool is_leaf(const ga_graph *graph, ga_id id)
{
    return node_sources(graph, id).n == 0 && (graph->nodes[id].flags & (GA_INPUT | GA_EXTERNAL));
}

/* Steps from the flags, or from the sequence. */
static void number_steps(struct checker *c)
{
    const ga_graph *graph = c->graph;
    uint32_t step = 0;
    for (ga_id id = 0; id <= graph->n_nodes; id++)
        c->step_of[id] = NEVER;
    bool listed = graph->n_sequence != 0, opens = true;
    uint32_t n = listed ? graph->n_sequence : graph->n_nodes;
    for (uint32_t i = 0; i < n; i++) {
        ga_id id = listed ? graph->sequence[i] : i + 1;
        if (id == GA_NONE) {
            opens = true;
            continue;
        }
        if (is_leaf(graph, id))
            continue;
        if (!listed)
            opens = step == 0 || !(graph->nodes[id].flags & GA_TOGETHER);
        step += opens;
        opens = false;
        c->step_of[id] = step;
    }
    c->end = step + 1;
}

static void use(struct checker *c, ga_id root, uint32_t step, ga_id reader)
{
    struct use *u = &c->uses[root];
    if (u->first == NEVER || step < u->first)
        u->first = step;
    if (u->last == NEVER || step > u->last) {
        u->last = step;
        u->last_reader = reader;
    } else if (step == u->last && u->last_reader != reader) {
        u->last_reader = u->last_reader == root ? reader : GA_NONE;
    }
}

static bool is_used(const struct checker *c, ga_id root)
{
    return c->uses[root].first != NEVER;
}

static void find_runs(struct checker *c)
{
    const ga_graph *graph = c->graph;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        const struct node *node = &graph->nodes[id];
        struct sources sources = node_sources(graph, id);
        if (node->flags & GA_INPUT)
            use(c, node->root, 0, id);
        if (c->step_of[id] == NEVER)
            continue;
        use(c, node->root, c->step_of[id], id);
        for (uint32_t i = 0; i < sources.n; i++)
            if (sources.at[i] != GA_NONE && sources.at[i] != id)
                use(c, graph->nodes[sources.at[i]].root, c->step_of[id], id);
    }
}

/* Results, extensions, and what somebody outside the sequence reads. */
static void find_reasons_to_live_on(struct checker *c)
{
    const ga_graph *graph = c->graph;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        const struct node *node = &graph->nodes[id];
        bool unread = node->n_children == 0 && !(node->flags & (GA_DISCARD | GA_DEPEND));
        if (((node->flags & GA_OUTPUT) || unread) && is_used(c, node->root))
            use(c, node->root, c->end, GA_NONE);
        bool never_done = c->step_of[id] == NEVER && !is_leaf(graph, id);
        struct sources sources = node_sources(graph, id);
        for (uint32_t i = 0; never_done && i < sources.n; i++)
            if (sources.at[i] != GA_NONE && is_used(c, graph->nodes[sources.at[i]].root))
                use(c, graph->nodes[sources.at[i]].root, c->end, GA_NONE);
    }
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        ga_id root = graph->nodes[graph->extends[i].id].root, until = graph->extends[i].until;
        uint32_t step = c->step_of[until] != NEVER ? c->step_of[until] : is_leaf(graph, until) ? 0 : c->end;
        if (is_used(c, root) && step >= c->uses[root].last)
            c->uses[root] = (struct use){ c->uses[root].first, step, GA_NONE };
    }
}

static void find_uses(struct checker *c)
{
    for (ga_id id = 0; id <= c->graph->n_nodes; id++)
        c->uses[id] = (struct use){ NEVER, NEVER, GA_NONE };
    find_runs(c);
    find_reasons_to_live_on(c);
}

static bool owes(const struct checker *c, ga_id id)
{
    const struct node *node = &c->graph->nodes[id];
    return node->root == id && c->graph->bodies[id].size > 0 && !(node->flags & (GA_EXTERNAL | GA_ELIDED | GA_DEPEND)) &&
           is_used(c, id);
}

static bool complain(struct checker *c, ga_id id, const char *what)
{
    c->pair[0] = id;
    gai_say(c->why, c->cap, "node %" PRIu32 " '%.60s' %s", id, gai_graph_name(c->graph, id), what);
    return false;
}

/* Each storage by itself: there, large enough, aligned, inside its chunk. */
static bool slots_are_sound(struct checker *c)
{
    const ga_plan *plan = c->plan;
    for (ga_id id = 1; id <= c->graph->n_nodes; id++) {
        const struct node *node = &c->graph->nodes[id];
        const struct body *body = &c->graph->bodies[id];
        const struct ga_slot *slot = &plan->slots[id], *root = &plan->slots[node->root];
        if (node->root != id && root->size != 0 && (slot->offset != root->offset + body->view_offset || slot->chunk != root->chunk))
            return complain(c, id, "is a view whose window is not where its root is");
        if (!owes(c, id))
            continue;
        uint64_t align = node_align(c->graph, id);
        if (slot->size < body->size)
            return complain(c, id, "has fewer bytes than it needs");
        if (align && (slot->offset & (align - 1)))
            return complain(c, id, "is misaligned");
        uint64_t chunk = ga_plan_chunk(plan, slot->pool, slot->chunk);
        if (slot->pool != node->pool || slot->offset > chunk || slot->size > chunk - slot->offset)
            return complain(c, id, "lies outside its chunk");
    }
    return true;
}

/* Storages by first step: a counting sort, stable by id. */
static void sort_storages(struct checker *c, uint32_t *starts)
{
    for (uint32_t step = 0; step <= c->end; step++)
        starts[step] = 0;
    for (ga_id id = 1; id <= c->graph->n_nodes; id++)
        if (owes(c, id))
            starts[c->uses[id].first]++;
    uint32_t sum = 0;
    for (uint32_t step = 0; step <= c->end; step++) {
        uint32_t n = starts[step];
        starts[step] = sum;
        sum += n;
    }
    for (ga_id id = 1; id <= c->graph->n_nodes; id++)
        if (owes(c, id))
            c->order[starts[c->uses[id].first]++] = id;
    c->n_order = sum;
}

/* What a storage takes while it lives. */
static struct piece piece_of(const struct checker *c, ga_id id)
{
    const struct ga_slot *slot = &c->plan->slots[id];
    return (struct piece){
        .at = slot->offset,
        .end = slot->offset + c->graph->bodies[id].size,
        .place = (uint32_t)slot->pool << 16 | slot->chunk,
        .last = c->uses[id].last,
        .id = id,
    };
}

static void note_edges(struct checker *c)
{
    for (uint32_t i = 0; i < c->n_order; i++) {
        struct piece piece = piece_of(c, c->order[i]);
        gai_pieces_edge(&c->live, piece.place, piece.at);
        gai_pieces_edge(&c->live, piece.place, piece.end);
    }
    gai_pieces_sort(&c->live);
}

/* Whether source number `slot` of `heir` lets it sit where it sits, in bytes of `from`. */
static bool slot_allows(const struct checker *c, ga_id heir, uint32_t slot, ga_id from)
{
    const struct node *nodes = c->graph->nodes;
    struct sources sources = node_sources(c->graph, heir);
    const struct body *bodies = c->graph->bodies, *window = &bodies[sources.at[slot]];
    if (sources.at[slot] == GA_NONE || nodes[sources.at[slot]].root != from || (nodes[sources.at[slot]].flags & GA_OUTPUT))
        return false;
    uint64_t written = c->plan->slots[heir].size > window->size ? c->plan->slots[heir].size : window->size;
    for (uint32_t i = 0; i < sources.n; i++) {
        const struct body *other = &bodies[sources.at[i]];
        bool same = other->view_offset == window->view_offset && other->size == window->size;
        bool apart = other->view_offset + other->size <= window->view_offset ||
                     (other->view_offset >= window->view_offset && other->view_offset - window->view_offset >= written);
        if (sources.at[i] != GA_NONE && nodes[sources.at[i]].root == from && !same && !apart)
            return false;
    }
    return c->plan->slots[heir].offset == c->plan->slots[from].offset + window->view_offset;
}

static bool may_take_over(const struct checker *c, ga_id heir, ga_id from)
{
    const struct use *old = &c->uses[from];
    struct masks masks = node_masks(c->graph, heir);
    bool at_the_edge = c->uses[heir].first == old->last && c->step_of[heir] == old->last && old->last_reader == heir;
    if (!at_the_edge || (c->graph->nodes[from].flags & GA_OUTPUT))
        return false;
    for (uint32_t slot = 0; slot < 64 && slot < node_sources(c->graph, heir).n; slot++)
        if ((masks.reuse >> slot & 1) && slot_allows(c, heir, slot, from))
            return true;
    return false;
}

/* The heir's bytes have left `old`; what remains of it, before and behind, stays live until its step ends. */
static void put_rest(struct checker *c, const struct piece *old, const struct piece *heir)
{
    struct piece before = *old, behind = *old;
    before.end = heir->at;
    behind.at = heir->end;
    if (before.at < before.end)
        gai_pieces_put(&c->live, &before);
    if (behind.at < behind.end)
        gai_pieces_put(&c->live, &behind);
}

static bool collide(struct checker *c, ga_id other, ga_id id)
{
    const struct ga_slot *slot = &c->plan->slots[id];
    c->pair[0] = other;
    c->pair[1] = id;
    gai_say(c->why, c->cap, "nodes %" PRIu32 " '%.40s' and %" PRIu32 " '%.40s' share bytes of pool %u, chunk %u in step %" PRIu32,
            other, gai_graph_name(c->graph, other), id, gai_graph_name(c->graph, id), slot->pool, slot->chunk, c->uses[id].first);
    return false;
}

static bool sweep(struct checker *c)
{
    note_edges(c);
    for (uint32_t i = 0; i < c->n_order; i++) {
        struct piece other, piece = piece_of(c, c->order[i]);
        while (gai_pieces_take(&c->live, &piece, &other)) {
            if (other.last < c->uses[piece.id].first)
                continue;
            if (!may_take_over(c, piece.id, other.id))
                return collide(c, other.id, piece.id);
            put_rest(c, &other, &piece);
        }
        gai_pieces_put(&c->live, &piece);
    }
    return true;
}

enum ga_status gai_plan_check_pair(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap, ga_id pair[2])
{
    pair[0] = pair[1] = GA_NONE;
    if (!ga_plan_fits(plan, graph, why, cap))
        return GA_STALE;
    const struct ga_mem *mem = &graph->env.mem;
    size_t n = (size_t)graph->n_nodes + 2;
    struct checker c = { .plan = plan, .graph = graph, .why = why, .cap = cap, .pair = pair };
    c.step_of = mem_new_raw(mem, uint32_t, n);
    c.uses = mem_new_raw(mem, struct use, n);
    c.order = mem_new_raw(mem, ga_id, n);
    bool has_pieces = gai_pieces_init(&c.live, mem, 2 * graph->n_nodes);
    uint32_t *starts = mem_new_raw(mem, uint32_t, n);
    enum ga_status status = GA_NO_MEMORY;
    if (c.step_of && c.uses && c.order && has_pieces && starts) {
        number_steps(&c);
        find_uses(&c);
        sort_storages(&c, starts);
        status = slots_are_sound(&c) && sweep(&c) ? GA_OK : GA_INVALID;
    }
    mem_free(mem, starts, n);
    gai_pieces_fini(&c.live, mem);
    mem_free(mem, c.order, n);
    mem_free(mem, c.uses, n);
    mem_free(mem, c.step_of, n);
    return status;
}

enum ga_status ga_plan_check(const ga_plan *plan, const ga_graph *graph, char *why, size_t cap)
{
    ga_id pair[2];
    return gai_plan_check_pair(plan, graph, why, cap, pair);
}
