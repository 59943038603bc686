#include "io/names.h"

enum { NAMES_FIRST_BITS = 6 };

static uint32_t home(const struct names *names, uint64_t name)
{
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    uint64_t hash = name * golden;
    return (uint32_t)(((hash ^ hash >> 32) * golden) >> (64 - names->bits));
}

/* Where it is, or the empty slot where it would be. */
static uint32_t slot_of(const struct names *names, uint64_t name)
{
    uint32_t mask = ((uint32_t)1 << names->bits) - 1, at = home(names, name);
    while (names->slots[at].value != NAMES_NONE && names->slots[at].name != name)
        at = (at + 1) & mask;
    return at;
}

uint32_t gai_names_find(const struct names *names, uint64_t name)
{
    return names->bits ? names->slots[slot_of(names, name)].value : NAMES_NONE;
}

static bool grow(struct names *names)
{
    struct names larger = { .mem = names->mem, .bits = names->bits ? names->bits + 1 : NAMES_FIRST_BITS, .len = names->len };
    if (larger.bits > 31)
        return false;
    uint32_t n = (uint32_t)1 << larger.bits, before = names->bits ? (uint32_t)1 << names->bits : 0;
    larger.slots = mem_new_raw(&names->mem, struct name_slot, n);
    if (!larger.slots)
        return false;
    for (uint32_t i = 0; i < n; i++)
        larger.slots[i].value = NAMES_NONE;
    for (uint32_t i = 0; i < before; i++)
        if (names->slots[i].value != NAMES_NONE)
            larger.slots[slot_of(&larger, names->slots[i].name)] = names->slots[i];
    mem_free(&names->mem, names->slots, before);
    *names = larger;
    return true;
}

bool gai_names_add(struct names *names, uint64_t name, uint32_t value)
{
    uint32_t room = names->bits ? ((uint32_t)1 << names->bits) / 3 * 2 : 0;
    if (names->len >= room && !grow(names))
        return false;
    names->slots[slot_of(names, name)] = (struct name_slot){ name, value };
    names->len++;
    return true;
}

/* Those behind it that would no longer be found move up. */
static void close_gap(struct names *names, uint32_t gap)
{
    uint32_t mask = ((uint32_t)1 << names->bits) - 1;
    for (uint32_t at = (gap + 1) & mask; names->slots[at].value != NAMES_NONE; at = (at + 1) & mask) {
        uint32_t wanted = home(names, names->slots[at].name);
        if (((at - wanted) & mask) < ((at - gap) & mask))
            continue;
        names->slots[gap] = names->slots[at];
        gap = at;
    }
    names->slots[gap].value = NAMES_NONE;
}

uint32_t gai_names_remove(struct names *names, uint64_t name)
{
    if (names->bits == 0)
        return NAMES_NONE;
    uint32_t at = slot_of(names, name), value = names->slots[at].value;
    if (value != NAMES_NONE) {
        close_gap(names, at);
        names->len--;
    }
    return value;
}

void gai_names_fini(struct names *names)
{
    mem_free(&names->mem, names->slots, names->bits ? (size_t)1 << names->bits : 0);
    *names = (struct names){ .mem = names->mem };
}
