/*
 * parse_sequence.c - two branches run side by side, and what that costs
 *
 *     x --> a1 --> a2 --.
 *                        +--> sum
 *     y --> b1 --> b2 --'
 */
#include <ggml_alloc/ggml_alloc.h>

#include <inttypes.h>
#include <stdio.h>

enum { BYTES = 1 << 20 };

static ga_id add(ga_graph *graph, const char *name, const ga_id *src, uint32_t n_src)
{
    unsigned flags = n_src ? 0 : GA_INPUT;
    return ga_graph_add(graph,
                        &(struct ga_node){ .name = name, .size = BYTES, .src = src, .n_src = n_src, .flags = (uint16_t)flags });
}

static uint64_t peak(const ga_graph *graph)
{
    ga_plan *plan;
    if (ga_plan_graph(graph, NULL, &plan) != GA_OK)
        return 0;
    uint64_t bytes = ga_plan_peak(plan, 0);
    ga_plan_delete(plan);
    return bytes;
}

int main(void)
{
    ga_graph *graph = ga_graph_new(NULL);
    if (!graph)
        return 1;
    ga_id x = add(graph, "x", NULL, 0), y = add(graph, "y", NULL, 0);
    ga_id a1 = add(graph, "a1", &x, 1), a2 = add(graph, "a2", &a1, 1);
    ga_id b1 = add(graph, "b1", &y, 1), b2 = add(graph, "b2", &b1, 1);
    ga_id both[] = { a2, b2 }, sum = add(graph, "sum", both, 2);

    uint64_t one_by_one = peak(graph);
    ga_id sequence[] = { a1, b1, GA_NONE, a2, b2, GA_NONE, sum };
    if (ga_graph_sequence(graph, sequence, sizeof sequence / sizeof *sequence) != GA_OK)
        return 1;
    uint64_t side_by_side = peak(graph);
    printf("one by one %" PRIu64 " bytes, side by side %" PRIu64 "\n", one_by_one, side_by_side);

    ga_graph_delete(graph);
    return one_by_one == 3 * BYTES && side_by_side == 4 * BYTES ? 0 : 1;
}
