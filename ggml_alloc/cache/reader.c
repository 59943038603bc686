#include "cache/reader.h"

#include <string.h>

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

bool gai_read_accept(struct reader *in, char c)
{
    if (peek(in) != c)
        return false;
    in->at++;
    return true;
}

void gai_read_wrong(struct reader *in, const char *what)
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
uint64_t gai_read_number(struct reader *in)
{
    uint64_t value = 0;
    char c = peek(in);
    if (c < '0' || c > '9')
        gai_read_wrong(in, "a whole number is missing");
    for (; *in->at >= '0' && *in->at <= '9'; in->at++) {
        value = value * 10 + (uint64_t)(*in->at - '0');
        if (value > UINT32_MAX) {
            gai_read_wrong(in, "the number is too large");
            return 0;
        }
    }
    if (*in->at == '.' || is_word(*in->at))
        gai_read_wrong(in, "a whole number is missing");
    return value;
}

/* Digits with one point at most: libc's would depend on the locale. */
double gai_read_decimal(struct reader *in)
{
    double digits = 0, scale = 1; /* exact up to 2^53, so that only their quotient is rounded */
    bool has_digit = false, has_point = false;
    peek(in);
    for (;; in->at++) {
        if (*in->at == '.' && !has_point) {
            has_point = true;
        } else if (*in->at >= '0' && *in->at <= '9') {
            has_digit = true;
            if (scale < 1e15) { /* more digits make no difference */
                digits = digits * 10 + (*in->at - '0');
                scale *= has_point ? 10 : 1;
            }
        } else {
            break;
        }
    }
    if (!has_digit || is_word(*in->at))
        gai_read_wrong(in, "a number is missing");
    return digits / scale;
}

/* The place of a word among `names`. */
int gai_read_choice(struct reader *in, const char *const *names, int n)
{
    const char *start;
    size_t len = word(in, &start);
    for (int i = 0; i < n; i++)
        if (same(start, len, names[i]))
            return i;
    gai_read_wrong(in, "no such choice");
    return 0;
}

static void read_pair(struct reader *in, const struct reader_key *keys, int n_keys, uint32_t *seen)
{
    const char *start;
    size_t len = word(in, &start);
    int at = 0;
    while (at < n_keys && !same(start, len, keys[at].name))
        at++;
    if (at == n_keys || (*seen >> at & 1)) {
        in->at = start;
        gai_read_wrong(in, at == n_keys ? "no such option" : "an option is there twice");
        return;
    }
    *seen |= (uint32_t)1 << at;
    if (!gai_read_accept(in, ':'))
        gai_read_wrong(in, "a colon is missing");
    else
        keys[at].read(in);
}

enum ga_status gai_read_options(const char *text, const struct reader_key *keys, int n_keys, void *opts, char *error, size_t cap)
{
    struct reader in = { .at = text, .opts = opts };
    uint32_t seen = 0;
    if (peek(&in))
        do
            read_pair(&in, keys, n_keys, &seen);
        while (!in.wrong && gai_read_accept(&in, ','));
    if (!in.wrong && peek(&in))
        gai_read_wrong(&in, "a comma is missing");
    if (!in.wrong)
        return GA_OK;
    gai_say(error, cap, "at %zu: %s", (size_t)(in.at - text) + 1, in.wrong);
    return GA_INVALID;
}
