/*
 * Private pools beside a slow model: segments in an array, their parts in arrays, best fit by looking at all.  Allocations go to
 * the general pool or to one of those that are held, aligned or not; pools come, are released, lend, are never split, go back to
 * a checkpoint.  The same requests must get the same addresses, the same failures and the same sums.  With fast fit any free part
 * that is at most a sixteenth larger than the best will do, so there the model follows, and judges.
 */
#include "slow_pool.h"

#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "support.h"

static struct {
    ga_block name;
    char *ptr;
} live[LIVE];
static int n_live;
static enum ga_fit fit;
static ga_sim *sim;
static ga_cache *cache;

static void learn_segment(const struct request *request, char *ptr)
{
    struct ga_buffer buffer;
    cr_assert_eq(ga_cache_segment(cache, ptr, &buffer), GA_OK);
    struct segment *segment = slow_grow(request, buffer.base);
    cr_assert_eq(buffer.size, segment->size);
    cr_assert_eq(slow_carve(segment, 0, request), ptr);
}

static uint64_t retries(void)
{
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats);
    return stats.retries;
}

/* So much longer than needed that fast fit must find it. */
static bool is_far(const struct request *request, const struct part *part)
{
    return part->len > request->rounded + request->rounded / 16 + 512;
}

/* A part that is at most a sixteenth too long, or a new segment when there was none such. */
static void judge_fast(const struct request *request, enum ga_status status, char *ptr, bool retried)
{
    struct segment *best;
    int at = 0;
    slow_know_lane(request);
    if (retried) {
        cr_assert(!slow_find_best(request, pools[request->pool].name, &best, &at) || !is_far(request, &best->parts[at]));
        slow_trim(0);
    }
    struct segment *chosen = status == GA_OK ? slow_segment_of(ptr) : NULL;
    bool found = slow_find_best(request, chosen ? chosen->pool : pools[request->pool].name, &best, &at);
    if (!chosen) {
        cr_assert(!found || !is_far(request, &best->parts[at]));
        cr_assert_eq(status == GA_OK, slow_has_room(request));
        if (status == GA_OK)
            learn_segment(request, ptr);
        return;
    }
    int part = slow_part_of(chosen, ptr);
    uint64_t most = best->parts[at].len + best->parts[at].len / 16 + 512;
    cr_assert(found && slow_is_for(chosen, request, chosen->pool) && !chosen->parts[part].used && chosen->parts[part].len <= most);
    cr_assert_eq(slow_carve(chosen, part, request), ptr);
}

static uint64_t some_size(struct rng *rng)
{
    switch (rng_below(rng, 8)) {
    case 0:
        return MIB - 512 + rng_below(rng, 1024); /* around the border of small */
    case 1:
        return MIB + rng_below(rng, 20 * MIB);
    case 2:
        return MIB + rng_below(rng, 3 * MIB);
    default:
        return 1 + rng_below(rng, 150 * KIB);
    }
}

static struct request some_request(struct rng *rng)
{
    struct request request = { .size = some_size(rng), .stream = (int)rng_below(rng, STREAMS), .pool = (int)rng_below(rng, POOLS) };
    request.pool = pools[request.pool].name ? request.pool : 0;
    request.rounded = slow_round_up(request.size, 512);
    if (rng_below(rng, 4) == 0) {
        request.align = (uint64_t)128 << rng_below(rng, 8);
        request.pad = slow_round_up(request.align, 512);
        request.rounded += request.pad;
    }
    request.small = request.rounded <= MIB;
    return request;
}

static void do_alloc(struct rng *rng)
{
    struct request request = some_request(rng);
    ga_pool pool = pools[request.pool].name;
    char *expected = NULL;
    bool fits = fit == GA_FIT_BEST && slow_alloc(&request, &expected);
    uint64_t before = retries();
    void *ptr = NULL;
    ga_block name = 0;
    if (pool)
        cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    size_t size = (size_t)request.size, align = (size_t)(request.align ? request.align : ALIGN);
    enum ga_status status = ga_cache_alloc_aligned(cache, size, align, (ga_stream)request.stream, &name, &ptr);
    if (pool)
        cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    cr_assert(status == GA_OK || status == GA_NO_SPACE, "%s", ga_status_str(status));
    if (fit == GA_FIT_FAST)
        judge_fast(&request, status, ptr, retries() > before);
    else
        cr_assert_eq(status, fits ? GA_OK : GA_NO_SPACE);
    if (status != GA_OK)
        return;
    if (fit == GA_FIT_BEST && expected)
        cr_assert_eq(ptr, (void *)expected);
    else if (fit == GA_FIT_BEST)
        learn_segment(&request, ptr);
    live[n_live].name = name;
    live[n_live++].ptr = ptr;
}

static void do_free(int at)
{
    slow_free(live[at].ptr);
    cr_assert_eq(ga_cache_free(cache, live[at].name), GA_OK);
    live[at] = live[--n_live];
}

static void forget_state(struct pool *pool)
{
    for (int i = 0; i < pool->n_saved; i++)
        free(pool->saved[i].parts);
    free(pool->saved);
    ga_pool_state_delete(pool->state);
    pool->saved = NULL;
    pool->state = NULL;
    pool->n_saved = 0;
}

static struct segment copy_of(const struct segment *segment)
{
    struct segment copy = *segment;
    copy.parts = malloc(PARTS * sizeof *copy.parts);
    memcpy(copy.parts, segment->parts, (size_t)segment->n_parts * sizeof *copy.parts);
    return copy;
}

static void do_checkpoint(struct pool *pool)
{
    forget_state(pool);
    cr_assert_eq(ga_pool_checkpoint(cache, pool->name, &pool->state), GA_OK);
    pool->saved = calloc(SEGMENTS, sizeof *pool->saved);
    for (int s = 0; s < n_segments; s++)
        if (segments[s].pool == pool->name)
            pool->saved[pool->n_saved++] = copy_of(&segments[s]);
}

static void slow_restore(const struct pool *pool)
{
    for (int at = n_live; at-- > 0;)
        if (slow_segment_of(live[at].ptr)->pool == pool->name) {
            slow_free(live[at].ptr);
            live[at] = live[--n_live];
        }
    for (int i = 0; i < pool->n_saved; i++) {
        struct segment *segment = slow_segment_of(pool->saved[i].base);
        segment->n_parts = pool->saved[i].n_parts;
        memcpy(segment->parts, pool->saved[i].parts, (size_t)segment->n_parts * sizeof *segment->parts);
    }
}

static void do_restore(const struct pool *pool)
{
    static ga_block made[LIVE];
    struct ga_pool_restored restored = { .made = made, .cap_made = LIVE };
    int before = n_live;
    cr_assert_eq(ga_pool_restore(cache, pool->name, pool->state, &restored), GA_OK);
    slow_restore(pool);
    cr_assert_eq(restored.n_freed, (uint32_t)(before - n_live));
    for (uint32_t i = 0; i < restored.n_made; i++) {
        live[n_live].name = made[i];
        live[n_live++].ptr = ga_cache_ptr(cache, made[i], NULL);
        const struct segment *segment = slow_segment_of(live[n_live - 1].ptr);
        cr_assert(segment->parts[slow_part_of(segment, live[n_live - 1].ptr)].used);
    }
}

static void do_pool(struct rng *rng)
{
    struct pool *pool = &pools[1 + rng_below(rng, POOLS - 1)];
    uint64_t what = rng_below(rng, 16);
    if (!pool->name) {
        *pool = (struct pool){ .whole = rng_below(rng, 4) == 0, .lends = rng_below(rng, 3) == 0 };
        struct ga_pool_opts opts = { .whole = pool->whole, .lends = pool->lends };
        cr_assert_eq(ga_pool_new(cache, &opts, &pool->name), GA_OK);
    } else if (what == 0) {
        forget_state(pool);
        cr_assert_eq(ga_pool_release(cache, pool->name), GA_OK);
        pool->name = 0;
    } else if (what == 1) {
        cr_assert_eq(ga_pool_trim(cache, pool->name), GA_OK);
        if (slow_trim(pool->name))
            forget_state(pool);
    } else if (what < 6) {
        do_checkpoint(pool);
    } else if (pool->state && n_live < LIVE / 2) {
        do_restore(pool);
    }
}

static void same_sums(void)
{
    struct ga_cache_stats stats;
    uint64_t bytes[POOLS] = { 0 }, n[POOLS] = { 0 }, reserved[POOLS] = { 0 }, splits = 0, all = 0, requested = 0;
    for (int s = 0; s < n_segments; s++) {
        const struct pool *pool = slow_holder(segments[s].pool);
        for (int i = 0; i < segments[s].n_parts; i++) {
            const struct part *part = &segments[s].parts[i];
            all += part->used ? part->len : 0;
            requested += part->requested;
            splits += !part->used && !slow_is_idle(&segments[s]) ? part->len : 0;
            if (pool && part->used) {
                bytes[pool - pools] += part->len;
                n[pool - pools]++;
            }
        }
        if (pool)
            reserved[pool - pools] += segments[s].size;
    }
    ga_cache_stats(cache, &stats);
    cr_assert_eq(stats.all.allocated_bytes.now, all);
    cr_assert_eq(stats.all.allocations.now, (uint64_t)n_live);
    cr_assert_eq(stats.all.requested_bytes.now, requested);
    cr_assert_eq(stats.all.reserved_bytes.now, slow_reserved());
    cr_assert_eq(stats.all.split_bytes.now, splits);
    for (int p = 1; p < POOLS; p++) {
        struct ga_pool_stats sums;
        if (!pools[p].name)
            continue;
        cr_assert_eq(ga_pool_stats(cache, pools[p].name, &sums), GA_OK);
        cr_assert(sums.allocations == n[p] && sums.allocated_bytes == bytes[p] && sums.reserved_bytes == reserved[p]);
    }
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static void play(uint64_t seed, int n_ops)
{
    struct rng rng = { seed };
    capacity = 96 * MIB + rng_below(&rng, 96) * MIB;
    struct ga_sim_opts opts = { .capacity = capacity, .streams = STREAMS };
    sim = ga_sim_new(NULL, ga_backend_null(), &opts);
    cache = ga_cache_new(NULL, ga_sim_backend(sim), &(struct ga_cache_opts){ .fit = fit });
    n_segments = n_live = n_lanes = 0;
    memset(pools, 0, sizeof pools);
    for (int op = 0; op < n_ops; op++) {
        uint64_t what = rng_below(&rng, 100);
        bool grows = op / 512 % 2 == 0;
        if (n_live < LIVE && what < (grows ? 54u : 44u))
            do_alloc(&rng);
        else if (what < 97 && n_live)
            do_free((int)rng_below(&rng, (uint64_t)n_live));
        else if (what < 99)
            do_pool(&rng);
        else if (rng_below(&rng, 20) == 0) {
            slow_trim(0);
            cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
        }
        if (op % 1000 == 0)
            same_sums();
    }
    while (n_live)
        do_free(n_live - 1);
    for (int p = 1; p < POOLS; p++) {
        forget_state(&pools[p]);
        if (pools[p].name)
            cr_assert_eq(ga_pool_release(cache, pools[p].name), GA_OK);
    }
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    struct ga_sim_stats stats;
    ga_sim_stats(sim, &stats);
    cr_assert(stats.live == 0 && stats.buffers == 0);
    while (n_segments)
        slow_drop(n_segments - 1);
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

Test(pool, does_what_a_slow_one_does)
{
    fit = GA_FIT_BEST;
    for (uint64_t seed = 1; seed <= 20; seed++)
        play(seed, 50000);
}

Test(pool, fits_fast_within_a_sixteenth)
{
    fit = GA_FIT_FAST;
    for (uint64_t seed = 101; seed <= 105; seed++)
        play(seed, 50000);
}
