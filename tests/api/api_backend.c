#include <criterion/criterion.h>
#include <string.h>

#include "ggml_alloc/backend.h"
#include "support.h"

static struct ga_buffer take(const struct ga_backend *backend, size_t size)
{
    struct ga_buffer buffer;
    cr_assert_eq(backend->alloc(backend->user, size, &buffer), GA_OK);
    cr_assert_eq(buffer.size, size);
    cr_assert_not_null(buffer.base);
    cr_assert_eq((uintptr_t)buffer.base % backend->align, 0);
    return buffer;
}

Test(backend, cpu_gives_host_memory)
{
    const struct ga_backend *cpu = ga_backend_cpu();
    cr_assert(cpu->host);
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        struct ga_buffer buffer = take(cpu, size);
        memset(buffer.base, 1, size);
        cpu->free(cpu->user, &buffer);
    }
    struct ga_buffer buffer = { .size = 7 };
    cr_assert_eq(cpu->alloc(cpu->user, SIZE_MAX, &buffer), GA_NO_SPACE);
    cr_assert_eq(cpu->alloc(cpu->user, SIZE_MAX / 2, &buffer), GA_NO_SPACE);
    cr_assert_eq(buffer.size, 7);
}

Test(backend, null_gives_addresses_that_do_not_overlap)
{
    enum { N = 64 };
    const struct ga_backend *null = ga_backend_null();
    cr_assert_not(null->host);
    struct ga_buffer buffers[N];
    for (size_t i = 0; i < N; i++)
        buffers[i] = take(null, i % 2 ? (size_t)1 << 24 : i * 100 + 1);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < i; k++) {
            uintptr_t a = (uintptr_t)buffers[i].base, b = (uintptr_t)buffers[k].base;
            cr_assert(a + buffers[i].size <= b || b + buffers[k].size <= a);
        }
    for (size_t i = 0; i < N; i++)
        null->free(null->user, &buffers[i]);
    struct ga_buffer buffer;
    cr_assert_eq(null->alloc(null->user, SIZE_MAX, &buffer), GA_NO_SPACE);
#if SIZE_MAX > UINT32_MAX
    cr_assert_eq(null->alloc(null->user, SIZE_MAX / 2, &buffer), GA_NO_SPACE);
    buffer = take(null, (size_t)1 << 40); /* more than any machine has */
    null->free(null->user, &buffer);
#endif
}

Test(backend, meter_counts)
{
    ga_meter *meter = ga_meter_new(NULL, ga_backend_null());
    const struct ga_backend *backend = ga_meter_backend(meter);
    struct ga_meter_stats stats;
    struct ga_buffer a = take(backend, 100), b = take(backend, 50);
    backend->free(backend->user, &a);
    a = take(backend, 20);
    ga_meter_stats(meter, &stats);
    cr_assert_eq(stats.allocs, 3);
    cr_assert_eq(stats.frees, 1);
    cr_assert_eq(stats.failures, 0);
    cr_assert_eq(stats.live, 70);
    cr_assert_eq(stats.peak, 150);
    cr_assert_eq(stats.buffers, 2);
    backend->free(backend->user, &a);
    backend->free(backend->user, &b);
    ga_meter_stats(meter, &stats);
    cr_assert_eq(stats.live, 0);
    cr_assert_eq(stats.buffers, 0);
    ga_meter_delete(meter);
}

Test(backend, meter_caps)
{
    ga_meter *meter = ga_meter_new(NULL, ga_backend_null());
    const struct ga_backend *backend = ga_meter_backend(meter);
    uint64_t free_bytes = 1, total_bytes = 2;
    cr_assert_not(backend->info(backend->user, &free_bytes, &total_bytes));
    cr_assert_eq(free_bytes, 1);
    ga_meter_cap(meter, 100);
    struct ga_buffer a = take(backend, 60), b;
    cr_assert(backend->info(backend->user, &free_bytes, &total_bytes));
    cr_assert_eq(free_bytes, 40);
    cr_assert_eq(total_bytes, 100);
    cr_assert_eq(backend->alloc(backend->user, 41, &b), GA_NO_SPACE);
    b = take(backend, 40);
    ga_meter_cap(meter, 50); /* below what is live already */
    cr_assert_eq(backend->alloc(backend->user, 1, &(struct ga_buffer){ 0 }), GA_NO_SPACE);
    cr_assert(backend->info(backend->user, &free_bytes, &total_bytes));
    cr_assert_eq(free_bytes, 0);
    backend->free(backend->user, &a);
    backend->free(backend->user, &b);
    struct ga_meter_stats stats;
    ga_meter_stats(meter, &stats);
    cr_assert_eq(stats.failures, 2);
    cr_assert_eq(stats.allocs, 4);
    ga_meter_delete(meter);
}

Test(backend, meter_fails_on_request_once)
{
    ga_meter *meter = ga_meter_new(NULL, ga_backend_cpu());
    const struct ga_backend *backend = ga_meter_backend(meter);
    cr_assert(backend->host);
    ga_meter_fail_in(meter, 2);
    struct ga_buffer a = take(backend, 8), b = { .size = 3 };
    cr_assert_eq(backend->alloc(backend->user, 8, &b), GA_NO_SPACE);
    cr_assert_eq(b.size, 3);
    b = take(backend, 8);
    backend->free(backend->user, &a);
    backend->free(backend->user, &b);
    ga_meter_delete(meter);
}

Test(backend, meter_refuses_what_is_no_backend)
{
    struct ga_backend backend = *ga_backend_cpu();
    cr_assert_null(ga_meter_new(NULL, NULL));
    backend.abi = 2;
    cr_assert_null(ga_meter_new(NULL, &backend));
    backend.abi = 1;
    backend.align = 48;
    cr_assert_null(ga_meter_new(NULL, &backend));
    backend.align = 0;
    backend.free = NULL;
    cr_assert_null(ga_meter_new(NULL, &backend));
    struct test_mem mem = { .fail_at = 1 };
    struct ga_env env = test_env(&mem);
    cr_assert_null(ga_meter_new(&env, ga_backend_cpu()));
    ga_meter_delete(NULL);
}
