#include "cli/order_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_LINES 12u

/* A node of the file that has left its place among the others. */
struct move {
    uint32_t id, from, to; /* places among the file's nodes */
};

static uint32_t distance_of(const struct move *move)
{
    return move->to > move->from ? move->to - move->from : move->from - move->to;
}

static int by_distance(const void *a, const void *b)
{
    const struct move *x = a, *y = b;
    uint32_t dx = distance_of(x), dy = distance_of(y);
    if (dx != dy)
        return dx > dy ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Marks a longest rising run of ids: the nodes that can be said to have stayed.  `ends` and `links` have room for all. */
static void mark_stayed(const struct file_order *order, uint32_t *ends, uint32_t *links, bool *stayed)
{
    uint32_t length = 0;
    for (uint32_t i = 0; i < order->n; i++) {
        uint32_t low = 0, high = length;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (order->ids[ends[mid]] < order->ids[i])
                low = mid + 1;
            else
                high = mid;
        }
        ends[low] = i;
        links[i] = low ? ends[low - 1] : UINT32_MAX;
        length += low == length;
    }
    for (uint32_t at = length ? ends[length - 1] : UINT32_MAX; at != UINT32_MAX; at = links[at])
        stayed[at] = true;
}

static void write_tensor(const struct input *input, uint32_t file_id, struct text *out)
{
    struct ga_node node = { .op = "", .name = "" };
    ga_graph_node(input->graph.graph, input->graph.ids[file_id], &node);
    gai_text(out, "%6" PRIu32 "  %-16s  %s\n", file_id, node.op, node.name);
}

static uint32_t list_moves(const struct input *input, const struct file_order *order, const bool *stayed, struct move *moves)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < order->n; i++)
        if (!stayed[i])
            moves[n++] = (struct move){ order->ids[i], order->ids[i] - input->graph.n_leafs, i };
    qsort(moves, n, sizeof *moves, by_distance);
    return n;
}

static bool write_moves(const struct input *input, const struct file_order *order, struct text *out)
{
    size_t room = order->n + (size_t)1;
    uint32_t *ends = calloc(room, sizeof *ends), *links = calloc(room, sizeof *links);
    bool *stayed = calloc(room, sizeof *stayed);
    struct move *moves = calloc(room, sizeof *moves);
    bool ok = ends && links && stayed && moves;
    if (ok) {
        mark_stayed(order, ends, links, stayed);
        uint32_t n = list_moves(input, order, stayed, moves);
        gai_text(out, "\n  Moved, the farthest first:\n  %7s  %7s      id  op                name\n", "from", "to");
        for (uint32_t i = 0; i < n && i < MOST_LINES; i++) {
            gai_text(out, "  %7" PRIu32 "  %7" PRIu32 "  ", moves[i].from, moves[i].to);
            write_tensor(input, moves[i].id, out);
        }
        if (n > MOST_LINES)
            gai_text(out, "  and %" PRIu32 " more\n", n - MOST_LINES);
    }
    free(ends);
    free(links);
    free(stayed);
    free(moves);
    return ok;
}

/* ---- why it helps ---- */

/* The step that a node takes in the order which the graph is told; 0: none. */
static uint64_t step_now(const struct ordering *ordering, ga_id id)
{
    uint64_t step = 1;
    for (size_t i = 0; i < ordering->n; i++) {
        if (ordering->list[i] == id)
            return step;
        step += ordering->list[i] == GA_NONE;
    }
    return 0;
}

/* The last node of the old peak's step that is born in it, or reads in it: by the order as it was given, file ids rise. */
static ga_id runner_then(const struct ordering *ordering, const struct tgraph *file, uint64_t step, const ga_plan *before)
{
    uint64_t birth, death;
    for (size_t i = 0; i < ordering->n; i++) {
        ga_id id = ordering->list[i];
        struct ga_node node;
        if (id != GA_NONE && ga_graph_node(file->graph, id, &node) && node.view_of == GA_NONE &&
            ga_plan_life(before, id, &birth, &death) && birth == step)
            return id;
    }
    return GA_NONE;
}

static bool lives_at(const ga_plan *plan, ga_id id, uint64_t step)
{
    uint64_t birth, death;
    return ga_plan_life(plan, id, &birth, &death) && birth <= step && step < death;
}

/* What lived when the old peak was reached, and does not live any more when the same node runs. */
static bool write_gone(const struct input *input, const struct ordering *ordering, const ga_plan *before, const ga_plan *after,
                       unsigned pool, struct text *out)
{
    const struct tgraph *file = &input->graph;
    uint64_t step;
    uint32_t n = ga_plan_live_at_peak(before, pool, NULL, 0, &step), written = 0;
    ga_id runner = runner_then(ordering, file, step, before);
    struct ga_live *live = calloc(n ? n : 1, sizeof *live);
    uint64_t now = step_now(ordering, runner);
    if (!live)
        return false;
    ga_plan_live_at_peak(before, pool, live, n, NULL);
    for (uint32_t i = 0; i < n && now != 0 && written < MOST_LINES; i++) {
        char size[32];
        struct ga_node node;
        if (lives_at(after, live[i].id, now))
            continue;
        if (written++ == 0) {
            ga_graph_node(file->graph, runner, &node);
            gai_text(out, "\n  The peak was where %s %s (tensor %" PRIu32 ") runs.  When it runs now, these do not live:\n",
                     node.op, node.name, file->file_ids[runner]);
            gai_text(out, "  %10s      id  op                name\n", "size");
        }
        gai_text(out, "  %10s  ", gai_text_bytes(size, live[i].size));
        write_tensor(input, file->file_ids[live[i].id], out);
    }
    free(live);
    return true;
}

static void write_summary(const struct input *input, const struct ordering *ordering, uint32_t n_nodes, struct text *out)
{
    const struct ga_order_info *info = &ordering->info;
    char a[32], b[32];
    gai_text(out, "%s: ", input->graph.name);
    if (info->bound_after < info->bound_before)
        gai_text(out, "%s instead of %s, %.1f %% less\n", gai_text_bytes(a, info->bound_after),
                 gai_text_bytes(b, info->bound_before), 100.0 * (1.0 - (double)info->bound_after / (double)info->bound_before));
    else
        gai_text(out, "%s, the order given is kept\n", gai_text_bytes(a, info->bound_before));
    if (info->n_moved)
        gai_text(out, "  %" PRIu32 " of %" PRIu32 " nodes moved; placed in %s instead of %s\n", info->n_moved, n_nodes,
                 gai_text_bytes(a, info->peak_after), gai_text_bytes(b, info->peak_before));
    gai_text(out, "  %s\n",
             info->optimal ? "No order that is allowed needs less." : "Whether another order needs less is not known.");
}

enum exit_code order_write_text(const struct input *input, const struct ordering *ordering, const struct file_order *order,
                                const ga_plan *before, const ga_plan *after, struct text *out)
{
    struct ga_plan_info info;
    bool ok = true;
    ga_plan_info(after, &info);
    write_summary(input, ordering, order->n, out);
    if (ordering->info.n_moved == 0)
        return EXIT_YES;
    for (unsigned pool = 0; ok && pool < info.n_pools; pool++)
        if (ga_plan_bound(after, pool) < ga_plan_bound(before, pool))
            ok = write_gone(input, ordering, before, after, pool, out);
    ok = ok && write_moves(input, order, out);
    if (!ok)
        complain("%s", ga_status_str(GA_NO_MEMORY));
    return ok ? EXIT_YES : EXIT_RESOURCES;
}
