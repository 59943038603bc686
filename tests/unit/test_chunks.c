/*
 * test_chunks.c - which of several ranges a request takes: beside the rule as ggml states it, looked up node by node
 */
#include "base/bits.h"
#include "base/rng.h"
#include "range/chunks.h"
#include "support.h"

#include <criterion/criterion.h>

static struct test_mem hook;
static struct ga_env env;
static struct chunks chunks;

static void start(uint64_t limit)
{
    hook = (struct test_mem){ 0 };
    env = test_env(&hook);
    gai_chunks_init(&chunks, &env.mem, limit);
}

static void finish(void)
{
    gai_chunks_fini(&chunks);
    cr_assert(!hook.lied && hook.blocks == 0);
}

struct place {
    uint32_t chunk, node;
};

static struct place take(uint64_t len)
{
    struct place place;
    cr_assert_eq(gai_chunks_take_any(&chunks, len, len, &place.chunk, &place.node), GA_OK);
    struct range *range = chunks_range(&chunks, place.chunk);
    chunks_note(&chunks, place.chunk, range_offset(range, place.node) + len);
    return place;
}

static void give(struct place place)
{
    gai_range_give(chunks_range(&chunks, place.chunk), place.node);
}

/* Where the next request must go: chunk and offset; chunks.n: a new chunk. */
struct spot {
    uint32_t chunk;
    uint64_t offset;
};

static bool find_hole(uint64_t len, struct spot *spot)
{
    bool found = false;
    for (uint32_t c = 0; c < chunks.n; c++) {
        const struct range *range = chunks_range(&chunks, c);
        uint64_t best = UINT64_MAX;
        for (uint32_t node = range_next(range, RANGE_NONE); node != RANGE_NONE; node = range_next(range, node))
            if (range_is_free(range, node) && node != range->tail && range_len(range, node) >= len &&
                range_len(range, node) <= best) {
                best = range_len(range, node);
                *spot = (struct spot){ c, range_offset(range, node) };
                found = true;
            }
    }
    return found;
}

static struct spot rule(uint64_t len)
{
    struct spot spot = { .chunk = chunks.n };
    if (find_hole(len, &spot))
        return spot;
    uint64_t best = UINT64_MAX;
    for (int inside = 1; inside >= 0 && best == UINT64_MAX; inside--)
        for (uint32_t c = 0; c < chunks.n; c++) {
            const struct range *range = chunks_range(&chunks, c);
            if (range->tail == RANGE_NONE || range_len(range, range->tail) < len)
                continue;
            uint64_t end = range_offset(range, range->tail) + len, peak = chunks.list[c]->peak;
            uint64_t distance = inside ? peak - end : end - peak;
            if ((end <= peak) == (inside == 1) && distance < best) {
                best = distance;
                spot = (struct spot){ c, range_offset(range, range->tail) };
            }
        }
    return spot;
}

Test(chunks, agree_with_the_rule_looked_up_node_by_node)
{
    enum { LIVE = 60 };
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rng rng = { seed };
        struct place live[LIVE];
        unsigned n_live = 0;
        start(40 + rng_below(&rng, 60));
        for (int step = 0; step < 400; step++) {
            if (n_live == LIVE || (n_live && rng_below(&rng, 7) < 3)) {
                unsigned at = (unsigned)rng_below(&rng, n_live);
                give(live[at]);
                live[at] = live[--n_live];
                continue;
            }
            uint64_t len = 1 + rng_below(&rng, rng_below(&rng, 8) ? 24 : 120);
            struct spot expected = rule(len);
            struct place got = live[n_live++] = take(len);
            uint64_t offset = range_offset(chunks_range(&chunks, got.chunk), got.node);
            cr_assert(got.chunk == expected.chunk && offset == expected.offset, "seed %u step %d: %u:%u, not %u:%u", (unsigned)seed,
                      step, got.chunk, (unsigned)offset, expected.chunk, (unsigned)expected.offset);
            cr_assert_null(gai_range_check(chunks_range(&chunks, got.chunk)));
        }
        finish();
    }
}

Test(chunks, end_at_their_limit_but_for_long_requests_and_the_last)
{
    start(10);
    for (uint32_t c = 0; c < CHUNKS_MAX; c++) {
        uint64_t len = c == 3 ? 25 : 8, size = c == CHUNKS_MAX - 1 ? RANGE_OPEN : max_u64(len, 10);
        struct place place = take(len);
        cr_assert_eq(place.chunk, c);
        cr_assert_eq(chunks_range(&chunks, c)->size, size, "chunk %u", c);
    }
    struct place place;
    cr_assert_eq(take(1000).chunk, CHUNKS_MAX - 1);
    cr_assert_eq(gai_chunks_take_any(&chunks, RANGE_OPEN, RANGE_OPEN, &place.chunk, &place.node), GA_NO_SPACE);
    cr_assert_eq(chunks.n, CHUNKS_MAX);
    finish();

    start(RANGE_OPEN + 1);
    take(8);
    cr_assert_eq(chunks_range(&chunks, 0)->size, RANGE_OPEN);
    finish();
}

Test(chunks, cut_slack_only_where_a_chunk_does_not_start_aligned)
{
    start(32);
    struct place place;
    for (uint32_t k = 0; k < 2; k++) {
        cr_assert_eq(gai_chunks_take_any(&chunks, 23, 16, &place.chunk, &place.node), GA_OK);
        cr_assert(place.chunk == k && range_len(chunks_range(&chunks, k), place.node) == 16);
    }
    finish();
}

Test(chunks, use_their_memory_again_at_any_limit)
{
    start(10);
    for (int k = 0; k < 4; k++)
        take(8);
    uint64_t requests = hook.requests;
    gai_chunks_reset(&chunks);
    chunks.limit = 20;
    for (uint32_t k = 0; k < 4; k++) {
        struct place place = take(15);
        cr_assert(place.chunk == k && chunks_range(&chunks, k)->size == 20 &&
                  range_offset(chunks_range(&chunks, k), place.node) == 0);
        cr_assert_eq(chunks.list[k]->peak, 15, "an old peak was kept");
    }
    cr_assert_eq(hook.requests, requests);
    cr_assert_eq(take(15).chunk, 4);
    finish();
}

Test(chunks, are_unharmed_when_memory_runs_out)
{
    for (uint64_t n = 1;; n++) {
        start(10);
        take(8);
        take(8);
        struct place place = { 99, 99 };
        hook.fail_at = hook.requests + n;
        enum ga_status status = gai_chunks_take_any(&chunks, 8, 8, &place.chunk, &place.node);
        if (status == GA_OK) {
            cr_assert_eq(n, 4, "a request for the chunk, one for its nodes, one for more of them");
            finish();
            return;
        }
        cr_assert_eq(status, GA_NO_MEMORY);
        cr_assert_eq(chunks.n, 2);
        hook.fail_at = 0;
        cr_assert_eq(take(8).chunk, 2);
        cr_assert_eq(chunks.n_kept, 3);
        finish();
    }
}
