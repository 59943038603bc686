/* Records an engine's graph: the file that the command plans, explains and draws. */
#include <ggml_alloc/graph.h>

#include <stdio.h>

static bool write_file(void *user, const char *text, size_t len)
{
    return fwrite(text, 1, len, (FILE *)user) == len;
}

/* Two tensors of 4 KiB, the second written over the first where that pays. */
static ga_graph *describe(void)
{
    ga_graph *graph = ga_graph_new(NULL);
    if (!graph)
        return NULL;
    struct ga_node node = { .name = "x", .size = 4096, .flags = GA_INPUT };
    ga_id x = ga_graph_add(graph, &node);
    node = (struct ga_node){ .name = "y", .size = 4096, .src = &x, .n_src = 1, .reuse = 1, .flags = GA_OUTPUT };
    (void)ga_graph_add(graph, &node);
    return graph;
}

int main(int argc, char **argv)
{
    ga_graph *graph = describe();
    FILE *file = argc > 1 ? fopen(argv[1], "wb") : stdout;
    if (!graph || !file)
        return 1;
    enum ga_status status = ga_graph_write(graph, &(struct ga_sink){ write_file, file });
    bool written = fclose(file) == 0 && status == GA_OK;
    ga_graph_delete(graph);
    return written ? 0 : 1;
}
