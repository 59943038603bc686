/*
 * Any text as a plan: refused with a reason, or a plan that can be asked everything.
 */
#include "fuzz.h"

#include "base/text.h"

#include <inttypes.h>

static bool drop(void *user, const char *text, size_t len)
{
    (void)text;
    *(size_t *)user += len;
    return true;
}

static void ask(const ga_plan *plan)
{
    struct ga_plan_info info;
    ga_plan_info(plan, &info);
    struct ga_slot slot;
    uint64_t birth, death, step;
    for (ga_id id = 0; id < 1000 && id <= info.n_nodes + 1; id++) {
        ga_plan_slot(plan, id, &slot);
        ga_plan_life(plan, id, &birth, &death);
    }
    for (unsigned pool = 0; pool <= info.n_pools; pool++) {
        struct ga_live live[8];
        ga_plan_live_at_peak(plan, pool, live, 8, &step);
        ga_plan_chunk(plan, pool, 0);
    }
    size_t written = 0;
    for (int format = GA_TEXT; format <= GA_PLAN; format++)
        ga_plan_write(plan, NULL, (enum ga_format)format, &(struct ga_sink){ drop, &written });
    ga_graph *graph = ga_graph_new(NULL);
    char why[100];
    if (graph) {
        ga_plan_fits(plan, graph, why, sizeof why);
        ga_plan_check(plan, graph, why, sizeof why);
    }
    ga_graph_delete(graph);
}

static void read_plan(const uint8_t *data, size_t size)
{
    struct fuzz_text from = { data, size, 0, size % 5 ? 4096 : 3 };
    char error[200] = "";
    ga_plan *plan = NULL;
    enum ga_status status = ga_plan_read(NULL, &(struct ga_source){ fuzz_read, &from }, &plan, error, sizeof error);
    REQUIRE((status == GA_OK) == (plan != NULL), "status %d, plan %p", (int)status, (void *)plan);
    REQUIRE(status == GA_OK || error[0], "refused, but nobody says why");
    if (plan)
        ask(plan);
    ga_plan_delete(plan);
}

/* Where the last line begins; its text is the seal. */
static size_t last_line(const uint8_t *data, size_t size)
{
    size_t at = size && data[size - 1] == '\n' ? size - 1 : size;
    while (at > 0 && data[at - 1] != '\n')
        at--;
    return at;
}

/* As it is; and with the checksum made right, or nothing that a fuzzer writes would get past it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_plan(data, size);
    char seal[32];
    size_t body = last_line(data, size);
    uint64_t sum = gai_text_sum(TEXT_SUM_START, (const char *)data, body);
    int len = snprintf(seal, sizeof seal, "seal\t%016" PRIx64 "\n", sum);
    uint8_t *sealed = malloc(body + (size_t)len);
    if (!sealed)
        return 0;
    if (body > 0)
        memcpy(sealed, data, body);
    memcpy(sealed + body, seal, (size_t)len);
    read_plan(sealed, body + (size_t)len);
    free(sealed);
    return 0;
}
