/*
 * accept.c - which nodes a graph refuses, and why in words
 *
 * All that can be known when a node is added; what depends on the steps of later nodes is verified when the graph is planned.
 */
#include "base/bits.h"
#include "base/later.h"
#include "graph/graph.h"

#include <inttypes.h>

/* Pairs of flags that contradict each other. */
static const struct {
    uint16_t a, b;
    const char *why;
} clashes[] = {
    { GA_OUTPUT, GA_ELIDED, "an OUTPUT cannot be ELIDED: the caller reads it" },
    { GA_OUTPUT, GA_DISCARD, "an OUTPUT cannot be DISCARD: the caller reads it" },
    { GA_INPUT, GA_ELIDED, "an INPUT cannot be ELIDED: the caller writes it" },
    { GA_EXTERNAL, GA_ELIDED, "an EXTERNAL node has bytes, it cannot be ELIDED" },
    { GA_DEPEND, GA_INPUT, "a DEPEND node has no bytes, it cannot be INPUT" },
    { GA_DEPEND, GA_OUTPUT, "a DEPEND node has no bytes, it cannot be OUTPUT" },
    { GA_DEPEND, GA_EXTERNAL, "a DEPEND node has no bytes, it cannot be EXTERNAL" },
    { GA_DEPEND, GA_WRITES, "a DEPEND node is not executed, it cannot be WRITES" },
};

static bool flags_agree(const struct ga_node *spec, char *why, size_t cap)
{
    if (spec->flags & ~0xffu) {
        gai_say(why, cap, "unknown flags %#x", spec->flags & ~0xffu);
        return false;
    }
    for (size_t i = 0; i < sizeof clashes / sizeof *clashes; i++)
        if ((spec->flags & clashes[i].a) && (spec->flags & clashes[i].b)) {
            gai_say(why, cap, "%s", clashes[i].why);
            return false;
        }
    if ((spec->flags & GA_WRITES) && spec->view_of == GA_NONE) {
        gai_say(why, cap, "WRITES means writing through a view, but it views nothing");
        return false;
    }
    if ((spec->flags & GA_DEPEND) && spec->view_of != GA_NONE) {
        gai_say(why, cap, "a DEPEND node has no bytes, it cannot be a view");
        return false;
    }
    return true;
}

static bool sources_exist(const ga_graph *graph, const struct ga_node *spec, char *why, size_t cap)
{
    ga_id self = graph->n_nodes + 1;
    if (spec->n_src && !spec->src) {
        gai_say(why, cap, "%" PRIu32 " sources, but src is NULL", spec->n_src);
        return false;
    }
    ga_id last = spec->flags & GA_DEPEND ? GRAPH_MAX_NODES : self;
    for (uint32_t i = 0; i < spec->n_src; i++)
        if (spec->src[i] > last) {
            gai_say(why, cap,
                    "source %" PRIu32 " is node %" PRIu32 ", which does not exist yet; only a DEPEND may name later nodes", i,
                    spec->src[i]);
            return false;
        }
    return true;
}

/* A view must look into bytes that are there: of an earlier node, up to its end at most. */
static bool view_is_inside(const ga_graph *graph, const struct ga_node *spec, char *why, size_t cap)
{
    if (spec->view_of == GA_NONE)
        return true;
    if (spec->view_of > graph->n_nodes) {
        gai_say(why, cap, "a view of node %" PRIu32 ", which does not exist yet", spec->view_of);
        return false;
    }
    const struct node *seen = &graph->nodes[spec->view_of];
    const struct body *body = &graph->bodies[spec->view_of];
    if (seen->flags & GA_DEPEND) {
        gai_say(why, cap, "a view of node %" PRIu32 ", a DEPEND, which has no bytes", spec->view_of);
        return false;
    }
    bool external = graph->nodes[seen->root].flags & GA_EXTERNAL;
    /* The size of the caller's own bytes need not be told; an empty view of told ones is no way around it. */
    bool untold = external && body->size == 0 && graph->bodies[seen->root].size == 0;
    if (!untold && (spec->view_offset > body->size || spec->size > body->size - spec->view_offset)) {
        gai_say(why, cap, "bytes %" PRIu64 " + %" PRIu64 " end past node %" PRIu32 ", which has %" PRIu64, spec->view_offset,
                spec->size, spec->view_of, body->size);
        return false;
    }
    if ((spec->flags & GA_EXTERNAL) && !external) {
        gai_say(why, cap, "EXTERNAL, but a view of node %" PRIu32 ", whose bytes are planned", spec->view_of);
        return false;
    }
    return true;
}

bool gai_graph_accepts(const ga_graph *graph, const struct ga_node *spec, char *why, size_t cap)
{
    if (graph->n_nodes == GRAPH_MAX_NODES) {
        gai_say(why, cap, "too many nodes: at most %u", GRAPH_MAX_NODES);
        return false;
    }
    if (later_set(spec)) {
        gai_say(why, cap, LATER_WORDS, "struct ga_node", LATER_VERSION);
        return false;
    }
    if (spec->align && !is_pow2(spec->align)) {
        gai_say(why, cap, "alignment %" PRIu64 " is not a power of two", spec->align);
        return false;
    }
    if (spec->align > (uint64_t)1 << 62 || spec->size > (uint64_t)1 << 62) {
        gai_say(why, cap, "sizes and alignments end at 2^62");
        return false;
    }
    if (spec->eager & ~spec->reuse) {
        gai_say(why, cap, "eager bits %#" PRIx64 " are not among the reuse bits", spec->eager & ~spec->reuse);
        return false;
    }
    return flags_agree(spec, why, cap) && sources_exist(graph, spec, why, cap) && view_is_inside(graph, spec, why, cap);
}
