/*
 * The host allocator beside a slow one: blocks in an array, the newest of a class found by looking at all, the reserve a map of its
 * pages, sums by adding up.  The same requests must get the same blocks, the same failures and the same statistics.  Memory is
 * short and work ends when the model says so, so that everything that may help is gone through again and again.
 */
#include "ggml_alloc/host.h"
#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"
#include "support.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { STREAMS = 4, BLOCKS = 2000, LIVE = 60, PAGES = 256 };

enum state { LIVE_, PENDING, CACHED };

struct use {
    int stream;
    uint64_t until; /* the count of the stream's tasks that must be done */
    uint64_t order; /* of freeing */
};

struct block {
    ga_host_block *token;
    void *ptr;
    uint64_t size, requested;
    enum state state;
    int page; /* of the reserve; -1: none */
    uint64_t cached, cached_at;
    struct use uses[STREAMS];
    int n_uses;
};

static struct block blocks[BLOCKS];
static int n_blocks;
static struct ga_host_opts opts;
static bool pages[PAGES], has_reserve;
static char *reserve;
static uint64_t given[STREAMS], done[STREAMS], n_freed, n_cached, clock_now, n_allocs, n_frees;
static struct ga_sim *sim;
static ga_host *host;

static unsigned class_of(uint64_t size)
{
    unsigned class_number = 0;
    while ((uint64_t)1 << class_number < size)
        class_number++;
    return class_number;
}

static uint64_t round_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

static uint64_t step_of(uint64_t size)
{
    return ((uint64_t)1 << class_of(size)) / 16; /* an eighth of the power of two below */
}

static bool has_eighths(uint64_t size)
{
    return !opts.power_of_two && size > 64 * MIB;
}

static uint64_t slow_round(uint64_t size)
{
    if ((opts.max_round && size > opts.max_round) || (opts.max_cached && size > opts.max_cached))
        return round_up(size, 4096);
    return has_eighths(size) ? round_up(size, step_of(size)) : (uint64_t)1 << class_of(size);
}

static bool slow_serves(const struct block *block, uint64_t rounded)
{
    if (block->state != CACHED || block->size < rounded || class_of(block->size) != class_of(rounded))
        return false;
    return !has_eighths(rounded) || round_up(block->size, step_of(rounded)) == round_up(rounded, step_of(rounded));
}

/* Bytes of the backend, or of everything. */
static uint64_t slow_owned(bool backend)
{
    uint64_t sum = backend && has_reserve ? PAGES * 4096 : 0;
    for (int i = 0; i < n_blocks; i++)
        sum += backend && blocks[i].page >= 0 ? 0 : blocks[i].size;
    return sum;
}

static void slow_drop(int at)
{
    struct block *block = &blocks[at];
    for (uint64_t i = 0; block->page >= 0 && i < round_up(block->size, 4096) / 4096; i++)
        pages[block->page + (int)i] = false;
    n_frees += block->page < 0;
    *block = blocks[--n_blocks];
}

static void slow_complete(int at)
{
    if (opts.max_cached && blocks[at].size > opts.max_cached) {
        slow_drop(at);
        return;
    }
    blocks[at].state = CACHED;
    blocks[at].cached = n_cached++;
    blocks[at].cached_at = clock_now;
}

static int queue_of[STREAMS], n_queues; /* streams in the order of their first use */

/* Which use is asked for first: that of the lower queue, in a queue the one freed first. */
static bool comes_before(const struct use *a, const struct use *b)
{
    return a->stream == b->stream ? a->order < b->order : queue_of[a->stream] < queue_of[b->stream];
}

static void slow_retire(void)
{
    for (;;) {
        struct use *next = NULL;
        int at = 0;
        for (int i = 0; i < n_blocks; i++)
            for (int k = 0; blocks[i].state == PENDING && k < blocks[i].n_uses; k++) {
                struct use *use = &blocks[i].uses[k];
                if (use->until <= done[use->stream] && (!next || comes_before(use, next))) {
                    next = use;
                    at = i;
                }
            }
        if (!next)
            return;
        *next = blocks[at].uses[--blocks[at].n_uses];
        if (blocks[at].n_uses == 0)
            slow_complete(at);
    }
}

static int slow_find(uint64_t rounded)
{
    int newest = -1;
    for (int i = 0; i < n_blocks; i++)
        if (slow_serves(&blocks[i], rounded) && (newest < 0 || blocks[i].cached > blocks[newest].cached))
            newest = i;
    return newest;
}

/* The smallest run of free pages, the highest one only when no other is long enough; -1: none. */
static int slow_cut(uint64_t size)
{
    int need = (int)(round_up(size, 4096) / 4096), best = -1, best_len = PAGES + 1, last = -1, last_len = 0;
    if (!has_reserve || size > PAGES * 4096)
        return -1;
    for (int at = 0; at < PAGES; at++) {
        if (pages[at] || (at > 0 && !pages[at - 1]))
            continue;
        int len = 0;
        while (at + len < PAGES && !pages[at + len])
            len++;
        if (last >= 0 && last_len >= need && last_len < best_len) {
            best = last;
            best_len = last_len;
        }
        last = at;
        last_len = len;
    }
    if (best < 0 && last >= 0 && last_len >= need)
        best = last;
    for (int i = 0; best >= 0 && i < need; i++)
        pages[best + i] = true;
    return best;
}

/* The place of a new block, whose address is still to be learned unless it is cut from the reserve; -1: there is no room. */
static int slow_grow(uint64_t rounded)
{
    if (opts.reserve && !has_reserve) {
        has_reserve = true; /* the first to come finds room */
        n_allocs++;
    }
    int page = slow_cut(rounded);
    if (page < 0 && opts.limit && slow_owned(true) + rounded > opts.limit)
        return -1;
    n_allocs += page < 0;
    cr_assert(n_blocks < BLOCKS);
    blocks[n_blocks] = (struct block){ .size = rounded, .page = page };
    return n_blocks++;
}

static bool slow_give_back(uint64_t bytes)
{
    uint64_t dropped = 0;
    while (dropped < bytes) {
        int next = -1;
        for (int i = 0; i < n_blocks; i++) {
            if (blocks[i].state != CACHED)
                continue;
            unsigned mine = class_of(blocks[i].size), best = next < 0 ? 0 : class_of(blocks[next].size);
            if (next < 0 || mine > best || (mine == best && blocks[i].cached < blocks[next].cached))
                next = i;
        }
        if (next < 0)
            break;
        dropped += blocks[next].size;
        slow_drop(next);
    }
    return dropped > 0;
}

static bool slow_wait_oldest(void)
{
    const struct use *oldest = NULL;
    for (int i = 0; i < n_blocks; i++)
        for (int k = 0; blocks[i].state == PENDING && k < blocks[i].n_uses; k++) {
            const struct use *use = &blocks[i].uses[k];
            if (use->until > done[use->stream] && (!oldest || use->order < oldest->order))
                oldest = use;
        }
    if (!oldest)
        return false;
    done[oldest->stream] = oldest->until;
    slow_retire();
    return true;
}

static void slow_age(void)
{
    for (int i = 0; opts.max_idle && i < n_blocks;) {
        if (blocks[i].state == CACHED && clock_now - blocks[i].cached_at > opts.max_idle)
            slow_drop(i);
        else
            i++;
    }
}

static int slow_alloc(uint64_t size)
{
    uint64_t rounded = slow_round(size);
    clock_now++;
    slow_age();
    slow_retire();
    int at = slow_find(rounded);
    if (at < 0)
        at = slow_grow(rounded);
    while (at < 0) {
        uint64_t wanted = slow_owned(true) + rounded;
        if (!slow_give_back(wanted > opts.limit ? wanted - opts.limit : rounded) && !slow_wait_oldest())
            return -1;
        at = slow_find(rounded);
        if (at < 0)
            at = slow_grow(rounded);
    }
    blocks[at].state = LIVE_;
    blocks[at].requested = size;
    return at;
}

static void slow_free(int at)
{
    struct block *block = &blocks[at];
    block->state = PENDING;
    for (int k = block->n_uses; k-- > 0;) { /* the last recorded is the first of the list */
        block->uses[k].until = given[block->uses[k].stream];
        block->uses[k].order = n_freed++;
    }
    if (block->n_uses == 0)
        slow_complete(at);
}

static void same_sums(void)
{
    struct ga_host_stats stats;
    uint64_t live = 0, pending = 0, requested = 0, n_active = 0;
    for (int i = 0; i < n_blocks; i++) {
        live += blocks[i].state == LIVE_ ? blocks[i].size : 0;
        pending += blocks[i].state == PENDING ? blocks[i].size : 0;
        requested += blocks[i].state == LIVE_ ? blocks[i].requested : 0;
        n_active += blocks[i].state != CACHED;
    }
    ga_host_stats(host, &stats);
    cr_assert_eq(stats.active_requests.now, n_active);
    cr_assert_eq(stats.active_bytes.now, live + pending);
    cr_assert_eq(stats.pending_bytes, pending);
    cr_assert_eq(stats.requested_bytes, requested);
    cr_assert_eq(stats.allocations.now, (uint64_t)n_blocks);
    cr_assert_eq(stats.allocated_bytes.now, slow_owned(false));
    cr_assert_eq(stats.host_allocs, n_allocs);
    cr_assert_eq(stats.host_frees, n_frees);
    cr_assert_eq(stats.active_bytes.added - stats.active_bytes.removed, live + pending);
    const char *broken = ga_host_check(host);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static uint64_t some_size(struct rng *rng)
{
    uint64_t unit = opts.limit > 100 * MIB ? 100 : 1;
    switch (rng_below(rng, 4)) {
    case 0:
        return 1 + rng_below(rng, 2 * MIB * unit);
    case 1:
        return ((uint64_t)1 << rng_below(rng, 20)) * unit + rng_below(rng, 3);
    default:
        return 1 + rng_below(rng, 100 * KIB * unit);
    }
}

static int nth_live(uint64_t n)
{
    for (int i = 0;; i++)
        if (blocks[i].state == LIVE_ && n-- == 0)
            return i;
}

static void do_alloc(struct rng *rng)
{
    uint64_t size = some_size(rng);
    int at = slow_alloc(size);
    void *ptr = NULL;
    ga_host_block *token = NULL;
    enum ga_status status = ga_host_alloc(host, (size_t)size, &ptr, &token);
    cr_assert_eq(status, at >= 0 ? GA_OK : GA_NO_SPACE, "%s", ga_status_str(status));
    if (at < 0)
        return;
    struct block *block = &blocks[at];
    if (block->page >= 0 && !reserve)
        reserve = (char *)ptr - block->page * 4096;
    if (!block->token) {
        block->token = token;
        block->ptr = block->page >= 0 ? (void *)(reserve + block->page * 4096) : ptr;
    }
    cr_assert(block->token == token && block->ptr == ptr);
}

static void do_record(struct rng *rng, struct block *block)
{
    int stream = (int)rng_below(rng, STREAMS);
    bool by_token = rng_below(rng, 2);
    cr_assert_eq(ga_host_record(host, block->ptr, by_token ? block->token : NULL, (ga_stream)stream), GA_OK);
    int k = 0;
    while (k < block->n_uses && block->uses[k].stream != stream)
        k++;
    if (k == block->n_uses) {
        block->uses[block->n_uses++] = (struct use){ .stream = stream };
        if (queue_of[stream] == 0)
            queue_of[stream] = ++n_queues;
    }
    if (block->n_uses == 1 && rng_below(rng, 2) == 0) { /* one of them copies; the others only might have */
        cr_assert_eq(ga_sim_work(sim, (ga_stream)stream, block->ptr, (size_t)block->requested, GA_SIM_BY_HAND), GA_OK);
        given[stream]++;
    }
}

static const struct ga_host_opts ways[] = {
    { .limit = 24 * MIB },
    { .limit = 24 * MIB, .power_of_two = true, .max_round = 700 * KIB },
    { .limit = 24 * MIB, .max_cached = 900 * KIB },
    { .limit = 24 * MIB, .reserve = PAGES * 4096 },
    { .limit = 2000 * MIB },
    { .limit = 2000 * MIB, .max_round = 80 * MIB, .max_idle = 100 },
    { .limit = 2000 * MIB, .power_of_two = true, .max_idle = 10, .reserve = PAGES * 4096 },
};

static void start(uint64_t seed)
{
    opts = ways[seed % (sizeof ways / sizeof *ways)];
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .streams = STREAMS });
    host = ga_host_new(NULL, ga_sim_backend(sim), &opts);
    n_blocks = n_queues = 0;
    n_freed = n_cached = clock_now = n_allocs = n_frees = 0;
    has_reserve = false;
    reserve = NULL;
    memset(pages, 0, sizeof pages);
    memset(given, 0, sizeof given);
    memset(done, 0, sizeof done);
    memset(queue_of, 0, sizeof queue_of);
}

static void finish(void)
{
    struct ga_sim_stats stats;
    for (int at = n_blocks; at-- > 0;)
        if (blocks[at].state == LIVE_)
            cr_assert_eq(ga_host_free(host, blocks[at].token), GA_OK);
    cr_assert_eq(ga_host_sync(host), GA_OK);
    ga_host_trim(host, 0);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.pins == has_reserve && stats.events == 0);
    ga_host_delete(host);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.pins == 0 && stats.pinned == 0);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    ga_sim_delete(sim);
}

static void step(struct rng *rng, int op)
{
    uint64_t what = rng_below(rng, 100), n_live = 0;
    for (int i = 0; i < n_blocks; i++)
        n_live += blocks[i].state == LIVE_;
    bool grows = op / 512 % 2 == 0;
    if (what < (grows ? 45u : 32u) && n_live < LIVE) {
        do_alloc(rng);
    } else if (what < 75 && n_live) {
        int at = nth_live(rng_below(rng, n_live));
        ga_host_block *token = blocks[at].token;
        slow_free(at);
        cr_assert_eq(ga_host_free(host, token), GA_OK);
    } else if (what < 90 && n_live) {
        do_record(rng, &blocks[nth_live(rng_below(rng, n_live))]);
    } else if (what < 98) {
        int stream = (int)rng_below(rng, STREAMS);
        ga_sim_finish(sim, (ga_stream)stream);
        done[stream] = given[stream];
    } else if (what < 99) {
        uint64_t pending = 0;
        slow_retire();
        for (int i = 0; i < n_blocks; i++)
            pending += blocks[i].state == PENDING ? blocks[i].size : 0;
        cr_assert_eq(ga_host_poll(host), pending);
    } else {
        slow_retire();
        uint64_t owned = slow_owned(false), target = rng_below(rng, owned + 1);
        if (owned > target)
            slow_give_back(owned - target);
        ga_host_trim(host, target);
    }
}

Test(host, does_what_a_slow_one_does)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct rng rng = { seed };
        start(seed);
        for (int op = 0; op < 50000; op++) {
            step(&rng, op);
            if (op % 1000 == 0)
                same_sums();
        }
        same_sums();
        finish();
    }
}
