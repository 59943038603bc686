/*
 * Structs that grow: options that this version does not know are refused in words, and change nothing.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "ggml_alloc/ggml_alloc.h"
#include "support.h"

/* What all trials share; the words of the last refusal are in `said`. */
static struct {
    struct test_mem mem;
    struct ga_env env;
    char said[512];
    ga_graph *graph;
    ga_arena *arena;
    ga_sim *sim;
    ga_cache *cache;
    ga_host *host;
    ga_pool pool;
} world;

static void hear(void *user, enum ga_level level, const char *text)
{
    (void)user;
    cr_assert_eq(level, GA_ERROR);
    strncpy(world.said, text, sizeof world.said - 1);
}

static void start(void)
{
    world.env = test_env(&world.mem);
    world.env.log.write = hear;
    world.graph = ga_graph_new(&world.env);
    ga_id a = ga_graph_add(world.graph, &(struct ga_node){ .size = 64 });
    ga_graph_add(world.graph, &(struct ga_node){ .size = 64, .src = &a, .n_src = 1 });
    const struct ga_backend *cpu = ga_backend_cpu();
    world.arena = ga_arena_new(&world.env, &cpu, 1, NULL);
    world.sim = ga_sim_new(&world.env, ga_backend_null(), NULL);
    world.cache = ga_cache_new(&world.env, ga_sim_backend(world.sim), NULL);
    world.host = ga_host_new(&world.env, ga_sim_backend(world.sim), NULL);
    cr_assert_eq(ga_pool_new(world.cache, NULL, &world.pool), GA_OK);
    void *ptr;
    cr_assert_eq(ga_cache_alloc(world.cache, 512, 0, NULL, &ptr), GA_OK); /* what it remembers is there from now on */
    ga_cache_free_ptr(world.cache, ptr);
    ga_cache_trim(world.cache, 0);
}

static void finish(void)
{
    ga_host_delete(world.host);
    ga_cache_delete(world.cache);
    ga_sim_delete(world.sim);
    ga_arena_delete(world.arena);
    ga_graph_delete(world.graph);
    cr_assert_eq(world.mem.blocks, 0);
}

TestSuite(later, .init = start, .fini = finish);

/*
 * A trial calls with zeros, or, given a word, with that word set.  What it makes it takes back; what it would write has to be as it was.
 */
typedef enum ga_status trial(const int *word);

#define WITH(type, ...)                                                                                                            \
    struct type opts = __VA_ARGS__;                                                                                                \
    if (word)                                                                                                                      \
    opts.later[*word] = 1u << *word

static enum ga_status made(void *object)
{
    return object ? GA_OK : GA_INVALID;
}

static enum ga_status arena(const int *word)
{
    WITH(ga_arena_opts, { 0 });
    const struct ga_backend *cpu = ga_backend_cpu();
    ga_arena *mine = ga_arena_new(&world.env, &cpu, 1, &opts);
    ga_arena_delete(mine);
    return made(mine);
}

static enum ga_status gallocr(const int *word)
{
    WITH(ga_plan_opts, { 0 });
    ga_gallocr *mine = ga_gallocr_new(&world.env, world.arena, &opts);
    ga_gallocr_delete(mine);
    return made(mine);
}

static void take_error(enum ga_status status)
{
    if (status != GA_OK)
        strncpy(world.said, ga_graph_error(world.graph), sizeof world.said - 1);
}

static enum ga_status plan(const int *word)
{
    WITH(ga_plan_opts, { 0 });
    ga_plan *mine = NULL;
    enum ga_status status = ga_plan_graph(world.graph, &opts, &mine);
    cr_assert_eq(mine != NULL, status == GA_OK);
    ga_plan_delete(mine);
    take_error(status);
    return status;
}

static enum ga_status intervals(const int *word)
{
    WITH(ga_plan_opts, { 0 });
    ga_plan *mine = NULL;
    enum ga_status status = ga_plan_intervals(&world.env, &(struct ga_interval){ .size = 1, .death = 1 }, 1, &opts, &mine);
    cr_assert_eq(mine != NULL, status == GA_OK);
    ga_plan_delete(mine);
    return status;
}

static enum ga_status order_with(const struct ga_order_opts *opts)
{
    ga_id list[4];
    size_t n = 77;
    enum ga_status status = ga_order(world.graph, opts, list, &n, NULL);
    cr_assert_eq(n, status == GA_OK ? 4 : 77);
    take_error(status);
    return status;
}

static enum ga_status order(const int *word)
{
    WITH(ga_order_opts, { 0 });
    return order_with(&opts);
}

static enum ga_status plan_of_order(const int *word)
{
    WITH(ga_plan_opts, { 0 });
    return order_with(&(struct ga_order_opts){ .plan = opts });
}

static enum ga_status sim(const int *word)
{
    WITH(ga_sim_opts, { 0 });
    ga_sim *mine = ga_sim_new(&world.env, ga_backend_null(), &opts);
    ga_sim_delete(mine);
    return made(mine);
}

/* Refused, the fault before stays: here none, so that the next allocation has room. */
static enum ga_status fault(const int *word)
{
    WITH(ga_sim_fault, { .calls = 1u << GA_SIM_ALLOC, .always = true });
    enum ga_status status = ga_sim_fail(world.sim, &opts);
    void *ptr = NULL;
    cr_assert_eq(ga_cache_alloc(world.cache, 512, 0, NULL, &ptr), status == GA_OK ? GA_NO_SPACE : GA_OK);
    ga_cache_free_ptr(world.cache, ptr);
    ga_cache_trim(world.cache, 0);
    ga_sim_fail(world.sim, NULL);
    return status;
}

static enum ga_status cache(const int *word)
{
    WITH(ga_cache_opts, { 0 });
    ga_cache *mine = ga_cache_new(&world.env, ga_sim_backend(world.sim), &opts);
    ga_cache_delete(mine);
    return made(mine);
}

static enum ga_status devices(const int *word)
{
    WITH(ga_cache_opts, { 0 });
    const struct ga_backend *backend = ga_sim_backend(world.sim);
    ga_devices *mine = ga_devices_new(&world.env, &backend, 1, &opts);
    ga_devices_delete(mine);
    return made(mine);
}

static enum ga_status cache_text(const int *word)
{
    WITH(ga_cache_opts, { .limit = 5 });
    enum ga_status status = ga_cache_parse("fit:fast", &opts, world.said, sizeof world.said);
    cr_assert(opts.limit == 5 && opts.fit == (status == GA_OK ? GA_FIT_FAST : GA_FIT_BEST));
    return status;
}

static enum ga_status recording(const int *word)
{
    WITH(ga_cache_recording, { .entries = word ? 9 : 0 });
    return ga_cache_record(world.cache, &opts);
}

static enum ga_status export(const int *word) {
    WITH(ga_cache_export, { 0 }); struct test_text text = { 0 }; struct ga_sink sink = test_sink(&text);
    enum ga_status status = ga_cache_export_json(world.cache, &opts, &sink);
    cr_assert_eq(text.len != 0, status == GA_OK);
    test_text_fini(&text);
    return status;
}

static enum ga_status new_pool(const struct ga_pool_opts *opts, const struct ga_pool_places *places)
{
    ga_pool mine = 0;
    enum ga_status status = ga_pool_new_placed(world.cache, opts, places, &mine);
    cr_assert_eq(mine != 0, status == GA_OK);
    if (mine)
        ga_pool_release(world.cache, mine);
    return status;
}

static enum ga_status pool(const int *word)
{
    WITH(ga_pool_opts, { 0 });
    return new_pool(&opts, NULL);
}

static enum ga_status places(const int *word)
{
    WITH(ga_pool_places, { 0 });
    return new_pool(NULL, &opts);
}

static enum ga_status route(const int *word)
{
    WITH(ga_route, { 0 });
    enum ga_status status = ga_pool_begin(world.cache, world.pool, &opts);
    cr_assert_eq(ga_pool_end(world.cache, world.pool), status == GA_OK ? GA_OK : GA_INVALID);
    return status;
}

static enum ga_status heap(const int *word)
{
    WITH(ga_heap_opts, { 0 });
    ga_heaps *mine = ga_heaps_new(&world.env, ga_sim_backend(world.sim), &opts);
    ga_heaps_delete(mine);
    return made(mine);
}

static enum ga_status host(const int *word)
{
    WITH(ga_host_opts, { 0 });
    ga_host *mine = ga_host_new(&world.env, ga_sim_backend(world.sim), &opts);
    ga_host_delete(mine);
    return made(mine);
}

static enum ga_status host_set(const int *word)
{
    WITH(ga_host_opts, { .interior = true });
    enum ga_status status = ga_host_set(world.host, &opts);
    struct ga_host_opts now;
    ga_host_opts(world.host, &now);
    cr_assert_eq(now.interior, status == GA_OK);
    ga_host_set(world.host, &(struct ga_host_opts){ 0 });
    return status;
}

static enum ga_status host_text(const int *word)
{
    WITH(ga_host_opts, { .limit = 5 });
    enum ga_status status = ga_host_parse("pinned_power_of_two:true", &opts, world.said, sizeof world.said);
    cr_assert_eq(opts.power_of_two, status == GA_OK);
    return status;
}

static const struct {
    const char *name;
    trial *call;
} trials[] = {
    { "ga_arena_opts", arena },    { "ga_plan_opts", gallocr },       { "ga_plan_opts", plan },
    { "ga_plan_opts", intervals }, { "ga_plan_opts", plan_of_order }, { "ga_order_opts", order },
    { "ga_sim_opts", sim },        { "ga_sim_fault", fault },         { "ga_cache_opts", cache },
    { "ga_cache_opts", devices },  { "ga_cache_opts", cache_text },   { "ga_cache_recording", recording },
    { "ga_cache_export", export }, { "ga_pool_opts", pool },          { "ga_pool_places", places },
    { "ga_route", route },         { "ga_heap_opts", heap },          { "ga_host_opts", host },
    { "ga_host_opts", host_set },  { "ga_host_opts", host_text },
};

static void refuses(size_t i)
{
    for (int word = 0; word < 4; word++) {
        uint64_t live = world.mem.live;
        world.said[0] = 0;
        cr_assert_eq(trials[i].call(&word), GA_INVALID, "%s, word %d", trials[i].name, word);
        cr_assert(strstr(world.said, trials[i].name) && strstr(world.said, "for a later version"), "%s: %s", trials[i].name,
                  world.said);
        cr_assert_eq(world.mem.live, live, "%s, word %d", trials[i].name, word);
        cr_assert_null(ga_cache_check(world.cache));
        cr_assert_null(ga_host_check(world.host));
    }
}

/* Zeros first and last, so that what is remembered between calls does not count as a change. */
Test(later, refuses_options_that_it_does_not_know)
{
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        cr_assert_eq(trials[i].call(NULL), GA_OK, "%s", trials[i].name);
        refuses(i);
        cr_assert_eq(trials[i].call(NULL), GA_OK, "%s", trials[i].name);
    }
}

Test(later, refuses_nodes_that_it_does_not_know)
{
    for (int word = 0; word < 2; word++) {
        struct ga_node node = { .size = 64 };
        node.later[word] = (uint64_t)1 << 63;
        cr_assert_eq(ga_graph_add(world.graph, &node), GA_NONE);
        cr_assert_eq(ga_graph_status(world.graph), GA_INVALID);
        cr_assert(strstr(ga_graph_error(world.graph), "ga_node") && strstr(ga_graph_error(world.graph), "for a later version"));
        ga_graph_clear(world.graph);
        node.later[word] = 0;
        cr_assert_eq(ga_graph_add(world.graph, &node), 1);
        memset(&node, 0xff, sizeof node);
        cr_assert(ga_graph_node(world.graph, 1, &node) && !node.later[0] && !node.later[1]);
        ga_graph_clear(world.graph);
    }
}

/* What is told is told into memory that was anything. */
#define TELLS(type, call)                                                                                                          \
    do {                                                                                                                           \
        struct type told;                                                                                                          \
        memset(&told, 0xff, sizeof told);                                                                                          \
        call;                                                                                                                      \
        for (int word = 0; word < 4; word++)                                                                                       \
            cr_assert_eq(told.later[word], 0, "struct " #type);                                                                    \
    } while (0)

Test(later, tells_zeros_where_it_tells_nothing_yet)
{
    const struct ga_backend *sim = ga_sim_backend(world.sim);
    ga_heaps *heaps = ga_heaps_new(&world.env, sim, NULL);
    ga_heap *heap = ga_heaps_get(heaps, false);
    ga_meter *meter = ga_meter_new(&world.env, sim);
    ga_sim_fail(world.sim, &(struct ga_sim_fault){ .calls = UINT32_MAX, .always = true });
    cr_assert_eq(ga_cache_alloc(world.cache, 512, 0, NULL, NULL), GA_NO_SPACE);
    cr_assert_eq(ga_host_alloc(world.host, 512, &(void *){ NULL }, &(ga_host_block *){ NULL }), GA_NO_SPACE);
    cr_assert_eq(ga_heap_alloc(heap, 512, 0, &(ga_heap_buffer){ 0 }), GA_NO_SPACE);
    ga_sim_fail(world.sim, NULL);
    cr_assert_eq(ga_arena_pack(world.arena, 0, &(uint64_t){ (uint64_t)1 << 60 }, 1, &(struct ga_slot){ 0 }, NULL), GA_NO_SPACE);
    ga_plan *plan;
    cr_assert_eq(ga_plan_graph(world.graph, NULL, &plan), GA_OK);
    ga_id list[4];
    size_t n;
    TELLS(ga_order_info, cr_assert_eq(ga_order(world.graph, NULL, list, &n, &told), GA_OK));
    TELLS(ga_plan_info, ga_plan_info(plan, &told));
    TELLS(ga_oom, cr_assert(ga_arena_oom(world.arena, &told)));
    TELLS(ga_meter_stats, ga_meter_stats(meter, &told));
    TELLS(ga_sim_stats, ga_sim_stats(world.sim, &told));
    TELLS(ga_cache_oom, cr_assert(ga_cache_oom(world.cache, &told)));
    TELLS(ga_cache_stats, ga_cache_stats(world.cache, &told));
    TELLS(ga_pool_stats, cr_assert_eq(ga_pool_stats(world.cache, world.pool, &told), GA_OK));
    TELLS(ga_host_oom, cr_assert(ga_host_oom(world.host, &told)));
    TELLS(ga_host_stats, ga_host_stats(world.host, &told));
    TELLS(ga_heap_oom, cr_assert(ga_heap_oom(heap, &told)));
    TELLS(ga_heap_stats, ga_heap_stats(heap, &told));
    ga_plan_delete(plan);
    ga_meter_delete(meter);
    ga_heaps_delete(heaps);
}
