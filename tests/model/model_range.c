/*
 * A range beside a model that is slow and obvious: an array of blocks in address order, searched from end to end with ggml's
 * rule as ggml states it.  Every decision must agree, and the range must pass its own check after every step.
 */
#include "base/rng.h"
#include "range/range.h"
#include "support.h"

#include <criterion/criterion.h>

#include <string.h>

#define MAX_BLOCKS 1024
#define MAX_LIVE 200
#define UNTOUCHED 12345u

struct block {
    uint64_t offset, len;
    bool used;
};

struct model {
    struct block blocks[MAX_BLOCKS];
    unsigned n;
    uint64_t used, peak;
};

static void insert_block(struct model *model, unsigned at, struct block block)
{
    cr_assert_lt(model->n, MAX_BLOCKS);
    memmove(&model->blocks[at + 1], &model->blocks[at], (model->n - at) * sizeof block);
    model->blocks[at] = block;
    model->n++;
}

static void remove_block(struct model *model, unsigned at)
{
    model->n--;
    memmove(&model->blocks[at], &model->blocks[at + 1], (model->n - at) * sizeof model->blocks[0]);
}

/* Cuts blocks so that [offset, offset + len) is one, sets it, and joins what is free on both sides. */
static void set_used(struct model *model, uint64_t offset, uint64_t len, bool used)
{
    unsigned at = 0;
    while (model->blocks[at].offset + model->blocks[at].len <= offset)
        at++;
    struct block whole = model->blocks[at];
    cr_assert(whole.used != used && offset + len <= whole.offset + whole.len);
    remove_block(model, at);
    uint64_t end = offset + len, whole_end = whole.offset + whole.len;
    if (end < whole_end)
        insert_block(model, at, (struct block){ end, whole_end - end, whole.used });
    insert_block(model, at, (struct block){ offset, len, used });
    if (whole.offset < offset)
        insert_block(model, at, (struct block){ whole.offset, offset - whole.offset, whole.used });

    for (unsigned i = 0; i + 1 < model->n;) {
        struct block *block = &model->blocks[i];
        if (!block[0].used && !block[1].used) {
            block->len += block[1].len;
            remove_block(model, i + 1);
        } else {
            i++;
        }
    }
    model->used += used ? len : -len;
    if (used && end > model->peak)
        model->peak = end;
}

static int last_free(const struct model *model)
{
    int last = -1;
    for (unsigned i = 0; i < model->n; i++)
        if (!model->blocks[i].used)
            last = (int)i;
    return last;
}

/* The block that ggml would take from, or -1. */
static int choose(const struct model *model, uint64_t len, enum range_fit fit)
{
    int last = last_free(model), best = -1;
    for (int i = 0; i < last; i++) {
        const struct block *block = &model->blocks[i];
        if (block->used || block->len < len)
            continue;
        bool better = best < 0 || block->len < model->blocks[best].len;
        bool equal = best >= 0 && block->len == model->blocks[best].len;
        if (better || (equal && fit == RANGE_TIE_HIGH))
            best = i;
    }
    if (best < 0 && last >= 0 && model->blocks[last].len >= len)
        best = last;
    return best;
}

/* How the lengths of one run are drawn: a few equal ones, small ones, up to a MiB, up to what 57 bits hold. */
enum { N_STYLES = 5 };

static uint64_t draw_len(struct rng *rng, unsigned style)
{
    switch (style) {
    case 0:
        return 64;
    case 1:
        return 1 + rng_below(rng, 20);
    case 2:
        return 1024 + 32 * rng_below(rng, 3);
    case 3:
        return 1 + (rng_next(rng) >> (44 + rng_below(rng, 20)));
    default:
        return 1 + (rng_next(rng) >> (8 + rng_below(rng, 56)));
    }
}

struct run {
    struct range range;
    struct model model;
    struct rng rng;
    uint32_t live[MAX_LIVE];
    unsigned n_live, n_failed, style;
    enum range_fit fit;
    bool exact; /* RANGE_FAST is not: the model then follows where the range went */
};

static void compare(const struct run *run)
{
    const char *broken = gai_range_check(&run->range);
    cr_assert_null(broken, "%s", broken);
    cr_assert_eq(run->range.used, run->model.used);
    cr_assert_eq(run->range.peak, run->model.peak);
    uint32_t node = RANGE_NONE;
    uint64_t longest = 0;
    int last = last_free(&run->model);
    for (unsigned i = 0; i < run->model.n; i++) {
        const struct block *block = &run->model.blocks[i];
        node = range_next(&run->range, node);
        cr_assert_eq(range_offset(&run->range, node), block->offset);
        cr_assert_eq(range_len(&run->range, node), block->len);
        cr_assert_eq(range_is_free(&run->range, node), !block->used);
        if ((int)i < last && !block->used && block->len > longest)
            longest = block->len;
    }
    cr_assert_eq(range_next(&run->range, node), RANGE_NONE);
    node = gai_range_longest(&run->range);
    cr_assert_eq(node == RANGE_NONE ? 0 : range_len(&run->range, node), longest);
}

/* The same again after it failed for want of memory, which changes nothing. */
static bool must_retry(struct run *run, enum ga_status status, uint32_t node)
{
    if (status != GA_NO_MEMORY)
        return false;
    cr_assert_eq(node, UNTOUCHED);
    compare(run);
    run->n_failed++;
    return true;
}

static void step_take(struct run *run)
{
    uint64_t len = draw_len(&run->rng, run->style);
    int at = choose(&run->model, len, run->fit);
    uint32_t node = UNTOUCHED;
    enum ga_status status = gai_range_take(&run->range, len, &node);
    if (must_retry(run, status, node))
        status = gai_range_take(&run->range, len, &node);
    if (run->exact) {
        cr_assert_eq(status, at < 0 ? GA_NO_SPACE : GA_OK);
    } else {
        cr_assert(status == GA_OK || status == GA_NO_SPACE);
        cr_assert(at >= 0 || status == GA_NO_SPACE);
    }
    if (status != GA_OK) {
        cr_assert_eq(node, UNTOUCHED);
        return;
    }
    uint64_t offset = range_offset(&run->range, node);
    cr_assert_eq(range_len(&run->range, node), len);
    if (run->exact)
        cr_assert_eq(offset, run->model.blocks[at].offset);
    set_used(&run->model, offset, len, true);
    run->live[run->n_live++] = node;
}

static void step_take_at(struct run *run)
{
    uint64_t len = draw_len(&run->rng, run->style);
    uint64_t offset = rng_below(&run->rng, run->model.peak + 200);
    bool fits = false;
    for (unsigned i = 0; i < run->model.n; i++) {
        const struct block *block = &run->model.blocks[i];
        fits |= !block->used && block->offset <= offset && offset + len <= block->offset + block->len;
    }
    uint32_t node = UNTOUCHED;
    enum ga_status status = gai_range_take_at(&run->range, offset, len, &node);
    if (must_retry(run, status, node))
        status = gai_range_take_at(&run->range, offset, len, &node);
    cr_assert_eq(status, fits ? GA_OK : GA_NO_SPACE);
    if (!fits)
        return;
    cr_assert_eq(range_offset(&run->range, node), offset);
    cr_assert_eq(range_len(&run->range, node), len);
    set_used(&run->model, offset, len, true);
    run->live[run->n_live++] = node;
}

static void step_give(struct run *run)
{
    unsigned at = (unsigned)rng_below(&run->rng, run->n_live);
    uint32_t node = run->live[at];
    set_used(&run->model, range_offset(&run->range, node), range_len(&run->range, node), false);
    gai_range_give(&run->range, node);
    run->live[at] = run->live[--run->n_live];
}

static void step_trim(struct run *run)
{
    uint32_t node = run->live[rng_below(&run->rng, run->n_live)];
    uint64_t offset = range_offset(&run->range, node), len = range_len(&run->range, node);
    uint64_t head = rng_below(&run->rng, 2) ? rng_below(&run->rng, len) : 0;
    uint64_t kept = 1 + rng_below(&run->rng, len - head);
    if (head)
        set_used(&run->model, offset, head, false);
    if (head + kept < len)
        set_used(&run->model, offset + head + kept, len - head - kept, false);
    gai_range_trim(&run->range, node, head, kept);
    cr_assert_eq(range_offset(&run->range, node), offset + head);
    cr_assert_eq(range_len(&run->range, node), kept);
}

static void step(struct run *run)
{
    uint64_t dice = rng_below(&run->rng, 100);
    if (run->n_live == 0 || (dice < 50 && run->n_live < MAX_LIVE))
        step_take(run);
    else if (dice < 55 && run->n_live < MAX_LIVE)
        step_take_at(run);
    else if (dice < 62)
        step_trim(run);
    else if (dice < 99 || run->style < 3)
        step_give(run);
    else {
        while (run->n_live)
            step_give(run);
    }
}

/* How often a request for memory failed. */
static unsigned traffic(uint64_t seed, int n_steps, const struct ga_mem *mem)
{
    static struct run run;
    run = (struct run){ .rng = { seed }, .style = (unsigned)(seed / 5 % N_STYLES), .exact = seed % 5 != 4 };
    run.fit = seed % 5 == 4 ? RANGE_FAST : seed % 3 ? RANGE_TIE_HIGH : RANGE_TIE_LOW;
    /* Open-ended, or so short that it is full now and then. */
    uint64_t size = seed % 2 ? RANGE_OPEN : 1 + 40 * draw_len(&run.rng, run.style);
    if (gai_range_init(&run.range, mem, size, run.fit, 0) != GA_OK)
        return 1;
    bool has_many = seed % 7 < 3;
    if (has_many) {
        gai_range_expect_many(&run.range, (uint64_t)1 << rng_below(&run.rng, 12));
        run.range.many = (uint32_t)rng_below(&run.rng, 40);
    }
    for (int round = 0; round < 2; round++) {
        run.model.blocks[0] = (struct block){ .len = size };
        run.model.n = 1;
        run.model.used = 0;
        run.n_live = 0;
        for (int i = 0; i < n_steps; i++) {
            if (has_many && i % 32 == 0)
                gai_range_expect_end(&run.range, 1 + (rng_next(&run.rng) >> (1 + rng_below(&run.rng, 63))));
            step(&run);
            compare(&run);
        }
        gai_range_reset(&run.range);
    }
    gai_range_fini(&run.range);
    return run.n_failed;
}

Test(range_model, agrees_with_a_linear_search_under_random_traffic)
{
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    for (uint64_t seed = 0; seed < 200; seed++)
        cr_assert_eq(traffic(seed, 400, &env.mem), 0);
    cr_assert(!hook.lied && hook.blocks == 0);
}

Test(range_model, is_unharmed_when_memory_runs_out)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        unsigned n_failed = 1;
        for (uint64_t nth = 1; n_failed; nth++) {
            struct test_mem hook = { .fail_at = nth };
            struct ga_env env = test_env(&hook);
            n_failed = traffic(seed, 200, &env.mem);
            cr_assert_leq(n_failed, 1);
            cr_assert(!hook.lied && hook.blocks == 0);
            cr_assert(n_failed || nth > 1, "not even the first request failed");
        }
    }
}
