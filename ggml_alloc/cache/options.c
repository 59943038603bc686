/*
 * key:value,key:[key:value,..]   blanks may be anywhere; every key at most once.
 *
 * All is read into a copy, so that text with a mistake changes nothing.
 */
#include "ggml_alloc/cache.h"

#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "cache/policy.h"

struct reader {
    const char *at;
    const char *wrong; /* what; NULL: nothing so far */
    struct ga_cache_opts opts;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next character that is not blank. */
static char peek(struct reader *in)
{
    while (is_blank(*in->at))
        in->at++;
    return *in->at;
}

static bool accept(struct reader *in, char c)
{
    if (peek(in) != c)
        return false;
    in->at++;
    return true;
}

static void complain(struct reader *in, const char *what)
{
    if (!in->wrong)
        in->wrong = what;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t word(struct reader *in, const char **start)
{
    peek(in);
    *start = in->at;
    while (is_word(*in->at))
        in->at++;
    return (size_t)(in->at - *start);
}

static bool same(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

/* At most 2^32; complains about anything else. */
static uint64_t number(struct reader *in)
{
    uint64_t value = 0;
    char c = peek(in);
    if (c < '0' || c > '9')
        complain(in, "a whole number is missing");
    for (; *in->at >= '0' && *in->at <= '9'; in->at++) {
        value = value * 10 + (uint64_t)(*in->at - '0');
        if (value > UINT32_MAX) {
            complain(in, "the number is too large");
            return 0;
        }
    }
    if (*in->at == '.' || is_word(*in->at))
        complain(in, "a whole number is missing");
    return value;
}

/* Digits with one point at most: libc's would depend on the locale. */
static double decimal(struct reader *in)
{
    double value = 0, place = 1;
    bool has_digit = false, has_point = false;
    peek(in);
    for (;; in->at++) {
        if (*in->at == '.' && !has_point) {
            has_point = true;
        } else if (*in->at >= '0' && *in->at <= '9') {
            has_digit = true;
            place = has_point ? place / 10 : 1;
            value = has_point ? value + (*in->at - '0') * place : value * 10 + (*in->at - '0');
        } else {
            break;
        }
    }
    if (!has_digit || is_word(*in->at))
        complain(in, "a number is missing");
    return value;
}

static uint64_t mebibytes(struct reader *in)
{
    uint64_t value = number(in);
    if (!in->wrong && value < GA_CACHE_LARGE_SEGMENT >> 20)
        complain(in, "less than 20");
    return value << 20;
}

static uint32_t division(struct reader *in)
{
    uint64_t value = number(in);
    if (!in->wrong && value != 0 && !is_pow2(value))
        complain(in, "not a power of two");
    return (uint32_t)value;
}

/* [256:1,512:2,>:8]: from that many MiB on, the first also below, > from the next power of two on. */
static void division_list(struct reader *in)
{
    uint32_t *divisions = in->opts.divisions;
    unsigned from = 0;
    bool is_first = true, is_last = false;
    do {
        unsigned at = from;
        is_last = accept(in, '>');
        if (!is_last) {
            uint64_t limit = number(in);
            if (!in->wrong && (!is_pow2(limit) || high_bit(limit) < from || high_bit(limit) >= GA_CACHE_DIVISIONS))
                complain(in, "limits are ascending powers of two");
            at = in->wrong ? 0 : high_bit(limit);
        }
        if (!accept(in, ':'))
            complain(in, "a colon is missing");
        uint32_t value = division(in);
        for (unsigned i = is_first ? 0 : at; !in->wrong && i < GA_CACHE_DIVISIONS; i++)
            divisions[i] = value;
        from = at + 1;
        is_first = false;
    } while (!in->wrong && !is_last && accept(in, ','));
    if (!accept(in, ']'))
        complain(in, "a bracket is not closed");
}

static void read_divisions(struct reader *in)
{
    if (accept(in, '[')) {
        division_list(in);
        return;
    }
    uint32_t value = division(in);
    for (int i = 0; i < GA_CACHE_DIVISIONS; i++)
        in->opts.divisions[i] = value;
}

static void read_max_split(struct reader *in)
{
    in->opts.max_split = mebibytes(in);
}

static void read_max_rounding(struct reader *in)
{
    in->opts.max_rounding = mebibytes(in);
}

static void read_collect(struct reader *in)
{
    in->opts.collect = decimal(in);
    if (!(in->opts.collect > 0 && in->opts.collect < 1))
        complain(in, "not between 0 and 1");
}

static void read_fraction(struct reader *in)
{
    in->opts.fraction = decimal(in);
    if (!(in->opts.fraction > 0 && in->opts.fraction <= 1))
        complain(in, "not above 0 and at most 1");
}

/* The place of a word among `names`. */
static int choice(struct reader *in, const char *const *names, int n)
{
    const char *start;
    size_t len = word(in, &start);
    for (int i = 0; i < n; i++)
        if (same(start, len, names[i]))
            return i;
    complain(in, "no such choice");
    return 0;
}

static void read_fit(struct reader *in)
{
    static const char *const names[] = { [GA_FIT_BEST] = "best", [GA_FIT_FAST] = "fast" };
    in->opts.fit = (enum ga_fit)choice(in, names, 2);
}

static void read_wait(struct reader *in)
{
    static const char *const names[] = { [GA_WAIT_ENOUGH] = "enough", [GA_WAIT_ALL] = "all", [GA_WAIT_NEVER] = "never" };
    in->opts.wait = (enum ga_wait)choice(in, names, 3);
}

static const struct key {
    const char *name;
    void (*read)(struct reader *in);
} keys[] = {
    { "max_split_size_mb", read_max_split },
    { "max_non_split_rounding_mb", read_max_rounding },
    { "roundup_power2_divisions", read_divisions },
    { "garbage_collection_threshold", read_collect },
    { "per_process_memory_fraction", read_fraction },
    { "fit", read_fit },
    { "oom_wait", read_wait },
};

enum { N_KEYS = sizeof keys / sizeof *keys };

static void read_pair(struct reader *in, unsigned *seen)
{
    const char *start;
    size_t len = word(in, &start);
    int at = 0;
    while (at < N_KEYS && !same(start, len, keys[at].name))
        at++;
    if (at == N_KEYS || (*seen >> at & 1)) {
        in->at = start;
        complain(in, at == N_KEYS ? "no such option" : "an option is there twice");
        return;
    }
    *seen |= 1u << at;
    if (!accept(in, ':'))
        complain(in, "a colon is missing");
    else
        keys[at].read(in);
}

enum ga_status ga_cache_parse(const char *text, struct ga_cache_opts *opts, char *error, size_t cap)
{
    struct reader in = { .at = text,
                         .opts = { .limit = opts->limit, .trace = opts->trace, .kind = opts->kind, .hooks = opts->hooks } };
    unsigned seen = 0;
    if (peek(&in))
        do
            read_pair(&in, &seen);
        while (!in.wrong && accept(&in, ','));
    if (!in.wrong && peek(&in))
        complain(&in, "a comma is missing");
    if (in.wrong) {
        gai_say(error, cap, "at %zu: %s", (size_t)(in.at - text) + 1, in.wrong);
        return GA_INVALID;
    }
    *opts = in.opts;
    return GA_OK;
}
