#include "order/turns.h"

#include "base/array.h"
#include "base/bits.h"
#include "order/gather.h"

static const struct node *node_at(const struct gather *g, ga_id id)
{
    return &g->graph->nodes[id];
}

/* The nodes that run, step by step. */
static void gather_steps(struct gather *g)
{
    struct turns *out = g->out;
    for (ga_id id = 0; id <= g->graph->n_nodes; id++)
        g->step_of[id] = STEP_NEVER;
    uint32_t last = 0;
    for (struct walk walk = walk_start(g->graph); walk_next(&walk);) {
        if (walk.step != last)
            out->steps[out->n_steps++].node = out->n_nodes;
        last = walk.step;
        g->step_of[walk.id] = out->n_steps - 1;
        out->nodes[out->n_nodes++] = walk.id;
    }
    out->steps[out->n_steps].node = out->n_nodes;
}

static void gather_storages(struct gather *g)
{
    struct turns *out = g->out;
    for (ga_id id = 0; id <= g->graph->n_nodes; id++) {
        const struct life *life = &g->lives.of[id];
        g->storage_of[id] = STORAGE_NONE;
        if (id == GA_NONE || !node_owns(g->graph, id) || life->birth == LIVE_UNBORN)
            continue;
        uint64_t align = max_u64(g->aligns[node_at(g, id)->pool], node_align(g->graph, id));
        g->storage_of[id] = out->n_storages;
        out->storages[out->n_storages++] = (struct storage){
            .size = align_up(g->graph->bodies[id].size, align),
            .pool = node_at(g, id)->pool,
            .is_there = life->birth == 0,
            .stays = life->death == LIVE_KEPT,
        };
    }
}

/* The touch of `root` in `step`, found or made; NULL: no memory. */
static struct touch *touch(struct gather *g, uint32_t step, ga_id root)
{
    uint32_t at = g->seen[root];
    if (at >= g->first_touch[step] && at < g->n_touches && g->touches[at].root == root)
        return &g->touches[at];
    if (!array_room(&g->out->mem, &g->touches, &g->cap_touches, g->n_touches + (uint64_t)1))
        return NULL;
    g->seen[root] = g->n_touches;
    g->touches[g->n_touches] = (struct touch){ .root = root };
    return &g->touches[g->n_touches++];
}

static bool touch_of_node(struct gather *g, uint32_t step, ga_id id)
{
    struct sources sources = node_sources(g->graph, id);
    for (uint32_t i = 0; i < sources.n; i++) {
        ga_id src = sources.at[i];
        if (src != GA_NONE && src != id && !touch(g, step, node_at(g, src)->root))
            return false;
    }
    struct touch *own = touch(g, step, node_at(g, id)->root);
    if (own)
        own->writes |= (node_at(g, id)->flags & GA_WRITES) != 0;
    return own;
}

/* The step in which an extension ends; STEP_NEVER: in none, or before what it extends is born. */
static uint32_t extension_end(const struct gather *g, const struct extension *extension)
{
    ga_id root = node_at(g, extension->id)->root;
    uint32_t end = g->step_of[extension->until], birth = g->lives.of[root].birth;
    return end != STEP_NEVER && birth != LIVE_UNBORN && end + 1 >= birth ? end : STEP_NEVER;
}

static bool touch_of_extensions(struct gather *g, uint32_t step)
{
    const ga_graph *graph = g->graph;
    for (uint32_t i = g->first_extension[step]; i; i = g->next_extension[i - 1]) {
        struct touch *made = touch(g, step, node_at(g, graph->extends[i - 1].id)->root);
        if (!made)
            return false;
        made->extends = true;
    }
    return true;
}

static void list_extensions(struct gather *g)
{
    for (uint32_t i = g->graph->n_extends; i-- > 0;) {
        uint32_t step = extension_end(g, &g->graph->extends[i]);
        if (step == STEP_NEVER)
            continue;
        g->next_extension[i] = g->first_extension[step];
        g->first_extension[step] = i + 1;
    }
}

/* What each step touches, and of that what is ours. */
static bool gather_touches(struct gather *g)
{
    struct turns *out = g->out;
    list_extensions(g);
    for (uint32_t step = 0; step < out->n_steps; step++) {
        g->first_touch[step] = g->n_touches;
        out->steps[step].use = out->n_uses;
        for (uint32_t n = out->steps[step].node; n < out->steps[step + 1].node; n++)
            if (!touch_of_node(g, step, out->nodes[n]))
                return false;
        if (!touch_of_extensions(g, step))
            return false;
        uint64_t need = (uint64_t)out->n_uses + (g->n_touches - g->first_touch[step]);
        if (!array_room(&out->mem, &out->uses, &out->cap_uses, need))
            return false;
        for (uint32_t t = g->first_touch[step]; t < g->n_touches; t++) {
            uint32_t storage = g->storage_of[g->touches[t].root];
            if (storage == STORAGE_NONE)
                continue;
            out->uses[out->n_uses++] = storage;
            out->storages[storage].n_uses++;
        }
    }
    g->first_touch[out->n_steps] = g->n_touches;
    out->steps[out->n_steps].use = out->n_uses;
    return true;
}

static bool is_depend(const struct gather *g, uint32_t step)
{
    const struct step *at = &g->out->steps[step];
    return at[1].node == at[0].node + 1 && (node_at(g, g->out->nodes[at->node])->flags & GA_DEPEND);
}

/* A mark for one source and, right behind it, bytes of another pool that come from nowhere: from there. */
static bool is_copy(const struct gather *g, uint32_t step)
{
    const struct turns *out = g->out;
    if (step + 1 >= out->n_steps || !is_depend(g, step) || out->steps[step + 2].node != out->steps[step + 1].node + 1)
        return false;
    struct sources from = node_sources(g->graph, out->nodes[out->steps[step].node]);
    ga_id to = out->nodes[out->steps[step + 1].node];
    bool is_target = node_owns(g->graph, to) && node_sources(g->graph, to).n == 0;
    return is_target && from.n == 1 && from.at[0] != GA_NONE && node_at(g, from.at[0])->pool != node_at(g, to)->pool;
}

static bool only_looks(const struct node *node, ga_id id)
{
    return node->root != id && !(node->flags & GA_WRITES);
}

static void describe_turn(const struct gather *g, struct turn *turn, uint32_t step)
{
    const struct step *at = &g->out->steps[step];
    for (uint32_t n = at[0].node; n < at[1].node && !turn->computes; n++) {
        ga_id id = g->out->nodes[n];
        const struct node *node = node_at(g, id);
        turn->computes = !(node->flags & GA_DEPEND) && !only_looks(node, id);
        turn->pool = node->pool;
    }
}

static void gather_turns(struct gather *g)
{
    struct turns *out = g->out;
    for (uint32_t step = 0; step < out->n_steps; step++) {
        struct turn *turn = &out->of[out->n_turns];
        *turn = (struct turn){ .step = step };
        g->turn_of[step] = out->n_turns;
        if (is_copy(g, step))
            g->turn_of[++step] = out->n_turns;
        else
            describe_turn(g, turn, step);
        out->n_turns++;
    }
    out->of[out->n_turns] = (struct turn){ .step = out->n_steps };
}

static bool make_room(struct gather *g)
{
    const struct ga_mem *mem = &g->out->mem;
    struct turns *out = g->out;
    uint64_t ids = (uint64_t)g->graph->n_nodes + 1;
    g->step_of = mem_new(mem, uint32_t, (size_t)ids);
    g->storage_of = mem_new(mem, uint32_t, (size_t)ids);
    g->seen = mem_new(mem, uint32_t, (size_t)ids);
    g->turn_of = mem_new(mem, uint32_t, (size_t)ids);
    g->first_touch = mem_new(mem, uint32_t, (size_t)ids);
    g->first_extension = mem_new(mem, uint32_t, (size_t)ids);
    g->next_extension = mem_new(mem, uint32_t, g->graph->n_extends);
    bool fits = gai_array_exact(mem, &out->nodes, sizeof *out->nodes, &out->cap_nodes, ids) &&
                gai_array_exact(mem, &out->steps, sizeof *out->steps, &out->cap_steps, ids) &&
                gai_array_exact(mem, &out->of, sizeof *out->of, &out->cap_turns, ids) &&
                gai_array_exact(mem, &out->storages, sizeof *out->storages, &out->cap_storages, ids);
    return fits && g->step_of && g->storage_of && g->seen && g->turn_of && g->first_touch && g->first_extension &&
           g->next_extension;
}

static enum ga_status gather(struct gather *g)
{
    if (!make_room(g))
        return GA_NO_MEMORY;
    gather_steps(g);
    gather_storages(g);
    if (!gather_touches(g))
        return GA_NO_MEMORY;
    gather_turns(g);
    enum ga_status status = gai_heirs(g);
    return status == GA_OK ? gai_links(g) : status;
}

enum ga_status gai_turns(const ga_graph *graph, const uint64_t *aligns, struct turns *turns, char *why, size_t cap)
{
    const struct ga_mem *mem = &graph->env.mem;
    *turns = (struct turns){ .mem = *mem, .n_pools = graph->n_pools };
    struct gather g = { .graph = graph, .aligns = aligns, .out = turns };
    enum ga_status status = gai_live(graph, mem, &g.lives, why, cap);
    if (status != GA_OK)
        return status;
    status = gather(&g);
    size_t ids = (size_t)graph->n_nodes + 1;
    mem_free(mem, g.step_of, ids);
    mem_free(mem, g.storage_of, ids);
    mem_free(mem, g.seen, ids);
    mem_free(mem, g.turn_of, ids);
    mem_free(mem, g.first_touch, ids);
    mem_free(mem, g.first_extension, ids);
    mem_free(mem, g.next_extension, graph->n_extends);
    mem_free(mem, g.touches, g.cap_touches);
    gai_lives_fini(&g.lives, mem, graph);
    if (status != GA_OK)
        gai_turns_fini(turns);
    return status;
}

void gai_turns_fini(struct turns *turns)
{
    struct ga_mem mem = turns->mem;
    mem_free(&mem, turns->nodes, turns->cap_nodes);
    mem_free(&mem, turns->steps, turns->cap_steps);
    mem_free(&mem, turns->of, turns->cap_turns);
    mem_free(&mem, turns->storages, turns->cap_storages);
    mem_free(&mem, turns->uses, turns->cap_uses);
    mem_free(&mem, turns->heirs, turns->cap_heirs);
    mem_free(&mem, turns->befores, turns->cap_links);
    mem_free(&mem, turns->afters, turns->cap_links);
    *turns = (struct turns){ 0 };
}
