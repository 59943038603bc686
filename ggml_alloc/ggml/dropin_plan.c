#include "ggml/dropin.h"

#include <string.h>

#include "base/bits.h"
#include "graph/graph.h"

static enum ga_status take_buffer(void *user, size_t size, struct ga_buffer *buffer)
{
    ggml_backend_buffer_t taken = ggml_backend_buft_alloc_buffer(user, size);
    if (!taken)
        return GA_NO_SPACE;
    ggml_backend_buffer_set_usage(taken, GGML_BACKEND_BUFFER_USAGE_COMPUTE);
    *buffer = (struct ga_buffer){ ggml_backend_buffer_get_base(taken), (size_t)max_u64(size, ggml_backend_buffer_get_size(taken)),
                                  taken };
    return GA_OK;
}

static void give_buffer(void *user, struct ga_buffer *buffer)
{
    (void)user;
    ggml_backend_buffer_free(buffer->handle);
}

static const char *const inplace_names[] = { "none", "ggml", "views", "more" };
static const char *const effort_names[] = { NULL, "none", "online", "quick", "search", "prove" };
static const char *const grow_names[] = { [GA_GROW_KEEP] = "keep", [GA_GROW_FREE_FIRST] = "free" };

/* The place of the variable's value among `names`, else `standard`; a value that is none of them is told. */
static unsigned choice(const struct ga_env *env, const char *name, const char *const *names, unsigned n, unsigned standard)
{
    const char *value = gai_environment_value(name);
    if (!value)
        return standard;
    for (unsigned i = 0; i < n; i++)
        if (names[i] && strcmp(names[i], value) == 0)
            return i;
    gai_log(env, GA_WARN, "%s=%.40s is none of its values; going on with %s", name, value, names[standard]);
    return standard;
}

void gai_dropin_pools(struct ggml_gallocr *galloc)
{
    for (uint32_t i = 0; i < galloc->n_bufs; i++) {
        uint32_t first = 0;
        while (galloc->bufts[first] != galloc->bufts[i])
            first++;
        galloc->pool_of[i] = (uint16_t)first;
        galloc->aligns[i] = ggml_backend_buft_get_alignment(galloc->bufts[i]);
        galloc->chunk_max[i] = ggml_backend_buft_get_max_size(galloc->bufts[i]);
        gai_chunks_init(&galloc->chunks[i], &galloc->env.mem, galloc->chunk_max[i] < SIZE_MAX ? galloc->chunk_max[i] : UINT64_MAX);
        /* Offsets are aligned by the options; a base is what the buffer type says it is, as for ggml's own. */
        galloc->backends[i] = (struct ga_backend){
            .name = ggml_backend_buft_name(galloc->bufts[i]), .alloc = take_buffer, .free = give_buffer, .user = galloc->bufts[i]
        };
        galloc->pools[i] = &galloc->backends[i];
    }
    galloc->inplace = (enum inplace)choice(&galloc->env, "GGML_ALLOC_INPLACE", inplace_names, 4, INPLACE_VIEWS);
    galloc->grow = (enum ga_grow)choice(&galloc->env, "GGML_ALLOC_GROW", grow_names, 2, GA_GROW_KEEP);
    galloc->opts = (struct ga_plan_opts){
        .effort = (enum ga_effort)choice(&galloc->env, "GGML_ALLOC_EFFORT", effort_names, 6, GA_EFFORT_QUICK),
        .n_pools = galloc->n_bufs,
        .chunk_max = galloc->chunk_max,
        .align = galloc->aligns,
    };
}

/* --- the graph as the planner sees it --- */

static bool only_looks(const struct ggml_tensor *tensor)
{
    return tensor->op == GGML_OP_NONE || tensor->op == GGML_OP_VIEW || tensor->op == GGML_OP_RESHAPE ||
           tensor->op == GGML_OP_PERMUTE || tensor->op == GGML_OP_TRANSPOSE;
}

/*
 * A graph while it is described.  Names cost time, and are for those who read along.  A mark of dependency may name a node that comes
 * later: what the planner will call that is known when the graph is told for the second time.
 */
struct telling {
    struct ggml_gallocr *galloc;
    struct record *record;
    bool names, names_ahead;
    const uint32_t *numbers; /* the planner's, by id; NULL: the first time */
};

static struct ga_node node_of(const struct telling *telling, uint32_t id)
{
    const struct seen *seen = &telling->record->seen[id];
    const struct ggml_tensor *tensor = tensor_at(telling->galloc, id);
    struct ga_node node = { .pool = seen->pool };
    if (telling->names) {
        node.name = tensor->name;
        node.op = ggml_op_name(tensor->op);
    }
    if (seen->flags & GGML_TENSOR_FLAG_OUTPUT)
        node.flags |= GA_OUTPUT;
    return node;
}

static bool is_told(const struct telling *telling, uint32_t id)
{
    return telling->record->seen[id].node != GA_NONE;
}

/* Its window in what it looks into: what ggml lets hang over an end ends there for us. */
static void look_into(const struct telling *telling, struct ga_node *node, uint32_t id)
{
    const struct seen *root = &telling->record->seen[telling->record->seen[id].view];
    const struct ggml_tensor *tensor = tensor_at(telling->galloc, id);
    uint64_t size = telling->galloc->graph->bodies[root->node].size;
    node->view_of = root->node;
    node->view_offset = min_u64(tensor->view_offs, size);
    node->size = min_u64(ggml_nbytes(tensor), size - node->view_offset);
    node->pool = root->pool;
}

/* A leaf, an input, or a tensor in neither list: it is there before whoever reads it. */
static void tell_given(const struct telling *telling, uint32_t id, bool at_start)
{
    struct seen *seen = &telling->record->seen[id];
    struct ga_node node = node_of(telling, id);
    if (seen->is_planned) {
        node.size = seen->size;
        node.flags |= at_start || (seen->flags & GGML_TENSOR_FLAG_INPUT) ? GA_INPUT : 0;
    } else if (is_told(telling, seen->view)) {
        look_into(telling, &node, id);
    } else {
        return;
    }
    seen->node = ga_graph_add(telling->galloc->graph, &node);
}

/* Something a node reads or looks into, unless it is a node itself. */
static void tell_source(const struct telling *telling, uint32_t id)
{
    const struct record *record = telling->record;
    if (id == 0 || record_has_node(record, id) || is_told(telling, id))
        return;
    uint32_t root = record->seen[id].view;
    if (root && !record_has_node(record, root) && !is_told(telling, root))
        tell_given(telling, root, false);
    tell_given(telling, id, false);
}

/* It is never executed: it keeps its sources alive, and whoever reads it reads what it views. */
static void tell_mark(const struct telling *telling, uint32_t id, const struct ga_node *sources)
{
    struct seen *seen = &telling->record->seen[id];
    struct ga_node node = *sources;
    node.flags = GA_DEPEND;
    ga_graph_add(telling->galloc->graph, &node);
    seen->node = telling->record->seen[seen->view].node;
}

static ga_id source_of(struct telling *telling, uint32_t id, uint32_t src)
{
    const struct record *record = telling->record;
    tell_source(telling, src);
    if (src == id)
        return GA_NONE;
    if (!record_has_node(record, src) || src < id)
        return record->seen[src].node;
    telling->names_ahead = true;
    return telling->numbers ? telling->numbers[src] : GA_NONE;
}

static void tell_node(struct telling *telling, uint32_t id)
{
    struct record *record = telling->record;
    struct seen *seen = &record->seen[id];
    ga_id src[GGML_MAX_SRC];
    for (unsigned i = 0; i < seen->n_src; i++)
        src[i] = source_of(telling, id, record->srcs[seen->first_src + i]);
    tell_source(telling, seen->view);
    struct ga_node node = node_of(telling, id);
    node.src = src;
    node.n_src = seen->n_src;
    if (seen->view && seen->op == GGML_OP_NONE) {
        tell_mark(telling, id, &node);
        return;
    }
    if (seen->is_planned) {
        node.size = seen->size;
        node.reuse = seen->reuse;
        node.eager = seen->eager;
        node.flags |= seen->flags & GGML_TENSOR_FLAG_INPUT ? GA_INPUT : 0;
    } else if (seen->view && is_told(telling, seen->view)) {
        look_into(telling, &node, id);
        node.flags |= only_looks(tensor_at(telling->galloc, id)) ? 0 : GA_WRITES;
    } else {
        node.flags = GA_EXTERNAL;
    }
    seen->node = ga_graph_add(telling->galloc->graph, &node);
}

static void tell_all(struct telling *telling)
{
    struct record *record = telling->record;
    ga_graph_clear(telling->galloc->graph);
    for (uint32_t id = 0; id <= record_len(record); id++)
        record->seen[id].node = GA_NONE;
    for (uint32_t id = 1; id <= record->n_leafs; id++)
        if (record->seen[id].is_planned)
            tell_given(telling, id, true);
    for (uint32_t id = record->n_leafs + 1; id <= record->n_leafs + record->n_nodes; id++)
        if (!record->seen[id].is_twin)
            tell_node(telling, id);
}

static enum ga_status tell(struct telling *telling)
{
    struct ggml_gallocr *galloc = telling->galloc;
    uint32_t *numbers = galloc->changed; /* nobody asks what changed while something is planned */
    tell_all(telling);
    if (telling->names_ahead) {
        for (uint32_t id = 0; id <= record_len(telling->record); id++)
            numbers[id] = telling->record->seen[id].node;
        telling->numbers = numbers;
        tell_all(telling);
    }
    return ga_graph_status(galloc->graph);
}

bool gai_dropin_plan(struct ggml_gallocr *galloc, struct record *record)
{
    const char *folder = gai_environment_value("GGML_ALLOC_TRACE");
    struct telling telling = { .galloc = galloc, .record = record, .names = folder || galloc->env.log.write };
    enum ga_status status;
    if (galloc->opts.effort == GA_EFFORT_ONLINE && !telling.names) {
        status = gai_dropin_walk(galloc, record);
    } else {
        status = tell(&telling);
        if (status == GA_OK)
            status = ga_plan_graph(galloc->graph, &galloc->opts, &record->plan);
    }
    if (status != GA_OK) {
        const char *why = ga_graph_error(galloc->graph);
        gai_log(&galloc->env, GA_ERROR, "the graph cannot be planned: %s", why ? why : "no memory");
        return false;
    }
    if (folder)
        gai_dropin_trace(galloc, folder);
    if (gai_environment_logs(&galloc->env, GA_DEBUG))
        gai_dropin_debug(galloc, record);
    return true;
}
