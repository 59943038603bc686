/*
 * dropin_serve.c - whether a graph is one that a plan was made for
 *
 * Every token asks this, so it is one pass without a hash: the record says which id each source and view must have, and a table has
 * the tensor of each id.  Nothing is changed before all of it fits.
 */
#include "ggml/dropin.h"

#include <string.h>

_Static_assert(sizeof(struct params) % 8 == 0 && sizeof(size_t) * GGML_MAX_DIMS % 8 == 0, "compared eight bytes at a time");

/* Of a constant number of bytes: compilers make a few wide loads of it, no call. */
static inline uint64_t difference(const void *a, const void *b, size_t size)
{
    uint64_t sum = 0;
    for (size_t at = 0; at < size; at += sizeof sum) {
        uint64_t x, y;
        memcpy(&x, (const char *)a + at, sizeof x);
        memcpy(&y, (const char *)b + at, sizeof y);
        sum |= x ^ y;
    }
    return sum;
}

/* params[0] are 0. */
static inline bool looks_different(const struct record *record, const struct seen *seen, const struct ggml_tensor *tensor)
{
    const struct form *form = &record->forms[seen->form];
    return difference(form->ne, tensor->ne, sizeof form->ne) | difference(form->nb, tensor->nb, sizeof form->nb) |
           difference(record->params[seen->params].at, tensor->op_params, sizeof tensor->op_params) |
           (unsigned)(seen->op != tensor->op) | (unsigned)(seen->type != tensor->type);
}

/* The lists are there; the others are found through those that name them, which come before. */
static void gather_others(struct ggml_gallocr *galloc, const struct record *record)
{
    uint32_t id = record->n_leafs + record->n_nodes + 1;
    for (uint32_t i = 0; i < record->n_others; i++) {
        const struct named *named = &record->others[i];
        const struct ggml_tensor *by = tensor_at(galloc, named->by);
        galloc->tensors[id + i] = !by ? NULL : named->slot < GGML_MAX_SRC ? by->src[named->slot] : by->view_src;
    }
}

/* All but looks and sources. */
static inline bool stands_alike(const struct ggml_gallocr *galloc, const struct seen *seen, const struct ggml_tensor *tensor)
{
    if (!tensor || tensor_in_out(tensor) != seen->flags || tensor->view_src != galloc->tensors[seen->view])
        return false;
    if (!seen->is_planned && !seen->is_twin && tensor_needs_bytes(tensor))
        return false;
    return !seen->roots_planned || tensor->view_offs == seen->view_offset;
}

static inline bool reads_alike(const struct ggml_gallocr *galloc, const uint32_t *srcs, unsigned n,
                               const struct ggml_tensor *tensor)
{
    unsigned i = 0;
    for (; i < n; i++)
        if (tensor->src[i] != galloc->tensors[srcs[i]])
            return false;
    uintptr_t more = 0;
    for (; i < GGML_MAX_SRC; i++)
        more |= (uintptr_t)tensor->src[i];
    return more == 0;
}

/* The same edges, flags and views; marks what looks different. */
static bool is_alike(struct ggml_gallocr *galloc, const struct record *record, bool *any_marked)
{
    uint32_t n_lists = record->n_leafs + record->n_nodes, n = n_lists + record->n_others;
    const uint32_t *srcs = record->srcs;
    bool any = false;
    for (uint32_t id = 1; id <= n; id++) {
        const struct seen *seen = &record->seen[id];
        const struct ggml_tensor *tensor = tensor_at(galloc, id);
        if (!stands_alike(galloc, seen, tensor))
            return false;
        if (id > record->n_leafs && id <= n_lists && !reads_alike(galloc, srcs, seen->n_src, tensor))
            return false;
        srcs += seen->n_src;
        bool marked = looks_different(record, seen, tensor);
        galloc->marks[id] = marked;
        any |= marked;
    }
    *any_marked = any;
    return true;
}

static bool list_goes_alike(const struct ggml_gallocr *galloc, const struct seen *seen, const int *wishes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint16_t pool;
        if (!wished_pool(galloc, wishes, i, &pool) || pool != seen[i].pool)
            return false;
    }
    return true;
}

/* To the same buffers. */
static bool goes_alike(const struct ggml_gallocr *galloc, const struct record *record, struct wishes wishes)
{
    if (!wishes.nodes && !wishes.leafs)
        return record->is_first;
    return list_goes_alike(galloc, record->seen + 1, wishes.leafs, record->n_leafs) &&
           list_goes_alike(galloc, record->seen + 1 + record->n_leafs, wishes.nodes, record->n_nodes);
}

static bool meets_its_twin(struct ggml_gallocr *galloc, const struct record *record, uint32_t id)
{
    const struct seen *seen = &record->seen[id];
    return hashset_insert(&galloc->set, galloc->tensors, id) == (seen->is_twin ? seen->first_src : 0);
}

/* The same ids are one tensor.  Two ids that are computed, or have bytes, cannot be: each is where its readers say. */
static bool has_same_twins(struct ggml_gallocr *galloc, const struct record *record)
{
    uint32_t n = record->has_loose ? record_len(record) : record->n_given;
    if (!gai_hashset_room(&galloc->set, &galloc->env.mem, galloc->tensors, n))
        return false;
    gai_hashset_clear(&galloc->set);
    bool same = true;
    for (uint32_t i = 0; i < n && same; i++)
        same = meets_its_twin(galloc, record, record->has_loose ? i + 1 : record->given[i]);
    return same;
}

static bool source_changed(const struct ggml_gallocr *galloc, const struct record *record, const struct seen *seen)
{
    bool any = seen->view && galloc->marks[seen->view];
    for (unsigned i = 0; i < seen->n_src; i++) {
        uint32_t src = record->srcs[seen->first_src + i];
        any |= src && galloc->marks[src];
    }
    return any;
}

static const struct ga_slot *slot_of(const struct record *record, uint32_t id)
{
    return &record->plan->slots[record->seen[id].node];
}

static bool touch(const struct ga_slot *a, const struct ga_slot *b)
{
    return a->pool == b->pool && a->chunk == b->chunk && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* Whose bytes the plan lets it write over. */
static unsigned taken_by(const struct record *record, uint32_t id)
{
    const struct seen *seen = &record->seen[id];
    unsigned taken = 0;
    for (unsigned i = 0; i < seen->n_src; i++) {
        uint32_t src = record->srcs[seen->first_src + i];
        if ((seen->reuse >> i & 1) && src != id && touch(slot_of(record, id), slot_of(record, src)))
            taken |= 1u << i;
    }
    return taken;
}

/* The bytes of the window that a view had when it was planned. */
static uint64_t window_of(const struct record *record, const struct seen *seen)
{
    if (seen->size)
        return seen->size;
    struct ggml_tensor tensor = { .type = seen->type };
    memcpy(tensor.ne, record->forms[seen->form].ne, sizeof tensor.ne);
    memcpy(tensor.nb, record->forms[seen->form].nb, sizeof tensor.nb);
    return ggml_nbytes(&tensor);
}

static bool still_fits(struct ggml_gallocr *galloc, const struct record *record, uint32_t id, uint64_t *size)
{
    const struct seen *seen = &record->seen[id];
    const struct ggml_tensor *tensor = tensor_at(galloc, id);
    *size = seen->size;
    if ((seen->op == GGML_OP_NONE) != (tensor->op == GGML_OP_NONE))
        return false;
    if (seen->roots_planned) {
        *size = window_of(record, seen);
        /* A window may not grow into what others were allowed to write over. */
        return ggml_nbytes(tensor) <= *size;
    }
    if (!seen->is_planned || tensor->data)
        return true;
    *size = ggml_backend_buft_get_alloc_size(galloc->bufts[seen->pool], tensor);
    uint16_t eager;
    return *size <= slot_of(record, id)->size &&
           (taken_by(record, id) & ~(unsigned)gai_dropin_rights(galloc, tensor, seen->n_src, &eager)) == 0;
}

/* What looks different is asked about again; the record learns of it once everything fits. */
static bool outgrows_nothing(struct ggml_gallocr *galloc, struct record *record)
{
    uint32_t n = record_len(record), n_changed = 0;
    for (uint32_t id = 1; id <= n; id++) {
        if (!galloc->marks[id] && !source_changed(galloc, record, &record->seen[id]))
            continue;
        if (!still_fits(galloc, record, id, &galloc->sizes[n_changed]))
            return false;
        galloc->changed[n_changed++] = id;
    }
    if (!gai_record_room(galloc, record, n_changed))
        return false;
    for (uint32_t c = 0; c < n_changed; c++) {
        struct seen *seen = &record->seen[galloc->changed[c]];
        gai_record_look(galloc, record, seen, tensor_at(galloc, galloc->changed[c]));
        seen->size = galloc->sizes[c];
    }
    return true;
}

bool gai_record_serves(struct ggml_gallocr *galloc, struct record *record, struct wishes wishes)
{
    bool any_marked;
    if (record->is_fickle || !gai_dropin_room(galloc, record_len(record)))
        return false;
    gather_others(galloc, record);
    if (!goes_alike(galloc, record, wishes) || !is_alike(galloc, record, &any_marked))
        return false;
    if ((record->has_loose || record->n_given > 1) && !has_same_twins(galloc, record))
        return false;
    return !any_marked || outgrows_nothing(galloc, record);
}
