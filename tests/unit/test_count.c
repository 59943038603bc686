/*
 * test_count.c - statistics beside a ledger that writes everything down each time
 */
#include "cache/count.h"

#include "base/rng.h"

#include <criterion/criterion.h>

enum { LIVE = 30, ALL = KINDS };

struct block {
    uint64_t len, requested;
    bool kind, pending;
};

/* By kind, and for all together. */
struct line {
    struct ga_count of[KINDS + 1];
};

static struct {
    struct line allocations, allocated_bytes, active, active_bytes, requested_bytes, segments, splits;
} ledger;

static void write_down(struct line *line, bool kind, uint64_t n, bool up)
{
    for (int which = 0; which <= ALL; which++) {
        struct ga_count *count = &line->of[which];
        if (which != ALL && which != (int)kind)
            continue;
        count->now = up ? count->now + n : count->now - n;
        *(up ? &count->added : &count->removed) += n;
        count->peak = max_u64(count->peak, count->now);
    }
}

static void forget(struct line *line, bool peaks)
{
    for (int which = 0; which <= ALL; which++)
        if (peaks)
            line->of[which].peak = line->of[which].now;
        else
            line->of[which].added = line->of[which].removed = 0;
}

static void forget_all(bool peaks)
{
    forget(&ledger.allocations, peaks);
    forget(&ledger.allocated_bytes, peaks);
    forget(&ledger.active, peaks);
    forget(&ledger.active_bytes, peaks);
    forget(&ledger.requested_bytes, peaks);
    forget(&ledger.segments, peaks);
    forget(&ledger.splits, peaks);
}

static void compare_one(const struct ga_count *counted, const struct ga_count *written, const char *what)
{
    cr_assert_eq(counted->now, written->now, "%s", what);
    cr_assert_eq(counted->peak, written->peak, "%s", what);
    cr_assert_eq(counted->added, written->added, "%s", what);
    cr_assert_eq(counted->removed, written->removed, "%s", what);
}

static void compare(const struct counts *counts)
{
    for (int which = 0; which <= ALL; which++) {
        struct ga_cache_counts told = which == ALL ? gai_counts_all(counts) : gai_counts_of(counts, which);
        compare_one(&told.allocations, &ledger.allocations.of[which], "allocations");
        compare_one(&told.allocated_bytes, &ledger.allocated_bytes.of[which], "allocated bytes");
        compare_one(&told.active, &ledger.active.of[which], "active");
        compare_one(&told.active_bytes, &ledger.active_bytes.of[which], "active bytes");
        compare_one(&told.requested_bytes, &ledger.requested_bytes.of[which], "requested bytes");
        compare_one(&told.segments, &ledger.segments.of[which], "segments");
        compare_one(&told.splits, &ledger.splits.of[which], "splits");
    }
    cr_assert_eq(counts_active_bytes(counts), ledger.active_bytes.of[ALL].now);
}

static void take(struct counts *counts, const struct block *block)
{
    counts_taken(counts, block->kind, block->len, block->requested);
    write_down(&ledger.allocations, block->kind, 1, true);
    write_down(&ledger.allocated_bytes, block->kind, block->len, true);
    write_down(&ledger.active, block->kind, 1, true);
    write_down(&ledger.active_bytes, block->kind, block->len, true);
    write_down(&ledger.requested_bytes, block->kind, block->requested, true);
}

static void retire(struct counts *counts, const struct block *block)
{
    counts_retired(counts, block->kind, block->len);
    write_down(&ledger.allocations, block->kind, 1, false);
    write_down(&ledger.allocated_bytes, block->kind, block->len, false);
}

static void give(struct counts *counts, const struct block *block)
{
    counts_given(counts, block->kind, block->len, block->requested);
    write_down(&ledger.active, block->kind, 1, false);
    write_down(&ledger.active_bytes, block->kind, block->len, false);
    write_down(&ledger.requested_bytes, block->kind, block->requested, false);
}

/* Takes, retires or gives a block; few are pending at a time, mostly none. */
static void step(struct counts *counts, struct block *blocks, unsigned *n, struct rng *rng)
{
    unsigned at = (unsigned)rng_below(rng, LIVE);
    if (at >= *n) {
        uint64_t len = 1 + rng_below(rng, 100);
        blocks[*n] = (struct block){ .len = len, .requested = 1 + rng_below(rng, len), .kind = rng_below(rng, 2) };
        take(counts, &blocks[(*n)++]);
    } else if (!blocks[at].pending) {
        retire(counts, &blocks[at]);
        blocks[at].pending = true;
    } else {
        give(counts, &blocks[at]);
        blocks[at] = blocks[--*n];
    }
}

/* What came and went at once was never there together. */
static void exchange(struct counts *counts, struct rng *rng)
{
    bool kind = rng_below(rng, 2);
    uint64_t came = rng_below(rng, 5), went = rng_below(rng, ledger.splits.of[kind].now + came + 1);
    if (came <= went)
        tally_sink(&counts->splits, kind, came, went);
    else
        tally_change(&counts->splits, kind, came, went);
    for (int which = 0; which <= ALL; which++) {
        struct ga_count *count = &ledger.splits.of[which];
        if (which != ALL && which != (int)kind)
            continue;
        count->now = count->now + came - went;
        count->added += came;
        count->removed += went;
        count->peak = max_u64(count->peak, count->now);
    }
}

Test(counts, agree_with_a_ledger)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rng rng = { seed };
        struct counts counts = { 0 };
        struct block blocks[LIVE];
        unsigned n = 0;
        memset(&ledger, 0, sizeof ledger);
        for (int i = 0; i < 400; i++) {
            step(&counts, blocks, &n, &rng);
            exchange(&counts, &rng);
            bool kind = rng_below(&rng, 2), up = rng_below(&rng, 2);
            if (up || ledger.segments.of[kind].now) {
                (up ? tally_up : tally_down)(&counts.segments, kind, 1);
                write_down(&ledger.segments, kind, 1, up);
            }
            if (rng_below(&rng, 40) == 0) {
                gai_counts_reset_peaks(&counts);
                forget_all(true);
            }
            if (rng_below(&rng, 40) == 0) {
                gai_counts_reset_totals(&counts);
                forget_all(false);
            }
            compare(&counts);
        }
    }
}
