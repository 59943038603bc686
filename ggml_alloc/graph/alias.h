/*
 * alias.h - which sources' bytes a node may take over
 *
 *     root   |------[ window ]-----------|      size(root)
 *                   [ heir  ]                   at delta = the window's offset, size(heir) fits behind it
 *
 * The caller's masks say what op and layout allow; here is what lifetimes and windows allow: the heir is the only node that
 * touches the root in the root's last step, no other source of it overlaps the window partly, and the pool is the same.
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
 * Source slot `slot` of `heir`: true and `*out` when it may be taken over.  Sizes are not compared here: they may be overridden
 * and are rounded by pool.
 */
bool gai_alias(const ga_graph *graph, const struct lives *lives, ga_id heir, uint32_t slot, struct takeover *out);

#endif
