/*
 * made.h - small placement problems, written down item by item, for the tests of place/
 */
#ifndef TESTS_UNIT_MADE_H
#define TESTS_UNIT_MADE_H

#include "place/place.h"
#include "place/quick.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#ifndef MAX_ITEMS
#define MAX_ITEMS 40
#endif

/* A problem of one pool with alignment 1, written down item by item. */
struct made {
    struct item items[MAX_ITEMS + 1];
    struct edge edges[MAX_ITEMS];
    struct pool_limits pools[2];
    struct problem problem;
};

static inline void begin(struct made *made)
{
    *made = (struct made){ .pools = { { .chunk_max = UINT64_MAX }, { .chunk_max = UINT64_MAX } } };
    made->problem = (struct problem){ .items = made->items, .edges = made->edges, .pools = made->pools, .n_pools = 1 };
}

static inline struct item *add(struct made *made, uint64_t size, uint32_t birth, uint32_t death)
{
    struct problem *problem = &made->problem;
    struct item *item = &made->items[problem->n_items++];
    *item = (struct item){ .size = size, .birth = birth, .death = death, .edge = problem->n_edges };
    item[1].edge = problem->n_edges;
    problem->n_steps = problem->n_steps < death ? death : problem->n_steps;
    return item;
}

/* Of the item added last. */
static inline void add_edge(struct made *made, uint32_t from, uint64_t delta, bool eager)
{
    made->edges[made->problem.n_edges++] = (struct edge){ .delta = delta, .from = from, .eager = eager };
    made->items[made->problem.n_items].edge = made->problem.n_edges;
}

static inline struct answer solve(const struct made *made, enum ga_effort effort)
{
    struct ga_env env = gai_env(NULL);
    struct answer answer = { 0 };
    struct place_opts opts = { .effort = effort };
    uint32_t a, b;
    cr_assert_eq(gai_place_solve(&env.mem, &made->problem, &opts, &answer), GA_OK);
    const char *fault = gai_place_check(&env.mem, &made->problem, &answer, &a, &b);
    cr_assert_null(fault, "%s: %u and %u", fault, a, b);
    return answer;
}

static inline void drop(struct answer *answer)
{
    struct ga_env env = gai_env(NULL);
    gai_answer_fini(&env.mem, answer);
}

static inline uint64_t peak_of(const struct made *made, enum ga_effort effort)
{
    struct answer answer = solve(made, effort);
    uint64_t peak = answer.pools[0].peak;
    drop(&answer);
    return peak;
}

static inline uint64_t bound_of(const struct made *made)
{
    struct answer answer = solve(made, GA_EFFORT_NONE);
    uint64_t bound = answer.pools[0].bound;
    drop(&answer);
    return bound;
}

static inline enum ga_status status_of(const struct made *made, enum ga_effort effort)
{
    struct ga_env env = gai_env(NULL);
    struct answer answer = { .n_spots = 77 };
    struct place_opts opts = { .effort = effort };
    enum ga_status status = gai_place_solve(&env.mem, &made->problem, &opts, &answer);
    if (status == GA_OK)
        gai_answer_fini(&env.mem, &answer);
    else
        cr_assert_eq(answer.n_spots, 77, "a failure touched the answer");
    return status;
}

/* Each item at the chunk and offset listed. */
static inline void expect_spots(const struct made *made, enum ga_effort effort, const struct spot *spots)
{
    struct answer answer = solve(made, effort);
    for (uint32_t i = 0; i < made->problem.n_items; i++)
        cr_assert(answer.spots[i].chunk == spots[i].chunk && answer.spots[i].offset == spots[i].offset,
                  "item %u is at %u:%u, not at %u:%u", i, answer.spots[i].chunk, (unsigned)answer.spots[i].offset, spots[i].chunk,
                  (unsigned)spots[i].offset);
    drop(&answer);
}

/* Online meets the sizes in the worst order: each new one is longer than every hole. */
static inline void make_growing(struct made *made)
{
    begin(made);
    for (uint32_t k = 0; k < 12; k++)
        add(made, 10 + k, k, k + 2);
}

#endif
