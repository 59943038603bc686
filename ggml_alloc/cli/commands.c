/*
 * commands.c - every command: what it is called and takes, and what its help says
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define PLANNING (TAKES_EFFORT | TAKES_PLANNING | TAKES_CAPACITY | TAKES_GRAPH | TAKES_LIMITS | TAKES_OUTPUT)
#define EXAMPLES .examples = (const struct example[])

static const char *const shell_words[] = { "bash", "zsh", "fish", NULL };

static const struct command commands[] = {
    { "plan", "FILE...", "place every tensor; peak, bound and who proved it",
      "FILE is a recorded graph (.tgraph) or intervals (CSV: id,lower,upper,size[,alignment][,offset]).\n"
      "Exits with 1 when --capacity is given and the plan does not fit, or is not known to; --effort=prove says for sure whether "
      "any "
      "does.  SIGINT ends the work with the best plan so far; a second one kills.",
      PLANNING | TAKES_FORMAT | TAKES_ORDER, 1, ANY_FILES, command_plan,
      EXAMPLES{ { "plan graph.tgraph", "what it needs, and how low any plan could go" },
                { "plan graph.tgraph --capacity=8GiB --effort=prove", "does it fit? exits with 0 or 1" },
                { "plan buffers.csv --format=csv -o placed.csv", "the same lines, with offsets" },
                { 0 } } },
    { "show", "FILE...", "a picture: time to the right, addresses upwards",
      "Letters on a terminal; --format=svg a drawing; html a page to move about in, with search and what lives at a step; memviz, "
      "trace and c are for other programs.  Without -o it goes to stdout.",
      PLANNING | TAKES_PICTURE | TAKES_ORDER, 1, ANY_FILES, command_show,
      EXAMPLES{ { "show graph.tgraph", "with letters" },
                { "show graph.tgraph --format=html -o graph.html", "a page for any browser" },
                { "show graph.tgraph --effort=online --format=svg -o graph.svg", "as ggml-alloc places it" },
                { 0 } } },
    { "measure", "FILE...", "how much each pool needs, a line per file and pool",
      "Exits with 1 when a pool, with what it needs beyond the graph, takes more than --budget, or is not known to fit --capacity: "
      "planning stops where that is met.",
      PLANNING | TAKES_BUDGET | TAKES_ORDER, 1, ANY_FILES, command_measure,
      EXAMPLES{ { "measure *.tgraph", "a line for each" },
                { "measure graph.tgraph --budget=512MiB", "exits with 1 when that is exceeded" },
                { 0 } } },
    { "compare", "FILE...", "every effort side by side, with the bound and what the engine got",
      "Up to --effort, prove unless told otherwise; no rung works where one before proved its plan optimal.  `saved` is what the "
      "last needs less than the engine, or than online where the file does not say what the engine got.\n"
      "--format=changes, svg and html hold two plans against each other: online's and --effort's of one FILE; those of two FILEs; "
      "or "
      "PLANs (plan format) for the FILE before them, one beside --effort's.",
      PLANNING | TAKES_PAIR, 1, ANY_FILES, command_compare,
      EXAMPLES{ { "compare *.tgraph --effort=quick", "a table, without those that take long" },
                { "compare before.tgraph after.tgraph --format=changes", "what became of each tensor" },
                { 0 } } },
    { "why", "FILE...", "what makes the peak: the step, and what lives there",
      "Also what binds it, at how many other steps as much lives, what was not computed in place and why, and what another order "
      "of the nodes would save.",
      PLANNING | TAKES_POOL, 1, ANY_FILES, command_why,
      EXAMPLES{ { "why graph.tgraph", "the largest first, and what another order would save" }, { 0 } } },
    { "order", "GRAPH", "run its nodes in an order that needs less memory",
      "Sources stay before their readers, writes through views among all that touch the same bytes, steps together.  Of equal "
      "orders "
      "it takes one near to the order given, and keeps that when nothing is better.\n"
      "stdout tells what moved and why it helps, or as JSON the ids in the new order; -o writes the graph in that order.",
      TAKES_EFFORT | TAKES_PLANNING | TAKES_GRAPH | TAKES_LIMITS | TAKES_MOVES, 1, 1, command_order,
      EXAMPLES{ { "order graph.tgraph -o better.tgraph", "the graph again, in the new order" },
                { "order graph.tgraph --format=json > order.json", "the ids, for an engine to run" },
                { 0 } } },
    { "check", "FILE PLAN", "is PLAN (csv or plan format) right for FILE?",
      "Exits with 1 when it is not, and says which two tensors share bytes.  With --order PLAN lists the nodes of FILE in another "
      "order: ids, or what 'order --format=json' writes.",
      TAKES_GRAPH | TAKES_LIMITS | TAKES_OUTPUT | TAKES_LISTED, 2, 2, command_check,
      EXAMPLES{ { "check graph.tgraph plan.csv", "of whatever planner" },
                { "check graph.tgraph order.json --order", "may it run like this?" },
                { 0 } } },
    { "intervals", "GRAPH", "the placement problem of a graph as interval CSV",
      "Lives are half open, [lower, upper); what may be taken over is not in it.",
      TAKES_GRAPH | TAKES_LIMITS | TAKES_POOL | TAKES_OUTPUT, 1, 1, command_intervals,
      EXAMPLES{ { "intervals graph.tgraph --pool=0 -o buffers.csv", "for another planner" }, { 0 } } },
    { "gen perfect", "", "a hard instance: a rectangle of 1 MiB, cut into pieces",
      "Interval CSV, shuffled.  All pieces together fit into 1048576 bytes, and into no less; --solution tells how.",
      TAKES_CUTS | TAKES_OUTPUT, 0, 0, command_gen_perfect,
      EXAMPLES{ { "gen perfect --pieces=100 --seed=1 -o hard.csv", "is any planner good enough?" }, { 0 } } },
    { "gen random", "", "a large instance: lives and sizes at random",
      "Interval CSV.  Births are uniform, sizes log-uniform from 256 bytes to 16 MiB.", TAKES_CHANCE | TAKES_OUTPUT, 0, 0,
      command_gen_random, EXAMPLES{ { "gen random --n=100000 --kind=mixed -o large.csv", "a hundred thousand" }, { 0 } } },
    { "gen trace", "", "a trace of allocations: serving, diffusion or training", "Lines as 'replay' reads them.",
      TAKES_PROGRAM | TAKES_OUTPUT, 0, 0, command_gen_trace,
      EXAMPLES{ { "gen trace --kind=llm -o serving.trace", "what a language model asks for" }, { 0 } } },
    { "replay", "TRACE", "a trace of allocations through the run-time allocators",
      "TRACE is ours ('gen trace' shows it), a log of RMM (CSV), or a memory snapshot of PyTorch with its history (JSON).  Exits "
      "with "
      "1 when an allocation found no space.",
      TAKES_REPLAY | TAKES_OUTPUT, 1, 1, command_replay,
      EXAMPLES{ { "replay serving.trace --policy=all", "what each policy reserves" },
                { "replay serving.trace --capacity=24GiB", "would it run? exits with 0 or 1" },
                { 0 } } },
    { "gguf", "FILE", "what a model will need: weights, caches, graph, and the rest",
      "From the header of a GGUF file (of all parts, when it is one of several) and a recorded graph; weights are never read.  "
      "Everything is on one device but what --extra or the graph put elsewhere.  Exits with 1 when a device needs more than "
      "--budget.",
      TAKES_GGUF | TAKES_BUDGET | TAKES_PLANNING | TAKES_EFFORT | TAKES_GRAPH | TAKES_OUTPUT, 1, 1, command_gguf,
      EXAMPLES{ { "gguf model.gguf --ctx=32768 --kv-type=q8_0", "weights and caches" },
                { "gguf model.gguf --graph=graph.tgraph --budget=24GiB", "all of it: does it fit?" },
                { 0 } } },
    { "report", "RESULTS [AFTER]", "planners compared, from what bench_place --peers wrote",
      "RESULTS are JSON lines or CSV: peer, instance, n, peak, load, proved, median_ns, min_ns, bytes, ...\n"
      "With AFTER: what changed since RESULTS; exits with 1 when a peak is higher.",
      TAKES_REPORT | TAKES_OUTPUT, 1, 2, command_report,
      EXAMPLES{ { "report results.jsonl --format=html -o results.html", "tables and charts" },
                { "report before.jsonl after.jsonl", "what changed" },
                { 0 } } },
    { "completion", "SHELL", "a script that completes these command lines",
      "Installed with the command.  SHELL is bash, zsh or fish.", TAKES_OUTPUT, 1, 1, command_completion,
      EXAMPLES{ { "completion fish > ~/.config/fish/completions/ggml-alloc.fish", "for who installed by hand" }, { 0 } },
      .words = shell_words },
    { "manual", "", "the page for man", "Installed with the command.", TAKES_OUTPUT, 0, 0, command_manual,
      EXAMPLES{ { "manual | man -l -", "to read it from here" }, { 0 } } },
    { NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL },
};

const struct command *commands_all(void)
{
    return commands;
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

bool command_is_group(const char *word)
{
    size_t len = strlen(word);
    for (const struct command *command = commands; command->name; command++)
        if (strncmp(command->name, word, len) == 0 && command->name[len] == ' ')
            return true;
    return false;
}

static void complain_group(const char *word)
{
    size_t len = strlen(word), n = 0;
    char list[120] = "";
    for (const struct command *command = commands; command->name && n < sizeof list; command++)
        if (strncmp(command->name, word, len) == 0 && command->name[len] == ' ')
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", command->name + len + 1);
    complain("%s what? There are %s", word, list);
}

static void complain_command(int argc, char **argv)
{
    char both[32];
    (void)snprintf(both, sizeof both, "%s %s", argv[0], argc > 1 ? argv[1] : "");
    struct guess one = guess_start(argv[0]), two = guess_start(both);
    for (const struct command *command = commands; command->name; command++) {
        guess_try(&one, command->name);
        guess_try(&two, command->name);
    }
    const char *meant = one.best ? one.best : two.best;
    if (meant)
        complain("unknown command '%s'; did you mean '%s'?", argv[0], meant);
    else if (command_is_group(argv[0]))
        complain_group(argv[0]);
    else
        complain("unknown command '%s'; see 'ggml-alloc --help'", argv[0]);
}

const struct command *command_find(int argc, char **argv, int *words)
{
    for (const struct command *command = commands; command->name; command++) {
        *words = words_taken(command, argc, argv);
        if (*words)
            return command;
    }
    complain_command(argc, argv);
    return NULL;
}
