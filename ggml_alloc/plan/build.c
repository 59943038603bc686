#include "plan/build.h"

#include "base/bits.h"
#include "graph/alias.h"

struct builder {
    const ga_graph *graph;
    const struct lives *lives;
    const uint64_t *sizes;
    struct build *out;
    bool wraps; /* a rounded size did */
};

static uint64_t size_of(const struct builder *b, ga_id id)
{
    uint64_t size = b->graph->bodies[id].size;
    return b->sizes ? max_u64(size, b->sizes[id]) : size;
}

/* Take-over edges of the item just begun: the eager one first, then the others in source order. */
static void add_edges(struct builder *b, ga_id heir, const struct item *item)
{
    struct problem *problem = &b->out->problem;
    struct masks masks = node_masks(b->graph, heir);
    uint32_t first = problem->n_edges;
    bool has_eager = false;
    for (uint64_t left = masks.reuse; left; left &= left - 1) {
        uint32_t slot = low_bit(left);
        struct takeover over;
        if (!gai_alias(b->graph, b->lives, b->sizes, heir, slot, &over) || b->out->item_of[over.from] == 0)
            continue;
        uint32_t from = b->out->item_of[over.from] - 1;
        uint64_t room = problem->items[from].size;
        bool aligned = (over.delta & (((uint64_t)1 << item->align_log2) - 1)) == 0;
        if (!aligned || over.delta > room || item->size > room - over.delta)
            continue;
        bool eager = over.eager && !has_eager && (masks.eager >> slot & 1);
        struct edge edge = { .delta = over.delta, .from = from, .eager = eager };
        problem->edges[problem->n_edges++] = edge;
        if (eager && problem->n_edges - 1 > first) {
            problem->edges[problem->n_edges - 1] = problem->edges[first];
            problem->edges[first] = edge;
        }
        has_eager |= eager;
    }
}

static void add_item(struct builder *b, ga_id id)
{
    struct problem *problem = &b->out->problem;
    const struct node *node = &b->graph->nodes[id];
    uint8_t pool_log2 = problem->pools[node->pool].align_log2;
    uint8_t own = node->marks & NODE_ALIGN, own_log2 = (uint8_t)(own ? own - 1 : 0);
    uint8_t align_log2 = own_log2 > pool_log2 ? own_log2 : pool_log2;
    uint64_t size = size_of(b, id), align = (uint64_t)1 << align_log2;
    b->wraps |= !align_fits(size, align);

    uint32_t index = problem->n_items++;
    struct item *item = &problem->items[index];
    *item = (struct item){
        .size = align_up(size, align),
        .birth = b->lives->of[id].birth,
        .death = life_death(b->lives, id),
        .edge = problem->n_edges,
        .pool = node->pool,
        .align_log2 = align_log2,
    };
    b->out->node_of[index] = id;
    if (b->graph->bodies[id].reuse | (node->marks & NODE_WIDE))
        add_edges(b, id, item);
    b->out->item_of[id] = index + 1;
}

/* When every INPUT was added before the first node that runs, as engines do, ids are in allocation order. */
static void add_in_id_order(struct builder *b)
{
    for (ga_id id = 1, n = b->graph->n_nodes; id <= n; id++) {
        b->out->item_of[id] = 0;
        if (node_owns(b->graph, id))
            add_item(b, id);
    }
}

/* Step 0: what is written before the first node runs.  Also clears item_of for all. */
static void add_inputs(struct builder *b)
{
    for (ga_id id = 1; id <= b->graph->n_nodes; id++) {
        b->out->item_of[id] = 0;
        if (b->lives->of[id].birth == 0 && node_owns(b->graph, id))
            add_item(b, id);
    }
}

static inline void add_when_due(struct builder *b, ga_id id)
{
    if (b->out->item_of[id] == 0 && node_owns(b->graph, id))
        add_item(b, id);
}

/* A DEPEND's later sources, and nodes that a sequence leaves out, get bytes when somebody reads or writes them. */
static void add_lazily(struct builder *b)
{
    for (struct walk walk = walk_start(b->graph); walk_next(&walk);) {
        struct sources sources = node_sources(b->graph, walk.id);
        for (uint32_t i = 0; i < sources.n; i++)
            if (sources.at[i] != GA_NONE)
                add_when_due(b, b->graph->nodes[sources.at[i]].root);
        add_when_due(b, b->graph->nodes[walk.id].root);
    }
}

enum ga_status gai_build(const ga_graph *graph, const struct lives *lives, const uint64_t *sizes, struct build *build)
{
    struct problem *problem = &build->problem;
    problem->n_steps = lives->n_steps;
    problem->n_items = problem->n_edges = 0;
    struct builder b = { graph, lives, sizes, build, false };
    bool in_order = !graph->names_ahead && !graph->n_sequence;
    if (in_order && !graph->late_inputs) {
        add_in_id_order(&b);
    } else {
        add_inputs(&b);
        add_lazily(&b);
    }
    problem->items[problem->n_items] = (struct item){ .edge = problem->n_edges };
    return b.wraps ? GA_NO_SPACE : GA_OK;
}
