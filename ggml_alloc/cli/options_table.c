/*
 * options_table.c - every option of every command
 */
#include "cli/options.h"

#include <stddef.h>
#include <string.h>

/* ---- words, in the order of their enums ---- */

static const char *const effort_words[] = { "none", "online", "quick", "search", "prove", NULL };
static const char *const inplace_words[] = { "none", "ggml", "views", "more", NULL };
static const char *const format_words[] = { "text", "json", "csv", "plan", "svg", "html", "memviz", "trace", "c", NULL };
static const char *const picture_words[] = { "text", "svg", "html", "memviz", "trace", "c", NULL };
static const char *const pair_words[] = { "text", "changes", "svg", "html", NULL };
static const char *const colour_words[] = { "auto", "always", "never", NULL };
static const char *const report_words[] = { "md", "svg", "html", NULL };
static const char *const program_words[] = { "llm", "diffusion", "training", NULL };
static const char *const json_words[] = { "text", "json", NULL };
static const char *const kind_words[] = { "exp", "heavy", "mixed", NULL };
static const char *const allocator_words[] = { "device", "host", "heap", NULL };
static const char *const policy_words[] = { "base", "segments", "range", "all", NULL };

#define TO(field) .to = offsetof(struct options, field)
#define TELLS(field) .told = offsetof(struct options, field)

static const struct option options_known[] = {
    { "--effort", "WORD", "how hard to try", TAKES_EFFORT, read_word, TO(effort), .words = effort_words, .least = GA_EFFORT_NONE,
      .otherwise = "quick",
      .more = "online is ggml-alloc's own plan; prove ends with an optimal one, or with how low any could be" },
    { "--capacity", "SIZE", "fit into this and stop; or POOL:SIZE,...", TAKES_CAPACITY, read_capacity, TO(capacity),
      .more = "exits with 1 when it does not fit, or is not known to" },
    { "--budget", "SIZE", "what each pool or device may take; exit 1 above", TAKES_BUDGET, read_size, TO(budget),
      TELLS(has_budget) },
    { "--pool", "N", "which pool, when there are several", TAKES_POOL, read_number, TO(pool), TELLS(has_pool), .most = UINT16_MAX },
    { "--order", NULL, "run nodes in a better order, as 'order' finds it", TAKES_ORDER, read_flag, TO(is_order) },
    { "--order", NULL, "PLAN lists the nodes of FILE in another order", TAKES_LISTED, read_flag, TO(is_order) },
    { "--steps", "N", "work to spend at most; the same plan on every machine", TAKES_PLANNING | RARELY, read_number, TO(steps) },
    { "--seed", "N", "another place to start from", TAKES_PLANNING | RARELY, read_number, TO(seed), .otherwise = "0" },
    { "--inplace", "WORD", "what may be taken over", TAKES_GRAPH | RARELY, read_word, TO(inplace), TELLS(has_inplace),
      .words = inplace_words, .otherwise = "views",
      .more = "ggml: what ggml-alloc takes; views: also the window of a view that is all its reader needs; more: by every op whose "
              "kernels can" },
    { "--sequence", "FILE", "run these tensor ids, | or -1 between steps", TAKES_GRAPH | RARELY, read_input, TO(sequence) },
    { "--max-chunk", "SIZE", "largest single buffer; 0 is unlimited", TAKES_LIMITS | RARELY, read_size, TO(max_chunk),
      TELLS(has_max_chunk), .otherwise = "the file's" },
    { "--align", "SIZE", "alignment of every pool, a power of two", TAKES_LIMITS | RARELY, read_align, TO(align), TELLS(has_align),
      .otherwise = "the file's" },
    { "--format", "WORD", "how to write it", TAKES_FORMAT, read_format, .words = format_words, .otherwise = "text",
      .more = "plan is what ga_plan_read() takes; pictures are those of 'show'" },
    { "--format", "WORD", "how to draw it", TAKES_PICTURE, read_word, TO(picture), .words = picture_words, .least = PICTURE_TEXT,
      .otherwise = "text",
      .more = "memviz is for the page of PyTorch's memory snapshots, trace for Perfetto, c is a header of offsets" },
    { "--format", "WORD", "how to write it", TAKES_PAIR, read_word, TO(pair), .words = pair_words, .otherwise = "text",
      .more = "changes is what became of each tensor; svg and html show both plans" },
    { "--color", "WORD", "colours", TAKES_PICTURE | RARELY, read_word, TO(colour), .words = colour_words, .otherwise = "auto",
      .more = "auto is on a terminal that is not dumb, unless NO_COLOR is set" },
    { "--format", "WORD", "how to write it", TAKES_REPORT, read_word, TO(report), .words = report_words, .otherwise = "md" },
    { "--allocator", "WORD", "which one", TAKES_REPLAY, read_word, TO(allocator), .words = allocator_words, .otherwise = "device" },
    { "--policy", "WORDS", "of device", TAKES_REPLAY, read_words, TO(policies), .words = policy_words, .otherwise = "base",
      .more = "segments are smaller ones, range is one that grows; several have commas between them" },
    { "--capacity", "SIZE", "of the simulated device", TAKES_REPLAY, read_size, TO(room), .least = 1,
      .otherwise = "as much as is asked for" },
    { "--format", "WORD", "how to write it", TAKES_REPLAY | TAKES_GGUF | TAKES_MOVES, read_word, TO(format), .words = json_words,
      .otherwise = "text" },
    { "--kind", "WORD", "what runs", TAKES_PROGRAM, read_word, TO(program), TELLS(has_kind), .words = program_words,
      .more = "llm is a language model that serves requests" },
    { "--pieces", "N", "how many to cut, 1 to 100000000", TAKES_CUTS, read_count, TO(perfect.n_pieces), .least = 1,
      .most = GEN_MOST },
    { "--drop", "SHARE", "the share to leave out: 0.05 is one in twenty", TAKES_CUTS, read_share, TO(perfect.drop),
      .otherwise = "0" },
    { "--fixed", "N", "so many of the longest lives keep their offsets", TAKES_CUTS, read_count, TO(perfect.n_fixed),
      .most = GEN_MOST, .otherwise = "0" },
    { "--align", "SIZE", "half of them want their place's alignment, up to this", TAKES_CUTS, read_align, TO(align),
      TELLS(has_align), .otherwise = "1" },
    { "--solution", NULL, "write all offsets: the answer", TAKES_CUTS, read_flag, TO(wants_solution) },
    { "--n", "N", "how many, 1 to 100000000", TAKES_CHANCE, read_count, TO(random.n), .least = 1, .most = GEN_MOST },
    { "--kind", "WORD", "lives", TAKES_CHANCE, read_word, TO(random.kind), TELLS(has_kind), .words = kind_words,
      .more = "heavy is Pareto; mixed is exp, but for one in 1000 that lives for ever" },
    { "--live", "N", "how many at a time, on average; a quarter at most", TAKES_CHANCE, read_count, TO(random.live),
      TELLS(has_live), .least = 1, .most = GEN_MOST / 4, .otherwise = "300" },
    { "--seed", "N", "another seed, another instance", TAKES_CUTS | TAKES_CHANCE | TAKES_PROGRAM, read_number, TO(seed),
      .otherwise = "0" },
    { "--ctx", "N", "tokens of context, of all sequences together", TAKES_GGUF, read_number, TO(gguf.ctx), .least = 1,
      .most = INT32_MAX, .otherwise = "the model's" },
    { "--kv-type", "TYPE", "of keys and values: f32, f16, bf16, q8_0, q4_0, ...", TAKES_GGUF, read_kv_type, TO(gguf.kv_type),
      .otherwise = "f16" },
    { "--parallel", "N", "sequences, which share the context", TAKES_GGUF, read_number, TO(gguf.parallel), .least = 1,
      .most = INT32_MAX, .otherwise = "1" },
    { "--batch", "N", "tokens given at once", TAKES_GGUF | RARELY, read_number, TO(gguf.batch), .least = 1, .most = INT32_MAX,
      .otherwise = "2048" },
    { "--ubatch", "N", "tokens computed at once", TAKES_GGUF | RARELY, read_number, TO(gguf.ubatch), .least = 1, .most = INT32_MAX,
      .otherwise = "512" },
    { "--graph", "GRAPH", "a recorded graph: the compute buffers, planned", TAKES_GGUF, read_input, TO(graph) },
    { "--trace", "TRACE", "allocations: what a caching allocator reserves for them", TAKES_GGUF, read_input, TO(trace) },
    { "--extra", "NAME=SIZE[@DEVICE]", "what else is needed, at most 16 times", TAKES_GGUF, read_extra, TO(extras) },
    { "--reach", "N", "steps that a node may move at most; 0 is any number", TAKES_MOVES, read_count, TO(reach),
      .most = UINT32_MAX - 1, .otherwise = "0" },
    { "--mix-pools", NULL, "pools need not take turns as they did", TAKES_MOVES | RARELY, read_flag, TO(mixes_pools) },
    { "--output", "GRAPH", "write the graph in the new order; also -o, - is stdout", TAKES_MOVES, read_target, TO(graph_output) },
    { "--output", "FILE", "write there, all or nothing; also -o", TAKES_OUTPUT, read_output, TO(output), .otherwise = "stdout" },
    { "--help", NULL, "all options, after some examples; -h is short", 0, read_flag, TO(wants_help) },
};

#define N_OPTIONS (sizeof options_known / sizeof *options_known)

bool option_is_of(const struct option *option, const struct command *command)
{
    unsigned set = option->set & ~(unsigned)RARELY;
    return !command || set == 0 || (command->takes & set);
}

const struct option *option_next(const struct command *command, const struct option *option)
{
    for (option = option ? option + 1 : options_known; option < options_known + N_OPTIONS; option++)
        if (option_is_of(option, command))
            return option;
    return NULL;
}

const struct option *option_find(const struct command *command, const char *name)
{
    for (const struct option *option = NULL; (option = option_next(command, option));)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

bool option_names_file(const struct option *option)
{
    return option->read == read_input || option->read == read_target || option->read == read_output;
}
