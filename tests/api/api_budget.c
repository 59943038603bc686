#include "bound.h"

#define MIB ((uint64_t)1 << 20)

static ga_sim *sim_of(uint64_t capacity, const struct ga_backend *inner)
{
    ga_sim *sim = ga_sim_new(NULL, inner, &(struct ga_sim_opts){ .capacity = capacity });
    cr_assert_not_null(sim);
    return sim;
}

static struct ga_budget_part part_of(ga_budget *budget, uint32_t i)
{
    struct ga_budget_part parts[8];
    cr_assert_gt(ga_budget_report(budget, parts, 8), i);
    return parts[i];
}

/* A device cache and a host cache, each with idle memory, and an arena that needs some of it. */
Test(budget, trims_idle_caches_before_anything_fails)
{
    ga_sim *sim = sim_of(1024 * MIB, ga_backend_null());
    ga_budget *budget = ga_budget_new(NULL, 64 * MIB);
    ga_budget_member *members[3];
    const char *const names[] = { "compute", "device", "staging" };
    for (int i = 0; i < 3; i++)
        cr_assert_not_null(members[i] = ga_budget_join(budget, names[i], ga_sim_backend(sim)));
    ga_cache *cache = ga_cache_new(NULL, ga_budget_backend(members[1]), &(struct ga_cache_opts){ 0 });
    ga_host *host = ga_host_new(NULL, ga_budget_backend(members[2]), &(struct ga_host_opts){ 0 });
    struct ga_reclaim reclaim;
    ga_cache_reclaim(cache, &reclaim);
    ga_budget_reclaim(members[1], &reclaim);
    ga_host_reclaim(host, &reclaim);
    ga_budget_reclaim(members[2], &reclaim);

    ga_block blocks[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(ga_cache_alloc(cache, 16 * MIB, 0, &blocks[i], NULL), GA_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(ga_cache_free(cache, blocks[i]), GA_OK);
    void *ptr;
    ga_host_block *token;
    cr_assert_eq(ga_host_alloc(host, 8 * MIB, &ptr, &token), GA_OK);
    cr_assert_eq(ga_host_free(host, token), GA_OK);
    cr_assert_eq(part_of(budget, 1).idle, 32 * MIB);
    cr_assert_eq(part_of(budget, 2).idle, 8 * MIB);

    const struct ga_backend *pools[] = { ga_budget_backend(members[0]) };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *graph = chain(16 * MIB, 0);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    /* 40 idle and 32 needed of 64: 8 are missing, the largest has segments of 16; the host's stay. */
    cr_assert_eq(part_of(budget, 0).bytes, 32 * MIB);
    cr_assert_eq(part_of(budget, 1).bytes, 16 * MIB);
    uint64_t staging = part_of(budget, 2).bytes; /* with room to align its block */
    cr_assert_leq(staging - 8 * MIB, GA_HOST_ALIGN);
    cr_assert_eq(ga_budget_bytes(budget, NULL), 48 * MIB + staging);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_str_eq(part_of(budget, i).name, names[i]);
        cr_assert_eq(part_of(budget, i).refusals, 0);
    }
    uint64_t free_bytes, total;
    cr_assert(pools[0]->info(pools[0]->user, &free_bytes, &total));
    cr_assert_eq(free_bytes, 16 * MIB - staging);
    cr_assert_eq(total, 64 * MIB);

    /* Nothing is left but what is in use: refused, and said so. */
    struct ga_buffer buffer;
    cr_assert_eq(pools[0]->alloc(pools[0]->user, 33 * MIB, &buffer), GA_NO_SPACE);
    cr_assert_eq(part_of(budget, 0).refusals, 1);
    cr_assert_eq(ga_budget_bytes(budget, NULL), 32 * MIB);
    struct test_text text = { 0 };
    struct ga_sink sink = test_sink(&text);
    cr_assert_eq(ga_budget_write(budget, &sink), GA_OK);
    cr_assert_not_null(strstr(text.text, "last refusal: 33.0 MiB for compute: 32.0 MiB of 64.0 MiB are taken"), "%s", text.text);
    test_text_fini(&text);

    ga_gallocr_delete(galloc);
    ga_graph_delete(graph);
    ga_arena_delete(arena);
    ga_budget_reclaim(members[1], NULL);
    ga_budget_reclaim(members[2], NULL);
    ga_cache_delete(cache);
    ga_host_delete(host);
    cr_assert_eq(ga_budget_bytes(budget, NULL), 0);
    ga_budget_delete(budget);
    cr_assert_null(ga_sim_error(sim));
    ga_sim_delete(sim);
}

Test(budget, trims_who_stands_on_the_full_device)
{
    ga_sim *sim = sim_of(32 * MIB, ga_backend_null());
    ga_budget *budget = ga_budget_new(NULL, 0);
    ga_budget_member *member = ga_budget_join(budget, "cache", ga_sim_backend(sim));
    ga_budget_member *asker = ga_budget_join(budget, "asker", ga_sim_backend(sim));
    ga_cache *cache = ga_cache_new(NULL, ga_budget_backend(member), &(struct ga_cache_opts){ 0 });
    struct ga_reclaim reclaim;
    ga_cache_reclaim(cache, &reclaim);
    ga_budget_reclaim(member, &reclaim);
    ga_block block;
    cr_assert_eq(ga_cache_alloc(cache, 20 * MIB, 0, &block, NULL), GA_OK);
    const struct ga_backend *backend = ga_budget_backend(asker);
    struct ga_buffer buffer;
    cr_assert_eq(backend->alloc(backend->user, 20 * MIB, &buffer), GA_NO_SPACE);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_eq(backend->alloc(backend->user, 20 * MIB, &buffer), GA_OK);
    cr_assert_eq(part_of(budget, 0).bytes, 0);
    backend->free(backend->user, &buffer);
    ga_budget_reclaim(member, NULL);
    ga_cache_delete(cache);
    ga_budget_delete(budget);
    cr_assert_null(ga_sim_error(sim));
    ga_sim_delete(sim);
}

/* A budget with two members on one device, the first to be trimmed as `reclaim` says. */
struct two {
    ga_sim *sim;
    ga_budget *budget;
    ga_budget_member *first;
    const struct ga_backend *second;
};

static struct two two_open(uint64_t limit)
{
    struct two two = { .sim = sim_of(1024 * MIB, ga_backend_cpu()), .budget = ga_budget_new(NULL, limit) };
    two.first = ga_budget_join(two.budget, "first", ga_sim_backend(two.sim));
    two.second = ga_budget_backend(ga_budget_join(two.budget, "second", ga_sim_backend(two.sim)));
    return two;
}

static void two_close(struct two *two)
{
    cr_assert_eq(ga_budget_bytes(two->budget, NULL), 0);
    cr_assert_null(ga_budget_check(two->budget));
    ga_budget_delete(two->budget);
    cr_assert_null(ga_sim_error(two->sim), "%s", ga_sim_error(two->sim));
    ga_sim_delete(two->sim);
}

Test(budget, trims_heaps_and_no_more_of_them_than_is_needed)
{
    struct two two = two_open(64 * MIB);
    ga_heaps *heaps = ga_heaps_new(NULL, ga_budget_backend(two.first), NULL);
    ga_heap *heap = ga_heaps_get(heaps, false);
    struct ga_reclaim reclaim;
    ga_heap_reclaim(heaps, &reclaim);
    ga_budget_reclaim(two.first, &reclaim);
    ga_heap_buffer large, small, used;
    cr_assert_eq(ga_heap_alloc(heap, 4 * MIB, 0, &large), GA_OK);
    cr_assert_eq(ga_heap_alloc(heap, 1000, 0, &small), GA_OK);
    cr_assert_eq(ga_heap_alloc(heap, 1000, GA_HEAP_SHARED, &used), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).bytes, 48 * MIB); /* heaps of 32, 8 and 8 */
    cr_assert_eq(part_of(two.budget, 0).idle, 0);
    cr_assert_eq(ga_heap_free(heap, large), GA_OK);
    cr_assert_eq(ga_heap_use(heap, small, 1), GA_OK);
    cr_assert_eq(ga_sim_work(two.sim, 1, NULL, 0, GA_SIM_BY_HAND), GA_OK);
    cr_assert_eq(ga_heap_commit(heap, 1), GA_OK);
    cr_assert_eq(ga_heap_free(heap, small), GA_OK); /* a batch still uses it: whoever trims waits */
    cr_assert_eq(part_of(two.budget, 0).idle, 40 * MIB);

    struct ga_buffer buffers[2];
    cr_assert_eq(two.second->alloc(two.second->user, 20 * MIB, &buffers[0]), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).bytes, 40 * MIB); /* 4 were missing: the small heap is enough */
    cr_assert_eq(two.second->alloc(two.second->user, 5 * MIB, &buffers[1]), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).bytes, 8 * MIB);
    cr_assert_eq(part_of(two.budget, 0).idle, 0);
    cr_assert_null(ga_heap_check(heap));
    cr_assert_eq(two.second->alloc(two.second->user, 32 * MIB, &buffers[1]), GA_NO_SPACE);
    cr_assert_not_null(ga_heap_host_alias(heap, used));
    cr_assert_eq(ga_heap_free(heap, used), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).idle, 0); /* the host has an alias */
    cr_assert_eq(ga_heap_trim(heap, 0), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).bytes, 8 * MIB);
    ga_heap_drop_alias(heap, used);
    cr_assert_eq(ga_heap_trim(heap, 8 * MIB), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).bytes, 8 * MIB);
    cr_assert_eq(ga_heap_trim(heap, 0), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).bytes, 0);

    two.second->free(two.second->user, &buffers[0]);
    two.second->free(two.second->user, &buffers[1]);
    ga_budget_reclaim(two.first, NULL);
    ga_heaps_delete(heaps);
    two_close(&two);
}

Test(budget, refuses_nobody_what_is_freed_and_pending)
{
    struct two two = two_open(64 * MIB);
    ga_cache *cache = ga_cache_new(NULL, ga_budget_backend(two.first), NULL);
    ga_budget_member *staging = ga_budget_join(two.budget, "staging", ga_sim_backend(two.sim));
    ga_host *host = ga_host_new(NULL, ga_budget_backend(staging), NULL);
    struct ga_reclaim reclaim;
    ga_cache_reclaim(cache, &reclaim);
    ga_budget_reclaim(two.first, &reclaim);
    ga_host_reclaim(host, &reclaim);
    ga_budget_reclaim(staging, &reclaim);
    ga_block block;
    ga_host_block *token;
    void *ptr;
    cr_assert_eq(ga_cache_alloc(cache, 32 * MIB, 0, &block, NULL), GA_OK);
    cr_assert_eq(ga_cache_share(cache, block, 1), GA_OK);
    cr_assert_eq(ga_host_alloc(host, 16 * MIB, &ptr, &token), GA_OK);
    cr_assert_eq(ga_host_record(host, ptr, token, 1), GA_OK);
    cr_assert_eq(ga_sim_work(two.sim, 1, NULL, 0, 1000), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_eq(ga_host_free(host, token), GA_OK);
    cr_assert_gt(ga_cache_poll(cache), 0u);
    struct ga_buffer buffer;
    cr_assert_eq(two.second->alloc(two.second->user, 64 * MIB, &buffer), GA_OK);
    two.second->free(two.second->user, &buffer);
    ga_budget_reclaim(two.first, NULL);
    ga_budget_reclaim(staging, NULL);
    ga_cache_delete(cache);
    ga_host_delete(host);
    two_close(&two);
}

Test(budget, leaves_alone_what_a_capture_may_run_in_again)
{
    struct two two = two_open(64 * MIB);
    ga_cache *cache = ga_cache_new(NULL, ga_budget_backend(two.first), NULL);
    struct ga_reclaim reclaim;
    ga_cache_reclaim(cache, &reclaim);
    ga_budget_reclaim(two.first, &reclaim);
    ga_pool pool;
    ga_block block;
    cr_assert_eq(ga_pool_new(cache, NULL, &pool), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, 16 * MIB, 0, &block, NULL), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_eq(ga_pool_begin(cache, pool, &(struct ga_route){ .captures = true }), GA_OK);
    cr_assert_eq(ga_cache_alloc(cache, 32 * MIB, 0, &block, NULL), GA_OK);
    cr_assert_eq(ga_cache_free(cache, block), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).idle, 0); /* nothing is given back now */
    cr_assert_eq(ga_pool_end(cache, pool), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).idle, 16 * MIB);
    cr_assert_eq(ga_pool_release(cache, pool), GA_OK);
    cr_assert_eq(part_of(two.budget, 0).idle, 48 * MIB);
    ga_budget_reclaim(two.first, NULL);
    ga_cache_delete(cache);
    two_close(&two);
}

/* Ranges grow with the cache's lock held, so that the budget asks nobody; the cache's hook does. */
Test(budget, makes_room_for_ranges_that_grow)
{
    struct two two = two_open(10 * MIB);
    ga_budget_member *third = ga_budget_join(two.budget, "ranges", ga_sim_backend(two.sim));
    struct ga_cache_hooks hooks = { .reclaim = ga_budget_make_room, .user = third };
    ga_cache *cache = ga_cache_new(NULL, ga_budget_backend(two.first),
                                   &(struct ga_cache_opts){ .own_segment = 2 * MIB, .large_segment = 2 * MIB });
    ga_cache *ranges = ga_cache_new(NULL, ga_budget_backend(third), &(struct ga_cache_opts){ .expandable = true, .hooks = hooks });
    struct ga_reclaim reclaim;
    ga_cache_reclaim(cache, &reclaim);
    ga_budget_reclaim(two.first, &reclaim);
    ga_cache_reclaim(ranges, &reclaim);
    ga_budget_reclaim(third, &reclaim);
    ga_block blocks[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(ga_cache_alloc(cache, 4 * MIB, 0, &blocks[i], NULL), GA_OK);
    cr_assert_eq(ga_cache_free(cache, blocks[0]), GA_OK);
    cr_assert_eq(ga_cache_alloc(ranges, 6 * MIB, 0, &blocks[0], NULL), GA_OK); /* less than a segment would be */
    cr_assert_eq(part_of(two.budget, 0).bytes, 4 * MIB);
    cr_assert_eq(part_of(two.budget, 2).bytes, 6 * MIB);
    cr_assert_eq(ga_cache_free(ranges, blocks[0]), GA_OK);
    cr_assert_eq(part_of(two.budget, 2).idle, 6 * MIB);
    cr_assert_eq(ga_cache_alloc(cache, 2 * MIB, 0, &blocks[0], NULL), GA_OK);
    cr_assert_eq(part_of(two.budget, 2).bytes, 4 * MIB); /* what was missing was unmapped */
    cr_assert_not(ga_budget_make_room(third, 11 * MIB)); /* never */
    cr_assert_eq(ga_cache_free(cache, blocks[0]), GA_OK);
    cr_assert(ga_budget_make_room(third, 10 * MIB)); /* not as much, but more than before */
    cr_assert_eq(part_of(two.budget, 0).bytes, 4 * MIB);
    cr_assert_not(ga_budget_make_room(third, 10 * MIB));
    ga_budget_reclaim(two.first, NULL);
    ga_budget_reclaim(third, NULL);
    ga_cache_delete(cache);
    ga_cache_delete(ranges);
    two_close(&two);
}

/* A member that allocates where it should give back. */
struct greedy {
    const struct ga_backend *backend;
    int calls;
};

static uint64_t greedy_idle(void *user)
{
    (void)user;
    return MIB;
}

static void greedy_give_back(void *user, uint64_t bytes)
{
    struct greedy *greedy = user;
    struct ga_buffer buffer;
    greedy->calls++;
    cr_assert_eq(greedy->backend->alloc(greedy->backend->user, (size_t)bytes, &buffer), GA_NO_SPACE);
}

Test(budget, asks_nobody_for_those_who_are_asked)
{
    struct two two = two_open(4 * MIB);
    struct greedy greedy = { .backend = ga_budget_backend(two.first) };
    struct ga_buffer buffers[2];
    cr_assert_eq(two.second->alloc(two.second->user, 4 * MIB, &buffers[0]), GA_OK);
    ga_budget_member *third = ga_budget_join(two.budget, "third", ga_sim_backend(two.sim));
    ga_budget_reclaim(two.first, &(struct ga_reclaim){ greedy_idle, greedy_give_back, &greedy });
    ga_budget_reclaim(third, &(struct ga_reclaim){ greedy_idle, greedy_give_back, &greedy });
    cr_assert_eq(two.second->alloc(two.second->user, MIB, &buffers[1]), GA_NO_SPACE);
    cr_assert_eq(greedy.calls, 2);
    ga_budget_reclaim(two.first, NULL);
    ga_budget_reclaim(third, NULL);
    cr_assert_eq(two.second->alloc(two.second->user, MIB, &buffers[1]), GA_NO_SPACE);
    cr_assert_eq(greedy.calls, 2);
    ga_budget_limit(two.budget, 0);
    cr_assert_eq(two.second->alloc(two.second->user, MIB, &buffers[1]), GA_OK);
    ga_budget_limit(two.budget, 2 * MIB); /* below what is there: nothing more */
    two.second->free(two.second->user, &buffers[1]);
    cr_assert_eq(two.second->alloc(two.second->user, 1, &buffers[1]), GA_NO_SPACE);
    two.second->free(two.second->user, &buffers[0]);
    cr_assert_eq(two.second->alloc(two.second->user, 2 * MIB, &buffers[1]), GA_OK);
    two.second->free(two.second->user, &buffers[1]);
    two_close(&two);
}

Test(budget, says_who_has_what)
{
    struct two two = two_open(0);
    struct ga_buffer buffer;
    struct test_text text = { 0 };
    struct ga_sink sink = test_sink(&text);
    cr_assert_eq(two.second->alloc(two.second->user, 3 * MIB, &buffer), GA_OK);
    cr_assert_eq(two.second->alloc(two.second->user, 2048 * MIB, &(struct ga_buffer){ 0 }), GA_NO_SPACE);
    cr_assert_not_null(ga_budget_join(two.budget, NULL, ga_sim_backend(two.sim)));
    cr_assert_eq(ga_budget_write(two.budget, &sink), GA_OK);
    cr_assert_str_eq(text.text,
                     "3.00 MiB now, 3.00 MiB at most\n"
                     "first: 0 B now, 0 B at most, 0 B idle, 0 refused\n"
                     "second: 3.00 MiB now, 3.00 MiB at most, 0 B idle, 1 refused\n"
                     "?: 0 B now, 0 B at most, 0 B idle, 0 refused\n"
                     "last refusal: 2.00 GiB for second: the device has no room, and nobody on it has idle memory left\n");
    test_text_fini(&text);
    text = (struct test_text){ .limit = 10 };
    sink = test_sink(&text);
    cr_assert_eq(ga_budget_write(two.budget, &sink), GA_IO);
    test_text_fini(&text);
    two.second->free(two.second->user, &buffer);
    cr_assert_null(ga_budget_join(two.budget, "none", NULL));
    for (int i = 3; i < GA_BUDGET_MEMBERS; i++)
        cr_assert_not_null(ga_budget_join(two.budget, "more", ga_sim_backend(two.sim)));
    cr_assert_null(ga_budget_join(two.budget, "too many", ga_sim_backend(two.sim)));
    cr_assert_eq(ga_budget_report(two.budget, NULL, 0), (uint32_t)GA_BUDGET_MEMBERS);
    two_close(&two);
}

Test(budget, is_unharmed_when_memory_runs_out)
{
    for (uint64_t nth = 1; nth <= 2; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        ga_budget *budget = ga_budget_new(&env, 100);
        cr_assert_eq(budget != NULL, nth != 1);
        if (budget)
            cr_assert_null(ga_budget_join(budget, "a", ga_backend_null()));
        ga_budget_delete(budget);
        cr_assert_eq(mem.blocks, 0);
        cr_assert_not(mem.lied);
    }
}

Test(arena, takes_its_buffers_from_a_cache)
{
    ga_sim *sim = sim_of(1024 * MIB, ga_backend_null());
    ga_cache *cache = ga_cache_new(NULL, ga_sim_backend(sim), &(struct ga_cache_opts){ 0 });
    const struct ga_backend *pools[] = { ga_cache_backend(cache) };
    ga_arena *arena = ga_arena_new(NULL, pools, 1, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    struct ga_cache_stats stats;
    for (uint64_t size = 1; size <= 16; size *= 4) {
        ga_graph *graph = chain(size * MIB, 0);
        cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
        ga_cache_stats(cache, &stats);
        cr_assert_eq(stats.all.allocations.now, 1);
        cr_assert_eq(stats.all.requested_bytes.now, ga_arena_size(arena, 0));
        cr_assert_neq(ga_cache_find(cache, ga_arena_buffer(arena, 0, 0)->base), 0);
        cr_assert_null(ga_cache_check(cache));
        ga_graph_delete(graph);
    }
    ga_graph *small = chain(MIB, 0);
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, small), GA_OK);
    ga_gallocr_max_plans(galloc, 1);
    ga_arena_trim(arena);
    ga_cache_stats(cache, &stats);
    cr_assert_eq(stats.all.requested_bytes.now, ga_arena_size(arena, 0));
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
    ga_graph_delete(small);
    ga_cache_stats(cache, &stats);
    cr_assert_eq(stats.all.allocated_bytes.now, 0);
    cr_assert_eq(ga_cache_trim(cache, 0), GA_OK);
    ga_cache_delete(cache);
    cr_assert_null(ga_sim_error(sim));
    ga_sim_delete(sim);
}
