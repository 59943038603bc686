/*
 * Graphs, and their text.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
    ga_graph *graph;
    bool sticks; /* a failure of the call is told by the graph until it is cleared */
} it;

static char keys[64];

enum { NODES = 12 };

/* A bit of everything: names, views, heirs, a cache that is written to, what is extended. */
static void fill(ga_graph *graph)
{
    ga_id in =
        ga_graph_add(graph, &(struct ga_node){ .key = &keys[1], .name = "in", .op = "NONE", .size = 4096, .flags = GA_INPUT });
    ga_id kept = ga_graph_add(graph, &(struct ga_node){ .key = &keys[2], .name = "kept", .size = 9000, .flags = GA_EXTERNAL });
    for (ga_id id = 3; id <= NODES; id++) {
        ga_id src[] = { id > 4 ? id - 1 : in, id > 6 ? id - 3 : kept };
        struct ga_node node = {
            .key = &keys[id], .name = "link", .op = "ADD", .size = 512u * id, .src = src, .n_src = 2, .reuse = 1
        };
        if (id == 7)
            node = (struct ga_node){ .key = &keys[id], .size = 256, .view_of = 6, .view_offset = 64, .src = src, .n_src = 1 };
        cr_assert_eq(ga_graph_add(graph, &node), id);
    }
}

static void make_empty(struct rig *rig)
{
    it.graph = ga_graph_new(&rig->env);
}

static void make_graph(struct rig *rig)
{
    make_empty(rig);
    fill(it.graph);
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_graph_delete(it.graph);
    memset(&it, 0, sizeof it);
}

static enum ga_status add_plain(struct rig *rig)
{
    return made(rig, ga_graph_add(it.graph, &(struct ga_node){ .size = 64 }) != GA_NONE);
}

/* So full that there is no room for one more; built again, since the graph keeps telling of its failure. */
static void make_full(struct rig *rig)
{
    make_graph(rig);
    fill_up(rig, add_plain);
    uint32_t n = ga_graph_len(it.graph);
    drop(rig);
    make_graph(rig);
    it.sticks = true;
    while (ga_graph_len(it.graph) < n)
        cr_assert_eq(add_plain(rig), GA_OK);
}

static void look(struct rig *rig)
{
    struct ga_node node;
    if (!it.graph)
        return;
    say(rig, "%u nodes, signature %llx\n", ga_graph_len(it.graph), (unsigned long long)ga_graph_signature(it.graph));
    if (!it.sticks)
        say(rig, "status %d, %s\n", (int)ga_graph_status(it.graph), ga_graph_error(it.graph) ? ga_graph_error(it.graph) : "sound");
    for (ga_id id = 1; ga_graph_node(it.graph, id, &node); id++) {
        say(rig, "%u %s %s %llu %llu %u %u@%llu", id, node.name, node.op, (unsigned long long)node.size,
            (unsigned long long)node.reuse, node.flags, node.view_of, (unsigned long long)node.view_offset);
        for (uint32_t i = 0; i < node.n_src; i++)
            say(rig, " %u", node.src[i]);
        say(rig, ", %u children, %u views, is %u\n", ga_graph_children(it.graph, id), ga_graph_views(it.graph, id),
            node.key ? ga_graph_find(it.graph, node.key) : 0);
    }
}

static enum ga_status call_new(struct rig *rig)
{
    it.graph = ga_graph_new(&rig->env);
    return made(rig, it.graph != NULL);
}

static enum ga_status call_reserve(struct rig *rig)
{
    (void)rig;
    return ga_graph_reserve(it.graph, 1000, 2000);
}

/* After a failure the graph is built again: it tells of the first until it is cleared. */
static enum ga_status add(struct rig *rig, const struct ga_node *node)
{
    if (ga_graph_status(it.graph) != GA_OK) {
        uint32_t n = ga_graph_len(it.graph);
        ga_graph_clear(it.graph);
        fill(it.graph);
        while (ga_graph_len(it.graph) < n)
            ga_graph_add(it.graph, &(struct ga_node){ .size = 64 });
    }
    ga_id id = ga_graph_add(it.graph, node);
    say(rig, "%u", id);
    if (id == GA_NONE)
        cr_assert_eq(ga_graph_status(it.graph), rig->failure, "it sticks");
    return made(rig, id != GA_NONE);
}

static enum ga_status call_add(struct rig *rig)
{
    ga_id src[100];
    for (ga_id i = 0; i < 100; i++)
        src[i] = 1 + i % NODES;
    return add(rig, &(struct ga_node){ .key = &keys[20], .name = "more", .op = "MUL", .size = 77, .src = src, .n_src = 100 });
}

static enum ga_status call_add_early(struct rig *rig)
{
    ga_id late = ga_graph_len(it.graph) + 2;
    return add(rig, &(struct ga_node){ .flags = GA_DEPEND, .src = &late, .n_src = 1 });
}

static enum ga_status call_sequence(struct rig *rig)
{
    const ga_id list[] = { 1, 3, GA_NONE, 4, 5, GA_NONE, 6, GA_NONE, 7, 8, GA_NONE };
    (void)rig;
    return ga_graph_sequence(it.graph, list, sizeof list / sizeof *list);
}

/* One that is replaced. */
static void make_resequenced(struct rig *rig)
{
    const ga_id list[] = { 1, GA_NONE, 3, 4, GA_NONE, 5, GA_NONE };
    make_graph(rig);
    cr_assert_eq(ga_graph_sequence(it.graph, list, sizeof list / sizeof *list), GA_OK);
}

static enum ga_status call_extend(struct rig *rig)
{
    (void)rig;
    return ga_graph_extend(it.graph, 3, 10);
}

static void make_sequence(struct rig *rig)
{
    make_graph(rig);
    cr_assert_eq(call_sequence(rig), GA_OK);
    cr_assert_eq(call_extend(rig), GA_OK);
}

static enum ga_status call_write(struct rig *rig)
{
    return ga_graph_write(it.graph, &rig->sink);
}

static void make_text(struct rig *rig)
{
    struct ga_sink sink = test_sink(&rig->text);
    make_sequence(rig);
    cr_assert_eq(ga_graph_write(it.graph, &sink), GA_OK);
    drop(rig);
}

static enum ga_status call_read(struct rig *rig)
{
    char error[200] = "";
    ga_graph *graph = it.graph;
    enum ga_status status = ga_graph_read(&rig->env, &rig->source, &graph, error, sizeof error);
    if (status != GA_OK) {
        say(rig, "%s", error);
        cr_assert_eq(graph, it.graph);
    }
    it.graph = graph;
    return status;
}

static enum ga_status call_quiet(struct rig *rig)
{
    say(rig, "%s %x", ga_status_str(GA_STALE), (unsigned)ga_version());
    look(rig);
    ga_graph_clear(it.graph);
    ga_graph_borrow(it.graph, true);
    ga_graph_delete(it.graph);
    it.graph = NULL;
    return GA_OK;
}

static const struct row rows[] = {
    { "ga_graph_new", ASKS_MEMORY, .call = call_new },
    { "ga_graph_reserve", ASKS_MEMORY, .keeps = true, .make = make_graph, .call = call_reserve },
    { "ga_graph_add", ASKS_MEMORY, .keeps = true, .make = make_full, .call = call_add },
    { "ga_graph_add", ASKS_MEMORY, .keeps = true, .make = make_full, .call = call_add_early },
    { "ga_graph_sequence", ASKS_MEMORY, .keeps = true, .make = make_graph, .call = call_sequence },
    { "ga_graph_sequence", ASKS_MEMORY, .keeps = true, .make = make_resequenced, .call = call_sequence },
    { "ga_graph_extend", ASKS_MEMORY, .keeps = true, .make = make_graph, .call = call_extend },
    { "ga_graph_write", ASKS_MEMORY | ASKS_SINK, .make = make_graph, .call = call_write },
    { "ga_graph_write", ASKS_MEMORY | ASKS_SINK, .make = make_sequence, .call = call_write },
    { "ga_graph_read", ASKS_MEMORY | ASKS_SOURCE, .make = make_text, .call = call_read },
    { "ga_status_str ga_version ga_graph_children ga_graph_views ga_graph_find ga_graph_node ga_graph_len ga_graph_status "
      "ga_graph_error ga_graph_signature ga_graph_clear ga_graph_borrow ga_graph_delete",
      0, .make = make_sequence, .call = call_quiet },
};

const struct area faults_graph = {
    "graphs", rows, sizeof rows / sizeof *rows, false, look, drop,
};
