/*
 * dropin_walk.c - places as ggml's own allocator finds them, straight from a record
 *
 *     count     how often each tensor's bytes are still to be read, by itself or through a view
 *     start     leafs and inputs get bytes
 *     per node  what it reads and nobody has placed, then itself: over a source that it alone still reads, else best fit;
 *               then every source whose last reader it was gives its bytes back
 *
 * The planner's online rung replays the same decisions from lifetimes; both must find the same places.  This one is for engines that
 * plan anew for every graph: no lifetimes, no items, no edges.
 */
#include "ggml/dropin.h"

#include <string.h>

#include "base/bits.h"

struct walk_state {
    struct ggml_gallocr *galloc;
    struct record *record;
    ga_plan *plan;
    struct fate *fates;
    uint32_t n_slots;
};

static uint64_t rounded(const struct walk_state *walk, uint32_t id)
{
    const struct seen *seen = &walk->record->seen[id];
    return align_up(seen->size, walk->galloc->aligns[seen->pool]);
}

/* --- counting --- */

static inline uint32_t root_of(const struct record *record, uint32_t id)
{
    if (record->seen[id].is_planned)
        return id;
    while (record->seen[id].view)
        id = record->seen[id].view;
    return record->seen[id].is_planned ? id : 0;
}

/* The sources of all nodes, one after the other. */
static void count_uses(struct walk_state *walk)
{
    const struct record *record = walk->record;
    struct fate *fates = walk->fates;
    for (const uint32_t *src = record->srcs, *end = src + record->n_srcs; src < end; src++) {
        fates[*src].is_read = true;
        fates[fates[*src].root].uses++;
    }
}

/* A copy into a tensor of another type lists itself, which is no use of it. */
static void discount_themselves(struct walk_state *walk)
{
    const struct record *record = walk->record;
    for (uint32_t id = record->n_leafs + 1; id <= record->n_leafs + record->n_nodes; id++) {
        const struct seen *seen = &record->seen[id];
        for (unsigned i = 0; i < seen->n_src; i++)
            walk->fates[walk->fates[id].root].uses -= record->srcs[seen->first_src + i] == id;
    }
}

/* Results, and what nobody reads, in which case it may be one.  Views count for what they look into, but for mere dependencies. */
static bool keeps(const struct record *record, const struct fate *fate, uint32_t id)
{
    const struct seen *seen = &record->seen[id];
    bool is_node = record_has_node(record, id);
    if (is_node && seen->view && seen->op == GGML_OP_NONE)
        return false;
    return (seen->flags & GGML_TENSOR_FLAG_OUTPUT) || (!fate->is_read && (is_node || seen->is_planned));
}

/* Only what gets an address has bytes of ours, or looks into them. */
static void count(struct walk_state *walk)
{
    const struct record *record = walk->record;
    const uint32_t *order = record->order;
    struct fate *fates = walk->fates;
    memset(fates, 0, ((size_t)record_len(record) + 1) * sizeof *fates);
    for (uint32_t i = 0; i < record->n_order; i++)
        fates[order[i]].root = root_of(record, order[i]);
    count_uses(walk);
    if (record->names_itself)
        discount_themselves(walk);
    for (uint32_t i = 0; i < record->n_order; i++)
        if (fates[order[i]].root && keeps(record, &fates[order[i]], order[i]))
            fates[fates[order[i]].root].is_kept = true;
}

/* --- bytes --- */

static void set_slot(struct walk_state *walk, uint32_t id, struct ga_slot slot)
{
    walk->record->seen[id].node = ++walk->n_slots;
    walk->plan->slots[walk->n_slots] = slot;
}

static const struct ga_slot *slot_of(const struct walk_state *walk, uint32_t id)
{
    return &walk->plan->slots[walk->record->seen[id].node];
}

static enum ga_status take(struct walk_state *walk, uint32_t id)
{
    const struct seen *seen = &walk->record->seen[id];
    struct chunks *chunks = &walk->galloc->chunks[seen->pool];
    uint64_t size = rounded(walk, id);
    uint32_t chunk, node;
    if (size < seen->size || size > RANGE_OPEN)
        return GA_NO_SPACE;
    enum ga_status status = chunks_take(chunks, size, size, &chunk, &node);
    if (status != GA_OK)
        return status;
    uint64_t offset = range_offset(chunks_range(chunks, chunk), node);
    chunks_note(chunks, chunk, offset + size);
    walk->fates[id].node = node;
    set_slot(walk, id, (struct ga_slot){ seen->pool, (uint16_t)chunk, offset, seen->size });
    return GA_OK;
}

static struct range *range_of(const struct walk_state *walk, uint32_t id)
{
    const struct ga_slot *slot = slot_of(walk, id);
    return chunks_range(&walk->galloc->chunks[slot->pool], slot->chunk);
}

/* The first source that the node alone still reads, once, and that ggml lets it write over; 0: none. */
static uint32_t source_to_take(const struct walk_state *walk, uint32_t id)
{
    const struct seen *seen = &walk->record->seen[id];
    const uint32_t *srcs = walk->record->srcs + seen->first_src;
    for (unsigned left = seen->eager; left; left &= left - 1) {
        uint32_t src = srcs[low_bit(left)];
        const struct fate *fate = &walk->fates[src];
        if (fate->uses == 1 && !fate->is_kept && fate->node != RANGE_NONE && walk->record->seen[src].pool == seen->pool &&
            rounded(walk, id) <= rounded(walk, src))
            return src;
    }
    return 0;
}

static void take_over(struct walk_state *walk, uint32_t heir, uint32_t from)
{
    struct fate *fates = walk->fates;
    struct ga_slot slot = *slot_of(walk, from);
    fates[heir].node = fates[from].node;
    fates[from].node = RANGE_NONE;
    slot.size = walk->record->seen[heir].size;
    set_slot(walk, heir, slot);
    struct range *range = range_of(walk, heir);
    if (range_len(range, fates[heir].node) > rounded(walk, heir))
        gai_range_trim(range, fates[heir].node, 0, rounded(walk, heir));
}

static enum ga_status place(struct walk_state *walk, uint32_t id, uint32_t from)
{
    const struct seen *seen = &walk->record->seen[id];
    struct fate *fate = &walk->fates[id];
    if (!seen->is_planned || fate->is_placed)
        return GA_OK;
    fate->is_placed = true;
    if (seen->size == 0)
        return GA_OK;
    if (!from)
        return take(walk, id);
    take_over(walk, id, from);
    return GA_OK;
}

/* What the node reads or looks into and has no bytes yet: it is in no list, or a mark of dependency names it ahead of its time. */
static enum ga_status place_sources(struct walk_state *walk, uint32_t id)
{
    const struct seen *seen = &walk->record->seen[id];
    const uint32_t *srcs = walk->record->srcs + seen->first_src;
    enum ga_status status = GA_OK;
    for (unsigned i = 0; i < seen->n_src && status == GA_OK; i++) {
        uint32_t root = walk->fates[srcs[i]].root;
        if (root && root != id && !walk->fates[root].is_placed)
            status = place(walk, root, 0);
    }
    uint32_t root = walk->fates[id].root;
    return status == GA_OK && root != id ? place(walk, root, 0) : status;
}

static inline void settle(struct walk_state *walk, uint32_t id)
{
    const struct seen *seen = &walk->record->seen[id];
    const uint32_t *src = walk->record->srcs + seen->first_src;
    for (const uint32_t *end = src + seen->n_src; src < end; src++) {
        uint32_t root = walk->fates[*src].root;
        struct fate *fate = &walk->fates[root];
        if (root == 0 || *src == id || --fate->uses > 0 || fate->is_kept || fate->node == RANGE_NONE)
            continue;
        gai_range_give(range_of(walk, root), fate->node);
        fate->node = RANGE_NONE;
    }
}

/* --- the graph --- */

static enum ga_status start_one(struct walk_state *walk, uint32_t id)
{
    uint32_t root = walk->fates[id].root;
    bool is_input = root && (walk->record->seen[root].flags & GGML_TENSOR_FLAG_INPUT);
    return is_input ? place(walk, root, 0) : GA_OK;
}

/* Inputs that are nodes, or in no list; leafs are there already.  Nodes wait for their turn, whoever names them before. */
static enum ga_status start_inputs(struct walk_state *walk)
{
    const struct record *record = walk->record;
    enum ga_status status = GA_OK;
    for (uint32_t id = record->n_leafs + 1; id <= record->n_leafs + record->n_nodes && status == GA_OK; id++) {
        const struct seen *seen = &record->seen[id];
        for (unsigned i = 0; i <= seen->n_src && status == GA_OK; i++) {
            uint32_t named = i < seen->n_src ? record->srcs[seen->first_src + i] : seen->view;
            if (!record_has_node(record, walk->fates[named].root))
                status = start_one(walk, named);
        }
        if (status == GA_OK && walk->fates[id].root == id)
            status = start_one(walk, id);
    }
    return status;
}

static enum ga_status run(struct walk_state *walk)
{
    const struct record *record = walk->record;
    enum ga_status status = GA_OK;
    for (uint32_t id = 1; id <= record->n_leafs && status == GA_OK; id++)
        status = place(walk, id, 0);
    if (status == GA_OK && record->late_input)
        status = start_inputs(walk);
    for (uint32_t i = 0; i < record->n_nodes && status == GA_OK; i++) {
        uint32_t id = record->n_leafs + i + 1;
        if (record->has_loose || record->names_ahead)
            status = place_sources(walk, id);
        if (status == GA_OK)
            status = place(walk, id, record->seen[id].eager ? source_to_take(walk, id) : 0);
        if (status == GA_OK)
            settle(walk, id);
    }
    return status;
}

/* Slots in the order in which they are taken, and chunks: as much of a plan as a record and an arena need. */
static ga_plan *open_plan(const struct ggml_gallocr *galloc, const struct record *record)
{
    struct plan_room room = { .n_nodes = record->n_planned,
                              .n_chunks = (uint64_t)galloc->n_bufs * CHUNKS_MAX,
                              .n_pools = galloc->n_bufs };
    return gai_plan_new(&galloc->env.mem, &room);
}

static void close_plan(struct walk_state *walk)
{
    ga_plan *plan = walk->plan;
    uint64_t *at = plan->chunks;
    for (unsigned p = 0; p < plan->n_pools; p++) {
        const struct chunks *chunks = &walk->galloc->chunks[p];
        plan->pools[p] = (struct plan_pool){ .chunks = at, .n_chunks = chunks->n };
        for (uint32_t c = 0; c < chunks->n; c++) {
            *at++ = chunks->list[c]->peak;
            plan->pools[p].peak += chunks->list[c]->peak;
        }
    }
    plan->info.reached = GA_EFFORT_ONLINE;
    gai_plan_seal(plan);
}

enum ga_status gai_dropin_walk(struct ggml_gallocr *galloc, struct record *record)
{
    if (!array_room(&galloc->env.mem, &galloc->fates, &galloc->cap_fates, (uint64_t)record_len(record) + 1))
        return GA_NO_MEMORY;
    struct walk_state walk = { .galloc = galloc, .record = record, .fates = galloc->fates };
    walk.plan = open_plan(galloc, record);
    if (!walk.plan)
        return GA_NO_MEMORY;
    for (unsigned p = 0; p < galloc->n_bufs; p++)
        gai_chunks_reset(&galloc->chunks[p]);
    count(&walk);
    enum ga_status status = run(&walk);
    if (status != GA_OK) {
        ga_plan_delete(walk.plan);
        return status;
    }
    close_plan(&walk);
    record->plan = walk.plan;
    return GA_OK;
}
