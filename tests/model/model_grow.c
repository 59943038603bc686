/*
 * Ranges that grow beside slow ones: parts in an array, what is not mapped among them, best fit and the lowest gap by looking at all.
 * The device is simulated and short of memory, so that ranges are unmapped, mapped again in pieces of another size, dropped, and
 * reserved anew when they are full of gaps; before more is mapped than ever, what is idle is unmapped.
 */
#include "ggml_alloc/cache.h"
#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GRANULE (64 * KIB)
#define PIECE (2 * MIB)

enum { STREAMS = 2, LANES = 2 * STREAMS, RANGES = 8, PARTS = 4096, LIVE = 400 };

enum state { FREE, USED, HOLE };

struct part {
    uint64_t len;
    enum state state;
    int id;
};

struct range {
    char *base; /* NULL: not learned yet */
    int n_parts;
    struct part parts[PARTS];
};

struct lane {
    int n_ranges;
    struct range *ranges[RANGES];
};

static struct lane lanes[LANES];
static uint64_t capacity, peak;
static int n_compacted;
static struct live {
    ga_block name;
    int id;
} live[LIVE];
static int n_live;

static uint64_t round_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

static uint64_t slow_reserved(void)
{
    uint64_t sum = 0;
    for (int l = 0; l < LANES; l++)
        for (int r = 0; r < lanes[l].n_ranges; r++)
            for (int i = 0; i < lanes[l].ranges[r]->n_parts; i++)
                sum += lanes[l].ranges[r]->parts[i].state == HOLE ? 0 : lanes[l].ranges[r]->parts[i].len;
    return sum;
}

/* The low `len` bytes become a part of their own. */
static void cut(struct range *range, int at, uint64_t len)
{
    struct part *part = &range->parts[at];
    if (len == 0 || len == part->len)
        return;
    cr_assert_lt(range->n_parts, PARTS);
    memmove(part + 1, part, (size_t)(range->n_parts - at) * sizeof *part);
    range->n_parts++;
    part->len = len;
    part[1].len -= len;
}

static void join(struct range *range)
{
    int n = 1;
    for (int i = 1; i < range->n_parts; i++) {
        struct part *last = &range->parts[n - 1];
        if (range->parts[i].state == last->state && last->state != USED)
            last->len += range->parts[i].len;
        else
            range->parts[n++] = range->parts[i];
    }
    range->n_parts = n;
}

static uint64_t slow_use(struct range *range, int at, uint64_t len, int id)
{
    uint64_t into = 0;
    cut(range, at, len);
    range->parts[at].state = USED;
    range->parts[at].id = id;
    for (int i = 0; i < at; i++)
        into += range->parts[i].len;
    return into;
}

/* The range that serves it, and where; NULL: none does. */
static struct range *slow_take(struct lane *lane, uint64_t len, int id, uint64_t *into)
{
    struct range *best = NULL;
    int at = 0;
    for (int r = 0; r < lane->n_ranges; r++)
        for (int i = 0; i < lane->ranges[r]->n_parts; i++) {
            const struct part *part = &lane->ranges[r]->parts[i];
            if (part->state == FREE && part->len >= len && (!best || part->len < best->parts[at].len)) {
                best = lane->ranges[r];
                at = i;
            }
        }
    if (best)
        *into = slow_use(best, at, len, id);
    return best;
}

/* Maps what is missing from part `first` on; false: it does not fit there, or there is not as much memory. */
static bool slow_map(struct range *range, int first, uint64_t len, uint64_t piece, bool *fits)
{
    uint64_t covered = 0, missing = 0, reserved = slow_reserved();
    int end = first;
    for (; end < range->n_parts && range->parts[end].state != USED && covered < len; end++) {
        uint64_t want = range->parts[end].len;
        if (range->parts[end].state == HOLE) {
            uint64_t lack = round_up(len - covered, piece);
            want = want < lack ? want : lack;
            missing += want;
        }
        covered += want;
    }
    *fits = covered >= len && missing != 0;
    if (!*fits || missing > capacity - reserved)
        return false;
    covered = 0;
    for (int i = first; covered < len; i++) {
        if (range->parts[i].state == HOLE) {
            uint64_t lack = round_up(len - covered, piece);
            if (lack < range->parts[i].len)
                cut(range, i, lack);
            range->parts[i].state = FREE;
        }
        covered += range->parts[i].len;
    }
    return true;
}

static struct range *slow_grow_in(struct range *range, uint64_t len, uint64_t piece, int id, uint64_t *into, bool *fits)
{
    *fits = false;
    for (int i = 0; i < range->n_parts && !*fits; i++) {
        bool begins = range->parts[i].state == FREE && i + 1 < range->n_parts && range->parts[i + 1].state == HOLE;
        if (!begins && range->parts[i].state != HOLE)
            continue;
        uint64_t start = 0;
        for (int k = 0; k < i; k++)
            start += range->parts[k].len;
        if (!slow_map(range, i, len, piece, fits))
            continue;
        join(range);
        int at = 0;
        for (uint64_t sum = 0; sum < start; at++)
            sum += range->parts[at].len;
        *into = slow_use(range, at, len, id);
        return range;
    }
    return NULL;
}

static struct range *slow_grow_by(struct lane *lane, uint64_t len, uint64_t piece, int id, uint64_t *into)
{
    bool fits = false;
    for (int r = 0; r < lane->n_ranges && !fits; r++) {
        struct range *grown = slow_grow_in(lane->ranges[r], len, piece, id, into, &fits);
        if (grown || fits)
            return grown;
    }
    cr_assert_lt(lane->n_ranges, RANGES);
    struct range *range = calloc(1, sizeof *range);
    uint64_t least = round_up(len, GRANULE), size = round_up(capacity + capacity / 8, GRANULE);
    range->n_parts = 1;
    range->parts[0] = (struct part){ .len = size > least ? size : least, .state = HOLE };
    lane->ranges[lane->n_ranges++] = range;
    return slow_grow_in(range, len, piece, id, into, &fits);
}

static struct range *slow_grow(struct lane *lane, uint64_t len, int id, uint64_t *into)
{
    uint64_t piece = GRANULE;
    while (2 * piece <= slow_reserved() / 1024)
        piece *= 2;
    struct range *range = slow_grow_by(lane, len, piece, id, into);
    return range || piece == GRANULE ? range : slow_grow_by(lane, len, GRANULE, id, into);
}

static bool has_blocks(const struct range *range)
{
    for (int i = 0; i < range->n_parts; i++)
        if (range->parts[i].state == USED)
            return true;
    return false;
}

/* Whether the granules of a part that begins there may be unmapped. */
static bool may_unmap(const struct part *part, uint64_t start, bool beside_blocks, uint64_t *low, uint64_t *high)
{
    *low = round_up(start, GRANULE);
    *high = (start + part->len) / GRANULE * GRANULE;
    return part->state == FREE && *high > *low && (!beside_blocks || *high - *low >= PIECE);
}

static void slow_shrink(struct range *range)
{
    bool beside_blocks = has_blocks(range);
    uint64_t start = 0, low, high;
    for (int i = 0; i < range->n_parts; start += range->parts[i++].len) {
        if (!may_unmap(&range->parts[i], start, beside_blocks, &low, &high))
            continue;
        if (low != start) {
            cut(range, i, low - start);
            start += range->parts[i++].len;
        }
        cut(range, i, high - low);
        range->parts[i].state = HOLE;
    }
    join(range);
}

static void slow_trim(void)
{
    for (int l = 0; l < LANES; l++) {
        struct lane *lane = &lanes[l];
        int n = 0;
        for (int r = 0; r < lane->n_ranges; r++) {
            slow_shrink(lane->ranges[r]);
            if (lane->ranges[r]->n_parts == 1 && lane->ranges[r]->parts[0].state == HOLE)
                free(lane->ranges[r]);
            else
                lane->ranges[n++] = lane->ranges[r];
        }
        lane->n_ranges = n;
    }
}

/* More than ever would be mapped, though what could be unmapped is worth it. */
static bool slow_compact(uint64_t len)
{
    uint64_t reserved = slow_reserved(), worth = reserved / 400 > PIECE ? reserved / 400 : PIECE, idle = 0, low, high;
    for (int l = 0; l < LANES; l++)
        for (int r = 0; r < lanes[l].n_ranges; r++) {
            const struct range *range = lanes[l].ranges[r];
            uint64_t start = 0;
            for (int i = 0; i < range->n_parts; start += range->parts[i++].len)
                idle += may_unmap(&range->parts[i], start, has_blocks(range), &low, &high) ? high - low : 0;
        }
    if (reserved + len <= peak || idle <= worth)
        return false;
    n_compacted++;
    slow_trim();
    return true;
}

static struct range *slow_alloc(struct lane *lane, uint64_t len, int id, uint64_t *into)
{
    struct range *range = slow_take(lane, len, id, into);
    if (!range && slow_compact(len))
        range = slow_take(lane, len, id, into);
    range = range ? range : slow_grow(lane, len, id, into);
    if (!range) {
        slow_trim();
        range = slow_take(lane, len, id, into);
        range = range ? range : slow_grow(lane, len, id, into);
    }
    peak = slow_reserved() > peak ? slow_reserved() : peak;
    return range;
}

static void slow_free(int id)
{
    for (int l = 0; l < LANES; l++)
        for (int r = 0; r < lanes[l].n_ranges; r++)
            for (int i = 0; i < lanes[l].ranges[r]->n_parts; i++)
                if (lanes[l].ranges[r]->parts[i].state == USED && lanes[l].ranges[r]->parts[i].id == id) {
                    lanes[l].ranges[r]->parts[i].state = FREE;
                    join(lanes[l].ranges[r]);
                    return;
                }
    cr_assert_fail("a block was lost");
}

/* Every byte that is mapped is in one part of the snapshot, and in the right state. */
static void same_snapshot(ga_cache *cache)
{
    static struct ga_cache_part parts[LANES * PARTS];
    uint32_t n = ga_cache_snapshot(cache, parts, LANES * PARTS), n_live_parts = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        bytes += parts[i].size;
        n_live_parts += parts[i].state == GA_PART_LIVE;
        const char *begin = parts[i].segment, *ptr = parts[i].ptr;
        cr_assert(ptr >= begin && ptr + parts[i].size <= begin + parts[i].segment_size);
        bool continues = i && parts[i - 1].segment == parts[i].segment;
        cr_assert_eq((const void *)ptr, continues ? (const char *)parts[i - 1].ptr + parts[i - 1].size : begin);
    }
    cr_assert_eq(bytes, slow_reserved());
    cr_assert_eq(n_live_parts, (uint32_t)n_live);
}

static void same(ga_cache *cache, ga_sim *sim)
{
    struct ga_cache_stats stats;
    struct ga_sim_stats device;
    ga_cache_stats(cache, &stats);
    ga_sim_stats(sim, &device);
    cr_assert_eq(stats.all.reserved_bytes.now, slow_reserved());
    cr_assert_eq(device.live, slow_reserved());
    cr_assert(stats.all.segments.now == 0 && stats.all.splits.now == 0 && stats.all.split_bytes.peak == 0);
    uint64_t n_ranges = 0;
    for (int l = 0; l < LANES; l++)
        n_ranges += (uint64_t)lanes[l].n_ranges;
    cr_assert_eq(device.ranges, n_ranges);
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    same_snapshot(cache);
}

static uint64_t some_size(struct rng *rng)
{
    switch (rng_below(rng, 6)) {
    case 0:
        return MIB - 512 + rng_below(rng, 1024);
    case 1:
        return MIB + rng_below(rng, 40 * MIB);
    case 2:
        return MIB + rng_below(rng, 4 * MIB);
    default:
        return 1 + rng_below(rng, 400 * KIB);
    }
}

static void do_alloc(ga_cache *cache, struct rng *rng, int id)
{
    uint64_t size = some_size(rng), len = round_up(size, 512), into = 0;
    int stream = (int)rng_below(rng, STREAMS);
    struct range *range = slow_alloc(&lanes[2 * stream + (len <= MIB)], len, id, &into);
    void *ptr = NULL;
    ga_block name = 0;
    enum ga_status status = ga_cache_alloc(cache, (size_t)size, (ga_stream)stream, &name, &ptr);
    cr_assert_eq(status, range ? GA_OK : GA_NO_SPACE, "%s", ga_status_str(status));
    if (!range)
        return;
    range->base = range->base ? range->base : (char *)ptr - into;
    cr_assert_eq(ptr, (void *)(range->base + into));
    live[n_live++] = (struct live){ .name = name, .id = id };
}

static void play(uint64_t seed, int n_ops)
{
    struct rng rng = { seed };
    capacity = 64 * MIB + rng_below(&rng, 96) * MIB + rng_below(&rng, 16) * GRANULE;
    struct ga_sim_opts opts = { .capacity = capacity, .streams = STREAMS };
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), &opts);
    ga_cache *cache = ga_cache_new(NULL, ga_sim_backend(sim), &(struct ga_cache_opts){ .expandable = true });
    n_live = 0;
    peak = 0;
    for (int op = 0; op < n_ops; op++) {
        int at = n_live ? (int)rng_below(&rng, (uint64_t)n_live) : 0;
        bool grows = op / 300 % 2 == 0;
        if (n_live < LIVE && rng_below(&rng, 100) < (grows ? 60u : 35u)) {
            do_alloc(cache, &rng, op + 1);
        } else if (n_live) {
            slow_free(live[at].id);
            cr_assert_eq(ga_cache_free(cache, live[at].name), GA_OK);
            live[at] = live[--n_live];
        }
        if (rng_below(&rng, 300) == 0) {
            if (slow_reserved())
                slow_trim();
            cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
        }
        if (op % 100 == 0)
            same(cache, sim);
    }
    while (n_live) {
        slow_free(live[n_live - 1].id);
        cr_assert_eq(ga_cache_free(cache, live[--n_live].name), GA_OK);
    }
    slow_trim();
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    same(cache, sim);
    cr_assert_eq(slow_reserved(), 0u);
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

Test(grow, does_what_a_slow_one_does)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        play(seed, 20000);
    cr_assert_gt(n_compacted, 100);
}
