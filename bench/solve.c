#include "solve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum ga_effort effort;
} efforts[] = {
    { "none", GA_EFFORT_NONE },     { "online", GA_EFFORT_ONLINE }, { "quick", GA_EFFORT_QUICK },
    { "search", GA_EFFORT_SEARCH }, { "prove", GA_EFFORT_PROVE },
};

static const double within_seconds[3] = { 1, 10, 60 };

bool solve_effort(const char *word, enum ga_effort *effort)
{
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++)
        if (strcmp(efforts[i].word, word) == 0) {
            *effort = efforts[i].effort;
            return true;
        }
    return false;
}

static const char *effort_word(enum ga_effort effort)
{
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++)
        if (efforts[i].effort == effort)
            return efforts[i].word;
    return "default";
}

/* ---- us ---- */

/* The limits of a puzzle's pools: `opts` points into it. */
struct pools {
    uint64_t *capacity, *chunk_max, *align;
    struct ga_plan_opts opts;
};

struct deadline {
    double ns;
};

static bool has_time(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    const struct deadline *deadline = user;
    (void)steps, (void)peak, (void)bound;
    return measure_now() < deadline->ns;
}

static bool pools_init(struct pools *pools, const struct solve_opts *opts, const struct puzzle *puzzle, uint64_t capacity,
                       struct deadline *deadline)
{
    unsigned n = puzzle->is_graph ? puzzle->graph.n_buffers : 1;
    *pools = (struct pools){ calloc(n + 1, 8), calloc(n + 1, 8), calloc(n + 1, 8), { 0 } };
    if (!pools->capacity || !pools->chunk_max || !pools->align)
        return false;
    for (unsigned i = 0; i < n; i++)
        pools->capacity[i] = capacity;
    if (puzzle->is_graph)
        gai_tgraph_limits(&puzzle->graph, pools->align, pools->chunk_max);
    pools->opts = (struct ga_plan_opts){
        .effort = opts->effort,
        .steps = opts->steps,
        .seed = opts->seed,
        .n_pools = n,
        .capacity = pools->capacity,
        .chunk_max = pools->chunk_max,
        .align = pools->align,
    };
    if (opts->limit_ns > 0) {
        pools->opts.progress = has_time;
        pools->opts.user = deadline;
    }
    return true;
}

static void pools_fini(struct pools *pools)
{
    free(pools->capacity);
    free(pools->chunk_max);
    free(pools->align);
}

struct outcome {
    double ns;
    uint64_t peak, bound, bytes; /* bookkeeping, at its peak */
    struct ga_plan_info info;
    bool good; /* the judge says so */
};

static bool is_good(const struct puzzle *puzzle, const ga_plan *plan, uint64_t peak)
{
    char why[256];
    if (puzzle->is_graph)
        return ga_plan_check(plan, puzzle->graph.graph, why, sizeof why) == GA_OK;
    uint64_t *offsets = calloc(puzzle->n + (size_t)1, sizeof *offsets), end = 0;
    bool good = offsets != NULL;
    for (uint32_t i = 0; i < puzzle->n && good; i++) {
        struct ga_slot slot;
        bool has_slot = ga_plan_slot(plan, i + 1, &slot);
        good = has_slot ? slot.chunk == 0 : puzzle->at[i].size == 0;
        offsets[i] = has_slot ? slot.offset : 0;
    }
    good = good && puzzle_judge(puzzle, offsets, &end) && end == peak;
    free(offsets);
    return good;
}

static bool run_ours(const struct solve_opts *opts, const struct puzzle *puzzle, uint64_t capacity, struct outcome *outcome)
{
    struct meter meter = { 0 };
    struct ga_env env = meter_env(&meter);
    struct deadline deadline;
    struct pools pools;
    ga_plan *plan = NULL;
    bool ok = pools_init(&pools, opts, puzzle, capacity, &deadline);
    *outcome = (struct outcome){ 0 };
    double begin = measure_now();
    deadline.ns = begin + opts->limit_ns;
    if (ok && puzzle->is_graph)
        ok = ga_plan_graph(puzzle->graph.graph, &pools.opts, &plan) == GA_OK;
    else if (ok)
        ok = ga_plan_intervals(&env, puzzle->at, puzzle->n, &pools.opts, &plan) == GA_OK;
    outcome->ns = measure_now() - begin;
    outcome->bytes = meter.peak;
    if (ok) {
        ga_plan_info(plan, &outcome->info);
        for (unsigned p = 0; p < outcome->info.n_pools; p++) {
            outcome->peak += ga_plan_peak(plan, p);
            outcome->bound += ga_plan_bound(plan, p);
        }
        outcome->good = is_good(puzzle, plan, outcome->peak);
    }
    ga_plan_delete(plan);
    pools_fini(&pools);
    return ok;
}

static const char *verdict_word(const struct outcome *outcome)
{
    static const char *const words[] = {
        [GA_BEST_SO_FAR] = "best so far", [GA_FITS] = "fits", [GA_OPTIMAL] = "optimal", [GA_CANNOT_FIT] = "cannot fit"
    };
    return outcome->good ? words[outcome->info.verdict] : "wrong";
}

static void print_ours(const struct solve_opts *opts, const struct puzzle *puzzle, uint64_t capacity, const struct outcome *o)
{
    printf("{\"puzzle\":\"%s\",\"n\":%" PRIu32 ",\"who\":\"%s\",\"verdict\":\"%s\",\"peak\":%" PRIu64 ",\"bound\":%" PRIu64
           ",\"steps\":%" PRIu64 ",\"ns\":%.0f",
           puzzle->name, puzzle->n, effort_word(opts->effort), verdict_word(o), o->peak, o->bound, o->info.steps, o->ns);
    if (capacity)
        printf(",\"capacity\":%" PRIu64, capacity);
    if (puzzle->is_graph)
        printf(",\"recorded_peak\":%" PRIu64 ",\"recorded_over_peak\":%.4f}\n", puzzle->recorded,
               (double)puzzle->recorded / (double)o->peak);
    else
        printf(",\"load\":%" PRIu64 ",\"over_load\":%.4f,\"ns_per_interval\":%.1f,\"bytes_per_interval\":%.1f}\n", puzzle->load,
               (double)o->peak / (double)puzzle->load - 1, o->ns / puzzle->n, (double)o->bytes / puzzle->n);
    fflush(stdout);
}

/* Solved: it fits or cannot where a capacity is asked for, the optimum is proved where none is. */
static void score_add(struct score *score, const struct puzzle *puzzle, bool solved, double ns, uint64_t peak)
{
    score->puzzles++;
    score->solved += solved;
    score->ns += ns;
    for (int i = 0; i < 3; i++)
        score->within[i] += solved && ns <= within_seconds[i] * 1e9;
    if (peak && puzzle->load)
        geomean_add(&score->over_load, (double)peak / (double)puzzle->load);
    if (peak && puzzle->recorded)
        geomean_add(&score->recorded_over_peak, (double)puzzle->recorded / (double)peak);
}

/* ---- everybody ---- */

static bool run_rival(const struct solve_opts *opts, const struct puzzle *puzzle, uint64_t capacity, double our_ns, unsigned r,
                      struct score *score)
{
    struct rival_result result;
    double limit = opts->limit_ns > 0 ? opts->limit_ns : 3600e9;
    if (!rival_run(opts->rivals[r], puzzle, capacity, limit, &result))
        return false;
    bool solved = result.end == RIVAL_ANSWERED && (capacity == 0 || result.peak <= capacity);
    printf("{\"puzzle\":\"%s\",\"n\":%" PRIu32 ",\"who\":\"external%u\",\"verdict\":\"%s\",\"peak\":%" PRIu64
           ",\"ns\":%.0f,\"over_ours\":%.2f}\n",
           puzzle->name, puzzle->n, r + 1, rival_words[result.end], result.peak, result.ns, result.ns / our_ns);
    fflush(stdout);
    score->wrong += result.end == RIVAL_WRONG;
    score_add(score, puzzle, solved, result.ns, result.peak);
    geomean_add(&score->over_ours, result.ns / our_ns);
    return true;
}

bool solve(const struct solve_opts *opts, const struct puzzle *puzzle, struct scores *scores)
{
    uint64_t capacity = opts->at_optimum && puzzle->optimum ? puzzle->optimum : opts->capacity;
    struct outcome ours;
    if (!run_ours(opts, puzzle, capacity, &ours)) {
        fprintf(stderr, "%s: cannot be planned\n", puzzle->name);
        return false;
    }
    print_ours(opts, puzzle, capacity, &ours);
    bool proved = ours.peak == ours.bound;
    bool solved = capacity ? ours.peak <= capacity || ours.bound > capacity : proved;
    scores->ours.proved += proved;
    scores->ours.wrong += !ours.good;
    score_add(&scores->ours, puzzle, solved && ours.good, ours.ns, ours.peak);
    for (unsigned r = 0; r < opts->n_rivals && !puzzle->is_graph; r++)
        if (!run_rival(opts, puzzle, capacity, ours.ns, r, &scores->rivals[r])) {
            fprintf(stderr, "%s: cannot be run\n", opts->rivals[r]);
            return false;
        }
    return true;
}

static void report(const struct score *score, const char *who, const struct score *ours)
{
    if (score->puzzles == 0)
        return;
    printf("{\"puzzles\":%u,\"who\":\"%s\",\"solved\":%u,\"within_1s\":%u,\"within_10s\":%u,\"within_60s\":%u,\"wrong\":%u,"
           "\"ns\":%.0f",
           score->puzzles, who, score->solved, score->within[0], score->within[1], score->within[2], score->wrong, score->ns);
    if (score->over_load.n)
        printf(",\"over_load\":%.4f", geomean_of(&score->over_load) - 1);
    if (score->recorded_over_peak.n)
        printf(",\"recorded_over_peak\":%.4f", geomean_of(&score->recorded_over_peak));
    if (score == ours)
        printf(",\"proved\":%u}\n", score->proved);
    else
        printf(",\"over_ours\":%.2f,\"total_over_ours\":%.2f}\n", geomean_of(&score->over_ours), score->ns / ours->ns);
}

void solve_report(const struct solve_opts *opts, const struct scores *scores)
{
    report(&scores->ours, effort_word(opts->effort), &scores->ours);
    for (unsigned r = 0; r < opts->n_rivals; r++) {
        char who[24];
        snprintf(who, sizeof who, "external%u", r + 1);
        report(&scores->rivals[r], who, &scores->ours);
    }
}
