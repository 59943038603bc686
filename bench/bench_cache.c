/*
 * bench_cache - nanoseconds for one alloc and its free of the device cache, beside a plain one of the same policy, and malloc
 *
 * A tape is played in pieces, each piece by everybody in turn.  Memory comes from the null backend: no byte of it is touched.
 */
#include "measure.h"
#include "plain_cache.h"
#include "tape.h"

#include "ggml_alloc/cache.h"

#include "cache/policy.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 15, THREADS = 2 };

struct player;

/* Where one thread of a player is. */
struct seat {
    const struct player *player;
    struct rack *rack;
    const struct tape *tape;
    uint32_t at, until; /* ops */
    ga_stream stream;
    ga_block *blocks; /* by slot */
    void **ptrs;
    bool failed;
};

/* Who is measured. */
struct player {
    const char *name;
    void (*play)(struct seat *seat);
};

/* What they play on. */
struct rack {
    ga_cache *ours, *by_ptr;
    struct plain_cache *plain;
};

static void play_cache(struct seat *seat)
{
    ga_cache *cache = seat->rack->ours;
    for (const struct op *op = seat->tape->ops + seat->at; op < seat->tape->ops + seat->until; op++) {
        enum ga_status status = op->size ? ga_cache_alloc(cache, (size_t)op->size, seat->stream, &seat->blocks[op->slot], NULL)
                                         : ga_cache_free(cache, seat->blocks[op->slot]);
        seat->failed |= status != GA_OK;
    }
}

static void play_by_ptr(struct seat *seat)
{
    ga_cache *cache = seat->rack->by_ptr;
    for (const struct op *op = seat->tape->ops + seat->at; op < seat->tape->ops + seat->until; op++) {
        enum ga_status status = op->size ? ga_cache_alloc(cache, (size_t)op->size, seat->stream, NULL, &seat->ptrs[op->slot])
                                         : ga_cache_free_ptr(cache, seat->ptrs[op->slot]);
        seat->failed |= status != GA_OK;
    }
}

static void play_plain(struct seat *seat)
{
    struct plain_cache *cache = seat->rack->plain;
    for (const struct op *op = seat->tape->ops + seat->at; op < seat->tape->ops + seat->until; op++) {
        if (op->size)
            seat->ptrs[op->slot] = plain_cache_alloc(cache, op->size, seat->stream);
        else
            seat->failed |= !plain_cache_free(cache, seat->ptrs[op->slot]);
        seat->failed |= seat->ptrs[op->slot] == NULL;
    }
}

static void play_malloc(struct seat *seat)
{
    for (const struct op *op = seat->tape->ops + seat->at; op < seat->tape->ops + seat->until; op++) {
        if (op->size)
            seat->ptrs[op->slot] = malloc((size_t)op->size);
        else
            free(seat->ptrs[op->slot]);
        seat->failed |= seat->ptrs[op->slot] == NULL;
    }
}

enum { OURS, BY_PTR, PLAIN, MALLOC, PLAYERS };

static const struct player players[PLAYERS] = {
    [OURS] = { "ours", play_cache },
    [BY_PTR] = { "by_ptr", play_by_ptr },
    [PLAIN] = { "plain", play_plain },
    [MALLOC] = { "malloc", play_malloc },
};

struct table {
    struct rack rack;
    struct tape tapes[THREADS];
    struct seat seats[PLAYERS][THREADS];
    struct samples times[PLAYERS], ratios; /* ours over plain, piece by piece */
    int n_threads;
};

static void *run_seat(void *arg)
{
    struct seat *seat = arg;
    seat->player->play(seat);
    return NULL;
}

/* All threads of a player from where they are to op `until`; returns how long that took: one thread's own time, for two the clock's. */
static double play(struct seat *seats, int n_threads, uint32_t until)
{
    double (*const time)(void) = n_threads == 1 ? measure_busy : measure_now;
    pthread_t threads[THREADS];
    double start = time();
    for (int i = 0; i < n_threads; i++)
        seats[i].until = until;
    for (int i = 1; i < n_threads; i++)
        if (pthread_create(&threads[i], NULL, run_seat, &seats[i]) != 0)
            return 0;
    run_seat(&seats[0]);
    for (int i = 1; i < n_threads; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < n_threads; i++)
        seats[i].at = until;
    return time() - start;
}

static bool set_up(struct table *table)
{
    bool good = true;
    table->rack = (struct rack){ .ours = ga_cache_new(NULL, ga_backend_null(), NULL),
                                 .by_ptr = ga_cache_new(NULL, ga_backend_null(), NULL),
                                 .plain = plain_cache_new(ga_backend_null()) };
    good = table->rack.ours && table->rack.by_ptr && table->rack.plain;
    for (int p = 0; p < PLAYERS; p++)
        for (int i = 0; i < table->n_threads; i++) {
            const struct tape *tape = &table->tapes[i];
            struct seat seat = { .player = &players[p], .rack = &table->rack, .tape = tape, .stream = (ga_stream)i };
            seat.blocks = calloc(tape->n_slots, sizeof *seat.blocks);
            seat.ptrs = calloc(tape->n_slots, sizeof *seat.ptrs);
            good = good && seat.blocks && seat.ptrs;
            table->seats[p][i] = seat;
        }
    return good;
}

/* What a tape leaves alive goes, too. */
static void clear_up(struct table *table)
{
    for (int p = 0; p < PLAYERS; p++)
        for (int i = 0; i < table->n_threads; i++) {
            struct seat *seat = &table->seats[p][i];
            bool *is_live = calloc(seat->tape->n_slots, sizeof *is_live);
            for (uint32_t at = 0; is_live && at < seat->at; at++)
                is_live[seat->tape->ops[at].slot] = seat->tape->ops[at].size != 0;
            for (uint32_t slot = 0; p == MALLOC && is_live && slot < seat->tape->n_slots; slot++)
                if (is_live[slot])
                    free(seat->ptrs[slot]);
            free(is_live);
            free(seat->blocks);
            free(seat->ptrs);
        }
    ga_cache_delete(table->rack.ours);
    ga_cache_delete(table->rack.by_ptr);
    plain_cache_delete(table->rack.plain);
    for (int i = 0; i < table->n_threads; i++)
        tape_fini(&table->tapes[i]);
}

/* The peak of what a cache of those options reserves for the first tape, over that of the bytes that are asked for. */
static double over_live(const struct table *table, const struct ga_cache_opts *opts)
{
    struct rack rack = { .ours = ga_cache_new(NULL, ga_backend_null(), opts) };
    struct ga_cache_stats stats = { 0 };
    struct seat seat = table->seats[OURS][0];
    seat.rack = &rack;
    seat.at = 0;
    seat.until = seat.tape->n;
    if (rack.ours) {
        play_cache(&seat);
        ga_cache_stats(rack.ours, &stats);
    }
    ga_cache_delete(rack.ours);
    return (double)stats.all.reserved_bytes.peak / (double)tape_peak(seat.tape);
}

static void report(struct table *table, const char *traffic, uint32_t live)
{
    printf("{\"bench\":\"cache\",\"traffic\":\"%s\",\"live\":%" PRIu32 ",\"threads\":%d", traffic, live, table->n_threads);
    for (int p = 0; p < PLAYERS; p++)
        printf(",\"%s_ns\":%.1f,\"%s_min_ns\":%.1f", players[p].name, samples_median(&table->times[p]), players[p].name,
               samples_min(&table->times[p]));
    printf(",\"ratio\":%.3f,\"min_ratio\":%.3f", samples_median(&table->ratios),
           samples_min(&table->times[OURS]) / samples_min(&table->times[PLAIN]));
    struct ga_cache_opts close = gai_policy_close();
    uint64_t peak = 0;
    for (int i = 0; i < table->n_threads; i++)
        peak += tape_peak(&table->tapes[i]);
    printf(",\"base_over_live\":%.4f,\"segments_over_live\":%.4f,\"range_over_live\":%.4f,\"plain_over_live\":%.4f}\n",
           over_live(table, NULL), over_live(table, &close), over_live(table, &(struct ga_cache_opts){ .expandable = true }),
           (double)plain_cache_reserved(table->rack.plain) / (double)peak);
    fflush(stdout);
}

/* The tapes are drawn. */
static bool measure(struct table *table, const char *traffic, uint32_t live)
{
    bool good = set_up(table);
    uint32_t n = table->tapes[0].n, fill = table->tapes[0].n_fill;
    for (int p = 0; good && p < PLAYERS; p++)
        play(table->seats[p], table->n_threads, fill);
    for (uint32_t piece = 1; good && piece <= PIECES; piece++) {
        uint32_t until = fill + (uint32_t)((uint64_t)(n - fill) * piece / PIECES);
        double n_pairs = (until - table->seats[0][0].at) / 2.0 * table->n_threads;
        double ns[PLAYERS];
        for (int p = 0; p < PLAYERS; p++) {
            ns[p] = play(table->seats[p], table->n_threads, until) / n_pairs;
            samples_add(&table->times[p], ns[p]);
        }
        samples_add(&table->ratios, ns[OURS] / ns[PLAIN]);
    }
    for (int p = 0; p < PLAYERS; p++)
        for (int i = 0; i < table->n_threads; i++)
            good = good && !table->seats[p][i].failed;
    if (good)
        report(table, traffic, live);
    clear_up(table);
    return good;
}

struct traffic {
    const char *name;
    uint32_t live, n_pairs;
    bool (*draw)(struct tape *tape, uint32_t live, uint32_t n_pairs);
    int n_threads;
};

static bool draw_pairs(struct tape *tape, uint32_t live, uint32_t n_pairs)
{
    (void)live;
    return tape_pairs(tape, n_pairs);
}

static bool draw_steps(struct tape *tape, uint32_t live, uint32_t n_pairs)
{
    (void)live;
    return tape_steps(tape, n_pairs);
}

static bool draw_llm(struct tape *tape, uint32_t live, uint32_t n_pairs)
{
    (void)live;
    return tape_llm(tape, n_pairs);
}

static const struct traffic traffics[] = {
    { "pair", 9, 1000000, draw_pairs, 1 },        { "steps", 35, 1000000, draw_steps, 1 },
    { "random", 1000, 500000, tape_random, 1 },   { "random", 10000, 500000, tape_random, 1 },
    { "random", 100000, 300000, tape_random, 1 }, { "llm", 0, 1000000, draw_llm, 1 },
    { "pair", 9, 500000, draw_pairs, 2 },         { "steps", 35, 500000, draw_steps, 2 },
    { "random", 1000, 300000, tape_random, 2 },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof traffics / sizeof *traffics; i++) {
        const struct traffic *traffic = &traffics[i];
        if (argc > 1 && strcmp(argv[1], traffic->name) != 0)
            continue;
        struct table table = { .n_threads = traffic->n_threads };
        bool good = true;
        for (int k = 0; k < traffic->n_threads; k++)
            good = traffic->draw(&table.tapes[k], traffic->live, traffic->n_pairs) && good;
        good = good && measure(&table, traffic->name, traffic->live);
        if (!good)
            return 4;
    }
    return 0;
}
