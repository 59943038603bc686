/*
 * why.h - parts of what `why` tells
 */
#ifndef GAI_CLI_WHY_H
#define GAI_CLI_WHY_H

#include "cli/cli.h"

/* What lives at the step at which most does. */
struct moment {
    const struct input *input;
    const struct solution *solution;
    unsigned pool;
    uint64_t step;
    const struct ga_live *live;
    uint32_t n_live;
    enum inplace inplace;
};

/* "OP NAME (tensor 7)", with a verb behind the name, or the id of an interval. */
void why_name(const struct input *input, ga_id id, const char *verb, struct text *out);

/* ---- why_help.c: lines below the table; each may have nothing to say ---- */

/* Inputs, and what is kept to the end. */
void why_ends(const struct moment *moment, struct text *out);
/* What the nodes of that step might have been computed over, and why they were not. */
void why_inplace(const struct moment *moment, struct text *out);
/* How often as much lives, or what the next lower level is.  GA_NO_MEMORY. */
enum ga_status why_elsewhere(const struct moment *moment, struct text *out);

#endif
