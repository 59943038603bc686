/*
 * Orders of small graphs, compared with all legal ones, and what their turns need with all sets that may have run before: what lives
 * is added up anew for each set of nodes that have run, which is all that an order's future depends on.
 */
#include "ggml_alloc/order.h"

#include "base/rng.h"
#include "order/needs.h"

#include <criterion/criterion.h>
#include <string.h>

#define GRAPHS 2400
#define CUT_GRAPHS 400
#define NODES 14 /* inputs among them */
#define MOST_RUN 10

struct small_node {
    uint64_t size, reuse;
    ga_id src[3], view_of;
    uint32_t n_src;
    unsigned flags;
};

struct small {
    struct small_node nodes[NODES + 1]; /* by id */
    uint32_t n;
    uint32_t before[NODES + 1]; /* by id: a mask of nodes that must have run */
    uint32_t users[NODES + 1];  /* by root: a mask of nodes that touch it */
    bool stays[NODES + 1];      /* by root */
    uint64_t best[1 << (NODES + 1)];
};

static ga_id root_of(const struct small *s, ga_id id)
{
    return s->nodes[id].view_of ? s->nodes[id].view_of : id;
}

static bool runs(const struct small *s, ga_id id)
{
    return !(s->nodes[id].flags & (GA_INPUT | GA_EXTERNAL));
}

static ga_id any_root(const struct small *s, struct rng *rng, ga_id below)
{
    ga_id id = 1 + (ga_id)rng_below(rng, below - 1);
    return root_of(s, id);
}

static void make_node(struct small *s, struct rng *rng, ga_id id)
{
    struct small_node *node = &s->nodes[id];
    *node = (struct small_node){ .size = 16 * (1 + rng_below(rng, 12)), .n_src = (uint32_t)rng_below(rng, 4) };
    for (uint32_t i = 0; i < node->n_src; i++)
        node->src[i] = 1 + (ga_id)rng_below(rng, id - 1);
    node->reuse = rng_below(rng, 8);
    node->flags = rng_below(rng, 10) == 0 ? GA_OUTPUT : 0;
    if (rng_below(rng, 5) == 0) {
        node->view_of = any_root(s, rng, id);
        node->size = s->nodes[node->view_of].size;
        node->reuse = 0;
        node->flags = rng_below(rng, 2) ? GA_WRITES : 0;
    }
}

static uint32_t touched_by(const struct small *s, ga_id id)
{
    uint32_t mask = (uint32_t)1 << root_of(s, id);
    for (uint32_t i = 0; i < s->nodes[id].n_src; i++)
        mask |= (uint32_t)1 << root_of(s, s->nodes[id].src[i]);
    return mask;
}

/* What must run before what, and who touches what. */
static void relate(struct small *s)
{
    uint32_t read = 0;
    for (ga_id id = 1; id <= s->n; id++) {
        for (uint32_t i = 0; i < s->nodes[id].n_src; i++) {
            s->before[id] |= (uint32_t)1 << s->nodes[id].src[i];
            read |= (uint32_t)1 << s->nodes[id].src[i];
        }
        s->before[id] |= s->nodes[id].view_of ? (uint32_t)1 << s->nodes[id].view_of : 0;
        for (ga_id root = 1; root <= s->n && runs(s, id); root++)
            s->users[root] |= (touched_by(s, id) >> root & 1) << id;
        for (ga_id other = 1; other < id; other++) {
            bool writes = s->nodes[id].flags & GA_WRITES && touched_by(s, other) >> root_of(s, id) & 1;
            bool written = s->nodes[other].flags & GA_WRITES && touched_by(s, id) >> root_of(s, other) & 1;
            s->before[id] |= runs(s, other) && (writes || written) ? (uint32_t)1 << other : 0;
        }
    }
    for (ga_id id = 1; id <= s->n; id++)
        if (!(read >> id & 1) || s->nodes[id].flags & GA_OUTPUT)
            s->stays[root_of(s, id)] = true;
}

static void make(struct small *s, uint64_t seed)
{
    struct rng rng = { seed };
    memset(s, 0, sizeof *s);
    uint32_t n_run = 2 + (uint32_t)rng_below(&rng, MOST_RUN - 1), n_leafs = 1 + (uint32_t)rng_below(&rng, 3);
    s->n = n_run + n_leafs;
    for (ga_id id = 1; id <= n_leafs; id++)
        s->nodes[id] = (struct small_node){ .size = 16 * (1 + rng_below(&rng, 12)), .flags = id % 3 ? GA_INPUT : GA_EXTERNAL };
    for (ga_id id = n_leafs + 1; id <= s->n; id++)
        make_node(s, &rng, id);
    relate(s);
}

static bool owns(const struct small *s, ga_id id)
{
    return root_of(s, id) == id && !(s->nodes[id].flags & GA_EXTERNAL);
}

static bool is_over(const struct small *s, ga_id root, uint32_t done)
{
    return !s->stays[root] && (s->users[root] & ~done) == 0;
}

/* Whether `id`, running behind `done`, takes over a source that dies with it. */
static bool takes_over(const struct small *s, ga_id id, uint32_t done)
{
    for (uint32_t i = 0; i < s->nodes[id].n_src; i++) {
        ga_id src = s->nodes[id].src[i], root = root_of(s, src);
        bool is_output = (s->nodes[src].flags | s->nodes[root].flags) & GA_OUTPUT;
        if (s->nodes[id].reuse >> i & 1 && owns(s, root) && !is_output && is_over(s, root, done | (uint32_t)1 << id) &&
            s->nodes[root].size >= s->nodes[id].size)
            return true;
    }
    return false;
}

/* Bytes while `id` runs behind `done`. */
static uint64_t height(const struct small *s, ga_id id, uint32_t done)
{
    uint64_t sum = 0;
    for (ga_id root = 1; root <= s->n; root++) {
        bool is_born = !runs(s, root) || done >> root & 1 || root == id;
        bool is_saved = root == id && takes_over(s, id, done);
        if (owns(s, root) && is_born && !is_over(s, root, done) && !is_saved)
            sum += s->nodes[root].size;
    }
    return sum;
}

/* The lowest peak of any order of what is left, behind `done`; 0: not known yet (in `best`: + 1). */
static uint64_t lowest(struct small *s, uint32_t done)
{
    uint64_t *best = &s->best[done >> 1];
    if (*best)
        return *best - 1;
    uint64_t least = UINT64_MAX;
    for (ga_id id = 1; id <= s->n; id++) {
        bool may_run = runs(s, id) && !(done >> id & 1) && (s->before[id] & ~done) == 0;
        if (!may_run)
            continue;
        uint64_t now = height(s, id, done), then = lowest(s, done | (uint32_t)1 << id);
        uint64_t peak = now > then ? now : then;
        least = peak < least ? peak : least;
    }
    if (least == UINT64_MAX)
        least = 0; /* all have run */
    *best = least + 1;
    return least;
}

static void feed(const struct small *s, ga_graph *graph)
{
    ga_graph_clear(graph);
    for (ga_id id = 1; id <= s->n; id++) {
        const struct small_node *node = &s->nodes[id];
        struct ga_node spec = { .size = node->size, .src = node->src, .n_src = node->n_src, .reuse = node->reuse };
        spec.view_of = node->view_of;
        spec.flags = (uint16_t)node->flags;
        cr_assert_eq(ga_graph_add(graph, &spec), id, "%s", ga_graph_error(graph));
    }
}

static uint32_t all_leafs(const struct small *s)
{
    uint32_t leafs = 0;
    for (ga_id id = 1; id <= s->n; id++)
        leafs |= runs(s, id) ? 0 : (uint32_t)1 << id;
    return leafs;
}

static uint64_t leafs_of(const struct small *s)
{
    uint64_t sum = 0;
    for (ga_id id = 1; id <= s->n; id++)
        sum += s->nodes[id].flags & GA_INPUT ? s->nodes[id].size : 0;
    return sum;
}

Test(order, equals_the_best_of_all_legal_ones, .timeout = 600)
{
    static struct small s;
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t better = 0;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        make(&s, seed);
        feed(&s, graph);
        ga_id list[2 * NODES];
        size_t n;
        struct ga_order_info info;
        cr_assert_eq(ga_order(graph, NULL, list, &n, &info), GA_OK, "graph %u: %s", (unsigned)seed, ga_graph_error(graph));
        cr_assert_eq(ga_order_check(graph, list, n, NULL, 0), GA_OK, "graph %u", (unsigned)seed);
        uint64_t want = lowest(&s, all_leafs(&s)), before = leafs_of(&s);
        want = before > want ? before : want;
        cr_assert_eq(info.bound_after, want, "graph %u: %u of %u, best %u", (unsigned)seed, (unsigned)info.bound_after,
                     (unsigned)info.bound_before, (unsigned)want);
        cr_assert(info.optimal, "graph %u: does not say so", (unsigned)seed);
        better += info.bound_after < info.bound_before;
    }
    cr_assert_gt(better, GRAPHS / 5, "only %u graphs need less", (unsigned)better);
    ga_graph_delete(graph);
}

static bool is_legal_set(const struct small *s, uint32_t done)
{
    for (ga_id id = 1; id <= s->n; id++)
        if (done >> id & 1 && s->before[id] & ~done)
            return false;
    return true;
}

/* The least that lives while `id` runs, of all sets that may have run before it. */
static uint64_t least_behind_any(const struct small *s, ga_id id)
{
    uint32_t leafs = all_leafs(s);
    uint64_t least = UINT64_MAX;
    for (uint32_t done = 0; done < (uint32_t)2 << s->n; done += 2) {
        bool may_run = (done & leafs) == leafs && !(done >> id & 1) && (s->before[id] & ~done) == 0;
        if (!may_run || !is_legal_set(s, done))
            continue;
        uint64_t now = height(s, id, done);
        least = now < least ? now : least;
    }
    return least;
}

/* Several sources of which any may be taken over are one case that the cut only comes near to, from below. */
static bool is_exact(const struct small_node *node)
{
    uint64_t asked = node->reuse & (((uint64_t)1 << node->n_src) - 1);
    return (asked & (asked - 1)) == 0;
}

static void expect_needs(struct needs *needs, const struct small *s, uint32_t turn, uint32_t *n_cut)
{
    const struct turns *turns = needs->turns;
    ga_id id = turns->nodes[turns->steps[turns->of[turn].step].node];
    uint64_t linear, least, steps = 0, want = least_behind_any(s, id);
    cr_assert(gai_needs(needs, turn, 0, 0, &steps, &linear));
    cr_assert(gai_needs(needs, turn, 0, UINT32_MAX, &steps, &least));
    cr_assert_leq(linear, least);
    cr_assert_leq(least, want, "node %u: says %u, needs %u", (unsigned)id, (unsigned)least, (unsigned)want);
    if (is_exact(&s->nodes[id]))
        cr_assert_eq(least, want, "node %u: says %u, needs %u", (unsigned)id, (unsigned)least, (unsigned)want);
    *n_cut += least > linear;
}

Test(order, knows_what_a_turn_needs_in_any_order, .timeout = 600)
{
    static struct small s;
    ga_graph *graph = ga_graph_new(NULL);
    uint32_t n_cut = 0;
    for (uint64_t seed = 0; seed < CUT_GRAPHS; seed++) {
        make(&s, seed);
        feed(&s, graph);
        struct turns turns;
        struct needs needs;
        char why[100];
        uint64_t align = 1;
        cr_assert_eq(gai_turns(graph, &align, &turns, why, sizeof why), GA_OK, "%s", why);
        cr_assert(gai_needs_init(&needs, &turns));
        for (uint32_t turn = 0; turn < turns.n_turns; turn++)
            expect_needs(&needs, &s, turn, &n_cut);
        gai_needs_fini(&needs);
        gai_turns_fini(&turns);
    }
    cr_assert_gt(n_cut, CUT_GRAPHS / 4, "a cut told more of only %u turns", (unsigned)n_cut);
    ga_graph_delete(graph);
}
