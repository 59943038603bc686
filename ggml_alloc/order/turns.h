/*
 * turns.h - a graph as something to be put in order
 *
 *     turn         0        1        2     3        nodes that stay together, in a row: one step, or a few
 *     steps        0        1        2  3  4        nodes that run at once
 *     uses         A        A B      B  C  A C D    storages that a step touches
 *     befores               0        1     0 2      turns that must have run
 *
 * A storage is born with the first step that touches it and dies with the last, whatever the order; so what lives after some set of
 * turns depends on the set, not on the order within it.  An heir adds nothing to its own step when the storage that it may take over
 * dies in it.
 *
 * What keeps an order legal:
 *   - sources and the roots of views run before who reads them or looks into them;
 *   - a node that writes through a view keeps its place among all that touch the same root, externals included; the end of an
 *     extension touches what it extends;
 *   - a DEPEND stays where it is: what stood before it stays before, what stood behind stays behind.  But a DEPEND right before a
 *     node without sources in another pool, as ggml-backend writes a copy, is one turn with it, and moves when that does.
 */
#ifndef GAI_ORDER_TURNS_H
#define GAI_ORDER_TURNS_H

#include "graph/graph.h"

#include "base/mem.h"

#define TURN_NONE UINT32_MAX

struct storage {
    uint64_t size;   /* as its pool rounds it */
    uint32_t n_uses; /* steps that touch it */
    uint16_t pool;
    bool is_there; /* before the first turn */
    bool stays;    /* to the end */
};

/* The storage `heir`, born in this step, may take over `from` if that dies in it.  Those of one heir are neighbours. */
struct heir {
    uint32_t heir, from;
};

/* Ranges end where the next one's start; a sentinel ends the last. */
struct step {
    uint32_t node, use, heir; /* the first of each */
};

struct turn {
    uint32_t step, before, after; /* the first of each */
    uint16_t pool;
    bool computes; /* in `pool`; false: it only looks, marks or copies */
};

struct turns {
    struct ga_mem mem;
    struct turn *of;    /* n_turns and a sentinel */
    struct step *steps; /* n_steps and a sentinel */
    ga_id *nodes;       /* in the order given */
    uint32_t *uses;     /* storages */
    struct heir *heirs;
    uint32_t *befores, *afters; /* turns, n_links of each */
    struct storage *storages;
    uint32_t n_turns, n_steps, n_nodes, n_uses, n_heirs, n_links, n_storages;
    uint32_t cap_nodes, cap_steps, cap_turns, cap_uses, cap_heirs, cap_links, cap_storages;
    unsigned n_pools;
};

/*
 * The turns of `graph`, in the order given; `aligns` (by pool) are what sizes are rounded up to.  O(nodes + sources).  GA_INVALID,
 * with the reason in `why`; GA_NO_MEMORY.  Freed with gai_turns_fini().
 */
enum ga_status gai_turns(const ga_graph *graph, const uint64_t *aligns, struct turns *turns, char *why, size_t cap);
void gai_turns_fini(struct turns *turns);

#endif
