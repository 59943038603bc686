/*
 * help.h - what helps and the manual page say, from the tables of commands and options
 */
#ifndef GAI_CLI_HELP_H
#define GAI_CLI_HELP_H

#include "cli/cli.h"

#define N_EXITS 5u

struct exit_meaning {
    enum exit_code code;
    const char *tells;
};

extern const struct exit_meaning exit_meanings[N_EXITS];
extern const struct example first_examples[]; /* the last one has no arguments */

/* In full is --help, otherwise it is -h. */
void help_of_command(const struct command *command, bool in_full, struct text *out);
void help_of_all(bool in_full, struct text *out);
/* The commands of two words whose first one is `group`. */
void help_of_group(const char *group, struct text *out);

#endif
