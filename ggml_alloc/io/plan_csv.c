#include "io/plan_csv.h"

#include "base/bits.h"
#include "io/table.h"
#include "plan/plan.h"

#include <inttypes.h>
#include <string.h>

enum column { COLUMN_ID, COLUMN_POOL, COLUMN_CHUNK, COLUMN_OFFSET, COLUMN_SIZE, N_COLUMNS };

static const struct table_column columns[N_COLUMNS] = {
    { "id", true }, { "pool", true }, { "chunk", false }, { "offset", true }, { "size", true },
};

struct builder {
    const struct table *table;
    const struct tgraph *file;
    const ga_plan *like;
    struct ga_slot *slots; /* by graph id */
    uint32_t *n_chunks;    /* by pool */
    struct mishap *mishap;
};

/* Owners are what `like` counts as storages; each has a slot there. */
static bool is_owner(const struct builder *b, ga_id id)
{
    struct ga_node node;
    return ga_graph_node(b->file->graph, id, &node) && node.view_of == GA_NONE && b->like->slots[id].size != 0;
}

static bool read_slot(const struct builder *b, uint32_t row, ga_id *id, struct ga_slot *slot)
{
    uint64_t file_id, pool, chunk = 0, line = table_line(row);
    const struct tgraph *file = b->file;
    if (!gai_table_number(b->table, row, COLUMN_ID, "id", UINT32_MAX, &file_id, b->mishap) ||
        !gai_table_number(b->table, row, COLUMN_POOL, "pool", UINT16_MAX, &pool, b->mishap) ||
        (*gai_table_cell(b->table, row, COLUMN_CHUNK) &&
         !gai_table_number(b->table, row, COLUMN_CHUNK, "chunk", UINT16_MAX - 1, &chunk, b->mishap)) ||
        !gai_table_number(b->table, row, COLUMN_OFFSET, "offset", (uint64_t)1 << 62, &slot->offset, b->mishap) ||
        !gai_table_number(b->table, row, COLUMN_SIZE, "size", (uint64_t)1 << 62, &slot->size, b->mishap))
        return false;
    if (file_id >= file->n_tensors || !is_owner(b, file->ids[file_id])) {
        gai_mishap(b->mishap, line, "tensor %" PRIu64 " gets no bytes: it is a view, allocated already, empty, or does not exist",
                   file_id);
        return false;
    }
    *id = file->ids[file_id];
    const struct ga_slot *like = &b->like->slots[*id];
    if (pool >= file->n_buffers || file->buffers[pool].pool != like->pool) {
        gai_mishap(b->mishap, line, "tensor %" PRIu64 " belongs to pool %u, not %" PRIu64, file_id, like->pool, pool);
        return false;
    }
    if (slot->size < like->size) {
        gai_mishap(b->mishap, line, "tensor %" PRIu64 " needs %" PRIu64 " bytes, not %" PRIu64, file_id, like->size, slot->size);
        return false;
    }
    slot->pool = like->pool;
    slot->chunk = (uint16_t)chunk;
    if (b->slots[*id].size != 0) {
        gai_mishap(b->mishap, line, "tensor %" PRIu64 " is placed twice; keep one line", file_id);
        return false;
    }
    return true;
}

static enum ga_status read_slots(struct builder *b)
{
    for (uint32_t row = 0; row < b->table->n_rows; row++) {
        ga_id id;
        struct ga_slot slot;
        if (!read_slot(b, row, &id, &slot))
            return GA_INVALID;
        b->slots[id] = slot;
        if (slot.chunk >= b->n_chunks[slot.pool])
            b->n_chunks[slot.pool] = slot.chunk + 1u;
    }
    for (uint32_t at = 0; at < b->file->n_tensors; at++) {
        ga_id id = b->file->ids[at];
        struct ga_node node;
        ga_graph_node(b->file->graph, id, &node);
        if (is_owner(b, id) && b->slots[id].size == 0)
            return gai_mishap(b->mishap, 0, "tensor %" PRIu32 " '%.60s' has no place; add a line for it", at, node.name);
    }
    return GA_OK;
}

/* Chunks as long as what ends last in them. */
static void measure_chunks(const struct builder *b, ga_plan *plan)
{
    uint64_t *chunks = plan->chunks;
    for (unsigned pool = 0; pool < plan->n_pools; pool++) {
        plan->pools[pool].chunks = chunks;
        plan->pools[pool].n_chunks = b->n_chunks[pool];
        plan->pools[pool].peak = 0;
        for (uint32_t i = 0; i < b->n_chunks[pool]; i++)
            *chunks++ = 0;
    }
    for (ga_id id = 1; id <= plan->n_nodes; id++) {
        const struct ga_slot *slot = &b->slots[id];
        if (slot->size == 0)
            continue;
        struct plan_pool *pool = &plan->pools[slot->pool];
        uint64_t end = align_up(slot->offset + slot->size, b->file->buffers[slot->pool].align);
        if (end > pool->chunks[slot->chunk]) {
            pool->peak = add_sat(pool->peak, end - pool->chunks[slot->chunk]);
            pool->chunks[slot->chunk] = end;
        }
    }
}

/* Windows move with their roots. */
static void place_views(const struct builder *b, ga_plan *plan)
{
    for (ga_id id = 1; id <= plan->n_nodes; id++) {
        struct ga_node node;
        ga_graph_node(b->file->graph, id, &node);
        if (node.view_of == GA_NONE || b->like->slots[id].size == 0)
            continue;
        plan->slots[id] = plan->slots[node.view_of];
        plan->slots[id].offset += node.view_offset;
        plan->slots[id].size = node.size;
    }
}

static ga_plan *make_plan(const struct builder *b)
{
    const ga_plan *like = b->like;
    size_t n = (size_t)like->n_nodes + 1;
    struct plan_room room = {
        .n_nodes = like->n_nodes,
        .n_storages = like->info.n_storages,
        .n_pools = like->n_pools,
        .has_facts = true,
    };
    for (unsigned pool = 0; pool < like->n_pools; pool++)
        room.n_chunks += b->n_chunks[pool];
    ga_plan *plan = gai_plan_new(&b->file->mem, &room);
    if (!plan)
        return NULL;
    plan->signature = like->signature;
    plan->info = like->info;
    memcpy(plan->life, like->life, n * sizeof *plan->life);
    memcpy(plan->facts, like->facts, n * sizeof *plan->facts);
    memcpy(plan->storages, like->storages, like->info.n_storages * sizeof *plan->storages);
    memcpy(plan->slots, b->slots, n * sizeof *plan->slots);
    memcpy(plan->pools, like->pools, like->n_pools * sizeof *plan->pools);
    measure_chunks(b, plan);
    place_views(b, plan);
    gai_plan_seal(plan);
    return plan;
}

enum ga_status gai_plan_csv_read(const struct ga_source *source, const struct tgraph *file, const ga_plan *like, ga_plan **plan,
                                 struct mishap *mishap)
{
    const struct ga_mem *mem = &file->mem;
    struct table table;
    enum ga_status status = gai_table_read(mem, source, columns, N_COLUMNS, &table, mishap);
    if (status != GA_OK)
        return status;
    struct builder b = { .table = &table, .file = file, .like = like, .mishap = mishap };
    b.slots = mem_new(mem, struct ga_slot, (size_t)like->n_nodes + 1);
    b.n_chunks = mem_new(mem, uint32_t, like->n_pools);
    ga_plan *made = NULL;
    gai_mishap(mishap, 0, "%s", ga_status_str(GA_NO_MEMORY)); /* until something else is said */
    status = b.slots && b.n_chunks ? read_slots(&b) : GA_NO_MEMORY;
    if (status == GA_OK) {
        made = make_plan(&b);
        status = made ? GA_OK : GA_NO_MEMORY;
    }
    if (made)
        *plan = made;
    mem_free(mem, b.slots, (size_t)like->n_nodes + 1);
    mem_free(mem, b.n_chunks, like->n_pools);
    gai_table_fini(&table);
    return status;
}
