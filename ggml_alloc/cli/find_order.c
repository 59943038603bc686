#include "cli/order.h"

#include "cli/watch.h"

#include <stdlib.h>

enum exit_code find_order(const struct options *options, const struct input *input, const struct solution *like,
                          struct ordering *ordering)
{
    const ga_graph *graph = input->graph.graph;
    struct ga_order_opts opts = { .steps = options->steps, .reach = options->reach, .mixes_pools = options->mixes_pools };
    struct watch watch;
    *ordering = (struct ordering){ .list = calloc(2 * (size_t)ga_graph_len(graph) + 1, sizeof(ga_id)) };
    enum ga_status status = GA_NO_MEMORY;
    opts.plan = (struct ga_plan_opts){
        .effort = options->effort, .n_pools = like->n_pools, .align = like->align, .chunk_max = like->chunk_max
    };
    opts.progress = watch_progress;
    opts.user = &watch;
    watch_begin(&watch, path_shown(input->path));
    if (ordering->list)
        status = ga_order(graph, &opts, ordering->list, &ordering->n, &ordering->info);
    watch_end(&watch);
    if (status == GA_OK)
        return EXIT_YES;
    struct mishap mishap = { .line = 0 };
    const char *why = ga_graph_error(graph);
    say_in_file_ids(input, why ? why : ga_status_str(status), mishap.what, sizeof mishap.what);
    ordering_free(ordering);
    return complain_input(input->path, &mishap, status);
}

void ordering_free(struct ordering *ordering)
{
    free(ordering->list);
    ordering->list = NULL;
}

static bool is_node_of(const struct tgraph *file, uint32_t id)
{
    return id >= file->n_leafs && id - file->n_leafs < file->n_nodes;
}

/* Only what has sources or computes takes a step: weights may stand among the nodes, too. */
static bool takes_no_step(const struct tgraph *file, uint32_t id)
{
    struct ga_node node;
    ga_graph_node(file->graph, file->ids[id], &node);
    return node.n_src == 0 && (node.flags & (GA_INPUT | GA_EXTERNAL));
}

/* Before node `next` of the file, those that take no step and stood before it. */
static void list_stepless(const struct tgraph *file, struct file_order *order, uint32_t *at, uint32_t next)
{
    for (; *at < next; ++*at)
        if (takes_no_step(file, *at))
            order->ids[order->n++] = *at;
}

bool file_order_make(const struct input *input, const struct ordering *ordering, struct file_order *order)
{
    const struct tgraph *file = &input->graph;
    uint32_t at = file->n_leafs;
    *order = (struct file_order){ calloc(file->n_nodes + (size_t)1, sizeof(uint32_t)), calloc(file->n_nodes + (size_t)1, 1), 0 };
    if (!order->ids || !order->ends) {
        file_order_free(order);
        return false;
    }
    for (size_t i = 0; i < ordering->n; i++) {
        uint32_t id = file->file_ids[ordering->list[i]];
        if (ordering->list[i] == GA_NONE) {
            order->ends[order->n ? order->n - 1 : 0] = order->n > 0;
        } else if (is_node_of(file, id)) {
            list_stepless(file, order, &at, id);
            order->ids[order->n++] = id;
        }
    }
    list_stepless(file, order, &at, file->n_leafs + file->n_nodes);
    return true;
}

void file_order_free(struct file_order *order)
{
    free(order->ids);
    free(order->ends);
    *order = (struct file_order){ 0 };
}
