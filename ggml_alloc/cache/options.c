#include "ggml_alloc/cache.h"

#include "base/bits.h"
#include "base/later.h"
#include "cache/policy.h"
#include "cache/reader.h"

static struct ga_cache_opts *opts_of(struct reader *in)
{
    return in->opts;
}

static uint64_t mebibytes(struct reader *in)
{
    uint64_t value = gai_read_number(in);
    if (!in->wrong && value < GA_CACHE_LARGE_SEGMENT >> 20)
        gai_read_wrong(in, "less than 20");
    return value << 20;
}

static uint32_t division(struct reader *in)
{
    uint64_t value = gai_read_number(in);
    if (!in->wrong && value != 0 && !is_pow2(value))
        gai_read_wrong(in, "not a power of two");
    return (uint32_t)value;
}

/* [256:1,512:2,>:8]: from that many MiB on, the first also below, > from the next power of two on. */
static void division_list(struct reader *in)
{
    uint32_t *divisions = opts_of(in)->divisions;
    unsigned from = 0;
    bool is_first = true, is_last = false;
    do {
        unsigned at = from;
        is_last = gai_read_accept(in, '>');
        if (!is_last) {
            uint64_t limit = gai_read_number(in);
            if (!in->wrong && (!is_pow2(limit) || high_bit(limit) < from || high_bit(limit) >= GA_CACHE_DIVISIONS))
                gai_read_wrong(in, "limits are ascending powers of two");
            at = in->wrong ? 0 : high_bit(limit);
        }
        if (!gai_read_accept(in, ':'))
            gai_read_wrong(in, "a colon is missing");
        uint32_t value = division(in);
        for (unsigned i = is_first ? 0 : at; !in->wrong && i < GA_CACHE_DIVISIONS; i++)
            divisions[i] = value;
        from = at + 1;
        is_first = false;
    } while (!in->wrong && !is_last && gai_read_accept(in, ','));
    if (!gai_read_accept(in, ']'))
        gai_read_wrong(in, "a bracket is not closed");
}

static void read_divisions(struct reader *in)
{
    if (gai_read_accept(in, '[')) {
        division_list(in);
        return;
    }
    uint32_t value = division(in);
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        opts_of(in)->divisions[i] = value;
}

static void read_max_split(struct reader *in)
{
    opts_of(in)->max_split = mebibytes(in);
}

static void read_max_rounding(struct reader *in)
{
    opts_of(in)->max_rounding = mebibytes(in);
}

static void read_collect(struct reader *in)
{
    opts_of(in)->collect = gai_read_decimal(in);
    if (!(opts_of(in)->collect > 0 && opts_of(in)->collect < 1))
        gai_read_wrong(in, "not between 0 and 1");
}

static void read_fraction(struct reader *in)
{
    opts_of(in)->fraction = gai_read_decimal(in);
    if (!(opts_of(in)->fraction > 0 && opts_of(in)->fraction <= 1))
        gai_read_wrong(in, "not above 0 and at most 1");
}

static void read_fit(struct reader *in)
{
    static const char *const names[] = { [GA_FIT_BEST] = "best", [GA_FIT_FAST] = "fast" };
    opts_of(in)->fit = (enum ga_fit)gai_read_choice(in, names, 2);
}

static void read_wait(struct reader *in)
{
    static const char *const names[] = { [GA_WAIT_ENOUGH] = "enough", [GA_WAIT_ALL] = "all", [GA_WAIT_NEVER] = "never" };
    opts_of(in)->wait = (enum ga_wait)gai_read_choice(in, names, 3);
}

static uint64_t whole_mebibytes(struct reader *in)
{
    uint64_t value = gai_read_number(in);
    if (value == 0)
        gai_read_wrong(in, "less than 1");
    return value << 20;
}

static void read_small_segment(struct reader *in)
{
    opts_of(in)->small_segment = whole_mebibytes(in);
}

static void read_large_segment(struct reader *in)
{
    opts_of(in)->large_segment = whole_mebibytes(in);
}

static void read_own_segment(struct reader *in)
{
    opts_of(in)->own_segment = whole_mebibytes(in);
}

static void read_segment_quantum(struct reader *in)
{
    opts_of(in)->segment_quantum = whole_mebibytes(in);
}

static void read_expandable(struct reader *in)
{
    static const char *const names[] = { "false", "true" };
    opts_of(in)->expandable = gai_read_choice(in, names, 2) == 1;
}

static void read_adopt(struct reader *in)
{
    static const char *const names[] = { "false", "true" };
    opts_of(in)->adopt = gai_read_choice(in, names, 2) == 1;
}

enum ga_status ga_cache_parse(const char *text, struct ga_cache_opts *opts, char *error, size_t cap)
{
    static const struct reader_key keys[] = {
        { "max_split_size_mb", read_max_split },
        { "max_non_split_rounding_mb", read_max_rounding },
        { "roundup_power2_divisions", read_divisions },
        { "garbage_collection_threshold", read_collect },
        { "per_process_memory_fraction", read_fraction },
        { "expandable_segments", read_expandable },
        { "fit", read_fit },
        { "oom_wait", read_wait },
        { "small_segment_mb", read_small_segment },
        { "large_segment_mb", read_large_segment },
        { "own_segment_mb", read_own_segment },
        { "segment_quantum_mb", read_segment_quantum },
        { "adopt_idle", read_adopt },
    };
    if (later_set(opts)) {
        gai_say(error, cap, LATER_WORDS, "struct ga_cache_opts", LATER_VERSION);
        return GA_INVALID;
    }
    struct ga_cache_opts read = { .limit = opts->limit, .trace = opts->trace, .kind = opts->kind, .hooks = opts->hooks };
    enum ga_status status = gai_read_options(text, keys, sizeof keys / sizeof *keys, &read, error, cap);
    if (status == GA_OK)
        *opts = read;
    return status;
}
