/*
 * What a pool looks like: its segments, and where in them live blocks lie.  Free parts need no record: they are what is between.
 */
#include <assert.h>

#include "cache/device.h"

struct state_block {
    uint64_t into, size, requested; /* `into` its segment */
};

struct state_segment {
    void *base;
    uint64_t size;
    uint32_t slot;
    uint32_t lane;
    uint32_t first, n; /* of its blocks, by address */
};

struct ga_pool_state {
    struct ga_mem mem;
    ga_pool pool;
    struct state_segment *segments;
    struct state_block *blocks;
    uint32_t n_segments, n_blocks;
};

void ga_pool_state_delete(ga_pool_state *state)
{
    if (!state)
        return;
    struct ga_mem mem = state->mem;
    mem_free(&mem, state->segments, state->n_segments);
    mem_free(&mem, state->blocks, state->n_blocks);
    mem_free(&mem, state, 1);
}

static bool is_in_pool(const struct core *core, const struct core_segment *segment, uint32_t pool)
{
    return core->lanes[segment->lane]->pool == pool;
}

/* A segment's blocks, by address; false: one of them is pending. */
static bool record_segment(const struct core *core, uint32_t slot, ga_pool_state *state)
{
    const struct core_segment *segment = &core->segments[slot];
    const struct core_lane *lane = core->lanes[segment->lane];
    struct state_segment *to = &state->segments[state->n_segments++];
    *to = (struct state_segment){ .base = segment->buffer.base,
                                  .size = segment->buffer.size,
                                  .slot = slot,
                                  .lane = segment->lane,
                                  .first = state->n_blocks,
                                  .n = segment->n_blocks };
    for (uint32_t node = range_next(&lane->range, segment->fence); node != segment->mark; node = range_next(&lane->range, node)) {
        if (range_is_free(&lane->range, node))
            continue;
        const struct core_block *block = &core->blocks[lane->tenants[node].block];
        if (block->state != CORE_LIVE)
            return false;
        state->blocks[state->n_blocks++] = (struct state_block){ .into = range_offset(&lane->range, node) - segment->start,
                                                                 .size = range_len(&lane->range, node),
                                                                 .requested = block->requested };
    }
    return true;
}

static void count_parts(const struct core *core, uint32_t pool, uint32_t *n_segments, uint32_t *n_blocks)
{
    *n_segments = *n_blocks = 0;
    for (uint32_t at = core->oldest; at; at = core->segments[at].next)
        if (is_in_pool(core, &core->segments[at], pool)) {
            ++*n_segments;
            *n_blocks += core->segments[at].n_blocks;
        }
}

static ga_pool_state *state_new(const struct ga_mem *mem, uint32_t n_segments, uint32_t n_blocks)
{
    ga_pool_state *state = mem_new(mem, ga_pool_state, 1);
    if (!state)
        return NULL;
    *state = (ga_pool_state){ .mem = *mem, .n_segments = n_segments, .n_blocks = n_blocks };
    state->segments = mem_new(mem, struct state_segment, n_segments);
    state->blocks = mem_new(mem, struct state_block, n_blocks);
    if (state->segments && state->blocks)
        return state;
    ga_pool_state_delete(state);
    return NULL;
}

static enum ga_status checkpoint(ga_cache *cache, uint32_t slot, ga_pool_state **made)
{
    const struct core *core = &cache->core;
    uint32_t n_segments, n_blocks;
    gai_cache_retire(cache);
    count_parts(core, slot, &n_segments, &n_blocks);
    ga_pool_state *state = state_new(&cache->mem, n_segments, n_blocks);
    if (!state)
        return GA_NO_MEMORY;
    bool is_settled = true;
    state->pool = pools_name(&cache->pools, slot);
    state->n_segments = state->n_blocks = 0;
    for (uint32_t at = core->oldest; at && is_settled; at = core->segments[at].next)
        if (is_in_pool(core, &core->segments[at], slot))
            is_settled = record_segment(core, at, state);
    state->n_segments = n_segments;
    state->n_blocks = n_blocks;
    if (!is_settled) {
        ga_pool_state_delete(state);
        return GA_BUSY;
    }
    *made = state;
    return GA_OK;
}

enum ga_status ga_pool_checkpoint(ga_cache *cache, ga_pool name, ga_pool_state **state)
{
    uint32_t slot;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK)
        status = checkpoint(cache, slot, state);
    lock_give(&cache->lock);
    return status;
}

/* Whether all of the state's segments are still there. */
static bool is_there(const struct core *core, const ga_pool_state *state)
{
    for (uint32_t i = 0; i < state->n_segments; i++) {
        const struct state_segment *recorded = &state->segments[i];
        const struct core_segment *segment = &core->segments[recorded->slot];
        bool is_same = segment->mark != RANGE_NONE && segment->lane == recorded->lane && segment->buffer.base == recorded->base &&
                       segment->buffer.size == recorded->size;
        if (!is_same)
            return false;
    }
    return true;
}

/* Whether a block of the pool is in use beyond its home stream. */
static bool is_busy(const struct core *core, uint32_t pool)
{
    for (uint32_t at = 1; at <= core->n_blocks; at++) {
        const struct core_block *block = &core->blocks[at];
        bool is_used = block->state == CORE_PENDING || (block->state == CORE_LIVE && block->uses);
        if (is_used && core_block_home(core, at)->pool == pool)
            return true;
    }
    return false;
}

static bool make_room(struct core *core, const ga_pool_state *state)
{
    for (uint32_t i = 0; i < state->n_segments; i++)
        if (!gai_core_room(core, state->segments[i].lane, state->n_blocks))
            return false;
    return true;
}

static void free_all(ga_cache *cache, uint32_t pool, struct ga_pool_restored *to)
{
    struct core *core = &cache->core;
    for (uint32_t at = 1; at <= core->n_blocks; at++) {
        if (core->blocks[at].state != CORE_LIVE || core_block_home(core, at)->pool != pool)
            continue;
        if (to->n_freed < to->cap_freed)
            to->freed[to->n_freed] = core_name(core, at);
        to->n_freed++;
        gai_cache_free(cache, at, 0);
    }
}

/* The segment is one free node; its blocks are taken from low to high, each from what is left behind the one before. */
static void make_blocks(ga_cache *cache, const ga_pool_state *state, const struct state_segment *recorded,
                        struct ga_pool_restored *to)
{
    struct core *core = &cache->core;
    const struct range *range = &core->lanes[recorded->lane]->range;
    uint32_t node = range_next(range, core->segments[recorded->slot].fence);
    uint64_t start = range_offset(range, node);
    for (uint32_t i = recorded->first; i < recorded->first + recorded->n; i++) {
        const struct state_block *block = &state->blocks[i];
        uint64_t skip = start + block->into - range_offset(range, node);
        uint32_t slot = 0;
        enum ga_status status = gai_core_take(core, recorded->lane, node, skip, block->size, block->requested, &slot);
        assert(status == GA_OK);
        (void)status;
        cache_note(cache, GA_CACHE_ALLOC, slot, 0);
        if (to->n_made < to->cap_made)
            to->made[to->n_made] = core_name(core, slot);
        to->n_made++;
        node = range_next(range, core->blocks[slot].node);
    }
}

static enum ga_status restore(ga_cache *cache, uint32_t slot, const ga_pool_state *state, struct ga_pool_restored *to)
{
    gai_cache_retire(cache);
    if (state->pool != pools_name(&cache->pools, slot) || !is_there(&cache->core, state))
        return GA_STALE;
    if (is_busy(&cache->core, slot))
        return GA_BUSY;
    if (!make_room(&cache->core, state))
        return GA_NO_MEMORY;
    free_all(cache, slot, to);
    for (uint32_t i = 0; i < state->n_segments; i++)
        make_blocks(cache, state, &state->segments[i], to);
    return GA_OK;
}

enum ga_status ga_pool_restore(ga_cache *cache, ga_pool name, const ga_pool_state *state, struct ga_pool_restored *restored)
{
    uint32_t slot;
    struct ga_pool_restored to = restored ? *restored : (struct ga_pool_restored){ 0 };
    to.n_freed = to.n_made = 0;
    if (!cache_enter(cache))
        return GA_BUSY;
    enum ga_status status = gai_pools_slot(&cache->pools, name, &slot);
    if (status == GA_OK)
        status = restore(cache, slot, state, &to);
    lock_give(&cache->lock);
    if (status == GA_OK && restored)
        *restored = to;
    return status;
}
