/*
 * cli.h - what the commands share: exit codes, options, inputs, output
 *
 *     argv --options--> struct options --input_load()--> struct input --solve()--> plan --> struct output
 */
#ifndef GAI_CLI_CLI_H
#define GAI_CLI_CLI_H

#include "base/text.h"
#include "io/alloc_trace.h"
#include "io/csv.h"
#include "io/gen.h"
#include "io/gguf_cache.h"
#include "io/report.h"
#include "io/tgraph.h"

#include <limits.h>

/* The larger one wins when several files are worked on. */
enum exit_code {
    EXIT_YES = 0,       /* done; it fits */
    EXIT_NO = 1,        /* it does not fit, the plan is wrong */
    EXIT_USAGE = 2,     /* the command line makes no sense */
    EXIT_INPUT = 3,     /* a file makes no sense */
    EXIT_RESOURCES = 4, /* no memory, no room to write */
};

static inline enum exit_code exit_worse(enum exit_code a, enum exit_code b)
{
    return a > b ? a : b;
}

/* One line on stderr, with the program's name in front. */
void complain(const char *format, ...) GAI_PRINTF(1, 2);
/* "file:line: what", or "file: what"; the code that goes with `status`. */
enum exit_code complain_input(const char *path, const struct mishap *mishap, enum ga_status status);

struct input;
/* What the planner says of "node 7 ...", with the id that the file has for it. */
void say_in_file_ids(const struct input *input, const char *why, char *buf, size_t cap);

/* ---- options*.c ---- */

struct command;

#define EXTRAS_MOST 16u

/* What else needs memory: NAME=SIZE, and on which device. */
struct extra_option {
    const char *name; /* not 0-terminated: `len` bytes; of `device` NULL: where the model is */
    size_t len;
    uint64_t bytes;
    const char *device;
};

enum replay_allocator { REPLAY_DEVICE, REPLAY_HOST, REPLAY_HEAP };
enum replay_policy { REPLAY_BASE, REPLAY_SEGMENTS, REPLAY_RANGE, REPLAY_POLICIES };
enum report_format { REPORT_MD, REPORT_SVG, REPORT_HTML };

/* What draws a plan; none: enum ga_format says. */
enum picture { PICTURE_NONE, PICTURE_TEXT, PICTURE_SVG, PICTURE_HTML, PICTURE_MEMVIZ, PICTURE_TRACE, PICTURE_C };
/* What tells of two plans; none: every effort side by side. */
enum pair_format { PAIR_NONE, PAIR_CHANGES, PAIR_SVG, PAIR_HTML };
enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct options {
    const struct command *command;
    char **files; /* within argv */
    int n_files;
    enum ga_effort effort; /* DEFAULT: not said */
    uint64_t steps, seed;
    enum inplace inplace;
    const char *capacity;     /* SIZE or POOL:SIZE,...; NULL */
    const char *sequence;     /* a file; NULL */
    const char *output;       /* a file; NULL is stdout */
    const char *graph_output; /* likewise, of a graph; NULL is none */
    enum ga_format format;
    enum picture picture;
    enum pair_format pair;
    enum colour colour;
    enum report_format report;
    enum replay_allocator allocator;
    unsigned policies; /* bits of enum replay_policy */
    uint64_t room;     /* of the simulated device; 0: as much as is asked for */
    enum trace_program program;
    uint64_t align, max_chunk, budget;
    uint64_t pool;
    struct gen_perfect perfect; /* --seed and --align apart */
    struct gen_random random;   /* --seed apart */
    uint32_t reach;
    struct gguf_use gguf;
    const char *graph, *trace; /* files; NULL */
    struct extra_option extras[EXTRAS_MOST];
    unsigned n_extras;
    int n_stdin; /* inputs that are "-" */
    bool wants_solution, is_order, mixes_pools;
    bool has_align, has_max_chunk, has_budget, has_pool, has_inplace, has_kind, has_live;
    bool wants_help, wants_short_help;
};

/* Bits of struct command: which options it takes. */
enum option_set {
    TAKES_PLANNING = 1 << 0, /* --steps --seed */
    TAKES_GRAPH = 1 << 1,    /* --inplace --sequence */
    TAKES_LIMITS = 1 << 2,   /* --max-chunk --align */
    TAKES_CAPACITY = 1 << 3,
    TAKES_FORMAT = 1 << 4,
    TAKES_BUDGET = 1 << 5,
    TAKES_POOL = 1 << 6,
    TAKES_OUTPUT = 1 << 7,
    TAKES_EFFORT = 1 << 8,
    TAKES_CUTS = 1 << 9,     /* --pieces --drop --fixed --solution */
    TAKES_CHANCE = 1 << 10,  /* --n --kind --live */
    TAKES_REPORT = 1 << 11,  /* --format of results */
    TAKES_ORDER = 1 << 12,   /* --order: find one first */
    TAKES_MOVES = 1 << 13,   /* --reach --mix-pools, -o for a graph */
    TAKES_REPLAY = 1 << 14,  /* --allocator --policy --capacity --format */
    TAKES_PROGRAM = 1 << 15, /* --kind of traces */
    TAKES_GGUF = 1 << 16,    /* --ctx to --extra */
    TAKES_PICTURE = 1 << 17, /* --format of pictures, --color */
    TAKES_PAIR = 1 << 18,    /* --format of two plans */
    TAKES_LISTED = 1 << 19,  /* --order: PLAN is one */
    RARELY = 1 << 30,        /* of an option: not in the short help */
};

#define ANY_FILES INT_MAX

struct example {
    const char *arguments, *tells; /* what follows the program's name; why one would */
};

struct command {
    const char *name, *files, *summary; /* the name: a word, or two */
    const char *help;                   /* paragraphs, for --help */
    unsigned takes;                     /* enum option_set */
    int min_files, max_files;
    enum exit_code (*run)(const struct options *options, struct text *out);
    const struct example *examples; /* the last one has no arguments */
    const char *const *words;       /* what its argument may be, when that is no file */
};

/* Fills `options` from what follows the command's name; complains itself. */
bool options_parse(const struct command *command, int argc, char **argv, bool wants_help, struct options *options);

/* Which known word is meant by a misspelt one. */
struct guess {
    const char *word, *best; /* best: NULL when none is near */
    size_t least;
};

struct guess guess_start(const char *word);
void guess_try(struct guess *guess, const char *candidate);
/* Of one pool, 0: none. */
uint64_t options_capacity(const struct options *options, unsigned pool);

/* ---- input.c ---- */

struct bytes {
    char *text;
    size_t len, cap;
};

struct input {
    const char *path;
    bool is_graph;
    struct tgraph graph;        /* when it is */
    struct intervals intervals; /* otherwise */
};

/* Whole files; "-" is stdin.  These complain themselves. */
enum exit_code bytes_load(const char *path, struct bytes *bytes);
void bytes_free(struct bytes *bytes);

/* What is made of them: into `object`, or a status and why.  `path` is for complaints only. */
typedef enum ga_status bytes_reader(const struct ga_source *source, void *object, struct mishap *mishap);
enum exit_code bytes_read(const char *path, const struct bytes *bytes, bytes_reader *read, void *object);
/* Of a file whose bytes nobody else wants. */
enum exit_code file_read(const char *path, bytes_reader *read, void *object);

/* A .tgraph or an interval CSV, by content. */
enum exit_code input_load(const char *path, const struct options *options, struct input *input);
/* The same of bytes that are there already. */
enum exit_code input_parse(const char *path, const struct options *options, const struct bytes *bytes, struct input *input);
void input_free(struct input *input);
/* Into a struct intervals. */
bytes_reader read_intervals;
const char *path_shown(const char *path);

/* ---- solve.c ---- */

struct solution {
    ga_plan *plan;
    struct report report; /* borrows from the input and from here */
    uint64_t *align, *chunk_max, *capacity;
    unsigned n_pools;
};

/* Plans for pools that exist; anything but EXIT_YES complains and leaves nothing to free. */
enum exit_code solve(const struct options *options, enum ga_effort effort, const struct input *input, struct solution *solution);
void solution_free(struct solution *solution);
bool solution_has_pool(const struct solution *solution, uint64_t pool);
/* EXIT_NO when there is a capacity that is not known to be met. */
enum exit_code solution_verdict(const struct options *options, const struct solution *solution);
/* Loads and plans at the effort asked for; anything but EXIT_YES leaves nothing to free. */
enum exit_code load_and_solve(const struct options *options, const char *path, struct input *input, struct solution *solution);

/* ---- show.c ---- */

/* As options->picture says; complains itself. */
enum exit_code draw(const struct options *options, const struct input *input, const struct solution *solution, struct text *out);

/* ---- compare_two.c ---- */

/* The files of options as one pair of plans. */
enum exit_code compare_two(const struct options *options, struct text *out);

/* ---- commands.c ---- */

/* All of them; the last one has no name. */
const struct command *commands_all(void);
/* The one that arguments begin with, and how many of them name it; NULL complains. */
const struct command *command_find(int argc, char **argv, int *words);
/* Is it the first word of commands of two? */
bool command_is_group(const char *word);

/* ---- the commands ---- */

enum exit_code command_plan(const struct options *options, struct text *out);
enum exit_code command_measure(const struct options *options, struct text *out);
enum exit_code command_compare(const struct options *options, struct text *out);
enum exit_code command_why(const struct options *options, struct text *out);
enum exit_code command_check(const struct options *options, struct text *out);
enum exit_code command_intervals(const struct options *options, struct text *out);
enum exit_code command_order(const struct options *options, struct text *out);
enum exit_code command_gen_perfect(const struct options *options, struct text *out);
enum exit_code command_gen_random(const struct options *options, struct text *out);
enum exit_code command_replay(const struct options *options, struct text *out);
enum exit_code command_gen_trace(const struct options *options, struct text *out);
enum exit_code command_gguf(const struct options *options, struct text *out);
enum exit_code command_show(const struct options *options, struct text *out);
enum exit_code command_manual(const struct options *options, struct text *out);
enum exit_code command_completion(const struct options *options, struct text *out);
enum exit_code command_report(const struct options *options, struct text *out);

#endif
