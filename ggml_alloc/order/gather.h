/*
 * gather.h - what is known of a graph while its turns are made
 */
#ifndef GAI_ORDER_GATHER_H
#define GAI_ORDER_GATHER_H

#include "graph/live.h"
#include "order/turns.h"

#define STEP_NEVER UINT32_MAX
#define STORAGE_NONE UINT32_MAX

/* A root that a step touches, ours or not; those of one step are neighbours, each once. */
struct touch {
    ga_id root;
    bool writes;  /* through a view */
    bool extends; /* an extension of it ends here: nobody takes it over in this step */
};

struct gather {
    const ga_graph *graph;
    const uint64_t *aligns;
    struct turns *out;
    struct lives lives;   /* in the order given */
    uint32_t *step_of;    /* by id; STEP_NEVER: does not run */
    uint32_t *storage_of; /* by id; STORAGE_NONE */
    uint32_t *seen;       /* by id: 1 + the last step that touched it; where its touch is */
    uint32_t *turn_of;    /* by step */
    struct touch *touches;
    uint32_t *first_touch;     /* by step, and a sentinel */
    uint32_t *first_extension; /* by step: 1 + the first extension that ends in it... */
    uint32_t *next_extension;  /* ...and by extension: 1 + the next one */
    uint32_t n_touches, cap_touches;
};

/* Which turns must come before which: fills befores and afters. */
enum ga_status gai_links(struct gather *gather);

/* Who may take over what: fills heirs. */
enum ga_status gai_heirs(struct gather *gather);

#endif
