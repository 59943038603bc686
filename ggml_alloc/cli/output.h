/*
 * output.h - where results go: stdout, or a file that appears whole or not at all
 */
#ifndef GAI_CLI_OUTPUT_H
#define GAI_CLI_OUTPUT_H

#include "cli/cli.h"

#include <stdio.h>

struct output {
    const char *path; /* NULL: stdout */
    char *target;     /* what `path` is in the end, when it is a link */
    char *temporary;  /* renamed to it at the end; NULL: written to directly, as devices are */
    FILE *file;       /* NULL: not made yet */
    int error;        /* of the first write that failed */
};

/* Complains itself. */
bool output_open(struct output *output, const char *path);
struct ga_sink output_sink(struct output *output);
/* `keep` false leaves an old file as it was.  EXIT_RESOURCES when writing failed; a reader that went away is none of our business. */
enum exit_code output_close(struct output *output, bool keep);

#endif
