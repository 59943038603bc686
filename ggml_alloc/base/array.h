/*
 * array.h - growable arrays: a pointer, a length and a capacity that their owner keeps as plain fields
 *
 *     struct { struct edge *edges; uint32_t n_edges, cap_edges; } p;
 *     if (!array_room(&mem, &p.edges, &p.cap_edges, p.n_edges + 1u))
 *         return GA_NO_MEMORY;
 *     p.edges[p.n_edges++] = edge;
 *     ...
 *     mem_free(&mem, p.edges, p.cap_edges);
 */
#ifndef GAI_BASE_ARRAY_H
#define GAI_BASE_ARRAY_H

#include "base/mem.h"

/*
 * Room for `need` elements in the array that `at` (the address of a pointer to elements) names; grows by half, so that appending
 * is O(1) in the mean.  False when there is no memory or `need` exceeds 2^32 - 1; the array is then as before.  New room is raw.
 */
bool gai_array_room(const struct ga_mem *mem, void *at, size_t elem, uint32_t *cap, uint64_t need);
/* The same without slack: exactly `need`, for those who know. */
bool gai_array_exact(const struct ga_mem *mem, void *at, size_t elem, uint32_t *cap, uint64_t need);

#define array_room(mem, at, cap, need) ((need) <= *(cap) || gai_array_room((mem), (at), sizeof **(at), (cap), (need)))

#endif
