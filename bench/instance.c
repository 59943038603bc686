#include "instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 24

/* What stands behind every tensor that the engine has given bytes already. */
static char elsewhere;

static bool instance_room(struct instance *in, uint32_t n_tensors)
{
    struct plain_graph *graph = &in->graph;
    size_t n = (size_t)n_tensors + 1;
    in->tensors = calloc(n, sizeof *in->tensors);
    in->externs = calloc(n, sizeof *in->externs);
    graph->nodes = calloc(n, sizeof *graph->nodes);
    graph->leafs = calloc(n, sizeof *graph->leafs);
    graph->node_buft = calloc(n, sizeof *graph->node_buft);
    graph->leaf_buft = calloc(n, sizeof *graph->leaf_buft);
    graph->n_tensors = n_tensors;
    return in->tensors && in->externs && graph->nodes && graph->leafs && graph->node_buft && graph->leaf_buft;
}

void instance_fini(struct instance *in)
{
    free(in->tensors);
    free(in->externs);
    free(in->bufts);
    free(in->graph.nodes);
    free(in->graph.leafs);
    free(in->graph.node_buft);
    free(in->graph.leaf_buft);
    *in = (struct instance){ 0 };
}

static void add_leaf(struct instance *in, struct plain_tensor *tensor, int buft)
{
    in->graph.leafs[in->graph.n_leafs] = tensor;
    in->graph.leaf_buft[in->graph.n_leafs++] = buft;
}

static void add_node(struct instance *in, struct plain_tensor *tensor, int buft)
{
    in->graph.nodes[in->graph.n_nodes] = tensor;
    in->graph.node_buft[in->graph.n_nodes++] = buft;
}

/* reading */

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

/* Cuts a line at its tabs; returns the number of fields. */
static int cut(char *line, char *field[FIELDS])
{
    int n = 0;
    line[strcspn(line, "\n")] = 0;
    while (line && n < FIELDS) {
        field[n++] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = 0;
    }
    return n;
}

static enum plain_op op_of(const char *op, const char *flags)
{
    if (strcmp(op, "NONE") == 0)
        return PLAIN_NONE;
    if (strcmp(op, "VIEW") == 0 || strcmp(op, "RESHAPE") == 0 || strcmp(op, "PERMUTE") == 0 || strcmp(op, "TRANSPOSE") == 0)
        return PLAIN_WINDOW;
    return strchr(flags, 'r') ? PLAIN_IN_PLACE : PLAIN_COMPUTE;
}

/* The types that get bytes in recorded graphs.  Of others only the name matters, and what the file says of their size. */
static const struct {
    const char *name;
    uint64_t size;
} types[] = { { "f32", 4 }, { "f16", 2 }, { "i32", 4 }, { "i64", 8 }, { "bf16", 2 }, { "i8", 1 }, { "i16", 2 } };

static void set_type(struct plain_tensor *tensor, const char *name)
{
    const int32_t n = (int32_t)(sizeof types / sizeof *types);
    tensor->type = 0;
    while (tensor->type < n && strcmp(types[tensor->type].name, name) != 0)
        tensor->type++;
    tensor->type_size = tensor->type < n ? types[tensor->type].size : tensor->nb[0];
}

static bool read_sources(struct instance *in, struct plain_tensor *tensor, char *list)
{
    if (list[0] == '-')
        return true;
    for (int i = 0; list; i++) {
        uint64_t id = number(list);
        if (i == PLAIN_SOURCES || id >= in->graph.n_tensors)
            return false;
        tensor->src[i] = &in->tensors[id];
        list = strchr(list, ',');
        if (list)
            list++;
    }
    return true;
}

static bool read_tensor(struct instance *in, char *field[FIELDS])
{
    uint64_t id = number(field[1]);
    if (id >= in->graph.n_tensors)
        return false;
    struct plain_tensor *tensor = &in->tensors[id];
    const char *flags = field[16];
    tensor->id = (int32_t)id;
    tensor->op = (int32_t)op_of(field[3], flags);
    for (int i = 0; i < 4; i++) {
        tensor->ne[i] = number(field[5 + i]);
        tensor->nb[i] = number(field[9 + i]);
    }
    set_type(tensor, field[4]);
    tensor->padding = number(field[14]) - plain_alloc_size(NULL, tensor);
    tensor->flags = (strchr(flags, 'i') ? PLAIN_INPUT : 0) | (strchr(flags, 'o') ? PLAIN_OUTPUT : 0);
    tensor->data = strchr(flags, 'a') ? &elsewhere : NULL;
    if (field[17][0] != '-') {
        tensor->view_src = number(field[17]) < in->graph.n_tensors ? &in->tensors[number(field[17])] : NULL;
        tensor->view_offs = number(field[18]);
    }
    snprintf(tensor->name, sizeof tensor->name, "%s", field[20]);
    snprintf(tensor->op_name, sizeof tensor->op_name, "%s", field[3]);
    int buft = atoi(field[15]);
    if (field[2][0] == 'l')
        add_leaf(in, tensor, buft);
    else if (field[2][0] == 'n')
        add_node(in, tensor, buft);
    else
        in->externs[in->n_externs++] = tensor;
    return buft < in->graph.n_bufts && read_sources(in, tensor, field[19]);
}

static bool read_buffer(struct instance *in, char *field[FIELDS])
{
    int index = atoi(field[1]);
    if (index < 0 || index >= in->graph.n_bufts)
        return false;
    in->bufts[index] = (struct plain_buft){ number(field[2]), number(field[3]), plain_alloc_size, atoi(field[4]) };
    return true;
}

static bool read_record(struct instance *in, char *field[FIELDS], int n)
{
    const char *kind = field[0];
    if (strcmp(kind, "t") == 0)
        return n > 20 && read_tensor(in, field);
    if (strcmp(kind, "name") == 0 && n > 1)
        snprintf(in->name, sizeof in->name, "%s", field[1]);
    if (strcmp(kind, "buffers") == 0 && n > 1) {
        in->graph.n_bufts = atoi(field[1]);
        in->graph.bufts = in->bufts = calloc((size_t)in->graph.n_bufts + 1, sizeof *in->bufts);
        return in->bufts != NULL;
    }
    if (strcmp(kind, "buffer") == 0 && n > 4)
        return in->bufts && read_buffer(in, field);
    if (strcmp(kind, "counts") == 0 && n > 4)
        return instance_room(in, (uint32_t)number(field[1]));
    if (strcmp(kind, "result_chunk") == 0 && n > 3)
        in->recorded_peak += number(field[3]);
    if (strcmp(kind, "result_time") == 0 && n > 3) {
        in->recorded_ns[0] = number(field[1]);
        in->recorded_ns[1] = number(field[3]);
    }
    return true;
}

bool instance_load(struct instance *in, const char *path)
{
    *in = (struct instance){ 0 };
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return false;
    }
    static char line[1 << 16];
    bool good = true;
    for (int at = 1; good && fgets(line, sizeof line, file); at++) {
        char *field[FIELDS];
        good = read_record(in, field, cut(line, field));
        if (!good)
            fprintf(stderr, "%s:%d: not understood\n", path, at);
    }
    fclose(file);
    if (good && in->graph.n_nodes > 0)
        return true;
    instance_fini(in);
    return false;
}

/* making up */

static struct plain_tensor *tensor_make(struct instance *in, uint32_t *n, enum plain_op op, uint64_t elements)
{
    struct plain_tensor *tensor = &in->tensors[*n];
    *tensor = (struct plain_tensor){ .op = (int32_t)op, .id = (int32_t)*n, .ne = { elements, 1, 1, 1 }, .type_size = 4 };
    uint64_t bytes = 4 * elements;
    tensor->nb[0] = 4;
    tensor->nb[1] = tensor->nb[2] = tensor->nb[3] = bytes;
    snprintf(tensor->name, sizeof tensor->name, "node_%" PRIu32, *n);
    snprintf(tensor->op_name, sizeof tensor->op_name, "OP_%d", (int)op);
    ++*n;
    return tensor;
}

static struct plain_tensor *step_make(struct instance *in, uint32_t *n, enum plain_op op, uint64_t elements, struct plain_tensor *a,
                                      struct plain_tensor *b)
{
    struct plain_tensor *tensor = tensor_make(in, n, op, elements);
    tensor->src[0] = a;
    tensor->src[1] = b;
    add_node(in, tensor, 0);
    return tensor;
}

/* x -> norm -> two projections, one of them seen through a view -> joined -> wide -> narrow -> x + it */
static struct plain_tensor *block_make(struct instance *in, uint32_t *n, struct plain_tensor *x, uint32_t block)
{
    uint64_t width = 1024, inner = width * (2 + block % 3);
    struct plain_tensor *weight = tensor_make(in, n, PLAIN_NONE, width);
    weight->data = &elsewhere;
    add_leaf(in, weight, 0);
    struct plain_tensor *norm = step_make(in, n, PLAIN_IN_PLACE, width, x, NULL);
    struct plain_tensor *left = step_make(in, n, PLAIN_COMPUTE, width, norm, weight);
    struct plain_tensor *right = step_make(in, n, PLAIN_COMPUTE, inner, norm, weight);
    struct plain_tensor *window = step_make(in, n, PLAIN_WINDOW, width, right, NULL);
    window->view_src = right;
    struct plain_tensor *joined = step_make(in, n, PLAIN_IN_PLACE, width, left, window);
    struct plain_tensor *wide = step_make(in, n, PLAIN_COMPUTE, inner + 512, joined, weight);
    struct plain_tensor *narrow = step_make(in, n, PLAIN_COMPUTE, width, wide, NULL);
    return step_make(in, n, PLAIN_IN_PLACE, width, narrow, block % 4 == 0 ? joined : x);
}

bool instance_make(struct instance *in, uint32_t n_nodes)
{
    *in = (struct instance){ 0 };
    uint32_t blocks = n_nodes / 8, n = 0;
    in->graph.bufts = in->bufts = calloc(1, sizeof *in->bufts);
    if (!in->bufts || !instance_room(in, 1 + 9 * blocks)) {
        instance_fini(in);
        return false;
    }
    in->bufts[0] = (struct plain_buft){ 64, UINT64_MAX, plain_alloc_size, 0 };
    in->graph.n_bufts = 1;
    snprintf(in->name, sizeof in->name, "synthetic-%" PRIu32, n_nodes);
    struct plain_tensor *x = tensor_make(in, &n, PLAIN_NONE, 1024);
    x->flags = PLAIN_INPUT;
    add_leaf(in, x, 0);
    for (uint32_t i = 0; i < blocks; i++)
        x = block_make(in, &n, x, i);
    x->flags |= PLAIN_OUTPUT;
    return true;
}
