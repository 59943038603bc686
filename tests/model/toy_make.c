#include "toy.h"

static uint32_t below(struct toy *toy, uint32_t n)
{
    return (uint32_t)rng_below(&toy->rng, n);
}

static bool chance(struct toy *toy, uint32_t percent)
{
    return below(toy, 100) < percent;
}

/* Mostly one size for the whole program, so that taking over is possible everywhere. */
static uint32_t any_size(struct toy *toy)
{
    switch (below(toy, 10)) {
    case 0:
        return toy->width * 2;
    case 1:
        return toy->width / 2;
    case 2:
        return below(toy, 96);
    default:
        return toy->width;
    }
}

/* A node before `id`, mostly one of the last few, that has bytes in the sense of the program; GA_NONE when bad luck has it. */
static ga_id any_before(struct toy *toy, ga_id id)
{
    for (int tries = 0; id > 1 && tries < 8; tries++) {
        uint32_t reach = chance(toy, 70) && id > 6 ? 6 : id - 1;
        ga_id found = id - 1 - below(toy, reach);
        if (!(toy->nodes[found].flags & GA_DEPEND))
            return found;
    }
    return GA_NONE;
}

static bool same_window(const struct toy_node *a, const struct toy_node *b)
{
    return a->root == b->root && a->root_offset == b->root_offset && a->size == b->size;
}

/* Sources that are the same window are read in the same way: what may be overwritten while it is read may be so for all of them. */
static void choose_reading(struct toy *toy, struct toy_node *node)
{
    for (uint32_t i = 0; i < node->n_src; i++) {
        bool by_element = chance(toy, 65);
        for (uint32_t j = 0; j < i; j++)
            if (node->src[i] && node->src[j] && same_window(&toy->nodes[node->src[i]], &toy->nodes[node->src[j]]))
                by_element = node->by_element >> j & 1;
        node->by_element |= (uint32_t)by_element << i;
    }
}

static bool listed_once(const struct toy_node *node, ga_id src)
{
    uint32_t times = 0;
    for (uint32_t i = 0; i < node->n_src; i++)
        times += node->src[i] == src;
    return times == 1;
}

static void choose_masks(struct toy *toy, struct toy_node *node)
{
    for (uint32_t i = 0; i < node->n_src; i++) {
        ga_id src = node->src[i];
        if (!src || !(node->by_element >> i & 1) || chance(toy, 20))
            continue;
        node->reuse |= (uint64_t)1 << i;
        if (toy->nodes[src].view_of == GA_NONE && listed_once(node, src) && chance(toy, 60))
            node->eager |= (uint64_t)1 << i;
    }
}

/* Another look into the bytes that `id` looks into: what makes taking over hard to get right. */
static ga_id any_sibling(struct toy *toy, ga_id id, ga_id before)
{
    ga_id found = GA_NONE;
    uint32_t seen = 0;
    for (ga_id other = 1; id && other < before; other++)
        if (toy->nodes[other].root == toy->nodes[id].root && !(toy->nodes[other].flags & GA_DEPEND) && below(toy, ++seen) == 0)
            found = other;
    return found;
}

static void add_sources(struct toy *toy, struct toy_node *node, ga_id id)
{
    node->n_src = below(toy, TOY_SOURCES);
    for (uint32_t i = 0; i < node->n_src; i++)
        node->src[i] = chance(toy, 8) ? GA_NONE : any_before(toy, id);
    if (node->n_src > 1 && chance(toy, 25))
        node->src[node->n_src - 1] = any_sibling(toy, node->src[0], id);
    choose_reading(toy, node);
}

static void make_leaf(struct toy *toy, struct toy_node *node, ga_id id)
{
    node->size = any_size(toy);
    node->root = id;
    node->flags = chance(toy, 60) ? GA_INPUT : GA_EXTERNAL;
    if (node->flags == GA_INPUT && chance(toy, 10))
        node->flags |= GA_OUTPUT;
}

static bool make_view(struct toy *toy, struct toy_node *node, ga_id id)
{
    ga_id of = any_before(toy, id);
    if (!of)
        return false;
    const struct toy_node *parent = &toy->nodes[of];
    node->view_of = of;
    if (chance(toy, 40)) {
        node->size = parent->size;
    } else {
        node->view_offset = below(toy, parent->size + 1);
        node->size = below(toy, parent->size - node->view_offset + 1);
    }
    node->pool = parent->pool;
    node->root = parent->root;
    node->root_offset = parent->root_offset + node->view_offset;
    if (chance(toy, 5))
        node->flags |= GA_OUTPUT;
    if (chance(toy, 25)) {
        node->flags |= GA_WRITES;
        add_sources(toy, node, id);
    }
    return true;
}

static void make_compute(struct toy *toy, struct toy_node *node, ga_id id)
{
    node->size = any_size(toy);
    node->root = id;
    if (chance(toy, 10))
        node->align = 1u << below(toy, 8);
    add_sources(toy, node, id);
    choose_masks(toy, node);
    if (node->n_src < TOY_SOURCES && chance(toy, 3))
        node->src[node->n_src++] = id;
    if (chance(toy, 12))
        node->flags |= GA_OUTPUT;
}

static void make_node(struct toy *toy, ga_id id)
{
    struct toy_node *node = &toy->nodes[id];
    *node = (struct toy_node){ .pool = (uint16_t)below(toy, toy->n_pools) };
    uint32_t dice = id <= 2 ? 0 : below(toy, 100);
    if (dice < 8) {
        make_leaf(toy, node, id);
    } else if (dice < 14) {
        node->flags = GA_DEPEND;
        node->root = id;
        node->n_src = 1 + below(toy, 3);
        for (uint32_t i = 0; i < node->n_src; i++)
            node->src[i] = any_before(toy, id);
    } else if (dice >= 40 || !make_view(toy, node, id)) {
        make_compute(toy, node, id);
    }
}

static struct toy_node window(ga_id of, uint32_t offset, uint32_t size)
{
    return (struct toy_node){ .size = size, .view_of = of, .view_offset = offset, .root = of, .root_offset = offset };
}

/*
 * Two windows of one tensor, apart more often than not, and the only node that reads them: where may it start, how far may it reach?
 *
 *     root |--[ one ]----[ other ]---|
 *     heir    [ read by element, any length ]
 */
static void make_windows(struct toy *toy, ga_id id)
{
    uint32_t size = 2 * toy->width, unit = 1u << below(toy, 5), first = below(toy, size / 2) / unit * unit;
    uint32_t len = 1 + below(toy, size / 4), second = below(toy, size - size / 4);
    toy->nodes[id] = (struct toy_node){ .size = size, .root = id };
    toy->nodes[id + 1] = window(id, first, len);
    toy->nodes[id + 2] = window(id, second, 1 + below(toy, size / 4));
    struct toy_node *heir = &toy->nodes[id + 3];
    *heir = (struct toy_node){ .size = len + below(toy, size / 2), .root = id + 3, .src = { id + 1, id + 2 }, .n_src = 2 };
    choose_reading(toy, heir);
    choose_masks(toy, heir);
}

/* order */

static bool is_ready(const struct toy *toy, ga_id id, const bool *done)
{
    const struct toy_node *node = &toy->nodes[id];
    for (uint32_t i = 0; i < node->n_src; i++)
        if (node->src[i] && node->src[i] != id && !done[node->src[i]])
            return false;
    return !node->view_of || done[node->view_of];
}

/* Any order that the sources allow, in groups of any length. */
static void make_sequence(struct toy *toy)
{
    bool done[TOY_NODES + 1] = { 0 };
    for (ga_id id = 1; id <= toy->n_nodes; id++)
        done[id] = toy_is_leaf(&toy->nodes[id]);
    uint32_t step = 1;
    for (bool more = true; more;) {
        more = false;
        for (ga_id id = 1; id <= toy->n_nodes; id++) {
            if (done[id] || !is_ready(toy, id, done))
                continue;
            more = true;
            if (chance(toy, 30))
                continue;
            done[id] = true;
            toy->nodes[id].step = step;
            toy->order[toy->n_order++] = id;
            if (chance(toy, 40))
                step++;
        }
    }
    toy->n_steps = step;
}

static void make_steps(struct toy *toy, uint32_t percent_together)
{
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        struct toy_node *node = &toy->nodes[id];
        if (toy_is_leaf(node))
            continue;
        bool together = id > 1 && toy->n_order > 0 && !toy_is_leaf(&toy->nodes[id - 1]) && chance(toy, percent_together);
        node->flags |= together ? GA_TOGETHER : 0;
        toy->n_steps += !together;
        node->step = toy->n_steps;
        toy->order[toy->n_order++] = id;
    }
}

/* what needs the whole program */

static void count(struct toy *toy)
{
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        const struct toy_node *node = &toy->nodes[id];
        for (uint32_t i = 0; i < node->n_src; i++)
            toy->nodes[node->src[i]].readers += node->src[i] != id;
        toy->nodes[node->view_of].views++;
    }
}

/* Marks of dependency may name what comes later. */
static void look_ahead(struct toy *toy)
{
    for (ga_id id = 1; id < toy->n_nodes; id++) {
        struct toy_node *node = &toy->nodes[id];
        if (!(node->flags & GA_DEPEND) || toy->sequence || !chance(toy, 30))
            continue;
        ga_id later = id + 1 + below(toy, toy->n_nodes - id);
        if (!(toy->nodes[later].flags & GA_DEPEND))
            node->src[0] = later;
    }
}

static void add_extends(struct toy *toy)
{
    uint32_t wanted = chance(toy, 40) ? 1 + below(toy, TOY_EXTENDS) : 0;
    for (uint32_t i = 0; i < wanted; i++) {
        ga_id id = 1 + below(toy, toy->n_nodes), until = 1 + below(toy, toy->n_nodes);
        bool fits =
            !(toy->nodes[id].flags & GA_DEPEND) && toy->nodes[until].step > 0 && toy->nodes[id].step <= toy->nodes[until].step;
        if (!fits)
            continue;
        toy->extends[toy->n_extends].id = id;
        toy->extends[toy->n_extends++].until = until;
    }
}

static bool is_extended(const struct toy *toy, ga_id id)
{
    for (uint32_t i = 0; i < toy->n_extends; i++)
        if (toy->extends[i].id == id)
            return true;
    return false;
}

static bool reads(const struct toy_node *node, ga_id id)
{
    for (uint32_t i = 0; i < node->n_src; i++)
        if (node->src[i] == id)
            return true;
    return false;
}

/* A fused kernel: all who read `id` are in its step, and nobody writes through a window meanwhile. */
static bool could_be_elided(const struct toy *toy, ga_id id)
{
    const struct toy_node *node = &toy->nodes[id];
    if (!toy_computes(node) || node->view_of || node->flags & GA_OUTPUT || node->views || !node->readers || is_extended(toy, id))
        return false;
    for (ga_id other = 1; other <= toy->n_nodes; other++) {
        const struct toy_node *reader = &toy->nodes[other];
        if (other != id && reads(reader, id) && (reader->step != node->step || !toy_computes(reader)))
            return false;
        if (reader->step == node->step && reader->flags & GA_WRITES)
            return false;
    }
    return true;
}

static void add_flags(struct toy *toy)
{
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        struct toy_node *node = &toy->nodes[id];
        bool unread = !node->readers && !node->views && !(node->flags & GA_OUTPUT) && !is_extended(toy, id);
        if (unread && node->step && !(node->flags & GA_DEPEND) && chance(toy, 40))
            node->flags |= GA_DISCARD;
        else if (could_be_elided(toy, id) && chance(toy, 50))
            node->flags |= GA_ELIDED;
    }
}

/* Some of what nobody needs never runs. */
static void drop_some(struct toy *toy)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < toy->n_order; i++) {
        ga_id id = toy->order[i];
        struct toy_node *node = &toy->nodes[id];
        bool needed = node->readers || node->views || node->flags & (GA_OUTPUT | GA_WRITES | GA_DEPEND) || is_extended(toy, id);
        for (uint32_t k = 0; k < toy->n_extends; k++)
            needed |= toy->extends[k].until == id;
        if (needed || !chance(toy, 15))
            toy->order[kept++] = id;
        else
            node->step = 0;
    }
    toy->n_order = kept;
}

void toy_make(struct toy *toy, uint64_t seed)
{
    *toy = (struct toy){ .rng = { seed } };
    toy->n_nodes = 3 + below(toy, TOY_NODES - 2);
    toy->width = 8 + below(toy, 40);
    toy->n_pools = 1 + below(toy, TOY_POOLS);
    for (unsigned i = 0; i < toy->n_pools; i++) {
        toy->align[i] = chance(toy, 40) ? 0 : (uint64_t)1 << below(toy, 7);
        toy->chunk_max[i] = chance(toy, 60) ? 0 : 64 + below(toy, 512);
    }
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        if (id + 3 <= toy->n_nodes && chance(toy, 8)) {
            make_windows(toy, id);
            id += 3;
        } else {
            make_node(toy, id);
        }
    }
    toy->sequence = chance(toy, 35);
    if (toy->sequence)
        make_sequence(toy);
    else
        make_steps(toy, chance(toy, 50) ? 0 : 45);
    look_ahead(toy);
    count(toy);
    add_extends(toy);
    add_flags(toy);
    if (toy->sequence)
        drop_some(toy);
}

/* description */

static enum ga_status tell_order(const struct toy *toy, ga_graph *graph)
{
    ga_id list[2 * TOY_NODES];
    size_t n = 0;
    for (uint32_t i = 0; i < toy->n_order; i++) {
        if (i > 0 && toy->nodes[toy->order[i - 1]].step != toy->nodes[toy->order[i]].step)
            list[n++] = GA_NONE;
        list[n++] = toy->order[i];
    }
    return ga_graph_sequence(graph, list, n);
}

enum ga_status toy_feed(const struct toy *toy, ga_graph *graph)
{
    for (ga_id id = 1; id <= toy->n_nodes; id++) {
        const struct toy_node *node = &toy->nodes[id];
        ga_graph_add(graph, &(struct ga_node){ .key = node,
                                               .size = node->size,
                                               .align = node->align,
                                               .src = node->src,
                                               .n_src = node->n_src,
                                               .reuse = node->reuse,
                                               .eager = node->eager,
                                               .view_of = node->view_of,
                                               .view_offset = node->view_offset,
                                               .pool = node->pool,
                                               .flags = node->flags });
    }
    for (uint32_t i = 0; i < toy->n_extends; i++)
        ga_graph_extend(graph, toy->extends[i].id, toy->extends[i].until);
    if (toy->sequence && toy->n_order > 0) {
        enum ga_status told = tell_order(toy, graph);
        if (told != GA_OK)
            return told;
    }
    return ga_graph_status(graph);
}
