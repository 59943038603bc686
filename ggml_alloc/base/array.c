#include "base/array.h"

#include <string.h>

/* `at` points to a pointer of some element type; memcpy reads and writes it without knowing which. */
bool gai_array_exact(const struct ga_mem *mem, void *at, size_t elem, uint32_t *cap, uint64_t need)
{
    if (need <= *cap)
        return true;
    if (need > UINT32_MAX || need > SIZE_MAX)
        return false;
    void *old;
    memcpy(&old, at, sizeof old);
    void *grown = gai_mem_resize(mem, old, *cap, (size_t)need, elem);
    if (!grown)
        return false;
    memcpy(at, &grown, sizeof grown);
    *cap = (uint32_t)need;
    return true;
}

bool gai_array_room(const struct ga_mem *mem, void *at, size_t elem, uint32_t *cap, uint64_t need)
{
    uint64_t half_more = (uint64_t)*cap + *cap / 2 + 16;
    if (half_more > UINT32_MAX)
        half_more = UINT32_MAX;
    return gai_array_exact(mem, at, elem, cap, need > half_more ? need : half_more);
}
