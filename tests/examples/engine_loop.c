/*
 * engine_loop.c - an engine's loop: describe the graph of each token, have it allocated, run it
 */
#include <ggml_alloc/ggml_alloc.h>

#include <stdio.h>

enum { WIDTH = 256, BYTES = WIDTH * sizeof(float), LAYERS = 4, TOKENS = 8 };

/* The engine's own tensor; its pointer is what the allocator knows it by. */
struct tensor {
    const char *name;
    float *data;
};

static struct tensor input = { "input", NULL }, hidden[LAYERS], sum[LAYERS];

/* For every layer: hidden = f(x); x = x + hidden, written over hidden when that saves memory. */
static void describe(ga_graph *graph)
{
    struct ga_node node = { .key = &input, .name = input.name, .size = BYTES, .flags = GA_INPUT };
    ga_id x = ga_graph_add(graph, &node);
    for (int i = 0; i < LAYERS; i++) {
        node = (struct ga_node){ .key = &hidden[i], .name = "hidden", .size = BYTES, .src = &x, .n_src = 1 };
        ga_id both[] = { x, ga_graph_add(graph, &node) };
        node = (struct ga_node){ .key = &sum[i], .name = "sum", .size = BYTES, .src = both, .n_src = 2, .reuse = 3 };
        x = ga_graph_add(graph, &node);
    }
}

/* Where the engine's tensors live now. */
static void bind(const ga_gallocr *galloc)
{
    input.data = ga_gallocr_addr_of(galloc, &input);
    for (int i = 0; i < LAYERS; i++) {
        hidden[i].data = ga_gallocr_addr_of(galloc, &hidden[i]);
        sum[i].data = ga_gallocr_addr_of(galloc, &sum[i]);
    }
}

static float run(float token)
{
    const float *x = input.data;
    for (int k = 0; k < WIDTH; k++)
        input.data[k] = token;
    for (int i = 0; i < LAYERS; i++, x = sum[i - 1].data) {
        for (int k = 0; k < WIDTH; k++)
            hidden[i].data[k] = 2 * x[k];
        for (int k = 0; k < WIDTH; k++)
            sum[i].data[k] = x[k] + hidden[i].data[k];
    }
    return x[WIDTH - 1];
}

int main(void)
{
    const struct ga_backend *pools[] = { ga_backend_cpu() };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    if (!arena || !galloc || !graph)
        return 1;

    for (int token = 1; token <= TOKENS; token++) {
        ga_graph_clear(graph);
        describe(graph);
        enum ga_status status = ga_gallocr_alloc_graph(galloc, graph);
        if (status != GA_OK) {
            fprintf(stderr, "token %d: %s\n", token, ga_status_str(status));
            return 1;
        }
        bind(galloc);
        if (run((float)token) != 81.0f * (float)token) /* three times the input, four layers deep */
            return 1;
    }

    ga_graph_delete(graph);
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    return 0;
}
