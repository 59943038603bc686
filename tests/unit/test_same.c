/*
 * test_same.c - plans stay as they are, to the byte and to the step
 *
 * The judge tells that a plan is right, not that it is as good as it was, nor that it took no longer: what a solver tries first, what
 * it prunes and when it gives up shows here only.  Whoever means to change that replaces the lines that the test prints.
 */
#include "base/rng.h"
#include "place/place.h"
#include "support.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX = 400, POOLS = 2 };

enum kind { PLAIN, HEIRS, CHUNKED, ALIGNED, FIXED, LONG_LIVED, TWO_POOLS, FEW_SIZES, HUGE_SIZES, N_KINDS };

struct made {
    struct item items[MAX + 1];
    struct edge edges[2 * MAX];
    struct pool_limits pools[POOLS];
    struct problem problem;
};

static uint64_t draw_size(enum kind kind, struct rng *rng)
{
    if (kind == FEW_SIZES)
        return 256 * (1 + rng_below(rng, 4));
    uint64_t bits = rng_next(rng);
    return 1 + (bits >> (kind == HUGE_SIZES ? 8 + rng_below(rng, 6) : 44 + rng_below(rng, 16)));
}

/* Sources that die as the item is born and are as long. */
static void add_edges(struct made *made, uint32_t i, struct rng *rng)
{
    struct problem *problem = &made->problem;
    struct item *item = &made->items[i];
    for (uint32_t j = 0; j < i && problem->n_edges < item->edge + 2; j++) {
        const struct item *from = &made->items[j];
        if (from->death != item->birth + 1 || from->birth == item->birth || from->pool != item->pool || from->size < item->size)
            continue;
        bool eager = problem->n_edges == item->edge && rng_below(rng, 2);
        made->edges[problem->n_edges++] = (struct edge){ .from = j, .eager = eager };
    }
}

static void make(struct made *made, enum kind kind, uint32_t n, uint64_t seed)
{
    struct rng rng = { seed };
    struct problem *problem = &made->problem;
    memset(made, 0, sizeof *made);
    *problem = (struct problem){ .items = made->items, .edges = made->edges, .pools = made->pools, .n_pools = 1 };
    problem->n_pools = kind == TWO_POOLS ? 2 : 1;
    problem->n_items = n;
    problem->n_steps = n / 3 + 2;
    for (unsigned p = 0; p < POOLS; p++)
        made->pools[p] = (struct pool_limits){ .chunk_max = kind == CHUNKED ? 1 << 20 : UINT64_MAX };
    uint64_t fixed_end = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct item *item = &made->items[i];
        item->birth = i / 3;
        uint32_t left = problem->n_steps - item->birth;
        uint64_t life = 1 + rng_below(&rng, kind == LONG_LIVED ? left : 1 + rng_below(&rng, 16));
        item->death = item->birth + (uint32_t)(life < left ? life : left);
        item->size = draw_size(kind, &rng);
        item->pool = (uint16_t)(problem->n_pools == 2 ? rng_below(&rng, 2) : 0);
        item->align_log2 = kind == ALIGNED ? (uint8_t)rng_below(&rng, 9) : 0;
        item->edge = problem->n_edges;
        if (kind == HEIRS || kind == CHUNKED)
            add_edges(made, i, &rng);
        if (kind == FIXED && i % 16 == 5) {
            item->fixed = 1 + fixed_end;
            fixed_end += item->size;
        }
    }
    made->items[n].edge = problem->n_edges;
}

static uint64_t mix(uint64_t hash, uint64_t x)
{
    struct rng rng = { hash ^ x };
    return rng_next(&rng);
}

struct line {
    uint64_t spots, steps;
};

static struct line solve(const struct made *made, enum ga_effort effort, uint64_t seed)
{
    struct ga_env env = gai_env(NULL);
    struct answer answer;
    struct place_opts opts = { .effort = effort, .seed = seed, .steps = 150000 };
    cr_assert_eq(gai_place_solve(&env.mem, &made->problem, &opts, &answer), GA_OK);
    cr_assert_null(gai_place_check(&env.mem, &made->problem, &answer, NULL, NULL));
    struct line line = { 0, answer.steps };
    for (uint32_t i = 0; i < made->problem.n_items; i++)
        line.spots = mix(mix(line.spots, answer.spots[i].offset), answer.spots[i].chunk);
    for (unsigned p = 0; p < made->problem.n_pools; p++)
        line.spots = mix(mix(line.spots, answer.pools[p].bound), answer.pools[p].peak);
    gai_answer_fini(&env.mem, &answer);
    return line;
}

/* By kind and effort: 12 problems of 8 to 360 items, their places and bounds hashed, their steps added up. */
static struct line total(enum kind kind, enum ga_effort effort)
{
    static struct made made;
    struct line total = { 0, 0 };
    for (uint32_t k = 0; k < 12; k++) {
        make(&made, kind, 8 + k * (2 + k * 30 / 12), 100 * (uint64_t)kind + k);
        struct line line = solve(&made, effort, k);
        total.spots = mix(total.spots, line.spots);
        total.steps += line.steps;
    }
    return total;
}

/* clang-format off */
static const struct line expected[N_KINDS][3] = {
    [PLAIN] = { { 0xc03fbd985d520eb0, 137954 }, { 0xc03fbd985d520eb0, 137954 }, { 0xc03fbd985d520eb0, 137954 } },
    [HEIRS] = { { 0x524c88a874f379d4, 546934 }, { 0x01d0110d6acd7c0d, 808614 }, { 0x01d0110d6acd7c0d, 842371 } },
    [CHUNKED] = { { 0x6050c9c310857fd5, 1080401 }, { 0x517cd9c63b8a6d03, 1218004 }, { 0x517cd9c63b8a6d03, 1218004 } },
    [ALIGNED] = { { 0x1d2c126837e180c8, 703201 }, { 0xfac491183b4ee1c5, 1667000 }, { 0x3da68e4016a1ec08, 3305247 } },
    [FIXED] = { { 0xa4eead3fc380ed8f, 944491 }, { 0x3665ec2a6a78b769, 1217042 }, { 0x3665ec2a6a78b769, 2212156 } },
    [LONG_LIVED] = { { 0xcfbfd518983a15d4, 349627 }, { 0xcfbfd518983a15d4, 349627 }, { 0x2d0c9495f9d4e133, 546825 } },
    [TWO_POOLS] = { { 0x04fa36be8192626b, 10764 }, { 0x04fa36be8192626b, 10764 }, { 0x04fa36be8192626b, 10764 } },
    [FEW_SIZES] = { { 0x70da3e969a2a543b, 210010 }, { 0x70da3e969a2a543b, 210010 }, { 0x70da3e969a2a543b, 210010 } },
    [HUGE_SIZES] = { { 0xe30cc2dc44c0155e, 103180 }, { 0xe30cc2dc44c0155e, 103180 }, { 0xe30cc2dc44c0155e, 103180 } },
};
/* clang-format on */

Test(place, stays_as_it_is, .timeout = 600)
{
    static const enum ga_effort efforts[] = { GA_EFFORT_QUICK, GA_EFFORT_SEARCH, GA_EFFORT_PROVE };
    unsigned n_changed = 0;
    for (enum kind kind = 0; kind < N_KINDS; kind++)
        for (unsigned e = 0; e < 3; e++) {
            struct line is = total(kind, efforts[e]), was = expected[kind][e];
            if (is.spots == was.spots && is.steps == was.steps)
                continue;
            n_changed++;
            fprintf(stderr, "kind %u, effort %u: { 0x%016" PRIx64 ", %" PRIu64 " } %s\n", (unsigned)kind, (unsigned)efforts[e],
                    is.spots, is.steps, is.spots != was.spots ? "placed otherwise" : "more or less work");
        }
    cr_assert_eq(n_changed, 0, "%u lines changed", n_changed);
}
