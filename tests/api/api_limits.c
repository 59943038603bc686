/*
 * The limits that README.md states: what is at one is served, what is beyond gets an answer.
 */
#include <criterion/criterion.h>

#include "ggml_alloc/ggml_alloc.h"
#include "support.h"

#define MOST_BYTES ((uint64_t)1 << 62)
#define MOST_NODES 0x7ffffff0u

static enum ga_status plan_sizes(const uint64_t *sizes, uint32_t n, uint64_t align, uint64_t *peak)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_plan *plan = NULL;
    for (uint32_t i = 0; i < n; i++)
        ga_graph_add(graph, &(struct ga_node){ .size = sizes[i], .flags = GA_INPUT | GA_OUTPUT });
    enum ga_status status = ga_plan_graph(graph, &(struct ga_plan_opts){ .n_pools = 1, .align = &align }, &plan);
    *peak = status == GA_OK ? ga_plan_peak(plan, 0) : 0;
    ga_plan_delete(plan);
    ga_graph_delete(graph);
    return status;
}

Test(limits, of_sizes_and_alignments_are_2_to_the_62)
{
    uint64_t peak, one = MOST_BYTES, more = MOST_BYTES + 1, many[4] = { MOST_BYTES, MOST_BYTES, MOST_BYTES, MOST_BYTES };
    cr_assert(plan_sizes(&one, 1, MOST_BYTES, &peak) == GA_OK && peak == MOST_BYTES);
    cr_assert_eq(plan_sizes(&more, 1, 1, &peak), GA_INVALID);
    cr_assert_eq(plan_sizes(&one, 1, 2 * MOST_BYTES, &peak), GA_INVALID);
    cr_assert_eq(plan_sizes(many, 4, 1, &peak), GA_NO_SPACE, "2^64 bytes in all");
    ga_graph *graph = ga_graph_new(NULL);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = 1, .align = 2 * MOST_BYTES }), GA_NONE);
    cr_assert_eq(ga_graph_status(graph), GA_INVALID);
    ga_graph_delete(graph);
}

static enum ga_status plan_interval(struct ga_interval interval, uint32_t n)
{
    ga_plan *plan = NULL;
    enum ga_status status = ga_plan_intervals(NULL, &interval, n, NULL, &plan);
    ga_plan_delete(plan);
    return status;
}

/* Lives may be as long as numbers go. */
Test(limits, of_intervals_are_those_of_nodes)
{
    cr_assert_eq(plan_interval((struct ga_interval){ .size = MOST_BYTES, .align = MOST_BYTES, .death = UINT64_MAX }, 1), GA_OK);
    cr_assert_eq(plan_interval((struct ga_interval){ .size = MOST_BYTES + 1, .death = 1 }, 1), GA_INVALID);
    cr_assert_eq(plan_interval((struct ga_interval){ .size = 1, .align = 2 * MOST_BYTES, .death = 1 }, 1), GA_INVALID);
    cr_assert_eq(plan_interval((struct ga_interval){ .size = 1, .death = 1, .fixed = 2 * MOST_BYTES }, 1), GA_INVALID);
    cr_assert_eq(plan_interval((struct ga_interval){ 0 }, MOST_NODES + 1), GA_INVALID, "none is looked at");
}

Test(limits, of_nodes_is_little_less_than_2_to_the_31)
{
    ga_graph *graph = ga_graph_new(NULL);
    cr_assert_eq(ga_graph_reserve(graph, MOST_NODES + 1, 0), GA_INVALID);
    cr_assert_eq(ga_graph_reserve(graph, UINT32_MAX, UINT32_MAX), GA_INVALID);
    cr_assert_eq(ga_graph_add(graph, &(struct ga_node){ .size = 1 }), 1, "as before");
    ga_graph_delete(graph);
}

/* Nodes name any of 16 bits, an arena backs as many. */
Test(limits, of_pools_is_what_16_bits_name)
{
    enum { POOLS = 1 << 16 };
    static const struct ga_backend *pools[POOLS + 1];
    for (int i = 0; i <= POOLS; i++)
        pools[i] = ga_backend_null();
    cr_assert_null(ga_arena_new(NULL, pools, POOLS + 1, NULL));
    ga_arena *arena = ga_arena_new(NULL, pools, POOLS, NULL);
    ga_gallocr *galloc = ga_gallocr_new(NULL, arena, NULL);
    ga_graph *graph = ga_graph_new(NULL);
    ga_id last = ga_graph_add(graph, &(struct ga_node){ .size = 64, .pool = POOLS - 1, .flags = GA_OUTPUT });
    cr_assert_eq(ga_gallocr_alloc_graph(galloc, graph), GA_OK);
    cr_assert_not_null(ga_gallocr_addr(galloc, last));
    ga_graph_delete(graph);
    ga_gallocr_delete(galloc);
    ga_arena_delete(arena);
}

/* The 65th source is read, and kept, but its bytes are never taken over. */
Test(limits, of_sources_that_may_be_taken_over_is_64)
{
    ga_graph *graph = ga_graph_new(NULL);
    ga_id src[65];
    for (uint32_t i = 0; i < 65; i++)
        src[i] = ga_graph_add(graph, &(struct ga_node){ .size = i == 64 ? 4096 : 8 });
    ga_graph_add(graph, &(struct ga_node){ .size = 4096, .src = src, .n_src = 65, .reuse = UINT64_MAX, .flags = GA_OUTPUT });
    ga_plan *plan;
    cr_assert_eq(ga_plan_graph(graph, NULL, &plan), GA_OK);
    cr_assert_geq(ga_plan_peak(plan, 0), 2 * 4096);
    ga_plan_delete(plan);
    ga_graph_delete(graph);
}

/* What no memory could serve is refused, and asked of nobody. */
Test(limits, of_allocations_are_answered_by_all_allocators)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), NULL);
    const struct ga_backend *backend = ga_sim_backend(sim);
    ga_cache *cache = ga_cache_new(NULL, backend, NULL);
    ga_host *host = ga_host_new(NULL, backend, NULL);
    ga_heaps *heaps = ga_heaps_new(NULL, backend, NULL);
    ga_tallocr *linear = ga_tallocr_new(NULL, 4096, 64);
    for (int i = 0; i < 3; i++) {
        size_t size = i ? SIZE_MAX - (size_t)i + 1 : SIZE_MAX / 2;
        uint64_t offset;
        cr_assert_eq(ga_cache_alloc(cache, size, 0, NULL, NULL), GA_NO_SPACE);
        cr_assert_eq(ga_cache_alloc_aligned(cache, size, 4096, 0, NULL, NULL), GA_NO_SPACE);
        cr_assert_eq(ga_host_alloc(host, size, &(void *){ NULL }, &(ga_host_block *){ NULL }), GA_NO_SPACE);
        cr_assert_neq(ga_heap_alloc(ga_heaps_get(heaps, false), size, 0, &(ga_heap_buffer){ 0 }), GA_OK);
        cr_assert_eq(ga_tallocr_alloc(linear, size, &offset), GA_NO_SPACE);
    }
    cr_assert(!ga_cache_check(cache) && !ga_host_check(host) && !ga_heap_check(ga_heaps_get(heaps, false)));
    cr_assert_null(ga_tallocr_check(linear));
    ga_tallocr_delete(linear);
    ga_heaps_delete(heaps);
    ga_host_delete(host);
    ga_cache_delete(cache);
    ga_sim_delete(sim);
}
