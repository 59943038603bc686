#include "plain_pool.h"

#include <stdlib.h>
#include <string.h>

/* What is known of a tensor while its graph is planned. */
struct state {
    int uses, views;
    int buft, chunk;
    uint64_t offset;
    bool owned;
};

struct plain {
    struct plain_pool *pools; /* by buffer type; only the first of a kind is used */
    int n_pools;
    const struct plain_tensor **keys; /* open addressing, a prime number of slots */
    struct state *states;             /* of the tensor in the slot of the same number */
    uint64_t *used;                   /* a bit per slot, all that has to be cleared */
    size_t n_slots;
    struct plain_node_places *node_places;
    struct plain_place *leaf_places;
    uint32_t cap_nodes, cap_leafs;
    bool failed; /* memory ran out on the way */
};

static bool slot_used(const struct plain *plain, size_t at)
{
    return plain->used[at / 64] >> at % 64 & 1;
}

/* Where the tensor is, or would be. */
static size_t slot_of(const struct plain *plain, const struct plain_tensor *tensor)
{
    size_t at = ((uintptr_t)tensor >> 4) % plain->n_slots;
    while (slot_used(plain, at) && plain->keys[at] != tensor)
        at = (at + 1) % plain->n_slots;
    return at;
}

static struct state *state_of(struct plain *plain, const struct plain_tensor *tensor)
{
    size_t at = slot_of(plain, tensor);
    if (!slot_used(plain, at)) {
        plain->used[at / 64] |= (uint64_t)1 << at % 64;
        plain->keys[at] = tensor;
    }
    return &plain->states[at];
}

/* Asked anew wherever it matters: a plain program keeps no state at hand. */
static bool has_place(struct plain *plain, const struct plain_tensor *tensor)
{
    return tensor->data || state_of(plain, tensor)->owned;
}

static struct plain_pool *pool_of(struct plain *plain, int buft)
{
    return &plain->pools[plain->pools[buft].buft->pool];
}

static bool same_layout(const struct plain_tensor *a, const struct plain_tensor *b)
{
    if (a->type != b->type)
        return false;
    for (int i = 0; i < 4; i++)
        if (a->ne[i] != b->ne[i] || a->nb[i] != b->nb[i])
            return false;
    return true;
}

/* A source whose bytes nobody needs after this node, laid out as the node is. */
static struct state *to_take_over(struct plain *plain, const struct plain_tensor *node, const struct plain_tensor **from)
{
    for (int i = 0; i < PLAIN_SOURCES; i++) {
        const struct plain_tensor *src = node->src[i];
        if (!src)
            continue;
        if (!state_of(plain, src)->owned || (src->flags & PLAIN_OUTPUT) || (src->view_src && (src->view_src->flags & PLAIN_OUTPUT)))
            continue;
        struct state *state = state_of(plain, src);
        if (state->uses == 1 && state->views == 0 && same_layout(node, src)) {
            *from = src;
            return state;
        }
    }
    return NULL;
}

static void take_over(struct plain *plain, struct state *heir, const struct plain_tensor *node, struct state *state,
                      const struct plain_tensor *from)
{
    heir->buft = state->buft;
    heir->chunk = state->chunk;
    heir->offset = state->offset;
    heir->owned = true;
    state->owned = false;
    struct plain_pool *pool = pool_of(plain, state->buft);
    uint64_t had = plain_rounded(pool->buft, plain_size_in(pool, from)),
             needs = plain_rounded(pool->buft, plain_size_in(pool, node));
    if (needs < had && !plain_pool_give(pool, heir->chunk, heir->offset + needs, had - needs))
        plain->failed = true;
}

static void place(struct plain *plain, const struct plain_tensor *tensor, int buft)
{
    if (has_place(plain, tensor) || tensor->view_src)
        return;
    struct state *state = state_of(plain, tensor);
    const struct plain_tensor *from = NULL;
    struct state *gives = tensor->op == PLAIN_IN_PLACE ? to_take_over(plain, tensor, &from) : NULL;
    if (gives) {
        take_over(plain, state, tensor, gives, from);
        return;
    }
    struct plain_pool *pool = pool_of(plain, buft);
    if (!plain_pool_take(pool, plain_size_in(pool, tensor), &state->chunk, &state->offset))
        plain->failed = true;
    state->buft = buft;
    state->owned = !plain->failed;
}

static void release(struct plain *plain, const struct plain_tensor *tensor)
{
    if (tensor->flags & PLAIN_OUTPUT)
        return;
    struct state *state = state_of(plain, tensor);
    struct plain_pool *pool = pool_of(plain, state->buft);
    if (!plain_pool_give(pool, state->chunk, state->offset, plain_size_in(pool, tensor)))
        plain->failed = true;
    state->owned = false;
}

static void settle(struct plain *plain, const struct plain_tensor *src)
{
    struct state *state = state_of(plain, src);
    if (--state->uses > 0 || state->views > 0)
        return;
    if (!src->view_src) {
        if (state_of(plain, src)->owned)
            release(plain, src);
        return;
    }
    struct state *root = state_of(plain, src->view_src);
    root->views--;
    if (root->views == 0 && root->uses == 0 && root->owned)
        release(plain, src->view_src);
}

/* graphs */

static void count(struct plain *plain, const struct plain_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_leafs; i++)
        place(plain, graph->leafs[i], graph->leaf_buft[i]);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const struct plain_tensor *node = graph->nodes[i];
        if (node->view_src && node->op != PLAIN_NONE)
            state_of(plain, node->view_src)->views++;
        if (node->flags & PLAIN_INPUT)
            place(plain, node, graph->node_buft[i]);
        for (int j = 0; j < PLAIN_SOURCES; j++) {
            const struct plain_tensor *src = node->src[j];
            if (!src)
                continue;
            state_of(plain, src)->uses++;
            if (src->flags & PLAIN_INPUT)
                place(plain, src, graph->node_buft[i]);
        }
    }
}

static void walk(struct plain *plain, const struct plain_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const struct plain_tensor *node = graph->nodes[i];
        for (int j = 0; j < PLAIN_SOURCES; j++)
            if (node->src[j])
                place(plain, node->src[j], graph->node_buft[i]);
        place(plain, node, graph->node_buft[i]);
        for (int j = 0; j < PLAIN_SOURCES; j++)
            if (node->src[j])
                settle(plain, node->src[j]);
    }
}

static size_t prime_from(size_t n)
{
    for (n |= 1;; n += 2) {
        bool prime = true;
        for (size_t d = 3; prime && d * d <= n; d += 2)
            prime = n % d != 0;
        if (prime)
            return n;
    }
}

static bool make_slots(struct plain *plain, size_t n)
{
    size_t n_slots = prime_from(n + n / 4 + 8);
    if (plain->n_slots >= n_slots)
        return true;
    free(plain->keys);
    free(plain->used);
    free(plain->states);
    plain->used = calloc(n_slots / 64 + 1, sizeof *plain->used);
    plain->keys = calloc(n_slots, sizeof *plain->keys);
    plain->states = calloc(n_slots, sizeof *plain->states);
    plain->n_slots = plain->keys && plain->used && plain->states ? n_slots : 0;
    return plain->n_slots != 0;
}

bool plain_place(struct plain *plain, const struct plain_graph *graph)
{
    if (!make_slots(plain, graph->n_tensors))
        return false;
    memset(plain->used, 0, (plain->n_slots / 64 + 1) * sizeof *plain->used);
    memset(plain->states, 0, plain->n_slots * sizeof *plain->states);
    for (int i = 0; i < plain->n_pools; i++)
        plain_pool_reset(&plain->pools[i]);
    plain->failed = false;
    count(plain, graph);
    walk(plain, graph);
    return !plain->failed;
}

/* tables */

static void note(struct plain *plain, const struct plain_tensor *tensor, struct plain_place *place)
{
    if (!tensor || tensor->data || tensor->view_src) {
        place->buft = -1;
        place->offset = UINT64_MAX;
        place->size = 0;
        return;
    }
    const struct state *state = state_of(plain, tensor);
    place->buft = state->buft;
    place->chunk = state->chunk;
    place->offset = state->offset;
    place->size = plain_size_in(pool_of(plain, state->buft), tensor);
}

static bool make_tables(struct plain *plain, const struct plain_graph *graph)
{
    if (plain->cap_nodes >= graph->n_nodes && plain->cap_leafs >= graph->n_leafs)
        return true;
    free(plain->node_places);
    free(plain->leaf_places);
    plain->node_places = calloc(graph->n_nodes + 1u, sizeof *plain->node_places);
    plain->leaf_places = calloc(graph->n_leafs + 1u, sizeof *plain->leaf_places);
    bool made = plain->node_places && plain->leaf_places;
    plain->cap_nodes = made ? graph->n_nodes : 0;
    plain->cap_leafs = made ? graph->n_leafs : 0;
    return made;
}

bool plain_plan(struct plain *plain, const struct plain_graph *graph)
{
    if (!plain_place(plain, graph) || !make_tables(plain, graph))
        return false;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        struct plain_node_places *places = &plain->node_places[i];
        note(plain, graph->nodes[i], &places->node);
        for (int j = 0; j < PLAIN_SOURCES; j++)
            note(plain, graph->nodes[i]->src[j], &places->src[j]);
    }
    for (uint32_t i = 0; i < graph->n_leafs; i++)
        note(plain, graph->leafs[i], &plain->leaf_places[i]);
    return true;
}

bool plain_find(const struct plain *plain, const struct plain_tensor *tensor, struct plain_place *place)
{
    size_t at = slot_of(plain, tensor);
    if (!slot_used(plain, at) || tensor->data || tensor->view_src)
        return false;
    const struct state *state = &plain->states[at];
    *place = (struct plain_place){ state->buft, state->chunk, state->offset, 0 };
    return true;
}

uint64_t plain_peak(const struct plain *plain, int buft, int chunk)
{
    const struct plain_pool *pool = &plain->pools[buft];
    return chunk < pool->n_chunks ? pool->chunks[chunk]->peak : 0;
}

struct plain *plain_new(const struct plain_buft *bufts, int n_bufts)
{
    struct plain *plain = calloc(1, sizeof *plain);
    if (!plain)
        return NULL;
    plain->pools = calloc((size_t)n_bufts, sizeof *plain->pools);
    if (!plain->pools) {
        free(plain);
        return NULL;
    }
    plain->n_pools = n_bufts;
    for (int i = 0; i < n_bufts; i++)
        plain->pools[i].buft = &bufts[i];
    return plain;
}

void plain_delete(struct plain *plain)
{
    if (!plain)
        return;
    for (int i = 0; i < plain->n_pools; i++)
        plain_pool_reset(&plain->pools[i]);
    free(plain->pools);
    free(plain->keys);
    free(plain->used);
    free(plain->states);
    free(plain->node_places);
    free(plain->leaf_places);
    free(plain);
}
