/*
 * What today's ggml-alloc does when graphs come again: which plan serves, when one is made anew, and what the log says of it.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rig.h"

static struct ggml_tensor *chain(int64_t len)
{
    struct ggml_tensor *x = leaf(len), *a = mul(x, x);
    return mul(mul(a, x), a);
}

Test(dropin_again, plans_anew_only_when_it_must)
{
    for (int e = 0; e < 4; e++) {
        ggml_gallocr_t galloc = open_with(efforts[e], "views");
        chain(32);
        cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
        size_t held = ggml_gallocr_get_buffer_size(galloc, 0);
        int64_t lens[] = { 32, 16, 1, 32, 16 };
        for (int i = 0; i < 5; i++) {
            memset(&made, 0, sizeof made);
            chain(lens[i]);
            int before = heap.n_asked;
            cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
            cr_assert_eq(heap.n_asked - before, i == 0 ? 0 : 4, "what shrinks has room");
            cr_assert_eq(made_run(&made), -1);
        }
        cr_assert_eq(ggml_gallocr_get_buffer_size(galloc, 0), held);
        memset(&made, 0, sizeof made);
        scale(chain(32)); /* one node more */
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
        memset(&made, 0, sizeof made);
        chain(48);
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph), "one buffer grows by itself");
        cr_assert_eq(made_run(&made), -1);
        cr_assert_gt(ggml_gallocr_get_buffer_size(galloc, 0), held);
        close_all(galloc);
    }
}

/* x -> a -> window -> c, with room to read more; `change` 0: as it is. */
static void make_changed(int change)
{
    memset(&made, 0, sizeof made);
    struct ggml_tensor *x = leaf(16), *y = leaf(16), *a = mul(x, y), *b = mul(a, y);
    struct ggml_tensor *window = made_view(&made, a, 4, 8), *wide = made_view(&made, b, 0, 16), *c = scale(window),
                       *d = mul(b, wide);
    switch (change) {
    case 1:
        c->src[1] = window;
        break;
    case 2:
        d->src[2] = x;
        break;
    case 3:
        d->src[0] = a;
        break;
    case 4:
        b->src[1] = NULL, b->src[2] = y;
        break;
    case 5:
        window->view_offs += 4;
        break;
    case 6:
        window->view_src = window->src[0] = b;
        break;
    case 7:
        window->ne[0] = 9;
        break;
    case 8:
        b->flags = GGML_TENSOR_FLAG_OUTPUT;
        break;
    case 9:
        b->flags = GGML_TENSOR_FLAG_INPUT;
        break;
    case 10:
        y->ne[0] = 17;
        break;
    case 11:
        wide->view_src = NULL;
        break;
    case 12:
        wide->op = GGML_OP_NONE;
        break;
    default:
        break;
    }
}

Test(dropin_again, another_graph_gets_another_plan)
{
    for (int e = 0; e < 4; e++)
        for (int change = 0; change < 13; change++) {
            ggml_gallocr_t galloc = open_with(efforts[e], "views");
            make_changed(0);
            cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
            make_changed(change);
            int n_planned = 0, before = heap.n_asked;
            for (int i = 0; i < made.n; i++)
                n_planned += made.tensors[i].view_src == NULL;
            cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
            cr_assert_geq(heap.n_asked - before, change ? n_planned : 0, "%s: change %d", efforts[e], change);
            cr_assert_eq(heap.n_asked - before == 0, change == 0, "%s: change %d", efforts[e], change);
            close_all(galloc);
        }
}

Test(dropin_again, grows_where_there_is_no_room_for_both_when_allowed)
{
    heap.capacity = 700;
    for (int frees = 0; frees < 2; frees++) {
        setenv("GGML_ALLOC_GROW", frees ? "free" : "keep", 1);
        ggml_gallocr_t galloc = open_with("quick", "views");
        chain(32);
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
        memset(&made, 0, sizeof made);
        chain(48);
        cr_assert_eq(ggml_gallocr_alloc_graph(galloc, &made.graph), frees);
        close_all(galloc);
    }
    heap.capacity = 0;
}

/* The whole story of a graph that has a bit of everything. */
Test(dropin_again, tells_the_log_what_it_decides)
{
    static const char *const expected[] = {
        "ggml_alloc: alloc b: 64 bytes at 0 of heap chunk 0",
        "ggml_alloc: max_size = 64, live:",
        "ggml_alloc:   b: 64 bytes at 0 of heap chunk 0",
        "ggml_alloc: alloc c: 64 bytes at 64 of heap chunk 0",
        "ggml_alloc: exec: MUL_MAT (c) <= b, b",
        "ggml_alloc: not reusing b for d: it is still read",
        "ggml_alloc: reusing c for d",
        "ggml_alloc: exec: ADD (d) <= b, c",
        "ggml_alloc: not reusing d for e: it is an output",
        "ggml_alloc: exec: SCALE (e) <= d",
        "ggml_alloc: not reusing e for f: the layout differs",
        "ggml_alloc: exec: MUL_MAT (g) <= b",
        "ggml_alloc: free b: 64 bytes at 0 of heap chunk 0",
        "ggml_alloc: planned a graph of 5 nodes and 1 leafs",
    };
    char name[] = "dropin-log-XXXXXX", text[8192];
    setenv("GGML_ALLOC_LOG", "debug", 1);
    ggml_gallocr_t galloc = open_with("quick", "ggml");
    struct ggml_tensor *x = leaf(16), *sum = made_node(&made, GGML_OP_ADD, x, mul(x, x)), *twice = scale(sum);
    sum->flags = GGML_TENSOR_FLAG_OUTPUT;
    scale(twice)->ne[0] = 8;
    mul(x, NULL);
    int file = mkstemp(name), err = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    bool planned = ggml_gallocr_reserve(galloc, &made.graph);
    dup2(err, STDERR_FILENO);
    ssize_t len = pread(file, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = 0;
    remove(name);
    unsetenv("GGML_ALLOC_LOG");
    cr_assert(planned);
    const char *at = text;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const char *line = strstr(at, expected[i]);
        cr_assert_not_null(line, "'%s' is missing in\n%s", expected[i], text);
        at = line;
    }
    close_all(galloc);
}

/* Shapes come and go; what a plan keeps of them does not pile up, and every one of them is told apart. */
Test(dropin_again, follows_a_thousand_shapes_with_one_plan)
{
    ggml_gallocr_t galloc = open_with("quick", "views");
    for (int i = 0; i < 2000; i++) {
        memset(&made, 0, sizeof made);
        struct ggml_tensor *end = chain(64);
        made.nodes[0]->nb[3] = 1; /* its own, each time the same */
        end->nb[3] += (size_t)i;  /* no two alike */
        int before = heap.n_asked;
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
        cr_assert_eq(heap.n_asked - before, i ? 1 : 4, "round %d", i);
        cr_assert_eq(made_run(&made), -1);
        made_forget(&made);
        before = heap.n_asked;
        cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
        cr_assert_eq(heap.n_asked, before, "the same again");
    }
    close_all(galloc);
}

Test(dropin_again, keeps_eight_plans)
{
    ggml_gallocr_t galloc = open_with("quick", "views");
    for (int n = 1; n <= 9; n++)
        for (int again = 0; again < 2; again++) {
            memset(&made, 0, sizeof made);
            struct ggml_tensor *at = leaf(16);
            for (int i = 0; i < n % 9 + 1; i++)
                at = mul(at, at);
            int before = heap.n_asked;
            cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
            cr_assert_eq(heap.n_asked == before, again == 1);
        }
    for (int kept = 0; kept < 2; kept++) {
        memset(&made, 0, sizeof made);
        struct ggml_tensor *at = leaf(16);
        for (int i = 0; i < (kept ? 9 : 2); i++)
            at = mul(at, at);
        int before = heap.n_asked;
        cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
        cr_assert_eq(heap.n_asked == before, kept, "the one used longest ago is gone");
    }
    close_all(galloc);
}

Test(dropin_again, resets_buffers_and_tells_when_a_backend_refuses_a_tensor)
{
    ggml_gallocr_t galloc = open_with("quick", "views");
    chain(16);
    heap.n_resets = 0;
    cr_assert(ggml_gallocr_reserve(galloc, &made.graph));
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(heap.n_resets, 1);
    made_forget(&made);
    heap.refuses = true;
    cr_assert_not(ggml_gallocr_alloc_graph(galloc, &made.graph));
    made_forget(&made);
    heap.refuses = false;
    cr_assert(ggml_gallocr_alloc_graph(galloc, &made.graph));
    cr_assert_eq(made_run(&made), -1);
    close_all(galloc);
}

Test(dropin_again, allocates_tensors_side_by_side_until_the_buffer_is_full)
{
    memset(&made, 0, sizeof made);
    struct ggml_tensor *a = leaf(4), *b = leaf(8), *c = leaf(5);
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(&heap, 64);
    struct ggml_tallocr talloc = ggml_tallocr_new(buffer);
    cr_assert_eq(ggml_tallocr_alloc(&talloc, a), GGML_STATUS_SUCCESS);
    cr_assert_eq(ggml_tallocr_alloc(&talloc, b), GGML_STATUS_SUCCESS);
    struct ggml_tallocr full = talloc;
    cr_assert_eq(ggml_tallocr_alloc(&talloc, c), GGML_STATUS_ALLOC_FAILED);
    cr_assert(memcmp(&full, &talloc, sizeof full) == 0 && !c->data && !c->buffer, "as if it had not been asked");
    cr_assert((char *)b->data == (char *)a->data + 16 && b->buffer == buffer);
    ggml_backend_buffer_free(buffer);
}

Test(dropin_again, allocates_contexts_in_order_and_forwards_meta_buffers)
{
    static float bytes[16];
    memset(&made, 0, sizeof made);
    struct ggml_tensor *a = leaf(4), *nothing = leaf(0), *weight = leaf(16), *window = made_view(&made, weight, 0, 8), *b = leaf(4);
    struct ggml_tensor *seen = made_view(&made, a, 1, 2);
    struct ggml_context ctx = { made.tensors, made.n };
    struct ggml_backend_buffer elsewhere = { .buft = &heap };
    weight->data = bytes;
    weight->buffer = &elsewhere;
    cr_assert_eq(ggml_backend_alloc_ctx_tensors_from_buft_size(&ctx, &heap), 32);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(&ctx, (ggml_backend_t)(void *)&heap);
    cr_assert(buffer && a->buffer == buffer && (char *)b->data == (char *)a->data + 16);
    cr_assert(nothing->buffer == buffer && nothing->data, "no bytes, but an address");
    cr_assert(weight->data == bytes && window->data == bytes && window->buffer == &elsewhere);
    cr_assert(seen->buffer == buffer && (char *)seen->data == (char *)a->data + 4);
    cr_assert_eq(ggml_backend_alloc_ctx_tensors_from_buft_size(&ctx, &heap), 0);
    cr_assert_null(ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &heap), "nothing is left");
    ggml_backend_buffer_free(buffer);
    struct ggml_backend_buffer_type meta = { .align = 16, .max_size = SIZE_MAX, .is_meta = true };
    buffer = ggml_backend_alloc_ctx_tensors_from_buft(&ctx, &meta);
    cr_assert(buffer && buffer->size == 16, "its own function made it");
    ggml_backend_buffer_free(buffer);
}
