/*
 * Trackers, tags, and the trace of what happened.
 */
#include <string.h>

#include "ggml_alloc/pool.h"
#include "watch_rig.h"

TestSuite(watch, .init = start, .fini = finish);

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
