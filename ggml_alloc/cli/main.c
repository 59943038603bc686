/*
 * main.c - the ggml-alloc command: plans recorded graphs and bare intervals
 */
#include "cli/help.h"
#include "cli/output.h"
#include "cli/system.h"

#include <string.h>

/* Runs with an output that is there. */
typedef enum exit_code deed(const void *what, struct text *out);

static enum exit_code with_output(const char *path, deed *act, const void *what)
{
    struct output output;
    if (!output_open(&output, path))
        return EXIT_RESOURCES;
    struct ga_sink sink = output_sink(&output);
    struct text out = text_to(&sink);
    enum exit_code code = act(what, &out);
    (void)gai_text_end(&out); /* the output remembers why */
    return exit_worse(code, output_close(&output, code <= EXIT_NO));
}

static enum exit_code run(const void *what, struct text *out)
{
    const struct options *options = what;
    return options->command->run(options, out);
}

/* What is asked for instead of work. */
struct question {
    enum { ASKS_NOTHING, ASKS_VERSION, ASKS_HELP } of;
    bool in_full;
    const char *group; /* the first word of commands of two, or NULL */
    const struct command *command;
};

static enum exit_code answer(const void *what, struct text *out)
{
    const struct question *question = what;
    uint32_t version = ga_version();
    if (question->of == ASKS_VERSION)
        gai_text(out, "ggml-alloc %u.%u.%u\n", (unsigned)(version >> 16), (unsigned)(version >> 8 & 0xff),
                 (unsigned)(version & 0xff));
    else if (question->command)
        help_of_command(question->command, question->in_full, out);
    else if (question->group)
        help_of_group(question->group, out);
    else
        help_of_all(question->in_full, out);
    return EXIT_YES;
}

/* Of words before any command: --version, --help, -h, gen --help; "help X" is "X --help". */
static struct question read_question(int argc, char **argv, bool is_help)
{
    const char *first = argc > 0 ? argv[0] : "--help";
    const char *second = argc > 1 ? argv[1] : is_help ? "--help" : "";
    struct question question = { .of = ASKS_HELP, .in_full = true };
    if (strcmp(first, "--version") == 0)
        question.of = ASKS_VERSION;
    else if (strcmp(first, "-h") == 0)
        question.in_full = false;
    else if (command_is_group(first) && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0))
        question.group = first;
    else if (strcmp(first, "--help") != 0)
        question.of = ASKS_NOTHING;
    return question;
}

int main(int argc, char **argv)
{
    system_begin();
    if (argc < 2) {
        complain("no command; see 'ggml-alloc --help'");
        return EXIT_USAGE;
    }
    bool is_help = strcmp(argv[1], "help") == 0;
    int skip = 1 + is_help, words;
    struct question question = read_question(argc - skip, argv + skip, is_help);
    if (question.of != ASKS_NOTHING)
        return (int)with_output(NULL, answer, &question);
    struct options options;
    question.command = command_find(argc - skip, argv + skip, &words);
    if (!question.command || !options_parse(question.command, argc - skip - words, argv + skip + words, is_help, &options))
        return EXIT_USAGE;
    question.in_full = options.wants_help;
    if (options.wants_help || options.wants_short_help)
        return (int)with_output(NULL, answer, &question);
    return (int)with_output(options.output, run, &options);
}
