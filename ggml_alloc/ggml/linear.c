#include "ggml/linear.h"

#include <assert.h>

#include "base/array.h"
#include "base/bits.h"

enum ga_status gai_linear_init(struct linear *linear, const struct ga_mem *mem, uint64_t limit, uint64_t align)
{
    *linear = (struct linear){ .limit = min_u64(limit, RANGE_OPEN) & ~(align - 1), .align = align };
    return gai_range_init(&linear->range, mem, RANGE_OPEN, RANGE_TIE_HIGH, 0);
}

void gai_linear_fini(struct linear *linear)
{
    const struct ga_mem *mem = linear->range.mem;
    if (!mem)
        return;
    mem_free(mem, linear->owners, linear->cap_owners);
    gai_hashset_fini(&linear->set, mem);
    gai_range_fini(&linear->range);
    *linear = (struct linear){ 0 };
}

void gai_linear_reset(struct linear *linear)
{
    gai_hashset_clear(&linear->set);
    gai_range_reset(&linear->range);
}

/* Bytes of a free node that lie below the limit: only the tail reaches past it. */
static uint64_t usable(const struct linear *linear, uint32_t node)
{
    return min_u64(range_len(&linear->range, node), linear->limit - range_offset(&linear->range, node));
}

static uint32_t best_or_tail(const struct linear *linear, uint64_t len)
{
    uint32_t best = gai_range_best(&linear->range, len);
    return best != RANGE_NONE ? best : gai_range_tail(&linear->range);
}

void gai_linear_own(struct linear *linear, uint32_t node, const void *owner)
{
    assert(owner);
    linear->owners[node] = owner;
    uint32_t known = hashset_insert(&linear->set, linear->owners, node);
    assert(known == 0);
    (void)known;
}

enum ga_status gai_linear_take(struct linear *linear, const void *owner, uint64_t size, uint64_t *offset)
{
    struct range *range = &linear->range;
    if (size == 0) {
        *offset = 0;
        return GA_OK;
    }
    assert(gai_linear_find(linear, owner) == RANGE_NONE);
    if (!align_fits(size, linear->align))
        return GA_NO_SPACE;
    uint64_t len = align_up(size, linear->align), peak = range->peak;
    uint32_t from = best_or_tail(linear, len), node;
    if (from == RANGE_NONE || usable(linear, from) < len)
        return GA_NO_SPACE;
    if (!gai_hashset_room(&linear->set, range->mem, linear->owners, (uint64_t)linear->set.len + 1) ||
        gai_range_take_from(range, from, len, &node) != GA_OK)
        return GA_NO_MEMORY;
    /* As many owners as the range has room for nodes: taking pays for giving back and taking again. */
    if (!gai_array_exact(range->mem, &linear->owners, sizeof *linear->owners, &linear->cap_owners, range->cap_nodes)) {
        gai_range_give(range, node);
        range->peak = peak;
        return GA_NO_MEMORY;
    }
    gai_linear_own(linear, node, owner);
    *offset = range_offset(range, node);
    return GA_OK;
}

uint32_t gai_linear_find(const struct linear *linear, const void *owner)
{
    return hashset_find(&linear->set, linear->owners, owner);
}

void gai_linear_give(struct linear *linear, uint32_t node)
{
    gai_hashset_remove(&linear->set, linear->owners, node);
    gai_range_give(&linear->range, node);
}

void gai_linear_disown(struct linear *linear, uint32_t node)
{
    gai_hashset_remove(&linear->set, linear->owners, node);
    linear->owners[node] = NULL;
}

void gai_linear_retake(struct linear *linear, const void *owner, uint64_t offset, uint64_t len)
{
    uint32_t node = RANGE_NONE;
    enum ga_status status = gai_range_take_at(&linear->range, offset, len, &node);
    assert(status == GA_OK && node < linear->cap_owners);
    (void)status;
    gai_linear_own(linear, node, owner);
}

uint64_t gai_linear_largest(const struct linear *linear)
{
    uint32_t longest = gai_range_longest(&linear->range), tail = gai_range_tail(&linear->range);
    uint64_t len = longest != RANGE_NONE ? range_len(&linear->range, longest) : 0;
    return tail != RANGE_NONE ? max_u64(len, usable(linear, tail)) : len;
}

const char *gai_linear_check(const struct linear *linear)
{
    const struct range *range = &linear->range;
    const char *broken = gai_range_check(range);
    if (!broken)
        broken = gai_hashset_check(&linear->set, linear->owners);
    if (broken)
        return broken;
    if (range->peak > linear->limit)
        return "a block ends above the limit";
    if (range->n_used && linear->cap_owners < range->cap_nodes)
        return "giving back and taking again could need memory";
    uint32_t n_owned = 0;
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at)) {
        if (range_is_free(range, at))
            continue;
        n_owned += linear->owners[at] != NULL;
        if (linear->owners[at] && gai_linear_find(linear, linear->owners[at]) != at)
            return "a block is not found by its owner";
        if (range_offset(range, at) & (linear->align - 1))
            return "a block is not aligned";
    }
    return n_owned == linear->set.len ? NULL : "the set holds owners of nothing";
}
