#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/sim.h"
#include "support.h"

static struct test_mem hook;
static ga_sim *sim;
static const struct ga_backend *device;

static void start(void)
{
    hook = (struct test_mem){ 0 };
    struct ga_env env = test_env(&hook);
    sim = ga_sim_new(&env, ga_backend_null(), &(struct ga_sim_opts){ .capacity = 1000, .streams = 3, .log = 4 });
    device = ga_sim_backend(sim);
}

static void finish(void)
{
    ga_sim_delete(sim);
    cr_assert(!hook.lied && hook.blocks == 0);
}

TestSuite(sim, .init = start, .fini = finish);

static struct ga_buffer take(size_t size)
{
    struct ga_buffer buffer;
    cr_assert_eq(device->alloc(device->user, size, &buffer), GA_OK);
    return buffer;
}

static void give(struct ga_buffer buffer)
{
    device->free(device->user, &buffer);
}

static ga_event record(ga_stream stream)
{
    ga_event event = 0;
    cr_assert_eq(device->order->record(device->order->user, stream, &event), GA_OK);
    cr_assert_neq(event, 0);
    return event;
}

static bool reached(ga_event event)
{
    return device->order->reached(device->order->user, event);
}

static void drop(ga_event event)
{
    device->order->release(device->order->user, event);
}

static void works(ga_stream stream, struct ga_buffer buffer, uint64_t ns)
{
    cr_assert_eq(ga_sim_work(sim, stream, buffer.base, buffer.size, ns), GA_OK);
}

#define COMPLAINS(words) cr_assert(ga_sim_error(sim) && strstr(ga_sim_error(sim), words), "%s", ga_sim_error(sim))
#define CONTENT() cr_assert_null(ga_sim_error(sim), "%s", ga_sim_error(sim))

Test(sim, has_a_capacity)
{
    struct ga_buffer a = take(600), b;
    uint64_t free_bytes, total_bytes;
    cr_assert_eq(device->alloc(device->user, 401, &b), GA_NO_SPACE);
    b = take(400);
    cr_assert(device->info(device->user, &free_bytes, &total_bytes));
    cr_assert(free_bytes == 0 && total_bytes == 1000);
    give(a);
    struct ga_sim_stats stats;
    ga_sim_stats(sim, &stats);
    cr_assert(stats.live == 400 && stats.peak == 1000 && stats.buffers == 1 && stats.failures == 1);
    cr_assert(stats.calls[GA_SIM_ALLOC] == 3 && stats.calls[GA_SIM_FREE] == 1);
    give(b);
    CONTENT();
}

Test(sim, runs_streams_in_order_side_by_side)
{
    struct ga_buffer a = take(10), b = take(10);
    works(0, a, 100);
    works(0, a, 50);
    works(1, b, 120);
    ga_event first = record(0), second = record(1);
    ga_sim_advance(sim, 119);
    cr_assert(!reached(first) && !reached(second));
    ga_sim_advance(sim, 1);
    cr_assert(!reached(first) && reached(second));
    ga_sim_advance(sim, 30);
    cr_assert(reached(first));
    cr_assert_eq(ga_sim_now(sim), 150);
    drop(first);
    drop(second);
    CONTENT();
}

Test(sim, waits_for_events_of_other_streams)
{
    struct ga_buffer a = take(10);
    works(0, a, 100);
    ga_event done = record(0);
    cr_assert_eq(ga_sim_follow(sim, 1, done), GA_OK);
    works(1, a, 10);
    ga_event after = record(1);
    ga_sim_advance(sim, 100);
    cr_assert(reached(done) && !reached(after));
    ga_sim_advance(sim, 10);
    cr_assert(reached(after));
    CONTENT(); /* the second knew that the first was done */
    cr_assert_eq(ga_sim_follow(sim, 9, done), GA_INVALID);
    cr_assert_eq(ga_sim_follow(sim, 1, 77), GA_INVALID);
    cr_assert_eq(ga_sim_work(sim, 3, a.base, 1, 1), GA_INVALID);
    drop(done);
    drop(after);
}

Test(sim, ends_work_by_hand)
{
    struct ga_buffer a = take(10), b = take(10);
    works(0, a, GA_SIM_BY_HAND);
    ga_event done = record(0);
    cr_assert_eq(ga_sim_follow(sim, 1, done), GA_OK);
    works(1, b, GA_SIM_BY_HAND);
    ga_event after = record(1);
    ga_sim_advance(sim, UINT64_MAX);
    cr_assert(!reached(done) && !reached(after));
    ga_sim_finish(sim, 1); /* and what it waits for */
    cr_assert(reached(done) && reached(after));
    works(2, a, GA_SIM_BY_HAND);
    ga_event last = record(2);
    cr_assert_eq(device->order->wait(device->order->user, last), GA_OK);
    cr_assert(reached(last));
    works(2, a, GA_SIM_BY_HAND);
    cr_assert_eq(device->order->sync(device->order->user), GA_OK);
    give(a);
    CONTENT();
}

Test(sim, lets_time_pass_for_those_who_wait)
{
    struct ga_buffer a = take(10), b = take(10);
    works(0, a, 70);
    works(1, b, 90);
    ga_event event = record(0);
    cr_assert_eq(device->order->wait(device->order->user, event), GA_OK);
    cr_assert_eq(ga_sim_now(sim), 70);
    cr_assert_eq(device->order->sync(device->order->user), GA_OK);
    cr_assert_eq(ga_sim_now(sim), 90);
}

Test(sim, notices_memory_given_back_too_early)
{
    struct ga_buffer a = take(10);
    works(0, a, 1);
    give(a);
    COMPLAINS("given back while");
}

Test(sim, notices_memory_used_by_two_streams_at_once)
{
    struct ga_buffer a = take(10);
    works(0, a, 5);
    cr_assert_eq(ga_sim_work(sim, 0, a.base, 10, 5), GA_OK);
    cr_assert_eq(ga_sim_work(sim, 1, (char *)a.base + 10, 0, 5), GA_OK);
    CONTENT();
    cr_assert_eq(ga_sim_work(sim, 1, (char *)a.base + 9, 1, 5), GA_OK);
    COMPLAINS("second stream");
}

Test(sim, follows_only_what_was_there_when_the_event_was_recorded)
{
    struct ga_buffer a = take(10);
    ga_event early = record(0);
    works(0, a, 5);
    cr_assert_eq(ga_sim_follow(sim, 1, early), GA_OK);
    works(1, a, 5);
    COMPLAINS("second stream");
}

Test(sim, follows_through_a_third_stream)
{
    struct ga_buffer a = take(10);
    works(0, a, 5);
    cr_assert_eq(ga_sim_follow(sim, 1, record(0)), GA_OK);
    cr_assert_eq(ga_sim_follow(sim, 2, record(1)), GA_OK);
    works(2, a, 5);
    CONTENT();
}

Test(sim, notices_work_on_memory_that_is_not_there)
{
    struct ga_buffer a = take(10);
    give(a);
    works(0, a, 5);
    COMPLAINS("not allocated");
    give(a);
    COMPLAINS("not allocated"); /* the first mistake stays */
}

Test(sim, notices_events_that_are_not_there)
{
    ga_event event = record(0);
    drop(event);
    CONTENT();
    cr_assert_eq(device->order->wait(device->order->user, event), GA_INVALID);
    drop(event);
    COMPLAINS("event");
    cr_assert_eq(record(2), event); /* numbers are used again */
}

Test(sim, fails_on_request)
{
    struct ga_buffer buffer = { .size = 3 };
    ga_event event = 9;
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_ALLOC, .nth = 2 });
    give(take(1));
    cr_assert_eq(device->alloc(device->user, 1, &buffer), GA_NO_SPACE);
    cr_assert_eq(buffer.size, 3);
    give(take(1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_ALLOC, .above = 100, .status = GA_IO });
    cr_assert_eq(device->alloc(device->user, 101, &buffer), GA_IO);
    give(take(100));
    uint32_t rest = 1u << GA_SIM_RECORD | 1u << GA_SIM_WAIT | 1u << GA_SIM_SYNC;
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = rest, .always = true });
    cr_assert_eq(device->order->record(device->order->user, 0, &event), GA_NO_SPACE);
    cr_assert_eq(event, 9);
    cr_assert_eq(device->order->wait(device->order->user, 0), GA_NO_SPACE);
    cr_assert_eq(device->order->sync(device->order->user), GA_NO_SPACE);
    give(take(1));
    ga_sim_fail(sim, NULL);
    drop(record(0));
    CONTENT();
}

Test(sim, remembers_the_newest_calls)
{
    struct ga_sim_entry log[8];
    cr_assert_eq(ga_sim_log(sim, log, 8), 0);
    struct ga_buffer a = take(7);
    ga_sim_advance(sim, 5);
    ga_event event = record(2);
    cr_assert_eq(ga_sim_log(sim, log, 1), 2);
    cr_assert(log[0].call == GA_SIM_ALLOC && log[0].size == 7 && log[0].address == (uintptr_t)a.base && log[0].time == 0);
    drop(event);
    give(a);
    cr_assert_eq(device->order->sync(device->order->user), GA_OK);
    cr_assert_eq(ga_sim_log(sim, log, 8), 4);
    cr_assert(log[0].call == GA_SIM_RECORD && log[0].stream == 2 && log[0].event == event && log[0].time == 5);
    cr_assert(log[1].call == GA_SIM_RELEASE && log[2].call == GA_SIM_FREE && log[3].call == GA_SIM_SYNC);
}

Test(sim, tells_the_current_stream)
{
    ga_stream stream = 5;
    cr_assert_not(device->order->current(device->order->user, &stream));
    ga_sim_current(sim, 2);
    cr_assert(device->order->current(device->order->user, &stream));
    cr_assert_eq(stream, 2);
}

Test(sim, survives_when_memory_runs_out)
{
    struct ga_buffer buffer;
    for (uint64_t at = 1; at < 12; at++) {
        struct test_mem mem = { .fail_at = at };
        struct ga_env env = test_env(&mem);
        ga_sim *fragile = ga_sim_new(&env, ga_backend_cpu(), &(struct ga_sim_opts){ .log = 1 });
        if (!fragile) {
            cr_assert_eq(mem.blocks, 0);
            continue;
        }
        const struct ga_backend *backend = ga_sim_backend(fragile);
        if (backend->alloc(backend->user, 10, &buffer) == GA_OK) {
            for (int i = 0; i < 20; i++)
                ga_sim_work(fragile, 0, buffer.base, 10, 1);
            ga_event event;
            if (backend->order->record(backend->order->user, 0, &event) == GA_OK)
                ga_sim_follow(fragile, 1, event);
        }
        ga_sim_delete(fragile); /* the buffer with it */
        cr_assert(!mem.lied && mem.blocks == 0);
    }
    cr_assert_null(ga_sim_new(NULL, NULL, NULL));
    ga_sim_delete(NULL);
}

Test(sim, locks_pages_of_host_memory)
{
    const struct ga_backend_pinned *pinned = device->pinned;
    struct ga_sim_stats stats;
    struct ga_buffer a, b;
    char own[64];
    cr_assert_eq(pinned->alloc(pinned->user, 100, &a), GA_OK);
    cr_assert_eq(pinned->pin(pinned->user, own, sizeof own), GA_OK);
    cr_assert_eq(pinned->pin(pinned->user, own + 60, 10), GA_INVALID); /* a part of it is locked already */
    cr_assert(pinned->is_pinned(pinned->user, own + 63) && pinned->is_pinned(pinned->user, (char *)a.base + 99));
    cr_assert_not(pinned->is_pinned(pinned->user, (char *)a.base + 100));
    cr_assert_eq(ga_sim_work(sim, 1, own + 32, 32, GA_SIM_BY_HAND), GA_OK);
    ga_sim_finish(sim, 1);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.pinned == 164 && stats.pins == 2 && stats.live == 0);
    pinned->unpin(pinned->user, own, sizeof own);
    pinned->free(pinned->user, &a);
    ga_sim_stats(sim, &stats);
    cr_assert(stats.pinned == 0 && stats.calls[GA_SIM_PIN] == 2 && stats.calls[GA_SIM_UNPIN] == 1);
    cr_assert(stats.calls[GA_SIM_PINNED_ALLOC] == 1 && stats.calls[GA_SIM_PINNED_FREE] == 1);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_PINNED_ALLOC, .always = true });
    cr_assert_eq(pinned->alloc(pinned->user, 1, &b), GA_NO_SPACE);
    CONTENT();
    pinned->unpin(pinned->user, own, sizeof own);
    COMPLAINS("not page-locked");
}

Test(sim, notices_host_memory_given_back_while_it_is_copied)
{
    const struct ga_backend_pinned *pinned = device->pinned;
    struct ga_buffer a;
    cr_assert_eq(pinned->alloc(pinned->user, 100, &a), GA_OK);
    works(0, a, 10);
    CONTENT();
    pinned->free(pinned->user, &a);
    COMPLAINS("host memory given back while unfinished work");
}

Test(sim, limits_what_is_page_locked)
{
    ga_sim *small = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .pinned_capacity = 100 });
    const struct ga_backend_pinned *pinned = ga_sim_backend(small)->pinned;
    struct ga_buffer a;
    char own[64];
    cr_assert_eq(pinned->pin(pinned->user, own, sizeof own), GA_OK);
    cr_assert_eq(pinned->alloc(pinned->user, 37, &a), GA_NO_SPACE);
    cr_assert_eq(pinned->alloc(pinned->user, 36, &a), GA_OK);
    ga_sim_delete(small); /* gives back what it took, not what it was lent */
}

Test(sim, notices_questions_about_events_during_a_capture)
{
    ga_event event = record(1);
    ga_sim_capture(sim, 2, true);
    cr_assert(device->order->capturing(device->order->user, 2) && !device->order->capturing(device->order->user, 1));
    ga_sim_current(sim, 1);
    cr_assert(reached(event));
    CONTENT();
    ga_sim_current(sim, 2);
    cr_assert(reached(event));
    COMPLAINS("captures");
    ga_sim_capture(sim, 2, false);
    cr_assert_not(device->order->capturing(device->order->user, 2));
    drop(event);
}
