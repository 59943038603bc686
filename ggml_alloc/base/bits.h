/*
 * bits.h - arithmetic on sizes that cannot wrap, and on words
 */
#ifndef GAI_BASE_BITS_H
#define GAI_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* Index of the lowest and of the highest bit set; x is not 0. */
static inline unsigned low_bit(uint64_t x)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(x);
#else
    unsigned n = 0;
    while (!(x & 1)) {
        x >>= 1;
        n++;
    }
    return n;
#endif
}

static inline unsigned high_bit(uint64_t x)
{
#if defined(__GNUC__)
    return 63u - (unsigned)__builtin_clzll(x);
#else
    unsigned n = 0;
    while (x >>= 1)
        n++;
    return n;
#endif
}

/* `align` is a power of two.  align_fits() tells whether align_up() is exact. */
static inline bool align_fits(uint64_t x, uint64_t align)
{
    return x <= UINT64_MAX - (align - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t align)
{
    return (x + (align - 1)) & ~(align - 1);
}

static inline bool add_fits(uint64_t a, uint64_t b, uint64_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

/* a + b, or the largest number when that does not fit. */
static inline uint64_t add_sat(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
