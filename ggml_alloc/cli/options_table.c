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
static const char *const pair_words[] = { "text", "changes", "html", NULL };
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
    { "--effort", "WORD", "none, online (ggml-alloc's plan), quick, search, prove; quick", TAKES_EFFORT, read_word, TO(effort),
      .words = effort_words, .least = GA_EFFORT_NONE },
    { "--steps", "N", "work to spend at most; the same plan on every machine", TAKES_PLANNING, read_number, TO(steps) },
    { "--seed", "N", "another place to start from", TAKES_PLANNING, read_number, TO(seed) },
    { "--inplace", "WORD", "what may be taken over: none, ggml, views or more; views", TAKES_GRAPH, read_word, TO(inplace),
      TELLS(has_inplace), .words = inplace_words },
    { "--sequence", "FILE", "run these tensor ids, | or -1 between steps", TAKES_GRAPH, read_text, TO(sequence) },
    { "--capacity", "SIZE", "fit into this and stop; or POOL:SIZE,...", TAKES_CAPACITY, read_capacity, TO(capacity) },
    { "--max-chunk", "SIZE", "largest single buffer; 0 is unlimited", TAKES_LIMITS, read_size, TO(max_chunk),
      TELLS(has_max_chunk) },
    { "--align", "SIZE", "alignment of every pool, a power of two", TAKES_LIMITS, read_align, TO(align), TELLS(has_align) },
    { "--budget", "SIZE", "what each pool may take; exit 1 if one takes more", TAKES_BUDGET, read_size, TO(budget),
      TELLS(has_budget) },
    { "--pool", "N", "which pool, when there are several", TAKES_POOL, read_number, TO(pool), TELLS(has_pool), .most = UINT16_MAX },
    { "--format", "WORD", "text, json, csv, plan, or one of those that show knows; text", TAKES_FORMAT, read_format,
      .words = format_words },
    { "--format", "WORD", "text, svg, html, memviz (PyTorch's page), trace (Perfetto) or c (a header); text", TAKES_PICTURE,
      read_word, TO(picture), .words = picture_words, .least = PICTURE_TEXT },
    { "--format", "WORD", "text, changes (what became of each tensor) or html (side by side); text", TAKES_PAIR, read_word,
      TO(pair), .words = pair_words },
    { "--color", "WORD", "auto (on a terminal, unless NO_COLOR is set), always or never", TAKES_PICTURE, read_word, TO(colour),
      .words = colour_words },
    { "--format", "WORD", "md, svg or html; md", TAKES_REPORT, read_word, TO(report), .words = report_words },
    { "--allocator", "WORD", "device, host or heap; device", TAKES_REPLAY, read_word, TO(allocator), .words = allocator_words },
    { "--policy", "WORDS", "of device: base, segments (smaller ones), range (one that grows), or all; base", TAKES_REPLAY,
      read_words, TO(policies), .words = policy_words },
    { "--capacity", "SIZE", "of the simulated device; as much as is asked for", TAKES_REPLAY, read_size, TO(room), .least = 1 },
    { "--format", "WORD", "text or json; text", TAKES_REPLAY, read_word, TO(format), .words = json_words },
    { "--kind", "WORD", "llm (serving), diffusion or training", TAKES_PROGRAM, read_word, TO(program), TELLS(has_kind),
      .words = program_words },
    { "--pieces", "N", "how many to cut, 1 to 100000000", TAKES_CUTS, read_count, TO(perfect.n_pieces), .least = 1,
      .most = GEN_MOST },
    { "--drop", "SHARE", "the share to leave out: 0.05 is one in twenty", TAKES_CUTS, read_share, TO(perfect.drop) },
    { "--fixed", "N", "so many of the longest lives keep their offsets", TAKES_CUTS, read_count, TO(perfect.n_fixed),
      .most = GEN_MOST },
    { "--align", "SIZE", "half of them want their place's alignment, up to this", TAKES_CUTS, read_align, TO(align),
      TELLS(has_align) },
    { "--solution", NULL, "write all offsets: the answer", TAKES_CUTS, read_flag, TO(wants_solution) },
    { "--n", "N", "how many, 1 to 100000000", TAKES_CHANCE, read_count, TO(random.n), .least = 1, .most = GEN_MOST },
    { "--kind", "WORD", "lives: exp, heavy (Pareto), or mixed (exp, one in 1000 for ever)", TAKES_CHANCE, read_word,
      TO(random.kind), TELLS(has_kind), .words = kind_words },
    { "--live", "N", "how many at a time, on average; 300, or a quarter of all", TAKES_CHANCE, read_count, TO(random.live),
      TELLS(has_live), .least = 1, .most = GEN_MOST / 4 },
    { "--seed", "N", "another seed, another instance; 0", TAKES_CUTS | TAKES_CHANCE | TAKES_PROGRAM, read_number, TO(seed) },
    { "--order", NULL, "run nodes in a better order, as 'order' finds it; for check: FILE's nodes are listed", TAKES_ORDER,
      read_flag, TO(is_order) },
    { "--ctx", "N", "tokens of context, of all sequences together; what the model was trained on", TAKES_GGUF, read_number,
      TO(gguf.ctx), .least = 1, .most = INT32_MAX },
    { "--batch", "N", "tokens given at once; 2048", TAKES_GGUF, read_number, TO(gguf.batch), .least = 1, .most = INT32_MAX },
    { "--ubatch", "N", "tokens computed at once; 512", TAKES_GGUF, read_number, TO(gguf.ubatch), .least = 1, .most = INT32_MAX },
    { "--kv-type", "TYPE", "of keys and values: f32, f16, bf16, q8_0, q4_0, ...; f16", TAKES_GGUF, read_kv_type, TO(gguf.kv_type) },
    { "--parallel", "N", "sequences, which share the context; 1", TAKES_GGUF, read_number, TO(gguf.parallel), .least = 1,
      .most = INT32_MAX },
    { "--graph", "GRAPH", "a recorded graph: the compute buffers, planned", TAKES_GGUF, read_text, TO(graph) },
    { "--trace", "TRACE", "a trace of allocations: what a caching allocator reserves for it", TAKES_GGUF, read_text, TO(trace) },
    { "--extra", "NAME=SIZE[@DEVICE]", "what else is needed, at most 16 times", TAKES_GGUF, read_extra, TO(extras) },
    { "--format", "WORD", "text or json; text", TAKES_GGUF, read_word, TO(format), .words = json_words },
    { "--reach", "N", "steps that a node may move at most; 0 is any number", TAKES_MOVES, read_count, TO(reach),
      .most = UINT32_MAX - 1 },
    { "--mix-pools", NULL, "pools need not take turns as they did", TAKES_MOVES, read_flag, TO(mixes_pools) },
    { "--output", "GRAPH", "write the graph in the new order; also -o", TAKES_MOVES, read_text, TO(graph_output) },
    { "--output", "FILE", "write there, all or nothing; also -o", TAKES_OUTPUT, read_output, TO(output) },
    { "--help", NULL, "this text; also -h", 0, read_flag, TO(wants_help) },
};

#define N_OPTIONS (sizeof options_known / sizeof *options_known)

const struct option *option_next(const struct command *command, const struct option *option)
{
    for (option = option ? option + 1 : options_known; option < options_known + N_OPTIONS; option++)
        if (option->set == 0 || (command->takes & option->set))
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
