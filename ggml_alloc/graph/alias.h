/*
 * alias.h - which sources' bytes a node may take over
 *
 *     root   |------[ window ]-----------|      size(root)
 *                   [ heir  ]                   at delta = the window's offset, size(heir) fits behind it
 *
 * The caller's masks say what op and layout allow; here is what lifetimes and windows allow: the heir is the only node that
 * touches the root in the root's last step, no other source of it overlaps the window partly or what the heir writes behind it, and the
 * pool is the same.
 */
#ifndef GAI_GRAPH_ALIAS_H
#define GAI_GRAPH_ALIAS_H

#include "graph/live.h"

struct takeover {
    ga_id from;     /* a root */
    uint64_t delta; /* where the heir starts within it */
    bool eager;     /* what ggml does: the first that the mask offers, a plain source listed once */
};

/*
 * Source slot `slot` of `heir`: true and `*out` when it may be taken over.  Node `id` counts as sizes[id] bytes at least (NULL: as
 * the graph says).  Whether the heir fits into the root is not asked here: that depends on how the pool rounds.
 */
bool gai_alias(const ga_graph *graph, const struct lives *lives, const uint64_t *sizes, ga_id heir, uint32_t slot,
               struct takeover *out);

#endif
