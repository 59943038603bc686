/*
 * Page-locked host memory.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BLOCKS = 200, PARTS = 300 };

static struct {
    struct ga_host_opts opts;
    ga_host *host;
    ga_host_block *tokens[BLOCKS];
    int n_blocks;
    size_t size;
    struct ga_owned owned;
    uint64_t pool;
    ga_stream stream;
    bool gives_back; /* before it fails: only what is live is as before */
} it;

static struct ga_host_part parts[PARTS];

static enum ga_status call_new(struct rig *rig)
{
    it.host = ga_host_new(&rig->env, rig->device, &it.opts);
    it.size = 1000;
    return made(rig, it.host != NULL);
}

static void make_host(struct rig *rig)
{
    cr_assert_eq(call_new(rig), GA_OK);
}

static enum ga_status call_alloc(struct rig *rig)
{
    void *ptr = rig;
    ga_host_block *token = NULL;
    enum ga_status status = ga_host_alloc(it.host, it.size, &ptr, &token);
    cr_assert((status == GA_OK) == (ptr != rig) && (status == GA_OK) == (token != NULL), "outputs are written");
    if (status == GA_OK)
        it.tokens[it.n_blocks++] = token;
    cr_assert_lt(it.n_blocks, BLOCKS);
    return status;
}

static enum ga_status call_own(struct rig *rig)
{
    (void)rig;
    return ga_host_own(it.host, it.size, &it.owned);
}

static enum ga_status call_backend(struct rig *rig)
{
    const struct ga_backend *backend = ga_host_backend(it.host);
    struct ga_buffer buffer = { .base = rig };
    enum ga_status status = backend->alloc(backend->user, it.size, &buffer);
    cr_assert((status == GA_OK) == (buffer.base != rig), "outputs are written");
    return status;
}

static void make_pinning(struct rig *rig)
{
    it.opts.pin = true;
    make_host(rig);
}

static void make_reserve(struct rig *rig)
{
    it.opts.reserve = 64 * KIB;
    make_host(rig);
}

static void make_blocks(struct rig *rig)
{
    make_host(rig);
    for (; it.size < 10000; it.size *= 2)
        cr_assert_eq(call_alloc(rig), GA_OK);
}

static void make_full(struct rig *rig)
{
    make_blocks(rig);
    fill_up(rig, call_alloc);
}

static enum ga_status call_record(struct rig *rig)
{
    (void)rig;
    return ga_host_record(it.host, NULL, it.tokens[it.n_blocks - 1], it.stream);
}

/* The last block is used by a stream that is not done. */
static void make_used(struct rig *rig)
{
    make_blocks(rig);
    cr_assert_eq(call_record(rig), GA_OK);
    cr_assert_eq(ga_sim_work(rig->sim, 0, NULL, 0, GA_SIM_BY_HAND), GA_OK);
}

static enum ga_status call_free(struct rig *rig)
{
    (void)rig;
    return ga_host_free(it.host, it.tokens[it.n_blocks - 1]);
}

/* It is freed; nothing more may be owned than is. */
static void make_pending(struct rig *rig)
{
    make_used(rig);
    struct ga_host_stats stats;
    cr_assert_eq(call_free(rig), GA_OK);
    ga_host_stats(it.host, &stats);
    it.opts.limit = stats.allocated_bytes.now;
    cr_assert_eq(ga_host_set(it.host, &it.opts), GA_OK);
    it.size /= 2;
}

/* ... but for what is cached, and of the wrong size. */
static void make_cached(struct rig *rig)
{
    make_pending(rig);
    ga_sim_finish(rig->sim, 0);
    cr_assert_eq(ga_host_poll(it.host), 0);
    it.size = 3000;
    it.gives_back = true;
}

static void look(struct rig *rig)
{
    struct ga_host_opts opts;
    if (!it.host)
        return;
    cr_assert_null(ga_host_check(it.host), "%s", ga_host_check(it.host));
    ga_host_opts(it.host, &opts);
    uint32_t n = ga_host_snapshot(it.host, parts, PARTS);
    say(rig, "%llu limit, %d, %d\n", (unsigned long long)opts.limit, opts.pin, opts.power_of_two);
    cr_assert_leq(n, PARTS);
    for (uint32_t i = 0; i < n; i++) {
        const struct ga_host_part *part = &parts[i];
        if (it.gives_back && rig->is_itself && part->state != GA_HOST_LIVE)
            continue;
        say(rig, "%llu, %llu, %d, %d, %d, pool %llu", (unsigned long long)part->size, (unsigned long long)part->requested,
            (int)part->state, it.opts.reserve ? 0 : (int)part->origin, part->is_private, (unsigned long long)part->pool);
        say_address(rig, part->ptr, part->ptr);
        say(rig, "\n");
    }
}

static void drop(struct rig *rig)
{
    (void)rig;
    ga_host_delete(it.host);
    memset(&it, 0, sizeof it);
}

static enum ga_status call_release(struct rig *rig)
{
    (void)rig;
    ga_host_release(it.tokens[it.n_blocks - 1]);
    return GA_OK;
}

static enum ga_status call_copy(struct rig *rig)
{
    void *to = ga_host_ptr(it.host, it.tokens[0], NULL), *from = ga_host_ptr(it.host, it.tokens[1], NULL);
    (void)rig;
    return ga_host_copy(it.host, to, from, 9, 0);
}

static enum ga_status call_sync(struct rig *rig)
{
    (void)rig;
    return ga_host_sync(it.host);
}

static enum ga_status call_poll(struct rig *rig)
{
    say(rig, "%llu", (unsigned long long)ga_host_poll(it.host));
    return GA_OK;
}

static enum ga_status call_begin(struct rig *rig)
{
    (void)rig;
    enum ga_status status = ga_host_pool_begin(it.host, it.pool, NULL, NULL);
    it.pool += status == GA_OK;
    return status;
}

static void make_pools(struct rig *rig)
{
    make_blocks(rig);
    cr_assert_eq(call_begin(rig), GA_OK);
    fill_up(rig, call_begin);
}

static enum ga_status call_quiet(struct rig *rig)
{
    struct ga_host_opts opts = { 0 };
    struct ga_host_oom oom;
    struct ga_host_stats stats;
    struct ga_reclaim reclaim;
    char error[100];
    const char *ptr = ga_host_ptr(it.host, it.tokens[0], NULL);
    look(rig);
    cr_assert(ga_host_is_pinned(it.host, ptr + 1));
    cr_assert_eq(ga_host_find(it.host, ptr + 1), it.tokens[0]);
    cr_assert_eq(ga_host_parse("pinned_max_round_threshold_mb:1", &opts, error, sizeof error), GA_OK);
    cr_assert_eq(ga_host_set(it.host, &opts), GA_OK);
    cr_assert_not(ga_host_oom(it.host, &oom));
    ga_host_stats(it.host, &stats);
    ga_host_reset_peaks(it.host);
    ga_host_reset_totals(it.host);
    cr_assert_eq(ga_host_pool_end(it.host, 0), GA_OK);
    cr_assert_eq(ga_host_pool_release(it.host, 0), GA_OK);
    cr_assert_eq(ga_host_free(it.host, it.tokens[0]), GA_OK);
    ga_host_reclaim(it.host, &reclaim);
    reclaim.give_back(reclaim.user, reclaim.idle(reclaim.user));
    ga_host_trim(it.host, 0);
    return GA_OK;
}

static enum ga_status call_delete(struct rig *rig)
{
    (void)rig;
    ga_host_delete(it.host);
    it.host = NULL;
    return GA_OK;
}

enum {
    PINNED = CALL(GA_SIM_PINNED_ALLOC),
    PIN = CALL(GA_SIM_PIN),
    RECORD = CALL(GA_SIM_RECORD),
    WAIT = CALL(GA_SIM_WAIT),
    SYNC = CALL(GA_SIM_SYNC),
    COPY = CALL(GA_SIM_COPY),
};

static const struct row rows[] = {
    { "ga_host_new", ASKS_MEMORY, .call = call_new },
    { "ga_host_alloc", ASKS_MEMORY | PINNED, .keeps = true, .make = make_host, .call = call_alloc },
    { "ga_host_alloc", ASKS_MEMORY | PIN, .keeps = true, .make = make_pinning, .call = call_alloc },
    { "ga_host_alloc", ASKS_MEMORY | PINNED, .lives = ASKS_MEMORY | PINNED, .keeps = true, .make = make_reserve,
      .call = call_alloc },
    { "ga_host_alloc", ASKS_MEMORY | PINNED, .keeps = true, .make = make_full, .call = call_alloc },
    { "ga_host_alloc", ASKS_MEMORY | WAIT, .keeps = true, .make = make_pending, .call = call_alloc },
    { "ga_host_alloc", ASKS_MEMORY | PINNED, .keeps = true, .gives_back = true, .make = make_cached, .call = call_alloc },
    { "ga_host_own", ASKS_MEMORY | PINNED, .keeps = true, .make = make_full, .call = call_own },
    { "ga_host_backend", ASKS_MEMORY | PINNED, .says = GA_NO_SPACE, .keeps = true, .make = make_full, .call = call_backend },
    { "ga_host_record", ASKS_MEMORY, .keeps = true, .make = make_blocks, .call = call_record },
    { "ga_host_free", RECORD, .lives = RECORD, .make = make_used, .call = call_free },
    { "ga_host_release", RECORD, .lives = RECORD, .make = make_used, .call = call_release },
    { "ga_host_copy", COPY, .make = make_blocks, .call = call_copy },
    { "ga_host_sync", SYNC, .make = make_pending, .call = call_sync },
    { "ga_host_poll", 0, .make = make_pending, .call = call_poll },
    { "ga_host_pool_begin", ASKS_MEMORY, .keeps = true, .make = make_pools, .call = call_begin },
    { "ga_host_check ga_host_opts ga_host_snapshot ga_host_ptr ga_host_is_pinned ga_host_find ga_host_parse ga_host_set "
      "ga_host_oom ga_host_stats ga_host_reset_peaks ga_host_reset_totals ga_host_pool_end ga_host_pool_release ga_host_reclaim "
      "ga_host_trim",
      0, .make = make_pools, .call = call_quiet },
    { "ga_host_delete", SYNC, .lives = SYNC, .make = make_blocks, .call = call_delete },
};

const struct area faults_host = {
    "host", rows, sizeof rows / sizeof *rows, false, look, drop,
};
