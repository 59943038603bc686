#include "plan/pieces.h"

#include <assert.h>

bool gai_pieces_init(struct pieces *pieces, const struct ga_mem *mem, uint32_t cap)
{
    *pieces = (struct pieces){ .cap = cap };
    pieces->edges = mem_new_raw(mem, struct edge_of_piece, (size_t)cap * 2); /* half of it to sort with */
    pieces->at = mem_new_raw(mem, struct piece, cap);
    return gai_rankset_init(&pieces->taken, mem, cap) && pieces->edges && pieces->at;
}

void gai_pieces_fini(struct pieces *pieces, const struct ga_mem *mem)
{
    gai_rankset_fini(&pieces->taken, mem);
    mem_free(mem, pieces->at, pieces->cap);
    mem_free(mem, pieces->edges, (size_t)pieces->cap * 2);
    *pieces = (struct pieces){ 0 };
}

static bool is_before(const struct edge_of_piece *a, const struct edge_of_piece *b)
{
    return a->place != b->place ? a->place < b->place : a->at < b->at;
}

void gai_pieces_edge(struct pieces *pieces, uint32_t place, uint64_t at)
{
    assert(pieces->n_edges < pieces->cap);
    pieces->edges[pieces->n_edges++] = (struct edge_of_piece){ at, place };
}

/* Sorted runs of `run` into runs of twice that. */
static void merge(const struct edge_of_piece *from, struct edge_of_piece *to, uint32_t n, uint32_t run)
{
    for (uint32_t low = 0; low < n;) {
        uint32_t mid = n - low < run ? n : low + run, end = n - mid < run ? n : mid + run;
        for (uint32_t i = low, j = mid, k = low; k < end; k++)
            to[k] = j == end || (i < mid && !is_before(&from[j], &from[i])) ? from[i++] : from[j++];
        low = end;
    }
}

void gai_pieces_sort(struct pieces *pieces)
{
    uint32_t n = pieces->n_edges, kept = 0;
    struct edge_of_piece *from = pieces->edges, *to = from + pieces->cap;
    for (uint64_t run = 1; run < n; run *= 2) {
        merge(from, to, n, (uint32_t)run);
        struct edge_of_piece *was = from;
        from = to;
        to = was;
    }
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || is_before(&pieces->edges[kept - 1], &from[i]))
            pieces->edges[kept++] = from[i];
    pieces->n_edges = kept;
}

static uint32_t rank_of(const struct pieces *pieces, uint32_t place, uint64_t at)
{
    struct edge_of_piece edge = { at, place };
    uint32_t low = 0, high = pieces->n_edges;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (is_before(&pieces->edges[mid], &edge))
            low = mid + 1;
        else
            high = mid;
    }
    assert(low < pieces->n_edges && pieces->edges[low].at == at && pieces->edges[low].place == place);
    return low;
}

void gai_pieces_put(struct pieces *pieces, const struct piece *piece)
{
    uint32_t rank = rank_of(pieces, piece->place, piece->at);
    pieces->at[rank] = *piece;
    gai_rankset_add(&pieces->taken, rank);
}

static bool meets(const struct pieces *pieces, uint32_t rank, const struct piece *piece)
{
    if (rank == RANKSET_NONE)
        return false;
    const struct piece *other = &pieces->at[rank];
    return other->place == piece->place && other->at < piece->end && piece->at < other->end;
}

bool gai_pieces_take(struct pieces *pieces, const struct piece *piece, struct piece *taken)
{
    uint32_t rank = rank_of(pieces, piece->place, piece->at);
    uint32_t hit = gai_rankset_has(&pieces->taken, rank) ? rank : gai_rankset_above(&pieces->taken, rank);
    if (!meets(pieces, hit, piece))
        hit = gai_rankset_below(&pieces->taken, rank);
    if (!meets(pieces, hit, piece))
        return false;
    *taken = pieces->at[hit];
    gai_rankset_drop(&pieces->taken, hit);
    return true;
}
