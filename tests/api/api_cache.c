/*
 * What a cache hands out, and how it is told to.
 */
#include <string.h>

#include "rig.h"

static void start(void)
{
    start_with(64 * MIB, NULL);
}

TestSuite(cache, .init = start, .fini = finish);

Test(cache, counts_what_is_allocated)
{
    ga_block block = take(1024);
    cr_assert_eq(stats().small.active_bytes.now, 1024);
    cr_assert_eq(stats().all.active_bytes.removed, 0);
    give(block);
    cr_assert_eq(stats().all.active_bytes.removed, 1024);
    cr_assert_eq(stats().all.active_bytes.peak, 1024);
    cr_assert_eq(stats().large.active_bytes.added, 0);
    cr_assert_eq(reserved(), 2 * MIB);
    ga_cache_reset_peaks(cache);
    cr_assert_eq(stats().all.active_bytes.peak, 0);
    cr_assert_eq(stats().all.reserved_bytes.peak, 2 * MIB);
    ga_cache_reset_totals(cache);
    cr_assert(stats().all.active_bytes.added == 0 && stats().backend_allocs == 0);
    cr_assert_eq(reserved(), 2 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(reserved(), 0);
}

Test(cache, rounds_to_quanta_and_remembers_what_was_asked)
{
    size_t size;
    ga_block a = take(1), b = take(513);
    cr_assert_not_null(ga_cache_ptr(cache, a, &size));
    cr_assert_eq(size, 512);
    cr_assert_eq(address(b) - address(a), 512);
    cr_assert_eq(stats().all.requested_bytes.now, 514);
    cr_assert_eq(stats().all.allocated_bytes.now, 512 + 1024);
}

Test(cache, gives_nothing_for_nothing)
{
    char *ptr = &(char){ 1 };
    cr_assert_eq(take_on(0, 0, &ptr), 0);
    cr_assert_null(ptr);
    cr_assert_eq(ga_cache_free(cache, 0), GA_OK);
    cr_assert_eq(ga_cache_free_ptr(cache, NULL), GA_OK);
    cr_assert_eq(ga_cache_share_ptr(cache, NULL, 3), GA_OK);
    cr_assert_eq(stats().backend_allocs, 0);
}

/* Sizes at the borders, and what they reserve. */
Test(cache, has_one_border_between_small_and_large)
{
    static const struct {
        size_t size;
        uint64_t reserves;
    } cases[] = {
        { 1, 2 * MIB },         { MIB, 2 * MIB },           { MIB + 1, 20 * MIB },  { 10 * MIB - 512, 20 * MIB },
        { 10 * MIB, 10 * MIB }, { 10 * MIB + 1, 12 * MIB }, { 13 * MIB, 14 * MIB },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        restart(64 * MIB, NULL);
        take(cases[i].size);
        cr_assert_eq(reserved(), cases[i].reserves);
    }
    restart(64 * MIB, NULL);
    take(MIB);
    take(MIB); /* two of exactly 1 MiB share a segment */
    cr_assert_eq(reserved(), 2 * MIB);
}

Test(cache, splits_when_the_rest_is_worth_it)
{
    give(take(20 * MIB - 512)); /* a segment of 20 MiB */
    ga_block a = take(19 * MIB), b;
    size_t size;
    ga_cache_ptr(cache, a, &size);
    cr_assert_eq(size, 20 * MIB); /* a rest of exactly 1 MiB is not */
    give(a);
    a = take(19 * MIB - 512);
    ga_cache_ptr(cache, a, &size);
    cr_assert_eq(size, 19 * MIB - 512);
    b = take(MIB + 512);
    cr_assert_eq(address(b), address(a) + size);
    cr_assert_eq(reserved(), 20 * MIB);
}

Test(cache, rounds_by_divisions)
{
    static const struct {
        size_t size;
        uint32_t divisions;
        uint64_t rounded;
    } cases[] = { { 1200, 4, 1536 },
                  { 84 * MIB, 4, 96 * MIB },
                  { 84 * MIB, 8, 88 * MIB },
                  { 400 * MIB, 2, 512 * MIB },
                  { 64 * MIB, 4, 64 * MIB } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ga_cache_opts opts = { 0 };
        for (int k = 0; k < GA_CACHE_DIVISIONS; k++)
            opts.divisions[k] = cases[i].divisions;
        restart(1024 * MIB, &opts);
        take(cases[i].size);
        cr_assert_eq(stats().all.allocated_bytes.now, cases[i].rounded);
        cr_assert_eq(stats().all.requested_bytes.now, cases[i].size);
    }
}

Test(cache, refuses_options_that_make_no_sense)
{
    const struct ga_cache_opts wrong[] = {
        { .max_split = 2 * MIB }, { .max_rounding = MIB }, { .collect = 1 }, { .collect = -0.5 }, { .divisions = { 3 } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_null(ga_cache_new(NULL, device, &wrong[i]));
    cr_assert_null(ga_cache_new(NULL, NULL, NULL));
    ga_cache_delete(NULL);
}

Test(cache, reads_options_from_text)
{
    int user = 0;
    char error[80] = "";
    struct ga_cache_opts opts = { .limit = 5, .hooks = { .user = &user }, .collect = 0.5 };
    const double collect = 0.35; /* rounded to a double, which a constant need not be */
    const char *text = " max_split_size_mb:40, max_non_split_rounding_mb : 32 ,roundup_power2_divisions:[ 4:1,16 : 8,>:2 ],"
                       "per_process_memory_fraction:0.25,fit:fast,oom_wait:never";
    cr_assert_eq(ga_cache_parse(text, &opts, error, sizeof error), GA_OK, "%s", error);
    cr_assert(opts.max_split == 40 * MIB && opts.max_rounding == 32 * MIB && opts.fraction == 0.25 && opts.collect == 0);
    cr_assert(opts.fit == GA_FIT_FAST && opts.wait == GA_WAIT_NEVER && opts.limit == 5 && opts.hooks.user == &user);
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        cr_assert_eq(opts.divisions[i], i < 4 ? 1 : i == 4 ? 8 : 2);
    cr_assert_eq(ga_cache_parse("roundup_power2_divisions:4,garbage_collection_threshold:.35", &opts, NULL, 0), GA_OK);
    cr_assert(opts.divisions[0] == 4 && opts.divisions[15] == 4 && opts.collect == collect && opts.max_split == 0);
    cr_assert_eq(ga_cache_parse("  ", &opts, NULL, 0), GA_OK);
    cr_assert(opts.divisions[0] == 0 && opts.limit == 5);
    restart(64 * MIB, &(struct ga_cache_opts){ .fraction = 0.5 });
    cr_assert_eq(ga_cache_fraction(cache), 0.5);
    cr_assert_null(ga_cache_new(NULL, ga_backend_null(), &(struct ga_cache_opts){ .fraction = 0.5 }));
}

Test(cache, refuses_text_with_a_mistake)
{
    static const char *const wrong[] = {
        "unknown:1",
        "fit",
        "fit:",
        "fit:worst",
        "fit:best,",
        ",fit:best",
        "fit:best fit:best",
        "fit:best,fit:best",
        "max_split_size_mb:2",
        "max_split_size_mb:40.5",
        "max_split_size_mb:-40",
        "max_split_size_mb:40mb",
        "max_split_size_mb:",
        "max_split_size_mb:99999999999",
        "max_non_split_rounding_mb:0",
        "roundup_power2_divisions:3",
        "roundup_power2_divisions:[4:1",
        "roundup_power2_divisions:[4:1,2:1]",
        "roundup_power2_divisions:[5:1]",
        "roundup_power2_divisions:[4]",
        "roundup_power2_divisions:[>:1,8:1]",
        "roundup_power2_divisions:[65536:1]",
        "roundup_power2_divisions:[]",
        "garbage_collection_threshold:1.2",
        "garbage_collection_threshold:1",
        "garbage_collection_threshold:0",
        "garbage_collection_threshold:x",
        "garbage_collection_threshold:0.5.5",
        "per_process_memory_fraction:1.01",
        "per_process_memory_fraction:nan",
        "[",
        ":",
        "fit:best]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ga_cache_opts opts = { .max_split = 7, .fit = GA_FIT_FAST };
        char error[80] = "";
        cr_assert_eq(ga_cache_parse(wrong[i], &opts, error, sizeof error), GA_INVALID, "%s", wrong[i]);
        cr_assert(opts.max_split == 7 && opts.fit == GA_FIT_FAST && strncmp(error, "at ", 3) == 0, "%s", wrong[i]);
        cr_assert_eq(ga_cache_parse(wrong[i], &opts, NULL, 0), GA_INVALID);
    }
}

Test(cache, notices_blocks_that_are_not_live)
{
    char *ptr;
    ga_block block = take_on(100, 0, &ptr);
    cr_assert_eq(ga_cache_find(cache, ptr), block);
    cr_assert_eq(ga_cache_find(cache, ptr + 1), 0);
    cr_assert_eq(ga_cache_free_ptr(cache, ptr), GA_OK);
    cr_assert_eq(ga_cache_find(cache, ptr), 0);
    cr_assert_eq(ga_cache_free_ptr(cache, ptr), GA_UNKNOWN);
    cr_assert_eq(ga_cache_free(cache, block), GA_FREED);
    cr_assert_null(ga_cache_ptr(cache, block, NULL));
    take(100); /* the same place under another name */
    cr_assert_eq(ga_cache_free(cache, block), GA_FREED);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_FREED);
    cr_assert_eq(ga_cache_free(cache, block + 77), GA_UNKNOWN);
    cr_assert_eq(ga_cache_free(cache, UINT64_MAX), GA_UNKNOWN);
    cr_assert_eq(ga_cache_share_ptr(cache, &ptr, 1), GA_UNKNOWN);
}

/* The table of addresses is made when the first is asked for; until there is memory for it, all blocks are looked at. */
Test(cache, finds_addresses_without_memory_for_a_table)
{
    char *a, *b;
    ga_block first = take_on(KIB, 0, &a), second = take_on(KIB, 0, &b);
    uint64_t requests = hook.requests;
    hook.fail_at = requests + 1;
    cr_assert_eq(ga_cache_find(cache, b), second);
    cr_assert_eq(hook.requests, requests + 1);
    sound();
    hook.fail_at = hook.requests + 1;
    cr_assert_eq(ga_cache_find(cache, b + 1), 0);
    cr_assert_eq(ga_cache_free(cache, second), GA_OK);
    hook.fail_at = hook.requests + 1;
    cr_assert_eq(ga_cache_find(cache, b), 0);
    cr_assert_eq(ga_cache_find(cache, a), first);
    sound();
    requests = hook.requests;
    cr_assert_eq(ga_cache_free_ptr(cache, a), GA_OK);
    cr_assert(ga_cache_find(cache, a) == 0 && hook.requests == requests);
}
