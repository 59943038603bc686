#include "cache/host.h"

#include "base/bits.h"

bool gai_host_sound(const struct ga_host_opts *opts)
{
    bool threads = opts->pin_threads == 0 || (is_pow2(opts->pin_threads) && opts->pin_threads <= GA_HOST_MAX_THREADS);
    bool reserve = opts->reserve % GA_HOST_PAGE == 0 && (opts->limit == 0 || opts->reserve <= opts->limit);
    return threads && reserve;
}

unsigned gai_host_class(uint64_t size)
{
    return size <= 1 ? 0 : high_bit(size - 1) + 1;
}

static bool in_eighths(const struct ga_host_opts *opts, uint64_t size)
{
    return !opts->power_of_two && size > GA_HOST_EIGHTHS;
}

/* The exponent of an eighth of the power of two below the size. */
static unsigned eighth(uint64_t size)
{
    return gai_host_class(size) - 1 - 3;
}

uint64_t gai_host_round(const struct ga_host_opts *opts, uint64_t size)
{
    bool is_exact = (opts->max_round && size > opts->max_round) || (opts->max_cached && size > opts->max_cached);
    if (is_exact)
        return align_up(size, GA_HOST_PAGE);
    if (in_eighths(opts, size))
        return align_up(size, (uint64_t)1 << eighth(size));
    return (uint64_t)1 << gai_host_class(size);
}

bool gai_host_serves(const struct ga_host_opts *opts, uint64_t rounded, uint64_t len)
{
    if (len < rounded || gai_host_class(len) != gai_host_class(rounded))
        return false;
    return !in_eighths(opts, rounded) || (len - 1) >> eighth(len) == (rounded - 1) >> eighth(rounded);
}
