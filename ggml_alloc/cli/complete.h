/*
 * complete.h - scripts by which shells complete command lines, from the tables that the command reads them by
 */
#ifndef GAI_CLI_COMPLETE_H
#define GAI_CLI_COMPLETE_H

#include "cli/options.h"

void complete_bash(struct text *out);
void complete_zsh(struct text *out);
void complete_fish(struct text *out);

/* A word that a command line may go on with: the first of a command, or the second. */
struct completed_word {
    char name[32];
    const char *tells;
    const struct command *last; /* that begins with it */
};

/* From a zeroed one, each word once; `group` is the first word of what is asked for, NULL: the first words. */
bool completed_next(const char *group, struct completed_word *word);

#endif
