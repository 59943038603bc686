/*
 * Plans as text: what is written, that it is read back the same, and that nothing else passes for a plan.
 */
#include "base/json.h"
#include "io/report.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* x -> y -> v (a view) -> z, in two pools; an external weight. */
static ga_graph *small_graph(void)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id w = ga_graph_add(g, &(struct ga_node){ .size = 64, .flags = GA_EXTERNAL, .name = "w" });
    ga_id x = ga_graph_add(g, &(struct ga_node){ .size = 100, .flags = GA_INPUT, .name = "x" });
    ga_id y = ga_graph_add(g, &(struct ga_node){ .size = 100, .src = (ga_id[]){ x, w }, .n_src = 2, .name = "y" });
    ga_id v = ga_graph_add(g, &(struct ga_node){ .size = 36, .view_of = y, .view_offset = 64, .src = &y, .n_src = 1, .name = "v" });
    ga_graph_add(g, &(struct ga_node){ .size = 40, .src = &v, .n_src = 1, .name = "z", .pool = 1, .flags = GA_OUTPUT });
    cr_assert_eq(ga_graph_status(g), GA_OK);
    return g;
}

static ga_plan *small_plan(const ga_graph *g)
{
    uint64_t align[] = { 32, 32 }, capacity[] = { 1000, 0 };
    struct ga_plan_opts opts = { .effort = GA_EFFORT_ONLINE, .n_pools = 2, .align = align, .capacity = capacity };
    ga_plan *plan;
    cr_assert_eq(ga_plan_graph(g, &opts, &plan), GA_OK);
    return plan;
}

static ga_plan *interval_plan(void)
{
    static const struct ga_interval at[] = { { .size = 10, .birth = 100, .death = 300 },
                                             { .size = 0, .birth = 1, .death = 2 },
                                             { .size = 6, .birth = 200, .death = 5000000000 } };
    ga_plan *plan;
    cr_assert_eq(ga_plan_intervals(NULL, at, 3, NULL, &plan), GA_OK);
    return plan;
}

static char *write_as(const ga_plan *plan, const ga_graph *graph, enum ga_format format)
{
    struct test_text text = { 0 };
    struct ga_sink sink = test_sink(&text);
    cr_assert_eq(ga_plan_write(plan, graph, format, &sink), GA_OK);
    return text.text;
}

static enum ga_status read_env(const struct ga_env *env, const char *text, size_t len, ga_plan **plan, char error[300])
{
    struct test_source from = { .text = text, .len = len, .step = 5 };
    struct ga_source source = test_source(&from);
    return ga_plan_read(env, &source, plan, error, 300);
}

static void expect_equal(const ga_plan *a, const ga_plan *b)
{
    struct ga_plan_info x, y;
    ga_plan_info(a, &x);
    ga_plan_info(b, &y);
    cr_assert_eq(x.verdict, y.verdict);
    cr_assert_eq(x.steps, y.steps);
    cr_assert_eq(x.reached, y.reached);
    cr_assert_eq(x.n_nodes, y.n_nodes);
    cr_assert_eq(x.n_storages, y.n_storages);
    cr_assert_eq(x.n_pools, y.n_pools);
    for (unsigned pool = 0; pool < x.n_pools; pool++) {
        cr_assert_eq(ga_plan_peak(a, pool), ga_plan_peak(b, pool));
        cr_assert_eq(ga_plan_bound(a, pool), ga_plan_bound(b, pool));
        cr_assert_eq(ga_plan_chunk(a, pool, 0), ga_plan_chunk(b, pool, 0));
        uint64_t step_a = 0, step_b = 0;
        cr_assert_eq(ga_plan_live_at_peak(a, pool, NULL, 0, &step_a), ga_plan_live_at_peak(b, pool, NULL, 0, &step_b));
        cr_assert_eq(step_a, step_b);
    }
    for (ga_id id = 1; id <= x.n_nodes; id++) {
        struct ga_slot s = { 0 }, t = { 0 };
        uint64_t birth[2] = { 0, 0 }, death[2] = { 0, 0 };
        cr_assert_eq(ga_plan_slot(a, id, &s), ga_plan_slot(b, id, &t));
        cr_assert(s.offset == t.offset && s.size == t.size && s.pool == t.pool && s.chunk == t.chunk);
        ga_plan_life(a, id, &birth[0], &death[0]);
        ga_plan_life(b, id, &birth[1], &death[1]);
        cr_assert(birth[0] == birth[1] && death[0] == death[1]);
    }
}

Test(plantext, a_plan_comes_back_as_it_was)
{
    ga_graph *graph = small_graph();
    ga_plan *plans[] = { small_plan(graph), interval_plan() };
    for (size_t i = 0; i < 2; i++) {
        char *text = write_as(plans[i], NULL, GA_PLAN), error[300] = "";
        ga_plan *again;
        cr_assert_eq(read_env(NULL, text, strlen(text), &again, error), GA_OK, "%s\n%s", error, text);
        expect_equal(plans[i], again);
        cr_assert_eq(ga_plan_fits(again, graph, error, sizeof error), i == 0, "%s", error);
        if (i == 0)
            cr_assert_eq(ga_plan_check(again, graph, error, sizeof error), GA_OK, "%s", error);
        char *text_again = write_as(again, NULL, GA_PLAN);
        cr_assert_str_eq(text, text_again);
        free(text_again);
        free(text);
        ga_plan_delete(again);
        ga_plan_delete(plans[i]);
    }
    ga_graph_delete(graph);
}

Test(plantext, a_left_out_node_comes_back)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id a = ga_graph_add(graph, &(struct ga_node){ .size = 64 });
    ga_id b = ga_graph_add(graph, &(struct ga_node){ .size = 64 });
    cr_assert_eq(ga_graph_sequence(graph, &b, 1), GA_OK);
    ga_plan *plan, *again;
    cr_assert_eq(ga_plan_graph(graph, NULL, &plan), GA_OK);
    char *text = write_as(plan, NULL, GA_PLAN), error[300] = "";
    cr_assert_eq(read_env(NULL, text, strlen(text), &again, error), GA_OK, "%s", error);
    cr_assert(ga_plan_fits(again, graph, error, sizeof error), "%s", error);
    cr_assert_not(ga_plan_slot(again, a, &(struct ga_slot){ 0 }));
    free(text);
    ga_plan_delete(again);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

Test(plantext, every_changed_byte_is_noticed)
{
    ga_graph *graph = small_graph();
    ga_plan *plan = small_plan(graph), *again;
    char *text = write_as(plan, NULL, GA_PLAN), error[300];
    size_t len = strlen(text);
    for (size_t at = 0; at + 1 < len; at++) { /* the last line end may be missing */
        cr_assert_eq(read_env(NULL, text, at, &again, error), GA_INVALID, "cut at %d", (int)at);
        for (unsigned bit = 0; bit < 8; bit++) {
            text[at] ^= (char)(1u << bit);
            bool only_case = at + 18 > len && (text[at] | 0x20) == (text[at] ^ (char)(1u << bit)); /* of a hex digit in the seal */
            cr_assert(only_case || read_env(NULL, text, len, &again, error) == GA_INVALID, "bit %u of byte %d", bit, (int)at);
            cr_assert(only_case || strncmp(error, "line ", 5) == 0, "%s", error);
            text[at] ^= (char)(1u << bit);
        }
    }
    free(text);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

/* The checksum that a forger would write. */
static void seal(char *text)
{
    char *last = strstr(text, "seal\t");
    if (last)
        snprintf(last, 23, "seal\t%016" PRIx64 "\n", gai_text_sum(TEXT_SUM_START, text, (size_t)(last - text)));
}

static void expect_refused(const ga_plan *plan, const char *from, const char *to, const char *says)
{
    char *good = write_as(plan, NULL, GA_PLAN), error[300] = "";
    char *at = strstr(good, from);
    cr_assert(at, "'%s' is not in\n%s", from, good);
    size_t cap = strlen(good) + strlen(to) + 32;
    char *bad = malloc(cap);
    snprintf(bad, cap, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    seal(bad);
    ga_plan *read;
    cr_assert_eq(read_env(NULL, bad, strlen(bad), &read, error), GA_INVALID, "'%s'", to);
    cr_assert(strstr(error, says), "'%s': %s", to, error);
    free(bad);
    free(good);
}

Test(plantext, a_plan_that_contradicts_itself_is_refused)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        { "ga_plan\t1", "ga_plan\t2", "version 1" },
        { "found\tonline", "found\tluck", "effort 'luck'" },
        { "counts\t5", "counts\t2000000000", "'slot' or 'none' line belongs here" },
        { "counts\t5\t3", "counts\t5\t6", "at most 5" },
        { "counts\t5\t3\t2\t0", "counts\t5\t3\t2\t1", "times belong" },
        { "pool\t1", "pool\t0", "stands where 1 belongs" },
        { "pool\t0\t1", "pool\t0\t2", "'chunk' line belongs here" },
        { "chunk\t256", "chunk\t128", "above the peak" },
        { "chunk\t256", "chunk\t9223372036854775808", "at most" },
        { "slot\t2\t0\t0\t0\t100", "slot\t2\t0\t0\t0\t0", "no bytes" },
        { "slot\t2\t0\t0\t0\t100", "slot\t2\t0\t0\t200\t100", "end past their chunk" },
        { "slot\t2\t0\t0", "slot\t2\t0\t1", "no chunk 1" },
        { "slot\t2\t0\t0", "slot\t2\t2\t0", "at most 1" },
        { "none\t1", "none\t2", "stands where 1 belongs" },
        { "own\t2", "own\t1", "no slot" },
        { "own\t3", "own\t2", "named twice" },
        { "own\t2\nown\t3", "own\t3\nown\t2", "born before" },
    };
    ga_graph *graph = small_graph();
    ga_plan *plan = small_plan(graph), *bare = interval_plan();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(plan, cases[i].from, cases[i].to, cases[i].says);
    expect_refused(bare, "time\t200", "time\t100", "does not rise");
    expect_refused(bare, "counts\t3\t2\t1\t4", "counts\t3\t2\t1\t5", "'time' line belongs here");
    ga_plan_delete(bare);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

static void ask_everything(const ga_plan *plan, const ga_graph *graph)
{
    struct ga_live live[8];
    char why[200];
    struct test_text text = { 0 };
    struct ga_sink sink = test_sink(&text);
    for (unsigned pool = 0; pool < 3; pool++)
        ga_plan_live_at_peak(plan, pool, live, 8, NULL);
    ga_plan_check(plan, graph, why, sizeof why);
    for (int format = GA_TEXT; format <= GA_PLAN; format++)
        cr_assert_eq(ga_plan_write(plan, graph, (enum ga_format)format, &sink), GA_OK);
    test_text_fini(&text);
}

Test(plantext, a_forged_plan_harms_nobody)
{
    ga_graph *graph = small_graph();
    ga_plan *plans[] = { small_plan(graph), interval_plan() };
    uint32_t n_read = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        struct rng rng = { seed };
        const ga_plan *plan = plans[seed % 2];
        char *text = write_as(plan, NULL, GA_PLAN), error[300];
        size_t len = strlen(text);
        for (uint64_t k = rng_below(&rng, 3) + 1; k > 0; k--)
            text[rng_below(&rng, len - 22)] = "0123456789\t\n-af"[rng_below(&rng, 15)];
        seal(text);
        ga_plan *forged;
        if (read_env(NULL, text, strlen(text), &forged, error) == GA_OK) {
            ask_everything(forged, graph);
            ga_plan_delete(forged);
            n_read++;
        }
        free(text);
    }
    cr_assert_gt(n_read, 500);
    ga_plan_delete(plans[0]);
    ga_plan_delete(plans[1]);
    ga_graph_delete(graph);
}

Test(plantext, is_unharmed_when_memory_runs_out)
{
    ga_graph *graph = small_graph();
    ga_plan *plan = small_plan(graph);
    char *text = write_as(plan, NULL, GA_PLAN), error[300];
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status == GA_NO_MEMORY; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        ga_plan *again = NULL;
        status = read_env(&env, text, strlen(text), &again, error);
        ga_plan_delete(again);
        cr_assert_eq(mem.blocks, 0);
        cr_assert_not(mem.lied);
        cr_assert_lt(nth, 50);
    }
    cr_assert_eq(status, GA_OK);
    free(text);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

static void expect_text(const ga_plan *plan, const ga_graph *graph, enum ga_format format, const char *expected)
{
    char *text = write_as(plan, graph, format);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(plantext, writes_for_people_and_programs)
{
    ga_graph *graph = small_graph();
    ga_plan *plan = small_plan(graph);
    expect_text(plan, graph, GA_CSV, "id,pool,chunk,offset,size\n2,0,0,0,100\n3,0,0,128,100\n5,1,0,0,40\n");
    expect_text(plan, NULL, GA_CSV, "id,pool,chunk,offset,size\n2,0,0,0,100\n3,0,0,128,100\n4,0,0,192,36\n5,1,0,0,40\n");
    struct ga_plan_info info;
    char json[1024];
    ga_plan_info(plan, &info);
    snprintf(json, sizeof json,
             "{\"schema\":1,\"file\":null,\"name\":null,\"nodes\":5,\"storages\":3,\"effort\":\"online\",\"steps\":%" PRIu64 ","
             "\"peak\":320,\"bound\":320,\"proved\":true,\"fits\":null,\"pools\":[{\"pool\":0,\"name\":null,\"peak\":256,\"bound\":"
             "256,\"proved\":true,\"fits\":null,\"extra\":0,\"chunks\":[256]},{\"pool\":1,\"name\":null,\"peak\":64,\"bound\":64,"
             "\"proved\":true,\"fits\":null,\"extra\":0,\"chunks\":[64]}],\"recorded_peak\":null}\n",
             info.steps);
    expect_text(plan, graph, GA_JSON, json);
    expect_text(plan, graph, GA_TEXT,
                "plan: 320 B, optimal\n"
                "  5 tensors, 3 with bytes of their own; found by online\n\n"
                "  pool  name                peak       bound      engine  chunks\n"
                "     0                     256 B       256 B           -       1  optimal\n"
                "     1                      64 B        64 B           -       1  optimal\n");
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

Test(plantext, stops_when_the_sink_refuses)
{
    ga_plan *plan = interval_plan();
    for (int format = GA_TEXT; format <= GA_PLAN; format++) {
        struct test_text text = { .limit = 10 };
        struct ga_sink sink = test_sink(&text);
        cr_assert_eq(ga_plan_write(plan, NULL, (enum ga_format)format, &sink), GA_IO);
        test_text_fini(&text);
    }
    struct ga_sink none = { 0 };
    cr_assert_eq(ga_plan_write(plan, NULL, (enum ga_format)9, &none), GA_INVALID);
    ga_plan_delete(plan);
}

/* A capacity, and memory beyond the graph, as the report sees them. */
Test(plantext, fits_only_with_what_is_beyond_the_graph)
{
    ga_graph *graph = small_graph();
    ga_plan *plan = small_plan(graph);
    struct tgraph_extra extra = { .bytes = 100, .pool = 0 };
    struct tgraph_buffer buffers[2] = { { .pool = 0, .name = "A" }, { .pool = 1, .name = "B" } };
    struct tgraph file = { .extras = &extra, .n_extras = 1, .buffers = buffers, .n_buffers = 2, .name = "g" };
    static const struct {
        uint64_t capacity[2];
        enum fit fit;
    } cases[] = {
        { { 0, 0 }, FIT_UNKNOWN }, { { 356, 0 }, FIT_YES }, { { 355, 0 }, FIT_NO },
        { { 356, 64 }, FIT_YES },  { { 356, 63 }, FIT_NO }, { { 0, 64 }, FIT_YES },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report report = { .plan = plan, .file = &file, .capacity = cases[i].capacity, .n_capacity = 2 };
        cr_assert_eq(gai_report_fit(&report), cases[i].fit, "case %d", (int)i);
    }
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

Test(plantext, escapes_strings)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { NULL, "null" },
        { "", "\"\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\n\x01\x7f", "\"\\u000a\\u0001\\u007f\"" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "a\xff\xc3", "\"a\\ufffd\\ufffd\"" },
        { "\xc0\x80", "\"\\ufffd\\ufffd\"" },
        { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_text text = { 0 };
        struct ga_sink sink = test_sink(&text);
        struct text out = text_to(&sink);
        gai_json_string(&out, cases[i].text);
        cr_assert_eq(gai_text_end(&out), GA_OK);
        cr_assert_str_eq(text.text, cases[i].json);
        test_text_fini(&text);
    }
}
