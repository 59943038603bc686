/*
 * count.h - statistics that are exact and cost next to nothing: each change is counted once, where it happens
 *
 * Blocks come and go in nanoseconds, so only what cannot be computed later is kept: per kind what is now, its peak and what was
 * added; of all the peak.  What was removed, and sums, are worked out when somebody asks.  Active is allocated and pending, and
 * mostly nothing is pending: then the peaks of active are those of allocated.  So only moments with something pending are noted.
 */
#ifndef GAI_CACHE_COUNT_H
#define GAI_CACHE_COUNT_H

#include "ggml_alloc/cache.h"

#include "base/bits.h"

enum { KIND_LARGE, KIND_SMALL, KINDS };

struct gauge {
    uint64_t now, peak, added;
    uint64_t before; /* what was now when `added` was 0 */
};

struct tally {
    struct gauge kinds[KINDS];
    uint64_t peak; /* of the sum */
};

struct counts {
    struct tally allocations, allocated_bytes, requested_bytes, segments, reserved_bytes, splits, split_bytes;
    struct tally pending, pending_bytes; /* `now` only */
    struct tally active, active_bytes;   /* `peak` and `before` only */
};

static inline uint64_t tally_now(const struct tally *tally)
{
    return tally->kinds[KIND_LARGE].now + tally->kinds[KIND_SMALL].now;
}

/* Adds what came, less what went. */
static inline void tally_change(struct tally *tally, bool kind, uint64_t came, uint64_t went)
{
    struct gauge *gauge = &tally->kinds[kind];
    uint64_t now = gauge->now + came - went, sum = now + tally->kinds[!kind].now;
    gauge->now = now;
    gauge->added += came;
    if (now > gauge->peak)
        gauge->peak = now;
    if (sum > tally->peak)
        tally->peak = sum;
}

/* The same where no more came than went. */
static inline void tally_sink(struct tally *tally, bool kind, uint64_t came, uint64_t went)
{
    tally->kinds[kind].now -= went - came;
    tally->kinds[kind].added += came;
}

static inline void tally_up(struct tally *tally, bool kind, uint64_t n)
{
    tally_change(tally, kind, n, 0);
}

static inline void tally_down(struct tally *tally, bool kind, uint64_t n)
{
    tally->kinds[kind].now -= n;
}

/* After something became allocated; notes the peaks of active while something is pending. */
void gai_counts_active(struct counts *counts);

static inline void counts_taken(struct counts *counts, bool kind, uint64_t len, uint64_t requested)
{
    tally_up(&counts->allocations, kind, 1);
    tally_up(&counts->allocated_bytes, kind, len);
    tally_up(&counts->requested_bytes, kind, requested);
    if (tally_now(&counts->pending))
        gai_counts_active(counts);
}

static inline void counts_retired(struct counts *counts, bool kind, uint64_t len)
{
    tally_down(&counts->allocations, kind, 1);
    tally_down(&counts->allocated_bytes, kind, len);
    counts->pending.kinds[kind].now++;
    counts->pending_bytes.kinds[kind].now += len;
}

static inline void counts_given(struct counts *counts, bool kind, uint64_t len, uint64_t requested)
{
    counts->pending.kinds[kind].now--;
    counts->pending_bytes.kinds[kind].now -= len;
    tally_down(&counts->requested_bytes, kind, requested);
}

/* Retired and given at once. */
static inline void counts_freed(struct counts *counts, bool kind, uint64_t len, uint64_t requested)
{
    tally_down(&counts->allocations, kind, 1);
    tally_down(&counts->allocated_bytes, kind, len);
    tally_down(&counts->requested_bytes, kind, requested);
}

static inline uint64_t counts_active_bytes(const struct counts *counts)
{
    return tally_now(&counts->allocated_bytes) + tally_now(&counts->pending_bytes);
}

struct ga_cache_counts gai_counts_of(const struct counts *given, bool kind);
struct ga_cache_counts gai_counts_all(const struct counts *given);
void gai_counts_reset_peaks(struct counts *counts);
void gai_counts_reset_totals(struct counts *counts);

#endif
