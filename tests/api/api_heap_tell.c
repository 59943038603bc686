/*
 * Shapes, ids, statistics, callbacks, the log, and no memory left.
 */
#include <string.h>

#include "ggml_alloc/registry.h"
#include "heap_rig.h"

TestSuite(heap_tell, .init = start, .fini = finish);

/* --- shapes, ids, statistics, reports --- */

Test(heap_tell, keeps_shapes_until_buffers_are_freed)
{
    ga_heap_buffer buffer = take(100);
    int64_t shape[3] = { 2, 3, -4 }, got[3] = { 0 };
    cr_assert_eq(ga_heap_get_buffer_shape(heap, buffer, got, 3), 0);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, shape, 3), GA_OK);
    shape[0] = 99;
    cr_assert_eq(ga_heap_get_buffer_shape(heap, buffer, got, 2), 3);
    cr_assert(got[0] == 2 && got[1] == 3 && got[2] == 0);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, shape, 1), GA_OK);
    cr_assert(ga_heap_get_buffer_shape(heap, buffer, got, 3) == 1 && got[0] == 99);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, NULL, 0), GA_OK);
    cr_assert_eq(ga_heap_get_buffer_shape(heap, buffer, got, 3), 0);
    ga_heap_set_buffer_shape(heap, buffer, shape, 2);
    give(buffer);
    cr_assert_eq(ga_heap_set_buffer_shape(heap, buffer, shape, 1), GA_INVALID);
    ga_heap_buffer again = take(100);
    cr_assert_eq(ga_heap_get_buffer_shape(heap, again, got, 3), 0);
    ga_heap_set_buffer_shape(heap, again, shape, 2); /* deleted with it */
}

Test(heap_tell, never_uses_an_id_twice)
{
    uint64_t last = 0;
    for (int round = 0; round < 20; round++) {
        ga_heap_buffer buffer = take((size_t)(1 + round) * 100 * KIB);
        cr_assert_gt(id_of(buffer), last);
        last = id_of(buffer);
        give(buffer);
        cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    }
    cr_assert_eq(id_of(55), 0);
}

Test(heap_tell, counts_exactly)
{
    struct ga_heap_stats s;
    uint64_t driver = ga_heap_get_driver_allocated_memory(heap);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    cr_assert_eq(ga_heap_get_current_allocated_memory(heap), 0);
    ga_heap_buffer a = take(8 * MIB);
    cr_assert_eq(ga_heap_get_current_allocated_memory(heap), 8 * MIB);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap) - driver, 32 * MIB);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 32 * MIB);
    ga_heap_buffer b = take(2 * MIB);
    give(a);
    s = stats();
    cr_assert(s.allocated.now == 2 * MIB && s.allocated.peak == 10 * MIB && s.allocated.added == 10 * MIB);
    cr_assert(s.allocated.removed == 8 * MIB && s.cached == 8 * MIB && s.buffers == 2 && s.heaps == 1);
    struct ga_heap_part pool = pool_part(GA_HEAP_POOL_PRIVATE_LARGE);
    cr_assert(pool.size == 10 * MIB && pool.available == 8 * MIB && pool.n_buffers == 2);
    ga_heap_reset_peaks(heap);
    s = stats();
    cr_assert(s.allocated.peak == 2 * MIB && s.allocated.added == 10 * MIB);
    ga_heap_reset_totals(heap);
    s = stats();
    cr_assert(s.allocated.added == 0 && s.allocated.removed == 0 && s.allocated.now == 2 * MIB && s.reserved.now == 32 * MIB);
    give(b);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    s = stats();
    cr_assert(s.reserved.now == 0 && s.reserved.removed == 32 * MIB && s.buffers == 0 && s.heaps == 0 && s.cached == 0);
    cr_assert_eq(ga_heap_get_driver_allocated_memory(heap), driver);
}

Test(heap_tell, keeps_heaps_with_live_buffers_when_emptied)
{
    ga_heap_buffer a = take(2 * MIB), b = take(2 * MIB), c = take(100);
    give(b);
    give(c);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    cr_assert(stats().heaps == 1 && stats().buffers == 1 && stats().cached == 0);
    cr_assert_eq(ga_heap_get_total_allocated_memory(heap), 32 * MIB);
    give(a);
}

Test(heap_tell, walks_pools_heaps_and_buffers)
{
    ga_heap_buffer a = take(2 * MIB), b = take(3 * MIB);
    struct ga_heap_part parts[16];
    uint32_t n = ga_heap_walk(heap, parts, 16);
    cr_assert_eq(n, GA_HEAP_POOL_N + 1 + 2);
    cr_assert(parts[1].kind == GA_HEAP_PART_POOL && parts[2].kind == GA_HEAP_PART_HEAP && parts[2].n_buffers == 2);
    cr_assert(parts[2].available == 27 * MIB && parts[2].size == 32 * MIB && parts[2].refs == 3);
    cr_assert(parts[3].buffer == a && parts[3].offset == 0 && parts[3].in_use && parts[4].buffer == b &&
              parts[4].offset == 2 * MIB);
    cr_assert_eq(ga_heap_walk(heap, parts, 3), n);
    /* A released buffer that a batch uses keeps its place. */
    cr_assert_eq(ga_heap_use(heap, a, 0), GA_OK);
    give(a);
    give(b);
    n = ga_heap_walk(heap, parts, 16);
    cr_assert(n == GA_HEAP_POOL_N + 3 && !parts[3].in_use && parts[3].buffer == 0 && parts[3].refs == 2);
}

Test(heap_tell, formats_sizes)
{
    char buf[32];
    static const struct {
        uint64_t size;
        const char *binary, *decimal;
    } cases[] = {
        { 0, "0 bytes", "0 bytes" },          { 1024, "1024 bytes", "1024 bytes" },   { 1025, "1.00 KiB", "1.00 KB" },
        { 1536, "1.50 KiB", "1.50 KB" },      { MIB, "1024.00 KiB", "1024.00 KB" },   { 3 * MIB / 2, "1.50 MiB", "1.50 MB" },
        { GIB, "1024.00 MiB", "1024.00 MB" }, { 5 * GIB / 2, "2.50 GiB", "2.50 GB" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_str_eq(ga_heap_format_size(buf, cases[i].size, false), cases[i].binary);
        cr_assert_str_eq(ga_heap_format_size(buf, cases[i].size, true), cases[i].decimal);
    }
}

Test(heap_tell, serves_those_who_know_nothing_of_it)
{
    ga_registry *registry = ga_registry_new(NULL);
    cr_assert_eq(ga_registry_set(registry, 3, ga_heap_backend(ga_heaps_get(heaps, true)), 0), GA_OK);
    const struct ga_backend *found = ga_registry_get(registry, 3);
    struct ga_buffer buffer, again;
    uint64_t free_bytes, total_bytes;
    cr_assert_eq(found->alloc(found->user, 3 * MIB, &buffer), GA_OK);
    cr_assert(buffer.size == 3 * MIB && stats().allocated.now == 3 * MIB);
    cr_assert_eq(pool_part(GA_HEAP_POOL_SHARED_LARGE).n_buffers, 1);
    cr_assert(found->info(found->user, &free_bytes, &total_bytes) && free_bytes == 8 * GIB - 3 * MIB);
    found->free(found->user, &buffer);
    cr_assert_eq(found->alloc(found->user, 3 * MIB, &again), GA_OK);
    cr_assert_eq(again.base, buffer.base);
    found->free(found->user, &again);
    cr_assert_eq(stats().allocated.now, 0);
    ga_registry_delete(registry);
}

Test(heap_tell, hands_out_buffers_that_carry_their_deleter)
{
    restart_with_bytes();
    struct ga_owned a, b, none = { 0 };
    cr_assert_eq(ga_heap_own(heap, 1000, GA_HEAP_SHARED, &a), GA_OK);
    cr_assert_eq(ga_heap_own(heap, 1000, 0, &b), GA_OK);
    cr_assert(a.ptr != b.ptr && a.release == ga_heap_release && a.device == 0 && a.kind == 0);
    memset(a.ptr, 'a', 1000);
    cr_assert_eq(ga_heap_copy(heap, b.ptr, a.ptr, 1000, 0), GA_OK);
    cr_assert_eq(memcmp(a.ptr, b.ptr, 1000), 0);
    ga_sim_finish(sim, 0);
    a.release(a.owner);
    cr_assert_eq(stats().allocated.now, 1024);
    cr_assert(ga_heap_own(heap, 0, 0, &none) == GA_OK && !none.ptr);
    none.release(none.owner);
    cr_assert_eq(ga_heap_own(heap, (size_t)3 * GIB, 0, &none), GA_NO_SPACE);
    /* The other goes with the heaps. */
}

/* --- callbacks and the log --- */

struct tally {
    uint32_t n[5];
    uint64_t id, first_id;
    bool in_use[64]; /* by id: allocated or recycled last */
    bool broken;
    char order[8];
    uint32_t n_order;
};

static void count(void *user, const struct ga_heap_news *news)
{
    struct tally *tally = user;
    tally->n[news->event]++;
    if (news->event == GA_HEAP_ALLOCATION_FAILED) {
        tally->broken |= news->buffer != 0;
        return;
    }
    bool *in_use = &tally->in_use[news->id % 64];
    bool comes = news->event == GA_HEAP_ALLOCATED || news->event == GA_HEAP_RECYCLED;
    tally->broken |= *in_use == comes && news->event != GA_HEAP_RELEASED;
    tally->broken |= !news->ptr || news->size < news->requested || (comes && ga_heap_get_buffer_id(heap, news->buffer) != news->id);
    *in_use = comes;
}

Test(heap_tell, tells_every_transition_once)
{
    struct tally tally = { 0 };
    cr_assert_eq(ga_heap_on(heap, "tally", count, &tally), GA_OK);
    ga_heap_buffer a = take(2 * MIB), shared = take_as(2 * MIB, GA_HEAP_SHARED);
    cr_assert(tally.n[GA_HEAP_ALLOCATED] == 2 && tally.n[GA_HEAP_FREED] == 0);
    give(a);
    cr_assert_eq(tally.n[GA_HEAP_FREED], 1);
    a = take(2 * MIB);
    cr_assert(tally.n[GA_HEAP_ALLOCATED] == 2 && tally.n[GA_HEAP_RECYCLED] == 1);
    cr_assert_eq(ga_heap_use(heap, shared, 1), GA_OK);
    cr_assert_eq(ga_heap_use(heap, a, 1), GA_OK);
    ga_sim_work(sim, 1, NULL, 0, 10);
    ga_heap_commit(heap, 1);
    give(shared);
    give(a);
    cr_assert_eq(tally.n[GA_HEAP_FREED], 2, "the shared one waits");
    ga_sim_advance(sim, 10);
    ga_heap_free_inactive_buffers(heap);
    cr_assert_eq(tally.n[GA_HEAP_FREED], 3);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    cr_assert_eq(tally.n[GA_HEAP_RELEASED], 2);
    take(2 * MIB);
    finish(); /* what is live is released, too */
    cr_assert(tally.n[GA_HEAP_RELEASED] == 3 && !tally.broken);
    start();
}

struct speaker {
    struct tally *tally;
    char letter;
};

static void speak(void *user, const struct ga_heap_news *news)
{
    struct speaker *speaker = user;
    if (news->event == GA_HEAP_ALLOCATED)
        speaker->tally->order[speaker->tally->n_order++] = speaker->letter;
}

static void meddle(void *user, const struct ga_heap_news *news)
{
    bool *refused = user;
    (void)news;
    *refused = ga_heap_on(heap, "late", meddle, user) == GA_BUSY && ga_heap_off(heap, "a") == GA_BUSY;
}

Test(heap_tell, calls_in_the_order_of_registration_and_not_while_it_changes)
{
    static struct tally tally; /* these are told until the heap goes, after the test */
    static struct speaker a = { &tally, 'a' }, b = { &tally, 'b' }, c = { &tally, 'c' };
    static bool refused;
    cr_assert(ga_heap_on(heap, "a", speak, &a) == GA_OK && ga_heap_on(heap, "b", speak, &b) == GA_OK);
    cr_assert(ga_heap_on(heap, "c", speak, &c) == GA_OK && ga_heap_on(heap, "b", speak, &c) == GA_INVALID);
    take(100);
    cr_assert_eq(ga_heap_off(heap, "b"), GA_OK);
    cr_assert_eq(ga_heap_off(heap, "b"), GA_UNKNOWN);
    take(100);
    cr_assert_str_eq(tally.order, "abcac");
    cr_assert_eq(ga_heap_off(heap, "c"), GA_OK);
    cr_assert_eq(ga_heap_on(heap, "meddler", meddle, &refused), GA_OK);
    take(100);
    cr_assert(refused);
    finish(); /* while those who are told are still there */
    start();
}

struct lines {
    char text[2048];
    size_t len;
    uint32_t n;
};

static void write_line(void *user, enum ga_level level, const char *text)
{
    struct lines *lines = user;
    size_t len = strlen(text);
    if (level == GA_INFO && lines->len + len < sizeof lines->text) {
        memcpy(lines->text + lines->len, text, len);
        lines->len += len;
    }
    lines->n++;
}

static uint32_t lines_with(unsigned verbosity, const char *word)
{
    struct lines lines = { 0 };
    struct ga_env env = { .log = { .write = write_line, .user = &lines } };
    ga_heaps *loud = ga_heaps_new(&env, ga_sim_backend(sim), &(struct ga_heap_opts){ .verbosity = verbosity });
    for (int large = 0; large < 2; large++) {
        ga_heap_buffer buffer;
        ga_heap *face = ga_heaps_get(loud, false);
        ga_heap_alloc(face, large ? 2 * MIB : 1000, 0, &buffer);
        ga_heap_free(face, buffer);
        ga_heap_alloc(face, large ? 2 * MIB : 1000, 0, &buffer);
        ga_heap_free(face, buffer);
        ga_heap_empty_cache(face);
    }
    ga_heaps_delete(loud);
    cr_assert(lines.n == 0 || strstr(lines.text, word), "%s", lines.text);
    return lines.n;
}

Test(heap_tell, says_as_much_as_it_is_asked_to)
{
    cr_assert_eq(lines_with(GA_HEAP_SILENT, ""), 0);
    cr_assert_eq(lines_with(GA_HEAP_ALLOCATIONS, "allocated private buffer #1 of size 1024 bytes, 1000 bytes asked for"), 2);
    cr_assert_eq(lines_with(GA_HEAP_RECYCLES, "recycled"), 6);
    cr_assert_eq(lines_with(GA_HEAP_RELEASES, "released private buffer"), 2);
    cr_assert_eq(lines_with(GA_HEAP_ALLOCATIONS | GA_HEAP_LARGE_ONLY, "2.00 MiB"), 1);
    cr_assert_eq(lines_with(GA_HEAP_PROFILING, "allocated of 8.00 MiB in heaps"), 10);
    cr_assert_eq(lines_with(GA_HEAP_PROFILING | GA_HEAP_RELEASES, "released"), 12);
}

/* --- when memory runs out --- */

static enum ga_status play_all(void)
{
    ga_heap_buffer a = 0, b = 0;
    int64_t shape[2] = { 1, 2 };
    struct tally tally = { 0 };
    enum ga_status status = ga_heap_on(heap, "tally", count, &tally);
    if (status == GA_OK)
        status = ga_heap_alloc(heap, 100, 0, &a);
    if (status == GA_OK)
        status = ga_heap_alloc(heap, 3 * MIB, GA_HEAP_SHARED, &b);
    if (status == GA_OK)
        status = ga_heap_use(heap, b, 1);
    if (status == GA_OK)
        status = ga_heap_set_buffer_shape(heap, b, shape, 2);
    if (status == GA_OK)
        status = ga_heap_use(heap, a, 2);
    if (status == GA_OK && !ga_heap_record_events(heap, &b, 1))
        status = GA_NO_MEMORY;
    sound();
    ga_heap_free(heap, a);
    ga_heap_free(heap, b);
    ga_heap_off(heap, "tally");
    sound();
    return status;
}

Test(heap_tell, is_unharmed_when_memory_runs_out)
{
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        finish();
        struct ga_env env = test_env(&hook);
        hook = (struct test_mem){ .fail_at = nth };
        sim = ga_sim_new(NULL, ga_backend_null(), NULL);
        heaps = ga_heaps_new(&env, ga_sim_backend(sim), NULL);
        if (!heaps) {
            ga_sim_delete(sim);
            start();
            continue;
        }
        heap = ga_heaps_get(heaps, false);
        enum ga_status status = play_all();
        done = hook.requests < nth;
        cr_assert_eq(status, done ? GA_OK : GA_NO_MEMORY, "request %d", (int)nth);
    }
    cr_assert_gt(hook.requests, 8);
}
