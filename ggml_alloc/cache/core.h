/*
 * core.h - segments of memory, cut into blocks: what all run-time allocators share
 *
 *     lane (pool 0, stream 7, large): one range/ of numbers, no byte of it is memory
 *
 *                                                                                       open end
 *     |f| block |  free  | block | free  |m|  gone    |f| block |       free          |m|  tail ...
 *     '----- segment 1 --------------------'          '----- segment 3 -----------------'
 *            |
 *            `- address = segment's base + (offset - offset of the segment's first byte)
 *
 * A lane is what a request may choose from: the segments of one owner (pool), stream and size class.  They lie one behind the
 * other, oldest first, in one range, each between a fence and a mark of its own, used nodes that keep what is free in it from
 * joining with anything else, also while its neighbours come and go.  So best fit over all segments is one look-up, and a tie
 * goes to the older segment, whatever the addresses are.  The tail is the open end where new segments come from; it is never
 * handed out.  A segment that was given back leaves a gone stretch, joined with gone neighbours and with the tail, so that they
 * are never more than the segments.
 *
 * Names: a segment or block is a slot, a 32-bit index from 1, of a slab beside the lanes (nothing is ever written into the
 * memory).  A node is a number of the lane's range; tenants[node] says which segment it belongs to, and what it is.
 *
 * The core decides nothing but where a block of given bytes goes: rounding, segment sizes, events, limits, threads and the
 * order of giving back are its users'.  Functions that give never fail.  It is not locked.
 *
 * Invariants, all verified by gai_core_check():
 *   - each lane's range is sound, and between a fence and the next mark there is one segment, tiled by its blocks and free nodes;
 *   - every node knows its segment; a segment counts the blocks in it; every block is found by its address, and nothing else is;
 *   - the counts of `now` are the sums over blocks, segments and free nodes; allocated blocks are active; peaks are not below.
 */
#ifndef GAI_CACHE_CORE_H
#define GAI_CACHE_CORE_H

#include "range/range.h"
#include "cache/addrs.h"
#include "cache/count.h"

enum core_state {
    CORE_SPARE,   /* nobody's slot */
    CORE_LIVE,    /* allocated */
    CORE_PENDING, /* freed, still in use by the device */
};

struct core_block {
    void *ptr;
    uint64_t requested; /* as asked for: at most its size */
    uint32_t lane, node;
    uint32_t generation;    /* how often the slot was given back */
    uint32_t uses, n_waits; /* the owner's: streams that use it; events to come */
    uint32_t fresh;         /* 1 + its place in the list of those whose address is in no table; 0: it is in the table */
    enum core_state state;
    uint64_t retired_at; /* the clock; of a spare slot the next one */
};

struct core_segment {
    struct ga_buffer buffer;
    uint64_t start;             /* of its first byte, in the lane */
    uint32_t lane, fence, mark; /* mark RANGE_NONE: nobody's slot, or leaving */
    uint32_t n_blocks;
    uint32_t prev, next; /* oldest first; the list of leaving or spare ones uses next only */
    uint64_t idle_since; /* the clock when a block of it was last retired, not when that became free: what the home stream
                            was given until then may still be using it */
};

/* What a node is.  Of a free one only the segment counts; what is gone has none. */
struct tenant {
    uint32_t segment;
    uint32_t block; /* its slot, or one of these */
};

#define TENANT_FENCE UINT32_MAX
#define TENANT_MARK (UINT32_MAX - 1)
#define TENANT_GONE (UINT32_MAX - 2)

struct core_lane {
    uint32_t pool;
    bool small;
    ga_stream stream;
    struct range range;
    struct tenant *tenants; /* of nodes */
    uint32_t cap_tenants;
};

struct core {
    const struct ga_mem *mem;
    enum range_fit fit;
    struct core_lane **lanes;
    uint32_t n_lanes, cap_lanes, last_lane[KINDS];
    struct core_block *blocks; /* from 1; slot 0 is nobody's */
    uint32_t n_blocks, cap_blocks, spare_block;
    struct core_segment *segments; /* from 1 */
    uint32_t n_segments, cap_segments, spare_segment;
    uint32_t oldest, newest; /* segment */
    uint32_t leaving;        /* segments taken out whose memory was not given back yet */
    uint64_t clock;          /* of takes: ages segments */
    struct addrs addrs;
    uint32_t *fresh; /* live blocks that are not in `addrs`: addresses are entered when somebody asks for one */
    uint32_t n_fresh, cap_fresh;
    struct counts counts;
};

/* `mem` outlives it.  Memory is asked for when it is needed. */
void gai_core_init(struct core *core, const struct ga_mem *mem, enum ga_fit fit);
/* The caller has given the segments' memory back.  A zeroed core is fine. */
void gai_core_fini(struct core *core);

/* The lane of that owner, made when it is not there yet; false: no memory.  O(lanes), O(1) for the one asked for last. */
bool gai_core_lane(struct core *core, uint32_t pool, ga_stream stream, bool small, uint32_t *lane);

static inline bool lane_is(const struct core_lane *lane, uint32_t pool, ga_stream stream, bool small)
{
    return lane->stream == stream && lane->small == small && lane->pool == pool;
}

static inline bool core_lane(struct core *core, uint32_t pool, ga_stream stream, bool small, uint32_t *lane)
{
    uint32_t last = core->last_lane[small];
    if (last >= core->n_lanes || !lane_is(core->lanes[last], pool, stream, small))
        return gai_core_lane(core, pool, stream, small, lane);
    *lane = last;
    return true;
}

/* The best free node of at least `len` bytes in a lane (the fit as chosen); RANGE_NONE: none. */
static inline uint32_t gai_core_find(const struct core *core, uint32_t lane, uint64_t len)
{
    return gai_range_best(&core->lanes[lane]->range, len);
}

static inline uint64_t core_node_len(const struct core *core, uint32_t lane, uint32_t node)
{
    return range_len(&core->lanes[lane]->range, node);
}

static inline uint64_t core_block_size(const struct core *core, uint32_t slot)
{
    return core_node_len(core, core->blocks[slot].lane, core->blocks[slot].node);
}

/* Where a node of a segment begins. */
static inline void *core_address(const struct core *core, uint32_t at, uint32_t node)
{
    const struct core_lane *lane = core->lanes[at];
    const struct core_segment *segment = &core->segments[lane->tenants[node].segment];
    return (char *)segment->buffer.base + (size_t)(range_offset(&lane->range, node) - segment->start);
}

/*
 * The low `len` bytes of the free node `from` of lane `at` become a live block, `requested` <= len of it asked for.
 * GA_NO_MEMORY: nothing changed.
 */
enum ga_status gai_core_take(struct core *core, uint32_t at, uint32_t from, uint64_t len, uint64_t requested, uint32_t *block);
/* The same, `skip` bytes into the node; what is before stays free. */
enum ga_status gai_core_take_in(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len, uint64_t requested,
                                uint32_t *block);
/* Room for `n` more takes of the lane: they cannot fail. */
bool gai_core_room(struct core *core, uint32_t at, uint32_t n);

/* A live block is no longer allocated, but still active: it is not reused before gai_core_give(). */
void gai_core_retire(struct core *core, uint32_t slot);
/* A retired block becomes free and joins its neighbours. */
void gai_core_give(struct core *core, uint32_t slot);
/* Both at once. */
void gai_core_free(struct core *core, uint32_t slot);

/* A new segment, all of it free.  GA_NO_MEMORY: nothing changed.  GA_NO_SPACE: the lane's numbers are used up. */
enum ga_status gai_core_add(struct core *core, uint32_t at, const struct ga_buffer *buffer, uint32_t *segment, uint32_t *node);

/* A segment without blocks is taken out; it still counts as reserved until gai_core_leave() hands over its memory. */
void gai_core_remove(struct core *core, uint32_t slot);
bool gai_core_leave(struct core *core, struct ga_buffer *buffer, uint32_t *lane); /* false: none is leaving */

static inline uint64_t core_reserved(const struct core *core)
{
    return tally_now(&core->counts.reserved_bytes);
}

static inline bool core_is_idle(const struct core_segment *segment)
{
    return segment->n_blocks == 0;
}

/* From now on what becomes idle is younger than the answer. */
static inline uint64_t core_tick(struct core *core)
{
    return core->clock++;
}

/* The live block that begins at `ptr`; 0: none. */
uint32_t gai_core_at(struct core *core, const void *ptr);
/* Bytes of the longest free node of a lane. */
uint64_t gai_core_longest(const struct core *core, uint32_t lane);

static inline ga_block core_name(const struct core *core, uint32_t slot)
{
    return (ga_block)core->blocks[slot].generation << 32 | slot;
}

/* GA_OK and the slot of a live block; GA_FREED, GA_UNKNOWN. */
enum ga_status gai_core_slot(const struct core *core, ga_block name, uint32_t *slot);

/* NULL, or the broken invariant in words.  O(blocks). */
const char *gai_core_check(const struct core *core);

#endif
