#include "base/format.h"

int gai_format(char *buf, size_t cap, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = gai_format_list(buf, cap, format, args);
    va_end(args);
    return len;
}

#ifndef GA_NO_IO
#include <stdio.h>

int gai_format_list(char *buf, size_t cap, const char *format, va_list args)
{
    return vsnprintf(buf, cap, format, args);
}

#else
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FORMAT_DIGITS = 20, FORMAT_FRACTION = 18 }; /* 2^64 in decimal; more of a fraction does not fit 64 bits */

/* What is written, and the conversion at hand. */
struct format {
    char *buf;
    size_t cap, len;
    va_list args;
    bool left, zeros, base;
    int width, precision; /* precision -1: none given */
};

static void put(struct format *out, char c)
{
    if (out->len < out->cap)
        out->buf[out->len] = c;
    out->len++;
}

static void put_many(struct format *out, char c, size_t n)
{
    while (n--)
        put(out, c);
}

/* `text` in its field, behind a sign or a prefix, which zeros go between. */
static void put_field(struct format *out, const char *prefix, const char *text, size_t len)
{
    size_t all = strlen(prefix) + len, width = (size_t)out->width;
    size_t room = width > all ? width - all : 0;
    bool zeros = out->zeros && !out->left;
    if (!out->left && !zeros)
        put_many(out, ' ', room);
    while (*prefix)
        put(out, *prefix++);
    if (zeros)
        put_many(out, '0', room);
    for (size_t i = 0; i < len; i++)
        put(out, text[i]);
    if (out->left)
        put_many(out, ' ', room);
}

static void put_text(struct format *out, const char *text)
{
    size_t len = 0, most = out->precision < 0 ? SIZE_MAX : (size_t)out->precision;
    while (len < most && text[len])
        len++;
    out->zeros = false;
    put_field(out, "", text, len);
}

/* The digits of `value` in [start, end of them), written from the end on; at least `least`. */
static char *digits_of(char *end, uint64_t value, unsigned base, unsigned least)
{
    for (; value || least; value /= base) {
        *--end = "0123456789abcdef"[value % base];
        least -= least > 0;
    }
    return end;
}

static void put_number(struct format *out, const char *prefix, uint64_t value, unsigned base)
{
    char digits[FORMAT_DIGITS], *end = digits + sizeof digits;
    char *start = digits_of(end, value, base, 1);
    put_field(out, prefix, start, (size_t)(end - start));
}

static void put_real(struct format *out, double value)
{
    unsigned places = out->precision < 0 ? 6 : out->precision < FORMAT_FRACTION ? (unsigned)out->precision : FORMAT_FRACTION;
    bool negative = value < 0;
    double positive = negative ? -value : value;
    uint64_t scale = 1, whole = positive < 0x1p64 ? (uint64_t)positive : UINT64_MAX;
    for (unsigned i = 0; i < places; i++)
        scale *= 10;
    double rest = positive < 0x1p64 ? (positive - (double)whole) * (double)scale : 0;
    uint64_t part = (uint64_t)rest;
    rest -= (double)part;
    uint64_t last = places ? part : whole;
    bool up = rest > 0.5 || (rest == 0.5 && (last & 1)); /* a tie goes to the even digit */
    part += up;
    whole += part / scale;
    part %= scale;

    char digits[2 * FORMAT_DIGITS], *end = digits + sizeof digits;
    char *start = end;
    if (places) {
        start = digits_of(end, part, 10, places);
        *--start = '.';
    }
    start = digits_of(start, whole, 10, 1);
    put_field(out, negative ? "-" : "", start, (size_t)(end - start));
}

/* How many bytes an integer has that is announced by the length at *at, which is skipped. */
static size_t length_of(const char **at)
{
    static const struct {
        char name[3];
        unsigned char size;
    } lengths[] = {
        { "ll", sizeof(long long) }, { "l", sizeof(long) },   { "hh", sizeof(int) },      { "h", sizeof(int) },
        { "j", sizeof(intmax_t) },   { "z", sizeof(size_t) }, { "t", sizeof(ptrdiff_t) },
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = strlen(lengths[i].name);
        if (strncmp(*at, lengths[i].name, len) == 0) {
            *at += len;
            return lengths[i].size;
        }
    }
    return sizeof(int);
}

static int number_or_star(struct format *out, const char **at)
{
    int number = 0;
    if (**at == '*') {
        ++*at;
        return va_arg(out->args, int);
    }
    for (; **at >= '0' && **at <= '9'; ++*at)
        number = number * 10 + (**at - '0');
    return number;
}

static const char *read_field(struct format *out, const char *at)
{
    out->left = out->zeros = out->base = false;
    for (;; at++) {
        if (*at == '-')
            out->left = true;
        else if (*at == '0')
            out->zeros = true;
        else if (*at == '#')
            out->base = true;
        else
            break;
    }
    out->width = number_or_star(out, &at);
    if (out->width < 0) {
        out->left = true;
        out->width = -out->width;
    }
    out->precision = -1;
    if (*at == '.') {
        at++;
        out->precision = number_or_star(out, &at);
    }
    return at;
}

/* What follows a percent sign; returns what comes after. */
static const char *convert(struct format *out, const char *at)
{
    at = read_field(out, at);
    bool wide = length_of(&at) > sizeof(int);
    switch (*at) {
    case 'd':
    case 'i': {
        int64_t value = wide ? va_arg(out->args, int64_t) : va_arg(out->args, int);
        put_number(out, value < 0 ? "-" : "", value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
        break;
    }
    case 'u':
    case 'x': {
        uint64_t value = wide ? va_arg(out->args, uint64_t) : va_arg(out->args, unsigned);
        put_number(out, *at == 'x' && out->base && value ? "0x" : "", value, *at == 'x' ? 16 : 10);
        break;
    }
    case 'c':
        put_field(out, "", &(char){ (char)va_arg(out->args, int) }, 1);
        break;
    case 's':
        put_text(out, va_arg(out->args, const char *));
        break;
    case 'f':
        put_real(out, va_arg(out->args, double));
        break;
    default:
        put(out, *at);
        break;
    }
    return at + 1;
}

int gai_format_list(char *buf, size_t cap, const char *format, va_list args)
{
    struct format out = { .buf = buf, .cap = cap };
    va_copy(out.args, args);
    while (*format) {
        if (*format == '%')
            format = convert(&out, format + 1);
        else
            put(&out, *format++);
    }
    va_end(out.args);
    if (cap)
        buf[out.len < cap ? out.len : cap - 1] = '\0';
    return (int)out.len;
}
#endif
