/*
 * What is asked of a cache now and then: other streams' memory, alignment, addresses inside of blocks, no cache at all.
 */
#include <math.h>
#include <string.h>

#include "rig.h"

static void start(void)
{
    start_with(128 * MIB, NULL);
}

TestSuite(rare, .init = start, .fini = finish);

Test(rare, adopts_what_is_idle_elsewhere)
{
    for (int adopt = 0; adopt < 2; adopt++) {
        struct ga_sim_stats device_stats;
        char *kept, *ptr;
        restart(100 * MIB, &(struct ga_cache_opts){ .adopt = adopt });
        ga_block a = take_on(60 * MIB, 1, &kept), b = take_on(30 * MIB, 1, NULL);
        give(a);
        give(b);
        cr_assert_eq(ga_sim_work(sim, 1, kept, 512, GA_SIM_BY_HAND), GA_OK);
        take_on(4 * MIB, 0, NULL); /* 30 are large enough, and are just what is missing */
        take_on(50 * MIB, 0, &ptr);
        ga_sim_stats(sim, &device_stats);
        cr_assert_eq(device_stats.calls[GA_SIM_FREE], adopt ? 0 : 2);
        cr_assert(!adopt || ptr == kept);
        cr_assert_eq(reserved(), adopt ? 90 * MIB : 70 * MIB);
    }
    restart(64 * MIB, &(struct ga_cache_opts){ .adopt = true });
    ga_block large = take_on(40 * MIB, 1, NULL);
    give(take_on(512, 1, NULL));
    give(take_on(20 * MIB, 1, NULL));
    full(30 * MIB); /* nothing that is idle is large enough */
    give(large);
    take(30 * MIB);
}

Test(rare, aligns_as_asked)
{
    static const size_t aligns[] = { 1, 64, 512, 1024, 4096, 65536, 2 * MIB };
    ga_block block = 7;
    for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++)
        for (size_t size = 1; size < 5 * MIB; size = size * 7 + 1) {
            void *ptr = NULL;
            ga_block odd = take(512); /* so that it is not aligned by chance */
            cr_assert_eq(ga_cache_alloc_aligned(cache, size, aligns[i], 0, &block, &ptr), GA_OK);
            cr_assert_eq((uintptr_t)ptr % aligns[i], 0);
            size_t has;
            cr_assert_eq(ga_cache_ptr(cache, block, &has), ptr);
            cr_assert_geq(has, size);
            sound();
            give(odd);
            give(block);
        }
    static const size_t wrong[] = { 0, 3, 513, SIZE_MAX };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(ga_cache_alloc_aligned(cache, 1, wrong[i], 0, &block, NULL), GA_INVALID);
    cr_assert_eq(ga_cache_alloc_aligned(cache, 0, 4096, 0, &block, NULL), GA_OK);
    cr_assert_eq(block, 0);
    cr_assert_eq(ga_cache_alloc_aligned(cache, SIZE_MAX, 4096, 0, &block, NULL), GA_NO_SPACE);
    cr_assert_eq(ga_cache_alloc_aligned(cache, 1, SIZE_MAX / 2 + 1, 0, &block, NULL), GA_NO_SPACE);
    trim();
    cr_assert_eq(reserved(), 0);
}

/* What is before an aligned block can be had, and joins with it again. */
Test(rare, wastes_nothing_before_what_is_aligned)
{
    void *first, *ptr, *next;
    ga_block a = take_on(512, 0, NULL), block;
    cr_assert_eq(ga_cache_alloc_aligned(cache, 512, 65536, 0, &block, &ptr), GA_OK);
    first = ga_cache_ptr(cache, a, NULL);
    cr_assert_eq(ga_cache_alloc(cache, 512, 0, NULL, &next), GA_OK);
    cr_assert_eq(next, (void *)((char *)first + 512));
    cr_assert_eq(ga_cache_free_ptr(cache, next), GA_OK);
    give(block);
    give(a);
    struct ga_cache_part parts[2];
    cr_assert_eq(ga_cache_snapshot(cache, parts, 2), 1);
    cr_assert_eq(parts[0].size, 2 * MIB);
}

Test(rare, finds_what_holds_an_address)
{
    char *a, *b;
    ga_block first = take_on(1000, 0, &a), second = take_on(30 * MIB, 1, &b);
    struct ga_buffer segment;
    cr_assert_eq(ga_cache_around(cache, a), first);
    cr_assert_eq(ga_cache_around(cache, a + 1023), first);
    cr_assert_eq(ga_cache_around(cache, a + 1024), 0);
    cr_assert_eq(ga_cache_around(cache, b + 30 * MIB - 1), second);
    cr_assert_eq(ga_cache_around(cache, &segment), 0);
    cr_assert_eq(ga_cache_segment(cache, a + MIB, &segment), GA_OK);
    cr_assert(segment.base == (void *)a && segment.size == 2 * MIB);
    cr_assert_eq(ga_cache_segment(cache, &segment, &segment), GA_UNKNOWN);
    cr_assert_eq(ga_cache_share_ptr(cache, a + 1, 1), GA_UNKNOWN); /* refused where it does not begin */
    cr_assert_eq(ga_cache_free_ptr(cache, a + 1), GA_UNKNOWN);
    cr_assert_eq(ga_cache_share(cache, first, 1), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, a, 1, GA_SIM_BY_HAND), GA_OK);
    give(first);
    cr_assert_eq(ga_cache_around(cache, a), 0); /* pending */
}

Test(rare, tells_what_pins_a_segment)
{
    struct ga_cache_part parts[8];
    ga_block a = take(MIB / 2), b = take(512), c = take(20 * MIB);
    give(a);
    cr_assert_eq(ga_cache_snapshot(cache, parts, 8), 4);
    cr_assert(parts[0].pinned_by == b && parts[2].pinned_by == b && parts[3].pinned_by == c);
    a = take(512);
    cr_assert_eq(ga_cache_snapshot(cache, parts, 8), 5);
    cr_assert_eq(parts[0].pinned_by, 0);
    give(a);
    give(b);
    cr_assert_eq(ga_cache_snapshot(cache, parts, 8), 2);
    cr_assert_eq(parts[0].pinned_by, 0);
}

Test(rare, takes_segments_of_chosen_sizes)
{
    static const struct {
        size_t size;
        uint64_t reserves;
    } cases[] = { { 1, 4 * MIB },       { MIB, 4 * MIB },    { MIB + 1, 8 * MIB }, { 6 * MIB - 512, 8 * MIB },
                  { 6 * MIB, 6 * MIB }, { 7 * MIB, 9 * MIB } };
    struct ga_cache_opts opts = {
        .small_segment = 4 * MIB, .large_segment = 8 * MIB, .own_segment = 6 * MIB, .segment_quantum = 3 * MIB
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        restart(64 * MIB, &opts);
        take(cases[i].size);
        cr_assert_eq(reserved(), cases[i].reserves);
    }
    struct ga_cache_opts read = { 0 };
    cr_assert_eq(ga_cache_parse("small_segment_mb:4,large_segment_mb:8,own_segment_mb:6,segment_quantum_mb:3", &read, NULL, 0),
                 GA_OK);
    cr_assert(read.small_segment == 4 * MIB && read.large_segment == 8 * MIB && read.own_segment == 6 * MIB);
    cr_assert_eq(read.segment_quantum, 3 * MIB);
    cr_assert_eq(ga_cache_parse("small_segment_mb:0", &read, NULL, 0), GA_INVALID);
    const struct ga_cache_opts wrong[] = { { .small_segment = MIB / 2 }, { .large_segment = 9 * MIB },
                                           { .own_segment = MIB },       { .own_segment = 21 * MIB },
                                           { .segment_quantum = 1000 },  { .small_segment = UINT64_MAX } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_null(ga_cache_new(NULL, device, &wrong[i]));
}

/* Its pending blocks become free, its idle segments go, and its number may be another stream's. */
Test(rare, forgets_a_stream_that_goes)
{
    ga_block a = take(MIB), b = take(MIB), c = take_on(MIB, 1, NULL);
    give(take_on(20 * MIB, 1, NULL));
    cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
    cr_assert_eq(ga_cache_share(cache, b, 1), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, ga_cache_ptr(cache, a, NULL), 1, GA_SIM_BY_HAND), GA_OK);
    give(a);
    cr_assert_eq(ga_cache_poll(cache), MIB);
    cr_assert_eq(ga_cache_drop_stream(cache, 1), GA_OK);
    sound();
    cr_assert_eq(ga_cache_poll(cache), 0);
    cr_assert_eq(reserved(), 4 * MIB);
    cr_assert_eq(ga_sim_work(sim, 1, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    give(b); /* shared with the one that went */
    cr_assert_eq(ga_cache_poll(cache), 0);
    give(c);
    cr_assert_eq(ga_cache_drop_stream(cache, 1), GA_OK);
    cr_assert_eq(reserved(), 2 * MIB);
    cr_assert_eq(ga_cache_drop_stream(cache, 77), GA_OK); /* never heard of */
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_SYNC, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_cache_drop_stream(cache, 0), GA_IO);
}

Test(rare, passes_through_when_switched_off)
{
    struct ga_cache_stats before, after;
    struct ga_sim_stats seen;
    char *a, *b;
    size_t size;
    ga_block kept = take(512), direct;
    ga_cache_stats(cache, &before);
    cr_assert_eq(ga_cache_enable(cache, false), GA_OK);
    direct = take_on(1000, 1, &a);
    take_on(2000, 1, &b);
    ga_sim_stats(sim, &seen);
    cr_assert_eq(seen.live, 2 * MIB + 3000);
    cr_assert(ga_cache_find(cache, a) == direct && ga_cache_ptr(cache, direct, &size) == (void *)a && size == 1000);
    cr_assert_eq(ga_cache_share(cache, direct, 2), GA_OK);
    cr_assert_eq(ga_cache_share_ptr(cache, b, 2), GA_OK);
    cr_assert_eq(ga_cache_unshare(cache, direct, 2), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 2, a, 1000, GA_SIM_BY_HAND), GA_OK);
    give(direct); /* waits for the device */
    cr_assert_eq(ga_cache_free(cache, direct), GA_FREED);
    cr_assert_eq(ga_cache_share(cache, direct, 2), GA_FREED);
    cr_assert_eq(ga_cache_free(cache, direct + 5), GA_UNKNOWN);
    cr_assert_eq(ga_cache_free_ptr(cache, a), GA_UNKNOWN);
    full(200 * MIB);
    cr_assert_eq(ga_cache_alloc_aligned(cache, 100, 16384, 0, &direct, (void **)&a), GA_OK);
    cr_assert_eq((uintptr_t)a % 16384, 0);
    cr_assert(ga_cache_ptr(cache, direct, &size) == (void *)a && size >= 100 && ga_cache_find(cache, a) == direct);
    cr_assert_eq(ga_cache_free_ptr(cache, a), GA_OK);
    cr_assert_eq(ga_cache_alloc_aligned(cache, SIZE_MAX, 16384, 0, &direct, NULL), GA_NO_SPACE);
    cr_assert_eq(ga_cache_alloc_aligned(cache, 100, SIZE_MAX / 2 + 1, 0, &direct, NULL), GA_NO_SPACE);
    ga_cache_stats(cache, &after);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    cr_assert_eq(ga_cache_enable(cache, true), GA_OK);
    give(kept); /* each goes where it is from, whatever is on */
    cr_assert_eq(ga_cache_free_ptr(cache, b), GA_OK);
    ga_sim_stats(sim, &seen);
    cr_assert_eq(seen.live, 2 * MIB);
}

Test(rare, keeps_what_the_device_may_still_use_though_switched_off)
{
    struct ga_sim_stats seen;
    cr_assert_eq(ga_cache_enable(cache, false), GA_OK);
    ga_block a = take(1000), b = take(2000);
    take(3000); /* goes with the cache */
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_SYNC, .nth = 1, .status = GA_IO });
    give(a);
    ga_sim_stats(sim, &seen);
    cr_assert_eq(seen.live, 6000);
    cr_assert_eq(ga_cache_free(cache, a), GA_FREED);
    give(b);
    cr_assert_eq(ga_cache_sync(cache), GA_OK);
    ga_sim_stats(sim, &seen);
    cr_assert_eq(seen.live, 3000);
    for (uint64_t at = 1; at < 4; at++) {
        hook.fail_at = hook.requests + 1;
        for (int i = 0; i < 50; i++) {
            enum ga_status status = ga_cache_alloc(cache, 100, 0, NULL, NULL);
            cr_assert(status == GA_OK || status == GA_NO_MEMORY);
        }
    }
}

/* Every block keeps its bytes, whatever happens around it. */
Test(rare, leaves_the_bytes_of_live_blocks_alone)
{
    enum { BLOCKS = 64, OPS = 10000 };
    static struct {
        unsigned char *ptr;
        size_t size;
    } live[BLOCKS];
    memset(live, 0, sizeof live);
    uint64_t x = 88172645463325252u;
    ga_sim *real = ga_sim_new(NULL, ga_backend_cpu(), &(struct ga_sim_opts){ .capacity = 96 * MIB });
    ga_cache *own = ga_cache_new(NULL, ga_sim_backend(real), NULL);
    for (int op = 0; op < OPS; op++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t at = (size_t)(x % BLOCKS), size = 1 + (size_t)((x >> 30) % (x >> 21 & 7 ? 20000 : 3 * MIB));
        if (!live[at].ptr) {
            void *ptr = NULL;
            if (ga_cache_alloc_aligned(own, size, (size_t)64 << x % 5, (x >> 22) % 3, NULL, &ptr) != GA_OK)
                continue;
            live[at].ptr = memset(ptr, (int)at, size);
            live[at].size = size;
            continue;
        }
        for (size_t i = 0; i < live[at].size; i++)
            cr_assert_eq(live[at].ptr[i], (unsigned char)at);
        cr_assert_eq(ga_cache_free_ptr(own, live[at].ptr), GA_OK);
        live[at].ptr = NULL;
        if (op % 1000 == 0)
            cr_assert_eq(ga_cache_trim(own, 0), GA_OK);
    }
    cr_assert_null(ga_sim_error(real));
    ga_cache_delete(own);
    ga_sim_delete(real);
}

Test(rare, gives_a_fraction_and_no_more)
{
    static const double wrong[] = { -0.1, 1.1, NAN };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(ga_cache_set_fraction(cache, wrong[i]), GA_INVALID);
    cr_assert_eq(ga_cache_set_fraction(cache, 0.5), GA_OK);
    give(take(64 * MIB - 128 * 1024)); /* 0.499 of it */
    trim();
    full(65 * MIB);
    cr_assert_eq(ga_cache_fraction(cache), 0.5);
    cr_assert_eq(ga_cache_set_fraction(cache, 0), GA_OK);
    cr_assert_eq(ga_cache_fraction(cache), 0);
    full(1);
    cr_assert_eq(ga_cache_set_fraction(cache, 1), GA_OK);
    take(65 * MIB);
}
