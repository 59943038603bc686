/*
 * What happens to a graph's tensors, in execution order: a node's sources that have no bytes yet are placed, then the node, then
 * its sources are settled, at once or at the next barrier.  All on ids; tensors are looked at, not written.
 */
#include "ggml/legacy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static void add_deed(struct ggml_gallocr *galloc, struct deed deed)
{
    assert(galloc->n_deeds < galloc->cap_deeds);
    galloc->deeds[galloc->n_deeds++] = deed;
}

static bool fail(struct ggml_gallocr *galloc, uint32_t id, const char *what)
{
    return gai_words_say(&galloc->error, &galloc->env, "%s: %s", known_name(galloc, id), what);
}

/* A view gets its root's buffer, and its address from there. */
static bool view(struct ggml_gallocr *galloc, uint32_t id)
{
    struct known *known = &galloc->known[id];
    const struct known *root = &galloc->known[known->root];
    if (!root->data)
        return fail(galloc, id, "a view of what has no bytes");
    if (!known->talloc)
        return fail(galloc, id, "has no allocator");
    const struct ggml_tallocr *talloc = known->talloc;
    /* Only buffers of this graph's allocators are known to exist still. */
    bool is_ours = !known_is_foreign(root, root->talloc);
    if (!talloc->is_measure && is_ours && buffer_backend(root->buffer) != buffer_backend(talloc->buffer))
        return fail(galloc, id, "a view of what lives on another backend");
    known->buffer = root->buffer;
    known->data = root->data + known->root_offset;
    add_deed(galloc, (struct deed){ .kind = DEED_VIEW, .id = id });
    return true;
}

/* Why a node may not be written over a source; NULL when it may.  In the order of the rules. */
static const char *why_apart(const struct ggml_gallocr *galloc, uint32_t id, uint32_t source)
{
    const struct known *heir = &galloc->known[id], *from = &galloc->known[source], *root = &galloc->known[from->root];
    const struct ggml_tallocr *talloc = heir->talloc;
    if (known_is_foreign(from, talloc))
        return "its bytes are not this allocator's";
    if (!tensor_same_layout(known_tensor(galloc, id), known_tensor(galloc, source)))
        return "the layout differs";
    if (from->n_children != 1)
        return "it has other readers";
    if (from->n_views != 0)
        return "a view of it is in use";
    for (uint32_t at = from->into; at; at = galloc->known[at].into)
        if (galloc->known[at].n_views != 1 || galloc->known[at].n_children != 0)
            return "what it looks into is in use";
    while (root->into)
        root = &galloc->known[root->into];
    if (root->data != from->data)
        return "it does not begin where its bytes do";
    uint32_t block = gai_linear_find(&talloc->linear, galloc->tensors[root->holder]);
    if (block == RANGE_NONE)
        return "its bytes do not live in this allocator";
    if (gai_tallocr_size(talloc, known_tensor(galloc, id)) > range_len(&talloc->linear.range, block))
        return "its bytes are too few";
    return NULL;
}

/* The node becomes one more that looks into the source's root, whose bytes are given back when the last of them is done. */
static void inherit(struct ggml_gallocr *galloc, uint32_t id, uint32_t source)
{
    uint32_t root = source;
    while (galloc->known[root].into)
        root = galloc->known[root].into;
    struct known *heir = &galloc->known[id], *from = &galloc->known[root];
    struct deed deed = { .kind = DEED_INHERIT, .id = id, .holder = from->holder };
    deed.place.lost = gai_tallocr_pass(heir->talloc, known_tensor(galloc, from->holder), known_tensor(galloc, id));
    heir->into = root;
    heir->buffer = from->buffer;
    heir->data = from->data;
    from->n_views++;
    from->holder = id;
    add_deed(galloc, deed);
}

static bool take_over(struct ggml_gallocr *galloc, uint32_t id)
{
    const struct known *known = &galloc->known[id];
    if (!known->node || !tensor_works_in_place(known_tensor(galloc, id)))
        return false;
    const struct part *part = &galloc->parts[known->node - 1];
    for (uint32_t i = 0; i < part->n_sources; i++) {
        uint32_t source = galloc->sources[part->first_source + i];
        const char *why = why_apart(galloc, id, source);
        if (galloc->is_verbose)
            gai_log(&galloc->env, GA_DEBUG, "%s %s for %s%s%s", why ? "not reusing" : "reusing", known_name(galloc, source),
                    known_name(galloc, id), why ? ": " : "", why ? why : "");
        if (why)
            continue;
        inherit(galloc, id, source);
        return true;
    }
    return false;
}

static bool place(struct ggml_gallocr *galloc, uint32_t id)
{
    struct known *known = &galloc->known[id];
    if (known->data)
        return true;
    if (known->into)
        return view(galloc, id);
    if (!known->talloc)
        return fail(galloc, id, "has no allocator");
    if (take_over(galloc, id))
        return true;
    struct deed deed = { .kind = DEED_PLACE, .id = id };
    if (!gai_tallocr_take(known->talloc, known_tensor(galloc, id), &deed.place, &galloc->error))
        return false;
    known->buffer = known->talloc->buffer;
    known->data = known->talloc->start + deed.place.offset;
    add_deed(galloc, deed);
    return true;
}

static void log_exec(const struct ggml_gallocr *galloc, const struct part *part)
{
    char text[480] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < part->n_sources && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? ", " : "",
                                known_name(galloc, galloc->sources[part->first_source + i]));
    gai_log(&galloc->env, GA_DEBUG, "exec: %s (%s) <= %s", tensor_op_name(known_tensor(galloc, part->id)),
            known_name(galloc, part->id), text);
}

static bool execute(struct ggml_gallocr *galloc, uint32_t index)
{
    const struct part *part = &galloc->parts[index];
    uint32_t position = galloc->known[part->id].position;
    for (uint32_t i = 0; i < part->n_sources; i++) {
        uint32_t source = galloc->sources[part->first_source + i];
        if (galloc->known[source].position >= position)
            return fail(galloc, part->id, "reads what is computed only later");
        if (!place(galloc, source))
            return false;
    }
    if (!place(galloc, part->id))
        return false;
    if (galloc->is_verbose)
        log_exec(galloc, part);
    return true;
}

static bool give_back(struct ggml_gallocr *galloc, uint32_t id)
{
    const struct known *known = &galloc->known[id];
    struct ggml_tallocr *talloc = known->talloc;
    if (known_is_foreign(known, talloc))
        return true; /* weights, and what other allocators placed */
    uint32_t block = gai_linear_find(&talloc->linear, galloc->tensors[known->holder]);
    if (block == RANGE_NONE) {
        /*
         * Of size 0; or placed before a reset, or by an allocator that is gone and whose buffer was at the same address, as that
         * time's training programs do with their weights: whoever set its data looks after it.
         */
        gai_log(&galloc->env, GA_WARN, "%s: has bytes in the allocator's buffer that are not live there; left alone",
                known_name(galloc, id));
        return true;
    }
    const struct range *range = &talloc->linear.range;
    struct deed deed = { .kind = DEED_FREE, .id = id, .holder = known->holder, .len = range_len(range, block) };
    deed.place.offset = range_offset(range, block);
    if (galloc->is_verbose)
        gai_log(&galloc->env, GA_DEBUG, "free %s: %" PRIu64 " bytes at %" PRIu64, known_name(galloc, id), deed.len,
                deed.place.offset);
    gai_linear_give(&talloc->linear, block);
    add_deed(galloc, deed);
    return true;
}

/* A tensor without readers and views is done: what it looks into has one view less, and may be done as well. */
static bool finish(struct ggml_gallocr *galloc, uint32_t id)
{
    for (;;) {
        const struct known *known = &galloc->known[id];
        if (known->n_children || known->n_views)
            return true;
        if (!known->into)
            return give_back(galloc, id);
        id = known->into;
        galloc->known[id].n_views--;
    }
}

static bool settle(struct ggml_gallocr *galloc, uint32_t index)
{
    const struct part *part = &galloc->parts[index];
    for (uint32_t i = 0; i < part->n_sources; i++) {
        uint32_t source = galloc->sources[part->first_source + i];
        galloc->known[source].n_children--;
        if (!finish(galloc, source))
            return false;
    }
    return true;
}

/* Views that were given data, but no buffer: views of tensors placed before the graph was built. */
static bool complete_views(struct ggml_gallocr *galloc)
{
    for (uint32_t id = 1; id <= galloc->n_known; id++) {
        const struct known *known = &galloc->known[id];
        if (known->into && known->data && !known->buffer && !view(galloc, id))
            return false;
    }
    return true;
}

static bool one_by_one(struct ggml_gallocr *galloc)
{
    for (uint32_t i = 0; i < galloc->n_parts; i++)
        if (!execute(galloc, i) || !settle(galloc, i))
            return false;
    return true;
}

/* Nodes between two barriers may run at once: nothing that one of them reads is given to another. */
static bool in_sequence(struct ggml_gallocr *galloc)
{
    uint32_t start = 0;
    for (uint32_t at = 0; at < galloc->n_sequence; at++) {
        if (galloc->sequence[at] != LEGACY_BARRIER) {
            if (!execute(galloc, (uint32_t)galloc->sequence[at]))
                return false;
            continue;
        }
        for (; start < at; start++)
            if (!settle(galloc, (uint32_t)galloc->sequence[start]))
                return false;
        start = at + 1;
    }
    return true;
}

bool gai_gallocr_decide(struct ggml_gallocr *galloc)
{
    return complete_views(galloc) && (galloc->n_sequence ? in_sequence(galloc) : one_by_one(galloc));
}
