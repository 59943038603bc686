/*
 * check.h - what checking plans for graphs and for intervals shares
 */
#ifndef GAI_CLI_CHECK_H
#define GAI_CLI_CHECK_H

#include "cli/cli.h"

struct check {
    struct text *out;
    struct input *input;
    const struct bytes *bytes, *graph_bytes; /* of the plan; of what it is for */
    const char *plan_path;
    bool has_plan_format; /* as opposed to CSV */
    bool input_is_gone;   /* it could not be read again */
};

/* The plan format. */
bool is_plan_format(const struct bytes *bytes);
enum exit_code plan_parse(const char *path, const struct bytes *bytes, ga_plan **plan);

/*
 * What the plan may have been made for.  A plan knows which take-overs its graph allowed: without --inplace the mode that it was
 * made for is found.  `why` says what of the graph differs, in the file's ids; "": nothing, it serves.
 */
#define PLAN_WHY 256
enum exit_code input_for_plan(const struct options *options, const char *path, const struct bytes *bytes, const ga_plan *plan,
                              struct input *input, char why[PLAN_WHY]);

/* Of a graph, the other file being a list of its nodes; complains itself. */
enum exit_code check_order(const struct check *check);
void check_say_yes(const struct check *check, uint64_t peak, uint64_t bound);

enum exit_code check_intervals(const struct check *check);

#endif
