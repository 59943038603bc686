/*
 * Private pools, captures, the thread, options as text, and what the host allocator tells of itself.
 */
#include <string.h>

#include "ggml_alloc/registry.h"
#include "host_rig.h"

TestSuite(host_more, .init = start, .fini = finish);

static uint64_t ticks;

static uint64_t tick(void *user)
{
    uint64_t *steps = user;
    return ticks += ++*steps;
}

Test(host_more, measures_with_the_clock_it_is_given)
{
    uint64_t steps = 0;
    restart(&(struct ga_host_opts){ .clock = tick, .clock_user = &steps });
    take(1);          /* 1, 3 */
    give(take(1024)); /* 6, 10 */
    cr_assert(stats().alloc_time.count == 2 && stats().alloc_time.total == 2 + 4);
    cr_assert(stats().alloc_time.min == 2 && stats().alloc_time.max == 4);
    ga_host_trim(host, 0); /* 15, 21 */
    cr_assert(stats().free_time.count == 1 && stats().free_time.min == 6 && stats().free_time.max == 6);
}

static bool only(void *user, ga_stream stream)
{
    return stream == *(const ga_stream *)user;
}

Test(host_more, keeps_private_pools_apart)
{
    static const ga_stream captured = 2;
    struct held shared = take(MIB), mine;
    give(shared);
    cr_assert_eq(ga_host_pool_begin(host, 7, only, (void *)&captured), GA_OK);
    cr_assert_eq(ga_host_pool_begin(host, 7, NULL, NULL), GA_BUSY);
    cr_assert(same(take(MIB), shared)); /* stream 0 */
    give(shared);
    ga_sim_current(sim, 2);
    give(mine = take(MIB));
    cr_assert_not(same(mine, shared));
    cr_assert(same(take(MIB), mine));
    give(mine);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_BUSY);
    cr_assert_eq(ga_host_pool_end(host, 7), GA_OK);
    cr_assert_eq(ga_host_pool_end(host, 7), GA_INVALID);
    cr_assert(same(take(MIB), shared));
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), 2 * MIB);                               /* the pool's may not go */
    cr_assert_eq(ga_host_pool_begin(host, 7, NULL, NULL), GA_OK); /* once more: two shares */
    cr_assert(same(take(MIB), mine));
    give(mine);
    cr_assert_eq(ga_host_pool_end(host, 7), GA_OK);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_OK);
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), 2 * MIB);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_OK);
    cr_assert_eq(ga_host_pool_release(host, 7), GA_UNKNOWN);
    ga_host_trim(host, 0);
    cr_assert_eq(owned(), MIB);
    cr_assert(ga_host_pool_end(host, 7) == GA_UNKNOWN && ga_host_pool_release(host, 8) == GA_UNKNOWN);
}

Test(host_more, asks_pools_in_the_order_they_began)
{
    cr_assert_eq(ga_host_pool_begin(host, 1, NULL, NULL), GA_OK);
    cr_assert_eq(ga_host_pool_begin(host, 2, NULL, NULL), GA_OK);
    struct held a = take(KIB), b;
    struct ga_host_part part;
    cr_assert(ga_host_snapshot(host, &part, 1) == 1 && part.is_private && part.pool == 1);
    cr_assert_eq(ga_host_pool_end(host, 1), GA_OK);
    give(a);
    b = take(KIB);
    cr_assert_not(same(a, b));
    cr_assert_eq(ga_host_pool_begin(host, 1, NULL, NULL), GA_OK); /* the second now */
    cr_assert_not(same(take(KIB), a));
}

/* Allocated during a capture: reused when no stream was recorded for it, and otherwise not before the capture is dropped. */
Test(host_more, keeps_what_a_capture_has_seen)
{
    for (int way = 0; way < 8; way++) {
        bool pins = way & 1, background = (way & 2) && has_threads(), drops_early = way & 4;
        restart(&(struct ga_host_opts){ .pin = pins, .background = background });
        ga_sim_current(sim, 1);
        ga_sim_capture(sim, 1, true);
        cr_assert_eq(ga_host_pool_begin(host, 9, NULL, NULL), GA_OK);
        struct held unused = take(MIB), used = take(MIB), later;
        records(used, 1);
        give(used);
        give(unused);
        cr_assert(same(take(MIB), unused));
        give(later = take(MIB));
        cr_assert_not(same(later, used));
        cr_assert_eq(stats().active_bytes.now, 2 * MIB); /* `unused`, live again, and `used` */
        ga_sim_capture(sim, 1, false);
        cr_assert_eq(ga_host_pool_end(host, 9), GA_OK);
        if (!drops_early) {
            cr_assert_eq(ga_sim_work(sim, 1, used.ptr, 1, GA_SIM_BY_HAND), GA_OK); /* the replay */
            ga_sim_finish(sim, 1);
            cr_assert_eq(ga_sim_work(sim, 1, used.ptr, 1, GA_SIM_BY_HAND), GA_OK); /* and another */
        }
        ga_host_poll(host);
        ga_host_trim(host, 0);
        cr_assert_eq(owned(), 3 * MIB);
        cr_assert_eq(ga_host_pool_release(host, 9), GA_OK);
        ga_host_trim(host, 0);
        cr_assert_eq(stats().pending_bytes, drops_early && !background ? 0 : stats().pending_bytes);
        if (!drops_early)
            cr_assert_eq(stats().pending_bytes, MIB); /* the replay is not done */
        ga_sim_finish(sim, 1);
        ga_host_poll(host);
        ga_host_trim(host, 0);
        cr_assert_eq(owned(), MIB);
        cr_assert(stats().active_bytes.now == MIB && stats().pending_bytes == 0);
        give(unused);
    }
}

Test(host_more, asks_about_no_event_during_a_capture)
{
    struct held a = take(MIB);
    busy(a, 1);
    give(a);
    ga_sim_finish(sim, 1);
    ga_sim_current(sim, 2);
    ga_sim_capture(sim, 2, true);
    cr_assert_eq(ga_host_poll(host), MIB); /* not ready, so far */
    give(take(MIB));
    cr_assert_eq(stats().host_allocs, 2);
    ga_sim_capture(sim, 2, false);
    cr_assert_eq(ga_host_poll(host), 0);
}

Test(host_more, is_a_backend)
{
    const struct ga_backend *stacked = ga_host_backend(host);
    struct ga_buffer a, b;
    cr_assert_eq(stacked->alloc(stacked->user, 5000, &a), GA_OK);
    cr_assert(a.size == 5000 && (uintptr_t)a.base % stacked->align == 0 && stacked->order == device->order);
    cr_assert_eq(ga_host_record(host, a.base, a.handle, 1), GA_OK);
    stacked->free(stacked->user, &a);
    cr_assert_eq(stacked->alloc(stacked->user, 6000, &b), GA_OK);
    cr_assert_eq(a.base, b.base);
    stacked->free(stacked->user, &b);
    cr_assert_eq(ga_host_free(host, b.handle), GA_FREED);
}

Test(host_more, shows_every_block)
{
    restart(&(struct ga_host_opts){ .reserve = MIB });
    struct ga_host_part parts[4];
    struct held live = take(3000), cached = take(2 * MIB), pending = take(4 * MIB);
    busy(pending, 3);
    give(pending);
    give(cached);
    cr_assert_eq(ga_host_snapshot(host, NULL, 0), 3);
    cr_assert_eq(ga_host_snapshot(host, parts, 4), 3);
    cr_assert(parts[0].token == live.token && parts[0].state == GA_HOST_LIVE && parts[0].origin == GA_HOST_RESERVE);
    cr_assert(parts[0].size == 4096 && parts[0].requested == 3000 && !parts[0].is_private && !parts[0].captured);
    cr_assert(parts[1].ptr == cached.ptr && parts[1].state == GA_HOST_CACHED && parts[1].origin == GA_HOST_TAKEN);
    cr_assert(parts[2].state == GA_HOST_PENDING && parts[2].stream == 0);
    ga_sim_finish(sim, 3);
}

struct said {
    int lines;
    char text[200];
};

static void listen(void *user, enum ga_level level, const char *text)
{
    struct said *said = user;
    said->lines += level == GA_WARN;
    strncpy(said->text, text, sizeof said->text - 1);
}

Test(host_more, tells_of_blocks_that_are_still_in_use)
{
    for (int detach = 0; detach < 2; detach++) {
        struct said said = { 0 };
        struct ga_sim_stats left;
        struct ga_env env = test_env(&hook);
        struct held a, b, c;
        env.log = (struct ga_log){ .write = listen, .user = &said };
        ga_host *other = ga_host_new(&env, device, &(struct ga_host_opts){ .detach = detach, .reserve = MIB });
        cr_assert_eq(ga_host_alloc(other, 100 * KIB, &a.ptr, &a.token), GA_OK);
        cr_assert_eq(ga_host_alloc(other, 2 * MIB, &b.ptr, &b.token), GA_OK);
        cr_assert_eq(ga_host_alloc(other, 2 * MIB, &c.ptr, &c.token), GA_OK);
        cr_assert_eq(ga_host_record(other, b.ptr, b.token, 1), GA_OK);
        cr_assert_eq(ga_host_free(other, c.token), GA_OK);
        ga_host_delete(other);
        cr_assert(said.lines == 1 && strstr(said.text, "2 blocks of 2228224 bytes"), "%s", said.text);
        ga_sim_stats(sim, &left);
        cr_assert_eq(left.pins, detach ? 2u : 0u);
        if (!detach)
            continue;
        cr_assert_eq(ga_sim_work(sim, 1, b.ptr, 1, 10), GA_OK);
        ga_host_release(b.token); /* waits for the stream */
        ga_sim_stats(sim, &left);
        cr_assert(left.pins == 1 && left.events == 0);
        ga_host_release(a.token);
        ga_sim_stats(sim, &left);
        cr_assert_eq(left.pins, 0);
    }
}

Test(host_more, has_a_thread_that_finds_what_is_over)
{
    if (!has_threads())
        return;
    restart(&(struct ga_host_opts){ .background = true });
    struct held a = take(MIB);
    busy(a, 1);
    give(a);
    ga_sim_finish(sim, 1);
    while (stats().active_bytes.now) /* nobody allocates meanwhile; the test's time limit would end this */
        ;
    struct ga_host_opts off = { 0 };
    cr_assert_eq(ga_host_set(host, &off), GA_OK);
    busy(a = take(MIB), 1);
    give(a);
    ga_sim_finish(sim, 1);
    struct held b = take(2 * MIB); /* this finds it */
    cr_assert_eq(stats().active_bytes.now, 2 * MIB);
    give(b);
    off.background = true;
    for (int i = 0; i < 20; i++) {
        off.background = !off.background;
        cr_assert_eq(ga_host_set(host, &off), GA_OK);
    }
}

/* With the thread, alloc looks only when nothing cached serves, and then as far as it must. */
Test(host_more, leaves_events_to_the_thread)
{
    if (!has_threads())
        return;
    restart(&(struct ga_host_opts){ .background = true });
    struct held cached = take(MIB), other = take(KIB), wanted = take(2 * MIB);
    ga_sim_current(sim, 3); /* whose capture keeps the thread from asking */
    ga_sim_capture(sim, 3, true);
    busy(other, 1);
    busy(wanted, 2);
    give(other);
    give(wanted);
    give(cached);
    ga_sim_finish(sim, 1);
    ga_sim_finish(sim, 2);
    cr_assert(same(take(MIB), cached));
    cr_assert_eq(stats().pending_bytes, 2 * MIB + KIB);
    ga_sim_capture(sim, 3, false);
    cr_assert(same(take(2 * MIB), wanted));
}

Test(host_more, reads_options_from_text)
{
    char error[80] = "";
    uint64_t steps = 0;
    struct ga_host_opts opts = { .max_idle = 5, .clock = tick, .clock_user = &steps, .interior = true, .limit = 7, .pin = true };
    const char *text = "pinned_max_round_threshold_mb:64, pinned_max_cached_size_mb : 32,pinned_use_background_threads:true,"
                       "pinned_num_register_threads:8,pinned_reserve_segment_size_mb:256,pinned_use_host_register:false";
    cr_assert_eq(ga_host_parse(text, &opts, error, sizeof error), GA_OK, "%s", error);
    cr_assert(opts.max_round == 64 * MIB && opts.max_cached == 32 * MIB && opts.background && opts.pin_threads == 8);
    cr_assert(opts.reserve == 256 * MIB && !opts.pin && opts.limit == 0 && !opts.power_of_two);
    cr_assert(opts.max_idle == 5 && opts.clock == tick && opts.clock_user == &steps && opts.interior && !opts.detach);
    cr_assert_eq(ga_host_parse("pinned_max_total_mb:9,pinned_power_of_two:true,pinned_use_host_register:true", &opts, NULL, 0),
                 GA_OK);
    cr_assert(opts.limit == 9 * MIB && opts.power_of_two && opts.pin && opts.max_round == 0);
    cr_assert_eq(ga_host_parse("", &opts, NULL, 0), GA_OK);
    cr_assert(!opts.pin && opts.max_idle == 5);
}

Test(host_more, refuses_text_with_a_mistake)
{
    static const char *const wrong[] = {
        "unknown:1",
        "pinned_num_register_threads:1024",
        "pinned_num_register_threads:3",
        "pinned_num_register_threads:0",
        "pinned_num_register_threads:none",
        "pinned_max_cached_size_mb:1.2",
        "pinned_max_cached_size_mb:",
        "pinned_max_cached_size_mb:1,pinned_max_cached_size_mb:1",
        "pinned_use_background_threads:1",
        "pinned_use_background_threads:none",
        "pinned_use_host_register",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ga_host_opts opts = { .limit = 7 };
        char error[80] = "";
        cr_assert_eq(ga_host_parse(wrong[i], &opts, error, sizeof error), GA_INVALID, "%s", wrong[i]);
        cr_assert(opts.limit == 7 && strncmp(error, "at ", 3) == 0, "%s", wrong[i]);
    }
}

Test(host_more, gives_blocks_that_carry_their_deleter)
{
    struct ga_owned owned, again;
    restart(&(struct ga_host_opts){ .kind = 5 });
    cr_assert_eq(ga_host_own(host, 3000, &owned), GA_OK);
    cr_assert(owned.kind == 5 && owned.device == device->device && ga_host_find(host, owned.ptr) == owned.owner);
    owned.release(owned.owner);
    cr_assert_eq(ga_host_own(host, 4000, &again), GA_OK);
    cr_assert(again.owner == owned.owner && again.ptr == owned.ptr);
    again.release(again.owner);
    cr_assert_eq(ga_host_own(host, SIZE_MAX, &again), GA_NO_SPACE);
}

Test(host_more, is_found_by_its_kind)
{
    ga_registry *registry = ga_registry_new(NULL);
    ga_host *other = ga_host_new(NULL, device, NULL);
    cr_assert_eq(ga_registry_set(registry, 1, ga_host_backend(host), 0), GA_OK);
    cr_assert_eq(ga_registry_get(registry, 1), ga_host_backend(host));
    cr_assert_eq(ga_registry_set(registry, 1, ga_host_backend(other), 0), GA_OK); /* an equal one replaces */
    cr_assert_eq(ga_registry_set(registry, 1, ga_host_backend(host), -1), GA_BUSY);
    cr_assert_eq(ga_registry_get(registry, 1), ga_host_backend(other));
    ga_registry_delete(registry);
    ga_host_delete(other);
}

/* What the backend can, and what it cannot. */
Test(host_more, copies_in_the_order_of_a_stream)
{
    finish();
    start_on(ga_backend_cpu(), NULL, NULL);
    struct ga_buffer there;
    struct held here = take(4);
    cr_assert_eq(device->alloc(device->user, 4, &there), GA_OK);
    memcpy(here.ptr, "abc", 4);
    cr_assert_eq(ga_host_copy(host, there.base, here.ptr, 4, 1), GA_OK);
    records(here, 1);
    give(here);
    cr_assert_eq(ga_host_sync(host), GA_OK);
    cr_assert(same(take(4), here) && memcmp(there.base, "abc", 4) == 0);
    device->free(device->user, &there);
    ga_host *plain = ga_host_new(NULL, ga_backend_cpu(), NULL);
    cr_assert_eq(ga_host_copy(plain, here.ptr, here.ptr, 4, 1), GA_UNSUPPORTED);
    ga_host_delete(plain);
}

static enum ga_status nested;

static enum ga_status alloc_and_ask_for_more(void *user, size_t size, struct ga_buffer *buffer)
{
    ga_host **asked = user;
    struct held held;
    if (*asked) {
        ga_host *once = *asked;
        *asked = NULL;
        nested = ga_host_alloc(once, MIB, &held.ptr, &held.token);
    }
    return ga_backend_cpu()->alloc(NULL, size, buffer);
}

/* Two threads at once, as one: bytes on their way count, too. */
Test(host_more, stays_below_its_limit_while_memory_is_on_its_way)
{
    ga_host *asked = NULL;
    struct ga_backend slow = *ga_backend_cpu();
    slow.alloc = alloc_and_ask_for_more;
    slow.user = &asked;
    ga_host *limited = ga_host_new(NULL, &slow, &(struct ga_host_opts){ .limit = 3 * MIB / 2 });
    struct held held;
    asked = limited;
    cr_assert_eq(ga_host_alloc(limited, MIB, &held.ptr, &held.token), GA_OK);
    cr_assert_eq(nested, GA_NO_SPACE);
    ga_host_delete(limited);
}
