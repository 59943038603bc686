/*
 * test_live.c - lifetimes and what may take over what, rule by rule
 */
#include "graph/alias.h"
#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static ga_id add(ga_graph *graph, struct ga_node node)
{
    if (!(node.flags & GA_DEPEND) && node.size == 0)
        node.size = 64;
    ga_id id = ga_graph_add(graph, &node);
    cr_assert_neq(id, GA_NONE, "%s", ga_graph_error(graph));
    return id;
}

#define READS(...) .src = (ga_id[]){ __VA_ARGS__ }, .n_src = sizeof((ga_id[]){ __VA_ARGS__ }) / sizeof(ga_id)

static void expect_life(const ga_graph *graph, ga_id id, uint32_t birth, uint32_t death)
{
    struct lives lives;
    char why[200] = "";
    cr_assert_eq(gai_live(graph, &graph->env.mem, &lives, why, sizeof why), GA_OK, "%s", why);
    cr_assert_eq(lives.of[id].birth, birth, "node %u is born at %u, not %u", id, lives.of[id].birth, birth);
    cr_assert_eq(life_death(&lives, id), death, "node %u dies at %u, not %u", id, life_death(&lives, id), death);
    gai_lives_fini(&lives, &graph->env.mem, graph);
}

static void expect_refusal(const ga_graph *graph, const char *word)
{
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    struct lives lives;
    char why[200];
    cr_assert_eq(gai_live(graph, &env.mem, &lives, why, sizeof why), GA_INVALID);
    cr_assert_not_null(strstr(why, word), "%s", why);
    cr_assert(!hook.lied && hook.blocks == 0);
}

static bool alias(const ga_graph *graph, ga_id heir, uint32_t slot, struct takeover *out)
{
    struct lives lives;
    cr_assert_eq(gai_live(graph, &graph->env.mem, &lives, NULL, 0), GA_OK);
    bool may = gai_alias(graph, &lives, NULL, heir, slot, out);
    gai_lives_fini(&lives, &graph->env.mem, graph);
    return may;
}

Test(live, ends_with_the_last_reader)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .flags = GA_INPUT });
    ga_id y = add(g, (struct ga_node){ READS(x) });      /* step 1 */
    ga_id z = add(g, (struct ga_node){ READS(x, y) });   /* step 2 */
    ga_id result = add(g, (struct ga_node){ READS(z) }); /* step 3, the end is 5 */
    expect_life(g, x, 0, 3);
    expect_life(g, y, 1, 3);
    expect_life(g, z, 2, 4);
    expect_life(g, result, 3, 5);
    ga_graph_delete(g);
}

Test(live, holds_an_input_that_nobody_reads_before_the_first_step)
{
    for (int together = 0; together < 2; together++) { /* the quick way, and the other */
        ga_graph *g = ga_graph_new(NULL);
        ga_id unread = add(g, (struct ga_node){ .flags = GA_INPUT | GA_DISCARD }),
              kept = add(g, (struct ga_node){ .flags = GA_INPUT });
        ga_id first = add(g, (struct ga_node){ .flags = GA_DISCARD });
        add(g, (struct ga_node){ .flags = together ? GA_TOGETHER : 0 });
        expect_life(g, unread, 0, 1);
        expect_life(g, kept, 0, together ? 3 : 4);
        expect_life(g, first, 1, 2);
        ga_graph_delete(g);
    }
}

Test(live, follows_views_to_their_root)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });                                 /* 1 */
    ga_id v = add(g, (struct ga_node){ READS(x), .view_of = x, .size = 8 }); /* 2 */
    ga_id w = add(g, (struct ga_node){ READS(v), .view_of = v, .size = 4 }); /* 3 */
    add(g, (struct ga_node){ 0 });                                           /* 4 */
    add(g, (struct ga_node){ READS(w) });                                    /* 5 */
    expect_life(g, x, 1, 6);
    ga_graph_delete(g);
}

Test(live, keeps_results_outputs_and_unread_views_to_the_end)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id out = add(g, (struct ga_node){ .flags = GA_OUTPUT });                        /* 1 */
    ga_id x = add(g, (struct ga_node){ READS(out) });                                  /* 2 */
    add(g, (struct ga_node){ READS(x), .view_of = x });                                /* 3: unread */
    ga_id gone = add(g, (struct ga_node){ .flags = GA_DISCARD });                      /* 4 */
    ga_id y = add(g, (struct ga_node){ 0 });                                           /* 5 */
    ga_id vo = add(g, (struct ga_node){ READS(y), .view_of = y, .flags = GA_OUTPUT }); /* 6 */
    add(g, (struct ga_node){ READS(vo) });                                             /* 7, the end is 9 */
    expect_life(g, out, 1, 9);
    expect_life(g, x, 2, 9);
    expect_life(g, gone, 4, 5);
    expect_life(g, y, 5, 9);
    ga_graph_delete(g);
}

Test(live, shares_steps_of_nodes_that_run_together)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .flags = GA_INPUT });
    ga_id a = add(g, (struct ga_node){ READS(x) });                       /* 1 */
    ga_id b = add(g, (struct ga_node){ READS(x), .flags = GA_TOGETHER }); /* 1 */
    ga_id c = add(g, (struct ga_node){ READS(a, b) });                    /* 2 */
    expect_life(g, x, 0, 2);
    expect_life(g, a, 1, 3);
    expect_life(g, b, 1, 3);
    expect_life(g, c, 2, 4);
    struct takeover over;
    cr_assert_not(alias(g, a, 0, &over), "b may run at the same time and reads x, too");
    cr_assert_not(alias(g, b, 0, &over));
    cr_assert(alias(g, c, 1, &over));
    ga_graph_delete(g);
}

Test(live, frees_at_the_barriers_of_a_sequence)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });
    ga_id y = add(g, (struct ga_node){ READS(x) });
    ga_id z = add(g, (struct ga_node){ READS(y) });
    ga_id lazy = add(g, (struct ga_node){ 0 });
    ga_id last = add(g, (struct ga_node){ READS(z, lazy) });
    ga_id never = add(g, (struct ga_node){ READS(x) });
    cr_assert_eq(ga_graph_sequence(g, (ga_id[]){ GA_NONE, x, y, GA_NONE, GA_NONE, z, GA_NONE, last }, 8), GA_OK);
    expect_life(g, x, 1, 5); /* somebody outside the sequence reads it: kept to the end, 3 + 2 */
    expect_life(g, y, 1, 3);
    expect_life(g, z, 2, 4);
    expect_life(g, lazy, 3, 5); /* never listed: never done */
    expect_life(g, last, 3, 5);
    expect_life(g, never, LIVE_UNBORN, 5);
    ga_graph_delete(g);
}

Test(live, keeps_what_a_sequence_leaves_out)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });
    ga_id y = add(g, (struct ga_node){ READS(x) });
    ga_id z = add(g, (struct ga_node){ READS(y) });
    ga_graph_sequence(g, (ga_id[]){ y, GA_NONE, z }, 3);
    expect_life(g, x, 1, 4);
    expect_life(g, y, 1, 3);
    ga_graph_delete(g);
}

Test(live, extends_lifetimes)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });                      /* 1 */
    ga_id v = add(g, (struct ga_node){ READS(x), .view_of = x }); /* 2 */
    ga_id y = add(g, (struct ga_node){ READS(v) });               /* 3 */
    ga_id z = add(g, (struct ga_node){ READS(y) });               /* 4 */
    ga_id end = add(g, (struct ga_node){ READS(z) });             /* 5 */
    expect_life(g, x, 1, 4);
    ga_graph_extend(g, v, z);
    ga_graph_extend(g, y, y);
    ga_graph_extend(g, z, end);
    expect_life(g, x, 1, 5);
    expect_life(g, y, 3, 5);
    struct takeover over;
    cr_assert_not(alias(g, end, 0, &over), "z must be readable until the step of `end` is over");
    ga_graph_extend(g, 99, end);
    expect_refusal(g, "99");
    ga_graph_delete(g);
    g = ga_graph_new(NULL);
    x = add(g, (struct ga_node){ 0 });
    ga_graph_extend(g, x, 98);
    expect_refusal(g, "98");
    ga_graph_delete(g);
}

Test(live, births_what_a_dependency_names_ahead)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });                        /* 1 */
    add(g, (struct ga_node){ READS(x, 4, 3), .flags = GA_DEPEND }); /* 2 */
    ga_id y = add(g, (struct ga_node){ 0 });                        /* 3 */
    ga_id z = add(g, (struct ga_node){ READS(y) });                 /* 4 */
    expect_life(g, x, 1, 3);
    expect_life(g, y, 2, 5);
    expect_life(g, z, 2, 5);
    ga_graph_delete(g);

    g = ga_graph_new(NULL);
    add(g, (struct ga_node){ READS(7), .flags = GA_DEPEND });
    expect_refusal(g, "node 7");
    ga_graph_delete(g);
}

Test(live, refuses_elided_nodes_read_in_another_step)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id e = add(g, (struct ga_node){ .flags = GA_ELIDED });
    add(g, (struct ga_node){ READS(e), .flags = GA_TOGETHER });
    expect_life(g, e, 1, 2);
    add(g, (struct ga_node){ READS(e), .name = "late" });
    expect_refusal(g, "late");
    ga_graph_delete(g);
}

Test(alias, takes_only_from_whom_it_reads_last)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });
    ga_id y = add(g, (struct ga_node){ READS(x) });
    ga_id z = add(g, (struct ga_node){ READS(x, y) });
    struct takeover over;
    cr_assert_not(alias(g, y, 0, &over), "z reads x later");
    cr_assert(alias(g, z, 0, &over));
    cr_assert(over.from == x && over.delta == 0 && over.eager);
    cr_assert(alias(g, z, 1, &over));
    ga_graph_delete(g);
}

/* A root of 96 bytes, two windows of 32 into it, the second at `offset`, and an heir of `size` bytes that reads both. */
static bool alias_of_windows(uint64_t offset, uint32_t slot, uint64_t size, struct takeover *over)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .size = 96 });
    ga_id low = add(g, (struct ga_node){ READS(x), .view_of = x, .size = 32 });
    ga_id high = add(g, (struct ga_node){ READS(x), .view_of = x, .view_offset = offset, .size = 32 });
    ga_id heir = add(g, (struct ga_node){ READS(low, high), .size = size });
    bool may = alias(g, heir, slot, over);
    ga_graph_delete(g);
    return may;
}

Test(alias, knows_windows)
{
    struct takeover over;
    cr_assert(alias_of_windows(64, 1, 32, &over), "the other window is disjoint");
    cr_assert(over.from == 1 && over.delta == 64 && !over.eager, "a view is never eager");
    cr_assert(alias_of_windows(32, 1, 32, &over), "they touch");
    cr_assert_not(alias_of_windows(31, 1, 32, &over), "they overlap partly");
    cr_assert(alias_of_windows(0, 1, 32, &over), "they are the same");
    cr_assert(alias_of_windows(48, 0, 48, &over), "the heir is longer than its window, and ends where the other begins");
    cr_assert_not(alias_of_windows(48, 0, 49, &over), "it would write into the other");

    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });
    ga_id heir = add(g, (struct ga_node){ READS(x, x) });
    cr_assert(alias(g, heir, 0, &over), "listed twice, but the identical window");
    cr_assert_not(over.eager, "ggml would not");
    ga_graph_delete(g);
}

Test(alias, respects_owners_and_pools)
{
    struct takeover over;
    static const uint16_t flags[] = { GA_EXTERNAL, GA_OUTPUT };
    for (int i = 0; i < 2; i++) {
        ga_graph *g = ga_graph_new(NULL);
        ga_id x = add(g, (struct ga_node){ .flags = flags[i] });
        ga_id heir = add(g, (struct ga_node){ READS(x) });
        cr_assert_not(alias(g, heir, 0, &over));
        ga_graph_delete(g);
    }
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ .pool = 1 });
    ga_id heir = add(g, (struct ga_node){ READS(x) });
    ga_id none = add(g, (struct ga_node){ READS(GA_NONE, heir) });
    cr_assert_not(alias(g, heir, 0, &over), "another pool");
    cr_assert_not(alias(g, none, 0, &over), "an empty slot");
    cr_assert(alias(g, none, 1, &over));
    ga_graph_delete(g);
}

Test(alias, takes_over_within_a_step_when_nobody_else_reads)
{
    ga_graph *g = ga_graph_new(NULL);
    ga_id x = add(g, (struct ga_node){ 0 });
    ga_id heir = add(g, (struct ga_node){ READS(x), .flags = GA_TOGETHER });
    struct takeover over;
    cr_assert(alias(g, heir, 0, &over));
    ga_graph_delete(g);
}

/* ---- the same, found by asking every node about every other ---- */

static uint32_t slow_step(const ga_graph *g, ga_id id)
{
    uint32_t step = 0;
    for (ga_id other = 1; other <= id; other++) {
        bool runs = node_sources(g, other).n || !(g->nodes[other].flags & (GA_INPUT | GA_EXTERNAL));
        bool joins = step > 0 && (g->nodes[other].flags & GA_TOGETHER);
        if (runs && !joins)
            step++;
        if (other == id)
            return runs ? step : 0;
    }
    return 0;
}

/* Whether the bytes of `root` are used when `id` runs. */
static bool slow_touches(const ga_graph *g, ga_id id, ga_id root)
{
    if (slow_step(g, id) == 0)
        return false;
    bool touches = g->nodes[id].root == root;
    struct sources sources = node_sources(g, id);
    for (uint32_t i = 0; i < sources.n; i++)
        touches |= sources.at[i] != GA_NONE && g->nodes[sources.at[i]].root == root;
    return touches;
}

static bool slow_is_read(const ga_graph *g, ga_id id)
{
    for (ga_id other = 1; other <= g->n_nodes; other++) {
        struct sources sources = node_sources(g, other);
        for (uint32_t i = 0; i < sources.n && other != id; i++)
            if (sources.at[i] == id)
                return true;
    }
    return false;
}

static void compare_with_slow(const ga_graph *g, ga_id root, const struct lives *lives)
{
    uint32_t end = 0, birth = LIVE_UNBORN, last = 0;
    ga_id reader = GA_NONE;
    unsigned n_readers = 0;
    bool kept = false;
    for (ga_id id = 1; id <= g->n_nodes; id++) {
        const struct node *node = &g->nodes[id];
        uint32_t step = slow_step(g, id);
        end = step + 2 > end ? step + 2 : end;
        if (node->root == root) {
            kept |= (node->flags & GA_OUTPUT) || (!slow_is_read(g, id) && !(node->flags & (GA_DISCARD | GA_DEPEND)));
            birth = node->flags & GA_INPUT ? 0 : birth;
        }
        if (!slow_touches(g, id, root))
            continue;
        birth = step < birth ? step : birth;
        n_readers = step > last ? 0 : n_readers;
        last = step > last ? step : last;
        n_readers += id != root;
        reader = id != root ? id : reader;
    }
    for (uint32_t i = 0; i < g->n_extends; i++)
        if (g->nodes[g->extends[i].id].root == root && slow_step(g, g->extends[i].until) >= last && birth != LIVE_UNBORN) {
            last = slow_step(g, g->extends[i].until);
            n_readers = 2;
        }
    cr_assert_eq(lives->n_steps, end);
    cr_assert_eq(lives->of[root].birth, birth, "birth of %u: %u, not %u", root, lives->of[root].birth, birth);
    if (birth == LIVE_UNBORN)
        return;
    uint32_t death = kept ? end : last + 1;
    cr_assert_eq(life_death(lives, root), death, "death of %u: %u, not %u", root, life_death(lives, root), death);
    for (ga_id id = 1; id <= g->n_nodes && !kept; id++)
        if (id != root && slow_step(g, id) != 0) {
            bool alone = n_readers == 1 && reader == id;
            cr_assert_eq(life_ends_with(lives, root, id, slow_step(g, id)), alone, "is %u the last of %u?", id, root);
        }
}

static ga_graph *random_graph(struct rng *rng, bool one_by_one)
{
    static const uint16_t flags[] = { GA_INPUT, GA_OUTPUT, GA_EXTERNAL, GA_DISCARD, GA_DEPEND, GA_TOGETHER };
    ga_graph *g = ga_graph_new(NULL);
    uint32_t n = 2 + (uint32_t)rng_below(rng, 14);
    for (uint32_t i = 0; i < n; i++) {
        ga_id src[3];
        struct ga_node node = { .size = 64, .src = src, .n_src = (uint32_t)rng_below(rng, 4) };
        if (rng_below(rng, 3) == 0)
            node.flags = flags[rng_below(rng, one_by_one ? 5 : 6)];
        bool ahead = (node.flags & GA_DEPEND) && !one_by_one;
        for (uint32_t k = 0; k < node.n_src; k++)
            src[k] = (ga_id)rng_below(rng, ahead ? n + 1 : i + 2);
        if (i && !node.flags && rng_below(rng, 3) == 0)
            node.view_of = 1 + (ga_id)rng_below(rng, i);
        if (node.view_of && (g->nodes[node.view_of].flags & GA_DEPEND))
            node.view_of = GA_NONE;
        add(g, node);
    }
    for (uint32_t i = 0; !one_by_one && i < rng_below(rng, 3); i++)
        ga_graph_extend(g, 1 + (ga_id)rng_below(rng, n), 1 + (ga_id)rng_below(rng, n));
    return g;
}

/* 6,000 small graphs, half of them with steps of one node each: the fast way and the general one. */
Test(live, agrees_with_a_slow_count)
{
    unsigned n_fast = 0;
    for (uint64_t seed = 0; seed < 6000; seed++) {
        struct rng rng = { seed };
        ga_graph *g = random_graph(&rng, seed % 2);
        struct lives lives;
        char why[200] = "";
        cr_assert_eq(gai_live(g, &g->env.mem, &lives, why, sizeof why), GA_OK, "seed %d: %s", (int)seed, why);
        n_fast += lives.readers == NULL;
        for (ga_id id = 1; id <= g->n_nodes; id++)
            if (g->nodes[id].root == id && !(g->nodes[id].flags & (GA_EXTERNAL | GA_DEPEND)))
                compare_with_slow(g, id, &lives);
        gai_lives_fini(&lives, &g->env.mem, g);
        ga_graph_delete(g);
    }
    cr_assert_gt(n_fast, 2500);
    cr_assert_lt(n_fast, 5000);
}
