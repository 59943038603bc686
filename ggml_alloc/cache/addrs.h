/*
 * addrs.h - from an address that was handed out to its block
 *
 *     .------.------.------.------.------.
 *     | a, 3 |  -   | c, 9 | d, 1 |  -   |      slot 0 is empty
 *     '------'------'------'------'------'
 *
 * Open addressing, at most two thirds full.  Linear probing; removing shifts back what follows, so there are no tombstones and
 * a table that lived for days is as fast as a new one.
 */
#ifndef GAI_CACHE_ADDRS_H
#define GAI_CACHE_ADDRS_H

#include "base/mem.h"

struct addr {
    uintptr_t key;
    uint32_t slot;
};

struct addrs {
    struct addr *table; /* 1 << bits; NULL while bits is 0 */
    uint32_t len;
    uint32_t most; /* that there is room for */
    unsigned bits;
};

/* Room for n in all; false: no memory, and the table is as it was. */
bool gai_addrs_grow(struct addrs *addrs, const struct ga_mem *mem, uint64_t n);

static inline bool addrs_room(struct addrs *addrs, const struct ga_mem *mem, uint64_t n)
{
    return n <= addrs->most || gai_addrs_grow(addrs, mem, n);
}

void gai_addrs_fini(struct addrs *addrs, const struct ga_mem *mem);

/* `key` is not there yet, and there is room; `slot` is not 0. */
void gai_addrs_add(struct addrs *addrs, uintptr_t key, uint32_t slot);
/* `key` is there. */
void gai_addrs_remove(struct addrs *addrs, uintptr_t key);
/* 0: not there. */
uint32_t gai_addrs_find(const struct addrs *addrs, uintptr_t key);

#endif
