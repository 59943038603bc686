/*
 * Any text as a .tgraph: refused with a reason, or planned by every rung, written and read again.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ga_graph *graph = fuzz_read_graph(data, size, size % 7 ? 4096 : 1);
    if (!graph)
        return 0;
    fuzz_plan_all(graph, &(struct ga_plan_opts){ 0 });
    fuzz_round_trip(graph, true);
    ga_graph_delete(graph);
    return 0;
}
