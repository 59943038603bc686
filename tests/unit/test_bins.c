/*
 * test_bins.c - free nodes by length, beside a look at all of them
 */
#include "range/bins.h"

#include "base/bits.h"
#include "base/rng.h"

#include <criterion/criterion.h>

#define N 300

static struct bins bins;
static struct range_node nodes[N + 1];
static bool is_in[N + 1];

static void start(uint64_t tie, bool fast)
{
    memset(&bins, 0, sizeof bins);
    memset(nodes, 0, sizeof nodes);
    memset(is_in, 0, sizeof is_in);
    bins.tie = tie;
    bins.fast = fast;
}

static uint32_t best_of_all(uint64_t len)
{
    uint32_t best = RANGE_NONE;
    for (uint32_t i = 1; i <= N; i++)
        if (is_in[i] && nodes[i].len >= len && (best == RANGE_NONE || range_node_before(&nodes[i], &nodes[best], bins.tie)))
            best = i;
    return best;
}

static uint64_t longest_of_all(void)
{
    uint64_t longest = 0;
    for (uint32_t i = 1; i <= N; i++)
        longest = is_in[i] ? max_u64(longest, nodes[i].len) : longest;
    return longest;
}

static void check_all(void)
{
    uint32_t n_roots;
    cr_assert_null(gai_bins_check(&bins, nodes, &n_roots));
    for (uint32_t i = 1; i <= N; i++)
        if (is_in[i]) {
            const char *broken = gai_bins_check_node(&bins, nodes, i);
            cr_assert_null(broken, "%s", broken);
        }
}

/* A few lengths that many share, lengths in one octave, any; most are multiples of the quantum. */
static uint64_t draw_len(struct rng *rng, uint64_t style)
{
    uint64_t mask = rng_below(rng, 8) ? ((uint64_t)1 << bins.quantum_log2) - 1 : 0;
    if (style == 0)
        return (1 + rng_below(rng, 3)) << bins.quantum_log2 | (mask ? 0 : rng_below(rng, 2));
    return style == 1 ? 4096 + (rng_below(rng, 4096) & ~mask) : 1 + (rng_next(rng) >> rng_below(rng, 64));
}

static void compare(struct rng *rng, uint64_t style)
{
    uint64_t len = draw_len(rng, style);
    uint32_t expected = best_of_all(len), found = gai_bins_best(&bins, nodes, len);
    if (bins.fast)
        cr_assert(found == RANGE_NONE || (is_in[found] && nodes[found].len >= len));
    else
        cr_assert_eq(found, expected, "%u, not %u", found, expected);
    uint32_t longest = gai_bins_longest(&bins, nodes);
    cr_assert_eq(longest == RANGE_NONE ? 0 : nodes[longest].len, longest_of_all());
}

Test(bins, agree_with_a_look_at_all)
{
    for (uint64_t seed = 1; seed <= 180; seed++) {
        struct rng rng = { seed };
        start(seed % 2 ? UINT64_MAX : 0, seed % 5 == 0);
        bins.quantum_log2 = bins.fast ? 0 : (uint8_t)(seed / 4 % 14);
        bins.part_log2 = (uint8_t)rng_below(&rng, 16);
        for (int step = 0; step < 600; step++) {
            if (rng_below(&rng, 40) == 0)
                bins.longest_list = (uint8_t)rng_below(&rng, 20);
            uint32_t node = 1 + (uint32_t)rng_below(&rng, N);
            if (is_in[node]) {
                gai_bins_remove(&bins, nodes, node);
            } else {
                nodes[node] = (struct range_node){ .offset = node * 100, .len = draw_len(&rng, seed % 3) };
                gai_bins_add(&bins, nodes, node);
            }
            is_in[node] = !is_in[node];
            compare(&rng, seed % 3);
            if (step % 50 == 0)
                check_all();
        }
        gai_bins_clear(&bins);
        cr_assert_eq(gai_bins_best(&bins, nodes, 1), RANGE_NONE);
        cr_assert_eq(gai_bins_longest(&bins, nodes), RANGE_NONE);
    }
}

Test(bins, of_the_least_length_are_cleared_too)
{
    start(0, false);
    nodes[1].len = 1;
    gai_bins_add(&bins, nodes, 1);
    cr_assert_eq(gai_bins_longest(&bins, nodes), 1);
    gai_bins_clear(&bins);
    cr_assert(bins.rows == 0 && gai_bins_best(&bins, nodes, 1) == RANGE_NONE);
}

/* That is all it may miss: within its own bin it tries only the first. */
Test(bins, fast_finds_what_is_a_64th_longer)
{
    start(0, true);
    for (unsigned octave = 0; octave < 62; octave++)
        for (uint64_t k = 0; k < 128; k++) {
            uint64_t len = ((uint64_t)1 << octave) + (k / 2 << octave >> 6) + k % 2; /* where a bin begins, and a little behind */
            nodes[1] = (struct range_node){ .len = len - 1 };                        /* not in front of it, in one bin */
            nodes[2] = (struct range_node){ .len = len + len / 64 + 1 };
            gai_bins_add(&bins, nodes, 2);
            if (len > 1)
                gai_bins_add(&bins, nodes, 1);
            cr_assert_eq(gai_bins_best(&bins, nodes, len), 2, "octave %u, %u", octave, (unsigned)k);
            if (len > 1)
                gai_bins_remove(&bins, nodes, 1);
            cr_assert_eq(gai_bins_best(&bins, nodes, nodes[2].len + 1), RANGE_NONE);
            gai_bins_remove(&bins, nodes, 2);
            cr_assert_eq(bins.rows, 0);
        }
}

/* Ten thousand in one bin: a path through it is short, as in any balanced tree. */
Test(bins, stay_shallow)
{
    enum { MANY = 10000 };
    static struct range_node many[MANY + 1];
    start(0, false);
    for (uint32_t i = 1; i <= MANY; i++) {
        many[i] = (struct range_node){ .offset = i, .len = 64 };
        gai_bins_add(&bins, many, i);
    }
    uint32_t root = gai_bins_longest(&bins, many), deepest = 0;
    for (uint32_t i = 1; i <= MANY; i++) {
        uint32_t depth = 0;
        for (uint32_t at = root; at != i; at = i < at ? many[at].left : many[at].right)
            depth++;
        deepest = depth > deepest ? depth : deepest;
    }
    cr_assert_lt(deepest, 50);
}

static uint32_t *only_root(void)
{
    uint32_t bin = 0;
    while (bins.roots[bin] == RANGE_NONE)
        bin++;
    return &bins.roots[bin];
}

static void start_with(uint32_t n, bool fast)
{
    start(0, fast);
    for (uint32_t i = 1; i <= n; i++) {
        nodes[i] = (struct range_node){ .offset = i, .len = 64 };
        gai_bins_add(&bins, nodes, i);
        is_in[i] = true;
    }
    check_all();
}

Test(bins, check_tells_what_is_broken)
{
    start_with(2, false);
    uint32_t *root = only_root(), above = *root, below = 3 - above;
    *root = below; /* sorted, but upside down */
    *(above < below ? &nodes[below].left : &nodes[below].right) = above;
    *(above < below ? &nodes[above].right : &nodes[above].left) = RANGE_NONE;
    cr_assert_str_eq(gai_bins_check_node(&bins, nodes, below), "a node of a bin ranks above its parent");
    cr_assert_null(gai_bins_check_node(&bins, nodes, above));
    *root = above;
    cr_assert_str_eq(gai_bins_check_node(&bins, nodes, below), "a free node is not found in the bin of its length");

    start(0, false);
    bins.longest_list = 2;
    nodes[1] = (struct range_node){ .len = 64 };
    gai_bins_add(&bins, nodes, 1);
    uint32_t n_roots, bin = (uint32_t)(only_root() - bins.roots);
    bins.lens[bin] = 2;
    cr_assert_str_eq(gai_bins_check(&bins, nodes, &n_roots), "the list of a bin is not as long as it is said to be");
    bins.lens[bin] = 0;
    cr_assert_str_eq(gai_bins_check(&bins, nodes, &n_roots), "the list of a bin is not as long as it is said to be");
    bins.lens[bin] = 1;
    bins.lens[bin + 1] = BINS_TREE;
    cr_assert_str_eq(gai_bins_check(&bins, nodes, &n_roots), "an empty bin is a tree");

    start_with(3, true); /* 3, 2, 1 */
    nodes[1].left = 3;
    cr_assert_str_eq(gai_bins_check_node(&bins, nodes, 2), "the list of a bin is not linked back");
    cr_assert_str_eq(gai_bins_check_node(&bins, nodes, 1), "a free node is not in the list of its bin");
    *only_root() = 2;
    cr_assert_str_eq(gai_bins_check_node(&bins, nodes, 3), "a free node is not in the list of its bin");
}
