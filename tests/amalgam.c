/*
 * amalgam.c - a program that uses what each part of the library offers, and prints what it answers: for amalgam.sh, which compiles it
 * as C11 and as C++17, with the library that was built and with the two files
 */
#include GA_HEADER

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 300, PIECES = 60 };

static uint32_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    printf("%s: no\n", what);
    exit(1);
}

static ga_graph *random_graph(uint32_t seed)
{
    ga_graph *graph = ga_graph_new(NULL);
    must(graph != NULL, "ga_graph_new");
    state = seed;
    for (uint32_t i = 1; i <= NODES; i++) {
        ga_id src[2] = { GA_NONE, GA_NONE };
        struct ga_node node;
        memset(&node, 0, sizeof node);
        node.size = (uint64_t)64 * (1 + draw(500));
        node.src = src;
        node.n_src = i > 1 ? 2 : 0;
        if (i > 1) {
            src[0] = i - 1 - draw(i > 9 ? 8 : i - 1);
            src[1] = i - 1 - draw(i > 30 ? 29 : i - 1);
            node.reuse = draw(4) == 0;
        } else {
            node.flags = GA_INPUT;
        }
        node.name = draw(2) ? "x" : NULL;
        ga_graph_add(graph, &node);
    }
    must(ga_graph_status(graph) == GA_OK, "ga_graph_add");
    return graph;
}

static void show_plan(const ga_plan *plan)
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    printf("peak %" PRIu64 ", bound %" PRIu64 ", reached %d, %" PRIu64 " steps:", ga_plan_peak(plan, 0), ga_plan_bound(plan, 0),
           (int)info.reached, info.steps);
    for (ga_id id = 1; id <= info.n_nodes; id++) {
        struct ga_slot slot;
        printf(" %" PRIu64, ga_plan_slot(plan, id, &slot) ? slot.offset : UINT64_MAX);
    }
    printf("\n");
}

static void plan_at_each_effort(const ga_graph *graph)
{
    for (int effort = GA_EFFORT_NONE; effort <= GA_EFFORT_PROVE; effort++) {
        struct ga_plan_opts opts;
        ga_plan *plan = NULL;
        char why[200] = "";
        memset(&opts, 0, sizeof opts);
        opts.effort = (enum ga_effort)effort;
        opts.steps = 100000;
        must(ga_plan_graph(graph, &opts, &plan) == GA_OK, "ga_plan_graph");
        must(ga_plan_check(plan, graph, why, sizeof why) == GA_OK, why);
        show_plan(plan);
        ga_plan_delete(plan);
    }
}

static void plan_intervals(void)
{
    struct ga_interval pieces[PIECES];
    ga_plan *plan = NULL;
    memset(pieces, 0, sizeof pieces);
    for (int i = 0; i < PIECES; i++) {
        pieces[i].size = 1 + draw(1000);
        pieces[i].birth = draw(40);
        pieces[i].death = pieces[i].birth + 1 + draw(10);
    }
    must(ga_plan_intervals(NULL, pieces, PIECES, NULL, &plan) == GA_OK, "ga_plan_intervals");
    show_plan(plan);
    ga_plan_delete(plan);
}

static void explain_misfit(const ga_graph *graph)
{
    ga_graph *other = random_graph(7);
    ga_plan *plan = NULL;
    char why[300] = "";
    must(ga_plan_graph(graph, NULL, &plan) == GA_OK, "ga_plan_graph");
    must(!ga_plan_fits(plan, other, why, sizeof why), "ga_plan_fits");
    printf("%s\n", why);
    ga_plan_delete(plan);
    ga_graph_delete(other);
}

static void linear(void)
{
    ga_tallocr *talloc = ga_tallocr_new_measure(NULL, 64);
    uint64_t offset = 0;
    must(talloc != NULL, "ga_tallocr_new_measure");
    for (int i = 0; i < 50; i++) {
        uint64_t size = 1 + draw(9999);
        must(ga_tallocr_alloc(talloc, size, &offset) == GA_OK, "ga_tallocr_alloc");
        if (draw(2))
            must(ga_tallocr_free(talloc, offset, size) == GA_OK, "ga_tallocr_free");
    }
    printf("linear: %" PRIu64 " at %" PRIu64 "\n", ga_tallocr_max(talloc), offset);
    ga_tallocr_delete(talloc);
}

#ifndef GA_NO_IO
static bool print_all(void *user, const char *bytes, size_t len)
{
    (void)user;
    return fwrite(bytes, 1, len, stdout) == len;
}

static void write_texts(const ga_graph *graph)
{
    struct ga_sink sink;
    ga_plan *plan = NULL;
    memset(&sink, 0, sizeof sink);
    sink.write = print_all;
    must(ga_graph_write(graph, &sink) == GA_OK, "ga_graph_write");
    must(ga_plan_graph(graph, NULL, &plan) == GA_OK, "ga_plan_graph");
    for (int format = GA_TEXT; format <= GA_PLAN; format++)
        must(ga_plan_write(plan, graph, (enum ga_format)format, &sink) == GA_OK, "ga_plan_write");
    ga_plan_delete(plan);
}
#endif

#ifndef GA_PLANNER_ONLY
static void run_graph(const ga_graph *graph)
{
    const struct ga_backend *pools[1] = { ga_backend_cpu() };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = arena ? ga_gallocr_new(NULL, arena, NULL) : NULL;
    must(galloc != NULL, "ga_gallocr_new");
    must(ga_gallocr_alloc_graph(galloc, graph) == GA_OK, "ga_gallocr_alloc_graph");
    for (ga_id id = 1; id <= NODES; id++)
        memset(ga_gallocr_addr(galloc, id), (int)id & 0xff, 64);
    printf("arena: %" PRIu64 " bytes\n", ga_arena_size(arena, 0));
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
}

static void cache_on_simulated_device(void)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), NULL);
    ga_cache *cache = sim ? ga_cache_new(NULL, ga_sim_backend(sim), NULL) : NULL;
    ga_block blocks[40];
    void *ptr;
    struct ga_cache_stats stats;
    must(cache != NULL, "ga_cache_new");
    for (int i = 0; i < 40; i++)
        must(ga_cache_alloc(cache, 1 + draw(4000000), 0, &blocks[i], &ptr) == GA_OK, "ga_cache_alloc");
    for (int i = 0; i < 40; i += 2)
        must(ga_cache_free(cache, blocks[i]) == GA_OK, "ga_cache_free");
    ga_cache_stats(cache, &stats);
    printf("cache: %" PRIu64 " reserved, %" PRIu64 " alive\n", stats.all.reserved_bytes.now, stats.all.allocated_bytes.now);
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}

static void say_sizes(void)
{
    char buf[32];
    uint64_t size = 1;
    for (int i = 0; i < 40; i++, size = size * 3 + draw(3))
        printf("%s ", ga_heap_format_size(buf, size, i & 1));
    printf("\n");
}
#endif

int main(void)
{
    ga_graph *graph = random_graph(1);
    printf("version %" PRIu32 ", signature %" PRIx64 "\n", ga_version(), ga_graph_signature(graph));
    plan_at_each_effort(graph);
    plan_intervals();
    explain_misfit(graph);
    linear();
#ifndef GA_PLANNER_ONLY
    run_graph(graph);
    cache_on_simulated_device();
    say_sizes();
#endif
#ifndef GA_NO_IO
    write_texts(graph);
#endif
    ga_graph_delete(graph);
    return 0;
}
