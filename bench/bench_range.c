/*
 * bench_range - nanoseconds for one take and its give, beside an array that is searched from end to end
 *
 * The traffic is drawn beforehand and played to each of them: the very same takes and gives.
 */
#include "measure.h"
#include "plain_pool.h"

#include "base/rng.h"
#include "range/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What is drawn for one run: `fill` takes, every other one given back when `holes`, then `n_pairs` of traffic. */
struct traffic {
    const char *name;
    uint32_t live;
    uint32_t n_pairs;
    uint32_t plain_pairs; /* fewer, or none, where the array takes too long */
    bool holes;
    bool stack; /* what came last goes first; else any goes, and another comes in its place */
    uint64_t (*len)(struct rng *rng);
};

/* Lengths as graphs have them: a few, of very different size. */
static uint64_t of_graph(struct rng *rng)
{
    static const uint64_t lens[] = { 128, 4096, 8192, 8192, 32768, 65536, 262144, 1048576 };
    return lens[rng_below(rng, 8)];
}

static uint64_t any(struct rng *rng)
{
    return 32 * (1 + (rng_next(rng) >> (44 + rng_below(rng, 16))));
}

static uint64_t equal(struct rng *rng)
{
    (void)rng;
    return 4096;
}

static uint64_t near_equal(struct rng *rng)
{
    return 1048576 + 32 * rng_below(rng, 1024);
}

static const struct traffic traffics[] = {
    { "stack", 8, 2000000, 2000000, false, true, of_graph },
    { "graph", 12, 2000000, 2000000, false, false, of_graph },
    { "any", 1000, 1000000, 100000, false, false, any },
    { "any", 10000, 500000, 20000, false, false, any },
    { "any", 100000, 300000, 0, false, false, any },
    { "equal holes", 10000, 300000, 2000, true, false, equal },
    { "equal holes", 100000, 300000, 0, true, false, equal },
    { "near-equal holes", 10000, 300000, 2000, true, false, near_equal },
    { "near-equal holes", 100000, 300000, 0, true, false, near_equal },
};

/* A take when `len` is not 0, else a give, of what lies in `slot`. */
struct op {
    uint64_t len;
    uint32_t slot;
};

struct tape {
    struct op *ops;
    uint32_t n_fill, n;
};

static void record(struct tape *tape, uint64_t len, uint32_t slot)
{
    tape->ops[tape->n++] = (struct op){ .len = len, .slot = slot };
}

/* Slots of the traffic: with holes, the even ones. */
static uint32_t slot_of(const struct traffic *traffic, uint32_t i)
{
    return traffic->holes ? 2 * i : i;
}

static uint32_t n_slots(const struct traffic *traffic)
{
    return traffic->holes ? 2 * traffic->live : traffic->live;
}

static bool draw(struct tape *tape, const struct traffic *traffic)
{
    struct rng rng = { 1 };
    *tape = (struct tape){ .ops = calloc(2 * ((size_t)n_slots(traffic) + traffic->n_pairs), sizeof *tape->ops) };
    if (!tape->ops)
        return false;
    if (!traffic->stack)
        for (uint32_t i = 0; i < n_slots(traffic); i++)
            record(tape, traffic->len(&rng), i);
    if (traffic->holes)
        for (uint32_t i = 0; i < traffic->live; i++)
            record(tape, 0, 2 * i + 1);
    tape->n_fill = tape->n;
    if (!traffic->stack) {
        for (uint32_t i = 0; i < traffic->n_pairs; i++) {
            uint32_t slot = slot_of(traffic, (uint32_t)rng_below(&rng, traffic->live));
            record(tape, 0, slot);
            record(tape, traffic->len(&rng), slot);
        }
        return true;
    }
    for (uint32_t i = 0; i < traffic->n_pairs; i += traffic->live) {
        for (uint32_t slot = 0; slot < traffic->live; slot++)
            record(tape, traffic->len(&rng), slot);
        for (uint32_t slot = traffic->live; slot-- > 0;)
            record(tape, 0, slot);
    }
    return true;
}

static bool play_range(struct range *range, uint32_t *nodes, const struct op *ops, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (ops[i].len == 0)
            gai_range_give(range, nodes[ops[i].slot]);
        else if (gai_range_take(range, ops[i].len, &nodes[ops[i].slot]) != GA_OK)
            return false;
    }
    return true;
}

struct plain_live {
    uint64_t offset, size;
};

static bool play_plain(struct plain_pool *pool, struct plain_live *live, const struct op *ops, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct plain_live *at = &live[ops[i].slot];
        int chunk;
        bool good;
        if (ops[i].len == 0) {
            good = plain_pool_give(pool, 0, at->offset, at->size);
        } else {
            at->size = ops[i].len;
            good = plain_pool_take(pool, at->size, &chunk, &at->offset);
        }
        if (!good)
            return false;
    }
    return true;
}

static uint32_t n_free(const struct range *range)
{
    uint32_t n = 0;
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at))
        n += range_is_free(range, at);
    return n;
}

static void report(const struct traffic *traffic, const char *who, uint32_t n, double ns, uint64_t peak)
{
    printf("{\"bench\":\"range\",\"traffic\":\"%s\",\"live\":%" PRIu32 ",\"who\":\"%s\",\"free\":%" PRIu32
           ",\"ns\":%.1f,\"peak\":%" PRIu64 "}\n",
           traffic->name, traffic->live, who, n, ns, peak);
}

static bool time_range(const struct traffic *traffic, const struct tape *tape, const char *who, enum range_fit fit)
{
    struct meter meter = { 0 };
    struct ga_env env = meter_env(&meter);
    struct range range = { 0 };
    uint32_t *nodes = calloc(n_slots(traffic), sizeof *nodes);
    bool good = nodes && gai_range_init(&range, &env.mem, RANGE_OPEN, fit, 0) == GA_OK;
    good = good && play_range(&range, nodes, tape->ops, tape->n_fill);
    if (good) {
        uint32_t free_before = n_free(&range);
        double start = measure_now();
        good = play_range(&range, nodes, tape->ops + tape->n_fill, tape->n - tape->n_fill);
        double ns = (measure_now() - start) * 2 / (tape->n - tape->n_fill);
        report(traffic, who, (free_before + n_free(&range)) / 2, ns, range.peak);
    }
    if (range.mem)
        gai_range_fini(&range);
    free(nodes);
    return good;
}

static bool time_plain(const struct traffic *traffic, const struct tape *tape)
{
    struct plain_buft buft = { .align = 32, .max_size = UINT64_MAX };
    struct plain_pool pool = { .buft = &buft };
    struct plain_live *live = calloc(n_slots(traffic), sizeof *live);
    bool good = live && play_plain(&pool, live, tape->ops, tape->n_fill);
    if (good) {
        uint32_t n = 2 * traffic->plain_pairs;
        int free_before = pool.chunks[0] ? pool.chunks[0]->n_blocks : 1;
        double start = measure_now();
        good = play_plain(&pool, live, tape->ops + tape->n_fill, n);
        double ns = (measure_now() - start) * 2 / n;
        if (good && pool.chunks[0])
            report(traffic, "plain", (uint32_t)(free_before + pool.chunks[0]->n_blocks) / 2, ns, pool.chunks[0]->peak);
    }
    plain_pool_reset(&pool);
    free(live);
    return good;
}

int main(void)
{
    for (size_t i = 0; i < sizeof traffics / sizeof *traffics; i++) {
        const struct traffic *traffic = &traffics[i];
        struct tape tape;
        bool good = draw(&tape, traffic) && time_range(traffic, &tape, "best", RANGE_TIE_HIGH) &&
                    time_range(traffic, &tape, "fast", RANGE_FAST) && (traffic->plain_pairs == 0 || time_plain(traffic, &tape));
        free(tape.ops);
        if (!good)
            return 4;
    }
    return 0;
}
