/*
 * Bytes as intervals, a few or many, with alignments and fixed offsets; every rung places them, each no worse than the one before.
 */
#include "fuzz.h"

enum { MANY = 300 };

static struct ga_interval any_interval(struct fuzz_input *in)
{
    uint8_t kind = fuzz_byte(in), born = fuzz_byte(in), life = fuzz_byte(in);
    struct ga_interval at = { .size = (kind & 15) + 1u, .align = 0, .birth = born % 40, .death = born % 40 + 1u + life % 20 };
    if (kind & 0x10)
        at.align = (uint64_t)1 << (fuzz_byte(in) & (kind & 0x20 ? 63 : 7));
    if (kind & 0x40)
        at.size = fuzz_number(in, kind & 0x20 ? 8 : 2);
    if ((kind & 0x87) == 0x87)
        at.fixed = 1 + fuzz_number(in, 1 + (kind >> 5 & 1));
    if (life > 250)
        at.death = fuzz_number(in, 8);
    return at;
}

/* By definition, whatever any planner or judge of ours says. */
static uint64_t judge(const ga_plan *plan, const struct ga_interval *all, uint32_t n)
{
    uint64_t peak = 0;
    struct ga_slot a, b;
    for (uint32_t i = 0; i < n; i++) {
        if (!ga_plan_slot(plan, i + 1, &a))
            continue;
        REQUIRE(a.size == all[i].size && (all[i].align < 2 || a.offset % all[i].align == 0), "interval %u is not as asked", i);
        REQUIRE(!all[i].fixed || a.offset == all[i].fixed - 1, "interval %u is not where it must be", i);
        peak = a.offset + a.size > peak ? a.offset + a.size : peak;
        for (uint32_t j = 0; j < i; j++) {
            bool meet = all[i].birth < all[j].death && all[j].birth < all[i].death && ga_plan_slot(plan, j + 1, &b);
            REQUIRE(!meet || a.offset + a.size <= b.offset || b.offset + b.size <= a.offset, "%u and %u overlap", i, j);
        }
    }
    return peak;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum ga_effort rungs[] = { GA_EFFORT_ONLINE, GA_EFFORT_QUICK, GA_EFFORT_SEARCH, GA_EFFORT_PROVE };
    struct fuzz_input in = { data, size, 0 };
    struct ga_interval all[MANY];
    uint64_t peaks[4] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, bound = 0, lowest = UINT64_MAX;
    uint32_t n = 0;
    uint64_t capacity = fuzz_byte(&in) & 1 ? fuzz_byte(&in) * 4u : 0;
    while (in.at < in.len && n < MANY)
        all[n++] = any_interval(&in);
    for (int r = 0; r < 4; r++) {
        struct ga_plan_opts opts = { .effort = rungs[r], .steps = 20000, .n_pools = 1, .capacity = &capacity };
        struct ga_plan_info info;
        ga_plan *plan = NULL;
        if (ga_plan_intervals(NULL, all, n, &opts, &plan) != GA_OK)
            continue;
        ga_plan_info(plan, &info);
        peaks[r] = judge(plan, all, n);
        REQUIRE(peaks[r] == ga_plan_peak(plan, 0), "another peak than it says");
        REQUIRE(ga_plan_bound(plan, 0) <= peaks[r], "a bound above the peak");
        REQUIRE(info.verdict != GA_OPTIMAL || peaks[r] == ga_plan_bound(plan, 0), "optimal, but not proved");
        REQUIRE(info.verdict != GA_FITS || peaks[r] <= capacity, "it does not fit");
        /* Whoever stops where it fits need not be as low as one that did not know that. */
        REQUIRE(r == 0 || peaks[r] <= peaks[r - 1] || (capacity && peaks[r] <= capacity), "rung %d is worse than the one before",
                r);
        bound = ga_plan_bound(plan, 0) > bound ? ga_plan_bound(plan, 0) : bound;
        lowest = peaks[r] < lowest ? peaks[r] : lowest;
        ga_plan_delete(plan);
    }
    REQUIRE(bound <= lowest, "a bound that another plan disproves");
    return 0;
}
