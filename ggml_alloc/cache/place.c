/*
 * Pools with places: segments that are there from the beginning, in a lane that nobody chooses from, so that what strays does not
 * lie down where others belong.
 */
#include "cache/device.h"

#include "base/array.h"

void gai_places_fini(struct places *places, const struct ga_mem *mem)
{
    mem_free(mem, places->list, places->n);
    mem_free(mem, places->chunks, places->n_chunks);
    *places = (struct places){ 0 };
}

/* Sizes in quanta, as blocks are; what is planned in quanta stays apart then. */
bool gai_places_sound(const struct ga_pool_places *asked)
{
    if (asked->n && asked->n_chunks == 0)
        return false;
    for (uint32_t i = 0; i < asked->n_chunks; i++)
        if (asked->chunks[i] == 0 || asked->chunks[i] >= POLICY_ABSURD)
            return false;
    for (uint32_t k = 0; k < asked->n; k++) {
        const struct ga_place *place = &asked->list[k];
        if (place->size == 0)
            continue;
        if (place->chunk >= asked->n_chunks || place->offset % GA_CACHE_QUANTUM)
            return false;
        uint64_t chunk = asked->chunks[place->chunk];
        if (place->offset > chunk || place->size > chunk - place->offset)
            return false;
    }
    return true;
}

static bool copy(struct places *places, const struct ga_pool_places *asked, const struct ga_mem *mem)
{
    places->list = mem_new(mem, struct ga_place, asked->n);
    places->n = places->list ? asked->n : 0;
    places->chunks = mem_new(mem, struct placed_chunk, asked->n_chunks);
    places->n_chunks = places->chunks ? asked->n_chunks : 0;
    if (!places->list || !places->chunks)
        return false;
    for (uint32_t k = 0; k < asked->n; k++)
        places->list[k] = asked->list[k];
    return true;
}

/* A chunk's segment; what idles elsewhere is given back when there is no room. */
static enum ga_status take_chunk(ga_cache *cache, const struct request *request, uint64_t size, uint32_t *segment)
{
    uint32_t node;
    struct idle idle;
    enum ga_status status = gai_cache_segment(cache, request, size, &node);
    if (status == GA_NO_SPACE && gai_cache_ask_others(cache, size))
        status = gai_cache_segment(cache, request, size, &node);
    if (status == GA_NO_SPACE && gai_cache_wait_all(cache, &idle) == GA_OK) {
        gai_cache_drop_idle(cache, idle, 0);
        status = gai_cache_segment(cache, request, size, &node);
    }
    if (status == GA_OK)
        *segment = cache->core.lanes[request->lane]->tenants[node].segment;
    return status;
}

/* The pool is nobody else's yet: its table may move meanwhile, its slot does not. */
static enum ga_status take_chunks(ga_cache *cache, uint32_t slot, ga_stream stream, const struct ga_pool_places *asked)
{
    struct request request = { .pool = slot, .stream = stream };
    if (!gai_core_lane_apart(&cache->core, slot, stream, &request.lane))
        return GA_NO_MEMORY;
    cache->pools.table[slot].places.lane = request.lane;
    cache->pools.table[slot].places.stream = stream;
    enum ga_status status = GA_OK;
    for (uint32_t i = 0; i < asked->n_chunks && status == GA_OK; i++) {
        uint32_t segment = 0;
        status = take_chunk(cache, &request, align_up(asked->chunks[i], GA_CACHE_QUANTUM), &segment);
        if (status == GA_OK)
            cache->pools.table[slot].places.chunks[i] = (struct placed_chunk){ segment, cache->core.segments[segment].buffer.base };
    }
    return status;
}

enum ga_status gai_places_make(ga_cache *cache, uint32_t slot, ga_stream stream, const struct ga_pool_places *asked)
{
    if (!copy(&cache->pools.table[slot].places, asked, &cache->mem))
        return GA_NO_MEMORY;
    enum ga_status status = take_chunks(cache, slot, stream, asked);
    if (status != GA_OK)
        gai_cache_drop_idle(cache, (struct idle){ .before = UINT64_MAX, .pool = slot }, 0); /* nothing ever ran there */
    return status;
}

/* A chunk's segment, as long as it was not given back; NULL. */
static const struct core_segment *segment_of(const struct core *core, const struct places *places, uint32_t chunk)
{
    const struct placed_chunk *placed = &places->chunks[chunk];
    if (!placed->segment)
        return NULL;
    const struct core_segment *segment = &core->segments[placed->segment];
    bool is_there = segment->mark != RANGE_NONE && segment->lane == places->lane && segment->buffer.base == placed->base;
    return is_there ? segment : NULL;
}

/* The free node that [offset, offset + len) of the lane lies in; RANGE_NONE: some of it is taken.  O(nodes of the segment). */
static uint32_t free_around(const struct range *range, const struct core_segment *segment, uint64_t offset, uint64_t len)
{
    uint32_t node = range_next(range, segment->fence);
    while (node != segment->mark && range_offset(range, node) + range_len(range, node) <= offset)
        node = range_next(range, node);
    bool is_free = node != segment->mark && range_is_free(range, node);
    return is_free && offset + len <= range_offset(range, node) + range_len(range, node) ? node : RANGE_NONE;
}

static enum ga_status take_place(ga_cache *cache, struct request *request, const struct places *places,
                                 const struct ga_place *place)
{
    struct core *core = &cache->core;
    uint64_t len = align_up(request->size, GA_CACHE_QUANTUM);
    bool fits = request->stream == places->stream && place->size != 0 && len <= align_up(place->size, GA_CACHE_QUANTUM);
    const struct core_segment *segment = fits ? segment_of(core, places, place->chunk) : NULL;
    uint64_t misaligned = request->align ? request->align - 1 : 0;
    if (!segment || ((uint64_t)(uintptr_t)segment->buffer.base + place->offset) & misaligned)
        return GA_NO_SPACE;
    const struct range *range = &core->lanes[places->lane]->range;
    uint32_t node = free_around(range, segment, segment->start + place->offset, len);
    if (node == RANGE_NONE)
        return GA_NO_SPACE;
    uint64_t skip = segment->start + place->offset - range_offset(range, node);
    return gai_core_take(core, places->lane, node, skip, len, request->size, &request->block);
}

enum ga_status gai_places_take(ga_cache *cache, struct request *request)
{
    struct places *places = &cache->pools.table[request->pool].places;
    if (request->pool == 0 || request->size >= POLICY_ABSURD || places->next >= places->n)
        return GA_NO_SPACE;
    enum ga_status status = take_place(cache, request, places, &places->list[places->next]);
    places->next += status == GA_OK;
    places->n_placed += status == GA_OK;
    return status;
}

void gai_places_stray(ga_cache *cache, uint32_t slot)
{
    struct places *places = slot ? &cache->pools.table[slot].places : NULL;
    if (!places || places->n == 0)
        return;
    places->next += places->next < places->n;
    places->n_strayed++;
}

const char *gai_places_check(const ga_cache *cache, uint32_t slot)
{
    const struct places *places = &cache->pools.table[slot].places;
    const struct core *core = &cache->core;
    uint32_t n_segments = 0, n_there = 0;
    if (places->next > places->n || places->n_placed > places->next)
        return "more was placed than there are places";
    if (places->n == 0)
        return NULL;
    if (!core->lanes[places->lane]->apart || core->lanes[places->lane]->pool != slot)
        return "the places of a pool are where others choose from";
    for (uint32_t at = core->oldest; at; at = core->segments[at].next)
        n_segments += core->segments[at].lane == places->lane;
    for (uint32_t i = 0; i < places->n_chunks; i++)
        n_there += segment_of(core, places, i) != NULL;
    return n_segments == n_there ? NULL : "a segment with places is none of the pool's";
}
