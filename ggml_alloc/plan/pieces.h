/*
 * pieces.h - which bytes are taken, for the judge of plans: disjoint pieces of chunks, found by what they meet
 *
 *     edges      0      64          192     256     320         all places where a piece may begin or end, known from the start
 *     rank       0      1           2       3       4
 *     pieces     | one  |           |  two          |           by the rank of where they begin
 *
 * Pieces are disjoint, so one that meets any meets a neighbour.  O(log edges) each.
 */
#ifndef GAI_PLAN_PIECES_H
#define GAI_PLAN_PIECES_H

#include "base/rankset.h"
#include "ggml_alloc/graph.h"

struct piece {
    uint64_t at, end;
    uint32_t place; /* pool and chunk */
    uint32_t last;  /* the step at whose end it is given back */
    ga_id id;
};

struct edge_of_piece {
    uint64_t at;
    uint32_t place;
};

struct pieces {
    struct edge_of_piece *edges; /* sorted, each once, after gai_pieces_sort() */
    struct piece *at;            /* by rank */
    struct rankset taken;        /* of ranks */
    uint32_t n_edges, cap;
};

/* Room for so many edges; none yet.  False: no memory. */
bool gai_pieces_init(struct pieces *pieces, const struct ga_mem *mem, uint32_t cap);
void gai_pieces_fini(struct pieces *pieces, const struct ga_mem *mem); /* also of what was zeroed only */

/* All edges first, then sort, then the rest. */
void gai_pieces_edge(struct pieces *pieces, uint32_t place, uint64_t at);
void gai_pieces_sort(struct pieces *pieces);

/* One that is not empty, begins and ends at edges, and meets no other. */
void gai_pieces_put(struct pieces *pieces, const struct piece *piece);
/* Takes out one that meets `piece`.  False: none does. */
bool gai_pieces_take(struct pieces *pieces, const struct piece *piece, struct piece *taken);

#endif
