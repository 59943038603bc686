/*
 * options_say.c - what helps and complaints say of options, and which word was meant
 */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

void options_help(const struct command *command, struct text *out)
{
    for (const struct option *option = NULL; (option = option_next(command, option));) {
        char left[40];
        snprintf(left, sizeof left, "%s%s%s", option->name, option->value ? "=" : "", option->value ? option->value : "");
        gai_text(out, "  %-18s %s\n", left, option->help);
    }
}

/* Insertions, deletions and changes between two short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], n = strlen(b);
    if (n >= sizeof row / sizeof *row)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t changed = diagonal + (a[i] != b[j]);
            size_t shorter = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = changed < shorter ? changed : shorter;
        }
    }
    return row[n];
}

struct guess {
    const char *word, *best;
    size_t least;
};

static struct guess guess_start(const char *word)
{
    return (struct guess){ .word = word, .least = strlen(word) / 3 + 2 };
}

static void guess_try(struct guess *guess, const char *candidate)
{
    size_t d = distance(guess->word, candidate);
    if (d < guess->least) {
        guess->least = d;
        guess->best = candidate;
    }
}

const char *did_you_mean(const char *word, const char *const *words)
{
    struct guess guess = guess_start(word);
    for (; *words; words++)
        guess_try(&guess, *words);
    return guess.best;
}

void complain_option(const struct command *command, const char *name)
{
    struct guess guess = guess_start(name);
    for (const struct option *option = NULL; (option = option_next(command, option));)
        guess_try(&guess, option->name);
    const char *meant = guess.best;
    if (meant)
        complain("'%s' does not know the option '%s'; did you mean '%s'?", command->name, name, meant);
    else
        complain("'%s' does not know the option '%s'; see 'ggml-alloc %s --help'", command->name, name, command->name);
}

void complain_value(const struct option *option, const char *value)
{
    char list[80];
    size_t len = 0;
    for (int i = 0; option->words && option->words[i]; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", option->words[i]);
    const char *meant = option->words ? did_you_mean(value, option->words) : NULL;
    if (meant)
        complain("'%s' is no value of %s; did you mean '%s'? There are %s", value, option->name, meant, list);
    else if (option->words)
        complain("'%s' is no value of %s; there are %s", value, option->name, list);
    else
        complain("'%s' is no value of %s=%s: %s", value, option->name, option->value, option->help);
}
