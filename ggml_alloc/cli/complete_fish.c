/*
 * complete_fish.c - a completion for fish
 */
#include "cli/complete.h"

#include <string.h>

static void write_quoted(const char *words, struct text *out)
{
    gai_text(out, "'");
    for (; *words; words++)
        gai_text(out, "%s%c", strchr("'\\", *words) ? "\\" : "", *words);
    gai_text(out, "'");
}

/* A line of what is offered where `where` holds. */
static void write_rule(const char *where, const char *of, struct text *out)
{
    gai_text(out, "complete -c ggml-alloc -n '%s%s'", where, of);
}

static void write_values(const char *const *words, struct text *out)
{
    gai_text(out, " -a '");
    for (int i = 0; words[i]; i++)
        gai_text(out, "%s%s", i ? " " : "", words[i]);
    gai_text(out, "'");
}

static void write_option(const struct command *command, const struct option *option, struct text *out)
{
    write_rule("__ggml_alloc_is ", command->name, out);
    gai_text(out, " -l %s", option->name + 2);
    if (strcmp(option->name, "--output") == 0)
        gai_text(out, " -s o");
    if (option->value)
        gai_text(out, "%s", option_names_file(option) ? " -rF" : " -x");
    if (option->words)
        write_values(option->words, out);
    gai_text(out, " -d ");
    write_quoted(option->help, out);
    gai_text(out, "\n");
}

static void write_command(const struct command *command, struct text *out)
{
    if (command->max_files == 0 || command->words) {
        write_rule("__ggml_alloc_is ", command->name, out);
        gai_text(out, " -f");
        if (command->words)
            write_values(command->words, out);
        gai_text(out, "\n");
    }
    for (const struct option *option = NULL; (option = option_next(command, option));)
        write_option(command, option, out);
    write_rule("__ggml_alloc_is ", command->name, out);
    gai_text(out, " -s h -d 'the short help'\n");
}

static void write_names(const char *group, struct text *out)
{
    for (struct completed_word word = { 0 }; completed_next(group, &word);) {
        write_rule("__ggml_alloc_begins ", group ? group : "", out);
        gai_text(out, " -f -a %s -d ", word.name);
        write_quoted(word.tells, out);
        gai_text(out, "\n");
        if (!group && command_is_group(word.name))
            write_names(word.name, out);
    }
}

void complete_fish(struct text *out)
{
    gai_text(out, "# Completes ggml-alloc's command lines in fish; written by 'ggml-alloc completion fish'.\n"
                  "\n"
                  "# Are these all words up to here, behind the program's name?\n"
                  "function __ggml_alloc_begins\n"
                  "    set -l words (commandline -poc)[2..-1]\n"
                  "    test \"$words\" = \"$argv\"\n"
                  "end\n"
                  "\n"
                  "# Do the words up to here begin with these?\n"
                  "function __ggml_alloc_is\n"
                  "    set -l words (commandline -poc)[2..-1]\n"
                  "    string match -q -- \"$argv *\" \"$words \"\n"
                  "end\n\n");
    write_names(NULL, out);
    for (const struct command *command = commands_all(); command->name; command++)
        write_command(command, out);
}
