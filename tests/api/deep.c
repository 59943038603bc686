/*
 * deep.c - graphs as deep, as wide and as tangled as ids allow, through all that walks them, on a stack of 64 KiB
 *
 *   usage: deep [NODES [SHAPE]]       default: 200,000 of each; given a number it says what each call took, in seconds
 *
 * Nothing may recurse over a graph, and no call may take time that grows much faster than the graph: a million each is for a bench.
 * A plain program, since what breaks its stack ends it.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ggml_alloc/gallocr.h"
#include "ggml_alloc/order.h"
#include "ggml_alloc/planned.h"
#include "ggml_alloc/sim.h"

enum { STACK = 64 << 10 };

static uint32_t n_nodes = 200000;
static const char *only;
static bool loud;
static unsigned failed;

static void expect(bool holds, const char *shape, const char *what)
{
    if (holds)
        return;
    failed++;
    printf("# %s: %s\n", shape, what);
}

static ga_id add(ga_graph *graph, struct ga_node node)
{
    node.size = node.size ? node.size : 64;
    return ga_graph_add(graph, &node);
}

static ga_id reads(ga_graph *graph, ga_id src, uint64_t size)
{
    return add(graph, (struct ga_node){ .size = size, .src = &src, .n_src = 1 });
}

/* Each reads the one before. */
static void chain(ga_graph *graph, uint32_t n)
{
    ga_id last = add(graph, (struct ga_node){ 0 });
    for (uint32_t i = 1; i < n; i++)
        last = reads(graph, last, 64 + i % 7 * 64);
}

/* Each takes over the bytes of the one before. */
static void in_place(ga_graph *graph, uint32_t n)
{
    ga_id last = add(graph, (struct ga_node){ 0 });
    for (uint32_t i = 1; i < n; i++)
        last = add(graph, (struct ga_node){ .src = &last, .n_src = 1, .reuse = 1, .eager = i % 2 });
}

/* Each is a view of the one before. */
static void views_of_views(ga_graph *graph, uint32_t n)
{
    ga_id last = add(graph, (struct ga_node){ 0 });
    for (uint32_t i = 1; i < n; i++)
        last = add(graph, (struct ga_node){ .src = &last, .n_src = 1, .view_of = last });
}

/* All are views of the first, every other read at once, the rest never or at the end. */
static void views_of_one(ga_graph *graph, uint32_t n)
{
    ga_id root = add(graph, (struct ga_node){ .size = 64 * (uint64_t)n });
    for (uint32_t i = 1; i < n; i += 2) {
        ga_id view = add(graph, (struct ga_node){ .view_of = root, .view_offset = 64 * (uint64_t)i });
        reads(graph, view, 64);
    }
}

/* All write through views of the first, as caches are updated. */
static void writes(ga_graph *graph, uint32_t n)
{
    ga_id root = add(graph, (struct ga_node){ .size = 64 * (uint64_t)n, .flags = GA_INPUT });
    for (uint32_t i = 1; i < n; i++)
        add(graph, (struct ga_node){ .view_of = root, .view_offset = 64 * (uint64_t)i, .flags = GA_WRITES });
}

/* All live until the last reads all of them. */
static void sources(ga_graph *graph, uint32_t n)
{
    ga_id *all = calloc(n, sizeof *all);
    for (uint32_t i = 0; i + 1 < n; i++)
        all[i] = add(graph, (struct ga_node){ .size = 64 + i % 5 * 64, .flags = i % 3 ? 0 : GA_INPUT });
    add(graph, (struct ga_node){ .src = all, .n_src = n - 1, .reuse = UINT64_MAX });
    free(all);
}

/* The first half is read in reverse by the second: as in training. */
static void nested(ga_graph *graph, uint32_t n)
{
    uint32_t half = n / 2;
    for (uint32_t i = 0; i < half; i++)
        i ? reads(graph, i, 64 + i % 5 * 64) : add(graph, (struct ga_node){ 0 });
    for (uint32_t i = half; i > 1; i--) {
        ga_id last = ga_graph_len(graph), src[] = { last, i - 1 };
        add(graph, (struct ga_node){ .size = 64 + i % 3 * 64, .src = src, .n_src = 2, .reuse = 3 });
    }
}

/* Everything reads the first, which a chain runs beside. */
static void hub(ga_graph *graph, uint32_t n)
{
    ga_id first = add(graph, (struct ga_node){ 0 }), last = first;
    for (uint32_t i = 1; i < n; i++) {
        ga_id src[] = { first, last };
        last = add(graph, (struct ga_node){ .src = src, .n_src = 2, .reuse = 2 });
    }
}

/* One step. */
static void together(ga_graph *graph, uint32_t n)
{
    ga_id last = add(graph, (struct ga_node){ 0 });
    for (uint32_t i = 1; i < n; i++)
        last = add(graph, (struct ga_node){ .src = &last, .n_src = 1, .flags = GA_TOGETHER });
}

/* Each is kept by a dependency that names it ahead, and extended to the end. */
static void ahead(ga_graph *graph, uint32_t n)
{
    for (uint32_t i = 1; i + 1 < n; i += 2) {
        ga_id later = i + 1;
        add(graph, (struct ga_node){ .src = &later, .n_src = 1, .flags = GA_DEPEND, .size = 1 });
        add(graph, (struct ga_node){ 0 });
        ga_graph_extend(graph, i + 1, (n - 1) / 2 * 2);
    }
}

/* Read soon, now and then late, by whom chance says; one in eight in another pool.  Fewer, since there is much to improve on. */
static void random_reads(ga_graph *graph, uint32_t n)
{
    n = n / 4 + 1;
    uint64_t x = 88172645463325252u;
    for (uint32_t i = 1; i <= n; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint32_t near = i < 9 ? 0 : (uint32_t)(i - 1 - x % 8), far = i < 9 ? 0 : (uint32_t)(1 + (x >> 8) % (i - 1));
        ga_id src[] = { near, x >> 40 & 15 ? near : far };
        add(graph, (struct ga_node){ .size = 64 * (1 + (x >> 20) % 64),
                                     .src = src,
                                     .n_src = i < 9 ? 0 : 2,
                                     .reuse = x & 3,
                                     .pool = x >> 50 & 7 ? 0 : 1,
                                     .flags = x >> 44 & 63 ? 0 : GA_OUTPUT });
    }
}

static const struct shape {
    const char *name;
    void (*make)(ga_graph *graph, uint32_t n);
} shapes[] = {
    { "chain", chain },
    { "in place", in_place },
    { "views of views", views_of_views },
    { "views of one", views_of_one },
    { "writes", writes },
    { "sources", sources },
    { "nested", nested },
    { "hub", hub },
    { "together", together },
    { "ahead", ahead },
    { "random", random_reads },
};

/* What a shape's calls hand on to each other. */
struct subject {
    const char *shape;
    ga_graph *graph;
    ga_plan *plan;
    char *text;
    size_t len, cap, at;
};

static bool keep(void *user, const char *text, size_t len)
{
    struct subject *s = user;
    if (s->len + len > s->cap) {
        s->cap = (s->len + len) * 2;
        s->text = realloc(s->text, s->cap);
    }
    memcpy(s->text + s->len, text, len);
    s->len += len;
    return true;
}

static size_t hand(void *user, char *buf, size_t cap)
{
    struct subject *s = user;
    size_t n = s->len - s->at < cap ? s->len - s->at : cap;
    memcpy(buf, s->text + s->at, n);
    s->at += n;
    return n;
}

static bool write_graph(struct subject *s)
{
    s->len = s->at = 0;
    return ga_graph_write(s->graph, &(struct ga_sink){ keep, s }) == GA_OK;
}

static bool read_graph(struct subject *s)
{
    ga_graph *graph = NULL;
    char error[200] = "";
    bool ok = ga_graph_read(NULL, &(struct ga_source){ hand, s }, &graph, error, sizeof error) == GA_OK;
    if (!ok)
        printf("# %s\n", error);
    ok = ok && ga_graph_len(graph) == ga_graph_len(s->graph);
    ga_graph_delete(graph);
    return ok;
}

static bool plan_at(struct subject *s, enum ga_effort effort, uint64_t steps)
{
    ga_plan_delete(s->plan);
    s->plan = NULL;
    return ga_plan_graph(s->graph, &(struct ga_plan_opts){ .effort = effort, .steps = steps }, &s->plan) == GA_OK;
}

static bool plan_none(struct subject *s)
{
    return plan_at(s, GA_EFFORT_NONE, 0);
}

static bool plan_online(struct subject *s)
{
    return plan_at(s, GA_EFFORT_ONLINE, 0);
}

static bool plan_search(struct subject *s)
{
    return plan_at(s, GA_EFFORT_SEARCH, 0);
}

static bool plan_prove(struct subject *s)
{
    return plan_at(s, GA_EFFORT_PROVE, 0);
}

static bool plan_quick(struct subject *s)
{
    return plan_at(s, GA_EFFORT_QUICK, 0);
}

static bool check(struct subject *s)
{
    char why[200] = "";
    enum ga_status status = ga_plan_check(s->plan, s->graph, why, sizeof why);
    if (status != GA_OK)
        printf("# %s\n", why);
    return status == GA_OK && ga_plan_fits(s->plan, s->graph, why, sizeof why);
}

static bool ask(struct subject *s)
{
    uint64_t birth, death;
    struct ga_slot slot;
    uint32_t n = 0;
    for (ga_id id = 1; id <= ga_graph_len(s->graph); id++)
        n += ga_plan_slot(s->plan, id, &slot) && ga_plan_life(s->plan, id, &birth, &death);
    return n > 0;
}

static bool explain(struct subject *s)
{
    uint32_t cap = ga_graph_len(s->graph), n;
    struct ga_live *live = calloc(cap, sizeof *live);
    n = ga_plan_live_at_peak(s->plan, 0, live, cap, NULL);
    bool sorted = n > 0;
    for (uint32_t i = 1; i < n; i++)
        sorted &= live[i - 1].size >= live[i].size;
    free(live);
    return sorted;
}

static bool write_all(struct subject *s)
{
    bool ok = true;
    for (int format = GA_TEXT; format <= GA_PLAN; format++) {
        s->len = s->at = 0;
        ok &= ga_plan_write(s->plan, s->graph, (enum ga_format)format, &(struct ga_sink){ keep, s }) == GA_OK;
    }
    return ok;
}

static bool read_plan(struct subject *s)
{
    ga_plan *plan = NULL;
    bool ok = ga_plan_read(NULL, &(struct ga_source){ hand, s }, &plan, NULL, 0) == GA_OK;
    ok = ok && ga_plan_fits(plan, s->graph, NULL, 0);
    ga_plan_delete(plan);
    return ok;
}

static bool order(struct subject *s)
{
    size_t n = 2 * (size_t)ga_graph_len(s->graph);
    ga_id *list = calloc(n, sizeof *list);
    char why[200] = "";
    bool ok = ga_order(s->graph, &(struct ga_order_opts){ .steps = 2 * n }, list, &n, NULL) == GA_OK &&
              ga_order_check(s->graph, list, n, why, sizeof why) == GA_OK;
    free(list);
    return ok;
}

static bool alloc(struct subject *s)
{
    const struct ga_backend *pools[] = { ga_backend_null(), ga_backend_null() };
    ga_arena *arena = ga_arena_new(NULL, pools, 2, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    uint64_t sizes[2];
    bool ok = ga_gallocr_measure(galloc, s->graph, sizes) == GA_OK && ga_gallocr_reserve(galloc, s->graph) == GA_OK;
    for (int i = 0; i < 2; i++)
        ok &= ga_gallocr_alloc_graph(galloc, s->graph) == GA_OK;
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    return ok;
}

static bool guard(struct subject *s)
{
    const struct ga_backend *pools[] = { ga_backend_cpu(), ga_backend_cpu() };
    ga_arena *arena = ga_arena_new(NULL, pools, 2, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    bool ok = ga_gallocr_guard(galloc, true) == GA_OK && ga_gallocr_alloc_graph(galloc, s->graph) == GA_OK;
    for (ga_id id = 1; ok && id <= ga_graph_len(s->graph); id++)
        ok = ga_gallocr_step_done(galloc, id) == GA_NONE;
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    return ok;
}

/* Its storages as places of a pool; what each allocation asks for is found in the plan. */
static bool pool(struct subject *s)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = (uint64_t)1 << 40 });
    ga_cache *cache = ga_cache_new(NULL, ga_sim_backend(sim), NULL);
    static const uint64_t align[] = { GA_CACHE_QUANTUM, GA_CACHE_QUANTUM };
    ga_plan *plan = NULL;
    ga_pool made;
    bool ok = ga_plan_graph(s->graph, &(struct ga_plan_opts){ .n_pools = 2, .align = align }, &plan) == GA_OK;
    ok = ok && ga_pool_new_planned(NULL, cache, plan, 0, 0, NULL, &made) == GA_OK;
    ga_plan_delete(plan);
    ga_cache_delete(cache);
    ga_sim_delete(sim);
    return ok;
}

static bool sequence(struct subject *s)
{
    uint32_t n = ga_graph_len(s->graph);
    ga_id *list = calloc((size_t)2 * n, sizeof *list);
    for (ga_id id = 1; id <= n; id++)
        list[2 * (id - 1)] = id;
    bool ok = ga_graph_sequence(s->graph, list, (size_t)2 * n) == GA_OK && plan_quick(s) && check(s);
    ga_graph_sequence(s->graph, NULL, 0);
    free(list);
    return ok;
}

/* Those with a limit look at all that lives, or at all pairs of a step, and say so in their headers. */
static const struct {
    const char *name;
    bool (*go)(struct subject *s);
    uint32_t most;
} calls[] = {
    { "none", plan_none, 0 },    { "online", plan_online, 0 },  { "quick", plan_quick, 0 },     { "check", check, 0 },
    { "ask", ask, 0 },           { "explain", explain, 20000 }, { "write plan", write_all, 0 }, { "read plan", read_plan, 0 },
    { "write", write_graph, 0 }, { "read", read_graph, 0 },     { "allocate", alloc, 0 },       { "guard", guard, 3000 },
    { "pool", pool, 0 },         { "search", plan_search, 0 },  { "prove", plan_prove, 0 },     { "order", order, 0 },
    { "sequence", sequence, 0 },
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void say(const char *what, double since)
{
    if (loud) {
        printf("  %s %.3f", what, now() - since);
        fflush(stdout);
    }
}

static void run(const struct shape *shape)
{
    struct subject s = { .shape = shape->name, .graph = ga_graph_new(NULL) };
    double since = now();
    if (loud)
        printf("%s:", shape->name);
    shape->make(s.graph, n_nodes);
    expect(ga_graph_status(s.graph) == GA_OK, shape->name, "is made");
    say("make", since);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        since = now();
        if (calls[i].most && n_nodes > calls[i].most)
            continue;
        expect(calls[i].go(&s), shape->name, calls[i].name);
        say(calls[i].name, since);
    }
    if (loud)
        puts("");
    ga_plan_delete(s.plan);
    ga_graph_delete(s.graph);
    free(s.text);
}

static void *run_all(void *user)
{
    (void)user;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (!only || !strcmp(only, shapes[i].name))
            run(&shapes[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t thread;
    loud = argc > 1;
    if (loud)
        n_nodes = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        only = argv[2];
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, STACK) != 0 || pthread_create(&thread, &attributes, run_all, NULL) != 0) {
        puts("# no thread with so small a stack");
        return 77;
    }
    pthread_join(thread, NULL);
    printf("%s: %zu shapes of %u nodes, %u mistakes\n", failed ? "not ok" : "ok", sizeof shapes / sizeof *shapes, n_nodes, failed);
    return failed != 0;
}
