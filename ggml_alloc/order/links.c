/*
 * links.c - which turns must come before which
 */
#include "base/array.h"
#include "order/gather.h"

struct link {
    uint32_t from, to;
};

/* Touches of one root since it was last written. */
struct reader {
    uint32_t turn, next; /* 1 + the next reader */
};

struct linker {
    struct gather *g;
    struct link *links;
    uint32_t *writers; /* by id: 1 + the turn that wrote it last */
    uint32_t *readers; /* by id: 1 + the last of those that touched it since */
    struct reader *pool;
    uint32_t n_links, cap_links, n_pool;
    uint32_t barrier; /* 1 + the last turn that nobody passes */
};

static bool link_turns(struct linker *l, uint32_t from, uint32_t to)
{
    if (from == to)
        return true;
    if (!array_room(&l->g->out->mem, &l->links, &l->cap_links, l->n_links + (uint64_t)1))
        return false;
    l->links[l->n_links++] = (struct link){ from, to };
    return true;
}

/* `turn` needs node `id`, if that runs; only a DEPEND may come before what it names. */
static bool link_source(struct linker *l, ga_id id, uint32_t turn)
{
    uint32_t step = l->g->step_of[id];
    if (step == STEP_NEVER)
        return true;
    uint32_t source = l->g->turn_of[step];
    return source < turn ? link_turns(l, source, turn) : link_turns(l, turn, source);
}

/* A view that does not run is no link to whose bytes it shows: who reads it needs its root, too. */
static bool link_node(struct linker *l, ga_id id, uint32_t turn)
{
    const struct node *nodes = l->g->graph->nodes;
    struct sources sources = node_sources(l->g->graph, id);
    for (uint32_t i = 0; i < sources.n; i++) {
        ga_id src = sources.at[i];
        if (src != GA_NONE && !(link_source(l, src, turn) && link_source(l, nodes[src].root, turn)))
            return false;
    }
    return link_source(l, nodes[id].root, turn);
}

static bool link_touch(struct linker *l, const struct touch *touch, uint32_t turn)
{
    uint32_t *writer = &l->writers[touch->root], *last = &l->readers[touch->root];
    if (*writer && !link_turns(l, *writer - 1, turn))
        return false;
    if (!touch->writes) {
        l->pool[l->n_pool++] = (struct reader){ turn, *last };
        *last = l->n_pool;
        return true;
    }
    for (uint32_t at = *last; at; at = l->pool[at - 1].next)
        if (!link_turns(l, l->pool[at - 1].turn, turn))
            return false;
    *last = 0;
    *writer = turn + 1;
    return true;
}

static bool stays(const struct linker *l, uint32_t turn)
{
    const struct turns *out = l->g->out;
    uint32_t step = out->of[turn].step, first = out->steps[step].node, end = out->steps[step + 1].node;
    bool marks = false;
    for (uint32_t n = first; n < end; n++)
        marks |= (l->g->graph->nodes[out->nodes[n]].flags & GA_DEPEND) != 0;
    return marks && out->of[turn + 1].step == step + 1;
}

static bool link_barrier(struct linker *l, uint32_t turn)
{
    uint32_t first = l->barrier ? l->barrier - 1 : 0;
    if (l->barrier && !link_turns(l, first, turn))
        return false;
    if (!stays(l, turn))
        return true;
    for (uint32_t before = first; before < turn; before++)
        if (!link_turns(l, before, turn))
            return false;
    l->barrier = turn + 1;
    return true;
}

static bool link_turn(struct linker *l, uint32_t turn)
{
    const struct turns *out = l->g->out;
    uint32_t first = out->of[turn].step, end = out->of[turn + 1].step;
    for (uint32_t n = out->steps[first].node; n < out->steps[end].node; n++)
        if (!link_node(l, out->nodes[n], turn))
            return false;
    for (uint32_t t = l->g->first_touch[first]; t < l->g->first_touch[end]; t++)
        if (!link_touch(l, &l->g->touches[t], turn))
            return false;
    return link_barrier(l, turn);
}

static bool link_as_given(struct linker *l, uint32_t a, uint32_t b)
{
    uint32_t first = l->g->turn_of[a < b ? a : b], second = l->g->turn_of[a < b ? b : a];
    return link_turns(l, first, second);
}

/* Where an extension ends stays on its side of who makes the bytes, and of where they are born. */
static bool link_extensions(struct linker *l)
{
    const ga_graph *graph = l->g->graph;
    for (uint32_t i = 0; i < graph->n_extends; i++) {
        ga_id root = graph->nodes[graph->extends[i].id].root;
        uint32_t end = l->g->step_of[graph->extends[i].until], maker = l->g->step_of[root], birth = l->g->lives.of[root].birth;
        if (end == STEP_NEVER)
            continue;
        if (maker != STEP_NEVER && !link_as_given(l, end, maker))
            return false;
        if (birth != LIVE_UNBORN && birth > 0 && !link_as_given(l, end, birth - 1))
            return false;
    }
    return true;
}

/* Links by the turn they leave, each once. */
static void sort_afters(struct linker *l, uint32_t *first, uint32_t *seen)
{
    struct turns *out = l->g->out;
    for (uint32_t i = 0; i < l->n_links; i++)
        first[l->links[i].from + 1]++;
    for (uint32_t turn = 0; turn < out->n_turns; turn++)
        first[turn + 1] += first[turn];
    for (uint32_t i = 0; i < l->n_links; i++)
        out->afters[first[l->links[i].from]++] = l->links[i].to;
    for (uint32_t turn = 0, at = 0; turn < out->n_turns; turn++) {
        out->of[turn].after = out->n_links;
        for (; at < first[turn]; at++) {
            uint32_t to = out->afters[at];
            if (seen[to] != turn + 1)
                out->afters[out->n_links++] = to;
            seen[to] = turn + 1;
        }
    }
    out->of[out->n_turns].after = out->n_links;
}

/* And by the turn they enter. */
static void sort_befores(struct turns *out, uint32_t *first)
{
    for (uint32_t turn = 0; turn <= out->n_turns; turn++)
        first[turn] = 0;
    for (uint32_t i = 0; i < out->n_links; i++)
        first[out->afters[i]]++;
    for (uint32_t turn = 0, sum = 0; turn <= out->n_turns; turn++) {
        out->of[turn].before = sum;
        sum += first[turn];
        first[turn] = out->of[turn].before;
    }
    for (uint32_t turn = 0; turn < out->n_turns; turn++)
        for (uint32_t i = out->of[turn].after; i < out->of[turn + 1].after; i++)
            out->befores[first[out->afters[i]]++] = turn;
}

static bool sort_links(struct linker *l)
{
    struct turns *out = l->g->out;
    const struct ga_mem *mem = &out->mem;
    size_t n = (size_t)out->n_turns + 1;
    uint32_t *first = mem_new(mem, uint32_t, n), *seen = mem_new(mem, uint32_t, n);
    out->afters = mem_new_raw(mem, uint32_t, l->n_links);
    out->befores = mem_new_raw(mem, uint32_t, l->n_links);
    out->cap_links = l->n_links;
    bool ok = first && seen && out->afters && out->befores;
    if (ok) {
        sort_afters(l, first, seen);
        sort_befores(out, first);
    }
    mem_free(mem, first, n);
    mem_free(mem, seen, n);
    return ok;
}

static bool link_all(struct linker *l)
{
    for (uint32_t turn = 0; turn < l->g->out->n_turns; turn++)
        if (!link_turn(l, turn))
            return false;
    return link_extensions(l) && sort_links(l);
}

enum ga_status gai_links(struct gather *gather)
{
    const struct ga_mem *mem = &gather->out->mem;
    size_t ids = (size_t)gather->graph->n_nodes + 1;
    struct linker l = { .g = gather };
    l.writers = mem_new(mem, uint32_t, ids);
    l.readers = mem_new(mem, uint32_t, ids);
    l.pool = mem_new_raw(mem, struct reader, gather->n_touches);
    bool ok = l.writers && l.readers && l.pool && link_all(&l);
    mem_free(mem, l.writers, ids);
    mem_free(mem, l.readers, ids);
    mem_free(mem, l.pool, gather->n_touches);
    mem_free(mem, l.links, l.cap_links);
    return ok ? GA_OK : GA_NO_MEMORY;
}
