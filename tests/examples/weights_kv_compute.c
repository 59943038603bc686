/*
 * weights_kv_compute.c - weights, a KV cache and the memory to compute in, from one arena
 *
 *     packed    [ w0 | w1 ] [ kv ]      own buffers, never moved
 *     compute   [ x  h  y        ]      planned, grows when a graph needs more
 */
#include <ggml_alloc/ggml_alloc.h>

#include <stdio.h>

enum { WIDTH = 64, CONTEXT = 16 };

static float *packed(const ga_arena *arena, const struct ga_slot *slot)
{
    return (float *)((char *)ga_arena_packed(arena, slot->pool, slot->chunk)->base + slot->offset);
}

int main(void)
{
    const struct ga_backend *pools[] = { ga_backend_cpu() };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    if (!arena || !galloc || !graph)
        return 1;

    /* Ask first, then take. */
    uint64_t weight_sizes[] = { sizeof(float[WIDTH]), sizeof(float[WIDTH]) }, total;
    struct ga_slot weights[2], cache;
    if (ga_arena_pack(arena, 0, weight_sizes, 2, NULL, &total) != GA_OK)
        return 1;
    printf("weights take %llu bytes\n", (unsigned long long)total);
    if (ga_arena_pack(arena, 0, weight_sizes, 2, weights, NULL) != GA_OK ||
        ga_arena_pack(arena, 0, &(uint64_t){ sizeof(float[CONTEXT][WIDTH]) }, 1, &cache, NULL) != GA_OK)
        return 1;
    float *w0 = packed(arena, &weights[0]), *w1 = packed(arena, &weights[1]), *kv = packed(arena, &cache);
    for (int k = 0; k < WIDTH; k++)
        w0[k] = 2, w1[k] = 3;

    for (int step = 0; step < CONTEXT; step++) {
        /* To the planner, weights and cache are external: it places what is computed, and only keeps the order. */
        ga_graph_clear(graph);
        ga_id w[] = { ga_graph_add(graph, &(struct ga_node){ .name = "w0", .size = sizeof(float[WIDTH]), .flags = GA_EXTERNAL }),
                      ga_graph_add(graph, &(struct ga_node){ .name = "w1", .size = sizeof(float[WIDTH]), .flags = GA_EXTERNAL }) };
        ga_id kv_all =
            ga_graph_add(graph, &(struct ga_node){ .name = "kv", .size = sizeof(float[CONTEXT][WIDTH]), .flags = GA_EXTERNAL });
        ga_id h = ga_graph_add(graph, &(struct ga_node){ .name = "h", .size = sizeof(float[WIDTH]), .src = &w[0], .n_src = 1 });
        ga_id row = ga_graph_add(graph, &(struct ga_node){ .name = "kv row",
                                                           .size = sizeof(float[WIDTH]),
                                                           .src = &h,
                                                           .n_src = 1,
                                                           .view_of = kv_all,
                                                           .view_offset = (uint64_t)step * sizeof(float[WIDTH]),
                                                           .flags = GA_WRITES });
        ga_id reads[] = { row, w[1] };
        ga_id y = ga_graph_add(
            graph, &(struct ga_node){ .name = "y", .size = sizeof(float[WIDTH]), .src = reads, .n_src = 2, .flags = GA_OUTPUT });
        if (ga_gallocr_alloc_graph(galloc, graph) != GA_OK)
            return 1;

        float *at_h = ga_gallocr_addr(galloc, h), *at_row = kv + step * WIDTH, *at_y = ga_gallocr_addr(galloc, y);
        for (int k = 0; k < WIDTH; k++)
            at_h[k] = w0[k] * (float)step;
        for (int k = 0; k < WIDTH; k++)
            at_row[k] = at_h[k];
        for (int k = 0; k < WIDTH; k++)
            at_y[k] = at_row[k] * w1[k];
        if (at_y[0] != 6.0f * (float)step || ga_gallocr_addr(galloc, row) != NULL)
            return 1;
    }
    /* The window into the cache moves with every token, and still each token after the first had a plan. */
    bool steady = ga_gallocr_replan_reason(galloc) == NULL;

    ga_graph_delete(graph);
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    return steady ? 0 : 1;
}
