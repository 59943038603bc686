/*
 * manual.c - ggml-alloc manual: the page for man, from the tables that the command reads its lines by
 */
#include "cli/help.h"
#include "cli/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DATE "2026-11-21" /* of the last change that a reader would mind */

enum { LINE = 72 }; /* of the source; nobody but a linter minds */

static void write_char(char c, struct text *out)
{
    switch (c) {
    case '-':
        gai_text(out, "\\-");
        break;
    case '\\':
        gai_text(out, "\\e");
        break;
    case '\'':
        gai_text(out, "\\(aq");
        break;
    case '`':
        gai_text(out, "\\(ga");
        break;
    default:
        gai_text_raw(out, &c, 1);
    }
}

static void write_word(const char *word, size_t len, struct text *out)
{
    if (*word == '.')
        gai_text(out, "\\&");
    for (size_t i = 0; i < len; i++)
        write_char(word[i], out);
}

/* Prose in lines of the source: each sentence begins one, a new line breaks one. */
static void write_prose(const char *prose, struct text *out)
{
    size_t column = 0;
    for (const char *at = prose; *at;) {
        size_t len = strcspn(at, " \n");
        bool is_first = column == 0;
        if (!is_first && column + 1 + len > LINE) {
            gai_text(out, "\n");
            column = 0;
            is_first = true;
        }
        gai_text(out, "%s", is_first ? "" : " ");
        write_word(at, len, out);
        column += len + 1;
        bool ends = len > 1 && strchr(".?", at[len - 1]) && at[len - 2] != '.';
        at += len;
        if (*at == '\n')
            gai_text(out, "\n.br\n");
        else if (ends && *at)
            gai_text(out, "\n");
        if (*at == '\n' || ends)
            column = 0;
        at += strspn(at, " \n");
    }
    gai_text(out, "\n");
}

static void write_sentence(const char *words, struct text *out)
{
    char sentence[512];
    size_t len = strlen(words);
    bool asks = len && words[len - 1] == '?';
    (void)snprintf(sentence, sizeof sentence, "%c%s%s", toupper((unsigned char)*words), len ? words + 1 : "", asks ? "" : ".");
    write_prose(sentence, out);
}

/* ---- parts of the page ---- */

static void write_examples(const struct example *examples, struct text *out)
{
    for (; examples->arguments; examples++) {
        gai_text(out, ".TP\n.B ggml\\-alloc ");
        write_word(examples->arguments, strlen(examples->arguments), out);
        gai_text(out, "\n");
        write_prose(examples->tells, out);
    }
}

static void write_takes(const struct command *command, struct text *out)
{
    gai_text(out, "Takes\n");
    for (const struct option *option = NULL; (option = option_next(command, option));)
        if (option->set) {
            gai_text(out, ".B ");
            write_word(option->name, strlen(option->name), out);
            gai_text(out, "\n");
        }
}

static void write_command(const struct command *command, struct text *out)
{
    gai_text(out, ".SS ggml\\-alloc %s \\fI%s\\fR\n", command->name, command->files);
    write_sentence(command->summary, out);
    if (*command->help)
        write_prose(command->help, out);
    gai_text(out, ".PP\n");
    write_takes(command, out);
    write_examples(command->examples, out);
}

/* Which commands take it, in italics. */
static void write_takers(const struct option *option, struct text *out)
{
    const char *before = ".br\nOf";
    for (const struct command *command = commands_all(); option->set && command->name; command++)
        if (option_is_of(option, command)) {
            gai_text(out, "%s\n\\fI%s\\fR", before, command->name);
            before = ",";
        }
    gai_text(out, "%s", option->set ? "\n" : "");
}

static void write_option(const struct option *option, struct text *out)
{
    char words[512];
    gai_text(out, ".TP\n\\fB");
    write_word(option->name, strlen(option->name), out);
    gai_text(out, "\\fR%s\\fI%s\\fR\n", option->value ? "=" : "", option->value ? option->value : "");
    option_say(option, true, words, sizeof words);
    write_prose(words, out);
    write_takers(option, out);
}

static void write_exits(struct text *out)
{
    gai_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < N_EXITS; i++) {
        gai_text(out, ".TP\n.B %d\n", (int)exit_meanings[i].code);
        write_prose(exit_meanings[i].tells, out);
    }
    gai_text(out, ".PP\nOf several files the largest counts.\n");
}

static void write_environment(struct text *out)
{
    gai_text(out, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\n");
    write_prose("when it is not empty, no colours but with --color=always", out);
    gai_text(out, ".TP\n.B COLUMNS\n");
    write_prose("how wide 'show' draws with letters, 40 to 200", out);
}

enum exit_code command_manual(const struct options *options, struct text *out)
{
    uint32_t version = ga_version();
    (void)options;
    gai_text(out, ".\\\" Written by 'ggml-alloc manual'.\n");
    gai_text(out, ".TH GGML\\-ALLOC 1 \"" DATE "\" \"ggml\\-alloc %u.%u.%u\"\n", (unsigned)(version >> 16),
             (unsigned)(version >> 8 & 0xff), (unsigned)(version & 0xff));
    gai_text(out, ".SH NAME\nggml\\-alloc \\- plan the memory of tensor graphs\n"
                  ".SH SYNOPSIS\n.B ggml\\-alloc\n.I COMMAND FILE...\n.RI [ OPTION ...]\n.SH DESCRIPTION\n");
    write_prose(
        "Decides where every tensor of a graph goes, in as little memory as possible, proves how low any plan could go, and tells "
        "which tensors make the peak.  It reads graphs recorded from an engine (.tgraph), bare intervals (CSV), traces of "
        "allocations, and headers of GGUF files; - is stdin.  Sizes may have units: 4096, 64KiB, 1.5GiB.  Ids of tensors are "
        "the file's, from 0.",
        out);
    gai_text(out, ".SH EXAMPLES\n");
    write_examples(first_examples, out);
    gai_text(out, ".SH COMMANDS\n");
    for (const struct command *command = commands_all(); command->name; command++)
        write_command(command, out);
    gai_text(out, ".SH OPTIONS\nIn brackets stands what holds without them.\n");
    for (const struct option *option = NULL; (option = option_next(NULL, option));)
        write_option(option, out);
    write_exits(out);
    write_environment(out);
    return EXIT_YES;
}
