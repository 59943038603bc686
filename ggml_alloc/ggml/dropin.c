#include "ggml/dropin.h"

#include <string.h>

/* By name: which ops there are depends on the version. */
bool ggml_op_can_inplace(enum ggml_op op)
{
    static const char *const able[] = { "ADD",       "ADD1",  "ADD_ID",    "DIAG_MASK_INF", "DIAG_MASK_ZERO", "DIV",
                                        "FILL",      "LOG",   "MUL",       "RMS_NORM",      "RMS_NORM_BACK",  "ROPE",
                                        "ROPE_BACK", "SCALE", "SILU_BACK", "SOFT_MAX",      "SOFT_MAX_BACK",  "SQR",
                                        "SQRT",      "SUB",   "UNARY" };
    const char *name = ggml_op_name(op);
    for (size_t i = 0; name && i < sizeof able / sizeof *able; i++)
        if (strcmp(name, able[i]) == 0)
            return true;
    return false;
}

ggml_gallocr_t ggml_gallocr_new_n(ggml_backend_buffer_type_t *bufts, int n_bufs)
{
    struct ga_env env = gai_environment();
    if (n_bufs <= 0 || n_bufs > UINT16_MAX)
        return NULL;
    size_t n = (size_t)n_bufs;
    struct ggml_gallocr *galloc = mem_new(&env.mem, struct ggml_gallocr, 1);
    if (!galloc)
        return NULL;
    *galloc = (struct ggml_gallocr){ .env = env, .n_bufs = (uint32_t)n };
    galloc->bufts = mem_new(&env.mem, ggml_backend_buffer_type_t, n);
    galloc->pool_of = mem_new(&env.mem, uint16_t, n);
    galloc->backends = mem_new(&env.mem, struct ga_backend, n);
    galloc->pools = mem_new(&env.mem, const struct ga_backend *, n);
    galloc->empty = mem_new(&env.mem, ggml_backend_buffer_t, n);
    galloc->aligns = mem_new(&env.mem, uint64_t, n);
    galloc->chunk_max = mem_new(&env.mem, uint64_t, n);
    galloc->chunks = mem_new(&env.mem, struct chunks, n);
    galloc->graph = ga_graph_new(&env);
    if (!galloc->bufts || !galloc->pool_of || !galloc->backends || !galloc->pools || !galloc->empty || !galloc->aligns ||
        !galloc->chunk_max || !galloc->chunks || !galloc->graph)
        goto fail;
    memcpy(galloc->bufts, bufts, n * sizeof *bufts);
    gai_dropin_pools(galloc);
    galloc->arena = ga_arena_new(&env, galloc->pools, galloc->n_bufs, &(struct ga_arena_opts){ .grow = galloc->grow });
    if (!galloc->arena)
        goto fail;
    /* Names are read while a call lasts, never later. */
    ga_graph_borrow(galloc->graph, true);
    return galloc;
fail:
    ggml_gallocr_free(galloc);
    return NULL;
}

ggml_gallocr_t ggml_gallocr_new(ggml_backend_buffer_type_t buft)
{
    return ggml_gallocr_new_n(&buft, 1);
}

static void free_room(struct ggml_gallocr *galloc)
{
    const struct ga_mem *mem = &galloc->env.mem;
    mem_free(mem, galloc->node_ids, galloc->cap_node_ids);
    mem_free(mem, galloc->leaf_ids, galloc->cap_leaf_ids);
    gai_mem_free(mem, (void *)galloc->tensors, galloc->cap_tensors, sizeof *galloc->tensors);
    mem_free(mem, galloc->changed, galloc->cap_changed);
    mem_free(mem, galloc->sizes, galloc->cap_sizes);
    mem_free(mem, galloc->marks, galloc->cap_marks);
    mem_free(mem, galloc->fates, galloc->cap_fates);
    mem_free(mem, galloc->moved, galloc->cap_moved);
    gai_hashset_fini(&galloc->set, mem);
}

void ggml_gallocr_free(ggml_gallocr_t galloc)
{
    if (!galloc)
        return;
    struct ga_mem mem = galloc->env.mem;
    size_t n = galloc->n_bufs;
    while (galloc->n_records > 0)
        gai_record_fini(galloc, &galloc->records[--galloc->n_records]);
    gai_record_fini(galloc, &galloc->fresh);
    ga_arena_delete(galloc->arena);
    for (size_t i = 0; galloc->empty && i < n; i++)
        if (galloc->empty[i])
            ggml_backend_buffer_free(galloc->empty[i]);
    for (size_t i = 0; galloc->chunks && i < n; i++)
        gai_chunks_fini(&galloc->chunks[i]);
    free_room(galloc);
    ga_graph_delete(galloc->graph);
    mem_free(&mem, galloc->bufts, n);
    mem_free(&mem, galloc->pool_of, n);
    mem_free(&mem, galloc->backends, n);
    gai_mem_free(&mem, (void *)galloc->pools, n, sizeof *galloc->pools);
    mem_free(&mem, galloc->empty, n);
    mem_free(&mem, galloc->aligns, n);
    mem_free(&mem, galloc->chunk_max, n);
    mem_free(&mem, galloc->chunks, n);
    mem_free(&mem, galloc, 1);
}

/* --- reserve --- */

static void to_front(struct ggml_gallocr *galloc, uint32_t at)
{
    struct record record = galloc->records[at];
    memmove(galloc->records + 1, galloc->records, at * sizeof record);
    galloc->records[0] = record;
}

static bool same_digest(struct record *record, const struct ggml_cgraph *graph, uint64_t *digest)
{
    if (!*digest)
        *digest = gai_dropin_digest(graph);
    if (!record->digest)
        record->digest = gai_record_digest(record);
    return record->digest == *digest;
}

/* Now in front; false: none serves.  The one in front most often does; others are compared in full only when they look promising. */
static bool find_record(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, struct wishes wishes)
{
    uint64_t digest = 0;
    for (uint32_t i = 0; i < galloc->n_records; i++) {
        struct record *record = &galloc->records[i];
        bool as_many = record->n_nodes == (uint32_t)graph->n_nodes && record->n_leafs == (uint32_t)graph->n_leafs;
        if (!as_many || (i > 0 && !same_digest(record, graph, &digest)) || !gai_record_serves(galloc, record, wishes))
            continue;
        if (i > 0)
            to_front(galloc, i);
        return true;
    }
    return false;
}

static bool hold(struct ggml_gallocr *galloc, const struct record *record)
{
    struct backed backed = { record->plan, 1 };
    if (gai_arena_holds(galloc->arena, backed) || gai_arena_hold(galloc->arena, backed) == GA_OK)
        return true;
    struct ga_oom oom;
    if (ga_arena_oom(galloc->arena, &oom))
        gai_log(&galloc->env, GA_ERROR, "no %s buffer of %llu bytes", galloc->backends[oom.pool].name,
                (unsigned long long)oom.needed);
    return false;
}

/* The graph's lists by id, for all that follows. */
static bool look_at(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph)
{
    if (graph->n_nodes < 0 || graph->n_leafs < 0 || !gai_dropin_room(galloc, (uint64_t)graph->n_nodes + (uint64_t)graph->n_leafs))
        return false;
    gai_dropin_gather(galloc, graph);
    return true;
}

static void drop_plan(struct record *record)
{
    ga_plan_delete(record->plan);
    record->plan = NULL;
}

static bool plan_fresh(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, struct wishes wishes)
{
    return gai_record_fill(galloc, &galloc->fresh, graph, wishes) && gai_dropin_plan(galloc, &galloc->fresh);
}

/* The fresh record goes to the front; the room of the one that was used longest ago is used for the next. */
static void keep_fresh(struct ggml_gallocr *galloc)
{
    static const struct record nothing;
    if (galloc->n_records < MAX_RECORDS)
        galloc->records[galloc->n_records++] = nothing;
    struct record *last = &galloc->records[galloc->n_records - 1], oldest = *last;
    drop_plan(&oldest);
    *last = galloc->fresh;
    galloc->fresh = oldest;
    to_front(galloc, galloc->n_records - 1);
}

static bool ready(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, struct wishes wishes)
{
    if (!look_at(galloc, graph))
        return false;
    if (find_record(galloc, graph, wishes))
        return hold(galloc, &galloc->records[0]);
    if (!plan_fresh(galloc, graph, wishes) || !hold(galloc, &galloc->fresh)) {
        drop_plan(&galloc->fresh);
        return false;
    }
    keep_fresh(galloc);
    gai_log(&galloc->env, GA_INFO, "planned a graph of %d nodes and %d leafs", graph->n_nodes, graph->n_leafs);
    return true;
}

static bool keep_ids(const struct ga_mem *mem, int **ids, uint32_t *cap, uint32_t *n, const int *wished, int count)
{
    *n = count > 0 ? (uint32_t)count : 0;
    if (!array_room(mem, ids, cap, *n))
        return false;
    if (wished && *n)
        memcpy(*ids, wished, *n * sizeof **ids);
    else if (*n)
        memset(*ids, 0, *n * sizeof **ids);
    return true;
}

bool ggml_gallocr_reserve_n(ggml_gallocr_t galloc, struct ggml_cgraph *graph, const int *node_buffer_ids,
                            const int *leaf_buffer_ids)
{
    const struct ga_mem *mem = &galloc->env.mem;
    if (!ready(galloc, graph, (struct wishes){ node_buffer_ids, leaf_buffer_ids }))
        return false;
    galloc->is_reserved =
        keep_ids(mem, &galloc->node_ids, &galloc->cap_node_ids, &galloc->n_node_ids, node_buffer_ids, graph->n_nodes) &&
        keep_ids(mem, &galloc->leaf_ids, &galloc->cap_leaf_ids, &galloc->n_leaf_ids, leaf_buffer_ids, graph->n_leafs);
    return galloc->is_reserved;
}

bool ggml_gallocr_reserve(ggml_gallocr_t galloc, struct ggml_cgraph *graph)
{
    return ggml_gallocr_reserve_n(galloc, graph, NULL, NULL);
}

void ggml_gallocr_reserve_n_size(ggml_gallocr_t galloc, struct ggml_cgraph *graph, const int *node_buffer_ids,
                                 const int *leaf_buffer_ids, size_t *sizes)
{
    struct wishes wishes = { node_buffer_ids, leaf_buffer_ids };
    const struct ga_plan *plan = NULL;
    bool good = look_at(galloc, graph);
    if (good && find_record(galloc, graph, wishes))
        plan = galloc->records[0].plan;
    else if (good && plan_fresh(galloc, graph, wishes))
        plan = galloc->fresh.plan;
    for (uint32_t i = 0; i < galloc->n_bufs; i++)
        sizes[i] = plan && galloc->pool_of[i] == i ? (size_t)ga_plan_peak(plan, i) : 0;
    drop_plan(&galloc->fresh);
}

size_t ggml_gallocr_get_buffer_size(ggml_gallocr_t galloc, int buffer_id)
{
    if (buffer_id < 0 || (uint32_t)buffer_id >= galloc->n_bufs)
        return 0;
    return (size_t)ga_arena_size(galloc->arena, (unsigned)buffer_id);
}

/* --- allocate --- */

/* Bytes of no size need a buffer to be in, too. */
static ggml_backend_buffer_t empty_buffer(struct ggml_gallocr *galloc, unsigned pool)
{
    if (!galloc->empty[pool])
        galloc->empty[pool] = ggml_backend_buft_alloc_buffer(galloc->bufts[pool], 0);
    return galloc->empty[pool];
}

/* Where a slot is; mostly where the one before was. */
struct home {
    unsigned pool, chunk;
    ggml_backend_buffer_t buffer; /* NULL: not looked for yet */
    char *base;
};

static bool find_home(struct ggml_gallocr *galloc, const struct ga_slot *slot, struct home *home)
{
    const struct ga_buffer *buffer = ga_arena_buffer(galloc->arena, slot->pool, slot->chunk);
    *home = (struct home){ slot->pool, slot->chunk, buffer ? buffer->handle : empty_buffer(galloc, slot->pool), NULL };
    if (home->buffer)
        home->base = buffer ? buffer->base : ggml_backend_buffer_get_base(home->buffer);
    return home->buffer != NULL;
}

static bool place_planned(struct ggml_gallocr *galloc, const struct ga_slot *slot, struct ggml_tensor *tensor, struct home *home)
{
    bool is_home = home->buffer && home->pool == slot->pool && home->chunk == slot->chunk;
    if (!is_home && !find_home(galloc, slot, home))
        return false;
    tensor->buffer = home->buffer;
    tensor->data = home->base + (size_t)slot->offset;
    return ggml_backend_buffer_init_tensor(home->buffer, tensor) == GGML_STATUS_SUCCESS;
}

static bool place_view(struct ggml_tensor *tensor)
{
    if (tensor->buffer || !tensor->view_src->buffer)
        return true; /* done before, or of memory that no backend knows */
    return ggml_backend_view_init(tensor) == GGML_STATUS_SUCCESS;
}

static bool place_all(struct ggml_gallocr *galloc, const struct record *record)
{
    const struct ga_slot *slots = record->plan->slots;
    struct home home = { .buffer = NULL };
    bool ok = true;
    for (uint32_t i = 0; i < record->n_order; i++) {
        const struct seen *seen = &record->seen[record->order[i]];
        struct ggml_tensor *tensor = tensor_at(galloc, record->order[i]);
        if (tensor->view_src)
            ok &= place_view(tensor);
        else if (!tensor->data)
            ok &= place_planned(galloc, seen->size ? &slots[seen->node] : &(struct ga_slot){ .pool = seen->pool }, tensor, &home);
    }
    return ok;
}

static void reset_buffers(const struct ggml_gallocr *galloc)
{
    const struct ga_buffer *buffer;
    for (unsigned i = 0; i < galloc->n_bufs; i++)
        for (unsigned c = 0; (buffer = ga_arena_buffer(galloc->arena, i, c)) != NULL; c++)
            ggml_backend_buffer_reset(buffer->handle);
}

bool ggml_gallocr_alloc_graph(ggml_gallocr_t galloc, struct ggml_cgraph *graph)
{
    struct wishes wishes = { NULL, NULL };
    if (galloc->n_bufs > 1) {
        /* Which buffers the caller wants is known for a graph like the one reserved last. */
        if (!galloc->is_reserved || graph->n_nodes != (int)galloc->n_node_ids || graph->n_leafs != (int)galloc->n_leaf_ids)
            return false;
        wishes = (struct wishes){ galloc->node_ids, galloc->leaf_ids };
    }
    if (!ready(galloc, graph, wishes))
        return false;
    reset_buffers(galloc);
    return place_all(galloc, &galloc->records[0]);
}
