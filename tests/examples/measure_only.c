/*
 * measure_only.c - how much would it take?  No device, no buffer: only arithmetic
 */
#include <ggml_alloc/ggml_alloc.h>

#include <inttypes.h>
#include <stdio.h>

static ga_graph *mlp(uint64_t tokens)
{
    ga_graph *graph = ga_graph_new(NULL);
    if (!graph)
        return NULL;
    ga_id in = ga_graph_add(graph, &(struct ga_node){ .name = "in", .size = tokens * 4096 * 4, .flags = GA_INPUT });
    ga_id up = ga_graph_add(graph, &(struct ga_node){ .name = "up", .size = tokens * 14336 * 4, .src = &in, .n_src = 1 });
    ga_id act =
        ga_graph_add(graph, &(struct ga_node){ .name = "act", .size = tokens * 14336 * 4, .src = &up, .n_src = 1, .reuse = 1 });
    ga_graph_add(graph,
                 &(struct ga_node){ .name = "down", .size = tokens * 4096 * 4, .src = &act, .n_src = 1, .flags = GA_OUTPUT });
    return graph;
}

int main(void)
{
    const struct ga_backend *pools[] = { ga_backend_null() };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    if (!arena || !galloc)
        return 1;

    for (uint64_t tokens = 1; tokens <= 512; tokens *= 8) {
        ga_graph *graph = mlp(tokens);
        uint64_t bytes;
        if (!graph || ga_gallocr_measure(galloc, graph, &bytes) != GA_OK)
            return 1;
        printf("%" PRIu64 " tokens: %" PRIu64 " bytes\n", tokens, bytes);
        ga_graph_delete(graph);
        if (bytes != tokens * (4096 + 14336) * 4)
            return 1;
    }
    bool took_nothing = ga_arena_size(arena, 0) == 0;

    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    return took_nothing ? 0 : 1;
}
