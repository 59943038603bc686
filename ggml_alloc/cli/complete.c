/*
 * complete.c - ggml-alloc completion: which shell, and which words commands begin with
 */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

static bool starts_with(const char *name, const char *word)
{
    size_t len = strlen(word);
    return strncmp(name, word, len) == 0 && (name[len] == ' ' || !name[len]);
}

bool completed_next(const char *group, struct completed_word *word)
{
    const struct command *command = word->last ? word->last + 1 : commands_all();
    size_t skip = group ? strlen(group) + 1 : 0;
    while (command->name &&
           ((group && !starts_with(command->name, group)) || (!group && word->last && starts_with(command->name, word->name))))
        command++;
    if (!command->name)
        return false;
    (void)snprintf(word->name, sizeof word->name, "%.*s", (int)strcspn(command->name + skip, " "), command->name + skip);
    word->tells = command->name[skip + strlen(word->name)] ? "instances made up" : command->summary;
    word->last = command;
    return true;
}

enum exit_code command_completion(const struct options *options, struct text *out)
{
    static const struct {
        const char *name;
        void (*write)(struct text *out);
    } shells[] = { { "bash", complete_bash }, { "zsh", complete_zsh }, { "fish", complete_fish } };
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(options->files[0], shells[i].name) == 0) {
            shells[i].write(out);
            return EXIT_YES;
        }
    complain("no completion for '%s'; there are bash, zsh, fish", options->files[0]);
    return EXIT_USAGE;
}
