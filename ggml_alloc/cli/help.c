/*
 * help.c - what -h and --help say: a line per option, or examples first and then all of it
 */
#include "cli/help.h"

#include "cli/options.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, LEFT = 20 }; /* columns: of a line, and where the words about an option begin */

const struct example first_examples[] = {
    { "plan graph.tgraph", "what a recorded graph needs, and how low any plan could go" },
    { "why graph.tgraph", "what makes its peak" },
    { "show graph.tgraph --format=html -o graph.html", "a page to look at it" },
    { "measure graph.tgraph --capacity=8GiB", "does it fit? exits with 0 or 1" },
    { "gguf model.gguf --ctx=32768 --budget=24GiB", "what a model needs; does that fit?" },
    { 0 },
};

const struct exit_meaning exit_meanings[] = {
    { EXIT_YES, "yes: done, it fits, the plan is right" },
    { EXIT_NO, "no: it does not fit or is not known to, the plan is wrong" },
    { EXIT_USAGE, "the command line makes no sense" },
    { EXIT_INPUT, "a file makes no sense; FILE:LINE, what, and how to mend it" },
    { EXIT_RESOURCES, "no memory, or no room to write" },
};

/* Words up to the width; `column` is where the first line stands, `indent` where others begin. */
static void write_wrapped(size_t column, size_t indent, const char *words, struct text *out)
{
    bool is_first = true;
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, " \n"), gap = strspn(at + len, " ");
        bool ends = at[len + gap] == '\n';
        if (!is_first && column + 1 + len > WIDTH) {
            gai_text(out, "\n%*s", (int)indent, "");
            column = indent;
            is_first = true;
        }
        gai_text(out, "%s%.*s", is_first ? "" : " ", (int)len, at);
        column += len + !is_first;
        is_first = ends;
        at += len + gap + ends;
        if (ends) {
            gai_text(out, "\n%*s", (int)indent, "");
            column = indent;
        }
    }
    gai_text(out, "\n");
}

/* ---- of one command ---- */

static void write_option(const struct option *option, bool in_full, struct text *out)
{
    char left[40], words[512];
    int len = snprintf(left, sizeof left, "%s%s%s", option->name, option->value ? "=" : "", option->value ? option->value : "");
    option_say(option, in_full, words, sizeof words);
    gai_text(out, "  %-*s", LEFT - 2, left);
    if (len >= LEFT - 2)
        gai_text(out, "\n%*s", LEFT, "");
    write_wrapped(LEFT, LEFT, words, out);
}

static void write_options(const struct command *command, bool in_full, struct text *out)
{
    gai_text(out, "\nOptions [and what holds without them]:\n");
    for (const struct option *option = NULL; (option = option_next(command, option));)
        if (in_full || !(option->set & RARELY))
            write_option(option, in_full, out);
}

static void write_examples(const struct example *examples, struct text *out)
{
    gai_text(out, "Examples:\n");
    for (; examples->arguments; examples++)
        gai_text(out, "  ggml-alloc %s\n      %s\n", examples->arguments, examples->tells);
}

static void write_usage(const struct command *command, struct text *out)
{
    gai_text(out, "usage: ggml-alloc %s%s%s [OPTION...]\n", command->name, *command->files ? " " : "", command->files);
}

void help_of_command(const struct command *command, bool in_full, struct text *out)
{
    write_usage(command, out);
    if (in_full) {
        gai_text(out, "\n");
        write_examples(command->examples, out);
        gai_text(out, "\n%s%s\n", command->summary, command->summary[strlen(command->summary) - 1] == '?' ? "" : ".");
        if (*command->help)
            write_wrapped(0, 0, command->help, out);
        write_options(command, true, out);
        return;
    }
    gai_text(out, "%s\n", command->summary);
    write_options(command, false, out);
}

/* ---- of all ---- */

/* Those whose first word is `group`; NULL: all. */
static void write_commands(const char *group, struct text *out)
{
    size_t len = group ? strlen(group) : 0;
    for (const struct command *command = commands_all(); command->name; command++)
        if (!group || (strncmp(command->name, group, len) == 0 && command->name[len] == ' '))
            gai_text(out, "  %-12s %s\n", command->name, command->summary);
}

void help_of_group(const char *group, struct text *out)
{
    gai_text(out, "usage: ggml-alloc %s WHAT [OPTION...]\n\n", group);
    write_commands(group, out);
}

void help_of_all(bool in_full, struct text *out)
{
    gai_text(out, "usage: ggml-alloc COMMAND FILE... [OPTION...]\n");
    if (in_full) {
        gai_text(out, "\n");
        write_examples(first_examples, out);
        gai_text(out, "\nDecides where every tensor of a graph goes, in as little memory as possible.\n\nCommands:\n");
    }
    write_commands(NULL, out);
    if (!in_full) {
        gai_text(out, "ggml-alloc COMMAND -h: its options; --help: examples first, then all of it\n");
        return;
    }
    gai_text(out, "\n  ggml-alloc COMMAND --help tells more, COMMAND -h less; --version the version.\n"
                  "  A FILE of - is stdin.  Sizes may have units: 4096, 64KiB, 1.5GiB.\n"
                  "  Ids of tensors are the file's, from 0.\n\nExit status:\n");
    for (size_t i = 0; i < N_EXITS; i++)
        gai_text(out, "  %d  %s\n", (int)exit_meanings[i].code, exit_meanings[i].tells);
}
