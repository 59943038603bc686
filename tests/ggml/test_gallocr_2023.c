/*
 * The graph allocator of 2023 by name, rule by rule, and random graphs run on what it gave.
 */
#include "base/rng.h"
#include "ggml/small.h"

#include <criterion/criterion.h>

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

static alignas(4096) char memory[1 << 20];
static char outside[1 << 12]; /* the caller's own bytes */
static struct small s;

static void start(void)
{
    s = (struct small){ 0 };
}

TestSuite(gallocr_2023, .init = start);

static size_t graph_on(ggml_allocr_t alloc)
{
    size_t size = ggml_allocr_alloc_graph(alloc, small_graph(&s));
    cr_assert_null(ggml_allocr_error(alloc), "%s", ggml_allocr_error(alloc));
    return size;
}

static size_t measured(void)
{
    ggml_allocr_t alloc = ggml_allocr_new_measure(1);
    size_t size = graph_on(alloc);
    ggml_allocr_free(alloc);
    return size;
}

/* The graph is refused with these words, and every tensor is as it was. */
static void refused(ggml_allocr_t alloc, const char *words)
{
    static struct ggml_tensor before[SMALL_TENSORS];
    size_t bytes = (size_t)s.n_tensors * sizeof *before, size = ggml_allocr_max_size(alloc);
    memcpy(before, s.tensors, bytes);
    cr_assert_eq(ggml_allocr_alloc_graph(alloc, small_graph(&s)), 0);
    cr_assert_not_null(ggml_allocr_error(alloc));
    cr_assert_not_null(strstr(ggml_allocr_error(alloc), words), "%s", ggml_allocr_error(alloc));
    cr_assert_eq(memcmp(before, s.tensors, bytes), 0);
    cr_assert_eq(ggml_allocr_max_size(alloc), size);
}

Test(gallocr_2023, gives_bytes_back_after_the_last_reader)
{
    struct ggml_tensor *x = small_leaf(&s, "x", 100);
    struct ggml_tensor *a = small_node(&s, GGML_OP_MUL_MAT, "a", 100, x, NULL);
    struct ggml_tensor *b = small_node(&s, GGML_OP_MUL_MAT, "b", 100, a, NULL);
    cr_assert_eq(measured(), 200);
    cr_assert(x->data == b->data && a->data != x->data);
}

Test(gallocr_2023, takes_over_a_source_of_the_last_reader)
{
    struct ggml_tensor *x = small_leaf(&s, "x", 100);
    struct ggml_tensor *a = small_node(&s, GGML_OP_SCALE, "a", 100, x, NULL);
    struct ggml_tensor *twice = small_node(&s, GGML_OP_ADD, "twice", 100, a, a, NULL);   /* lists it twice */
    struct ggml_tensor *other = small_node(&s, GGML_OP_SCALE, "other", 50, twice, NULL); /* another layout */
    struct ggml_tensor *not = small_node(&s, GGML_OP_CPY, "not", 50, other, NULL);       /* no such op */
    measured();
    cr_assert_eq(a->data, x->data);
    cr_assert_null(a->view_src, "a tensor keeps its view_src");
    cr_assert(twice->data != a->data && other->data != twice->data && not ->data != other->data);
}

Test(gallocr_2023, takes_over_what_a_finished_view_looks_into)
{
    struct ggml_tensor *x = small_leaf(&s, "x", 100);
    struct ggml_tensor *v = small_view(&s, "v", x, 0, 60), *w = small_view(&s, "w", v, 0, 60);
    struct ggml_tensor *a = small_node(&s, GGML_OP_SQR, "a", 60, w, NULL);
    struct ggml_tensor *y = small_leaf(&s, "y", 100), *inside = small_view(&s, "inside", y, 40, 60);
    struct ggml_tensor *b = small_node(&s, GGML_OP_ADD, "b", 60, inside, a, NULL);
    measured();
    cr_assert(v->data == x->data && w->data == x->data && a->data == x->data);
    cr_assert_eq((char *)inside->data - (char *)y->data, 40);
    cr_assert_eq(b->data, a->data, "the first source begins inside of its bytes");
}

Test(gallocr_2023, keeps_what_nobody_reads_and_what_is_not_its_own)
{
    struct ggml_tensor *weight = small_leaf(&s, "weight", 100);
    weight->data = outside;
    struct ggml_tensor *result = small_node(&s, GGML_OP_SCALE, "result", 100, weight, NULL);
    struct ggml_tensor *next = small_node(&s, GGML_OP_SCALE, "next", 100, weight, NULL);
    cr_assert_eq(measured(), 200);
    cr_assert(weight->data == outside && weight->buffer == NULL && result->data != next->data && next->data != outside);
}

Test(gallocr_2023, initialises_views_of_what_has_data)
{
    struct ggml_tensor *cache = small_leaf(&s, "cache", 100), *v = small_view(&s, "v", cache, 30, 10);
    cache->data = outside;
    cache->backend = GGML_BACKEND_GPU;
    v->data = outside; /* not where it should be */
    ggml_allocr_t alloc = ggml_allocr_new(memory, sizeof memory, 32);
    cr_assert_eq(graph_on(alloc), 0);
    cr_assert(v->data == outside + 30 && v->buffer == NULL && v->backend == GGML_BACKEND_GPU);
    ggml_allocr_free(alloc);
}

Test(gallocr_2023, gives_back_at_barriers_only)
{
    struct ggml_tensor *x = small_leaf(&s, "x", 100);
    x->data = outside;
    struct ggml_tensor *a = small_node(&s, GGML_OP_CPY, "a", 100, x, NULL);
    small_node(&s, GGML_OP_SUM, "sum", 10, a, NULL);
    struct ggml_tensor *b = small_node(&s, GGML_OP_CPY, "b", 100, x, NULL);
    ggml_allocr_t alloc = ggml_allocr_new_measure(1);
    cr_assert_eq(graph_on(alloc), 110);
    cr_assert_eq(a->data, b->data);
    ggml_allocr_reset(alloc);
    small_forget(&s);
    x->data = outside;
    ggml_allocr_set_parse_seq(alloc, (int[]){ 0, 1, 2, -1 }, 4);
    cr_assert_eq(graph_on(alloc), 210);
    ggml_allocr_reset(alloc);
    small_forget(&s);
    x->data = outside;
    ggml_allocr_set_parse_seq(alloc, (int[]){ 0, 1, -1, 2 }, 4);
    graph_on(alloc);
    cr_assert_eq(a->data, b->data);
    ggml_allocr_free(alloc);
}

Test(gallocr_2023, judges_a_sequence_against_the_graph)
{
    struct ggml_tensor *x = small_leaf(&s, "x", 100), *a = small_node(&s, GGML_OP_CPY, "a", 100, x, NULL);
    struct ggml_tensor *b = small_node(&s, GGML_OP_CPY, "b", 100, a, NULL);
    ggml_allocr_t alloc = ggml_allocr_new_measure(1);
    ggml_allocr_set_parse_seq(alloc, (int[]){ 0, 2 }, 2);
    refused(alloc, "lists node 2 of 2");
    ggml_allocr_set_parse_seq(alloc, (int[]){ 0, -2 }, 2);
    refused(alloc, "lists node -2 of 2");
    ggml_allocr_set_parse_seq(alloc, (int[]){ 0, 1, -1, 0 }, 4);
    refused(alloc, "a: the parse sequence lists it twice");
    ggml_allocr_set_parse_seq(alloc, (int[]){ 1, 0 }, 2);
    refused(alloc, "b: reads what is computed only later");
    ggml_allocr_set_parse_seq(alloc, NULL, 3);
    cr_assert_not_null(ggml_allocr_error(alloc));
    ggml_allocr_set_parse_seq(alloc, NULL, -1);
    cr_assert_not_null(ggml_allocr_error(alloc));
    ggml_allocr_set_parse_seq(alloc, (int[]){ 1 }, 1); /* `a` is placed as the source of `b` */
    graph_on(alloc);
    cr_assert(a->data && b->data && !x->data);
    ggml_allocr_reset(alloc);
    small_forget(&s);
    ggml_allocr_set_parse_seq(alloc, NULL, 0);
    graph_on(alloc);
    cr_assert_not_null(x->data);
    ggml_allocr_free(alloc);
}

Test(gallocr_2023, refuses_graphs_that_make_no_sense)
{
    ggml_allocr_t alloc = ggml_allocr_new(memory, sizeof memory, 1);
    struct ggml_tensor *x = small_leaf(&s, "x", 100), *a = small_node(&s, GGML_OP_CPY, "a", 100, x, NULL);
    struct ggml_tensor *b = small_node(&s, GGML_OP_CPY, "b", 100, a, NULL), *v = small_view(&s, "v", b, 60, 40);
    a->src[0] = b;
    refused(alloc, "a: reads what is computed only later");
    a->src[0] = a;
    refused(alloc, "a: reads what is computed only later");
    a->src[0] = x;
    v->view_offs = 61;
    refused(alloc, "v: a view past the end of b");
    v->view_offs = 60;
    v->view_src = v;
    refused(alloc, "v: views itself");
    v->view_src = small_tensor(&s, "nowhere", 100);
    refused(alloc, "v: a view of what has no bytes");
    v->view_src = b;
    s.nodes[0] = b;
    refused(alloc, "b: two nodes of the graph are this one");
    s.nodes[0] = NULL;
    refused(alloc, "node 0 is NULL");
    s.nodes[0] = a;
    graph_on(alloc);
    ggml_allocr_free(alloc);
}

Test(gallocr_2023, leaves_alone_what_does_not_live_in_its_buffer)
{
    ggml_allocr_t alloc = ggml_allocr_new(memory, sizeof memory, 1);
    struct ggml_tensor *x = small_leaf(&s, "x", 100);
    struct ggml_tensor *a = small_node(&s, GGML_OP_SCALE, "a", 100, x, NULL);
    struct ggml_tensor *b = small_node(&s, GGML_OP_MUL_MAT, "b", 50, a, x, NULL);
    struct ggml_tensor *c = small_node(&s, GGML_OP_CPY, "c", 100, b, NULL);
    ggml_allocr_alloc(alloc, c);
    ggml_allocr_alloc(alloc, x);
    char *data = x->data;
    ggml_allocr_reset(alloc); /* x keeps data and buffer, and owns nothing any more */
    c->data = NULL;
    cr_assert_eq(graph_on(alloc), 200);
    cr_assert(x->data == data && a->data == memory && b->data == memory + 100 && c->data == memory);
    ggml_allocr_free(alloc);
}

Test(gallocr_2023, spreads_a_graph_over_allocators)
{
    static struct ggml_tensor *keys[64];
    static ggml_tallocr_t tallocs[64];
    struct ggml_hash_set set = { .size = 64, .keys = keys };
    struct ggml_tensor *x = small_leaf(&s, "x", 100), *a = small_node(&s, GGML_OP_SCALE, "a", 100, x, NULL);
    struct ggml_tensor *b = small_node(&s, GGML_OP_SCALE, "b", 100, a, NULL);
    ggml_tallocr_t one = ggml_tallocr_new(memory, 1000, 1), two = ggml_tallocr_new(memory + 1000, 1000, 1);
    ggml_gallocr_t galloc = ggml_gallocr_new();
    tallocs[ggml_hash_find_or_insert(set, x)] = one;
    tallocs[ggml_hash_find_or_insert(set, a)] = one;
    ggml_gallocr_alloc_graph_n(galloc, small_graph(&s), set, tallocs);
    cr_assert_str_eq(ggml_gallocr_error(galloc), "b: has no allocator");
    cr_assert(x->data == NULL && a->data == NULL);
    tallocs[ggml_hash_find_or_insert(set, b)] = two;
    set.size = 2;
    ggml_gallocr_alloc_graph_n(galloc, small_graph(&s), set, tallocs);
    cr_assert_not_null(ggml_gallocr_error(galloc), "a set of two slots for three tensors");
    set.size = 64;
    ggml_gallocr_alloc_graph_n(galloc, small_graph(&s), set, tallocs);
    cr_assert_null(ggml_gallocr_error(galloc));
    cr_assert(x->data == memory && a->data == memory && b->data == memory + 1000, "nothing is taken over across allocators");
    cr_assert(a->buffer == ggml_tallocr_get_buffer(one) && b->buffer == ggml_tallocr_get_buffer(two));
    cr_assert_eq(ggml_gallocr_alloc_graph(galloc, NULL, small_graph(&s)), 0);
    cr_assert_not_null(ggml_gallocr_error(galloc));
    ggml_gallocr_free(galloc);
    ggml_gallocr_free(NULL);
    ggml_tallocr_free(two);
    ggml_tallocr_free(one);
}

Test(gallocr_2023, knows_when_a_set_is_full)
{
    static struct ggml_tensor *keys[4], tensors[5];
    struct ggml_hash_set set = { .size = 4, .keys = keys };
    for (int i = 0; i < 4; i++) {
        cr_assert_not(ggml_hash_contains(set, &tensors[i]));
        size_t at = ggml_hash_find(set, &tensors[i]);
        cr_assert_eq(ggml_hash_insert(set, &tensors[i]), at);
        cr_assert_eq(ggml_hash_insert(set, &tensors[i]), GGML_HASHTABLE_ALREADY_EXISTS);
        cr_assert_eq(ggml_hash_find_or_insert(set, &tensors[i]), at);
    }
    cr_assert_eq(ggml_hash_find(set, &tensors[4]), GGML_HASHTABLE_FULL);
    cr_assert_eq(ggml_hash_insert(set, &tensors[4]), GGML_HASHTABLE_FULL);
    cr_assert_eq(ggml_hash_find_or_insert(set, &tensors[4]), GGML_HASHTABLE_FULL);
    cr_assert_not(ggml_hash_contains((struct ggml_hash_set){ 0 }, &tensors[0]));
}

Test(gallocr_2023, has_every_constructor)
{
    ggml_backend_t host = ggml_backend_cpu_init();
    ggml_backend_buffer_t buffer = ggml_backend_alloc_buffer(host, 4096);
    ggml_allocr_t all[] = { ggml_allocr_new(memory, 4096, 32), ggml_allocr_new_measure(32), ggml_allocr_new_from_buffer(buffer),
                            ggml_allocr_new_from_backend(host, 4096), ggml_allocr_new_measure_from_backend(host) };
    for (int i = 0; i < 5; i++) {
        s = (struct small){ 0 };
        struct ggml_tensor *x = small_leaf(&s, "x", 64);
        small_node(&s, GGML_OP_CPY, "a", 64, x, NULL);
        ggml_allocr_alloc(all[i], x);
        cr_assert_null(ggml_allocr_error(all[i]));
        cr_assert_eq(graph_on(all[i]), 128);
        cr_assert_eq(ggml_allocr_is_measure(all[i]), i == 1 || i == 4);
        cr_assert_eq(x->buffer, ggml_allocr_get_buffer(all[i]));
        ggml_allocr_free(all[i]);
    }
    ggml_allocr_free(NULL);
    cr_assert_null(ggml_allocr_new(memory, 100, 3));
    cr_assert_eq(ggml_backend_buffer_get_size(buffer), 4096);
    cr_assert_eq(ggml_backend_buffer_get_alignment(buffer), ggml_backend_get_alignment(host));
    ggml_backend_buffer_free(buffer);
    ggml_backend_free(host);
}

/* Random graphs: leafs, ops that work in place and others, views of views. */
static void make(struct rng *rng)
{
    static const enum ggml_op ops[] = { GGML_OP_ADD, GGML_OP_MUL_MAT, GGML_OP_SCALE, GGML_OP_CPY, GGML_OP_SOFT_MAX };
    size_t sizes[3];
    char name[16];
    s = (struct small){ 0 };
    for (int i = 0; i < 3; i++)
        sizes[i] = 1 + (size_t)rng_below(rng, 200);
    int n_leafs = 1 + (int)rng_below(rng, 4), n = n_leafs + 1 + (int)rng_below(rng, 60);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "t%d", i);
        struct ggml_tensor *of = i ? &s.tensors[rng_below(rng, (uint64_t)i)] : NULL;
        size_t len = of ? (size_t)of->ne[0] : 0, offset = len && rng_below(rng, 2) ? (size_t)rng_below(rng, len) : 0;
        if (i < n_leafs)
            small_leaf(&s, name, sizes[rng_below(rng, 3)]);
        else if (rng_below(rng, 4) == 0)
            small_view(&s, name, of, offset, len - offset);
        else
            small_node(&s, ops[rng_below(rng, 5)], name, rng_below(rng, 2) ? len : sizes[rng_below(rng, 3)], of,
                       rng_below(rng, 2) ? &s.tensors[rng_below(rng, (uint64_t)i)] : NULL, NULL);
    }
}

/* Where the reference keeps a tensor's bytes: each alone, a view in its source. */
static unsigned char alone[SMALL_TENSORS][256];

static unsigned char *reference(struct ggml_tensor *tensor)
{
    size_t offset = 0;
    for (; tensor->view_src; tensor = tensor->view_src)
        offset += tensor->view_offs;
    return alone[tensor - s.tensors] + offset;
}

/* Reads element by element where the op may work in place, else all of each source after the first byte is written. */
static void compute(const struct ggml_tensor *node, bool is_reference)
{
    unsigned char *to = is_reference ? reference((struct ggml_tensor *)(uintptr_t)node) : node->data;
    bool by_element = node->op != GGML_OP_MUL_MAT && node->op != GGML_OP_CPY;
    for (int64_t i = 0; i < node->ne[0]; i++) {
        unsigned sum = (unsigned)(node - s.tensors) * 7u + (unsigned)i;
        for (int k = 0; k < GGML_MAX_SRC && node->src[k]; k++) {
            const unsigned char *from = is_reference ? reference(node->src[k]) : node->src[k]->data;
            bool whole = !by_element || node->src[k]->ne[0] != node->ne[0];
            for (int64_t j = whole ? 0 : i; j < (whole ? node->src[k]->ne[0] : i + 1); j++)
                sum = sum * 31u + from[j];
        }
        to[i] = (unsigned char)(sum ^ (sum >> 11));
    }
}

static void run(unsigned seed, bool is_reference)
{
    for (int i = 0; i < s.graph.n_leafs; i++)
        for (int64_t j = 0; j < s.leafs[i]->ne[0]; j++) {
            unsigned char *to = is_reference ? reference(s.leafs[i]) : s.leafs[i]->data;
            if (to)
                to[j] = (unsigned char)(seed + 13u * (unsigned)i + (unsigned)j);
        }
    for (int i = 0; i < s.graph.n_nodes; i++) {
        const struct ggml_tensor *node = s.nodes[i];
        if (node->op != GGML_OP_VIEW)
            compute(node, is_reference);
        if (!is_reference)
            cr_assert_eq(memcmp(node->data, reference(s.nodes[i]), (size_t)node->ne[0]), 0, "seed %u, node %s", seed, node->name);
    }
}

/* Leafs are inputs: they have to be there, apart, before the first node runs. */
static void place_leafs(ggml_allocr_t alloc)
{
    for (int i = 0; i < s.graph.n_leafs; i++)
        ggml_allocr_alloc(alloc, s.leafs[i]);
}

Test(gallocr_2023, runs_random_graphs_as_without_sharing)
{
    static size_t offsets[SMALL_TENSORS];
    for (unsigned seed = 0; seed < 3000; seed++) {
        struct rng rng = { seed };
        make(&rng);
        size_t align = (size_t)1 << rng_below(&rng, 7);
        int sequence[2 * SMALL_TENSORS / 16], n = 0;
        for (int i = 0; i < s.graph.n_nodes; i++) {
            sequence[n++] = i;
            if (rng_below(&rng, 3) == 0)
                sequence[n++] = -1;
        }
        if (seed % 2)
            n = 0;
        ggml_allocr_t alloc = ggml_allocr_new_measure(align);
        ggml_allocr_set_parse_seq(alloc, sequence, n);
        place_leafs(alloc);
        size_t size = graph_on(alloc);
        char *base = ggml_backend_buffer_get_base(ggml_allocr_get_buffer(alloc));
        for (int i = 0; i < s.n_tensors; i++)
            offsets[i] = (size_t)((char *)s.tensors[i].data - base);
        ggml_allocr_free(alloc);

        small_forget(&s);
        alloc = ggml_allocr_new(memory, size, align);
        ggml_allocr_set_parse_seq(alloc, sequence, n);
        place_leafs(alloc);
        cr_assert_eq(graph_on(alloc), size, "what was measured is enough");
        for (int i = 0; i < s.n_tensors; i++)
            cr_assert_eq((size_t)((char *)s.tensors[i].data - memory), offsets[i], "seed %u, tensor %d", seed, i);
        run(seed, true);
        run(seed, false);

        /* Less is refused, and the allocator is as it was: the same graph fits one that was refused before. */
        small_forget(&s);
        ggml_allocr_free(alloc);
        alloc = ggml_allocr_new(memory, size - align, align);
        ggml_allocr_set_parse_seq(alloc, sequence, n);
        place_leafs(alloc);
        if (!ggml_allocr_error(alloc)) {
            refused(alloc, "not enough space");
            refused(alloc, "not enough space");
        }
        ggml_allocr_free(alloc);
    }
}
