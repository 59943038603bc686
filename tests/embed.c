/* A stranger's program: knows what is installed, nothing else. */
#include <ggml_alloc/ggml_alloc.h>

/* Three tensors in a row, each written over the one before: 4 KiB in all. */
static uint64_t peak_of_chain(void)
{
    uint64_t peak = 0;
    ga_plan *plan = NULL;
    ga_graph *graph = ga_graph_new(NULL);
    struct ga_node node = { 0 };
    ga_id last = GA_NONE;
    int i;
    if (!graph)
        return 0;
    for (i = 0; i < 3; i++) {
        node.size = 4096;
        node.src = &last;
        node.n_src = i > 0;
        node.reuse = i > 0;
        last = ga_graph_add(graph, &node);
    }
    if (ga_plan_graph(graph, NULL, &plan) == GA_OK)
        peak = ga_plan_peak(plan, 0);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
    return peak;
}

int main(void)
{
    uint32_t built = (uint32_t)GA_VERSION_MAJOR << 16 | (uint32_t)GA_VERSION_MINOR << 8 | (uint32_t)GA_VERSION_PATCH;
    return ga_version() == built && peak_of_chain() == 4096 ? 0 : 1;
}
