#include "ggml/dropin.h"

#include <string.h>

#include "base/bits.h"
#include "graph/ops.h"

static enum ga_status take_buffer(void *user, size_t size, struct ga_buffer *buffer)
{
    ggml_backend_buffer_t taken = ggml_backend_buft_alloc_buffer(user, size);
    if (!taken)
        return GA_NO_SPACE;
    ggml_backend_buffer_set_usage(taken, GGML_BACKEND_BUFFER_USAGE_COMPUTE);
    *buffer = (struct ga_buffer){ ggml_backend_buffer_get_base(taken), max_u64(size, ggml_backend_buffer_get_size(taken)), taken };
    return GA_OK;
}

static void give_buffer(void *user, struct ga_buffer *buffer)
{
    (void)user;
    ggml_backend_buffer_free(buffer->handle);
}

static const char *const inplace_names[] = { "none", "ggml", "views", "more" };
static const char *const effort_names[] = { NULL, "none", "online", "quick", "search", "prove" };

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

bool gai_dropin_pools(struct ggml_gallocr *galloc)
{
    for (uint32_t i = 0; i < galloc->n_bufs; i++) {
        uint32_t first = 0;
        while (galloc->bufts[first] != galloc->bufts[i])
            first++;
        galloc->pool_of[i] = (uint16_t)first;
        galloc->aligns[i] = ggml_backend_buft_get_alignment(galloc->bufts[i]);
        galloc->chunk_max[i] = ggml_backend_buft_get_max_size(galloc->bufts[i]);
        /* Offsets are aligned by the options; a base is what the buffer type says it is, as for ggml's own. */
        galloc->backends[i] = (struct ga_backend){
            .name = ggml_backend_buft_name(galloc->bufts[i]), .alloc = take_buffer, .free = give_buffer, .user = galloc->bufts[i]
        };
        galloc->pools[i] = &galloc->backends[i];
    }
    for (int op = 0; op < GGML_OP_COUNT; op++)
        galloc->rights[op] = ggml_op_can_inplace((enum ggml_op)op)                 ? 1
                             : gai_op_may_reuse(ggml_op_name((enum ggml_op)op), 2) ? 2
                                                                                   : 0;
    galloc->inplace = (enum inplace)choice(&galloc->env, "GGML_ALLOC_INPLACE", inplace_names, 4, INPLACE_VIEWS);
    galloc->opts = (struct ga_plan_opts){
        .effort = (enum ga_effort)choice(&galloc->env, "GGML_ALLOC_EFFORT", effort_names, 6, GA_EFFORT_QUICK),
        .n_pools = galloc->n_bufs,
        .chunk_max = galloc->chunk_max,
        .align = galloc->aligns,
    };
    return true;
}

/* --- the graph as the planner sees it --- */

static bool only_looks(const struct ggml_tensor *tensor)
{
    return tensor->op == GGML_OP_NONE || tensor->op == GGML_OP_VIEW || tensor->op == GGML_OP_RESHAPE ||
           tensor->op == GGML_OP_PERMUTE || tensor->op == GGML_OP_TRANSPOSE;
}

static ga_id id_at(const struct record *record, uint32_t index)
{
    return index ? record->seen[index - 1].id : GA_NONE;
}

static bool is_node(const struct record *record, uint32_t at)
{
    return at >= record->n_leafs && at < record->n_leafs + record->n_nodes;
}

/* The window of a view in what it looks into: what ggml lets hang over an end ends there for us. */
static void look_into(const struct ggml_gallocr *galloc, struct ga_node *node, ga_id root, const struct ggml_tensor *tensor)
{
    struct ga_node seen;
    if (!ga_graph_node(galloc->graph, root, &seen))
        return;
    node->view_of = root;
    node->view_offset = min_u64(tensor->view_offs, seen.size);
    node->size = min_u64(ggml_nbytes(tensor), seen.size - node->view_offset);
}

/* A leaf, an input, or a tensor in neither list: it is there before whoever reads it. */
static void add_given(struct ggml_gallocr *galloc, struct record *record, uint32_t at, bool at_start)
{
    struct seen *seen = &record->seen[at];
    const struct ggml_tensor *tensor = galloc->tensors[at];
    struct ga_node node = { .name = tensor->name, .op = ggml_op_name(tensor->op), .pool = seen->pool };
    node.flags = seen->flags & GGML_TENSOR_FLAG_OUTPUT ? GA_OUTPUT : 0;
    if (seen->is_planned) {
        node.size = seen->size;
        node.flags |= at_start || (seen->flags & GGML_TENSOR_FLAG_INPUT) ? GA_INPUT : 0;
    } else if (id_at(record, seen->view) != GA_NONE) {
        look_into(galloc, &node, id_at(record, seen->view), tensor);
        node.pool = record->seen[seen->view - 1].pool;
        seen->roots_planned = true;
    } else {
        return;
    }
    seen->id = ga_graph_add(galloc->graph, &node);
}

/* Everything a node reads or views that is not in the graph yet. */
static void add_sources(struct ggml_gallocr *galloc, struct record *record, uint32_t at)
{
    const struct seen *seen = &record->seen[at];
    for (unsigned i = 0; i <= GGML_MAX_SRC; i++) {
        uint32_t index = i < GGML_MAX_SRC ? seen->src[i] : seen->view;
        if (!index || is_node(record, index - 1) || id_at(record, index) != GA_NONE)
            continue;
        uint32_t root = record->seen[index - 1].view;
        if (root && !is_node(record, root - 1) && id_at(record, root) == GA_NONE)
            add_given(galloc, record, root - 1, false);
        add_given(galloc, record, index - 1, false);
    }
}

static void add_node(struct ggml_gallocr *galloc, struct record *record, uint32_t at)
{
    struct seen *seen = &record->seen[at];
    const struct ggml_tensor *tensor = galloc->tensors[at];
    ga_id src[GGML_MAX_SRC], root;
    add_sources(galloc, record, at);
    root = id_at(record, seen->view);
    for (unsigned i = 0; i < seen->n_src; i++)
        src[i] = seen->src[i] == at + 1 ? GA_NONE : id_at(record, seen->src[i]);
    struct ga_node node = {
        .name = tensor->name, .op = ggml_op_name(tensor->op), .pool = seen->pool, .src = src, .n_src = seen->n_src
    };
    if (seen->flags & GGML_TENSOR_FLAG_OUTPUT)
        node.flags |= GA_OUTPUT;
    if (seen->view && tensor->op == GGML_OP_NONE) {
        node.flags = GA_DEPEND;
        seen->roots_planned = root != GA_NONE;
        ga_graph_add(galloc->graph, &node);
        seen->id = root;
        return;
    }
    if (seen->is_planned) {
        node.size = seen->size;
        node.reuse = gai_dropin_rights(galloc, tensor, &node.eager);
        node.flags |= seen->flags & GGML_TENSOR_FLAG_INPUT ? GA_INPUT : 0;
    } else if (root != GA_NONE) {
        look_into(galloc, &node, root, tensor);
        node.pool = record->seen[seen->view - 1].pool;
        node.flags |= only_looks(tensor) ? 0 : GA_WRITES;
        seen->roots_planned = true;
    } else {
        node.flags = GA_EXTERNAL;
    }
    seen->id = ga_graph_add(galloc->graph, &node);
}

static bool describe(struct ggml_gallocr *galloc, struct record *record)
{
    ga_graph_clear(galloc->graph);
    for (uint32_t i = 0; i < record_len(record); i++)
        record->seen[i].id = GA_NONE;
    for (uint32_t i = 0; i < record->n_leafs; i++)
        if (record->seen[i].is_planned)
            add_given(galloc, record, i, true);
    for (uint32_t i = record->n_leafs; i < record->n_leafs + record->n_nodes; i++)
        add_node(galloc, record, i);
    if (ga_graph_status(galloc->graph) == GA_OK)
        return true;
    gai_log(&galloc->env, GA_ERROR, "%s", ga_graph_error(galloc->graph) ? ga_graph_error(galloc->graph) : "no memory for a graph");
    return false;
}

/* --- what the plan says, by index --- */

static bool touch(const struct ga_slot *a, const struct ga_slot *b)
{
    return a->pool == b->pool && a->chunk == b->chunk && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static void learn(struct ggml_gallocr *galloc, struct record *record)
{
    uint64_t eager;
    for (uint32_t i = 0; i < record_len(record); i++) {
        struct seen *seen = &record->seen[i];
        if (!ga_plan_slot(record->plan, seen->id, &seen->slot))
            seen->slot = (struct ga_slot){ .pool = seen->pool };
    }
    for (uint32_t i = record->n_leafs; i < record->n_leafs + record->n_nodes; i++) {
        struct seen *seen = &record->seen[i];
        uint64_t reuse = gai_dropin_rights(galloc, galloc->tensors[i], &eager);
        for (unsigned s = 0; reuse && s < seen->n_src; s++)
            if ((reuse >> s & 1) && touch(&seen->slot, &record->seen[seen->src[s] - 1].slot))
                seen->taken |= (uint64_t)1 << s;
    }
}

bool gai_dropin_plan(struct ggml_gallocr *galloc, struct record *record)
{
    if (!describe(galloc, record))
        return false;
    enum ga_status status = ga_plan_graph(galloc->graph, &galloc->opts, &record->plan);
    if (status != GA_OK) {
        const char *why = ga_graph_error(galloc->graph);
        gai_log(&galloc->env, GA_ERROR, "the graph cannot be planned: %s", why ? why : "no memory");
        return false;
    }
    learn(galloc, record);
    gai_dropin_trace(galloc);
    return true;
}
