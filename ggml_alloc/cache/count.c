#include "cache/count.h"

static void note_peak(struct tally *tally, const struct tally *allocated, const struct tally *pending)
{
    for (int kind = 0; kind < KINDS; kind++) {
        uint64_t now = allocated->kinds[kind].now + pending->kinds[kind].now;
        tally->kinds[kind].peak = max_u64(tally->kinds[kind].peak, now);
    }
    tally->peak = max_u64(tally->peak, tally_now(allocated) + tally_now(pending));
}

void gai_counts_active(struct counts *counts)
{
    note_peak(&counts->active, &counts->allocations, &counts->pending);
    note_peak(&counts->active_bytes, &counts->allocated_bytes, &counts->pending_bytes);
}

static struct ga_count count_of(const struct gauge *gauge)
{
    return (struct ga_count){
        .now = gauge->now, .peak = gauge->peak, .added = gauge->added, .removed = gauge->before + gauge->added - gauge->now
    };
}

static struct ga_count sum_of(struct ga_count a, struct ga_count b, uint64_t peak)
{
    return (struct ga_count){ .now = a.now + b.now, .peak = peak, .added = a.added + b.added, .removed = a.removed + b.removed };
}

static struct ga_count all_of(const struct tally *tally)
{
    return sum_of(count_of(&tally->kinds[KIND_LARGE]), count_of(&tally->kinds[KIND_SMALL]), tally->peak);
}

/* Whatever becomes allocated becomes active. */
static struct gauge active_gauge(const struct gauge *allocated, const struct gauge *pending, const struct gauge *active)
{
    return (struct gauge){ .now = allocated->now + pending->now,
                           .peak = max_u64(active->peak, allocated->peak),
                           .added = allocated->added,
                           .before = active->before };
}

static struct tally active_tally(const struct tally *allocated, const struct tally *pending, const struct tally *active)
{
    struct tally tally = { .peak = max_u64(active->peak, allocated->peak) };
    for (int kind = 0; kind < KINDS; kind++)
        tally.kinds[kind] = active_gauge(&allocated->kinds[kind], &pending->kinds[kind], &active->kinds[kind]);
    return tally;
}

static void complete(struct counts *counts)
{
    counts->active = active_tally(&counts->allocations, &counts->pending, &counts->active);
    counts->active_bytes = active_tally(&counts->allocated_bytes, &counts->pending_bytes, &counts->active_bytes);
}

struct ga_cache_counts gai_counts_of(const struct counts *given, bool kind)
{
    struct counts counts = *given;
    complete(&counts);
    return (struct ga_cache_counts){
        .allocations = count_of(&counts.allocations.kinds[kind]),
        .allocated_bytes = count_of(&counts.allocated_bytes.kinds[kind]),
        .active = count_of(&counts.active.kinds[kind]),
        .active_bytes = count_of(&counts.active_bytes.kinds[kind]),
        .requested_bytes = count_of(&counts.requested_bytes.kinds[kind]),
        .segments = count_of(&counts.segments.kinds[kind]),
        .reserved_bytes = count_of(&counts.reserved_bytes.kinds[kind]),
        .splits = count_of(&counts.splits.kinds[kind]),
        .split_bytes = count_of(&counts.split_bytes.kinds[kind]),
    };
}

struct ga_cache_counts gai_counts_all(const struct counts *given)
{
    struct counts counts = *given;
    complete(&counts);
    return (struct ga_cache_counts){
        .allocations = all_of(&counts.allocations),
        .allocated_bytes = all_of(&counts.allocated_bytes),
        .active = all_of(&counts.active),
        .active_bytes = all_of(&counts.active_bytes),
        .requested_bytes = all_of(&counts.requested_bytes),
        .segments = all_of(&counts.segments),
        .reserved_bytes = all_of(&counts.reserved_bytes),
        .splits = all_of(&counts.splits),
        .split_bytes = all_of(&counts.split_bytes),
    };
}

static void for_each_tally(struct counts *counts, void (*each)(struct tally *))
{
    struct tally *const tallies[] = {
        &counts->allocations, &counts->allocated_bytes, &counts->requested_bytes, &counts->segments,     &counts->reserved_bytes,
        &counts->splits,      &counts->split_bytes,     &counts->active,          &counts->active_bytes,
    };
    complete(counts);
    for (size_t i = 0; i < sizeof tallies / sizeof *tallies; i++)
        each(tallies[i]);
}

static void reset_peak(struct tally *tally)
{
    for (int kind = 0; kind < KINDS; kind++)
        tally->kinds[kind].peak = tally->kinds[kind].now;
    tally->peak = tally_now(tally);
}

static void reset_totals(struct tally *tally)
{
    for (int kind = 0; kind < KINDS; kind++) {
        tally->kinds[kind].added = 0;
        tally->kinds[kind].before = tally->kinds[kind].now;
    }
}

void gai_counts_reset_peaks(struct counts *counts)
{
    for_each_tally(counts, reset_peak);
}

void gai_counts_reset_totals(struct counts *counts)
{
    for_each_tally(counts, reset_totals);
}
