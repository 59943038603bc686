/*
 * What is said when memory runs out or leaks, and what is exported.
 */
#include <string.h>

#include "ggml_alloc/pool.h"
#include "watch_rig.h"

TestSuite(watch_oom, .init = start, .fini = finish);

static void full(size_t size)
{
    cr_assert_eq(ga_cache_alloc(cache, size, 0, NULL, NULL), GA_NO_SPACE);
    sound();
}

static struct ga_cache_oom report(void)
{
    struct ga_cache_oom oom;
    cr_assert(ga_cache_oom(cache, &oom));
    return oom;
}

static ga_block take_on(size_t size, ga_stream stream)
{
    ga_block block = 0;
    cr_assert_eq(ga_cache_alloc(cache, size, stream, &block, NULL), GA_OK);
    return block;
}

Test(watch_oom, hints_only_at_what_would_help)
{
    full(100 * MIB);
    cr_assert_eq(report().hints, 0);

    ga_cache_limit(cache, 10 * MIB);
    full(20 * MIB);
    cr_assert_eq(report().hints, GA_HINT_LIMIT);

    restart(64 * MIB, (struct ga_cache_opts){ .wait = GA_WAIT_NEVER });
    ga_block a = take(40 * MIB);
    cr_assert_eq(ga_cache_share(cache, a, 1), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    give(a);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_SYNC, .always = true, .status = GA_NO_SPACE });
    full(40 * MIB);
    cr_assert_eq(report().hints, GA_HINT_WAIT);
    cr_assert_eq(report().pending, 40 * MIB);

    restart(64 * MIB, (struct ga_cache_opts){ 0 });
    ga_block b[3];
    give(take(60 * MIB)); /* one segment of 60, cut into three */
    for (int i = 0; i < 3; i++)
        b[i] = take(20 * MIB);
    give(b[0]);
    give(b[2]);
    full(30 * MIB);
    cr_assert_eq(report().hints, GA_HINT_MAX_SPLIT);
    cr_assert(report().largest_free == 20 * MIB && report().stream_free == 40 * MIB && report().split == 40 * MIB);

    restart(64 * MIB, (struct ga_cache_opts){ 0 });
    ga_pool pool;
    cr_assert_eq(ga_pool_new(cache, NULL, &pool), GA_OK);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_OK);
    give(take(60 * MIB));
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    full(30 * MIB);
    cr_assert_eq(report().hints, GA_HINT_POOLS);
    cr_assert(report().pools_free == 60 * MIB && report().cached == 60 * MIB && report().pool == 0);

    restart(64 * MIB, (struct ga_cache_opts){ 0 });
    give(take_on(60 * MIB, 1));
    a = take_on(20 * MIB, 1);
    full(30 * MIB); /* the other stream's 40 are in a segment that is in use */
    cr_assert_eq(report().hints, GA_HINT_ADOPT);
    cr_assert(report().largest_other == 40 * MIB && report().others_free == 40 * MIB);
}

Test(watch_oom, says_why_in_words)
{
    char text[600], part[20];
    take(3 * MIB / 2);
    full(63 * MIB);
    struct ga_cache_oom oom = report();
    size_t len = ga_cache_oom_text(&oom, text, sizeof text);
    cr_assert_eq(len, strlen(text));
    const char *expected = "no memory for 63.00 MiB on device 0, stream 0, a segment of 64.00 MiB\n"
                           "  device                  64.00 MiB\n"
                           "  free there              44.00 MiB\n"
                           "  reserved                20.00 MiB\n"
                           "  allocated               1.50 MiB\n"
                           "  pending                 0 bytes\n"
                           "  free for this stream    18.50 MiB\n"
                           "  the longest of it       18.50 MiB\n"
                           "  free for other streams  0 bytes\n"
                           "  free in other pools     0 bytes\n";
    cr_assert_str_eq(text, expected);
    cr_assert_eq(ga_cache_oom_text(&oom, part, sizeof part), len);
    cr_assert_eq(strlen(part), sizeof part - 1);
    cr_assert_eq(ga_cache_oom_text(&oom, NULL, 0), len);
    oom.hints = GA_HINT_LIMIT | GA_HINT_WAIT | GA_HINT_MAX_SPLIT | GA_HINT_POOLS | GA_HINT_ADOPT;
    oom.limit = 3 * (uint64_t)1024 * MIB;
    cr_assert_lt(ga_cache_oom_text(&oom, text, sizeof text), 2 * sizeof text);
    ga_cache_oom_text(&oom, text, sizeof text);
    cr_assert_not_null(strstr(text, "allowed                 3.00 GiB\n"));
    cr_assert_not_null(strstr(text, "hint: the device has more"));
}

static const char *name_of(void *user, uint64_t tag)
{
    (void)user;
    struct ga_cache_stats stats;
    ga_cache_stats(cache, &stats); /* looking is fine */
    return tag == 41 ? "a \"tensor\"" : NULL;
}

Test(watch_oom, exports_all_that_it_knows)
{
    struct test_text json = { 0 };
    struct ga_sink sink = test_sink(&json);
    record(20, 0, GA_CONTEXT_ALL);
    caller = 41;
    clock_ns = 7999;
    take(1000);
    full(65 * MIB);
    caller = 42;
    ga_block b = take(2000), c = take(3000);
    cr_assert_eq(ga_cache_share(cache, c, 1), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    give(b);
    give(c);
    take_on(30 * MIB, 3);
    uint64_t before = hook.requests;
    cr_assert_eq(ga_cache_export_json(cache, &(struct ga_cache_export){ .name = name_of }, &sink), GA_OK);
    cr_assert_eq(hook.requests, before); /* needs no memory */
    static const char *const parts[] = {
        "{\"segments\": [\n {\"device\": 0, \"address\": ",
        "\"total_size\": 2097152, \"allocated_size\": 1024, \"active_size\": 4096, \"requested_size\": 4000, ",
        "\"stream\": 0, \"segment_type\": \"small\", \"segment_pool_id\": [0, 0], \"is_expandable\": false, ",
        "\"frames\": [{\"filename\": \"\", \"line\": 0, \"name\": \"a \\\"tensor\\\"\"}], \"blocks\": [\n  {",
        "\"size\": 1024, \"requested_size\": 1000, \"state\": \"active_allocated\", \"frames\": [{",
        "\"size\": 2048, \"requested_size\": 0, \"state\": \"inactive\", \"frames\": []}",
        "\"size\": 3072, \"requested_size\": 3000, \"state\": \"active_pending_free\", \"frames\": [{",
        "\"line\": 0, \"name\": \"42\"}]}",
        "\"stream\": 3, \"segment_type\": \"large\"",
        "\"device_traces\": [[\n {\"action\": \"segment_alloc\", ",
        "\"time_us\": 7, ",
        "\"action\": \"free_completed\"",
        "\"action\": \"oom\", \"addr\": 0, \"size\": 68157440, ",
        "\"device_free\": 65011712, ",
        "\"allocator_settings\": {\"max_split_size\": 0, ",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert_not_null(strstr(json.text, parts[i]), "%s\n%s", parts[i], json.text);
    size_t with = json.len;
    json.len = 0;
    cr_assert_eq(ga_cache_export_json(cache, &(struct ga_cache_export){ .no_trace = true }, &sink), GA_OK);
    cr_assert_lt(json.len, with);
    cr_assert_null(strstr(json.text, "\"action\""));
    json.len = 0;
    json.limit = 100;
    cr_assert_eq(ga_cache_export_json(cache, NULL, &sink), GA_IO);
    test_text_fini(&json);
}

/* What was never freed, and for whom it was: what a leak detector prints. */
Test(watch_oom, names_what_leaks)
{
    struct ga_cache_part parts[8];
    record(0, 0, GA_CONTEXT_STATE);
    caller = 41;
    take(1000);
    caller = 42;
    give(take(3000));
    caller = 43;
    take(2000);
    uint32_t n = ga_cache_snapshot(cache, parts, 8), n_leaks = 0;
    uint64_t bytes = 0, tags = 0;
    for (uint32_t i = 0; i < n; i++)
        if (parts[i].state == GA_PART_LIVE) {
            n_leaks++;
            bytes += parts[i].requested;
            tags += parts[i].tag;
        }
    cr_assert(n_leaks == 2 && bytes == 3000 && tags == 41 + 43);
}

/* A thousand of the smallest, freed in any order, are one segment again; the last thing that happens is that it goes. */
