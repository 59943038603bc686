/*
 * options_say.c - what helps and complaints say of options, and which word was meant
 */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

enum { LINE = 60 }; /* what a short help has room for */

static size_t list_words(const char *const *words, const char *before, char *buf, size_t cap)
{
    size_t len = 0;
    for (int i = 0; words[i] && len < cap; i++)
        len += (size_t)snprintf(buf + len, cap - len, "%s%s", i ? ", " : before, words[i]);
    return len;
}

void option_say(const struct option *option, bool in_full, char *buf, size_t cap)
{
    size_t len = (size_t)snprintf(buf, cap, "%s", option->help), most = in_full ? cap : LINE + 1;
    if (option->words && len < cap)
        len += list_words(option->words, *option->help ? ": " : "", buf + len, cap - len);
    if (option->words && len + (option->otherwise ? strlen(option->otherwise) + 3 : 0) >= most)
        len = list_words(option->words, "", buf, cap);
    if (option->otherwise && len < cap)
        len += (size_t)snprintf(buf + len, cap - len, " [%s]", option->otherwise);
    if (in_full && option->more && len < cap)
        (void)snprintf(buf + len, cap - len, "; %s", option->more);
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

struct guess guess_start(const char *word)
{
    return (struct guess){ .word = word, .least = strlen(word) / 3 + 2 };
}

void guess_try(struct guess *guess, const char *candidate)
{
    size_t d = distance(guess->word, candidate);
    if (d < guess->least) {
        guess->least = d;
        guess->best = candidate;
    }
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
    char list[160] = "";
    if (option->words)
        (void)list_words(option->words, "", list, sizeof list);
    struct guess guess = guess_start(value);
    for (int i = 0; option->words && option->words[i]; i++)
        guess_try(&guess, option->words[i]);
    const char *meant = guess.best;
    if (meant)
        complain("'%s' is no value of %s; did you mean '%s'? There are %s", value, option->name, meant, list);
    else if (option->words)
        complain("'%s' is no value of %s; there are %s", value, option->name, list);
    else
        complain("'%s' is no value of %s=%s: %s", value, option->name, option->value, option->help);
}
