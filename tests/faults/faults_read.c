/*
 * Inside the library: readers of the formats that no public function reads, and what is written of them.
 */
#include "faults.h"

#include "io/alloc_trace.h"
#include "io/csv.h"
#include "io/gen.h"
#include "io/plan_csv.h"
#include "io/report.h"
#include "io/tgraph_order.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
    struct alloc_trace trace;
    struct intervals intervals;
    struct tgraph file;
    struct generated generated;
    ga_plan *plan, *placed;
    bool has_trace, has_intervals, has_file, has_generated;
} it;

static struct mishap mishap;

static void give_text(struct rig *rig, const char *text)
{
    struct ga_sink sink = test_sink(&rig->text);
    cr_assert(sink.write(sink.user, text, strlen(text)));
}

/* clang-format off */
static void make_ours(struct rig *rig) { give_text(rig, "alloctrace 1\n# mine\na 7 4096\na 9 10 1\ns 7 1\nw 1 20 7\nf 7\nt 5\ny\n"); }
static void make_rmm(struct rig *rig) { give_text(rig, "Thread,Time,Action,Pointer,Size,Stream\n1,0,free,1,64,0\n1,0,allocate,2,64,0x2\n"); }
static void make_csv(struct rig *rig) { give_text(rig, "id,lower,upper,size\nx,0,2,10\ny,1,3,6\nz,2,7,11\n"); }
/* clang-format on */

static void make_pytorch(struct rig *rig)
{
    give_text(rig, "{\"segments\": [{\"blocks\": [{}]}], \"device_traces\": [[], [\n"
                   " {\"action\": \"alloc\", \"addr\": 100, \"size\": 512, \"stream\": 0, \"frames\": [{\"name\": \"f\\n\"}]},\n"
                   " {\"action\": \"free_requested\", \"addr\": 100, \"size\": 512, \"stream\": 0}]]}\n");
}

static enum ga_status call_trace(struct rig *rig)
{
    enum ga_status status = gai_alloc_trace_read(&rig->env.mem, &rig->source, &it.trace, &mishap);
    it.has_trace |= status == GA_OK;
    return status;
}

static enum ga_status call_csv(struct rig *rig)
{
    enum ga_status status = gai_intervals_read(&rig->env.mem, &rig->source, &it.intervals, &mishap);
    it.has_intervals |= status == GA_OK;
    return status;
}

static const char *const small =
    "tgraph\t1\nname\tsmall\nbuffers\t1\nbuffer\t0\t32\t18446744073709551615\t0\tCPU\ncounts\t3\t1\t2\t0\n"
    "t\t0\tl\tNONE\tf32\t16\t1\t1\t1\t4\t64\t64\t64\t64\t64\t0\tai\t-1\t0\t-\tin\n"
    "t\t1\tn\tADD\tf32\t16\t1\t1\t1\t4\t64\t64\t64\t64\t64\t0\ta\t-1\t0\t0\tone\n"
    "t\t2\tn\tADD\tf32\t16\t1\t1\t1\t4\t64\t64\t64\t64\t64\t0\tao\t-1\t0\t0\ttwo\nend\n";

static void make_tgraph(struct rig *rig)
{
    give_text(rig, small);
}

static enum ga_status call_tgraph(struct rig *rig)
{
    enum ga_status status = gai_tgraph_read(&rig->env, &rig->source, INPLACE_VIEWS, &it.file, &mishap);
    it.has_file |= status == GA_OK;
    return status;
}

static void make_placed(struct rig *rig)
{
    struct test_text out = { 0 };
    struct ga_sink sink = test_sink(&out);
    give_text(rig, small);
    cr_assert_eq(call_tgraph(rig), GA_OK, "%s", mishap.what);
    cr_assert_eq(ga_plan_graph(it.file.graph, NULL, &it.plan), GA_OK);
    struct report report = { .plan = it.plan, .graph = it.file.graph, .file = &it.file };
    struct text text = text_to(&sink);
    gai_report_write(&report, GA_CSV, &text);
    cr_assert_eq(gai_text_end(&text), GA_OK);
    rig->text.len = rig->at = 0;
    give_text(rig, out.text);
    test_text_fini(&out);
}

static enum ga_status call_placed(struct rig *rig)
{
    return gai_plan_csv_read(&rig->source, &it.file, it.plan, &it.placed, &mishap);
}

static enum ga_status call_reorder(struct rig *rig)
{
    const uint32_t order[] = { 0, 2, 1 };
    struct text out = text_to(&rig->sink);
    enum ga_status status = gai_tgraph_reorder(&it.file, small, strlen(small), order, NULL, &out), end = gai_text_end(&out);
    return status == GA_OK ? end : status;
}

static void make_file(struct rig *rig)
{
    make_tgraph(rig);
    cr_assert_eq(call_tgraph(rig), GA_OK);
}

static enum ga_status call_perfect(struct rig *rig)
{
    const struct gen_perfect wish = { .n_pieces = 40, .seed = 7 };
    enum ga_status status = gai_gen_perfect(&rig->env.mem, &wish, &it.generated);
    it.has_generated |= status == GA_OK;
    return status;
}

static enum ga_status call_random(struct rig *rig)
{
    const struct gen_random wish = { .n = 40, .live = 5, .seed = 7 };
    enum ga_status status = gai_gen_random(&rig->env.mem, &wish, &it.generated);
    it.has_generated |= status == GA_OK;
    return status;
}

static void look(struct rig *rig)
{
    if (it.has_trace)
        say(rig, "%u events, %u blocks, %u streams\n", it.trace.n, it.trace.n_blocks, it.trace.n_streams);
    for (uint32_t i = 0; it.has_intervals && i < it.intervals.n; i++)
        say(rig, "%s: %llu\n", gai_intervals_id(&it.intervals, i), (unsigned long long)it.intervals.at[i].size);
    if (it.has_file)
        say(rig, "%u tensors, %s\n", it.file.n_tensors, it.file.name);
    for (uint32_t i = 0; it.has_generated && i < it.generated.n; i++)
        say(rig, "%llu at %llu\n", (unsigned long long)it.generated.at[i].size, (unsigned long long)it.generated.at[i].birth);
    if (it.placed)
        say(rig, "%llu bytes\n", (unsigned long long)ga_plan_peak(it.placed, 0));
}

static void drop(struct rig *rig)
{
    ga_plan_delete(it.plan);
    ga_plan_delete(it.placed);
    if (it.has_trace)
        gai_alloc_trace_fini(&it.trace);
    if (it.has_intervals)
        gai_intervals_fini(&it.intervals);
    if (it.has_file)
        gai_tgraph_fini(&it.file);
    if (it.has_generated)
        gai_generated_fini(&rig->env.mem, &it.generated);
    memset(&it, 0, sizeof it);
}

static const struct row rows[] = {
    { "gai_alloc_trace_read", ASKS_MEMORY | ASKS_SOURCE, .goes_on = "\n#", .make = make_ours, .call = call_trace },
    { "gai_alloc_trace_read", ASKS_MEMORY | ASKS_SOURCE, .goes_on = "\n", .make = make_rmm, .call = call_trace },
    { "gai_alloc_trace_read", ASKS_MEMORY | ASKS_SOURCE, .goes_on = "x1#\n\t", .make = make_pytorch, .call = call_trace },
    { "gai_intervals_read", ASKS_MEMORY | ASKS_SOURCE, .goes_on = "\n", .make = make_csv, .call = call_csv },
    { "gai_tgraph_read", ASKS_MEMORY | ASKS_SOURCE, .make = make_tgraph, .call = call_tgraph },
    { "gai_plan_csv_read", ASKS_MEMORY | ASKS_SOURCE, .goes_on = "\n", .make = make_placed, .call = call_placed },
    { "gai_tgraph_reorder", ASKS_MEMORY | ASKS_SINK, .make = make_file, .call = call_reorder },
    { "gai_gen_perfect", ASKS_MEMORY, .call = call_perfect },
    { "gai_gen_random", ASKS_MEMORY, .call = call_random },
};

const struct area faults_read = {
    "readers", rows, sizeof rows / sizeof *rows, false, look, drop,
};
