#include "order/heights.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#define MOST 40

struct plain {
    uint64_t at[MOST];
    uint32_t n;
};

static void add(struct plain *p, struct rng *rng, struct heights *heights)
{
    uint32_t first = (uint32_t)rng_below(rng, p->n), end = first + (uint32_t)rng_below(rng, p->n - first + 1);
    uint64_t more = rng_below(rng, 5);
    bool falls = rng_below(rng, 2);
    for (uint32_t i = first; i < end && falls; i++)
        falls = p->at[i] >= more;
    more = falls ? 0 - more : more;
    for (uint32_t i = first; i < end; i++)
        p->at[i] += more;
    gai_heights_add(heights, first, end, more);
}

static void move(struct plain *p, struct rng *rng, struct heights *heights)
{
    uint32_t from = (uint32_t)rng_below(rng, p->n), to = (uint32_t)rng_below(rng, p->n);
    uint64_t moved = p->at[from];
    for (uint32_t i = from; i < to; i++)
        p->at[i] = p->at[i + 1];
    for (uint32_t i = from; i > to; i--)
        p->at[i] = p->at[i - 1];
    p->at[to] = moved;
    gai_heights_move(heights, from, to);
}

static void expect_equal(const struct plain *p, const struct heights *heights)
{
    uint64_t most = 0;
    uint32_t n_most = 0, next = UINT32_MAX;
    for (uint32_t i = 0; i < p->n; i++) {
        cr_assert_eq(gai_heights_at(heights, i), p->at[i], "place %u", (unsigned)i);
        n_most = p->at[i] > most ? 0 : n_most;
        most = p->at[i] > most ? p->at[i] : most;
        n_most += p->at[i] == most;
    }
    cr_assert_eq(gai_heights_most(heights), most);
    cr_assert_eq(gai_heights_n_most(heights), n_most);
    for (uint32_t i = p->n; i-- > 0;) {
        next = p->at[i] == most ? i : next;
        cr_assert_eq(gai_heights_find_most(heights, i), next, "from place %u", (unsigned)i);
    }
}

Test(heights, survive_random_traffic)
{
    struct ga_env env = gai_env(NULL);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng = { seed };
        struct plain p = { .n = 1 + (uint32_t)rng_below(&rng, MOST) };
        struct heights heights;
        cr_assert(gai_heights_init(&heights, &env.mem, p.n));
        for (uint32_t i = 0; i < p.n; i++)
            p.at[i] = rng_below(&rng, 10);
        gai_heights_fill(&heights, p.at, p.n);
        expect_equal(&p, &heights);
        for (int i = 0; i < 100; i++) {
            if (rng_below(&rng, 3))
                add(&p, &rng, &heights);
            else
                move(&p, &rng, &heights);
            expect_equal(&p, &heights);
        }
        gai_heights_fini(&heights);
    }
}
