/*
 * Bytes as calls: nodes, extensions and a sequence, mostly sensible, then plans.
 */
#include "fuzz.h"

#define MAX_NODES 512

static uint64_t any_size(struct fuzz_input *in)
{
    uint8_t kind = fuzz_byte(in);
    if (kind < 200)
        return 16u * (kind % 8);
    return kind < 250 ? fuzz_number(in, 2) : fuzz_number(in, 8);
}

/* Mostly one of the last nodes, sometimes a later one or none at all. */
static ga_id any_id(struct fuzz_input *in, uint32_t len)
{
    uint8_t back = fuzz_byte(in);
    if (back < 240)
        return back % 16 < len ? len - back % 16 : len;
    return (ga_id)fuzz_number(in, 2);
}

static void add_node(struct fuzz_input *in, ga_graph *graph)
{
    uint32_t len = ga_graph_len(graph);
    ga_id src[8];
    struct ga_node node = { .key = NULL, .size = any_size(in), .src = src };
    uint8_t shape = fuzz_byte(in);
    node.n_src = shape % 5;
    for (uint32_t i = 0; i < node.n_src; i++)
        src[i] = any_id(in, len);
    if (shape & 0x20) {
        node.reuse = fuzz_byte(in);
        node.eager = node.reuse & fuzz_byte(in);
    }
    if (shape & 0x40) {
        node.view_of = any_id(in, len);
        node.view_offset = fuzz_byte(in);
    }
    if (shape & 0x80)
        node.flags = fuzz_byte(in);
    if (shape & 0x10) {
        node.pool = fuzz_byte(in) % 3;
        node.align = fuzz_byte(in) % 4 ? 0 : (uint64_t)1 << (fuzz_byte(in) & 63);
        node.key = (const void *)(uintptr_t)(8u * fuzz_byte(in));
        node.name = "n";
    }
    ga_graph_add(graph, &node);
}

static bool tell_sequence(struct fuzz_input *in, ga_graph *graph)
{
    ga_id list[64];
    size_t n = fuzz_byte(in) % 64;
    for (size_t i = 0; i < n; i++)
        list[i] = fuzz_byte(in);
    return ga_graph_sequence(graph, list, n) == GA_OK && n > 0;
}

static void limits(struct fuzz_input *in, uint64_t chunk_max[3], uint64_t align[3], struct ga_plan_opts *opts)
{
    for (int i = 0; i < 3; i++) {
        uint8_t kind = fuzz_byte(in);
        chunk_max[i] = kind & 1 ? 16u * fuzz_byte(in) : 0;
        align[i] = kind & 2 ? (uint64_t)1 << (fuzz_byte(in) % 12) : 0;
    }
    *opts = (struct ga_plan_opts){ .n_pools = 3, .chunk_max = chunk_max, .align = align, .seed = fuzz_byte(in) };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size, 0 };
    uint64_t chunk_max[3], align[3];
    struct ga_plan_opts opts;
    limits(&in, chunk_max, align, &opts);
    ga_graph *graph = ga_graph_new(NULL);
    if (!graph)
        return 0;
    bool has_sequence = false;
    while (in.at < in.len && ga_graph_len(graph) < MAX_NODES) {
        uint8_t call = fuzz_byte(&in);
        if (call < 230)
            add_node(&in, graph);
        else if (call < 245)
            ga_graph_extend(graph, any_id(&in, ga_graph_len(graph)), any_id(&in, ga_graph_len(graph)));
        else if (call < 254)
            has_sequence |= tell_sequence(&in, graph);
        else
            ga_graph_clear(graph);
        if (ga_graph_status(graph) != GA_OK) {
            REQUIRE(ga_graph_error(graph), "refused, but nobody says why");
            ga_graph_clear(graph);
        }
    }
    fuzz_plan_all(graph, &opts);
    fuzz_round_trip(graph, !has_sequence);
    fuzz_order(graph, &opts, (uint32_t)opts.seed % 8);
    ga_graph_delete(graph);
    return 0;
}
