#include "cache/addrs.h"

#include <assert.h>

static uint32_t home(const struct addrs *addrs, uintptr_t key)
{
    return (uint32_t)(((uint64_t)key * 0x9e3779b97f4a7c15u) >> (64 - addrs->bits));
}

static uint32_t mask(const struct addrs *addrs)
{
    return ((uint32_t)1 << addrs->bits) - 1;
}

/* Where `key` is, or the empty place where it would go. */
static uint32_t place_of(const struct addrs *addrs, uintptr_t key)
{
    uint32_t at = home(addrs, key);
    while (addrs->table[at].slot != 0 && addrs->table[at].key != key)
        at = (at + 1) & mask(addrs);
    return at;
}

bool gai_addrs_grow(struct addrs *addrs, const struct ga_mem *mem, uint64_t n)
{
    unsigned bits = addrs->bits ? addrs->bits : 6;
    while (n > ((uint64_t)1 << bits) / 3 * 2)
        bits++;
    struct addrs grown = { .bits = bits, .most = bits < 32 ? ((uint32_t)1 << bits) / 3 * 2 : 0 };
    grown.table = bits < 32 ? mem_new(mem, struct addr, (size_t)1 << bits) : NULL;
    if (!grown.table)
        return false;
    for (uint32_t i = 0; addrs->bits && i <= mask(addrs); i++)
        if (addrs->table[i].slot)
            gai_addrs_add(&grown, addrs->table[i].key, addrs->table[i].slot);
    gai_addrs_fini(addrs, mem);
    *addrs = grown;
    return true;
}

void gai_addrs_fini(struct addrs *addrs, const struct ga_mem *mem)
{
    mem_free(mem, addrs->table, (size_t)1 << addrs->bits);
    *addrs = (struct addrs){ 0 };
}

void gai_addrs_add(struct addrs *addrs, uintptr_t key, uint32_t slot)
{
    uint32_t at = place_of(addrs, key);
    assert(addrs->table[at].slot == 0);
    addrs->table[at] = (struct addr){ .key = key, .slot = slot };
    addrs->len++;
}

void gai_addrs_remove(struct addrs *addrs, uintptr_t key)
{
    uint32_t hole = place_of(addrs, key);
    assert(addrs->table[hole].slot != 0);
    for (uint32_t at = (hole + 1) & mask(addrs); addrs->table[at].slot; at = (at + 1) & mask(addrs)) {
        /* It may move into the hole unless its home lies behind the hole. */
        uint32_t from_home = (at - home(addrs, addrs->table[at].key)) & mask(addrs);
        uint32_t from_hole = (at - hole) & mask(addrs);
        if (from_home < from_hole)
            continue;
        addrs->table[hole] = addrs->table[at];
        hole = at;
    }
    addrs->table[hole] = (struct addr){ 0 };
    addrs->len--;
}

uint32_t gai_addrs_find(const struct addrs *addrs, uintptr_t key)
{
    return addrs->bits ? addrs->table[place_of(addrs, key)].slot : 0;
}
