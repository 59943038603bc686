#include "toy.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Where the bytes of every tensor are; NULL: it has none. */
struct place {
    uint8_t *at[TOY_NODES + 1];
};

struct world {
    const struct toy *toy;
    const ga_plan *plan;
    struct rng rng; /* shuffles */
    struct place alone, planned;
    uint8_t own[TOY_NODES + 1][TOY_BYTES], foreign[TOY_NODES + 1][TOY_BYTES];
    uint8_t result[TOY_NODES + 1][TOY_BYTES]; /* of each node, when it had just run alone */
    uint8_t *chunks[TOY_POOLS][TOY_CHUNKS];
    char *why;
    size_t cap;
};

/* kernels */

static uint32_t stir(uint32_t hash, uint32_t x)
{
    hash = (hash ^ x) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

static void fill(uint8_t *out, uint32_t size, ga_id id)
{
    for (uint32_t i = 0; i < size; i++)
        out[i] = (uint8_t)stir(stir(id, 77), i);
}

static void compute(const struct toy *toy, const struct place *place, ga_id id, uint8_t *out);

/* The bytes of a source: where they are, or, of one that was fused away, what they would be. */
static const uint8_t *look(const struct toy *toy, const struct place *place, ga_id id, uint8_t fused[TOY_BYTES])
{
    if (place->at[id] || toy->nodes[id].size == 0)
        return place->at[id];
    compute(toy, place, id, fused);
    return fused;
}

/*
 * First every byte from the same byte of what is read by element, and from a far one of what is read whole; then, the output being
 * written, all of what is read whole once more.
 */
static void compute(const struct toy *toy, const struct place *place, ga_id id, uint8_t *out)
{
    const struct toy_node *node = &toy->nodes[id];
    uint8_t fused[TOY_SOURCES][TOY_BYTES];
    const uint8_t *in[TOY_SOURCES];
    for (uint32_t s = 0; s < node->n_src; s++)
        in[s] = node->src[s] && node->src[s] != id ? look(toy, place, node->src[s], fused[s]) : NULL;
    for (uint32_t k = 0; k < node->size; k++) {
        uint32_t at = id % 2 ? k : node->size - 1 - k, hash = stir(id, at);
        for (uint32_t s = 0; s < node->n_src; s++) {
            uint32_t size = toy->nodes[node->src[s]].size;
            if (!in[s] || size == 0)
                continue;
            bool by_element = node->by_element >> s & 1;
            if (!by_element)
                hash = stir(hash, in[s][(size - 1 - at % size)]);
            else if (at < size)
                hash = stir(hash, in[s][at]);
        }
        out[at] = (uint8_t)hash;
    }
    uint32_t whole = id;
    for (uint32_t s = 0; s < node->n_src; s++)
        for (uint32_t i = 0; in[s] && !(node->by_element >> s & 1) && i < toy->nodes[node->src[s]].size; i++)
            whole = stir(whole, in[s][i]);
    for (uint32_t i = 0; i < node->size; i++)
        out[i] = (uint8_t)(out[i] + stir(whole, i));
}

/* where things are */

static bool fail(struct world *world, const char *what, ga_id id)
{
    gai_say(world->why, world->cap, "node %u %s", (unsigned)id, what);
    return false;
}

static bool make_chunks(struct world *world)
{
    for (unsigned pool = 0; pool < TOY_POOLS; pool++) {
        for (unsigned i = 0; i < TOY_CHUNKS; i++) {
            uint64_t size = ga_plan_chunk(world->plan, pool, i);
            if (size == 0)
                break;
            if (size > (uint64_t)TOY_NODES * 4096 || !(world->chunks[pool][i] = malloc((size_t)size)))
                return fail(world, "lies in a chunk beyond all measure", GA_NONE);
            memset(world->chunks[pool][i], 0xcd, (size_t)size);
        }
    }
    return true;
}

/* A slot must be in its pool, inside its chunk, aligned, and a view's must be the window of its root's. */
static bool slot_is_sound(struct world *world, ga_id id, const struct ga_slot *slot)
{
    const struct toy_node *node = &world->toy->nodes[id];
    uint64_t align = world->toy->align[node->pool] > node->align ? world->toy->align[node->pool] : node->align;
    if (slot->pool != node->pool || slot->chunk >= TOY_CHUNKS)
        return fail(world, "is in a pool that is not its own", id);
    uint64_t chunk = ga_plan_chunk(world->plan, slot->pool, slot->chunk);
    if (slot->offset > chunk || slot->size > chunk - slot->offset || slot->size < node->size)
        return fail(world, "is not inside its chunk", id);
    if (node->root == id && align > 0 && slot->offset % align != 0)
        return fail(world, "is not aligned", id);
    struct ga_slot root;
    bool is_window = ga_plan_slot(world->plan, node->root, &root) && root.pool == slot->pool && root.chunk == slot->chunk &&
                     root.offset + node->root_offset == slot->offset;
    return is_window || fail(world, "is not the window of its root", id);
}

static bool find_planned(struct world *world, ga_id id)
{
    const struct toy_node *node = &world->toy->nodes[id];
    const struct toy_node *root = &world->toy->nodes[node->root];
    struct ga_slot slot;
    bool has = ga_plan_slot(world->plan, id, &slot);
    bool without = node->size == 0 || root->flags & (GA_EXTERNAL | GA_ELIDED) || node->flags & GA_DEPEND;
    if (without && has)
        return fail(world, "has bytes that it should not have", id);
    if (root->flags & GA_EXTERNAL) {
        world->planned.at[id] = node->size ? world->foreign[node->root] + node->root_offset : NULL;
        return true;
    }
    bool needs = !without && (toy_is_leaf(root) || root->step > 0);
    if (needs && !has)
        return fail(world, "has no bytes", id);
    if (!has)
        return true;
    if (!slot_is_sound(world, id, &slot))
        return false;
    world->planned.at[id] = world->chunks[slot.pool][slot.chunk] + slot.offset;
    return true;
}

static bool find_places(struct world *world)
{
    const struct toy *toy = world->toy;
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        const struct toy_node *node = &toy->nodes[id];
        world->alone.at[id] = node->size ? world->own[node->root] + node->root_offset : NULL;
        if (!find_planned(world, id))
            return false;
    }
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        const struct toy_node *node = &toy->nodes[id];
        if (!toy_is_leaf(node))
            continue;
        fill(world->own[id], node->size, id);
        if (world->planned.at[id])
            fill(world->planned.at[id], node->size, id);
    }
    return true;
}

/* steps */

static bool touches(const struct toy *toy, ga_id id, ga_id root)
{
    const struct toy_node *node = &toy->nodes[id];
    bool does = node->root == root;
    for (uint32_t i = 0; i < node->n_src; i++)
        does |= node->src[i] && toy->nodes[node->src[i]].root == root;
    return does;
}

/* Whether `first`, earlier in the order, must stay so: `second` needs it, or one of them writes what the other touches. */
static bool must_precede(const struct toy *toy, ga_id first, ga_id second)
{
    const struct toy_node *a = &toy->nodes[first], *b = &toy->nodes[second];
    for (uint32_t i = 0; i < b->n_src; i++)
        if (b->src[i] == first)
            return true;
    return b->view_of == first || (a->flags & GA_WRITES && touches(toy, second, a->root)) ||
           (b->flags & GA_WRITES && touches(toy, first, b->root));
}

/* Any other order of one step that is legal. */
static void shuffle(struct world *world, ga_id *ids, uint32_t n)
{
    for (uint32_t done = 0; done + 1 < n; done++) {
        uint32_t from = done + (uint32_t)rng_below(&world->rng, n - done);
        for (uint32_t i = from; i-- > done;)
            if (must_precede(world->toy, ids[i], ids[from]))
                from = i;
        ga_id chosen = ids[from];
        memmove(ids + done + 1, ids + done, (from - done) * sizeof *ids);
        ids[done] = chosen;
    }
}

static bool same(const struct world *world, ga_id id, const uint8_t *want)
{
    uint32_t size = world->toy->nodes[id].size;
    const uint8_t *got = world->planned.at[id];
    return size == 0 || world->toy->nodes[id].flags & GA_ELIDED || (got && memcmp(got, want, size) == 0);
}

static bool run_step(struct world *world, const ga_id *ids, uint32_t n)
{
    const struct toy *toy = world->toy;
    ga_id shuffled[TOY_NODES];
    memcpy(shuffled, ids, n * sizeof *ids);
    shuffle(world, shuffled, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!toy_computes(&toy->nodes[ids[i]]) || toy->nodes[ids[i]].size == 0)
            continue;
        compute(toy, &world->alone, ids[i], world->alone.at[ids[i]]);
        memcpy(world->result[ids[i]], world->alone.at[ids[i]], toy->nodes[ids[i]].size);
    }
    for (uint32_t i = 0; i < n; i++) {
        ga_id id = shuffled[i];
        if (!toy_computes(&toy->nodes[id]) || !world->planned.at[id])
            continue;
        compute(toy, &world->planned, id, world->planned.at[id]);
        if (!same(world, id, world->result[id]))
            return fail(world, "came out wrong", id);
    }
    return true;
}

/* What was promised to be readable when a step has ended. */
static bool step_ended(struct world *world, uint32_t step, const ga_id *ids, uint32_t n)
{
    const struct toy *toy = world->toy;
    for (uint32_t i = 0; i < toy->n_extends; i++) {
        ga_id id = toy->extends[i].id;
        if (toy->nodes[toy->extends[i].until].step == step && !same(world, id, world->alone.at[id]))
            return fail(world, "was extended, and is gone", id);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct toy_node *node = &toy->nodes[ids[i]];
        for (uint32_t s = 0; node->flags & GA_DEPEND && s < node->n_src; s++) {
            ga_id src = node->src[s];
            bool ran = toy->nodes[src].step <= step && toy->nodes[toy->nodes[src].root].step <= step;
            if (src && ran && !same(world, src, world->alone.at[src]))
                return fail(world, "was depended on, and is gone", src);
        }
    }
    return true;
}

static bool run_steps(struct world *world)
{
    const struct toy *toy = world->toy;
    for (uint32_t at = 0, n; at < toy->n_order; at += n) {
        uint32_t step = toy->nodes[toy->order[at]].step;
        for (n = 1; at + n < toy->n_order && toy->nodes[toy->order[at + n]].step == step;)
            n++;
        if (!run_step(world, toy->order + at, n) || !step_ended(world, step, toy->order + at, n))
            return false;
    }
    return true;
}

/* Outputs, and all that nobody reads: it may be a result. */
static bool results_are_there(struct world *world)
{
    const struct toy *toy = world->toy;
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        const struct toy_node *node = &toy->nodes[id];
        bool exists = toy_is_leaf(node) || node->step > 0;
        bool unread = !node->readers && !node->views && !(node->flags & (GA_DISCARD | GA_ELIDED | GA_DEPEND));
        if (exists && node->flags & GA_OUTPUT && !same(world, id, world->alone.at[id]))
            return fail(world, "is an output, and is gone", id);
        if (exists && unread && !same(world, id, world->alone.at[id]))
            return fail(world, "was never read, and is gone", id);
    }
    return true;
}

const char *toy_run(const struct toy *toy, const ga_plan *plan, uint64_t seed, char *why, size_t cap)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return "no memory";
    world->toy = toy;
    world->plan = plan;
    world->rng.state = seed;
    world->why = why;
    world->cap = cap;
    bool good = make_chunks(world) && find_places(world) && run_steps(world) && results_are_there(world);
    for (unsigned pool = 0; pool < TOY_POOLS; pool++)
        for (unsigned i = 0; i < TOY_CHUNKS; i++)
            free(world->chunks[pool][i]);
    free(world);
    return good ? NULL : why;
}

static uint32_t digest(const struct toy *toy, ga_id id, const uint8_t *bytes)
{
    uint32_t hash = id;
    for (uint32_t i = 0; i < toy->nodes[id].size; i++)
        hash = stir(hash, bytes[i]);
    return hash;
}

void toy_digest(const struct toy *toy, uint32_t digests[TOY_NODES + 1])
{
    struct place place = { { NULL } };
    uint8_t own[TOY_NODES + 1][TOY_BYTES] = { { 0 } };
    memset(digests, 0, (TOY_NODES + 1) * sizeof *digests);
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        const struct toy_node *node = &toy->nodes[id];
        place.at[id] = node->size ? own[node->root] + node->root_offset : NULL;
        if (toy_is_leaf(node))
            fill(own[id], node->size, id);
    }
    for (uint32_t i = 0; i < toy->n_order; i++) {
        ga_id id = toy->order[i];
        if (!toy_computes(&toy->nodes[id]) || toy->nodes[id].size == 0)
            continue;
        compute(toy, &place, id, place.at[id]);
        digests[id] = digest(toy, id, place.at[id]);
    }
    for (ga_id id = 1; id <= toy->n_nodes; id++)
        if (toy_is_leaf(&toy->nodes[id]) && place.at[id])
            digests[id] = digest(toy, id, place.at[id]);
}

void toy_reorder(struct toy *toy, const ga_id *list, size_t n)
{
    toy->n_order = 0;
    toy->n_steps = 0;
    toy->sequence = true;
    for (size_t i = 0; i < n; i++) {
        bool opens = i == 0 || list[i - 1] == GA_NONE;
        if (list[i] == GA_NONE)
            continue;
        toy->n_steps += opens;
        toy->nodes[list[i]].step = toy->n_steps;
        toy->order[toy->n_order++] = list[i];
    }
}
