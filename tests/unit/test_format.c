/*
 * What base/format.c writes without stdio, beside what libc's own functions do: compiled here as GA_NO_IO has it, whatever the library
 * is built with.
 */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>

#define GA_NO_IO
#define gai_format own_format
#define gai_format_list own_format_list
#include "base/format.c" /* NOLINT(bugprone-suspicious-include): as it is without stdio */

static int own(char *buf, size_t cap, const char *format, ...) GAI_PRINTF(3, 4);

static int own(char *buf, size_t cap, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = own_format_list(buf, cap, format, args);
    va_end(args);
    return len;
}

/* Both write the same into a buffer that has room, and into one that has not. */
#define same(...)                                                                                                                  \
    do {                                                                                                                           \
        char ours[256], theirs[256];                                                                                               \
        int len = own(ours, sizeof ours, __VA_ARGS__);                                                                             \
        cr_expect_eq(len, snprintf(theirs, sizeof theirs, __VA_ARGS__));                                                           \
        cr_expect_str_eq(ours, theirs);                                                                                            \
        cr_expect_eq(own(ours, 5, __VA_ARGS__), snprintf(theirs, 5, __VA_ARGS__));                                                 \
        cr_expect_str_eq(ours, theirs);                                                                                            \
        cr_expect_eq(own(NULL, 0, __VA_ARGS__), len);                                                                              \
    } while (0)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wformat-truncation" /* that it is cut is what is asked */
#endif

Test(format, writes_words_as_libc_does)
{
    same("plain");
    same("%s and %s", "one", "two");
    same("[%8s] [%-8s] [%3s]", "right", "left", "longer");
    same("%.60s|%.2s|%.0s|", "short", "cut", "gone");
    same("%.*s %*s %*s.", 3, "abcdef", 6, "w", -6, "l");
    same("%c%c %5c %-5c|", 'a', 'b', 'c', 'd');
    same("100 %%");
}

Test(format, writes_integers_as_libc_does)
{
    static const int64_t values[] = { 0, 1, -1, 9, 10, 255, -256, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        int narrow = (int)(values[i] % INT32_MAX);
        int64_t wide = values[i];
        same("%d %i %5d %-5d| %05d", narrow, narrow, narrow, narrow, narrow);
        same("%u %x %#x %08x %#10x", (unsigned)narrow, (unsigned)narrow, (unsigned)narrow, (unsigned)narrow, (unsigned)narrow);
        same("%" PRId64 " %" PRIu64 " %" PRIx64, wide, (uint64_t)wide, (uint64_t)wide);
        same("%ld %lu %lld %llu %llx", (long)wide, (unsigned long)wide, (long long)wide, (unsigned long long)wide,
             (unsigned long long)wide);
        same("%zu %zx %td %jd %ju", (size_t)wide, (size_t)wide, (ptrdiff_t)wide, (intmax_t)wide, (uintmax_t)wide);
    }
}

Test(format, writes_fractions_as_libc_does)
{
    static const double values[] = { 0,     0.125,   0.375, 0.5,        1.5,    2.5,    0.9999,  9.995,   9.9999, -1.5,
                                     100.0, 1023.95, 1e9,   123456.789, 0x1p52, 0x1p63, 1.0 / 3, 2.0 / 3, 1e-9 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double value = values[i];
        same("%f", value);
        same("%.0f %.1f %.2f %.3f", value, value, value, value);
        same("[%9.2f] [%-9.1f] [%09.3f]", value, value, value);
    }
    for (uint64_t size = 1; size < (uint64_t)1 << 40; size = size * 3 / 2 + 1)
        same("%.2f %.1f", (double)size / 1024, (double)size / (1 << 20));
}
