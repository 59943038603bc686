/*
 * The simulated device's clock beside a slow one that ticks nanosecond by nanosecond, and its knowledge of what is done before
 * what beside a walk over all tasks ever given.
 */
#include "backend/timeline.h"

#include <criterion/criterion.h>

#include "base/rng.h"
#include "support.h"

enum { STREAMS = 4, TASKS = 120, STEPS = 150, HAND = 1000000 };

struct slow_task {
    int stream, count;       /* the count-th of its stream, from 1 */
    int after_stream, after; /* what it waits for; after 0: nothing */
    int left;                /* ns */
    bool done;
};

static struct slow_task slow[TASKS];
static int n_slow;

static struct slow_task *first_of(int stream)
{
    for (int i = 0; i < n_slow; i++)
        if (slow[i].stream == stream && !slow[i].done)
            return &slow[i];
    return NULL;
}

static int done_of(int stream, bool all)
{
    int n = 0;
    for (int i = 0; i < n_slow; i++)
        n += slow[i].stream == stream && (all || slow[i].done);
    return n;
}

static bool can_run(const struct slow_task *task)
{
    return task && done_of(task->after_stream, false) >= task->after;
}

/* Tasks of no length end without a tick; a chain of them at once. */
static void settle(void)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int s = 0; s < STREAMS; s++) {
            struct slow_task *task = first_of(s);
            if (can_run(task) && task->left == 0)
                moved = task->done = true;
        }
    }
}

static void tick(void)
{
    for (int s = 0; s < STREAMS; s++) {
        struct slow_task *task = first_of(s);
        if (can_run(task) && task->left < HAND)
            task->left--;
    }
    settle();
}

static void force(int stream)
{
    for (struct slow_task *task; (task = first_of(stream)); task->done = true)
        while (!can_run(task)) {
            struct slow_task *other = first_of(task->after_stream);
            while (!can_run(other))
                other = first_of(other->after_stream);
            other->done = true;
        }
    settle();
}

/* Whether task `a` is done before what `stream` is given next: it is of that stream, or what it waits for leads there. */
static bool is_before(int a, int stream, int upto)
{
    if (slow[a].stream == stream && slow[a].count <= upto)
        return true;
    for (int i = 0; i < n_slow; i++)
        if (slow[i].stream == stream && slow[i].count <= upto && slow[i].after && is_before(a, slow[i].after_stream, slow[i].after))
            return true;
    return false;
}

static void same(const struct timeline *line)
{
    const char *broken = gai_timeline_check(line);
    cr_assert_null(broken, "%s", broken);
    for (int s = 0; s < STREAMS; s++)
        cr_assert_eq(line->streams[s].done, (uint64_t)done_of(s, false));
}

/* Task i has byte i. */
static void same_knowledge(const struct timeline *line, int stream)
{
    for (int i = 0; i < n_slow; i++) {
        if (slow[i].after)
            continue;
        bool touches = !slow[i].done && !is_before(i, stream, done_of(stream, true));
        cr_assert_eq(gai_timeline_touches(line, (uint32_t)stream, (uint64_t)i, 1), touches);
    }
}

static void give(struct timeline *line, struct rng *rng, int stream, const ga_event *events, const struct slow_task *targets, int n)
{
    struct slow_task *task = &slow[n_slow];
    *task = (struct slow_task){ .stream = stream, .count = done_of(stream, true) + 1, .after_stream = stream };
    int at = n ? (int)rng_below(rng, (uint64_t)n) : 0;
    if (n && targets[at].count && rng_below(rng, 3) == 0) {
        task->after_stream = targets[at].stream;
        task->after = targets[at].count;
        cr_assert_eq(gai_timeline_follow(line, (uint32_t)stream, events[at]), GA_OK);
    } else {
        bool by_hand = rng_below(rng, 12) == 0;
        task->left = by_hand ? HAND : (int)rng_below(rng, 20);
        uint64_t ns = by_hand ? GA_SIM_BY_HAND : (uint64_t)task->left;
        cr_assert_eq(gai_timeline_add(line, (uint32_t)stream, (uint64_t)n_slow, 1, ns), GA_OK);
    }
    n_slow++;
    settle();
}

static void play(uint64_t seed)
{
    struct rng rng = { seed };
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    struct timeline line;
    ga_event events[STEPS];
    struct slow_task targets[STEPS]; /* the task that the event waits for */
    int n_events = 0;
    n_slow = 0;
    cr_assert(gai_timeline_init(&line, &env.mem, STREAMS));
    for (int step = 0; step < STEPS; step++) {
        int stream = (int)rng_below(&rng, STREAMS);
        uint64_t what = rng_below(&rng, 10);
        if (what < 6 && n_slow < TASKS) {
            give(&line, &rng, stream, events, targets, n_events);
        } else if (what < 8) {
            targets[n_events] = (struct slow_task){ .stream = stream, .count = done_of(stream, true) };
            cr_assert_eq(gai_timeline_mark(&line, (uint32_t)stream, &events[n_events++]), GA_OK);
        } else if (what == 8) {
            uint64_t ns = rng_below(&rng, 25);
            gai_timeline_advance(&line, ns);
            for (uint64_t i = 0; i < ns; i++)
                tick();
        } else if (rng_below(&rng, 4) == 0) {
            gai_timeline_finish(&line, (uint32_t)stream);
            force(stream);
        }
        same(&line);
        for (int i = 0; i < n_events; i++)
            cr_assert_eq(gai_timeline_reached(&line, events[i]), done_of(targets[i].stream, false) >= targets[i].count);
        if (step % 16 == 0)
            same_knowledge(&line, stream);
    }
    gai_timeline_await_all(&line);
    for (int s = 0; s < STREAMS; s++)
        cr_assert_eq(line.streams[s].done, (uint64_t)done_of(s, true));
    for (int i = 0; i < n_events; i++)
        gai_timeline_drop(&line, events[i]);
    cr_assert_eq(line.n_events, 0);
    gai_timeline_fini(&line);
    cr_assert(!mem.lied && mem.blocks == 0);
}

Test(timeline, runs_as_a_slow_clock_does)
{
    for (uint64_t seed = 0; seed < 40; seed++)
        play(seed);
}
