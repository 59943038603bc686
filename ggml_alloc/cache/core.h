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
 *   - a segment that grows knows how much of it is mapped: what is no hole; a lane's list has its holes by address;
 *   - the counts of `now` are the sums over blocks, segments and free nodes; allocated blocks are active; peaks are not below.
 */
#ifndef GAI_CACHE_CORE_H
#define GAI_CACHE_CORE_H

#include "base/array.h"
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
    uint64_t requested;     /* as asked for: at most its size */
    uint32_t segment, node; /* of a spare slot `node` is the next one */
    uint32_t generation;    /* how often the slot was given back */
    enum core_state state;
    uint32_t uses, n_waits; /* the owner's: streams that use it; events to come; both 0 when it is given */
    uint64_t retired_at;    /* the clock, while it is pending */
};

struct core_segment {
    struct ga_buffer buffer;
    uint64_t start;             /* of its first byte, in the lane */
    uint32_t lane, fence, mark; /* mark RANGE_NONE: nobody's slot, or leaving */
    uint32_t n_blocks;
    bool grows;          /* memory comes behind its addresses piece by piece; `buffer` is what was reserved */
    uint64_t mapped;     /* bytes, when it grows */
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
#define TENANT_HOLE (UINT32_MAX - 3)

struct core_lane {
    bool apart; /* nobody chooses from it: its blocks go where they are put */
    uint32_t pool;
    bool small;
    ga_stream stream;
    struct range range;
    struct tenant *tenants; /* of nodes */
    uint32_t cap_tenants;
    uint32_t *holes; /* nodes, by address */
    uint32_t n_holes, cap_holes;
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
    bool by_address; /* somebody has asked for an address: from then on those of live blocks are in `addrs` */
    struct counts counts;
};

/* `mem` outlives it.  Memory is asked for when it is needed. */
void gai_core_init(struct core *core, const struct ga_mem *mem, enum ga_fit fit);
/* The caller has given the segments' memory back.  A zeroed core is fine. */
void gai_core_fini(struct core *core);

/* The lane of that owner, made when it is not there yet; false: no memory.  O(lanes), O(1) for the one asked for last. */
bool gai_core_lane(struct core *core, uint32_t pool, ga_stream stream, bool small, uint32_t *lane);

/* The one that lies apart, of large segments. */
bool gai_core_lane_apart(struct core *core, uint32_t pool, ga_stream stream, uint32_t *lane);

/* That is no lane apart is seen to by gai_core_lane(). */
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

static inline struct core_lane *core_lane_at(const struct core *core, uint32_t lane)
{
    return core->lanes[lane];
}

static inline bool core_is_hole(const struct core_lane *lane, uint32_t node)
{
    return !range_is_free(&lane->range, node) && lane->tenants[node].block == TENANT_HOLE;
}

/* Taking or trimming once more makes at most two nodes. */
static inline bool core_tenant_room(struct core *core, struct core_lane *lane)
{
    return array_room(core->mem, &lane->tenants, &lane->cap_tenants, (uint64_t)lane->range.n_nodes + 2);
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

static inline uint32_t core_block_lane(const struct core *core, uint32_t slot)
{
    return core->segments[core->blocks[slot].segment].lane;
}

static inline struct core_lane *core_block_home(const struct core *core, uint32_t slot)
{
    return core->lanes[core_block_lane(core, slot)];
}

static inline uint64_t core_block_size(const struct core *core, uint32_t slot)
{
    return core_node_len(core, core_block_lane(core, slot), core->blocks[slot].node);
}

/* Where a node of a segment begins. */
static inline void *core_address(const struct core *core, uint32_t at, uint32_t node)
{
    const struct core_lane *lane = core->lanes[at];
    const struct core_segment *segment = &core->segments[lane->tenants[node].segment];
    return (char *)segment->buffer.base + (size_t)(range_offset(&lane->range, node) - segment->start);
}

/*
 * `len` bytes of the free node `from` of lane `at`, `skip` bytes into it, become a live block, `requested` <= len of it asked for;
 * what is before and behind stays free.  GA_NO_MEMORY: nothing changed.
 */
enum ga_status gai_core_take(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len, uint64_t requested,
                             uint32_t *block);
/* Room for `n` more takes of the lane: they cannot fail. */
bool gai_core_room(struct core *core, uint32_t at, uint32_t n);

/* A live block is no longer allocated, but still active: it is not reused before gai_core_give(). */
void gai_core_retire(struct core *core, uint32_t slot);
/* A retired block becomes free and joins its neighbours.  Both at once: carve.h. */
void gai_core_give(struct core *core, uint32_t slot);

/* A new segment, all of it free.  GA_NO_MEMORY: nothing changed.  GA_NO_SPACE: the lane's numbers are used up. */
enum ga_status gai_core_add(struct core *core, uint32_t at, const struct ga_buffer *buffer, uint32_t *segment, uint32_t *node);

/* A segment that grows, nothing of it mapped; only what is mapped counts as reserved, and it is no segment that counts. */
enum ga_status gai_core_reserve(struct core *core, uint32_t at, const struct ga_buffer *buffer, uint32_t *segment);
/* It goes, again with nothing mapped; its addresses are the caller's. */
void gai_core_forget(struct core *core, uint32_t slot);

/* Holes of a lane that lie in one run: all of the first `n` from `first` on, but of the last one only `last` bytes. */
struct core_gap {
    uint32_t first, n;
    uint64_t last, bytes;
};

/*
 * The lowest run of holes that makes room for `need` bytes in one piece, with what is free before and between them, in multiples of
 * `granule`; false: there is none.
 */
bool gai_core_gap(const struct core *core, uint32_t at, uint64_t need, uint64_t granule, struct core_gap *gap);

struct core_piece {
    uint32_t segment;
    uint64_t into, len; /* from its first byte */
};

/* What is mapped in one piece. */
struct core_run {
    uint64_t into, len;        /* from the segment's first byte */
    uint32_t first, last, end; /* nodes, and the one behind */
};

/* The next one behind the last node of one, or the segment's fence; false: there is none.  Of a segment that does not grow, all. */
bool gai_core_run(const struct core_lane *lane, const struct core_segment *segment, uint32_t node, struct core_run *run);

/* Where a hole of a lane lies. */
struct core_piece gai_core_hole(const struct core *core, uint32_t at, uint32_t hole);
/* The low `len` bytes of a hole become free; returns the free node that they are in.  There was room for a take. */
uint32_t gai_core_map(struct core *core, uint32_t at, uint32_t hole, uint64_t len);
/* A part of a free node becomes a hole; false: no memory. */
bool gai_core_unmap(struct core *core, uint32_t at, uint32_t from, uint64_t skip, uint64_t len);

/* A segment without blocks is taken out; it still counts as reserved until gai_core_leave() hands over its memory. */
void gai_core_remove(struct core *core, uint32_t slot);
bool gai_core_leave(struct core *core, struct ga_buffer *buffer, uint32_t *lane); /* false: none is leaving */

/* What a segment has of memory. */
static inline uint64_t core_segment_bytes(const struct core_segment *segment)
{
    return segment->grows ? segment->mapped : segment->buffer.size;
}

static inline uint64_t core_reserved(const struct core *core)
{
    return tally_now(&core->counts.reserved_bytes);
}

/* Whether it may be removed. */
static inline bool core_is_idle(const struct core_segment *segment)
{
    return segment->n_blocks == 0 && !segment->grows;
}

/* From now on what becomes idle is younger than the answer. */
static inline uint64_t core_tick(struct core *core)
{
    return core->clock++;
}

/* The live block that begins at `ptr`; 0: none.  O(blocks) the first time, and where there is no memory for a table of them. */
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
