#include "base/rng.h"
#include "ggml_alloc/tallocr.h"
#include "support.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>

static uint64_t alloc(ga_tallocr *talloc, uint64_t size)
{
    uint64_t offset = UINT64_MAX;
    cr_assert_eq(ga_tallocr_alloc(talloc, size, &offset), GA_OK);
    const char *broken = ga_tallocr_check(talloc);
    cr_assert_null(broken, "%s", broken);
    return offset;
}

static void release(ga_tallocr *talloc, uint64_t offset, uint64_t size)
{
    cr_assert_eq(ga_tallocr_free(talloc, offset, size), GA_OK);
    const char *broken = ga_tallocr_check(talloc);
    cr_assert_null(broken, "%s", broken);
}

/* "96+64 288+96": the free blocks. */
struct seen {
    char text[256];
    size_t len;
    int stop_after;
};

static bool note(void *user, uint64_t offset, uint64_t size)
{
    struct seen *seen = user;
    seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "%s%" PRIu64 "+%" PRIu64,
                                  seen->len ? " " : "", offset, size);
    return --seen->stop_after != 0;
}

static void shows(const ga_tallocr *talloc, const char *expected)
{
    struct seen seen = { 0 };
    ga_tallocr_walk(talloc, note, &seen);
    cr_assert_str_eq(seen.text, expected, "%s", seen.text);
}

Test(tallocr, hands_out_offsets_from_zero)
{
    ga_tallocr *talloc = ga_tallocr_new(NULL, 384, 32);
    cr_assert(!ga_tallocr_is_measure(talloc));
    cr_assert_eq(alloc(talloc, 96), 0);
    cr_assert_eq(alloc(talloc, 33), 96); /* takes 64 */
    cr_assert_eq(alloc(talloc, 0), 160); /* a unit, so that it has an offset of its own */
    cr_assert_eq(ga_tallocr_used(talloc), 192);
    cr_assert_eq(ga_tallocr_max(talloc), 192);
    cr_assert_eq(ga_tallocr_largest(talloc), 192);
    shows(talloc, "192+192");
    ga_tallocr_delete(talloc);
}

Test(tallocr, lists_its_free_blocks_by_address)
{
    ga_tallocr *talloc = ga_tallocr_new(NULL, 384, 1);
    uint64_t a = alloc(talloc, 96), b = alloc(talloc, 64), c = alloc(talloc, 128);
    release(talloc, b, 64);
    shows(talloc, "96+64 288+96");
    struct seen seen = { .stop_after = 1 };
    ga_tallocr_walk(talloc, note, &seen);
    cr_assert_str_eq(seen.text, "96+64");
    release(talloc, c, 128);
    shows(talloc, "96+288");
    release(talloc, a, 96);
    shows(talloc, "0+384");
    alloc(talloc, 384);
    shows(talloc, "");
    ga_tallocr_delete(talloc);
}

Test(tallocr, takes_the_best_fit_and_the_open_end_last)
{
    ga_tallocr *talloc = ga_tallocr_new(NULL, 100, 1);
    uint64_t a = alloc(talloc, 20);
    alloc(talloc, 1);
    uint64_t b = alloc(talloc, 10);
    alloc(talloc, 1);
    uint64_t c = alloc(talloc, 10);
    alloc(talloc, 48);
    release(talloc, a, 20);
    release(talloc, b, 10);
    release(talloc, c, 10);
    shows(talloc, "0+20 21+10 32+10 90+10");
    cr_assert_eq(alloc(talloc, 10), 32); /* of the two at 21 and 32; the end would fit as well */
    cr_assert_eq(alloc(talloc, 10), 21);
    cr_assert_eq(alloc(talloc, 10), 0);
    cr_assert_eq(alloc(talloc, 10), 10);
    cr_assert_eq(alloc(talloc, 10), 90);
    ga_tallocr_delete(talloc);
}

Test(tallocr, says_what_would_have_fitted)
{
    ga_tallocr *talloc = ga_tallocr_new(NULL, 1000, 64); /* 960 of them can be used */
    uint64_t offset = 77;
    cr_assert_eq(ga_tallocr_largest(talloc), 960);
    cr_assert_eq(ga_tallocr_alloc(talloc, 961, &offset), GA_NO_SPACE);
    cr_assert_eq(ga_tallocr_alloc(talloc, UINT64_MAX, &offset), GA_NO_SPACE);
    cr_assert_eq(ga_tallocr_alloc(talloc, UINT64_MAX - 63, &offset), GA_NO_SPACE);
    cr_assert_eq(offset, 77);
    uint64_t low = alloc(talloc, 640);
    cr_assert_eq(ga_tallocr_largest(talloc), 320);
    alloc(talloc, 320);
    cr_assert_eq(ga_tallocr_largest(talloc), 0);
    cr_assert_eq(ga_tallocr_alloc(talloc, 1, &offset), GA_NO_SPACE);
    release(talloc, low, 640);
    cr_assert_eq(ga_tallocr_largest(talloc), 640);
    cr_assert_null(ga_tallocr_check(talloc));
    ga_tallocr_delete(talloc);
}

Test(tallocr, frees_only_what_is_live)
{
    ga_tallocr *talloc = ga_tallocr_new(NULL, 1024, 16);
    uint64_t a = alloc(talloc, 100), b = alloc(talloc, 50);
    static const uint64_t strange[] = { 1, 16, 96, 111, 113, 176, 1024, 1040, UINT64_MAX };
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        cr_assert_eq(ga_tallocr_free(talloc, strange[i], 100), GA_INVALID);
    cr_assert_eq(ga_tallocr_free(talloc, a, 96), GA_INVALID);
    cr_assert_eq(ga_tallocr_free(talloc, a, 113), GA_INVALID);
    cr_assert_eq(ga_tallocr_free(talloc, a, UINT64_MAX), GA_INVALID);
    cr_assert_eq(ga_tallocr_used(talloc), 112 + 64);
    release(talloc, a, 97); /* the same after rounding */
    cr_assert_eq(ga_tallocr_free(talloc, a, 100), GA_INVALID);
    release(talloc, b, 50);
    cr_assert_eq(ga_tallocr_used(talloc), 0);
    ga_tallocr_delete(talloc);
}

Test(tallocr, forgets_all_but_the_high_water_mark)
{
    ga_tallocr *talloc = ga_tallocr_new_measure(NULL, 32);
    uint64_t a = alloc(talloc, 1000);
    alloc(talloc, 2000);
    ga_tallocr_reset(talloc);
    cr_assert_null(ga_tallocr_check(talloc));
    cr_assert_eq(ga_tallocr_used(talloc), 0);
    cr_assert_eq(ga_tallocr_max(talloc), 1024 + 2016);
    cr_assert_eq(ga_tallocr_free(talloc, a, 1000), GA_INVALID);
    cr_assert_eq(alloc(talloc, 1), 0);
    cr_assert_eq(ga_tallocr_max(talloc), 1024 + 2016);
    ga_tallocr_delete(talloc);
}

Test(tallocr, measures_without_an_end)
{
    ga_tallocr *talloc = ga_tallocr_new_measure(NULL, 0);
    cr_assert(ga_tallocr_is_measure(talloc));
    cr_assert_eq(alloc(talloc, (uint64_t)1 << 50), 0);
    cr_assert_eq(alloc(talloc, 3), (uint64_t)1 << 50);
    cr_assert_gt(ga_tallocr_largest(talloc), (uint64_t)1 << 62);
    uint64_t offset;
    cr_assert_eq(ga_tallocr_alloc(talloc, UINT64_MAX, &offset), GA_NO_SPACE);
    ga_tallocr_delete(talloc);
}

Test(tallocr, refuses_odd_alignments)
{
    static const uint64_t odd[] = { 3, 48, UINT64_MAX, ((uint64_t)1 << 63) + 1 };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        cr_assert_null(ga_tallocr_new(NULL, 100, odd[i]));
        cr_assert_null(ga_tallocr_new_measure(NULL, odd[i]));
    }
    for (unsigned log2 = 0; log2 < 64; log2++) {
        ga_tallocr *talloc = ga_tallocr_new(NULL, UINT64_MAX, (uint64_t)1 << log2);
        uint64_t offset;
        cr_assert_eq(ga_tallocr_alloc(talloc, 1, &offset), log2 < 63 ? GA_OK : GA_NO_SPACE);
        cr_assert_null(ga_tallocr_check(talloc));
        ga_tallocr_delete(talloc);
    }
    ga_tallocr_delete(NULL);
}

/* A block as the test remembers it. */
struct live {
    uint64_t offset, size;
};

struct traffic {
    struct rng rng;
    struct live live[300];
    unsigned n;
};

/* One random request; false when it does not fit. */
static bool step(struct traffic *traffic, ga_tallocr *talloc)
{
    bool frees = traffic->n && (traffic->n == 300 || rng_below(&traffic->rng, 100) < 48);
    if (frees) {
        unsigned at = (unsigned)rng_below(&traffic->rng, traffic->n);
        release(talloc, traffic->live[at].offset, traffic->live[at].size);
        traffic->live[at] = traffic->live[--traffic->n];
        return true;
    }
    struct live *block = &traffic->live[traffic->n];
    block->size = rng_below(&traffic->rng, 13);
    if (ga_tallocr_alloc(talloc, block->size, &block->offset) != GA_OK)
        return false;
    for (unsigned i = 0; i < traffic->n; i++) {
        const struct live *other = &traffic->live[i];
        uint64_t end = block->offset + (block->size ? block->size : 1), other_end = other->offset + (other->size ? other->size : 1);
        cr_assert(end <= other->offset || other_end <= block->offset, "two live blocks overlap");
    }
    traffic->n++;
    return true;
}

Test(tallocr, serves_in_its_measured_size_what_was_measured)
{
    static struct traffic measured, real;
    for (uint64_t seed = 0; seed < 200; seed++) {
        ga_tallocr *measure = ga_tallocr_new_measure(NULL, 4);
        measured = (struct traffic){ .rng = { seed } };
        for (int i = 0; i < 150; i++)
            cr_assert(step(&measured, measure));

        ga_tallocr *talloc = ga_tallocr_new(NULL, ga_tallocr_max(measure), 4);
        real = (struct traffic){ .rng = { seed } };
        for (int i = 0; i < 150; i++)
            cr_assert(step(&real, talloc), "seed %" PRIu64 ": step %d does not fit", seed, i);
        for (unsigned i = 0; i < real.n; i++)
            cr_assert_eq(real.live[i].offset, measured.live[i].offset);
        cr_assert_eq(ga_tallocr_max(talloc), ga_tallocr_max(measure));
        ga_tallocr_delete(talloc);
        ga_tallocr_delete(measure);
    }
}

Test(tallocr, has_no_limit_on_blocks)
{
    enum { N = 20000 };
    ga_tallocr *talloc = ga_tallocr_new_measure(NULL, 32);
    static uint64_t offsets[N];
    for (int i = 0; i < N; i++)
        cr_assert_eq(ga_tallocr_alloc(talloc, 32, &offsets[i]), GA_OK);
    for (int i = 0; i < N; i += 2)
        cr_assert_eq(ga_tallocr_free(talloc, offsets[i], 32), GA_OK);
    cr_assert_null(ga_tallocr_check(talloc));
    for (int i = N - 2; i >= 0; i -= 2) {
        uint64_t offset;
        cr_assert_eq(ga_tallocr_alloc(talloc, 32, &offset), GA_OK);
        cr_assert_eq(offset, offsets[i]);
    }
    for (int i = 0; i < N; i++)
        cr_assert_eq(ga_tallocr_free(talloc, offsets[i], 32), GA_OK);
    cr_assert_null(ga_tallocr_check(talloc));
    cr_assert_eq(ga_tallocr_used(talloc), 0);
    ga_tallocr_delete(talloc);
}

Test(tallocr, is_unharmed_when_memory_runs_out)
{
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct test_mem hook = { .fail_at = nth };
        struct ga_env env = test_env(&hook);
        failed = false;
        ga_tallocr *talloc = ga_tallocr_new(&env, 100000, 8);
        if (!talloc) {
            cr_assert_eq(hook.blocks, 0);
            failed = true;
            continue;
        }
        for (int i = 0; i < 200; i++) {
            uint64_t offset = 77, used = ga_tallocr_used(talloc), max = ga_tallocr_max(talloc);
            enum ga_status status = ga_tallocr_alloc(talloc, 8, &offset);
            cr_assert_null(ga_tallocr_check(talloc));
            if (status == GA_OK)
                continue;
            cr_assert_eq(status, GA_NO_MEMORY);
            cr_assert(offset == 77 && ga_tallocr_used(talloc) == used && ga_tallocr_max(talloc) == max);
            failed = true;
            i--;
        }
        ga_tallocr_delete(talloc);
        cr_assert(!hook.lied && hook.blocks == 0);
        cr_assert_lt(nth, 100);
    }
}
