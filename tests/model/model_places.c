/*
 * Pools with places beside a slow one, which paints bytes: a place is free when none of its quanta is painted.  What strays never lies
 * where places are.
 */
#include "ggml_alloc/pool.h"
#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"

#define QUANTUM ((uint64_t)GA_CACHE_QUANTUM)

enum { CHUNKS = 3, QUANTA = 300, PLACES = 60, LIVE = 80, STREAMS = 2 };
enum paint { FREE, LIVE_BLOCK, PENDING };

struct block {
    ga_block name;
    int chunk; /* -1: it strayed */
    uint64_t first, n;
    bool shared;
};

static enum paint bytes[CHUNKS][QUANTA];
static const char *bases[CHUNKS];
static uint64_t sizes[CHUNKS];
static struct ga_place places[PLACES];
static uint32_t n_places, at;
static bool trimmed, works; /* stream 3 */
static struct block live[LIVE];
static int n_live;

static void paint(const struct block *block, enum paint with)
{
    for (uint64_t i = 0; block->chunk >= 0 && i < block->n; i++)
        bytes[block->chunk][block->first + i] = with;
}

/* Chunk and quantum of the next place, if it will do; -1: it will not. */
static struct block slow_place(uint64_t size, uint64_t align, ga_stream stream)
{
    struct block block = { .chunk = -1, .n = (size + QUANTUM - 1) / QUANTUM };
    if (at == n_places)
        return block;
    const struct ga_place *place = &places[at++];
    if (trimmed || stream != 0 || place->size == 0 || block.n * QUANTUM > (place->size + QUANTUM - 1) / QUANTUM * QUANTUM)
        return block;
    block.first = place->offset / QUANTUM;
    if (align && (uintptr_t)(bases[place->chunk] + place->offset) % align)
        return block;
    for (uint64_t i = 0; i < block.n; i++)
        if (bytes[place->chunk][block.first + i] != FREE)
            return block;
    block.chunk = (int)place->chunk;
    return block;
}

static bool is_in_chunk(const char *ptr)
{
    for (int i = 0; i < CHUNKS && !trimmed; i++)
        if (ptr >= bases[i] && ptr < bases[i] + (sizes[i] + QUANTUM - 1) / QUANTUM * QUANTUM)
            return true;
    return false;
}

static void do_alloc(ga_cache *cache, struct rng *rng)
{
    bool follows = at < n_places && places[at].size && rng_below(rng, 4);
    uint64_t size = follows ? places[at].size - rng_below(rng, 2) * (places[at].size > 600 ? 600 : 0)
                            : 1 + rng_below(rng, rng_below(rng, 8) ? 20000 : 1 << 21);
    uint64_t align = rng_below(rng, 6) ? 0 : QUANTUM << rng_below(rng, 4);
    ga_stream stream = rng_below(rng, 8) == 0;
    struct block block = slow_place(size, align, stream);
    void *ptr;
    enum ga_status status = align ? ga_cache_alloc_aligned(cache, (size_t)size, (size_t)align, stream, &block.name, &ptr)
                                  : ga_cache_alloc(cache, (size_t)size, stream, &block.name, &ptr);
    cr_assert_eq(status, GA_OK);
    if (block.chunk >= 0)
        cr_assert_eq((const char *)ptr, bases[block.chunk] + block.first * QUANTUM);
    else
        cr_assert_not(is_in_chunk(ptr));
    paint(&block, LIVE_BLOCK);
    live[n_live++] = block;
}

static void do_free(ga_cache *cache, struct rng *rng)
{
    int i = (int)rng_below(rng, (uint64_t)n_live);
    cr_assert_eq(ga_cache_free(cache, live[i].name), GA_OK);
    paint(&live[i], live[i].shared && works ? PENDING : FREE);
    live[i] = live[--n_live];
}

/* Work that nobody finishes but who waits. */
static void do_share(ga_cache *cache, ga_sim *sim, struct rng *rng)
{
    struct block *block = &live[rng_below(rng, (uint64_t)n_live)];
    cr_assert_eq(ga_cache_share(cache, block->name, 3), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 3, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    block->shared = works = true;
}

static void do_sync(ga_cache *cache)
{
    cr_assert_eq(ga_cache_sync(cache), GA_OK);
    works = false;
    for (int c = 0; c < CHUNKS; c++)
        for (int i = 0; i < QUANTA; i++)
            bytes[c][i] = bytes[c][i] == PENDING ? FREE : bytes[c][i];
}

/* Chunks go only when nothing is in them. */
static void do_trim(ga_cache *cache, ga_pool pool)
{
    if (n_live || trimmed)
        return;
    do_sync(cache);
    cr_assert_eq(ga_pool_trim(cache, pool), GA_OK);
    trimmed = true;
}

static void same(ga_cache *cache, ga_pool pool, uint32_t n_asked, uint32_t n_placed)
{
    struct ga_pool_stats stats;
    cr_assert_eq(ga_pool_stats(cache, pool, &stats), GA_OK);
    cr_assert_eq(stats.placed, n_placed);
    cr_assert_eq(stats.strayed, n_asked - n_placed);
    cr_assert_eq(stats.allocations, (uint64_t)n_live);
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
}

static void make_places(struct rng *rng)
{
    for (int i = 0; i < CHUNKS; i++)
        sizes[i] = QUANTA * QUANTUM - rng_below(rng, QUANTA / 2 * QUANTUM);
    n_places = 1 + (uint32_t)rng_below(rng, PLACES);
    for (uint32_t k = 0; k < n_places; k++) {
        struct ga_place *place = &places[k];
        *place = (struct ga_place){ .chunk = (uint32_t)rng_below(rng, CHUNKS) };
        place->offset = rng_below(rng, sizes[place->chunk] / QUANTUM) * QUANTUM;
        uint64_t room = sizes[place->chunk] - place->offset;
        place->size = rng_below(rng, 10) ? 1 + rng_below(rng, room < 20000 ? room : 20000) : 0;
    }
}

/* Only the chunks are there. */
static void learn_bases(ga_cache *cache, ga_pool pool)
{
    struct ga_cache_part parts[CHUNKS];
    uint32_t n = ga_cache_snapshot(cache, parts, CHUNKS);
    cr_assert_eq(n, (uint32_t)CHUNKS);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(parts[i].pool, pool);
        cr_assert_eq(parts[i].segment_size, (sizes[i] + QUANTUM - 1) / QUANTUM * QUANTUM);
        bases[i] = parts[i].segment;
    }
}

static void play(uint64_t seed, int n_ops)
{
    struct rng rng = { seed };
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), NULL);
    ga_cache *cache =
        ga_cache_new(NULL, ga_sim_backend(sim), &(struct ga_cache_opts){ .fit = seed % 2 ? GA_FIT_FAST : GA_FIT_BEST });
    make_places(&rng);
    memset(bytes, 0, sizeof bytes);
    trimmed = works = false;
    n_live = 0;
    at = 0;
    struct ga_pool_places asked = { .list = places, .n = n_places, .n_chunks = CHUNKS, .chunks = sizes };
    ga_pool pool;
    cr_assert_eq(ga_pool_new_placed(cache, NULL, &asked, &pool), GA_OK);
    learn_bases(cache, pool);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    uint32_t n_asked = 0, n_placed = 0;
    for (int op = 0; op < n_ops; op++) {
        uint64_t what = rng_below(&rng, 100);
        if (what < 50 && n_live < LIVE) {
            do_alloc(cache, &rng);
            n_asked++;
            n_placed += live[n_live - 1].chunk >= 0;
        } else if (what < 90 && n_live) {
            do_free(cache, &rng);
        } else if (what < 95 && n_live) {
            do_share(cache, sim, &rng);
        } else if (what < 97) {
            do_sync(cache);
        } else if (what < 98 && seed % 8 == 0) {
            do_trim(cache, pool);
        } else if (rng_below(&rng, 4) == 0) {
            cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
            cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
            at = n_asked = n_placed = 0;
        }
        same(cache, pool, n_asked, n_placed);
    }
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

Test(places, are_where_a_slow_one_finds_them)
{
    for (uint64_t seed = 1; seed <= 120; seed++)
        play(seed, 800);
}
