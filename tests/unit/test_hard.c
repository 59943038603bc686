/*
 * test_hard.c - the published hard instances, when they are there: what is known about them must be found
 */
#include "io/csv.h"

#include "unit/recorded.h"

/* Into the published capacity; of those without a proof it is not known whether the optimum is the load. */
static const struct hard {
    const char *name;
    uint64_t capacity;
    bool proof; /* soon */
} instances[] = {
    { "minimalloc-A", 1048576, true },  { "minimalloc-C", 1048576, true },  { "minimalloc-D", 1048576, false },
    { "minimalloc-E", 1048576, true },  { "minimalloc-G", 1048576, true },  { "minimalloc-I", 1048576, true },
    { "minimalloc-J", 1048576, false }, { "minimalloc-K", 1048576, false },
};

/* False: it is not there. */
static bool load(const char *name, struct intervals *intervals)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/placement/%s.csv", test_shared() ? test_shared() : "", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    fclose(file);
    size_t len;
    char *text = slurp(path, &len);
    struct test_source from = { .text = text, .len = len };
    struct ga_source source = test_source(&from);
    struct ga_env env = gai_env(NULL);
    struct mishap mishap;
    cr_assert_eq(gai_intervals_read(&env.mem, &source, intervals, &mishap), GA_OK, "%s", mishap.what);
    free(text);
    return true;
}

/* Pair by pair; the plan's own bound and peak are its word, its offsets are not. */
static uint64_t judge(const struct intervals *intervals, const ga_plan *plan)
{
    uint64_t peak = 0;
    for (uint32_t i = 0; i < intervals->n; i++) {
        const struct ga_interval *a = &intervals->at[i];
        struct ga_slot at, other;
        cr_assert(ga_plan_slot(plan, i + 1, &at) && at.chunk == 0);
        peak = at.offset + a->size > peak ? at.offset + a->size : peak;
        for (uint32_t j = 0; j < i; j++) {
            const struct ga_interval *b = &intervals->at[j];
            cr_assert(ga_plan_slot(plan, j + 1, &other));
            bool meet = a->birth < b->death && b->birth < a->death;
            cr_assert(!meet || at.offset + a->size <= other.offset || other.offset + b->size <= at.offset);
        }
    }
    return peak;
}

static struct ga_plan_info plan_hard(const struct intervals *intervals, uint64_t capacity, uint64_t *peak)
{
    struct ga_plan_opts opts = { .effort = GA_EFFORT_PROVE, .n_pools = 1, .capacity = &capacity };
    struct ga_plan_info info;
    ga_plan *plan;
    cr_assert_eq(ga_plan_intervals(NULL, intervals->at, intervals->n, &opts, &plan), GA_OK);
    ga_plan_info(plan, &info);
    *peak = judge(intervals, plan);
    cr_assert_eq(*peak, ga_plan_peak(plan, 0));
    ga_plan_delete(plan);
    return info;
}

Test(hard, fits_where_it_is_known_to_fit)
{
    for (size_t k = 0; k < sizeof instances / sizeof instances[0]; k++) {
        struct intervals intervals;
        uint64_t peak;
        if (!load(instances[k].name, &intervals))
            continue;
        struct ga_plan_info info = plan_hard(&intervals, instances[k].capacity, &peak);
        cr_assert_leq(peak, instances[k].capacity, "%s", instances[k].name);
        cr_assert(info.verdict == GA_FITS || info.verdict == GA_OPTIMAL, "%s", instances[k].name);
        gai_intervals_fini(&intervals);
    }
}

Test(hard, is_proved_minimal)
{
    for (size_t k = 0; k < sizeof instances / sizeof instances[0]; k++) {
        struct intervals intervals;
        uint64_t peak;
        if (!instances[k].proof || !load(instances[k].name, &intervals))
            continue;
        struct ga_plan_info info = plan_hard(&intervals, 0, &peak);
        cr_assert_eq(info.verdict, GA_OPTIMAL, "%s", instances[k].name);
        gai_intervals_fini(&intervals);
    }
}
