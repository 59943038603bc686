/*
 * main.c - the ggml-alloc command: plans recorded graphs and bare intervals
 */
/* For SIGPIPE. */
#define _POSIX_C_SOURCE 200809L

#include "cli/output.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PLANNING (TAKES_EFFORT | TAKES_PLANNING | TAKES_CAPACITY | TAKES_GRAPH | TAKES_LIMITS | TAKES_OUTPUT)

static const struct command commands[] = {
    { "plan", "FILE...", "place every tensor; peak, bound and who proved it",
      "FILE is a recorded graph (.tgraph) or intervals (CSV: id,lower,upper,size[,alignment][,offset]); - is stdin.\n"
      "Exits with 0, or with 1 when --capacity is given and the plan does not fit.  --effort=prove says for sure whether any "
      "does.\n"
      "SIGINT ends the work with the best plan so far; a second one kills.\n",
      PLANNING | TAKES_FORMAT | TAKES_ORDER, 1, ANY_FILES, command_plan },
    { "show", "FILE...", "a picture: time to the right, addresses upwards",
      "Letters on a terminal; --format=svg a drawing; html a page to move about in, with search and what lives at a step;\n"
      "memviz, trace and c are for other programs.\n",
      PLANNING | TAKES_PICTURE | TAKES_ORDER, 1, ANY_FILES, command_show },
    { "measure", "FILE...", "how much each pool needs, a line per file and pool",
      "Exits with 1 when a pool, with what it needs beyond the graph, takes more than --budget, or is not known to fit "
      "--capacity:\n"
      "planning stops where that is met.\n",
      PLANNING | TAKES_BUDGET | TAKES_ORDER, 1, ANY_FILES, command_measure },
    { "compare", "FILE...", "every effort side by side, with the bound and what the engine got",
      "Up to --effort, prove unless told otherwise; no rung works where one before proved its plan optimal.  `saved` is what the "
      "last\n"
      "needs less than the engine, or than online where the file does not say what the engine got.\n"
      "--format=changes and html hold two plans against each other: online's and --effort's of one FILE; those of two FILEs; or\n"
      "PLANs (plan format) for the FILE before them, one beside --effort's.\n",
      PLANNING | TAKES_PAIR, 1, ANY_FILES, command_compare },
    { "why", "FILE...", "what makes the peak: the step, and what lives there", "", PLANNING | TAKES_POOL, 1, ANY_FILES,
      command_why },
    { "order", "GRAPH", "run its nodes in an order that needs less memory",
      "Sources stay before their readers, writes through views among all that touch the same bytes, steps together.  Of equal "
      "orders\n"
      "it takes one near to the order given, and keeps that when nothing is better.\n"
      "stdout tells what moved and why it helps, or as JSON the ids in the new order; -o writes the graph in that order.\n",
      TAKES_EFFORT | TAKES_PLANNING | TAKES_GRAPH | TAKES_LIMITS | TAKES_FORMAT | TAKES_MOVES, 1, 1, command_order },
    { "check", "FILE PLAN", "is PLAN (csv or plan format) right for FILE?",
      "Exits with 1 when it is not, and says which two tensors share bytes.  With --order PLAN lists the nodes of FILE in another\n"
      "order: ids, or what 'order --format=json' writes.\n",
      TAKES_GRAPH | TAKES_LIMITS | TAKES_OUTPUT | TAKES_ORDER, 2, 2, command_check },
    { "intervals", "GRAPH", "the placement problem of a graph as interval CSV",
      "Lives are half open, [lower, upper); what may be taken over is not in it.\n",
      TAKES_GRAPH | TAKES_LIMITS | TAKES_POOL | TAKES_OUTPUT, 1, 1, command_intervals },
    { "gen perfect", "", "a hard instance: a rectangle of 1 MiB, cut into pieces",
      "Interval CSV, shuffled. All pieces together fit into 1048576 bytes, and into no less; --solution tells how.\n",
      TAKES_CUTS | TAKES_OUTPUT, 0, 0, command_gen_perfect },
    { "gen random", "", "a large instance: lives and sizes at random",
      "Interval CSV. Births are uniform, sizes log-uniform from 256 bytes to 16 MiB.\n", TAKES_CHANCE | TAKES_OUTPUT, 0, 0,
      command_gen_random },
    { "gen trace", "", "a trace of allocations: serving, diffusion or training", "Lines as `replay` reads them.\n",
      TAKES_PROGRAM | TAKES_OUTPUT, 0, 0, command_gen_trace },
    { "replay", "TRACE", "a trace of allocations through the run-time allocators",
      "TRACE is ours (gen trace shows it), a log of RMM (CSV), or a memory snapshot of PyTorch with its history (JSON).\n"
      "Exits with 1 when an allocation found no space.\n",
      TAKES_REPLAY | TAKES_OUTPUT, 1, 1, command_replay },
    { "gguf", "FILE", "what a model will need: weights, caches, graph, and the rest",
      "From the header of a GGUF file (of all parts, when it is one of several) and a recorded graph; weights are never read.\n"
      "Everything is on one device but what --extra or the graph put elsewhere.  Exits with 1 when a device needs more than "
      "--budget.\n",
      TAKES_GGUF | TAKES_BUDGET | TAKES_PLANNING | TAKES_EFFORT | TAKES_GRAPH | TAKES_OUTPUT, 1, 1, command_gguf },
    { "report", "RESULTS [AFTER]", "planners compared, from what bench_place --peers wrote",
      "RESULTS are JSON lines or CSV: peer, instance, n, peak, load, proved, median_ns, min_ns, bytes, ...\n"
      "With AFTER: what changed since RESULTS; exits with 1 when a peak is higher.\n",
      TAKES_REPORT | TAKES_OUTPUT, 1, 2, command_report },
    { "completion", "SHELL", "a script that completes these command lines; for bash",
      "Installed with the command; else: source <(ggml-alloc completion bash)\n", TAKES_OUTPUT, 1, 1, command_completion },
    { NULL, NULL, NULL, NULL, 0, 0, 0, NULL },
};

const struct command *commands_all(void)
{
    return commands;
}

static void print_help(struct text *out)
{
    gai_text(out, "usage: ggml-alloc COMMAND FILE... [OPTION...]\n\n"
                  "Decides where every tensor of a graph goes, in as little memory as possible.\n\n");
    for (const struct command *command = commands; command->name; command++)
        gai_text(out, "  %-12s %-10s %s\n", command->name, command->files, command->summary);
    gai_text(out, "\n  ggml-alloc COMMAND --help tells more; --version the version.\n"
                  "  Sizes may have units: 4096, 64KiB, 1.5GiB.  Tensor ids are the file's, from 0.\n"
                  "  Exit: 0 yes, it fits; 1 no; 2 usage; 3 bad input; 4 no memory or no room.\n");
}

static void print_command_help(const struct command *command, struct text *out)
{
    gai_text(out, "usage: ggml-alloc %s%s%s [OPTION...]\n\n%s.\n%s\n", command->name, *command->files ? " " : "", command->files,
             command->summary, command->help);
    options_help(command, out);
}

/* How many arguments name this command: its one word or its two; 0: they name another. */
static int words_taken(const struct command *command, int argc, char **argv)
{
    const char *name = command->name;
    for (int i = 0; i < argc; i++) {
        size_t len = strlen(argv[i]);
        if (strncmp(name, argv[i], len) != 0 || (name[len] && name[len] != ' '))
            return 0;
        if (!name[len])
            return i + 1;
        name += len + 1;
    }
    return 0;
}

static const char *meant_by(int argc, char **argv)
{
    const char *names[sizeof commands / sizeof *commands];
    char both[32];
    size_t n = 0, len = strlen(argv[0]);
    for (const struct command *command = commands; command->name; command++) {
        if (strncmp(command->name, argv[0], len) == 0 && command->name[len] == ' ' && argc == 1)
            return command->name;
        names[n++] = command->name;
    }
    names[n] = NULL;
    snprintf(both, sizeof both, "%s %s", argv[0], argc > 1 ? argv[1] : "");
    const char *meant = did_you_mean(argv[0], names);
    return meant ? meant : did_you_mean(both, names);
}

/* `words`: how many arguments its name takes. */
static const struct command *find_command(int argc, char **argv, int *words)
{
    for (const struct command *command = commands; command->name; command++) {
        *words = words_taken(command, argc, argv);
        if (*words)
            return command;
    }
    const char *meant = meant_by(argc, argv);
    if (meant)
        complain("unknown command '%s'; did you mean '%s'?", argv[0], meant);
    else
        complain("unknown command '%s'; see 'ggml-alloc --help'", argv[0]);
    return NULL;
}

static enum exit_code run(const struct options *options)
{
    struct output output;
    if (!output_open(&output, options->output))
        return EXIT_RESOURCES;
    struct ga_sink sink = output_sink(&output);
    struct text out = text_to(&sink);
    enum exit_code code = EXIT_YES;
    if (options->wants_help)
        print_command_help(options->command, &out);
    else
        code = options->command->run(options, &out);
    (void)gai_text_end(&out); /* the output remembers why */
    return exit_worse(code, output_close(&output, code <= EXIT_NO));
}

static enum exit_code say(void (*print)(struct text *out))
{
    struct output output;
    output_open(&output, NULL);
    struct ga_sink sink = output_sink(&output);
    struct text out = text_to(&sink);
    print(&out);
    (void)gai_text_end(&out);
    return output_close(&output, true);
}

static void print_version(struct text *out)
{
    uint32_t version = ga_version();
    gai_text(out, "ggml-alloc %u.%u.%u\n", (unsigned)(version >> 16), (unsigned)(version >> 8 & 0xff), (unsigned)(version & 0xff));
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        complain("no command; see 'ggml-alloc --help'");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return (int)say(print_help);
    if (strcmp(argv[1], "--version") == 0)
        return (int)say(print_version);
    int words;
    const struct command *command = find_command(argc - 1, argv + 1, &words);
    struct options options;
    if (!command || !options_parse(command, argc - 1 - words, argv + 1 + words, &options))
        return EXIT_USAGE;
    return (int)run(&options);
}
