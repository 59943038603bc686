/*
 * test_tgraph_broken.c - recorded graphs cut short and with flipped bytes: a status or a graph, never a crash
 */
#include "unit/recorded.h"

#include "base/rng.h"

/* Whatever the text, there is a status or a graph, and a graph can be planned or is refused. */
static bool survives(const char *text, size_t len)
{
    struct test_source from = { .text = text, .len = len };
    struct ga_source source = test_source(&from);
    struct tgraph file;
    struct mishap mishap = { 0 };
    enum ga_status status = gai_tgraph_read(NULL, &source, INPLACE_MORE, &file, &mishap);
    if (status != GA_OK) {
        cr_assert_eq(status, GA_INVALID);
        cr_assert_gt(mishap.line, 0, "%s", mishap.what);
        return false;
    }
    ga_plan *plan = NULL;
    status = ga_plan_graph(file.graph, NULL, &plan);
    char why[200];
    if (status == GA_OK)
        cr_assert_eq(ga_plan_check(plan, file.graph, why, sizeof why), GA_OK, "%s", why);
    ga_plan_delete(plan);
    gai_tgraph_fini(&file);
    return true;
}

static uint32_t n_places;

static void expect_survives_cuts(const char *path, char *text, size_t len)
{
    for (uint32_t i = 0; i < n_places; i++) {
        size_t cut = len * i / n_places;
        cr_assert_not(survives(text, cut), "%s cut at %d", path, (int)cut);
    }
}

/* The large graphs at 200 places take a minute with sanitizers: GGML_ALLOC_TEST=all asks for it. */
Test(tgraph, survives_truncation, .timeout = 600)
{
    const char *much = getenv("GGML_ALLOC_TEST");
    n_places = 200;
    each_own_graph(expect_survives_cuts);
    n_places = much && strcmp(much, "all") == 0 ? 200 : 4;
    each_shared_graph(expect_survives_cuts);
}

static struct rng flips;
static uint32_t n_flips, n_still_read;

static void expect_survives_flips(const char *path, char *text, size_t len)
{
    (void)path;
    uint32_t n = len < 10000 ? 1200 : len < 100000 ? 150 : 20;
    for (uint32_t i = 0; i < n; i++, n_flips++) {
        size_t at = (size_t)rng_below(&flips, len);
        char was = text[at];
        text[at] = (char)rng_below(&flips, 256);
        if (rng_below(&flips, 2)) /* digits do the most interesting harm */
            text[at] = (char)('0' + rng_below(&flips, 10));
        n_still_read += survives(text, len);
        text[at] = was;
    }
}

Test(tgraph, survives_flipped_bytes, .timeout = 600)
{
    flips.state = 1;
    each_own_graph(expect_survives_flips);
    cr_assert_gt(n_still_read, n_flips / 20);
    each_shared_graph(expect_survives_flips);
    cr_assert(!test_shared() || n_flips >= 10000);
}
