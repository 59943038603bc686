/*
 * Heaps.  What is seen of them before and after a failure are buffers: heaps that were made stay.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BUFFERS = 200, PARTS = 600 };

static struct {
    ga_heaps *heaps;
    ga_heap *heap;
    ga_heap_buffer buffers[BUFFERS];
    int n_buffers;
    unsigned usage;
    size_t size;
    struct ga_owned owned;
    ga_stream stream;
    char names[BUFFERS];
    int n_names;
} it;

static struct ga_heap_part parts[PARTS];

static enum ga_status call_new(struct rig *rig)
{
    it.heaps = ga_heaps_new(&rig->env, rig->device, NULL);
    it.heap = it.heaps ? ga_heaps_get(it.heaps, false) : NULL;
    it.size = 1000;
    return made(rig, it.heaps != NULL);
}

static void make_heaps(struct rig *rig)
{
    cr_assert_eq(call_new(rig), GA_OK);
}

static enum ga_status keep(enum ga_status status, ga_heap_buffer buffer)
{
    cr_assert((status == GA_OK) == (buffer != UINT64_MAX), "outputs are written");
    if (status == GA_OK)
        it.buffers[it.n_buffers++] = buffer;
    cr_assert_lt(it.n_buffers, BUFFERS);
    return status;
}

static enum ga_status call_alloc(struct rig *rig)
{
    ga_heap_buffer buffer = UINT64_MAX;
    (void)rig;
    enum ga_status status = ga_heap_alloc(it.heap, it.size, it.usage, &buffer);
    return keep(status, buffer);
}

static enum ga_status call_scalar(struct rig *rig)
{
    ga_heap_buffer buffer = UINT64_MAX;
    double value = 3.5;
    (void)rig;
    enum ga_status status = ga_heap_alloc_scalar_buffer_with_value(it.heap, &value, sizeof value, &buffer);
    return keep(status, buffer);
}

static enum ga_status call_own(struct rig *rig)
{
    (void)rig;
    return ga_heap_own(it.heap, it.size, it.usage, &it.owned);
}

static enum ga_status call_backend(struct rig *rig)
{
    const struct ga_backend *backend = ga_heap_backend(it.heap);
    struct ga_buffer buffer = { .base = rig };
    enum ga_status status = backend->alloc(backend->user, it.size, &buffer);
    cr_assert((status == GA_OK) == (buffer.base != rig), "outputs are written");
    return status;
}

/* Of each kind one: small, large and shared. */
static void make_buffers(struct rig *rig)
{
    make_heaps(rig);
    cr_assert_eq(call_alloc(rig), GA_OK);
    it.size = 3 * MIB;
    cr_assert_eq(call_alloc(rig), GA_OK);
    it.size = 5000;
    it.usage = GA_HEAP_SHARED;
    cr_assert_eq(call_alloc(rig), GA_OK);
}

static void make_shared(struct rig *rig)
{
    make_heaps(rig);
    it.usage = GA_HEAP_SHARED;
}

/* No room is left for what is known of one buffer more. */
static void make_full(struct rig *rig)
{
    make_buffers(rig);
    fill_up(rig, call_alloc);
}

static enum ga_status call_use(struct rig *rig)
{
    (void)rig;
    enum ga_status status = ga_heap_use(it.heap, it.buffers[1], it.stream);
    return status;
}

/* The large buffer is used by an unfinished batch, and freed; nothing more is to be had than there is. */
static void make_used(struct rig *rig)
{
    size_t size;
    make_buffers(rig);
    void *ptr = ga_heap_ptr(it.heap, it.buffers[1], &size);
    cr_assert_eq(call_use(rig), GA_OK);
    cr_assert_eq(ga_sim_work(rig->sim, 0, ptr, size, GA_SIM_BY_HAND), GA_OK);
}

static enum ga_status call_commit(struct rig *rig)
{
    (void)rig;
    return ga_heap_commit(it.heap, 0);
}

static enum ga_status call_free(struct rig *rig)
{
    (void)rig;
    return ga_heap_free(it.heap, it.buffers[it.n_buffers - 1]);
}

static void make_pending(struct rig *rig)
{
    make_buffers(rig);
    it.usage = GA_HEAP_SHARED;
    it.size = 3 * MIB;
    cr_assert_eq(call_alloc(rig), GA_OK);
    ga_heap_buffer last = it.buffers[it.n_buffers - 1];
    cr_assert_eq(ga_heap_use(it.heap, last, 0), GA_OK);
    cr_assert_eq(ga_sim_work(rig->sim, 0, ga_heap_ptr(it.heap, last, NULL), it.size, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(call_commit(rig), GA_OK);
    cr_assert_eq(call_free(rig), GA_OK);
}

static void look(struct rig *rig)
{
    if (!it.heap)
        return;
    cr_assert_null(ga_heap_check(it.heap), "%s", ga_heap_check(it.heap));
    say(rig, "%llu bytes, %g %g\n", (unsigned long long)ga_heap_get_current_allocated_memory(it.heap),
        ga_heap_get_high_watermark_ratio(it.heap), ga_heap_get_low_watermark_ratio(it.heap));
    uint32_t n = ga_heap_walk(it.heap, parts, PARTS);
    cr_assert_leq(n, PARTS);
    for (uint32_t i = 0; i < n; i++) {
        const struct ga_heap_part *part = &parts[i];
        bool is_held = part->kind == GA_HEAP_PART_BUFFER && part->in_use;
        if (rig->is_itself && !is_held)
            continue;
        int64_t shape[4];
        say(rig, "%d: pool %d, %llu, %llu, at %llu, %u refs, %d %d, id %llu", (int)part->kind, (int)part->pool,
            (unsigned long long)part->size, (unsigned long long)part->available, (unsigned long long)part->offset, part->refs,
            part->is_waiting, part->in_use, rig->is_itself ? (unsigned long long)part->id : 0);
        if (is_held)
            say(rig, " of %u extents, %d", ga_heap_get_buffer_shape(it.heap, part->buffer, shape, 4),
                ga_heap_is_shared_buffer(it.heap, part->buffer));
        say(rig, "\n");
    }
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_heaps_delete(it.heaps);
    memset(&it, 0, sizeof it);
}

static void make_scalar(struct rig *rig)
{
    make_heaps(rig);
    ga_sim_current(rig->sim, 0);
    cr_assert_eq(call_scalar(rig), GA_OK);
    cr_assert_eq(ga_sim_work(rig->sim, 0, NULL, 0, GA_SIM_BY_HAND), GA_OK);
}

static void make_owned(struct rig *rig)
{
    make_buffers(rig);
    cr_assert_eq(call_own(rig), GA_OK);
}

static enum ga_status call_release(struct rig *rig)
{
    (void)rig;
    ga_heap_release(it.owned.owner);
    return GA_OK;
}

/* clang-format off */
static enum ga_status call_empty(struct rig *rig) { (void)rig; return ga_heap_empty_cache(it.heap); }
static enum ga_status call_trim(struct rig *rig) { (void)rig; return ga_heap_trim(it.heap, 0); }
/* clang-format on */

static enum ga_status call_inactive(struct rig *rig)
{
    say(rig, "%llu", (unsigned long long)ga_heap_free_inactive_buffers(it.heap));
    return GA_OK;
}

static enum ga_status call_give_back(struct rig *rig)
{
    struct ga_reclaim reclaim;
    (void)rig;
    ga_heap_reclaim(it.heaps, &reclaim);
    reclaim.give_back(reclaim.user, reclaim.idle(reclaim.user));
    return GA_OK;
}

static void make_shaped(struct rig *rig)
{
    make_buffers(rig);
    cr_assert_eq(ga_heap_set_buffer_shape(it.heap, it.buffers[0], (int64_t[]){ 1000 }, 1), GA_OK);
}

static enum ga_status call_shape(struct rig *rig)
{
    (void)rig;
    return ga_heap_set_buffer_shape(it.heap, it.buffers[0], (int64_t[]){ 2, 3, 4 }, 3);
}

static enum ga_status call_copy(struct rig *rig)
{
    (void)rig;
    return ga_heap_copy(it.heap, ga_heap_ptr(it.heap, it.buffers[0], NULL), ga_heap_ptr(it.heap, it.buffers[1], NULL), 9, 0);
}

static enum ga_status call_record(struct rig *rig)
{
    return made(rig, ga_heap_record_events(it.heap, &it.buffers[2], 1));
}

static void make_current(struct rig *rig)
{
    make_buffers(rig);
    ga_sim_current(rig->sim, 0);
}

static void make_recorded(struct rig *rig)
{
    make_current(rig);
    cr_assert_eq(ga_heap_use(it.heap, it.buffers[2], 0), GA_OK);
    cr_assert_eq(ga_sim_work(rig->sim, 0, ga_heap_ptr(it.heap, it.buffers[2], NULL), 9, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(call_record(rig), GA_OK);
}

static enum ga_status call_wait(struct rig *rig)
{
    return made(rig, ga_heap_wait_for_events(it.heap, &it.buffers[2], 1));
}

static void hear(void *user, const struct ga_heap_news *news)
{
    (void)user;
    (void)news;
}

static enum ga_status call_on(struct rig *rig)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    (void)rig;
    enum ga_status status = ga_heap_on(it.heap, names[it.n_names], hear, NULL);
    it.n_names += status == GA_OK;
    return status;
}

static enum ga_status call_alias(struct rig *rig)
{
    bool is_there = ga_heap_host_alias(it.heap, it.buffers[2]) != NULL;
    say(rig, "%u", is_there ? ga_heap_drop_alias(it.heap, it.buffers[2]) : 0);
    return made(rig, is_there);
}

static enum ga_status call_shared_ptr(struct rig *rig)
{
    uint32_t refs = 0;
    bool is_there = ga_heap_get_shared_buffer_ptr(it.heap, it.buffers[2], &refs) != NULL;
    say(rig, "%u", refs);
    return made(rig, is_there);
}

static enum ga_status call_quiet(struct rig *rig)
{
    char text[32];
    uint64_t free_bytes, total_bytes;
    struct ga_heap_stats stats;
    struct ga_heap_oom oom;
    ga_heap_buffer shared = it.buffers[2];
    look(rig);
    say(rig, "%u %u %d %d", ga_heap_refs(it.heap, shared), ga_heap_drop_alias(it.heap, shared), ga_heap_is_pinned(it.heap, shared),
        ga_heap_is_shared_storage_supported(it.heap));
    say(rig, " %lld %s", (long long)ga_heap_get_unaligned_buffer_size(it.heap, shared), ga_heap_format_size(text, 1536, false));
    cr_assert_neq(ga_heap_get_buffer_id(it.heap, shared), 0);
    cr_assert_eq(ga_heap_set_low_watermark_ratio(it.heap, 0.1), GA_OK);
    cr_assert_eq(ga_heap_set_high_watermark_ratio(it.heap, 0.9), GA_OK);
    ga_heap_memory_info(it.heap, &free_bytes, &total_bytes);
    ga_heap_stats(it.heap, &stats);
    say(rig, " %llu %llu %llu %llu %llu %llu %llu", (unsigned long long)ga_heap_get_high_watermark_limit(it.heap),
        (unsigned long long)ga_heap_get_low_watermark_limit(it.heap), (unsigned long long)ga_heap_get_low_watermark_value(it.heap),
        (unsigned long long)ga_heap_get_total_allocated_memory(it.heap),
        (unsigned long long)ga_heap_get_driver_allocated_memory(it.heap),
        (unsigned long long)ga_heap_get_recommended_max_memory(it.heap), (unsigned long long)total_bytes);
    cr_assert_not(ga_heap_oom(it.heap, &oom));
    cr_assert_eq(ga_heap_off(it.heap, "x"), GA_UNKNOWN);
    ga_heap_reset_peaks(it.heap);
    ga_heap_reset_totals(it.heap);
    cr_assert_not_null(ga_heaps_get(it.heaps, true));
    return GA_OK;
}

static enum ga_status call_delete(struct rig *rig)
{
    (void)rig;
    ga_heaps_delete(it.heaps);
    it.heaps = NULL;
    it.heap = NULL;
    return GA_OK;
}

enum {
    ALLOC = CALL(GA_SIM_ALLOC),
    RECORD = CALL(GA_SIM_RECORD),
    WAIT = CALL(GA_SIM_WAIT),
    SYNC = CALL(GA_SIM_SYNC),
    POINTER = CALL(GA_SIM_POINTER),
    COPY = CALL(GA_SIM_COPY),
};

static const struct row rows[] = {
    { "ga_heaps_new", ASKS_MEMORY, .call = call_new },
    { "ga_heap_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .keeps_device = true, .make = make_heaps, .call = call_alloc },
    { "ga_heap_alloc", ASKS_MEMORY | ALLOC, .keeps = true, .keeps_device = true, .make = make_shared, .call = call_alloc },
    { "ga_heap_alloc", ASKS_MEMORY, .keeps = true, .make = make_full, .call = call_alloc },
    { "ga_heap_own", ASKS_MEMORY, .keeps = true, .make = make_full, .call = call_own },
    { "ga_heap_own", ASKS_MEMORY | ALLOC, .keeps = true, .keeps_device = true, .make = make_heaps, .call = call_own },
    { "ga_heap_backend", ASKS_MEMORY | ALLOC, .says = GA_NO_SPACE, .keeps = true, .keeps_device = true, .make = make_heaps,
      .call = call_backend },
    { "ga_heap_alloc_scalar_buffer_with_value", ASKS_MEMORY | ALLOC | POINTER, .says = GA_UNSUPPORTED, .keeps = true,
      .keeps_device = true, .make = make_heaps, .call = call_scalar },
    { "ga_heap_free", 0, .make = make_used, .call = call_free },
    { "ga_heap_free", 0, .make = make_scalar, .call = call_free },
    { "ga_heap_host_alias ga_heap_drop_alias", POINTER, .make = make_buffers, .call = call_alias },
    { "ga_heap_get_shared_buffer_ptr", POINTER, .make = make_buffers, .call = call_shared_ptr },
    { "ga_heap_release", 0, .make = make_owned, .call = call_release },
    { "ga_heap_empty_cache", SYNC, .make = make_pending, .call = call_empty },
    { "ga_heap_trim", SYNC, .make = make_pending, .call = call_trim },
    { "ga_heap_reclaim", SYNC, .lives = SYNC, .differs = true, .make = make_pending, .call = call_give_back },
    { "ga_heap_free_inactive_buffers", 0, .make = make_pending, .call = call_inactive },
    { "ga_heap_use", ASKS_MEMORY, .keeps = true, .make = make_buffers, .call = call_use },
    { "ga_heap_commit", RECORD, .make = make_used, .call = call_commit },
    { "ga_heap_set_buffer_shape", ASKS_MEMORY, .make = make_shaped, .call = call_shape },
    { "ga_heap_copy", COPY, .make = make_buffers, .call = call_copy },
    { "ga_heap_record_events", ASKS_MEMORY | RECORD, .keeps = true, .make = make_current, .call = call_record },
    { "ga_heap_wait_for_events", WAIT, .make = make_recorded, .call = call_wait },
    { "ga_heap_on", ASKS_MEMORY, .make = make_heaps, .call = call_on },
    { "ga_heaps_get ga_heap_check ga_heap_walk ga_heap_get_current_allocated_memory ga_heap_get_high_watermark_ratio "
      "ga_heap_get_low_watermark_ratio ga_heap_get_buffer_shape ga_heap_is_shared_buffer ga_heap_ptr "
      "ga_heap_refs ga_heap_is_pinned ga_heap_is_shared_storage_supported "
      "ga_heap_get_unaligned_buffer_size ga_heap_format_size ga_heap_get_buffer_id ga_heap_set_low_watermark_ratio "
      "ga_heap_set_high_watermark_ratio ga_heap_memory_info ga_heap_stats ga_heap_get_high_watermark_limit "
      "ga_heap_get_low_watermark_limit ga_heap_get_low_watermark_value ga_heap_get_total_allocated_memory "
      "ga_heap_get_driver_allocated_memory ga_heap_get_recommended_max_memory ga_heap_oom ga_heap_off ga_heap_reset_peaks "
      "ga_heap_reset_totals",
      0, .make = make_buffers, .call = call_quiet },
    { "ga_heaps_delete", SYNC, .lives = SYNC, .make = make_buffers, .call = call_delete },
};

const struct area faults_heap = {
    "heaps", rows, sizeof rows / sizeof *rows, true, look, drop,
};
