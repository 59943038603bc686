#include "ggml_alloc/host.h"

#include "base/bits.h"
#include "base/later.h"
#include "cache/reader.h"

static struct ga_host_opts *opts_of(struct reader *in)
{
    return in->opts;
}

static uint64_t mebibytes(struct reader *in)
{
    return gai_read_number(in) << 20;
}

static bool yes_or_no(struct reader *in)
{
    static const char *const names[] = { "false", "true" };
    return gai_read_choice(in, names, 2) == 1;
}

static void read_max_round(struct reader *in)
{
    opts_of(in)->max_round = mebibytes(in);
}

static void read_max_cached(struct reader *in)
{
    opts_of(in)->max_cached = mebibytes(in);
}

static void read_limit(struct reader *in)
{
    opts_of(in)->limit = mebibytes(in);
}

static void read_reserve(struct reader *in)
{
    opts_of(in)->reserve = mebibytes(in);
}

static void read_background(struct reader *in)
{
    opts_of(in)->background = yes_or_no(in);
}

static void read_pin(struct reader *in)
{
    opts_of(in)->pin = yes_or_no(in);
}

static void read_power_of_two(struct reader *in)
{
    opts_of(in)->power_of_two = yes_or_no(in);
}

static void read_threads(struct reader *in)
{
    uint64_t n = gai_read_number(in);
    if (!is_pow2(n) || n > GA_HOST_MAX_THREADS)
        gai_read_wrong(in, "not a power of two, or more than 128");
    opts_of(in)->pin_threads = (unsigned)n;
}

enum ga_status ga_host_parse(const char *text, struct ga_host_opts *opts, char *error, size_t cap)
{
    static const struct reader_key keys[] = {
        { "pinned_max_round_threshold_mb", read_max_round },
        { "pinned_max_cached_size_mb", read_max_cached },
        { "pinned_max_total_mb", read_limit },
        { "pinned_reserve_segment_size_mb", read_reserve },
        { "pinned_use_background_threads", read_background },
        { "pinned_use_host_register", read_pin },
        { "pinned_power_of_two", read_power_of_two },
        { "pinned_num_register_threads", read_threads },
    };
    if (later_set(opts)) {
        gai_say(error, cap, LATER_WORDS, "struct ga_host_opts", LATER_VERSION);
        return GA_INVALID;
    }
    struct ga_host_opts read = {
        .max_idle = opts->max_idle,
        .interior = opts->interior,
        .detach = opts->detach,
        .kind = opts->kind,
        .clock = opts->clock,
        .clock_user = opts->clock_user,
    };
    enum ga_status status = gai_read_options(text, keys, sizeof keys / sizeof *keys, &read, error, cap);
    if (status == GA_OK)
        *opts = read;
    return status;
}
