/*
 * Arenas, graph allocators on them, and linear ones.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

enum { POOLS = 2, NODES = 12 };

static struct {
    struct ga_backend small; /* buffers of at most 4 KiB: pools of several chunks */
    struct ga_arena_opts opts;
    ga_arena *arena;
    ga_gallocr *galloc, *second;
    ga_graph *graph, *larger;
    ga_plan *plan;
    ga_tallocr *talloc;
    bool is_emptied; /* the exception: after a failure the arena is empty */
} it;

static char keys[NODES + 1];

/* Of two shapes, so that a plan for one does not serve the other. */
static ga_graph *graph_of(struct rig *rig, uint64_t size, ga_id output)
{
    ga_graph *graph = ga_graph_new(&rig->env);
    for (ga_id id = 1; id <= NODES; id++) {
        ga_id src[] = { id - 1, id / 2 };
        struct ga_node node = { .key = &keys[id], .size = size * (1 + id % 3), .pool = id % POOLS, .src = src, .n_src = 2 };
        node.flags = id == 1 ? GA_INPUT : id == output ? GA_OUTPUT : 0;
        cr_assert_eq(ga_graph_add(graph, &node), id);
    }
    return graph;
}

static enum ga_status call_arena(struct rig *rig)
{
    it.small = *rig->device;
    it.small.max_size = 4 * KIB;
    it.arena = ga_arena_new(&rig->env, (const struct ga_backend *[]){ rig->device, &it.small }, POOLS, &it.opts);
    return made(rig, it.arena != NULL);
}

static enum ga_status call_galloc(struct rig *rig)
{
    it.galloc = ga_gallocr_new(&rig->env, it.arena, &(struct ga_plan_opts){ .effort = GA_EFFORT_SEARCH, .steps = 1000 });
    return made(rig, it.galloc != NULL);
}

static void make_arena(struct rig *rig)
{
    cr_assert_eq(call_arena(rig), GA_OK);
    it.larger = graph_of(rig, 1024, NODES);
}

static void make_galloc(struct rig *rig)
{
    make_arena(rig);
    cr_assert_eq(call_galloc(rig), GA_OK);
}

static enum ga_status call_alloc(struct rig *rig)
{
    (void)rig;
    return ga_gallocr_alloc_graph(it.galloc, it.larger);
}

/* One graph is bound, and the arena serves another allocator, too. */
static void make_bound(struct rig *rig)
{
    const uint64_t sizes[] = { 100, 200 };
    struct ga_slot slots[2];
    make_galloc(rig);
    it.graph = graph_of(rig, 256, NODES / 2);
    it.second = ga_gallocr_new(&rig->env, it.arena, NULL);
    cr_assert_eq(ga_gallocr_alloc_graph(it.second, it.graph), GA_OK);
    cr_assert_eq(ga_gallocr_alloc_graph(it.galloc, it.graph), GA_OK);
    cr_assert_eq(ga_arena_pack(it.arena, 0, sizes, 2, slots, NULL), GA_OK);
}

static void make_frees_first(struct rig *rig)
{
    it.opts.grow = GA_GROW_FREE_FIRST;
    make_bound(rig);
    it.is_emptied = true;
}

/* Larger than it needs to be. */
static void make_outgrown(struct rig *rig)
{
    make_bound(rig);
    cr_assert_eq(call_alloc(rig), GA_OK);
    cr_assert_eq(ga_gallocr_alloc_graph(it.galloc, it.graph), GA_OK);
}

static void make_plan(struct rig *rig)
{
    const uint64_t aligns[] = { 64, 64 }, chunks[] = { 0, 4 * KIB };
    make_bound(rig);
    struct ga_plan_opts opts = { .n_pools = POOLS, .align = aligns, .chunk_max = chunks };
    cr_assert_eq(ga_plan_graph(it.larger, &opts, &it.plan), GA_OK);
}

static void look_at_arena(struct rig *rig)
{
    const struct ga_buffer *buffer;
    if (rig->is_itself)
        say(rig, "generation %llu\n", (unsigned long long)ga_arena_generation(it.arena));
    for (unsigned pool = 0; pool < POOLS; pool++) {
        say(rig, "pool %u: %llu bytes\n", pool, (unsigned long long)ga_arena_size(it.arena, pool));
        for (unsigned i = 0; (buffer = ga_arena_buffer(it.arena, pool, i)); i++) {
            say(rig, " %zu", buffer->size);
            say_address(rig, buffer->base, buffer->base);
        }
        for (unsigned i = 0; (buffer = ga_arena_packed(it.arena, pool, i)); i++) {
            say(rig, " packed %zu", buffer->size);
            say_address(rig, buffer->base, buffer->base);
        }
    }
}

static void look_at_galloc(struct rig *rig, const ga_gallocr *galloc)
{
    const ga_plan *plan = ga_gallocr_plan(galloc);
    if (!plan)
        return;
    say(rig, "\nplan of %llu bytes", (unsigned long long)ga_plan_peak(plan, 0));
    for (ga_id id = 1; id <= NODES; id++) {
        struct ga_slot slot = { 0 };
        if (!ga_gallocr_slot(galloc, id, &slot))
            continue;
        const struct ga_buffer *buffer = ga_arena_buffer(it.arena, slot.pool, slot.chunk);
        say(rig, "\n%u: %u.%u.%llu", id, slot.pool, slot.chunk, (unsigned long long)slot.offset);
        say_address(rig, ga_gallocr_addr(galloc, id), buffer->base);
        cr_assert_eq(ga_gallocr_addr(galloc, id), (char *)buffer->base + slot.offset);
        cr_assert_eq(ga_gallocr_addr_of(galloc, &keys[id]), ga_gallocr_addr(galloc, id));
    }
}

static bool note(void *user, uint64_t offset, uint64_t size)
{
    say(user, " %llu+%llu", (unsigned long long)offset, (unsigned long long)size);
    return true;
}

static void look(struct rig *rig)
{
    if (it.arena && !(it.is_emptied && rig->is_itself)) {
        look_at_arena(rig);
        if (it.galloc)
            look_at_galloc(rig, it.galloc);
        if (it.second)
            look_at_galloc(rig, it.second);
    }
    if (!it.talloc)
        return;
    cr_assert_null(ga_tallocr_check(it.talloc));
    say(rig, "%llu used, %llu most, largest %llu, %d:", (unsigned long long)ga_tallocr_used(it.talloc),
        (unsigned long long)ga_tallocr_max(it.talloc), (unsigned long long)ga_tallocr_largest(it.talloc),
        ga_tallocr_is_measure(it.talloc));
    ga_tallocr_walk(it.talloc, note, rig);
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_gallocr_delete(it.galloc);
    ga_gallocr_delete(it.second);
    ga_arena_delete(it.arena);
    ga_graph_delete(it.graph);
    ga_graph_delete(it.larger);
    ga_plan_delete(it.plan);
    ga_tallocr_delete(it.talloc);
    memset(&it, 0, sizeof it);
}

static enum ga_status call_pack(struct rig *rig)
{
    const uint64_t sizes[] = { 3000, 2000, 1000, 4096, 9000 };
    struct ga_slot slots[5] = { { .pool = 77 } };
    uint64_t total = 77;
    enum ga_status status = ga_arena_pack(it.arena, 1, sizes, 5, slots, &total);
    if (status != GA_OK) {
        cr_assert(slots[0].pool == 77 && total == 77, "outputs are written");
        return status;
    }
    for (int i = 0; i < 5; i++)
        say(rig, "%u.%u.%llu ", slots[i].pool, slots[i].chunk, (unsigned long long)slots[i].offset);
    say(rig, "%llu", (unsigned long long)total);
    return status;
}

static enum ga_status call_trim(struct rig *rig)
{
    (void)rig;
    ga_arena_trim(it.arena);
    return GA_OK;
}

static enum ga_status call_measure(struct rig *rig)
{
    uint64_t sizes[POOLS] = { 77, 77 };
    enum ga_status status = ga_gallocr_measure(it.galloc, it.larger, sizes);
    cr_assert(status == GA_OK || (sizes[0] == 77 && sizes[1] == 77), "outputs are written");
    if (status == GA_OK)
        say(rig, "%llu %llu", (unsigned long long)sizes[0], (unsigned long long)sizes[1]);
    return status;
}

static enum ga_status call_reserve(struct rig *rig)
{
    (void)rig;
    return ga_gallocr_reserve(it.galloc, it.larger);
}

static enum ga_status call_adopt(struct rig *rig)
{
    (void)rig;
    return ga_gallocr_adopt(it.galloc, it.larger, it.plan);
}

static enum ga_status call_guard(struct rig *rig)
{
    (void)rig;
    return ga_gallocr_guard(it.galloc, true);
}

static void make_guarded(struct rig *rig)
{
    make_bound(rig);
    cr_assert_eq(call_guard(rig), GA_OK);
}

/* A run under guard. */
static enum ga_status call_quiet(struct rig *rig)
{
    struct ga_oom oom;
    cr_assert_not(ga_arena_oom(it.arena, &oom));
    for (ga_id id = 1; id <= NODES; id++)
        say(rig, "%u ", ga_gallocr_step_done(it.galloc, id));
    say(rig, "%s", ga_gallocr_replan_reason(it.galloc) ? ga_gallocr_replan_reason(it.galloc) : "known");
    ga_arena_freeze(it.arena, true);
    ga_gallocr_max_plans(it.galloc, 3);
    ga_gallocr_delete(it.galloc);
    it.galloc = NULL;
    ga_arena_delete(it.arena); /* lives on: the other allocator is there */
    ga_gallocr_delete(it.second);
    it.second = NULL;
    it.arena = NULL;
    return GA_OK;
}

static enum ga_status call_talloc(struct rig *rig)
{
    it.talloc = ga_tallocr_new(&rig->env, 100 * KIB, 32);
    return made(rig, it.talloc != NULL);
}

static enum ga_status call_measurer(struct rig *rig)
{
    it.talloc = ga_tallocr_new_measure(&rig->env, 32);
    return made(rig, it.talloc != NULL);
}

static enum ga_status call_take(struct rig *rig)
{
    uint64_t offset = 77;
    enum ga_status status = ga_tallocr_alloc(it.talloc, 100, &offset);
    cr_assert((status == GA_OK) == (offset != 77), "outputs are written");
    say(rig, "%llu", (unsigned long long)offset);
    return status;
}

static void make_talloc(struct rig *rig)
{
    cr_assert_eq(call_talloc(rig), GA_OK);
    for (int i = 0; i < 30; i++)
        cr_assert_eq(call_take(rig), GA_OK);
    fill_up(rig, call_take);
}

static enum ga_status call_quiet_talloc(struct rig *rig)
{
    look(rig);
    for (uint64_t i = 0; i < 10; i += 2)
        cr_assert_eq(ga_tallocr_free(it.talloc, i * 128, 100), GA_OK);
    look(rig);
    ga_tallocr_reset(it.talloc);
    look(rig);
    ga_tallocr_delete(it.talloc);
    it.talloc = NULL;
    return GA_OK;
}

static const struct row rows[] = {
    { "ga_arena_new", ASKS_MEMORY, .call = call_arena },
    { "ga_arena_pack", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .make = make_bound,
      .call = call_pack },
    { "ga_arena_trim", CALL(GA_SIM_ALLOC), .lives = CALL(GA_SIM_ALLOC), .differs = true, .make = make_outgrown, .call = call_trim },
    { "ga_gallocr_new", ASKS_MEMORY, .make = make_arena, .call = call_galloc },
    { "ga_gallocr_measure", ASKS_MEMORY, .make = make_bound, .call = call_measure },
    { "ga_gallocr_reserve", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .make = make_bound,
      .call = call_reserve },
    { "ga_gallocr_alloc_graph", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .make = make_galloc,
      .call = call_alloc },
    { "ga_gallocr_alloc_graph", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .make = make_bound,
      .call = call_alloc },
    { "ga_gallocr_alloc_graph", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .make = make_guarded,
      .call = call_alloc },
    { "ga_gallocr_alloc_graph", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .gives_back = true,
      .make = make_frees_first, .call = call_alloc },
    { "ga_gallocr_adopt", ASKS_MEMORY | CALL(GA_SIM_ALLOC), .says = GA_NO_SPACE, .keeps = true, .make = make_plan,
      .call = call_adopt },
    { "ga_gallocr_guard", 0, .make = make_bound, .call = call_guard },
    { "ga_arena_buffer ga_arena_packed ga_arena_size ga_arena_generation ga_gallocr_plan ga_gallocr_slot ga_gallocr_addr "
      "ga_gallocr_addr_of ga_arena_oom ga_gallocr_step_done ga_gallocr_replan_reason ga_arena_freeze ga_gallocr_max_plans "
      "ga_gallocr_delete ga_arena_delete",
      0, .make = make_guarded, .call = call_quiet },
    { "ga_tallocr_new", ASKS_MEMORY, .call = call_talloc },
    { "ga_tallocr_new_measure", ASKS_MEMORY, .call = call_measurer },
    { "ga_tallocr_alloc", ASKS_MEMORY, .keeps = true, .make = make_talloc, .call = call_take },
    { "ga_tallocr_check ga_tallocr_used ga_tallocr_max ga_tallocr_largest ga_tallocr_is_measure ga_tallocr_walk ga_tallocr_free "
      "ga_tallocr_reset ga_tallocr_delete",
      0, .make = make_talloc, .call = call_quiet_talloc },
};

const struct area faults_bind = {
    "binding", rows, sizeof rows / sizeof *rows, true, look, drop,
};
