/*
 * Caches: blocks, and who watches them.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BLOCKS = 200, PARTS = 300 };

#define NOTHING UINT64_MAX /* the name of none */

static struct {
    struct ga_cache_opts opts;
    ga_cache *cache;
    ga_block blocks[BLOCKS];
    int n_blocks;
    struct ga_owned owned;
    size_t size; /* of what is asked for next */
    ga_event event;
    bool gives_back; /* before it fails: only what is live is as before */
} it;

static struct ga_cache_part parts[PARTS];

static const uint32_t no_looks = 1u << GA_CACHE_SNAPSHOT; /* looking would be seen */

static enum ga_status call_new(struct rig *rig)
{
    it.cache = ga_cache_new(&rig->env, rig->device, &it.opts);
    it.size = it.size ? it.size : 512;
    return made(rig, it.cache != NULL);
}

static enum ga_status keep(enum ga_status status, ga_block block)
{
    if (status == GA_OK)
        it.blocks[it.n_blocks++] = block;
    else
        cr_assert_eq(block, NOTHING, "outputs are written");
    cr_assert_lt(it.n_blocks, BLOCKS);
    return status;
}

static enum ga_status call_alloc(struct rig *rig)
{
    ga_block block = NOTHING;
    void *ptr = rig;
    enum ga_status status = ga_cache_alloc(it.cache, it.size, 0, &block, &ptr);
    cr_assert((status == GA_OK) == (ptr != rig), "outputs are written");
    return keep(status, block);
}

static enum ga_status call_aligned(struct rig *rig)
{
    ga_block block = NOTHING;
    (void)rig;
    enum ga_status status = ga_cache_alloc_aligned(it.cache, it.size, 64 * KIB, 0, &block, NULL);
    return keep(status, block);
}

static enum ga_status call_own(struct rig *rig)
{
    (void)rig;
    return ga_cache_own(it.cache, it.size, 0, &it.owned);
}

static enum ga_status call_backend(struct rig *rig)
{
    const struct ga_backend *backend = ga_cache_backend(it.cache);
    struct ga_buffer buffer = { .base = rig };
    enum ga_status status = backend->alloc(backend->user, it.size, &buffer);
    cr_assert((status == GA_OK) == (buffer.base != rig), "outputs are written");
    return keep(status, status == GA_OK ? ga_cache_around(it.cache, buffer.base) : NOTHING);
}

static void make_cache(struct rig *rig)
{
    cr_assert_eq(call_new(rig), GA_OK);
}

/* A small one and two with segments of their own; nothing idle. */
static void make_blocks(struct rig *rig)
{
    static const size_t sizes[] = { 700 * KIB, 12 * MIB, 14 * MIB };
    make_cache(rig);
    for (int i = 0; i < 3; i++) {
        it.size = sizes[i];
        cr_assert_eq(call_alloc(rig), GA_OK);
    }
    it.size = 30 * MIB;
}

static void make_full(struct rig *rig)
{
    make_cache(rig);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(call_alloc(rig), GA_OK);
    fill_up(rig, call_alloc);
}

static void make_growing(struct rig *rig)
{
    it.opts.expandable = true;
    make_blocks(rig);
    it.size = 5 * MIB;
}

/* Two holes with something free between: what takes all of it is mapped in two pieces. */
static void make_holes(struct rig *rig)
{
    it.opts.expandable = true;
    it.opts.wait = GA_WAIT_NEVER;
    make_cache(rig);
    it.size = 6 * MIB;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(call_alloc(rig), GA_OK);
    cr_assert_eq(ga_cache_free(it.cache, it.blocks[0]), GA_OK);
    cr_assert_eq(ga_cache_free(it.cache, it.blocks[2]), GA_OK);
    cr_assert_eq(ga_cache_trim(it.cache, 0), GA_OK);
    cr_assert_eq(ga_cache_free(it.cache, it.blocks[1]), GA_OK);
    it.size = 18 * MIB;
}

static void make_first_range(struct rig *rig)
{
    it.opts.expandable = true;
    make_cache(rig);
}

static void make_off(struct rig *rig)
{
    make_blocks(rig);
    cr_assert_eq(ga_cache_enable(it.cache, false), GA_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(call_alloc(rig), GA_OK);
    fill_up(rig, call_alloc);
}

/* The last block is shared with a stream that works on it. */
static void make_shared(struct rig *rig)
{
    size_t size;
    make_blocks(rig);
    ga_block block = it.blocks[it.n_blocks - 1];
    void *ptr = ga_cache_ptr(it.cache, block, &size);
    cr_assert_eq(ga_cache_share(it.cache, block, 1), GA_OK);
    cr_assert_eq(ga_sim_work(rig->sim, 1, ptr, size, GA_SIM_BY_HAND), GA_OK);
}

static enum ga_status call_free(struct rig *rig)
{
    (void)rig;
    return ga_cache_free(it.cache, it.blocks[it.n_blocks - 1]);
}

/* Freed, it is pending; and there is no room for another. */
static void make_pending(struct rig *rig)
{
    make_shared(rig);
    cr_assert_eq(call_free(rig), GA_OK);
    struct ga_cache_stats stats;
    ga_cache_stats(it.cache, &stats);
    ga_cache_limit(it.cache, stats.all.reserved_bytes.now);
    it.size = 13 * MIB;
}

/* ... but for what is idle. */
static void make_idle(struct rig *rig)
{
    make_pending(rig);
    it.size = 20 * MIB;
    cr_assert_eq(ga_cache_free(it.cache, it.blocks[1]), GA_OK);
    it.gives_back = true;
}

static void look_at_blocks(struct rig *rig)
{
    struct ga_cache_stats stats;
    cr_assert_null(ga_cache_check(it.cache), "%s", ga_cache_check(it.cache));
    ga_cache_stats(it.cache, &stats);
    bool live_only = it.gives_back && rig->is_itself;
    say(rig, "%llu allocations, %g\n", (unsigned long long)stats.all.allocations.now, ga_cache_fraction(it.cache));
    if (!live_only)
        say(rig, "%llu active, %llu segments, %llu reserved\n", (unsigned long long)stats.all.active_bytes.now,
            (unsigned long long)stats.all.segments.now, (unsigned long long)stats.all.reserved_bytes.now);
    uint32_t n = ga_cache_snapshot(it.cache, parts, PARTS);
    cr_assert_leq(n, PARTS);
    for (uint32_t i = 0; i < n; i++) {
        const struct ga_cache_part *part = &parts[i];
        if (live_only && part->state != GA_PART_LIVE)
            continue;
        say(rig, "%llu of %llu, %d, %llu, stream %llu, tag %llu", (unsigned long long)part->size,
            (unsigned long long)part->segment_size, (int)part->state, (unsigned long long)part->requested,
            (unsigned long long)part->stream, (unsigned long long)part->tag);
        say_address(rig, part->ptr, part->segment);
        cr_assert(part->state != GA_PART_LIVE || part->block == ga_cache_around(it.cache, part->ptr));
        say(rig, "\n");
    }
}

static void look_at_trace(struct rig *rig)
{
    struct ga_cache_entry entries[8];
    uint32_t n = ga_cache_trace(it.cache, entries, 8);
    for (uint32_t i = 0; i < n && i < 8; i++)
        say(rig, "entry: %d, %llu\n", (int)entries[i].action, (unsigned long long)entries[i].size);
}

static void look(struct rig *rig)
{
    if (!it.cache)
        return;
    look_at_blocks(rig);
    look_at_trace(rig);
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_cache_delete(it.cache);
    memset(&it, 0, sizeof it);
}

static enum ga_status call_free_ptr(struct rig *rig)
{
    (void)rig;
    return ga_cache_free_ptr(it.cache, ga_cache_ptr(it.cache, it.blocks[it.n_blocks - 1], NULL));
}

static void make_owned(struct rig *rig)
{
    make_blocks(rig);
    cr_assert_eq(call_own(rig), GA_OK);
}

static void make_shared_owned(struct rig *rig)
{
    make_owned(rig);
    cr_assert_eq(ga_cache_share_owned(it.cache, &it.owned, 2), GA_OK);
}

static enum ga_status call_release(struct rig *rig)
{
    (void)rig;
    ga_cache_release(it.owned.owner);
    return GA_OK;
}

static enum ga_status call_share(struct rig *rig)
{
    (void)rig;
    return ga_cache_share(it.cache, it.blocks[0], 2);
}

static enum ga_status call_share_ptr(struct rig *rig)
{
    (void)rig;
    return ga_cache_share_ptr(it.cache, ga_cache_ptr(it.cache, it.blocks[1], NULL), 2);
}

static enum ga_status call_share_owned(struct rig *rig)
{
    (void)rig;
    return ga_cache_share_owned(it.cache, &it.owned, 3);
}

static void make_event(struct rig *rig)
{
    make_blocks(rig);
    cr_assert_eq(rig->device->order->record(rig->device->order->user, 1, &it.event), GA_OK);
}

static enum ga_status call_share_until(struct rig *rig)
{
    (void)rig;
    return ga_cache_share_until(it.cache, it.blocks[0], it.event);
}

static void drop_event(struct rig *rig)
{
    ga_event event = it.event;
    drop(rig);
    if (event)
        rig->device->order->release(rig->device->order->user, event);
}

static enum ga_status call_copy(struct rig *rig)
{
    (void)rig;
    return ga_cache_copy(it.cache, ga_cache_ptr(it.cache, it.blocks[0], NULL), ga_cache_ptr(it.cache, it.blocks[1], NULL), 9, 0);
}

/* clang-format off */
static enum ga_status call_sync(struct rig *rig) { (void)rig; return ga_cache_sync(it.cache); }
static enum ga_status call_trim(struct rig *rig) { (void)rig; return ga_cache_trim(it.cache, 0); }
static enum ga_status call_drop_stream(struct rig *rig) { (void)rig; return ga_cache_drop_stream(it.cache, 1); }
static enum ga_status call_joined(struct rig *rig) { (void)rig; return ga_cache_joined(it.cache, 0, 1); }
static enum ga_status call_set_tag(struct rig *rig) { (void)rig; return ga_cache_set_tag(it.cache, it.blocks[2], 99); }
static enum ga_status call_poll(struct rig *rig) { say(rig, "%llu", (unsigned long long)ga_cache_poll(it.cache)); return GA_OK; }
/* clang-format on */

/* By address: without memory for an index it is looked for. */
static enum ga_status call_find(struct rig *rig)
{
    ga_block found = ga_cache_find(it.cache, ga_cache_ptr(it.cache, it.blocks[1], NULL));
    say(rig, "%d", found == it.blocks[1]);
    return GA_OK;
}

static enum ga_status call_give_back(struct rig *rig)
{
    struct ga_reclaim reclaim;
    (void)rig;
    ga_cache_reclaim(it.cache, &reclaim);
    reclaim.give_back(reclaim.user, reclaim.idle(reclaim.user));
    return GA_OK;
}

static enum ga_status call_record(struct rig *rig)
{
    const struct ga_cache_recording recording = { .entries = 8, .skip = no_looks, .context = GA_CONTEXT_ALL };
    (void)rig;
    return ga_cache_record(it.cache, &recording);
}

static void track(void *user, const struct ga_cache_entry *entry)
{
    (void)user;
    (void)entry;
}

static enum ga_status call_track(struct rig *rig)
{
    (void)rig;
    enum ga_status status = ga_cache_track(it.cache, track, &it);
    cr_assert(status == GA_OK || ga_cache_untrack(it.cache, track, &it) == GA_INVALID);
    return status;
}

static void make_watched(struct rig *rig)
{
    const struct ga_cache_recording recording = { .entries = 4, .skip = no_looks };
    make_shared(rig);
    cr_assert_eq(ga_cache_record(it.cache, &recording), GA_OK);
    cr_assert_eq(call_track(rig), GA_OK);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(ga_cache_mark(it.cache, 7), GA_OK);
    cr_assert_eq(call_free(rig), GA_OK);
}

static enum ga_status call_export(struct rig *rig)
{
    enum ga_status status = ga_cache_export_json(it.cache, NULL, &rig->sink);
    rig->written.len = 0; /* addresses */
    return status;
}

static enum ga_status call_quiet(struct rig *rig)
{
    struct ga_cache_oom oom;
    struct ga_cache_entry entries[8];
    struct ga_buffer segment;
    struct ga_cache_opts opts = { 0 };
    char text[400];
    uint64_t tag = 7;
    char *ptr = ga_cache_ptr(it.cache, it.blocks[0], NULL);
    cr_assert_eq(ga_cache_around(it.cache, ptr + 9), it.blocks[0]);
    cr_assert_eq(ga_cache_segment(it.cache, ptr, &segment), GA_OK);
    cr_assert_eq(ga_cache_unshare(it.cache, it.blocks[0], 1), GA_OK);
    cr_assert_eq(ga_cache_set_fraction(it.cache, 0.5), GA_OK);
    ga_cache_limit(it.cache, 1);
    cr_assert_not(ga_cache_oom(it.cache, &oom));
    say(rig, "%zu", ga_cache_oom_text(&(struct ga_cache_oom){ .requested = 5 }, text, sizeof text));
    cr_assert_eq(ga_cache_parse("max_split_size_mb:32", &opts, text, sizeof text), GA_OK);
    cr_assert_eq(ga_cache_set_meta(it.cache, 3), GA_OK);
    cr_assert_eq(ga_cache_mark(it.cache, 5), GA_OK);
    cr_assert_eq(ga_cache_tag(it.cache, it.blocks[0], &tag), GA_OK);
    cr_assert_eq(ga_cache_trace(it.cache, entries, 8), 4);
    cr_assert_eq(ga_cache_untrack(it.cache, track, &it), GA_OK);
    cr_assert_eq(ga_cache_enable(it.cache, true), GA_OK);
    ga_cache_reset_peaks(it.cache);
    ga_cache_reset_totals(it.cache);
    look(rig);
    return GA_OK;
}

static enum ga_status call_delete(struct rig *rig)
{
    (void)rig;
    ga_cache_delete(it.cache);
    it.cache = NULL;
    return GA_OK;
}

enum {
    ALLOC = CALL(GA_SIM_ALLOC),
    RECORD = CALL(GA_SIM_RECORD),
    WAIT = CALL(GA_SIM_WAIT),
    SYNC = CALL(GA_SIM_SYNC),
    RESERVE = CALL(GA_SIM_RESERVE),
    MAP = CALL(GA_SIM_MAP),
    COPY = CALL(GA_SIM_COPY),
};

static const struct row rows[] = {
    { "ga_cache_new", ASKS_MEMORY, .call = call_new },
    { "ga_cache_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_cache, .call = call_alloc },
    { "ga_cache_alloc", ASKS_MEMORY, .lives = ASKS_MEMORY, .keeps = true, .make = make_full, .call = call_alloc },
    { "ga_cache_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_blocks, .call = call_alloc },
    { "ga_cache_alloc", ASKS_MEMORY | RESERVE | MAP, .keeps = true, .make = make_first_range, .call = call_alloc },
    { "ga_cache_alloc", MAP, .keeps = true, .make = make_growing, .call = call_alloc },
    { "ga_cache_alloc", MAP, .keeps = true, .make = make_holes, .call = call_alloc },
    { "ga_cache_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_off, .call = call_alloc },
    { "ga_cache_alloc", WAIT, .keeps = true, .make = make_pending, .call = call_alloc },
    { "ga_cache_alloc", ALLOC | WAIT | SYNC, .keeps = true, .gives_back = true, .make = make_idle, .call = call_alloc },
    { "ga_cache_alloc_aligned", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_blocks, .call = call_aligned },
    { "ga_cache_alloc_aligned", ASKS_MEMORY, .keeps = true, .make = make_full, .call = call_aligned },
    { "ga_cache_own", ASKS_MEMORY | ALLOC, .keeps = true, .make = make_blocks, .call = call_own },
    { "ga_cache_backend", ASKS_MEMORY | ALLOC, .says = GA_NO_SPACE, .keeps = true, .make = make_blocks, .call = call_backend },
    { "ga_cache_free", RECORD, .lives = RECORD, .make = make_shared, .call = call_free },
    { "ga_cache_free", SYNC, .lives = SYNC, .make = make_off, .call = call_free },
    { "ga_cache_free_ptr", ASKS_MEMORY | RECORD, .lives = ASKS_MEMORY | RECORD, .make = make_shared, .call = call_free_ptr },
    { "ga_cache_release", RECORD, .lives = RECORD, .make = make_shared_owned, .call = call_release },
    { "ga_cache_share", ASKS_MEMORY, .keeps = true, .make = make_blocks, .call = call_share },
    { "ga_cache_share_ptr", ASKS_MEMORY, .lives = ASKS_MEMORY, .keeps = true, .make = make_blocks, .call = call_share_ptr },
    { "ga_cache_share_owned", ASKS_MEMORY, .keeps = true, .make = make_owned, .call = call_share_owned },
    { "ga_cache_share_until", ASKS_MEMORY, .keeps = true, .make = make_event, .call = call_share_until },
    { "ga_cache_copy", COPY, .make = make_blocks, .call = call_copy },
    { "ga_cache_sync", SYNC, .make = make_pending, .call = call_sync },
    { "ga_cache_trim", SYNC, .make = make_idle, .call = call_trim },
    { "ga_cache_drop_stream", SYNC, .make = make_idle, .call = call_drop_stream },
    { "ga_cache_reclaim", SYNC, .lives = SYNC, .differs = true, .make = make_idle, .call = call_give_back },
    { "ga_cache_find", ASKS_MEMORY, .lives = ASKS_MEMORY, .make = make_blocks, .call = call_find },
    { "ga_cache_joined", 0, .make = make_pending, .call = call_joined },
    { "ga_cache_poll", 0, .make = make_pending, .call = call_poll },
    { "ga_cache_record", ASKS_MEMORY, .make = make_watched, .call = call_record },
    { "ga_cache_track", ASKS_MEMORY, .make = make_blocks, .call = call_track },
    { "ga_cache_set_tag", ASKS_MEMORY, .make = make_blocks, .call = call_set_tag },
    { "ga_cache_export_json", ASKS_SINK, .make = make_full, .call = call_export },
    { "ga_cache_export_json", ASKS_SINK, .make = make_watched, .call = call_export },
    { "ga_cache_check ga_cache_stats ga_cache_snapshot ga_cache_fraction ga_cache_ptr ga_cache_around "
      "ga_cache_segment ga_cache_unshare ga_cache_set_fraction ga_cache_limit ga_cache_oom ga_cache_oom_text ga_cache_parse "
      "ga_cache_set_meta ga_cache_mark ga_cache_tag ga_cache_trace ga_cache_untrack ga_cache_enable ga_cache_reset_peaks "
      "ga_cache_reset_totals",
      0, .make = make_watched, .call = call_quiet },
    { "ga_cache_delete", SYNC, .lives = SYNC, .make = make_blocks, .call = call_delete },
};

const struct area faults_cache = {
    "caches", rows, sizeof rows / sizeof *rows, false, look, drop_event,
};
