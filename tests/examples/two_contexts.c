/*
 * two_contexts.c - two contexts that never run together share one arena: it is as large as the larger, not as both
 */
#include <ggml_alloc/ggml_alloc.h>

#include <stdio.h>

static ga_graph *chain(uint64_t bytes)
{
    ga_graph *graph = ga_graph_new(NULL);
    if (!graph)
        return NULL;
    ga_id x = ga_graph_add(graph, &(struct ga_node){ .name = "in", .size = bytes, .flags = GA_INPUT });
    for (int i = 0; i < 3; i++)
        x = ga_graph_add(graph, &(struct ga_node){ .name = "x", .size = bytes, .src = &x, .n_src = 1 });
    return graph;
}

int main(void)
{
    const struct ga_backend *pools[] = { ga_backend_cpu() };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *chat = ga_gallocr_new(NULL, arena, NULL), *draft = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *large = chain(1 << 20), *small = chain(1 << 12);
    if (!chat || !draft || !large || !small)
        return 1;
    ga_arena_delete(arena); /* counted: it lives as long as the two that use it */

    if (ga_gallocr_alloc_graph(draft, small) != GA_OK || ga_gallocr_alloc_graph(chat, large) != GA_OK)
        return 1;
    printf("both take %llu bytes\n", (unsigned long long)ga_arena_size(arena, 0));
    bool shared = ga_arena_size(arena, 0) == ga_plan_peak(ga_gallocr_plan(chat), 0);

    /* The arena grew for `chat`, so what `draft` was told before is void; the generation says so, and asking again is enough. */
    uint64_t generation = ga_arena_generation(arena);
    void *first = ga_gallocr_addr(draft, 1);
    if (ga_gallocr_alloc_graph(draft, small) != GA_OK || ga_arena_generation(arena) != generation ||
        ga_gallocr_addr(draft, 1) != first)
        return 1;

    ga_graph_delete(small);
    ga_graph_delete(large);
    ga_gallocr_delete(draft);
    ga_gallocr_delete(chat);
    return shared ? 0 : 1;
}
