/*
 * complete_bash.c - a completion for bash
 */
#include "cli/complete.h"

static void write_words(const char *const *words, struct text *out)
{
    for (int i = 0; words && words[i]; i++)
        gai_text(out, " %s", words[i]);
}

/* First words, or second words of `group`. */
static void write_names(const char *group, struct text *out)
{
    for (struct completed_word word = { 0 }; completed_next(group, &word);)
        gai_text(out, " %s", word.name);
}

static void write_second_words(struct text *out)
{
    for (struct completed_word word = { 0 }; completed_next(NULL, &word);)
        if (command_is_group(word.name)) {
            gai_text(out, "    %s) words='", word.name);
            write_names(word.name, out);
            gai_text(out, "' ;;\n");
        } else if (word.last->words) {
            gai_text(out, "    %s) words='", word.name);
            write_words(word.last->words, out);
            gai_text(out, "' ;;\n");
        }
}

static void write_values(const struct command *command, struct text *out)
{
    for (const struct option *option = NULL; (option = option_next(command, option));) {
        if (!option->value)
            continue;
        gai_text(out, "    '%s %s') words='", command->name, option->name);
        write_words(option->words, out);
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
void complete_bash(struct text *out)
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
