/*
 * order.c - ggml-alloc order: run the nodes of a graph in an order that needs less
 */
#include "cli/order.h"

#include "base/json.h"
#include "cli/order_text.h"
#include "cli/output.h"
#include "io/tgraph_order.h"

#include <inttypes.h>
#include <string.h>

static void write_json(const struct input *input, const struct ordering *ordering, const struct file_order *order, struct text *out)
{
    const struct ga_order_info *info = &ordering->info;
    gai_text(out, "{\"schema\":1,\"file\":");
    gai_json_string(out, input->path);
    gai_text(out, ",\"name\":");
    gai_json_string(out, input->graph.name);
    gai_text(out, ",\"bound_before\":%" PRIu64 ",\"bound_after\":%" PRIu64 ",\"peak_before\":%" PRIu64 ",\"peak_after\":%" PRIu64,
             info->bound_before, info->bound_after, info->peak_before, info->peak_after);
    gai_text(out, ",\"optimal\":%s,\"moved\":%" PRIu32 ",\"steps\":%" PRIu64 ",\"order\":[", info->optimal ? "true" : "false",
             info->n_moved, info->steps);
    for (uint32_t i = 0; i < order->n; i++)
        gai_text(out, "%s%" PRIu32, i ? "," : "", order->ids[i]);
    gai_text(out, "]}\n");
}

static enum exit_code no_memory(void)
{
    complain("%s", ga_status_str(GA_NO_MEMORY));
    return EXIT_RESOURCES;
}

/* The file in its new order, where -o says; - is stdout, in place of what else is told. */
static enum exit_code write_graph(const char *path, const struct input *input, const struct bytes *bytes,
                                  const struct file_order *order)
{
    struct output output;
    if (!output_open(&output, strcmp(path, "-") == 0 ? NULL : path))
        return EXIT_RESOURCES;
    struct ga_sink sink = output_sink(&output);
    struct text out = text_to(&sink);
    enum ga_status status = gai_tgraph_reorder(&input->graph, bytes->text, bytes->len, order->ids, order->ends, &out);
    (void)gai_text_end(&out); /* the output remembers why */
    enum exit_code code = status == GA_OK ? EXIT_YES : no_memory();
    return exit_worse(code, output_close(&output, status == GA_OK));
}

/* Plans the other order, too, to tell what has changed. */
static enum exit_code write_text(const struct options *options, const struct input *input, const struct ordering *ordering,
                                 const struct file_order *order, const ga_plan *before, struct text *out)
{
    struct solution after;
    if (ga_graph_sequence(input->graph.graph, ordering->list, ordering->n) != GA_OK)
        return no_memory();
    enum exit_code code = solve(options, options->effort, input, &after);
    if (code != EXIT_YES)
        return code;
    code = order_write_text(input, ordering, order, before, after.plan, out);
    solution_free(&after);
    return code;
}

static enum exit_code write_order(const struct options *options, const struct input *input, const struct bytes *bytes,
                                  const struct ordering *ordering, const ga_plan *before, struct text *out)
{
    struct file_order order;
    enum exit_code code = EXIT_YES;
    if (!file_order_make(input, ordering, &order))
        return no_memory();
    bool to_stdout = options->graph_output && strcmp(options->graph_output, "-") == 0;
    if (options->graph_output)
        code = write_graph(options->graph_output, input, bytes, &order);
    if (code == EXIT_YES && !to_stdout && options->format == GA_JSON)
        write_json(input, ordering, &order, out);
    else if (code == EXIT_YES && !to_stdout)
        code = write_text(options, input, ordering, &order, before, out);
    file_order_free(&order);
    return code;
}

static enum exit_code order_input(const struct options *options, const struct input *input, const struct bytes *bytes,
                                  struct text *out)
{
    struct solution before;
    enum exit_code code = solve(options, options->effort, input, &before);
    if (code != EXIT_YES)
        return code;
    struct ordering ordering;
    code = find_order(options, input, &before, &ordering);
    if (code == EXIT_YES) {
        code = write_order(options, input, bytes, &ordering, before.plan, out);
        ordering_free(&ordering);
    }
    solution_free(&before);
    return code;
}

enum exit_code command_order(const struct options *options, struct text *out)
{
    struct bytes bytes;
    struct input input;
    const char *path = options->files[0];
    if (options->graph_output && options->sequence) {
        complain("-o writes all nodes of the graph, but --sequence may leave some out; name one of them");
        return EXIT_USAGE;
    }
    enum exit_code code = bytes_load(path, &bytes);
    if (code != EXIT_YES)
        return code;
    code = input_parse(path, options, &bytes, &input);
    if (code == EXIT_YES) {
        if (input.is_graph) {
            code = order_input(options, &input, &bytes, out);
        } else {
            complain("%s holds intervals; only nodes of a graph can be put in another order", path_shown(path));
            code = EXIT_USAGE;
        }
        input_free(&input);
    }
    bytes_free(&bytes);
    return code;
}
