/*
 * background_plan.c - a better plan is searched in a thread while the engine runs, and adopted between two runs
 */
#include <ggml_alloc/ggml_alloc.h>

#include <pthread.h>
#include <stdio.h>

/* Graphs belong to one thread at a time, so the search gets one of its own.  Plans may be handed over freely. */
struct search {
    ga_graph *graph;
    ga_plan *plan;
};

static ga_graph *diamonds(void)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id x = graph ? ga_graph_add(graph, &(struct ga_node){ .name = "in", .size = 4096, .flags = GA_INPUT }) : GA_NONE;
    for (uint64_t i = 1; graph && i <= 16; i++) {
        ga_id side[] = { ga_graph_add(graph, &(struct ga_node){ .size = 1000 * i, .src = &x, .n_src = 1 }),
                         ga_graph_add(graph, &(struct ga_node){ .size = 3000, .src = &x, .n_src = 1 }) };
        x = ga_graph_add(graph, &(struct ga_node){ .size = 2000, .src = side, .n_src = 2 });
    }
    return graph;
}

static void *search(void *arg)
{
    struct search *job = arg;
    /* Alignments and chunks are those of the backend that the plan is for. */
    uint64_t align = ga_backend_cpu()->align;
    struct ga_plan_opts opts = { .effort = GA_EFFORT_QUICK, .n_pools = 1, .align = &align };
    if (ga_plan_graph(job->graph, &opts, &job->plan) != GA_OK)
        job->plan = NULL;
    return NULL;
}

int main(void)
{
    const struct ga_backend *pools[] = { ga_backend_cpu() };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, &(struct ga_plan_opts){ .effort = GA_EFFORT_ONLINE });
    struct search job = { .graph = diamonds() };
    ga_graph *graph = diamonds();
    pthread_t thread;
    if (!galloc || !graph || !job.graph || pthread_create(&thread, NULL, search, &job) != 0)
        return 1;

    /* The engine starts at once, with a plan that costs next to nothing. */
    if (ga_gallocr_alloc_graph(galloc, graph) != GA_OK)
        return 1;
    uint64_t before = ga_plan_peak(ga_gallocr_plan(galloc), 0);

    /* Between two runs: from here on, graphs of this shape take the plan that was found. */
    pthread_join(thread, NULL);
    if (!job.plan || ga_gallocr_adopt(galloc, graph, job.plan) != GA_OK || ga_gallocr_alloc_graph(galloc, graph) != GA_OK)
        return 1;
    bool adopted = ga_gallocr_plan(galloc) == job.plan;
    ga_arena_trim(arena);
    printf("%llu bytes, then %llu\n", (unsigned long long)before, (unsigned long long)ga_arena_size(arena, 0));
    bool no_worse = ga_arena_size(arena, 0) <= before;

    ga_plan_delete(job.plan); /* the allocator has a reference of its own */
    ga_graph_delete(job.graph);
    ga_graph_delete(graph);
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    return adopted && no_worse ? 0 : 1;
}
