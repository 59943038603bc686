/*
 * dropin_record.c - what a graph looks like: every tensor's looks, whom it reads, and in which order addresses are given
 *
 * This is half of what planning a new graph costs, so tensors are looked at once, and a source is looked for by hash only when it is
 * neither the tensor before its reader nor the next leaf that nobody has read yet.
 */
#include "ggml/dropin.h"

#include <string.h>

_Static_assert(GGML_MAX_SRC <= 16, "rights are 16 bits");

static bool any_params(const struct ggml_tensor *tensor)
{
    int32_t any = 0;
    for (size_t i = 0; i < sizeof tensor->op_params / sizeof *tensor->op_params; i++)
        any |= tensor->op_params[i];
    return any;
}

static inline bool has_form(const struct form *form, const struct ggml_tensor *tensor)
{
    return memcmp(form->ne, tensor->ne, sizeof form->ne) == 0 && memcmp(form->nb, tensor->nb, sizeof form->nb) == 0;
}

/* One that is there already, if it was met lately. */
static inline uint32_t form_of(struct ggml_gallocr *galloc, struct record *record, const struct ggml_tensor *tensor)
{
    uint64_t sum = (uint64_t)tensor->ne[0] + (uint64_t)tensor->ne[1] * 31 + tensor->nb[2];
    uint32_t *recent = &galloc->recent[sum * 0x9e3779b97f4a7c15u >> 58];
    if (*recent < record->n_forms && has_form(&record->forms[*recent], tensor))
        return *recent;
    *recent = record->n_forms++;
    memcpy(record->forms[*recent].ne, tensor->ne, sizeof tensor->ne);
    memcpy(record->forms[*recent].nb, tensor->nb, sizeof tensor->nb);
    return *recent;
}

static inline void look(struct ggml_gallocr *galloc, struct record *record, struct seen *seen, const struct ggml_tensor *tensor)
{
    seen->type = tensor->type;
    seen->op = tensor->op;
    seen->form = form_of(galloc, record, tensor);
    if (!seen->params && !any_params(tensor))
        return;
    if (!seen->params)
        seen->params = record->n_params++;
    memcpy(record->params[seen->params].at, tensor->op_params, sizeof tensor->op_params);
}

void gai_record_look(struct ggml_gallocr *galloc, struct record *record, struct seen *seen, const struct ggml_tensor *tensor)
{
    look(galloc, record, seen, tensor);
}

/* Drops the forms that nobody has any longer; those that stay keep their order. */
static void drop_forms(struct ggml_gallocr *galloc, struct record *record)
{
    uint32_t n = record_len(record), *moved = galloc->moved, kept = 0;
    for (uint32_t i = 0; i < record->n_forms; i++)
        moved[i] = 0;
    for (uint32_t id = 1; id <= n; id++)
        moved[record->seen[id].form] = 1;
    for (uint32_t i = 0; i < record->n_forms; i++)
        if (moved[i]) {
            record->forms[kept] = record->forms[i];
            moved[i] = kept++;
        }
    for (uint32_t id = 1; id <= n; id++)
        record->seen[id].form = moved[record->seen[id].form];
    record->n_forms = kept;
}

bool gai_record_room(struct ggml_gallocr *galloc, struct record *record, uint32_t n)
{
    const struct ga_mem *mem = &galloc->env.mem;
    bool is_crowded = record->n_forms > 2 * (uint64_t)record_len(record) + RECENT_FORMS;
    if (is_crowded && array_room(mem, &galloc->moved, &galloc->cap_moved, record->n_forms))
        drop_forms(galloc, record);
    memset(galloc->recent, 0xff, sizeof galloc->recent);
    return array_room(mem, &record->forms, &record->cap_forms, (uint64_t)record->n_forms + n) &&
           array_room(mem, &record->params, &record->cap_params, (uint64_t)record->n_params + n);
}

bool gai_dropin_room(struct ggml_gallocr *galloc, uint64_t n)
{
    const struct ga_mem *mem = &galloc->env.mem;
    return array_room(mem, &galloc->tensors, &galloc->cap_tensors, n + 1) &&
           array_room(mem, &galloc->changed, &galloc->cap_changed, n + 1) &&
           array_room(mem, &galloc->sizes, &galloc->cap_sizes, n) && array_room(mem, &galloc->marks, &galloc->cap_marks, n + 1);
}

void gai_dropin_gather(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph)
{
    const void **at = galloc->tensors;
    *at++ = NULL;
    if (graph->n_leafs > 0)
        memcpy(at, graph->leafs, (size_t)graph->n_leafs * sizeof *at);
    if (graph->n_nodes > 0)
        memcpy(at + graph->n_leafs, graph->nodes, (size_t)graph->n_nodes * sizeof *at);
}

/* --- filling a record --- */

struct filling {
    struct ggml_gallocr *galloc;
    struct record *record;
    bool has_twins; /* galloc->marks tells which */
};

static void mark_twins(struct filling *filling, uint32_t n)
{
    struct ggml_gallocr *galloc = filling->galloc;
    filling->has_twins = true;
    gai_hashset_clear(&galloc->set);
    for (uint32_t id = 1; id <= n; id++)
        galloc->marks[id] = hashset_insert(&galloc->set, galloc->tensors, id) != 0;
}

/* The set has every tensor of the lists, by the id that it has first. */
static bool open_set(struct filling *filling, uint32_t n)
{
    struct ggml_gallocr *galloc = filling->galloc;
    /* Half as many again as are needed: most are looked for once or twice, and a sparse set finds them at once. */
    if (!gai_hashset_room(&galloc->set, &galloc->env.mem, galloc->tensors, n + (uint64_t)n / 2))
        return false;
    gai_hashset_clear(&galloc->set);
    if (!gai_hashset_fill(&galloc->set, galloc->tensors, n))
        mark_twins(filling, n);
    return true;
}

static inline void add_to_order(struct record *record, uint32_t id)
{
    record->seen[id].is_ordered = true;
    record->order[record->n_order++] = id;
}

static inline bool waits_for_order(const struct seen *seen)
{
    return !seen->is_ordered && (seen->is_planned || seen->view);
}

/* What is in no list, or a view in the list of leafs, gets its address before whoever needs it first: what it looks into, then it. */
static void order_source(struct record *record, uint32_t id)
{
    uint32_t root = record->seen[id].view;
    if (root && !record_has_node(record, root) && waits_for_order(&record->seen[root]))
        add_to_order(record, root);
    add_to_order(record, id);
}

static uint32_t add_other(struct filling *filling, struct ggml_tensor *tensor, struct named named);

/* 0: no memory. */
static inline uint32_t id_of(struct filling *filling, struct ggml_tensor *tensor, uint32_t by, uint32_t slot)
{
    struct ggml_gallocr *galloc = filling->galloc;
    if (galloc->tensors[by - 1] == tensor && !filling->has_twins)
        return by - 1;
    if (galloc->tensors[galloc->next_leaf] == tensor && galloc->next_leaf <= filling->record->n_leafs)
        return galloc->next_leaf++;
    uint32_t id = hashset_find(&galloc->set, galloc->tensors, tensor);
    return id ? id : add_other(filling, tensor, (struct named){ by, slot });
}

static bool look_into(struct filling *filling, uint32_t id, const struct ggml_tensor *tensor)
{
    uint32_t view = id_of(filling, tensor->view_src, id, GGML_MAX_SRC);
    struct seen *seen = &filling->record->seen[id]; /* only now: it may have moved */
    const struct ggml_tensor *root = tensor->view_src;
    while (root->view_src)
        root = root->view_src;
    seen->view = view;
    seen->view_offset = tensor->view_offs;
    seen->roots_planned = !root->data;
    return view != 0;
}

/* Everything but sources. */
static inline bool look_at(struct filling *filling, uint32_t id, uint16_t pool)
{
    struct record *record = filling->record;
    const struct ggml_tensor *tensor = tensor_at(filling->galloc, id);
    struct seen *seen = &record->seen[id];
    *seen = (struct seen){ .pool = pool, .flags = tensor_in_out(tensor), .is_planned = tensor_needs_bytes(tensor) };
    look(filling->galloc, record, seen, tensor);
    if (seen->is_planned)
        seen->size = ggml_backend_buft_get_alloc_size(filling->galloc->bufts[pool], tensor);
    return !tensor->view_src || look_into(filling, id, tensor);
}

/* For the most that `n` tensors could be: what is never written costs no more than its addresses. */
static bool record_room(struct filling *filling, uint64_t n)
{
    struct record *record = filling->record;
    const struct ga_mem *mem = &filling->galloc->env.mem;
    return array_room(mem, &record->seen, &record->cap_seen, n + 1) && array_room(mem, &record->order, &record->cap_order, n) &&
           array_room(mem, &record->srcs, &record->cap_srcs, n * GGML_MAX_SRC) &&
           array_room(mem, &record->given, &record->cap_given, n) && array_room(mem, &record->forms, &record->cap_forms, n) &&
           array_room(mem, &record->params, &record->cap_params, n + 1);
}

/* A tensor that is in neither list, met for the first time; what it is computed from is not ours to plan. */
static uint32_t add_other(struct filling *filling, struct ggml_tensor *tensor, struct named named)
{
    struct ggml_gallocr *galloc = filling->galloc;
    struct record *record = filling->record;
    const struct ga_mem *mem = &galloc->env.mem;
    uint32_t id = record_len(record) + 1;
    if (!gai_dropin_room(galloc, id) || !record_room(filling, id) ||
        !array_room(mem, &record->others, &record->cap_others, (uint64_t)record->n_others + 1) ||
        !gai_hashset_room(&galloc->set, mem, galloc->tensors, id))
        return 0;
    galloc->tensors[id] = tensor;
    hashset_insert(&galloc->set, galloc->tensors, id);
    record->others[record->n_others++] = named;
    if (!look_at(filling, id, record->seen[named.by].pool))
        return 0;
    bool is_planned = record->seen[id].is_planned;
    record->n_planned += is_planned;
    record->has_loose |= is_planned;
    record->is_fickle |= is_planned && tensor->op != GGML_OP_NONE;
    record->late_input |= (record->seen[id].flags & GGML_TENSOR_FLAG_INPUT) != 0;
    return id;
}

/* Slots up to the last one in use; most tensors use two at most. */
static inline uint32_t n_slots(const struct ggml_tensor *tensor)
{
    uintptr_t any = 0;
    for (uint32_t i = 2; i < GGML_MAX_SRC; i++)
        any |= (uintptr_t)tensor->src[i];
    uint32_t n = any ? GGML_MAX_SRC : 2;
    while (n > 0 && !tensor->src[n - 1])
        n--;
    return n;
}

static inline bool list_sources(struct filling *filling, uint32_t id)
{
    struct record *record = filling->record;
    const struct ggml_tensor *tensor = tensor_at(filling->galloc, id);
    uint32_t first = record->n_srcs, n = n_slots(tensor);
    record->seen[id].first_src = first;
    record->seen[id].n_src = (uint8_t)n;
    record->n_srcs += n;
    for (uint32_t i = 0; i < n; i++) {
        struct ggml_tensor *src = tensor->src[i];
        uint32_t src_id = src ? id_of(filling, src, id, i) : 0;
        if (src && !src_id)
            return false;
        record->srcs[first + i] = src_id;
        if (!record_has_node(record, src_id)) {
            if (waits_for_order(&record->seen[src_id]))
                order_source(record, src_id);
        } else if (src_id >= id) {
            record->names_itself |= src_id == id;
            record->names_ahead |= src_id > id;
        }
    }
    return true;
}

/* What was listed before plays its part there; a node that is computed twice is none of ggml's graphs. */
static bool be_twin(struct filling *filling, uint32_t id)
{
    struct seen *seen = &filling->record->seen[id];
    seen->is_twin = true;
    seen->is_planned = seen->roots_planned = false;
    seen->first_src = hashset_find(&filling->galloc->set, filling->galloc->tensors, filling->galloc->tensors[id]);
    return seen->op == GGML_OP_NONE;
}

static inline bool is_twin(const struct filling *filling, uint32_t id)
{
    return filling->has_twins && filling->galloc->marks[id];
}

static inline void count(struct record *record, uint32_t id)
{
    const struct seen *seen = &record->seen[id];
    record->n_planned += seen->is_planned;
    record->is_first &= seen->pool == 0;
    if (seen->op == GGML_OP_NONE && (seen->is_planned || seen->is_twin))
        record->given[record->n_given++] = id;
}

static bool fill_leafs(struct filling *filling, const int *wishes)
{
    struct record *record = filling->record;
    uint16_t pool;
    for (uint32_t i = 0, id = 1; i < record->n_leafs; i++, id++) {
        if (!wished_pool(filling->galloc, wishes, i, &pool) || !look_at(filling, id, pool))
            return false;
        if (is_twin(filling, id) && !be_twin(filling, id))
            return false;
        count(record, id);
        if (record->seen[id].is_planned)
            add_to_order(record, id);
    }
    return true;
}

static bool fill_nodes(struct filling *filling, const int *wishes)
{
    struct record *record = filling->record;
    uint16_t pool;
    for (uint32_t i = 0, id = record->n_leafs + 1; i < record->n_nodes; i++, id++) {
        if (!wished_pool(filling->galloc, wishes, i, &pool) || !look_at(filling, id, pool) ||
            !(is_twin(filling, id) ? be_twin(filling, id) : list_sources(filling, id)))
            return false;
        count(record, id);
        struct seen *seen = &record->seen[id];
        record->late_input |= (seen->flags & GGML_TENSOR_FLAG_INPUT) != 0;
        if (seen->is_planned && seen->n_src)
            seen->reuse = gai_dropin_rights(filling->galloc, tensor_at(filling->galloc, id), seen->n_src, &seen->eager);
        if (seen->view && !record_has_node(record, seen->view) && waits_for_order(&record->seen[seen->view]))
            order_source(record, seen->view);
        if (seen->is_planned || seen->view)
            add_to_order(record, id);
    }
    return true;
}

static void empty_record(struct record *record, const struct ggml_cgraph *graph)
{
    *record = (struct record){ .seen = record->seen,
                               .srcs = record->srcs,
                               .order = record->order,
                               .others = record->others,
                               .given = record->given,
                               .forms = record->forms,
                               .params = record->params,
                               .n_params = 1,
                               .cap_seen = record->cap_seen,
                               .cap_srcs = record->cap_srcs,
                               .cap_order = record->cap_order,
                               .cap_others = record->cap_others,
                               .cap_given = record->cap_given,
                               .cap_forms = record->cap_forms,
                               .cap_params = record->cap_params,
                               .n_leafs = (uint32_t)graph->n_leafs,
                               .n_nodes = (uint32_t)graph->n_nodes,
                               .is_first = true };
}

bool gai_record_fill(struct ggml_gallocr *galloc, struct record *record, const struct ggml_cgraph *graph, struct wishes wishes)
{
    struct filling filling = { .galloc = galloc, .record = record };
    empty_record(record, graph);
    uint32_t n = record_len(record);
    if (!record_room(&filling, n) || !gai_record_room(galloc, record, 1) || !open_set(&filling, n))
        return false;
    galloc->next_leaf = 1;
    record->seen[0] = (struct seen){ 0 };
    record->params[0] = (struct params){ 0 };
    if (!fill_leafs(&filling, wishes.leafs) || !fill_nodes(&filling, wishes.nodes))
        return false;
    /* Views among the leafs that nobody reads. */
    for (uint32_t id = 1; id <= record->n_leafs; id++)
        if (waits_for_order(&record->seen[id]))
            order_source(record, id);
    return true;
}

void gai_record_fini(struct ggml_gallocr *galloc, struct record *record)
{
    const struct ga_mem *mem = &galloc->env.mem;
    ga_plan_delete(record->plan);
    mem_free(mem, record->seen, record->cap_seen);
    mem_free(mem, record->srcs, record->cap_srcs);
    mem_free(mem, record->order, record->cap_order);
    mem_free(mem, record->others, record->cap_others);
    mem_free(mem, record->given, record->cap_given);
    mem_free(mem, record->forms, record->cap_forms);
    mem_free(mem, record->params, record->cap_params);
    *record = (struct record){ 0 };
}
