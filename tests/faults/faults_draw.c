/*
 * Inside the library: plans as pictures.
 */
#include "faults.h"

#include "io/scene_diff.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NODES = 60 };

static struct {
    ga_graph *graph;
    ga_plan *plan, *other;
    struct report report, changed;
} it;

/* Two plans for one graph. */
static void make_plans(struct rig *rig)
{
    const struct ga_plan_opts none = { .effort = GA_EFFORT_NONE };
    it.graph = ga_graph_new(&rig->env);
    for (ga_id id = 1; id <= NODES; id++) {
        ga_id src[] = { id - 1, id / 2 };
        struct ga_node node = { .name = "node", .op = id % 3 ? "ADD" : "MUL", .size = 64 * (1 + id % 7), .src = src, .n_src = 2 };
        cr_assert_eq(ga_graph_add(it.graph, &node), id);
    }
    cr_assert_eq(ga_plan_graph(it.graph, NULL, &it.plan), GA_OK);
    cr_assert_eq(ga_plan_graph(it.graph, &none, &it.other), GA_OK);
    it.report = (struct report){ .plan = it.plan, .graph = it.graph, .path = "-" };
    it.changed = (struct report){ .plan = it.other, .graph = it.graph, .path = "-" };
}

typedef enum ga_status writer(const struct scene *scene, struct text *out);

/* A scene made, written and forgotten. */
static enum ga_status draw(struct rig *rig, writer *write)
{
    struct scene scene;
    struct text out = text_to(&rig->sink);
    enum ga_status status = gai_scene_make(&it.report, NULL, &scene);
    if (status != GA_OK)
        return status;
    status = write(&scene, &out);
    gai_scene_fini(&scene);
    enum ga_status end = gai_text_end(&out);
    return status == GA_OK ? end : status;
}

static enum ga_status write_text(const struct scene *scene, struct text *out)
{
    return gai_scene_text(scene, 200, true, out);
}

static enum ga_status write_html(const struct scene *scene, struct text *out)
{
    gai_scene_html(scene, out);
    return GA_OK;
}

static enum ga_status write_header(const struct scene *scene, struct text *out)
{
    gai_scene_header(scene, out);
    return GA_OK;
}

static enum ga_status write_diff(const struct scene *scene, struct text *out)
{
    struct scene other;
    struct scene_diff diff;
    enum ga_status status = gai_scene_make(&it.changed, NULL, &other);
    if (status != GA_OK)
        return status;
    status = gai_scene_diff(scene, &other, &diff);
    if (status == GA_OK) {
        gai_scene_diff_text(&diff, out);
        gai_scene_diff_html(&diff, out);
        status = gai_scene_diff_svg(&diff, out);
        gai_scene_diff_fini(&diff);
    }
    gai_scene_fini(&other);
    return status;
}

/* clang-format off */
static enum ga_status call_text(struct rig *rig) { return draw(rig, write_text); }
static enum ga_status call_svg(struct rig *rig) { return draw(rig, gai_scene_svg); }
static enum ga_status call_html(struct rig *rig) { return draw(rig, write_html); }
static enum ga_status call_memviz(struct rig *rig) { return draw(rig, gai_scene_memviz); }
static enum ga_status call_trace(struct rig *rig) { return draw(rig, gai_scene_trace); }
static enum ga_status call_header(struct rig *rig) { return draw(rig, write_header); }
static enum ga_status call_diff(struct rig *rig) { return draw(rig, write_diff); }
/* clang-format on */

/* What was written is compared by the call; nothing else changes. */
static void look(struct rig *rig)
{
    if (it.graph)
        say(rig, "%u nodes, %d", ga_graph_len(it.graph), (int)ga_graph_status(it.graph));
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_plan_delete(it.plan);
    ga_plan_delete(it.other);
    ga_graph_delete(it.graph);
    memset(&it, 0, sizeof it);
}

static const struct row rows[] = {
    { "gai_scene_make gai_scene_text", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_text },
    { "gai_scene_svg", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_svg },
    { "gai_scene_html", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_html },
    { "gai_scene_memviz", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_memviz },
    { "gai_scene_trace", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_trace },
    { "gai_scene_header", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_header },
    { "gai_scene_diff", ASKS_MEMORY | ASKS_SINK, .make = make_plans, .call = call_diff },
};

const struct area faults_draw = {
    "pictures", rows, sizeof rows / sizeof *rows, false, look, drop,
};
