/*
 * The heap allocator in lockstep with a model of it.
 */
#include <criterion/criterion.h>

#include "ggml_alloc/heap.h"
#include "ggml_alloc/sim.h"

#include "base/rng.h"

#include "slow_heap.h"

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
    struct mbuffer *b = news->event == GA_HEAP_FREED ? slow_buffer_of(news->id) : NULL;
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
            const struct mheap *h = slow_heap_of(parts[i].id);
            cr_assert(h->size == parts[i].size && h->pool == parts[i].pool && h->whole == parts[i].is_whole);
            cr_assert(slow_n_in(h) == parts[i].n_buffers && slow_available(h) == parts[i].available);
            n_heaps++;
        } else if (parts[i].kind == GA_HEAP_PART_BUFFER) {
            const struct mbuffer *b = slow_buffer_of(parts[i].id);
            cr_assert_not_null(b);
            cr_assert(b->size == parts[i].size && b->offset == parts[i].offset && b->pool == parts[i].pool);
            cr_assert(slow_refs_of(b) + 1 == parts[i].refs && (b->state == IN_USE) == parts[i].in_use);
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
    struct mbuffer *b = slow_alloc(size, shared);
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
    struct mbuffer *b = slow_buffer_of(m.live[at].id);
    b->state = slow_refs_of(b) && slow_is_shared(b->pool) ? PENDING : CACHED;
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
        if (b->state == PENDING && slow_refs_of(b) == 0)
            b->state = CACHED;
    }
    ga_heap_free_inactive_buffers(heap);
    slow_settle();
}

static void try_anything(struct rng *rng)
{
    uint32_t at = (uint32_t)rng_below(rng, LIVE), stream = (uint32_t)rng_below(rng, STREAMS);
    uint64_t dice = rng_below(rng, 2000);
    if (dice < 1) {
        slow_release_all();
        cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    } else if (dice < 60) {
        try_commit(stream);
    } else if (dice < 120) {
        try_finish(stream);
    } else if (!m.live[at].id) {
        try_alloc(rng, at);
    } else if (dice < 400) {
        slow_buffer_of(m.live[at].id)->open[stream] = true;
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
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), slow_used());
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
