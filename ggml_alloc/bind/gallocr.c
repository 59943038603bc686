#include "bind/arena.h"

#include <string.h>

#include "backend/backend.h"
#include "base/bits.h"
#include "base/later.h"
#include "base/log.h"
#include "base/text.h"
#include "bind/guard.h"
#include "bind/plans.h"
#include "graph/graph.h"

enum { DEFAULT_PLANS = 32, REASON_SIZE = 256 };

struct ga_gallocr {
    struct ga_env env;
    ga_arena *arena;
    struct arena_user user;   /* the plan bound last, by a reference of our own */
    struct ga_plan_opts opts; /* its arrays are ours, a number for each pool of the arena */
    struct plans plans;
    struct guard guard;
    const ga_graph *graph;    /* bound last */
    char reason[REASON_SIZE]; /* why the last call planned anew or failed; "": it did not */
};

static uint64_t bytes_held(const ga_arena *arena)
{
    uint64_t held = 0;
    for (unsigned i = 0; i < arena->n_pools; i++)
        held += ga_arena_size(arena, i);
    return held;
}

/* The one line about a new plan or other buffers: who asked, why, from and to. */
static void tell(const ga_gallocr *galloc, const char *who, uint64_t before)
{
    if (!galloc->env.log.write)
        return;
    char from[32], to[32];
    gai_log(&galloc->env, GA_INFO, "%s: %s; the arena goes from %s to %s", who,
            galloc->reason[0] ? galloc->reason : "buffers for a plan known before", gai_text_bytes(from, before),
            gai_text_bytes(to, bytes_held(galloc->arena)));
}

static enum ga_status fail(ga_gallocr *galloc, enum ga_status status, const char *reason)
{
    gai_say(galloc->reason, REASON_SIZE, "%s", reason);
    return status;
}

/* Of all nodes: every base that their plan counts from must have it. */
static uint64_t strictest_align(const ga_graph *graph)
{
    uint64_t align = 1;
    for (ga_id id = 1; id <= graph->n_nodes && graph->has_aligns; id++)
        align = max_u64(align, node_align(graph, id));
    return align;
}

static uint64_t size_with_guard(const ga_gallocr *galloc, uint64_t size)
{
    return galloc->guard.on && size != 0 ? add_sat(size, GUARD_BYTES) : size;
}

/* Whether some slot is larger than the graph needs: then planning for exact sizes may take less. */
static bool has_slack(const ga_gallocr *galloc, const ga_plan *plan, const ga_graph *graph)
{
    for (ga_id id = 1; id <= graph->n_nodes; id++)
        if (node_owns(graph, id) && plan->slots[id].size > size_with_guard(galloc, graph->bodies[id].size))
            return true;
    return false;
}

/* For the sizes of the graph, and at least those that `old` (NULL: none), of the same signature, was made for. */
static enum ga_status make_plan(const ga_gallocr *galloc, const ga_graph *graph, const ga_plan *old, struct backed *made)
{
    const struct ga_mem *mem = &galloc->env.mem;
    size_t n = (size_t)graph->n_nodes + 1;
    uint64_t *sizes = NULL;
    if (old || galloc->guard.on) {
        sizes = mem_new(mem, uint64_t, n);
        if (!sizes)
            return GA_NO_MEMORY;
    }
    for (ga_id id = 1; sizes && id <= graph->n_nodes; id++)
        if (node_owns(graph, id))
            sizes[id] = max_u64(size_with_guard(galloc, graph->bodies[id].size), old ? old->slots[id].size : 0);
    enum ga_status status = gai_plan_graph_sized(graph, sizes, &galloc->opts, &made->plan);
    made->align = strictest_align(graph);
    mem_free(mem, sizes, n);
    return status;
}

static bool serves(const ga_gallocr *galloc, const ga_plan *plan, const ga_graph *graph)
{
    return ga_plan_fits(plan, graph, NULL, 0) && (!galloc->guard.on || gai_guard_fits(plan, graph));
}

/* Why no plan serves: against the one of its signature, else against the one used last. */
static void explain(ga_gallocr *galloc, const ga_graph *graph, const ga_plan *old)
{
    const ga_plan *last = old ? old : galloc->plans.n ? galloc->plans.list[0].backed.plan : NULL;
    if (!last)
        gai_say(galloc->reason, REASON_SIZE, "the first graph");
    else if (ga_plan_fits(last, graph, galloc->reason, REASON_SIZE))
        gai_say(galloc->reason, REASON_SIZE, "no room for the sizes planned before");
}

/* In front of the others.  Captured addresses are void when another plan leaves; while the arena is frozen none does. */
static struct kept_plan *keep(ga_gallocr *galloc, struct backed backed)
{
    bool any_left = gai_plans_put(&galloc->plans, backed);
    if (!galloc->arena->frozen)
        any_left |= gai_plans_shrink(&galloc->plans, galloc->plans.max);
    if (any_left)
        gai_arena_outdate(galloc->arena);
    galloc->plans.list[0].generation = galloc->arena->generation;
    return &galloc->plans.list[0];
}

static enum ga_status plan_and_hold(ga_gallocr *galloc, const ga_graph *graph, const ga_plan *old, struct backed *made)
{
    enum ga_status status = make_plan(galloc, graph, old, made);
    if (status != GA_OK)
        return status == GA_INVALID ? fail(galloc, status, ga_graph_error(graph)) : status;
    status = gai_arena_hold(galloc->arena, *made);
    if (status == GA_INVALID)
        fail(galloc, status, "the graph uses a pool that the arena has not, or a backend breaks its alignment");
    if (status != GA_OK)
        ga_plan_delete(made->plan);
    return status;
}

/* `old` is the plan of this signature, or NULL; `fits`: it would serve, but its sizes cannot be backed. */
static enum ga_status replan(ga_gallocr *galloc, const ga_graph *graph, const ga_plan *old, bool fits, const char *who,
                             struct kept_plan **kept)
{
    explain(galloc, graph, old);
    if (old && galloc->arena->frozen)
        return GA_NO_SPACE;
    if (!gai_plans_room(&galloc->plans, &galloc->env.mem))
        return GA_NO_MEMORY;
    uint64_t before = bytes_held(galloc->arena);
    struct backed made;
    enum ga_status status = fits ? GA_NO_SPACE : plan_and_hold(galloc, graph, old, &made);
    if (status == GA_NO_SPACE && old && has_slack(galloc, old, graph))
        status = plan_and_hold(galloc, graph, NULL, &made);
    if (status != GA_OK)
        return status;
    *kept = keep(galloc, made);
    tell(galloc, who, before);
    return GA_OK;
}

/* Alignments are not in the signature: a graph that the plan serves may want a stricter base than those before it. */
static struct backed backed_for(const struct kept_plan *kept, const ga_graph *graph)
{
    return (struct backed){ kept->backed.plan, max_u64(kept->backed.align, strictest_align(graph)) };
}

/* A plan known before, whose buffers somebody moved or gave back since, or are not aligned enough for this graph. */
static enum ga_status hold_again(ga_gallocr *galloc, struct kept_plan *kept, struct backed backed, const char *who)
{
    if (!gai_arena_holds(galloc->arena, backed)) {
        uint64_t before = bytes_held(galloc->arena);
        enum ga_status status = gai_arena_hold(galloc->arena, backed);
        if (status != GA_OK)
            return status;
        tell(galloc, who, before);
    }
    kept->backed = backed;
    kept->generation = galloc->arena->generation;
    return GA_OK;
}

/* A plan that serves the graph, kept in front and held by the arena. */
static enum ga_status ready(ga_gallocr *galloc, const ga_graph *graph, const char *who, struct kept_plan **kept)
{
    struct kept_plan *known = gai_plans_use(&galloc->plans, gai_graph_signature(graph));
    bool fits = known && serves(galloc, known->backed.plan, graph);
    galloc->reason[0] = 0;
    *kept = known;
    if (fits) {
        struct backed backed = backed_for(known, graph);
        if (known->generation == galloc->arena->generation && known->backed.align == backed.align)
            return GA_OK;
        enum ga_status status = hold_again(galloc, known, backed, who);
        if (status != GA_NO_SPACE)
            return status;
    }
    return replan(galloc, graph, known ? known->backed.plan : NULL, fits, who, kept);
}

static void bind(ga_gallocr *galloc, const ga_graph *graph, const struct kept_plan *kept)
{
    ga_plan *before = galloc->user.bound.plan;
    galloc->graph = graph;
    galloc->user.bound = kept->backed;
    if (before == kept->backed.plan)
        return;
    ga_plan_retain(kept->backed.plan);
    ga_plan_delete(before);
}

/* The options of every plan: the caller's, and what the backends want. */
static bool take_opts(ga_gallocr *galloc, const struct ga_plan_opts *opts)
{
    const ga_arena *arena = galloc->arena;
    uint64_t *align = mem_new(&galloc->env.mem, uint64_t, arena->n_pools);
    uint64_t *chunk_max = mem_new(&galloc->env.mem, uint64_t, arena->n_pools);
    for (unsigned i = 0; align && chunk_max && i < arena->n_pools; i++) {
        bool named = opts && i < opts->n_pools;
        uint64_t most = named && opts->chunk_max ? opts->chunk_max[i] : 0;
        align[i] = max_u64(named && opts->align ? opts->align[i] : 0, gai_backend_align(arena->pools[i].backend));
        chunk_max[i] = min_u64(most ? most : UINT64_MAX, gai_backend_max(arena->pools[i].backend));
    }
    if (opts)
        galloc->opts = *opts;
    galloc->opts.n_pools = arena->n_pools;
    galloc->opts.capacity = NULL;
    galloc->opts.align = align;
    galloc->opts.chunk_max = chunk_max;
    return align && chunk_max;
}

ga_gallocr *ga_gallocr_new(const struct ga_env *env, ga_arena *arena, const struct ga_plan_opts *opts)
{
    struct ga_env full = gai_env(env);
    if (opts && later_refused(&full.log, opts, "struct ga_plan_opts"))
        return NULL;
    ga_gallocr *galloc = arena ? mem_new(&full.mem, ga_gallocr, 1) : NULL;
    if (!galloc)
        return NULL;
    *galloc = (ga_gallocr){ .env = full, .arena = arena, .plans = { .max = DEFAULT_PLANS } };
    gai_arena_join(arena, &galloc->user);
    if (!take_opts(galloc, opts)) {
        ga_gallocr_delete(galloc);
        return NULL;
    }
    return galloc;
}

void ga_gallocr_delete(ga_gallocr *galloc)
{
    if (!galloc)
        return;
    struct ga_mem mem = galloc->env.mem;
    unsigned n_pools = galloc->arena->n_pools;
    gai_arena_leave(galloc->arena, &galloc->user);
    ga_plan_delete(galloc->user.bound.plan);
    gai_plans_fini(&galloc->plans, &mem);
    gai_guard_fini(&galloc->guard, &mem);
    gai_mem_free(&mem, (void *)galloc->opts.align, n_pools, sizeof *galloc->opts.align);
    gai_mem_free(&mem, (void *)galloc->opts.chunk_max, n_pools, sizeof *galloc->opts.chunk_max);
    mem_free(&mem, galloc, 1);
}

void ga_gallocr_max_plans(ga_gallocr *galloc, unsigned max)
{
    galloc->plans.max = max ? max : 1;
    if (!galloc->arena->frozen && gai_plans_shrink(&galloc->plans, galloc->plans.max))
        gai_arena_outdate(galloc->arena);
}

enum ga_status ga_gallocr_measure(ga_gallocr *galloc, const ga_graph *graph, uint64_t *sizes)
{
    const struct kept_plan *known = gai_plans_peek(&galloc->plans, gai_graph_signature(graph));
    bool fits = known && serves(galloc, known->backed.plan, graph);
    struct backed backed;
    enum ga_status status = GA_OK;
    if (fits)
        backed = backed_for(known, graph);
    else
        status = make_plan(galloc, graph, known ? known->backed.plan : NULL, &backed);
    if (status != GA_OK)
        return status;
    if (gai_arena_has_pools(galloc->arena, backed.plan))
        for (unsigned i = 0; i < galloc->arena->n_pools; i++)
            sizes[i] = gai_arena_need(galloc->arena, backed, i);
    else
        status = GA_INVALID;
    if (!fits)
        ga_plan_delete(backed.plan);
    return status;
}

enum ga_status ga_gallocr_reserve(ga_gallocr *galloc, const ga_graph *worst)
{
    struct kept_plan *kept;
    return ready(galloc, worst, "reserve", &kept);
}

enum ga_status ga_gallocr_alloc_graph(ga_gallocr *galloc, const ga_graph *graph)
{
    struct kept_plan *kept;
    if (galloc->guard.on && !gai_guard_room(&galloc->guard, &galloc->env.mem, graph))
        return GA_NO_MEMORY;
    enum ga_status status = ready(galloc, graph, "alloc_graph", &kept);
    if (status != GA_OK)
        return status;
    bind(galloc, graph, kept);
    if (galloc->guard.on)
        gai_guard_begin(&galloc->guard, galloc->arena, graph, galloc->user.bound.plan);
    return GA_OK;
}

/* Whether a plan that others made is aligned and cut as the options of this allocator say. */
static bool is_made_for(const ga_gallocr *galloc, const ga_graph *graph, const ga_plan *plan)
{
    for (unsigned i = 0; i < plan->n_pools && i < galloc->arena->n_pools; i++)
        for (uint32_t c = 0; c < plan->pools[i].n_chunks; c++)
            if (plan->pools[i].chunks[c] > galloc->opts.chunk_max[i])
                return false;
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        const struct ga_slot *slot = &plan->slots[id];
        if (node_owns(graph, id) && slot->size != 0 && (slot->offset & (galloc->opts.align[slot->pool] - 1)))
            return false;
    }
    return true;
}

enum ga_status ga_gallocr_adopt(ga_gallocr *galloc, const ga_graph *graph, ga_plan *plan)
{
    enum ga_status status = ga_plan_check(plan, graph, galloc->reason, REASON_SIZE);
    if (status != GA_OK)
        return status;
    if (!ga_plan_fits(plan, graph, galloc->reason, REASON_SIZE))
        return GA_STALE;
    if (!gai_arena_has_pools(galloc->arena, plan))
        return fail(galloc, GA_INVALID, "the plan uses a pool that the arena has not");
    if (!is_made_for(galloc, graph, plan))
        return fail(galloc, GA_INVALID, "the plan is not aligned or cut as the arena's backends want");
    if (galloc->guard.on)
        return fail(galloc, GA_UNSUPPORTED, "a plan made elsewhere has no guards");
    const struct kept_plan *known = gai_plans_peek(&galloc->plans, plan->signature);
    if (galloc->arena->frozen && known && known->backed.plan != plan)
        return fail(galloc, GA_NO_SPACE, "a frozen arena keeps the plan that it has for this graph");
    if (!gai_plans_room(&galloc->plans, &galloc->env.mem))
        return GA_NO_MEMORY;
    uint64_t before = bytes_held(galloc->arena);
    struct backed backed = { .plan = plan, .align = strictest_align(graph) };
    status = gai_arena_hold(galloc->arena, backed);
    if (status != GA_OK)
        return status;
    ga_plan_retain(plan);
    keep(galloc, backed);
    gai_say(galloc->reason, REASON_SIZE, "a plan made elsewhere");
    tell(galloc, "adopt", before);
    galloc->reason[0] = 0;
    return GA_OK;
}

void *ga_gallocr_addr(const ga_gallocr *galloc, ga_id id)
{
    const ga_plan *plan = galloc->user.bound.plan;
    if (!plan || id == GA_NONE || id > plan->n_nodes || plan->slots[id].size == 0)
        return NULL;
    return gai_arena_addr(galloc->arena, &plan->slots[id]);
}

void *ga_gallocr_addr_of(const ga_gallocr *galloc, const void *key)
{
    return galloc->graph ? ga_gallocr_addr(galloc, ga_graph_find(galloc->graph, key)) : NULL;
}

bool ga_gallocr_slot(const ga_gallocr *galloc, ga_id id, struct ga_slot *slot)
{
    return galloc->user.bound.plan && ga_plan_slot(galloc->user.bound.plan, id, slot);
}

const ga_plan *ga_gallocr_plan(const ga_gallocr *galloc)
{
    return galloc->user.bound.plan;
}

const char *ga_gallocr_replan_reason(const ga_gallocr *galloc)
{
    return galloc->reason[0] ? galloc->reason : NULL;
}

static bool is_host_memory(const ga_arena *arena)
{
    for (unsigned i = 0; i < arena->n_pools; i++)
        if (!arena->pools[i].backend->host)
            return false;
    return true;
}

enum ga_status ga_gallocr_guard(ga_gallocr *galloc, bool on)
{
    if (on == galloc->guard.on)
        return GA_OK;
    if (!is_host_memory(galloc->arena))
        return GA_UNSUPPORTED;
    if (galloc->arena->frozen)
        return GA_NO_SPACE;
    if (gai_plans_shrink(&galloc->plans, 0))
        gai_arena_outdate(galloc->arena);
    galloc->guard.on = on;
    galloc->guard.plan = NULL;
    return GA_OK;
}

ga_id ga_gallocr_step_done(ga_gallocr *galloc, ga_id id)
{
    return gai_guard_done(&galloc->guard, galloc->arena, id);
}
