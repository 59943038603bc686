#include "cli/cli.h"

#include "base/bits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads a value into its place; false when it makes no sense. */
typedef bool parse_value(struct options *options, const char *value);

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static const char *const effort_words[] = { "none", "online", "quick", "search", "prove", NULL };
static const char *const inplace_words[] = { "none", "ggml", "views", "more", NULL };
static const char *const format_words[] = { "text", "json", "csv", "plan", "svg", "html", "memviz", "trace", "c", NULL };
static const char *const picture_words[] = { "text", "svg", "html", "memviz", "trace", "c", NULL };
static const char *const colour_words[] = { "auto", "always", "never", NULL };
static const char *const report_words[] = { "md", "svg", "html", NULL };
static const char *const program_words[] = { "llm", "diffusion", "training", NULL };
static const char *const replay_words[] = { "text", "json", NULL };
static const char *const kind_words[] = { "exp", "heavy", "mixed", NULL };

static bool parse_effort(struct options *options, const char *value)
{
    int found = find_word(effort_words, value);
    options->effort = (enum ga_effort)(GA_EFFORT_NONE + found);
    return found >= 0;
}

static bool parse_inplace(struct options *options, const char *value)
{
    int found = find_word(inplace_words, value);
    options->inplace = (enum inplace)found;
    options->has_inplace = true;
    return found >= 0;
}

static bool parse_format(struct options *options, const char *value)
{
    int found = find_word(format_words, value);
    if (found > GA_PLAN)
        options->picture = (enum picture)(PICTURE_SVG + found - GA_PLAN - 1);
    else
        options->format = (enum ga_format)found;
    return found >= 0;
}

static bool parse_picture(struct options *options, const char *value)
{
    int found = find_word(picture_words, value);
    options->picture = (enum picture)(PICTURE_TEXT + found);
    return found >= 0;
}

static bool parse_colour(struct options *options, const char *value)
{
    int found = find_word(colour_words, value);
    options->colour = (enum colour)found;
    return found >= 0;
}

static bool parse_report(struct options *options, const char *value)
{
    int found = find_word(report_words, value);
    options->report = (enum report_format)found;
    return found >= 0;
}

static bool parse_replay_format(struct options *options, const char *value)
{
    int found = find_word(replay_words, value);
    options->format = found == 1 ? GA_JSON : GA_TEXT;
    return found >= 0;
}

static bool parse_program(struct options *options, const char *value)
{
    int found = find_word(program_words, value);
    options->program = (enum trace_program)found;
    options->has_kind = true;
    return found >= 0;
}

static bool parse_allocator(struct options *options, const char *value)
{
    options->allocator = value;
    return true;
}

static bool parse_policy(struct options *options, const char *value)
{
    options->policy = value;
    return true;
}

static bool parse_number(const char *value, uint64_t *number)
{
    return gai_parse_u64(value, value + strlen(value), number);
}

static bool parse_steps(struct options *options, const char *value)
{
    return parse_number(value, &options->steps);
}

static bool parse_seed(struct options *options, const char *value)
{
    return parse_number(value, &options->seed);
}

static bool parse_pool(struct options *options, const char *value)
{
    options->has_pool = true;
    return parse_number(value, &options->pool) && options->pool <= UINT16_MAX;
}

static bool parse_align(struct options *options, const char *value)
{
    options->has_align = true;
    return gai_parse_size(value, &options->align) && is_pow2(options->align) && options->align <= (uint64_t)1 << 62;
}

static bool parse_max_chunk(struct options *options, const char *value)
{
    options->has_max_chunk = true;
    return gai_parse_size(value, &options->max_chunk);
}

static bool parse_budget(struct options *options, const char *value)
{
    options->has_budget = true;
    return gai_parse_size(value, &options->budget);
}

/* One part of --capacity, up to a comma: "8GiB", or "0:8GiB". */
static bool parse_capacity_part(const char *at, size_t len, bool *has_pool, uint64_t *pool, uint64_t *bytes)
{
    char size[64];
    const char *colon = memchr(at, ':', len);
    const char *start = colon ? colon + 1 : at;
    size_t size_len = len - (size_t)(start - at);
    if (size_len >= sizeof size)
        return false;
    memcpy(size, start, size_len);
    size[size_len] = 0;
    *has_pool = colon;
    return (!colon || (gai_parse_u64(at, colon, pool) && *pool <= UINT16_MAX)) && gai_parse_size(size, bytes) && *bytes != 0;
}

static bool parse_capacity(struct options *options, const char *value)
{
    options->capacity = value;
    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        bool has_pool;
        uint64_t pool, bytes;
        if (!parse_capacity_part(at, len, &has_pool, &pool, &bytes) || (!has_pool && (at != value || at[len])))
            return false;
        at += len;
        if (!*at)
            return true;
    }
}

uint64_t options_capacity(const struct options *options, unsigned pool)
{
    for (const char *at = options->capacity; at;) {
        size_t len = strcspn(at, ",");
        bool has_pool;
        uint64_t for_pool = pool, bytes;
        if (parse_capacity_part(at, len, &has_pool, &for_pool, &bytes) && for_pool == pool)
            return bytes;
        at = at[len] ? at + len + 1 : NULL;
    }
    return 0;
}

static bool parse_count(const char *value, uint32_t least, uint32_t most, uint32_t *count)
{
    uint64_t number;
    if (!parse_number(value, &number) || number < least || number > most)
        return false;
    *count = (uint32_t)number;
    return true;
}

static bool parse_pieces(struct options *options, const char *value)
{
    return parse_count(value, 1, GEN_MOST, &options->perfect.n_pieces);
}

static bool parse_fixed(struct options *options, const char *value)
{
    return parse_count(value, 0, GEN_MOST, &options->perfect.n_fixed);
}

/* "0.05", to six places. */
static bool parse_drop(struct options *options, const char *value)
{
    const char *point = strchr(value, '.'), *end = value + strlen(value);
    uint64_t whole, part = 0;
    if (!gai_parse_u64(value, point ? point : end, &whole) || whole != 0)
        return false;
    if (point && (end - point > 7 || !gai_parse_u64(point + 1, end, &part)))
        return false;
    for (long places = point ? (long)(end - point) - 1 : 6; places < 6; places++)
        part *= 10;
    options->perfect.drop = (uint32_t)part;
    return true;
}

static bool parse_solution(struct options *options, const char *value)
{
    (void)value;
    options->wants_solution = true;
    return true;
}

static bool parse_n(struct options *options, const char *value)
{
    return parse_count(value, 1, GEN_MOST, &options->random.n);
}

static bool parse_live(struct options *options, const char *value)
{
    options->has_live = true;
    return parse_count(value, 1, GEN_MOST / 4, &options->random.live);
}

static bool parse_kind(struct options *options, const char *value)
{
    int found = find_word(kind_words, value);
    options->random.kind = (enum gen_kind)found;
    options->has_kind = true;
    return found >= 0;
}

static bool parse_help(struct options *options, const char *value)
{
    (void)value;
    options->wants_help = true;
    return true;
}

static bool parse_sequence(struct options *options, const char *value)
{
    options->sequence = value;
    return *value != 0;
}

static bool parse_output(struct options *options, const char *value)
{
    options->output = strcmp(value, "-") == 0 ? NULL : value;
    return *value != 0;
}

static bool parse_order(struct options *options, const char *value)
{
    (void)value;
    options->is_order = true;
    return true;
}

static bool parse_mix_pools(struct options *options, const char *value)
{
    (void)value;
    options->mixes_pools = true;
    return true;
}

static bool parse_reach(struct options *options, const char *value)
{
    return parse_count(value, 0, UINT32_MAX - 1, &options->reach);
}

static bool parse_tokens(const char *value, uint64_t *tokens)
{
    uint32_t n;
    bool ok = parse_count(value, 1, INT32_MAX, &n);
    *tokens = ok ? n : 0;
    return ok;
}

static bool parse_ctx(struct options *options, const char *value)
{
    return parse_tokens(value, &options->gguf.ctx);
}

static bool parse_batch(struct options *options, const char *value)
{
    return parse_tokens(value, &options->gguf.batch);
}

static bool parse_ubatch(struct options *options, const char *value)
{
    return parse_tokens(value, &options->gguf.ubatch);
}

static bool parse_parallel(struct options *options, const char *value)
{
    return parse_tokens(value, &options->gguf.parallel);
}

static bool parse_kv_type(struct options *options, const char *value)
{
    options->gguf.kv_type = gai_gguf_type(value);
    return options->gguf.kv_type != UINT32_MAX;
}

static bool parse_graph(struct options *options, const char *value)
{
    options->graph = value;
    return *value != 0;
}

static bool parse_trace(struct options *options, const char *value)
{
    options->trace = value;
    return *value != 0;
}

/* NAME=SIZE[@DEVICE] */
static bool parse_extra(struct options *options, const char *value)
{
    char size[32];
    size_t len = strcspn(value, "=");
    const char *at = strchr(value, '@');
    if (!value[len] || len == 0 || options->n_extras == EXTRAS_MOST || (at && !at[1]))
        return false;
    const char *end = at ? at : value + strlen(value);
    if (end <= value + len || (size_t)(end - value) - len - 1 >= sizeof size)
        return false;
    struct extra_option *extra = &options->extras[options->n_extras++];
    *extra = (struct extra_option){ .name = value, .len = len, .device = at ? at + 1 : NULL };
    snprintf(size, sizeof size, "%.*s", (int)((size_t)(end - value) - len - 1), value + len + 1);
    return gai_parse_size(size, &extra->bytes);
}

static bool parse_graph_output(struct options *options, const char *value)
{
    options->graph_output = value;
    return *value != 0;
}

static const struct option {
    const char *name, *value, *help;
    unsigned set; /* enum option_set; 0: every command */
    parse_value *parse;
    const char *const *words; /* what it may be, when there are few */
} options_known[] = {
    { "--effort", "WORD", "none, online (ggml-alloc's plan), quick, search, prove; quick", TAKES_EFFORT, parse_effort,
      effort_words },
    { "--steps", "N", "work to spend at most; the same plan on every machine", TAKES_PLANNING, parse_steps, NULL },
    { "--seed", "N", "another place to start from", TAKES_PLANNING, parse_seed, NULL },
    { "--inplace", "WORD", "what may be taken over: none, ggml, views or more; views", TAKES_GRAPH, parse_inplace, inplace_words },
    { "--sequence", "FILE", "run these tensor ids, | or -1 between steps", TAKES_GRAPH, parse_sequence, NULL },
    { "--capacity", "SIZE", "fit into this and stop; or POOL:SIZE,...", TAKES_CAPACITY, parse_capacity, NULL },
    { "--max-chunk", "SIZE", "largest single buffer; 0 is unlimited", TAKES_LIMITS, parse_max_chunk, NULL },
    { "--align", "SIZE", "alignment of every pool, a power of two", TAKES_LIMITS, parse_align, NULL },
    { "--budget", "SIZE", "what each pool may take; exit 1 if one takes more", TAKES_BUDGET, parse_budget, NULL },
    { "--pool", "N", "which pool, when there are several", TAKES_POOL, parse_pool, NULL },
    { "--format", "WORD", "text, json, csv, plan, or one of those that show knows; text", TAKES_FORMAT, parse_format,
      format_words },
    { "--format", "WORD", "text, svg, html, memviz (PyTorch's page), trace (Perfetto) or c (a header); text", TAKES_PICTURE,
      parse_picture, picture_words },
    { "--color", "WORD", "auto (on a terminal, unless NO_COLOR is set), always or never", TAKES_PICTURE, parse_colour,
      colour_words },
    { "--format", "WORD", "md, svg or html; md", TAKES_REPORT, parse_report, report_words },
    { "--allocator", "WORD", "device, host or heap; device", TAKES_REPLAY, parse_allocator, NULL },
    { "--policy", "WORDS", "of device: base, segments (smaller ones), range (one that grows), or all; base", TAKES_REPLAY,
      parse_policy, NULL },
    { "--capacity", "SIZE", "of the simulated device; as much as is asked for", TAKES_REPLAY, parse_capacity, NULL },
    { "--format", "WORD", "text or json; text", TAKES_REPLAY, parse_replay_format, replay_words },
    { "--kind", "WORD", "llm (serving), diffusion or training", TAKES_PROGRAM, parse_program, program_words },
    { "--pieces", "N", "how many to cut, 1 to 100000000", TAKES_CUTS, parse_pieces, NULL },
    { "--drop", "SHARE", "the share to leave out: 0.05 is one in twenty", TAKES_CUTS, parse_drop, NULL },
    { "--fixed", "N", "so many of the longest lives keep their offsets", TAKES_CUTS, parse_fixed, NULL },
    { "--align", "SIZE", "half of them want their place's alignment, up to this", TAKES_CUTS, parse_align, NULL },
    { "--solution", NULL, "write all offsets: the answer", TAKES_CUTS, parse_solution, NULL },
    { "--n", "N", "how many, 1 to 100000000", TAKES_CHANCE, parse_n, NULL },
    { "--kind", "WORD", "lives: exp, heavy (Pareto), or mixed (exp, one in 1000 for ever)", TAKES_CHANCE, parse_kind, kind_words },
    { "--live", "N", "how many at a time, on average; 300, or a quarter of all", TAKES_CHANCE, parse_live, NULL },
    { "--seed", "N", "another seed, another instance; 0", TAKES_CUTS | TAKES_CHANCE | TAKES_PROGRAM, parse_seed, NULL },
    { "--order", NULL, "run nodes in a better order, as 'order' finds it; for check: FILE's nodes are listed", TAKES_ORDER,
      parse_order, NULL },
    { "--ctx", "N", "tokens of context, of all sequences together; what the model was trained on", TAKES_GGUF, parse_ctx, NULL },
    { "--batch", "N", "tokens given at once; 2048", TAKES_GGUF, parse_batch, NULL },
    { "--ubatch", "N", "tokens computed at once; 512", TAKES_GGUF, parse_ubatch, NULL },
    { "--kv-type", "TYPE", "of keys and values: f32, f16, bf16, q8_0, q4_0, ...; f16", TAKES_GGUF, parse_kv_type, NULL },
    { "--parallel", "N", "sequences, which share the context; 1", TAKES_GGUF, parse_parallel, NULL },
    { "--graph", "GRAPH", "a recorded graph: the compute buffers, planned", TAKES_GGUF, parse_graph, NULL },
    { "--trace", "TRACE", "a trace of allocations: what a caching allocator reserves for it", TAKES_GGUF, parse_trace, NULL },
    { "--extra", "NAME=SIZE[@DEVICE]", "what else is needed, at most 16 times", TAKES_GGUF, parse_extra, NULL },
    { "--format", "WORD", "text or json; text", TAKES_GGUF, parse_replay_format, replay_words },
    { "--reach", "N", "steps that a node may move at most; 0 is any number", TAKES_MOVES, parse_reach, NULL },
    { "--mix-pools", NULL, "pools need not take turns as they did", TAKES_MOVES, parse_mix_pools, NULL },
    { "--output", "GRAPH", "write the graph in the new order; also -o", TAKES_MOVES, parse_graph_output, NULL },
    { "--output", "FILE", "write there, all or nothing; also -o", TAKES_OUTPUT, parse_output, NULL },
    { "--help", NULL, "this text; also -h", 0, parse_help, NULL },
};

#define N_OPTIONS (sizeof options_known / sizeof *options_known)

static bool takes(const struct command *command, const struct option *option)
{
    return option->set == 0 || (command->takes & option->set);
}

void options_help(const struct command *command, struct text *out)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &options_known[i];
        char left[40];
        snprintf(left, sizeof left, "%s%s%s", option->name, option->value ? "=" : "", option->value ? option->value : "");
        if (takes(command, option))
            gai_text(out, "  %-18s %s\n", left, option->help);
    }
}

bool options_shown(const struct command *command, size_t *at, struct option_shown *option)
{
    while (*at < N_OPTIONS) {
        const struct option *known = &options_known[(*at)++];
        if (takes(command, known)) {
            *option = (struct option_shown){ known->name, known->value, known->words };
            return true;
        }
    }
    return false;
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

const char *did_you_mean(const char *word, const char *const *words)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2;
    for (; *words; words++) {
        size_t d = distance(word, *words);
        if (d < least) {
            least = d;
            best = *words;
        }
    }
    return best;
}

static void complain_unknown(const struct command *command, const char *name)
{
    const char *names[N_OPTIONS + 1];
    size_t n = 0;
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (takes(command, &options_known[i]))
            names[n++] = options_known[i].name;
    names[n] = NULL;
    const char *meant = did_you_mean(name, names);
    if (meant)
        complain("'%s' does not know the option '%s'; did you mean '%s'?", command->name, name, meant);
    else
        complain("'%s' does not know the option '%s'; see 'ggml-alloc %s --help'", command->name, name, command->name);
}

static void complain_value(const struct option *option, const char *value)
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

static const struct option *find_option(const struct command *command, const char *name)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (strcmp(options_known[i].name, name) == 0 && takes(command, &options_known[i]))
            return &options_known[i];
    return NULL;
}

/* The option that an argument names, in full; `value` is what is glued to it, or NULL. */
static const struct option *read_option(const struct command *command, const char *argument, const char **value)
{
    char name[32];
    *value = NULL;
    if (strcmp(argument, "-h") == 0)
        return find_option(command, "--help");
    if (strncmp(argument, "-o", 2) == 0 && (command->takes & (TAKES_OUTPUT | TAKES_MOVES))) {
        if (argument[2])
            *value = argument + 2 + (argument[2] == '=');
        return find_option(command, "--output");
    }
    size_t len = strcspn(argument, "=");
    if (argument[len])
        *value = argument + len + 1;
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), argument);
    const struct option *option = find_option(command, name);
    if (!option)
        complain_unknown(command, name);
    return option;
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
        return option->parse(options, NULL);
    int taken = value ? 1 : 2;
    if (!value && left > 1)
        value = argv[1];
    if (!value) {
        complain("%s needs a value: %s=%s", option->name, option->name, option->value);
        return 0;
    }
    if (option->parse(options, value))
        return taken;
    complain_value(option, value);
    return 0;
}

bool options_parse(const struct command *command, int argc, char **argv, struct options *options)
{
    *options = (struct options){ .command = command, .files = argv, .inplace = INPLACE_VIEWS, .gguf = { .kv_type = GGUF_F16 } };
    bool only_files = false;
    for (int i = 0; i < argc;) {
        bool is_file = only_files || argv[i][0] != '-' || argv[i][1] == 0;
        if (!only_files && strcmp(argv[i], "--") == 0) {
            only_files = true;
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
    if (options->wants_help)
        return true;
    if (options->n_files < command->min_files || options->n_files > command->max_files) {
        const char *space = *command->files ? " " : "";
        complain("usage: ggml-alloc %s%s%s; see 'ggml-alloc %s --help'", command->name, space, command->files, command->name);
        return false;
    }
    return true;
}
