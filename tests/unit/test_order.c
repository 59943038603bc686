#include "ggml_alloc/order.h"

#include "base/rng.h"
#include "unit/recorded.h"

#include <time.h>

static ga_graph *graph;

static void start(void)
{
    graph = ga_graph_new(NULL);
}

static void stop(void)
{
    ga_graph_delete(graph);
}

TestSuite(order, .init = start, .fini = stop);

#define MAX_SRC 4
#define ROOM 200

/* A node of `size` bytes; sources end with 0. */
static ga_id add(struct ga_node node, const ga_id *src)
{
    node.src = src;
    while (src && node.n_src < MAX_SRC && src[node.n_src])
        node.n_src++;
    ga_id id = ga_graph_add(graph, &node);
    cr_assert_neq(id, GA_NONE, "%s", ga_graph_error(graph));
    return id;
}

#define SRC(...) ((const ga_id[MAX_SRC + 1]){ __VA_ARGS__ })

static struct ga_order_info order(const struct ga_order_opts *opts, ga_id *list, size_t *n)
{
    struct ga_order_info info;
    char why[200] = "";
    cr_assert_eq(ga_order(graph, opts, list, n, &info), GA_OK, "%s", ga_graph_error(graph));
    cr_assert_eq(ga_order_check(graph, list, *n, why, sizeof why), GA_OK, "%s", why);
    return info;
}

/* Each node listed is a step. */
static void expect_list(const ga_id *list, size_t n, const ga_id *want, size_t n_want)
{
    cr_assert_eq(n, 2 * n_want);
    for (size_t i = 0; i < n_want; i++)
        cr_assert(list[2 * i] == want[i] && list[2 * i + 1] == GA_NONE, "place %u holds node %u", (unsigned)i,
                  (unsigned)list[2 * i]);
}

static void expect_refused(const ga_id *steps, size_t n_steps, const char *reason)
{
    ga_id list[ROOM];
    char why[200] = "";
    for (size_t i = 0; i < n_steps; i++) {
        list[2 * i] = steps[i];
        list[2 * i + 1] = GA_NONE;
    }
    cr_assert_eq(ga_order_check(graph, list, 2 * n_steps, why, sizeof why), GA_INVALID);
    cr_assert(strstr(why, reason), "says: %s", why);
}

/* Two large results, and what is made of each. */
static void add_two_branches(void)
{
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL);
    ga_id a = add((struct ga_node){ .size = 1024 }, SRC(x)), b = add((struct ga_node){ .size = 1024 }, SRC(x));
    ga_id c = add((struct ga_node){ .size = 16 }, SRC(a)), d = add((struct ga_node){ .size = 16 }, SRC(b));
    add((struct ga_node){ .size = 16, .flags = GA_OUTPUT }, SRC(c, d));
}

Test(order, runs_one_branch_after_the_other)
{
    add_two_branches();
    ga_id list[ROOM];
    size_t n;
    struct ga_order_info info = order(NULL, list, &n);
    expect_list(list, n, (const ga_id[]){ 2, 4, 3, 5, 6 }, 5);
    cr_assert_eq(info.bound_before, 64 + 1024 + 1024);
    cr_assert_eq(info.bound_after, 64 + 1024 + 16);
    cr_assert_eq(info.n_moved, 1);
    cr_assert_leq(info.peak_after, info.peak_before);
}

Test(order, keeps_what_cannot_be_better)
{
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL);
    for (int i = 0; i < 10; i++)
        x = add((struct ga_node){ .size = 64 }, SRC(x));
    ga_id list[ROOM];
    size_t n;
    struct ga_order_info info = order(NULL, list, &n);
    expect_list(list, n, (const ga_id[]){ 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, 10);
    cr_assert_eq(info.bound_after, info.bound_before);
    cr_assert_eq(info.n_moved, 0);
}

Test(order, of_nothing_is_nothing)
{
    ga_id list[2];
    size_t n = 7;
    struct ga_order_info info = order(NULL, list, &n);
    cr_assert_eq(n, 0);
    cr_assert_eq(info.bound_after, 0);
}

/* The view of `small` is the caller's, and does not run: nothing but its root says when its bytes are there. */
Test(order, needs_the_root_of_a_view_that_does_not_run)
{
    ga_id large = add((struct ga_node){ .size = 4096 }, NULL), other = add((struct ga_node){ .size = 4096 }, NULL);
    ga_id small = add((struct ga_node){ .size = 16 }, SRC(other));
    ga_id view = add((struct ga_node){ .size = 16, .view_of = small, .flags = GA_INPUT }, NULL);
    ga_id sum = add((struct ga_node){ .size = 16, .flags = GA_OUTPUT }, SRC(large, view));
    ga_id list[ROOM];
    size_t n;
    order(NULL, list, &n);
    cr_assert_eq(ga_graph_sequence(graph, list, n), GA_OK);
    cr_assert_eq(ga_graph_sequence(graph, NULL, 0), GA_OK);
    expect_refused((const ga_id[]){ large, sum, other, small }, 4, "comes before what it needs");
}

Test(order, leaves_writes_among_the_users_of_their_root)
{
    ga_id cache = add((struct ga_node){ .size = 512, .flags = GA_EXTERNAL }, NULL);
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL);
    ga_id old = add((struct ga_node){ .size = 4096 }, SRC(cache));                                 /* 3 */
    ga_id put = add((struct ga_node){ .size = 64, .view_of = cache, .flags = GA_WRITES }, SRC(x)); /* 4 */
    ga_id now = add((struct ga_node){ .size = 4096 }, SRC(cache));                                 /* 5 */
    add((struct ga_node){ .size = 16 }, SRC(old));                                                 /* 6 */
    add((struct ga_node){ .size = 16 }, SRC(now));                                                 /* 7 */
    ga_id list[ROOM];
    size_t n;
    struct ga_order_info info = order(NULL, list, &n);
    cr_assert_lt(info.bound_after, info.bound_before);
    expect_refused((const ga_id[]){ put, old, now, 6, 7 }, 5, "passes a write");
    expect_refused((const ga_id[]){ old, 6, now, 7, put }, 5, "passes a write");
    expect_refused((const ga_id[]){ old, 6, put, now }, 4, "is not listed");
    expect_refused((const ga_id[]){ old, 6, put, now, now }, 5, "is listed twice");
    expect_refused((const ga_id[]){ old, put, 7, now, 6 }, 5, "comes before what it needs");
    expect_refused((const ga_id[]){ old, put, now, 6, 99 }, 5, "there is no node 99");
}

Test(order, keeps_steps_together)
{
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL);
    add((struct ga_node){ .size = 1024 }, SRC(x));
    ga_id b = add((struct ga_node){ .size = 1024, .flags = GA_TOGETHER }, SRC(x));
    ga_id c = add((struct ga_node){ .size = 2048 }, SRC(x)), d = add((struct ga_node){ .size = 16 }, SRC(c));
    add((struct ga_node){ .size = 16 }, SRC(b));
    ga_id list[ROOM];
    size_t n;
    struct ga_order_info info = order(NULL, list, &n);
    cr_assert_lt(info.bound_after, info.bound_before);
    cr_assert_eq(n, 9);
    const ga_id apart[] = { 2, 0, 3, 0, c, 0, d, 0, 6, 0 }, joined[] = { 2, 3, c, 0, d, 0, 6, 0 };
    char why[200];
    cr_assert_eq(ga_order_check(graph, apart, 10, why, sizeof why), GA_INVALID);
    cr_assert(strstr(why, "together"), "%s", why);
    cr_assert_eq(ga_order_check(graph, joined, 8, why, sizeof why), GA_INVALID);
    cr_assert(strstr(why, "joined"), "%s", why);
}

Test(order, does_not_pass_a_mark)
{
    add_two_branches();
    add((struct ga_node){ .flags = GA_DEPEND }, SRC(2));
    add((struct ga_node){ .size = 8 }, SRC(1));
    expect_refused((const ga_id[]){ 2, 4, 3, 5, 7, 6, 8 }, 7, "is a DEPEND");
    expect_refused((const ga_id[]){ 2, 4, 3, 5, 8, 6, 7 }, 7, "is a DEPEND");
    ga_id list[ROOM];
    size_t n;
    order(NULL, list, &n);
    cr_assert_eq(list[10], 7);
}

/* As ggml-backend writes a copy between devices: a mark, and the bytes that are copied to. */
static void add_copies(void)
{
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL);
    ga_id mask = add((struct ga_node){ .size = 1024, .flags = GA_INPUT }, NULL);
    ga_id rows = add((struct ga_node){ .size = 1024 }, SRC(x)); /* 3 */
    add((struct ga_node){ .flags = GA_DEPEND }, SRC(rows));
    ga_id first = add((struct ga_node){ .size = 1024, .pool = 1 }, NULL); /* 5 */
    add((struct ga_node){ .flags = GA_DEPEND }, SRC(mask));
    ga_id second = add((struct ga_node){ .size = 1024, .pool = 1 }, NULL); /* 7 */
    add((struct ga_node){ .size = 1024, .pool = 1 }, SRC(first, second));
}

Test(order, moves_a_copy_with_its_mark)
{
    add_copies();
    ga_id list[ROOM];
    size_t n;
    struct ga_order_info info = order(NULL, list, &n);
    expect_list(list, n, (const ga_id[]){ 6, 7, 3, 4, 5, 8 }, 6);
    cr_assert_lt(info.bound_after, info.bound_before);
    expect_refused((const ga_id[]){ 6, 3, 4, 5, 7, 8 }, 6, "no longer right before its copy");
}

/* Two steps in one pool, then two in the other. */
static void add_two_pools(void)
{
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL);
    ga_id a = add((struct ga_node){ .size = 1024 }, SRC(x)), b = add((struct ga_node){ .size = 1024 }, SRC(x));
    ga_id c = add((struct ga_node){ .size = 16, .pool = 1 }, SRC(a)), d = add((struct ga_node){ .size = 16, .pool = 1 }, SRC(b));
    add((struct ga_node){ .size = 16 }, SRC(c, d));
}

Test(order, lets_pools_take_turns_unless_told_otherwise)
{
    add_two_pools();
    ga_id list[ROOM];
    size_t n;
    struct ga_order_info kept = order(NULL, list, &n);
    struct ga_order_info mixed = order(&(struct ga_order_opts){ .mixes_pools = true }, list, &n);
    cr_assert_eq(kept.bound_after, kept.bound_before);
    cr_assert_lt(mixed.bound_after, mixed.bound_before);
}

Test(order, moves_nothing_beyond_its_reach)
{
    ga_id x = add((struct ga_node){ .size = 64, .flags = GA_INPUT }, NULL), made[12];
    for (int i = 0; i < 12; i++)
        made[i] = add((struct ga_node){ .size = 1024 }, SRC(x));
    for (int i = 0; i < 12; i++)
        add((struct ga_node){ .size = 16 }, SRC(made[i]));
    ga_id list[ROOM];
    size_t n;
    uint64_t last = UINT64_MAX;
    for (uint32_t reach = 1; reach <= 12; reach++) {
        struct ga_order_info info = order(&(struct ga_order_opts){ .reach = reach }, list, &n);
        for (uint32_t i = 0; i < 24; i++) {
            uint32_t given = list[2 * i] - 2, moved = given > i ? given - i : i - given;
            cr_assert_leq(moved, reach, "node %u moved by %u", (unsigned)list[2 * i], (unsigned)moved);
        }
        cr_assert_leq(info.bound_after, last);
        last = info.bound_after;
    }
    cr_assert_lt(last, 3 * 1024);
}

Test(order, is_unharmed_when_memory_runs_out)
{
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    stop();
    graph = ga_graph_new(&env);
    add_copies();
    ga_graph_extend(graph, 3, 8);
    uint64_t before = mem.requests, needed = 0;
    ga_id list[ROOM];
    size_t n = 0;
    cr_assert_eq(ga_order(graph, NULL, list, &n, NULL), GA_OK);
    needed = mem.requests - before;
    cr_assert_gt(needed, 20);
    for (uint64_t nth = 1; nth <= needed; nth++) {
        uint64_t blocks = mem.blocks;
        n = 77;
        mem.fail_at = mem.requests + nth;
        cr_assert_eq(ga_order(graph, NULL, list, &n, NULL), GA_NO_MEMORY, "request %u", (unsigned)nth);
        cr_assert_eq(n, 77);
        cr_assert_eq(mem.blocks, blocks, "request %u leaks", (unsigned)nth);
    }
    cr_assert_eq(ga_order(graph, NULL, list, &n, NULL), GA_OK);
    before = mem.requests;
    cr_assert_eq(ga_order_check(graph, list, n, NULL, 0), GA_OK);
    needed = mem.requests - before;
    for (uint64_t nth = 1; nth <= needed; nth++) {
        mem.fail_at = mem.requests + nth;
        cr_assert_eq(ga_order_check(graph, list, n, NULL, 0), GA_NO_MEMORY);
    }
    cr_assert_not(mem.lied);
}

/* Each node reads two at random: of the last `back`. */
static void add_random_nodes(uint32_t n, uint32_t back, uint64_t seed)
{
    struct rng rng = { seed };
    for (uint32_t i = 0; i < 4; i++)
        add((struct ga_node){ .size = 1024, .flags = GA_INPUT }, NULL);
    for (ga_id id = 5; id <= n + 4; id++) {
        uint32_t reach = id - 1 < back ? id - 1 : back;
        ga_id a = id - 1 - (ga_id)rng_below(&rng, reach), b = id - 1 - (ga_id)rng_below(&rng, reach);
        add((struct ga_node){ .size = (uint64_t)256 << rng_below(&rng, 12), .reuse = rng_below(&rng, 2) }, SRC(a, b));
    }
}

Test(order, puts_ten_thousand_nodes_in_order, .timeout = 600)
{
    static ga_id list[20100];
    size_t n;
    add_random_nodes(10000, 50, 1);
    struct ga_order_info info = order(NULL, list, &n);
    cr_assert_eq(n, 20000);
    cr_assert_lt(info.bound_after, info.bound_before);
    cr_assert_lt(info.steps, 8000000);
    cr_assert_lt(clock() / CLOCKS_PER_SEC, 20); /* 1 s, and 20 times that where all is checked */
}

static bool stop_at_once(void *user, uint64_t steps, uint64_t bound, uint64_t least)
{
    uint64_t *last = user;
    bool falls = bound <= last[0] && steps >= last[1] && least <= bound;
    last[0] = falls ? bound : 0;
    last[1] = steps;
    return --last[2] != 0;
}

Test(order, stops_when_told_with_the_best_so_far)
{
    static ga_id list[2100];
    uint64_t last[3] = { UINT64_MAX, 0, 3 };
    size_t n;
    add_random_nodes(1000, 50, 2);
    struct ga_order_info info = order(&(struct ga_order_opts){ .progress = stop_at_once, .user = last }, list, &n);
    cr_assert(info.stopped);
    cr_assert_neq(last[0], 0, "the bound rose, or steps fell");
    cr_assert_leq(info.bound_after, info.bound_before);
    cr_assert_not(info.optimal);
}

/* What orders reach on recorded graphs: bound after to bound before, in thousandths; and whether there is a proof. */
static const struct {
    const char *name;
    unsigned most;
    bool proven;
} goals[] = {
    { "wan-vae-decode-480p-9f", 692, false }, { "train-mnist-cnn-b500-adamw", 825, true },
    { "mamba2-2.7b-pp", 832, false },         { "sd-vae-decode-512", 923, true },
    { "sd15-unet-512-fa", 930, true },        { "gpu1-all-llama3.1-8b-c8k-fa-pp", 936, true },
    { "deepseek-v3-fa-pp", 959, true },       { "t5-xxl-enc-pp", 780, false },
    { "rwkv7-2.9b-pp", 730, false },          { "sd3-medium-1024-fa", 970, false },
    { "sam-vit-b-encode", 991, false },       { "sd15-unet-512-nofa", 988, true },
    { "z-image-1024-fa", 1000, true },        { "jamba-mini-pp", 1000, true },
};

static unsigned goals_met;

static void expect_goal(const char *path, char *text, size_t len)
{
    struct test_source from = { .text = text, .len = len };
    struct ga_source source = test_source(&from);
    struct tgraph file;
    struct mishap mishap;
    cr_assert_eq(gai_tgraph_read(NULL, &source, INPLACE_GGML, &file, &mishap), GA_OK, "%s: %s", path, mishap.what);
    uint64_t align[8], chunk_max[8];
    gai_tgraph_limits(&file, align, chunk_max);
    struct ga_order_opts opts = { .plan = { .n_pools = file.n_buffers, .align = align, .chunk_max = chunk_max } };
    ga_id *list = calloc(2 * (size_t)file.n_tensors, sizeof *list);
    struct ga_order_info info;
    size_t n;
    char why[200] = "";
    cr_assert_eq(ga_order(file.graph, &opts, list, &n, &info), GA_OK);
    cr_assert_eq(ga_order_check(file.graph, list, n, why, sizeof why), GA_OK, "%s: %s", path, why);
    cr_assert_leq(info.bound_after, info.bound_before, "%s", path);
    cr_assert_leq(info.peak_after, info.peak_before, "%s", path);
    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
        if (strcmp(file.name, goals[i].name) != 0)
            continue;
        cr_assert_leq(info.bound_after * 1000, info.bound_before * goals[i].most + info.bound_before / 2, "%s: %llu of %llu", path,
                      (unsigned long long)info.bound_after, (unsigned long long)info.bound_before);
        cr_assert(info.optimal || !goals[i].proven, "%s: no proof", path);
        goals_met++;
    }
    free(list);
    gai_tgraph_fini(&file);
}

Test(order, lowers_the_bound_of_recorded_graphs, .timeout = 600)
{
    each_own_graph(expect_goal);
    if (!test_shared())
        return;
    each_shared_graph(expect_goal);
    cr_assert_geq(goals_met, sizeof goals / sizeof *goals);
}
