/*
 * The linear allocator is a range and a table from offsets to the range's nodes.
 *
 * The range is open-ended also when the allocator is not: its end is a limit on what the tail may give, nothing else.  So an
 * allocator of the size that a measuring one reported takes every decision as that one did, and the measured size is always
 * enough.  Were the range as short as the memory, then each time the end is reached the last free block would change roles, from
 * a candidate to the block that is taken when no other fits, and one replay in fifty would end in GA_NO_SPACE.
 */
#include "ggml_alloc/tallocr.h"

#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "range/range.h"

/*
 *     slots:  [ 0 | 7 | 0 | 4 ]      node numbers, found by their offset: open addressing, linear probing, at most two thirds full;
 *                                    what is removed leaves no mark, those behind it move up
 */
struct ga_tallocr {
    struct ga_mem mem;
    struct range range;
    uint64_t limit; /* a multiple of the alignment */
    unsigned align_log2;
    bool is_measure;
    unsigned bits;   /* there are 1 << bits slots */
    uint32_t *slots; /* 0 is empty */
};

#define MIN_BITS 4

static size_t n_slots(unsigned bits)
{
    return (size_t)1 << bits;
}

static size_t home(const ga_tallocr *talloc, uint64_t offset)
{
    return (size_t)((offset >> talloc->align_log2) * 0x9e3779b97f4a7c15u >> (64 - talloc->bits));
}

/* The slot of the block at `offset`, or the empty slot where it would go. */
static size_t find(const ga_tallocr *talloc, uint64_t offset)
{
    size_t mask = n_slots(talloc->bits) - 1, at = home(talloc, offset);
    while (talloc->slots[at] != RANGE_NONE && range_offset(&talloc->range, talloc->slots[at]) != offset)
        at = (at + 1) & mask;
    return at;
}

static void insert(ga_tallocr *talloc, uint32_t node)
{
    talloc->slots[find(talloc, range_offset(&talloc->range, node))] = node;
}

/* Those behind the hole that would no longer be found move into it. */
static void erase(ga_tallocr *talloc, size_t hole)
{
    size_t mask = n_slots(talloc->bits) - 1;
    for (size_t at = (hole + 1) & mask; talloc->slots[at] != RANGE_NONE; at = (at + 1) & mask) {
        size_t from_home = (at - home(talloc, range_offset(&talloc->range, talloc->slots[at]))) & mask;
        if (from_home < ((at - hole) & mask))
            continue;
        talloc->slots[hole] = talloc->slots[at];
        hole = at;
    }
    talloc->slots[hole] = RANGE_NONE;
}

static bool room_for_one(ga_tallocr *talloc)
{
    if (talloc->range.n_used < n_slots(talloc->bits) / 3 * 2)
        return true;
    unsigned old_bits = talloc->bits;
    uint32_t *old = talloc->slots;
    if (old_bits + 1 >= sizeof(size_t) * 8)
        return false;
    uint32_t *grown = mem_new(&talloc->mem, uint32_t, n_slots(old_bits + 1));
    if (!grown)
        return false;
    talloc->slots = grown;
    talloc->bits = old_bits + 1;
    for (size_t i = 0; i < n_slots(old_bits); i++)
        if (old[i] != RANGE_NONE)
            insert(talloc, old[i]);
    mem_free(&talloc->mem, old, n_slots(old_bits));
    return true;
}

/* What a request takes; 0 when that is no number. */
static uint64_t rounded(const ga_tallocr *talloc, uint64_t size)
{
    uint64_t align = (uint64_t)1 << talloc->align_log2;
    if (!align_fits(size, align))
        return 0;
    return align_up(max_u64(size, 1), align);
}

/* Bytes of a free node that lie below the limit: only the tail reaches past it. */
static uint64_t usable(const ga_tallocr *talloc, uint32_t node)
{
    return min_u64(range_len(&talloc->range, node), talloc->limit - range_offset(&talloc->range, node));
}

static ga_tallocr *create(const struct ga_env *env, uint64_t limit, uint64_t align, bool is_measure)
{
    if (align == 0)
        align = 1;
    if (!is_pow2(align))
        return NULL;
    struct ga_mem mem = gai_env(env).mem;
    ga_tallocr *talloc = mem_new(&mem, ga_tallocr, 1);
    if (!talloc)
        return NULL;
    talloc->mem = mem;
    talloc->limit = min_u64(limit, RANGE_OPEN) & ~(align - 1);
    talloc->align_log2 = high_bit(align);
    talloc->is_measure = is_measure;
    talloc->bits = MIN_BITS;
    talloc->slots = mem_new(&talloc->mem, uint32_t, n_slots(MIN_BITS));
    if (talloc->slots && gai_range_init(&talloc->range, &talloc->mem, RANGE_OPEN, RANGE_TIE_HIGH, 0) == GA_OK)
        return talloc;
    mem_free(&mem, talloc->slots, n_slots(MIN_BITS));
    mem_free(&mem, talloc, 1);
    return NULL;
}

ga_tallocr *ga_tallocr_new(const struct ga_env *env, uint64_t size, uint64_t align)
{
    return create(env, size, align, false);
}

ga_tallocr *ga_tallocr_new_measure(const struct ga_env *env, uint64_t align)
{
    return create(env, RANGE_OPEN, align, true);
}

void ga_tallocr_delete(ga_tallocr *talloc)
{
    if (!talloc)
        return;
    struct ga_mem mem = talloc->mem;
    gai_range_fini(&talloc->range);
    mem_free(&mem, talloc->slots, n_slots(talloc->bits));
    mem_free(&mem, talloc, 1);
}

enum ga_status ga_tallocr_alloc(ga_tallocr *talloc, uint64_t size, uint64_t *offset)
{
    uint64_t len = rounded(talloc, size);
    if (len == 0)
        return GA_NO_SPACE;
    uint32_t from = gai_range_best(&talloc->range, len);
    if (from == RANGE_NONE)
        from = gai_range_tail(&talloc->range);
    if (from == RANGE_NONE || usable(talloc, from) < len)
        return GA_NO_SPACE;
    uint32_t node;
    if (!room_for_one(talloc) || gai_range_take_from(&talloc->range, from, len, &node) != GA_OK)
        return GA_NO_MEMORY;
    insert(talloc, node);
    *offset = range_offset(&talloc->range, node);
    return GA_OK;
}

enum ga_status ga_tallocr_free(ga_tallocr *talloc, uint64_t offset, uint64_t size)
{
    size_t at = find(talloc, offset);
    uint32_t node = talloc->slots[at];
    if (node == RANGE_NONE || range_len(&talloc->range, node) != rounded(talloc, size))
        return GA_INVALID;
    erase(talloc, at);
    gai_range_give(&talloc->range, node);
    return GA_OK;
}

void ga_tallocr_reset(ga_tallocr *talloc)
{
    if (talloc->range.n_used)
        memset(talloc->slots, 0, n_slots(talloc->bits) * sizeof *talloc->slots);
    gai_range_reset(&talloc->range);
}

uint64_t ga_tallocr_used(const ga_tallocr *talloc)
{
    return talloc->range.used;
}

uint64_t ga_tallocr_max(const ga_tallocr *talloc)
{
    return talloc->range.peak;
}

uint64_t ga_tallocr_largest(const ga_tallocr *talloc)
{
    uint32_t longest = gai_range_longest(&talloc->range), tail = gai_range_tail(&talloc->range);
    uint64_t len = longest != RANGE_NONE ? range_len(&talloc->range, longest) : 0;
    return tail != RANGE_NONE ? max_u64(len, usable(talloc, tail)) : len;
}

bool ga_tallocr_is_measure(const ga_tallocr *talloc)
{
    return talloc->is_measure;
}

void ga_tallocr_walk(const ga_tallocr *talloc, bool (*each)(void *user, uint64_t offset, uint64_t size), void *user)
{
    const struct range *range = &talloc->range;
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at)) {
        if (!range_is_free(range, at) || usable(talloc, at) == 0)
            continue;
        if (!each(user, range_offset(range, at), usable(talloc, at)))
            return;
    }
}

const char *ga_tallocr_check(const ga_tallocr *talloc)
{
    const struct range *range = &talloc->range;
    const char *broken = gai_range_check(range);
    if (broken)
        return broken;
    if (range->peak > talloc->limit)
        return "a block ends above the size";
    size_t n_filled = 0;
    for (size_t i = 0; i < n_slots(talloc->bits); i++)
        n_filled += talloc->slots[i] != RANGE_NONE;
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at)) {
        if (range_is_free(range, at))
            continue;
        if (range_offset(range, at) & (((uint64_t)1 << talloc->align_log2) - 1))
            return "a block is not aligned";
        if (talloc->slots[find(talloc, range_offset(range, at))] != at)
            return "a live block is not found by its offset";
    }
    return n_filled == range->n_used ? NULL : "the table holds blocks that are not live";
}
