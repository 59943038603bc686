#include "order/flow.h"

#include "base/bits.h"
#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

#define MOST_NODES 9
#define MOST_ARCS 24

struct plain_arc {
    uint32_t from, to;
    uint64_t room;
};

struct plain {
    struct plain_arc arcs[MOST_ARCS];
    uint32_t n_nodes, n_arcs;
};

static void make(struct plain *p, uint64_t seed)
{
    struct rng rng = { seed };
    p->n_nodes = 2 + (uint32_t)rng_below(&rng, MOST_NODES - 1);
    p->n_arcs = (uint32_t)rng_below(&rng, MOST_ARCS + 1);
    for (uint32_t i = 0; i < p->n_arcs; i++) {
        uint32_t from = (uint32_t)rng_below(&rng, p->n_nodes), to = (uint32_t)rng_below(&rng, p->n_nodes);
        bool is_inner = from != FLOW_SOURCE && to != FLOW_SINK;
        p->arcs[i] = (struct plain_arc){ from, to, is_inner && rng_below(&rng, 4) == 0 ? FLOW_ANY : rng_below(&rng, 20) };
    }
}

/* What leaves a side: a mask of nodes with the source. */
static uint64_t across(const struct plain *p, uint32_t side)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->n_arcs; i++)
        if (side >> p->arcs[i].from & 1 && !(side >> p->arcs[i].to & 1))
            sum = add_sat(sum, p->arcs[i].room);
    return sum;
}

static uint64_t least_cut(const struct plain *p)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t side = 0; side < (uint32_t)1 << p->n_nodes; side++) {
        bool parts = side >> FLOW_SOURCE & 1 && !(side >> FLOW_SINK & 1);
        uint64_t sum = parts ? across(p, side) : UINT64_MAX;
        least = sum < least ? sum : least;
    }
    return least;
}

static void feed(const struct plain *p, struct flow *flow)
{
    gai_flow_reset(flow, p->n_nodes);
    for (uint32_t i = 0; i < p->n_arcs; i++)
        cr_assert(gai_flow_add(flow, p->arcs[i].from, p->arcs[i].to, p->arcs[i].room));
}

Test(flow, equals_the_least_of_all_cuts)
{
    struct ga_env env = gai_env(NULL);
    struct flow flow;
    uint32_t n_flow = 0;
    cr_assert(gai_flow_init(&flow, &env.mem, MOST_NODES));
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct plain p;
        make(&p, seed);
        feed(&p, &flow);
        uint64_t most = gai_flow_run(&flow, UINT32_MAX), want = least_cut(&p);
        cr_assert_eq(most, want, "network %u: %u flows, %u can", (unsigned)seed, (unsigned)most, (unsigned)want);
        uint32_t side = 0;
        for (uint32_t node = 0; node < p.n_nodes; node++)
            side |= gai_flow_is_beyond(&flow, node) ? 0 : (uint32_t)1 << node;
        cr_assert_eq(across(&p, side), want, "network %u: another cut", (unsigned)seed);
        n_flow += want > 0;
    }
    cr_assert_gt(n_flow, 1000);
    gai_flow_fini(&flow);
}

Test(flow, is_never_too_much_when_cut_short)
{
    struct ga_env env = gai_env(NULL);
    struct flow flow;
    cr_assert(gai_flow_init(&flow, &env.mem, MOST_NODES));
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct plain p;
        make(&p, seed);
        uint64_t want = least_cut(&p), last = 0;
        for (uint64_t budget = 0; budget < 200; budget += 7) {
            feed(&p, &flow);
            uint64_t before = flow.steps, some = gai_flow_run(&flow, budget);
            cr_assert(some <= want && some >= last, "network %u, %u steps: %u of %u", (unsigned)seed, (unsigned)budget,
                      (unsigned)some, (unsigned)want);
            cr_assert_leq(flow.steps - before, budget + 3 * MOST_ARCS);
            last = some;
        }
    }
    gai_flow_fini(&flow);
}

Test(flow, is_unharmed_when_memory_runs_out)
{
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    struct flow flow;
    for (uint64_t nth = 1; nth <= 5; nth++) {
        mem.fail_at = mem.requests + nth;
        bool ok = gai_flow_init(&flow, &env.mem, MOST_NODES);
        cr_assert_eq(ok, nth == 5);
        if (ok) {
            gai_flow_reset(&flow, 3);
            cr_assert_not(gai_flow_add(&flow, FLOW_SOURCE, 2, 1));
            cr_assert_eq(gai_flow_run(&flow, 100), 0);
            cr_assert(gai_flow_add(&flow, FLOW_SOURCE, FLOW_SINK, 7));
            cr_assert_eq(gai_flow_run(&flow, 100), 7);
        }
        gai_flow_fini(&flow);
        cr_assert_eq(mem.blocks, 0);
    }
    cr_assert_not(mem.lied);
}
