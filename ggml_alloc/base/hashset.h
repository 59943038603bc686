/*
 * hashset.h - an open-addressing set of pointers: from an engine's tensor to our dense id
 *
 *     slots:  .---.---.---.---.---.---.---.---.
 *             | 0 | 3 | 0 | 1 | 2 | 0 | 0 | 0 |     ids; 0 is empty
 *             '---'-|-'---'---'---'---'---'---'
 *                   `--> keys[3], the pointer itself, in the owner's dense array
 *
 * The set holds ids only, 4 bytes each; the owner keeps key i at keys[i].  Linear probing, at most two thirds full; what is
 * removed leaves no mark, those behind it move up.  Nobody walks the slots, so their order decides nothing.
 */
#ifndef GAI_BASE_HASHSET_H
#define GAI_BASE_HASHSET_H

#include "base/mem.h"

struct hashset {
    uint32_t *slots; /* 1 << bits of them; NULL while bits is 0 */
    uint32_t len;
    unsigned bits;
};

static inline uint32_t hashset_home(const struct hashset *set, const void *key)
{
    /*
     * Tensors come one after the other, a fixed number of bytes apart.  The high bits of one product alone lay such a row out evenly,
     * or, at the distances that ggml has (336 and 368 bytes), in a few dense heaps: fifty probes with 20,000 tensors.  Twice is random.
     */
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    uint64_t hash = (uint64_t)(uintptr_t)key * golden;
    return (uint32_t)(((hash ^ hash >> 32) * golden) >> (64 - set->bits));
}

/* The id whose key is `key`, or 0. */
static inline uint32_t hashset_find(const struct hashset *set, const void *const *keys, const void *key)
{
    if (set->bits == 0)
        return 0;
    uint32_t mask = ((uint32_t)1 << set->bits) - 1;
    for (uint32_t at = hashset_home(set, key);; at = (at + 1) & mask) {
        uint32_t id = set->slots[at];
        if (id == 0 || keys[id] == key)
            return id;
    }
}

/*
 * Adds `id` under keys[id] and returns 0; or the id that has that key already,
 * and changes nothing.  The room was made by gai_hashset_room().
 */
static inline uint32_t hashset_insert(struct hashset *set, const void *const *keys, uint32_t id)
{
    uint32_t mask = ((uint32_t)1 << set->bits) - 1;
    uint32_t at = hashset_home(set, keys[id]);
    for (; set->slots[at] != 0; at = (at + 1) & mask)
        if (keys[set->slots[at]] == keys[id])
            return set->slots[at];
    set->slots[at] = id;
    set->len++;
    return 0;
}

static inline bool hashset_has_room(const struct hashset *set, uint64_t n)
{
    return set->bits && n <= ((uint64_t)1 << set->bits) / 3 * 2;
}

/* Room for `n` ids in all.  False when there is no memory; the set is then as before.  O(ids held) when it grows. */
bool gai_hashset_room(struct hashset *set, const struct ga_mem *mem, const void *const *keys, uint64_t n);
/* An empty set with that room gets ids 1..n; false: two of them have one key, and the set is of no use until it is cleared. */
bool gai_hashset_fill(struct hashset *set, const void *const *keys, uint32_t n);
/* Takes out `id`, which is in the set under keys[id]. */
void gai_hashset_remove(struct hashset *set, const void *const *keys, uint32_t id);
/* Empty, with its room kept.  O(room). */
void gai_hashset_clear(struct hashset *set);
void gai_hashset_fini(struct hashset *set, const struct ga_mem *mem);
/* Every id is found under its key, none twice, `len` is right; NULL or what is not. */
const char *gai_hashset_check(const struct hashset *set, const void *const *keys);

#endif
