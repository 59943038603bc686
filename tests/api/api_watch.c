#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/pool.h"
#include "ggml_alloc/sim.h"
#include "ggml_alloc/watch.h"
#include "support.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct test_mem hook;
static ga_sim *sim;
static ga_cache *cache;
static uint64_t caller, clock_ns, n_asked;

static uint64_t who(void *user)
{
    (void)user;
    n_asked++;
    return caller;
}

static uint64_t now(void *user)
{
    (void)user;
    return clock_ns;
}

static void start_with(uint64_t capacity, struct ga_cache_opts opts)
{
    hook = (struct test_mem){ 0 };
    caller = clock_ns = n_asked = 0;
    struct ga_env env = test_env(&hook);
    opts.hooks.context = who;
    opts.hooks.now = now;
    sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity });
    cache = ga_cache_new(&env, ga_sim_backend(sim), &opts);
    cr_assert_not_null(cache);
}

static void start(void)
{
    start_with(64 * MIB, (struct ga_cache_opts){ 0 });
}

static void sound(void)
{
    const char *broken = ga_cache_check(cache);
    cr_assert_null(broken, "%s", broken);
    cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim));
}

static void finish(void)
{
    sound();
    ga_cache_delete(cache);
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static void restart(uint64_t capacity, struct ga_cache_opts opts)
{
    finish();
    start_with(capacity, opts);
}

TestSuite(watch, .init = start, .fini = finish);

static ga_block take(size_t size)
{
    ga_block block = 0;
    enum ga_status status = ga_cache_alloc(cache, size, 0, &block, NULL);
    cr_assert_eq(status, GA_OK, "%s", ga_status_str(status));
    return block;
}

static void give(ga_block block)
{
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
}

static uint64_t tag_of(ga_block block)
{
    uint64_t tag = 99;
    cr_assert_eq(ga_cache_tag(cache, block, &tag), GA_OK);
    return tag;
}

struct seen {
    uint64_t n[GA_CACHE_ACTIONS], last;
};

static void see(void *user, const struct ga_cache_entry *entry)
{
    struct seen *seen = user;
    cr_assert_gt(entry->number, seen->last);
    seen->last = entry->number;
    seen->n[entry->action]++;
}

Test(watch, tells_all_trackers)
{
    struct seen a = { { 0 }, 0 }, b = { { 0 }, 0 };
    give(take(512));
    cr_assert_eq(ga_cache_track(cache, see, &a), GA_OK);
    cr_assert_eq(ga_cache_track(cache, see, &b), GA_OK);
    give(take(20 * MIB));
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    cr_assert(a.n[GA_CACHE_SEGMENT_ALLOC] == 1 && a.n[GA_CACHE_SEGMENT_FREE] == 2);
    cr_assert(a.n[GA_CACHE_ALLOC] == 1 && a.n[GA_CACHE_FREE] == 1 && a.n[GA_CACHE_REUSABLE] == 1);
    cr_assert_eq(ga_cache_untrack(cache, see, &a), GA_OK);
    cr_assert_eq(ga_cache_untrack(cache, see, &a), GA_INVALID);
    give(take(512));
    cr_assert(a.n[GA_CACHE_ALLOC] == 1 && b.n[GA_CACHE_ALLOC] == 2);
    cr_assert_eq(ga_cache_untrack(cache, see, &b), GA_OK);
    give(take(512));
    cr_assert_eq(b.n[GA_CACHE_ALLOC], 2);
}

/* From inside of a callback the cache may be looked at, and nothing else. */
static void intrude(void *user, const struct ga_cache_entry *entry)
{
    ga_block block = 7;
    ga_pool pool = 0;
    uint64_t tag;
    struct ga_cache_part part;
    struct ga_cache_entry last;
    struct ga_cache_stats stats;
    struct ga_pool_stats pool_stats;
    struct ga_owned owned;
    (void)entry;
    ++*(int *)user;
    cr_assert_eq(ga_cache_alloc(cache, 512, 0, &block, NULL), GA_BUSY);
    cr_assert_eq(ga_cache_own(cache, 512, 0, &owned), GA_BUSY);
    cr_assert_eq(block, 7);
    cr_assert_eq(ga_cache_free(cache, 1), GA_BUSY);
    cr_assert_eq(ga_cache_free_ptr(cache, &block), GA_BUSY);
    cr_assert_eq(ga_cache_share(cache, 1, 1), GA_BUSY);
    cr_assert_eq(ga_cache_share_ptr(cache, &block, 1), GA_BUSY);
    cr_assert_eq(ga_cache_unshare(cache, 1, 1), GA_BUSY);
    cr_assert_eq(ga_cache_share_until(cache, 1, 1), GA_BUSY);
    cr_assert_eq(ga_cache_joined(cache, 0, 1), GA_BUSY);
    cr_assert_eq(ga_cache_sync(cache), GA_BUSY);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_BUSY);
    cr_assert_eq(ga_cache_track(cache, intrude, user), GA_BUSY);
    cr_assert_eq(ga_cache_untrack(cache, intrude, user), GA_BUSY);
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ 0 }), GA_BUSY);
    cr_assert_eq(ga_cache_set_tag(cache, 1, 1), GA_BUSY);
    cr_assert_eq(ga_cache_set_meta(cache, 1), GA_BUSY);
    cr_assert_eq(ga_cache_mark(cache, 1), GA_BUSY);
    cr_assert_eq(ga_pool_new(cache, NULL, &pool), GA_BUSY);
    cr_assert_eq(ga_pool_begin(cache, pool, NULL), GA_BUSY);
    cr_assert_eq(ga_pool_checkpoint(cache, pool, NULL), GA_BUSY);
    ga_cache_stats(cache, &stats);
    cr_assert_geq(stats.all.reserved_bytes.now, 2 * MIB);
    cr_assert_geq(ga_cache_snapshot(cache, &part, 1), 1);
    cr_assert_eq(ga_cache_trace(cache, &last, 1), 0);
    cr_assert_eq(ga_pool_stats(cache, pool, &pool_stats), GA_UNKNOWN);
    cr_assert_neq(ga_cache_tag(cache, 1, &tag), GA_BUSY);
    ga_cache_poll(cache);
    cr_assert_null(ga_cache_ptr(cache, 0, NULL));
    cr_assert_eq(ga_cache_find(cache, &part), 0);
    cr_assert_eq(ga_cache_fraction(cache), 1);
}

Test(watch, refuses_to_be_changed_from_inside)
{
    int calls = 0;
    cr_assert_eq(ga_cache_track(cache, intrude, &calls), GA_OK);
    give(take(512));
    cr_assert_eq(calls, 4);
    cr_assert_eq(ga_cache_untrack(cache, intrude, &calls), GA_OK);
    give(take(512)); /* outside again */
}

static bool intrudes(void *user, ga_stream stream)
{
    (void)stream;
    ++*(int *)user;
    return ga_cache_sync(cache) == GA_BUSY;
}

Test(watch, refuses_to_be_changed_by_a_route)
{
    int calls = 0;
    ga_pool pool;
    struct ga_pool_stats stats;
    cr_assert_eq(ga_pool_new(cache, NULL, &pool), GA_OK);
    cr_assert_eq(ga_pool_begin(cache, pool, &(struct ga_route){ .accepts = intrudes, .user = &calls }), GA_OK);
    give(take(512));
    cr_assert_eq(ga_pool_stats(cache, pool, &stats), GA_OK);
    cr_assert(stats.segments == 1 && calls == 1);
}

static struct ga_cache_entry entries[32];

static uint32_t look(void)
{
    return ga_cache_trace(cache, entries, 32);
}

static void record(uint32_t n, uint32_t skip, enum ga_context context)
{
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ n, skip, context, true }), GA_OK);
}

/* alloc, segment, free: who called is in those that the level names. */
Test(watch, tells_callers_as_far_as_asked)
{
    static const struct {
        bool asked, state, alloc, free;
    } expected[] = { { 0 }, { 1, 1, 0, 0 }, { 1, 1, 1, 0 }, { 1, 1, 1, 1 } };
    for (int level = GA_CONTEXT_NEVER; level <= GA_CONTEXT_ALL; level++) {
        restart(64 * MIB, (struct ga_cache_opts){ 0 });
        record(10, 0, (enum ga_context)level);
        caller = 41;
        clock_ns = 5;
        ga_block a = take(512), b = take(512);
        cr_assert_eq(tag_of(a), expected[level].state ? 41 : 0);
        caller = 42;
        give(a);
        cr_assert_eq(n_asked, level == GA_CONTEXT_ALL ? 3 : expected[level].asked ? 2 : 0);
        cr_assert_eq(look(), 5);
        cr_assert(entries[0].action == GA_CACHE_SEGMENT_ALLOC && entries[0].time == 5);
        cr_assert(entries[0].tag == (expected[level].alloc ? 41 : 0) && entries[1].tag == entries[0].tag);
        cr_assert(entries[3].action == GA_CACHE_FREE && entries[3].tag == (expected[level].free ? 42 : 0));
        record(10, 0, GA_CONTEXT_NEVER); /* in the middle of things */
        a = take(512);
        cr_assert_eq(tag_of(a), 0);
        cr_assert_eq(tag_of(b), expected[level].state ? 41 : 0);
        cr_assert_eq(look(), 1);
        cr_assert_eq(entries[0].tag, 0);
    }
}

Test(watch, tags_blocks_by_hand)
{
    ga_block a = take(512), b = take(512);
    uint64_t tag;
    cr_assert_eq(ga_cache_set_tag(cache, b, 7), GA_OK);
    cr_assert_eq(tag_of(b), 7);
    cr_assert_eq(tag_of(a), 0);
    give(b);
    cr_assert_eq(ga_cache_tag(cache, b, &tag), GA_FREED);
    cr_assert_eq(ga_cache_set_tag(cache, b, 7), GA_FREED);
    cr_assert_eq(ga_cache_set_tag(cache, 12345, 7), GA_UNKNOWN);
    cr_assert_eq(tag_of(take(512)), 0); /* the same slot */
    for (int i = 0; i < 100; i++)
        a = take(512);
    hook.fail_at = hook.requests + 1;
    cr_assert_eq(ga_cache_set_tag(cache, a, 7), GA_NO_MEMORY);
    cr_assert_eq(ga_cache_set_tag(cache, a, 7), GA_OK);
    cr_assert_eq(tag_of(a), 7);
}

Test(watch, leaves_out_what_is_skipped)
{
    record(10, 1u << GA_CACHE_FREE | 1u << GA_CACHE_SEGMENT_ALLOC, GA_CONTEXT_NEVER);
    struct seen seen = { { 0 }, 0 };
    cr_assert_eq(ga_cache_track(cache, see, &seen), GA_OK);
    give(take(512));
    cr_assert_eq(look(), 2);
    cr_assert(entries[0].action == GA_CACHE_ALLOC && entries[1].action == GA_CACHE_REUSABLE);
    cr_assert(seen.n[GA_CACHE_FREE] == 1 && seen.n[GA_CACHE_SEGMENT_ALLOC] == 1);
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ .skip = 1u << GA_CACHE_ACTIONS }), GA_INVALID);
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ .context = (enum ga_context)4 }), GA_INVALID);
    cr_assert_eq(look(), 2);
}

Test(watch, keeps_the_newest_when_its_room_changes)
{
    restart(64 * MIB, (struct ga_cache_opts){ .trace = 4 });
    for (uint64_t i = 1; i <= 6; i++)
        cr_assert_eq(ga_cache_mark(cache, i), GA_OK);
    cr_assert_eq(look(), 4);
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ .entries = 2 }), GA_OK);
    cr_assert_eq(look(), 2);
    cr_assert(entries[0].size == 5 && entries[1].size == 6);
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ .entries = 5 }), GA_OK);
    cr_assert_eq(ga_cache_set_meta(cache, 77), GA_OK);
    cr_assert_eq(ga_cache_mark(cache, 7), GA_OK);
    hook.fail_at = hook.requests + 1;
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ .entries = 50 }), GA_NO_MEMORY);
    cr_assert_eq(look(), 3);
    cr_assert(entries[0].size == 5 && entries[2].size == 7 && entries[2].meta == 77 && entries[1].meta == 0);
    cr_assert(entries[2].action == GA_CACHE_USER && entries[2].number == 7);
    struct ga_cache_part part;
    take(1000);
    ga_cache_snapshot(cache, &part, 1);
    cr_assert_eq(look(), 5);
    cr_assert(entries[4].action == GA_CACHE_SNAPSHOT && entries[4].size == 1024);
    cr_assert_eq(ga_cache_record(cache, &(struct ga_cache_recording){ 0 }), GA_OK);
    cr_assert_eq(look(), 0);
}

Test(watch, counts_what_is_oversize)
{
    struct ga_cache_stats stats;
    restart(200 * MIB, (struct ga_cache_opts){ .max_split = 40 * MIB });
    ga_block a = take(40 * MIB), b = take(40 * MIB - 512); /* a block of 40, too: too little is left */
    give(a);
    a = take(60 * MIB);
    ga_cache_stats(cache, &stats);
    cr_assert(stats.oversize_allocations.now == 2 && stats.oversize_allocations.added == 3 && stats.oversize_allocations.peak == 2);
    cr_assert(stats.oversize_segments.now == 3);
    give(a);
    give(b);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    ga_cache_reset_peaks(cache);
    ga_cache_stats(cache, &stats);
    cr_assert(stats.oversize_allocations.now == 0 && stats.oversize_segments.now == 0 && stats.oversize_segments.peak == 0);
    cr_assert_eq(stats.oversize_segments.removed, 3);
    ga_cache_reset_totals(cache);
    ga_cache_stats(cache, &stats);
    cr_assert_eq(stats.oversize_segments.removed, 0);
}

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

Test(watch, hints_only_at_what_would_help)
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

Test(watch, says_why_in_words)
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

Test(watch, exports_all_that_it_knows)
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
Test(watch, names_what_leaks)
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
Test(watch, sees_the_segment_go_last)
{
    enum { BLOCKS = 1000 };
    static ga_block blocks[BLOCKS];
    struct ga_cache_part parts[4];
    restart(64 * MIB, (struct ga_cache_opts){ .trace = 3 });
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = take(512);
    for (int i = 0; i < BLOCKS; i++)
        give(blocks[i * 387 % BLOCKS]); /* 387 and 1000 have no divisor in common */
    cr_assert_eq(ga_cache_snapshot(cache, parts, 4), 1);
    cr_assert(parts[0].state == GA_PART_FREE && parts[0].size == 2 * MIB && parts[0].segment_size == 2 * MIB);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    uint32_t n = look();
    cr_assert(n == 3 && entries[2].action == GA_CACHE_SEGMENT_FREE && entries[2].size == 2 * MIB);
}
