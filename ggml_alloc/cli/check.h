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

/* The plan format; complains itself. */
enum exit_code check_read_plan(const struct check *check, ga_plan **plan);
/* Of a graph, the other file being a list of its nodes; complains itself. */
enum exit_code check_order(const struct check *check);
void check_say_yes(const struct check *check, uint64_t peak, uint64_t bound);

enum exit_code check_intervals(const struct check *check);

#endif
