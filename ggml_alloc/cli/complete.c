/*
 * complete.c - what a shell needs to complete a command line, from the tables that the command reads it by
 */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

static const char *first_of_name(const struct command *command, char *first, size_t cap)
{
    size_t len = strcspn(command->name, " ");
    (void)snprintf(first, cap, "%.*s", (int)len, command->name);
    return command->name[len] ? command->name + len + 1 : NULL;
}

/* First words, each once; second words of `first` when there is one. */
static void write_names(const char *first, struct text *out)
{
    char before[32] = "", now[32];
    for (const struct command *command = commands_all(); command->name; command++) {
        const char *second = first_of_name(command, now, sizeof now);
        if (!first && strcmp(now, before) != 0)
            gai_text(out, " %s", now);
        else if (first && second && strcmp(now, first) == 0)
            gai_text(out, " %s", second);
        memcpy(before, now, sizeof before);
    }
}

static void write_second_words(struct text *out)
{
    char before[32] = "", now[32];
    for (const struct command *command = commands_all(); command->name; command++) {
        bool has_second = first_of_name(command, now, sizeof now) != NULL;
        if (has_second && strcmp(now, before) != 0) {
            gai_text(out, "    %s) words='", now);
            write_names(now, out);
            gai_text(out, "' ;;\n");
        }
        memcpy(before, now, sizeof before);
    }
}

static void write_values(const struct command *command, struct text *out)
{
    for (const struct option *option = NULL; (option = option_next(command, option));) {
        if (!option->value)
            continue;
        gai_text(out, "    '%s %s') words='", command->name, option->name);
        for (int i = 0; option->words && option->words[i]; i++)
            gai_text(out, " %s", option->words[i]);
        gai_text(out, "' ;;\n");
    }
}

static void write_options(const struct command *command, struct text *out)
{
    gai_text(out, "    '%s') words='", command->name);
    for (const struct option *option = NULL; (option = option_next(command, option));)
        gai_text(out, " %s", option->name);
    gai_text(out, "' ;;\n");
}

/*
 * An equals sign is a word of its own to bash.  Where nothing matches, it falls back to files: also after an option whose values are
 * not a few words.
 */
static void write_bash(struct text *out)
{
    gai_text(out, "# Completes ggml-alloc's command lines in bash; written by 'ggml-alloc completion bash'.\n"
                  "_ggml_alloc() {\n"
                  "  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=\n"
                  "  COMPREPLY=()\n"
                  "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
                  "    mapfile -t COMPREPLY < <(compgen -W '");
    write_names(NULL, out);
    gai_text(out, " --help --version' -- \"$current\")\n"
                  "    return\n"
                  "  fi\n"
                  "  [[ $current != = ]] || current=\n"
                  "  [[ $option != = || $COMP_CWORD -lt 3 ]] || option=${COMP_WORDS[COMP_CWORD - 2]}\n"
                  "  case $command in\n");
    write_second_words(out);
    gai_text(out, "  esac\n"
                  "  [[ -z $words || $COMP_CWORD -eq 2 ]] || command=\"$command ${COMP_WORDS[2]}\" words=\n"
                  "  case \"$command $option\" in\n");
    for (const struct command *command = commands_all(); command->name; command++)
        write_values(command, out);
    gai_text(out, "  *)\n"
                  "    [[ $current != -* ]] || case $command in\n");
    for (const struct command *command = commands_all(); command->name; command++)
        write_options(command, out);
    gai_text(out, "    esac ;;\n"
                  "  esac\n"
                  "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                  "}\n"
                  "complete -o default -F _ggml_alloc ggml-alloc\n");
}

enum exit_code command_completion(const struct options *options, struct text *out)
{
    if (strcmp(options->files[0], "bash") != 0) {
        complain("no completion for '%s'; there is bash", options->files[0]);
        return EXIT_USAGE;
    }
    write_bash(out);
    return EXIT_YES;
}
