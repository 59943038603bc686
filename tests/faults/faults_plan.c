/*
 * Plans, their text, and orders.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
    ga_graph *graph;
    ga_plan *plan;
    const struct ga_plan_opts *opts;
} it;

/* Two chains through each other, in two pools: an order of it can be better. */
static void make_graph(struct rig *rig)
{
    it.graph = ga_graph_new(&rig->env);
    for (ga_id id = 1; id <= 24; id++) {
        ga_id src[] = { id > 2 ? id - 2 : GA_NONE, id > 9 && id % 3 == 0 ? id - 7 : GA_NONE };
        struct ga_node node = { .name = "node", .size = 64u * (1 + id * 7 % 11), .pool = id % 8 == 7, .src = src, .n_src = 2 };
        node.reuse = id % 4 == 0;
        node.flags = id < 3 ? GA_INPUT : id > 22 ? GA_OUTPUT : 0;
        cr_assert_eq(ga_graph_add(it.graph, &node), id);
    }
}

static const uint64_t limits[] = { 1024, 1024 }, fits[] = { 1 << 20, 1 << 20 };
static const struct ga_plan_opts none = { .effort = GA_EFFORT_NONE }, online = { .effort = GA_EFFORT_ONLINE },
                                 quick = { .effort = GA_EFFORT_QUICK }, prove = { .effort = GA_EFFORT_PROVE, .steps = 20000 },
                                 search = { .effort = GA_EFFORT_SEARCH, .steps = 20000, .seed = 3 },
                                 chunks = { .effort = GA_EFFORT_QUICK, .n_pools = 2, .chunk_max = limits },
                                 capacity = { .effort = GA_EFFORT_PROVE, .n_pools = 2, .capacity = fits };

/* clang-format off */
static void make_none(struct rig *rig) { make_graph(rig); it.opts = &none; }
static void make_online(struct rig *rig) { make_graph(rig); it.opts = &online; }
static void make_quick(struct rig *rig) { make_graph(rig); it.opts = &quick; }
static void make_search(struct rig *rig) { make_graph(rig); it.opts = &search; }
static void make_prove(struct rig *rig) { make_graph(rig); it.opts = &prove; }
static void make_chunks(struct rig *rig) { make_graph(rig); it.opts = &chunks; }
static void make_capacity(struct rig *rig) { make_graph(rig); it.opts = &capacity; }
/* clang-format on */

static enum ga_status call_plan(struct rig *rig)
{
    (void)rig;
    return ga_plan_graph(it.graph, it.opts, &it.plan);
}

static void make_plan(struct rig *rig)
{
    make_search(rig);
    cr_assert_eq(call_plan(rig), GA_OK);
}

/* So much that its text takes several writes. */
static void make_large(struct rig *rig)
{
    it.graph = ga_graph_new(&rig->env);
    it.opts = &online;
    for (ga_id id = 1; id <= 1000; id++) {
        ga_id src[] = { id - 1, id / 2 };
        cr_assert_eq(ga_graph_add(it.graph, &(struct ga_node){ .name = "node", .size = 64 * id, .src = src, .n_src = 2 }), id);
    }
    cr_assert_eq(call_plan(rig), GA_OK);
}

/* ga_graph_error() is not looked at: planning leaves there why it failed. */
static void look(struct rig *rig)
{
    struct ga_plan_info info;
    if (it.graph)
        say(rig, "graph: %d %llx\n", (int)ga_graph_status(it.graph), (unsigned long long)ga_graph_signature(it.graph));
    if (!it.plan)
        return;
    ga_plan_info(it.plan, &info);
    say(rig, "plan: %d %d %llu steps %d %u %u %u\n", (int)info.verdict, info.stopped, (unsigned long long)info.steps,
        (int)info.reached, info.n_nodes, info.n_storages, info.n_pools);
    for (ga_id id = 1; id <= info.n_nodes; id++) {
        struct ga_slot slot = { 0 };
        uint64_t birth = 0, death = 0;
        bool is_placed = ga_plan_slot(it.plan, id, &slot) && ga_plan_life(it.plan, id, &birth, &death);
        say(rig, "%u: %d %u.%u.%llu+%llu [%llu, %llu)\n", id, is_placed, slot.pool, slot.chunk, (unsigned long long)slot.offset,
            (unsigned long long)slot.size, (unsigned long long)birth, (unsigned long long)death);
    }
    for (unsigned pool = 0; pool < info.n_pools; pool++)
        for (unsigned chunk = 0; chunk == 0 || ga_plan_chunk(it.plan, pool, chunk); chunk++)
            say(rig, "%u.%u: %llu of %llu, %llu\n", pool, chunk, (unsigned long long)ga_plan_chunk(it.plan, pool, chunk),
                (unsigned long long)ga_plan_peak(it.plan, pool), (unsigned long long)ga_plan_bound(it.plan, pool));
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_plan_delete(it.plan);
    ga_graph_delete(it.graph);
    memset(&it, 0, sizeof it);
}

static enum ga_status intervals(struct rig *rig, const struct ga_plan_opts *opts, bool fixed)
{
    struct ga_interval list[20];
    for (uint32_t i = 0; i < 20; i++)
        list[i] = (struct ga_interval){ .size = 1 + i * 37 % 23, .birth = i * 5 % 17, .death = i * 5 % 17 + 1 + i * 3 % 7 };
    list[4].fixed = fixed ? 1 + 64 : 0;
    return ga_plan_intervals(&rig->env, list, 20, opts, &it.plan);
}

/* clang-format off */
static enum ga_status call_intervals_none(struct rig *rig) { return intervals(rig, &none, false); }
static enum ga_status call_intervals_online(struct rig *rig) { return intervals(rig, &online, true); }
static enum ga_status call_intervals_quick(struct rig *rig) { return intervals(rig, NULL, true); }
static enum ga_status call_intervals_search(struct rig *rig) { return intervals(rig, &search, true); }
static enum ga_status call_intervals_prove(struct rig *rig) { return intervals(rig, &prove, false); }
/* clang-format on */

static enum ga_status call_check(struct rig *rig)
{
    char why[200] = "";
    enum ga_status status = ga_plan_check(it.plan, it.graph, why, sizeof why);
    if (status == GA_OK)
        say(rig, "%s", why);
    return status;
}

static enum ga_status call_order(struct rig *rig)
{
    ga_id list[64] = { 77 };
    size_t n = 77;
    struct ga_order_info info = { .n_moved = 77 };
    struct ga_order_opts opts = { .plan = search };
    enum ga_status status = ga_order(it.graph, &opts, list, &n, &info);
    if (status != GA_OK) {
        cr_assert(list[0] == 77 && n == 77 && info.n_moved == 77, "outputs are written");
        return status;
    }
    say(rig, "%llu %u %d:", (unsigned long long)info.bound_after, info.n_moved, info.optimal);
    for (size_t i = 0; i < n; i++)
        say(rig, " %u", list[i]);
    return status;
}

static enum ga_status call_order_check(struct rig *rig)
{
    ga_id list[48] = { 0 };
    (void)rig;
    for (ga_id id = 1; id <= 24; id++)
        list[2 * id - 2] = id;
    return ga_order_check(it.graph, list, 48, NULL, 0);
}

/* clang-format off */
static enum ga_status call_text(struct rig *rig) { return ga_plan_write(it.plan, it.graph, GA_TEXT, &rig->sink); }
static enum ga_status call_json(struct rig *rig) { return ga_plan_write(it.plan, it.graph, GA_JSON, &rig->sink); }
static enum ga_status call_csv(struct rig *rig) { return ga_plan_write(it.plan, it.graph, GA_CSV, &rig->sink); }
static enum ga_status call_graph(struct rig *rig) { return ga_graph_write(it.graph, &rig->sink); }
static enum ga_status call_file(struct rig *rig) { return ga_plan_write(it.plan, it.graph, GA_PLAN, &rig->sink); }
/* clang-format on */

static void make_file(struct rig *rig)
{
    struct ga_sink sink = test_sink(&rig->text);
    make_plan(rig);
    cr_assert_eq(ga_plan_write(it.plan, it.graph, GA_PLAN, &sink), GA_OK);
    drop(rig);
}

static enum ga_status call_read(struct rig *rig)
{
    char error[200] = "";
    return ga_plan_read(&rig->env, &rig->source, &it.plan, error, sizeof error);
}

static enum ga_status call_quiet(struct rig *rig)
{
    struct ga_live live[30];
    ga_id ids[30];
    uint64_t step = 0;
    char why[100] = "";
    uint32_t n = ga_plan_live_at_peak(it.plan, 0, live, 30, &step), n_ids = ga_plan_storages(it.plan, 0, ids, 30);
    say(rig, "%u live, %u %u in step %llu, fits %d", n, live[0].id, ids[n_ids - 1], (unsigned long long)step,
        ga_plan_fits(it.plan, it.graph, why, sizeof why));
    ga_plan_delete(ga_plan_retain(it.plan));
    return GA_OK;
}

static const struct row rows[] = {
    { "ga_plan_graph", ASKS_MEMORY, .make = make_none, .call = call_plan },
    { "ga_plan_graph", ASKS_MEMORY, .make = make_online, .call = call_plan },
    { "ga_plan_graph", ASKS_MEMORY, .make = make_quick, .call = call_plan },
    { "ga_plan_graph", ASKS_MEMORY, .make = make_search, .call = call_plan },
    { "ga_plan_graph", ASKS_MEMORY, .make = make_prove, .call = call_plan },
    { "ga_plan_graph", ASKS_MEMORY, .make = make_chunks, .call = call_plan },
    { "ga_plan_graph", ASKS_MEMORY, .make = make_capacity, .call = call_plan },
    { "ga_plan_intervals", ASKS_MEMORY, .call = call_intervals_none },
    { "ga_plan_intervals", ASKS_MEMORY, .call = call_intervals_online },
    { "ga_plan_intervals", ASKS_MEMORY, .call = call_intervals_quick },
    { "ga_plan_intervals", ASKS_MEMORY, .call = call_intervals_search },
    { "ga_plan_intervals", ASKS_MEMORY, .call = call_intervals_prove },
    { "ga_plan_check", ASKS_MEMORY, .make = make_plan, .call = call_check },
    { "ga_plan_write", ASKS_SINK, .make = make_plan, .call = call_text },
    { "ga_plan_write", ASKS_SINK, .make = make_plan, .call = call_json },
    { "ga_plan_write", ASKS_SINK, .make = make_plan, .call = call_csv },
    { "ga_plan_write", ASKS_SINK, .make = make_plan, .call = call_file },
    { "ga_plan_write", ASKS_SINK, .make = make_large, .call = call_text },
    { "ga_plan_write", ASKS_SINK, .make = make_large, .call = call_json },
    { "ga_plan_write", ASKS_SINK, .make = make_large, .call = call_csv },
    { "ga_plan_write", ASKS_SINK, .make = make_large, .call = call_file },
    { "ga_graph_write", ASKS_MEMORY | ASKS_SINK, .make = make_large, .call = call_graph },
    { "ga_plan_read", ASKS_MEMORY | ASKS_SOURCE, .make = make_file, .call = call_read },
    { "ga_order", ASKS_MEMORY, .make = make_graph, .call = call_order },
    { "ga_order_check", ASKS_MEMORY, .make = make_graph, .call = call_order_check },
    { "ga_plan_info ga_plan_slot ga_plan_storages ga_plan_life ga_plan_chunk ga_plan_peak ga_plan_bound ga_plan_fits "
      "ga_plan_live_at_peak ga_plan_retain ga_plan_delete",
      0, .make = make_plan, .call = call_quiet },
};

const struct area faults_plan = {
    "plans", rows, sizeof rows / sizeof *rows, false, look, drop,
};
