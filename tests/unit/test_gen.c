/*
 * test_gen.c - instances made up: perfect packings are perfect, random lives and sizes are spread as promised
 */
#include "io/gen.h"

#include "base/bits.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct generated perfect(const struct gen_perfect *wish)
{
    struct ga_env env = gai_env(NULL);
    struct generated made;
    cr_assert_eq(gai_gen_perfect(&env.mem, wish, &made), GA_OK);
    return made;
}

static struct generated randomly(const struct gen_random *wish)
{
    struct ga_env env = gai_env(NULL);
    struct generated made;
    cr_assert_eq(gai_gen_random(&env.mem, wish, &made), GA_OK);
    cr_assert(made.n == wish->n && !made.places);
    return made;
}

static void drop(struct generated *made)
{
    struct ga_env env = gai_env(NULL);
    gai_generated_fini(&env.mem, made);
}

/* The hidden answer, judged by who refuses fixed intervals that collide or are misaligned. */
static uint64_t peak_of_places(const struct generated *made)
{
    struct ga_interval *at = calloc(made->n, sizeof *at);
    for (uint32_t i = 0; i < made->n; i++) {
        at[i] = made->at[i];
        at[i].fixed = 1 + made->places[i];
    }
    ga_plan *plan;
    struct ga_plan_opts opts = { .effort = GA_EFFORT_ONLINE };
    cr_assert_eq(ga_plan_intervals(NULL, at, made->n, &opts, &plan), GA_OK);
    uint64_t peak = ga_plan_peak(plan, 0);
    cr_assert_leq(ga_plan_bound(plan, 0), GEN_HEIGHT);
    ga_plan_delete(plan);
    free(at);
    return peak;
}

static uint64_t area_of(const struct generated *made)
{
    uint64_t area = 0;
    for (uint32_t i = 0; i < made->n; i++)
        area += made->at[i].size * (made->at[i].death - made->at[i].birth);
    return area;
}

Test(gen, cuts_a_rectangle_into_pieces_that_fill_it)
{
    for (uint32_t n = 1; n <= 3000; n += n < 30 ? 1 : n)
        for (uint64_t seed = 0; seed < 5; seed++) {
            struct generated made = perfect(&(struct gen_perfect){ .n_pieces = n, .seed = seed, .align = 8192, .n_fixed = n / 4 });
            cr_assert_eq(made.n, n);
            cr_assert_eq(peak_of_places(&made), GEN_HEIGHT, "%u pieces, seed %u", n, (unsigned)seed);
            cr_assert_eq(area_of(&made), GEN_HEIGHT * 4 * n);
            for (uint32_t i = 0; i < n; i++)
                cr_assert(made.at[i].size % GEN_GRAIN == 0 && made.places[i] % GEN_GRAIN == 0 &&
                          made.at[i].death <= 4 * (uint64_t)n);
            drop(&made);
        }
}

Test(gen, drops_the_share_asked_for)
{
    struct gen_perfect wish = { .n_pieces = 200, .seed = 3 };
    struct generated all = perfect(&wish);
    static const uint32_t shares[][2] = { { 0, 200 }, { 50000, 190 }, { 52600, 190 }, { 999999, 1 } };
    for (int k = 0; k < 4; k++) {
        wish.drop = shares[k][0];
        struct generated some = perfect(&wish);
        cr_assert_eq(some.n, shares[k][1]);
        cr_assert_leq(peak_of_places(&some), GEN_HEIGHT);
        for (uint32_t i = 0; i < some.n; i++)
            cr_assert(some.at[i].birth == all.at[i].birth && some.places[i] == all.places[i], "the others stay as they are");
        drop(&some);
    }
    drop(&all);
}

Test(gen, fixes_those_that_live_longest)
{
    struct generated made = perfect(&(struct gen_perfect){ .n_pieces = 300, .n_fixed = 20, .drop = 100000 });
    uint64_t shortest_fixed = UINT64_MAX, longest_free = 0;
    uint32_t n_fixed = 0;
    for (uint32_t i = 0; i < made.n; i++) {
        uint64_t life = made.at[i].death - made.at[i].birth;
        if (made.at[i].fixed)
            shortest_fixed = min_u64(shortest_fixed, life);
        else
            longest_free = max_u64(longest_free, life);
        n_fixed += made.at[i].fixed != 0;
        cr_assert(made.at[i].fixed == 0 || made.at[i].fixed == 1 + made.places[i]);
    }
    cr_assert(n_fixed == 20 && shortest_fixed >= longest_free);
    drop(&made);
    made = perfect(&(struct gen_perfect){ .n_pieces = 5, .n_fixed = 500 });
    cr_assert(made.n == 5 && made.at[0].fixed && made.at[4].fixed);
    drop(&made);
}

Test(gen, asks_for_alignments_that_the_places_have)
{
    struct generated made = perfect(&(struct gen_perfect){ .n_pieces = 1000, .align = 65536 });
    uint32_t n_aligned = 0, n_strict = 0;
    for (uint32_t i = 0; i < made.n; i++) {
        uint64_t align = made.at[i].align;
        cr_assert(align == 0 || (is_pow2(align) && align <= 65536 && made.places[i] % align == 0));
        n_aligned += align != 0;
        n_strict += align > GEN_GRAIN;
    }
    cr_assert(n_aligned > 400 && n_aligned < 600 && n_strict > 200, "%u, %u", n_aligned, n_strict);
    drop(&made);
}

Test(gen, shuffles_the_pieces)
{
    struct generated made = perfect(&(struct gen_perfect){ .n_pieces = 2000, .seed = 1 });
    unsigned later = 0, higher = 0, apart = 0;
    for (uint32_t i = 1; i < made.n; i++) {
        const struct ga_interval *a = &made.at[i - 1], *b = &made.at[i];
        later += a->birth < b->birth;
        higher += made.places[i - 1] < made.places[i];
        apart += a->death <= b->birth || b->death <= a->birth;
    }
    cr_assert(later > 900 && later < 1100 && higher > 900 && higher < 1100, "%u, %u", later, higher);
    cr_assert_gt(apart, 1800, "neighbours in the file are not those of the rectangle");
    drop(&made);
}

/* No cut from edge to edge takes them apart. */
static bool winds(const struct generated *made)
{
    for (uint64_t t = 1; t < 4 * (uint64_t)made->n; t++) {
        bool cut = true;
        for (uint32_t i = 0; i < made->n; i++)
            cut &= made->at[i].birth >= t || made->at[i].death <= t;
        if (cut)
            return false;
    }
    for (uint64_t y = GEN_GRAIN; y < GEN_HEIGHT; y += GEN_GRAIN) {
        bool cut = true;
        for (uint32_t i = 0; i < made->n; i++)
            cut &= made->places[i] >= y || made->places[i] + made->at[i].size <= y;
        if (cut)
            return false;
    }
    return true;
}

Test(gen, winds_around_the_middle_now_and_then)
{
    unsigned n_winding = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct generated made = perfect(&(struct gen_perfect){ .n_pieces = 5, .seed = seed });
        n_winding += winds(&made);
        drop(&made);
    }
    cr_assert(n_winding > 25 && n_winding < 80, "%u of 400, should be one in eight", n_winding);
}

/* ---- at random ---- */

enum { n_random = 40000 };

Test(gen, has_so_many_live_on_average)
{
    static const uint32_t lives[] = { 1, 10, 300, 5000, n_random / 4 };
    for (int k = 0; k < 15; k++) {
        enum gen_kind kind = (enum gen_kind)(k / 5);
        uint32_t live = lives[k % 5];
        struct generated made = randomly(&(struct gen_random){ .n = n_random, .kind = kind, .live = live });
        uint64_t sum = 0, span = (uint64_t)n_random * 10, n_whole = 0;
        for (uint32_t i = 0; i < n_random; i++) {
            const struct ga_interval *at = &made.at[i];
            bool whole = at->birth == 0 && at->death == span;
            cr_assert(at->birth < at->death && at->death <= span);
            sum += whole ? 0 : at->death - at->birth;
            n_whole += whole;
        }
        double mean = (double)sum / (double)span;
        cr_assert(mean <= live && mean > 0.99 * live - 0.1, "kind %d: %.2f live, not %u", kind, mean, live);
        cr_assert(kind == GEN_MIXED ? n_whole > 20 && n_whole < 65 : n_whole == 0, "%u live throughout", (unsigned)n_whole);
        drop(&made);
    }
}

/* How many lives are longer than that, of those which cannot reach the end. */
static double share_longer(const struct generated *made, uint64_t than)
{
    unsigned n = 0, longer = 0;
    for (uint32_t i = 0; i < made->n; i++) {
        if (made->at[i].birth > 9 * (uint64_t)made->n)
            continue;
        n++;
        longer += made->at[i].death - made->at[i].birth > than;
    }
    return (double)longer / n;
}

static bool is_near(double a, double b)
{
    return a < b * 1.06 && b < a * 1.06;
}

Test(gen, spreads_lives_as_promised)
{
    struct generated made = randomly(&(struct gen_random){ .n = n_random, .kind = GEN_EXP, .live = 300 });
    cr_assert(is_near(share_longer(&made, 2095), 0.5) && is_near(share_longer(&made, 6985), 0.1), "mean 3023 times ln 2, ln 10");
    drop(&made);
    made = randomly(&(struct gen_random){ .n = n_random, .kind = GEN_HEAVY, .live = 300 });
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < n_random; i++) {
        uint64_t life = made.at[i].death - made.at[i].birth;
        most = max_u64(most, life);
        least = made.at[i].death < n_random * 10 ? min_u64(least, life) : least;
    }
    cr_assert(most == n_random + 1, "cut at a tenth of the whole");
    cr_assert(is_near(share_longer(&made, least * 2), 0.4353) && is_near(share_longer(&made, least * 10), 0.0631), "to the -1.2");
    drop(&made);
}

Test(gen, spreads_sizes_over_sixteen_octaves)
{
    struct generated made = randomly(&(struct gen_random){ .n = n_random, .kind = GEN_EXP, .live = 10, .seed = 5 });
    unsigned octaves[16] = { 0 }, lower_half = 0;
    for (uint32_t i = 0; i < n_random; i++) {
        uint64_t size = made.at[i].size;
        cr_assert(size >= 256 && size < 256 << 16 && size % 256 == 0);
        unsigned octave = high_bit(size / 256);
        octaves[octave]++;
        lower_half += octave == 15 && size < 256 * 46341;
    }
    for (int k = 0; k < 16; k++)
        cr_assert(octaves[k] > n_random * 0.9 / 16 && octaves[k] < n_random * 1.1 / 16, "octave %d: %u", k, octaves[k]);
    cr_assert(is_near(2.0 * lower_half, octaves[15]), "%u", lower_half);
    drop(&made);
}

/* ---- both ---- */

static bool to_nowhere(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    return len > 0;
}

static uint64_t sum_of(const struct generated *made)
{
    struct text out = text_to(&(struct ga_sink){ .write = to_nowhere });
    gai_generated_write(made, false, &out);
    cr_assert_eq(gai_text_end(&out), GA_OK);
    return out.sum;
}

Test(gen, makes_the_same_on_every_machine)
{
    static const uint64_t sums[] = { 0x3400e07e10485f32, 0x0c697ea5bda88782, 0xfff9dc1303ca9d43, 0xb358f6ae9cdc3cb3 };
    for (int k = 0; k < 4; k++) {
        struct gen_perfect cuts = { .n_pieces = 1000, .seed = 42, .align = 4096, .n_fixed = 9, .drop = 20000 };
        struct generated made = k == 3 ? perfect(&cuts) : randomly(&(struct gen_random){ 5000, (enum gen_kind)k, 300, 42 });
        cr_assert_eq(sum_of(&made), sums[k], "%d: 0x%016llx", k, (unsigned long long)sum_of(&made));
        drop(&made);
    }
}

Test(gen, is_unharmed_when_memory_runs_out)
{
    for (int chance = 0; chance < 2; chance++) {
        enum ga_status status = GA_NO_MEMORY;
        for (uint64_t fail_at = 1; status != GA_OK; fail_at++) {
            struct test_mem mem = { .fail_at = fail_at };
            struct ga_env env = test_env(&mem);
            struct generated made;
            status = chance ? gai_gen_random(&env.mem, &(struct gen_random){ .n = 50, .live = 5 }, &made)
                            : gai_gen_perfect(&env.mem, &(struct gen_perfect){ .n_pieces = 50 }, &made);
            cr_assert(status == GA_OK || status == GA_NO_MEMORY);
            if (status == GA_OK)
                gai_generated_fini(&env.mem, &made);
            cr_assert(mem.live == 0 && !mem.lied);
        }
    }
}
