/*
 * Every way to fail, with every row.  What was tried is counted, kind by kind, in comments of the output.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 20000 };

/* One that fails: a kind, and in which way. */
struct way {
    unsigned kind;
    enum ga_status status;
    bool stays;   /* all behind the n-th fail, too */
    bool is_told; /* passed on at once, so that nothing changes: not so what is tried again with memory given back */
    size_t step;  /* of sources */
};

/* How often it was asked for things of a kind. */
static uint64_t asked(const struct rig *rig, unsigned kind)
{
    if (kind == ASKS_MEMORY)
        return rig->mem.requests;
    if (kind == ASKS_SINK)
        return rig->writes;
    if (kind == ASKS_SOURCE)
        return rig->reads;
    struct ga_sim_stats stats;
    ga_sim_stats(rig->sim, &stats);
    for (unsigned call = 0; call < sizeof stats.calls / sizeof *stats.calls; call++)
        if (kind == CALL(call))
            return stats.calls[call];
    return 0;
}

/* The n-th from now on fails; 0: none. */
static void arm(struct rig *rig, const struct way *way, uint64_t nth)
{
    struct ga_sim_fault fault = { .calls = way->kind / ASKS_DEVICE, .nth = nth, .status = way->status };
    rig->failure = nth ? way->status : GA_OK;
    rig->mem.stays = way->stays;
    rig->mem.fail_at = nth && way->kind == ASKS_MEMORY ? rig->mem.requests + nth : 0;
    rig->fail_write = nth && way->kind == ASKS_SINK ? rig->writes + nth : 0;
    rig->fail_read = nth && way->kind == ASKS_SOURCE ? rig->reads + nth : 0;
    ga_sim_fail(rig->sim, nth && way->kind >= ASKS_DEVICE ? &fault : NULL);
}

/* What can be seen; asking for it asks for nothing. */
static char *seen(struct rig *rig, const struct area *area, bool is_itself)
{
    rig->is_itself = is_itself;
    uint64_t requests = rig->mem.requests;
    test_text_fini(&rig->said);
    say(rig, "%s: ", area->name);
    area->look(rig);
    cr_assert_eq(rig->mem.requests, requests, "%s: looking asks for memory", doing);
    char *text = rig->said.text;
    rig->said = (struct test_text){ 0 };
    return text;
}

static enum ga_status call(struct rig *rig, const struct row *row, char **told)
{
    test_text_fini(&rig->said);
    test_text_fini(&rig->written);
    rig->at = 0;
    say(rig, "told: ");
    enum ga_status status = row->call(rig);
    if (rig->written.len && status == GA_OK)
        say_text(rig, rig->written.text, rig->written.len);
    *told = rig->said.text;
    rig->said = (struct test_text){ 0 };
    return status;
}

struct answer {
    char *told, *seen;
};

static void expect_same(const char *what, uint64_t nth, const char *is, const char *was)
{
    cr_assert(strcmp(is, was) == 0, "%s, failure %u: %s\n--- was\n%s\n--- is\n%s\n", doing, (unsigned)nth, what, was, is);
}

static void answer_fini(struct answer *answer)
{
    free(answer->told);
    free(answer->seen);
}

/* Without a failure: what it says, and that it asks for what the row says, and for nothing else. */
static struct answer ask(const struct area *area, const struct row *row)
{
    struct rig rig;
    struct answer answer;
    rig_open(&rig, area, row);
    uint64_t before[19];
    for (unsigned i = 0; i < 19; i++)
        before[i] = asked(&rig, 1u << i);
    enum ga_status status = call(&rig, row, &answer.told);
    cr_assert_eq(status, GA_OK, "%s: %s\n%s", doing, ga_status_str(status), answer.told);
    unsigned gives = CALL(GA_SIM_FREE) | CALL(GA_SIM_RELEASE) | CALL(GA_SIM_PINNED_FREE) | CALL(GA_SIM_UNPIN) |
                     CALL(GA_SIM_UNRESERVE) | CALL(GA_SIM_UNMAP);
    for (unsigned i = 0; i < 19; i++)
        if (!(gives >> i & 1))
            cr_expect_eq(asked(&rig, 1u << i) > before[i], row->asks >> i & 1, "%s, kind %u: asked %u times", doing, i,
                         (unsigned)(asked(&rig, 1u << i) - before[i]));
    answer.seen = seen(&rig, area, false);
    rig_close(&rig, area);
    return answer;
}

static struct ga_sim_stats stats_of(const struct rig *rig)
{
    struct ga_sim_stats stats;
    ga_sim_stats(rig->sim, &stats);
    return stats;
}

static void expect_nothing_kept(const struct rig *rig, const struct row *row, uint64_t nth, const struct test_mem *mem,
                                const struct ga_sim_stats *device)
{
    struct ga_sim_stats now = stats_of(rig);
    if (!row->keeps)
        cr_assert(rig->mem.blocks == mem->blocks && rig->mem.live == mem->live, "%s, failure %u: keeps memory", doing,
                  (unsigned)nth);
    cr_assert(row->keeps_device ||
                  (now.live <= device->live && now.buffers <= device->buffers && now.events <= device->events &&
                   (now.ranges <= device->ranges || row->keeps) && now.pinned <= device->pinned && now.pins <= device->pins),
              "%s, failure %u: keeps memory of the device", doing, (unsigned)nth);
    cr_assert(row->gives_back || (now.live >= device->live && now.pinned >= device->pinned && now.ranges >= device->ranges),
              "%s, failure %u: gives memory of the device back", doing, (unsigned)nth);
}

/*
 * The same failure again and again until no more memory is kept than before: room for next time is enough some time, what leaks is
 * more each time.  Then without; what that call tells.
 */
static enum ga_status keep_failing(struct rig *rig, const struct row *row, const struct way *way, uint64_t nth, char **told)
{
    uint64_t before = 0;
    for (int n = 0; way->is_told && row->keeps && rig->mem.live != before; n++) {
        cr_assert_lt(n, 20, "%s, failure %u: keeps more memory each time", doing, (unsigned)nth);
        before = rig->mem.live;
        arm(rig, way, nth);
        enum ga_status status = call(rig, row, told);
        arm(rig, way, 0);
        if (status == GA_OK)
            return GA_OK;
        free(*told);
    }
    return call(rig, row, told);
}

/* One failure; false: there was none, since it asks for less than that. */
static bool fails_once(const struct area *area, const struct row *row, const struct way *way, uint64_t nth,
                       const struct answer *reference)
{
    struct rig rig;
    struct answer is;
    rig_open(&rig, area, row);
    rig.step = way->step;
    char *before = seen(&rig, area, true);
    struct test_mem mem = rig.mem;
    struct ga_sim_stats device = stats_of(&rig);
    uint64_t so_far = asked(&rig, way->kind);
    arm(&rig, way, nth);
    enum ga_status status = call(&rig, row, &is.told);
    bool struck = asked(&rig, way->kind) - so_far >= nth;
    arm(&rig, way, 0);
    bool is_lived = row->lives & way->kind || !way->is_told;
    if (status != GA_OK) {
        cr_assert(struck && (status == way->status || status == row->says), "%s, failure %u: %s", doing, (unsigned)nth,
                  ga_status_str(status));
        is.seen = seen(&rig, area, true);
        if (way->is_told) {
            expect_same("is not as before", nth, is.seen, before);
            expect_nothing_kept(&rig, row, nth, &mem, &device);
        }
        answer_fini(&is);
        status = keep_failing(&rig, row, way, nth, &is.told);
    } else {
        cr_assert(!struck || is_lived, "%s, failure %u: nobody noticed", doing, (unsigned)nth);
        if (struck && row->differs) {
            free(is.told);
            status = call(&rig, row, &is.told);
        }
    }
    cr_assert_eq(status, GA_OK, "%s, after failure %u: %s", doing, (unsigned)nth, ga_status_str(status));
    expect_same("tells something else", nth, is.told, reference->told);
    is.seen = seen(&rig, area, false);
    if (way->is_told)
        expect_same("does something else", nth, is.seen, reference->seen);
    answer_fini(&is);
    free(before);
    rig_close(&rig, area);
    return struck;
}

struct tally {
    unsigned rows;
    uint64_t failures;
};

static void row_fails(struct tally *tally, const struct area *area, const struct row *row, const struct way *way)
{
    if (!(row->asks & way->kind))
        return;
    struct answer reference = ask(area, row);
    uint64_t nth = 1;
    while (fails_once(area, row, way, nth, &reference))
        cr_assert_lt(nth++, MOST, "%s: no end of it", doing);
    cr_assert_gt(nth, 1, "%s never fails", doing);
    tally->rows++;
    tally->failures += nth - 1;
    answer_fini(&reference);
}

static struct tally all_fail(const struct way *way)
{
    struct tally tally = { 0 };
    for (size_t i = 0; areas[i]; i++)
        for (size_t j = 0; j < areas[i]->n_rows; j++)
            row_fails(&tally, areas[i], &areas[i]->rows[j], way);
    return tally;
}

static void report(const char *what, struct tally tally)
{
    if (tally.rows > 0)
        printf("# %s: %u rows, %llu failures\n", what, tally.rows, (unsigned long long)tally.failures);
    fflush(stdout);
}

/* What asks for nothing is called, too. */
Test(faults, rows_ask_for_what_they_say_and_nothing_else)
{
    unsigned all = 0, quiet = 0;
    for (size_t i = 0; areas[i]; i++)
        for (size_t j = 0; j < areas[i]->n_rows; j++) {
            struct answer answer = ask(areas[i], &areas[i]->rows[j]);
            all++;
            quiet += areas[i]->rows[j].asks == 0;
            answer_fini(&answer);
        }
    printf("# of %u rows %u ask for nothing\n", all, quiet);
    fflush(stdout);
}

Test(faults, each_request_for_memory_fails_once)
{
    report("memory", all_fail(&(struct way){ ASKS_MEMORY, GA_NO_MEMORY, .is_told = true }));
}

Test(faults, all_requests_for_memory_fail_from_one_on)
{
    report("no memory from one request on", all_fail(&(struct way){ ASKS_MEMORY, GA_NO_MEMORY, .is_told = true, .stays = true }));
}

Test(faults, each_write_fails_once)
{
    report("writes", all_fail(&(struct way){ ASKS_SINK, GA_IO, .is_told = true }));
}

Test(faults, each_read_fails_once)
{
    report("reads", all_fail(&(struct way){ ASKS_SOURCE, GA_IO, .is_told = true }));
    report("reads of a byte", all_fail(&(struct way){ ASKS_SOURCE, GA_IO, .is_told = true, .step = 1 }));
}

/* With a source that never ends, behind all of a text, half of it or nothing. */
static enum ga_status read_endless(const struct area *area, const struct row *row, const char *more, size_t part)
{
    struct rig rig;
    char *told;
    rig_open(&rig, area, row);
    rig.more = more;
    rig.text.len = part == 2 ? rig.text.len : rig.text.len / 2 * part;
    char *before = seen(&rig, area, true);
    rig.mem.limit = rig.mem.live + MIB;
    enum ga_status status = call(&rig, row, &told);
    char *after = seen(&rig, area, true);
    if (status != GA_OK)
        expect_same("is not as before", 0, after, before);
    free(told);
    free(before);
    free(after);
    rig_close(&rig, area);
    return status;
}

Test(faults, endless_sources_are_not_read_for_ever)
{
    static const char *const more[] = { "x", "\n", "#\n", "x\t1\n", "1", "\t" };
    struct tally tally = { 0 };
    for (size_t i = 0; areas[i]; i++)
        for (size_t j = 0; j < areas[i]->n_rows; j++)
            for (size_t k = 0; areas[i]->rows[j].asks & ASKS_SOURCE && k < 3 * sizeof more / sizeof *more; k++) {
                const char *goes_on = areas[i]->rows[j].goes_on;
                if (goes_on && strchr(goes_on, more[k / 3][0]))
                    continue;
                enum ga_status status = read_endless(areas[i], &areas[i]->rows[j], more[k / 3], k % 3);
                cr_assert(status == GA_INVALID || status == GA_NO_MEMORY, "%s, %u: %s", doing, (unsigned)k, ga_status_str(status));
                tally.rows += k == 0;
                tally.failures++;
            }
    report("endless sources", tally);
}

Test(faults, each_call_of_a_device_fails_once)
{
    struct tally sum = { 0 };
    for (unsigned at = GA_SIM_ALLOC; at <= GA_SIM_UNMAP; at++)
        for (int is_told = 0; is_told < 2; is_told++) {
            struct way way = { CALL(at), is_told ? GA_IO : GA_NO_SPACE, .is_told = is_told };
            struct tally tally = all_fail(&way);
            sum.rows += is_told ? tally.rows : 0;
            sum.failures += tally.failures;
        }
    report("calls of the device, by kind and row, with each of two answers", sum);
}
