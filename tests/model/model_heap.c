/*
 * The heap allocator in lockstep with a model of it: arrays that are searched from end to end, written from the rules alone.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/heap.h"
#include "ggml_alloc/sim.h"

#include "base/rng.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define PAGE (16 * KIB)

enum { STREAMS = 3, MOST = 600, LIVE = 60 };

enum state { IN_USE, PENDING, CACHED, LEFT };

struct mbuffer {
    uint64_t id, size, heap, offset, cached_at, freed_at;
    uint32_t pool;
    enum state state;
    bool drops;
    uint32_t committed[STREAMS];
    bool open[STREAMS];
};

struct mheap {
    uint64_t id, size;
    uint32_t pool;
    bool whole;
};

struct model {
    struct mbuffer buffers[MOST];
    uint32_t n_buffers;
    struct mheap heaps[MOST];
    uint32_t n_heaps;
    uint64_t n_ids, n_heap_ids, n_freed, capacity, low, high;
    uint64_t searches[GA_HEAP_POOL_N];
    struct {
        uint64_t id;
        uint32_t batches;
    } live[LIVE];
};

static struct model m;

static bool is_large(uint32_t pool)
{
    return pool == GA_HEAP_POOL_PRIVATE_LARGE || pool == GA_HEAP_POOL_SHARED_LARGE;
}

static bool is_shared(uint32_t pool)
{
    return pool == GA_HEAP_POOL_SHARED_SMALL || pool == GA_HEAP_POOL_SHARED_LARGE || pool == GA_HEAP_POOL_SCALAR;
}

static uint32_t refs_of(const struct mbuffer *b)
{
    uint32_t refs = 0;
    for (int s = 0; s < STREAMS; s++)
        refs += b->committed[s] + b->open[s];
    return refs;
}

static uint64_t used(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m.n_heaps; i++)
        sum += m.heaps[i].size;
    return sum;
}

static uint64_t up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

static int tier(uint64_t size)
{
    return size <= MIB ? 0 : size < 10 * MIB ? 1 : size < 64 * MIB ? 2 : 3;
}

static uint64_t round_size(uint64_t size)
{
    size = up(size, 256);
    if (size <= MIB)
        return size;
    size = up(size, PAGE);
    uint64_t power = 1;
    while (power * 2 <= size)
        power *= 2;
    uint64_t step = power / 32 > PAGE ? power / 32 : PAGE;
    return tier(up(size, step)) == tier(size) ? up(size, step) : size;
}

/* The free stretch of a heap that a buffer of `size` goes to, or the longest one's length in `*longest`; false: none. */
static bool best_gap(const struct mheap *heap, uint64_t size, uint64_t *offset, uint64_t *longest)
{
    uint64_t at = 0, best = UINT64_MAX, last_at = 0, last_len = 0, n_gaps = 0, best_at = 0;
    *longest = 0;
    while (at < heap->size) {
        const struct mbuffer *next = NULL;
        for (uint32_t i = 0; i < m.n_buffers; i++)
            if (m.buffers[i].heap == heap->id && m.buffers[i].offset >= at && (!next || m.buffers[i].offset < next->offset))
                next = &m.buffers[i];
        uint64_t end = next ? next->offset : heap->size, len = end - at;
        if (len) {
            *longest = len > *longest ? len : *longest;
            if (n_gaps++ && last_len >= size && last_len < best) { /* the one before is not the highest */
                best = last_len;
                best_at = last_at;
            }
            last_at = at;
            last_len = len;
        }
        at = next ? next->offset + next->size : heap->size;
    }
    if (best == UINT64_MAX && last_len >= size && n_gaps) {
        best = last_len;
        best_at = last_at;
    }
    *offset = best_at;
    return best != UINT64_MAX;
}

static uint32_t n_in(const struct mheap *heap)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m.n_buffers; i++)
        n += m.buffers[i].heap == heap->id;
    return n;
}

static uint64_t available(const struct mheap *heap)
{
    uint64_t offset, longest;
    best_gap(heap, 1, &offset, &longest);
    return heap->whole && n_in(heap) ? 0 : longest;
}

static struct mheap *heap_of(uint64_t id)
{
    for (uint32_t i = 0; i < m.n_heaps; i++)
        if (m.heaps[i].id == id)
            return &m.heaps[i];
    cr_assert_fail("no such heap");
    return NULL;
}

static struct mbuffer *buffer_of(uint64_t id)
{
    for (uint32_t i = 0; i < m.n_buffers; i++)
        if (m.buffers[i].id == id)
            return &m.buffers[i];
    return NULL;
}

static struct mheap *with_room(uint32_t pool, uint64_t size)
{
    struct mheap *best = NULL;
    uint64_t best_available = 0;
    for (uint32_t i = 0; i < m.n_heaps; i++) {
        uint64_t room = m.heaps[i].pool == pool ? available(&m.heaps[i]) : 0;
        bool is_better = room >= size && (!best || room < best_available || (room == best_available && m.heaps[i].id < best->id));
        if (is_better) {
            best = &m.heaps[i];
            best_available = room;
        }
    }
    return best;
}

static void remove_heap(struct mheap *heap)
{
    *heap = m.heaps[--m.n_heaps];
}

/* Out of its heap. */
static void unplace(struct mbuffer *b)
{
    struct mheap *heap = heap_of(b->heap);
    bool drops = b->drops;
    *b = m.buffers[--m.n_buffers];
    if (drops && n_in(heap) == 0)
        remove_heap(heap);
}

static void release(struct mbuffer *b, bool drops)
{
    b->state = LEFT;
    b->drops = drops;
    if (refs_of(b) == 0)
        unplace(b);
}

/* After references went: what waited for that goes on.  What is freed is told in an order that the callback below takes down. */
static void settle(void)
{
    for (uint32_t i = 0; i < m.n_buffers;) {
        struct mbuffer *b = &m.buffers[i];
        if (b->state == LEFT && refs_of(b) == 0) {
            unplace(b);
            i = 0;
        } else {
            i++;
        }
    }
}

static struct mbuffer *best_cached(uint32_t pool, uint64_t size)
{
    struct mbuffer *best = NULL;
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        struct mbuffer *b = &m.buffers[i];
        bool fits = b->state == CACHED && b->pool == pool && b->size >= size;
        if (fits && (!best || b->size < best->size || (b->size == best->size && b->id < best->id)))
            best = b;
    }
    return best;
}

static struct mbuffer *largest_cached(uint32_t pool)
{
    struct mbuffer *best = NULL;
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        struct mbuffer *b = &m.buffers[i];
        bool is_one = b->state == CACHED && b->pool == pool;
        if (is_one && (!best || b->size > best->size || (b->size == best->size && b->id < best->id)))
            best = b;
    }
    return best;
}

static struct mbuffer *recycle(uint32_t pool, uint64_t size, bool *pressure)
{
    m.searches[pool] += is_large(pool) && m.low > 0;
    struct mbuffer *b = best_cached(pool, size);
    if (!b) {
        b = largest_cached(pool);
        if (b && is_large(pool) && b->size >= size - size / 8 && refs_of(b) == 0)
            release(b, true);
        return NULL;
    }
    if (b->size > size + 32 * MIB) {
        if (with_room(pool, size))
            return NULL;
        if (refs_of(b) == 0) {
            release(b, false);
            *pressure = false;
            return NULL;
        }
        if (*pressure) {
            release(b, true);
            return NULL;
        }
    }
    b->state = IN_USE;
    return b;
}

static uint64_t age(const struct mbuffer *b)
{
    return m.searches[b->pool] - b->cached_at;
}

static uint64_t mean_age(uint32_t pool)
{
    uint64_t sum = 0, n = 0;
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        const struct mbuffer *b = &m.buffers[i];
        if (b->state == CACHED && b->pool == pool && refs_of(b) == 0) {
            sum += age(b);
            n++;
        }
    }
    return n ? sum / n : UINT64_MAX;
}

static void collect(uint32_t pool, uint64_t target)
{
    uint64_t released = 1, done = 0;
    while (released && done < target) {
        uint64_t mean = mean_age(pool);
        released = 0;
        while (done < target) {
            struct mbuffer *oldest = NULL;
            for (uint32_t i = 0; i < m.n_buffers; i++) {
                struct mbuffer *b = &m.buffers[i];
                bool is_old = b->state == CACHED && b->pool == pool && refs_of(b) == 0 && age(b) >= mean;
                if (is_old && (!oldest || b->freed_at < oldest->freed_at))
                    oldest = b;
            }
            if (!oldest)
                break;
            released += oldest->size;
            done += oldest->size;
            release(oldest, heap_of(oldest->heap)->whole);
        }
    }
}

static void drop_empty(uint32_t pool, uint64_t size, uint64_t target)
{
    while (target) {
        struct mheap *best = NULL;
        for (uint32_t i = 0; i < m.n_heaps; i++) {
            struct mheap *h = &m.heaps[i];
            bool is_one = h->pool == pool && n_in(h) == 0 && h->size < size;
            if (is_one && (!best || h->size > best->size || (h->size == best->size && h->id > best->id)))
                best = h;
        }
        if (!best)
            return;
        target -= best->size < target ? best->size : target;
        remove_heap(best);
    }
}

static void relieve(uint32_t pool, uint64_t size)
{
    uint64_t before = used(), cached = 0;
    if (before < m.low)
        return;
    for (uint32_t i = 0; i < m.n_buffers; i++)
        cached += m.buffers[i].state == CACHED && m.buffers[i].pool == pool ? m.buffers[i].size : 0;
    if (size < cached)
        collect(pool, before - m.low);
    drop_empty(pool, size, used() > m.low ? used() - m.low : 0);
}

static struct mheap *new_heap(uint32_t pool, uint64_t size, bool pressure)
{
    static const uint64_t sizes[] = { 8 * MIB, 32 * MIB, 128 * MIB };
    uint64_t exact = up(size, 2 * MIB), before = used();
    bool whole = tier(size) == 3 || (tier(size) == 2 && pressure);
    uint64_t want = whole ? exact : sizes[tier(size)];
    uint64_t most = m.high < m.capacity ? m.high : m.capacity;
    if (before + want > most && exact < want) {
        want = exact;
        whole = true;
    }
    if (before + want > most)
        return NULL;
    cr_assert_lt(m.n_heaps, MOST);
    m.heaps[m.n_heaps] = (struct mheap){ .id = ++m.n_heap_ids, .size = want, .pool = pool, .whole = whole };
    return &m.heaps[m.n_heaps++];
}

static struct mbuffer *create(uint32_t pool, uint64_t size, bool pressure)
{
    struct mheap *heap = with_room(pool, size);
    heap = heap ? heap : new_heap(pool, size, pressure);
    if (!heap)
        return NULL;
    uint64_t offset, longest;
    cr_assert(best_gap(heap, size, &offset, &longest));
    cr_assert_lt(m.n_buffers, MOST);
    m.buffers[m.n_buffers] = (struct mbuffer){ .id = ++m.n_ids, .size = size, .heap = heap->id, .offset = offset, .pool = pool };
    return &m.buffers[m.n_buffers++];
}

static void release_all(void)
{
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        memset(m.buffers[i].committed, 0, sizeof m.buffers[i].committed);
        memset(m.buffers[i].open, 0, sizeof m.buffers[i].open);
    }
    for (uint32_t i = 0; i < m.n_buffers; i++)
        if (m.buffers[i].state == PENDING)
            m.buffers[i].state = CACHED;
    settle();
    for (uint32_t pool = 0; pool < GA_HEAP_POOL_N; pool++) {
        for (struct mbuffer *b; (b = largest_cached(pool));)
            release(b, true);
        drop_empty(pool, UINT64_MAX, UINT64_MAX);
    }
}

static struct mbuffer *model_alloc(uint64_t requested, bool shared)
{
    uint64_t size = round_size(requested);
    uint32_t pool = size <= MIB ? (shared ? GA_HEAP_POOL_SHARED_SMALL : GA_HEAP_POOL_PRIVATE_SMALL)
                                : (shared ? GA_HEAP_POOL_SHARED_LARGE : GA_HEAP_POOL_PRIVATE_LARGE);
    bool pressure = is_large(pool) && m.low && (used() >= m.low || m.low - used() < MIB);
    struct mbuffer *b = recycle(pool, size, &pressure);
    if (!b && pressure)
        relieve(pool, size);
    b = b ? b : create(pool, size, pressure);
    if (b)
        return b;
    b = recycle(pool, size, &pressure);
    if (b)
        return b;
    struct mbuffer *one = best_cached(pool, size);
    uint64_t released = 0;
    if (one)
        release(one, true);
    for (; !one && released < size && largest_cached(pool);) {
        released += largest_cached(pool)->size;
        release(largest_cached(pool), true);
    }
    b = create(pool, size, pressure);
    if (b)
        return b;
    release_all();
    b = recycle(pool, size, &pressure);
    return b ? b : create(pool, size, pressure);
}

/* --- the real one beside it --- */

static ga_sim *sim;
static ga_heaps *heaps;
static ga_heap *heap;
static ga_heap_buffer names[LIVE];
static uint64_t print; /* of all that was answered */

static void note(uint64_t x)
{
    print = (print ^ x) * 0x100000001b3u;
}

/* The order in which buffers become reusable decides which of equally old ones goes first. */
static void hear(void *user, const struct ga_heap_news *news)
{
    (void)user;
    struct mbuffer *b = news->event == GA_HEAP_FREED ? buffer_of(news->id) : NULL;
    if (b) {
        b->freed_at = ++m.n_freed;
        b->cached_at = m.searches[b->pool];
    }
}

static void compare_all(void)
{
    static struct ga_heap_part parts[2 * MOST + GA_HEAP_POOL_N];
    uint32_t n = ga_heap_walk(heap, parts, 2 * MOST + GA_HEAP_POOL_N), n_heaps = 0, n_buffers = 0;
    const char *broken = ga_heap_check(heap);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
    for (uint32_t i = 0; i < n; i++) {
        if (parts[i].kind == GA_HEAP_PART_HEAP) {
            const struct mheap *h = heap_of(parts[i].id);
            cr_assert(h->size == parts[i].size && h->pool == parts[i].pool && h->whole == parts[i].is_whole);
            cr_assert(n_in(h) == parts[i].n_buffers && available(h) == parts[i].available);
            n_heaps++;
        } else if (parts[i].kind == GA_HEAP_PART_BUFFER) {
            const struct mbuffer *b = buffer_of(parts[i].id);
            cr_assert_not_null(b);
            cr_assert(b->size == parts[i].size && b->offset == parts[i].offset && b->pool == parts[i].pool);
            cr_assert(refs_of(b) + 1 == parts[i].refs && (b->state == IN_USE) == parts[i].in_use);
            note(parts[i].offset);
            n_buffers++;
        }
    }
    cr_assert(n_heaps == m.n_heaps && n_buffers == m.n_buffers);
}

static void try_alloc(struct rng *rng, uint32_t at)
{
    static const uint64_t scales[] = { 4 * KIB, 400 * KIB, 2 * MIB, 12 * MIB, 100 * MIB };
    uint64_t size = 9 + rng_below(rng, scales[rng_below(rng, 5)]);
    bool shared = rng_below(rng, 2);
    struct mbuffer *b = model_alloc(size, shared);
    uint64_t id = b ? b->id : 0;
    enum ga_status status = ga_heap_alloc(heap, (size_t)size, shared ? GA_HEAP_SHARED : 0, &names[at]);
    cr_assert_eq(status, b ? GA_OK : GA_NO_SPACE);
    if (b) {
        cr_assert_eq(ga_heap_get_buffer_id(heap, names[at]), id);
        m.live[at].id = id;
    }
    note(id);
}

static void try_free(uint32_t at)
{
    struct mbuffer *b = buffer_of(m.live[at].id);
    b->state = refs_of(b) && is_shared(b->pool) ? PENDING : CACHED;
    cr_assert_eq(ga_heap_free(heap, names[at]), GA_OK);
    cr_assert_eq(ga_heap_free(heap, names[at]), GA_FREED);
    m.live[at].id = 0;
}

static void try_commit(uint32_t stream)
{
    ga_sim_work(sim, stream, NULL, 0, GA_SIM_BY_HAND);
    cr_assert_eq(ga_heap_commit(heap, stream), GA_OK);
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        m.buffers[i].committed[stream] += m.buffers[i].open[stream];
        m.buffers[i].open[stream] = false;
    }
}

static void try_finish(uint32_t stream)
{
    ga_sim_finish(sim, stream);
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        struct mbuffer *b = &m.buffers[i];
        b->committed[stream] = 0;
        if (b->state == PENDING && refs_of(b) == 0)
            b->state = CACHED;
    }
    ga_heap_free_inactive_buffers(heap);
    settle();
}

static void try_anything(struct rng *rng)
{
    uint32_t at = (uint32_t)rng_below(rng, LIVE), stream = (uint32_t)rng_below(rng, STREAMS);
    uint64_t dice = rng_below(rng, 2000);
    if (dice < 1) {
        release_all();
        cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    } else if (dice < 60) {
        try_commit(stream);
    } else if (dice < 120) {
        try_finish(stream);
    } else if (!m.live[at].id) {
        try_alloc(rng, at);
    } else if (dice < 400) {
        buffer_of(m.live[at].id)->open[stream] = true;
        cr_assert_eq(ga_heap_use(heap, names[at], stream), GA_OK);
    } else if (dice < 1800) {
        try_free(at);
    }
}

static void compare_sums(void)
{
    uint64_t in_use = 0;
    for (uint32_t i = 0; i < m.n_buffers; i++)
        in_use += m.buffers[i].state == IN_USE ? m.buffers[i].size : 0;
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), used());
    cr_assert_eq(ga_heap_get_current_allocated_memory(heap), in_use);
    note(in_use);
}

/* The print of everything that `n` operations answered. */
static uint64_t play(uint64_t seed, uint32_t n, double high, double low)
{
    struct rng rng = { seed };
    struct ga_heap_stats stats;
    struct ga_sim_stats device;
    m = (struct model){ .capacity = 2048 * MIB,
                        .high = (uint64_t)(high * 2048.0 * (double)MIB),
                        .low = (uint64_t)(low * 2048.0 * (double)MIB) };
    print = 0xcbf29ce484222325u;
    sim =
        ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = m.capacity, .discrete = true, .streams = STREAMS });
    heaps = ga_heaps_new(NULL, ga_sim_backend(sim), &(struct ga_heap_opts){ .high_ratio = high, .low_ratio = low });
    heap = ga_heaps_get(heaps, false);
    cr_assert_eq(ga_heap_on(heap, "model", hear, NULL), GA_OK);
    for (uint32_t op = 1; op <= n; op++) {
        try_anything(&rng);
        compare_sums();
        if (op % 1000 == 0)
            compare_all();
    }
    ga_heap_stats(heap, &stats);
    note(stats.allocated.added);
    note(stats.allocated.peak);
    note(stats.reserved.added);
    note(stats.reserved.peak);
    note(stats.ooms);
    ga_heaps_delete(heaps);
    ga_sim_stats(sim, &device);
    cr_assert(device.live == 0 && device.events == 0 && ga_sim_error(sim) == NULL);
    ga_sim_delete(sim);
    return print;
}

Test(model_heap, does_what_the_rules_say)
{
    static const struct {
        double high, low;
    } marks[] = { { 1.7, 1.0 }, { 0.8, 0.4 }, { 0.4, 0.3 }, { 1.0, 0.2 } };
    for (uint64_t seed = 1; seed <= 20; seed++)
        play(seed, 50000, marks[seed % 4].high, marks[seed % 4].low);
}

Test(model_heap, does_the_same_twice)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        cr_assert_eq(play(seed, 5000, 0.6, 0.3), play(seed, 5000, 0.6, 0.3));
}
