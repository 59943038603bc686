#include "base/hashset.h"

#include <assert.h>
#include <string.h>

#define MAX_BITS 31u /* slots are counted in 32 bits */

static size_t n_slots(const struct hashset *set)
{
    assert(set->bits <= MAX_BITS);
    return set->bits ? (size_t)1 << set->bits : 0;
}

bool gai_hashset_room(struct hashset *set, const struct ga_mem *mem, const void *const *keys, uint64_t n)
{
    if (n <= n_slots(set) / 3 * 2 && set->bits)
        return true;
    unsigned bits = set->bits ? set->bits : 4;
    while (bits <= MAX_BITS && ((uint64_t)1 << bits) / 3 * 2 < n)
        bits++;
    if (bits > MAX_BITS)
        return false;

    struct hashset grown = { .bits = bits };
    grown.slots = mem_new(mem, uint32_t, n_slots(&grown));
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < n_slots(set); i++) {
        uint32_t id = set->slots[i];
        if (id == 0)
            continue;
        uint32_t mask = ((uint32_t)1 << bits) - 1;
        uint32_t at = hashset_home(&grown, keys[id]);
        while (grown.slots[at] != 0)
            at = (at + 1) & mask;
        grown.slots[at] = id;
    }
    grown.len = set->len;
    gai_hashset_fini(set, mem);
    *set = grown;
    return true;
}

bool gai_hashset_fill(struct hashset *set, const void *const *keys, uint32_t n)
{
    const struct hashset made = *set; /* what the compiler knows not to change */
    uint32_t mask = ((uint32_t)1 << made.bits) - 1;
    set->len = n;
    for (uint32_t id = 1; id <= n; id++) {
        uint32_t at = hashset_home(&made, keys[id]);
        for (; made.slots[at] != 0; at = (at + 1) & mask)
            if (keys[made.slots[at]] == keys[id])
                return false;
        made.slots[at] = id;
    }
    return true;
}

void gai_hashset_remove(struct hashset *set, const void *const *keys, uint32_t id)
{
    uint32_t mask = ((uint32_t)1 << set->bits) - 1;
    uint32_t hole = hashset_home(set, keys[id]);
    while (set->slots[hole] != id) {
        assert(set->slots[hole] != 0);
        hole = (hole + 1) & mask;
    }
    for (uint32_t at = (hole + 1) & mask; set->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t from_home = (at - hashset_home(set, keys[set->slots[at]])) & mask;
        if (from_home < ((at - hole) & mask))
            continue; /* still found: its way from home does not lead over the hole */
        set->slots[hole] = set->slots[at];
        hole = at;
    }
    set->slots[hole] = 0;
    set->len--;
}

void gai_hashset_clear(struct hashset *set)
{
    if (set->len)
        memset(set->slots, 0, n_slots(set) * sizeof *set->slots);
    set->len = 0;
}

void gai_hashset_fini(struct hashset *set, const struct ga_mem *mem)
{
    mem_free(mem, set->slots, n_slots(set));
    *set = (struct hashset){ 0 };
}

const char *gai_hashset_check(const struct hashset *set, const void *const *keys)
{
    uint32_t n = 0;
    for (size_t i = 0; i < n_slots(set); i++) {
        uint32_t id = set->slots[i];
        if (id == 0)
            continue;
        n++;
        if (hashset_find(set, keys, keys[id]) != id)
            return "an id is not found under its key";
    }
    return n == set->len ? NULL : "len does not count the ids";
}
