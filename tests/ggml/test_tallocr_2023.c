/*
 * The linear allocator of 2023 by name, rule by rule.
 */
#include "ggml/small.h"

#include <criterion/criterion.h>

#include <stdalign.h>
#include <string.h>

#define MEMORY 65536
static alignas(2 << 20) char memory[4 << 20];

static size_t alloc(ggml_tallocr_t talloc, struct small *small, const char *name, size_t size)
{
    struct ggml_tensor *tensor = small_tensor(small, name, size);
    ggml_tallocr_alloc(talloc, tensor);
    cr_assert_null(ggml_tallocr_error(talloc), "%s", ggml_tallocr_error(talloc));
    cr_assert_eq(tensor->buffer, ggml_tallocr_get_buffer(talloc));
    return small_at(talloc, tensor);
}

/* Bytes are given back only by graphs: a reader of each, and a barrier after all of them. */
static void give_back(ggml_tallocr_t talloc, struct ggml_tensor **tensors, int n)
{
    static struct small readers;
    readers = (struct small){ 0 };
    ggml_gallocr_t galloc = ggml_gallocr_new();
    for (int i = 0; i < n; i++)
        small_node(&readers, GGML_OP_SUM, "reader", 1, tensors[i], NULL)->data = memory; /* the caller's: takes no place */
    ggml_gallocr_alloc_graph(galloc, talloc, small_graph(&readers));
    cr_assert_null(ggml_gallocr_error(galloc), "%s", ggml_gallocr_error(galloc));
    ggml_gallocr_free(galloc);
}

Test(tallocr_2023, places_one_after_the_other)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, MEMORY, 32);
    cr_assert_not(ggml_tallocr_is_measure(talloc));
    cr_assert_eq(ggml_tallocr_max_size(talloc), 0);
    cr_assert_eq(alloc(talloc, &small, "a", 96), 0);
    cr_assert_eq(alloc(talloc, &small, "b", 33), 96); /* takes 64 */
    cr_assert_eq(alloc(talloc, &small, "c", 1), 160);
    cr_assert_eq(ggml_tallocr_max_size(talloc), 192);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, takes_the_best_fit_and_the_last_block_last)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, 100, 1);
    struct ggml_tensor *t = small.tensors;
    alloc(talloc, &small, "a", 20);
    alloc(talloc, &small, "", 1);
    alloc(talloc, &small, "b", 10);
    alloc(talloc, &small, "", 1);
    alloc(talloc, &small, "c", 10);
    alloc(talloc, &small, "", 48);
    give_back(talloc, (struct ggml_tensor *[]){ &t[0], &t[2], &t[4] }, 3); /* 0+20 21+10 32+10, and the end, 90+10 */
    cr_assert_eq(alloc(talloc, &small, "best, the highest of two", 10), 32);
    cr_assert_eq(alloc(talloc, &small, "the other", 10), 21);
    cr_assert_eq(alloc(talloc, &small, "low end of what is left", 10), 0);
    cr_assert_eq(alloc(talloc, &small, "its rest", 10), 10);
    cr_assert_eq(alloc(talloc, &small, "the last block", 10), 90);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, joins_with_the_block_before_after_and_both)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, MEMORY, 1);
    struct ggml_tensor *t = small.tensors;
    for (int i = 0; i < 6; i++)
        alloc(talloc, &small, "ten", 10);
    give_back(talloc, (struct ggml_tensor *[]){ &t[0], &t[2], &t[1] }, 3); /* 1 joins both: 0+30 */
    cr_assert_eq(alloc(talloc, &small, "all of the three", 30), 0);
    give_back(talloc, (struct ggml_tensor *[]){ &t[4], &t[3] }, 2); /* 3 joins the one after */
    cr_assert_eq(alloc(talloc, &small, "all of the two", 20), 30);
    give_back(talloc, (struct ggml_tensor *[]){ &t[5] }, 1); /* joins the end */
    cr_assert_eq(alloc(talloc, &small, "from the end", 100), 50);
    cr_assert_eq(ggml_tallocr_max_size(talloc), 150);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, remembers_its_largest_size_over_resets)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, MEMORY, 32);
    alloc(talloc, &small, "a", 1000);
    ggml_tallocr_reset(talloc);
    cr_assert_eq(alloc(talloc, &small, "b", 10), 0);
    cr_assert_eq(ggml_tallocr_max_size(talloc), 1024);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, refuses_views_and_what_has_data)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, MEMORY, 32);
    struct ggml_tensor *x = small_tensor(&small, "x", 64), *v = small_tensor(&small, "v", 32);
    v->view_src = x;
    ggml_tallocr_alloc(talloc, v);
    cr_assert_str_eq(ggml_tallocr_error(talloc), "v: a view has no bytes of its own");
    cr_assert_null(v->data);
    ggml_tallocr_alloc(talloc, x);
    cr_assert_null(ggml_tallocr_error(talloc));
    void *data = x->data;
    ggml_tallocr_alloc(talloc, x);
    cr_assert_str_eq(ggml_tallocr_error(talloc), "x: has data already");
    cr_assert_eq(x->data, data);
    cr_assert_eq(ggml_tallocr_max_size(talloc), 64);
    ggml_tallocr_reset(talloc);
    cr_assert_null(ggml_tallocr_error(talloc));
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, says_what_it_needed_and_what_was_left)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, 1000, 32); /* 992 of them can be used */
    alloc(talloc, &small, "a", 640);
    struct ggml_tensor *big = small_tensor(&small, "big", 353);
    ggml_tallocr_alloc(talloc, big);
    cr_assert_str_eq(ggml_tallocr_error(talloc), "big: not enough space: needs 353 bytes, the largest block available has 352");
    cr_assert(big->data == NULL && big->buffer == NULL);
    big->ne[0] = INT64_MAX;
    ggml_tallocr_alloc(talloc, big);
    cr_assert_not_null(ggml_tallocr_error(talloc));
    big->ne[0] = 352;
    ggml_tallocr_alloc(talloc, big);
    cr_assert_null(ggml_tallocr_error(talloc));
    cr_assert_eq(small_at(talloc, big), 640);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, has_no_limit_of_free_blocks)
{
    enum { N = 1500 };
    static struct small small;
    static struct ggml_tensor *odd[N / 2];
    ggml_tallocr_t talloc = ggml_tallocr_new_measure(32);
    for (int i = 0; i < N; i++)
        cr_assert_eq(alloc(talloc, &small, "t", 32), 32 * (size_t)i);
    for (int i = 0; i < N / 2; i++)
        odd[i] = &small.tensors[2 * i];
    give_back(talloc, odd, N / 2);
    for (int i = N / 2 - 1; i >= 0; i--)
        cr_assert_eq(alloc(talloc, &small, "again", 32), 64 * (size_t)i);
    cr_assert_eq(ggml_tallocr_max_size(talloc), 32 * N);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, takes_no_bytes_for_a_tensor_of_size_zero)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, 64, 32);
    alloc(talloc, &small, "all", 64);
    struct ggml_tensor *none = small_tensor(&small, "none", 0);
    ggml_tallocr_alloc(talloc, none);
    cr_assert_null(ggml_tallocr_error(talloc));
    cr_assert_not_null(none->data);
    give_back(talloc, &none, 1);
    cr_assert_eq(ggml_tallocr_max_size(talloc), 64);
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, aligns_within_memory_that_is_not_aligned)
{
    static struct small small;
    for (size_t align = 1; align <= 2 << 20; align *= 2) {
        for (size_t off = 0; off < 100; off += 33) {
            small = (struct small){ 0 };
            size_t padding = (0 - off) & (align - 1);
            ggml_tallocr_t talloc = ggml_tallocr_new(memory + off, sizeof memory - off, align);
            cr_assert_eq(alloc(talloc, &small, "a", 1), padding);
            cr_assert_eq((uintptr_t)small.tensors[0].data % align, 0);
            cr_assert_eq(ggml_tallocr_max_size(talloc), padding + align);
            ggml_tallocr_free(talloc);
        }
    }
}

Test(tallocr_2023, measures_enough_for_memory_aligned_as_asked)
{
    static struct small small;
    for (size_t align = 1; align <= 2 << 20; align *= 2) {
        small = (struct small){ 0 };
        ggml_tallocr_t measure = ggml_tallocr_new_measure(align);
        cr_assert(ggml_tallocr_is_measure(measure));
        size_t a = alloc(measure, &small, "a", 5), b = alloc(measure, &small, "b", 7);
        size_t size = ggml_tallocr_max_size(measure);
        cr_assert_eq(size, 2 * align < 16 ? ((5 + align - 1) & ~(align - 1)) + ((7 + align - 1) & ~(align - 1)) : 2 * align);
        ggml_tallocr_free(measure);
        if (size > sizeof memory)
            continue;
        small_forget(&small);
        ggml_tallocr_t talloc = ggml_tallocr_new(memory, size, align);
        cr_assert_eq(alloc(talloc, &small, "a", 5), a);
        cr_assert_eq(alloc(talloc, &small, "b", 7), b);
        cr_assert_eq(ggml_tallocr_max_size(talloc), size);
        ggml_tallocr_free(talloc);
    }
}

Test(tallocr_2023, has_room_for_half_the_address_space_while_measuring)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new_measure(4096);
    alloc(talloc, &small, "huge", SIZE_MAX / 4);
    struct ggml_tensor *more = small_tensor(&small, "more", SIZE_MAX / 3);
    ggml_tallocr_alloc(talloc, more);
    cr_assert_not_null(ggml_tallocr_error(talloc));
    ggml_tallocr_free(talloc);
}

Test(tallocr_2023, is_null_when_it_cannot_be_made)
{
    cr_assert_null(ggml_tallocr_new(memory, 100, 0));
    cr_assert_null(ggml_tallocr_new(memory, 100, 48));
    cr_assert_null(ggml_tallocr_new(NULL, 100, 32));
    cr_assert_null(ggml_tallocr_new_measure(3));
    cr_assert_null(ggml_tallocr_new_measure(SIZE_MAX / 2 + 1));
    cr_assert_null(ggml_tallocr_new_from_buffer(NULL));
    cr_assert_null(ggml_tallocr_new_from_backend(NULL, 100));
    cr_assert_null(ggml_tallocr_new_measure_from_backend(NULL));
    ggml_tallocr_free(NULL);
    /* Memory smaller than what aligning it loses is memory without room. */
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory + 1, 10, 32);
    struct ggml_tensor *x = small_tensor(&small, "x", 1);
    ggml_tallocr_alloc(talloc, x);
    cr_assert_not_null(ggml_tallocr_error(talloc));
    ggml_tallocr_free(talloc);
}

/* A backend that counts; its buffers want `pad` bytes more for every tensor. */
struct counting {
    struct ggml_backend backend;
    int buffers, inits, frees, sizes;
    size_t pad, last_size;
    const struct ggml_tensor *last_init, *last_free;
};

static void *counting_base(ggml_backend_buffer_t buffer)
{
    (void)buffer;
    return memory;
}

static void counting_gone(ggml_backend_buffer_t buffer)
{
    ((struct counting *)buffer->context)->buffers--;
}

static size_t counting_size(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    struct counting *counting = buffer->context;
    counting->sizes++;
    return ggml_nbytes(tensor) + counting->pad;
}

static void counting_init(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    struct counting *counting = buffer->context;
    cr_assert_not_null(tensor->data);
    counting->inits++;
    counting->last_init = tensor;
}

static void counting_free(ggml_backend_buffer_t buffer, struct ggml_tensor *tensor)
{
    struct counting *counting = buffer->context;
    counting->frees++;
    counting->last_free = tensor;
}

static ggml_backend_buffer_t counting_alloc(ggml_backend_t backend, size_t size)
{
    struct counting *counting = backend->context;
    counting->last_size = size;
    if (size > sizeof memory)
        return NULL;
    counting->buffers++;
    const struct ggml_backend_buffer_i iface = { .free_buffer = counting_gone,
                                                 .get_base = counting_base,
                                                 .get_alloc_size = counting_size,
                                                 .init_tensor = counting_init,
                                                 .free_tensor = counting_free };
    return ggml_backend_buffer_init(backend, iface, counting, size);
}

static size_t counting_alignment(ggml_backend_t backend)
{
    (void)backend;
    return 128;
}

static ggml_backend_t count_on(struct counting *counting)
{
    counting->backend.context = counting;
    counting->backend.iface = (struct ggml_backend_i){ .alloc_buffer = counting_alloc, .get_alignment = counting_alignment };
    return &counting->backend;
}

Test(tallocr_2023, asks_a_backend_for_buffer_alignment_and_sizes)
{
    static struct small small;
    struct counting counting = { .pad = 100 };
    ggml_tallocr_t talloc = ggml_tallocr_new_from_backend(count_on(&counting), 1000);
    cr_assert_eq(counting.buffers, 1);
    cr_assert_eq(counting.last_size, 1000);
    cr_assert_eq(alloc(talloc, &small, "a", 29), 0);
    cr_assert_eq(alloc(talloc, &small, "b", 28), 256); /* 129 took 256 */
    cr_assert_eq(ggml_tallocr_max_size(talloc), 384);
    cr_assert_eq(counting.inits, 2);
    cr_assert_eq(counting.last_init, &small.tensors[1]);
    give_back(talloc, (struct ggml_tensor *[]){ &small.tensors[0] }, 1);
    cr_assert_eq(counting.frees, 1);
    cr_assert_eq(counting.last_free, &small.tensors[0]);
    ggml_tallocr_free(talloc);
    cr_assert_eq(counting.buffers, 0, "an owned buffer goes with it");
    cr_assert_null(ggml_tallocr_new_from_backend(count_on(&counting), sizeof memory + 1));
}

Test(tallocr_2023, leaves_a_borrowed_buffer)
{
    static struct small small;
    struct counting counting = { 0 };
    ggml_backend_buffer_t buffer = ggml_backend_alloc_buffer(count_on(&counting), 256);
    ggml_tallocr_t talloc = ggml_tallocr_new_from_buffer(buffer);
    cr_assert_eq(ggml_tallocr_get_buffer(talloc), buffer);
    alloc(talloc, &small, "a", 256);
    ggml_tallocr_free(talloc);
    cr_assert_eq(counting.buffers, 1);
    ggml_backend_buffer_free(buffer);
    cr_assert_eq(counting.buffers, 0);
}

Test(tallocr_2023, measures_a_backend_without_telling_it_of_tensors)
{
    static struct small small;
    struct counting counting = { .pad = 1 };
    ggml_tallocr_t talloc = ggml_tallocr_new_measure_from_backend(count_on(&counting));
    cr_assert(ggml_tallocr_is_measure(talloc));
    cr_assert_eq(counting.last_size, 1);
    alloc(talloc, &small, "a", 1 << 30);
    give_back(talloc, (struct ggml_tensor *[]){ &small.tensors[0] }, 1);
    cr_assert_eq(ggml_tallocr_max_size(talloc), (1 << 30) + 128);
    cr_assert(counting.inits == 0 && counting.frees == 0);
    ggml_tallocr_free(talloc);
    cr_assert_eq(counting.buffers, 0);
}

Test(tallocr_2023, loses_a_block_whose_tensor_is_built_anew)
{
    static struct small small;
    ggml_tallocr_t talloc = ggml_tallocr_new(memory, 128, 32);
    struct ggml_tensor *x = small_tensor(&small, "x", 32);
    ggml_tallocr_alloc(talloc, x);
    x->data = NULL; /* as a new tensor at the same address is */
    ggml_tallocr_alloc(talloc, x);
    cr_assert_null(ggml_tallocr_error(talloc));
    cr_assert_eq(small_at(talloc, x), 32);
    give_back(talloc, &x, 1);
    cr_assert_eq(alloc(talloc, &small, "y", 32), 32, "its new block is free, its old one is not");
    ggml_tallocr_free(talloc);
}
