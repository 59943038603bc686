/*
 * Heaps by tier, pools by size, and which cached buffer is taken again.
 */
#include <math.h>

#include "heap_rig.h"

TestSuite(heap, .init = start, .fini = finish);

/* --- faces, sizes, pools, tiers --- */

Test(heap, has_a_shared_face_where_memory_is_unified)
{
    ga_heap *shared = ga_heaps_get(heaps, true);
    cr_assert(shared && ga_heap_is_shared_storage_supported(heap));
    ga_heap_buffer buffer;
    cr_assert_eq(ga_heap_alloc(shared, 100, 0, &buffer), GA_OK);
    cr_assert(ga_heap_is_shared_buffer(heap, buffer) && ga_heap_is_pinned(heap, buffer));
    ga_heap_buffer private = take(100);
    cr_assert(!ga_heap_is_shared_buffer(heap, private) && !ga_heap_is_pinned(heap, private));
    cr_assert(!ga_heap_is_shared_buffer(heap, 12345));
    restart(GIB, true, NULL);
    cr_assert(!ga_heaps_get(heaps, true) && !ga_heap_is_shared_storage_supported(heap));
    buffer = take_as(100, GA_HEAP_SHARED); /* not the face's default, but it is there */
    cr_assert(ga_heap_is_shared_buffer(heap, buffer));
}

Test(heap, shares_nothing_on_a_device_that_does_not)
{
    struct ga_backend plain = *ga_backend_null();
    ga_heaps *other = ga_heaps_new(NULL, &plain, NULL);
    ga_heap_buffer buffer = 7;
    cr_assert_null(ga_heaps_get(other, true));
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 100, GA_HEAP_SHARED, &buffer), GA_UNSUPPORTED);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(ga_heaps_get(other, false), "x", 1, &buffer), GA_UNSUPPORTED);
    cr_assert_eq(buffer, 7);
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 100, 0, &buffer), GA_OK);
    cr_assert_eq(ga_heap_use(ga_heaps_get(other, false), buffer, 0), GA_UNSUPPORTED);
    cr_assert_eq(ga_heap_commit(ga_heaps_get(other, false), 0), GA_UNSUPPORTED);
    cr_assert_eq(ga_heap_empty_cache(ga_heaps_get(other, false)), GA_OK);
    ga_heaps_delete(other);
}

Test(heap, refuses_options_that_make_no_sense)
{
    cr_assert_null(ga_heaps_new(NULL, NULL, NULL));
    cr_assert(refuses(&(struct ga_heap_opts){ .high_ratio = 2.1 }));
    cr_assert(refuses(&(struct ga_heap_opts){ .high_ratio = -0.1 }));
    cr_assert(refuses(&(struct ga_heap_opts){ .high_ratio = NAN }));
    cr_assert(refuses(&(struct ga_heap_opts){ .low_ratio = NAN }));
    cr_assert(refuses(&(struct ga_heap_opts){ .low_ratio = 1.8 }));
    cr_assert(!refuses(&(struct ga_heap_opts){ .high_ratio = 1 })); /* the low one follows */
    ga_heaps_delete(NULL);
}

Test(heap, rounds_and_chooses_pools_by_size_and_use)
{
    static const struct {
        size_t size;
        unsigned usage;
        uint64_t rounded;
        enum ga_heap_pool pool;
    } cases[] = {
        { 1, 0, 256, GA_HEAP_POOL_SHARED_SMALL }, /* a scalar's size: shared where memory is unified */
        { 8, 0, 256, GA_HEAP_POOL_SHARED_SMALL },
        { 9, 0, 256, GA_HEAP_POOL_PRIVATE_SMALL },
        { 257, 0, 512, GA_HEAP_POOL_PRIVATE_SMALL },
        { 257, GA_HEAP_SHARED, 512, GA_HEAP_POOL_SHARED_SMALL },
        { 4, GA_HEAP_SCALAR, 256, GA_HEAP_POOL_SCALAR },
        { MIB, 0, MIB, GA_HEAP_POOL_PRIVATE_SMALL },
        { MIB + 1, 0, MIB + 2 * PAGE, GA_HEAP_POOL_PRIVATE_LARGE }, /* 32 steps per power of two */
        { MIB + 1, GA_HEAP_SHARED, MIB + 2 * PAGE, GA_HEAP_POOL_SHARED_LARGE },
        { 10 * MIB - PAGE, 0, 10 * MIB - PAGE, GA_HEAP_POOL_PRIVATE_LARGE }, /* a step would leave the tier */
        { 33 * MIB, 0, 33 * MIB, GA_HEAP_POOL_PRIVATE_LARGE },
        { 33 * MIB + 1, 0, 34 * MIB, GA_HEAP_POOL_PRIVATE_LARGE },
        { 33 * MIB, GA_HEAP_SHARED | GA_HEAP_MANAGED, 33 * MIB, GA_HEAP_POOL_SHARED_LARGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ga_heap_buffer buffer = take_as(cases[i].size, cases[i].usage);
        struct ga_heap_part part = part_of(GA_HEAP_PART_BUFFER, id_of(buffer));
        cr_assert_eq(size_of(buffer), cases[i].rounded, "%zu bytes: %zu", cases[i].size, (size_t)size_of(buffer));
        cr_assert_eq(part.pool, cases[i].pool, "%zu bytes", cases[i].size);
        cr_assert_eq(part.usage & GA_HEAP_MANAGED, cases[i].usage & GA_HEAP_MANAGED);
        bool is_tracked = cases[i].pool != GA_HEAP_POOL_SCALAR;
        cr_assert_eq((part.usage & GA_HEAP_HAZARD) != 0, is_tracked);
        cr_assert_eq(ga_heap_get_unaligned_buffer_size(heap, buffer), (int64_t)cases[i].size);
    }
    cr_assert_eq(ga_heap_get_unaligned_buffer_size(heap, 99), -1);
}

Test(heap, makes_heaps_by_tier)
{
    static const struct {
        size_t size;
        uint64_t heap;
        bool is_whole;
    } cases[] = {
        { 100, 8 * MIB, false },        { MIB, 8 * MIB, false },
        { MIB + 1, 32 * MIB, false },   { 10 * MIB - PAGE, 32 * MIB, false },
        { 10 * MIB, GIB, false },       { 512 * MIB - 16 * MIB, GIB, false },
        { 512 * MIB, 512 * MIB, true }, { 513 * MIB, 528 * MIB, true }, /* in steps of 16 MiB */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t before = ga_heap_get_total_allocated_memory(heap);
        ga_heap_buffer buffer = take(cases[i].size);
        struct ga_heap_part made = part_of(GA_HEAP_PART_HEAP, 1 + i);
        cr_assert_eq(ga_heap_get_total_allocated_memory(heap) - before, cases[i].heap, "%zu bytes", cases[i].size);
        cr_assert(made.size == cases[i].heap && made.is_whole == cases[i].is_whole && made.refs == 2);
        give(buffer);
        cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
        cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 0);
    }
    restart(GIB, true, NULL);
    take(10 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 128 * MIB);
    take(120 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), (128 + 120) * MIB);
}

Test(heap, takes_nothing_for_nothing_and_refuses_what_no_device_has)
{
    ga_heap_buffer buffer = 7;
    cr_assert(ga_heap_alloc(heap, 0, 0, &buffer) == GA_OK && buffer == 0);
    cr_assert_eq(ga_heap_free(heap, 0), GA_OK);
    buffer = 7;
    if (SIZE_MAX > UINT32_MAX)
        cr_assert_eq(ga_heap_alloc(heap, SIZE_MAX - 5, 0, &buffer), GA_INVALID);
    struct ga_backend small = *ga_backend_null();
    small.max_size = 64 * MIB;
    ga_heaps *other = ga_heaps_new(NULL, &small, NULL);
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 64 * MIB, 0, &buffer), GA_INVALID);
    cr_assert_eq(ga_heap_alloc(ga_heaps_get(other, false), 64 * MIB - PAGE, 0, &buffer),
                 GA_OK); /* its tier's heap would be 1 GiB */
    cr_assert_eq(ga_heap_get_total_allocated_memory(ga_heaps_get(other, false)), 64 * MIB);
    ga_heaps_delete(other);
}

/* --- reuse --- */

Test(heap, takes_the_smallest_cached_buffer_that_fits)
{
    ga_heap_buffer a = take(3 * MIB), b = take(2 * MIB), c = take(4 * MIB);
    uint64_t id = id_of(b);
    give(a);
    give(b);
    give(c);
    ga_heap_buffer again = take(2 * MIB - 100);
    cr_assert_eq(id_of(again), id);
    cr_assert_neq(again, b, "a handle is good for one allocation");
    cr_assert(ga_heap_free(heap, b) == GA_FREED && ga_heap_free(heap, 1234567) == GA_UNKNOWN);
    cr_assert_eq(ga_heap_get_unaligned_buffer_size(heap, again), 2 * (int64_t)MIB - 100);
    give(again);
    cr_assert_eq(ga_heap_free(heap, again), GA_FREED);
}

Test(heap, accepts_slack_of_32_mib_and_not_a_page_more)
{
    for (int more = 0; more < 2; more++) {
        restart(8 * GIB, false, NULL);
        ga_heap_buffer large = take(600 * MIB + (more ? 16 * MIB : 0)); /* in a heap of its own, in steps of 16 MiB */
        uint64_t id = id_of(large), size = size_of(large);
        give(large);
        ga_heap_buffer small = take((size_t)size - 32 * MIB - (more ? 16 * MIB : 0));
        bool same = id_of(small) == id;
        cr_assert_eq(same, !more);
        cr_assert_eq(ga_heap_get_total_allocated_memory(heap), size); /* the gap that it left is used, or itself */
    }
    restart(8 * GIB, false, NULL);
    ga_heap_buffer buffer = take(33 * MIB + MIB);
    uint64_t id = id_of(buffer);
    give(buffer);
    cr_assert_eq(id_of(take(2 * MIB)), id, "34 - 2 MiB are just the slack");
    restart(8 * GIB, false, NULL);
    buffer = take(34 * MIB);
    id = id_of(buffer);
    give(buffer);
    cr_assert_neq(id_of(take(2 * MIB - 2 * PAGE)), id);
}

Test(heap, leaves_an_oversize_buffer_when_a_heap_has_room)
{
    ga_heap_buffer large = take(100 * MIB);
    uint64_t id = id_of(large);
    give(large);
    ga_heap_buffer small = take(20 * MIB); /* the same heap of 1 GiB has room beside it */
    cr_assert_neq(id_of(small), id);
    cr_assert_eq(stats().cached, 100 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), GIB);
}

Test(heap, uses_an_oversize_buffer_that_is_busy_where_nothing_else_is)
{
    restart(8 * GIB, false, NULL);
    ga_heap_buffer large = take(600 * MIB);
    uint64_t id = id_of(large);
    cr_assert_eq(ga_heap_use(heap, large, 0), GA_OK);
    give(large); /* private: reusable at once, the device keeps order */
    cr_assert_eq(stats().cached, 608 * MIB);
    ga_heap_buffer small = take(20 * MIB);
    cr_assert_eq(id_of(small), id);
    cr_assert_eq(ga_heap_refs(heap, small), 2);
}

Test(heap, bounds_what_grows_slowly)
{
    ga_heap_buffer cache = 0;
    uint64_t most = 0;
    for (size_t step = 1; step <= 1024; step++) { /* a KV cache that is copied into a larger one each time */
        ga_heap_buffer larger = take(step * 300 * KIB);
        give(cache);
        cache = larger;
        if (most < stats().heaps)
            most = stats().heaps;
    }
    cr_assert_leq(most, 6);
    cr_assert_leq(stats().reserved.peak, 3 * GIB);
}

Test(heap, sheds_what_was_outgrown)
{
    restart(8 * GIB, false, NULL);
    ga_heap_buffer a = take(560 * MIB), b = take(560 * MIB);
    give(a);
    ga_heap_buffer larger = take(576 * MIB); /* 560 is more than 7/8 of it: it goes, with its heap */
    cr_assert_eq(stats().cached, 0);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), (560 + 576) * MIB);
    give(b);
    take(1024 * MIB); /* much larger: what is cached stays */
    cr_assert_eq(stats().cached, 560 * MIB);
    give(larger);
}
