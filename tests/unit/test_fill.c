/*
 * The filling engine against an answer that tries every offset, with each of its rules switched off in turn; and on rectangles
 * that were cut to pieces, where nothing may be lost.
 */
#include "place/exact.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIECES 400

struct pieces {
    struct exact_item items[MAX_PIECES];
    struct exact_task task;
    uint64_t offsets[MAX_PIECES];
};

static int by_contract(const void *a, const void *b)
{
    const struct exact_item *x = a, *y = b;
    const uint64_t keys[][2] = { { x->from, y->from },   { x->to, y->to },         { y->size, x->size },
                                 { x->align, y->align }, { x->lowest, y->lowest }, { x->fixed, y->fixed } };
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        if (keys[k][0] != keys[k][1])
            return keys[k][0] < keys[k][1] ? -1 : 1;
    return 0;
}

static void finish(struct pieces *pieces, uint32_t n_items, uint32_t n_sections)
{
    qsort(pieces->items, n_items, sizeof pieces->items[0], by_contract);
    pieces->task = (struct exact_task){ .items = pieces->items, .n_items = n_items, .n_sections = n_sections };
    for (uint32_t s = 0; s < n_sections; s++) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < n_items; i++)
            live += pieces->items[i].from <= s && s < pieces->items[i].to ? pieces->items[i].size : 0;
        pieces->task.load = live > pieces->task.load ? live : pieces->task.load;
    }
}

static bool collides(const struct pieces *pieces, uint32_t i, uint32_t j)
{
    const struct exact_item *a = &pieces->items[i], *b = &pieces->items[j];
    return exact_neighbours(a, b) && pieces->offsets[i] < pieces->offsets[j] + b->size &&
           pieces->offsets[j] < pieces->offsets[i] + a->size;
}

static void must_be_right(const struct pieces *pieces, uint64_t capacity)
{
    for (uint32_t i = 0; i < pieces->task.n_items; i++) {
        const struct exact_item *item = &pieces->items[i];
        cr_assert(pieces->offsets[i] + item->size <= capacity && pieces->offsets[i] % item->align == 0);
        cr_assert(item->fixed ? pieces->offsets[i] == item->lowest : pieces->offsets[i] >= item->lowest);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_not(collides(pieces, i, j), "%u and %u", i, j);
    }
}

static enum exact_verdict ask(void *engine, struct pieces *pieces, uint64_t capacity, unsigned rules, uint64_t limit)
{
    struct exact_ask question = { .capacity = capacity, .rules = rules, .limit = limit, .offsets = pieces->offsets };
    enum exact_verdict verdict = gai_exact_fill.decide(engine, &question);
    if (verdict == EXACT_FITS)
        must_be_right(pieces, capacity);
    return verdict;
}

/* Every offset of every item, one after the other. */
static bool fits_somehow(struct pieces *pieces, uint64_t capacity, uint32_t i)
{
    if (i == pieces->task.n_items)
        return true;
    const struct exact_item *item = &pieces->items[i];
    uint64_t end = item->fixed ? item->lowest + 1 : capacity;
    for (uint64_t at = item->lowest; at < end && at + item->size <= capacity; at += item->align) {
        pieces->offsets[i] = at;
        bool fits = true;
        for (uint32_t j = 0; j < i && fits; j++)
            fits = !collides(pieces, i, j);
        if (fits && fits_somehow(pieces, capacity, i + 1))
            return true;
    }
    return false;
}

static void make_small(struct pieces *pieces, struct rng *rng)
{
    *pieces = (struct pieces){ 0 };
    uint32_t n = 2 + (uint32_t)rng_below(rng, 6), n_sections = 1 + (uint32_t)rng_below(rng, 4);
    bool aligned = rng_below(rng, 2) == 0, some_fixed = rng_below(rng, 3) == 0;
    for (uint32_t i = 0; i < n; i++) {
        struct exact_item *item = &pieces->items[i];
        item->from = (uint32_t)rng_below(rng, n_sections);
        item->to = item->from + 1 + (uint32_t)rng_below(rng, n_sections - item->from);
        item->size = 1 + rng_below(rng, 4);
        item->align = aligned ? (uint64_t)1 << rng_below(rng, 3) : 1;
        item->fixed = some_fixed && rng_below(rng, 4) == 0;
        item->lowest = item->fixed || rng_below(rng, 8) == 0 ? item->align * rng_below(rng, 4) : 0;
    }
    finish(pieces, n, n_sections);
}

Test(fill, agrees_with_every_offset_under_every_rule)
{
    static const unsigned rules[] = { EXACT_ALL_RULES,
                                      EXACT_ALL_RULES & ~(unsigned)EXACT_LIFTER,
                                      EXACT_ALL_RULES & ~(unsigned)EXACT_TWINS,
                                      EXACT_ALL_RULES & ~(unsigned)EXACT_CUTS,
                                      EXACT_ALL_RULES & ~(unsigned)EXACT_SECTIONS,
                                      0 };
    struct ga_env env = test_env(&(struct test_mem){ 0 });
    struct rng rng = { 7 };
    unsigned n_fits = 0, n_cannot = 0;
    for (int round = 0; round < 3000; round++) {
        struct pieces pieces;
        make_small(&pieces, &rng);
        void *engine = gai_exact_fill.new(&env.mem, &pieces.task);
        cr_assert_not_null(engine);
        /* Up and down: what is learned below one capacity must not leak above it. */
        for (uint64_t k = 0; k < 6; k++) {
            uint64_t capacity = pieces.task.load + (k * 5) % 6;
            bool fits = fits_somehow(&pieces, capacity, 0);
            enum exact_verdict verdict = ask(engine, &pieces, capacity, rules[(unsigned)round % 6], UINT64_MAX);
            cr_assert_eq(verdict, fits ? EXACT_FITS : EXACT_CANNOT, "round %d, capacity %d", round, (int)capacity);
            n_fits += fits;
            n_cannot += !fits;
        }
        gai_exact_fill.delete(&env.mem, engine);
    }
    cr_expect(n_fits > 2000 && n_cannot > 2000);
}

struct rectangle {
    uint32_t from, to;
    uint64_t size;
};

/* Cuts a rectangle of 1024 units over 4 n sections into n, the largest first, at random. */
static void cut(struct pieces *pieces, uint32_t n, uint64_t seed)
{
    static struct rectangle cuts[MAX_PIECES];
    struct rng rng = { seed };
    cuts[0] = (struct rectangle){ 0, 4 * n, 1024 };
    for (uint32_t k = 1; k < n; k++) {
        uint32_t largest = 0;
        for (uint32_t i = 1; i < k; i++)
            if (cuts[i].size * (cuts[i].to - cuts[i].from) > cuts[largest].size * (cuts[largest].to - cuts[largest].from))
                largest = i;
        struct rectangle *old = &cuts[largest], *new = &cuts[k];
        uint64_t width = old->to - old->from;
        *new = *old;
        bool upright = width > 1 && (old->size < 2 || rng_below(&rng, 1024 * width + 4 * n * old->size) < 1024 * width);
        if (upright)
            old->to = new->from = old->from + 1 + (uint32_t)(width * (20 + rng_below(&rng, 60)) / 100 % (width - 1));
        else
            new->size -= old->size = 1 + old->size *(20 + rng_below(&rng, 60)) / 100 % (old->size - 1);
    }
    *pieces = (struct pieces){ 0 };
    for (uint32_t i = 0; i < n; i++)
        pieces->items[i] =
            (struct exact_item){ .size = cuts[i].size, .align = 1, .from = cuts[i].from, .to = cuts[i].to, .origin = i };
    finish(pieces, n, 4 * n);
}

Test(fill, puts_cut_rectangles_together_again)
{
    struct ga_env env = test_env(&(struct test_mem){ 0 });
    for (uint64_t seed = 0; seed < 30; seed++) {
        static struct pieces pieces;
        cut(&pieces, 20 + 6 * (uint32_t)seed, seed);
        cr_assert_eq(pieces.task.load, 1024);
        void *engine = gai_exact_fill.new(&env.mem, &pieces.task);
        cr_expect_eq(ask(engine, &pieces, 1024, EXACT_ALL_RULES, 300000000), EXACT_FITS, "seed %d", (int)seed);
        cr_expect_eq(ask(engine, &pieces, 1023, EXACT_ALL_RULES, 1000), EXACT_CANNOT);
        gai_exact_fill.delete(&env.mem, engine);
    }
}

Test(fill, works_by_turns_and_the_same_each_time)
{
    struct ga_env env = test_env(&(struct test_mem){ 0 });
    static struct pieces pieces;
    cut(&pieces, 150, 4);
    pieces.items[3].size -= 8; /* something may be lost */
    finish(&pieces, 150, 600);
    uint64_t offsets[2][MAX_PIECES], turns[2] = { 0, 0 };
    for (int k = 0; k < 2; k++) {
        void *engine = gai_exact_fill.new(&env.mem, &pieces.task);
        while (ask(engine, &pieces, 1024, EXACT_ALL_RULES, 20000) == EXACT_UNKNOWN)
            cr_assert(turns[k]++ < 100000);
        memcpy(offsets[k], pieces.offsets, sizeof offsets[k]);
        gai_exact_fill.delete(&env.mem, engine);
    }
    cr_expect_eq(turns[0], turns[1]);
    cr_expect_arr_eq(offsets[0], offsets[1], sizeof offsets[0]);
}

static bool stop(void *user, uint64_t steps)
{
    *(uint64_t *)user += steps;
    return false;
}

Test(fill, stops_when_told)
{
    struct ga_env env = test_env(&(struct test_mem){ 0 });
    static struct pieces pieces;
    cut(&pieces, 100, 1);
    uint64_t told = 0;
    void *engine = gai_exact_fill.new(&env.mem, &pieces.task);
    struct exact_ask question = { .capacity = 1024, .rules = EXACT_ALL_RULES, .limit = UINT64_MAX, .offsets = pieces.offsets };
    question.go_on = stop;
    question.user = &told;
    cr_expect_eq(gai_exact_fill.decide(engine, &question), EXACT_UNKNOWN);
    cr_expect_eq(told, question.steps);
    gai_exact_fill.delete(&env.mem, engine);
}

Test(fill, declines_what_is_too_large)
{
    struct exact_item items[2] = { { .size = 5, .align = 1, .to = 1 }, { .size = 5, .align = 1, .to = 1 } };
    struct exact_task task = { .items = items, .n_items = 2, .n_sections = 1, .load = 10 };
    cr_expect(gai_exact_fill.takes(&task, 10));
    cr_expect_not(gai_exact_fill.takes(&task, (uint64_t)1 << 31));
    task.n_items = 1000000;
    task.n_sections = 500000;
    cr_expect_not(gai_exact_fill.takes(&task, 10));
}

Test(fill, has_all_its_memory_or_none)
{
    static struct pieces pieces;
    cut(&pieces, 30, 2);
    for (uint64_t n = 1;; n++) {
        struct test_mem mem = { .fail_at = n };
        struct ga_env env = test_env(&mem);
        void *engine = gai_exact_fill.new(&env.mem, &pieces.task);
        uint64_t requests = mem.requests;
        if (engine)
            cr_expect_eq(ask(engine, &pieces, 1024, EXACT_ALL_RULES, UINT64_MAX), EXACT_FITS);
        cr_expect_eq(mem.requests, requests, "deciding asks for none");
        gai_exact_fill.delete(&env.mem, engine);
        cr_expect(mem.live == 0 && mem.blocks == 0 && !mem.lied);
        if (engine)
            break;
    }
}
