/*
 * Any text as a .tgraph: refused with a reason, or planned by every rung.
 */
#include "fuzz.h"

static ga_graph *read_graph(const char *text, size_t len, size_t step)
{
    struct fuzz_text from = { (const uint8_t *)text, len, 0, step };
    char error[200] = "";
    ga_graph *graph = NULL;
    enum ga_status status = ga_graph_read(NULL, &(struct ga_source){ fuzz_read, &from }, &graph, error, sizeof error);
    REQUIRE((status == GA_OK) == (graph != NULL), "status %d, graph %p", (int)status, (void *)graph);
    REQUIRE(status == GA_OK || error[0], "refused, but nobody says why");
    return graph;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ga_graph *graph = read_graph((const char *)data, size, size % 7 ? 4096 : 1);
    if (!graph)
        return 0;
    fuzz_plan_all(graph, &(struct ga_plan_opts){ 0 });
    ga_graph_delete(graph);
    return 0;
}
