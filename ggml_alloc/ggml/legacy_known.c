/*
 * Every tensor of a graph gets an id, once; from here on the walk runs on ids.  A node's sources end at the first empty slot.
 */
#include "ggml/legacy.h"

#include <inttypes.h>

#include "base/array.h"
#include "base/bits.h"

static bool no_memory(struct ggml_gallocr *galloc)
{
    return gai_words_say(&galloc->error, &galloc->env, "no memory for the bookkeeping of a graph");
}

static struct ggml_tallocr *allocator_of(const struct places *places, struct ggml_tensor *tensor)
{
    if (places->talloc)
        return places->talloc;
    size_t slot = set_slot(places->set, tensor);
    return slot != SIZE_MAX ? places->tallocs[slot] : NULL;
}

static bool room_for_one(struct ggml_gallocr *galloc)
{
    const struct ga_mem *mem = &galloc->env.mem;
    uint64_t need = (uint64_t)galloc->n_known + 2; /* ids count from 1 */
    return array_room(mem, &galloc->tensors, &galloc->cap_tensors, need) &&
           array_room(mem, &galloc->known, &galloc->cap_known, need) && gai_hashset_room(&galloc->set, mem, galloc->tensors, need);
}

/* The id of a tensor, and whether it has one only now; 0: no memory. */
static uint32_t meet(struct ggml_gallocr *galloc, struct ggml_tensor *tensor, const struct places *places, bool *is_new)
{
    uint32_t id = hashset_find(&galloc->set, galloc->tensors, tensor);
    *is_new = id == 0;
    if (id)
        return id;
    if (!room_for_one(galloc))
        return no_memory(galloc), 0;
    id = ++galloc->n_known;
    galloc->tensors[id] = tensor;
    hashset_insert(&galloc->set, galloc->tensors, id);
    galloc->known[id] = (struct known){
        .talloc = allocator_of(places, tensor),
        .root = id,
        .holder = id,
        .buffer = tensor_buffer(tensor),
        .data = tensor_data(tensor),
    };
    return id;
}

/* A view past the end of what it views; where those bytes are the caller's, he knows. */
static bool fits_root(struct ggml_gallocr *galloc, uint32_t id)
{
    const struct known *view = &galloc->known[id], *root = &galloc->known[view->root];
    if (root->data && known_is_foreign(root, root->talloc))
        return true;
    size_t len = tensor_bytes(known_tensor(galloc, id)), room = tensor_bytes(known_tensor(galloc, view->root));
    if (len <= room && view->root_offset <= room - len)
        return true;
    return gai_words_say(&galloc->error, &galloc->env, "%s: a view past the end of %s", known_name(galloc, id),
                         known_name(galloc, view->root));
}

/* Where the views from id `first` on end; those that were new follow each other, each looking into the next. */
static bool find_roots(struct ggml_gallocr *galloc, uint32_t first)
{
    for (uint32_t id = galloc->n_known; id >= first; id--) {
        struct known *view = &galloc->known[id];
        if (view->into == 0)
            continue;
        const struct known *into = &galloc->known[view->into];
        view->root = into->root;
        view->root_offset = add_sat(into->root_offset, tensor_view_offset(known_tensor(galloc, id)));
        if (!fits_root(galloc, id))
            return false;
    }
    return true;
}

/*
 * The id of a tensor; all that it looks into gets one, too.  A view counts on its source when it is first met, as a node or as a
 * source.  0 on failure.
 */
static uint32_t know(struct ggml_gallocr *galloc, struct ggml_tensor *tensor, const struct places *places)
{
    bool is_new;
    uint32_t first = meet(galloc, tensor, places, &is_new);
    if (!is_new)
        return first;
    for (uint32_t id = first; is_new && id && tensor_view_source(tensor);) {
        tensor = tensor_view_source(tensor);
        uint32_t into = meet(galloc, tensor, places, &is_new);
        if (into == 0)
            return 0;
        if (!is_new && into >= first)
            return gai_words_say(&galloc->error, &galloc->env, "%s: views itself", known_name(galloc, into)), 0;
        galloc->known[id].into = into;
        galloc->known[into].n_views++;
        id = into;
    }
    return first && find_roots(galloc, first) ? first : 0;
}

static bool know_sources(struct ggml_gallocr *galloc, struct part *part, const struct places *places)
{
    const struct ggml_tensor *tensor = known_tensor(galloc, part->id);
    part->first_source = galloc->n_sources;
    for (unsigned slot = 0; tensor_source(tensor, slot); slot++) {
        uint32_t id = know(galloc, tensor_source(tensor, slot), places);
        if (id == 0)
            return false;
        if (!array_room(&galloc->env.mem, &galloc->sources, &galloc->cap_sources, (uint64_t)galloc->n_sources + 1))
            return no_memory(galloc);
        galloc->sources[galloc->n_sources++] = id;
        galloc->known[id].n_children++;
        part->n_sources++;
    }
    return true;
}

static bool know_node(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, const struct places *places)
{
    uint32_t index = galloc->n_parts;
    if (!graph_node(graph, index))
        return gai_words_say(&galloc->error, &galloc->env, "node %" PRIu32 " is NULL", index);
    uint32_t id = know(galloc, graph_node(graph, index), places);
    if (id == 0)
        return false;
    if (galloc->known[id].node)
        return gai_words_say(&galloc->error, &galloc->env, "%s: two nodes of the graph are this one", known_name(galloc, id));
    galloc->known[id].node = ++galloc->n_parts;
    galloc->parts[index] = (struct part){ .id = id };
    return know_sources(galloc, &galloc->parts[index], places);
}

static bool know_order(struct ggml_gallocr *galloc)
{
    uint32_t n = galloc->n_sequence ? galloc->n_sequence : galloc->n_parts;
    for (uint32_t at = 0; at < n; at++) {
        int64_t index = galloc->n_sequence ? galloc->sequence[at] : (int64_t)at;
        if (index == LEGACY_BARRIER)
            continue;
        if (index < 0 || index >= galloc->n_parts)
            return gai_words_say(&galloc->error, &galloc->env, "the parse sequence lists node %" PRId64 " of %" PRIu32, index,
                                 galloc->n_parts);
        uint32_t id = galloc->parts[index].id;
        if (galloc->known[id].position)
            return gai_words_say(&galloc->error, &galloc->env, "%s: the parse sequence lists it twice", known_name(galloc, id));
        galloc->known[id].position = at + 1;
    }
    return true;
}

bool gai_gallocr_know(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, const struct places *places)
{
    const struct ga_mem *mem = &galloc->env.mem;
    uint32_t n_nodes = graph_n_nodes(graph);
    gai_hashset_clear(&galloc->set);
    galloc->n_known = galloc->n_parts = galloc->n_sources = galloc->n_deeds = 0;
    if (!array_room(mem, &galloc->parts, &galloc->cap_parts, n_nodes))
        return no_memory(galloc);
    while (galloc->n_parts < n_nodes)
        if (!know_node(galloc, graph, places))
            return false;
    /* A tensor gets its bytes once, and gives them back once. */
    if (!array_room(mem, &galloc->deeds, &galloc->cap_deeds, 2 * (uint64_t)galloc->n_known))
        return no_memory(galloc);
    return know_order(galloc);
}
