#include "range/range.h"
#include "support.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_mem hook;
static struct ga_env env;
static struct range range;

static void start(uint64_t size, enum range_fit fit)
{
    hook = (struct test_mem){ 0 };
    env = test_env(&hook);
    cr_assert_eq(gai_range_init(&range, &env.mem, size, fit, 0), GA_OK);
}

static void start_high(void)
{
    start(1000, RANGE_TIE_HIGH);
}

/* Every test ends with a sound range and all memory given back. */
static void finish(void)
{
    const char *broken = gai_range_check(&range);
    cr_assert_null(broken, "%s", broken);
    gai_range_fini(&range);
    cr_assert(!hook.lied && hook.blocks == 0);
}

TestSuite(range, .init = start_high, .fini = finish);

static uint32_t take(uint64_t len)
{
    uint32_t node = RANGE_NONE;
    cr_assert_eq(gai_range_take(&range, len, &node), GA_OK);
    return node;
}

static uint64_t take_offset(uint64_t len)
{
    return range_offset(&range, take(len));
}

static void give(uint32_t node)
{
    gai_range_give(&range, node);
}

/* "#96 .64 #128": used and free lengths in address order. */
static const char *picture(void)
{
    static char text[512];
    size_t at = 0;
    text[0] = 0;
    for (uint32_t node = range_next(&range, RANGE_NONE); node != RANGE_NONE; node = range_next(&range, node))
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%c%" PRIu64, at ? " " : "", range_is_free(&range, node) ? '.' : '#',
                               range_len(&range, node));
    return text;
}

#define SHOWS(expected)                                                                                                            \
    do {                                                                                                                           \
        const char *broken_ = gai_range_check(&range);                                                                             \
        cr_assert_null(broken_, "%s", broken_);                                                                                    \
        cr_assert_str_eq(picture(), expected, "%s", picture());                                                                    \
    } while (0)

Test(range, starts_as_one_free_node)
{
    SHOWS(".1000");
    cr_assert_eq(range_len(&range, gai_range_tail(&range)), 1000);
    cr_assert_eq(gai_range_best(&range, 1), RANGE_NONE);
    cr_assert_eq(gai_range_longest(&range), RANGE_NONE);
}

Test(range, takes_from_the_low_end)
{
    cr_assert_eq(take_offset(96), 0);
    cr_assert_eq(take_offset(64), 96);
    SHOWS("#96 #64 .840");
    cr_assert_eq(range.used, 160);
    cr_assert_eq(range.peak, 160);
}

Test(range, takes_the_smallest_that_fits)
{
    uint32_t a = take(100), b, c;
    take(1);
    b = take(60);
    take(1);
    c = take(80);
    take(1);
    give(a);
    give(b);
    give(c);
    SHOWS(".100 #1 .60 #1 .80 #1 .757");
    cr_assert_eq(take_offset(61), 162);
    cr_assert_eq(take_offset(60), 101);
    cr_assert_eq(take_offset(20), 0);
    SHOWS("#20 .80 #1 #60 #1 #61 .19 #1 .757");
    cr_assert_eq(take_offset(19), 223);
    SHOWS("#20 .80 #1 #60 #1 #61 #19 #1 .757");
}

static void three_holes_of_10(void)
{
    uint32_t nodes[3];
    for (int i = 0; i < 3; i++) {
        nodes[i] = take(10);
        take(1);
    }
    for (int i = 0; i < 3; i++)
        give(nodes[i]);
    SHOWS(".10 #1 .10 #1 .10 #1 .967");
}

Test(range, takes_the_highest_among_equals)
{
    three_holes_of_10();
    cr_assert_eq(take_offset(10), 22);
    cr_assert_eq(take_offset(5), 11);
    cr_assert_eq(take_offset(6), 0);
}

Test(range, takes_the_lowest_among_equals_if_asked_to)
{
    gai_range_fini(&range);
    start(1000, RANGE_TIE_LOW);
    three_holes_of_10();
    cr_assert_eq(take_offset(10), 0);
    cr_assert_eq(take_offset(5), 11);
    cr_assert_eq(take_offset(6), 22);
}

Test(range, leaves_the_highest_free_node_for_last)
{
    uint32_t low = take(500);
    take(490);
    give(low);
    SHOWS(".500 #490 .10");
    cr_assert_eq(take_offset(10), 0); /* although the last ten are a perfect fit */
    take(490);
    SHOWS("#10 #490 #490 .10");
    cr_assert_eq(take_offset(10), 990);
}

Test(range, finds_the_next_highest_when_the_highest_is_used_up)
{
    uint32_t a = take(300), b = take(300), c = take(400);
    SHOWS("#300 #300 #400");
    cr_assert_eq(gai_range_tail(&range), RANGE_NONE);
    give(a);
    give(c);
    cr_assert_eq(range_offset(&range, gai_range_tail(&range)), 600);
    take(400);
    cr_assert_eq(range_offset(&range, gai_range_tail(&range)), 0);
    give(b);
    SHOWS(".600 #400");
    cr_assert_eq(gai_range_best(&range, 1), RANGE_NONE);
    cr_assert_eq(take_offset(600), 0);
    SHOWS("#600 #400");
}

Test(range, merges_with_its_neighbours)
{
    /* Which of four nodes in a row are given back, and in which order. */
    static const struct {
        int first, second, third;
        const char *shows;
    } cases[] = {
        { 1, -1, -1, "#10 .20 #30 #40 #1 .899" }, /* alone */
        { 1, 2, -1, "#10 .50 #40 #1 .899" },      /* with the one before */
        { 2, 1, -1, "#10 .50 #40 #1 .899" },      /* with the one after */
        { 0, 2, 1, ".60 #40 #1 .899" },           /* with both */
        { 0, 2, -1, ".10 #20 .30 #40 #1 .899" },  { 3, 1, 2, "#10 .90 #1 .899" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gai_range_reset(&range);
        uint32_t nodes[4] = { take(10), take(20), take(30), take(40) };
        take(1);
        give(nodes[cases[i].first]);
        if (cases[i].second >= 0)
            give(nodes[cases[i].second]);
        if (cases[i].third >= 0)
            give(nodes[cases[i].third]);
        SHOWS(cases[i].shows);
    }
}

Test(range, merges_with_the_tail)
{
    uint32_t a = take(10), b = take(20), c = take(30);
    give(c);
    SHOWS("#10 #20 .970");
    give(a);
    give(b);
    SHOWS(".1000");
}

Test(range, takes_at_an_offset)
{
    uint32_t node;
    cr_assert_eq(gai_range_take_at(&range, 100, 50, &node), GA_OK);
    SHOWS(".100 #50 .850");
    cr_assert_eq(range_offset(&range, node), 100);
    cr_assert_eq(range.peak, 150);
    cr_assert_eq(gai_range_take_at(&range, 0, 100, &node), GA_OK);
    cr_assert_eq(gai_range_take_at(&range, 990, 10, &node), GA_OK);
    SHOWS("#100 #50 .840 #10");
    cr_assert_eq(gai_range_take_at(&range, 150, 840, &node), GA_OK);
    SHOWS("#100 #50 #840 #10");
    give(node);
    SHOWS("#100 #50 .840 #10");
}

Test(range, refuses_an_offset_that_is_taken_or_outside)
{
    static const struct {
        uint64_t offset, len;
        enum ga_status status;
    } cases[] = {
        { 100, 50, GA_NO_SPACE },       { 99, 2, GA_NO_SPACE },   { 149, 1, GA_NO_SPACE },  { 149, 2, GA_NO_SPACE },
        { 0, 1000, GA_NO_SPACE },       { 999, 2, GA_NO_SPACE },  { 1000, 1, GA_NO_SPACE }, { UINT64_MAX, 1, GA_NO_SPACE },
        { 1, UINT64_MAX, GA_NO_SPACE }, { 0, 1001, GA_NO_SPACE }, { 0, 0, GA_INVALID },
    };
    uint32_t node, none = 77;
    cr_assert_eq(gai_range_take_at(&range, 100, 50, &node), GA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(gai_range_take_at(&range, cases[i].offset, cases[i].len, &none), cases[i].status);
        cr_assert_eq(none, 77);
    }
    SHOWS(".100 #50 .850");
}

Test(range, trims_and_keeps_the_handle)
{
    take(10);
    uint32_t node = take(100);
    take(10);
    gai_range_trim(&range, node, 20, 30);
    SHOWS("#10 .20 #30 .50 #10 .880");
    cr_assert_eq(range_offset(&range, node), 30);
    gai_range_trim(&range, node, 0, 10); /* grows what is free after it */
    SHOWS("#10 .20 #10 .70 #10 .880");
    gai_range_trim(&range, node, 5, 5);
    SHOWS("#10 .25 #5 .70 #10 .880");
    gai_range_trim(&range, node, 0, 5);
    SHOWS("#10 .25 #5 .70 #10 .880");
    cr_assert_eq(range.used, 25);
    cr_assert_eq(range.peak, 120);
    give(node);
    SHOWS("#10 .100 #10 .880");
}

Test(range, refuses_what_does_not_fit)
{
    uint32_t node = 77;
    take(600);
    cr_assert_eq(gai_range_take(&range, 401, &node), GA_NO_SPACE);
    cr_assert_eq(gai_range_take(&range, UINT64_MAX, &node), GA_NO_SPACE);
    cr_assert_eq(gai_range_take(&range, 0, &node), GA_INVALID);
    cr_assert_eq(node, 77);
    SHOWS("#600 .400");
    take(400);
    cr_assert_eq(gai_range_take(&range, 1, &node), GA_NO_SPACE);
}

Test(range, forgets_all_but_the_peak)
{
    for (int i = 0; i < 100; i++) {
        uint32_t node = take(5);
        take(3);
        give(node);
    }
    uint64_t peak = range.peak, requests = hook.requests;
    gai_range_reset(&range);
    SHOWS(".1000");
    cr_assert_eq(range.peak, peak);
    cr_assert_eq(range.used, 0);
    cr_assert_eq(hook.requests, requests);
}

Test(range, can_be_as_small_as_nothing_and_as_large_as_all)
{
    static const uint64_t sizes[] = { 1, RANGE_OPEN, UINT64_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        gai_range_fini(&range);
        start(sizes[i], RANGE_TIE_HIGH);
        uint32_t node = take(sizes[i]);
        cr_assert_null(gai_range_check(&range));
        cr_assert_eq(range.peak, sizes[i]);
        give(node);
        cr_assert_eq(range_len(&range, gai_range_tail(&range)), sizes[i]);
        cr_assert_null(gai_range_check(&range));
    }
    gai_range_fini(&range);
    start(0, RANGE_TIE_HIGH);
    uint32_t none;
    cr_assert_eq(gai_range_take(&range, 1, &none), GA_NO_SPACE);
    SHOWS("");
}

/* Holes of lengths 1 to n, in an order that is no order; `nodes` gets what lies between them. */
static void make_holes(uint32_t n)
{
    uint32_t *holes = malloc(n * sizeof *holes);
    for (uint32_t i = 0; i < n; i++) {
        holes[i] = take(1 + (i * (uint64_t)7919) % n);
        take(1);
    }
    for (uint32_t i = 0; i < n; i++)
        give(holes[i]);
    free(holes);
}

Test(range, takes_exact_fits_from_a_thousand_holes)
{
    gai_range_fini(&range);
    start(RANGE_OPEN, RANGE_TIE_HIGH);
    make_holes(1000);
    cr_assert_eq(range_len(&range, gai_range_longest(&range)), 1000);
    uint64_t peak = range.peak;
    for (uint64_t len = 1000; len > 0; len--)
        cr_assert_eq(range_len(&range, gai_range_best(&range, len)), len);
    for (uint64_t len = 1; len <= 1000; len++)
        take(len);
    cr_assert_eq(gai_range_longest(&range), RANGE_NONE, "each hole was filled to the last byte");
    cr_assert_eq(range.peak, peak);
}

Test(range, is_not_quadratic_in_equal_holes, .timeout = 600)
{
    enum { N = 100000 };
    gai_range_fini(&range);
    start(RANGE_OPEN, RANGE_TIE_HIGH);
    uint32_t *nodes = malloc(2 * N * sizeof *nodes);
    for (int i = 0; i < 2 * N; i++)
        nodes[i] = take(4096);
    for (int i = 0; i < 2 * N; i += 2)
        give(nodes[i]);
    cr_assert_null(gai_range_check(&range));
    for (int i = 2 * N - 2; i >= 0; i -= 2)
        cr_assert_eq(take_offset(4096), (uint64_t)i * 4096);
    free(nodes);
}

Test(range, fast_takes_what_fits_without_looking_for_the_best)
{
    gai_range_fini(&range);
    start(RANGE_OPEN, RANGE_FAST);
    make_holes(1000);
    uint64_t peak = range.peak;
    for (uint64_t len = 1; len <= 900; len++) {
        uint32_t node = gai_range_best(&range, len);
        cr_assert(node != RANGE_NONE && range_len(&range, node) >= len);
    }
    for (int i = 0; i < 300; i++)
        give(take(600));
    cr_assert_eq(range.peak, peak);
}

Test(range, gives_and_trims_without_memory)
{
    enum { N = 500 };
    uint32_t nodes[N];
    gai_range_fini(&range);
    start(RANGE_OPEN, RANGE_TIE_HIGH);
    for (int i = 0; i < N; i++)
        nodes[i] = take(30);
    uint64_t requests = hook.requests;
    for (int i = 0; i < N; i++)
        gai_range_trim(&range, nodes[i], 10, 10); /* as many nodes as there can be */
    cr_assert_null(gai_range_check(&range));
    for (int i = 0; i < N; i += 2)
        give(nodes[i]);
    for (int i = 1; i < N; i += 2)
        give(nodes[i]);
    cr_assert_eq(hook.requests, requests);
    cr_assert_eq(range_len(&range, gai_range_tail(&range)), RANGE_OPEN);
}

Test(range, asks_for_no_memory_within_its_reserve)
{
    gai_range_fini(&range);
    hook = (struct test_mem){ 0 };
    cr_assert_eq(gai_range_init(&range, &env.mem, RANGE_OPEN, RANGE_TIE_LOW, 100), GA_OK);
    uint64_t requests = hook.requests;
    for (int i = 0; i < 100; i++)
        gai_range_trim(&range, take(30), 10, 10);
    cr_assert_eq(hook.requests, requests);
}

/* Breaks one thing, which must be told in these words, and mends it. */
#define BREAKS(breakage, words)                                                                                                    \
    do {                                                                                                                           \
        breakage;                                                                                                                  \
        const char *broken_ = gai_range_check(&range);                                                                             \
        cr_assert(broken_ &&strcmp(broken_, words) == 0, "%s: %s", #breakage, broken_);                                            \
        range = sound;                                                                                                             \
        memcpy(range.nodes, nodes, range.cap_nodes * sizeof *nodes);                                                               \
    } while (0)

Test(range, check_tells_what_is_broken)
{
    gai_range_fini(&range);
    start(100000, RANGE_TIE_HIGH);
    make_holes(40); /* more than lie loose */
    uint32_t first = range_next(&range, RANGE_NONE), second = range_next(&range, first), used = second;
    uint32_t loose = range.loose[0], binned = first;
    while (!range_is_free(&range, binned) || range.nodes[binned].left == RANGE_IS_LOOSE)
        binned = range_next(&range, binned);
    struct range sound = range;
    struct range_node *nodes = malloc(range.cap_nodes * sizeof *nodes);
    memcpy(nodes, range.nodes, range.cap_nodes * sizeof *nodes);

    BREAKS(range.nodes[second].offset++, "the nodes do not tile the range");
    BREAKS(range.nodes[second].len++, "the nodes do not tile the range");
    BREAKS(range.nodes[second].prev = second, "the nodes do not tile the range");
    BREAKS(range.size--, "the nodes do not tile the range");
    BREAKS(range.size++, "the nodes do not tile the range");
    BREAKS(range.nodes[second].len = 0, "the nodes do not tile the range");
    BREAKS(range.nodes[0].prev = first, "the nodes do not tile the range");
    BREAKS(range.nodes[used].left = RANGE_IS_LOOSE, "two free nodes touch");
    BREAKS(range.used--, "what is used is not what was counted");
    BREAKS(range.n_used++, "what is used is not what was counted");
    BREAKS(range.peak = 5, "a used node ends above the peak");
    BREAKS(range.tail = first, "the tail is not the highest free node");
    BREAKS(range.nodes[range.tail].left = RANGE_NONE, "the tail is in a bin");
    BREAKS(range.nodes[loose].right = RANGE_LOOSE, "a loose node is not where it says");
    BREAKS(range.loose[0] = range.loose[1], "a loose node is not where it says");
    BREAKS(range.n_nodes++, "a node's number was lost");
    BREAKS(range.cap_nodes = range.n_nodes - 1, "a node's number was lost");
    BREAKS(range.cap_nodes = 2 * range.n_used + 2, "giving back could need memory");
    BREAKS(range.bins.rows = 0, "the bitmap of rows does not say which steps are empty");
    BREAKS(range.bins.steps[63] = 1, "the bitmap of steps does not say which bins are empty");
    BREAKS((range.bins.roots[62 * BINS_STEPS + 8] = binned, range.bins.lens[62 * BINS_STEPS + 8] = BINS_TREE,
            range.bins.steps[62] = 1 << 8, range.bins.rows |= (uint64_t)1 << 62),
           "something that is not free can be found");
    /* A node of the wrong length would not tile, so the bin is the wrong one. */
    BREAKS((range.nodes[binned].left = RANGE_IS_LOOSE, range.nodes[binned].right = 0), "a loose node is not where it says");
    range = sound;
    free(nodes);
}
