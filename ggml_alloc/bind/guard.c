#include "bind/guard.h"

#include <string.h>

#include "base/array.h"

enum {
    GUARD_FILL = 0xc3,
    POISON_FILL = 0xff, /* not a number, in every float format */
};

/* A window of bytes in one chunk. */
struct zone {
    uint16_t pool, chunk;
    uint64_t at, end;
};

static struct zone data_zone(const struct guard *guard, ga_id id)
{
    const struct ga_slot *slot = &guard->plan->slots[id];
    return (struct zone){ slot->pool, slot->chunk, slot->offset, slot->offset + guard->nodes[id].size };
}

static struct zone guard_zone(const struct guard *guard, ga_id id)
{
    struct zone zone = data_zone(guard, id);
    zone.at = zone.end;
    zone.end += GUARD_BYTES;
    return zone;
}

static struct zone whole_zone(const struct guard *guard, ga_id id)
{
    struct zone zone = data_zone(guard, id);
    zone.end += GUARD_BYTES;
    return zone;
}

static bool zones_meet(const struct zone *a, const struct zone *b)
{
    return a->pool == b->pool && a->chunk == b->chunk && a->at < b->end && b->at < a->end;
}

/* NULL when the arena had to give the chunk up. */
static unsigned char *bytes_of(const ga_arena *arena, const struct zone *zone)
{
    return gai_arena_addr(arena, &(struct ga_slot){ .pool = zone->pool, .chunk = zone->chunk, .offset = zone->at });
}

static void fill(const ga_arena *arena, const struct zone *zone, int value)
{
    unsigned char *bytes = bytes_of(arena, zone);
    if (bytes)
        memset(bytes, value, (size_t)(zone->end - zone->at));
}

static void arm(struct guard *guard, const ga_arena *arena, ga_id id)
{
    struct zone zone = guard_zone(guard, id);
    fill(arena, &zone, GUARD_FILL);
    guard->nodes[id].armed = true;
}

static bool is_intact(const struct guard *guard, const ga_arena *arena, ga_id id)
{
    struct zone zone = guard_zone(guard, id);
    const unsigned char *bytes = bytes_of(arena, &zone);
    for (size_t i = 0; bytes && i < GUARD_BYTES; i++)
        if (bytes[i] != GUARD_FILL)
            return false;
    return true;
}

/* The guard of an heir may lie among the bytes of what it takes over. */
static bool may_arm(const struct guard *guard, ga_id id)
{
    struct zone own = guard_zone(guard, id);
    for (uint32_t i = 0; i < guard->n_live; i++) {
        struct zone other = data_zone(guard, guard->live[i]);
        if (guard->live[i] != id && zones_meet(&own, &other))
            return false;
    }
    return true;
}

/* Fills what of the dead one's bytes no live one has. */
static void poison(const struct guard *guard, const ga_arena *arena, ga_id dead)
{
    struct zone rest = whole_zone(guard, dead);
    while (rest.at < rest.end) {
        struct zone piece = rest;
        uint64_t resume = rest.end;
        for (uint32_t i = 0; i < guard->n_live; i++) {
            struct zone other = whole_zone(guard, guard->live[i]);
            if (!zones_meet(&piece, &other))
                continue;
            piece.end = other.at > piece.at ? other.at : piece.at;
            resume = other.end;
        }
        if (piece.at < piece.end)
            fill(arena, &piece, POISON_FILL);
        rest.at = resume;
    }
}

/* The dead leave the list and are poisoned; what they shared with an heir stays. */
static void bury(struct guard *guard, const ga_arena *arena, uint32_t step)
{
    uint32_t n = guard->n_live;
    guard->n_live = 0;
    for (uint32_t i = 0; i < n; i++) {
        ga_id id = guard->live[i];
        bool dies = guard->plan->life[id].death <= step + 1;
        guard->live[i] = guard->live[guard->n_live];
        guard->live[guard->n_live] = id;
        guard->n_live += !dies;
    }
    for (uint32_t i = guard->n_live; i < n; i++)
        poison(guard, arena, guard->live[i]);
}

static void bear(struct guard *guard, uint32_t step)
{
    const ga_plan *plan = guard->plan;
    while (guard->n_born < plan->info.n_storages && plan->life[plan->storages[guard->n_born]].birth <= step)
        guard->live[guard->n_live++] = plan->storages[guard->n_born++];
}

static void finish(struct guard *guard, const ga_arena *arena, uint32_t step)
{
    bury(guard, arena, step);
    bear(guard, step + 1);
    for (uint32_t i = 0; i < guard->n_live; i++)
        if (!guard->nodes[guard->live[i]].armed && may_arm(guard, guard->live[i]))
            arm(guard, arena, guard->live[i]);
    guard->finished = step;
}

static void finish_what_is_done(struct guard *guard, const ga_arena *arena)
{
    while (guard->finished < guard->last && guard->pending[guard->finished + 1] == 0)
        finish(guard, arena, guard->finished + 1);
}

/* Views that only look, dependencies and what a fused kernel leaves out are not waited for. */
static bool is_run(const struct node *nodes, ga_id id)
{
    bool looks_only = nodes[id].root != id && !(nodes[id].flags & GA_WRITES);
    return !looks_only && !(nodes[id].flags & (GA_DEPEND | GA_ELIDED));
}

bool gai_guard_room(struct guard *guard, const struct ga_mem *mem, const ga_graph *graph)
{
    return array_room(mem, &guard->nodes, &guard->cap_nodes, (uint64_t)graph->n_nodes + 1) &&
           array_room(mem, &guard->pending, &guard->cap_pending, (uint64_t)graph->n_nodes + 2) &&
           array_room(mem, &guard->live, &guard->cap_live, graph->n_storages);
}

void gai_guard_begin(struct guard *guard, const ga_arena *arena, const ga_graph *graph, const ga_plan *plan)
{
    guard->plan = plan;
    guard->n_live = guard->n_born = guard->finished = guard->last = 0;
    for (ga_id id = 1; id <= graph->n_nodes; id++)
        guard->nodes[id] = (struct guarded){ .size = graph->bodies[id].size };
    memset(guard->pending, 0, ((size_t)graph->n_nodes + 2) * sizeof *guard->pending);
    for (struct walk walk = walk_start(graph); walk_next(&walk); guard->last = walk.step) {
        struct guarded *node = &guard->nodes[walk.id];
        node->step = walk.step;
        node->runs = is_run(graph->nodes, walk.id);
        guard->pending[walk.step] += node->runs;
    }
    bear(guard, 0);
    finish(guard, arena, 0);
    finish_what_is_done(guard, arena);
}

ga_id gai_guard_done(struct guard *guard, const ga_arena *arena, ga_id id)
{
    if (!guard->plan || id == GA_NONE || id > guard->plan->n_nodes)
        return GA_NONE;
    ga_id hurt = GA_NONE;
    for (uint32_t i = 0; i < guard->n_live && hurt == GA_NONE; i++)
        if (guard->nodes[guard->live[i]].armed && !is_intact(guard, arena, guard->live[i]))
            hurt = guard->live[i];
    if (hurt != GA_NONE)
        arm(guard, arena, hurt);
    if (guard->nodes[id].runs) {
        guard->nodes[id].runs = false;
        guard->pending[guard->nodes[id].step]--;
        finish_what_is_done(guard, arena);
    }
    return hurt;
}

bool gai_guard_fits(const ga_plan *plan, const ga_graph *graph)
{
    for (ga_id id = 1; id <= graph->n_nodes; id++) {
        const struct ga_slot *slot = &plan->slots[id];
        if (node_owns(graph, id) && slot->size != 0 && slot->size - graph->bodies[id].size < GUARD_BYTES)
            return false;
    }
    return true;
}

void gai_guard_fini(struct guard *guard, const struct ga_mem *mem)
{
    mem_free(mem, guard->nodes, guard->cap_nodes);
    mem_free(mem, guard->pending, guard->cap_pending);
    mem_free(mem, guard->live, guard->cap_live);
}
