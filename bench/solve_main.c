/*
 * solve_main.c - bench_place --effort=RUNG or --peers=NAMES: the command line of what is solved rather than compared with the yardstick
 */
#include "contest.h"
#include "listed.h"
#include "solve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const inplace_words[] = { "none", "ggml", "views", "more" };
static const char *const kind_words[] = { "exp", "heavy", "mixed" };

struct wishes {
    struct solve_opts opts;
    struct scores scores;
    struct contest_opts contest; /* who: NULL unless one is to be held */
    unsigned n_contests, n_wrong;
    const char *publics; /* where public sets were put; NULL */
    struct gen_perfect perfect;
    struct gen_random random;
    uint64_t n_seeds;
    unsigned kind;
};

static bool find_word(const char *const *words, unsigned n, const char *word, unsigned *at)
{
    for (*at = 0; *at < n; ++*at)
        if (strcmp(words[*at], word) == 0)
            return true;
    return false;
}

static bool hold(struct wishes *wishes, const struct puzzle *puzzle, uint64_t *best)
{
    wishes->contest.seed = wishes->opts.seed;
    wishes->contest.steps = wishes->opts.steps;
    wishes->contest.capacity = wishes->opts.at_optimum ? puzzle->optimum : wishes->opts.capacity;
    wishes->contest.limit_ns = wishes->opts.limit_ns;
    wishes->contest.n_rivals = wishes->opts.n_rivals;
    for (unsigned r = 0; r < wishes->opts.n_rivals; r++)
        wishes->contest.rivals[r] = wishes->opts.rivals[r];
    if (wishes->n_contests++ == 0)
        contest_head(&wishes->contest);
    return contest_hold(&wishes->contest, puzzle, &wishes->n_wrong, best);
}

static bool take_on(struct wishes *wishes, struct puzzle *puzzle)
{
    if (!wishes->contest.who)
        return solve(&wishes->opts, puzzle, &wishes->scores);
    return (!puzzle->is_graph || puzzle_apart(puzzle)) && hold(wishes, puzzle, NULL);
}

/* Each of the seeds from the one asked for. */
static bool solve_made(struct wishes *wishes, bool perfect)
{
    bool good = true;
    for (uint64_t k = 0; k < wishes->n_seeds && good; k++) {
        struct puzzle puzzle;
        wishes->perfect.seed = wishes->random.seed = 1 + k;
        good =
            perfect ? puzzle_perfect(&puzzle, &wishes->perfect) : puzzle_random(&puzzle, &wishes->random, kind_words[wishes->kind]);
        good = good && take_on(wishes, &puzzle);
        puzzle_fini(&puzzle);
    }
    return good;
}

static bool solve_file(struct wishes *wishes, const char *path)
{
    struct puzzle puzzle;
    bool good = puzzle_load(&puzzle, path, wishes->opts.inplace) && take_on(wishes, &puzzle);
    puzzle_fini(&puzzle);
    return good;
}

/* What the list knows as the best is the best: lower, and the list is old; lower than what was proved, and somebody is wrong. */
static bool hold_listed(struct wishes *wishes, struct listed *listed, const struct puzzle *puzzle)
{
    uint64_t best = 0;
    if (!wishes->contest.who) {
        bool renewed = listed_renew(listed, puzzle);
        if (renewed)
            listed_print(listed);
        return renewed;
    }
    if (!hold(wishes, puzzle, &best))
        return false;
    bool is_lower = best && listed->best && best < listed->best;
    if (is_lower)
        fprintf(stderr, "%s: %" PRIu64 " is lower than the %" PRIu64 " that is %s\n", listed->name, best, listed->best,
                listed->proved ? "proved to be the lowest" : "listed");
    wishes->n_wrong += is_lower && listed->proved;
    return true;
}

/* All of a list; graphs lie where it says, seen from the folder above its own. */
static bool solve_listed(struct wishes *wishes, const char *path)
{
    char folder[1024];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s/..", slash ? (int)(slash - path) : 1, slash ? path : ".");
    FILE *list = fopen(path, "r");
    struct listed listed;
    bool good = list != NULL;
    while (good && listed_next(list, &listed, &good)) {
        struct puzzle puzzle;
        enum listed_end end = listed_load(&listed, folder, wishes->publics, &puzzle);
        if (end == LISTED_ABSENT && !wishes->contest.who)
            listed_print(&listed);
        good = end == LISTED_ABSENT || (end == LISTED_READY && hold_listed(wishes, &listed, &puzzle));
        puzzle_fini(&puzzle);
    }
    if (list)
        fclose(list);
    return good;
}

/* The value of `--name=value`, or NULL. */
static const char *value_of(const char *arg, const char *name)
{
    size_t len = strlen(name);
    return strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, name, len) == 0 && arg[2 + len] == '=' ? arg + 3 + len : NULL;
}

static bool set_number(struct wishes *wishes, const char *arg)
{
    const char *value;
    if ((value = value_of(arg, "steps")))
        wishes->opts.steps = strtoull(value, NULL, 10);
    else if ((value = value_of(arg, "seed")))
        wishes->opts.seed = strtoull(value, NULL, 10);
    else if ((value = value_of(arg, "seeds")))
        wishes->n_seeds = strtoull(value, NULL, 10);
    else if ((value = value_of(arg, "align")))
        wishes->perfect.align = strtoull(value, NULL, 10);
    else if ((value = value_of(arg, "fixed")))
        wishes->perfect.n_fixed = (uint32_t)strtoul(value, NULL, 10);
    else if ((value = value_of(arg, "live")))
        wishes->random.live = (uint32_t)strtoul(value, NULL, 10);
    else if ((value = value_of(arg, "repeat")))
        wishes->contest.repeat = (unsigned)strtoul(value, NULL, 10);
    else if ((value = value_of(arg, "limit")))
        wishes->opts.limit_ns = strtod(value, NULL) * 1e9;
    return value != NULL;
}

static bool set_word(struct wishes *wishes, const char *arg, bool *good)
{
    const char *value;
    unsigned at = 0;
    if ((value = value_of(arg, "effort"))) {
        *good = solve_effort(value, &wishes->opts.effort);
    } else if ((value = value_of(arg, "inplace"))) {
        *good = find_word(inplace_words, 4, value, &at);
        wishes->opts.inplace = (enum inplace)at;
    } else if ((value = value_of(arg, "kind"))) {
        *good = find_word(kind_words, 3, value, &wishes->kind);
        wishes->random.kind = (enum gen_kind)wishes->kind;
    } else if ((value = value_of(arg, "capacity"))) {
        wishes->opts.at_optimum = strcmp(value, "optimum") == 0;
        wishes->opts.capacity = wishes->opts.at_optimum ? 0 : strtoull(value, NULL, 10);
    } else if ((value = value_of(arg, "peers"))) {
        char unknown[64];
        *good = contest_knows(value, unknown, sizeof unknown);
        wishes->contest.who = value;
        if (!*good)
            fprintf(stderr, "no peer is called %s; there are\n", unknown);
        if (!*good)
            contest_list(stderr);
    } else if ((value = value_of(arg, "public"))) {
        wishes->publics = value;
    } else if ((value = value_of(arg, "format"))) {
        wishes->contest.csv = strcmp(value, "csv") == 0;
        *good = wishes->contest.csv || strcmp(value, "json") == 0;
    } else if ((value = value_of(arg, "external"))) {
        *good = wishes->opts.n_rivals < SOLVE_RIVALS;
        if (*good)
            wishes->opts.rivals[wishes->opts.n_rivals++] = value;
    }
    return value != NULL;
}

/* Options hold for what comes after them. */
static bool obey(struct wishes *wishes, const char *arg)
{
    const char *value;
    bool good = true;
    if (set_number(wishes, arg) || set_word(wishes, arg, &good))
        return good;
    if ((value = value_of(arg, "instances")))
        return solve_listed(wishes, value);
    if ((value = value_of(arg, "perfect"))) {
        wishes->perfect.n_pieces = (uint32_t)strtoul(value, NULL, 10);
        return wishes->perfect.n_pieces > 0 && solve_made(wishes, true);
    }
    if ((value = value_of(arg, "random"))) {
        wishes->random.n = (uint32_t)strtoul(value, NULL, 10);
        return wishes->random.n > 0 && solve_made(wishes, false);
    }
    return strncmp(arg, "--", 2) != 0 && solve_file(wishes, arg);
}

int solve_main(int argc, char **argv)
{
    struct wishes wishes = { .n_seeds = 1, .random.live = 300, .opts.inplace = INPLACE_GGML, .contest.repeat = 1 };
    bool good = true;
    for (int i = 1; i < argc && good; i++) {
        good = obey(&wishes, argv[i]);
        if (!good)
            fprintf(stderr, "bench_place: %s\n", argv[i]);
    }
    solve_report(&wishes.opts, &wishes.scores);
    return good && wishes.scores.ours.wrong == 0 && wishes.n_wrong == 0 ? 0 : 1;
}
