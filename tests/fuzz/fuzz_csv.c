/*
 * Any text as intervals: refused with a reason, or intervals that can be planned, written, read again, and are then the same.
 */
#include "fuzz.h"

#include "io/csv.h"

static enum ga_status read_intervals(const struct ga_env *env, const void *text, size_t len, struct intervals *intervals)
{
    struct fuzz_text from = { text, len, 0, len % 5 ? 4096 : 3 };
    struct mishap mishap;
    enum ga_status status = gai_intervals_read(&env->mem, &(struct ga_source){ fuzz_read, &from }, intervals, &mishap);
    REQUIRE(status == GA_OK || mishap.what[0], "refused, but nobody says why");
    return status;
}

static void write_and_read(const struct ga_env *env, const struct intervals *first, const ga_plan *plan)
{
    struct fuzz_output out = { 0 };
    struct ga_sink sink = { fuzz_append, &out };
    struct text text = text_to(&sink);
    struct intervals again;
    gai_intervals_write(first, plan, &text);
    REQUIRE(gai_text_end(&text) == GA_OK, "not written");
    REQUIRE(read_intervals(env, out.text, out.len, &again) == GA_OK, "what was written is not read");
    REQUIRE(again.n == first->n, "%u intervals became %u", first->n, again.n);
    for (uint32_t i = 0; i < first->n; i++)
        REQUIRE(again.at[i].size == first->at[i].size && again.at[i].birth == first->at[i].birth &&
                    again.at[i].death == first->at[i].death && again.at[i].align == first->at[i].align && again.at[i].fixed,
                "interval %u changed", i);
    gai_intervals_fini(&again);
    free(out.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ga_env env = gai_env(NULL);
    struct intervals intervals;
    ga_plan *plan = NULL;
    if (read_intervals(&env, data, size, &intervals) != GA_OK)
        return 0;
    enum ga_status status = ga_plan_intervals(&env, intervals.at, intervals.n, NULL, &plan);
    if (status == GA_OK && intervals.n > 0)
        write_and_read(&env, &intervals, plan);
    ga_plan_delete(plan);
    gai_intervals_fini(&intervals);
    return 0;
}
