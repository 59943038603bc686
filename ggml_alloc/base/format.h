/*
 * format.h - words and numbers into a buffer: vsnprintf(), or, built with GA_NO_IO, the part of it that our messages use
 *
 *     conversions   %d %i %u %x %c %s %f %%   flags - 0 #   width, .precision, either may be *   lengths hh h l ll j z t
 *
 * Numbers beyond 2^64 are not for %f here; it rounds as libc does where the product with 10^precision is exact.
 */
#ifndef GAI_BASE_FORMAT_H
#define GAI_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#if defined(__MINGW32__) /* whose own printf, which C11 gets, is not the system's */
#define GAI_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define GAI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define GAI_PRINTF(fmt, args)
#endif

/* The length of the whole text, of which `cap` - 1 bytes are written, and a NUL; cap 0: `buf` may be NULL. */
int gai_format_list(char *buf, size_t cap, const char *format, va_list args) GAI_PRINTF(3, 0);
int gai_format(char *buf, size_t cap, const char *format, ...) GAI_PRINTF(3, 4);

#endif
