/*
 * test_search.c - the search rung: blocks squeezed under a ceiling, mergings flipped, budgets kept
 */
#include "place/search.h"

#include "unit/made.h"

#define STEPS 200000

static struct answer solve_with(const struct made *made, struct place_opts opts)
{
    struct ga_env env = gai_env(NULL);
    struct answer answer;
    uint32_t a, b;
    cr_assert_eq(gai_place_solve(&env.mem, &made->problem, &opts, &answer), GA_OK);
    const char *fault = gai_place_check(&env.mem, &made->problem, &answer, &a, &b);
    cr_assert_null(fault, "%s: %u and %u", fault, a, b);
    return answer;
}

static uint64_t peak_with(const struct made *made, enum ga_effort effort, uint64_t seed)
{
    struct answer answer = solve_with(made, (struct place_opts){ .effort = effort, .steps = STEPS, .seed = seed });
    uint64_t peak = 0;
    for (unsigned p = 0; p < answer.n_pools; p++)
        peak += answer.pools[p].peak;
    drop(&answer);
    return peak;
}

enum { WITH_EDGES = 1, WITH_FIXED = 2, WITH_CHUNKS = 4, WITH_ALIGN = 8, WITH_POOLS = 16, N_KINDS = 32 };

/* Sources die as their heirs are born; several heirs may want one source, and one heir several. */
static void make_random(struct made *made, struct rng *rng, unsigned kind)
{
    uint32_t birth = 0;
    begin(made);
    made->problem.n_pools = kind & WITH_POOLS ? 2 : 1;
    while (made->problem.n_items < MAX_ITEMS - 8) {
        birth += (uint32_t)rng_below(rng, 2);
        struct item *item = add(made, 2 + 2 * rng_below(rng, 12), birth, birth + 1 + (uint32_t)rng_below(rng, 9));
        uint32_t i = made->problem.n_items - 1;
        item->align_log2 = kind & WITH_ALIGN ? (uint8_t)rng_below(rng, 3) : 0;
        item->pool = kind & WITH_POOLS ? (uint16_t)rng_below(rng, 2) : 0;
        for (uint32_t j = 0; j < i && kind & WITH_EDGES && made->problem.n_edges < MAX_ITEMS; j++) {
            const struct item *from = &made->items[j];
            if (from->death == item->birth + 1 && from->size >= item->size && from->pool == item->pool && rng_below(rng, 3))
                add_edge(made, j, rng_below(rng, 2) * (from->size - item->size), item->edge == made->problem.n_edges);
        }
    }
    made->pools[0].chunk_max = kind & WITH_CHUNKS ? 40 : UINT64_MAX;
    /* Where they do not collide: stacked above all others' ground. */
    for (uint32_t k = 0; k < 3 && kind & WITH_FIXED && !(kind & (WITH_CHUNKS | WITH_POOLS)); k++) {
        struct item *item = &made->items[(7 * k + 3) % made->problem.n_items];
        item->fixed = 1 + 24 * (1 + (uint64_t)k);
    }
}

/* Eager edges: delta is 0, and at most one of an item, its first. */
static void mend_edges(struct made *made)
{
    for (uint32_t e = 0; e < made->problem.n_edges; e++)
        made->edges[e].eager &= made->edges[e].delta == 0;
}

Test(search, is_never_worse_than_quick_and_always_sound)
{
    struct rng rng = { 1 };
    unsigned n_better[N_KINDS] = { 0 };
    for (unsigned k = 0; k < 60 * N_KINDS; k++) {
        struct made made;
        make_random(&made, &rng, k % N_KINDS);
        mend_edges(&made);
        uint64_t quick = peak_with(&made, GA_EFFORT_QUICK, 0), search = peak_with(&made, GA_EFFORT_SEARCH, k);
        cr_assert_leq(search, quick, "problem %u", k);
        n_better[k % N_KINDS] += search < quick;
    }
    cr_assert_gt(n_better[0], 0);
    cr_assert_gt(n_better[WITH_EDGES], 0);
    cr_assert_gt(n_better[WITH_EDGES | WITH_FIXED], 0);
    cr_assert_gt(n_better[WITH_EDGES | WITH_ALIGN], 0);
    cr_assert_gt(n_better[WITH_EDGES | WITH_POOLS], 0);
}

/* Both 4 and 5 could take over item 3, and one may; quick lets the first, and only the second leads to the bound. */
Test(search, flips_the_one_merging_that_matters)
{
    struct made made;
    begin(&made);
    add(&made, 4, 0, 9);
    add(&made, 14, 1, 8);
    add(&made, 12, 2, 7);
    add(&made, 22, 2, 4);
    add(&made, 4, 3, 11);
    add_edge(&made, 3, 0, true);
    add(&made, 10, 3, 11);
    add_edge(&made, 3, 0, true);
    add(&made, 12, 4, 13);
    cr_assert_eq(peak_with(&made, GA_EFFORT_QUICK, 0), 62);
    cr_assert_eq(peak_with(&made, GA_EFFORT_SEARCH, 0), 56);
    cr_assert_eq(bound_of(&made), 56);
}

/* Search alone, on a layout where each item stands by itself. */
static uint64_t search_from_none(const struct made *made, uint64_t *bound)
{
    struct ga_env env = gai_env(NULL);
    struct place_opts opts = { .effort = GA_EFFORT_SEARCH, .steps = STEPS };
    struct climb climb = { .mem = &env.mem, .opts = &opts, .budget = STEPS };
    struct spot spots[2][MAX_ITEMS];
    cr_assert_eq(gai_split(&climb, &made->problem), GA_OK);
    struct part *part = &climb.parts[0];
    struct layout trial = { .spots = spots[0] };
    cr_assert_eq(gai_bound(&env.mem, part), GA_OK);
    part->best = (struct layout){ .spots = spots[1], .peak = UINT64_MAX };
    cr_assert_eq(gai_place_none(&climb, part, &trial), GA_OK);
    cr_assert_eq(gai_place_search(&climb, part, &trial), GA_OK);
    uint64_t peak = part->best.peak;
    *bound = part->bound;
    part->best.spots = NULL; /* not from the heap */
    gai_split_fini(&climb);
    return peak;
}

Test(search, needs_no_good_start)
{
    struct rng rng = { 6 };
    unsigned n_bound = 0, n_better = 0;
    for (unsigned k = 0; k < 400; k++) {
        struct made made;
        uint64_t bound;
        make_random(&made, &rng, k % 2 ? WITH_EDGES : 0);
        mend_edges(&made);
        uint64_t quick = peak_with(&made, GA_EFFORT_QUICK, 0), search = search_from_none(&made, &bound);
        n_bound += search == bound;
        n_better += search < quick;
    }
    cr_assert_gt(n_bound, 250, "%u", n_bound);
    cr_assert_gt(n_better, 20, "%u", n_better);
}

Test(search, sorts_few_and_many)
{
    struct rng rng = { 2 };
    static struct event events[300], spare[300];
    for (unsigned k = 0; k < 200; k++) {
        uint32_t n = (uint32_t)rng_below(&rng, 300);
        unsigned shift = (unsigned)rng_below(&rng, 64);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            events[i] = (struct event){ .at = rng_next(&rng) >> shift, .weight = i };
            sum += events[i].at * (i + 1);
        }
        gai_search_sort(events, n, spare);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert(i == 0 || events[i - 1].at <= events[i].at);
            sum -= events[i].at * (events[i].weight + 1);
        }
        cr_assert_eq(sum, 0);
    }
}

/* The members of a block, each for the time that its source leaves to it, against the items of another. */
static bool do_meet(const struct quick *quick, const struct block *a, uint64_t at, const struct block *b, uint64_t other)
{
    const struct item *items = quick->part->items;
    uint32_t from = a->from;
    for (uint32_t i = a->item; i != PLACE_NONE; i = quick->heir[i]) {
        uint32_t to = quick->section[items[i].death], other_from = b->from;
        uint64_t below = other;
        at += quick->via[i] ? heir_delta(quick, i) : 0;
        for (uint32_t j = b->item; j != PLACE_NONE; j = quick->heir[j]) {
            uint32_t other_to = quick->section[items[j].death];
            below += quick->via[j] ? heir_delta(quick, j) : 0;
            bool live = from < to && other_from < other_to && from < other_to && other_from < to;
            if (live && at < below + items[j].size && below < at + items[i].size)
                return true;
            other_from = other_to;
        }
        from = to;
    }
    return false;
}

/* Block `b` at every low offset: what forbids it is what it would overlap. */
static void expect_clashes(struct search *search, uint32_t b)
{
    const struct quick *quick = &search->quick;
    search->base[b] = SEARCH_LOOSE;
    gai_search_meet(search, b);
    for (uint64_t at = 0; at < 80; at++) {
        bool clashes[MAX_ITEMS] = { false };
        for (uint32_t k = 0; k < search->n_clashes; k++)
            clashes[search->clashes[k].block] |= search->clashes[k].first <= at && at < search->clashes[k].end;
        for (uint32_t other = 0; other < quick->n_blocks; other++) {
            bool placed = search->base[other] != SEARCH_LOOSE;
            bool meets = placed && do_meet(quick, &quick->blocks[b], at, &quick->blocks[other], search->base[other]);
            cr_assert_eq(clashes[other], meets, "blocks %u and %u at %u", b, other, (unsigned)at);
        }
    }
}

Test(search, finds_all_that_is_in_the_way)
{
    struct rng rng = { 3 };
    struct ga_env env = gai_env(NULL);
    for (unsigned k = 0; k < 100; k++) {
        struct made made;
        struct place_opts opts = { .effort = GA_EFFORT_SEARCH };
        struct climb climb = { .mem = &env.mem, .opts = &opts };
        make_random(&made, &rng, k % 2 ? WITH_EDGES : 0);
        cr_assert_eq(gai_split(&climb, &made.problem), GA_OK);
        struct layout trial = { 0 };
        struct search search = { 0 };
        struct stop stops[4 * MAX_ITEMS];
        uint32_t born[4 * MAX_ITEMS], stop_of[4 * MAX_ITEMS], crossing[2 * MAX_ITEMS];
        struct clash clashes[MAX_ITEMS];
        uint64_t base[MAX_ITEMS];
        cr_assert_eq(gai_quick_open(&search.quick, &climb, &climb.parts[0], &trial), GA_OK);
        search.born = born;
        search.stop_of = stop_of;
        search.stops = stops;
        search.crossing = crossing;
        search.clashes = clashes;
        search.base = base;
        gai_quick_merge(&search.quick, MERGE_ALL);
        gai_search_frame(&search);
        for (uint32_t b = 0; b < search.quick.n_blocks; b++)
            base[b] = rng_below(&rng, 4) ? rng_below(&rng, 60) : SEARCH_LOOSE;
        for (uint32_t b = 0; b < search.quick.n_blocks; b++)
            expect_clashes(&search, b);
        gai_quick_close(&search.quick);
        gai_split_fini(&climb);
    }
}

Test(search, forgets_a_merging_that_the_best_does_not_have)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    struct place_opts opts = { .effort = GA_EFFORT_SEARCH };
    struct climb climb = { .mem = &env.mem, .opts = &opts };
    struct layout trial = { 0 };
    struct search search = { 0 };
    struct spot best[] = { { .offset = 0 }, { .offset = 8 }, { .offset = 16 } };
    uint32_t touched[MAX_ITEMS];
    begin(&made);
    for (uint32_t i = 0; i < 3; i++) {
        add(&made, 8, i, i + 2);
        if (i > 0)
            add_edge(&made, i - 1, 0, true);
    }
    cr_assert_eq(gai_split(&climb, &made.problem), GA_OK);
    cr_assert_eq(gai_quick_open(&search.quick, &climb, &climb.parts[0], &trial), GA_OK);
    search.touched = touched;
    gai_quick_merge(&search.quick, MERGE_ALL);
    cr_assert(search.quick.heir[0] == 1 && search.quick.heir[1] == 2);
    climb.parts[0].best.spots = best;
    gai_search_merge(&search);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(search.quick.heir[i] == PLACE_NONE && search.quick.via[i] == 0, "item %u", i);
    climb.parts[0].best.spots = NULL;
    gai_quick_close(&search.quick);
    gai_split_fini(&climb);
}

/* A block of one byte on a fixed item of one byte: what is below both is no place to sink to. */
Test(search, sinks_nothing_into_a_fixed_item)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    struct place_opts opts = { .effort = GA_EFFORT_SEARCH };
    struct climb climb = { .mem = &env.mem, .opts = &opts, .budget = 1000 };
    struct spot high[3] = { { .offset = 10 }, { .offset = 4 }, { .offset = 20 } }, spots[3];
    struct layout trial = { .spots = spots };
    struct event events[2][3];
    uint64_t base[3];
    begin(&made);
    add(&made, 4, 0, 2);
    add(&made, 1, 0, 2)->fixed = 1 + 4;
    add(&made, 1, 0, 2);
    cr_assert_eq(gai_split(&climb, &made.problem), GA_OK);
    struct part *part = &climb.parts[0];
    part->best = (struct layout){ .spots = high, .peak = 21, .n_chunks = 1 };
    struct search search = { .base = base, .enter = events[0], .spare = events[1] };
    cr_assert_eq(gai_quick_open(&search.quick, &climb, part, &trial), GA_OK);
    gai_quick_merge(&search.quick, MERGE_NONE);
    cr_assert_eq(search.quick.n_blocks, 2);
    base[0] = 0;
    base[1] = 5;
    gai_search_settle(&search);
    cr_assert(part->best.peak == 6 && part->best.spots[0].offset == 0 && part->best.spots[2].offset == 5);
    part->best.spots = NULL;
    gai_quick_close(&search.quick);
    gai_split_fini(&climb);
}

Test(search, gives_one_answer_for_one_seed)
{
    struct rng rng = { 4 };
    struct ga_env env = gai_env(NULL);
    unsigned n_differ = 0;
    for (unsigned k = 0; k < 100; k++) {
        struct made made;
        struct test_mem poison = { 0 }; /* fills fresh memory with noise, at other addresses */
        struct ga_env other = test_env(&poison);
        struct place_opts opts = { .effort = GA_EFFORT_SEARCH, .steps = STEPS, .seed = k };
        struct answer first, second, third;
        make_random(&made, &rng, k % N_KINDS);
        mend_edges(&made);
        cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &first), GA_OK);
        cr_assert_eq(gai_place_solve(&other.mem, &made.problem, &opts, &second), GA_OK);
        opts.seed++;
        cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &third), GA_OK);
        cr_assert_eq(first.steps, second.steps);
        for (uint32_t i = 0; i < made.problem.n_items; i++) {
            cr_assert(first.spots[i].offset == second.spots[i].offset && first.spots[i].chunk == second.spots[i].chunk);
            n_differ += first.spots[i].offset != third.spots[i].offset;
        }
        gai_answer_fini(&env.mem, &first);
        gai_answer_fini(&other.mem, &second);
        gai_answer_fini(&env.mem, &third);
        cr_assert(!poison.lied && poison.blocks == 0);
    }
    cr_assert_gt(n_differ, 0, "the seed does not matter");
}

/* A problem that search does not end with. */
static void make_tight(struct made *made)
{
    struct rng rng = { 5 };
    for (uint64_t steps = 0; steps < STEPS;) {
        make_random(made, &rng, WITH_EDGES | WITH_ALIGN);
        mend_edges(made);
        struct answer answer = solve_with(made, (struct place_opts){ .effort = GA_EFFORT_SEARCH, .steps = STEPS });
        steps = answer.steps;
        drop(&answer);
    }
}

Test(search, stops_within_its_steps)
{
    struct made made;
    make_tight(&made);
    for (uint64_t steps = 1; steps < 10 * STEPS; steps *= 3) {
        struct answer answer = solve_with(&made, (struct place_opts){ .effort = GA_EFFORT_SEARCH, .steps = steps });
        cr_assert_leq(answer.steps, steps + 10 * MAX_ITEMS * SKY_FAN, "%u", (unsigned)steps);
        drop(&answer);
    }
}

Test(search, works_for_as_long_as_its_items_are_worth)
{
    struct made made;
    make_tight(&made);
    struct answer answer = solve_with(&made, (struct place_opts){ .effort = GA_EFFORT_SEARCH });
    /* 2^18 each, and as many by what tries to prove it soon. */
    cr_assert_gt(answer.steps, (uint64_t)12 << 20, "%u", (unsigned)answer.steps);
    drop(&answer);
}

struct calls {
    unsigned n, last;
    uint64_t peak;
};

static bool count_calls(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    struct calls *calls = user;
    (void)steps;
    cr_assert(bound <= peak && peak <= calls->peak, "what is told only becomes better");
    calls->peak = peak;
    return ++calls->n < calls->last;
}

Test(search, stops_when_told)
{
    struct made made;
    make_tight(&made);
    for (unsigned last = 1; last < 8; last++) {
        struct calls calls = { .last = last, .peak = UINT64_MAX };
        struct place_opts opts = { .effort = GA_EFFORT_SEARCH, .steps = 10 * STEPS, .progress = count_calls, .user = &calls };
        struct answer answer = solve_with(&made, opts);
        cr_assert(answer.stopped);
        cr_assert_eq(calls.n, last);
        drop(&answer);
    }
}

Test(search, is_unharmed_when_memory_runs_out)
{
    struct made made;
    make_tight(&made);
    enum ga_status status = GA_NO_MEMORY;
    for (uint64_t nth = 1; status != GA_OK; nth++) {
        struct test_mem mem = { .fail_at = nth };
        struct ga_env env = test_env(&mem);
        struct place_opts opts = { .effort = GA_EFFORT_SEARCH, .steps = STEPS };
        struct answer answer = { 0 };
        status = gai_place_solve(&env.mem, &made.problem, &opts, &answer);
        cr_assert(status == GA_OK || status == GA_NO_MEMORY);
        if (status == GA_OK)
            gai_answer_fini(&env.mem, &answer);
        cr_assert(mem.blocks == 0 && !mem.lied, "request %u", (unsigned)nth);
        cr_assert_lt(nth, 200);
    }
}
