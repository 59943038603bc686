#include "slow_heap.h"

#include <criterion/criterion.h>
#include <string.h>

struct model m;

static bool is_large(uint32_t pool)
{
    return pool == GA_HEAP_POOL_PRIVATE_LARGE || pool == GA_HEAP_POOL_SHARED_LARGE;
}

bool slow_is_shared(uint32_t pool)
{
    return pool == GA_HEAP_POOL_SHARED_SMALL || pool == GA_HEAP_POOL_SHARED_LARGE || pool == GA_HEAP_POOL_SCALAR;
}

uint32_t slow_refs_of(const struct mbuffer *b)
{
    uint32_t refs = 0;
    for (int s = 0; s < STREAMS; s++)
        refs += b->committed[s] + b->open[s];
    return refs;
}

uint64_t slow_used(void)
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

uint32_t slow_n_in(const struct mheap *heap)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m.n_buffers; i++)
        n += m.buffers[i].heap == heap->id;
    return n;
}

uint64_t slow_available(const struct mheap *heap)
{
    uint64_t offset, longest;
    best_gap(heap, 1, &offset, &longest);
    return heap->whole && slow_n_in(heap) ? 0 : longest;
}

struct mheap *slow_heap_of(uint64_t id)
{
    for (uint32_t i = 0; i < m.n_heaps; i++)
        if (m.heaps[i].id == id)
            return &m.heaps[i];
    cr_assert_fail("no such heap");
    return NULL;
}

struct mbuffer *slow_buffer_of(uint64_t id)
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
        uint64_t room = m.heaps[i].pool == pool ? slow_available(&m.heaps[i]) : 0;
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
    struct mheap *heap = slow_heap_of(b->heap);
    bool drops = b->drops;
    *b = m.buffers[--m.n_buffers];
    if (drops && slow_n_in(heap) == 0)
        remove_heap(heap);
}

static void release(struct mbuffer *b, bool drops)
{
    b->state = LEFT;
    b->drops = drops;
    if (slow_refs_of(b) == 0)
        unplace(b);
}

/* After references went: what waited for that goes on.  What is freed is told in an order that the callback below takes down. */
void slow_settle(void)
{
    for (uint32_t i = 0; i < m.n_buffers;) {
        struct mbuffer *b = &m.buffers[i];
        if (b->state == LEFT && slow_refs_of(b) == 0) {
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
        if (b && is_large(pool) && b->size >= size - size / 8 && slow_refs_of(b) == 0)
            release(b, true);
        return NULL;
    }
    if (b->size > size + 32 * MIB) {
        if (with_room(pool, size))
            return NULL;
        if (slow_refs_of(b) == 0) {
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
        if (b->state == CACHED && b->pool == pool && slow_refs_of(b) == 0) {
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
                bool is_old = b->state == CACHED && b->pool == pool && slow_refs_of(b) == 0 && age(b) >= mean;
                if (is_old && (!oldest || b->freed_at < oldest->freed_at))
                    oldest = b;
            }
            if (!oldest)
                break;
            released += oldest->size;
            done += oldest->size;
            release(oldest, slow_heap_of(oldest->heap)->whole);
        }
    }
}

static void drop_empty(uint32_t pool, uint64_t size, uint64_t target)
{
    while (target) {
        struct mheap *best = NULL;
        for (uint32_t i = 0; i < m.n_heaps; i++) {
            struct mheap *h = &m.heaps[i];
            bool is_one = h->pool == pool && slow_n_in(h) == 0 && h->size < size;
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
    uint64_t before = slow_used(), cached = 0;
    if (before < m.low)
        return;
    for (uint32_t i = 0; i < m.n_buffers; i++)
        cached += m.buffers[i].state == CACHED && m.buffers[i].pool == pool ? m.buffers[i].size : 0;
    if (size < cached)
        collect(pool, before - m.low);
    drop_empty(pool, size, slow_used() > m.low ? slow_used() - m.low : 0);
}

static struct mheap *new_heap(uint32_t pool, uint64_t size, bool pressure)
{
    static const uint64_t sizes[] = { 8 * MIB, 32 * MIB, 128 * MIB };
    uint64_t exact = up(size, 2 * MIB), before = slow_used();
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

void slow_release_all(void)
{
    for (uint32_t i = 0; i < m.n_buffers; i++) {
        memset(m.buffers[i].committed, 0, sizeof m.buffers[i].committed);
        memset(m.buffers[i].open, 0, sizeof m.buffers[i].open);
    }
    for (uint32_t i = 0; i < m.n_buffers; i++)
        if (m.buffers[i].state == PENDING)
            m.buffers[i].state = CACHED;
    slow_settle();
    for (uint32_t pool = 0; pool < GA_HEAP_POOL_N; pool++) {
        for (struct mbuffer *b; (b = largest_cached(pool));)
            release(b, true);
        drop_empty(pool, UINT64_MAX, UINT64_MAX);
    }
}

struct mbuffer *slow_alloc(uint64_t requested, bool shared)
{
    uint64_t size = round_size(requested);
    uint32_t pool = size <= MIB ? (shared ? GA_HEAP_POOL_SHARED_SMALL : GA_HEAP_POOL_PRIVATE_SMALL)
                                : (shared ? GA_HEAP_POOL_SHARED_LARGE : GA_HEAP_POOL_PRIVATE_LARGE);
    bool pressure = is_large(pool) && m.low && (slow_used() >= m.low || m.low - slow_used() < MIB);
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
    slow_release_all();
    b = recycle(pool, size, &pressure);
    return b ? b : create(pool, size, pressure);
}
