/*
 * complete_zsh.c - a completion for zsh
 */
#include "cli/complete.h"

#include <string.h>

/* Within quotes; brackets end what is said of an option. */
static void write_quoted(const char *words, struct text *out)
{
    for (; *words; words++) {
        if (*words == '\'')
            gai_text(out, "'\\''");
        else
            gai_text(out, "%s%c", strchr("[]:\\", *words) ? "\\" : "", *words);
    }
}

static void write_values(const char *const *words, struct text *out)
{
    gai_text(out, "(");
    for (int i = 0; words[i]; i++)
        gai_text(out, "%s%s", i ? " " : "", words[i]);
    gai_text(out, ")");
}

static void write_option(const struct option *option, struct text *out)
{
    gai_text(out, " \\\n      '%s%s%s[", option->read == read_extra ? "*" : "", option->name, option->value ? "=" : "");
    write_quoted(option->help, out);
    gai_text(out, "]");
    if (option->value) {
        gai_text(out, ":");
        write_quoted(option->value, out);
        gai_text(out, ":");
        if (option->words)
            write_values(option->words, out);
        else
            gai_text(out, "%s", option_names_file(option) ? "_files" : " ");
    }
    gai_text(out, "'");
}

static void write_arguments(const struct command *command, struct text *out)
{
    gai_text(out, "  '%s')\n    _arguments", command->name);
    for (const struct option *option = NULL; (option = option_next(command, option));)
        write_option(option, out);
    if (option_find(command, "--output"))
        gai_text(out, " \\\n      '-o[as --output]:FILE:_files'");
    gai_text(out, " \\\n      '-h[the short help]'");
    if (command->max_files > 0) {
        gai_text(out, " \\\n      '*:%s:", command->files);
        if (command->words)
            write_values(command->words, out);
        else
            gai_text(out, "_files");
        gai_text(out, "'");
    }
    gai_text(out, " ;;\n");
}

/* Words and what they do, for _describe; `group` NULL: the first words. */
static void write_names(const char *group, struct text *out)
{
    gai_text(out, "names=(");
    for (struct completed_word word = { 0 }; completed_next(group, &word);) {
        gai_text(out, "\n      '%s:", word.name);
        write_quoted(word.tells, out);
        gai_text(out, "'");
    }
    gai_text(out, ")\n");
}

void complete_zsh(struct text *out)
{
    gai_text(out, "#compdef ggml-alloc\n"
                  "# Completes ggml-alloc's command lines in zsh; written by 'ggml-alloc completion zsh'.\n"
                  "_ggml_alloc() {\n"
                  "  local -a names\n"
                  "  if (( CURRENT == 2 )); then\n    ");
    write_names(NULL, out);
    gai_text(out, "    _describe -t commands command names\n"
                  "    return\n"
                  "  fi\n"
                  "  local command=$words[2]\n"
                  "  case $command in\n");
    for (struct completed_word word = { 0 }; completed_next(NULL, &word);)
        if (command_is_group(word.name)) {
            gai_text(out, "  %s)\n    ", word.name);
            write_names(word.name, out);
            gai_text(out, "    (( CURRENT == 3 )) && { _describe -t commands what names; return }\n"
                          "    command+=\" $words[3]\"\n"
                          "    shift words\n"
                          "    (( CURRENT-- )) ;;\n");
        }
    gai_text(out, "  esac\n"
                  "  shift words\n"
                  "  (( CURRENT-- ))\n"
                  "  case $command in\n");
    for (const struct command *command = commands_all(); command->name; command++)
        write_arguments(command, out);
    gai_text(out, "  esac\n"
                  "}\n"
                  "if [[ $funcstack[1] == _ggml_alloc || $funcstack[1] == _ggml-alloc ]]; then\n"
                  "  _ggml_alloc \"$@\"\n"
                  "else\n"
                  "  compdef _ggml_alloc ggml-alloc\n"
                  "fi\n");
}
