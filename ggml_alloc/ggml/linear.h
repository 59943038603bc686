/*
 * linear.h - which tensor lives where in [0, limit): the linear allocator of 2023, before it meets memory
 *
 *      0         96       160            288          384
 *      |  node 1  |  free  |    node 2    |    free    |          range: best fit, the highest free node only when no other fits
 *         |                    |
 *         `--> owners[1]       `--> owners[2]    tensors, found through an open-addressing set
 *
 * As in bind/tallocr.c the range is open-ended and the limit only ends what its tail may give, so that an allocator of the size
 * that a measuring one reported takes every decision as that one did.  Unlike there a block is found by its tensor, which is how
 * ggml frees: a tensor left over from before a reset, at whatever address, is no owner of anything.
 */
#ifndef GAI_GGML_LINEAR_H
#define GAI_GGML_LINEAR_H

#include "base/hashset.h"
#include "range/range.h"

struct linear {
    struct range range;
    uint64_t limit, align; /* the limit is a multiple of the alignment */
    struct hashset set;
    const void **owners; /* by the range's node number; NULL: nobody's */
    uint32_t cap_owners;
};

/* `align` is a power of two.  GA_NO_MEMORY leaves nothing behind. */
enum ga_status gai_linear_init(struct linear *linear, const struct ga_mem *mem, uint64_t limit, uint64_t align);
void gai_linear_fini(struct linear *linear);
/* Everything free; the peak stays. */
void gai_linear_reset(struct linear *linear);

/*
 * `owner` has no block.  A size of 0 takes nothing, leaves no trace, and is at 0.  GA_NO_SPACE, GA_NO_MEMORY: all is as it was.
 */
enum ga_status gai_linear_take(struct linear *linear, const void *owner, uint64_t size, uint64_t *offset);

/* The block of `owner`; RANGE_NONE when it has none. */
uint32_t gai_linear_find(const struct linear *linear, const void *owner);
/* None of these can fail.  A block without owner stays until reset; it is not given back. */
void gai_linear_give(struct linear *linear, uint32_t node);
void gai_linear_disown(struct linear *linear, uint32_t node);
void gai_linear_own(struct linear *linear, uint32_t node, const void *owner); /* it has no owner, and `owner` no block */

/* A block that was given, again where it was, free by now; cannot fail: there was room for it before. */
void gai_linear_retake(struct linear *linear, const void *owner, uint64_t offset, uint64_t len);

uint64_t gai_linear_largest(const struct linear *linear); /* free block */

/* NULL, or the broken invariant in words. */
const char *gai_linear_check(const struct linear *linear);

#endif
