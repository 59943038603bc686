/*
 * The set of ranks beside an array of flags.
 */
#include <criterion/criterion.h>

#include "base/rankset.h"
#include "base/rng.h"
#include "support.h"

static uint32_t slow_below(const bool *has, uint32_t rank)
{
    while (rank-- > 0)
        if (has[rank])
            return rank;
    return RANKSET_NONE;
}

static uint32_t slow_above(const bool *has, uint32_t rank, uint32_t n)
{
    while (++rank < n)
        if (has[rank])
            return rank;
    return RANKSET_NONE;
}

/* Few and many in it, in sets with one level and with three. */
Test(rankset, survives_random_traffic)
{
    static const uint32_t sizes[] = { 1, 2, 63, 64, 65, 200, 4096, 4097, 9000 };
    static bool has[9000];
    struct test_mem mem = { 0 };
    struct ga_env env = test_env(&mem);
    struct rng rng = { 1 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s];
        struct rankset set;
        cr_assert(gai_rankset_init(&set, &env.mem, n));
        for (uint32_t i = 0; i < n; i++)
            has[i] = false;
        for (int op = 0; op < 2000; op++) {
            uint32_t rank = (uint32_t)rng_below(&rng, n), at = (uint32_t)rng_below(&rng, n);
            has[rank] = rng_below(&rng, op < 1000 ? 2 : 20) == 0;
            if (has[rank])
                gai_rankset_add(&set, rank);
            else
                gai_rankset_drop(&set, rank);
            cr_assert_eq(gai_rankset_has(&set, at), has[at]);
            cr_assert_eq(gai_rankset_below(&set, at), slow_below(has, at), "below %u of %u", at, n);
            cr_assert_eq(gai_rankset_above(&set, at), slow_above(has, at, n), "above %u of %u", at, n);
        }
        gai_rankset_fini(&set, &env.mem);
    }
    cr_assert(mem.blocks == 0 && !mem.lied);
}

Test(rankset, is_nothing_without_memory)
{
    struct test_mem mem = { .fail_at = 1 };
    struct ga_env env = test_env(&mem);
    struct rankset set;
    cr_assert(!gai_rankset_init(&set, &env.mem, 70));
    gai_rankset_fini(&set, &env.mem);
    cr_assert_eq(mem.blocks, 0);
}
