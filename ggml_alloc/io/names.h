/*
 * names.h - which block a number of a trace means now
 *
 * An open-addressing map from 64-bit names to 32-bit values.  Addresses are used again and again, so what is taken out makes room.
 */
#ifndef GAI_IO_NAMES_H
#define GAI_IO_NAMES_H

#include "base/mem.h"

struct name_slot {
    uint64_t name;
    uint32_t value; /* NAMES_NONE: the slot is empty */
};

#define NAMES_NONE UINT32_MAX

struct names {
    struct ga_mem mem;
    struct name_slot *slots; /* 1 << bits; none while bits is 0 */
    uint32_t len;
    unsigned bits;
};

/* NAMES_NONE: not there. */
uint32_t gai_names_find(const struct names *names, uint64_t name);
/* A name that is not there; false: no memory. */
bool gai_names_add(struct names *names, uint64_t name, uint32_t value);
/* Its value; NAMES_NONE: it was not there. */
uint32_t gai_names_remove(struct names *names, uint64_t name);
void gai_names_fini(struct names *names);

#endif
