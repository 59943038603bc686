/*
 * test_prove.c - the exact rung: optimal answers, proofs, and what is left when there are no steps or no memory
 */
#define MAX_ITEMS 80
#include "unit/made.h"

#include "place/canon.h"

#define MAX_SMALL 7

/* The lowest peak, by trying: the items of any answer, in the order of their offsets, end no higher each in its lowest gap. */
struct trial {
    const struct made *made;
    uint64_t offsets[MAX_SMALL];
    bool placed[MAX_SMALL];
    uint64_t best;
};

static bool collide(const struct trial *trial, uint32_t i, uint64_t offset, uint32_t j)
{
    const struct item *a = &trial->made->items[i], *b = &trial->made->items[j];
    return trial->placed[j] && a->birth < b->death && b->birth < a->death && offset < trial->offsets[j] + b->size &&
           trial->offsets[j] < offset + a->size;
}

static uint64_t lowest_gap(const struct trial *trial, uint32_t i)
{
    uint64_t align = (uint64_t)1 << trial->made->items[i].align_log2;
    for (uint64_t offset = 0;; offset += align) {
        bool free = true;
        for (uint32_t j = 0; j < trial->made->problem.n_items; j++)
            free &= !collide(trial, i, offset, j);
        if (free)
            return offset;
    }
}

static void try_all(struct trial *trial, uint32_t n_placed, uint64_t peak)
{
    const struct made *made = trial->made;
    if (peak >= trial->best)
        return;
    if (n_placed == made->problem.n_items)
        trial->best = peak;
    for (uint32_t i = 0; i < made->problem.n_items; i++) {
        if (trial->placed[i])
            continue;
        trial->offsets[i] = lowest_gap(trial, i);
        trial->placed[i] = true;
        try_all(trial, n_placed + 1, max_u64(peak, trial->offsets[i] + made->items[i].size));
        trial->placed[i] = false;
    }
}

static uint64_t optimum_of(const struct made *made)
{
    struct trial trial = { .made = made, .best = UINT64_MAX };
    uint32_t n_placed = 0;
    uint64_t peak = 0;
    for (uint32_t i = 0; i < made->problem.n_items; i++)
        if (made->items[i].fixed) {
            trial.placed[i] = true;
            trial.offsets[i] = made->items[i].fixed - 1;
            peak = max_u64(peak, trial.offsets[i] + made->items[i].size);
            n_placed++;
        }
    try_all(&trial, n_placed, peak);
    return trial.best;
}

static void make_small(struct made *made, struct rng *rng)
{
    begin(made);
    uint32_t n = 2 + (uint32_t)rng_below(rng, MAX_SMALL - 1), n_steps = 2 + (uint32_t)rng_below(rng, 6), birth = 0;
    bool aligned = rng_below(rng, 3) == 0, fixed = rng_below(rng, 3) == 0, twins = rng_below(rng, 3) == 0;
    for (uint32_t i = 0; i < n; i++) {
        birth = birth + (uint32_t)rng_below(rng, 2) < n_steps ? birth + (uint32_t)rng_below(rng, 2) : birth;
        uint64_t size = 1 + rng_below(rng, twins ? 2 : 7);
        struct item *item = add(made, size, birth, birth + 1 + (uint32_t)rng_below(rng, n_steps));
        item->align_log2 = aligned ? (uint8_t)rng_below(rng, 3) : 0;
        if (fixed && rng_below(rng, 4) == 0)
            item->fixed = 1 + (rng_below(rng, rng_below(rng, 2) ? 3 : 12) << item->align_log2);
    }
}

static void expect_optimum(const struct made *made, uint64_t optimum, int seed)
{
    struct answer answer = solve(made, GA_EFFORT_PROVE);
    cr_assert_eq(answer.pools[0].peak, optimum, "%d: peak %u, not %u", seed, (unsigned)answer.pools[0].peak, (unsigned)optimum);
    cr_assert_eq(answer.pools[0].bound, optimum, "%d: bound %u, not %u", seed, (unsigned)answer.pools[0].bound, (unsigned)optimum);
    drop(&answer);
}

Test(prove, is_as_good_as_trying_all)
{
    struct rng rng = { 1 };
    for (int seed = 0; seed < 1500; seed++) {
        struct made made;
        make_small(&made, &rng);
        if (status_of(&made, GA_EFFORT_ONLINE) != GA_INVALID)
            expect_optimum(&made, optimum_of(&made), seed);
    }
}

static enum exact_verdict decide(const struct made *made, uint64_t capacity, unsigned rules)
{
    struct ga_env env = gai_env(NULL);
    struct exact exact;
    uint32_t n = made->problem.n_items;
    cr_assert_eq(gai_exact_init(&env.mem, &exact, n, made->problem.n_steps), GA_OK);
    for (uint32_t i = 0; i < n; i++) {
        const struct item *item = &made->items[i];
        exact.items[exact.n_items++] = (struct exact_item){ .size = item->size,
                                                            .lowest = item->fixed ? item->fixed - 1 : 0,
                                                            .align = (uint64_t)1 << item->align_log2,
                                                            .from = item->birth,
                                                            .to = item->death,
                                                            .origin = i,
                                                            .fixed = item->fixed != 0 };
    }
    cr_assert_eq(gai_exact_build(&env.mem, &exact), GA_OK);
    enum exact_verdict all = capacity < bound_of(made) ? EXACT_CANNOT : EXACT_FITS; /* what lies below all tasks is in the bound */
    for (uint32_t t = 0; t < exact.n_tasks; t++) {
        const struct exact_task *task = &exact.tasks[t];
        uint64_t height = capacity / exact.unit;
        if (height < task->floor + task->load) {
            all = EXACT_CANNOT;
            continue;
        }
        struct exact_ask ask = { .capacity = height - task->floor, .rules = rules, .limit = UINT64_MAX, .offsets = exact.offsets };
        void *engine = gai_exact_canon.new(&env.mem, task);
        enum exact_verdict verdict = gai_exact_canon.decide(engine, &ask);
        gai_exact_canon.delete(&env.mem, engine);
        cr_assert_neq(verdict, EXACT_UNKNOWN);
        if (verdict == EXACT_CANNOT)
            all = verdict;
    }
    gai_exact_fini(&env.mem, &exact);
    return all;
}

Test(prove, needs_none_of_its_rules_to_be_right)
{
    struct rng rng = { 2 };
    for (int seed = 0; seed < 200; seed++) {
        struct made made;
        make_small(&made, &rng);
        if (status_of(&made, GA_EFFORT_ONLINE) == GA_INVALID)
            continue;
        uint64_t optimum = optimum_of(&made);
        for (unsigned rule = 0; rule <= EXACT_ALL_RULES; rule = rule ? 2 * rule : 1) {
            cr_assert_eq(decide(&made, optimum, EXACT_ALL_RULES & ~rule), EXACT_FITS, "%d without %u", seed, rule);
            cr_assert_eq(decide(&made, optimum - 1, EXACT_ALL_RULES & ~rule), EXACT_CANNOT, "%d without %u", seed, rule);
            cr_assert_eq(decide(&made, optimum, rule), EXACT_FITS, "%d with %u alone", seed, rule);
            cr_assert_eq(decide(&made, optimum - 1, rule), EXACT_CANNOT, "%d with %u alone", seed, rule);
        }
    }
}

/* Heirs and all: whatever the rung looks at. */
static void make_hard(struct made *made)
{
    struct rng rng = { 11 };
    begin(made);
    for (uint32_t i = 0; i < 24; i++) {
        add(made, 8 + rng_below(&rng, 30), i / 2, i / 2 + 2 + (uint32_t)rng_below(&rng, 7));
        for (uint32_t j = 0; j < i; j++)
            if (made->items[j].death == made->items[i].birth + 1 && made->items[j].size >= made->items[i].size)
                add_edge(made, j, 0, false);
    }
}

/* An edge, and no room for what the bound says. */
static void make_denied(struct made *made)
{
    struct rng rng = { 3 };
    do
        make_small(made, &rng);
    while (status_of(made, GA_EFFORT_ONLINE) == GA_INVALID || bound_of(made) == optimum_of(made));
    uint32_t step = made->problem.n_steps;
    add(made, 1, step, step + 2);
    add(made, 1, step + 1, step + 3);
    add_edge(made, made->problem.n_items - 2, 0, false);
}

Test(prove, is_unharmed_when_memory_runs_out)
{
    for (int denied = 0; denied < 2; denied++) {
        struct made made;
        (denied ? make_denied : make_hard)(&made);
        struct place_opts opts = { .effort = GA_EFFORT_PROVE, .steps = 200000 };
        enum ga_status status = GA_NO_MEMORY;
        for (uint64_t fail_at = 1; status != GA_OK; fail_at++) {
            struct test_mem mem = { .fail_at = fail_at };
            struct ga_env env = test_env(&mem);
            struct answer answer = { .n_spots = 77 };
            status = gai_place_solve(&env.mem, &made.problem, &opts, &answer);
            cr_assert_eq(status, mem.requests < fail_at ? GA_OK : GA_NO_MEMORY, "request %u", (unsigned)fail_at);
            cr_assert(status == GA_OK || answer.n_spots == 77, "request %u", (unsigned)fail_at);
            if (status == GA_OK)
                gai_answer_fini(&env.mem, &answer);
            cr_assert(mem.live == 0 && !mem.lied, "request %u", (unsigned)fail_at);
            cr_assert_lt(fail_at, 500);
        }
    }
}

Test(prove, finds_the_same_again_and_never_spends_much_more_than_it_may)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    make_hard(&made);
    uint64_t peak = peak_of(&made, GA_EFFORT_QUICK);
    for (uint64_t steps = 1; steps < 1000000; steps *= 7) {
        struct place_opts opts = { .effort = GA_EFFORT_PROVE, .steps = steps };
        struct answer a, b;
        cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &a), GA_OK);
        cr_assert_eq(gai_place_solve(&env.mem, &made.problem, &opts, &b), GA_OK);
        cr_assert(a.steps == b.steps && a.pools[0].peak == b.pools[0].peak && a.pools[0].bound == b.pools[0].bound);
        for (uint32_t i = 0; i < made.problem.n_items; i++)
            cr_assert_eq(a.spots[i].offset, b.spots[i].offset);
        cr_assert(a.pools[0].bound <= a.pools[0].peak && (steps < 10000 || a.pools[0].peak <= peak));
        cr_assert_lt(a.steps, steps + 100000);
        drop(&a);
        drop(&b);
    }
}

Test(prove, says_that_it_cannot_fit)
{
    struct rng rng = { 3 };
    unsigned n_raised = 0;
    for (int k = 0; k < 400; k++) {
        struct made made;
        make_small(&made, &rng);
        if (status_of(&made, GA_EFFORT_ONLINE) == GA_INVALID)
            continue;
        uint64_t optimum = optimum_of(&made), bound = bound_of(&made);
        made.pools[0].capacity = optimum;
        struct answer answer = solve(&made, GA_EFFORT_PROVE);
        cr_assert_eq(answer.pools[0].peak, optimum);
        drop(&answer);
        if (optimum == 1)
            continue;
        made.pools[0].capacity = optimum - 1;
        answer = solve(&made, GA_EFFORT_PROVE);
        cr_assert_gt(answer.pools[0].bound, optimum - 1, "%d: so the verdict is that it cannot fit", k);
        n_raised += bound < optimum;
        drop(&answer);
    }
    cr_assert_gt(n_raised, 20, "%u needed a proof", n_raised);
}

Test(prove, counts_bytes_beyond_32_bits)
{
    struct rng rng = { 4 };
    for (int k = 0; k < 25; k++) {
        struct made made, large;
        make_small(&made, &rng);
        for (uint32_t i = 0; i < made.problem.n_items; i++) {
            made.items[i].align_log2 = 0;
            made.items[i].fixed = 0;
        }
        uint64_t optimum = optimum_of(&made);
        for (unsigned odd = 0; odd < 2; odd++) {
            uint64_t grain = ((uint64_t)1 << 44) + (odd ? 1 : 0);
            large = made;
            large.problem.items = large.items;
            large.problem.pools = large.pools;
            for (uint32_t i = 0; i < made.problem.n_items; i++)
                large.items[i].size *= grain;
            if (odd) /* so that nothing but 1 divides all */
                large.items[0].size--;
            struct answer answer = solve(&large, GA_EFFORT_PROVE);
            cr_assert_leq(answer.pools[0].bound, optimum * grain);
            cr_assert(odd || (answer.pools[0].peak == optimum * grain && answer.pools[0].bound == optimum * grain));
            drop(&answer);
        }
    }
}

enum { N_PIECES = 39 };

struct rect {
    uint64_t low, high;
    uint32_t from, to;
};

/* [0, height) x [from, to), cut at random into pieces that fill it. */
static void add_panel(struct made *made, struct rng *rng, uint64_t height, uint32_t from, uint32_t to)
{
    struct rect rects[N_PIECES] = { { 0, height, from, to } };
    unsigned n = 1;
    while (n < N_PIECES) {
        struct rect *cut = &rects[rng_below(rng, n)], *rest = &rects[n];
        bool across = rng_below(rng, 2);
        if ((across && cut->high - cut->low < 2) || (!across && cut->to - cut->from < 2))
            continue;
        *rest = *cut;
        if (across)
            cut->high = rest->low = cut->low + 1 + rng_below(rng, cut->high - cut->low - 1);
        else
            cut->to = rest->from = cut->from + 1 + (uint32_t)rng_below(rng, cut->to - cut->from - 1);
        n++;
    }
    for (uint32_t step = from; step < to; step++)
        for (unsigned k = 0; k < n; k++)
            if (rects[k].from == step)
                add(made, rects[k].high - rects[k].low, step, rects[k].to);
}

/* Tasks are decided each for itself; what is below them is added to each one's answer. */
Test(prove, lays_tasks_above_what_lives_through_all_of_them)
{
    struct rng rng = { 5 };
    unsigned n_found = 0;
    for (int k = 0; k < 40; k++) {
        struct made made;
        begin(&made);
        add(&made, 70, 0, 80);
        add_panel(&made, &rng, 1000, 0, 40);
        add_panel(&made, &rng, 1000, 40, 80);
        cr_assert_eq(peak_of(&made, GA_EFFORT_PROVE), 1070);
        n_found += peak_of(&made, GA_EFFORT_QUICK) > 1070;
    }
    cr_assert_gt(n_found, 5, "%u were not found before", n_found);
}

/* One chunk is better than two that add up to the same. */
Test(prove, asks_for_one_chunk_as_high_as_the_best_in_two)
{
    struct ga_env env = gai_env(NULL);
    struct made made;
    struct place_opts opts = { .effort = GA_EFFORT_PROVE };
    struct climb climb = { .mem = &env.mem, .opts = &opts, .budget = 1000000 };
    struct spot two[2] = { { .chunk = 0 }, { .chunk = 1 } }, one[2];
    struct layout trial = { .spots = one };
    begin(&made);
    add(&made, 5, 0, 2);
    add(&made, 5, 0, 2);
    made.pools[0].chunk_max = 10;
    cr_assert_eq(gai_split(&climb, &made.problem), GA_OK);
    struct part *part = &climb.parts[0];
    part->bound = 10;
    part->best = (struct layout){ .spots = two, .peak = 10, .n_chunks = 2 };
    cr_assert_eq(gai_place_prove(&climb, part, &trial), GA_OK);
    cr_assert(part->best.n_chunks == 1 && part->best.peak == 10);
    part->best.spots = NULL;
    gai_split_fini(&climb);
}

Test(prove, tries_tasks_up_to_a_size)
{
    struct exact_task task = { .n_items = 2048, .n_sections = 1, .load = 10 };
    const uint64_t limit = UNIT_MAX / 2;
    cr_assert(gai_exact_canon.takes(&task, 10) && gai_exact_canon.takes(&task, limit - 1));
    cr_assert(!gai_exact_canon.takes(&task, 9) && !gai_exact_canon.takes(&task, limit));
    task.n_items++;
    cr_assert_not(gai_exact_canon.takes(&task, 10));
}

/* Views become shorter as items are placed. */
Test(prove, needs_less_room_than_a_whole_frame_for_each_item)
{
    for (int32_t n = 64; n <= 2048; n *= 2)
        for (int32_t n_sections = n / 4; n_sections <= n; n_sections *= 2) {
            size_t frame = 3 * (size_t)n + 3 * (size_t)n_sections;
            cr_assert_lt(gai_canon_words(n, n_sections), (size_t)n * frame, "%d items, %d sections", (int)n, (int)n_sections);
        }
}
