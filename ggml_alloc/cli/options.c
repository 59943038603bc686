/*
 * options.c - command lines, into struct options
 */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

/* The option that an argument names, in full; `value` is what is glued to it, or NULL. */
static const struct option *read_option(const struct command *command, const char *argument, const char **value)
{
    char name[32];
    *value = NULL;
    if (strncmp(argument, "-o", 2) == 0 && (command->takes & (TAKES_OUTPUT | TAKES_MOVES))) {
        if (argument[2])
            *value = argument + 2 + (argument[2] == '=');
        return option_find(command, "--output");
    }
    size_t len = strcspn(argument, "=");
    if (argument[len])
        *value = argument + len + 1;
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), argument);
    const struct option *option = option_find(command, name);
    if (!option)
        complain_option(command, name);
    return option;
}

static bool read_into(const struct option *option, const char *value, struct options *options)
{
    if (option->told)
        *(bool *)((char *)options + option->told) = true;
    return option->read(option, value, options);
}

/* How many arguments the option took; 0: it made no sense. */
static int take_option(struct options *options, int left, char **argv)
{
    const char *value;
    const struct option *option = read_option(options->command, argv[0], &value);
    if (!option)
        return 0;
    if (!option->value && value) {
        complain("%s takes no value", option->name);
        return 0;
    }
    if (!option->value)
        return read_into(option, NULL, options);
    int taken = value ? 1 : 2;
    if (!value && left > 1)
        value = argv[1];
    if (!value) {
        complain("%s needs a value: %s=%s", option->name, option->name, option->value);
        return 0;
    }
    if (read_into(option, value, options))
        return taken;
    complain_value(option, value);
    return 0;
}

bool options_parse(const struct command *command, int argc, char **argv, bool wants_help, struct options *options)
{
    *options = (struct options){
        .command = command,
        .files = argv,
        .inplace = INPLACE_VIEWS,
        .policies = 1u << REPLAY_BASE,
        .gguf = { .kv_type = GGUF_F16 },
        .wants_help = wants_help,
    };
    bool only_files = false;
    for (int i = 0; i < argc;) {
        bool is_file = only_files || argv[i][0] != '-' || argv[i][1] == 0;
        if (!only_files && strcmp(argv[i], "--") == 0) {
            only_files = true;
            i++;
        } else if (!only_files && strcmp(argv[i], "-h") == 0) {
            options->wants_short_help = true;
            i++;
        } else if (is_file) {
            options->files[options->n_files++] = argv[i++];
        } else {
            int taken = take_option(options, argc - i, argv + i);
            if (taken == 0)
                return false;
            i += taken;
        }
    }
    if (options->wants_help || options->wants_short_help)
        return true;
    if (options->n_files < command->min_files || options->n_files > command->max_files) {
        const char *space = *command->files ? " " : "";
        complain("usage: ggml-alloc %s%s%s; see 'ggml-alloc %s --help'", command->name, space, command->files, command->name);
        return false;
    }
    for (int i = 0; i < options->n_files; i++)
        options->n_stdin += strcmp(options->files[i], "-") == 0;
    if (options->n_stdin > 1)
        complain("stdin, which - stands for, can be read once only");
    return options->n_stdin <= 1;
}
