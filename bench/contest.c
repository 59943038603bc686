#include "contest.h"

#include "measure.h"
#include "peers/peer.h"
#include "peers/room.h"
#include "rival.h"
#include "solve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One of the rungs, a peer, or a command. */
struct entrant {
    char name[24];
    enum ga_effort effort; /* GA_EFFORT_DEFAULT: none of ours */
    const struct peer *peer;
    const char *command;
};

struct performance {
    uint64_t peak;  /* 0: no answer */
    bool is_proved; /* that it is the lowest, or that there is none */
    bool is_wrong, gave_up;
    uint64_t bytes;
    double ns;
};

/* ---- who takes part ---- */

static const char *const rungs[] = { "online", "quick", "search", "prove" };
enum { N_RUNGS = 4 };

static bool is_named(const char *who, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = who; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    return strcmp(who, "all") == 0;
}

bool contest_knows(const char *who, char *unknown, size_t cap)
{
    if (strcmp(who, "all") == 0)
        return true;
    for (const char *at = who; at; at = strchr(at, ','), at = at ? at + 1 : NULL) {
        snprintf(unknown, cap, "%.*s", (int)strcspn(at, ","), at);
        bool known = peer_find(unknown) != NULL;
        for (unsigned r = 0; r < N_RUNGS; r++)
            known |= strcmp(rungs[r], unknown) == 0;
        if (!known)
            return false;
    }
    return true;
}

void contest_list(FILE *out)
{
    for (unsigned r = 0; r < N_RUNGS; r++)
        fprintf(out, "  %-10s ours\n", rungs[r]);
    for (unsigned p = 0; p < n_peers; p++)
        fprintf(out, "  %-10s %s\n", peers[p].name, peers[p].whose);
}

static bool can_do(const struct peer *peer, const struct puzzle *puzzle)
{
    bool is_fixed = false;
    for (uint32_t i = 0; i < puzzle->n; i++)
        is_fixed |= puzzle->at[i].fixed != 0;
    return puzzle->n <= peer->most && (peer->fixed || !is_fixed);
}

enum { MOST_ENTRANTS = 32 };

static unsigned invite(const struct contest_opts *opts, const struct puzzle *puzzle, struct entrant *entrants)
{
    unsigned n = 0;
    for (unsigned r = 0; r < N_RUNGS; r++) {
        if (!is_named(opts->who, rungs[r]))
            continue;
        solve_effort(rungs[r], &entrants[n].effort);
        snprintf(entrants[n++].name, sizeof entrants->name, "%s", rungs[r]);
    }
    for (unsigned p = 0; p < n_peers; p++)
        if (is_named(opts->who, peers[p].name) && can_do(&peers[p], puzzle)) {
            entrants[n].peer = &peers[p];
            snprintf(entrants[n++].name, sizeof entrants->name, "%s", peers[p].name);
        }
    for (unsigned r = 0; r < opts->n_rivals; r++) {
        entrants[n].command = opts->rivals[r];
        snprintf(entrants[n++].name, sizeof entrants->name, "external%u", r + 1);
    }
    return n;
}

/* ---- a performance ---- */

static bool has_time(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    (void)steps, (void)peak, (void)bound;
    return measure_now() < *(double *)user;
}

static void judge(const struct puzzle *puzzle, const uint64_t *offsets, struct performance *did)
{
    did->is_wrong = !puzzle_judge(puzzle, offsets, &did->peak);
}

static bool perform_ours(const struct contest_opts *opts, const struct entrant *who, const struct puzzle *puzzle,
                         struct performance *did)
{
    struct meter meter = { 0 };
    struct ga_env env = meter_env(&meter);
    double begin = measure_now(), deadline = begin + opts->limit_ns;
    struct ga_plan_opts plan_opts = {
        .effort = who->effort,
        .steps = opts->steps,
        .seed = opts->seed,
        .n_pools = 1,
        .capacity = &opts->capacity,
        .progress = opts->limit_ns > 0 ? has_time : NULL,
        .user = &deadline,
    };
    ga_plan *plan;
    if (ga_plan_intervals(&env, puzzle->at, puzzle->n, &plan_opts, &plan) != GA_OK)
        return false;
    did->ns = measure_now() - begin;
    did->bytes = meter.peak;
    uint64_t *offsets = calloc(puzzle->n + (size_t)1, sizeof *offsets);
    for (uint32_t i = 0; offsets && i < puzzle->n; i++) {
        struct ga_slot slot;
        offsets[i] = ga_plan_slot(plan, i + 1, &slot) ? slot.offset : 0;
    }
    if (offsets)
        judge(puzzle, offsets, did);
    did->is_wrong |= did->peak != ga_plan_peak(plan, 0);
    did->is_proved = did->peak == ga_plan_bound(plan, 0);
    ga_plan_delete(plan);
    free(offsets);
    return offsets != NULL;
}

static bool perform_peer(const struct contest_opts *opts, const struct entrant *who, const struct puzzle *puzzle,
                         struct performance *did)
{
    uint64_t *offsets = calloc(puzzle->n + (size_t)1, sizeof *offsets);
    if (!offsets)
        return false;
    room_peak();
    double begin = measure_now();
    const struct peer_task task = {
        .at = puzzle->at,
        .n = puzzle->n,
        .load = puzzle->load,
        .capacity = opts->capacity,
        .seed = opts->seed,
        .steps = opts->steps,
        .deadline = opts->limit_ns > 0 ? begin + opts->limit_ns : 0,
    };
    enum peer_end end = who->peer->place(&task, offsets);
    did->ns = measure_now() - begin;
    did->bytes = room_peak();
    did->gave_up = end == PEER_GAVE_UP;
    if (end == PEER_ANSWERED)
        judge(puzzle, offsets, did);
    did->is_proved = end == PEER_CANNOT || did->peak == puzzle->load;
    free(offsets);
    return true;
}

static bool perform_rival(const struct contest_opts *opts, const struct entrant *who, const struct puzzle *puzzle,
                          struct performance *did)
{
    struct rival_result result;
    double limit = opts->limit_ns > 0 ? opts->limit_ns : 60e9;
    if (!rival_run(who->command, puzzle, opts->capacity ? opts->capacity : puzzle->load, limit, &result)) {
        fprintf(stderr, "%s: cannot be run\n", who->command);
        return false;
    }
    did->ns = result.ns;
    did->peak = result.end == RIVAL_ANSWERED ? result.peak : 0;
    did->is_wrong = result.end == RIVAL_WRONG;
    did->gave_up = result.end == RIVAL_GAVE_UP || result.end == RIVAL_TIMED_OUT;
    did->is_proved = did->peak == puzzle->load;
    return true;
}

static bool perform(const struct contest_opts *opts, const struct entrant *who, const struct puzzle *puzzle,
                    struct performance *did)
{
    *did = (struct performance){ 0 };
    if (who->peer)
        return perform_peer(opts, who, puzzle, did);
    return who->command ? perform_rival(opts, who, puzzle, did) : perform_ours(opts, who, puzzle, did);
}

/* ---- what is told ---- */

static const char columns[] = "peer,instance,n,peak,load,ratio,proved,median_ns,min_ns,bytes,seed,commit,compiler,cpu";

/* The processor's name, without what would end a field early. */
static const char *cpu_name(void)
{
    static char name[80];
    FILE *info = name[0] ? NULL : fopen("/proc/cpuinfo", "r");
    char line[160];
    while (info && !name[0] && fgets(line, sizeof line, info))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            snprintf(name, sizeof name, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n,\""), strchr(line, ':') + 2);
    if (info)
        fclose(info);
    if (!name[0])
        snprintf(name, sizeof name, "unknown");
    return name;
}

void contest_head(const struct contest_opts *opts)
{
    if (opts->csv)
        puts(columns);
}

struct told {
    const char *key;
    char value[96];
    bool is_text;
};

static void tell(const struct contest_opts *opts, const struct puzzle *puzzle, const struct entrant *who,
                 const struct performance *did, struct samples *times)
{
    struct told told[14] = {
        { "peer", "", true },     { "instance", "", true }, { "n", "", false },      { "peak", "", false },
        { "load", "", false },    { "ratio", "", false },   { "proved", "", false }, { "median_ns", "", false },
        { "min_ns", "", false },  { "bytes", "", false },   { "seed", "", false },   { "commit", "", true },
        { "compiler", "", true }, { "cpu", "", true },
    };
    const char *none = opts->csv ? "" : "null";
#define TELL(at, ...) snprintf(told[at].value, sizeof told[at].value, __VA_ARGS__)
    TELL(0, "%.23s", who->name);
    TELL(1, "%.90s", puzzle->name);
    TELL(2, "%" PRIu32, puzzle->n);
    if (did->peak)
        TELL(3, "%" PRIu64, did->peak);
    else
        TELL(3, "%s", none);
    TELL(4, "%" PRIu64, puzzle->load);
    if (did->peak && puzzle->load)
        TELL(5, "%.6f", (double)did->peak / (double)puzzle->load);
    else
        TELL(5, "%s", none);
    TELL(6, "%s", did->is_proved ? "true" : "false");
    TELL(7, "%.0f", samples_median(times));
    TELL(8, "%.0f", samples_min(times));
    if (who->command)
        TELL(9, "%s", none); /* another process's are not ours to count */
    else
        TELL(9, "%" PRIu64, did->bytes);
    TELL(10, "%" PRIu64, opts->seed);
    TELL(11, "%s", BENCH_COMMIT);
    TELL(12, "%s", BENCH_COMPILER);
    TELL(13, "%.80s", cpu_name());
#undef TELL
    for (unsigned i = 0; i < 14; i++) {
        const char *quote = told[i].is_text && !opts->csv ? "\"" : "";
        if (opts->csv)
            printf("%s%s", i ? "," : "", told[i].value);
        else
            printf("%s\"%s\":%s%s%s", i ? "," : "{", told[i].key, quote, told[i].value, quote);
    }
    puts(opts->csv ? "" : "}");
    fflush(stdout);
}

/* ---- a contest ---- */

static bool check_round(const struct puzzle *puzzle, const struct entrant *who, const struct performance *first,
                        const struct performance *now)
{
    if (now->is_wrong)
        fprintf(stderr, "%s: %s: the answer is wrong\n", puzzle->name, who->name);
    else if (!first->gave_up && !now->gave_up && first->peak != now->peak)
        fprintf(stderr, "%s: %s: %" PRIu64 " in one round, %" PRIu64 " in another\n", puzzle->name, who->name, first->peak,
                now->peak);
    else
        return true;
    return false;
}

bool contest_hold(const struct contest_opts *opts, const struct puzzle *puzzle, unsigned *wrong, uint64_t *best)
{
    struct entrant entrants[MOST_ENTRANTS] = { 0 };
    struct performance first[MOST_ENTRANTS], now;
    unsigned n = invite(opts, puzzle, entrants), n_wrong = 0;
    struct samples *times = calloc(n + (size_t)1, sizeof *times);
    bool good = times != NULL;
    for (unsigned round = 0; good && round < opts->repeat; round++)
        for (unsigned e = 0; good && e < n; e++) {
            good = perform(opts, &entrants[e], puzzle, &now);
            if (round == 0)
                first[e] = now;
            n_wrong += good && !check_round(puzzle, &entrants[e], &first[e], &now);
            samples_add(&times[e], now.ns);
        }
    for (unsigned e = 0; good && e < n; e++) {
        tell(opts, puzzle, &entrants[e], &first[e], &times[e]);
        if (best && first[e].peak && (*best == 0 || first[e].peak < *best))
            *best = first[e].peak;
    }
    free(times);
    *wrong += n_wrong;
    return good;
}
