/*
 * Buffers that batches use: when they come back, and events to wait for.
 */
#include <string.h>

#include "heap_rig.h"

TestSuite(heap_work, .init = start, .fini = finish);

/* --- freeing, batches, events --- */

Test(heap_work, keeps_shared_buffers_until_no_batch_uses_them)
{
    ga_heap_buffer buffer = take_as(2 * MIB, GA_HEAP_SHARED);
    uint64_t id = id_of(buffer);
    cr_assert_eq(ga_heap_refs(heap, buffer), 1);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_OK);
    cr_assert_eq(ga_heap_use(heap, buffer, 2), GA_OK);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_OK); /* once a batch */
    cr_assert_eq(ga_heap_refs(heap, buffer), 3);
    ga_sim_work(sim, 1, NULL, 0, 100);
    ga_sim_work(sim, 2, NULL, 0, 50);
    cr_assert(ga_heap_commit(heap, 1) == GA_OK && ga_heap_commit(heap, 2) == GA_OK && ga_heap_commit(heap, 3) == GA_OK);
    ga_sim_advance(sim, 60);
    cr_assert_eq(ga_heap_refs(heap, buffer), 2);
    give(buffer);
    cr_assert_eq(ga_heap_free(heap, buffer), GA_FREED);
    cr_assert_eq(ga_heap_refs(heap, buffer), 0);
    cr_assert_eq(ga_heap_free_inactive_buffers(heap), 2 * MIB);
    cr_assert_neq(id_of(take_as(2 * MIB, GA_HEAP_SHARED)), id);
    ga_sim_advance(sim, 60);
    cr_assert_eq(ga_heap_free_inactive_buffers(heap), 0);
    cr_assert_eq(id_of(take_as(2 * MIB, GA_HEAP_SHARED)), id);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_FREED);
    cr_assert_eq(ga_heap_use(heap, 77, 1), GA_UNKNOWN);
}

Test(heap_work, reuses_private_buffers_at_once_in_the_order_of_the_device)
{
    ga_heap_buffer first = take(2 * MIB);
    void *ptr = ga_heap_ptr(heap, first, NULL);
    ga_sim_work(sim, 1, ptr, MIB, 100);
    cr_assert_eq(ga_heap_use(heap, first, 1), GA_OK);
    cr_assert_eq(ga_heap_commit(heap, 1), GA_OK);
    give(first);
    ga_heap_buffer second = take(2 * MIB);
    cr_assert_eq(ga_heap_ptr(heap, second, NULL), ptr);
    ga_sim_work(sim, 2, ptr, MIB, 100); /* tracked: not a mistake */
    sound();
    ga_sim_advance(sim, 150);
    ga_sim_finish(sim, 1);
    give(second);
}

Test(heap_work, sees_untracked_work_out_of_order)
{
    restart_with_bytes();
    ga_heap_buffer scalar;
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, "12345678", 8, &scalar), GA_OK);
    void *ptr = ga_heap_ptr(heap, scalar, NULL);
    ga_sim_work(sim, 1, ptr, 8, 100);
    ga_sim_work(sim, 2, ptr, 8, 100);
    cr_assert_not_null(ga_sim_error(sim));
    ga_heaps_delete(heaps);
    ga_sim_delete(sim);
    start();
}

Test(heap_work, fills_scalars_and_keeps_them_until_the_batch_is_done)
{
    restart_with_bytes();
    double value = 2.5;
    ga_heap_buffer scalar, next;
    ga_sim_current(sim, 1);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, sizeof value, &scalar), GA_OK);
    uint64_t id = id_of(scalar);
    uint32_t refs;
    const double *seen = ga_heap_get_shared_buffer_ptr(heap, scalar, &refs);
    cr_assert_float_eq(*seen, value, 0);
    cr_assert_eq(refs, 1);
    cr_assert_eq(part_of(GA_HEAP_PART_BUFFER, id).pool, GA_HEAP_POOL_SCALAR);
    ga_heap_buffer other = take(100); /* opens a batch of the current stream */
    cr_assert_eq(ga_heap_use(heap, other, 1), GA_OK);
    give(scalar);
    cr_assert_eq(stats().pending, 256);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, sizeof value, &next), GA_OK);
    cr_assert_neq(id_of(next), id);
    cr_assert_eq(ga_heap_commit(heap, 1), GA_OK);
    ga_sim_finish(sim, 1);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, sizeof value, &next), GA_OK);
    cr_assert_eq(id_of(next), id);
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, &value, MIB + 1, &next), GA_INVALID);
    cr_assert(ga_heap_alloc_scalar_buffer_with_value(heap, NULL, 0, &next) == GA_OK && next == 0);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_POINTER, .always = true });
    give(other);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
}

Test(heap_work, answers_when_the_host_cannot_see)
{
    restart_with_bytes();
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_POINTER, .always = true });
    ga_heap_buffer scalar = 3;
    cr_assert_eq(ga_heap_alloc_scalar_buffer_with_value(heap, "x", 1, &scalar), GA_UNSUPPORTED);
    cr_assert(scalar == 3 && stats().allocated.now == 0);
    ga_heap_buffer buffer = take_as(100, GA_HEAP_SHARED);
    uint32_t refs = 7;
    cr_assert(ga_heap_get_shared_buffer_ptr(heap, buffer, &refs) == NULL && refs == 0);
    cr_assert_null(ga_heap_host_alias(heap, buffer));
    ga_sim_fail(sim, NULL);
    cr_assert_not_null(ga_heap_get_shared_buffer_ptr(heap, buffer, &refs));
    cr_assert(ga_heap_get_shared_buffer_ptr(heap, take(100), &refs) == NULL && refs == 0);
}

Test(heap_work, keeps_a_buffer_that_the_host_has_an_alias_of)
{
    restart_with_bytes();
    ga_heap_buffer buffer = take_as(1000, GA_HEAP_SHARED);
    uint64_t id = id_of(buffer);
    char *alias = ga_heap_host_alias(heap, buffer);
    cr_assert_eq(alias, ga_heap_get_shared_buffer_ptr(heap, buffer, NULL));
    cr_assert_not_null(ga_heap_host_alias(heap, buffer));
    cr_assert_eq(ga_heap_refs(heap, buffer), 3);
    memset(alias, 'a', 1000);
    give(buffer);
    cr_assert_eq(ga_heap_empty_cache(heap), GA_OK);
    alias[999] = 'b'; /* still there */
    cr_assert_neq(id_of(take_as(1000, GA_HEAP_SHARED)), id);
    cr_assert_eq(ga_heap_drop_alias(heap, buffer), 3);
    cr_assert_eq(stats().pending, 1024);
    cr_assert_eq(ga_heap_drop_alias(heap, buffer), 2);
    cr_assert_eq(ga_heap_drop_alias(heap, buffer), 0);
    cr_assert_eq(stats().pending, 0);
    cr_assert_eq(id_of(take_as(1000, GA_HEAP_SHARED)), id);
    cr_assert_null(ga_heap_host_alias(heap, take(1000)), "private");
}

Test(heap_work, records_events_and_waits_for_them)
{
    ga_heap_buffer buffers[3] = { take_as(2 * MIB, GA_HEAP_SHARED), take(2 * MIB), take_as(3 * MIB, GA_HEAP_SHARED) };
    ga_heap_buffer foreign = 4711;
    ga_sim_current(sim, 1);
    cr_assert_not(ga_heap_record_events(heap, &buffers[1], 1), "private");
    cr_assert_not(ga_heap_record_events(heap, &foreign, 1));
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "nothing was recorded");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ga_heap_use(heap, buffers[i], 1), GA_OK);
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "nor yet");
    ga_sim_work(sim, 1, NULL, 0, 100);
    uint64_t began = ga_sim_now(sim);
    cr_assert(ga_heap_record_events(heap, buffers, 3));
    cr_assert(ga_heap_record_events(heap, buffers, 3), "again");
    cr_assert_eq(ga_heap_refs(heap, buffers[0]), 2);
    cr_assert(ga_heap_wait_for_events(heap, buffers, 3));
    cr_assert_eq(ga_sim_now(sim), began + 100, "not before it was done");
    cr_assert_eq(ga_heap_refs(heap, buffers[0]), 1);
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "idle already");
    for (int i = 0; i < 3; i++)
        give(buffers[i]);
    cr_assert_not(ga_heap_wait_for_events(heap, buffers, 3), "freed");
}

Test(heap_work, tells_when_an_event_cannot_be_recorded_or_waited_for)
{
    ga_heap_buffer buffer = take_as(2 * MIB, GA_HEAP_SHARED);
    ga_sim_current(sim, 1);
    cr_assert_eq(ga_heap_use(heap, buffer, 1), GA_OK);
    ga_sim_work(sim, 1, NULL, 0, 100);
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_RECORD, .nth = 1 });
    cr_assert_not(ga_heap_record_events(heap, &buffer, 1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_RECORD, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_heap_commit(heap, 1), GA_IO);
    sound();
    cr_assert(ga_heap_record_events(heap, &buffer, 1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_WAIT, .nth = 1 });
    cr_assert_not(ga_heap_wait_for_events(heap, &buffer, 1));
    cr_assert_eq(ga_heap_refs(heap, buffer), 2);
    cr_assert(ga_heap_wait_for_events(heap, &buffer, 1));
    ga_sim_fail(sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_SYNC, .nth = 1, .status = GA_IO });
    cr_assert_eq(ga_heap_empty_cache(heap), GA_IO);
}
