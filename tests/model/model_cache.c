/*
 * The device cache beside a slow one: segments in an array, their blocks in arrays, best fit by looking at all, sums by adding
 * up.  The same requests must get the same addresses, the same failures and the same statistics.  The device is simulated and
 * short of memory, and its work ends when the model says so, so the whole chain of what may help is gone through again and again.
 */
#include "ggml_alloc/cache.h"
#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "support.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { STREAMS = 4, SEGMENTS = 256, PARTS = 4096, LIVE = 600 };

enum state { FREE, USED, PENDING };

struct part {
    uint64_t len, requested;
    enum state state;
    int id;                  /* of a live block */
    bool shared[STREAMS];    /* with */
    uint64_t until[STREAMS]; /* the count of the stream's tasks that must be done; 0: nothing */
    uint64_t order[STREAMS]; /* of freeing */
};

struct segment {
    uint64_t size;
    char *base;
    int stream;
    bool small;
    int n_parts;
    struct part *parts;
};

struct live {
    ga_block name;
    char *ptr;
    int home;
    bool shared;
};

static struct segment segments[SEGMENTS];
static int n_segments;
static uint64_t given[STREAMS], done[STREAMS], n_freed, capacity, max_split;
static struct live live[LIVE];
static int n_live;
static ga_sim *sim;
static ga_cache *cache;

static uint64_t round_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

static uint64_t slow_reserved(void)
{
    uint64_t sum = 0;
    for (int s = 0; s < n_segments; s++)
        sum += segments[s].size;
    return sum;
}

static void split_part(struct segment *segment, int at, uint64_t len)
{
    struct part *part = &segment->parts[at];
    if (part->len == len)
        return;
    cr_assert(segment->n_parts < PARTS);
    memmove(part + 1, part, (size_t)(segment->n_parts - at) * sizeof *part);
    segment->n_parts++;
    part[1].len -= len;
    part->len = len;
}

static void join_parts(struct segment *segment)
{
    int n = 1;
    for (int i = 1; i < segment->n_parts; i++) {
        if (segment->parts[i].state == FREE && segment->parts[n - 1].state == FREE)
            segment->parts[n - 1].len += segment->parts[i].len;
        else
            segment->parts[n++] = segment->parts[i];
    }
    segment->n_parts = n;
}

static void slow_retire(void)
{
    for (int s = 0; s < n_segments; s++) {
        for (int i = 0; i < segments[s].n_parts; i++) {
            struct part *part = &segments[s].parts[i];
            bool waits = false;
            for (int k = 0; k < STREAMS; k++)
                waits |= part->until[k] > done[k];
            if (part->state == PENDING && !waits)
                *part = (struct part){ .len = part->len };
        }
        join_parts(&segments[s]);
    }
}

static char *slow_carve(struct segment *segment, int at, uint64_t size, uint64_t rounded, int id)
{
    uint64_t rest = segment->parts[at].len - rounded;
    if (segment->small ? rest >= 512 : rest > MIB && !(max_split && rounded >= max_split))
        split_part(segment, at, rounded);
    segment->parts[at].state = USED;
    segment->parts[at].requested = size;
    segment->parts[at].id = id;
    char *ptr = segment->base;
    for (int i = 0; i < at; i++)
        ptr += segment->parts[i].len;
    return ptr;
}

/* What the request gets; NULL: nothing fits. */
static char *slow_take(uint64_t size, uint64_t rounded, int stream, bool small, int id)
{
    struct segment *best = NULL;
    int at = 0;
    for (int s = 0; s < n_segments; s++)
        for (int i = 0; i < segments[s].n_parts && segments[s].stream == stream && segments[s].small == small; i++) {
            const struct part *part = &segments[s].parts[i];
            if (part->state == FREE && part->len >= rounded && (!best || part->len < best->parts[at].len)) {
                best = &segments[s];
                at = i;
            }
        }
    if (!best)
        return NULL;
    uint64_t len = best->parts[at].len;
    if (max_split && len >= max_split && (rounded < max_split || len - rounded >= 20 * MIB))
        return NULL;
    return slow_carve(best, at, size, rounded, id);
}

static uint64_t slow_segment_size(uint64_t rounded)
{
    return rounded <= MIB ? 2 * MIB : rounded < 10 * MIB ? 20 * MIB : round_up(rounded, 2 * MIB);
}

static bool slow_grow(uint64_t rounded, int stream, bool small)
{
    uint64_t size = slow_segment_size(rounded);
    if (slow_reserved() + size > capacity)
        return false;
    cr_assert(n_segments < SEGMENTS);
    struct part *parts = calloc(PARTS, sizeof *parts);
    parts[0].len = size;
    segments[n_segments++] = (struct segment){ .size = size, .stream = stream, .small = small, .n_parts = 1, .parts = parts };
    return true;
}

static bool is_idle(const struct segment *segment)
{
    return segment->n_parts == 1 && segment->parts[0].state == FREE;
}

static void slow_drop(int s)
{
    free(segments[s].parts);
    memmove(&segments[s], &segments[s + 1], (size_t)(n_segments - s - 1) * sizeof *segments);
    n_segments--;
}

static void slow_trim(void)
{
    memcpy(done, given, sizeof done);
    slow_retire();
    for (int s = n_segments; s-- > 0;)
        if (is_idle(&segments[s]))
            slow_drop(s);
}

/* The oldest use that still waits is waited for; false: none does. */
static bool slow_wait_oldest(void)
{
    const struct part *oldest = NULL;
    int stream = 0;
    for (int s = 0; s < n_segments; s++)
        for (int i = 0; i < segments[s].n_parts; i++)
            for (int k = 0; k < STREAMS; k++) {
                const struct part *part = &segments[s].parts[i];
                bool waits = part->state == PENDING && part->until[k] > done[k];
                if (waits && (!oldest || part->order[k] < oldest->order[stream])) {
                    oldest = part;
                    stream = k;
                }
            }
    if (!oldest)
        return false;
    done[stream] = oldest->until[stream];
    slow_retire();
    return true;
}

/* Whether only a segment will do whose address is still to be learned: then *ptr is NULL. */
static bool slow_alloc(uint64_t size, int stream, int id, char **ptr, bool *fresh)
{
    uint64_t rounded = round_up(size, 512);
    bool small = rounded <= MIB;
    slow_retire();
    *fresh = false;
    if ((*ptr = slow_take(size, rounded, stream, small, id)))
        return true;
    *fresh = slow_grow(rounded, stream, small);
    while (!*fresh && slow_wait_oldest())
        if ((*ptr = slow_take(size, rounded, stream, small, id)))
            return true;
    if (!*fresh && max_split) { /* those that are just enough, or failing that all the largest until they are */
        memcpy(done, given, sizeof done);
        slow_retire();
        uint64_t key = slow_segment_size(rounded) > max_split ? slow_segment_size(rounded) : max_split, sum = 0;
        while (sum < key) {
            int found = -1;
            for (int s = 0; s < n_segments; s++) {
                bool fits = segments[s].stream == stream && segments[s].small == small && is_idle(&segments[s]);
                if (!fits || segments[s].size < max_split)
                    continue;
                bool alone = segments[s].size >= key, best_alone = found >= 0 && segments[found].size >= key;
                if (found < 0 || (sum == 0 && alone && (!best_alone || segments[s].size < segments[found].size)) ||
                    (!(sum == 0 && best_alone) && segments[s].size > segments[found].size && !(sum == 0 && alone)))
                    found = s;
            }
            if (found < 0)
                break;
            sum += segments[found].size;
            slow_drop(found);
        }
        *fresh = sum >= key && slow_grow(rounded, stream, small);
    }
    if (!*fresh) {
        slow_trim();
        if ((*ptr = slow_take(size, rounded, stream, small, id)))
            return true;
        *fresh = slow_grow(rounded, stream, small);
    }
    if (*fresh)
        slow_carve(&segments[n_segments - 1], 0, size, rounded, id);
    return *fresh;
}

static struct part *slow_find(int id)
{
    for (int s = 0; s < n_segments; s++)
        for (int i = 0; i < segments[s].n_parts; i++)
            if (segments[s].parts[i].state == USED && segments[s].parts[i].id == id)
                return &segments[s].parts[i];
    return NULL;
}

static void slow_free(int id)
{
    struct part *part = slow_find(id);
    part->state = PENDING;
    bool waits = false;
    /* The newest share is the first of the list, so it is freed first; the model shares in the order of streams. */
    for (int k = STREAMS; k-- > 0;)
        if (part->shared[k]) {
            waits = true;
            part->until[k] = given[k];
            part->order[k] = n_freed++;
        }
    if (!waits) {
        *part = (struct part){ .len = part->len };
        for (int s = 0; s < n_segments; s++)
            join_parts(&segments[s]);
    }
}

static void same_sums(void)
{
    struct ga_cache_stats stats;
    uint64_t allocated = 0, pending = 0, n_allocated = 0, n_pending = 0, requested = 0, splits = 0, split_bytes = 0;
    for (int s = 0; s < n_segments; s++)
        for (int i = 0; i < segments[s].n_parts; i++) {
            const struct part *part = &segments[s].parts[i];
            n_allocated += part->state == USED;
            n_pending += part->state == PENDING;
            allocated += part->state == USED ? part->len : 0;
            pending += part->state == PENDING ? part->len : 0;
            requested += part->state != FREE ? part->requested : 0;
            bool is_split = part->state == FREE && !is_idle(&segments[s]);
            splits += is_split;
            split_bytes += is_split ? part->len : 0;
        }
    ga_cache_stats(cache, &stats);
    cr_assert_eq(stats.all.allocated_bytes.now, allocated);
    cr_assert_eq(stats.all.allocations.now, n_allocated);
    cr_assert_eq(stats.all.active_bytes.now, allocated + pending);
    cr_assert_eq(stats.all.active.now, n_allocated + n_pending);
    cr_assert_eq(stats.all.requested_bytes.now, requested);
    cr_assert_eq(stats.all.segments.now, (uint64_t)n_segments);
    cr_assert_eq(stats.all.reserved_bytes.now, slow_reserved());
    cr_assert_eq(stats.all.splits.now, splits);
    cr_assert_eq(stats.all.split_bytes.now, split_bytes);
    cr_assert_eq(stats.all.allocated_bytes.added - stats.all.allocated_bytes.removed, allocated);
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static uint64_t some_size(struct rng *rng)
{
    switch (rng_below(rng, 8)) {
    case 0:
        return MIB - 512 + rng_below(rng, 1024); /* around the border of small */
    case 1:
        return 10 * MIB - 512 + rng_below(rng, 1024);
    case 2:
        return MIB + rng_below(rng, 30 * MIB);
    case 3:
        return MIB + rng_below(rng, 4 * MIB);
    default:
        return 1 + rng_below(rng, 200 * KIB);
    }
}

static void do_alloc(struct rng *rng, int id)
{
    int stream = (int)rng_below(rng, STREAMS);
    uint64_t size = some_size(rng);
    char *expected;
    bool fresh, fits = slow_alloc(size, stream, id, &expected, &fresh);
    void *ptr = NULL;
    ga_block name = 0;
    enum ga_status status = ga_cache_alloc(cache, (size_t)size, (ga_stream)stream, &name, &ptr);
    cr_assert_eq(status, fits ? GA_OK : GA_NO_SPACE, "%s", ga_status_str(status));
    if (!fits)
        return;
    if (fresh)
        segments[n_segments - 1].base = expected = ptr;
    cr_assert_eq(ptr, (void *)expected);
    live[n_live++] = (struct live){ .name = name, .ptr = ptr, .home = stream };
    if (rng_below(rng, 4) == 0) {
        cr_assert_eq(ga_sim_work(sim, (ga_stream)stream, ptr, (size_t)size, GA_SIM_BY_HAND), GA_OK);
        given[stream]++;
    }
}

/* Other streams work on it as soon as its own is done. */
static void do_share(struct rng *rng, int at, int id)
{
    struct live *block = &live[at];
    struct part *part = slow_find(id);
    ga_sim_finish(sim, (ga_stream)block->home);
    done[block->home] = given[block->home];
    for (int k = 0; k < STREAMS && !block->shared; k++) {
        if (k == block->home || rng_below(rng, 2))
            continue;
        cr_assert_eq(ga_cache_share(cache, block->name, (ga_stream)k), GA_OK);
        part->shared[k] = true;
    }
    for (int k = 0; k < STREAMS && !block->shared; k++)
        if (part->shared[k]) {
            cr_assert_eq(ga_sim_work(sim, (ga_stream)k, block->ptr, 512, GA_SIM_BY_HAND), GA_OK);
            given[k]++;
            break; /* one of them works; the others only might have */
        }
    block->shared = true;
}

static void play(uint64_t seed, int n_ops)
{
    struct rng rng = { seed };
    int ids[LIVE], next_id = 1;
    capacity = 96 * MIB + rng_below(&rng, 64) * MIB;
    max_split = seed % 3 == 2 ? 24 * MIB : 0;
    struct ga_sim_opts opts = { .capacity = capacity, .streams = STREAMS };
    struct ga_cache_opts chosen = { .max_split = max_split };
    sim = ga_sim_new(NULL, ga_backend_null(), &opts);
    cache = ga_cache_new(NULL, ga_sim_backend(sim), &chosen);
    n_segments = n_live = 0;
    n_freed = 0;
    memset(given, 0, sizeof given);
    memset(done, 0, sizeof done);
    for (int op = 0; op < n_ops; op++) {
        uint64_t what = rng_below(&rng, 100);
        int at = n_live ? (int)rng_below(&rng, (uint64_t)n_live) : 0;
        bool grows = op / 512 % 2 == 0;
        if (n_live < LIVE && what < (grows ? 50u : 38u)) {
            ids[n_live] = next_id;
            do_alloc(&rng, next_id++);
        } else if (what < 86 && n_live) {
            slow_free(ids[at]);
            cr_assert_eq(ga_cache_free(cache, live[at].name), GA_OK);
            live[at] = live[--n_live];
            ids[at] = ids[n_live];
        } else if (what < 92 && n_live) {
            do_share(&rng, at, ids[at]);
        } else if (what < 99) {
            int stream = (int)rng_below(&rng, STREAMS);
            ga_sim_finish(sim, (ga_stream)stream);
            done[stream] = given[stream];
        } else if (rng_below(&rng, 20) == 0) {
            slow_trim();
            cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
        }
        if (op % 1000 == 0)
            same_sums();
    }
    while (n_live)
        cr_assert_eq(ga_cache_free(cache, live[--n_live].name), GA_OK);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    struct ga_sim_stats stats;
    ga_sim_stats(sim, &stats);
    cr_assert(stats.live == 0 && stats.buffers == 0 && stats.events == 0);
    while (n_segments)
        slow_drop(n_segments - 1);
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

Test(cache, does_what_a_slow_one_does)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        play(seed, 50000);
}
