/*
 * tallocr.h - the linear allocator: offsets in [0, size), best fit over a free list, joined on free
 *
 *     0        96      160            288          384 = size
 *     |  used  |  free  |     used     |    free    |
 *
 * The free list is sorted by address, so that freeing joins at once, and by size, so that best fit is exact: the smallest free
 * block that is large enough, among equals the one at the highest address, and the open end (what lies above all live blocks) only
 * when no other fits.  Decisions do not depend on the size: an allocator as large as a measuring one needed serves the same requests
 * at the same offsets.  There is no limit on the number of blocks.  It never sees memory: add the offset to whatever base you own;
 * a base with the alignment asked for keeps every offset aligned (for any other, add align - 1 bytes and round the base up).
 *
 * An allocator is used by one thread at a time; different ones freely.
 */
#ifndef GGML_ALLOC_TALLOCR_H
#define GGML_ALLOC_TALLOCR_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ga_tallocr ga_tallocr;

/* NULL: no memory, or `align` is no power of two (0 is 1).  Sizes are rounded up to `align`. */
GA_API ga_tallocr *ga_tallocr_new(const struct ga_env *env, uint64_t size, uint64_t align);
/* Measure mode: open-ended, no memory behind it; ga_tallocr_max() then tells how much was needed. */
GA_API ga_tallocr *ga_tallocr_new_measure(const struct ga_env *env, uint64_t align);
GA_API void ga_tallocr_delete(ga_tallocr *talloc);

/* GA_NO_SPACE leaves all as it was; ga_tallocr_largest() then tells what would have fitted.  A size of 0 takes one alignment unit,
 * so that every live block has an offset of its own. */
GA_API enum ga_status ga_tallocr_alloc(ga_tallocr *talloc, uint64_t size, uint64_t *offset);
/* GA_INVALID: not a live block, or not of this size (rounded up). */
GA_API enum ga_status ga_tallocr_free(ga_tallocr *talloc, uint64_t offset, uint64_t size);
/* Everything free again; the high-water mark stays. */
GA_API void ga_tallocr_reset(ga_tallocr *talloc);

GA_API uint64_t ga_tallocr_used(const ga_tallocr *talloc);
GA_API uint64_t ga_tallocr_max(const ga_tallocr *talloc);     /* highest end ever handed out; survives reset */
GA_API uint64_t ga_tallocr_largest(const ga_tallocr *talloc); /* largest free block */
GA_API bool ga_tallocr_is_measure(const ga_tallocr *talloc);

/* The free blocks in address order; stops when `each` returns false.  `each` may not change the allocator. */
GA_API void ga_tallocr_walk(const ga_tallocr *talloc, bool (*each)(void *user, uint64_t offset, uint64_t size), void *user);

/* NULL, or the broken invariant in words: for tests and fuzzers of programs that embed this. */
GA_API const char *ga_tallocr_check(const ga_tallocr *talloc);

#ifdef __cplusplus
}
#endif

#endif
