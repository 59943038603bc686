/*
 * plan_read.c - plans back from text; plan_write.c shows what it looks like
 *
 * A checksum tells a plan that was changed; what a checksum cannot tell is verified line by line, so that no text makes a plan that
 * reaches outside of itself.
 */
#include "io/report.h"

#include "base/array.h"
#include "base/bits.h"
#include "io/scan.h"
#include "plan/plan.h"

#include <inttypes.h>
#include <string.h>

struct entry {
    struct ga_slot slot;
    struct life_span life;
    uint64_t fact;
};

/* What the lines say; arrays grow with them, whatever the counts claim.  Functions below return false once something is wrong. */
struct draft {
    struct scan in;
    struct ga_mem mem;
    struct plan_room room;
    struct ga_plan_info info;
    struct signature signature;
    struct plan_pool *pools;
    uint64_t *chunks, *times;
    struct entry *entries; /* by id - 1 */
    ga_id *storages;
    bool *is_owner; /* by id - 1 */
    uint32_t n_pools, n_chunks, n_times, n_entries, n_storages;
    uint32_t cap_pools, cap_chunks, cap_times, cap_entries, cap_storages, cap_owners;
};

#define draft_room(d, array, cap, n)                                                                                               \
    (array_room(&(d)->mem, &(d)->array, &(d)->cap, (uint64_t)(n) + 1) || gai_scan_fail_memory(&(d)->in))

static bool read_flag(struct draft *d, unsigned field, const char *what, bool *flag)
{
    uint64_t value;
    if (!gai_scan_number(&d->in, field, what, 1, &value))
        return false;
    *flag = value != 0;
    return true;
}

static bool read_effort(struct draft *d)
{
    const char *name = d->in.fields.at[1];
    for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_PROVE; effort++)
        if (strcmp(name, gai_effort_name((enum ga_effort)effort)) == 0) {
            d->info.reached = (enum ga_effort)effort;
            return true;
        }
    return gai_scan_fail(&d->in, "effort '%.40s' is not known", name);
}

static bool read_head(struct draft *d)
{
    if (!gai_scan_expect(&d->in, "ga_plan", 1))
        return false;
    if (strcmp(d->in.fields.at[1], "1") != 0)
        return gai_scan_fail(&d->in, "plan format '%.40s' is not known; this program reads version 1", d->in.fields.at[1]);
    if (!gai_scan_expect(&d->in, "graph", 2))
        return false;
    d->room.has_facts = strcmp(d->in.fields.at[1], "-") != 0;
    bool signed_well = !d->room.has_facts || (gai_scan_hex(&d->in, 1, "signature", &d->signature.hi) &&
                                              gai_scan_hex(&d->in, 2, "signature", &d->signature.lo));
    return signed_well && gai_scan_expect(&d->in, "found", 3) && read_effort(d) &&
           gai_scan_number(&d->in, 2, "steps", UINT64_MAX, &d->info.steps) && read_flag(d, 3, "stopped", &d->info.stopped);
}

static bool read_counts(struct draft *d)
{
    uint64_t nodes, storages, pools, times;
    if (!gai_scan_expect(&d->in, "counts", 4) || !gai_scan_number(&d->in, 1, "nodes", UINT32_MAX - 1, &nodes) ||
        !gai_scan_number(&d->in, 2, "storages", nodes, &storages) || !gai_scan_number(&d->in, 3, "pools", 65536, &pools) ||
        !gai_scan_number(&d->in, 4, "times", UINT32_MAX - 1, &times))
        return false;
    if (times && d->room.has_facts)
        return gai_scan_fail(&d->in, "times belong to plans for bare intervals; this one is for a graph");
    d->room.n_nodes = (uint32_t)nodes;
    d->room.n_storages = (uint32_t)storages;
    d->room.n_pools = (unsigned)pools;
    d->room.n_times = (uint32_t)times;
    return true;
}

static bool read_chunk(struct draft *d, struct plan_pool *pool)
{
    uint64_t bytes;
    if (!gai_scan_expect(&d->in, "chunk", 1) || !gai_scan_number(&d->in, 1, "bytes", INT64_MAX, &bytes) ||
        !draft_room(d, chunks, cap_chunks, d->n_chunks))
        return false;
    if (!add_fits(pool->peak, bytes, &pool->peak))
        return gai_scan_fail(&d->in, "the chunks of this pool are larger than any memory");
    d->chunks[d->n_chunks++] = bytes;
    return true;
}

static bool read_pool(struct draft *d)
{
    uint64_t index, n_chunks, step;
    struct plan_pool pool = { 0 };
    if (!gai_scan_expect(&d->in, "pool", 5) || !gai_scan_number(&d->in, 1, "index", 65535, &index) ||
        !gai_scan_number(&d->in, 2, "chunks", 65535, &n_chunks) || !gai_scan_number(&d->in, 3, "peak step", UINT32_MAX, &step) ||
        !gai_scan_number(&d->in, 4, "bound", UINT64_MAX, &pool.bound) ||
        !gai_scan_number(&d->in, 5, "capacity", UINT64_MAX, &pool.capacity))
        return false;
    if (index != d->n_pools)
        return gai_scan_fail(&d->in, "pool %" PRIu64 " stands where %" PRIu32 " belongs", index, d->n_pools);
    if (!d->room.has_facts && step && step >= d->room.n_times)
        return gai_scan_fail(&d->in, "peak step %" PRIu64 " is past the last time", step);
    pool.n_chunks = (uint32_t)n_chunks;
    pool.peak_step = (uint32_t)step;
    while (n_chunks--)
        if (!read_chunk(d, &pool))
            return false;
    if (pool.bound > pool.peak)
        return gai_scan_fail(&d->in, "bound %" PRIu64 " is above the peak %" PRIu64, pool.bound, pool.peak);
    if (!draft_room(d, pools, cap_pools, d->n_pools))
        return false;
    d->pools[d->n_pools++] = pool;
    return true;
}

static bool read_time(struct draft *d)
{
    uint64_t time;
    if (!gai_scan_expect(&d->in, "time", 1) || !gai_scan_number(&d->in, 1, "time", UINT64_MAX, &time) ||
        !draft_room(d, times, cap_times, d->n_times))
        return false;
    if (d->n_times && d->times[d->n_times - 1] >= time)
        return gai_scan_fail(&d->in, "time %" PRIu64 " does not rise", time);
    d->times[d->n_times++] = time;
    return true;
}

static bool read_fact(struct draft *d, unsigned field, uint64_t *fact)
{
    *fact = 0;
    return !d->room.has_facts || gai_scan_hex(&d->in, field, "fact", fact);
}

/* The chunk that a slot names must hold it. */
static bool slot_is_inside(struct draft *d, const struct ga_slot *slot)
{
    const struct plan_pool *pool = &d->pools[slot->pool];
    if (slot->chunk >= pool->n_chunks)
        return gai_scan_fail(&d->in, "pool %u has no chunk %u", slot->pool, slot->chunk);
    uint64_t bytes = pool->chunks[slot->chunk];
    return (slot->offset <= bytes && slot->size <= bytes - slot->offset) ||
           gai_scan_fail(&d->in, "bytes %" PRIu64 " + %" PRIu64 " end past their chunk, which has %" PRIu64, slot->offset,
                         slot->size, bytes);
}

static bool read_slot(struct draft *d, struct entry *entry)
{
    uint64_t pool, chunk, birth, death;
    uint64_t last = d->room.n_times ? d->room.n_times - 1 : UINT32_MAX - 1;
    if (d->room.n_pools == 0)
        return gai_scan_fail(&d->in, "a slot, but there are no pools");
    if (!gai_scan_has(&d->in, 8) || !gai_scan_number(&d->in, 2, "pool", d->room.n_pools - 1, &pool) ||
        !gai_scan_number(&d->in, 3, "chunk", 65535, &chunk) ||
        !gai_scan_number(&d->in, 4, "offset", INT64_MAX, &entry->slot.offset) ||
        !gai_scan_number(&d->in, 5, "size", INT64_MAX, &entry->slot.size) || !gai_scan_number(&d->in, 6, "birth", last, &birth) ||
        !gai_scan_number(&d->in, 7, "death", last, &death) || !read_fact(d, 8, &entry->fact))
        return false;
    entry->slot.pool = (uint16_t)pool;
    entry->slot.chunk = (uint16_t)chunk;
    entry->life = (struct life_span){ (uint32_t)birth, (uint32_t)death };
    if (entry->slot.size == 0 || birth >= death)
        return gai_scan_fail(&d->in, "a slot of no bytes, or for no time");
    return slot_is_inside(d, &entry->slot);
}

static bool read_none(struct draft *d, struct entry *entry)
{
    bool never;
    if (!gai_scan_has(&d->in, 3) || !read_fact(d, 2, &entry->fact) || !read_flag(d, 3, "never", &never))
        return false;
    entry->life.birth = never ? LIFE_NEVER : 0;
    return true;
}

static bool read_node(struct draft *d)
{
    struct entry entry = { 0 };
    uint64_t id;
    if (!gai_scan_next(&d->in))
        return false;
    bool is_slot = strcmp(d->in.fields.at[0], "slot") == 0;
    if (!is_slot && strcmp(d->in.fields.at[0], "none") != 0)
        return gai_scan_fail(&d->in, "a 'slot' or 'none' line belongs here, not '%.40s'", d->in.fields.at[0]);
    if (!(is_slot ? read_slot(d, &entry) : read_none(d, &entry)) || !gai_scan_number(&d->in, 1, "id", UINT32_MAX, &id) ||
        !draft_room(d, entries, cap_entries, d->n_entries))
        return false;
    if (id != d->n_entries + (uint64_t)1)
        return gai_scan_fail(&d->in, "node %" PRIu64 " stands where %" PRIu64 " belongs", id, d->n_entries + (uint64_t)1);
    d->entries[d->n_entries++] = entry;
    return true;
}

static bool read_own(struct draft *d)
{
    uint64_t id;
    if (!gai_scan_expect(&d->in, "own", 1) || !gai_scan_number(&d->in, 1, "id", d->n_entries, &id) ||
        !draft_room(d, storages, cap_storages, d->n_storages))
        return false;
    if (id == GA_NONE || d->entries[id - 1].slot.size == 0 || d->is_owner[id - 1])
        return gai_scan_fail(&d->in, "node %" PRIu64 " has no slot, or is named twice", id);
    uint32_t birth = d->entries[id - 1].life.birth;
    if (d->n_storages && d->entries[d->storages[d->n_storages - 1] - 1].life.birth > birth)
        return gai_scan_fail(&d->in, "node %" PRIu64 " is born before the storage above it", id);
    d->is_owner[id - 1] = true;
    d->storages[d->n_storages++] = (ga_id)id;
    return true;
}

static bool read_seal(struct draft *d)
{
    uint64_t sum;
    if (!gai_scan_expect(&d->in, "seal", 1) || !gai_scan_hex(&d->in, 1, "checksum", &sum))
        return false;
    return sum == d->in.sum || gai_scan_fail(&d->in,
                                             "the checksum is %016" PRIx64 ", the lines above give %016" PRIx64
                                             ": the plan was changed after it was written; write it anew",
                                             sum, d->in.sum);
}

/* Where each pool's chunks start among all of them. */
static void deal_chunks(struct plan_pool *pools, unsigned n_pools, uint64_t *chunks)
{
    for (unsigned i = 0; i < n_pools; i++) {
        pools[i].chunks = chunks;
        if (chunks)
            chunks += pools[i].n_chunks;
    }
}

static bool read_body(struct draft *d)
{
    bool ok = true;
    while (ok && d->n_pools < d->room.n_pools)
        ok = read_pool(d);
    deal_chunks(d->pools, d->n_pools, d->chunks);
    while (ok && d->n_times < d->room.n_times)
        ok = read_time(d);
    while (ok && d->n_entries < d->room.n_nodes)
        ok = read_node(d);
    if (!ok || !(array_room(&d->mem, &d->is_owner, &d->cap_owners, d->n_entries) || gai_scan_fail_memory(&d->in)))
        return false;
    if (d->n_entries)
        memset(d->is_owner, 0, d->n_entries * sizeof *d->is_owner);
    while (ok && d->n_storages < d->room.n_storages)
        ok = read_own(d);
    return ok;
}

static void fill(ga_plan *plan, const struct draft *d)
{
    plan->signature = d->signature;
    plan->info.reached = d->info.reached;
    plan->info.steps = d->info.steps;
    plan->info.stopped = d->info.stopped;
    if (d->n_chunks)
        memcpy(plan->chunks, d->chunks, d->n_chunks * sizeof *plan->chunks);
    if (d->n_pools)
        memcpy(plan->pools, d->pools, d->n_pools * sizeof *plan->pools);
    deal_chunks(plan->pools, plan->n_pools, plan->chunks);
    if (d->n_times)
        memcpy(plan->times, d->times, d->n_times * sizeof *plan->times);
    if (d->n_storages)
        memcpy(plan->storages, d->storages, d->n_storages * sizeof *plan->storages);
    for (uint32_t i = 0; i < d->n_entries; i++) {
        plan->slots[i + 1] = d->entries[i].slot;
        plan->life[i + 1] = d->entries[i].life;
        if (plan->facts)
            plan->facts[i + 1] = d->entries[i].fact;
    }
    gai_plan_seal(plan);
}

static void draft_fini(struct draft *d)
{
    const struct ga_mem *mem = &d->mem;
    gai_scan_fini(&d->in);
    mem_free(mem, d->pools, d->cap_pools);
    mem_free(mem, d->chunks, d->cap_chunks);
    mem_free(mem, d->times, d->cap_times);
    mem_free(mem, d->entries, d->cap_entries);
    mem_free(mem, d->storages, d->cap_storages);
    mem_free(mem, d->is_owner, d->cap_owners);
}

enum ga_status gai_plan_format_read(const struct ga_env *env, const struct ga_source *source, ga_plan **plan, struct mishap *mishap)
{
    struct ga_env full = gai_env(env);
    struct draft d = { .in = scan_from(&full.mem, source, "seal", mishap), .mem = full.mem };
    bool ok = read_head(&d) && read_counts(&d) && read_body(&d) && read_seal(&d) && gai_scan_end(&d.in);
    if (ok) {
        d.room.n_chunks = d.n_chunks;
        ga_plan *made = gai_plan_new(&full.mem, &d.room);
        ok = made || gai_scan_fail_memory(&d.in);
        if (made) {
            fill(made, &d);
            *plan = made;
        }
    }
    enum ga_status status = ok ? GA_OK : d.in.status;
    draft_fini(&d);
    return status;
}

enum ga_status ga_plan_read(const struct ga_env *env, const struct ga_source *source, ga_plan **plan, char *error, size_t cap)
{
    struct mishap mishap;
    enum ga_status status = gai_plan_format_read(env, source, plan, &mishap);
    if (status != GA_OK)
        gai_mishap_say(&mishap, error, cap);
    return status;
}
