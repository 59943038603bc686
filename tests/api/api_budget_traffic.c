/*
 * All that keeps memory, on one device and under one limit: an arena, a cache of segments, one of ranges, page-locked memory, heaps.
 * Whatever fails on the way, nothing is leaked or miscounted, and nobody is refused while another has idle memory.
 */
#include "bound.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { HELD = 16, STREAMS = 3 };
enum { ARENA, CACHE, RANGES, STAGING, HEAPS, MEMBERS };

struct setting {
    struct test_mem mem;
    struct ga_env env;
    ga_sim *sim;
    ga_budget *budget;
    ga_budget_member *members[MEMBERS];
    ga_arena *arena;
    ga_gallocr *galloc;
    ga_cache *caches[2]; /* of segments, of ranges */
    ga_host *host;
    ga_heaps *heaps;
    ga_block blocks[2][HELD];
    ga_host_block *staged[HELD];
    ga_heap_buffer buffers[HELD];
    uint64_t refusals;
};

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x >> 11;
}

static const struct ga_backend *backend_of(const struct setting *s, int member)
{
    return ga_budget_backend(s->members[member]);
}

static void set_reclaim(const struct setting *s)
{
    struct ga_reclaim reclaim;
    for (int i = 0; i < 2; i++) {
        ga_cache_reclaim(s->caches[i], &reclaim);
        ga_budget_reclaim(s->members[CACHE + i], &reclaim);
    }
    ga_host_reclaim(s->host, &reclaim);
    ga_budget_reclaim(s->members[STAGING], &reclaim);
    ga_heap_reclaim(s->heaps, &reclaim);
    ga_budget_reclaim(s->members[HEAPS], &reclaim);
}

static void setting_close(struct setting *s)
{
    for (int i = 0; i < MEMBERS; i++)
        if (s->members[i])
            ga_budget_reclaim(s->members[i], NULL);
    ga_gallocr_delete(s->galloc);
    ga_arena_delete(s->arena);
    ga_cache_delete(s->caches[0]);
    ga_cache_delete(s->caches[1]);
    ga_host_delete(s->host);
    ga_heaps_delete(s->heaps);
    if (s->budget) {
        cr_assert_eq(ga_budget_bytes(s->budget, NULL), 0);
        cr_assert_null(ga_budget_check(s->budget));
    }
    ga_budget_delete(s->budget);
    if (s->sim) {
        struct ga_sim_stats device;
        ga_sim_stats(s->sim, &device);
        cr_assert(device.live == 0 && device.pinned == 0 && device.ranges == 0 && device.events == 0);
        cr_assert_null(ga_sim_error(s->sim), "%s", ga_sim_error(s->sim));
    }
    ga_sim_delete(s->sim);
    cr_assert_eq(s->mem.blocks, 0);
    cr_assert_not(s->mem.lied);
}

/* False: memory ran out. */
static bool setting_open(struct setting *s, uint64_t limit, uint64_t capacity, uint64_t fail_at)
{
    static const char *const names[MEMBERS] = { "arena", "cache", "ranges", "staging", "heaps" };
    *s = (struct setting){ 0 };
    s->env = test_env(&s->mem);
    s->sim = ga_sim_new(&s->env, ga_backend_null(), &(struct ga_sim_opts){ .capacity = capacity, .streams = STREAMS });
    s->mem.fail_at = fail_at ? s->mem.requests + fail_at : 0;
    s->budget = ga_budget_new(&s->env, limit);
    for (int i = 0; i < MEMBERS && s->budget; i++)
        if (!(s->members[i] = ga_budget_join(s->budget, names[i], ga_sim_backend(s->sim))))
            return false;
    if (!s->budget)
        return false;
    struct ga_cache_hooks hooks = { .reclaim = ga_budget_make_room, .user = s->members[RANGES] };
    const struct ga_backend *pools[] = { backend_of(s, ARENA) };
    s->caches[0] =
        ga_cache_new(&s->env, backend_of(s, CACHE), &(struct ga_cache_opts){ .large_segment = 4 * MIB, .own_segment = 2 * MIB });
    s->caches[1] = ga_cache_new(&s->env, backend_of(s, RANGES), &(struct ga_cache_opts){ .expandable = true, .hooks = hooks });
    s->host = ga_host_new(&s->env, backend_of(s, STAGING), NULL);
    s->heaps = ga_heaps_new(&s->env, backend_of(s, HEAPS), NULL);
    s->arena = ga_arena_new(&s->env, pools, 1, NULL);
    s->galloc = s->arena ? ga_gallocr_new(&s->env, s->arena, NULL) : NULL;
    if (!s->caches[0] || !s->caches[1] || !s->host || !s->heaps || !s->galloc)
        return false;
    set_reclaim(s);
    return true;
}

static void use_cache(struct setting *s, uint64_t *x, int which)
{
    ga_block *block = &s->blocks[which][next(x) % HELD];
    uint64_t what = next(x) % 4, size = 1 + next(x) % (next(x) % 4 ? 300 * KIB : 3 * MIB);
    if (!*block)
        ga_cache_alloc(s->caches[which], (size_t)size, next(x) % STREAMS, block, NULL);
    else if (what == 0)
        ga_cache_share(s->caches[which], *block, next(x) % STREAMS);
    else {
        cr_assert_eq(ga_cache_free(s->caches[which], *block), GA_OK);
        *block = 0;
    }
}

static void use_host(struct setting *s, uint64_t *x)
{
    ga_host_block **token = &s->staged[next(x) % HELD];
    uint64_t what = next(x) % 4;
    void *ptr;
    if (!*token)
        ga_host_alloc(s->host, (size_t)(1 + next(x) % (3 * MIB)), &ptr, token);
    else if (what == 0)
        ga_host_record(s->host, ga_host_ptr(s->host, *token, NULL), *token, next(x) % STREAMS);
    else {
        cr_assert_eq(ga_host_free(s->host, *token), GA_OK);
        *token = NULL;
    }
}

static void use_heap(struct setting *s, uint64_t *x)
{
    ga_heap_buffer *buffer = &s->buffers[next(x) % HELD];
    ga_heap *heap = ga_heaps_get(s->heaps, false);
    uint64_t what = next(x) % 6, size = 1 + next(x) % (next(x) % 3 ? 500 * KIB : 4 * MIB);
    if (!*buffer)
        ga_heap_alloc(heap, (size_t)size, what % 2 ? GA_HEAP_SHARED : 0, buffer);
    else if (what == 0)
        ga_heap_use(heap, *buffer, next(x) % STREAMS);
    else if (what == 1)
        ga_heap_commit(heap, next(x) % STREAMS);
    else {
        cr_assert_eq(ga_heap_free(heap, *buffer), GA_OK);
        *buffer = 0;
    }
}

static void use_arena(struct setting *s, uint64_t *x)
{
    if (next(x) % 4 == 0) {
        ga_arena_trim(s->arena);
        return;
    }
    ga_graph *graph = chain(1 + next(x) % (4 * MIB), 0);
    ga_gallocr_alloc_graph(s->galloc, graph);
    ga_graph_delete(graph);
}

static void same(const struct setting *s, const struct ga_budget_part *parts)
{
    struct ga_cache_stats stats;
    struct ga_sim_stats device;
    ga_sim_stats(s->sim, &device);
    cr_assert_eq(ga_budget_bytes(s->budget, NULL), device.live + device.pinned);
    cr_assert_eq(parts[ARENA].bytes, ga_arena_size(s->arena, 0));
    for (int i = 0; i < 2; i++) {
        ga_cache_stats(s->caches[i], &stats);
        cr_assert_eq(parts[CACHE + i].bytes, stats.all.reserved_bytes.now);
        cr_assert_null(ga_cache_check(s->caches[i]));
    }
    cr_assert_eq(parts[STAGING].bytes, device.pinned);
    cr_assert_eq(parts[HEAPS].bytes, ga_heap_get_total_allocated_memory(ga_heaps_get(s->heaps, false)));
    cr_assert_null(ga_host_check(s->host));
    cr_assert_null(ga_heap_check(ga_heaps_get(s->heaps, false)));
    cr_assert_null(ga_budget_check(s->budget));
}

/* But for a request above the limit.  What ranges have left may be pieces between blocks, too small to be unmapped. */
static void nobody_was_idle(const struct setting *s, const struct ga_budget_part *parts, int refused)
{
    for (int i = 0; i < MEMBERS; i++) {
        struct ga_cache_stats stats;
        ga_cache_stats(s->caches[1], &stats);
        uint64_t stays = i == RANGES && stats.all.active.now ? UINT64_MAX : 0;
        cr_assert(i == refused || parts[i].idle <= stays, "%s was refused, %s has %llu idle bytes", parts[refused].name,
                  parts[i].name, (unsigned long long)parts[i].idle);
    }
}

static void step(struct setting *s, uint64_t *x, bool strict)
{
    struct ga_budget_part before[MEMBERS], parts[MEMBERS];
    ga_budget_report(s->budget, before, MEMBERS);
    int member = (int)(next(x) % MEMBERS);
    if (member == ARENA)
        use_arena(s, x);
    else if (member == CACHE || member == RANGES)
        use_cache(s, x, member - CACHE);
    else if (member == STAGING)
        use_host(s, x);
    else
        use_heap(s, x);
    if (next(x) % 8 == 0)
        ga_sim_work(s->sim, next(x) % STREAMS, NULL, 0, 1000);
    if (next(x) % 8 == 0)
        ga_sim_advance(s->sim, 500);
    ga_budget_report(s->budget, parts, MEMBERS);
    if (strict || next(x) % 16 == 0)
        same(s, parts);
    /* A range asks for others by its hook, after its own map was refused; and once more after it gave back its own. */
    bool was_refused = parts[member].refusals > before[member].refusals;
    if (strict && was_refused && member != RANGES)
        nobody_was_idle(s, parts, member);
    s->refusals += was_refused;
}

static void play(struct setting *s, uint64_t seed, int n_ops, bool strict)
{
    uint64_t x = 88172645463325252u + seed * 7919;
    for (int op = 0; op < n_ops; op++)
        step(s, &x, strict);
    struct ga_budget_part parts[MEMBERS];
    ga_budget_report(s->budget, parts, MEMBERS);
    same(s, parts);
}

Test(budget, refuses_nobody_while_another_is_idle)
{
    struct setting s;
    uint64_t refusals = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        bool by_limit = seed % 2;
        cr_assert(setting_open(&s, by_limit ? (36 + seed) * MIB : 0, by_limit ? 1024 * MIB : (36 + seed) * MIB, 0));
        play(&s, seed, 600, true);
        refusals += s.refusals;
        setting_close(&s);
    }
    cr_assert_gt(refusals, 100u);
}

static uint64_t calls_of(const struct setting *s)
{
    struct ga_sim_stats device;
    uint64_t sum = 0;
    ga_sim_stats(s->sim, &device);
    for (int i = 0; i < 16; i++)
        sum += device.calls[i];
    return sum;
}

Test(budget, survives_each_call_of_the_device_failing)
{
    static const enum ga_status answers[] = { GA_NO_SPACE, GA_NO_MEMORY, GA_IO };
    struct setting s;
    cr_assert(setting_open(&s, 24 * MIB, 1024 * MIB, 0));
    play(&s, 5, 200, false);
    uint64_t n = calls_of(&s);
    setting_close(&s);
    cr_assert_gt(n, 100u);
    for (uint64_t nth = 1; nth <= n; nth++) {
        cr_assert(setting_open(&s, 24 * MIB, 1024 * MIB, 0));
        ga_sim_fail(s.sim, &(struct ga_sim_fault){ .calls = UINT32_MAX, .nth = nth, .status = answers[nth % 3] });
        play(&s, 5, 200, false);
        setting_close(&s);
    }
}

Test(budget, survives_each_request_for_memory_failing)
{
    struct setting s;
    cr_assert(setting_open(&s, 24 * MIB, 1024 * MIB, 0));
    play(&s, 6, 200, false);
    uint64_t n = s.mem.requests;
    setting_close(&s);
    cr_assert_gt(n, 50u);
    for (uint64_t nth = 1; nth <= n; nth++) {
        if (setting_open(&s, 24 * MIB, 1024 * MIB, nth))
            play(&s, 6, 200, false);
        setting_close(&s);
    }
}
