/*
 * Ranges that memory is put behind piece by piece: the backends' own, the simulated device's checks, and a cache that grows in them.
 */
#include "ggml_alloc/cache.h"
#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static ga_sim *sim;
static ga_cache *cache;

static struct ga_cache_stats stats(void)
{
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats);
    return stats;
}

static uint64_t reserved(void)
{
    return stats().all.reserved_bytes.now;
}

static void setup(uint64_t capacity, struct ga_cache_opts opts)
{
    opts.expandable = true;
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity });
    cache = ga_cache_new(NULL, ga_sim_backend(sim), &opts);
    cr_assert(sim && cache);
}

static void fini(void)
{
    const char *broken = ga_cache_check(cache), *error = ga_sim_error(sim);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(error, "%s", error);
    ga_cache_delete(cache);
    struct ga_sim_stats left;
    ga_sim_stats(sim, &left);
    cr_assert(left.live == 0 && left.ranges == 0 && left.buffers == 0);
    cr_assert_null(ga_sim_error(sim));
    ga_sim_delete(sim);
}

static char *take(size_t size, ga_block *block)
{
    void *ptr = NULL;
    enum ga_status status = ga_cache_alloc(cache, size, 0, block, &ptr);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    return ptr;
}

Test(ranges, of_the_cpu_can_be_used_where_they_are_mapped)
{
    const struct ga_backend_vmem *calls = ga_backend_cpu()->vmem;
    void *base;
    cr_assert_not_null(calls);
    size_t size = 64 * calls->granule, granule = calls->granule;
    cr_assert_eq(calls->reserve(calls->user, size, &base), GA_OK);
    char *bytes = base;
    cr_assert_eq(calls->map(calls->user, base, 0, granule), GA_OK);
    cr_assert_eq(calls->map(calls->user, base, 3 * granule, 2 * granule), GA_OK);
    memset(bytes, 1, granule);
    memset(bytes + 3 * granule, 2, 2 * granule);
    calls->unmap(calls->user, base, 0, granule);
    cr_assert_eq(calls->map(calls->user, base, 0, granule), GA_OK);
    cr_assert_eq(bytes[granule - 1], 0, "what was unmapped is forgotten");
    cr_assert_eq(bytes[4 * granule], 2);
    calls->unmap(calls->user, base, 0, granule);
    calls->unmap(calls->user, base, 3 * granule, 2 * granule);
    calls->release(calls->user, base, size);
}

Test(ranges, of_the_device_are_watched)
{
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 4 * MIB });
    const struct ga_backend_vmem *calls = ga_sim_backend(sim)->vmem;
    struct ga_sim_stats now;
    void *base;
    cr_assert_eq(calls->reserve(calls->user, 64 * MIB, &base), GA_OK);
    cr_assert_eq(calls->map(calls->user, base, MIB, 3 * MIB), GA_OK);
    cr_assert_eq(calls->map(calls->user, base, 8 * MIB, 2 * MIB), GA_NO_SPACE);
    ga_sim_stats(sim, &now);
    cr_assert(now.live == 3 * MIB && now.ranges == 1 && now.calls[GA_SIM_MAP] == 2 && now.failures == 1);
    cr_assert_eq(ga_sim_work(sim, 0, (char *)base + MIB, 3 * MIB, GA_SIM_BY_HAND), GA_OK);
    cr_assert_null(ga_sim_error(sim));
    calls->unmap(calls->user, base, 2 * MIB, MIB);
    cr_assert(strstr(ga_sim_error(sim), "unfinished work covers it"));
    ga_sim_delete(sim);
}

Test(ranges, that_are_used_wrongly_are_told)
{
    for (int mistake = 0; mistake < 5; mistake++) {
        sim = ga_sim_new(NULL, ga_backend_null(), NULL);
        const struct ga_backend_vmem *calls = ga_sim_backend(sim)->vmem;
        void *base;
        cr_assert_eq(calls->reserve(calls->user, 8 * MIB, &base), GA_OK);
        cr_assert_eq(calls->map(calls->user, base, 0, MIB), GA_OK);
        if (mistake == 0)
            cr_assert_eq(calls->map(calls->user, base, 0, 2 * MIB), GA_INVALID);
        if (mistake == 1)
            calls->unmap(calls->user, base, 0, 2 * MIB);
        if (mistake == 2)
            cr_assert_eq(calls->map(calls->user, base, 8 * MIB, MIB), GA_INVALID);
        if (mistake == 3)
            calls->release(calls->user, base, 8 * MIB);
        if (mistake == 4)
            cr_assert_eq(ga_sim_work(sim, 0, (char *)base + MIB - 512, 1024, 1), GA_OK);
        cr_assert_not_null(ga_sim_error(sim), "mistake %d", mistake);
        ga_sim_delete(sim);
    }
}

Test(grow, keeps_one_piece_per_stream_and_maps_what_is_missing)
{
    ga_block a, b, c;
    setup(1024 * MIB, (struct ga_cache_opts){ 0 });
    char *first = take(3 * MIB + 512, &a);
    cr_assert_eq(reserved(), 3 * MIB + 64 * KIB);
    char *second = take(30 * MIB, &b);
    cr_assert_eq(second, first + 3 * MIB + 512, "it begins with what was left");
    cr_assert_eq(reserved(), 33 * MIB + 64 * KIB);
    cr_assert_eq(take(2 * MIB, &c), second + 30 * MIB);
    cr_assert_eq(reserved(), 35 * MIB + 64 * KIB);
    cr_assert(stats().all.segments.now == 0 && stats().all.splits.peak == 0 && stats().backend_allocs == 3);
    ga_cache_free(cache, a);
    ga_cache_free(cache, b);
    cr_assert_eq(take(33 * MIB, &a), first, "what is free joins");
    cr_assert_eq(reserved(), 35 * MIB + 64 * KIB);
    ga_cache_free(cache, a);
    ga_cache_free(cache, c);
    fini();
}

Test(grow, gives_back_from_the_end_and_from_the_middle)
{
    ga_block blocks[5];
    char *ptrs[5];
    setup(1024 * MIB, (struct ga_cache_opts){ 0 });
    for (int i = 0; i < 5; i++)
        ptrs[i] = take(10 * MIB, &blocks[i]);
    ga_cache_free(cache, blocks[1]);
    ga_cache_free(cache, blocks[4]);
    cr_assert_eq(ga_cache_trim(cache, 46 * MIB), GA_OK);
    cr_assert_eq(reserved(), 46 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 30 * MIB);
    cr_assert_eq(take(10 * MIB, &blocks[1]), ptrs[1], "the lowest gap is mapped first");
    cr_assert_eq(take(10 * MIB, &blocks[4]), ptrs[4]);
    for (int i = 0; i < 5; i++)
        ga_cache_free(cache, blocks[i]);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 0u);
    struct ga_sim_stats left;
    ga_sim_stats(sim, &left);
    cr_assert_eq(left.ranges, 0u);
    fini();
}

Test(grow, does_not_unmap_what_a_stream_may_still_use)
{
    ga_block a, b;
    setup(64 * MIB, (struct ga_cache_opts){ 0 });
    char *ptr = take(8 * MIB, &a);
    take(8 * MIB, &b);
    cr_assert_eq(ga_sim_work(sim, 0, ptr, 8 * MIB, 1000), GA_OK);
    ga_cache_free(cache, a);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 8 * MIB);
    cr_assert_eq(ga_sim_now(sim), 1000u, "it was waited for");
    ga_cache_free(cache, b);
    fini();
}

Test(grow, unmaps_what_is_free_before_more_is_mapped_than_ever)
{
    for (int waits = 0; waits < 2; waits++) {
        ga_block a, b, c;
        setup(1024 * MIB, (struct ga_cache_opts){ .wait = waits ? GA_WAIT_ENOUGH : GA_WAIT_NEVER });
        char *ptr = take(16 * MIB, &a);
        take(16 * MIB, &b);
        cr_assert_eq(ga_sim_work(sim, 0, ptr, 16 * MIB, 1000), GA_OK);
        ga_cache_free(cache, a);
        cr_assert_eq(take(2 * MIB, &c), ptr, "what fits is no reason");
        ga_cache_free(cache, c);
        cr_assert(reserved() == 32 * MIB && ga_sim_now(sim) == 0);
        take(24 * MIB, &a);
        cr_assert_eq(reserved(), (waits ? 40 : 56) * MIB);
        cr_assert_eq(ga_sim_now(sim), waits ? 1000u : 0u);
        ga_cache_free(cache, a);
        ga_cache_free(cache, b);
        fini();
    }
}

Test(grow, counts_what_is_really_mapped_against_the_limit)
{
    ga_block a, b;
    setup(1024 * MIB, (struct ga_cache_opts){ .limit = 513 * MIB + 512 * KIB });
    take(512 * MIB, &a);
    cr_assert_eq(ga_cache_alloc(cache, 2 * MIB, 0, &b, NULL), GA_NO_SPACE);
    take(MIB + 512 * KIB, &b);
    cr_assert_eq(reserved(), 513 * MIB + 512 * KIB, "in granules, where pieces of the usual size do not fit");
    fini();
}

Test(grow, is_there_only_where_the_backend_has_ranges)
{
    ga_meter *meter = ga_meter_new(NULL, ga_backend_null());
    ga_cache *plain = ga_cache_new(NULL, ga_meter_backend(meter), &(struct ga_cache_opts){ .expandable = true });
    struct ga_cache_stats now;
    ga_block block;
    cr_assert_eq(ga_cache_alloc(plain, 3 * MIB, 0, &block, NULL), GA_OK);
    ga_cache_stats(plain, &now);
    cr_assert(now.all.segments.now == 1 && now.all.reserved_bytes.now == 20 * MIB);
    cr_assert_null(ga_cache_backend(plain)->vmem);
    ga_cache_delete(plain);
    ga_meter_delete(meter);
}

Test(grow, is_an_option_of_the_text)
{
    struct ga_cache_opts opts = { 0 };
    char error[80];
    cr_assert_eq(ga_cache_parse("expandable_segments:true", &opts, error, sizeof error), GA_OK);
    cr_assert(opts.expandable);
    cr_assert_eq(ga_cache_parse("expandable_segments:yes", &opts, error, sizeof error), GA_INVALID);
    cr_assert(opts.expandable);
    cr_assert_eq(ga_cache_parse("", &opts, error, sizeof error), GA_OK);
    cr_assert_not(opts.expandable);
}

Test(grow, is_remembered_as_maps_and_unmaps)
{
    struct ga_cache_entry entries[16];
    ga_block a;
    setup(64 * MIB, (struct ga_cache_opts){ .trace = 16 });
    char *ptr = take(8 * MIB, &a);
    ga_cache_free(cache, a);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    uint32_t n = ga_cache_trace(cache, entries, 16), n_maps = 0, n_unmaps = 0;
    for (uint32_t i = 0; i < n; i++) {
        n_maps += entries[i].action == GA_CACHE_SEGMENT_MAP && entries[i].ptr == ptr && entries[i].size == 8 * MIB;
        n_unmaps += entries[i].action == GA_CACHE_SEGMENT_UNMAP && entries[i].ptr == ptr && entries[i].size == 8 * MIB;
    }
    cr_assert(n_maps == 1 && n_unmaps == 1);
    fini();
}

/* A little traffic that reserves, maps over gaps, and trims; false: a call failed on the way, with `status`. */
static bool play(enum ga_status status)
{
    ga_block blocks[12] = { 0 };
    bool good = true;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 12; i++) {
            enum ga_status got = ga_cache_alloc(cache, (size_t)(i % 3 ? 3 + i : 1) * MIB, (ga_stream)(i % 2), &blocks[i], NULL);
            cr_assert(got == GA_OK || got == status || got == GA_NO_SPACE, "%s", ga_status_str(got));
            blocks[i] = got == GA_OK ? blocks[i] : 0;
            good = good && got == GA_OK;
            cr_assert_null(ga_cache_check(cache));
        }
        for (int i = round; i < 12; i += 2)
            ga_cache_free(cache, blocks[i]);
        ga_cache_trim(cache, round == 1 ? 0 : 20 * MIB);
        cr_assert_null(ga_cache_check(cache));
        for (int i = 1 - round % 2 + (round == 2); i < 12; i += 2)
            if (blocks[i])
                ga_cache_free(cache, blocks[i]);
    }
    return good;
}

Test(grow, is_unharmed_when_the_backend_fails)
{
    const enum ga_sim_call calls[] = { GA_SIM_RESERVE, GA_SIM_MAP, GA_SIM_SYNC };
    for (int c = 0; c < 3; c++) {
        uint64_t n = UINT64_MAX, n_failed = 0;
        for (uint64_t nth = 1; nth <= n; nth++) {
            enum ga_status status = nth % 2 ? GA_NO_SPACE : GA_IO;
            setup(256 * MIB, (struct ga_cache_opts){ 0 });
            ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << calls[c], .nth = nth, .status = status });
            play(status);
            struct ga_sim_stats now;
            ga_sim_stats(sim, &now);
            n_failed += now.failures != 0;
            n = now.calls[calls[c]];
            fini();
        }
        cr_assert_gt(n_failed, 0u);
    }
}
