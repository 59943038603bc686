/*
 * test_plan.c - from graphs to plans: slots, verdicts, what is refused, what the checker catches, what makes the peak
 */
#include "unit/chain.h"
#include "support.h"

#include <string.h>

static void expect_slot(const ga_plan *plan, ga_id id, uint64_t offset, uint64_t size)
{
    struct ga_slot slot;
    cr_assert(ga_plan_slot(plan, id, &slot));
    cr_assert_eq(slot.offset, offset, "node %u is at %d, not %d", id, (int)slot.offset, (int)offset);
    cr_assert_eq(slot.size, size);
}

Test(plan, stacks_everything_at_effort_none)
{
    ga_graph *g = chain(1, 1);
    ga_plan *plan = plan_at(g, GA_EFFORT_NONE);
    cr_assert_eq(ga_plan_peak(plan, 0), 3 * 128);
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, alternates_without_taking_over)
{
    ga_graph *g = chain(0, 0);
    for (enum ga_effort effort = GA_EFFORT_ONLINE; effort <= GA_EFFORT_QUICK; effort++) {
        ga_plan *plan = plan_at(g, effort);
        cr_assert_eq(ga_plan_peak(plan, 0), 256);
        cr_assert_eq(ga_plan_bound(plan, 0), 256);
        ga_plan_delete(plan);
    }
    ga_graph_delete(g);
}

Test(plan, takes_over_in_a_chain)
{
    ga_graph *g = chain(1, 1);
    for (enum ga_effort effort = GA_EFFORT_ONLINE; effort <= GA_EFFORT_QUICK; effort++) {
        ga_plan *plan = plan_at(g, effort);
        cr_assert_eq(ga_plan_peak(plan, 0), 128);
        cr_assert_eq(ga_plan_bound(plan, 0), 128);
        expect_slot(plan, 3, 0, 100);
        expect_slot(plan, 4, 50, 50);
        struct ga_plan_info info;
        ga_plan_info(plan, &info);
        cr_assert_eq(info.verdict, GA_OPTIMAL);
        cr_assert_eq(info.n_nodes, 4);
        cr_assert_eq(info.n_storages, 3);
        cr_assert_eq(info.n_pools, 1);
        uint64_t birth, death;
        cr_assert(ga_plan_life(plan, 4, &birth, &death));
        cr_assert(birth == 2 && death == 5, "a view lives with its root");
        ga_plan_delete(plan);
    }
    ga_graph_delete(g);
}

Test(plan, takes_choices_only_above_online)
{
    ga_graph *g = chain(1, 0);
    ga_plan *online = plan_at(g, GA_EFFORT_ONLINE), *quick = plan_at(g, GA_EFFORT_QUICK);
    cr_assert_eq(ga_plan_peak(online, 0), 256);
    cr_assert_eq(ga_plan_peak(quick, 0), 128);
    ga_plan_delete(online);
    ga_plan_delete(quick);
    ga_graph_delete(g);
}

Test(plan, gives_no_slot_to_what_needs_none)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id weight = add(g, (struct ga_node){ .size = 64, .flags = GA_EXTERNAL });
    ga_id elided = add(g, (struct ga_node){ .size = 64, .flags = GA_ELIDED, READS(weight) });
    ga_id empty = add(g, (struct ga_node){ .size = 0, READS(elided), .flags = GA_TOGETHER });
    ga_id view = add(g, (struct ga_node){ .size = 32, .view_of = weight });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    struct ga_slot slot;
    for (ga_id id = 0; id <= view + 1; id++)
        cr_assert_not(ga_plan_slot(plan, id, &slot));
    cr_assert_eq(ga_plan_peak(plan, 0), 0);
    cr_assert_eq(ga_plan_peak(plan, 7), 0);
    cr_assert_eq(ga_plan_chunk(plan, 0, 0), 0);
    ga_plan_delete(plan);
    ga_graph_delete(g);
    (void)empty;
}

Test(plan, plans_pools_apart)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = 100, .pool = 2 });
    add(g, (struct ga_node){ .size = 300, READS(x) });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    cr_assert_eq(ga_plan_peak(plan, 0), 320);
    cr_assert_eq(ga_plan_peak(plan, 1), 0);
    cr_assert_eq(ga_plan_peak(plan, 2), 100, "pools past the options have alignment 1");
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, honours_alignments_of_nodes)
{
    ga_graph *g = ga_graph_new(NULL);
    for (int i = 0; i < 6; i++)
        add(g, (struct ga_node){ .size = 10, .align = i % 2 ? 4096 : 0, .flags = GA_INPUT });
    for (enum ga_effort effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++) {
        ga_plan *plan = plan_at(g, effort);
        for (ga_id id = 2; id <= 6; id += 2) {
            struct ga_slot slot;
            cr_assert(ga_plan_slot(plan, id, &slot));
            cr_assert_eq(slot.offset % 4096, 0);
        }
        ga_plan_delete(plan);
    }
    ga_graph_delete(g);
}

Test(plan, cuts_chunks_and_judges_capacity)
{
    ga_graph *g = ga_graph_new(NULL);
    for (int i = 0; i < 4; i++)
        add(g, (struct ga_node){ .size = 60, .flags = GA_INPUT });
    add(g, (struct ga_node){ .size = 200, .flags = GA_INPUT });
    uint64_t chunk_max = 120;
    for (enum ga_effort effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++) {
        static const struct {
            uint64_t capacity;
            enum ga_verdict verdict;
        } cases[] = { { 0, GA_OPTIMAL }, { 439, GA_CANNOT_FIT }, { 440, GA_OPTIMAL } };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct ga_plan_opts opts = { .effort = effort, .n_pools = 1, .chunk_max = &chunk_max, .capacity = &cases[i].capacity };
            ga_plan *plan = NULL;
            cr_assert_eq(ga_plan_graph(g, &opts, &plan), GA_OK);
            cr_assert_eq(ga_plan_check(plan, g, NULL, 0), GA_OK);
            cr_assert_eq(ga_plan_peak(plan, 0), 440);
            uint64_t sum = 0;
            for (unsigned c = 0; ga_plan_chunk(plan, 0, c); c++) {
                cr_assert(ga_plan_chunk(plan, 0, c) <= 200);
                sum += ga_plan_chunk(plan, 0, c);
            }
            cr_assert_eq(sum, 440);
            struct ga_plan_info info;
            ga_plan_info(plan, &info);
            cr_assert_eq(info.verdict, cases[i].verdict);
            ga_plan_delete(plan);
        }
    }
    ga_graph_delete(g);
}

Test(plan, refuses_bad_graphs_and_options)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_plan *plan = NULL;
    uint64_t align = 24;
    struct ga_plan_opts opts = { .n_pools = 1, .align = &align };
    cr_assert_eq(ga_plan_graph(g, &opts, &plan), GA_INVALID);
    opts = (struct ga_plan_opts){ .effort = (enum ga_effort)99 };
    cr_assert_eq(ga_plan_graph(g, &opts, &plan), GA_INVALID);
    ga_graph_extend(g, 5, 6);
    cr_assert_eq(ga_plan_graph(g, NULL, &plan), GA_INVALID);
    cr_assert_not_null(strstr(ga_graph_error(g), "extend(5, 6)"));
    ga_graph_clear(g);
    cr_assert_eq(ga_plan_graph(g, NULL, &plan), GA_OK, "an empty graph is a graph");
    cr_assert_null(ga_graph_error(g));
    ga_plan_delete(plan);
    ga_graph_add(g, &(struct ga_node){ .size = UINT64_MAX });
    plan = NULL;
    cr_assert_eq(ga_plan_graph(g, NULL, &plan), GA_INVALID);
    cr_assert_null(plan, "outputs are written on success only");
    ga_graph_clear(g);
    for (int i = 0; i < 4; i++)
        add(g, (struct ga_node){ .size = (uint64_t)1 << 62, .flags = GA_INPUT });
    for (enum ga_effort effort = GA_EFFORT_NONE; effort <= GA_EFFORT_QUICK; effort++) {
        opts = (struct ga_plan_opts){ .effort = effort };
        cr_assert_eq(ga_plan_graph(g, &opts, &plan), GA_NO_SPACE, "2^64 bytes do not fit in 64 bits");
    }
    ga_graph_delete(g);
}

/* Damage done to a right plan, and the word that the checker must say. */
Test(plan, checker_catches_damage)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = 64, .flags = GA_INPUT, .name = "x" });
    ga_id y = add(g, (struct ga_node){ .size = 64, READS(x), .name = "y", .align = 32 });
    ga_id z = add(g, (struct ga_node){ .size = 64, READS(x, y), .reuse = 2, .name = "z" });
    ga_id v = add(g, (struct ga_node){ .size = 16, .view_of = z, .view_offset = 16, READS(z), .name = "v" });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    char why[200];
    struct ga_slot *slots = plan->slots, saved[5];
    memcpy(saved, slots, sizeof saved);

    static const struct {
        ga_id id;
        int64_t move;
        uint64_t size;
        const char *word;
    } damages[] = {
        { 2, -64, 64, "share bytes" }, /* y on x, which z still reads; one of these two moves does it, whatever the layout */
        { 2, 1, 64, "alignment" },
        { 2, 4096, 64, "outside its chunk" },
        { 4, 1, 16, "not where its root is" },
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct ga_slot *slot = &slots[damages[i].id];
        if (i == 0)
            slot->offset = slots[x].offset;
        else
            slot->offset += (uint64_t)damages[i].move;
        cr_assert_neq(ga_plan_check(plan, g, why, sizeof why), GA_OK, "case %zu", i);
        cr_assert_not_null(strstr(why, damages[i].word), "%s", why);
        memcpy(slots, saved, sizeof saved);
    }
    slots[z].offset = slots[x].offset; /* z may take over y, its second source, but not x */
    slots[v].offset = slots[z].offset + 16;
    cr_assert_eq(ga_plan_check(plan, g, why, sizeof why), GA_INVALID);
    cr_assert_not_null(strstr(why, "'x'"));
    memcpy(slots, saved, sizeof saved);
    slots[z].offset = slots[y].offset + 32; /* y's bytes, but not at the window */
    slots[v].offset = slots[z].offset + 16;
    cr_assert_eq(ga_plan_check(plan, g, why, sizeof why), GA_INVALID);
    memcpy(slots, saved, sizeof saved);
    cr_assert_eq(ga_plan_check(plan, g, why, sizeof why), GA_OK);
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, explains_the_peak)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id a = add(g, (struct ga_node){ .size = 64, .flags = GA_INPUT });
    ga_id b = add(g, (struct ga_node){ .size = 256, READS(a) });                         /* 1 */
    ga_id c = add(g, (struct ga_node){ .size = 256, READS(b), .reuse = 1, .eager = 1 }); /* 2 */
    ga_id d = add(g, (struct ga_node){ .size = 128, READS(a, c) });                      /* 3: a, c, d */
    add(g, (struct ga_node){ .size = 32, READS(d) });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    struct ga_live live[4];
    uint64_t step;
    cr_assert_eq(ga_plan_live_at_peak(plan, 0, live, 4, &step), 3);
    cr_assert_eq(step, 3);
    cr_assert(live[0].id == c && live[1].id == d && live[2].id == a, "largest first");
    cr_assert(live[0].size == 256 && live[0].birth == 2 && live[0].death == 4);
    cr_assert_eq(ga_plan_live_at_peak(plan, 0, live, 1, NULL), 3, "counts all, writes what there is room for");
    cr_assert_eq(live[0].id, c);
    cr_assert_eq(ga_plan_live_at_peak(plan, 1, live, 4, NULL), 0);
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

/* Many of few sizes: whatever the room, the first of them are those of the whole list, ids deciding between equal ones. */
Test(plan, lists_what_is_live_by_size_in_any_room)
{
    enum { N = 300 };
    static struct ga_live all[N], some[N];
    ga_graph *g = ga_graph_new(NULL);
    for (uint32_t i = 0; i < N; i++)
        add(g, (struct ga_node){ .size = 1 + i * 37 % 50, .flags = GA_INPUT | GA_OUTPUT });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    cr_assert_eq(ga_plan_live_at_peak(plan, 0, all, N, NULL), N);
    for (uint32_t i = 1; i < N; i++)
        cr_assert(all[i - 1].size > all[i].size || (all[i - 1].size == all[i].size && all[i - 1].id < all[i].id));
    for (uint32_t cap = 0; cap < N; cap += cap < 9 ? 1 : 40) {
        cr_assert_eq(ga_plan_live_at_peak(plan, 0, some, cap, NULL), N);
        for (uint32_t i = 0; i < cap; i++)
            cr_assert_eq(some[i].id, all[i].id);
    }
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, counts_shared_bytes_once_when_it_explains)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = 64 });
    ga_id y = add(g, (struct ga_node){ .size = 64, READS(x), .reuse = 1 });
    ga_plan *plan = plan_at(g, GA_EFFORT_QUICK);
    struct ga_live live[2];
    cr_assert_eq(ga_plan_live_at_peak(plan, 0, live, 2, NULL), 1);
    cr_assert(live[0].id == x || live[0].id == y);
    ga_plan_delete(plan);
    ga_graph_delete(g);
}

Test(plan, counts_its_owners)
{
    ga_graph *g = chain(1, 1);
    ga_plan *plan = plan_at(g, GA_EFFORT_ONLINE);
    cr_assert_eq(ga_plan_retain(plan), plan);
    ga_plan_delete(plan);
    cr_assert_eq(ga_plan_peak(plan, 0), 128, "one owner is left");
    ga_plan_delete(plan);
    ga_plan_delete(NULL);
    ga_graph_delete(g);
}

static enum ga_status plan_everything(const struct ga_env *env)
{
    ga_graph *g = ga_graph_new(env);
    if (!g)
        return GA_NO_MEMORY;
    for (ga_id i = 0; i < 20; i++) {
        ga_id src[] = { i, i / 2 };
        struct ga_node node = { .size = 64 + i, .src = src, .n_src = 2, .reuse = 3, .eager = i % 2, .pool = i % 3 == 0 };
        ga_graph_add(g, &node);
    }
    ga_graph_extend(g, 2, 9);
    ga_id list[21] = { 0 };
    for (ga_id i = 0; i < 20; i++)
        list[i] = i == 10 ? GA_NONE : i < 10 ? i + 1 : i;
    enum ga_status status = ga_graph_sequence(g, list, 20);
    ga_plan *plan = NULL;
    if (status == GA_OK)
        status = ga_plan_graph(g, NULL, &plan);
    if (status == GA_OK) {
        status = ga_plan_check(plan, g, NULL, 0);
        cr_assert(status == GA_OK || status == GA_NO_MEMORY);
    } else {
        cr_assert_null(plan);
    }
    ga_plan_delete(plan);
    ga_graph_delete(g);
    static const struct ga_interval intervals[] = { { .size = 1, .birth = 0, .death = 2 }, { .size = 2, .birth = 1, .death = 3 } };
    if (status == GA_OK) {
        status = ga_plan_intervals(env, intervals, 2, NULL, &plan);
        if (status == GA_OK)
            ga_plan_delete(plan);
    }
    return status;
}

Test(plan, is_unharmed_when_memory_runs_out)
{
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status != GA_OK; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        status = plan_everything(&env);
        cr_assert(status == GA_OK || status == GA_NO_MEMORY, "%s", ga_status_str(status));
        cr_assert_eq(mem.live, 0, "request %d leaks", (int)nth);
        cr_assert_not(mem.lied);
        cr_assert_lt(nth, 1000);
    }
}
