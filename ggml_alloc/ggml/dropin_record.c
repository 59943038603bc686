#include "ggml/dropin.h"

#include <string.h>

enum { IN_OUT = GGML_TENSOR_FLAG_INPUT | GGML_TENSOR_FLAG_OUTPUT };

static bool looks_same(const struct face *looks, const struct ggml_tensor *tensor)
{
    return looks->op == tensor->op && looks->type == tensor->type && memcmp(looks->ne, tensor->ne, sizeof looks->ne) == 0 &&
           memcmp(looks->nb, tensor->nb, sizeof looks->nb) == 0 &&
           memcmp(looks->params, tensor->op_params, sizeof looks->params) == 0;
}

struct face gai_dropin_looks(const struct ggml_tensor *tensor)
{
    struct face looks = { .type = tensor->type, .op = tensor->op };
    memcpy(looks.ne, tensor->ne, sizeof looks.ne);
    memcpy(looks.nb, tensor->nb, sizeof looks.nb);
    memcpy(looks.params, tensor->op_params, sizeof looks.params);
    return looks;
}

static bool is_planned(const struct ggml_tensor *tensor)
{
    return !tensor->data && !tensor->view_src;
}

static bool same_layout(const struct ggml_tensor *a, const struct ggml_tensor *b)
{
    return a->type == b->type && memcmp(a->ne, b->ne, sizeof a->ne) == 0 && memcmp(a->nb, b->nb, sizeof a->nb) == 0;
}

uint64_t gai_dropin_rights(const struct ggml_gallocr *galloc, const struct ggml_tensor *tensor, uint64_t *eager)
{
    unsigned right = (unsigned)tensor->op < GGML_OP_COUNT ? galloc->rights[tensor->op] : 0;
    bool may = right == 1 || (right == 2 && galloc->inplace == INPLACE_MORE);
    uint64_t reuse = 0;
    *eager = 0;
    if (!may || galloc->inplace == INPLACE_NONE || !is_planned(tensor))
        return 0;
    for (unsigned i = 0; i < GGML_MAX_SRC; i++) {
        const struct ggml_tensor *src = tensor->src[i];
        if (!src || src->data || src == tensor || (src->flags & GGML_TENSOR_FLAG_OUTPUT) || !same_layout(src, tensor))
            continue;
        bool only_view = src->view_src != NULL;
        if (only_view && (galloc->inplace == INPLACE_GGML || (src->view_src->flags & GGML_TENSOR_FLAG_OUTPUT)))
            continue;
        reuse |= (uint64_t)1 << i;
        if (!only_view && right == 1)
            *eager |= (uint64_t)1 << i;
    }
    return reuse;
}

static int wish_of(const struct record *record, struct wishes wishes, uint32_t at)
{
    if (at < record->n_leafs)
        return wishes.leafs ? wishes.leafs[at] : 0;
    return wishes.nodes ? wishes.nodes[at - record->n_leafs] : 0;
}

/* False: an id that the caller never told of a buffer for. */
static bool pool_of(const struct ggml_gallocr *galloc, int wish, uint16_t *pool)
{
    if (wish < 0 || (uint32_t)wish >= galloc->n_bufs)
        return false;
    *pool = galloc->pool_of[wish];
    return true;
}

static bool room(struct ggml_gallocr *galloc, uint64_t n)
{
    const struct ga_mem *mem = &galloc->env.mem;
    return array_room(mem, &galloc->tensors, &galloc->cap_tensors, n) && array_room(mem, &galloc->keys, &galloc->cap_keys, n + 1) &&
           array_room(mem, &galloc->changed, &galloc->cap_changed, n) && array_room(mem, &galloc->sizes, &galloc->cap_sizes, n) &&
           array_room(mem, &galloc->marks, &galloc->cap_marks, n);
}

/* --- a graph against its record --- */

static void gather(struct ggml_gallocr *galloc, const struct record *record, const struct ggml_cgraph *graph)
{
    struct ggml_tensor **at = galloc->tensors;
    if (record->n_leafs)
        memcpy(at, graph->leafs, record->n_leafs * sizeof *at);
    if (record->n_nodes)
        memcpy(at + record->n_leafs, graph->nodes, record->n_nodes * sizeof *at);
    at += record->n_leafs + record->n_nodes;
    for (uint32_t i = 0; i < record->n_others; i++) {
        const struct named *named = &record->others[i];
        const struct ggml_tensor *by = galloc->tensors[named->by];
        at[i] = !by ? NULL : named->slot < GGML_MAX_SRC ? by->src[named->slot] : by->view_src;
    }
}

static bool is_at(const struct ggml_gallocr *galloc, uint32_t index, const struct ggml_tensor *tensor)
{
    return tensor == (index ? galloc->tensors[index - 1] : NULL);
}

/* All but looks. */
static bool stands_alike(const struct ggml_gallocr *galloc, const struct seen *seen, const struct ggml_tensor *tensor)
{
    if (!tensor || (tensor->flags & IN_OUT) != seen->flags || !is_at(galloc, seen->view, tensor->view_src))
        return false;
    if (!seen->is_planned && is_planned(tensor))
        return false;
    if (seen->roots_planned && tensor->view_offs != seen->view_offset)
        return false;
    for (unsigned i = 0; i < GGML_MAX_SRC; i++)
        if (!is_at(galloc, seen->src[i], tensor->src[i]))
            return false;
    return true;
}

static bool all_differ(struct ggml_gallocr *galloc, uint32_t n)
{
    if (!gai_hashset_room(&galloc->set, &galloc->env.mem, galloc->keys, n))
        return false;
    gai_hashset_clear(&galloc->set);
    for (uint32_t i = 1; i <= n; i++) {
        galloc->keys[i] = galloc->tensors[i - 1];
        if (hashset_insert(&galloc->set, galloc->keys, i) != 0)
            return false;
    }
    return true;
}

static bool source_changed(const struct ggml_gallocr *galloc, const struct seen *seen)
{
    bool any = seen->view && galloc->marks[seen->view - 1] == 1;
    for (unsigned i = 0; i < seen->n_src; i++)
        any |= seen->src[i] && galloc->marks[seen->src[i] - 1] == 1;
    return any;
}

static bool still_fits(struct ggml_gallocr *galloc, const struct seen *seen, const struct ggml_tensor *tensor, uint64_t *size)
{
    uint64_t eager;
    *size = seen->size;
    if ((seen->looks.op == GGML_OP_NONE) != (tensor->op == GGML_OP_NONE))
        return false;
    if (tensor->data)
        return true;
    if (seen->is_planned) {
        *size = ggml_backend_buft_get_alloc_size(galloc->bufts[seen->pool], tensor);
        if (*size > seen->slot.size)
            return false;
    }
    /* A window may not grow into what others were allowed to write over. */
    if (seen->roots_planned && ggml_nbytes(tensor) > seen->slot.size)
        return false;
    return (seen->taken & ~gai_dropin_rights(galloc, tensor, &eager)) == 0;
}

/* What looks different is asked about again; the record learns of it once everything fits. */
static bool outgrows_nothing(struct ggml_gallocr *galloc, struct record *record)
{
    uint32_t n = record_len(record), n_changed = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct seen *seen = &record->seen[i];
        if (galloc->marks[i] != 1 && !source_changed(galloc, seen))
            continue;
        if (!still_fits(galloc, seen, galloc->tensors[i], &galloc->sizes[n_changed]))
            return false;
        galloc->changed[n_changed++] = i;
    }
    for (uint32_t c = 0; c < n_changed; c++) {
        struct seen *seen = &record->seen[galloc->changed[c]];
        seen->looks = gai_dropin_looks(galloc->tensors[galloc->changed[c]]);
        seen->size = galloc->sizes[c];
    }
    return true;
}

bool gai_record_serves(struct ggml_gallocr *galloc, struct record *record, const struct ggml_cgraph *graph, struct wishes wishes)
{
    uint32_t n = record_len(record);
    bool any_changed = false;
    if (graph->n_leafs != (int)record->n_leafs || graph->n_nodes != (int)record->n_nodes || !room(galloc, n))
        return false;
    gather(galloc, record, graph);
    for (uint32_t i = 0; i < n; i++) {
        const struct seen *seen = &record->seen[i];
        const struct ggml_tensor *tensor = galloc->tensors[i];
        uint16_t pool = seen->pool;
        if (!stands_alike(galloc, seen, tensor))
            return false;
        if (i < record->n_leafs + record->n_nodes && (!pool_of(galloc, wish_of(record, wishes, i), &pool) || pool != seen->pool))
            return false;
        galloc->marks[i] = !looks_same(&seen->looks, tensor);
        any_changed |= galloc->marks[i];
    }
    if (record->has_loose && !all_differ(galloc, n))
        return false;
    return !any_changed || outgrows_nothing(galloc, record);
}

/* --- a record of a graph --- */

/* The tensor's index + 1, which it gets now when it is in neither list; 0: no memory. */
static uint32_t index_of(struct ggml_gallocr *galloc, struct record *record, struct ggml_tensor *tensor, struct named named)
{
    uint32_t found = hashset_find(&galloc->set, galloc->keys, tensor);
    if (found)
        return found;
    const struct ga_mem *mem = &galloc->env.mem;
    uint32_t n = record_len(record);
    if (!room(galloc, (uint64_t)n + 1) || !array_room(mem, &record->others, &record->cap_others, (uint64_t)record->n_others + 1) ||
        !array_room(mem, &record->seen, &record->cap_seen, (uint64_t)n + 1) ||
        !gai_hashset_room(&galloc->set, mem, galloc->keys, (uint64_t)n + 1))
        return 0;
    galloc->tensors[n] = tensor;
    galloc->keys[n + 1] = tensor;
    hashset_insert(&galloc->set, galloc->keys, n + 1);
    record->others[record->n_others++] = named;
    record->seen[n] = (struct seen){ .pool = record->seen[named.by].pool };
    return n + 1;
}

static bool fill_one(struct ggml_gallocr *galloc, struct record *record, uint32_t at)
{
    struct ggml_tensor *tensor = galloc->tensors[at];
    struct seen seen = { .looks = gai_dropin_looks(tensor),
                         .pool = record->seen[at].pool,
                         .flags = (uint8_t)(tensor->flags & IN_OUT),
                         .view_offset = tensor->view_offs,
                         .is_planned = is_planned(tensor) };
    for (unsigned i = 0; i < GGML_MAX_SRC; i++) {
        if (!tensor->src[i])
            continue;
        seen.src[i] = index_of(galloc, record, tensor->src[i], (struct named){ at, i });
        if (!seen.src[i])
            return false;
        seen.n_src = i + 1;
    }
    if (tensor->view_src && !(seen.view = index_of(galloc, record, tensor->view_src, (struct named){ at, GGML_MAX_SRC })))
        return false;
    if (seen.is_planned)
        seen.size = ggml_backend_buft_get_alloc_size(galloc->bufts[seen.pool], tensor);
    record->has_loose |= seen.is_planned && at >= record->n_leafs + record->n_nodes;
    record->seen[at] = seen;
    return true;
}

bool gai_record_fill(struct ggml_gallocr *galloc, struct record *record, const struct ggml_cgraph *graph, struct wishes wishes)
{
    *record = (struct record){ .n_leafs = (uint32_t)graph->n_leafs, .n_nodes = (uint32_t)graph->n_nodes };
    uint32_t n = record_len(record);
    if (!room(galloc, n) || !array_room(&galloc->env.mem, &record->seen, &record->cap_seen, (uint64_t)n + 1))
        return false;
    gather(galloc, record, graph);
    if (!all_differ(galloc, n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!pool_of(galloc, wish_of(record, wishes, i), &record->seen[i].pool))
            return false;
    for (uint32_t i = 0; i < record_len(record); i++)
        if (!fill_one(galloc, record, i))
            return false;
    return true;
}

void gai_record_fini(struct ggml_gallocr *galloc, struct record *record)
{
    ga_plan_delete(record->plan);
    mem_free(&galloc->env.mem, record->seen, record->cap_seen);
    mem_free(&galloc->env.mem, record->others, record->cap_others);
    *record = (struct record){ 0 };
}
