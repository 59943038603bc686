#include "listed.h"

#include "base/text.h"
#include "ggml_alloc/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_yes(const char *word)
{
    return strcmp(word, "yes") == 0;
}

bool listed_next(FILE *list, struct listed *listed, bool *good)
{
    char line[512], proved[8];
    *good = true;
    while (fgets(line, sizeof line, list)) {
        if (*line == '#' || *line == '\n' || strncmp(line, "name\t", 5) == 0)
            continue;
        *listed = (struct listed){ .n = 0 };
        *good = sscanf(line, "%95[^\t]\t%15[^\t]\t%159[^\t]\t%" SCNu64 "\t%" SCNu64 "\t%" SCNu64 "\t%7[^\t]\t%23[^\t]\t%" SCNx64,
                       listed->name, listed->kind, listed->origin, &listed->n, &listed->load, &listed->best, proved, listed->by,
                       &listed->checksum) == 9;
        if (!*good)
            fprintf(stderr, "instances: not nine columns: %s", line);
        listed->proved = *good && is_yes(proved);
        return *good;
    }
    return false;
}

/* ---- making ---- */

/* The number behind ` --name=` in a command, or `otherwise`. */
static double number_of(const char *command, const char *name, double otherwise)
{
    char option[32];
    snprintf(option, sizeof option, " --%s=", name);
    const char *at = strstr(command, option);
    return at ? strtod(at + strlen(option), NULL) : otherwise;
}

static bool make_perfect(const char *command, struct puzzle *puzzle)
{
    struct gen_perfect wish = {
        .n_pieces = (uint32_t)number_of(command, "pieces", 0),
        .seed = (uint64_t)number_of(command, "seed", 0),
        .align = (uint64_t)number_of(command, "align", 0),
        .n_fixed = (uint32_t)number_of(command, "fixed", 0),
        .drop = (uint32_t)(number_of(command, "drop", 0) * GEN_WHOLE + 0.5),
    };
    return puzzle_perfect(puzzle, &wish);
}

static bool make_random(const char *command, struct puzzle *puzzle)
{
    static const char *const words[] = { "exp", "heavy", "mixed" };
    const char *kind = strstr(command, " --kind=");
    for (unsigned k = 0; kind && k < 3; k++) {
        size_t len = strlen(words[k]);
        if (strncmp(kind + 8, words[k], len) != 0)
            continue;
        struct gen_random wish = {
            .n = (uint32_t)number_of(command, "n", 0),
            .seed = (uint64_t)number_of(command, "seed", 0),
            .live = (uint32_t)number_of(command, "live", 300),
            .kind = (enum gen_kind)k,
        };
        return puzzle_random(puzzle, &wish, words[k]);
    }
    return false;
}

static bool make_trace(const char *command, struct puzzle *puzzle)
{
    static const char *const words[] = { "llm", "diffusion", "training" };
    const char *kind = strstr(command, " --kind=");
    for (unsigned k = 0; kind && k < 3; k++)
        if (strncmp(kind + 8, words[k], strlen(words[k])) == 0)
            return puzzle_trace(puzzle, (enum trace_program)k, (uint64_t)number_of(command, "seed", 0), words[k]);
    return false;
}

static bool load_file(const char *folder, const char *name, struct puzzle *puzzle)
{
    char path[1024];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    return len > 0 && (size_t)len < sizeof path && puzzle_load(puzzle, path, INPLACE_NONE) &&
           (!puzzle->is_graph || puzzle_apart(puzzle));
}

uint64_t listed_checksum(const struct puzzle *puzzle)
{
    uint64_t sum = TEXT_SUM_START;
    for (uint32_t i = 0; i < puzzle->n; i++) {
        const struct ga_interval *at = &puzzle->at[i];
        char row[128];
        int len = snprintf(row, sizeof row, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", at->birth, at->death,
                           at->size, at->align, at->fixed);
        sum = gai_text_sum(sum, row, (size_t)len);
    }
    return sum;
}

/* Whether it is what the list says; zeros say nothing. */
static bool is_as_listed(const struct listed *listed, const struct puzzle *puzzle)
{
    uint64_t sum = listed_checksum(puzzle);
    if (listed->checksum && listed->checksum != sum)
        fprintf(stderr, "%s: its checksum is %016" PRIx64 ", not %016" PRIx64 " as listed\n", listed->name, sum, listed->checksum);
    else if (listed->n && (listed->n != puzzle->n || listed->load != puzzle->load))
        fprintf(stderr, "%s: %" PRIu32 " intervals and a load of %" PRIu64 " are not as listed\n", listed->name, puzzle->n,
                puzzle->load);
    else
        return true;
    return false;
}

enum listed_end listed_load(const struct listed *listed, const char *folder, const char *publics, struct puzzle *puzzle)
{
    bool good = false;
    *puzzle = (struct puzzle){ .n = 0 };
    if (strcmp(listed->kind, "public") == 0 && !publics)
        return LISTED_ABSENT;
    if (strcmp(listed->kind, "perfect") == 0)
        good = make_perfect(listed->origin, puzzle);
    else if (strcmp(listed->kind, "random") == 0)
        good = make_random(listed->origin, puzzle);
    else if (strcmp(listed->kind, "trace") == 0)
        good = make_trace(listed->origin, puzzle);
    else if (strcmp(listed->kind, "graph") == 0)
        good = load_file(folder, listed->origin, puzzle);
    else if (strcmp(listed->kind, "public") == 0)
        good = load_file(publics, listed->origin, puzzle);
    if (!good)
        fprintf(stderr, "%s: cannot be made from '%s'\n", listed->name, listed->origin);
    else
        snprintf(puzzle->name, sizeof puzzle->name, "%s", listed->name);
    return good && is_as_listed(listed, puzzle) ? LISTED_READY : LISTED_BROKEN;
}

/* ---- keeping ---- */

static bool improve(struct listed *listed, const struct puzzle *puzzle)
{
    struct ga_plan_opts opts = { .effort = GA_EFFORT_PROVE };
    ga_plan *plan;
    if (ga_plan_intervals(NULL, puzzle->at, puzzle->n, &opts, &plan) != GA_OK)
        return false;
    uint64_t peak = ga_plan_peak(plan, 0), bound = ga_plan_bound(plan, 0);
    if (listed->best == 0 || peak < listed->best) {
        listed->best = peak;
        snprintf(listed->by, sizeof listed->by, "prove");
    }
    listed->proved |= listed->best == bound || listed->best == puzzle->load || listed->best == puzzle->optimum;
    ga_plan_delete(plan);
    return true;
}

bool listed_renew(struct listed *listed, const struct puzzle *puzzle)
{
    listed->n = puzzle->n;
    listed->load = puzzle->load;
    listed->checksum = listed_checksum(puzzle);
    return improve(listed, puzzle);
}

void listed_print(const struct listed *listed)
{
    printf("%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%016" PRIx64 "\n", listed->name, listed->kind,
           listed->origin, listed->n, listed->load, listed->best, listed->proved ? "yes" : "no", listed->by, listed->checksum);
    fflush(stdout);
}
