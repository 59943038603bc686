#include "feed.h"

void feed_opts(struct feed_opts *opts, const struct instance *instance, enum ga_effort effort)
{
    *opts = (struct feed_opts){ 0 };
    opts->opts = (struct ga_plan_opts){ .effort = effort, .chunk_max = opts->chunk_max, .align = opts->align };
    for (int i = 0; i < instance->graph.n_bufts && i < FEED_BUFTS; i++) {
        const struct plain_buft *buft = &instance->bufts[i];
        opts->align[i] = buft->align;
        opts->chunk_max[i] = buft->max_size == UINT64_MAX ? 0 : buft->max_size;
        opts->opts.n_pools++;
    }
}

static bool same_layout(const struct plain_tensor *a, const struct plain_tensor *b)
{
    bool same = a->type == b->type;
    for (int i = 0; same && i < 4; i++)
        same = a->ne[i] == b->ne[i] && a->nb[i] == b->nb[i];
    return same;
}

static bool listed_once(const struct plain_tensor *node, const struct plain_tensor *src)
{
    unsigned times = 0;
    for (int i = 0; i < PLAIN_SOURCES; i++)
        times += node->src[i] == src;
    return times == 1;
}

static bool may_give(const struct plain_tensor *node, const struct plain_tensor *src)
{
    const struct plain_tensor *root = src->view_src ? src->view_src : src;
    return !root->data && !((root->flags | src->flags) & PLAIN_OUTPUT) && same_layout(node, src);
}

static void set_masks(struct ga_node *out, const struct plain_tensor *node, enum feed_in_place in_place)
{
    if (in_place == FEED_NONE || node->op != PLAIN_IN_PLACE || node->view_src)
        return;
    uint64_t bit = 1;
    for (int i = 0; i < PLAIN_SOURCES; i++) {
        const struct plain_tensor *src = node->src[i];
        if (!src)
            continue;
        bool may = may_give(node, src), eager = may && !src->view_src && listed_once(node, src);
        out->eager |= eager ? bit : 0;
        out->reuse |= eager || (may && in_place == FEED_VIEWS) ? bit : 0;
        bit <<= 1;
    }
}

/* A mark of dependency may name nodes that come later; their ids are known from their places in the order. */
static ga_id later(const struct plain_graph *graph, uint32_t first_id, uint32_t from, const struct plain_tensor *tensor)
{
    for (uint32_t i = from; i < graph->n_nodes; i++)
        if (graph->nodes[i] == tensor)
            return first_id + i;
    return GA_NONE;
}

static void set_flags(struct ga_node *out, const struct plain_tensor *tensor)
{
    if (tensor->view_src)
        out->flags |= tensor->op >= PLAIN_COMPUTE ? GA_WRITES : 0;
    else if (tensor->data)
        out->flags |= GA_EXTERNAL;
    else if (tensor->flags & PLAIN_INPUT)
        out->flags |= GA_INPUT;
    if ((tensor->flags & PLAIN_OUTPUT) && !(out->flags & GA_EXTERNAL))
        out->flags |= GA_OUTPUT;
}

static struct ga_node describe(const ga_graph *graph, const struct instance *instance, const struct plain_tensor *tensor, int buft)
{
    const struct plain_buft *kind = &instance->bufts[buft < 0 ? 0 : buft];
    struct ga_node node = { .key = tensor, .name = tensor->name, .op = tensor->op_name, .pool = (uint16_t)kind->pool };
    node.size = kind->alloc_size(kind, tensor);
    if (tensor->view_src) {
        node.view_of = ga_graph_find(graph, tensor->view_src);
        node.view_offset = tensor->view_offs;
        node.size -= tensor->padding;
    }
    set_flags(&node, tensor);
    return node;
}

static void feed_node(ga_graph *graph, const struct instance *instance, uint32_t at, uint32_t first_id, enum feed_in_place in_place)
{
    const struct plain_tensor *tensor = instance->graph.nodes[at];
    struct ga_node node = describe(graph, instance, tensor, instance->graph.node_buft[at]);
    ga_id src[PLAIN_SOURCES];
    node.src = src;
    for (int i = 0; i < PLAIN_SOURCES; i++) {
        if (!tensor->src[i])
            continue;
        ga_id id = ga_graph_find(graph, tensor->src[i]);
        src[node.n_src++] = id ? id : later(&instance->graph, first_id, at, tensor->src[i]);
    }
    if (tensor->op == PLAIN_NONE && tensor->view_src) {
        node.flags = GA_DEPEND;
        node.view_of = GA_NONE;
        node.view_offset = node.size = 0;
    }
    set_masks(&node, tensor, in_place);
    ga_graph_add(graph, &node);
}

enum ga_status feed(ga_graph *graph, const struct instance *instance, enum feed_in_place in_place)
{
    const struct plain_graph *from = &instance->graph;
    for (uint32_t i = 0; i < instance->n_externs; i++) {
        struct ga_node node = describe(graph, instance, instance->externs[i], -1);
        ga_graph_add(graph, &node);
    }
    for (uint32_t i = 0; i < from->n_leafs; i++) {
        struct ga_node node = describe(graph, instance, from->leafs[i], from->leaf_buft[i]);
        node.flags |= node.flags & GA_EXTERNAL || node.view_of ? 0 : GA_INPUT;
        ga_graph_add(graph, &node);
    }
    uint32_t first_id = ga_graph_len(graph) + 1;
    for (uint32_t i = 0; i < from->n_nodes; i++)
        feed_node(graph, instance, i, first_id, in_place);
    return ga_graph_status(graph);
}
