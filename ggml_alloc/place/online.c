#include "place/rung.h"

#include "range/chunks.h"

/*
 * ggml's own allocator, replayed: items come in allocation order, each gets the best fit; what dies with a step is given back
 * when the step is over, after every take-over of that step.
 */
struct replay {
    const struct part *part;
    struct spot *spots;
    struct hold {
        uint32_t node; /* of the range of the item's chunk; RANGE_NONE: taken over */
        uint32_t next; /* dies at the same step */
    } * holds;         /* by item */
    uint32_t *dying;   /* by step: the first item that dies there */
    uint32_t now;
    uint32_t tails; /* an heir born now needs less than it took over: the first such item, or PLACE_NONE */
    struct chunks chunks;
};

/* More alignment than the pool's is bought with slack that goes back at once. */
static enum ga_status take(struct replay *replay, uint32_t i)
{
    const struct item *item = &replay->part->items[i];
    uint64_t align = item_align(replay->part, item), slack = align - ((uint64_t)1 << replay->part->limits.align_log2);
    if (item->size > RANGE_OPEN - slack)
        return GA_NO_SPACE;
    uint32_t chunk = 0, node;
    enum ga_status status = chunks_take(&replay->chunks, item->size + slack, item->size, &chunk, &node);
    if (status != GA_OK)
        return status;
    struct range *range = chunks_range(&replay->chunks, chunk);
    uint64_t offset = range_offset(range, node);
    if (slack > 0) {
        uint64_t head = align_up(offset, align) - offset;
        gai_range_trim(range, node, head, item->size);
        offset += head;
    }
    replay->holds[i].node = node;
    replay->spots[i] = (struct spot){ .offset = offset, .chunk = (uint16_t)chunk };
    chunks_note(&replay->chunks, chunk, offset + item->size);
    return GA_OK;
}

/*
 * The source whose bytes item i takes, or PLACE_NONE.  A source that was itself born in this step may have taken over another
 * that still lives: it is left alone.
 */
static uint32_t eager_source(const struct replay *replay, uint32_t i)
{
    const struct item *item = &replay->part->items[i];
    for (uint32_t e = item[0].edge; e < item[1].edge; e++) {
        const struct edge *edge = &replay->part->edges[e];
        const struct item *from = &replay->part->items[edge->from];
        if (!edge->eager || item_is_fixed(from) || from->birth == item->birth)
            continue;
        bool aligned = replay->spots[edge->from].offset % item_align(replay->part, item) == 0;
        if (aligned && replay->holds[edge->from].node != RANGE_NONE)
            return edge->from;
    }
    return PLACE_NONE;
}

static void take_over(struct replay *replay, uint32_t heir, uint32_t from)
{
    replay->spots[heir] = replay->spots[from];
    replay->holds[heir].node = replay->holds[from].node;
    replay->holds[from].node = RANGE_NONE;
    if (replay->part->items[heir].size < replay->part->items[from].size && replay->tails == PLACE_NONE)
        replay->tails = heir;
}

/* The other nodes of the step may still look into them, so tails wait for its end. */
static void free_tails(struct replay *replay, uint32_t end)
{
    for (uint32_t i = replay->tails; i < end; i++) {
        struct range *range = chunks_range(&replay->chunks, replay->spots[i].chunk);
        uint32_t node = replay->holds[i].node;
        if (node != RANGE_NONE && range_len(range, node) > replay->part->items[i].size)
            gai_range_trim(range, node, 0, replay->part->items[i].size);
    }
    replay->tails = PLACE_NONE;
}

/* Item `next` is the first of a later step: what the steps before it leave is given back. */
static void advance(struct replay *replay, uint32_t next)
{
    if (replay->tails != PLACE_NONE)
        free_tails(replay, next);
    uint32_t birth = replay->part->items[next].birth;
    while (replay->now < birth) {
        replay->now++;
        for (uint32_t i = replay->dying[replay->now]; i != PLACE_NONE; i = replay->holds[i].next)
            if (replay->holds[i].node != RANGE_NONE)
                gai_range_give(chunks_range(&replay->chunks, replay->spots[i].chunk), replay->holds[i].node);
    }
}

static enum ga_status replay_items(struct replay *replay)
{
    const struct part *part = replay->part;
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct item *item = &part->items[i];
        if (item->birth > replay->now)
            advance(replay, i);
        if (item_is_fixed(item))
            continue;
        uint32_t from = item[0].edge < item[1].edge ? eager_source(replay, i) : PLACE_NONE;
        if (from != PLACE_NONE) {
            take_over(replay, i, from);
        } else {
            enum ga_status status = take(replay, i);
            if (status != GA_OK)
                return status;
        }
        replay->holds[i].next = replay->dying[item->death];
        replay->dying[item->death] = i;
    }
    return GA_OK;
}

/* Takes [from, to), which is free, as is all above it. */
static enum ga_status take_above(struct range *range, uint64_t top, uint64_t from, uint64_t to)
{
    uint32_t gap = RANGE_NONE, node;
    enum ga_status status = GA_OK;
    if (top < from)
        status = gai_range_take_from(range, gai_range_tail(range), from - top, &gap);
    if (status == GA_OK)
        status = gai_range_take_from(range, gai_range_tail(range), to - from, &node);
    if (gap != RANGE_NONE)
        gai_range_give(range, gap);
    return status;
}

/* Bytes that are fixed at any time are set aside for all time: simple, and no ggml graph has any. */
static enum ga_status set_aside_fixed(struct replay *replay)
{
    const struct part *part = replay->part;
    if (part->n_fixed == 0)
        return GA_OK;
    enum ga_status status = gai_chunks_open(&replay->chunks, part->fixed_end);
    uint64_t top = 0;
    for (uint32_t k = 0; k < part->n_fixed && status == GA_OK; k++) {
        uint32_t i = part->fixed[k];
        uint64_t offset = part->items[i].fixed - 1, end = offset + part->items[i].size;
        replay->spots[i] = (struct spot){ .offset = offset };
        replay->holds[i].node = RANGE_NONE;
        if (end <= top)
            continue;
        status = take_above(chunks_range(&replay->chunks, 0), top, max_u64(offset, top), end);
        top = end;
    }
    if (status == GA_OK)
        chunks_note(&replay->chunks, 0, top);
    return status;
}

static void finish(const struct replay *replay, struct layout *trial)
{
    const struct chunks *chunks = &replay->chunks;
    trial->peak = 0;
    for (uint32_t c = 0; c < chunks->n; c++)
        trial->peak += chunks->list[c]->peak;
    trial->n_chunks = chunks->n;
    trial->over = chunks->n == CHUNKS_MAX && chunks->list[CHUNKS_MAX - 1]->peak > replay->part->limits.chunk_max;
}

static enum ga_status replay_part(struct replay *replay)
{
    const struct part *part = replay->part;
    for (uint32_t step = 0; step <= part->n_steps; step++)
        replay->dying[step] = PLACE_NONE;
    enum ga_status status = set_aside_fixed(replay);
    return status == GA_OK ? replay_items(replay) : status;
}

static void replay_fini(const struct ga_mem *mem, struct replay *replay)
{
    gai_chunks_fini(&replay->chunks);
    mem_free(mem, replay->dying, (size_t)replay->part->n_steps + 1);
    mem_free(mem, replay->holds, replay->part->n_items);
}

enum ga_status gai_place_online(struct climb *climb, struct part *part, struct layout *trial)
{
    struct replay replay = { .part = part, .spots = trial->spots, .tails = PLACE_NONE };
    enum ga_status status = GA_NO_MEMORY;
    gai_chunks_init(&replay.chunks, climb->mem, part->limits.chunk_max);
    replay.holds = mem_new_raw(climb->mem, struct hold, part->n_items);
    replay.dying = mem_new_raw(climb->mem, uint32_t, (size_t)part->n_steps + 1);
    if (replay.holds && replay.dying)
        status = replay_part(&replay);
    if (status == GA_OK) {
        finish(&replay, trial);
        climb->steps += part->n_items;
        gai_climb_offer(climb, part, trial);
    }
    replay_fini(climb->mem, &replay);
    return status;
}
